"""Draw the held-out labels of nodes, class by class."""

from __future__ import annotations

import numpy as np

from vgae_core.data.dataset import GraphData
from vgae_core.settings import SplitSpec

LABEL_TRAIN, LABEL_VAL, LABEL_TEST, LABEL_NONE = 0, 1, 2, -1
"""What :func:`label_parts` gives a node."""

LABEL_PARTS = ("train", "val", "test")
"""Names of the parts by number."""


def label_parts(graph: GraphData, split: SplitSpec, seed: int) -> np.ndarray | None:
    """Return the part of each node's label, int8 (n_nodes,), drawn class by class."""
    if graph.labels is None:
        return None
    rng = np.random.default_rng([seed, 0x1ABE1])
    part = np.full(graph.n_nodes, LABEL_NONE, np.int8)
    for label in np.unique(graph.labels[graph.labels >= 0]):
        members = rng.permutation(np.flatnonzero(graph.labels == label))
        n_val, n_test = round(len(members) * split.val_fraction), round(len(members) * split.test_fraction)
        part[members[:n_val]] = LABEL_VAL
        part[members[n_val : n_val + n_test]] = LABEL_TEST
        part[members[n_val + n_test :]] = LABEL_TRAIN
    return part
