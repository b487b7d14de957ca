"""Networks of matrices: rows in, rows out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from vgae_core.analysis.entries import with_totals
from vgae_core.data.dataset import Profile
from vgae_core.nn.encoders import RowInput, encode
from vgae_core.nn.heads import KERAS_HEADS, LOGITS
from vgae_core.nn.latent import bounded, parts, sample, z_vars
from vgae_core.nn.models import BuiltModel
from vgae_core.nn.seeds import Seeds
from vgae_core.settings import RunSpec
from vgae_core.settings.resolved_outputs import Output


class MatrixModel(BuiltModel):
    """Input ``rows``."""

    @property
    def feature_head(self) -> keras.layers.Dense:
        """The dense layer that gives one number for each column of the matrix."""
        return self.model.get_layer(LOGITS if LOGITS in self._layers else "output")

    def decoder(self, output: str) -> Callable[[Any], Any]:
        """Return the function from latent codes to an output."""
        if output != "output":
            return self.model.get_layer(output)  # type: ignore[no-any-return]
        z = self.model.get_layer("z").output if "z" in self._layers else self.encoder.output["z_mean"]
        return keras.Model(z, self.model.output["output"])  # type: ignore[no-any-return]

    def factors(
        self, z_mean: np.ndarray, totals: np.ndarray | None = None, units: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the decoder's last hidden layer with a 1, and each column's weights and bias.

        See :meth:`BuiltModel.factors`.
        """
        hidden: Any = z_mean
        for layer in self.model.layers:
            if layer.name.startswith("decoder_"):
                hidden = layer(hidden)
        kernel, bias = (np.asarray(weight) for weight in self.feature_head.weights)
        left = np.asarray(hidden)
        left = np.concatenate([left, np.ones((len(left), 1), np.float32)], axis=1)
        right = np.concatenate([kernel.T, bias[:, None]], axis=1)
        if units is not None:
            right = (right * units[:, None]).astype(np.float32)
        return (left, right) if totals is None else with_totals(left, right, totals)

    @property
    def _layers(self) -> set[str]:
        return {layer.name for layer in self.model.layers}


def build_vae(spec: RunSpec, profile: Profile, resolved: dict[str, Output]) -> MatrixModel:
    """One input, several outputs: rows of a matrix."""
    rows = keras.Input((profile.n_features,), sparse=spec.model.sparse_input, name="rows")
    head = resolved["output"].head
    seeds = Seeds(spec.seed)
    latent = bounded(encode(RowInput(rows, head.row_scaling), spec.model, seeds), spec.model)
    encoder = keras.Model({"rows": rows}, parts(latent, spec.model), name="encoder")

    z = sample(latent, spec.model, seeds)
    hidden = z
    for depth, units in enumerate(reversed(spec.model.hidden_units), start=1):
        hidden = seeds.dense(units, f"decoder_{depth}", "relu")(hidden)
    outputs: dict[str, Any] = {}
    for output in resolved.values():
        if output.name == "output":
            outputs["output"] = KERAS_HEADS[head.name].layers(hidden, profile.n_features, "output", seeds)
        elif output.name == "z_vars":
            outputs["z_vars"] = z_vars(latent, spec.model)
        else:
            outputs["labels"] = seeds.dense(profile.n_classes, "labels")(z)
    return MatrixModel(keras.Model({"rows": rows}, outputs, name="vae"), encoder, resolved, spec.model)
