"""Matrices: what is held out are entries, and a model may see the matrix without them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from vgae_core.analysis import ease
from vgae_core.analysis.entry_scores import fit_entries
from vgae_core.analysis.full_pass import encode_matrix, entry_factors
from vgae_core.analysis.network import Codes
from vgae_core.analysis.plain_encoders import Layers
from vgae_core.analysis.scoring import Score
from vgae_core.analysis.stacking import LEAST_EDGES, Stack
from vgae_core.data.dataset import GraphData
from vgae_core.data.entry_splits import new_rows, split_entries, training_entries, without_entries
from vgae_core.data.node_inputs import matrix_scaling
from vgae_core.data.splits import LinkSplit
from vgae_core.errors import RunError
from vgae_core.families.base import Evaluated, Factors, Family, TableData
from vgae_core.families.entry_evaluation import evaluate_entries
from vgae_core.model_parts.heads import HEADS, Head
from vgae_core.settings import RunSpec
from vgae_core.settings.resolved_outputs import Output

if TYPE_CHECKING:
    from vgae_core.nn.models import BuiltModel
    from vgae_core.training.batches import Batches

WEIGHED_STREAM = 0xEA5E
"""Keeps the draws by which EASE is weighed apart from others of the same seed."""


class MatrixFamily(Family):
    """Matrix auto-encoders: rows and entries."""

    name = "vae"

    def split(self, graph: GraphData, spec: RunSpec) -> LinkSplit:
        """Return held-out entries and as many zeros."""
        return split_entries(graph, spec.split, spec.seed)

    def pattern(self, graph: GraphData) -> sparse.csr_array:
        """Return which entries are stored and not 0."""
        matrix = sparse.csr_array(graph.features)
        return sparse.csr_array((matrix.data != 0, matrix.indices, matrix.indptr), shape=matrix.shape)

    def known(self, graph: GraphData, split: LinkSplit) -> sparse.csr_array:
        """Return the matrix without its held-out entries, in its own units."""
        return without_entries(graph.features, np.concatenate([split.val, split.test]))

    def table(
        self,
        graph: GraphData,
        split: LinkSplit,
        known: sparse.csr_array,
        spec: RunSpec,
        outputs: Mapping[str, Output],
    ) -> TableData | None:
        """Return the matrix, whole and without its held-out entries, its columns divided as the run asks for."""
        scaling = matrix_scaling(known, spec)
        new = new_rows(split)
        trained = np.setdiff1d(np.arange(graph.n_nodes), new) if len(new) else None
        if scaling is None:
            return TableData("output", known, graph.features, trained=trained)
        return TableData("output", scaling.apply(known), scaling.apply(graph.features), scaling.unit, trained)

    def batches(
        self,
        graph: GraphData,
        split: LinkSplit,
        known: sparse.csr_array,
        spec: RunSpec,
        label_part: np.ndarray | None,
        table: TableData | None,
    ) -> Batches:
        """Return batches of rows."""
        from vgae_core.training.row_batches import row_batches

        matrix: Any = table  # of a matrix there always is one
        return row_batches(
            matrix.seen, spec, graph.labels, label_part, units=matrix.units, trained=matrix.trained
        )

    def reading(self, graph: GraphData, split: LinkSplit, outputs: Mapping[str, Output]) -> dict[str, Any]:
        """Return the head of the entries' logits."""
        return {"scale": outputs["output"].head.name}

    def factors(
        self,
        built: BuiltModel,
        spec: RunSpec,
        graph: GraphData,
        split: LinkSplit,
        z_mean: np.ndarray,
        batches: Batches,
    ) -> Factors | None:
        """Return the factors of entries."""
        return built.factors(z_mean, batches.totals, batches.units)

    def whole(self, graph: GraphData) -> sparse.csr_array:
        """Return the whole matrix."""
        return sparse.csr_array(graph.features, dtype=np.float32)

    def encode(
        self,
        spec: RunSpec,
        model: Mapping[str, Any],
        layers: Layers,
        given: sparse.csr_array,
        graph: GraphData,
        known: sparse.csr_array,
        positions: np.ndarray | None = None,
    ) -> Codes:
        """Return the codes of the rows of `given`, in the units of training; see :meth:`Family.encode`."""
        scaling = matrix_scaling(known, spec)
        return encode_matrix(spec, layers, given if scaling is None else scaling.apply(given), _head(model))

    def whole_factors(
        self,
        spec: RunSpec,
        model: Mapping[str, Any],
        layers: Layers,
        graph: GraphData,
        z_mean: np.ndarray,
        factors: Factors,
        decoder: Mapping[str, np.ndarray],
    ) -> Factors:
        """Return factors of the entries of the whole matrix; see :meth:`Family.whole_factors`."""
        totals, right = None, factors[1]
        if _head(model).of_shares:
            totals = np.asarray(self.whole(graph).sum(axis=1), np.float32).ravel()
        left = entry_factors(spec, layers, z_mean, right, totals)
        if left.shape[1] != right.shape[1]:
            raise RunError("Its weights do not fit its factors.", where="state.npz")
        return left, right

    def stack(
        self,
        spec: RunSpec,
        graph: GraphData,
        split: LinkSplit,
        known: sparse.csr_array,
        network: Score,
        factors: Callable[[], Factors],
    ) -> dict[str, float]:
        """Return how the network's scores are combined with those of EASE, up to its most columns."""
        wide = graph.profile.n_features > ease.MOST_COLUMNS
        if wide or not spec.stacking or len(split.val) < LEAST_EDGES:
            return {}
        matrix = training_entries(graph.features, split), known
        rng = np.random.default_rng([spec.seed, WEIGHED_STREAM])
        return fit_entries(factors(), matrix, (split.val, split.val_neg), rng)

    def evaluate(
        self,
        spec: RunSpec,
        graph: GraphData,
        split: LinkSplit,
        known: sparse.csr_array,
        network: Score,
        *,
        factors: Callable[[], Factors],
        stack: Stack | None = None,
        before_baselines: Callable[[], None] = lambda: None,
    ) -> Evaluated:
        """Score held-out entries and rank the columns of each row; see :meth:`Family.evaluate`."""
        matrix = training_entries(graph.features, split), known
        return evaluate_entries(spec, split, factors(), matrix, stack or {}, before_baselines)


def _head(model: Mapping[str, Any]) -> Head:
    if (name := str(model.get("scale"))) not in HEADS:
        raise RunError("It does not say what its numbers stand for.", where="model.json")
    return HEADS[name]
