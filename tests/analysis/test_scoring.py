"""Logits of pairs against dense NumPy."""

import numpy as np

from tests.graphs import coded_graph
from vgae_core.analysis import scoring


def test_probabilities_are_the_sigmoid_and_never_overflow():
    found = scoring.probabilities(np.array([-1000, -1, 0, 1, 1000], np.float32))
    np.testing.assert_allclose(found, [0, 1 / (1 + np.e), 0.5, np.e / (1 + np.e), 1])


def test_score_pairs_in_blocks(monkeypatch):
    z, *_ = coded_graph()
    pairs = np.random.default_rng(1).integers(0, 30, size=(101, 2))
    monkeypatch.setattr(scoring, "BLOCK_VALUES", 37)
    found = scoring.score_pairs(z, pairs)
    np.testing.assert_allclose(found, (z @ z.T)[pairs[:, 0], pairs[:, 1]], rtol=1e-5, atol=1e-6)
    assert found.dtype == np.float32
    assert scoring.score_pairs(z, np.zeros((0, 2), np.int64)).shape == (0,)
