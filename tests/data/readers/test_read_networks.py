"""Graph formats that networkx writes, and what other programs make of them."""

import io
import json
import os

import networkx as nx
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vgae_core.data.readers import SourceFile, read
from vgae_core.data.report import inspect
from vgae_core.errors import DataError, LimitError
from vgae_core.host.limits import Limits

EXAMPLES = 1000 if os.environ.get("VGAE_STUDIO_NIGHTLY") == "1" else 40
"""Examples of each round trip; 1000 every night."""


@pytest.fixture
def file(tmp_path):
    """Return a function that writes a file and reads it."""

    def run(name, content, **options):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read([SourceFile(name, path)], **options)

    return run


def arcs(graph):
    names = graph.node_ids
    return [(names[i], names[j]) for i, j in zip(graph.rows, graph.cols, strict=True)]


def codes(graph):
    return [finding.code for finding in graph.findings]


SHARED = [  # path, nodes, edges as listed, directed, classes
    ("gephi/LesMiserables.gexf", 77, 254, True, 9),
    ("gephi/Java.gexf", 1538, 8032, True, 0),
    ("gephi/PowerGrid.gml", 4941, 6594, False, 0),
    ("gephi/polblogs.gml", 1490, 19090, True, 2),
    ("topologyzoo/Interoute.graphml", 110, 158, True, 4),
    ("topologyzoo/Cogentco.graphml", 197, 245, True, 3),
    ("topologyzoo/GtsCe.graphml", 149, 193, True, 3),
    ("topologyzoo/Arpanet19728.graphml", 29, 32, True, 0),
]


@pytest.mark.parametrize(("path", "n_nodes", "n_edges", "directed", "n_classes"), SHARED)
def test_counts_of_real_files(shared_data, path, n_nodes, n_edges, directed, n_classes):
    raw = read([SourceFile(path.split("/")[1], shared_data / path)])
    assert (raw.n_nodes, len(raw.rows), raw.directed) == (n_nodes, n_edges, directed)
    assert len(raw.label_names) == n_classes


def test_parallel_edges_of_a_real_file_are_duplicates(shared_data):
    path = shared_data / "topologyzoo/Interoute.graphml"
    report = inspect(read([SourceFile("Interoute.graphml", path)]))
    assert (report.n_duplicates, report.n_self_loops, report.n_edges) == (10, 2, 146)
    assert "duplicates" in [finding.code for finding in report.findings]


def test_real_weights_names_and_classes(shared_data):
    raw = read([SourceFile("l.gexf", shared_data / "gephi/LesMiserables.gexf")])
    weights = {frozenset(e): w for e, w in zip(arcs(raw), raw.weights.tolist(), strict=True)}
    assert weights[frozenset({"Valjean", "Cosette"})] == 31
    assert "named-nodes" in codes(raw)
    blogs = read([SourceFile("p.gml", shared_data / "gephi/polblogs.gml")])
    assert np.bincount(blogs.labels).tolist() == [758, 732]


# ------------------------------------------------------------------------------- round trips
NAMES = st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp", "Zs"), exclude_characters="\u0085"),
                min_size=1, max_size=6)  # fmt: skip
WEIGHTS = st.floats(2**-10, 2**10, width=32)


@st.composite
def graphs(draw, names=NAMES, multi=True):
    """Graphs with names, sometimes directed, weighted, with parallel edges and attributes."""
    kind = draw(st.sampled_from([nx.Graph, nx.DiGraph, *([nx.MultiGraph, nx.MultiDiGraph] if multi else [])]))
    graph = kind()
    nodes = draw(st.lists(names, min_size=2, max_size=8, unique_by=lambda n: str(n).strip()))
    graph.add_nodes_from(nodes)
    pairs = draw(st.lists(st.tuples(st.sampled_from(nodes), st.sampled_from(nodes)), min_size=1, max_size=12))
    weighted = draw(st.booleans())
    for u, v in pairs:
        graph.add_edge(u, v, **({"weight": draw(WEIGHTS)} if weighted else {}))
    if draw(st.booleans()):
        for i, node in enumerate(nodes):
            graph.nodes[node]["score"] = i + 0.5
    return graph


def listed(pairs, weights, directed):
    """Return a sorted list of edges and weights, both ends sorted unless directed."""
    ends = [tuple(p) if directed else tuple(sorted(p, key=str)) for p in pairs]
    return sorted(zip(ends, [None] * len(ends) if weights is None else weights, strict=True), key=str)


