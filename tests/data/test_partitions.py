"""Graphs prepared from parts: the same as a plain reading of all parts together, whatever the cut."""

from __future__ import annotations

import dataclasses
import gzip
import itertools
import json
import tracemalloc
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from vgae_core.data.partitions import naming
from vgae_core.data.partitions.preparation import ROW_BYTES, here, prepare
from vgae_core.data.partitions.prepared import MANIFEST, open_prepared
from vgae_core.data.partitions.sorting import RANGES, cut, range_width
from vgae_core.errors import DataError, LimitError, SpecError
from vgae_core.host.limits import Limits
from vgae_core.settings import RepairSpec, SplitSpec

SHARES = SplitSpec(val_fraction=0.2, test_fraction=0.3)
TINY = Limits(partition_bytes=7 * ROW_BYTES)
"""Seven rows a chunk, and as many arcs a block where nodes allow it."""


def write_parts(folder, source, target, weight=None, cuts=(), row_groups=3):
    """Write edges as parts cut at `cuts`, Parquet and CSV in turn."""
    folder.mkdir(parents=True, exist_ok=True)
    ends = [0, *sorted(cuts), len(source)]
    for number, (start, stop) in enumerate(itertools.pairwise(ends)):
        columns = {"source": source[start:stop], "target": target[start:stop]}
        if weight is not None:
            columns["weight"] = weight[start:stop]
        if number % 2:
            rows = zip(*(map(str, values) for values in columns.values()), strict=True)
            lines = [",".join(columns), *(",".join(row) for row in rows)]
            (folder / f"{number:03d}.csv").write_text("\n".join(lines) + "\n", "utf-8")
        else:
            pq.write_table(pa.table(columns), folder / f"{number:03d}.parquet", row_group_size=row_groups)
    return [str(folder)]


def dense(n, source, target, weight, repairs):
    """Return the adjacency that the repairs ask for, one entry after the other, dense (n, n)."""
    arcs = {}
    for i, j, w in zip(source, target, weight, strict=True):
        if w == 0 or (i == j and repairs.self_loops == "drop"):
            continue
        before = arcs.get((i, j))
        arcs[i, j] = w if before is None else before + w if repairs.duplicates == "sum" else max(before, w)
    result = np.zeros((n, n))
    for (i, j), w in arcs.items():
        w = 1 if repairs.weights == "ignore" else w
        result[i, j] = max(result[i, j], w)
        if repairs.direction == "undirected":
            result[j, i] = max(result[j, i], w)
    return result


def random_edges(seed, n=14, m=60, *, weighted):
    rng = np.random.default_rng(seed)
    source, target = rng.integers(0, n, (2, m))
    source[0], target[0] = 0, n - 1  # so that n is what the largest number says
    weight = rng.choice([0.0, 0.5, 1.0, 2.0, 3.0], m) if weighted else None
    if weighted:
        weight[0] = 1
    return source, target, weight


@given(
    seed=st.integers(0, 2**32 - 1),
    cuts=st.lists(st.integers(0, 60), max_size=4),
    direction=st.sampled_from(["undirected", "directed"]),
    self_loops=st.sampled_from(["drop", "keep"]),
    duplicates=st.sampled_from(["sum", "max"]),
    weights=st.sampled_from(["none", "keep", "ignore"]),
)
@settings(max_examples=10)
def test_blocks_are_those_of_the_dense_formulas(tmp_path_factory, seed, cuts, weights, **choices):
    folder = tmp_path_factory.mktemp("parts")
    repairs = RepairSpec(**choices, weights="keep" if weights == "none" else weights)
    source, target, weight = random_edges(seed, weighted=weights != "none")
    n = 14
    # Without weights an edge counts 1 however often it is listed.
    listed, rule = (
        (weight, repairs)
        if weight is not None
        else (np.ones(60), RepairSpec(**{**choices, "duplicates": "max"}))
    )
    expected = dense(n, source, target, listed, rule)
    paths = write_parts(folder / "edges", source, target, weight, cuts)
    manifest = prepare(paths, folder / "out", repairs=repairs, split=SHARES, seed=seed, limits=TINY)
    graph, split, _ = open_prepared(folder / "out")
    directed = choices["direction"] == "directed"
    assert manifest["rows_read"] == 60
    assert len(manifest["bounds"]) > 3

    np.testing.assert_allclose(graph.adjacency.toarray(), expected, rtol=1e-6)
    assert graph.adjacency.has_canonical_format
    proper = np.argwhere(expected != 0)
    proper = proper[proper[:, 0] != proper[:, 1] if directed else proper[:, 0] < proper[:, 1]]
    np.testing.assert_array_equal(graph.edges, proper)
    assert graph.fingerprint == dataclasses.replace(graph).fingerprint  # worked out anew

    split.check(graph)  # disjoint, all edges, non-edges none and distinct
    assert len(split.val) + len(split.test) + len(split.train) == len(proper)
    part = {
        tuple(sorted(pair)): name
        for name in ("train", "val", "test")
        for pair in getattr(split, name).tolist()
    }
    for name in ("train", "val", "test"):
        assert all(part[tuple(sorted(pair))] == name for pair in getattr(split, name).tolist())

    known = expected.copy()
    for i, j in [*split.val.tolist(), *split.test.tolist()]:
        known[i, j] = 0
        if not directed:
            known[j, i] = 0
    np.testing.assert_allclose(split.message(n, graph).toarray(), known, rtol=1e-6)
    looped = known + np.eye(n)
    normalised = looped.T / np.sqrt(np.outer(looped.sum(axis=0), looped.sum(axis=1)))
    np.testing.assert_allclose(split.normalised().toarray(), normalised, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(np.load(folder / "out" / "out_degree.npy"), looped.sum(axis=1), rtol=1e-6)
    np.testing.assert_allclose(np.load(folder / "out" / "in_degree.npy"), looped.sum(axis=0), rtol=1e-6)


NAMES = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters='",'), min_size=1, max_size=6
).filter(lambda name: name == name.strip() and not name.startswith("\ufeff"))


