"""What a finished run says of a matrix as it is: what comes next in a row, and how likely some entries are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import sparse

from vgae_core.analysis.entries import recommended_to, unexpected
from vgae_core.analysis.links import Direction
from vgae_core.analysis.reconstruction import edge_parts
from vgae_core.data.dataset import GraphData
from vgae_core.errors import DataError
from vgae_core.runs.results.codes import completed
from vgae_core.runs.results.result import RunResult
from vgae_core.runs.views.answers import TOP
from vgae_core.runs.views.link_tables import column_names, entry_table, filled_share, scored_entries


class RowAnswers:
    """Scores of the entries of a matrix by a finished run, whose rows are read as they are.

    Parameters
    ----------
    result : RunResult
        Of a matrix auto-encoder.
    graph : GraphData
        The matrix it was trained on, as features.
    """

    def __init__(self, result: RunResult, graph: GraphData) -> None:
        self.result, self.graph = completed(result, graph), graph
        self.scores = self.result.entry_scores(graph)
        self.base_rate = filled_share(graph)
        self._matrix = sparse.csr_array(graph.features)

    def rank_table(self, row: int, k: int = TOP, direction: Direction = "out") -> pd.DataFrame:
        """Return the `k` columns that a row lacks and most likely has: ``rank`` and :func:`scored_entries`.

        Raises
        ------
        DataError
            If there is no such row, or `k` < 1, or incoming links are asked for.
        """
        _check_direction(direction)
        columns, products = recommended_to(self.scores.left, self.scores.right, self._matrix, row, k)
        pairs = np.column_stack([np.full(len(columns), row), columns]).astype(np.int64)
        return _numbered(self._table(pairs, self.scores.logits(products)))

    def existing_table(self, row: int, direction: Direction = "out") -> pd.DataFrame:
        """Return the values of a row, the least expected by the network first.

        Raises
        ------
        DataError
            If incoming links are asked for.
        """
        _check_direction(direction)
        one, codes = self._matrix[[row]], self.result.codes
        pairs, logits, nats = unexpected(
            np.asarray(codes.left)[[row]], codes.right, one, one.nnz, self.result.head
        )
        pairs[:, 0] = row
        return _numbered(entry_table(self.graph, pairs, logits, self.result.head, nats=nats))

    def pairs_of(self, names: Sequence[tuple[str, str]]) -> tuple[np.ndarray, list[str]]:
        """Return :func:`entries_of` this matrix."""
        return entries_of(self.graph, names)

    def score_table(self, pairs: np.ndarray) -> pd.DataFrame:
        """Return what the run says of some pairs (row, column), in their order, and which ``part`` they were in.

        Parameters
        ----------
        pairs : ndarray of int64, shape (n_pairs, 2)
        """
        table = self._table(pairs, self.scores(pairs))
        most = max(self._matrix.shape)
        table.insert(2, "part", edge_parts(self.result.split, pairs, most, directed=True))
        return table

    def _table(self, pairs: np.ndarray, logits: np.ndarray) -> pd.DataFrame:
        combined = bool(self.scores.stack)
        return scored_entries(self.result, self.graph, pairs, logits, combined=combined)


def entries_of(graph: GraphData, names: Sequence[tuple[str, str]]) -> tuple[np.ndarray, list[str]]:
    """Return the pairs of a row's and a column's name, int64 (n_pairs, 2), and the names that are none, each once."""
    rows = {str(name): place for place, name in enumerate(graph.node_ids)}
    columns = {str(name): place for place, name in enumerate(column_names(graph))}
    pairs: list[tuple[int, int]] = []
    unknown: dict[str, None] = {}
    for row, column in names:
        places = rows.get(row.strip()), columns.get(column.strip())
        unknown.update(
            (name, None) for name, place in zip((row, column), places, strict=True) if place is None
        )
        if places[0] is not None and places[1] is not None:
            pairs.append((places[0], places[1]))
    return np.array(pairs, np.int64).reshape(-1, 2), list(unknown)


def _check_direction(direction: Direction) -> None:
    if direction == "in":
        raise DataError("A matrix has no links to a row.", where="incoming", mend="Leave it out.")


def _numbered(table: pd.DataFrame) -> pd.DataFrame:
    table.insert(0, "rank", np.arange(1, len(table) + 1))
    return table
