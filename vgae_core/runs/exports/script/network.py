"""Encoders and decoders as a reader of Keras writes them: pieces of the script of a run.

Layers with weights have the names of the run's, so that its weights can be put into them.
"""

from __future__ import annotations

from vgae_core.catalogue.families import FAMILIES
from vgae_core.data.dataset import Profile
from vgae_core.data.node_inputs import input_columns
from vgae_core.settings import RunSpec

SAMPLE = '''
class Sample(keras.layers.Layer):
    """Draw z = mean + exp(log_var / 2) * noise in training, so that gradients reach mean and log_var."""

    def call(self, mean, log_var, training=False):
        noise = keras.random.normal(ops.shape(mean))
        return mean + ops.exp(0.5 * log_var) * noise if training else mean
'''

SPARSE_DROPOUT = '''
class SparseDropout(keras.layers.Dropout):
    """Dropout of the stored values of a sparse tensor."""

    def call(self, x, training=False):
        return tf.SparseTensor(x.indices, super().call(x.values, training=training), x.dense_shape)

    def compute_output_spec(self, x, training=False):
        return keras.KerasTensor(x.shape, dtype=x.dtype, sparse=True)
'''

DISPERSION = '''
class Dispersion(keras.layers.Layer):
    """Append the log dispersion of every column, which is learned, to the log means."""

    def build(self, shape):
        self.log_r = self.add_weight(shape=(shape[-1],), initializer="zeros", name="log_r")

    def call(self, log_mean):
        return ops.concatenate([log_mean, ops.broadcast_to(self.log_r, ops.shape(log_mean))], axis=-1)
'''

_SCALAR = 'self.{name} = self.add_weight(shape=(), initializer="zeros", name="{name}")'


def _decoder(name: str, about: str, build: list[str], call: list[str]) -> str:
    text = [
        f"class {name}(keras.layers.Layer):",
        f'    """{about}"""',
        "",
        "    def build(self, left_shape, right_shape):",
    ]
    text += [f"        {line}" for line in build]
    text += ["", "    def call(self, left, right):", *(f"        {line}" for line in call)]
    return "\n".join(text)


_BIAS, _DOTS = _SCALAR.format(name="bias"), "ops.sum({}, axis=1, keepdims=True)"
DECODER_CLASSES = {
    "inner_product_bias": _decoder(
        "BiasedDots",
        "z_i . z_j + w . z_i + w . z_j + b: some nodes have more edges than others.",
        [
            'self.kernel = self.add_weight(shape=(left_shape[-1], 1), initializer="zeros", name="kernel")',
            _BIAS,
        ],
        [
            f"dots = {_DOTS.format('left * right')}",
            "return dots + ops.matmul(left + right, self.kernel) + self.bias",
        ],
    ),
    "distance": _decoder(
        "Distance",
        "b - s |z_i - z_j|^2, with a learned scale s > 0.",
        [_SCALAR.format(name="log_scale"), _BIAS],
        [
            f"square = {_DOTS.format('(left - right) ** 2')}",
            "return self.bias - ops.exp(self.log_scale) * square",
        ],
    ),
    "distmult": _decoder(
        "WeightedDots",
        "sum_k w_k z_ik z_jk + b: each latent dimension counts as much as it helps, or against.",
        ['self.scale = self.add_weight(shape=(left_shape[-1],), initializer="ones", name="scale")', _BIAS],
        [f"return {_DOTS.format('left * self.scale * right')} + self.bias"],
    ),
    "source_target": _decoder(
        "SourceTarget",
        "s_i . t_j + b: half of a code says what the node points to, half what points to it.",
        [_BIAS],
        [
            "half = left.shape[-1] // 2",
            f"return {_DOTS.format('left[:, :half] * right[:, half:]')} + self.bias",
        ],
    ),
    "gravity": _decoder(
        "Gravity",
        "m_j - s log |z_i - z_j|^2 + b: the last number of a code is the mass of the node.",
        [_SCALAR.format(name="log_strength"), _BIAS],
        [
            f"square = {_DOTS.format('(left - right)[:, :-1] ** 2')}",
            "pull = ops.exp(self.log_strength) * ops.log(square + 0.01)",
            "return right[:, -1:] - pull + self.bias",
        ],
    ),
}
_CALLS = {
    "inner_product_bias": 'BiasedDots(name="pair_factors")(left, right)',
    "distance": 'Distance(name="pair_factors")(left, right)',
    "distmult": 'WeightedDots(name="pair_factors")(left, right)',
    "source_target": 'SourceTarget(name="pair_factors")(left, right)',
    "gravity": 'Gravity(name="adj_rec")(left, right)',
    "inner_product": _DOTS.format("left * right"),
}


