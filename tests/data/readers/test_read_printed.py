"""Lists and dicts as Python, NumPy, networkx and JavaScript print them."""

from __future__ import annotations

from pathlib import Path

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vgae_core.data.readers import SourceFile, read
from vgae_core.data.readers.text.literals import _rewritten

PAIRS = {("ada", "bo"): 2.5, ("bo", "d'Arc"): 1.0, ("d'Arc", "eve"): 4.0}


def weighted() -> nx.Graph:
    graph = nx.Graph()
    graph.add_weighted_edges_from((a, b, weight) for (a, b), weight in PAIRS.items())
    return graph


def edges_in(folder: Path, text: str, name: str = "printed.txt") -> dict[frozenset[str], float | None]:
    path = folder / name
    path.write_text(text)
    graph = read([SourceFile(name, path)])
    weights = [None] * len(graph.rows) if graph.weights is None else graph.weights.tolist()
    return {
        frozenset((str(graph.node_ids[i]), str(graph.node_ids[j]))): weight
        for i, j, weight in zip(graph.rows, graph.cols, weights, strict=True)
    }


WEIGHTED = {frozenset(pair): weight for pair, weight in PAIRS.items()}
PLAIN = dict.fromkeys(WEIGHTED)


class TestPrinted:
    @pytest.mark.parametrize(
        "write",
        [
            lambda graph: repr(graph.edges(data=True)),
            lambda graph: f"edges = {list(graph.edges(data='weight'))}",
            lambda graph: str(nx.to_dict_of_dicts(graph)),
        ],
    )
    def test_weighted_edges_of_networkx(self, tmp_path, write):
        assert edges_in(tmp_path, write(weighted())) == WEIGHTED

    @pytest.mark.parametrize(
        "write",
        [
            lambda graph: repr(graph.edges),
            lambda graph: str([list(pair) for pair in graph.edges]),
            lambda graph: str(nx.to_dict_of_lists(graph)),
            lambda graph: str({node: set(graph[node]) for node in graph}),
            lambda graph: f"defaultdict(<class 'set'>, { {node: set(graph[node]) for node in graph} })",
        ],
    )
    def test_plain_edges_of_networkx(self, tmp_path, write):
        assert edges_in(tmp_path, write(weighted())) == PLAIN

    def test_edges_of_a_directed_graph_keep_their_direction(self, tmp_path):
        path = tmp_path / "e.txt"
        path.write_text(repr(nx.DiGraph([("a", "b"), ("b", "c")]).edges))
        assert read([SourceFile("e.txt", path)]).directed

    def test_a_multiline_adjacency_list(self, tmp_path):
        graph = weighted()
        graph.add_node("alone")
        path = tmp_path / "g.adjlist"
        nx.write_multiline_adjlist(graph, path, delimiter=" ")
        assert edges_in(tmp_path, path.read_text(), "g.adjlist") == WEIGHTED
        assert read([SourceFile("g.adjlist", path)]).n_nodes == 5

    def test_data_that_are_no_numbers_or_texts_do_not_hide_the_weight(self, tmp_path):
        text = "a b {'since': datetime.date(2021, 5, 1), 'tags': [1, 2], 'weight': 3}\nb c {'weight': 0.5}\n"
        assert edges_in(tmp_path, text) == {frozenset("ab"): 3, frozenset("bc"): 0.5}

    @pytest.mark.parametrize("write", [str, repr])
    def test_an_adjacency_of_numpy(self, tmp_path, write):
        ring = np.roll(np.eye(6, dtype=int), 1, axis=1)
        text = write(ring + ring.T)
        assert set(edges_in(tmp_path, text)) == {frozenset((str(i), str((i + 1) % 6))) for i in range(6)}

    def test_edge_index_as_a_tensor(self, tmp_path):
        text = "tensor([[0, 1, 2, 3],\n        [1, 2, 3, 4]], device='cuda:0')\n"
        assert set(edges_in(tmp_path, text)) == {frozenset((str(i), str(i + 1))) for i in range(4)}

    def test_an_object_of_javascript(self, tmp_path):
        text = "const net = {nodes: [{id: 'a'}, {id: 'b'}, {id: 'c'}],\n links: [{source: 'a', target: 'c'},]};\n"
        assert edges_in(tmp_path, text, "net.js") == {frozenset("ac"): None}


SCALARS = st.one_of(
    st.integers(-99, 99), st.floats(-9, 9).map(lambda x: round(x, 3)), st.booleans(), st.none(),
    st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), max_size=4),
)  # fmt: skip


@given(st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("ab c'", min_size=1, max_size=3), inner, max_size=3), max_leaves=12).filter(lambda x: isinstance(x, list | dict)))  # fmt: skip  # noqa: E501
def test_what_python_prints_is_the_same_as_json(value):
    import json

    assert json.loads(_rewritten(repr(value))) == value
