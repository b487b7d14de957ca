"""What a finished run leaves behind, as plain arrays and JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from vgae_core.catalogue.families import FAMILIES, FamilyEntry, Words
from vgae_core.data.dataset import GraphData
from vgae_core.data.entry_splits import training_entries, without_entries
from vgae_core.data.node_inputs import scaled_features
from vgae_core.data.splits import LinkSplit
from vgae_core.data.text import contains
from vgae_core.model_parts.heads import HEADS, Head
from vgae_core.settings import RunSpec
from vgae_core.training.events import Finished

if TYPE_CHECKING:
    from vgae_core.analysis.entries import Report
    from vgae_core.analysis.entry_scores import EntryScores
    from vgae_core.analysis.link_filters import LinkSearch
    from vgae_core.analysis.scoring import Score


@dataclass(frozen=True, eq=False)
class Embedding:
    """Latent codes, and the factors of the pairs' logits that are made of them.

    Parameters
    ----------
    z_mean, z_log_var, factors
        As of :class:`RunResult`.
    """

    z_mean: np.ndarray
    z_log_var: np.ndarray | None
    factors: tuple[np.ndarray, np.ndarray] | None = None

    @property
    def left(self) -> np.ndarray:
        """Left factors of the pairs' logits, float32 (n_nodes, k)."""
        return self.z_mean if self.factors is None else self.factors[0]

    @property
    def right(self) -> np.ndarray:
        """Right factors of the pairs' logits, float32 (n_nodes or n_columns, k)."""
        return self.z_mean if self.factors is None else self.factors[1]