@given(
    edges=st.lists(st.tuples(NAMES, NAMES), min_size=30, max_size=60),
    cuts=st.lists(st.integers(0, 30), max_size=3),
)
@settings(max_examples=6)
def test_names_are_numbered_once_each_however_the_parts_are_cut(tmp_path_factory, edges, cuts):
    folder = tmp_path_factory.mktemp("names")
    source, target = map(list, zip(*edges, strict=True))
    expected = {tuple(sorted(edge)) for edge in edges if edge[0] != edge[1]}
    options = {"split": SHARES, "names": True}
    try:
        prepare(write_parts(folder / "many", source, target, cuts=cuts), folder / "a", limits=TINY, **options)
    except DataError as error:
        assume(error.where != "split")  # too few edges are left
        raise
    prepare(write_parts(folder / "one", source, target), folder / "b", limits=Limits(), **options)
    graph, _, _ = open_prepared(folder / "a")
    assert sorted(graph.node_ids) == sorted({*source, *target})
    assert {tuple(sorted((graph.node_ids[i], graph.node_ids[j]))) for i, j in graph.edges} == expected
    other, _, _ = open_prepared(folder / "b")
    assert list(graph.node_ids) == list(other.node_ids)
    assert (graph.adjacency != other.adjacency).nnz == 0


def test_text_parts_of_several_kinds(tmp_path):
    (tmp_path / "a.csv").write_text("0,1\n1,2\n")  # no header
    (tmp_path / "b.tsv").write_text("from\tto\n2\t3\n3\t4\n")
    (tmp_path / "c.csv").touch()  # empty
    (tmp_path / "d.csv").write_text("note;src;dst\nx;4;5\ny;5;6\n")
    (tmp_path / "e.csv.gz").write_bytes(gzip.compress(b"source target\n6 7\n7 8\n8 9\n"))
    (tmp_path / "readme.md").write_text("not an edge")
    prepare([str(tmp_path)], tmp_path / "out", split=SHARES, seed=1)
    graph, _, _ = open_prepared(tmp_path / "out")
    assert graph.edges.tolist() == [[i, i + 1] for i in range(9)]


