"""Splits: disjoint, exact, reproducible, and nothing held out reaches the encoder."""

import dataclasses
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from vgae_core.data.dataset import GraphData
from vgae_core.data.entry_splits import split_entries
from vgae_core.data.link_splits import split_links
from vgae_core.data.non_edges import joined_pairs, sample_non_edges
from vgae_core.data.splits import LinkSplit, load_split, save_split
from vgae_core.errors import DataError
from vgae_core.settings import SplitSpec

SPEC = SplitSpec(val_fraction=0.1, test_fraction=0.2)


def graph_of(edges, n, *, directed=False, weights=None, loops=()):
    rows, cols = np.array(edges, dtype=np.int64).reshape(-1, 2).T
    data = np.ones(len(rows), np.float32) if weights is None else np.asarray(weights, np.float32)
    matrix = sparse.csr_array((data, (rows, cols)), shape=(n, n))
    if not directed:
        matrix = sparse.csr_array(matrix + matrix.T)
    for node in loops:
        matrix = sparse.csr_array(matrix + sparse.csr_array(([2.0], ([node], [node])), shape=(n, n)))
    matrix = sparse.csr_array(matrix, dtype=np.float32)
    matrix.sum_duplicates()
    return GraphData(name="g", adjacency=matrix, node_ids=np.arange(n), directed=directed)


