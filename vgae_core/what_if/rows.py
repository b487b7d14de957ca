"""What-if answers of a matrix auto-encoder: entries set or cleared, new rows, cleared columns."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.special import softmax

from vgae_core.analysis.full_pass import encode_matrix, entry_factors
from vgae_core.analysis.network import Codes, layers_of, node_head
from vgae_core.analysis.scored_graph import (
    DRAWS,
    NOISE_SEED,
    banded,
    probability,
    probability_at,
    vouched_logit,
)
from vgae_core.data.dataset import GraphData
from vgae_core.data.node_inputs import matrix_scaling
from vgae_core.errors import DataError, RunError
from vgae_core.runs.results.result import RunResult
from vgae_core.runs.views.link_tables import column_names, filled_share
from vgae_core.what_if.answer import (
    LEARNT,
    MOVED,
    NO_NOISE,
    TOP,
    TOUCHED,
    Answer,
    Linked,
    MovedNode,
    NodeAnswer,
    PairAnswer,
    Value,
)
from vgae_core.what_if.names import Names
from vgae_core.what_if.row_changes import RowChanges, row_changes
from vgae_core.what_if.scenario import Edit, Scenario

DRAWN_VALUES = 4_000_000
"""Logits drawn at once for the noise of an entry: 16 MB."""


@dataclass(frozen=True, eq=False)
class RowScores:
    """What a row says of every column.

    Parameters
    ----------
    logits, network : ndarray of float32, shape (n_columns,)
        Of the model, by which columns are ranked, and of the network alone.
    products : ndarray of float32, shape (n_columns,)
        Logits before calibration.
    codes : Codes
        Arrays of one row.
    values : ndarray of float32, shape (n_columns,)
    """

    logits: np.ndarray
    network: np.ndarray
    products: np.ndarray
    codes: Codes
    values: np.ndarray


class RowsWhatIf:
    """What a finished run of a matrix says if the matrix were another; its weights stay as they were learnt.

    Rows are encoded whole, held-out entries among them.

    Parameters
    ----------
    result : RunResult
        Of a matrix auto-encoder.
    graph : GraphData
        The matrix it was trained on, as features.
    most_columns : int, optional
        See :meth:`vgae_core.runs.results.result.RunResult.entry_scores`.

    Raises
    ------
    RunError
        If the run is one of a graph, or its weights do not fit.
    """

    noun = "row"

    def __init__(self, result: RunResult, graph: GraphData, *, most_columns: int | None = None) -> None:
        if result.family.links_nodes:
            raise RunError(
                "A graph has edges, not entries.", where="model.family", mend="Ask a run of a matrix."
            )
        spec = result.spec
        self.result, self.graph = result, graph
        self._layers = layers_of(result.model, result.state)
        self._matrix = sparse.csr_array(graph.features, dtype=np.float32)
        self._scaling = matrix_scaling(result.known(graph), spec)
        self.head = result.head
        self.names = Names(graph.node_ids.tolist(), "row")
        self.columns = Names([str(name) for name in column_names(graph)], "column")
        self.codes = self._encode(self._matrix)
        self.scores = result.entry_scores(graph, most_columns=most_columns)
        self.base_rate = filled_share(graph)

    @property
    def nbytes(self) -> int:
        """About how many bytes it takes beside the run's data."""
        codes = (self.codes.z_mean, self.codes.z_log_var)
        matrix = self._matrix
        parts = (*codes, matrix.data, matrix.indices, self.scores.right)
        return sum(part.nbytes for part in parts if part is not None)

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return self.graph.n_nodes

    @property
    def busiest(self) -> int:
        """The row with most entries that leaves columns to recommend: where to begin."""
        filled = np.diff(self._matrix.indptr)
        return int(np.argmax(np.where(filled + TOP <= self._matrix.shape[1], filled, -1)))

    def name(self, row: int, changes: RowChanges | None = None) -> str:
        """Return the name of a row, of a new one too."""
        if row < len(self.names):
            return self.names[row]
        return next(name for name, place in (changes.new if changes else {}).items() if place == row)

    def changes(self, edits: Sequence[Edit]) -> RowChanges:
        """Return what edits change; raise DataError where a name is unknown, with the edit as its place."""
        return row_changes(edits, self.names, self.columns, self.n_rows, self.head)

    # ---------------------------------------------------------------------------- rows
    def rows(self, rows: Sequence[int], changes: RowChanges) -> sparse.csr_array:
        """Return some rows after changes, in their own units, csr float32 (len(rows), n_columns)."""
        known = [row if row < self.n_rows else 0 for row in rows]
        values = self._matrix[known].tolil()
        for at, row in enumerate(rows):
            if row >= self.n_rows:
                values[at, :] = 0
            for column in changes.cleared:
                values[at, column] = 0
            for column, value in changes.entries.get(row, {}).items():
                values[at, column] = value
        changed = sparse.csr_array(values, dtype=np.float32)
        changed.eliminate_zeros()
        return changed

    def touched(self, changes: RowChanges) -> np.ndarray:
        """Return the rows that differ after changes, int64, sorted; new ones last."""
        rows = [np.array(list(changes.entries), np.int64)]
        if changes.cleared:
            holds = np.isin(self._matrix.indices, list(changes.cleared))
            rows.append(np.repeat(np.arange(self.n_rows), np.diff(self._matrix.indptr))[holds])
        return np.unique(np.concatenate(rows))

    def _encode(self, rows: sparse.csr_array) -> Codes:
        scaled = rows if self._scaling is None else self._scaling.apply(rows)
        return encode_matrix(self.result.spec, self._layers, scaled, self.head)

    @property
    def latent_dim(self) -> int:
        """Length of a code."""
        return int(self.codes.z_mean.shape[1])

    @property
    def z_mean(self) -> np.ndarray:
        """Mean codes of all rows before any edit, float32 (n_rows, latent_dim)."""
        return self.codes.z_mean

    def places(self, names: Sequence[str], changes: RowChanges) -> np.ndarray:
        """Return the numbers of rows by their names, new ones too; int64 (len(names),)."""
        return np.array([self.names.find(name, changes.new) for name in names], np.int64)

    def codes_of(self, rows: np.ndarray, changes: RowChanges) -> np.ndarray:
        """Return the mean codes of some rows after changes, float32 (len(rows), latent_dim)."""
        return self._encode(self.rows(rows.tolist(), changes)).z_mean

    def network(self, codes: Codes, totals: np.ndarray) -> np.ndarray:
        """Return the network's logits of all columns for some codes, float32 (len(codes), n_columns)."""
        return self._left(codes, totals) @ self.result.right.T

    def _left(self, codes: Codes, totals: np.ndarray) -> np.ndarray:
        shares = np.asarray(totals, np.float32) if self.head.of_shares else None
        return entry_factors(self.result.spec, self._layers, codes.z_mean, self.result.right, shares)

    def row_scores(self, row: int, changes: RowChanges) -> RowScores:
        """Return what a row says after changes.

        Raises
        ------
        DataError
            If its values give scores that are not finite.
        """
        values = self.rows([row], changes)
        codes = self._encode(values)
        left = self._left(codes, np.asarray(values.sum(axis=1)).ravel())
        network = (left @ self.result.right.T)[0]
        products = self.scores.of_rows(left, values).products(slice(0, 1))[0]
        logits = self.scores.logits(products)
        if not (np.isfinite(network).all() and np.isfinite(logits).all()):
            raise DataError("These values give scores that are not finite.", mend="Use smaller values.")
        return RowScores(logits, network, products, codes, values.toarray()[0])

    def _noise(self, row: RowScores, column: int) -> float | None:
        """Return the standard deviation of the logit of one entry over draws of its row's code."""
        codes, total = row.codes, float(row.values.sum())
        if codes.z_log_var is None:
            return None
        draws = max(50, min(DRAWS, DRAWN_VALUES // len(self.result.right)))
        normal = np.random.default_rng(NOISE_SEED).standard_normal((draws, codes.z_mean.shape[1]), np.float32)
        z = codes.z_mean + np.exp(codes.z_log_var / 2) * normal
        drawn = self.network(Codes(z, None), np.full(draws, total))[:, column]
        grows = float(self.scores.steepness(row.products[[column]])[0])
        return abs(grows) * float(drawn.std(ddof=1, dtype=np.float64))

    # -------------------------------------------------------------------------- answers
    def answer(self, scenario: Scenario) -> Answer:
        """Return what the edits of a scenario change; raise DataError where a name is unknown."""
        changes, nothing = self.changes(scenario.active), RowChanges()
        pair, source = None, None
        top_before: tuple[Linked, ...] = ()
        top_after: tuple[Linked, ...] = ()
        if scenario.pair is not None:
            row = self.names.find(scenario.pair[0], changes.new)
            column = self.columns.find(scenario.pair[1]) if scenario.pair[1] else None
            source = self.name(row, changes)
            new = self.row_scores(row, changes)
            old = self.row_scores(row, nothing) if row < self.n_rows else None
            top_before = () if old is None else self._top(old, nothing)
            top_after = self._top(new, changes)
            if column is not None:
                pair = self._pair(source, column, old, new, changes)
        moved, n_moved = self._moved(changes)
        has_noise = self.codes.z_log_var is not None
        return Answer(
            sentences=tuple(item.sentence() for item in scenario.active),
            notes=(LEARNT, *(() if has_noise else (NO_NOISE,))),
            pair=pair, source=source, top_before=top_before, top_after=top_after,
            moved=moved, n_moved=n_moved, nodes=self._named(changes), has_noise=has_noise,
            measure="probability" if self.of_probabilities else "expected value", base_rate=self.base_rate,
        )  # fmt: skip

    def _candidates(self, values: np.ndarray, changes: RowChanges) -> np.ndarray:
        free = values == 0
        free[list(changes.cleared)] = False
        return np.flatnonzero(free)

    @property
    def of_probabilities(self) -> bool:
        """Whether logits are log odds of an entry."""
        return bool(self.scores.stack) or self.head.of_probabilities

    def _top(self, row: RowScores, changes: RowChanges) -> tuple[Linked, ...]:
        free = self._candidates(row.values, changes)
        values = banded(row.logits)
        best = free[np.lexsort((free, -values[free]))][:TOP]
        return tuple(
            Linked(
                self.columns[int(at)],
                1 + int(np.count_nonzero(values[free] > values[at])),
                float(row.logits[at]),
                self._at_share(float(row.logits[at])) if self.scores.stack else None,
            )
            for at in best.tolist()
        )

    def _at_share(self, logit: float) -> float:
        """Return the probability of a logit among all cells, no surer than the validation entries vouch for."""
        return probability_at(vouched_logit(logit, len(self.result.split.val)), self.base_rate)

    def _pair(
        self, source: str, column: int, old: RowScores | None, new: RowScores, changes: RowChanges
    ) -> PairAnswer:
        sides = [(old, RowChanges()), (new, changes)]

        def both(of: Callable[[RowScores, RowChanges], float | None]) -> list[float | None]:
            return [None if row is None else of(row, by) for row, by in sides]

        def rank(row: RowScores, by: RowChanges) -> float:
            places = banded(row.logits)
            return float(1 + np.count_nonzero(places[self._candidates(row.values, by)] > places[column]))

        def expected(row: RowScores, by: RowChanges) -> float:
            return float(self.head.expected(row.network[column]))

        noises = both(lambda row, by: self._noise(row, column))
        noise = math.hypot(*noises) if None not in noises else None  # type: ignore[arg-type]
        logits = both(lambda row, by: float(row.logits[column]))
        sure = logits
        if self.scores.stack:
            n_val = len(self.result.split.val)
            sure = [None if logit is None else vouched_logit(logit, n_val) for logit in logits]
        odds = Value(*(None if logit is None else probability(logit) for logit in sure))
        at_share = Value(*(None if logit is None else self._at_share(logit) for logit in logits))
        return PairAnswer(
            source=source,
            target=self.columns[column],
            logit=Value(logits[0], logits[1], noise),
            probability=odds if self.of_probabilities else Value(*both(expected)),
            at_density=at_share if self.scores.stack else None,
            expected=None if self.head.of_probabilities else Value(*both(expected)),
            weight=Value(*both(lambda row, by: float(row.values[column]))),
            rank=Value(*both(rank)),
            candidates=Value(
                *both(lambda row, by: float(len(np.union1d(self._candidates(row.values, by), column))))
            ),
            share_above=Value(None, None),
        )

    def _moved(self, changes: RowChanges) -> tuple[tuple[MovedNode, ...], int]:
        touched = self.touched(changes)
        old = touched[touched < self.n_rows]
        fresh = [MovedNode(name, None, None, new=True) for name in changes.new]
        if not len(old):
            return tuple(fresh), len(fresh)
        after = self._encode(self._edited_rows(old, changes))
        distance = np.linalg.norm(after.z_mean - self.codes.z_mean[old], axis=1)
        noise = None
        if after.z_log_var is not None and self.codes.z_log_var is not None:
            noise = np.sqrt((np.exp(after.z_log_var) + np.exp(self.codes.z_log_var[old])).sum(axis=1))
        differs = int(np.count_nonzero(distance > 1e-6 * max(float(np.abs(self.codes.z_mean).max()), 1e-6)))
        order = np.argsort(-distance, kind="stable")[: min(differs, MOVED)]
        rows = [
            MovedNode(
                self.names[int(old[at])], float(distance[at]), None if noise is None else float(noise[at])
            )
            for at in order.tolist()
        ]
        return (*fresh, *rows), differs + len(fresh)

    def _edited_rows(self, rows: np.ndarray, changes: RowChanges) -> sparse.csr_array:
        """Return many rows after changes; only those with edits of their own are worked on one by one."""
        values = self._matrix[rows]
        if changes.cleared:
            values.data[np.isin(values.indices, list(changes.cleared))] = 0
        own = np.array([row in changes.entries for row in rows.tolist()])
        if own.any():
            values = sparse.csr_array(sparse.diags_array((~own).astype(np.float32)) @ values)
            edited = self.rows(rows[own].tolist(), changes)
            places = sparse.csr_array(
                (np.ones(int(own.sum()), np.float32), (np.flatnonzero(own), np.arange(int(own.sum())))),
                shape=(len(rows), int(own.sum())),
            )
            values = sparse.csr_array(values + places @ edited, dtype=np.float32)
        values.eliminate_zeros()
        return values

    def label_probabilities(self, codes: Codes) -> np.ndarray | None:
        """Return the probability of each class, float (len(codes), n_classes), None without an output ``labels``."""
        if "labels" not in self._layers:
            return None
        return np.asarray(softmax(node_head(self._layers, "labels", codes.z_mean), axis=1))

    def _named(self, changes: RowChanges) -> tuple[NodeAnswer, ...]:
        rows = changes.named[:TOUCHED]
        found = []
        for row in rows:
            sides = [self._encode(self.rows([row], by)) if known else None
                     for by, known in ((RowChanges(), row < self.n_rows), (changes, True))]  # fmt: skip
            labels: list[str | None] = [None, None]
            values: list[float | None] = [None, None]
            for side, codes in enumerate(sides):
                chances = None if codes is None else self.label_probabilities(codes)
                if chances is not None:
                    best = int(chances[0].argmax())
                    labels[side], values[side] = str(self.graph.label_names[best]), float(chances[0, best])
            found.append(
                NodeAnswer(self.name(row, changes), labels[0], labels[1], Value(*values), Value(None, None))
            )
        return tuple(found)
