"""Repairs and the report, against networkx and dense NumPy."""

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from vgae_core.data.dataset import RawGraph
from vgae_core.data.repairs import offers, repair, structure
from vgae_core.data.report import inspect
from vgae_core.errors import DataError
from vgae_core.settings import RepairSpec


def raw_graph(entries, n, *, weights=None, directed=False, symmetric=False, **more):
    ends = np.array(entries, np.int64).reshape(-1, 2)
    return RawGraph(
        name="hand-made",
        rows=ends[:, 0],
        cols=ends[:, 1],
        weights=None if weights is None else np.array(weights, np.float32),
        node_ids=np.arange(n, dtype=np.int64),
        directed=directed,
        symmetric=symmetric,
        format="test",
        **more,
    )


def matrix(raw, **settings_):
    return repair(raw, RepairSpec(**settings_)).adjacency.toarray().tolist()


class TestMerging:
    raw = raw_graph([(0, 1), (0, 1), (0, 1), (1, 2)], 3, weights=[2, 5, 3, 1])

    @pytest.mark.parametrize(("rule", "merged"), [("sum", 10), ("max", 5), ("first", 2)])
    def test_rules(self, rule, merged):
        expected = [[0, merged, 0], [merged, 0, 1], [0, 1, 0]]
        assert matrix(self.raw, duplicates=rule) == expected

    @pytest.mark.parametrize(("rule", "merged"), [("sum", 10), ("max", 5), ("first", 2)])
    def test_rules_on_arcs(self, rule, merged):
        expected = [[0, merged, 0], [0, 0, 1], [0, 0, 0]]
        assert matrix(self.raw, duplicates=rule, direction="directed") == expected

    def test_without_weights_an_edge_listed_often_is_one_edge(self):
        raw = raw_graph([(0, 1), (0, 1), (1, 0)], 2)
        assert matrix(raw, duplicates="sum") == [[0, 1], [1, 0]]

    def test_ignored_weights(self):
        assert matrix(self.raw, weights="ignore") == [[0, 1, 0], [1, 0, 1], [0, 1, 0]]


class TestJoiningDirections:
    def test_a_symmetric_matrix_keeps_its_weights(self):
        raw = raw_graph([(0, 1), (1, 0)], 2, weights=[3, 3])
        assert matrix(raw) == [[0, 3], [3, 0]]

    @pytest.mark.parametrize(("rule", "joined"), [("sum", 5), ("max", 5), ("first", 2)])
    def test_two_weights(self, rule, joined):
        raw = raw_graph([(1, 0), (0, 1)], 2, weights=[2, 5], directed=True)
        assert matrix(raw, duplicates=rule) == [[0, joined], [joined, 0]]

    def test_a_triangle_that_stands_for_both(self):
        raw = raw_graph([(1, 0), (2, 2)], 3, weights=[4, 7], symmetric=True)
        expected = [[0, 4, 0], [4, 0, 0], [0, 0, 7]]
        for direction in ("undirected", "directed"):
            assert matrix(raw, direction=direction, self_loops="keep") == expected


def test_self_loops():
    raw = raw_graph([(0, 0), (0, 1)], 2)
    assert matrix(raw) == [[0, 1], [1, 0]]
    assert matrix(raw, self_loops="keep") == [[1, 1], [1, 0]]


def test_stored_zeros_are_no_edges():
    raw = raw_graph([(0, 1), (1, 2)], 3, weights=[1, 0])
    for weights in ("keep", "ignore"):
        assert matrix(raw, weights=weights) == [[0, 1, 0], [1, 0, 0], [0, 0, 0]]
    assert inspect(raw).n_edges == 1


def test_the_largest_component_takes_everything_with_it():
    raw = raw_graph(
        [(0, 1), (2, 3), (3, 4)],
        6,
        features=sparse.csr_array(np.arange(12, dtype=np.float32).reshape(6, 2)),
        labels=np.array([0, 1, 0, 1, 0, 1], np.int32),
        label_names=("a", "b"),
        values={"age": np.arange(6, dtype=np.float32)},
    )
    graph = repair(raw, RepairSpec(component="largest"))
    assert graph.node_ids.tolist() == [2, 3, 4]
    assert graph.adjacency.toarray().tolist() == [[0, 1, 0], [1, 0, 1], [0, 1, 0]]
    assert graph.features.toarray().tolist() == [[4, 5], [6, 7], [8, 9]]
    assert graph.labels.tolist() == [0, 1, 0]
    assert graph.values["age"].tolist() == [2, 3, 4]


