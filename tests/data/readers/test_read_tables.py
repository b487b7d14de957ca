"""Parquet and Arrow tables read as the same table in text would."""

import io

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.data.readers.attacks_binary import arrow, parquet
from tests.data.readers.round_trip import dense_of, features_of, matrices, names, read_bytes
from vgae_core.errors import LimitError
from vgae_core.host.limits import Limits

WRITERS = {"parquet": parquet, "arrow": arrow}


@pytest.mark.parametrize("ending", WRITERS)
@given(dense=matrices())
def test_round_trip_of_numbers(ending, dense):
    rows, cols = np.nonzero(dense)
    table = pa.table({"source": rows, "target": cols, "weight": dense[rows, cols]})
    graph = read_bytes((f"e.{ending}", WRITERS[ending](table)))
    used = np.unique([rows, cols])
    assert graph.node_ids.tolist() == used.tolist()
    np.testing.assert_array_equal(dense_of(graph), dense[np.ix_(used, used)])


@pytest.mark.parametrize("ending", WRITERS)
@given(pairs=st.lists(st.tuples(names, names), min_size=1, max_size=20), packed=st.booleans())
def test_round_trip_of_names(ending, pairs, packed):
    columns = [pa.array(side) for side in zip(*pairs, strict=True)]
    table = pa.table(
        [c.dictionary_encode() for c in columns] if packed else columns, names=["source", "target"]
    )
    graph = read_bytes((f"e.{ending}", WRITERS[ending](table)))
    read = [
        (str(graph.node_ids[a]), str(graph.node_ids[b])) for a, b in zip(graph.rows, graph.cols, strict=True)
    ]
    if graph.node_ids.dtype == object:
        assert read == pairs
    else:  # every name is a number
        assert [(float(a), float(b)) for a, b in read] == [(float(a), float(b)) for a, b in pairs]


def test_what_pandas_writes():
    frame = pd.DataFrame({"src": ["a", "b"], "dst": ["b", "c"], "weight": [1.5, 2.0]})
    out, feather = io.BytesIO(), io.BytesIO()
    frame.to_parquet(out)
    frame.to_feather(feather)
    for name, content in (("e.parquet", out.getvalue()), ("e.feather", feather.getvalue())):
        graph = read_bytes((name, content))
        assert graph.node_ids.tolist() == ["a", "b", "c"]
        assert graph.weights.tolist() == [1.5, 2.0]
    assert graph.format == "edge list (Arrow)"


def test_features_and_labels():
    edges = parquet(pa.table({"source": [0, 1], "target": [1, 2]}))
    features = parquet(pa.table({"id": [2, 0, 1], "size": [1.5, 2.5, 3.5], "new": [True, False, True]}))
    labels = parquet(pa.table({"id": [0, 1, 2], "label": pa.array(["u", "v", "u"]).dictionary_encode()}))
    graph = read_bytes(("e.parquet", edges), ("features.parquet", features), ("labels.parquet", labels))
    assert features_of(graph).tolist() == [[2.5, 0], [3.5, 1], [1.5, 1]]
    assert graph.feature_names == ("size", "new")
    assert [graph.label_names[k] for k in graph.labels] == ["u", "v", "u"]


def test_rows_are_counted_before_they_are_read():
    table = pa.table({"source": np.zeros(5000, np.int64), "target": np.zeros(5000, np.int64)})
    with pytest.raises(LimitError, match="10,000 exceeds"):
        read_bytes(("e.parquet", parquet(table)), limits=Limits(edges=1000, feature_values=1000))
