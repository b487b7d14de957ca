"""A first row that counts what follows is no edge, in whatever order and between whatever delimiters."""

from __future__ import annotations

import numpy as np
import pytest

from vgae_core.data.readers import SourceFile, read

RING = [(1, 2), (2, 3), (3, 4), (4, 5), (5, 1), (1, 3)]


@pytest.fixture
def bring(tmp_path):
    """Return a function that reads lines, the first of them counts, the others edges."""

    def bring_(first, edges, separator=" ", end="\n"):
        lines = [*first, *(separator.join(map(str, edge)) for edge in edges)]
        path = tmp_path / "graph.txt"
        path.write_bytes((end.join(lines) + end).encode())
        return read([SourceFile(path.name, path)])

    return bring_


def pairs(raw):
    return [(int(raw.node_ids[a]), int(raw.node_ids[b])) for a, b in zip(raw.rows, raw.cols, strict=True)]


def is_told(raw):
    return "count-row" in {finding.code for finding in raw.findings}


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("first", [
    ["5 6"],
    ["6 5"],  # edges, then nodes
    ["5 6 0"],  # and a third number that says what kind of graph it is
    ["5", "6"],  # each on its own line
    ["6"],  # edges alone: no node is called 0, so that these are not six nodes
    ["5"],
])  # fmt: skip
def test_counts_of_nodes_and_edges(bring, first, end):
    raw = bring(first, RING, end=end)
    assert pairs(raw) == RING
    assert raw.n_nodes == 5
    assert is_told(raw)


@pytest.mark.parametrize("separator", ["\t", ",", ";"])
def test_counts_of_the_different_nodes(bring, separator):
    far = [(100 * a, 100 * b) for a, b in RING]
    raw = bring([separator.join("56")], far, separator)
    assert pairs(raw) == far
    assert raw.n_nodes == 5


def test_counts_of_nodes_edges_and_kinds_above_weighted_edges(bring):
    raw = bring(["5 6 3"], [(*edge, 1 + i % 3) for i, edge in enumerate(RING)])
    assert pairs(raw) == RING
    assert raw.n_nodes == 5
    assert raw.sides is None


def test_values_of_a_matrix_weigh_though_they_number_the_rows(bring):
    raw = bring(["5 5 6"], [(*edge, 1 + i) for i, edge in enumerate(RING)])
    assert pairs(raw) == RING
    assert raw.weights.tolist() == [1, 2, 3, 4, 5, 6]


def test_one_number_more_than_the_highest_id_counts_nodes_from_zero(bring):
    raw = bring(["7"], [(0, 1), (1, 2), (2, 6), (6, 5)])
    assert raw.node_ids.tolist() == list(range(7))


@pytest.mark.parametrize("first", [["1 2"], ["6 2"], ["2 6"]])
def test_an_edge_that_counts_nothing_stays_an_edge(bring, first):
    edges = [(2, 5), (5, 6), (6, 1), (1, 5), (2, 1)]
    raw = bring(first, edges)
    assert len(pairs(raw)) == 6
    assert not is_told(raw)


@pytest.mark.parametrize("first", [["4"], ["4 4"]])
def test_the_size_above_an_adjacency_matrix(bring, first):
    square = np.array([[0, 1, 0, 1], [1, 0, 1, 0], [0, 1, 0, 0], [1, 0, 0, 0]])
    raw = bring(first, square.tolist())
    dense = np.zeros((4, 4), int)
    dense[raw.rows, raw.cols] = 1
    assert np.array_equal(np.maximum(dense, dense.T), square)
    assert is_told(raw)
