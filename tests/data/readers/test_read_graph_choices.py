"""What is said of graph files, and the other readings: weights, classes and names by the attributes in them."""

from __future__ import annotations

import json

import networkx as nx
import pytest

from vgae_core.data.readers import SourceFile, read
from vgae_core.data.readers.reading import look
from vgae_core.errors import DataError
from vgae_core.settings import FileSpec

PLACES = [
    ("Lund", "city", "red"),
    ("Visby", "town", "red"),
    ("Umea", "city", "blue"),
    ("Kiruna", "town", "blue"),
]
ROADS = [(0, 1, 120.0, "ferry"), (1, 2, 300.5, "ferry"), (2, 3, 80.25, "road"), (3, 0, 90.0, "road")]


@pytest.fixture(params=["graphml", "gexf", "gml", "dot", "net"])
def ending(request):
    return request.param


def places(directed=False):
    graph = nx.DiGraph() if directed else nx.Graph()
    for i, (name, size, colour) in enumerate(PLACES):
        graph.add_node(i, name=name, size=size, tint=colour)
    for a, b, length, kind in ROADS:
        graph.add_edge(a, b, length=length, interaction=kind)
    return graph


@pytest.fixture
def graph_file(tmp_path):
    """Return a function that writes a graph and returns how to read and to look at it."""

    def write(graph, ending="graphml"):
        path = tmp_path / f"places.{ending}"
        if ending == "dot":
            link = "->" if graph.is_directed() else "--"
            about = lambda given: " ".join(f'{k}="{v}"' for k, v in given.items())  # noqa: E731
            nodes = [f"{n} [{about(given)}];" for n, given in graph.nodes(data=True)]
            edges = [f"{a} {link} {b} [{about(given)}];" for a, b, given in graph.edges(data=True)]
            kind = "digraph" if graph.is_directed() else "graph"
            path.write_text("\n".join([f"{kind} {{", *nodes, *edges, "}"]))
        else:
            {"graphml": nx.write_graphml, "gexf": nx.write_gexf, "gml": nx.write_gml, "net": nx.write_pajek}[
                ending
            ](graph, path)
        source = [SourceFile(path.name, path)]
        return (
            lambda **uses: read(source, [FileSpec(name=path.name, uses=uses)]),
            lambda **uses: look(source, [FileSpec(name=path.name, uses=uses)])[0],
        )

    return write


def judgement(report, about):
    return next((one for one in report.judgements if one.about == about), None)


def uses_of(choice):
    assert all(key.startswith("uses.") for key in choice.changes)
    return {key.removeprefix("uses."): use for key, use in choice.changes.items()}


@pytest.mark.parametrize("directed", [False, True])
def test_every_graph_file_says_how_it_was_read(graph_file, ending, directed):
    open_, look_ = graph_file(nx.path_graph(4, create_using=nx.DiGraph if directed else nx.Graph), ending)
    report = look_()
    kind = "directed" if directed else "undirected"
    assert judgement(report, "graph").text == (f"4 nodes and 3 {kind} edges.")
    assert [sentence.removesuffix(" (weight 1)") for sentence in report.sentences] == [
        f"{i} {'→' if directed else '–'} {i + 1}" for i in range(3)
    ]
    assert not report.questions
    again = open_().files[0]
    assert (again.judgements, again.sentences, again.parts) == (
        report.judgements,
        report.sentences,
        report.parts,
    )


@pytest.mark.parametrize("ending", ["graphml", "gexf", "gml", "dot"])
def test_numbers_of_edges_are_no_weights_unless_one_says_so(graph_file, ending):
    open_, look_ = graph_file(places(), ending)
    assert open_().weights is None
    weight = judgement(look_(), "weight")
    assert "not weighted" in weight.text
    raw = open_(**uses_of(weight.others[0]))
    lengths = {frozenset((PLACES[a][0], PLACES[b][0])): length for a, b, length, _ in ROADS}
    names = raw.node_ids
    assert {
        frozenset((names[i], names[j])): w
        for i, j, w in zip(raw.rows, raw.cols, raw.weights.tolist(), strict=True)
    } == lengths
    without = uses_of(judgement(raw.files[0], "weight").others[0])
    assert open_(**without).weights is None


def test_names_classes_and_relations_have_another_reading(graph_file):
    open_, look_ = graph_file(places())
    report = look_()
    assert open_().node_ids.tolist() == [name for name, *_ in PLACES]
    assert open_(**uses_of(judgement(report, "names").others[0])).node_ids.tolist() == [0, 1, 2, 3]
    first, other = open_().label_names, judgement(report, "label").others[0]
    assert {first, open_(**uses_of(other)).label_names} == {("blue", "red"), ("city", "town")}
    assert open_(**uses_of(judgement(report, "label").others[-1])).label_names != first
    assert open_().relation_names == ("ferry", "road")
    assert open_(**uses_of(judgement(report, "relation").others[0])).relations is None
    assert judgement(report, "relation").text.endswith("(ferry, road).")