def assert_same(raw, graph, name=str):
    directed = graph.is_directed()
    edges = list(graph.edges(data=True))
    weighted = any("weight" in data for *_, data in edges)
    expected = listed(
        [(name(u), name(v)) for u, v, _ in edges],
        [np.float32(d["weight"]) for *_, d in edges] if weighted else None,
        directed,
    )
    found = [(str(u), str(v)) for u, v in arcs(raw)]
    assert listed(found, raw.weights, raw.directed if directed else False) == expected
    assert sorted(map(str, raw.node_ids)) == sorted(name(node) for node in graph)
    if any("score" in data for _, data in graph.nodes(data=True)):
        at = {str(node): i for i, node in enumerate(raw.node_ids)}
        for node, data in graph.nodes(data=True):
            assert raw.values["score"][at[name(node)]] == data["score"]


def round_trip(write, suffix, folder, graph, **options):
    buffer = io.BytesIO()
    write(graph, buffer)
    path = folder / f"graph.{suffix}"
    path.write_bytes(buffer.getvalue())
    return read([SourceFile(path.name, path)], **options)


def write_node_link(graph, stream):
    stream.write(json.dumps(nx.node_link_data(graph, edges="links")).encode())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("networks")


quiet = settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
)
WORDS = st.text("abcdefghijkäöü中α", min_size=1, max_size=5)


@quiet
@given(graph=graphs())
def test_graphml_round_trip(folder, graph):
    raw = round_trip(nx.write_graphml_xml, "graphml", folder, graph)
    assert_same(raw, graph)
    assert raw.directed == graph.is_directed()


@quiet
@given(graph=graphs())
def test_gexf_round_trip(folder, graph):
    raw = round_trip(nx.write_gexf, "gexf", folder, graph)
    assert_same(raw, graph)
    assert raw.directed == graph.is_directed()


@quiet
@given(graph=graphs())
def test_gml_round_trip(folder, graph):
    raw = round_trip(nx.write_gml, "gml", folder, graph)
    assert raw.directed == graph.is_directed()
    numeric = all(n.strip().lstrip("+-").isdigit() for n in map(str, graph))
    if not numeric and "named-nodes" in codes(raw):
        assert_same(raw, graph)
    else:  # labels that are numbers or equal to the ids leave the ids in place
        order = {node: str(i) for i, node in enumerate(graph)}
        assert_same(raw, graph, name=order.__getitem__)


@quiet
@given(graph=graphs(names=st.integers(0, 10**6)))
def test_node_link_round_trip(folder, graph):
    raw = round_trip(write_node_link, "json", folder, graph)
    assert_same(raw, graph)
    assert raw.node_ids.tolist() == sorted(graph)


@quiet
@given(graph=graphs())
def test_node_link_round_trip_of_names(folder, graph):
    assert_same(round_trip(write_node_link, "json", folder, graph), graph)


@quiet
@given(graph=graphs(names=WORDS))
def test_pajek_round_trip(folder, graph):
    for node in graph:
        graph.nodes[node].clear()  # Pajek has no attributes that are text or numbers of any name
    raw = round_trip(nx.write_pajek, "net", folder, graph)
    for *_, data in graph.edges(data=True):  # the writer gives every edge a weight
        data.setdefault("weight", 1.0)
    if raw.weights is None:
        raw = type(raw)(**{**vars(raw), "weights": np.ones(len(raw.rows), np.float32)})
    assert_same(raw, graph)


# ----------------------------------------------------------------------------------- GraphML
GRAPHML = """<?xml version="1.0"?>
<graphml xmlns="http://graphml.graphdrawing.org/xmlns">
<key id="c" for="node" attr.name="colour" attr.type="string"><default>red</default></key>
<key id="h" for="node" attr.name="height" attr.type="double"/>
<key id="w" for="edge" attr.name="weight" attr.type="double"/>
<graph edgedefault="undirected">
<node id="1"><data key="h">1.5</data></node>
<node id="10"><data key="c">blue</data></node>
<node id="2"><data key="c">blue</data><data key="h">2.25</data></node>
<node id="3"/>
<edge source="1" target="10"><data key="w">2</data></edge>
<edge source="10" target="2"/>
<edge source="2" target="3" id="e"/><edge source="2" target="3" id="e"/>
</graph></graphml>"""


