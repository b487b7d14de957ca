"""Network formats of other programs, against networkx and igraph where they read or write them."""

import io
import random
import tempfile
from pathlib import Path

import igraph
import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.data.readers.attacks_binary import graphdb
from tests.data.readers.round_trip import codes, edges_of, named_arcs, read_bytes
from vgae_core.data.repairs import offers
from vgae_core.errors import DataError, LimitError
from vgae_core.host.limits import Limits


def refused(name, text, message):
    with pytest.raises(DataError, match=message) as caught:
        read_bytes((name, text if isinstance(text, bytes) else text.encode()))
    assert str(caught.value).startswith(name)


def pairs(edges):
    return sorted(tuple(sorted(map(str, pair))) for pair in named_arcs(edges))


def graph_pairs(graph):
    return sorted(tuple(sorted(map(str, edge[:2]))) for edge in graph.edges())


@st.composite
def graphs(draw):
    """Return a small undirected graph of at least one edge, without self-loops, nodes from 0."""
    n = draw(st.integers(2, 9))
    every = [(i, j) for i in range(n) for j in range(i)]
    graph = nx.empty_graph(n)
    graph.add_edges_from(draw(st.lists(st.sampled_from(every), min_size=1, unique=True)))
    return graph


def written_by_igraph(graph, how):
    other = igraph.Graph.from_networkx(graph)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "g"
        how(other, str(path))
        return path.read_bytes()


# --------------------------------------------------------------------------------------- DOT
class TestDot:
    def test_what_igraph_writes(self):
        graph = nx.karate_club_graph()
        edges = edges_of("g.dot", written_by_igraph(graph, igraph.Graph.write_dot))
        assert edges.format == "Graphviz DOT"
        assert len(edges.node_ids) == 34
        assert len(edges.rows) == 78
        by_club = read_bytes(("g.dot", written_by_igraph(graph, igraph.Graph.write_dot)))
        assert sorted(by_club.label_names) == ["Mr. Hi", "Officer"]

    @given(graph=graphs())
    def test_round_trip_by_igraph(self, graph):
        edges = edges_of("g.dot", written_by_igraph(graph, igraph.Graph.write_dot))
        assert pairs(edges) == graph_pairs(graph)

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("graph { a -- b }", [("a", "b")]),
            ("digraph x{a->b->c;}", [("a", "b"), ("b", "c")]),
            ('graph "my graph" { "a b" -- c:port:n; }', [("a b", "c")]),
            ("graph{a--{b c}--d}", [("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")]),
            ("graph{a -- {b -- x; c} -- d}", [("a", "b"), ("a", "c"), ("a", "x"), ("b", "d"), ("b", "x"), ("c", "d"),
                                              ("d", "x")]),
            ("graph { subgraph cluster_1 { label=x; a } subgraph { b } a -- b [color=red, weight=2] }", [("a", "b")]),
            ("// c\n/* c\nc */ strict graph {\n# line\n node [shape=box] edge [len=2]\n rankdir=LR\n a -- b; a -- b }",
             [("a", "b")]),
            ('graph { a [label=<<b>x</b>>, kind="u"]; a -- -1.5 -- "x" + "y" }', [("-1.5", "a"), ("-1.5", "xy")]),
        ],
    )  # fmt: skip
    def test_the_grammar(self, text, expected):
        assert pairs(edges_of("g.gv", text)) == expected

    def test_attributes_of_nodes_and_edges(self):
        text = "digraph { a [group=x, size=2.5]; b [group=x, size=1]; c [group=y, size=1]; "
        text += "a -> b [weight=3]; b -> c [weight=1] }"
        graph = read_bytes(("g.dot", text.encode()))
        assert graph.directed
        assert graph.weights.tolist() == [3, 1]
        assert graph.label_names == ("x", "y")
        assert graph.values["size"].tolist() == [2.5, 1, 1]

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("graph {\n a -- \n}\n", "line 3.*Expected a node"),
            ("graph {\n a -- b", "end of the file"),
            ('graph {\n a -- "b\n}\n', "line 2: Not DOT"),
            ("graph {\n a [x=]\n}\n", "line 2.*Expected a value"),
            ("graph {\n /* a\n}\n", "line 2.*comment"),
            ("graph {\n a [label=<x]\n}\n", "line 2.*never closed"),
            ("graph {" + "{" * 300 + "}" * 300 + "}", "Nested more than"),
        ],
    )
    def test_damage_is_named_with_its_line(self, text, message):
        refused("g.dot", text, message)

    def test_limits_hold_while_edges_are_made(self):
        group = "{" + " ".join(f"n{i}" for i in range(200)) + "}"
        with pytest.raises(LimitError, match="entries"):
            edges_of("g.dot", f"graph {{ {group} -- {group} }}", Limits(edges=1000))

    def test_a_second_graph_is_told(self):
        assert "edges-ignored" in codes(edges_of("g.dot", "graph { a -- b }\ngraph { c -- d }\n"))


