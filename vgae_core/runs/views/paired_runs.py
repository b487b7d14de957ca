"""A run against another on the held-out pairs of both: differences of scores, or why they are not compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from vgae_core.analysis.decisions import LEAST_TESTED
from vgae_core.analysis.paired import LEVEL, Difference, paired_differences
from vgae_core.data.dataset import GraphData
from vgae_core.data.non_edges import codes
from vgae_core.errors import DataError
from vgae_core.runs.results.result import RunResult
from vgae_core.runs.views.score_rows import score_title


@dataclass(frozen=True)
class Paired:
    """A run against another, on the test pairs that both hold out.

    Parameters
    ----------
    n_edges, n_others : int
        Edges (or entries) and non-edges (or zeros) compared.
    scores : mapping of str to Difference
        By key of :data:`vgae_core.analysis.paired.MEASURES`; empty where they are not compared.
    caution : str
        What is not the same in both, empty where data and split are.
    retrain : bool
        Whether training again on the same split makes them comparable.
    """

    n_edges: int
    n_others: int
    scores: Mapping[str, Difference]
    caution: str = ""
    retrain: bool = False


def paired(first: tuple[RunResult, GraphData], second: tuple[RunResult, GraphData]) -> Paired:
    """Compare the second run with the first on the same held-out pairs, or say why that is not possible."""
    (one, graph), (other, other_graph) = first, second
    if one.words is not other.words:
        return Paired(
            0,
            0,
            {},
            "One run holds out edges, the other entries of a matrix: their scores are not comparable.",
        )
    if graph.fingerprint != other_graph.fingerprint:
        return Paired(0, 0, {}, "Trained on other data: scores of different pairs are not compared.")
    same = same_split(one, other)
    caution, on = "", "test"
    if one.is_trial and other.is_trial:
        on, trial = (
            "validation",
            "Trials of a sweep: compared on the validation pairs that chose their epochs.",
        )
    elif one.is_trial or other.is_trial:
        trial = "One is a trial of a sweep, which is scored on validation pairs, the other on test pairs."
    else:
        trial = ""
    try:
        truth, left, right = shared_scores(one, other, graph)
    except DataError:
        truth = np.zeros(0, bool)
    n_edges, n_others = int(truth.sum()), int((~truth).sum())
    if not same:
        what, others = one.words.many, one.words.others
        caution = (
            f"They hold out different {what}: {_of(n_edges, one.split.test, other.split.test)} {on} {what} and "
            f"{_of(n_others, one.split.test_neg, other.split.test_neg)} {others} are common to both, and only these "
            "are compared."
        )
    caution = f"{trial} {caution}".strip()
    if n_edges < LEAST_TESTED or n_others < LEAST_TESTED:
        caution = f"{caution} These are too few to compare (at least {LEAST_TESTED}).".strip()
        return Paired(n_edges, n_others, {}, caution, not same)
    return Paired(n_edges, n_others, paired_differences(truth, left, right), caution, not same)


def _of(common: int, first: np.ndarray, second: np.ndarray) -> str:
    """Return how many of two sets of pairs are in both, the same words whichever set comes first."""
    sizes = sorted({len(first), len(second)})
    return f"{common:,} of {' and '.join(f'{size:,}' for size in sizes)}"


def same_split(first: RunResult, second: RunResult) -> bool:
    """Return whether two runs train on, choose by and are tested on the same pairs."""
    parts = ("train", "val", "val_neg", "test", "test_neg")
    return all(_same_pairs(getattr(first.split, part), getattr(second.split, part)) for part in parts)


def why_not_ranked(runs: Sequence[tuple[GraphData, RunResult]]) -> str:
    """Return why the scores of these runs do not say which is best, as a sentence; empty where they do."""
    (graph, result), *others = runs
    if any(other.fingerprint != graph.fingerprint for other, _ in others):
        return "Different data: scores are not comparable."
    if not all(same_split(result, other) for _, other in others):
        return "Different held-out pairs: scores are not comparable."
    return ""


def _same_pairs(first: np.ndarray, second: np.ndarray) -> bool:
    if first.shape != second.shape:
        return False
    if np.array_equal(first, second):
        return True
    return np.array_equal(first[np.lexsort(first.T)], second[np.lexsort(second.T)])


def verdict(comparison: Paired) -> str:
    """Return in a line how the second run differs from the first, the interval in brackets; empty if not compared."""
    if not comparison.scores:
        return ""
    parts = {1: [], -1: [], 0: []}  # type: dict[int, list[str]]
    for key, difference in comparison.scores.items():
        sign = 0 if difference.may_be_chance else 1 if difference.difference > 0 else -1
        parts[sign].append(
            f"{score_title(key)} {_signed(difference.difference)} "
            f"({_signed(difference.low)} to {_signed(difference.high)})"
        )
    words = {1: "finds more", -1: "finds less", 0: "within noise"}
    return "; ".join(f"{words[sign]}: {', '.join(texts)}" for sign, texts in parts.items() if texts)


def _signed(value: float) -> str:
    """Return a number with its sign, and zero without one."""
    text = f"{value:+.3f}"
    return text[1:] if float(text) == 0 else text.replace("-", "−")


def explained(n_compared: int) -> str:
    """Return how the intervals were made, and what several of them mean."""
    text = (
        f"In parentheses: {LEVEL:.0%} interval of a paired bootstrap over the same held-out pairs. It covers the "
        "choice of test pairs, not retraining with another seed."
    )
    if n_compared > 2:
        text += (
            f" Of {n_compared} comparisons, about one in {1 / (1 - LEVEL):.0f} excludes zero by chance alone."
        )
    return text


def shared_scores(
    first: RunResult, second: RunResult, graph: GraphData
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return what two runs say of the test pairs that both hold out: which are edges, and the scores of each.

    Parameters
    ----------
    first, second : RunResult
    graph : GraphData
        That of the second, which has all nodes of the first.

    Raises
    ------
    DataError
        If there is no edge, or no other pair, in common.
    """
    n = max(graph.n_nodes, len(first.right), len(second.right))  # entries of a matrix are (row, column)
    directed = second.ordered(graph)
    parts: list[tuple[np.ndarray, np.ndarray]] = []
    for positive in (True, False):
        mine, others = (
            codes(result.split.test if positive else result.split.test_neg, n, directed=directed)
            for result in (first, second)
        )
        _, at, other = np.intersect1d(mine, others, assume_unique=True, return_indices=True)
        if not len(at):
            raise DataError("The two runs hold out no pair in common.", mend="Train both on the same split.")
        starts = [0 if positive else len(result.split.test) for result in (first, second)]
        parts.append(
            (
                np.asarray(first.scores["model"])[at + starts[0]],
                np.asarray(second.scores["model"])[other + starts[1]],
            )
        )
    truth = np.repeat([True, False], [len(part[0]) for part in parts])
    return truth, np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])
