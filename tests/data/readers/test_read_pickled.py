"""Planetoid sets, neighbour lists and GraphData archives, all by way of the restricted unpickler."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.data.readers.attacks_binary import csr_parts, npz, object_npz, old, pickled_csr, planetoid
from tests.data.readers.round_trip import dense_of, features_of, matrices, read_bytes
from vgae_core.data.report import inspect
from vgae_core.errors import DataError


def pickled(dense):
    from scipy import sparse

    csr = sparse.csr_array(dense)
    return pickled_csr(_shape=dense.shape, data=csr.data, indices=csr.indices, indptr=csr.indptr)


@given(matrices(), st.data())
def test_graphdata_round_trip(dense, data):
    labels = np.array(
        data.draw(st.lists(st.integers(0, 2), min_size=len(dense), max_size=len(dense))), np.int32
    )
    content = object_npz(adj_matrix=pickled(dense), node_attr=pickled(dense.T.copy()))
    graph = read_bytes(("g.npz", with_member(content, "node_label", labels)))
    np.testing.assert_array_equal(dense_of(graph), dense)
    np.testing.assert_array_equal(features_of(graph), dense.T)
    assert [int(graph.label_names[k]) for k in graph.labels] == labels.tolist()


def with_member(archive, name, array):
    import io
    import zipfile

    out, held = io.BytesIO(archive), io.BytesIO()
    np.save(held, array)
    with zipfile.ZipFile(out, "a") as opened:
        opened.writestr(name + ".npy", held.getvalue())
    return out.getvalue()


@given(st.dictionaries(st.integers(0, 9), st.lists(st.integers(0, 9), max_size=4), min_size=1))
def test_neighbour_lists_round_trip(lists):
    graph = read_bytes(("g.graph", old(lists)))
    listed = sorted((a, b) for a, others in lists.items() for b in others)
    assert sorted(zip(graph.rows.tolist(), graph.cols.tolist(), strict=True)) == listed
    assert graph.n_nodes == 1 + max([*lists, *(b for others in lists.values() for b in others)])


def test_a_planetoid_set_is_one_graph_whatever_the_order_of_its_files():
    files = list(planetoid().items())
    graph = read_bytes(*files)
    assert (graph.name, graph.n_nodes, graph.features.shape, graph.label_names[6]) == (
        "toy",
        14,
        (14, 7),
        "class 6",
    )
    again = read_bytes(*[(f"folder/{name}", content, "edges") for name, content in reversed(files)])
    np.testing.assert_array_equal(graph.rows, again.rows)
    np.testing.assert_array_equal(features_of(graph), features_of(again))


def test_an_incomplete_planetoid_set_says_what_it_lacks():
    files = planetoid()
    del files["ind.toy.allx"]
    graph = read_bytes(*files.items())
    assert graph.features is None
    assert graph.labels is not None
    assert any("toy has no features: allx missing" in f.message for f in graph.findings)
    del files["ind.toy.graph"]
    with pytest.raises(DataError, match="graph missing"):
        read_bytes(*files.items())


def test_the_graph_of_a_planetoid_set_alone():
    assert read_bytes(("ind.toy.graph", planetoid()["ind.toy.graph"])).n_nodes == 14


def test_pickles_of_today_are_refused_with_a_recipe():
    content = npz(adj_matrix=np.array([csr_parts()], dtype=object))
    with pytest.raises(DataError, match=r"`adj_matrix` holds pickled.*not allowed.*save_npz"):
        read_bytes(("g.npz", content))


@pytest.mark.parametrize(
    ("name", "n_nodes", "n_edges", "n_features"),
    [
        ("amazon_photo", 7650, 119081, 745), ("coauthor_cs", 18333, 81894, 6805),
        ("coauthor_phy", 34493, 247962, 8415), ("cora_ml", 2995, 8158, 2879), ("dblp", 17716, 52867, 1639),
        ("blogcatalog", 5196, 171743, 8189), ("polblogs", 1490, 16715, 0), ("karate_club", 34, 78, 0),
    ],
)  # fmt: skip
def test_graphdata_archives(shared_data, name, n_nodes, n_edges, n_features):
    report = inspect(read_bytes((f"{name}.npz", (shared_data / "npz" / f"{name}.npz").read_bytes())))
    assert (report.n_nodes, report.n_edges, report.n_features) == (n_nodes, n_edges, n_features)


@pytest.mark.parametrize(
    ("name", "n_nodes", "n_edges", "n_features"),
    [("cora", 2708, 5278, 1433), ("citeseer", 3327, 4552, 3703), ("pubmed", 19717, 44324, 0)],
)
def test_planetoid_sets(shared_data, name, n_nodes, n_edges, n_features):
    paths = sorted((shared_data / "planetoid").glob(f"ind.{name}.*"))
    report = inspect(read_bytes(*[(path.name, path.read_bytes()) for path in paths]))
    assert (report.n_nodes, report.n_edges, report.n_features) == (n_nodes, n_edges, n_features)


def test_nell(shared_data):
    path = shared_data / "nell" / "trans.nell.0.001.graph"
    graph = read_bytes((path.name, path.read_bytes()))
    assert (graph.n_nodes, len(graph.rows)) == (65755, 532288)


@pytest.mark.parametrize(
    ("name", "n_nodes", "n_edges"),
    [
        ("USAir", 332, 2126),
        ("NS", 1589, 2742),
        ("Celegans", 297, 2148),
        ("Power", 4941, 6594),
        ("Yeast", 2375, 11693),
    ],
)
def test_seal_matrices(shared_data, name, n_nodes, n_edges):
    report = inspect(read_bytes((f"{name}.mat", (shared_data / "seal_mat" / f"{name}.mat").read_bytes())))
    assert (report.n_nodes, report.n_edges, report.directed) == (n_nodes, n_edges, False)