def test_any_attribute_without_doubles_can_name_the_nodes(graph_file):
    graph = places()
    nx.set_node_attributes(graph, {i: f"S{i}" for i in graph}, "code")
    open_, look_ = graph_file(graph)
    assert next(part.uses for part in look_().parts if part.name == "code") == ("name", "ignore")
    assert open_(code="name").node_ids.tolist() == ["S0", "S1", "S2", "S3"]
    with pytest.raises(DataError, match="tint does not give every node a name"):
        open_(tint="name")


def test_edges_and_nodes_may_have_attributes_of_one_name(graph_file):
    graph = nx.path_graph(5)
    nx.set_node_attributes(graph, {i: i * 1.5 for i in graph}, "weight")
    nx.set_edge_attributes(graph, 2.5, "weight")
    open_, look_ = graph_file(graph)
    assert {part.name: part.use for part in look_().parts} == {"weight": "value", "edge weight": "weight"}
    raw = open_(**{"edge weight": "ignore"})
    assert raw.weights is None
    assert raw.values["weight"].tolist() == [0, 1.5, 3, 4.5, 6]
    assert judgement(raw.files[0], "weight").text == "Edges are not weighted, as chosen."


@pytest.mark.parametrize(
    ("uses", "message"),
    [
        ({"tint": "weight"}, "'tint' cannot be used as 'weight'"),
        ({"edge length": "label"}, "'length' cannot be used as 'label'"),
        ({"edge width": "weight"}, "It has no part called 'edge width'"),
        ({"edge interaction": "weight"}, "not a finite number"),
    ],
)
def test_what_an_attribute_cannot_be_is_said(graph_file, uses, message):
    with pytest.raises(DataError, match=message):
        graph_file(places())[0](**uses)


@pytest.mark.parametrize("wrapper", ["data", "response"])
def test_a_graph_in_one_wrapper_is_read(tmp_path, wrapper):
    given = {"nodes": [{"id": "a"}, {"id": "b"}], "edges": [{"source": "a", "target": "b"}]}
    (tmp_path / "g.json").write_text(json.dumps({wrapper: given}))
    raw = read([SourceFile("g.json", tmp_path / "g.json")])
    assert (raw.node_ids.tolist(), len(raw.rows)) == (["a", "b"], 1)


@pytest.mark.parametrize(
    ("name", "text", "what"),
    [
        ("g.lgr", "LEDA.GRAPH\nstring\nint\n-1\n2\n|{a}|\n|{b}|\n1\n1 2 0 |{4}|\n", "LEDA"),
        ("g.mmd", "graph TD\nA-->B\nB-->C\n", "Mermaid"),
        ("g.cypher", "// all\nCREATE (a:Person {name: 'x'})\nCREATE (b:Person)\n", "Cypher"),
        ("g.cypher", ":begin\nCREATE CONSTRAINT x\n", "Cypher"),
    ],
)
def test_other_languages_of_graphs_are_refused_by_name(tmp_path, name, text, what):
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=f"This is a {what}.*not supported"):
        read([SourceFile(name, tmp_path / name)])


@pytest.mark.parametrize("name", ["NumberOfEdges", "degree", "n_papers", "birth_year", "size"])
def test_numbers_that_count_or_measure_are_no_classes(graph_file, name):
    graph = nx.path_graph(6)
    nx.set_node_attributes(graph, {i: i % 2 for i in graph}, name)
    open_, look_ = graph_file(graph)
    assert open_().labels is None
    assert open_().values[name].tolist() == [0, 1] * 3
    assert open_(**{name: "label"}).label_names == ("0", "1")
    assert judgement(look_(), "label") is None


def test_blanks_around_values_are_no_part_of_them(graph_file, tmp_path):
    graph = nx.path_graph(3)
    nx.set_node_attributes(graph, {i: bool(i % 2) for i in graph}, "open")
    nx.write_graphml(graph, tmp_path / "plain.graphml", prettyprint=False)
    text = (
        (tmp_path / "plain.graphml")
        .read_text()
        .replace(">False<", "> false <")
        .replace(">True<", ">\n true <")
    )
    assert "> false <" in text
    (tmp_path / "b.graphml").write_text(text)
    raw = read([SourceFile("b.graphml", tmp_path / "b.graphml")])
    assert {part.name for part in raw.files[0].parts} == {"open"}
    assert len(raw.rows) == 2
