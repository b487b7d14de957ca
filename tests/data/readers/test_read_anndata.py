"""AnnData files, written by h5py as anndata writes them."""

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from tests.data.readers.attacks_binary import EDGES, h5ad, replaced
from tests.data.readers.round_trip import dense_of, features_of, matrices, names, read_bytes
from vgae_core.errors import DataError


def put(group, name, matrix, kind):
    held = getattr(sparse, f"{kind}_array")(matrix) if kind != "dense" else matrix
    if name in group:
        del group[name]
    if kind == "dense":
        group[name] = held
        return
    stored = group.create_group(name)
    stored.attrs["encoding-type"], stored.attrs["shape"] = f"{kind}_matrix", np.array(matrix.shape)
    for part in ("data", "indices", "indptr"):
        stored[part] = getattr(held, part)


@given(
    dense=matrices(least=2),
    kind=st.sampled_from(["csr", "csc", "dense"]),
    data=st.data(),
)
def test_round_trip(tmp_path_factory, dense, kind, data):
    n = len(dense)
    cells = data.draw(st.lists(names, min_size=n, max_size=n, unique=True))
    codes = np.array(data.draw(st.lists(st.integers(-1, 1), min_size=n, max_size=n)), np.int8)

    def change(file):
        del file["obs"], file["var"], file["X"]
        put(file["obsp"], "connectivities", dense, kind)
        put(file, "X", dense.T.copy(), kind)
        for axis in ("obs", "var"):
            group = file.create_group(axis)
            group.attrs["_index"] = "names"
            group["names"] = np.array(cells, dtype=h5py.string_dtype())
        column = file["obs"].create_group("leiden")
        column.attrs["encoding-type"] = "categorical"
        column["codes"], column["categories"] = codes, np.array(["a", "b"], dtype="S")
        file["obs"]["score"] = np.arange(n) / 3

    graph = read_bytes(("a.h5ad", h5ad(tmp_path_factory.getbasetemp(), change)))
    np.testing.assert_array_equal(dense_of(graph), dense)
    np.testing.assert_array_equal(features_of(graph), dense.T)
    assert graph.node_ids.tolist() == list(graph.feature_names) == cells
    assert [graph.label_names[c] if c >= 0 else None for c in graph.labels] == [
        "ab"[c] if c >= 0 else None for c in codes
    ]
    np.testing.assert_allclose(graph.values["score"], np.arange(n) / 3, rtol=1e-6)


def test_real_cells(shared_data):
    path = shared_data / "h5ad" / "pbmc68k_reduced.h5ad"
    graph = read_bytes(("pbmc.h5ad", path.read_bytes()))
    with h5py.File(path) as file:
        np.testing.assert_array_equal(features_of(graph), file["X"][...])
        assert len(graph.rows) == 9992
        codes = file["obs/bulk_labels/codes"][...]
        np.testing.assert_array_equal(graph.labels, codes)
        assert graph.label_names[0] == file["obs/bulk_labels/categories"][0].decode()
    assert set(graph.values) == {"n_genes", "percent_mito", "n_counts", "S_score", "G2M_score"}
    assert graph.feature_names[0] == "HES4"
    assert any("Not used: distances" in f.message for f in graph.findings)


def test_layers_stand_in_for_x(tmp_path):
    def change(file):
        file["layers/counts"] = np.full((7, 7), 2.0)
        del file["X"]

    graph = read_bytes(("a.h5ad", h5ad(tmp_path, change)))
    assert features_of(graph).tolist() == np.full((7, 7), 2.0).tolist()


def test_older_files(tmp_path):
    def change(file):
        graph = file["obsp/connectivities"]
        graph.attrs["h5sparse_format"], graph.attrs["h5sparse_shape"] = "csr", graph.attrs["shape"]
        del graph.attrs["encoding-type"], graph.attrs["shape"], file["obs/kind"]
        file["obs/louvain"] = np.arange(7, dtype=np.int8) % 2
        file["obs/__categories/louvain"] = np.array(["x", "y"], dtype="S")

    graph = read_bytes(("a.h5ad", h5ad(tmp_path, change)))
    assert [graph.label_names[k] for k in graph.labels[:3]] == ["x", "y", "x"]


def test_features_and_labels_for_other_edges(tmp_path):
    content = h5ad(tmp_path, replaced("obs/index", np.array([str(i) for i in range(7)], dtype="S")))
    edges = ("edges.csv", EDGES["edges.csv"], "edges")
    graph = read_bytes(edges, ("a.h5ad", content, "features"))
    assert features_of(graph).tolist() == np.eye(7).tolist()
    assert read_bytes(edges, ("a.h5ad", content, "labels")).labels.tolist() == [0, 1, 0, 1, 0, 1, 0]


def test_no_graph_and_repeated_names(tmp_path):
    cells = read_bytes(("a.h5ad", h5ad(tmp_path, lambda f: f.__delitem__("obsp"))))
    assert cells.is_matrix
    assert len(cells.node_ids) == 7
    with pytest.raises(DataError, match=r"`obsp` is empty.*scanpy"):
        read_bytes(("a.h5ad", h5ad(tmp_path, lambda f: f.__delitem__("obsp")), "edges"))
    graph = read_bytes(("a.h5ad", h5ad(tmp_path, replaced("obs/index", np.array(["a"] * 7, dtype="S")))))
    assert graph.node_ids.tolist() == list(range(7))
    assert any(f.code == "names-repeat" for f in graph.findings)


def test_a_group_in_itself_ends(tmp_path):
    graph = read_bytes(
        ("a.h5ad", h5ad(tmp_path, lambda f: f.__setitem__("obsp/loop/again", f["obsp"])), "edges")
    )
    assert graph.n_nodes == 7