class TestGraphML:
    def test_attributes_defaults_and_missing_weights(self, file):
        raw = file("g.graphml", GRAPHML)
        assert raw.node_ids.tolist() == [1, 2, 3, 10]
        assert arcs(raw) == [(1, 10), (10, 2), (2, 3), (2, 3)]
        np.testing.assert_equal(raw.weights, np.float32([2, np.nan, np.nan, np.nan]))
        assert [raw.label_names[i] for i in raw.labels] == ["red", "blue", "red", "blue"]
        np.testing.assert_equal(raw.values["height"], np.float32([1.5, 2.25, np.nan, np.nan]))
        assert not raw.directed
        assert raw.symmetric
        assert codes(raw) == ["labels-from-attribute"]

    def test_without_namespace(self, file):
        raw = file("g.graphml", GRAPHML.replace(' xmlns="http://graphml.graphdrawing.org/xmlns"', ""))
        assert len(raw.rows) == 4

    def test_any_name_and_utf16(self, file):
        text = GRAPHML.replace('version="1.0"', 'version="1.0" encoding="utf-16"')
        assert len(file("upload.dat", text.encode("utf-16")).rows) == 4

    def test_undeclared_and_repeated_nodes_are_told(self, file):
        text = GRAPHML.replace('target="10"', 'target="new"').replace("</graph>", '<node id="1"/></graph>')
        raw = file("g.graphml", text.replace('<node id="3"/>', '<node id="3"/><node id="2"/><node id="2"/>'))
        assert raw.node_ids.tolist() == ["1", "10", "2", "3", "new"]
        assert "repeated-nodes" in codes(raw)
        assert "undeclared-nodes" in codes(file("g.graphml", GRAPHML.replace('target="10"', 'target="n"')))

    def test_second_graph_is_told(self, file):
        second = '<graph edgedefault="undirected"><edge source="1" target="2"/></graph></graphml>'
        assert "edges-ignored" in codes(file("g.graphml", GRAPHML.replace("</graphml>", second)))

    @pytest.mark.parametrize(
        ("old", "new", "message"),
        [
            ('id="3"', "", "has no id"),
            ('target="3" id', "id", "no source or no target"),
            (">2<", ">inf<", "not a finite number"),
            (">1.5<", ">tall<", "GraphML"),
            ('key="h"', 'key="q"', "no key q"),
            ("</graphml>", "", "not well-formed|no element found"),
            ("<edge", "<edge directed='true'", "directed=true edge found in undirected graph"),
            ("<graph ", "<drawing ", "mismatched"),
        ],
    )
    def test_damage_is_named(self, file, old, new, message):
        with pytest.raises(DataError, match=f"(?i){message}"):
            file("g.graphml", GRAPHML.replace(old, new, 1))

    def test_infinite_attribute_is_left_out(self, file):
        raw = file("g.graphml", GRAPHML.replace(">1.5<", ">inf<"))
        assert raw.values == {}
        assert "infinite-values" in codes(raw)

    def test_limits(self, file):
        with pytest.raises(LimitError, match="nodes"):
            file("g.graphml", GRAPHML, limits=Limits(nodes=3))
        with pytest.raises(LimitError, match="entries"):
            file("g.graphml", GRAPHML, limits=Limits(edges=3))


@pytest.mark.parametrize("space", ["http://gexf.net/1.3", "http://www.gexf.net/1.1draft", "http://x/y", ""])
def test_gexf_of_every_version(file, space):
    text = f"""<gexf xmlns="{space}"><graph defaultedgetype="undirected"><nodes>
    <node id="a" label="A"/><node id="b" label="B"/></nodes><edges>
    <edge id="0" source="a" target="b" weight="2.5"/><edge id="0" source="b" target="a"/>
    </edges></graph></gexf>"""
    raw = file("g.gexf", text)
    assert raw.node_ids.tolist() == ["A", "B"]
    assert raw.weights.tolist() == [2.5, 1]
    assert not raw.directed


class TestGML:
    def test_text_beyond_ascii_and_parallel_edges(self, file):
        raw = file("g.gml", 'graph [ node [ id 0 label "Zoë" ] node [ id 5 label "中" ]\n'
                            "edge [ source 0 target 5 value 2 ]\n"
                            "edge [ source 5 target 0 value 3.5 ] ]")  # fmt: skip
        assert raw.node_ids.tolist() == ["Zoë", "中"]
        assert raw.weights.tolist() == [2, 3.5]

    def test_labels_that_repeat_leave_the_ids(self, file):
        raw = file(
            "g.gml", 'graph [ node [ id 3 label "x" ] node [ id 1 label "x" ] edge [ source 3 target 1 ] ]'
        )
        assert raw.node_ids.tolist() == [1, 3]
        assert arcs(raw) == [(3, 1)]

    @pytest.mark.parametrize(
        "text",
        [
            "graph [ node [ id 0 ] edge [ source 0 target 7 ] ]",
            "graph [ node [ id 0 ] node [ id 0 ] ]",
            "graph [ node [ id 0 ",
            "graph [ ]",
            "graph [ " + "a [ " * 20000,
            'graph [ node [ id 0 label "\n\nx ] ]',
        ],
    )
    def test_damage_is_named(self, file, text):
        with pytest.raises(DataError, match=r"g\.gml"):
            file("g.gml", text)


