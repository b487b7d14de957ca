"""Edges that say how their nodes are related: SIF, N-Triples, arrows, TGF, OBO, Pajek, Cytoscape.js."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from tests.data.readers.round_trip import codes, edges_of, named_arcs, read_bytes, related_arcs
from vgae_core.data.readers.base import Probe
from vgae_core.data.readers.graphs.triples import SIF
from vgae_core.errors import DataError, LimitError
from vgae_core.host.limits import LIMITS, Limits


def refused(name, text, message):
    with pytest.raises(DataError, match=message) as caught:
        edges_of(name, text)
    assert str(caught.value).startswith(name)


class TestSif:
    def test_three_columns_of_a_file_called_so(self):
        edges = edges_of("yeast.sif", "TUP1 represses MIG1\nMIG1 represses GAL4\nGAL4 binds GAL80\n")
        assert related_arcs(edges) == [
            ("TUP1", "represses", "MIG1"), ("MIG1", "represses", "GAL4"), ("GAL4", "binds", "GAL80")
        ]  # fmt: skip
        assert edges.relation_names == ("represses", "binds")
        assert edges.relations.dtype == "int32"
        assert codes(edges) == ["relations"]
        assert "represses (2), binds (1)" in edges.findings[0].message

    @pytest.mark.parametrize("name", ["x.sif", "upload.txt"])
    def test_several_targets_and_lone_nodes(self, name):
        edges = edges_of(name, "ada knows bob cid\nbob likes cid\ncid knows ada dan\neve\n")
        assert related_arcs(edges) == [
            ("ada", "knows", "bob"), ("ada", "knows", "cid"), ("bob", "likes", "cid"), ("cid", "knows", "ada"),
            ("cid", "knows", "dan"),
        ]  # fmt: skip
        assert set(edges.node_ids) == {"ada", "bob", "cid", "dan", "eve"}
        assert edges.format == "SIF"

    def test_one_tab_makes_tabs_the_separator_everywhere(self):
        edges = edges_of("x.sif", "New York\troad to\tBoston\tAlbany\nBoston\trail to\tAlbany\nLa Paz\n")
        assert related_arcs(edges)[:2] == [
            ("New York", "road to", "Boston"),
            ("New York", "road to", "Albany"),
        ]
        assert "La Paz" in edges.node_ids.tolist()

    def test_a_header_is_told_and_cuts_the_columns(self):
        text = "PARTICIPANT_A\tINTERACTION_TYPE\tPARTICIPANT_B\tSOURCE\nA\tbinds\tB\treactome\nB\tbinds\tC\tkegg\n"
        edges = edges_of("pc.sif", text + "\nPARTICIPANT\tNAME\nA\tone\n")
        assert named_arcs(edges) == [("A", "B"), ("B", "C")]
        assert codes(edges) == ["header", "lines-ignored", "relations"]

    @pytest.mark.parametrize(
        "rows",
        [
            [
                "source,target,country",
                "s1,s2,Trinidad and Tobago",
                "s2,s3,Peru",
                "s3,s1,Isles and more isles",
            ],
            ["s1;s2;met in a park", "s2;s3;met", "s3;s1;met in Rome"],
            ["s1,s2,glad to meet you, at last", "s2,s3,glad to know you", "s3,s1,soon"],
            ["source|target|note", "s1|s2|as good as new", "s2|s3|old", "s3|s1|so good as it"],
        ],
    )
    def test_a_table_with_texts_is_no_sif(self, tmp_path, rows):
        path = tmp_path / "content"
        path.write_text("\n".join(rows) + "\n")
        probe = Probe("t.csv", "t.csv", path, path.read_bytes(), LIMITS)
        assert not SIF.recognise(probe)

    def test_texts_behind_edges_are_no_nodes(self):
        rows = b"source,target,country\ns1,s2,Trinidad and Tobago\ns2,s3,Peru\ns3,s1,Isles and isles\n"
        graph = read_bytes(("t.csv", rows))
        assert sorted(graph.node_ids.tolist()) == ["s1", "s2", "s3"]
        assert len(graph.rows) == 3

    def test_commas_in_names_are_left_in_a_file_called_so(self):
        edges = edges_of("x.sif", "a,1 binds b,1\nb,1 binds c,1 d,1\n")
        assert named_arcs(edges) == [("a,1", "b,1"), ("b,1", "c,1"), ("b,1", "d,1")]

    def test_numbers_in_the_middle_are_weights(self):
        edges = edges_of("grn.sif", "CIN5 0.5 GLN3\nGLN3 -0.25 HAP4\n")
        assert edges.weights.tolist() == [0.5, -0.25]
        assert edges.relations is None

    @pytest.mark.parametrize(
        ("name", "text"),
        [
            (
                "notes.txt",
                "A network of towns and roads\nwhich we collected.\nPlease cite our paper, and write to us\n",
            ),
            ("e.sif", "a b\nb c\nc a\n"),  # no relation anywhere
            ("w.txt", "a b 1\nb c 2\nc d 1\n"),
            ("dup.txt", "a b c\nb c a\nc a b d\n"),  # the middle words are nodes
        ],
    )
    def test_what_is_no_sif(self, name, text):
        assert not SIF.recognise(Probe(name, name, Path(__file__), text.encode(), LIMITS))

    def test_damage_is_named_with_its_line(self):
        refused("x.sif", "a pp b\nb pp\nc pp a\n", "line 2.*no target")
        refused("x.sif", "a\tpp\tb\nb\t\tc\na\tpp\tc\n", "line 2.*empty column")
        with pytest.raises(LimitError, match="entries"):
            edges_of("x.sif", "a pp b c d\nb pp a\n", Limits(edges=3))

    def test_words_of_relations_are_no_nodes_of_the_graph(self):
        graph = read_bytes(("x.sif", b"a pp b\nb pp c\nc pd a\n"))
        assert sorted(graph.node_ids) == ["a", "b", "c"]


class TestTriples:
    TEXT = """# two people