# ----------------------------------------------------------------------------------- GraphDB
@given(graph=graphs())
def test_graphdb_as_igraph_reads_it(graph):
    content = graphdb([sorted(graph[i]) for i in graph])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "g.A00"
        path.write_bytes(content)
        reference = igraph.Graph.Read_GraphDB(str(path), directed=True)
    edges = edges_of("upload", content)
    assert sorted(named_arcs(edges)) == sorted(reference.get_edgelist())
    assert edges.node_ids.tolist() == list(range(reference.vcount()))


# -------------------------------------------------------------------------- DIMACS and METIS
class TestDimacs:
    @given(graph=graphs(), data=st.data())
    def test_what_igraph_writes(self, graph, data):
        directed = igraph.Graph.from_networkx(nx.DiGraph(graph))
        capacity = data.draw(
            st.lists(st.integers(1, 9), min_size=directed.ecount(), max_size=directed.ecount())
        )
        directed.es["capacity"] = capacity
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "g.max"
            directed.write_dimacs(str(path), 0, 1, capacity="capacity")
            content = path.read_bytes()
        edges = edges_of("g.max", content)
        assert named_arcs(edges) == [(e.source + 1, e.target + 1) for e in directed.es]
        assert edges.weights.tolist() == capacity
        assert len(edges.node_ids) == graph.number_of_nodes()

    def test_shortest_paths_with_comments(self):
        edges = edges_of("g.gr", "c made\nc\np sp 5 3\na 1 2 4\na 2 1 4\na 4 5 1\n")
        assert named_arcs(edges) == [(1, 2), (2, 1), (4, 5)]
        assert edges.node_ids.tolist() == [1, 2, 3, 4, 5]

    def test_colouring_lists_each_edge_once_or_twice(self):
        for rows in ("e 1 2\ne 2 3\n", "e 1 2\ne 2 1\ne 2 3\ne 3 2\n"):
            edges = edges_of("g.col", f"p edge 3 {rows.count('e')}\n{rows}")
            assert pairs(edges) == [("1", "2"), ("2", "3")]
            assert edges.symmetric

    def test_another_count_is_told(self):
        assert codes(edges_of("g.gr", "p sp 3 9\na 1 2 4\na 2 3 1\n")) == ["announced-edges"]

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("p sp 3 2\na 1 2 1\na 1 9 1\n", "line 3.*from 1 to 3"),
            ("p sp 3 2\na 1 2 1\na 2 3 x\n", "line 3.*finite"),
            ("p sp 999999999 1\na 1 2 1\n", "limit"),
            ("p sp 3 1\na 1 2 1\np sp 3 1\n", "Found: 2|line"),
        ],
    )
    def test_damage_is_named(self, text, message):
        refused("g.gr", text, message)


def metis(graph, *, weights=False):
    """Return a METIS text, by the manual."""
    n, m = graph.number_of_nodes(), graph.number_of_edges()
    lines = [f"{n} {m}" + (" 001" if weights else "")]
    for i in range(n):
        neighbours = (f"{j + 1} {graph[i][j]['weight']}" if weights else str(j + 1) for j in graph[i])
        lines += [" ".join(neighbours)]
    return "\n".join(lines) + "\n"


