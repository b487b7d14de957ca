"""Graphs: what is held out are edges, and scores may be joined with those that need no training."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from vgae_core.analysis.baselines import ALIKE, left_out, run_baselines, stackable, usable, weight_baselines
from vgae_core.analysis.decisions import LEAST_TESTED
from vgae_core.analysis.decoders import SAMPLED_PAIRS, bilinear, pair_factors, pair_logits
from vgae_core.analysis.full_pass import encode_graph
from vgae_core.analysis.metrics import hard_metrics, link_metrics, weight_metrics
from vgae_core.analysis.network import Codes
from vgae_core.analysis.plain_encoders import Layers
from vgae_core.analysis.scoring import Score
from vgae_core.analysis.stacking import LEAST_EDGES, Stack, fit_stack, helps, joined, joins
from vgae_core.catalogue.decoders import without_factors
from vgae_core.catalogue.lookup import head_of
from vgae_core.data.dataset import GraphData
from vgae_core.data.edge_weights import edge_weights, weight_unit
from vgae_core.data.hard_non_edges import hard_non_edges
from vgae_core.data.link_splits import split_links
from vgae_core.data.node_inputs import encoder_features, feature_targets, scaled_features
from vgae_core.data.non_edges import sample_non_edges
from vgae_core.data.splits import LinkSplit
from vgae_core.errors import RunError
from vgae_core.families.base import Evaluated, Factors, Family, TableData, labelled_pairs
from vgae_core.settings import RunSpec
from vgae_core.settings.resolved_outputs import Output

if TYPE_CHECKING:
    from vgae_core.nn.models import BuiltModel
    from vgae_core.training.batches import Batches

HARD_STREAM = 0x4A2D
"""Keeps the draw of hard non-edges apart from others of the same seed."""


FITTED_STREAM = 0xFAC
"""Keeps the draw of pairs that factors are fitted to apart from others of the same seed."""


class GraphFamily(Family):
    """Graph auto-encoders: nodes and edges."""

    name = "vgae"

    def split(self, graph: GraphData, spec: RunSpec) -> LinkSplit:
        """Return held-out edges and as many non-edges."""
        return split_links(graph, spec.split, spec.seed)

    def pattern(self, graph: GraphData) -> sparse.csr_array:
        """Return which pairs are edges."""
        matrix = graph.adjacency
        every = np.ones(matrix.nnz, bool)
        return sparse.csr_array((every, matrix.indices, matrix.indptr), shape=matrix.shape)

    def known(self, graph: GraphData, split: LinkSplit) -> sparse.csr_array:
        """Return the adjacency of the training edges."""
        return split.message(graph.n_nodes, graph)

    def table(
        self,
        graph: GraphData,
        split: LinkSplit,
        known: sparse.csr_array,
        spec: RunSpec,
        outputs: Mapping[str, Output],
    ) -> TableData | None:
        """Return the features that the output ``x_rec`` is to give, if it is on; none of them is held out."""
        if "x_rec" not in outputs:
            return None
        targets = feature_targets(graph, spec, scaled_features(graph, spec))
        return TableData("x_rec", targets, targets)

    def batches(
        self,
        graph: GraphData,
        split: LinkSplit,
        known: sparse.csr_array,
        spec: RunSpec,
        label_part: np.ndarray | None,
        table: TableData | None,
    ) -> Batches:
        """Return batches of pairs over the whole graph, or over the rows of their nodes where messages pass once."""
        from vgae_core.training.pair_batches import graph_batches
        from vgae_core.training.row_pairs import row_pair_batches

        if spec.training.propagation == "once":
            return row_pair_batches(graph, split, known, spec)
        return graph_batches(graph, split, known, spec, label_part)

    def reading(self, graph: GraphData, split: LinkSplit, outputs: Mapping[str, Output]) -> dict[str, Any]:
        """Return head and unit of expected weights, where weights are learnt."""
        output = outputs["adj_rec"]
        if not output.learns_weights:
            return {}
        unit = weight_unit(edge_weights(graph.adjacency, split.train))
        return {"scale": output.head.name, "weight_unit": unit}

    def factors(
        self,
        built: BuiltModel,
        spec: RunSpec,
        graph: GraphData,
        split: LinkSplit,
        z_mean: np.ndarray,
        batches: Batches,
    ) -> Factors | None:
        """Return what the decoder makes of codes; without factors, those fitted to its logits.

        These are the logits of training edges and as many random pairs.
        """
        if built.decoder_weights():
            rng = np.random.default_rng([spec.seed, FITTED_STREAM])
            edges = split.train[rng.permutation(len(split.train))[: SAMPLED_PAIRS // 2]]
            pairs = _with_random(edges, len(z_mean), rng)
            return bilinear(z_mean, pairs, built.scorer(z_mean)(pairs), directed=graph.directed)
        left, right = built.factors(z_mean)
        return None if left is z_mean and right is z_mean else (left, right)

    def whole(self, graph: GraphData) -> sparse.csr_array:
        """Return the adjacency of all edges."""
        return graph.adjacency

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
        """Return the codes of nodes whose messages pass over the edges of `given`; see :meth:`Family.encode`."""
        features = encoder_features(graph, known, spec) if positions is None else positions
        own = graph.features is not None
        return encode_graph(spec, layers, given, features, has_own_features=own, directed=graph.directed)

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
        """Return what the decoder makes of codes of all edges; see :meth:`Family.whole_factors`."""
        name = str(model.get("decoder", "inner_product"))
        if not without_factors(name):
            try:
                left, right = pair_factors(name, layers, z_mean)
            except (KeyError, ValueError) as error:
                raise RunError("Its weights do not fit its decoder.", where="state.npz") from error
            return left, right
        rng = np.random.default_rng([spec.seed, FITTED_STREAM])
        edges = graph.edges[rng.permutation(len(graph.edges))[: SAMPLED_PAIRS // 2]]
        pairs = _with_random(edges, len(z_mean), rng)
        return bilinear(z_mean, pairs, pair_logits(name, z_mean, pairs, decoder), directed=graph.directed)

    def stack(
        self,
        spec: RunSpec,
        graph: GraphData,
        split: LinkSplit,
        known: sparse.csr_array,
        network: Score,
        factors: Callable[[], Factors],
    ) -> dict[str, float]:
        """Return how the network's logit is joined with training-free scores, where that helps.

        Where it does not, or is not wanted, the network's logit alone is calibrated on the validation pairs, which
        leaves their order as it is.  Empty with too few validation pairs, or where the network's order is worse than
        chance; the score of a network that learns weights is made a logit in any case.
        """
        if not (len(split.val) >= LEAST_TESTED or spec.learns_weights):
            return {}
        stacks = spec.stacking and len(split.val) >= LEAST_EDGES
        edges, non_edges = split.val, split.val_neg
        if len(edges) < LEAST_TESTED:
            edges = split.train[:SAMPLED_PAIRS]
            rng = np.random.default_rng([spec.seed, 0x9A77])
            non_edges = sample_non_edges(graph, len(edges), rng, repeats=True)
        pairs, truth = labelled_pairs(edges, non_edges)
        logits = network(pairs)
        if stacks:
            others = run_baselines(known, scaled_features(graph, spec), pairs, stackable(graph))
            if helps(logits, others, truth):
                return fit_stack(logits, others, truth)
        alone = fit_stack(logits, {}, truth)
        return alone if spec.learns_weights or alone["network"] > 0 else {}

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
        """Score held-out pairs, those against hard non-edges, and expected weights; see :meth:`Family.evaluate`."""
        pairs, truth = labelled_pairs(split.test, split.test_neg)
        val_pairs, val_truth = labelled_pairs(split.val, split.val_neg)
        chosen, hard = hard_non_edges(graph, split, np.random.default_rng([spec.seed, HARD_STREAM]))
        shape = hard.shape[:2]
        everything = np.concatenate([pairs, hard.reshape(-1, 2), val_pairs])
        test, rest = slice(len(pairs)), slice(len(pairs), len(everything) - len(val_pairs))

        def measured(values: np.ndarray) -> dict[str, float]:
            on_hard = hard_metrics(values[test][chosen], values[rest].reshape(shape))
            return link_metrics(truth, values[test]) | on_hard

        logits = network(everything)
        before_baselines()
        baselines = run_baselines(known, scaled_features(graph, spec), everything, usable(graph))
        model = joined(logits, baselines, stack) if stack else logits
        baselines = {name: values.astype(np.float32) for name, values in baselines.items()}
        if graph.sides is not None:  # say, features of which both sides have columns of their own
            alike = [name for name, values in baselines.items() if np.ptp(values[test]) == 0]
            baselines = {name: values for name, values in baselines.items() if name not in alike}
            reasons = left_out(graph) | dict.fromkeys(alike, ALIKE)
        else:
            reasons = {}
        scores = {"model": model[test]}
        metrics: dict[str, Any] = {"test": measured(model)}
        if len(val_pairs):
            metrics["val"] = link_metrics(val_truth, logits[len(everything) - len(val_pairs) :])
        if spec.learns_weights:
            unit = weight_unit(edge_weights(known, split.train))
            head = head_of("adj_rec", spec.output("adj_rec").loss)
            predicted = {"model": unit * head.expected(logits[: len(split.test)])}
            predicted |= weight_baselines(known, split.train, split.test)
            actual = edge_weights(graph.adjacency, split.test)
            metrics["weights"] = {name: weight_metrics(actual, values) for name, values in predicted.items()}
        if stack and joins(stack):
            scores["network"], metrics["network"] = logits[test], measured(logits)
        scores |= {name: values[test] for name, values in baselines.items()}
        metrics["baselines"] = {name: measured(values) for name, values in baselines.items()}
        if reasons:
            metrics["left_out"] = reasons
        return scores, metrics


def _with_random(edges: np.ndarray, n_nodes: int, rng: np.random.Generator) -> np.ndarray:
    """Return edges and as many random pairs of nodes, at least 1,000, int64 (n_pairs, 2)."""
    return np.concatenate([edges, rng.integers(0, n_nodes, (max(len(edges), 1000), 2))])
