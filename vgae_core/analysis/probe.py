"""What a linear classifier reads from codes, beside what it reads from features without training."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from vgae_core.analysis.map_points import sample_points
from vgae_core.data.dataset import Features
from vgae_core.errors import DataError

FOLDS = 5
"""Parts of the labelled nodes, each of which is predicted once by a classifier of the others."""

MAX_NODES = 20_000
"""Labelled nodes that are used; of more, a sample fair to labels."""

SECONDS = 900.0

INPUTS = {"codes": "Codes", "features": "Features", "smoothed": "Smoothed features"}
"""What labels are read from, and how it is called."""


@dataclass(frozen=True)
class LabelProbe:
    """How well labels are read from one input.

    Parameters
    ----------
    accuracy, macro_f1 : tuple of float
        Of each fold, 0 to 1.
    """

    accuracy: tuple[float, ...]
    macro_f1: tuple[float, ...]


@dataclass(frozen=True)
class Probes:
    """Probes of several inputs on the same folds.

    Parameters
    ----------
    of : mapping of str to LabelProbe
        By key of :data:`INPUTS`.
    majority : float
        Share of the largest class: the accuracy of always saying that.
    n_nodes, n_classes : int
        Labelled nodes used, and their classes.
    n_rare : int
        Classes left out for having fewer nodes than there are folds.
    """

    of: Mapping[str, LabelProbe]
    majority: float
    n_nodes: int
    n_classes: int
    n_rare: int


def probe_labels(
    inputs: Mapping[str, Features],
    labels: np.ndarray,
    *,
    seed: int = 0,
    progress: Callable[[float, str], None] | None = None,
) -> Probes:
    """Return the scores of a logistic regression of the labels, each node predicted by one that has not seen it.

    Columns are divided by their standard deviation, dense ones also centred; the penalty is scikit-learn's default.

    Parameters
    ----------
    inputs : mapping of str to csr_array or ndarray, shape (n_nodes, d)
    labels : ndarray of int, shape (n_nodes,)
        -1 where unknown.
    seed : int
        Fixes folds and sample.

    Raises
    ------
    DataError
        If fewer than two classes have at least :data:`FOLDS` nodes.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import accuracy_score, f1_score
    from sklearn.model_selection import StratifiedKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    nodes = np.flatnonzero(labels >= 0)
    sizes = np.bincount(labels[nodes])
    usual = sizes >= FOLDS
    nodes = nodes[usual[labels[nodes]]]
    if usual.sum() < 2:
        raise DataError(
            f"A label probe needs two labels of at least {FOLDS} nodes each.", mend="Bring more labels."
        )
    nodes = nodes[sample_points(len(nodes), labels[nodes], MAX_NODES, seed)]
    y = labels[nodes]
    folds = list(StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(nodes, y))
    probes = {}
    for number, (name, rows) in enumerate(inputs.items()):
        x = rows[nodes]
        scores = []
        for fold, (train, test) in enumerate(folds):
            if progress is not None:
                share = (number + fold / FOLDS) / len(inputs)
                progress(share, f"{INPUTS.get(name, name)}, part {fold + 1} of {FOLDS}")
            model = make_pipeline(
                StandardScaler(with_mean=not sparse.issparse(x)), LogisticRegression(max_iter=300)
            )
            model.fit(x[train], y[train])
            predicted = model.predict(x[test])
            scores.append((accuracy_score(y[test], predicted), f1_score(y[test], predicted, average="macro")))
        accuracy, macro_f1 = (tuple(map(float, column)) for column in zip(*scores, strict=True))
        probes[name] = LabelProbe(accuracy, macro_f1)
    return Probes(
        probes,
        float(np.bincount(y).max() / len(y)),
        len(y),
        int(usual.sum()),
        int((~usual & (sizes > 0)).sum()),
    )