@pytest.mark.parametrize(
    ("raw", "settings_", "message"),
    [
        (raw_graph([(0, 0)], 1), {}, "at least two nodes. Received: 1"),
        (raw_graph([], 0), {}, "at least two nodes. Received: 0"),
        (raw_graph([], 5), {}, "no edge between two different nodes"),
        (raw_graph([(0, 0), (1, 1)], 2), {}, "no edge between two different nodes"),
        (raw_graph([(0, 0), (1, 1)], 2), {"self_loops": "keep"}, "no edge between two different nodes"),
        (raw_graph([(0, 1)], 2, weights=[0]), {}, "no edge between two different nodes"),
        (
            raw_graph([(0, 1), (1, 0)], 2, weights=[1, -2]),
            {},
            "1 of 2 weights are negative, e.g. -2 of edge 1 – 0",
        ),
        (raw_graph([(0, 1)], 2, weights=[np.inf]), {}, "1 of 1 weights are not finite"),
    ],
)
def test_what_cannot_be_trained_on(raw, settings_, message):
    with pytest.raises(DataError) as caught:
        repair(raw, RepairSpec(**settings_))
    assert message in str(caught.value)
    assert caught.value.mend
    inspect(raw)  # the report still tells what is there


def test_negative_weights_can_be_ignored():
    raw = raw_graph([(0, 1)], 2, weights=[-2])
    assert matrix(raw, weights="ignore") == [[0, 1], [1, 0]]


def test_offers_count_what_each_repair_touches():
    raw = raw_graph(
        [(0, 1), (1, 0), (0, 1), (1, 2), (3, 3), (4, 5)], 6, weights=[1, 1, 1, 2, 1, 1], directed=True
    )
    assert {offer.setting: offer.count for offer in offers(raw)} == {
        "direction": 2, "self_loops": 1, "duplicates": 1, "component": 3, "weights": 1,
    }  # fmt: skip


def test_offers_of_a_symmetric_file():
    raw = raw_graph([(1, 0), (1, 0), (2, 1)], 3, symmetric=True)
    counts = {offer.setting: offer.count for offer in offers(raw)}
    assert counts == {"direction": 0, "self_loops": 0, "duplicates": 1, "component": 0, "weights": 0}


def test_report_is_json_with_the_promised_fields():
    import json

    raw = raw_graph(
        [(0, 1), (1, 2), (3, 3)],
        4,
        directed=True,
        labels=np.array([0, 1, 0, -1], np.int32),
        label_names=("a", "b"),
        features=np.eye(4, dtype=np.float32),
    )
    told = json.loads(json.dumps(inspect(raw).to_dict(), allow_nan=False))
    assert told["label_counts"] == {"a": 2, "b": 1}
    assert told["feature_density"] == 0.25
    assert told["density"] == pytest.approx(2 / 6)
    assert {
        "n_nodes": 4, "n_edges": 2, "n_arcs": 2, "n_rows_read": 3, "directed": True, "weighted": False,
        "n_self_loops": 1, "n_duplicates": 0, "n_isolated": 1, "n_components": 2, "n_features": 4,
        "n_labels": 2, "format": "test", "largest_component": 3, "n_labelled": 3,
    }.items() <= told.items()  # fmt: skip
    assert {f["code"] for f in told["findings"]} == {
        "one-way-arcs",
        "self-loops",
        "components",
        "isolated-nodes",
        "hard-to-split",
    }


def test_report_of_an_undirected_reading_has_no_arcs():
    assert inspect(raw_graph([(0, 1)], 2)).n_arcs is None


