"""How far up held-out entries of a matrix stand in the ranking of their row."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import sparse

from vgae_core.analysis.metrics import Metric

RANKED_AT = 20
"""The first k of the recall@k and NDCG@k of a matrix."""

FURTHER = {"recall": 50, "ndcg": 100}
"""The second one, as recommenders are mostly reported."""

_BLOCK = 8_000_000
"""Scores held at once: 32 MB of float32."""


class RankingMetric(NamedTuple):
    """A metric of the first k of a ranking."""

    title: str
    help: str

    def at(self, k: int | str) -> Metric:
        """Return the metric of one k."""
        return Metric(f"{self.title}@{k}", self.help.format(k=k))


RANKING_METRICS: dict[str, RankingMetric] = {
    "recall": RankingMetric(
        "Recall",
        "Among the {k} columns ranked first in a row, without those it showed: the share of its held-out entries, "
        "at most {k}. The mean over rows.",
    ),
    "ndcg": RankingMetric(
        "NDCG",
        "As the recall of the first {k}, but a hit counts the more, the further up it stands; 1 is the best order.",
    ),
}
"""What the keys of :func:`ranking_metrics` stand for, before ``_at_k``."""


def ranking_metrics(
    left: np.ndarray | sparse.csr_array,
    right: np.ndarray,
    seen: sparse.csr_array,
    held_out: np.ndarray,
    k: int = RANKED_AT,
) -> dict[str, float]:
    """Return recall@k and NDCG@k of held-out entries among all columns that a row has not shown.

    Parameters
    ----------
    left, right, seen, held_out, k
        As in :func:`row_metrics`.

    Returns
    -------
    dict
        ``recall_at_k``: entries found among the first k, divided by min(k, held-out entries of the row);
        ``ndcg_at_k``; and both at their own k of :data:`FURTHER`. At most the number of columns. Means over rows with
        a held-out entry.

    References
    ----------
    Liang et al. 2018, Variational Autoencoders for Collaborative Filtering, arXiv:1802.05814, section 4.2.
    """
    rows = row_metrics(left, right, seen, held_out, k)
    return {name: float(values.mean()) for name, values in rows.items()}


def row_metrics(
    left: np.ndarray | sparse.csr_array,
    right: np.ndarray,
    seen: sparse.csr_array,
    held_out: np.ndarray,
    k: int = RANKED_AT,
) -> dict[str, np.ndarray]:
    """Return the scores of :func:`ranking_metrics` of each row with a held-out entry, float64 (n_such_rows,).

    Parameters
    ----------
    left : ndarray or csr_array of float32, shape (n_rows, d)
    right : ndarray of float32, shape (n_columns, d)
        Column j scores ``left_i . right_j`` in row i.
    seen : csr_array, shape (n_rows, n_columns)
        Entries the model was given; they are not ranked.
    held_out : ndarray of int64, shape (n_held_out, 2)
        Entries (row, column) to find.
    k : int
    """
    rows, place = np.unique(held_out[:, 0], return_inverse=True)
    width = right.shape[0]
    truth = sparse.csr_array(
        (np.ones(len(held_out), np.float32), (place, held_out[:, 1])), shape=(len(rows), width)
    )
    recall_at = [min(k, width), min(FURTHER["recall"], width)]
    ndcg_at = [min(k, width), min(FURTHER["ndcg"], width)]
    most = max(recall_at + ndcg_at)
    discount = 1.0 / np.log2(np.arange(2, most + 2))
    ideal = np.cumsum(discount)
    names = [f"recall_at_{at}" for at in recall_at] + [f"ndcg_at_{at}" for at in ndcg_at]
    measured = {name: np.zeros(len(rows)) for name in names}
    step = max(1, _BLOCK // width)
    for start in range(0, len(rows), step):
        block = slice(start, start + step)
        part = rows[block]
        scores = left[part] @ right.T
        known = seen[part].tocoo()
        scores[known.row, known.col] = -np.inf
        top = np.argpartition(-scores, most - 1, axis=1)[:, :most]
        top = np.take_along_axis(
            top, np.argsort(-np.take_along_axis(scores, top, 1), axis=1, kind="stable"), 1
        )
        relevant = truth[block]
        hit = np.take_along_axis(relevant.toarray(), top, axis=1)
        n_relevant = np.diff(relevant.indptr)
        for at in set(recall_at):
            measured[f"recall_at_{at}"][block] = hit[:, :at].sum(axis=1) / np.minimum(n_relevant, at)
        for at in set(ndcg_at):
            gain = hit[:, :at] @ discount[:at]
            measured[f"ndcg_at_{at}"][block] = gain / ideal[np.minimum(n_relevant, at) - 1]
    return measured