<http://x.org/ada> <http://x.org/rel#knows> <http://x.org/bob> .
<http://x.org/bob> <http://x.org/rel#knows> _:b0 .
_:b0 <http://x.org/rel/worksAt> <http://x.org/lab> .
<http://x.org/ada> <http://www.w3.org/2000/01/rdf-schema#label> "Ada \\"L\\" \\u00c9"@en .
<http://x.org/ada> <http://x.org/age> "36"^^<http://www.w3.org/2001/XMLSchema#integer> .
"""

    def test_subjects_and_objects_are_nodes_and_predicates_relations(self):
        edges = edges_of("g.nt", self.TEXT)
        assert related_arcs(edges) == [
            ("http://x.org/ada", "knows", "http://x.org/bob"), ("http://x.org/bob", "knows", "_:b0"),
            ("_:b0", "worksAt", "http://x.org/lab"),
        ]  # fmt: skip
        assert edges.directed
        assert codes(edges) == ["literals-ignored", "relations"]
        assert edges.findings[0].count == 2

    def test_labels_name_nodes(self):
        graph = read_bytes(("upload", self.TEXT.encode()))
        assert 'Ada "L" É' in graph.node_ids.tolist()

    def test_quads_are_joined_and_told(self):
        edges = edges_of("g.nq", "<a:1> <p:x> <a:2> <g:1> .\n<a:2> <p:x> <a:3> <g:2> .\n")
        assert codes(edges) == ["graphs-joined", "relations"]

    def test_relations_with_one_last_part_keep_their_whole_names(self):
        edges = edges_of("g.nt", "<a:1> <http://p/is> <a:2> .\n<a:2> <http://q/is> <a:3> .\n")
        assert edges.relation_names == ("http://p/is", "http://q/is")

    def test_a_broken_line_is_named(self):
        many = "".join(f"<n:{i}> <p:x> <n:{i + 1}> .\n" for i in range(300))
        refused("g.nt", many + "<n:1> <p:x>\n", "line 301.*Not a triple")


class TestArrows:
    @pytest.mark.parametrize("arrow", ["->", "-->", "=>", "→"])
    def test_arrows_have_a_direction(self, arrow):
        edges = edges_of("calls.txt", f"main {arrow} parse\nparse {arrow} read line\n")
        assert named_arcs(edges) == [("main", "parse"), ("parse", "read line")]
        assert edges.directed

    def test_lines_have_none(self):
        edges = edges_of("e.txt", "a -- b\nb -- c\n")
        assert named_arcs(edges) == [("a", "b"), ("b", "c")]
        assert edges.directed is False

    def test_chains_lists_and_names_without_blanks(self):
        edges = edges_of("e.txt", "a->b->c\nc -> d, e\n")
        assert named_arcs(edges) == [("a", "b"), ("b", "c"), ("c", "d"), ("c", "e")]

    def test_a_relation_in_the_arrow(self):
        edges = edges_of("e.txt", "ada -[:KNOWS]-> bob\nbob -[:LIKES]-> cid\n")
        assert related_arcs(edges) == [("ada", "KNOWS", "bob"), ("bob", "LIKES", "cid")]

    @pytest.mark.parametrize("behind", ["[weight=2.5, color=red]", "(2.5)", ": 2.5"])
    def test_a_weight_behind_the_edge(self, behind):
        edges = edges_of("e.txt", f"a -> b {behind}\nb -> c\n")
        assert named_arcs(edges) == [("a", "b"), ("b", "c")]
        assert edges.weights.tolist() == pytest.approx([2.5, np.nan], nan_ok=True)

    @pytest.mark.parametrize("header", ["from,to\n", ""])
    def test_arrows_in_the_names_of_a_table_are_left_there(self, header):
        rows = "".join(f"k{i} -> k{i + 1},k{i + 1} -> k{i + 2}\n" for i in range(1, 21))
        edges = edges_of("line_graph.csv", header + rows)
        assert named_arcs(edges)[0] == ("k1 -> k2", "k2 -> k3")
        assert len(edges.rows) == 20

    def test_a_missing_name_is_named(self):
        refused("e.txt", "a -> b\nb ->\n", "line 2.*missing")


@pytest.mark.parametrize(
    ("name", "text", "decision", "sentence"),
    [
        ("x.sif", "k1 binds k2 k3\nk2 cuts k3\n", r"SIF.*Relations \(binds, cuts\)", "k1 binds k2"),
        ("x.nt", "<u:k1> <u:binds> <u:k2> .\n", "N-Triples.*Relations", "u:k1 binds u:k2"),
        ("x.txt", "k1 -> k2 (2.5)\nk2 -> k3 (1)\n", "arrows.*weights", "k1 → k2 (weight 2.5)"),
        ("x.tgf", "1 one\n2 two\n#\n1 2 binds\n", "Trivial", "1 → 2"),
        ("x.txt", "('k1', 'k2')\n('k2', 'k3')\n", "tuples", "k1 – k2"),
        ("x.edgelist", "k1 k2 {'weight': 3}\n", "networkx.*weights", "k1 – k2 (weight 3)"),
        ("x.lgl", "# k1\nk2\nk3 2\n", "LGL", "k1 – k2"),
        ("x.ncol", "k1 k2 4\n", "NCOL", "k1 – k2 (weight 4)"),
        ("x.adjlist", "k1 k2 k3\nk2 k3\n", "adjacency list", "k1 – k2"),
    ],
)
def test_it_is_said_how_lines_are_read(name, text, decision, sentence):
    (report,) = read_bytes((name, text.encode())).files
    (judgement,) = report.judgements
    assert re.search(decision, judgement.text)
    assert judgement.sure
    assert report.sentences[0].startswith(sentence)


def test_the_beginning_of_a_long_file_is_enough(tmp_path, monkeypatch):
    monkeypatch.setattr("vgae_core.data.readers.columns.first_edges._BEGINNING", 65_536)
    path = tmp_path / "content"
    path.write_text("".join(f"node{i} binds node{i + 1}\n" for i in range(5000)) + "node1 binds\n")
    probe = Probe("x.sif", "x.sif", path, path.read_bytes()[:65_536], LIMITS)
    _, sentences = SIF.judge(probe, "edges")
    assert sentences[-1] == "node4 binds node5"


class TestTrivialGraph:
    def test_nodes_then_edges(self):
        edges = edges_of("g.tgf", "1 Ada\n2 Bob\n3 Cid\n4\n#\n1 2 knows\n2 3 knows\n3 1 likes\n1 3 likes\n")
        assert related_arcs(edges)[0] == (1, "knows", 2)
        assert len(edges.node_ids) == 4
        graph = read_bytes(("g.tgf", b"1 Ada\n2 Bob\n3\n#\n1 2\n"))
        assert graph.node_ids.tolist() == ["Ada", "Bob", "3"]

    def test_an_edge_of_one_node_is_named(self):
        refused("g.tgf", "1 a\n2 b\n#\n1\n", "line 4")


class TestOntology:
    TEXT = """format-version: 1.2