@st.composite
def raw_graphs(draw):
    n = draw(st.integers(2, 9))
    node = st.integers(0, n - 1)
    entries = draw(st.lists(st.tuples(node, node), max_size=25))
    symmetric = draw(st.booleans())
    weights = draw(st.none() | st.just([draw(st.integers(0, 4)) for _ in entries]))
    return raw_graph(
        entries, n, weights=weights, directed=not symmetric and draw(st.booleans()), symmetric=symmetric
    )


@settings(max_examples=150, deadline=None)
@given(raw=raw_graphs())
def test_report_agrees_with_networkx(raw):
    graph, arcs = nx.Graph(), nx.DiGraph()
    loops = 0
    graph.add_nodes_from(range(raw.n_nodes))
    for k, (i, j) in enumerate(zip(raw.rows.tolist(), raw.cols.tolist(), strict=True)):
        if raw.weights is not None and raw.weights[k] == 0:
            continue
        if i == j:
            loops += 1
        else:
            graph.add_edge(i, j)
            arcs.add_edge(i, j)
    report = inspect(raw)
    assert report.n_edges == graph.number_of_edges()
    assert report.n_self_loops == loops
    assert report.structure.degrees[: raw.n_nodes].tolist() == [graph.degree(i) for i in range(raw.n_nodes)]
    assert report.n_isolated == nx.number_of_isolates(graph)
    assert report.n_components == nx.number_connected_components(graph)
    assert report.largest_component == max(map(len, nx.connected_components(graph)))
    assert report.density == pytest.approx(nx.density(graph))
    if raw.directed:
        assert report.n_arcs == arcs.number_of_edges()


@settings(max_examples=150, deadline=None)
@given(
    raw=raw_graphs(),
    direction=st.sampled_from(["undirected", "directed"]),
    loops=st.sampled_from(["drop", "keep"]),
    duplicates=st.sampled_from(["sum", "max", "first"]),
    component=st.sampled_from(["all", "largest"]),
    weights=st.sampled_from(["keep", "ignore"]),
)
def test_repair_agrees_with_a_naive_loop(raw, direction, loops, duplicates, component, weights):
    n = raw.n_nodes
    merged = {}
    for k, (i, j) in enumerate(zip(raw.rows.tolist(), raw.cols.tolist(), strict=True)):
        weight = 1.0 if raw.weights is None else float(raw.weights[k])
        if weight == 0 or (i == j and loops == "drop"):
            continue
        if weights == "ignore":
            weight = 1.0
        both = raw.symmetric or (direction == "undirected" and duplicates == "first")
        merged.setdefault((max(i, j), min(i, j)) if both else (i, j), []).append(weight)
    unweighted = raw.weights is None or weights == "ignore"
    pick = {"sum": sum, "max": max, "first": lambda seen: seen[0]}[duplicates]
    expected = np.zeros((n, n))
    for (i, j), seen in merged.items():
        expected[i, j] = 1.0 if unweighted else pick(seen)
    if raw.symmetric or direction == "undirected":
        expected = np.maximum(expected, expected.T)
    spec = RepairSpec(
        direction=direction, self_loops=loops, duplicates=duplicates, component=component, weights=weights
    )
    if component == "largest":
        parts = list(nx.weakly_connected_components(nx.from_numpy_array(expected, create_using=nx.DiGraph)))
        size = max(map(len, parts))
        keep = min(sorted(part) for part in parts if len(part) == size)
        expected = expected[np.ix_(keep, keep)]
    if not np.count_nonzero(expected - np.diag(np.diag(expected))):
        with pytest.raises(DataError, match="no edge"):
            repair(raw, spec)
        return
    graph = repair(raw, spec)
    np.testing.assert_array_equal(graph.adjacency.toarray(), expected)
    assert graph.adjacency.dtype == np.float32
    assert graph.adjacency.has_canonical_format
    assert graph.directed == (direction == "directed")


def test_structure_ends_are_the_pairs():
    raw = raw_graph([(3, 1), (1, 3), (0, 2)], 4)
    low, high = structure(raw).ends
    assert list(zip(low.tolist(), high.tolist(), strict=True)) == [(0, 2), (1, 3)]
