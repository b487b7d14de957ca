"""JSON of many kinds: Cytoscape.js, adjacency data, lists of edges, records, JSON Lines, neighbours."""

import json

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.data.readers.round_trip import codes, edges_of, features_of, named_arcs, read_bytes
from vgae_core.errors import DataError

PAIRS = [("a", "b"), ("b", "c"), ("c", "a")]
OBJECTS = [{"source": a, "target": b} for a, b in PAIRS]
NODES = [{"id": node} for node in "abc"]


def pairs(edges):
    return sorted(tuple(sorted(map(str, pair))) for pair in named_arcs(edges))


def refused(content, message, name="g.json"):
    with pytest.raises(DataError, match=message) as caught:
        read_bytes((name, content.encode() if isinstance(content, str) else json.dumps(content).encode()))
    assert str(caught.value).startswith(name)


LAYOUTS = {
    "node-link": {"nodes": NODES, "links": OBJECTS},
    "edges for links": {"nodes": NODES, "edges": OBJECTS},
    "links that are pairs": {"nodes": NODES, "edges": PAIRS},
    "nodes that are texts": {"nodes": ["a", "b", "c"], "edges": PAIRS},
    "edges alone": {"edges": OBJECTS},
    "pairs in an object": {"edges": PAIRS},
    "from and to": {"nodes": NODES, "edges": [{"from": a, "to": b} for a, b in PAIRS]},
    "ends that are nodes": {
        "nodes": NODES,
        "links": [{"source": {"id": a}, "target": {"id": b}} for a, b in PAIRS],
    },
    "keys of graphology": {
        "nodes": [{"key": n, "attributes": {"x": 1.5}} for n in "abc"],
        "edges": [{"key": f"e{a}", "source": a, "target": b, "attributes": {}} for a, b in PAIRS],
    },
    "JSON Graph Format": {"graph": {"nodes": {n: {"label": n} for n in "abc"}, "edges": OBJECTS}},
    "one of several graphs": {"graphs": [{"nodes": NODES, "edges": OBJECTS}]},
    "list of pairs": PAIRS,
    "list of objects": OBJECTS,
    "split": {"columns": ["source", "target"], "data": PAIRS},
    "columns": {"source": {"0": "a", "1": "b", "2": "c"}, "target": {"0": "b", "1": "c", "2": "a"}},
    "columns of lists": {"source": ["a", "b", "c"], "target": ["b", "c", "a"]},
    "neighbours": {"a": ["b"], "b": ["c"], "c": ["a"]},
    "neighbours of some": {"a": ["b", "c"], "b": ["c"]},
    "neighbours in dicts": {"a": {"b": {}}, "b": {"c": {}}, "c": {"a": {}}},
    "records of neighbours": [{"id": a, "neighbors": [b]} for a, b in PAIRS],
    "Cytoscape.js": {
        "elements": {"nodes": [{"data": n} for n in NODES], "edges": [{"data": e} for e in OBJECTS]}
    },
    "Cytoscape.js elements": [{"data": n} for n in NODES] + [{"data": {"id": "e", **e}} for e in OBJECTS],
    "Cytoscape.js by group": {
        "elements": [{"group": "nodes", "data": n} for n in NODES]
        + [{"group": "edges", "data": e} for e in OBJECTS]
    },
}


@pytest.mark.parametrize("content", LAYOUTS.values(), ids=LAYOUTS)
def test_every_layout_gives_the_same_graph(content):
    graph = read_bytes(("g.json", json.dumps(content).encode()))
    assert pairs(graph) == [("a", "b"), ("a", "c"), ("b", "c")]
    assert sorted(graph.node_ids) == ["a", "b", "c"]


