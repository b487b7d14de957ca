"""Encoders and decoders as a reader of Keras writes them: pieces of the script of a run.

Layers with weights have the names of the run's, so that its weights can be put into them.
"""

from __future__ import annotations

import dataclasses
import itertools
import re
import textwrap
from collections.abc import Sequence
from typing import NamedTuple

from vgae_core.catalogue.base import load
from vgae_core.catalogue.decoders import DECODERS, DecoderEntry
from vgae_core.catalogue.encoders import ENCODERS
from vgae_core.catalogue.families import FAMILIES
from vgae_core.catalogue.node_inputs import NODE_INPUTS
from vgae_core.data.dataset import Profile
from vgae_core.data.node_inputs import input_columns
from vgae_core.data.propagation import LENGTH
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


def decoder_class(decoder: str) -> str:
    """Return the layer of a decoder whose lines read weights of their own; empty for the others."""
    entry = DECODERS[decoder]
    if not _reads_weights(entry):
        return ""
    about = re.split(r"(?<=\w)\. (?=[A-Z])", entry.help)[0].rstrip(".")
    lines = [f"class {_class_name(decoder)}(keras.layers.Layer):", f'    """{about}."""', ""]
    lines.append("    def build(self, left_shape, right_shape):")
    for name, weight in sorted(entry.weights.items(), key=lambda item: item[1].place):
        called = f"log_{name}" * weight.log or name
        sizes = ["left_shape[-1]" if size == "latent_dim" else str(size) for size in weight.shape]
        shape = f"({', '.join(sizes)}{',' * (len(sizes) == 1)})"
        made = f'self.add_weight(shape={shape}, initializer="{weight.initial}", name="{called}")'
        lines.append(f"        self.{called} = {made}")
    lines += ["", "    def call(self, left, right):", *(f"        {line}" for line in entry.script)]
    return "\n".join(lines)


def pair_decoder(spec: RunSpec) -> list[str]:
    """Return the lines that make `logits` of `z` and `pairs`."""
    lines = ["left, right = ops.take(z, pairs[:, 0], axis=0), ops.take(z, pairs[:, 1], axis=0)"]
    entry, values = DECODERS[spec.model.decoder], dataclasses.asdict(spec.model)
    if not _reads_weights(entry):
        return [*lines, *(line.format(**values) for line in entry.script)]
    (layer,) = {weight.layer for weight in entry.weights.values()}
    return [*lines, f'logits = {_class_name(spec.model.decoder)}(name="{layer}")(left, right)']


def _reads_weights(entry: DecoderEntry) -> bool:
    return entry.script[-1].startswith("return ")


def _class_name(decoder: str) -> str:
    return "".join(word.capitalize() for word in decoder.split("_"))


def in_loop(layers: Sequence[Sequence[str]], widths: Sequence[int], name: str, start: int) -> list[str]:
    """Return the lines of layers, written once in a loop where they differ in their number and width only.

    Parameters
    ----------
    layers : sequence of sequence of str
        The lines of each.
    widths : sequence of int
        Units of each.
    name : str
        What the layers are called before their number.
    start : int
        The number of the first one.
    """

    def of_any(line: str, depth: int, units: int) -> str:
        line = re.sub(rf'"{name}_{depth}(\w*)"', rf'f"{name}_{{depth}}\1"', line)
        either = rf"(?<![\w.=])({units}|{2 * units})(?![\w.])"
        return re.sub(either, lambda number: "units" if number[1] == str(units) else "2 * units", line)

    numbered = enumerate(zip(layers, widths, strict=True), start)
    alike = {tuple(of_any(line, depth, units) for line in lines) for depth, (lines, units) in numbered}
    if len(layers) < 2 or len(alike) > 1:
        return [line for lines in layers for line in lines]
    listed = textwrap.wrap(", ".join(map(str, widths)), 100)
    named = f"[{listed[0]}]" if len(", ".join(listed)) < 50 else "widths"
    before = [] if named != "widths" else ["widths = [", *(f"    {line}" for line in listed), "]"]
    head = f"for depth, units in enumerate({named}, start={start}):"
    return [*before, head, *(f"    {line}" for line in alike.pop())]


class Expression(NamedTuple):
    """What a step of an encoder gives."""

    text: str
    """The expression."""
    width: int


_HIDDEN = re.compile(r"hidden_(\d+)")


