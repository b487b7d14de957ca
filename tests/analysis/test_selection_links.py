"""The likeliest links of selections against a dense ranking of all pairs."""

import numpy as np
import pytest
from scipy import sparse

from vgae_core.analysis import selection_links
from vgae_core.analysis.selection_links import likely_links
from vgae_core.errors import LimitError

RNG = np.random.default_rng(5)
N = 40
LEFT, RIGHT = (RNG.normal(size=(N, 4)).astype(np.float32) for _ in range(2))
ARCS = RNG.random((N, N)) < 0.1
np.fill_diagonal(ARCS, False)
FIRST, SECOND = np.arange(3, 17), np.arange(20, 31)


@pytest.mark.parametrize("directed", [False, True])
@pytest.mark.parametrize("second", [FIRST, SECOND], ids=["within", "between"])
@pytest.mark.parametrize("own_score", [False, True])
@pytest.mark.parametrize("sided", [False, True])
def test_links_are_the_best_of_all_allowed_pairs(directed, second, own_score, sided, monkeypatch):
    monkeypatch.setattr(selection_links, "BLOCK_VALUES", 25)  # several strips
    arcs = ARCS if directed else ARCS | ARCS.T
    right = RIGHT if directed else LEFT
    logits = LEFT @ right.T
    if own_score:
        logits = 2 * logits + RNG.normal(size=(N, N)).astype(np.float32)
    sides = (np.arange(N) % 2).astype(np.int8) if sided else None
    allowed = []
    for i in range(N):
        for j in range(N):
            joins = (i in FIRST and j in second) or (directed and j in FIRST and i in second)
            once = directed or second is SECOND or i < j
            across = sides is None or sides[i] != sides[j]
            if i != j and joins and once and across and not arcs[i, j]:
                allowed.append((i, j))
    best = sorted(allowed, key=lambda pair: -logits[pair])[:10]
    pairs, values = likely_links(
        LEFT, right, sparse.csr_array(arcs.astype(np.float32)), FIRST, second, 10,
        score=(lambda pairs: logits[pairs[:, 0], pairs[:, 1]]) if own_score else None, directed=directed, sides=sides,
    )  # fmt: skip
    assert [tuple(pair) for pair in pairs.tolist()] == best
    np.testing.assert_allclose(values, [logits[pair] for pair in best], rtol=1e-5)


def test_too_many_pairs_are_refused_and_none_are_none(monkeypatch):
    full = sparse.csr_array(np.ones((N, N), np.float32))
    pairs, logits = likely_links(LEFT, LEFT, full, FIRST, FIRST)
    assert pairs.shape == (0, 2)
    assert not len(logits)
    monkeypatch.setattr(selection_links, "MAX_PAIRS", 10)
    with pytest.raises(LimitError, match="at most 10 pairs"):
        likely_links(LEFT, LEFT, full, FIRST, SECOND)