@pytest.mark.parametrize("rows", [OBJECTS, PAIRS], ids=["objects", "pairs"])
def test_json_lines(rows):
    text = "\n".join(json.dumps(row) for row in rows) + "\n"
    edges = edges_of("e.jsonl", text)
    assert pairs(edges) == [("a", "b"), ("a", "c"), ("b", "c")]
    assert edges.format == "edge list (JSON Lines)"
    assert pairs(edges_of("e.json", json.dumps(rows, indent=1))) == pairs(edges)


@st.composite
def graphs(draw):
    kind = draw(st.sampled_from([nx.Graph, nx.DiGraph, nx.MultiGraph, nx.MultiDiGraph]))
    graph = kind()
    graph.add_nodes_from(range(draw(st.integers(2, 6))))
    nodes = st.sampled_from(list(graph))
    ends = draw(st.lists(st.tuples(nodes, nodes), min_size=1, max_size=12))
    graph.add_weighted_edges_from((a, b, 1 + i) for i, (a, b) in enumerate(ends))
    return graph


@given(graph=graphs(), write=st.sampled_from([nx.adjacency_data, nx.node_link_data, nx.cytoscape_data]))
def test_what_networkx_writes(graph, write):
    edges = edges_of("g.json", json.dumps(write(graph)))
    assert sorted(edges.node_ids.tolist()) == list(graph)
    expected = sorted((*sorted(edge[:2]), edge[2]["weight"]) for edge in graph.edges(data=True))
    got = zip(named_arcs(edges), edges.weights.tolist(), strict=True)
    assert sorted((*sorted(pair), weight) for pair, weight in got) == expected
    if write is not nx.cytoscape_data:
        assert edges.directed == graph.is_directed()


@pytest.mark.parametrize("orient", ["records", "split", "table", "columns", "list"])
def test_tables_of_pandas(orient):
    frame = pd.DataFrame({"source": ["a", "b", "c"], "target": ["b", "c", "d"], "weight": [1.5, 2, 3]})
    text = json.dumps(frame.to_dict("list")) if orient == "list" else frame.to_json(orient=orient)
    graph = read_bytes(("g.json", text.encode()))
    assert graph.weights.tolist() == [1.5, 2, 3]
    assert pairs(graph) == [("a", "b"), ("b", "c"), ("c", "d")]


def test_records_of_nodes_are_features_and_labels():
    nodes = [{"id": n, "x": 0.5 + i, "label": "uv"[i % 2]} for i, n in enumerate("abcd")]
    edges = b"source,target\na,b\nb,c\nc,d\n"
    graph = read_bytes(("edges.csv", edges), ("nodes.json", json.dumps(nodes).encode(), "features"))
    assert features_of(graph).ravel().tolist() == [0.5, 1.5, 2.5, 3.5]
    lines = "\n".join(map(json.dumps, nodes)).encode()
    assert read_bytes(("edges.csv", edges), ("nodes.jsonl", lines, "labels")).label_names == ("u", "v")


def test_a_square_list_of_lists_is_a_matrix():
    matrix = [[0, 1, 0, 2], [1, 0, 3, 0], [0, 3, 0, 0], [2, 0, 0, 0]]
    edges = edges_of("m.json", json.dumps(matrix))
    assert edges.format == "dense matrix (JSON)"
    assert sorted(edges.weights.tolist()) == [1, 1, 2, 2, 3, 3]


