"""A graph with the codes a run gives it, as it is or edited: what the model says of pairs and nodes."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, softmax

from vgae_core.analysis.calibration import at_share, steepness, vouched
from vgae_core.analysis.decoders import decoder_weights, pair_factors
from vgae_core.analysis.links import Direction, Links
from vgae_core.analysis.network import Codes, node_head
from vgae_core.analysis.node_baselines import NodeBaselines, columns
from vgae_core.analysis.plain_encoders import Layers
from vgae_core.analysis.scoring import Score, scorer
from vgae_core.analysis.stacking import Stack, joined, summed
from vgae_core.catalogue.decoders import without_factors

DRAWS = 1_000
"""Samples of two codes by which the noise of a logit is estimated where it has no closed form."""

NOISE_SEED = 0x57A7

TIE = 1e-5
"""Difference of logits, relative to the largest, within which they are equal."""

KEPT_ROWS = 8
"""Nodes whose logits with all others are kept: what is asked of one node is asked again after each edit."""


@dataclass(frozen=True, eq=False)
class Decoding:
    """How codes become logits: the decoder, its weights, and what stacking adds.

    Parameters
    ----------
    decoder : str
        Key of :data:`vgae_core.catalogue.decoders.DECODERS`.
    layers : mapping of str to tuple of ndarray
    stack : mapping of str to float
        Empty without stacking.
    """

    decoder: str
    layers: Layers
    stack: Stack

    @property
    def has_factors(self) -> bool:
        """Whether the network's logit is an inner product of two factors."""
        return without_factors(self.decoder) is None

    def network(self, z: np.ndarray, factors: tuple[np.ndarray, np.ndarray] | None = None) -> Score:
        """Return the function from pairs of rows of `z` to the network's logits."""
        weights = {} if self.has_factors else decoder_weights(self.decoder, self.layers)
        return scorer(z, factors or pair_factors(self.decoder, self.layers, z), self.decoder, weights)

    def stacked(self, logits: np.ndarray, others: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return the model's logits of the network's and the training-free scores."""
        return joined(logits, others, self.stack) if self.stack else logits

    @property
    def slope(self) -> float:
        """What one unit of the network's logit adds to the model's, before calibration."""
        return float(self.stack["network"]) if self.stack else 1.0

    def noise(self, first: Codes, second: Codes) -> float | None:
        """Return the standard deviation of a pair's logit before calibration, None where codes have no noise.

        ``Var(z_i . z_j) = sum_k s_ik² m_jk² + s_jk² m_ik² + s_ik² s_jk²`` for inner products of independent normal
        codes; any other decoder by :data:`DRAWS` samples.

        Parameters
        ----------
        first, second : Codes
            One row each.
        """
        if first.variance is None or second.variance is None:
            return None
        (m, n), (s, t) = (first.z_mean[0], second.z_mean[0]), (first.variance[0], second.variance[0])
        if self.decoder == "inner_product":
            m, n, s, t = (values.astype(np.float64) for values in (m, n, s, t))
            deviation = float(np.sqrt((s * n**2 + t * m**2 + s * t).sum()))
        else:
            rng = np.random.default_rng(NOISE_SEED)
            normal = rng.standard_normal((2, DRAWS, len(m)), np.float32)
            z = np.concatenate([m + np.sqrt(s) * normal[0], n + np.sqrt(t) * normal[1]]).astype(np.float32)
            pairs = np.column_stack([np.arange(DRAWS), DRAWS + np.arange(DRAWS)])
            deviation = float(self.network(z)(pairs).std(ddof=1, dtype=np.float64))
        return abs(self.slope) * deviation


class ScoredGraph:
    """A graph with the codes that a run gives it.

    Parameters
    ----------
    links : Links
    codes : Codes
        Of all nodes.
    decoding : Decoding
    baselines : NodeBaselines or None
        Where stacking joins training-free scores.
    factors : tuple of two ndarray, optional
        Of all nodes, where they are at hand.
    sides : ndarray of int8, shape (n_nodes,), optional
        Of a two-sided graph.
    """

    def __init__(
        self,
        links: Links,
        codes: Codes,
        decoding: Decoding,
        baselines: NodeBaselines | None,
        factors: tuple[np.ndarray, np.ndarray] | None = None,
        sides: np.ndarray | None = None,
    ) -> None:
        self.sides = sides
        self.links, self.codes, self.decoding, self.baselines = links, codes, decoding, baselines
        if factors is None and decoding.has_factors:
            factors = pair_factors(decoding.decoder, decoding.layers, codes.z_mean)
        self.factors = factors
        self._rows: dict[tuple[int, Direction], np.ndarray] = {}
        self._lock = threading.Lock()  # visitors who look at one run share its view

    @property
    def nbytes(self) -> int:
        """About how many bytes it keeps: codes, factors, rows of logits, and training-free scores."""
        arrays = [self.codes.z_mean, self.codes.z_log_var, *(self.factors or ())]
        distinct = {id(array): array.nbytes for array in arrays if array is not None}
        rows = KEPT_ROWS * 4 * self.n_nodes
        return sum(distinct.values()) + rows + (self.baselines.nbytes if self.baselines else 0)

    @property
    def n_nodes(self) -> int:
        """Number of nodes."""
        return self.links.n_nodes

    def code(self, node: int) -> Codes:
        """Return the code of one node, arrays of one row."""
        log_var = self.codes.z_log_var
        rows = slice(node, node + 1)
        return Codes(self.codes.z_mean[rows], None if log_var is None else log_var[rows])

    # ------------------------------------------------------------------------- pairs
    def parts(self, source: int, target: int) -> dict[str, float]:
        """Return a pair's logit by the network, as ``"network"``, and the training-free scores joined to it."""
        z = np.concatenate([self.code(source).z_mean, self.code(target).z_mean])
        network = float(self.decoding.network(z)(np.array([[0, 1]]))[0])
        return {"network": network, **(self.baselines.pair(source, target) if self.baselines else {})}

    def logit(self, source: int, target: int) -> float:
        """Return the model's logit of a pair."""
        return logit_of(self.parts(source, target), self.decoding)

    def row(self, node: int, direction: Direction = "out") -> np.ndarray:
        """Return the model's logits of a node with every node, its own among them; float32 (n_nodes,), read-only."""
        with self._lock:
            known = self._rows.get((node, direction))
        if known is None:
            known = self._row(node, direction)
            known.setflags(write=False)
            with self._lock:
                self._rows[node, direction] = known
                if len(self._rows) > KEPT_ROWS:
                    del self._rows[next(iter(self._rows))]
        return known

    def _row(self, node: int, direction: Direction) -> np.ndarray:
        if self.factors is not None:
            left, right = self.factors if direction == "out" else self.factors[::-1]
            logits = right @ left[node]
        else:
            ends = np.full(self.n_nodes, node), np.arange(self.n_nodes)
            pairs = np.column_stack(ends if direction == "out" else ends[::-1])
            logits = self.decoding.network(self.codes.z_mean)(pairs)
        others = self.baselines.row(node) if self.baselines else {}
        return self.decoding.stacked(logits, others)

    def candidates(self, node: int, direction: Direction = "out") -> np.ndarray:
        """Return the nodes that a node might be linked to (or from) and is not; int64, sorted."""
        free = np.ones(self.n_nodes, bool)
        free[self.links.row(node, direction)[0]] = False
        free[node] = False
        if self.sides is not None:  # who is on the same side can be no neighbour
            free &= self.sides != self.sides[node]
        return np.flatnonzero(free)

    def noise(self, source: int, target: int) -> float | None:
        """Return the standard deviation of a pair's logit, None where codes have no noise."""
        deviation = self.decoding.noise(self.code(source), self.code(target))
        stack = self.decoding.stack
        if deviation is None or not stack:
            return deviation
        parts = self.parts(source, target)
        others = columns({name: value for name, value in parts.items() if name != "network"})
        return deviation * float(steepness(summed(np.array([parts["network"]]), others, stack), stack)[0])

    # ------------------------------------------------------------------------- nodes
    def label_probabilities(self, nodes: np.ndarray) -> np.ndarray | None:
        """Return the probability of each class, float (len(nodes), n_classes), None without an output ``labels``."""
        if "labels" not in self.decoding.layers:
            return None
        return np.asarray(
            softmax(node_head(self.decoding.layers, "labels", self.codes.z_mean[nodes]), axis=1)
        )

    def error(self, node: int) -> float:
        """Return how badly the model explains a node's edges: mean binary cross-entropy of its pairs, in nats.

        Its edges and its other pairs count one half each, as in :func:`vgae_core.analysis.reconstruction.node_errors`,
        which draws as many of the latter; here they all count.  NaN for a node without edges, or one with all.
        """
        near = self.links.row(node)[0]
        near = near[near != node]
        logits = self.row(node).astype(np.float64)
        free = self.candidates(node)
        if not len(near) or not len(free):
            return float("nan")
        return float(np.logaddexp(0, -logits[near]).mean() + np.logaddexp(0, logits[free]).mean()) / 2


def banded(logits: np.ndarray) -> np.ndarray:
    """Return logits in steps of :data:`TIE` of the largest, so that what is equal but for rounding ties; int64.

    Ranks go by these: else float32 would decide between candidates that the model cannot tell apart.
    """
    wide = logits.astype(np.float64)
    step = TIE * max(float(np.abs(wide).max(initial=0.0)), 1e-12)
    return np.rint(wide / step).astype(np.int64)


def logit_of(parts: Mapping[str, float], decoding: Decoding) -> float:
    """Return the model's logit of :meth:`ScoredGraph.parts`."""
    others = columns({name: value for name, value in parts.items() if name != "network"})
    return float(decoding.stacked(np.array([parts["network"]], np.float32), others)[0])


def vouched_logit(logit: float, n_val: int) -> float:
    """Return a logit no further out than so many validation edges vouch for: probabilities come of it, ranks do not."""
    return float(vouched(np.array(logit), n_val))


def probability(logit: float) -> float:
    """Return the probability of a logit, among as many non-edges as edges."""
    return float(expit(logit))


def probability_at(logit: float, share: float) -> float:
    """Return the probability of a logit where a given share of the pairs are edges."""
    return float(at_share(np.array(logit), share))
