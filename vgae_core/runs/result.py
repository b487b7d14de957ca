"""What a finished run leaves behind, as plain arrays and JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from vgae_core.data.dataset import GraphData
from vgae_core.data.node_inputs import scaled_features
from vgae_core.data.splits import LinkSplit
from vgae_core.spec import RunSpec
from vgae_core.training.events import Finished

if TYPE_CHECKING:
    from vgae_core.analysis.reconstruction import Score


@dataclass(frozen=True, eq=False, kw_only=True)
class RunResult:
    """Everything the pages, exports and the command line show of a run.

    Parameters
    ----------
    spec : RunSpec
        What was trained; not what was asked for where a recipe was to be chosen.
    metrics : dict
        ``{"test": {"roc_auc": …, "average_precision": …, …}, "val": {…},
        "baselines": {name: {…}}}``; baselines are scored on the same test pairs, and so is ``"network"``,
        the network alone, where stacking joins other scores to its own.  ``"weights"``, of a network that learns
        them, says how well it and baselines predict those of test edges.
    z_mean : ndarray of float32, shape (n_nodes, latent_dim)
        Mean latent code, encoded from the training edges only.
    z_log_var : ndarray of float32, shape (n_nodes, latent_dim), or None
        Log-variance log σ²; None for a plain auto-encoder.
    split : LinkSplit
        The edges and non-edges of each part.
    scores : dict of str to ndarray of float32, shape (n_test + n_test_neg,)
        ``"model"`` and ``"network"`` hold logits, every other key a baseline's scores; test edges first.
    state : dict of str to ndarray
        Model weights of the best epoch, keyed by position.
    model : dict
        Description of the network: layers, shapes, parameters, resolved objectives; ``stack``, where there is one.
    factors : tuple of two ndarrays of float32, shapes (n_nodes, k) and (n_columns, k), or None
        The logit of pair (i, j) is ``left_i . right_j``. None where both are `z_mean`. Of a decoder without
        factors they only approximate the logit, to find the pairs that are worth scoring.
    decoder : dict of str to ndarray
        Weights of a decoder without factors (:data:`vgae_core.analysis.decoders.WEIGHTS`); else empty.
    nodes : dict of str to ndarray, shape (n_nodes, …)
        What the other outputs say of each node: ``feature_error`` (mean loss of its
        feature row), ``label_probabilities`` (n_nodes, n_classes) and ``label_part``
        (0 train, 1 validation, 2 test, -1 no label).
    environment : dict
        Versions, threads and seed.
    finished : Finished
        Why and when it ended.
    """

    spec: RunSpec
    metrics: Mapping[str, Any]
    z_mean: np.ndarray
    z_log_var: np.ndarray | None
    split: LinkSplit
    scores: Mapping[str, np.ndarray]
    state: Mapping[str, np.ndarray]
    model: Mapping[str, Any]
    finished: Finished
    factors: tuple[np.ndarray, np.ndarray] | None = None
    decoder: Mapping[str, np.ndarray] = field(default_factory=dict)
    nodes: Mapping[str, np.ndarray] = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)

    @property
    def left(self) -> np.ndarray:
        """Left factors of the pairs' logits, float32 (n_nodes, k)."""
        return self.z_mean if self.factors is None else self.factors[0]

    @property
    def right(self) -> np.ndarray:
        """Right factors of the pairs' logits, float32 (n_nodes or n_columns, k)."""
        return self.z_mean if self.factors is None else self.factors[1]

    @property
    def of_matrix(self) -> bool:
        """Whether pairs are entries of a matrix, not pairs of nodes."""
        return self.factors is not None and "decoder" not in self.model

    @property
    def decoder_name(self) -> str:
        """Key of :data:`vgae_core.spec.DECODERS`."""
        return str(self.model.get("decoder", "inner_product"))

    @property
    def stack(self) -> Mapping[str, float]:
        """What each score counts in that of a pair, see :mod:`vgae_core.analysis.stacking`; empty without stacking."""
        return self.model.get("stack", {})

    def weights(self, pairs: np.ndarray) -> np.ndarray | None:
        """Return the weights that a network which learns weights expects of pairs, float64; None of any other.

        Parameters
        ----------
        pairs : ndarray of int64, shape (n_pairs, 2)
        """
        if "weight_unit" not in self.model:
            return None
        from vgae_core.analysis.entries import expected  # brings SciPy's special functions

        return float(self.model["weight_unit"]) * expected(self.network()(pairs), str(self.model["scale"]))

    def network(self) -> Score:
        """Return the function from pairs int64 (n_pairs, 2) to the network's logits, float32 (n_pairs,)."""
        from vgae_core.analysis.reconstruction import scorer  # brings pandas, which the first page waits for

        return scorer(self.z_mean, (self.left, self.right), self.decoder_name, self.decoder)

    def scorer(self, graph: GraphData) -> Score:
        """Return the function from pairs to the model's logits: the network's, or what stacking makes of them.

        Parameters
        ----------
        graph : GraphData
            The graph the run was trained on.
        """
        if not self.stack:
            return self.network()
        from vgae_core.analysis.stacking import stacked  # brings scikit-learn

        message = self.split.message(graph.n_nodes, graph)
        return stacked(self.network(), self.stack, message, scaled_features(graph, self.spec))

    def missing_links(self, graph: GraphData, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the `k` likeliest pairs of nodes without an edge, as :mod:`vgae_core.analysis.reconstruction`."""
        from vgae_core.analysis.reconstruction import missing_links  # as above

        return missing_links(
            self.left,
            graph.adjacency,
            k,
            right=None if self.factors is None else self.right,
            score=self.scorer(graph) if self.decoder or self.stack else None,
            directed=graph.directed,
            sides=graph.sides,
        )

    def ranking_task(self, graph: GraphData, k: int) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Return the arrays and options with which :func:`missing_links_task` does the same in another process."""
        arrays = {"z": self.z_mean, "left": self.left, "right": self.right, "edges": graph.edges}
        arrays |= {f"weight_{name}": value for name, value in self.decoder.items()}
        if graph.sides is not None:
            arrays["sides"] = graph.sides
        options = {
            "decoder": self.decoder_name,
            "k": k,
            "directed": graph.directed,
            "stack": dict(self.stack),
        }
        if self.stack:
            arrays["train"] = self.split.train
            features = scaled_features(graph, self.spec)
            if isinstance(features, np.ndarray):
                arrays["features"] = features
            elif features is not None:
                csr = sparse.csr_array(features)
                arrays |= {f"features_{part}": getattr(csr, part) for part in ("data", "indices", "indptr")}
                options["n_features"] = csr.shape[1]
        return arrays, options