class TestListsByNode:
    def test_numbers_that_are_all_nodes_are_neighbours(self):
        graph = read_bytes(("g.json", b'{"0": [1, 2], "1": [2], "2": []}'))
        assert pairs(graph) == [("0", "1"), ("0", "2"), ("1", "2")]
        assert graph.format == "JSON lists of neighbours"

    def test_numbers_that_are_not_are_features(self):
        graph = read_bytes(("e.csv", b"0,1\n1,2\n"), ("f.json", b'{"0": [1, 7], "1": [7], "2": []}'))
        assert graph.feature_names == ("1", "7")

    def test_most_numbers_in_the_range_of_the_nodes_are_neighbours(self):
        cites = nx.gn_graph(60, seed=3)
        lists = {str(n): sorted(cites[n]) for n in cites if cites.out_degree(n)} | {"0": [1]}
        del lists["7"], lists["59"]
        graph = read_bytes(("cites.json", json.dumps(lists).encode()))
        assert not graph.is_matrix
        assert len(graph.rows) == sum(map(len, lists.values()))
        assert not graph.files[0].questions

    @pytest.mark.parametrize(
        "lists", [{"10": [1, 2, 11], "11": [3, 4], "12": [10, 5]}, {"0": [1, 7], "1": [7, 9], "2": []}]
    )
    def test_few_numbers_that_are_nodes_are_asked_about(self, lists):
        graph = read_bytes(("lists.json", json.dumps(lists).encode()))
        (question,) = graph.files[0].questions
        readings = {question.accept["role"], *(choice.changes["role"] for choice in question.others)}
        assert readings == {"edges", "features"}
        for role in readings:
            graph = read_bytes(("lists.json", json.dumps(lists).encode(), role))
            assert graph.is_matrix == (role == "features")
            assert not graph.files[0].questions

    def test_few_texts_that_are_nodes_are_asked_about(self):
        lists = {"a": ["x", "y", "b"], "b": ["z"], "c": ["x", "z"]}
        graph = read_bytes(("lists.json", json.dumps(lists).encode()))
        assert "1 of 4" in graph.files[0].questions[0].text
        assert graph.files[0].sentences[0] == "a – x"

    def test_a_list_by_position(self):
        assert pairs(edges_of("g.json", "[[1, 2], [0], [0, 1, 1]]"))[0] == ("0", "1")

    def test_weights_of_dicts(self):
        graph = nx.Graph()
        graph.add_weighted_edges_from([("a", "b", 2.5), ("b", "c", 4)])
        edges = edges_of("g.json", json.dumps(nx.to_dict_of_dicts(graph)))
        weights = dict(zip(map(frozenset, named_arcs(edges)), edges.weights.tolist(), strict=True))
        assert weights == {frozenset("ab"): 2.5, frozenset("bc"): 4}

    def test_values_of_features(self):
        graph = read_bytes(
            ("e.csv", b"a,b\nb,c\n"), ("f.json", b'{"a": {"x": 2.5}, "b": {"y": 1}, "c": {}}', "features")
        )
        assert features_of(graph).tolist() == [[2.5, 0], [0, 1], [0, 0]]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"source": "a", "target": "b"}\n{"source": "b"\n', "line 2: Not JSON"),
        ('{"source": "a", "target": "b"}\n\n{"source": "b", "target": ""}\n', "line 3"),
        ([{"source": "a", "target": "b"}, {"source": "b", "target": ["c"]}], "Record 2 holds a list"),
        ([{"source": "a", "target": "b"}, {"source": None, "target": "c"}], "record 2"),
        ({"graphs": [{"edges": OBJECTS}, {"edges": OBJECTS}]}, "2 graphs"),
        ({"0": [[0, 1], [1, 2]], "1": [[0, 1]]}, "several graphs"),
        (
            {"elements": {"nodes": [{"data": {"id": "a"}}], "edges": [{"data": {"source": "a"}}]}},
            "edge 1 has no target",
        ),
        ({"nodes": [{"id": 1}], "adjacency": [[{"weight": 2}]]}, "neighbour of node 1 has no id"),
        ({"nodes": [{"id": 1}], "adjacency": []}, "same length"),
        ({"edges": [["a"]]}, "A link is"),
        ("[1, 2]", "Known:.*Cytoscape"),
        ({"a": {"b": "x"}, "b": {"a": 1}}, "weight is 'x'"),
    ],
)
def test_damage_is_named(content, message):
    refused(content, message)


def test_records_of_imports_are_neighbours():
    rows = [
        {"name": "a", "size": 3, "imports": ["b", "c"]},
        {"name": "b", "imports": ["c"]},
        {"name": "c", "imports": []},
    ]
    assert pairs(edges_of("flare.json", json.dumps(rows))) == [("a", "b"), ("a", "c"), ("b", "c")]