class TestMetis:
    @given(graph=graphs(), weighted=st.booleans())
    def test_round_trip(self, graph, weighted):
        nx.set_edge_attributes(graph, {e: 2 + i for i, e in enumerate(graph.edges())}, "weight")
        edges = edges_of("g.graph", metis(graph, weights=weighted))
        assert pairs(edges) == sorted(tuple(sorted((str(a + 1), str(b + 1)))) for a, b in graph.edges())
        assert edges.node_ids.tolist() == list(range(1, graph.number_of_nodes() + 1))
        reference = nx.to_numpy_array(graph, weight="weight" if weighted else None)
        dense = np.zeros_like(reference)
        weights = 1 if edges.weights is None else edges.weights
        dense[edges.rows, edges.cols] = dense[edges.cols, edges.rows] = weights
        np.testing.assert_array_equal(dense, reference)

    def test_recognised_without_a_name(self):
        assert edges_of("upload", metis(nx.karate_club_graph())).format == "METIS"

    def test_counts_above_an_edge_list_are_no_metis(self):
        assert edges_of("e.txt", "3 3\n1 2\n2 3\n3 1\n").format.startswith("edge list")

    def test_weights_of_nodes_are_told(self):
        assert codes(edges_of("g.graph", "3 2 010\n5 2\n5 1 3\n5 2\n")) == ["weights-of-nodes"]

    def test_comments_and_nodes_without_neighbours(self):
        edges = edges_of("g.graph", "% c\n4 2\n2\n1 3\n% c\n2\n\n")
        assert len(edges.node_ids) == 4
        assert pairs(edges) == [("1", "2"), ("2", "3")]

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("3 2\n2\n1 3", "Declares 3 nodes. Lines that follow: 2"),
            ("3 2\n2\n1 4\n2\n", "line 3.*from 1 to 3"),
            ("3 2 001\n2 5\n1 5 3\n2 5\n", "line 3.*followed by a weight"),
            ("999999999 2\n2\n1 4\n2\n", "limit"),
        ],
    )
    def test_damage_is_named(self, text, message):
        refused("g.metis", text, message)


# ------------------------------------------------------------------------------------ UCINET
class TestUcinet:
    def test_what_igraph_reads(self):
        """Each text is also read by igraph, whose reader of DL is another one."""
        texts = [
            "DL n=5\nformat = edgelist1\nlabels embedded:\ndata:\nlarry david\nlarry lin\nlin pat 2\ndavid russ\n",
            "DL n=3\nformat = edgelist1\nlabels:\nann,bob,cid\ndata:\n1 2\n2 3\n",
            "DL n=4\nformat = fullmatrix\nlabels:\na,b,c,d\ndata:\n0 1 1 1\n1 0 0 0\n1 0 0 1\n0 0 1 0\n",
            "DL n=4\ndata:\n0 1 1 1\n1 0 0 0\n1 0 0 1\n0 0 1 0\n",
            "DL n=4\nformat = nodelist1\nlabels embedded:\ndata:\na b c\nb a d\n",
        ]
        for text in texts:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "g.dl"
                path.write_text(text)
                reference = igraph.Graph.Read_DL(str(path), directed=True)
            names = (
                reference.vs["name"]
                if "name" in reference.vs.attributes()
                else range(1, reference.vcount() + 1)
            )
            edges = edges_of("g.dl", text)
            expected = sorted((str(names[e.source]), str(names[e.target])) for e in reference.es)
            assert sorted((str(a), str(b)) for a, b in named_arcs(edges)) == expected, text

    def test_matrix_with_embedded_labels(self):
        edges = edges_of(
            "g.dl", 'dl n=2 format=fullmatrix\nlabels embedded:\ndata:\n"a b" c\n"a b" 0 3\nc 1 0\n'
        )
        assert list(zip(named_arcs(edges), edges.weights, strict=True)) == [
            (("a b", "c"), 3),
            (("c", "a b"), 1),
        ]

    def test_two_modes(self):
        edges = edges_of("g.dl", "dl nr=2, nc=3\ndata:\n1 0 1\n0 1 1\n")
        assert pairs(edges) == [("c1", "r1"), ("c2", "r2"), ("c3", "r1"), ("c3", "r2")]
        assert codes(edges) == ["two-mode"]

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("dl n=3 format=blockmatrix\ndata:\n1\n1 1\n", "blockmatrix.*is not supported"),
            ("dl n=3 nm=2\ndata:\n0\n", "2 matrices"),
            ("dl n=2\ndata:\n0 1\n1\n", "2 x 2 numbers"),
            ("dl n=2 format=edgelist1\ndata:\n1 2\n1 7\n", "line 4.*from 1 to 2"),
            ("dl n=2 format=edgelist1\ndata:\n1 2 x\n", "line 3.*finite"),
            ("dl n=2 format=edgelist1\n1 2\n", "no line `data:`"),
            ("dl n=999999999\ndata:\n0\n", "limit"),
        ],
    )
    def test_damage_and_what_is_not_read(self, text, message):
        refused("g.dl", text, message)