def pair_decoder(spec: RunSpec) -> list[str]:
    """Return the lines that make `logits` of `z` and `pairs`."""
    lines = ["left, right = ops.take(z, pairs[:, 0], axis=0), ops.take(z, pairs[:, 1], axis=0)"]
    if spec.model.decoder == "hadamard_mlp":
        units = spec.model.decoder_units
        return [
            *lines,
            f'both = keras.layers.Dense({units}, activation="relu", name="pair_hidden")(left * right)',
            'logits = keras.layers.Dense(1, name="adj_rec")(both)',
        ]
    return [*lines, f"logits = {_CALLS[spec.model.decoder]}"]


class Encoder:
    """The lines of one encoder, from `features` and `adjacency`, or `rows`, to `latent`."""

    def __init__(self, spec: RunSpec, profile: Profile) -> None:
        self.model, self.lines = spec.model, list[str]()
        model = spec.model
        graph = FAMILIES[model.family].links_nodes
        self.width = model.latent_dim * (2 if model.variational else 1)
        self.free = graph and not profile.n_features and model.node_input == "spectral_table"
        self.features = not graph or bool(input_columns(model, profile))
        self.sparse = profile.sparse_features if graph else model.sparse_input
        self.start = "features" if graph else "rows"
        self.n_nodes = profile.n_nodes
        self.uses_table = graph and (self.free or not self.features)
        self.sparse_dropout = self.features and self.sparse and model.input_dropout > 0

    def say(self, comment: str) -> None:
        """Add a comment."""
        self.lines.append(f"# {comment}")

    def add(self, target: str, value: str) -> str:
        """Add an assignment and return its target."""
        self.lines.append(f"{target} = {value}")
        return target

    def map(self, source: str | None, units: int, name: str, target: str = "hidden", *, bias: bool) -> str:
        """Add a linear map of `source`, or of what enters the network where it is None."""
        end = f', name="{name}")' if bias else f', use_bias=False, name="{name}")'
        if source is not None:
            if self.model.dropout:
                source = self.add(target, f"keras.layers.Dropout({self.model.dropout})({source})")
            return self.add(target, f"keras.layers.Dense({units}{end}({source})")
        table = ""
        if self.uses_table:
            name_of = f"{name}_table" if self.free else name
            table = f'keras.layers.Embedding({self.n_nodes}, {units}, "glorot_uniform", name="{name_of}")(every_node)'
            if not self.features:
                return self.add(target, table)
        start = self.start
        if self.model.input_dropout:
            kind = "SparseDropout" if self.sparse else "keras.layers.Dropout"
            start = self.add("dropped", f"{kind}({self.model.input_dropout})({start})")
        mapped = f"keras.layers.Dense({units}{end}({start})"
        self.add(target, mapped)
        return self.add(target, f"{target} + {table}") if table else target

    def hop(self, source: str, target: str = "hidden") -> str:
        """Add one hop over the edges."""
        return self.add(target, f"ops.matmul(adjacency, {source})")

    def activate(self, name: str) -> None:
        """Add what a hidden layer hands on."""
        if self.model.batch_normalisation:
            layer = f'keras.layers.BatchNormalization(momentum=0.9, name="{name}_normalised")'
            self.add("hidden", f"{layer}(hidden)")
        self.add("hidden", "ops.relu(hidden)")


