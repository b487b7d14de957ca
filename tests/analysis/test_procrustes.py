"""Turning one map onto another, against a turn that is known and SciPy's own Procrustes."""

import numpy as np
import scipy.spatial
from hypothesis import given, settings
from hypothesis import strategies as st

from vgae_core.analysis.alignment import procrustes


@given(st.integers(0, 2**16), st.integers(1, 4), st.floats(0.1, 10))
@settings(max_examples=40, deadline=None)
def test_a_known_turn_is_undone(seed, dim, scale):
    rng = np.random.default_rng(seed)
    goal = rng.normal(size=(30, dim))
    turn, _ = np.linalg.qr(rng.normal(size=(dim, dim)))  # with or without a mirror
    moved = scale * goal @ turn + rng.normal(size=dim)
    np.testing.assert_allclose(procrustes(moved, goal).apply(moved), goal, atol=1e-9)


def test_the_rest_is_that_of_scipy():
    rng = np.random.default_rng(1)
    goal, moving = rng.normal(size=(2, 50, 2))
    rest = np.square(procrustes(moving, goal).apply(moving) - goal).sum()
    _, _, disparity = scipy.spatial.procrustes(goal, moving)
    np.testing.assert_allclose(rest / np.square(goal - goal.mean(axis=0)).sum(), disparity)


def test_points_on_top_of_each_other_go_to_the_middle():
    goal = np.array([[0.0, 1.0], [2.0, 3.0]])
    np.testing.assert_allclose(procrustes(np.ones((2, 2)), goal).apply(np.ones((2, 2))), [[1, 2], [1, 2]])