class TestPajek:
    def test_all_kinds_of_sections(self, file):
        raw = file("g.net", '%c\n*Network x\n*Vertices 4\n1 "a b" 0.1 0.2 0.5\n2 c\n4 "d"\n'
                            '*Arcs :1 "likes"\n1 2 2.5 c Red\n*Edges\n2 3\n'
                            "*Arcslist\n4 1 2 3\n*Partition p\n1\n")  # fmt: skip
        assert raw.node_ids.tolist() == ["a b", "c", "3", "d"]
        assert arcs(raw) == [
            ("a b", "c"), ("c", "3"), ("d", "a b"), ("d", "c"), ("d", "3"), ("3", "c")
        ]  # fmt: skip
        assert raw.weights.tolist() == [2.5, 1, 1, 1, 1, 1]
        assert raw.directed
        assert codes(raw) == ["sections-ignored", "relations"]

    def test_matrix_and_numbers_only(self, file):
        raw = file("g.net", "*vertices 3\n*matrix\n0 1 0\n0 0 2\n0 0 0\n")
        assert raw.node_ids.tolist() == [1, 2, 3]
        assert list(zip(arcs(raw), raw.weights, strict=True)) == [((1, 2), 1), ((2, 3), 2)]

    def test_labels_that_repeat_leave_the_numbers(self, file):
        raw = file("g.net", "*vertices 2\n1 x\n2 x\n*edges\n1 2\n")
        assert raw.node_ids.tolist() == [1, 2]
        assert codes(raw) == ["labels-not-unique"]

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("*vertices 2\n*edges\n1 3\n", "line 3.*from 1 to 2"),
            ("*vertices 2\n*edges\n1\n", "line 3.*from 1 to 2"),
            ("*vertices many\n*edges\n1 2\n", "needs a count"),
            ("*vertices 2\n*matrix\n0 1\n", "2 x 2 numbers"),
            ("*vertices 2\n*matrix\n0 1\nx 0\n", "x"),
            ("*vertices 2000000000\n*edges\n1 2\n", "exceeds the limit"),
            ("*network x\n*edges\n1 2\n", "no section"),
            ("*vertices 2\n*edges\n1 2 1e99\n", "finite"),
        ],
    )
    def test_damage_is_named(self, file, text, message):
        with pytest.raises(DataError, match=message):
            file("g.net", text)


class TestNodeLink:
    def test_d3_counts_nodes_from_zero(self, file):
        raw = file("m.json", '{"nodes":[{"name":"Myriel","group":1},{"name":"Napoleon","group":1}],'
                             '"links":[{"source":1,"target":0,"value":8}]}')  # fmt: skip
        assert {frozenset(pair) for pair in arcs(raw)} == {frozenset({"Napoleon", "Myriel"})}
        assert raw.weights.tolist() == [8]

    def test_d3_by_name(self, file):
        raw = file("m.json", '{"links":[{"source":"b","target":"a"}],"nodes":[{"name":"a"},{"name":"b"}]}')
        assert {frozenset(pair) for pair in arcs(raw)} == {frozenset("ab")}

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ('{"nodes":[{"id":0}],"links":[{"source":0}]}', "target of a link is None"),
            ('{"nodes":[{"id":0}],"links":[{"source":0,"target":[0]}]}', "target of a link is"),
            ('{"nodes":[{"id":0}],"links":{}}', "must be a list"),
            ('{"nodes":[{"id":0},{"id":1}],"links":[{"source":0,"target":1,"weight":Infinity}]}', "Infinity"),
            ('{"nodes":[{"id":0},{"id":1}],"links":[{"source":0,"target":1,"weight":1e999}]}', "finite"),
            ('{"nodes":[{"id":0},{"id":"0"}],"links":[{"source":0,"target":0}]}', "not unique"),
            ('{"nodes":[{"id":0}],"x":' + "[" * 200 + "]" * 200 + "}", "nested|Nested"),
            ('{"nodes":[{"id":0}],\n"links":[}', "line 2"),
            ('{"nodes":[],"links":[]}', "no nodes"),
        ],
    )
    def test_damage_is_named(self, file, text, message):
        with pytest.raises(DataError, match=message):
            file("g.json", text)