def gcn(e: Encoder) -> None:
    """Kipf & Welling."""
    e.say("A graph convolution: map each node's numbers, then take the weighted sum over its neighbours.")
    hidden: str | None = None
    for depth, units in enumerate(e.model.hidden_units or (e.model.latent_dim,), start=1):
        e.map(hidden, units, f"hidden_{depth}", bias=False)
        hidden = e.hop("hidden")
        e.activate(f"hidden_{depth}")
    e.say("A second kind: its result is the distribution of each node's code.")
    e.map(hidden, e.width, "latent_map", "latent", bias=False)
    e.hop("latent", "latent")


def linear(e: Encoder) -> None:
    """One hop."""
    e.say("One map and one hop: no hidden layer, and often as good.")
    e.map(None, e.width, "latent_map", "latent", bias=False)
    e.hop("latent", "latent")


def sgc(e: Encoder) -> None:
    """Several hops of one map."""
    e.say(f"One map, then {e.model.hops} hops without anything between them.")
    e.map(None, e.width, "latent_map", "latent", bias=False)
    for _ in range(e.model.hops):
        e.hop("latent", "latent")


def normalised(e: Encoder) -> None:
    """Rows of one length."""
    e.say(
        "One map whose rows are brought to length 1.8, then one hop: nodes of few edges are not drawn to 0."
    )
    e.map(None, e.width, "latent_map", "latent", bias=True)
    d = e.model.latent_dim
    mean = f"latent[:, :{d}]" if e.model.variational else "latent"
    e.add("mean", mean)
    e.add("mean", "1.8 * mean * ops.rsqrt(ops.maximum(ops.sum(mean**2, axis=1, keepdims=True), 1e-12))")
    e.add("latent", f"ops.concatenate([mean, latent[:, {d}:]], axis=1)" if e.model.variational else "mean")
    e.hop("latent", "latent")


def appnp(e: Encoder) -> None:
    """Predict, then propagate."""
    e.say("First dense layers, node by node; then hops, each of which returns part of the way to the start.")
    hidden: str | None = None
    for depth, units in enumerate(e.model.hidden_units, start=1):
        hidden = e.map(hidden, units, f"hidden_{depth}", bias=True)
        e.activate(f"hidden_{depth}")
    e.map(hidden, e.width, "latent_map", "start", bias=True)
    e.add("latent", "start")
    a = e.model.teleport
    e.lines.append(f"for _ in range({e.model.hops}):")
    e.lines.append(f"    latent = {1 - a!r} * ops.matmul(adjacency, latent) + {a!r} * start")


def sage(e: Encoder) -> None:
    """GraphSAGE with means."""
    e.say("GraphSAGE: each node adds what it says itself and the mean of what its neighbours say.")
    hidden: str | None = None
    layers = [(f"hidden_{i}", units) for i, units in enumerate(e.model.hidden_units, start=1)]
    for name, units in [*layers, ("latent", e.width)]:
        e.map(hidden, 2 * units, f"{name}_maps", "both", bias=True)
        target = "latent" if name == "latent" else "hidden"
        e.add(target, f"both[:, :{units}] + ops.matmul(adjacency, both[:, {units}:])")
        if name != "latent":
            hidden = "hidden"
            e.activate(name)


def dense(e: Encoder) -> None:
    """Rows of a matrix."""
    e.say("Dense layers; the first multiplies a sparse matrix, so empty cells cost nothing.")
    hidden: str | None = None
    for depth, units in enumerate(e.model.hidden_units, start=1):
        hidden = e.map(hidden, units, f"hidden_{depth}", bias=True)
        e.activate(f"hidden_{depth}")
    e.map(hidden, e.width, "latent", "latent", bias=True)


ENCODERS = {
    "gcn": gcn, "linear": linear, "sgc": sgc, "normalised": normalised, "appnp": appnp, "sage": sage, "dense": dense,
}  # fmt: skip
