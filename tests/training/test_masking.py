"""Hidden training edges: what the encoder then sees, and what the loss counts."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from vgae_core.data.propagation import normalise
from vgae_core.errors import SpecError
from vgae_core.nn.sparse import to_sparse_tensor
from vgae_core.settings import RunSpec
from vgae_core.training.masking import masking, sorted_pairs
from vgae_core.training.pair_batches import pair_batches


def graph(seed, *, directed, weighted, n=12):
    """Return a random adjacency and its edges in an order of their own."""
    rng = np.random.default_rng(seed)
    full = np.triu(rng.random((n, n)) < 0.4, 1) | (directed & (rng.random((n, n)) < 0.2))
    np.fill_diagonal(full, False)
    full[0, 1] = True
    pairs = rng.permutation(np.argwhere(full))
    weights = rng.uniform(0.5, 2, full.shape) if weighted else np.ones(full.shape)
    adjacency = np.where(full, weights, 0)
    if not directed:
        adjacency = adjacency + adjacency.T
    return sparse.csr_array(adjacency.astype(np.float32)), pairs


@given(
    seed=st.integers(0, 99),
    directed=st.booleans(),
    weighted=st.booleans(),
    how=st.sampled_from(["symmetric", "mean"]),
    share=st.sampled_from([0.0, 0.3, 0.7, 0.95]),
)
def test_the_encoder_sees_the_normalised_rest(seed, directed, weighted, how, share):
    message, pairs = graph(seed, directed=directed, weighted=weighted)
    adjacency, hidden = masking(message, pairs, share, how, directed=directed)(tf.constant([seed, 1]))
    rest = message.toarray()
    gone = sorted_pairs(pairs)[hidden.numpy() == 1]
    rest[gone[:, 0], gone[:, 1]] = 0
    if not directed:
        rest[gone[:, 1], gone[:, 0]] = 0
    expected = normalise(sparse.csr_array(rest), how).toarray()
    np.testing.assert_allclose(tf.sparse.to_dense(adjacency).numpy(), expected, rtol=1e-5, atol=1e-7)


def test_about_the_share_is_hidden_and_the_seed_decides():
    rng = np.random.default_rng(0)
    pairs = np.unique(np.sort(rng.integers(0, 300, (5000, 2)), axis=1), axis=0)
    pairs = pairs[pairs[:, 0] < pairs[:, 1]]
    half = sparse.coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(300, 300)).tocsr()
    mask = masking(sparse.csr_array(half + half.T), pairs, 0.7, "symmetric", directed=False)
    first, again, other = (mask(tf.constant([0, s]))[1].numpy() for s in (1, 1, 2))
    assert abs(first.mean() - 0.7) < 0.03
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("batch_size", [0, 7])
def test_a_pair_counts_only_where_its_edge_is_hidden(batch_size):
    message, pairs = graph(5, directed=False, weighted=False)
    mask = masking(message, pairs, 0.5, "mean", directed=False)
    inputs = {"adjacency": to_sparse_tensor(normalise(message, "mean"))}
    data, steps, _ = pair_batches(
        pairs, 12, inputs, batch_size=batch_size, ratio=2, negatives="uniform", seed_number=3, directed=False,
        masked=0.5, mask=mask,
    )  # fmt: skip
    counted = 0
    for x, y, w in data.take(steps):
        seen = tf.sparse.to_dense(x["adjacency"]).numpy() > 0
        count = len(y["adj_rec"]) // 3
        positive, weight = x["pairs"].numpy()[:count], w["adj_rec"].numpy()[:count, 0]
        visible = seen[positive[:, 0], positive[:, 1]]
        np.testing.assert_array_equal(weight, np.where(visible, 0, 2))
        assert np.array_equal(visible, seen[positive[:, 1], positive[:, 0]])
        counted += count
    assert counted == len(pairs)


@pytest.mark.parametrize(("key", "value"), [("supervision", "all"), ("propagation", "once")])
def test_what_shows_the_encoder_every_edge_takes_no_mask(key, value):
    spec = RunSpec().replace("training.masked_edges", 0.3)
    with pytest.raises(SpecError, match=f"Edges cannot be masked with {key}"):
        spec.replace(f"training.{key}", value)