# ------------------------------------------------------------- Pajek's other kinds of sections
class TestPajek:
    def test_two_modes_as_matrix_and_as_edges(self):
        vertices = '*Vertices 5 2\n1 "a"\n2 "b"\n3 "x"\n4 "y"\n5 "z"\n'
        for links in ("*Matrix\n1 0 1\n0 1 1\n", "*Edges\n1 3\n1 5\n2 4\n2 5\n"):
            edges = edges_of("g.net", vertices + links)
            assert pairs(edges) == [("a", "x"), ("a", "z"), ("b", "y"), ("b", "z")]
            assert edges.directed is False
            assert codes(edges) == ["two-mode"]

    def test_unknown_weights_are_left_to_the_repairs(self):
        edges = edges_of("g.net", "*Vertices 4\n*Arcs\n1 2 NaN\n2 3 7\n3 4 NA\n")
        np.testing.assert_equal(edges.weights, np.float32([np.nan, 7, np.nan]))

    def test_a_title_before_the_vertices(self):
        text = "Friends at school, 1998\n\n*Vertices 3\n1 a\n2 b\n3 c\n*Edges\n1 2\n2 3\n"
        assert pairs(edges_of("g.net", text)) == [("a", "b"), ("b", "c")]

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("*Vertices 5 2\n*Matrix\n1 0\n", "line 3.*2 x 3 numbers"),
            ("*Vertices 5 9\n*Edges\n1 2\n", "9 of them in the first mode"),
            ("*Vertices 3\n*Arcs\n1 2 1\n2 3 1e99\n", "line 4.*finite"),
        ],
    )
    def test_damage_is_named(self, text, message):
        refused("g.net", text, message)


def test_unknown_weights_of_graphml_are_told_with_the_repair(tmp_path):
    graph = nx.path_graph(3)
    nx.set_edge_attributes(graph, {(0, 1): float("nan"), (1, 2): 2.0}, "weight")
    out = io.BytesIO()
    nx.write_graphml_xml(graph, out)
    raw = read_bytes(("g.graphml", out.getvalue()))
    np.testing.assert_equal(raw.weights, np.float32([np.nan, 2]))
    offer = next(offer for offer in offers(raw) if offer.setting == "missing_weights")
    assert offer.count == 1


