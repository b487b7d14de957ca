"""A matrix of rows x columns without a graph: read, inspected and taken as it is."""

import io

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from scipy.io import mmwrite

from tests.data.readers.round_trip import features_of, read_bytes
from vgae_core.data.dataset import RawGraph
from vgae_core.data.readers import SourceFile, read
from vgae_core.data.repairs import offers, repair
from vgae_core.data.report import inspect
from vgae_core.errors import DataError
from vgae_core.settings import FileSpec, RepairSpec

DENSE = np.round(sparse.random_array((9, 6), density=0.4, rng=np.random.default_rng(0)).toarray(), 3)


def mtx(dense):
    out = io.BytesIO()
    mmwrite(out, sparse.coo_array(dense))
    return out.getvalue()


def npz(dense):
    out = io.BytesIO()
    sparse.save_npz(out, sparse.csr_array(dense))
    return out.getvalue()


def csv(dense, **options):
    frame = pd.DataFrame(
        dense,
        columns=[f"film {j}" for j in range(dense.shape[1])],
        index=pd.Index([f"user {i}" for i in range(len(dense))], name=options.pop("corner", "user")),
    )
    return frame.to_csv(**options).encode()


@pytest.mark.parametrize(
    "file",
    [("m.mtx", mtx(DENSE)), ("m.npz", npz(DENSE)), ("m.csv", csv(DENSE)), ("m.csv", csv(DENSE, corner=None)),
     ("m.csv", csv(DENSE, corner="id")), ("m.csv", "\n".join(",".join(map(str, r)) for r in DENSE).encode())],
    ids=["mtx", "npz", "csv", "csv from pandas", "csv with ids", "numbers only"],
)  # fmt: skip
def test_a_matrix_alone_is_rows_and_columns(file):
    raw = read_bytes(file)
    assert raw.is_matrix
    np.testing.assert_allclose(features_of(raw), DENSE, rtol=1e-6)
    graph = repair(raw, RepairSpec(component="largest", direction="directed"))
    assert graph.is_matrix
    assert not graph.directed
    assert (graph.n_nodes, graph.profile.n_edges, graph.profile.n_features) == (9, 0, 6)


def test_names_of_rows_and_columns_are_kept():
    raw = read_bytes(("m.csv", csv(DENSE)))
    assert raw.node_ids.tolist() == [f"user {i}" for i in range(9)]
    assert raw.feature_names == tuple(f"film {j}" for j in range(6))


def test_labels_find_the_rows_by_name(tmp_path):
    parts = {"m.csv": csv(DENSE), "labels.csv": b"user,label\nuser 3,x\nuser 1,y\n"}
    for name, content in parts.items():
        (tmp_path / name).write_bytes(content)
    files = [SourceFile(name, tmp_path / name) for name in parts]
    raw = read(files, [FileSpec(name="labels.csv", role="labels")])
    assert raw.is_matrix
    assert raw.labels.tolist() == [-1, 1, -1, 0, -1, -1, -1, -1, -1]


def test_a_square_matrix_is_a_graph_unless_the_user_says_otherwise(tmp_path):
    (tmp_path / "m.mtx").write_bytes(mtx(DENSE[:6]))
    assert not read([SourceFile("m.mtx", tmp_path / "m.mtx")]).is_matrix
    said = read([SourceFile("m.mtx", tmp_path / "m.mtx")], [FileSpec(name="m.mtx", role="features")])
    assert said.is_matrix
    np.testing.assert_allclose(features_of(said), DENSE[:6], rtol=1e-6)


def test_an_edge_list_with_more_columns_stays_one():
    raw = read_bytes(("calls.csv", b"ann,bob,phone,monday\nbob,cid,mail,friday\ncid,ann,phone,sunday\n"))
    assert not raw.is_matrix
    assert len(raw.rows) == 3


def made(features, names=()):
    none = np.zeros(0, np.int64)
    return RawGraph(
        name="m", rows=none, cols=none, weights=None, node_ids=np.arange(features.shape[0]), directed=False,
        format="test", features=features, feature_names=names,
    )  # fmt: skip


def test_empty_rows_and_columns_are_told_and_nothing_of_edges():
    dense = np.array([[1, 0, 0], [0, 0, 0], [1, 0, 0], [0, 0, 1]], np.float32)
    for features in (dense, sparse.csr_array(dense)):
        report = inspect(made(features, ("a", "b", "c")))
        found = {f.code: f for f in report.findings}
        assert set(found) == {"empty-rows", "empty-columns"}
        assert (found["empty-rows"].count, found["empty-rows"].examples) == (1, ("1",))
        assert (found["empty-columns"].count, found["empty-columns"].examples) == (1, ("b",))
        assert report.to_dict()["is_matrix"] is True
    assert offers(made(dense)) == ()


def test_too_few_zeros_are_told_before_training():
    (finding,) = inspect(made(np.ones((20, 5), np.float32))).findings
    assert finding.code == "few-zeros"
    assert finding.level == "warning"


@pytest.mark.parametrize(
    ("features", "said"),
    [(np.ones((1, 3), np.float32), "two rows"), (np.zeros((4, 3), np.float32), "Every value"),
     (sparse.csr_array((4, 3), dtype=np.float32), "Every value")],
)  # fmt: skip
def test_nothing_to_learn_from(features, said):
    with pytest.raises(DataError, match=said):
        repair(made(features), RepairSpec())


def test_negative_values_are_told():
    dense = np.diag([1.0, -2.0, 3.0, -4.0]).astype(np.float32)
    for features in (dense, sparse.csr_array(dense)):
        found = {f.code: f for f in inspect(made(features)).findings}
        assert found["negative-values"].count == 2
