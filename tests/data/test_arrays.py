"""Graphs as arrays and back; what is damaged or hostile is refused."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from vgae_core.data.arrays import graph_from_arrays, graph_to_arrays, load_graph, save_graph
from vgae_core.data.csr import validate_csr
from vgae_core.data.dataset import GraphData, RawGraph
from vgae_core.data.findings import Finding
from vgae_core.data.npz import load_npz, save_npz
from vgae_core.errors import DataError, LimitError, SpecError
from vgae_core.host.limits import Limits


def same(first, second):
    assert type(first) is type(second)
    for name in first.__dataclass_fields__:
        a, b = getattr(first, name), getattr(second, name)
        if sparse.issparse(a):
            np.testing.assert_array_equal(a.toarray(), b.toarray())
            assert (type(a), a.dtype, a.shape) == (type(b), b.dtype, b.shape)
        elif isinstance(a, np.ndarray):
            np.testing.assert_array_equal(a, b)
            assert a.dtype == b.dtype
        elif isinstance(a, dict):
            assert a.keys() == b.keys()
            for key in a:
                np.testing.assert_array_equal(a[key], b[key])
        else:
            assert a == b


TEXT = st.text(max_size=8)


@st.composite
def graphs(draw):
    n = draw(st.integers(1, 7))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    texts = np.empty(n, dtype=object)
    texts[:] = draw(st.lists(TEXT, min_size=n, max_size=n, unique=True))
    width = draw(st.integers(0, 4))
    x = (rng.random((n, width)) * (rng.random((n, width)) < 0.5)).astype(np.float32)
    kind = draw(st.sampled_from(["none", "dense", "sparse"]))
    labelled = draw(st.booleans())
    shared = {
        "name": draw(TEXT),
        "node_ids": texts if draw(st.booleans()) else rng.permutation(n).astype(np.int64) * 10**12,
        "directed": draw(st.booleans()),
        "features": {"none": None, "dense": x, "sparse": sparse.csr_array(x)}[kind],
        "feature_names": tuple(draw(st.lists(TEXT, min_size=width, max_size=width)))
        if kind != "none"
        else (),
        "labels": rng.integers(-1, 2, n).astype(np.int32) if labelled else None,
        "label_names": ("zéro", "") if labelled else (),
        "values": {"âge": np.where(rng.random(n) < 0.5, np.nan, rng.random(n)).astype(np.float32)},
    }
    if draw(st.booleans()):
        m = draw(st.integers(0, 9))
        return RawGraph(
            rows=rng.integers(0, n, m),
            cols=rng.integers(0, n, m),
            weights=rng.normal(size=m).astype(np.float32) if draw(st.booleans()) else None,
            format=draw(TEXT),
            symmetric=draw(st.booleans()),
            findings=(Finding("code", "info", draw(TEXT), 3, ("a", "é")),),
            **shared,
        )
    a = np.where(rng.random((n, n)) < 0.5, rng.random((n, n)), 0).astype(np.float32)
    return GraphData(adjacency=sparse.csr_array(a if shared["directed"] else np.maximum(a, a.T)), **shared)


@settings(max_examples=100, deadline=None)
@given(graph=graphs())
def test_arrays_round_trip(graph):
    arrays = graph_to_arrays(graph)
    assert not any(array.dtype.hasobject for array in arrays.values())
    same(graph, graph_from_arrays(arrays))


@settings(max_examples=20, deadline=None)
@given(graph=graphs(), compress=st.booleans())
def test_files_round_trip(tmp_path_factory, graph, compress):
    path = tmp_path_factory.mktemp("npz") / "graph.npz"
    save_graph(path, graph, compress=compress)
    back = load_graph(path)
    same(graph, back)
    if isinstance(graph, GraphData):
        assert back.fingerprint == graph.fingerprint


def sound():
    adjacency = sparse.csr_array(np.array([[0, 2, 0], [2, 0, 1], [0, 1, 0]], np.float32))
    return GraphData(
        name="g",
        adjacency=adjacency,
        node_ids=np.arange(3),
        features=sparse.csr_array(np.eye(3, dtype=np.float32)),
        labels=np.array([0, 1, -1], np.int32),
        label_names=("a", "b"),
        values={"v": np.zeros(3, np.float32)},
    )


def sound_raw():
    return RawGraph(
        name="r",
        rows=np.array([0, 1]),
        cols=np.array([1, 2]),
        weights=np.ones(2, np.float32),
        node_ids=np.array(["a", "b", "c"], dtype=object),
        directed=False,
        format="f",
    )


def meta(**changes):
    def change(arrays):
        told = json.loads(arrays["meta"].tobytes()) | changes
        return np.frombuffer(json.dumps(told).encode(), np.uint8)

    return change


def int32(*values):
    return lambda arrays: np.array(values, np.int32)


HOSTILE = {
    "index out of range": ("adjacency.indices", int32(1, 0, 10**8, 1)),
    "negative index": ("adjacency.indices", int32(1, 0, -1, 1)),
    "pointer falls": ("adjacency.indptr", int32(0, 3, 1, 4)),
    "pointer past the end": ("adjacency.indptr", int32(0, 1, 3, 400)),
    "asymmetric": ("adjacency.data", lambda a: np.array([2, 9, 1, 1], np.float32)),
    "negative weight": ("adjacency.data", lambda a: np.array([-2, -2, 1, 1], np.float32)),
    "infinite weight": ("adjacency.data", lambda a: np.array([2, 2, 1, np.inf], np.float32)),
    "stored zero": ("adjacency.data", lambda a: np.array([0, 0, 1, 1], np.float32)),
    "wrong type": ("adjacency.data", lambda a: np.array([2, 2, 1, 1], np.float64)),
    "unsorted": ("adjacency.indices", int32(1, 2, 0, 1)),
    "features out of range": ("features.indices", int32(0, 1, 3)),
    "NaN feature": ("features.data", lambda a: np.array([1, 1, np.nan], np.float32)),
    "label out of range": ("labels", int32(0, 1, 2)),
    "too few labels": ("labels", int32(0, 1)),
    "too few ids": ("node_ids", lambda a: np.arange(2)),
    "values of wrong length": ("values.0", lambda a: np.zeros(4, np.float32)),
    "values gone": ("values.0", lambda a: None),
    "adjacency gone": ("adjacency.indptr", lambda a: None),
    "meta gone": ("meta", lambda a: None),
    "meta no JSON": ("meta", lambda a: np.frombuffer(b"{", np.uint8)),
    "meta a list": ("meta", lambda a: np.frombuffer(b"[]", np.uint8)),
    "other version": ("meta", meta(version=99)),
    "count too large": ("meta", meta(n_nodes=10**9)),
    "count wrong": ("meta", meta(n_nodes=4)),
    "count negative": ("meta", meta(n_nodes=-1)),
    "unknown kind": ("meta", meta(kind="what")),
    "columns negative": ("meta", meta(n_features=-1)),
    "columns absurd": ("meta", meta(n_features=10**9)),
    "columns text": ("meta", meta(n_features="3")),
    "texts past the end": ("label_names.offsets", lambda a: np.array([0, 1, 200])),
    "texts no UTF-8": ("label_names.text", lambda a: np.array([255, 254], np.uint8)),
}


@pytest.mark.parametrize(("name", "change"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_graphs_are_refused(name, change):
    arrays = graph_to_arrays(sound())
    assert name in arrays
    arrays[name] = change(arrays)
    if arrays[name] is None:
        del arrays[name]
    with pytest.raises(DataError) as caught:
        graph_from_arrays(arrays, where="g.npz")
    assert str(caught.value).startswith("g.npz")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("rows", np.array([0, 3])),
        ("cols", np.array([0, -1])),
        ("cols", np.array([0])),
        ("weights", np.array([1, np.inf], np.float32)),
        ("weights", np.array([1, 1.0])),
        ("node_ids.offsets", np.array([0, 2, 1, 3])),
    ],
)
def test_hostile_raw_graphs_are_refused(name, value):
    arrays = graph_to_arrays(sound_raw())
    graph_from_arrays(arrays)
    arrays[name] = value
    with pytest.raises(DataError):
        graph_from_arrays(arrays)


def test_limits_hold_for_stored_graphs():
    with pytest.raises(LimitError, match="nodes 3 exceeds the limit of 2"):
        graph_from_arrays(graph_to_arrays(sound()), limits=Limits(nodes=2))
    with pytest.raises(LimitError, match="entries 2 exceeds the limit of 1"):
        graph_from_arrays(graph_to_arrays(sound_raw()), limits=Limits(edges=1))


def test_saving_is_whole_or_not_at_all(tmp_path):
    path = tmp_path / "g.npz"
    save_npz(path, {"a": np.arange(3)})
    with pytest.raises(ValueError, match="allow_pickle"):
        save_npz(path, {"a": np.array([{}], dtype=object)})
    assert load_npz(path)["a"].tolist() == [0, 1, 2]
    assert [p.name for p in tmp_path.iterdir()] == ["g.npz"]


def test_not_a_stored_graph(tmp_path):
    (tmp_path / "g.npz").write_bytes(b"hello")
    with pytest.raises(DataError, match=r"g\.npz: Not a readable npz file"):
        load_graph(tmp_path / "g.npz")
    save_npz(tmp_path / "h.npz", {"a": np.arange(3)})
    with pytest.raises(DataError, match=r"h\.npz: This is not a graph stored by"):
        load_graph(tmp_path / "h.npz")


@settings(max_examples=300, deadline=None)
@given(
    indices=st.lists(st.integers(-2, 5), max_size=6),
    indptr=st.lists(st.integers(-1, 7), min_size=1, max_size=5),
    rows=st.integers(0, 4),
    columns=st.integers(0, 5),
)
def test_validate_csr_accepts_exactly_the_sound(indices, indptr, rows, columns):
    is_sound = (
        len(indptr) == rows + 1
        and indptr[0] == 0
        and indptr[-1] == len(indices)
        and sorted(indptr) == indptr
        and all(0 <= i < columns for i in indices)
    )
    arrays = np.ones(len(indices)), np.array(indices, np.int64), np.array(indptr, np.int64)
    if not is_sound:
        with pytest.raises(DataError):
            validate_csr(*arrays, (rows, columns))
        return
    matrix = validate_csr(*arrays, (rows, columns))
    expected = np.zeros((rows, columns))
    for row in range(rows):
        for k in range(indptr[row], indptr[row + 1]):
            expected[row, indices[k]] += 1
    np.testing.assert_array_equal(matrix.toarray(), expected)


class TestLimits:
    def test_environment(self):
        limits = Limits.from_environment({"VGAE_STUDIO_LIMIT_NODES": "5_000", "OTHER": "x"})
        assert limits.nodes == 5000
        assert limits.edges == Limits().edges

    @pytest.mark.parametrize("text", ["many", "", "0", "-5", "1.5"])
    def test_bad_environment(self, text):
        with pytest.raises(SpecError):
            Limits.from_environment({"VGAE_STUDIO_LIMIT_NODES": text})

    def test_check(self):
        Limits(nodes=5).check("nodes", 5, where="f")
        with pytest.raises(LimitError, match="f: Too large: nodes 6 exceeds the limit of 5 nodes"):
            Limits(nodes=5).check("nodes", 6, where="f")