@st.composite
def graphs(draw):
    n = draw(st.integers(4, 14))
    directed = draw(st.booleans())
    every = [(i, j) for i in range(n) for j in range(n) if (i != j if directed else i < j)]
    edges = draw(
        st.lists(st.sampled_from(every), min_size=6, max_size=max(6, len(every) * 2 // 3), unique=True)
    )
    return graph_of(edges, n, directed=directed)


def as_set(pairs):
    return {(int(i), int(j)) for i, j in pairs}


@settings(max_examples=150, deadline=None)
@given(graph=graphs(), seed=st.integers(0, 2**31 - 1), val=st.floats(0, 0.3), test=st.floats(0.01, 0.3))
def test_parts_are_disjoint_and_negatives_are_exact_non_edges(graph, seed, val, test):
    try:
        split = split_links(graph, SplitSpec(val_fraction=val, test_fraction=test), seed)
    except DataError:
        return
    n, edges = graph.n_nodes, as_set(graph.edges)
    parts = [as_set(getattr(split, name)) for name in ("train", "val", "test")]
    assert sum(map(len, parts)) == len(edges)
    assert set().union(*parts) == edges
    assert len(parts[0]) >= 1
    assert len(parts[2]) >= 1
    assert (len(parts[1]) >= 1) == (val > 0)
    negatives = as_set(split.val_neg) | as_set(split.test_neg)
    assert len(negatives) == len(split.val_neg) + len(split.test_neg) == len(split.val) + len(split.test)
    every = {(i, j) for i in range(n) for j in range(n) if (i != j if graph.directed else i < j)}
    assert negatives <= every - edges
    split.check(graph)


@settings(max_examples=60, deadline=None)
@given(graph=graphs(), seed=st.integers(0, 1000))
def test_message_is_the_dense_matrix_of_training_edges(graph, seed):
    try:
        split = split_links(graph, SPEC, seed)
    except DataError:
        return
    dense = np.zeros((graph.n_nodes, graph.n_nodes), np.float32)
    whole = graph.adjacency.toarray()
    for i, j in split.train:
        dense[i, j] = whole[i, j]
        if not graph.directed:
            dense[j, i] = whole[j, i]
    message = split.message(graph.n_nodes, graph)
    assert message.dtype == np.float32
    assert message.has_canonical_format
    np.testing.assert_array_equal(message.toarray(), dense)


def test_planting_an_edge_in_the_held_out_parts_changes_nothing_the_encoder_sees():
    rng = np.random.default_rng(0)
    edges = np.argwhere(np.triu(rng.random((30, 30)) < 0.2, 1))
    graph = graph_of(edges, 30)
    split = split_links(graph, SPEC, 0)
    before = split.message(30, graph)
    planted = split.test_neg[:1]  # an edge the training part has never had
    richer = graph_of(np.concatenate([edges, planted]), 30)
    for part in ("test", "val"):
        leaky = dataclasses.replace(split, **{part: np.concatenate([getattr(split, part), planted])})
        after = leaky.message(30, richer)
        for field in ("data", "indices", "indptr"):
            np.testing.assert_array_equal(getattr(after, field), getattr(before, field))
    # and the test can fail: the same edge planted in the training part is seen
    seen = dataclasses.replace(split, train=np.concatenate([split.train, planted])).message(30, richer)
    assert seen.nnz == before.nnz + 2


def test_weights_and_kept_self_loops_reach_the_encoder():
    edges = [(0, 1), (1, 2), (2, 3), (3, 4), (0, 4), (1, 4)]
    graph = graph_of(edges, 6, weights=[1, 2, 3, 4, 5, 6], loops=(2,))
    split = split_links(graph, SplitSpec(val_fraction=0.0, test_fraction=0.2), 3)
    message = split.message(6, graph).toarray()
    assert message[2, 2] == 2.0
    for (i, j), weight in zip(edges, range(1, 7), strict=True):
        expected = weight if (i, j) in as_set(split.train) else 0
        assert message[i, j] == message[j, i] == expected


def test_reciprocal_arcs_stay_together():
    rng = np.random.default_rng(1)
    dense = rng.random((20, 20)) < 0.3
    graph = graph_of(np.argwhere(dense & ~np.eye(20, dtype=bool)), 20, directed=True)
    split = split_links(graph, SPEC, 5)
    parts = [as_set(getattr(split, name)) for name in ("train", "val", "test")]
    for part in parts:
        for i, j in part:
            assert all((j, i) not in other for other in parts if other is not part)


def test_same_seed_same_split_and_other_seed_another():
    graph = graph_of(np.argwhere(np.triu(np.random.default_rng(0).random((40, 40)) < 0.2, 1)), 40)
    one, two, other = (split_links(graph, SPEC, seed) for seed in (7, 7, 8))
    for name in ("train", "val", "val_neg", "test", "test_neg"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
    assert as_set(one.test) != as_set(other.test)


@pytest.mark.parametrize("directed", [False, True])
def test_every_non_edge_is_equally_likely(directed):
    graph = graph_of([(0, 1), (0, 3), (2, 4), (1, 4)], 5, directed=directed)
    rng = np.random.default_rng(0)
    total = (20 if directed else 10) - 4
    draws, count = 4000, 2
    seen: dict[tuple[int, int], int] = {}
    for _ in range(draws):
        for pair in as_set(sample_non_edges(graph, count, rng)):
            seen[pair] = seen.get(pair, 0) + 1
    assert len(seen) == total
    expected = draws * count / total
    assert max(abs(value - expected) for value in seen.values()) < 5 * np.sqrt(expected)


def test_all_non_edges_of_a_dense_graph_can_be_had():
    every = [(i, j) for i in range(12) for j in range(i + 1, 12)]
    graph = graph_of(every[7:], 12)
    assert as_set(sample_non_edges(graph, 7, np.random.default_rng(0))) == set(every[:7])
    with pytest.raises(DataError, match="has 7"):
        sample_non_edges(graph, 8, np.random.default_rng(0))


@pytest.mark.parametrize(
    ("edges", "n", "message"),
    [
        ([(0, 1), (1, 2)], 3, "too few"),
        ([(i, j) for i in range(6) for j in range(i + 1, 6)], 6, "without an edge"),
    ],
)
def test_impossible_splits_say_why(edges, n, message):
    with pytest.raises(DataError, match=message):
        split_links(graph_of(edges, n), SPEC, 0)


def test_file_round_trip_and_check(tmp_path):
    graph = graph_of(np.argwhere(np.triu(np.random.default_rng(0).random((40, 40)) < 0.2, 1)), 40)
    split = split_links(graph, SPEC, 0)
    save_split(tmp_path / "split.npz", split)
    again = load_split(tmp_path / "split.npz")
    for name in ("train", "val", "val_neg", "test", "test_neg"):
        np.testing.assert_array_equal(getattr(again, name), getattr(split, name))
    again.check(graph)
    assert [p.name for p in tmp_path.iterdir()] == ["split.npz"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: {"test": np.concatenate([s.test, s.train[:1]])}, "twice"),
        (lambda s: {"test": np.concatenate([s.test, s.test_neg[:1]])}, "are not edges"),
        (lambda s: {"test_neg": np.concatenate([s.test_neg, s.train[:1]])}, "are edges"),
        (lambda s: {"val_neg": np.concatenate([s.val_neg, s.test_neg[:1, ::-1]])}, "twice"),
        (lambda s: {"val": np.array([[0, 40]])}, "names node 40"),
        (lambda s: {"val": np.array([[-1, 3]])}, "names node -1"),
    ],
)
def test_check_refuses_leaks_and_foreign_splits(change, message):
    graph = graph_of(np.argwhere(np.triu(np.random.default_rng(0).random((40, 40)) < 0.2, 1)), 40)
    split = split_links(graph, SPEC, 0)
    with pytest.raises(DataError, match=message):
        dataclasses.replace(split, **change(split)).check(graph)


def test_message_of_a_foreign_split_is_refused():
    graph = graph_of([(0, 1), (1, 2), (2, 3)], 5)
    pairs, none = np.array([[0, 4]]), np.empty((0, 2), np.int64)
    with pytest.raises(DataError, match="not edges"):
        LinkSplit(train=pairs, val=none, val_neg=none, test=none, test_neg=none).message(5, graph)


def npz(path, **arrays):
    np.savez(path, **arrays)


@pytest.mark.parametrize("kind", ["text", "missing", "float", "shape", "objects", "cut", "lying"])
def test_bad_split_files_give_one_clear_error(tmp_path, kind):
    import io
    import zipfile

    path = tmp_path / "s.npz"
    good = {name: np.zeros((2, 2), np.int64) for name in ("train", "val", "val_neg", "test", "test_neg")}
    if kind == "text":
        path.write_text("not a zip")
    elif kind == "missing":
        good.pop("val")
        npz(path, **good)
    elif kind == "float":
        npz(path, **(good | {"val": np.zeros((2, 2))}))
    elif kind == "shape":
        npz(path, **(good | {"val": np.zeros((2, 3), np.int64)}))
    elif kind == "objects":
        np.savez(path, allow_pickle=True, **(good | {"val": np.array([[print, 1]], dtype=object)}))
    else:
        header = io.BytesIO()
        rows = 9 if kind == "cut" else 90_000_000
        np.lib.format.write_array_header_1_0(
            header, {"descr": "<i8", "fortran_order": False, "shape": (rows, 2)}
        )
        npz(path, **{k: v for k, v in good.items() if k != "val"})
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr("val.npy", header.getvalue() + bytes(32))
    with pytest.raises(DataError) as caught:
        load_split(path)
    assert "s.npz" in str(caught.value)


@pytest.mark.slow
def test_ten_million_edges_are_split_in_seconds():
    n, m = 1_000_000, 10_000_000
    rng = np.random.default_rng(0)
    rows, cols = rng.integers(0, n, (2, m))
    keep = rows != cols
    graph = graph_of(np.column_stack([rows[keep], cols[keep]]), n)
    graph.edges  # noqa: B018  (cached: not part of the measurement)
    started = time.perf_counter()
    split = split_links(graph, SplitSpec(), 0)
    split.message(n, graph)
    assert time.perf_counter() - started < 30  # 5 s on two idle cores
    assert len(split.test) == len(split.test_neg) == round(len(graph.edges) * 0.1)


def test_a_split_of_a_matrix_is_named_as_such_on_a_graph():
    graph = graph_of(np.argwhere(np.triu(np.random.default_rng(0).random((40, 40)) < 0.2, 1)), 40)
    split = split_links(graph, SPEC, 0)
    both = dataclasses.replace(split, train=np.concatenate([split.train, split.train[:5, ::-1]]))
    with pytest.raises(DataError, match=r"both directions.*undirected.*for a matrix"):
        both.check(graph)


def test_a_split_of_entries_is_checked_as_one_of_edges():
    rng = np.random.default_rng(0)
    values = sparse.csr_array(rng.poisson(0.5, (30, 8)).astype(np.float32))
    graph = dataclasses.replace(graph_of([], 30), features=values)
    split = split_entries(graph, SPEC, 0)
    split.check(graph, "vae")
    dense = dataclasses.replace(graph, features=values.toarray())
    split.check(dense, "vae")
    beyond = np.array([[0, 8]])
    for changes, message in (
        ({"test": beyond}, "names column 8, but the matrix has columns 0 to 7"),
        ({"test": split.test_neg}, "are not entries of this matrix"),
        ({"test_neg": split.val}, "are entries of this matrix"),
        ({"val": split.test}, "listed twice"),
        ({"train": split.train[1:]}, "1 entries of this matrix are in no part"),
        ({"test": split.test[:0]}, "`test` must hold at least one pair"),
        ({"val_neg": split.val_neg[:0]}, "both hold pairs"),
    ):
        with pytest.raises(DataError, match=message):
            dataclasses.replace(split, **changes).check(graph, "vae")
    with pytest.raises(DataError, match="no matrix"):
        split.check(graph_of([], 30), "vae")


@settings(max_examples=150, deadline=None)
@given(arcs=st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=40))
def test_joined_pairs_and_arcs_are_those_of_sets(arcs):
    rows, cols = np.array(arcs, np.int64).reshape(-1, 2).T
    before = rows.copy(), cols.copy()
    pairs, n_arcs = joined_pairs(rows, cols, 7)
    different = {(i, j) for i, j in arcs if i != j}
    assert n_arcs == len(different)
    assert pairs.tolist() == sorted({min(i, j) * 7 + max(i, j) for i, j in different})
    np.testing.assert_array_equal((rows, cols), before)