@dataclass(frozen=True, eq=False, kw_only=True)
class RunResult:
    """Everything the pages, exports and the command line show of a run.

    A run has codes twice.  Those of the training edges (or entries) are what its scores are measured with, since the
    encoder must not see what is held out.  Those of all edges are what people take home: maps, rankings,
    recommendations and exports read :attr:`codes`.

    Parameters
    ----------
    spec : RunSpec
        What was trained; not what was asked for where a recipe was to be chosen.
    metrics : dict
        ``{"test": {"roc_auc": …, "average_precision": …, …}, "val": {…},
        "baselines": {name: {…}}}``; baselines are scored on the same test pairs, and so is ``"network"``,
        the network alone, where its score is combined with others.  ``"weights"``, of a network that learns
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
    whole : Embedding or None
        The same encoded from all edges, or from the whole matrix; None where they could not be worked out, for the
        reason in ``model["training_codes"]``, or where the run was kept before there were any
        (:func:`vgae_core.runs.results.codes.completed`).
    decoder : dict of str to ndarray
        Weights of a decoder without factors (its entry in the catalogue names them); else empty.
    nodes : dict of str to ndarray, shape (n_nodes, …)
        What the other outputs say of each node, from :attr:`codes`: ``feature_error`` (mean loss of its
        feature row), ``label_probabilities`` (n_nodes, n_classes) and ``label_part``
        (0 train, 1 validation, 2 test, -1 no label).
    first_view : dict of str to ndarray
        What pages show first and takes long, where it was worked out as the run ended
        (:func:`vgae_core.runs.views.first_view.first_view`): kept beside the result and in no bundle.
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
    whole: Embedding | None = None
    decoder: Mapping[str, np.ndarray] = field(default_factory=dict)
    nodes: Mapping[str, np.ndarray] = field(default_factory=dict)
    first_view: Mapping[str, np.ndarray] = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)

    @property
    def left(self) -> np.ndarray:
        """Left factors of the pairs' logits, float32 (n_nodes, k), from codes of the training edges."""
        return self.scored.left

    @property
    def right(self) -> np.ndarray:
        """Right factors of the pairs' logits, float32 (n_nodes or n_columns, k), from the same codes."""
        return self.scored.right

    @property
    def scored(self) -> Embedding:
        """Codes of the training edges: those that scores are measured with."""
        return Embedding(self.z_mean, self.z_log_var, self.factors)

    @property
    def codes(self) -> Embedding:
        """Codes of all edges, or those of the training edges where there are no others."""
        return self.scored if self.whole is None else self.whole

    @property
    def is_trial(self) -> bool:
        """Whether it is of a trial of a sweep, scored on validation pairs that stand in the place of the test pairs."""
        return self.metrics.get("scored_on") == "validation"

    @property
    def family(self) -> FamilyEntry:
        """Its family of models."""
        return FAMILIES[self.spec.model.family]

    @property
    def gives_probabilities(self) -> bool:
        """Whether logits of pairs are those of probabilities, of a matrix also where they stand for values."""
        return self.family.links_nodes or bool(self.stack) or self.head.of_probabilities

    def ordered(self, graph: GraphData) -> bool:
        """Return whether (i, j) and (j, i) are two pairs: arcs, or entries of a matrix."""
        return graph.directed or not self.family.links_nodes

    @property
    def decoder_name(self) -> str:
        """Key of :data:`vgae_core.catalogue.decoders.DECODERS`."""
        return str(self.model.get("decoder", "inner_product"))

    @property
    def words(self) -> Words:
        """What its family calls nodes or rows, edges or entries."""
        return self.family.words

    @property
    def head(self) -> Head:
        """What logits of a matrix's entries, or of pairs whose weights are learnt, stand for."""
        return HEADS[str(self.model["scale"])]

    @property
    def stack(self) -> Mapping[str, float]:
        """What each score counts in that of a pair; empty where the network's is all.

        See :mod:`vgae_core.analysis.stacking`, of a matrix :mod:`vgae_core.analysis.entry_scores`.
        """
        return self.model.get("stack", {})

    def weights(self, pairs: np.ndarray) -> np.ndarray | None:
        """Return the weights that a network which learns weights expects of pairs, float64; None of any other.

        With :attr:`codes`, as they stand beside rankings.

        Parameters
        ----------
        pairs : ndarray of int64, shape (n_pairs, 2)
        """
        if "weight_unit" not in self.model:
            return None
        logits = self._network(self.codes)(pairs)
        return float(self.model["weight_unit"]) * self.head.expected(logits)

    def _network(self, codes: Embedding) -> Score:
        from vgae_core.analysis.scoring import scorer  # brings SciPy's special functions

        return scorer(codes.z_mean, (codes.left, codes.right), self.decoder_name, self.decoder)

    def network(self) -> Score:
        """Return the function from pairs int64 (n_pairs, 2) to the network's logits, float32 (n_pairs,).

        With codes of the training edges, as scores are measured.
        """
        return self._network(self.scored)

    def scorer(self, graph: GraphData) -> Score:
        """Return the function from pairs to the model's logits: the network's, or what stacking makes of them.

        With codes and training-free scores of the training edges, as scores are measured.

        Parameters
        ----------
        graph : GraphData
            The graph the run was trained on.
        """
        if not self.family.links_nodes:
            return self._entry_scores(graph, self.scored)
        return self._stacked(self.network(), self.known(graph) if self.stack else None, graph)

    def link_scorer(self, graph: GraphData) -> Score:
        """Return :meth:`scorer` of the graph as it is: :attr:`codes`, and training-free scores of the same edges."""
        message = self.encoded_edges(graph) if self.stack else None
        return self._stacked(self._network(self.codes), message, graph)

    def entry_scores(self, graph: GraphData, *, most_columns: int | None = None) -> EntryScores:
        """Return by what the columns of a matrix's rows are ranked: :attr:`codes`, combined with EASE.

        The regressions of EASE are solved again, since they take more room than the rest of a run.

        Parameters
        ----------
        graph : GraphData
            The matrix the run was trained on, as features.
        most_columns : int, optional
            Of a wider matrix the network scores alone.
        """
        if most_columns is not None and len(self.right) > most_columns:
            from vgae_core.analysis.entry_scores import EntryScores  # brings SciPy's special functions

            return EntryScores(self.codes.left, self.codes.right)
        return self._entry_scores(graph, self.codes)

    def _entry_scores(self, graph: GraphData, codes: Embedding) -> EntryScores:
        from vgae_core.analysis.ease import fit_ease  # brings SciPy's linear algebra
        from vgae_core.analysis.entry_scores import EntryScores, combined  # as above

        if not self.stack:
            return EntryScores(codes.left, codes.right)
        split, none = self.split, np.zeros((0, 2), np.int64)
        learnt = training_entries(graph.features, split)
        (_, regressions), _ = fit_ease(learnt, none, float(self.stack["penalty"]))
        held_out = none if codes is self.whole else np.concatenate([split.val, split.test])
        rows = without_entries(graph.features, held_out)
        return combined(self.stack, (codes.left, codes.right), regressions, rows)

    def missing_entries(
        self, graph: GraphData, k: int, *, progress: Report | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the first `k` entries that a matrix lacks, over all rows, and their logits.

        Parameters
        ----------
        graph : GraphData
        k : int
        progress : callable, optional
            See :func:`vgae_core.analysis.entries.recommended`.
        """
        from vgae_core.analysis.entries import recommended  # as above

        scores = self.entry_scores(graph)
        known = sparse.csr_array(graph.features)
        pairs, products = recommended(scores.left, scores.right, known, k, progress=progress)
        return pairs, scores.logits(products)

    def encoded_edges(self, graph: GraphData) -> sparse.csr_array:
        """Return the adjacency that :attr:`codes` are encoded from."""
        return self.known(graph) if self.whole is None else graph.adjacency

    def known(self, graph: GraphData) -> sparse.csr_array:
        """Return what the run could see of its data: the training edges, or the matrix without held-out entries."""
        from vgae_core.families import family_of  # brings scikit-learn

        return family_of(self.spec).known(graph, self.split)

    def _stacked(self, score: Score, message: sparse.csr_array | None, graph: GraphData) -> Score:
        if message is None:
            return score
        from vgae_core.analysis.stacking import stacked  # brings scikit-learn

        return stacked(score, self.stack, message, scaled_features(graph, self.spec))

    def missing_links(
        self,
        graph: GraphData,
        k: int,
        search: LinkSearch | None = None,
        communities: np.ndarray | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the first `k` pairs without an edge, and their logits: the likeliest, or those of a search.

        Parameters
        ----------
        graph : GraphData
        k : int
        search : LinkSearch, optional
            The ranking, and filters on it.
        communities : ndarray of int, shape (n_nodes,), optional
            Of each node, for the filter that needs them.
        """
        from vgae_core.analysis.link_filters import LinkSearch, allowed_pairs  # as above
        from vgae_core.analysis.rankings import rank_links  # as above

        search = search or LinkSearch()
        codes, directed = self.codes, graph.directed
        filters = _filter_arrays(search, graph, communities)
        return rank_links(
            search,
            codes.left,
            codes.right,
            graph.adjacency,
            k,
            score=self.link_scorer(graph) if self.decoder or self.stack else None,
            allowed=allowed_pairs(search, graph.adjacency, directed=directed, **filters),
            directed=directed,
            sides=graph.sides,
        )

    def ranking_task(
        self,
        graph: GraphData,
        k: int,
        search: LinkSearch | None = None,
        communities: np.ndarray | None = None,
    ) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Return the arrays and options with which :func:`rank_links_task` does the same in another process."""
        from vgae_core.analysis.link_filters import LinkSearch  # as above

        search = search or LinkSearch()
        codes = self.codes
        arrays = {"z": codes.z_mean, "left": codes.left, "right": codes.right, "edges": graph.edges}
        arrays |= {f"weight_{name}": value for name, value in self.decoder.items()}
        arrays |= _filter_arrays(search, graph, communities)
        if graph.sides is not None:
            arrays["sides"] = graph.sides
        options: dict[str, Any] = {
            "search": search.to_dict(),
            "decoder": self.decoder_name,
            "k": k,
            "directed": graph.directed,
            "stack": dict(self.stack),
        }
        if self.stack:
            arrays["message"] = self.split.train if self.whole is None else graph.edges
            features = scaled_features(graph, self.spec)
            if isinstance(features, np.ndarray):
                arrays["features"] = features
            elif features is not None:
                csr = sparse.csr_array(features)
                arrays |= {f"features_{part}": getattr(csr, part) for part in ("data", "indices", "indptr")}
                options["n_features"] = csr.shape[1]
        return arrays, options


def _filter_arrays(
    search: LinkSearch, graph: GraphData, communities: np.ndarray | None
) -> dict[str, np.ndarray]:
    """Return what the filters of a search need of the nodes."""
    arrays: dict[str, np.ndarray] = {}
    if search.name:
        arrays["named"] = np.array([contains(str(name), search.name) for name in graph.node_ids], bool)
    if graph.labels is not None and max(search.label, search.other_label) >= 0:
        arrays["labels"] = graph.labels
    if search.community != "any" and communities is not None:
        arrays["communities"] = communities
    return arrays