# ------------------------------------------------------------------------------------- lists
class TestLists:
    def test_networkx_edge_lists_with_data(self):
        graph = nx.les_miserables_graph()
        graph = nx.convert_node_labels_to_integers(graph)
        out = io.BytesIO()
        nx.write_edgelist(graph, out)
        edges = edges_of("g.edgelist", out.getvalue())
        assert pairs(edges) == graph_pairs(graph)
        assert edges.weights.tolist() == [d["weight"] for *_, d in graph.edges(data=True)]

    @pytest.mark.parametrize("delimiter", [" ", "\t", ","])
    def test_delimiters_of_networkx(self, delimiter):
        graph = nx.Graph()
        graph.add_edge("a", "b", weight=1.5, kind="x y")
        graph.add_edge("b", "c", weight=2)
        out = io.BytesIO()
        nx.write_edgelist(graph, out, delimiter=delimiter)
        edges = edges_of("g.txt", out.getvalue())
        assert pairs(edges) == [("a", "b"), ("b", "c")]
        assert edges.weights.tolist() == [1.5, 2]
        assert codes(edges) == ["attributes-ignored"]

    @given(graph=graphs(), weighted=st.booleans(), texts=st.booleans(), whole=st.booleans())
    def test_printed_tuples(self, graph, weighted, texts, whole):
        if texts:
            graph = nx.relabel_nodes(graph, {i: f'it\'s "{i}"' for i in graph})
        rows = [(a, b, 0.5) if weighted else (a, b) for a, b in graph.edges()]
        text = repr(rows) if whole else "".join(f"{row}\n" for row in rows)
        edges = edges_of("e.txt", text)
        assert pairs(edges) == graph_pairs(graph)
        assert edges.weights is None or set(edges.weights.tolist()) == {0.5}

    def test_tuples_of_numpy_and_with_data(self):
        edges = edges_of("e.txt", "(np.int64(0), np.int64(1), {'weight': np.float64(2.5)})\n(1, 2, {})\n")
        assert named_arcs(edges) == [(0, 1), (1, 2)]
        np.testing.assert_equal(edges.weights, np.float32([2.5, np.nan]))

    def test_nothing_is_evaluated(self):
        refused("e.txt", "(0, 1)\n(1, __import__('os'))\n", "line 2.*Not a pair")
        refused("e.txt", "1 2 {}\n2 3 {'weight': [1] * 9}\n", "line 2|columns")

    def test_lgl_as_igraph_writes_it(self):
        graph = nx.relabel_nodes(nx.karate_club_graph(), str)

        def write(other, path):
            other.vs["name"] = [f"n{i}" for i in range(other.vcount())]
            other.write_lgl(path, names="name", weights=None)

        edges = edges_of("g.lgl", written_by_igraph(graph, write))
        assert edges.format == "LGL"
        assert len(edges.rows) == graph.number_of_edges()
        assert pairs(edges) == sorted(tuple(sorted((f"n{a}", f"n{b}"))) for a, b in graph.edges())

    def test_ncol_as_igraph_writes_it_and_with_some_weights(self):
        def write(other, path):
            other.vs["name"] = [f"n{i}" for i in range(other.vcount())]
            other.write_ncol(path, names="name", weights=None)

        graph = nx.karate_club_graph()
        edges = edges_of("g.ncol", written_by_igraph(graph, write))
        assert pairs(edges) == sorted(tuple(sorted((f"n{a}", f"n{b}"))) for a, b in graph.edges())
        assert np.isnan(edges_of("g.ncol", "a b 2\nb c\n").weights).tolist() == [False, True]
        refused("g.ncol", "a b 2\n" * 300 + "b c d e\n", "line 301.*2 or 3")

    def test_quoted_adjacency_lists(self):
        text = '"ann";"bob";"cid"\n"bob";"cid"\n"cid";"dan";"ann"\n"dan";"ann"\n'
        assert len(pairs(edges_of("adj.csv", text))) == 6

    @pytest.mark.parametrize("separator", [";", ",", "\t"])
    def test_gephi_adjacency_lists(self, separator):
        rows = [["ann", "bob", "cid"], ["bob", "cid"], ["cid", "dan", "ann"], ["dan", "ann"]]
        text = "\n".join(separator.join(row) for row in rows)
        assert pairs(edges_of("adj.csv", text)) == [
            ("ann", "bob"), ("ann", "cid"), ("ann", "cid"), ("ann", "dan"), ("bob", "cid"), ("cid", "dan")
        ]  # fmt: skip

    def test_prose_is_no_adjacency_list(self):
        sentence = "the a network of towns was made by hand in spring and then checked"
        words = random.Random(3).choices(sentence.split(), k=90)
        text = "\n".join(" ".join(words[i : i + 3 + i % 5]) for i in range(0, 80, 8))
        with pytest.raises(DataError, match="columns"):
            edges_of("note.txt", text)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("g.tlp", b'(tlp "2.3"\n(nodes 0..2)\n', "Tulip.*GML"),
        ("g.ttl", b"@prefix ex: <http://x/> .\nex:a ex:b ex:c .\n", "Turtle.*rdflib"),
        (
            "g.rdf",
            b'<?xml version="1.0"?>\n<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">',
            "rdflib",
        ),
        ("g.vna", b"*node data\nID gender\na 1\n", "VNA.*DL"),
        ("g.g6", b">>graph6<<A_\n", "graph6.*networkx"),
        ("g.gdf", b"nodedef>name VARCHAR\na\nedgedef>node1,node2\na,b\n", "GDF.*Gephi"),
        ("v.bin", b"3 2\nthe \x00\x00\x80?\x00\x00\x00@\n", "word2vec.*gensim"),
        ("g.rds", b"X\n\0\0\0\3\0\4\1\2", "file of R.*write.csv"),
        ("g.RData", b"RDX3\nX\n\0\0\0\3", "file of R.*write.csv"),
        ("g.sqlite", b"SQLite format 3\0" + bytes(50), "sqlite3 -header"),
        ("map.json", b'{"type": "FeatureCollection", "features": []}', "GeoJSON.*source,target"),
    ],
)
def test_refused_by_name_with_the_way_on(name, content, message):
    refused(name, content, message)
