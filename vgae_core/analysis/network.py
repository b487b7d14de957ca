"""A finished run's network in plain arrays: codes of a graph, and again of an edited graph, in milliseconds.

Encoders are a few sparse products (:mod:`vgae_core.analysis.plain_encoders`).  An edited edge or feature changes only
the rows within reach of the encoder's hops, so an edit is answered by working out those rows alone: exactly what a full
pass over the edited graph would give, up to the rounding of float32.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy import sparse

from vgae_core.analysis.plain_encoders import Layers, Plan, affine, relu
from vgae_core.catalogue.encoders import ENCODERS
from vgae_core.catalogue.node_inputs import NODE_INPUTS
from vgae_core.data.propagation import normalise, row_sums
from vgae_core.errors import RunError
from vgae_core.settings import RunSpec

LOG_VAR_BOUNDS = (-36.0, 36.0)
"""Bounds of log-variances: standard deviations from 1.5e-8 to 6.6e7.

Float32 ends at e^88.7. A divergence has e^v in its gradient, Adam keeps the square of that, and inputs of up to a few
thousand are a factor of it: (3,000 e^36)^2 is 2e38.  Rombach et al. 2022, arXiv:2112.10752, clamp theirs to [-30, 20]
(``DiagonalGaussianDistribution`` of their code); ours are wider, since models recover from as much."""


def layers_of(model: Mapping[str, Any], state: Mapping[str, np.ndarray]) -> dict[str, tuple[np.ndarray, ...]]:
    """Return the weights of a run by the name of their layer.

    Parameters
    ----------
    model : mapping
        The run's description: ``layers`` with ``name`` and ``parameters`` each, in the order of the model.
    state : mapping of str to ndarray
        The run's weights, ``model/0`` and on, in the order of Keras' ``get_weights``.

    Raises
    ------
    RunError
        If the weights are not those of the layers.
    """
    arrays = [np.asarray(state[f"model/{i}"]) for i in range(len(state)) if f"model/{i}" in state]
    layers: dict[str, tuple[np.ndarray, ...]] = {}
    for layer in model.get("layers", ()):
        left, own = int(layer["parameters"]), []
        while left > 0 and arrays:
            own.append(arrays.pop(0))
            left -= own[-1].size
        if left:
            raise RunError("Its weights do not fit its layers.", where=f"layer {layer['name']}")
        if own:
            layers[str(layer["name"])] = tuple(own)
    if arrays:
        raise RunError(f"It has {len(arrays)} arrays of weights more than its layers.", where="state.npz")
    return layers


# ------------------------------------------------------------------------------ messages
class Messages:
    """The normalised message edges, whole and row by row, before and after edits of a few edges.

    Row i of the normalised matrix says from whom node i hears.  An edit changes the rows of the nodes it touches and,
    where entries are divided by the senders' degrees too, the rows of all who hear from them.

    Parameters
    ----------
    message : csr_array, shape (n_nodes, n_nodes)
        Adjacency of the message edges.
    how : str
        As of :func:`vgae_core.data.propagation.normalise`.
    """

    def __init__(self, message: sparse.csr_array, how: Literal["symmetric", "mean"]) -> None:
        self.how = how
        self.n = message.shape[0]
        own = sparse.eye_array(self.n, dtype=np.float32, format="csr") if how == "symmetric" else None
        looped = message if own is None else message + own
        self._sent = sparse.csr_array(looped, dtype=np.float32)
        self._heard = sparse.csr_array(self._sent.T, dtype=np.float32)
        self._sent.sort_indices()
        self._heard.sort_indices()
        self._in, self._out = row_sums(self._heard), row_sums(self._sent)
        self.matrix = normalise(message, how)

    def edited(self, arcs: np.ndarray, change: np.ndarray, n: int) -> EditedMessages:
        """Return the messages after changes of weights.

        Parameters
        ----------
        arcs : ndarray of int64, shape (n_changes, 2)
            From and to, each pair once.
        change : ndarray of float, shape (n_changes,)
            What is added to the weight of each.
        n : int
            Nodes after the edit; new ones have the last numbers.
        """
        return EditedMessages(self, arcs, change, n)


class EditedMessages:
    """Rows of the normalised message edges after an edit; see :class:`Messages`."""

    def __init__(self, base: Messages, arcs: np.ndarray, change: np.ndarray, n: int) -> None:
        self._base, self.n = base, n
        fresh = np.arange(base.n, n)
        source, target = arcs[:, 0], arcs[:, 1]
        values = np.asarray(change, np.float64)
        if base.how == "symmetric":  # new nodes hear themselves, too
            source, target = np.concatenate([source, fresh]), np.concatenate([target, fresh])
            values = np.concatenate([values, np.ones(len(fresh))])
        self._change = sparse.csr_array((values, (target, source)), shape=(n, n))
        self._in = np.concatenate([base._in, np.zeros(n - base.n)])
        self._out = np.concatenate([base._out, np.zeros(n - base.n)])
        np.add.at(self._in, target, values.astype(np.float64))
        np.add.at(self._out, source, values.astype(np.float64))
        touched = [np.unique(target)]
        if base.how == "symmetric":
            touched.append(self.hearing(np.unique(source)))
        self.touched = _union(touched)

    def hearing(self, nodes: np.ndarray) -> np.ndarray:
        """Return the nodes that hear from any of `nodes`, sorted, before the edit or after it."""
        known = nodes[nodes < self._base.n]
        reached = self._base._sent[known].indices if len(known) else known
        changed = self._change.tocoo()
        return _union([reached, changed.row[np.isin(changed.col, nodes)]])

    def rows(self, nodes: np.ndarray) -> sparse.csr_array:
        """Return these rows of the normalised matrix, csr (len(nodes), n)."""
        inside = nodes[nodes < self._base.n]
        old = self._base._heard[inside]
        ends = np.concatenate([old.indptr, np.full(len(nodes) - len(inside), old.indptr[-1])])
        # New nodes have the last numbers, and `nodes` is sorted: their rows come last.
        part = sparse.csr_array((old.data, old.indices, ends), shape=(len(nodes), self.n))
        part = sparse.csr_array(part + self._change[nodes])
        row = np.repeat(np.arange(len(nodes)), np.diff(part.indptr))
        received = self._in[nodes][row]
        with np.errstate(divide="ignore", invalid="ignore"):
            if self._base.how == "mean":
                scale = np.where(received > 0, 1.0 / received, 0.0)
            else:
                scale = 1.0 / np.sqrt(received) / np.sqrt(self._out[part.indices])
        part.data = (part.data * np.nan_to_num(scale)).astype(np.float32)
        return part


_MOST = 4
"""Beyond this part of all nodes, what a few codes rest on is as good as everything."""


def _within(nodes: np.ndarray, need: np.ndarray | None) -> np.ndarray:
    return nodes if need is None else np.intersect1d(nodes, need, assume_unique=True)


def _union(parts: Sequence[np.ndarray]) -> np.ndarray:
    return np.unique(np.concatenate([np.asarray(part, np.int64) for part in parts]))


# --------------------------------------------------------------------------------- codes
@dataclass(frozen=True, eq=False)
class Codes:
    """Latent codes: ``z_mean`` float32 (n_nodes, latent_dim) and, of a variational run, ``z_log_var``."""

    z_mean: np.ndarray
    z_log_var: np.ndarray | None

    @property
    def variance(self) -> np.ndarray | None:
        """Return σ² of each code, or None where codes have none."""
        return None if self.z_log_var is None else np.exp(self.z_log_var)


@dataclass(frozen=True, eq=False)
class Moved:
    """Codes that an edit changes.

    Parameters
    ----------
    nodes : ndarray of int64, shape (n_moved,)
        Whose codes may differ, sorted; new nodes last.
    codes : Codes
        Of these nodes.
    """

    nodes: np.ndarray
    codes: Codes


class Network:
    """The encoder of a finished run on a graph, with what it worked out at every step.

    Parameters
    ----------
    spec : RunSpec
        Of the run.
    layers : mapping of str to tuple of ndarray
        From :func:`layers_of`.
    message : csr_array, shape (n_nodes, n_nodes)
        Adjacency of the edges that messages pass over.
    features : csr_array or ndarray, shape (n_nodes, n_columns), or None
        As the run takes them: :func:`vgae_core.data.node_inputs.encoder_features`.
    has_own_features : bool
        Whether these are the nodes' own, not positions that stand in for them.

    Raises
    ------
    RunError
        If there is no plain form of the encoder, or its weights do not fit.
    """

    def __init__(
        self,
        spec: RunSpec,
        layers: Layers,
        message: sparse.csr_array,
        features: Any | None,
        *,
        has_own_features: bool,
    ) -> None:
        model = spec.model
        self._plan = Plan(
            model,
            layers,
            has_features=features is not None,
            free=not has_own_features and NODE_INPUTS[model.node_input].free,
            once=spec.training.propagation == "once",
        )
        self.spec, self.layers = spec, layers
        self._features = None if features is None else _rows_of(features)
        self.messages = Messages(message, ENCODERS[model.encoder].propagation)
        try:
            self._last = self._plan.encode()
            self._values = self._run()
        except (KeyError, ValueError, IndexError) as error:
            raise RunError(f"Its weights do not fit its graph: {error}.", where="state.npz") from error
        self.codes = self._split(self._values[self._last])

    @property
    def n_nodes(self) -> int:
        """Number of nodes."""
        return self.messages.n

    @property
    def nbytes(self) -> int:
        """About how many bytes it keeps: the message edges three times, and the value of every step."""
        values = sum(getattr(value, "nbytes", 0) for value in self._values if not sparse.issparse(value))
        return values + 3 * 8 * self.messages.matrix.nnz

    def _run(self) -> list[Any]:
        """Return the value of every step for all nodes."""
        values: list[Any] = []
        for step in self._plan.steps:
            values.append(step.value([values[i] for i in step.inputs], self._features, self.messages.matrix))
        return values

    def _split(self, latent: np.ndarray) -> Codes:
        d = self.spec.model.latent_dim
        if not self.spec.model.variational:
            return Codes(latent, None)
        return Codes(np.ascontiguousarray(latent[:, :d]), np.clip(latent[:, d:], *LOG_VAR_BOUNDS))

    # ------------------------------------------------------------------------------ edits
    def edit(
        self,
        arcs: np.ndarray,
        change: np.ndarray,
        *,
        n_new: int = 0,
        rows: np.ndarray | None = None,
        features: Any | None = None,
        of_nodes: np.ndarray | None = None,
    ) -> Moved:
        """Return the codes that an edit changes, worked out within its reach only.

        Parameters
        ----------
        arcs : ndarray of int64, shape (n_changes, 2)
            Arcs whose weights change, each once; both directions of an undirected edge.
        change : ndarray of float, shape (n_changes,)
            What is added to each weight.
        n_new : int
            Nodes that are added, with the numbers that follow.
        rows : ndarray of int64, shape (n_rows,), optional
            Nodes whose features change, sorted; new nodes must be among them where nodes have features.
        features : csr_array or ndarray, shape (n_rows, n_columns), optional
            Their features after the edit.
        of_nodes : ndarray of int64, shape (n_asked,), optional
            Nodes whose codes are asked for, sorted; those of others are not worked out.

        Raises
        ------
        RunError
            If nodes are added to a network that has a vector of its own for each.
        """
        n = self.n_nodes + n_new
        if n_new and any(step.table is not None for step in self._plan.steps):
            raise RunError("This encoder has a learned embedding per training node, and none for new nodes.")
        messages = self.messages.edited(arcs, change, n)
        fresh = np.arange(self.n_nodes, n)
        edited = np.zeros(0, np.int64) if rows is None else np.asarray(rows, np.int64)
        needs = self._needs(messages, of_nodes, has_edited_rows=rows is not None)
        patches: list[_Patch] = []
        for step, value, need in zip(self._plan.steps, self._values, needs, strict=True):
            if step.kind == "input":
                own = step.table is None and rows is not None
                patches.append(_Patch(value, edited if own else edited[:0], features if own else None))
            elif step.kind == "hop":
                before = patches[step.inputs[0]]
                if need is not None and len(need) <= len(before.nodes) + len(messages.touched):
                    nodes = need  # whether they change or not: to find out costs more
                else:
                    nodes = _within(_union([messages.touched, messages.hearing(before.nodes), fresh]), need)
                part = messages.rows(nodes)
                columns = np.unique(part.indices)
                local = sparse.csr_array(
                    (part.data, np.searchsorted(columns, part.indices), part.indptr),
                    shape=(len(nodes), len(columns)),
                )
                patches.append(_Patch(value, nodes, np.asarray(local @ before.take(columns), np.float32)))
            else:
                assert step.function is not None  # noqa: S101
                nodes = _within(_union([patches[i].nodes for i in step.inputs]), need)
                new = step.function(*(patches[i].take(nodes) for i in step.inputs)) if len(nodes) else None
                patches.append(_Patch(value, nodes, new))
        last = patches[self._last]
        return Moved(last.nodes, self._split(last.take(last.nodes)))

    def _needs(
        self, messages: EditedMessages, of_nodes: np.ndarray | None, *, has_edited_rows: bool
    ) -> list[np.ndarray | None]:
        """Return, for each step, the nodes whose rows the codes of these nodes rest on; None for all of them."""
        steps = self._plan.steps
        needs: list[np.ndarray | None] = [None] * len(steps)
        if of_nodes is None:
            return needs
        changes: list[bool] = []  # whether an edit can change anything in the step
        for step in steps:
            own = step.kind == "input" and step.table is None and has_edited_rows
            changes.append(own or step.kind == "hop" or any(changes[i] for i in step.inputs))
        collected: list[list[np.ndarray]] = [[] for _ in steps]
        collected[self._last].append(of_nodes)
        for at in range(len(steps) - 1, -1, -1):
            if not collected[at]:
                continue
            need = needs[at] = _union(collected[at])
            if len(need) * _MOST > self.n_nodes:
                return [None if i < at else other for i, other in enumerate(needs)]
            reach = [i for i in steps[at].inputs if changes[i]]
            if steps[at].kind == "hop" and reach:
                need = _union([need, messages.rows(need).indices])
            for i in reach:
                collected[i].append(need)
        return needs


class _Patch:
    """The value of a step with some rows replaced."""

    def __init__(self, base: Any, nodes: np.ndarray, rows: Any | None) -> None:
        self._base, self.nodes, self._rows = base, nodes, rows

    def take(self, nodes: np.ndarray) -> Any:
        """Return the rows of these nodes, sorted, after the edit."""
        if not len(self.nodes):
            return self._base[nodes]
        places = np.minimum(np.searchsorted(self.nodes, nodes), len(self.nodes) - 1)
        new = self.nodes[places] == nodes
        if new.all():
            return self._rows if len(nodes) == len(self.nodes) else self._rows[places]  # type: ignore[index]
        old = self._base[nodes[~new]]
        mine = self._rows[places[new]]  # type: ignore[index]
        order = np.argsort(np.concatenate([np.flatnonzero(~new), np.flatnonzero(new)]))
        if sparse.issparse(self._base):
            return sparse.csr_array(sparse.vstack([old, mine], format="csr")[order])
        return np.concatenate([old, mine])[order]


def _rows_of(features: Any) -> Any:
    return sparse.csr_array(features, dtype=np.float32) if sparse.issparse(features) else features


# -------------------------------------------------------------------------------- heads
def node_head(layers: Layers, name: str, z: np.ndarray) -> np.ndarray:
    """Return what a node-wise output (``labels``, ``x_rec``) gives for codes: logits, float32 (n, units)."""
    return affine(layers[name])(z)


# ------------------------------------------------------------------------------- matrices
def encode_rows(spec: RunSpec, layers: Layers, rows: Any, scale: str | None) -> Codes:
    """Return the codes of rows of a matrix.

    Parameters
    ----------
    spec : RunSpec
        Of a matrix auto-encoder.
    layers : mapping of str to tuple of ndarray
    rows : csr_array or ndarray, shape (n_rows, n_columns)
        As the run takes them.
    scale : str or None
        ``"log"`` for log(1 + x), ``"length"`` for rows of length 1 (:class:`vgae_core.nn.layers.ScaleInput`).
    """
    model = spec.model
    plan = Plan(model, layers, has_features=True, scale=scale)
    latent = plan.run(plan.encode(), rows)
    if not model.variational:
        return Codes(latent, None)
    d = model.latent_dim
    return Codes(latent[:, :d], np.clip(latent[:, d:], *LOG_VAR_BOUNDS))


def decode_rows(layers: Layers, z: np.ndarray, depth: int) -> np.ndarray:
    """Return the last hidden layer of a matrix's decoder with a 1 beside it: left factors of the entries' logits.

    Parameters
    ----------
    layers : mapping of str to tuple of ndarray
    z : ndarray of float32, shape (n_rows, latent_dim)
    depth : int
        Hidden layers of the decoder.
    """
    hidden = z
    for layer in range(1, depth + 1):
        hidden = relu(affine(layers[f"decoder_{layer}"])(hidden))
    return np.concatenate([hidden, np.ones((len(hidden), 1), np.float32)], axis=1)
