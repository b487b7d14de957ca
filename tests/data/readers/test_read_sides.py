"""Two-sided data in lists of every kind and in graph files: told with the reason, and read as a matrix if one wants."""

from __future__ import annotations

import json

import networkx as nx
import numpy as np
import pytest

from vgae_core.data.readers import SourceFile, read
from vgae_core.data.readers.reading import look
from vgae_core.data.report import inspect
from vgae_core.errors import DataError
from vgae_core.settings import FileSpec

READERS = ["ada", "bo", "cy", "di", "ed", "flo"]
BOOKS = ["dune", "emma", "ulysses", "walden"]
LOANS = [(a, b) for i, a in enumerate(READERS) for j, b in enumerate(BOOKS) if (i * 5 + j * 3) % 4 < 2]
NUMBERS = [(i % 17 + 1, (7 * i) % 41 + 1) for i in range(170)]
"""Ids from 1 to 17 and from 1 to 41, rows that join a number to itself among them."""
WRITTEN = {
    "loans.sif": "\n".join(f"{a}\tborrows\t{b}" for a, b in LOANS),
    "loans.nt": "\n".join(f"<urn:{a}> <urn:borrows> <urn:{b}> ." for a, b in LOANS),
    "arrows.txt": "\n".join(f"{a} -> {b}" for a, b in LOANS),
    "tuples.txt": str(LOANS),
    "loans.edgelist": "\n".join(f"{a} {b} {{'weight': 2}}" for a, b in LOANS),
    "loans.ncol": "\n".join(f"{a} {b}" for a, b in LOANS),
    "loans.adjlist": "\n".join(" ".join([a, *(b for c, b in LOANS if c == a)]) for a in READERS),
    "pairs.json": json.dumps(LOANS),
    "lines.jsonl": "\n".join(json.dumps({"who": a, "what": b}) for a, b in LOANS),
}


@pytest.fixture
def file(tmp_path):
    """Return a function that writes a file and returns how to read and to look at it."""

    def write(name, content):
        path = tmp_path / name
        if callable(content):
            content(path)
        else:
            path.write_text(content)
        source = [SourceFile(name, path)]
        return (
            lambda **how: read(source, [FileSpec(name=name, **how)]),
            lambda **how: look(source, [FileSpec(name=name, **how)])[0],
        )

    return write


def told(report, about):
    return next((one for one in report.judgements if one.about == about), None)


def entries(raw):
    """Return row, column and value of each entry of a matrix."""
    matrix = raw.features.tocoo()
    rows, columns = raw.node_ids[matrix.coords[0]], np.array(raw.feature_names)[matrix.coords[1]]
    return sorted((str(r), str(c), float(v)) for r, c, v in zip(rows, columns, matrix.data, strict=True))


# ------------------------------------------------------------------------------------ lists
@pytest.mark.parametrize("name", WRITTEN)
def test_names_of_two_sets_are_asked_about_and_kept_apart(file, name):
    open_, look_ = file(name, WRITTEN[name])
    question = told(look_(), "sides")
    assert not question.sure
    assert question == told(open_().files[0], "sides")
    raw = open_()
    bare = [str(node).removeprefix("urn:") for node in raw.node_ids]
    assert {node for node, side in zip(bare, raw.sides, strict=True) if side == 0} == set(READERS)
    assert set(bare) == {*READERS, *BOOKS}
    assert inspect(raw).sides == (6, 4)
    one = open_(sides="one")
    assert one.sides is None
    assert not one.files[0].questions


@pytest.mark.parametrize("name", WRITTEN)
def test_the_matrix_that_is_offered_is_the_one_that_is_read(file, name):
    open_, look_ = file(name, WRITTEN[name])
    choice = next(c for c in told(look_(), "sides").others if c.changes.get("role") == "features")
    uses = {key.removeprefix("uses."): use for key, use in choice.changes.items() if key.startswith("uses.")}
    how = {key: value for key, value in choice.changes.items() if not key.startswith("uses.")}
    raw = open_(**how, uses=uses)
    assert raw.is_matrix
    weight = 2.0 if name.endswith("edgelist") else 1.0
    expected = sorted((a, b, weight) for a, b in LOANS)
    assert [(r.removeprefix("urn:"), c.removeprefix("urn:"), v) for r, c, v in entries(raw)] == expected
    if told(raw.files[0], "role") is not None:  # the way back
        back = told(raw.files[0], "role").others[0].changes
        assert open_(**back).sides is not None


@pytest.mark.parametrize(
    ("name", "content"), [("t.txt", str(NUMBERS)), ("p.json", json.dumps(NUMBERS))], ids=["tuples", "json"]
)
def test_numbers_of_two_sets_are_apart(file, name, content):
    open_, look_ = file(name, content)
    assert not told(look_(), "sides").sure
    raw = open_(sides="two")
    assert inspect(raw).sides == (17, 41)
    edges = {(str(raw.node_ids[i]), str(raw.node_ids[j])) for i, j in zip(raw.rows, raw.cols, strict=True)}
    assert edges == {(f"r{a}", f"c{b}") for a, b in NUMBERS}


@pytest.mark.parametrize(
    "text", ["1 pp 5\n2 pp 1\n3 pp 2 4\n5 pd 3\n", "a pp b\nb pd c\nc pp a d\n"], ids=["numbers", "names"]
)
def test_a_name_at_both_ends_is_one_node(file, text):
    raw = file("net.sif", text)[0]()
    assert raw.sides is None
    assert not raw.files[0].questions