BROKEN = {
    "a letter": ("p.csv", "source,target\n0,1\n1,x\n", "p.csv, row 3", "'x'"),
    "no end": ("p.csv", "source,target\n0,1\n1,2\n2,\n", "p.csv, row 4", "must name a node"),
    "negative": ("p.csv", "0,1\n1,-2\n", "p.csv, row 2", "-2"),
    "a short row": ("p.csv", "source,target\n0,1\n1\n", "p.csv, row 3", "Expected 2 columns"),
    "one column": ("p.csv", "source\n0\n", "p.csv", "two columns"),
    "no header": ("p.csv", "bob,ann\nann,eve\n", "p.csv", "uncertain"),
    "weight below 0": ("p.csv", "source,target,weight\n0,1,1\n1,2,-1\n", "p.csv, row 3", "weights >= 0"),
    "endless weight": ("p.csv", "source,target,weight\n0,1,inf\n", "p.csv, row 2", "inf"),
    "too large a number": ("p.csv", "source,target\n0,99999999999999999999\n", "p.csv, row 2", "int64"),
    "no Parquet": ("p.parquet", "0,1\n", "p.parquet", "Not readable"),
    "empty": ("p.csv", "", "p.csv", "empty"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_part_is_named_with_its_row(tmp_path, case):
    name, text, where, message = BROKEN[case]
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError) as caught:
        prepare([str(tmp_path)], tmp_path / "out")
    assert caught.value.where.endswith(where)
    assert message in caught.value.message


def test_the_row_of_an_error_counts_from_the_beginning_of_the_file(tmp_path):
    rows = [f"{i},{i + 1}" for i in range(900_000)]  # more than is parsed at a time
    rows[-2] = "5,"
    (tmp_path / "p.csv").write_text("source,target\n" + "\n".join(rows))
    with pytest.raises(DataError, match="row 900000"):
        prepare([str(tmp_path)], tmp_path / "out")
    table = {"source": np.arange(20), "target": pa.array([*range(17), None, 1, 2])}
    pq.write_table(pa.table(table), tmp_path / "q.parquet", row_group_size=4)
    with pytest.raises(DataError, match=r"q.parquet, row 18: Column 'target'"):
        prepare([str(tmp_path / "q.parquet")], tmp_path / "out2", limits=TINY)


def test_what_does_not_fit_is_refused(tmp_path):
    pq.write_table(pa.table({"source": [0, 1], "target": [1, 2]}), tmp_path / "a.parquet")
    (tmp_path / "b.csv").write_text("source,target,weight\n0,1,2\n")
    with pytest.raises(DataError, match="no weight"):
        prepare([str(tmp_path)], tmp_path / "out")
    assert not (tmp_path / "out").exists()
    with pytest.raises(DataError, match="No such file"):
        prepare([str(tmp_path / "c")], tmp_path / "out")
    path = [str(tmp_path / "a.parquet")]
    with pytest.raises(DataError, match="no column 'from'"):
        prepare(path, tmp_path / "out1", columns=("from", "to"))
    with pytest.raises(LimitError, match="VGAE_STUDIO_LIMIT_PREPARED_NODES"):
        prepare(path, tmp_path / "out2", limits=Limits(prepared_nodes=2))
    with pytest.raises(SpecError, match="largest"):
        prepare(path, tmp_path / "out3", repairs=RepairSpec(component="largest"))
    np.save(tmp_path / "few.npy", np.zeros((2, 4)))
    with pytest.raises(DataError, match="at least 3 rows"):
        prepare(path, tmp_path / "out4", features=str(tmp_path / "few.npy"))


def test_blocks_hold_no_more_than_asked_for():
    n_nodes = 3 * RANGES - 1
    width = range_width(n_nodes)
    counts = np.random.default_rng(0).integers(0, 50, -(-n_nodes // width))
    counts[7] = 400  # a range cannot be cut
    bounds = cut(counts, n_nodes, 100)
    assert (bounds[0], bounds[-1]) == (0, n_nodes)
    sums = np.add.reduceat(counts, bounds[:-1] // width)
    assert sorted(sums)[-2] <= 100
    assert sums.max() == 400
    assert np.all(sums[:-1] + sums[1:] > 100)  # no more blocks than needed


def test_no_task_takes_more_memory_than_its_limit(tmp_path):
    rng = np.random.default_rng(0)
    limits = Limits(partition_bytes=6_000_000)
    weights = rng.random(300_000).astype(np.float32)
    paths = write_parts(
        tmp_path / "edges", *rng.integers(0, 20_000, (2, 300_000)), weights, row_groups=300_000
    )
    peaks = {}

    def watched(stage, function, arguments):
        results = []
        for each in arguments:
            tracemalloc.start()
            results += here(stage, function, [each])
            peaks[stage] = max(peaks.get(stage, 0), tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
        return results

    prepare(paths, tmp_path / "out", tasks=watched, limits=limits)
    assert set(peaks) == {"read", "sort", "blocks", "normalise"}
    assert max(peaks.values()) <= limits.partition_bytes, peaks


def test_a_changed_folder_is_refused(tmp_path):
    source, target, _ = random_edges(3, weighted=False)
    prepare(write_parts(tmp_path / "edges", source, target), tmp_path / "out", split=SHARES)
    indices = np.load(tmp_path / "out" / "adjacency.indices.npy")
    indices[0] = 2**30  # which SciPy would follow
    np.save(tmp_path / "out" / "adjacency.indices.npy", indices)
    with pytest.raises(DataError, match=r"adjacency\.indices\.npy: This file has changed"):
        open_prepared(tmp_path / "out")
    manifest = json.loads((tmp_path / "out" / MANIFEST).read_text())
    (tmp_path / "out" / MANIFEST).write_text(json.dumps({**manifest, "sha256": {"../x": ""}}))
    with pytest.raises(DataError, match=r"\.\./x"):
        open_prepared(tmp_path / "out")
    with pytest.raises(DataError, match="Not a prepared folder"):
        open_prepared(Path(tmp_path / "edges"))


# ---------------------------------------------------------------------------- features
@pytest.mark.parametrize("names", [False, True])
def test_rows_of_a_table_find_their_nodes(tmp_path, names):
    folder, order = tmp_path, np.random.default_rng(7).permutation(16)
    source, target, _ = random_edges(5, weighted=False)
    called = (lambda i: f"node {i}") if names else int
    write_parts(folder / "edges", [called(i) for i in source], [called(i) for i in target])
    values = np.random.default_rng(6).normal(size=(16, 2)).astype(np.float32)  # two rows more than nodes
    (folder / "table").mkdir()
    for number, rows in enumerate(np.array_split(order, 4)):
        ids, some = [called(i) for i in rows], values[rows]
        table = pa.table(
            {"x": some[:, 0], "Node_ID": pa.array(ids, pa.string() if names else pa.int64()), "y": some[:, 1]}
        )
        path = folder / "table" / f"{number}"
        if number % 2:
            pa.csv.write_csv(table, path.with_suffix(".csv"))
        else:
            pq.write_table(table, path.with_suffix(".parquet"))
    manifest = prepare(
        [str(folder / "edges")], folder / "out", split=SHARES, features=str(folder / "table"), limits=TINY
    )
    graph, _, _ = open_prepared(folder / "out")
    assert manifest["features_without_edges"] == 2
    assert graph.feature_names == ("x", "y")
    numbers = [int(str(name).removeprefix("node ")) for name in graph.node_ids]
    np.testing.assert_array_equal(graph.features, values[numbers])


def test_names_of_one_hash_are_told_apart(tmp_path, monkeypatch):
    """Every hash the same: names are then looked up one after the other."""
    monkeypatch.setattr(naming, "hash_array", lambda texts, categorize: np.zeros(len(texts), np.uint64))
    write_parts(tmp_path / "edges", [f"n{i}" for i in range(12)], [f"n{i + 1}" for i in range(12)])
    rows = "".join(f"n{i},{i}\n" for i in (*range(12, -1, -1), 99))
    (tmp_path / "features.csv").write_text(f"name,value\n{rows}")
    prepare(
        [str(tmp_path / "edges")], tmp_path / "out", split=SHARES, features=str(tmp_path / "features.csv")
    )
    graph, _, _ = open_prepared(tmp_path / "out")
    assert graph.features[:, 0].tolist() == [int(name[1:]) for name in graph.node_ids]


LETTERS = "abcdefghijkl"
ROWS = "id,x\n" + "".join(f"{letter},1\n" for letter in LETTERS)
FEATURES = {
    "twice": (ROWS + "a,3\n", "f.csv, row 14", "'a' has a row already"),
    "no row": (ROWS.replace("c,1\n", ""), "f.csv", "1 of 12 nodes have no row of features, such as 'c'"),
    "no number": (ROWS.replace("b,1", "b,two"), "f.csv, row 3", "two"),
    "no value": (ROWS.replace("b,1", "b,"), "f.csv, row 3", "missing"),
    "no header": (ROWS.removeprefix("id,x\n"), "f.csv", "first row"),
    "no feature": (ROWS.replace(",x", "").replace(",1", ""), "f.csv", "one or more of numbers"),
    "empty": ("", "f.csv", "empty"),
}


@pytest.mark.parametrize("case", FEATURES)
def test_broken_features_are_named_with_their_row(tmp_path, case):
    text, where, message = FEATURES[case]
    edges = "".join(f"{one},{two}\n" for one, two in itertools.pairwise(LETTERS))
    (tmp_path / "edges.csv").write_text(f"source,target\n{edges}")
    (tmp_path / "f.csv").write_text(text)
    with pytest.raises(DataError) as caught:
        prepare(
            [str(tmp_path / "edges.csv")], tmp_path / "out", split=SHARES, features=str(tmp_path / "f.csv")
        )
    assert caught.value.where.endswith(where)
    assert message in caught.value.message
    assert not (tmp_path / "out").exists()
