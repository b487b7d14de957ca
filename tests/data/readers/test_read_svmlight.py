"""SVMlight files: features and labels of nodes that other files join."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import dump_svmlight_file

from tests.data.readers.attacks_binary import EDGES
from tests.data.readers.round_trip import features_of, matrices, read_bytes
from vgae_core.errors import LimitError
from vgae_core.host.limits import Limits


def edges(n):
    return "edges.csv", ("source,target\n" + "".join(f"{i},{i + 1}\n" for i in range(n - 1))).encode()


@given(dense=matrices(square=False), one_based=st.booleans(), data=st.data())
def test_round_trip(dense, one_based, data):
    dense[0, 0] = 1.0  # the first and the last column are used, so that counting from 0 or 1 can be told
    dense[0, -1] = 2.0
    labels = data.draw(st.lists(st.integers(0, 1), min_size=len(dense), max_size=len(dense)))
    out = io.BytesIO()
    dump_svmlight_file(dense.astype(float), labels, out, zero_based=not one_based)
    graph = read_bytes(edges(len(dense)), ("x.svm", out.getvalue()))
    np.testing.assert_array_equal(features_of(graph), dense)
    assert [graph.label_names[k] for k in graph.labels] == [str(k) for k in labels]


def test_measurements_colour_and_are_no_class():
    rows = b"".join(b"%.1f 1:%d\n" % (i * 1.5, i + 1) for i in range(7))
    graph = read_bytes(("edges.csv", EDGES["edges.csv"]), ("x.svm", rows))
    assert graph.labels is None
    assert graph.values["label"].tolist() == [i * 1.5 for i in range(7)]


def test_labels_of_their_own_win():
    svm = b"1 1:1\n" * 7
    labels = b"id,label\n" + b"".join(b"%d,%s\n" % (i, b"xy"[i % 2 : i % 2 + 1]) for i in range(7))
    graph = read_bytes(("edges.csv", EDGES["edges.csv"]), ("x.svm", svm), ("labels.csv", labels))
    assert graph.label_names == ("x", "y")
    assert graph.features.shape == (7, 1)


def test_bounds_and_no_edges():
    with pytest.raises(LimitError, match="columns"):
        read_bytes(
            ("edges.csv", EDGES["edges.csv"]), ("x.svm", b"1 500:1\n" * 7), limits=Limits(feature_columns=100)
        )
    graph = read_bytes(("x.svm", b"1 5:1\n" * 7))
    assert graph.is_matrix
    assert graph.features.shape == (7, 5)