class EncoderLines:
    """The steps of an encoder (:class:`vgae_core.model_parts.encoders.Steps`) as lines of a script, up to `latent`.

    A value is the Python expression that gives it, and its width. Lines read `features` and `adjacency`, or `rows`.
    """

    def __init__(self, spec: RunSpec, profile: Profile) -> None:
        model, entry = spec.model, ENCODERS[spec.model.encoder]
        graph = FAMILIES[model.family].links_nodes
        self._model = model
        self._n_nodes = profile.n_nodes
        self._start = "features" if graph else "rows"
        self.features = not graph or bool(input_columns(model, profile))
        """Whether nodes enter by rows of features."""
        self.sparse = profile.sparse_features if graph else model.sparse_input
        """Whether these are sparse."""
        free = graph and not profile.n_features and NODE_INPUTS[model.node_input].free
        self.uses_table = graph and (free or not self.features)
        """Whether each node has numbers of its own that are learned."""
        self._table = "{}_table" if self.features else "{}"
        self.sparse_dropout = self.features and self.sparse and model.input_dropout > 0
        self.width = model.latent_dim * (2 if model.variational else 1)
        self._layer = 0
        self._lines = [(0, f"# {line}") for line in entry.lesson.splitlines()]
        result = load(entry.builder)(self, model)
        if result.text != "latent":
            self._set("latent", result.text, result.width)

    @property
    def lines(self) -> list[str]:
        """The lines; hidden layers after the first, and equal lines that follow each other, as loops."""
        layers = [
            (number, [line for _, line in lines])
            for number, lines in itertools.groupby(self._lines, lambda line: line[0])
        ]
        like = [own for number, own in layers if number > 1]
        lines = list[str]()
        for number, own in layers:
            if number == 2:
                lines += in_loop(like, self._model.hidden_units[1:], "hidden", 2)
            elif number < 2:
                for line, same in itertools.groupby(own):
                    n = len(list(same))
                    lines += [line] if n == 1 else [f"for _ in range({n}):", f"    {line}"]
        return lines

    def map(self, value: Expression | None, units: int, name: str, *, bias: bool = False) -> Expression:
        """Add a linear map of a value, or of what enters the network."""
        number = _HIDDEN.match(name)
        self._layer = int(number[1]) if number else 0
        layer = f'keras.layers.Dense({units}{"" if bias else ", use_bias=False"}, name="{name}")'
        if value is not None:
            source = value.text
            if self._model.dropout:
                source = self._set("dropped", f"keras.layers.Dropout({self._model.dropout})({source})").text
            return self._set(name, f"{layer}({source})", units)
        table = ""
        if self.uses_table:
            named = self._table.format(name)
            table = f'keras.layers.Embedding({self._n_nodes}, {units}, "glorot_uniform", name="{named}")(every_node)'
            if not self.features:
                return self._set(name, table, units)
        source = self._start
        if share := self._model.input_dropout:
            kind = "SparseDropout" if self.sparse else "keras.layers.Dropout"
            source = self._set("dropped", f"{kind}({share})({source})").text
        mapped = self._set(name, f"{layer}({source})", units)
        return self._set(name, f"{mapped.text} + {table}", units) if table else mapped

    def hop(self, value: Expression, name: str) -> Expression:
        """Add one hop over the edges."""
        return self._set(name, f"ops.matmul(adjacency, {value.text})", value.width)

    def hop_back(self, value: Expression, start: Expression, share: float, name: str) -> Expression:
        """Add one hop that returns to the start with a share."""
        kept = f"{1 - share!r} * ops.matmul(adjacency, {value.text})"
        return self._set(name, f"{kept} + {share!r} * {start.text}", value.width)

    def activated(self, value: Expression, name: str) -> Expression:
        """Add what a hidden layer hands on."""
        source = value.text
        if self._model.batch_normalisation:
            layer = f'keras.layers.BatchNormalization(momentum=0.9, name="{name}_normalised")'
            source = self._set(name, f"{layer}({source})").text
        return self._set(name, f"ops.relu({source})", value.width)

    def half(self, value: Expression, which: int) -> Expression:
        """Return the first (0) or the second (1) half of the columns."""
        middle = value.width // 2
        part = f"{middle}:" if which else f":{middle}"
        return Expression(f"{value.text}[:, {part}]", value.width - middle if which else middle)

    def scaled(self, value: Expression, name: str) -> Expression:
        """Add rows scaled to one length."""
        rows = self._set(name, value.text, value.width).text
        length = f"ops.rsqrt(ops.maximum(ops.sum({rows}**2, axis=1, keepdims=True), 1e-12))"
        return self._set(name, f"{LENGTH} * {rows} * {length}", value.width)

    def beside(self, left: Expression, right: Expression, name: str) -> Expression:
        """Add the columns of both, side by side."""
        return self._set(
            name, f"ops.concatenate([{left.text}, {right.text}], axis=1)", left.width + right.width
        )

    def add(self, left: Expression, right: Expression, name: str) -> Expression:
        """Add the sum of both."""
        return self._set(name, f"{left.text} + {right.text}", left.width)

    def _set(self, name: str, expression: str, width: int = 0) -> Expression:
        # Hidden layers follow each other, as the hops of one encoder do: with the same variables they make a loop.
        variable = "latent" if name.startswith("hop_") else _HIDDEN.sub("hidden", name)
        self._lines.append((self._layer, f"{variable} = {expression}"))
        return Expression(variable, width)
