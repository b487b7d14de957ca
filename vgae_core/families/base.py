"""What a run asks of a family of models."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from scipy import sparse

from vgae_core.analysis.network import Codes
from vgae_core.analysis.plain_encoders import Layers
from vgae_core.analysis.scoring import Score
from vgae_core.analysis.stacking import Stack
from vgae_core.catalogue.families import FAMILIES, FamilyEntry
from vgae_core.data.dataset import Features, GraphData
from vgae_core.data.splits import LinkSplit
from vgae_core.settings import RunSpec
from vgae_core.settings.resolved_outputs import Output

if TYPE_CHECKING:
    from vgae_core.nn.models import BuiltModel
    from vgae_core.training.batches import Batches

Factors = tuple[np.ndarray, np.ndarray]
"""Left and right factors, whose inner products are the logits of pairs."""

Evaluated = tuple[dict[str, np.ndarray], dict[str, Any]]
"""Scores of the test pairs by method, and metrics; see :meth:`Family.evaluate`."""


@dataclass(frozen=True)
class TableData:
    """What a run's output of features, or of a matrix, learns from.

    Parameters
    ----------
    output : str
    seen : csr_array or ndarray, shape (n_nodes, n_features)
        What the model may see, in the units of its loss.
    targets : csr_array or ndarray, shape (n_nodes, n_features)
        The same, held-out entries included.
    units : ndarray of float, shape (n_features,), or None
        What the columns of a matrix were divided by.
    trained : ndarray of int64, optional
        Rows that are learnt from, where rows are held out; all unless given.
    """

    output: str
    seen: Features
    targets: Features
    units: np.ndarray | None = None
    trained: np.ndarray | None = None

    @property
    def learnt(self) -> Features:
        """The rows that are learnt from."""
        return self.seen if self.trained is None else self.seen[self.trained]


class Family(ABC):
    """A family of models, as far as the steps of a run differ between families."""

    name: ClassVar[str]

    @property
    def entry(self) -> FamilyEntry:
        """Its title, its outputs and its words."""
        return FAMILIES[self.name]

    @abstractmethod
    def split(self, graph: GraphData, spec: RunSpec) -> LinkSplit:
        """Return the held-out pairs of a run and what is left to learn from."""

    @abstractmethod
    def pattern(self, graph: GraphData) -> sparse.csr_array:
        """Return which pairs are edges, or entries, of the data, as bool."""

    @abstractmethod
    def known(self, graph: GraphData, split: LinkSplit) -> sparse.csr_array:
        """Return what a model may see: the adjacency of the training edges, or a matrix without held-out entries.

        It is made once for a run; every later step is given it as `known`.
        """

    @abstractmethod
    def table(
        self,
        graph: GraphData,
        split: LinkSplit,
        known: sparse.csr_array,
        spec: RunSpec,
        outputs: Mapping[str, Output],
    ) -> TableData | None:
        """Return what the output of features or of a matrix learns from, or None where there is none."""

    @abstractmethod
    def batches(
        self,
        graph: GraphData,
        split: LinkSplit,
        known: sparse.csr_array,
        spec: RunSpec,
        label_part: np.ndarray | None,
        table: TableData | None,
    ) -> Batches:
        """Return the training batches of a run; arguments are those of a step before."""

    @abstractmethod
    def reading(self, graph: GraphData, split: LinkSplit, outputs: Mapping[str, Output]) -> dict[str, Any]:
        """Return what the run's description says of its logits: their head as ``scale``, the ``weight_unit``."""

    @abstractmethod
    def factors(
        self,
        built: BuiltModel,
        spec: RunSpec,
        graph: GraphData,
        split: LinkSplit,
        z_mean: np.ndarray,
        batches: Batches,
    ) -> Factors | None:
        """Return the factors of pairs that a run keeps beside its codes; None where both are the codes."""

    @abstractmethod
    def whole(self, graph: GraphData) -> sparse.csr_array:
        """Return what :meth:`known` is a part of: the adjacency of all edges, or the whole matrix."""

    @abstractmethod
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
        """Return the codes that a finished run's encoder makes, in plain arrays.

        Parameters
        ----------
        spec : RunSpec
        model : mapping
            The run's description of its model.
        layers : mapping of str to tuple of ndarray
            Its weights by the name of their layer.
        given : csr_array
            What is encoded: :meth:`whole`, or :meth:`known`.
        graph : GraphData
        known : csr_array
            From :meth:`known`.
        positions : ndarray of float32, shape (n_nodes, n_columns), optional
            What stood in for features in training, which then need not be worked out again.
        """

    @abstractmethod
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
        """Return for codes of everything what `factors` are for those of what was known in training.

        Parameters are those of :meth:`encode`; `decoder` are the weights of a decoder without factors.

        Raises
        ------
        RunError
            If the weights do not fit.
        """

    @abstractmethod
    def stack(
        self,
        spec: RunSpec,
        graph: GraphData,
        split: LinkSplit,
        known: sparse.csr_array,
        network: Score,
        factors: Callable[[], Factors],
    ) -> dict[str, float]:
        """Return what makes a pair's logit of the network's; empty where that is the network's own.

        Parameters are those of :meth:`evaluate`.
        """

    @abstractmethod
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
        """Score held-out pairs by the model and by every baseline.

        Parameters
        ----------
        spec : RunSpec
        graph : GraphData
        split : LinkSplit
        known : csr_array
            From :meth:`known`.
        network : callable
            From pairs to the network's logits.
        factors : callable
            Returns the network's factors, where pairs have some.
        stack : mapping, optional
            What stacking makes of network and baselines; the model is the network alone without it.
        before_baselines : callable
            Called when the network is done.

        Returns
        -------
        scores : dict of str to ndarray of float32, shape (n_test + n_test_neg,)
            ``"model"``, ``"network"`` where it is not the same, and the baselines; test edges first.
        metrics : dict
            ``test``, ``val`` (of the network, where there are validation pairs: stacking has been fitted to them),
            ``network`` and ``baselines``, ``left_out`` (why baselines of a two-sided graph are not among them, by
            name), and ``weights`` of a network that learns them.  On a graph they include
            :data:`vgae_core.analysis.metrics.HARD_METRICS`, on a matrix
            :data:`vgae_core.analysis.ranking_metrics.RANKING_METRICS`.
        """


def labelled_pairs(positive: np.ndarray, negative: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return edges and non-edges as one array of pairs, and which are edges, int8 (n_pairs,)."""
    truth = np.repeat(np.array([1, 0], np.int8), [len(positive), len(negative)])
    return np.concatenate([positive, negative]), truth