ontology: toy

[Term]
id: T:1
name: thing
namespace: top

[Term]
id: T:2
name: part
namespace: top
is_a: T:1 ! thing
relationship: part_of T:3 {source="x"} ! whole

[Term]
id: T:3
name: whole
namespace: side
is_a: T:1

[Term]
id: T:4
name: old
is_obsolete: true
is_a: T:1

[Typedef]
id: part_of
name: part of
"""

    def test_terms_are_nodes(self):
        edges = edges_of("t.obo", self.TEXT)
        assert related_arcs(edges) == [
            ("T:2", "is_a", "T:1"), ("T:2", "part_of", "T:3"), ("T:3", "is_a", "T:1")
        ]  # fmt: skip
        assert edges.directed
        assert codes(edges) == ["obsolete-terms", "relations"]
        graph = read_bytes(("upload", self.TEXT.encode()))
        assert sorted(graph.node_ids) == ["part", "thing", "whole"]
        assert graph.label_names == ("side", "top")

    def test_a_link_without_a_term_is_named(self):
        refused("t.obo", "[Term]\nid: a\nis_a: b\n\n[Term]\nid: b\nrelationship: part_of\n", "line 7")


class TestInOtherFormats:
    def test_pajek_with_several_relations(self):
        text = '*Vertices 3\n1 "a"\n2 "b"\n3 "c"\n*Arcs :1 "advice"\n1 2 1\n*Arcs :2 "friends"\n2 3 1\n'
        assert related_arcs(edges_of("g.net", text)) == [("a", "advice", "b"), ("b", "friends", "c")]

    def test_an_edge_beside_arcs_keeps_its_relation_in_both_directions(self):
        text = '*Vertices 3\n*Arcs :1 "advice"\n1 2\n*Edges :2 "friends"\n2 3\n'
        assert related_arcs(edges_of("g.net", text)) == [
            (1, "advice", 2),
            (2, "friends", 3),
            (3, "friends", 2),
        ]

    def test_cytoscape(self):
        text = (
            '{"elements":{"nodes":[{"data":{"id":"1"}},{"data":{"id":"2"}},{"data":{"id":"3"}}],"edges":['
            '{"data":{"id":"8","source":"1","target":"2","interaction":"pp"}},'
            '{"data":{"id":"9","source":"2","target":"3","interaction":"pd"}}]}}'
        )
        assert related_arcs(edges_of("g.cyjs", text)) == [(1, "pp", 2), (2, "pd", 3)]


class TestExports:
    NODES = '_id,_labels,name,_start,_end,_type,weight\n0,:Author,Ann,,,,\n1,:Author,"Lee, B.",,,,\n2,:Book,Sea,,,,\n'
    NAMED = (
        ("Ann", "wrote", "Sea"), ("Lee, B.", "wrote", "Sea"), ("Ann", "knows", "Lee, B."), ("Ann", "knows", "Sea")
    )  # fmt: skip
    NUMBERED = ((0, "wrote", 2), (1, "wrote", 2), (0, "knows", 1), (0, "knows", 2))

    def test_nodes_and_edges_of_neo4j_in_one_table(self):
        rows = "".join(f",,,{a},{b},{kind},2\n" for a, kind, b in self.NUMBERED)
        graph = read_bytes(("all.csv", (self.NODES + rows).encode()))
        assert sorted(related_arcs(graph)) == sorted(self.NAMED)
        assert graph.weights.tolist() == [2, 2, 2, 2]
        assert [graph.label_names[i] for i in graph.labels] == ["Author", "Author", "Book"]
        refused("all.csv", self.NODES + ",,,0,,knows,1\n", "edge lacks an end: line 5")

    @pytest.mark.parametrize("shape", ["lines", "array", "object", "by id", "records", "paths"])
    def test_json_of_neo4j(self, shape):
        nodes = [
            {"type": "node", "id": str(i), "labels": [kind], "properties": {"name": name}}
            for i, (kind, name) in enumerate([("Author", "Ann"), ("Author", "Lee, B."), ("Book", "Sea")])
        ]
        edges = [
            {"type": "relationship", "id": str(i), "label": kind, "properties": {}, "start": {"id": str(a)},
             "end": {"id": str(b)}}
            for i, (a, kind, b) in enumerate(self.NUMBERED)
        ]  # fmt: skip
        browser = [
            {"identity": int(n["id"]), "labels": n["labels"], "properties": n["properties"]} for n in nodes
        ]
        links = [
            {
                "identity": i,
                "start": a,
                "end": b,
                "type": kind,
                "properties": {"identity": 9, "labels": "no node"},
            }
            for i, (a, kind, b) in enumerate(self.NUMBERED)
        ]
        content = {
            "lines": "\n".join(map(json.dumps, nodes + edges)),
            "array": json.dumps(nodes + edges),
            "object": json.dumps({"nodes": nodes, "rels": edges}),
            "by id": json.dumps({name: {e["id"]: e for e in es} for name, es in (("nodes", nodes), ("rels", edges))}),
            "records": json.dumps([{"a": browser[r["start"]], "r": r, "b": browser[r["end"]]} for r in links]),
            "paths": json.dumps([
                {"p": {"start": browser[r["start"]], "end": browser[r["end"]], "length": 1.0, "segments": [
                    {"start": browser[r["start"]], "relationship": r, "end": browser[r["end"]]}]}} for r in links
            ]),
        }[shape]  # fmt: skip
        graph = read_bytes(("all.json", content.encode()))
        assert sorted(related_arcs(graph)) == sorted(self.NAMED)
        classes = {node: graph.label_names[k] for node, k in zip(graph.node_ids, graph.labels, strict=True)}
        assert classes == {"Ann": "Author", "Lee, B.": "Author", "Sea": "Book"}
        assert not graph.files[0].questions

    def test_an_edge_of_neo4j_without_end_is_named(self):
        edge = {"type": "relationship", "label": "knows", "start": {"id": "1"}, "end": {}}
        refused("all.json", json.dumps([edge]), "edge lacks an end: entry 1")

    def test_edges_of_cytoscape_called_by_their_ends(self):
        text = "SUID,name,weight,cost\n7,k1 (pp) k 2,0.5,3\n8,k 2 (pd) k3,2,4\n"
        graph = read_bytes(("default edge.csv", text.encode()))
        assert related_arcs(graph) == [("k1", "pp", "k 2"), ("k 2", "pd", "k3")]
        assert graph.weights.tolist() == [0.5, 2]
        assert next(f for f in graph.findings if f.code == "columns-ignored").examples == ("cost",)
        assert graph.files[0].sentences[0] == "k1 pp k 2 (weight 0.5)"

    def test_a_field_without_end_is_an_error(self):
        rows = "".join(f",,,{a},{b},{kind},2\n" for a, kind, b in self.NUMBERED)
        with pytest.raises(DataError, match="field larger"):
            read_bytes(("all.csv", (self.NODES + rows + '3,:Book,"' + "x\n" * 9_000_000).encode()))
