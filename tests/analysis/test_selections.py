"""Sets of nodes against points tested one by one, networkx and Python's own sets."""

import base64
import math
import re
import zlib

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import sparse

from vgae_core.analysis import selections
from vgae_core.errors import DataError


def winding_parity(point, outline):
    """Return whether a point is inside by summing the angles under which it sees each side (odd turns)."""
    x, y = point
    total = 0.0
    for (ax, ay), (bx, by) in zip(outline, np.roll(outline, -1, axis=0), strict=True):
        cross = (ax - x) * (by - y) - (ay - y) * (bx - x)
        dot = (ax - x) * (bx - x) + (ay - y) * (by - y)
        total += math.atan2(cross, dot)
    return round(total / (2 * math.pi)) % 2 == 1


def test_a_case_made_by_hand():
    square = [[0, 0], [4, 0], [4, 4], [0, 4]]
    points = np.array([[2, 2], [5, 2], [-1, 2], [2, 5], [2, -1], [3.9, 0.1], [np.nan, 2], [2, np.inf]])
    assert selections.inside(points, square).tolist() == [True] + [False] * 4 + [True, False, False]


def test_an_outline_that_crosses_itself_leaves_its_middle_out():
    angles = np.pi / 2 + 2 * np.pi * np.arange(5) * 2 / 5
    star = np.column_stack([np.cos(angles), np.sin(angles)])
    points = np.array([[0.0, 0.0], [0.0, 0.7], [0.0, -0.9]])
    assert selections.inside(points, star).tolist() == [False, True, False]


@settings(max_examples=60, deadline=None)
@given(
    hnp.arrays(np.float64, st.tuples(st.integers(3, 12), st.just(2)), elements=st.floats(-10, 10, width=16)),
    st.integers(0, 2**16),
)
def test_against_the_angles_that_a_point_sees(outline, seed):
    points = np.random.default_rng(seed).uniform(-11, 11, size=(40, 2))
    assert selections.inside(points, outline).tolist() == [winding_parity(p, outline) for p in points]


def test_neighbouring_outlines_share_no_point():
    """A point on a common side belongs to exactly one of two boxes."""
    points = np.array([[1.0, 0.5], [1.0, 0.25], [0.5, 0.5]])
    left = selections.inside(points, [[0, 0], [1, 0], [1, 1], [0, 1]])
    right = selections.inside(points, [[1, 0], [2, 0], [2, 1], [1, 1]])
    assert (left ^ right).all()


@pytest.mark.parametrize(
    "outline", [[[0, 0], [1, 1]], [[0, 0, 0]] * 3, [[0, 0]] * 2001, [[0, 0], [1, 0], [np.nan, 1]], [1, 2, 3]]
)
def test_what_is_no_outline_is_refused(outline):
    with pytest.raises(DataError):
        selections.inside(np.zeros((2, 2)), outline)


@pytest.mark.parametrize("directed", [False, True])
def test_around_is_the_ego_graph_of_networkx(directed):
    graph = nx.gnp_random_graph(60, 0.03, seed=3, directed=directed)
    adjacency = sparse.csr_array(nx.to_scipy_sparse_array(graph, dtype=np.float32))
    for node in (0, 7, 31):
        for hops in range(4):
            expected = nx.ego_graph(graph.to_undirected(), node, radius=hops)
            assert selections.around(adjacency, node, hops).tolist() == sorted(expected)
    with pytest.raises(DataError):
        selections.around(adjacency, 60, 1)
    with pytest.raises(DataError):
        selections.around(adjacency, 0, 99)


def test_names_are_found_and_the_others_told():
    names = ["a", "b, c", "d e", "f", "f", " g"]
    nodes, unknown = selections.named("a\nb, c\n x ; f\n'd e'\n\ng", names)
    assert nodes.tolist() == [0, 1, 2, 3, 4, 5]
    assert unknown == ["x"]


@given(st.sets(st.integers(0, 30)), st.sets(st.integers(0, 30)))
def test_combinations_are_those_of_sets(first, second):
    a, b = (np.array(sorted(s), np.int64) for s in (first, second))
    assert selections.combine(a, b, "replace").tolist() == sorted(second)
    assert selections.combine(a, b, "add").tolist() == sorted(first | second)
    assert selections.combine(a, b, "subtract").tolist() == sorted(first - second)
    assert selections.combine(a, b, "intersect").tolist() == sorted(first & second)


@given(st.integers(1, 5_000), st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_a_link_gives_its_nodes_back(n, seed, share):
    nodes = np.flatnonzero(np.random.default_rng(seed).random(n) < share)
    text = selections.packed(nodes, n)
    assert text is not None
    assert re.fullmatch(r"[A-Za-z0-9_-]+", text)
    assert selections.unpacked(text, n).tolist() == nodes.tolist()


def test_too_many_scattered_nodes_have_no_link_and_few_of_a_million_have():
    rng = np.random.default_rng(0)
    assert selections.packed(rng.choice(1_000_000, 100_000, replace=False), 1_000_000) is None
    few = np.sort(rng.choice(1_000_000, 200, replace=False))
    assert selections.unpacked(selections.packed(few, 1_000_000), 1_000_000).tolist() == few.tolist()


@pytest.mark.parametrize(
    "text", ["", "a", "ä", "!!!!", "nonsense", base64.b64encode(zlib.compress(b"0" * 10**6)).decode()]
)
def test_what_is_no_link_is_refused(text):
    with pytest.raises(DataError):
        selections.unpacked(text, 100)