def test_what_stands_beside_nodes_and_links_is_told():
    edges = edges_of("g.json", json.dumps({"edges": [[0, 1], [1, 2]], "features": {"0": "3", "1": "2"}}))
    assert codes(edges) == ["parts-ignored"]
    assert edges.findings[0].examples == ("features",)


def test_a_tree_is_refused_with_the_way_on():
    tree = nx.tree_data(nx.balanced_tree(2, 2, create_using=nx.DiGraph), 0)
    refused(json.dumps(tree), "tree.*networkx.tree_graph")


def test_unknown_weights_are_left_to_the_repairs():
    edges = edges_of(
        "g.json", json.dumps({"edges": [{**OBJECTS[0], "weight": 2}, {**OBJECTS[1], "weight": None}]})
    )
    np.testing.assert_equal(edges.weights, np.float32([2, np.nan]))


class TestArrays:
    ENDS = ([0, 1, 2], [1, 2, 4])

    def test_edges_features_and_classes(self):
        x = [[i, 2 * i] for i in range(6)]
        content = {"edge_index": self.ENDS, "x": x, "y": [0, 1, 1, 0, 0, 1], "name": "toy"}
        graph = read_bytes(("d.json", json.dumps(content).encode()))
        assert named_arcs(graph) == [(0, 1), (1, 2), (2, 4)]
        assert (graph.n_nodes, graph.labels.tolist()) == (6, content["y"])
        np.testing.assert_array_equal(features_of(graph), x)

    def test_the_number_of_nodes(self):
        content = {"num_nodes": 8, "edge_index": self.ENDS}
        assert read_bytes(("d.json", json.dumps(content).encode())).n_nodes == 8

    @pytest.mark.parametrize("ends", [[[0, 1], [1]], [0, 1], [["a"], [{}]], [[[0]], [[1]]]])
    def test_damage(self, ends):
        refused({"edge_index": ends}, "edge_index")


def test_lists_of_numbers_of_nodes_are_features():
    nodes = [{"id": 9 - i, "x": [i, i + 0.5], "pos": [i, "a"]} for i in range(4)]
    links = [{"source": 9, "target": 8}, {"source": 7, "target": 6}]
    graph = read_bytes(("g.json", json.dumps({"nodes": nodes, "links": links}).encode()))
    assert graph.node_ids.tolist() == [6, 7, 8, 9]
    assert features_of(graph).tolist() == [[3, 3.5], [2, 2.5], [1, 1.5], [0, 0.5]]
    told = {finding.code: finding for finding in graph.findings}
    assert told["attributes-ignored"].examples == ("pos",)
    del nodes[1]["x"]
    graph = read_bytes(("g.json", json.dumps({"nodes": nodes, "links": links}).encode()))
    assert graph.features is None
    told = {finding.code: finding for finding in graph.findings}
    assert set(told["attributes-ignored"].examples) == {"x", "pos"}


def test_one_value_per_node_is_its_class():
    classes = {"a": 0, "b": 1, "c": 1}
    graph = read_bytes(
        ("e.csv", b"source,target\na,b\nb,c\n"), ("class_map.json", json.dumps(classes).encode())
    )
    assert graph.labels.tolist() == [0, 1, 1]
    refused(classes, "one value per node", name="class_map.json")


def test_nan_is_a_missing_value_and_told():
    rows = [
        {"source": "a", "target": "b", "weight": 2.0},
        {"source": "b", "target": "c", "weight": float("nan")},
    ]
    graph = read_bytes(("g.json", json.dumps(rows).encode()))
    assert graph.weights.tolist() == pytest.approx([2, np.nan], nan_ok=True)
    assert next(f for f in graph.findings if f.code == "missing-numbers").count == 1
    rows[0]["weight"] = float("inf")
    refused(json.dumps(rows), "Infinity")