def test_lone_nodes_are_put_on_the_first_side_and_told(file):
    raw = file("net.sif", WRITTEN["loans.sif"] + "\nzoe\n")[0]()
    assert raw.sides[list(raw.node_ids).index("zoe")] == 0
    assert "side-of-lone-nodes" in {finding.code for finding in raw.findings}


# -------------------------------------------------------------------------------- graph files
def loans(**sides):
    graph = nx.Graph()
    for nodes, side in zip((READERS, BOOKS), sides["side"], strict=True):
        graph.add_nodes_from(nodes, **{sides["name"]: side})
    graph.add_edges_from(LOANS)
    return graph


WRITERS = {
    "graphml": nx.write_graphml,
    "gexf": nx.write_gexf,
    "gml": nx.write_gml,
    "json": lambda graph, path: path.write_text(json.dumps(nx.node_link_data(graph, edges="links"))),
}


@pytest.mark.parametrize("ending", WRITERS)
@pytest.mark.parametrize(
    ("name", "values", "side_names"),
    [
        ("bipartite", (0, 1), ()),
        ("type", (False, True), ()),
        ("type", ("person", "book"), ("person", "book")),
    ],
)
def test_an_attribute_of_two_values_tells_the_sides(file, ending, name, values, side_names):
    if ending == "gml" and values[0] is False:
        values = (0, 1)  # GML has no booleans
    graph = loans(name=name, side=values)
    open_, look_ = file(f"loans.{ending}", lambda path: WRITERS[ending](graph, path))
    raw = open_()
    assert {n for n, side in zip(raw.node_ids, raw.sides, strict=True) if side == 0} == set(READERS)
    assert raw.side_names == side_names
    assert raw.labels is None
    judgement = told(look_(), "sides")
    assert judgement.sure
    assert name in judgement.text
    matrix = open_(role="features", sides="two")
    assert entries(matrix) == sorted((a, b, 1.0) for a, b in LOANS)
    assert open_(sides="one").sides is None
    assert next(part.use for part in raw.files[0].parts if part.name == name) == "side"
    assert open_(uses={name: "ignore"}).sides is None


def test_any_attribute_can_be_said_to_tell_the_sides(file):
    graph = loans(name="colour", side=("red", "green"))
    open_, _ = file("loans.graphml", lambda path: nx.write_graphml(graph, path))
    assert open_().sides is None
    raw = open_(uses={"colour": "side"})
    assert raw.side_names == ("red", "green")
    assert raw.sides.tolist() == [int(str(node) in BOOKS) for node in raw.node_ids]
    graph.add_edge("ada", "bo")
    open_, _ = file("loans.graphml", lambda path: nx.write_graphml(graph, path))
    assert "edges-within-a-side" in {finding.code for finding in open_(uses={"colour": "side"}).findings}


def test_an_attribute_that_some_edge_does_not_cross_is_a_class(file):
    graph = loans(name="type", side=("person", "book"))
    graph.add_edge("ada", "bo")
    raw = file("loans.gexf", lambda path: nx.write_gexf(graph, path))[0]()
    assert raw.sides is None
    assert raw.label_names == ("book", "person")


def test_a_graph_of_two_colours_is_two_sided_if_one_says_so(file):
    wheel = nx.cycle_graph(6)
    open_, _ = file("ring.graphml", lambda path: nx.write_graphml(wheel, path))
    assert open_().sides is None
    raw = open_(sides="two")
    assert raw.sides[raw.rows].tolist() == (1 - raw.sides[raw.cols]).tolist()
    odd, _ = file("odd.graphml", lambda path: nx.write_graphml(nx.cycle_graph(5), path))
    with pytest.raises(DataError, match="not form two sets"):
        odd(sides="two")


def test_arcs_from_one_set_to_another_are_asked_about(file):
    graph = nx.DiGraph((f"reader{i % 7}", f"book{(i * i) % 11}") for i in range(60))
    assert graph.number_of_edges() >= 20
    open_, look_ = file("g.graphml", lambda path: nx.write_graphml(graph, path))
    assert not told(look_(), "sides").sure
    assert inspect(open_(sides="two")).sides == (7, len({v for _, v in graph.edges}))


def test_rows_of_the_matrix_keep_their_classes(file):
    graph = loans(name="bipartite", side=(0, 1))
    for i, reader in enumerate(READERS):
        graph.nodes[reader]["city"] = ("Rome", "Oslo")[i % 2]
    raw = file("g.graphml", lambda path: nx.write_graphml(graph, path))[0](role="features", sides="two")
    assert [raw.label_names[k] for k in raw.labels] == [("Rome", "Oslo")[i % 2] for i in range(6)]


def test_two_modes_can_be_one_set(file):
    text = '*Vertices 5 2\n1 "a"\n2 "b"\n3 "x"\n4 "y"\n5 "z"\n*Edges\n1 3\n2 4\n2 5\n'
    open_, look_ = file("modes.net", text)
    assert "two modes" in told(look_(), "sides").text
    assert inspect(open_()).sides == (2, 3)
    assert open_(sides="one").sides is None
    assert entries(open_(role="features", sides="two")) == [("a", "x", 1), ("b", "y", 1), ("b", "z", 1)]
