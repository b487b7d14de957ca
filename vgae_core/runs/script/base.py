"""What scripts of graphs and of matrices share."""

from __future__ import annotations

import re

from vgae_core.analysis.metrics import HITS_AT
from vgae_core.catalogue.lookup import head_of
from vgae_core.data.dataset import Profile
from vgae_core.runs.script import network, objectives
from vgae_core.settings import RunSpec

WIDTH = 104
"""Characters of a dict that stays in one line."""


class Script:
    """What scripts of both families share."""

    def __init__(self, spec: RunSpec, profile: Profile, *, stacked: bool) -> None:
        self.spec, self.profile, self.stacked = spec, profile, stacked
        self.model, self.training = spec.model, spec.training
        self.names = [output.name for output in spec.active_outputs]
        self.encoder = network.Encoder(spec, profile)
        network.ENCODERS[spec.model.encoder](self.encoder)

    # ------------------------------------------------------------------ shared parts
    def head(self, what: str, imports: list[str]) -> str:
        """Return the docstring, the imports and the reading of the data file."""
        name = re.sub(r"[^\w .,()-]", " ", self.spec.dataset.name)
        lines = "\n".join(sorted(imports))
        return f'''"""{name}: a variational auto-encoder in Keras, written by VGAE Studio.

Put data.npz beside this file. `python train.py` trains the model and prints the scores of
{what} as JSON; `python train.py --trained` takes the weights of the run instead, which give its scores.
`--seed 1` starts from other random numbers. It needs NumPy, SciPy, scikit-learn and Keras with TensorFlow.
"""

import argparse
import json
import os
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "tensorflow")  # before Keras is imported

import keras
import numpy as np
import tensorflow as tf
from keras import ops
from scipy import sparse
{lines}

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--trained", action="store_true", help="use the weights of the run")
parser.add_argument("--seed", type=int, default={self.spec.seed})
options = parser.parse_args()
keras.utils.set_random_seed(options.seed)
chance = np.random.default_rng(options.seed)

{rule("1. data")}
data = np.load(Path(__file__).with_name("data.npz"), allow_pickle=False)


def read_matrix(name):
    """Return a NumPy array, or a SciPy matrix from its three CSR arrays."""
    if name in data:
        return data[name]
    parts = tuple(data[f"{{name}}_{{part}}"] for part in ("data", "indices", "indptr"))
    return sparse.csr_array(parts, shape=tuple(data[f"{{name}}_shape"]))


def to_tensor(matrix):
    """Return a TensorFlow tensor, sparse where the matrix is."""
    if not sparse.issparse(matrix):
        return tf.constant(matrix, tf.float32)
    coo = sparse.coo_array(sparse.csr_array(matrix))
    places = np.column_stack([coo.row, coo.col]).astype(np.int64)
    return tf.sparse.reorder(tf.SparseTensor(places, coo.data.astype(np.float32), coo.shape))

'''

    def latent(self) -> list[str]:
        """Return the lines from `latent` to `z` and `z_vars`."""
        d = self.model.latent_dim
        if not self.model.variational:
            return ["mean = z = latent  # a plain auto-encoder: a code, no distribution"]
        return [
            "# Half of the columns are the mean of the code, half the logarithm of its variance.",
            f"mean, log_var = latent[:, :{d}], ops.clip(latent[:, {d}:], -36.0, 36.0)",
            'z = Sample(name="z")(mean, log_var)',
        ]

    def compile(self, per: str) -> tuple[list[str], str]:
        """Return the functions that losses need, and the call of `compile`."""
        functions, losses, weights, metrics = [], [], [], []
        for output in self.spec.active_outputs:
            columns = self.columns(output.name)
            if output.name == "z_vars" and not self.model.variational:
                continue
            expression, function = objectives.loss(output.loss, output.name, columns)
            functions += [function] if function and function not in functions else []
            losses.append(f'        "{output.name}": {expression},')
            weight = f"{output.weight!r}"
            if output.name == "z_vars":
                weight = "kl_weight" if self.training.kl_warmup_epochs else f"{output.weight!r} / {per}"
            weights.append(f'        "{output.name}": {weight},')
            scale = head_of(output.name, output.loss, columns).name
            chosen = objectives.metrics(output.metrics, output.name, scale, columns)
            if chosen and self.training.supervision != "all":
                metrics.append(f'        "{output.name}": [{", ".join(chosen)}],')
        text = "# One loss, one weight and any metrics for each output, by its name. The total is the weighted sum.\n"
        if self.training.kl_warmup_epochs and "z_vars" in self.names:
            text += f"""# The divergence counts little at first, so that the codes can learn before it pulls them.
KL_WEIGHT = {self.spec.output("z_vars").weight!r} / {per}
kl_weight = keras.Variable(KL_WEIGHT, trainable=False)
"""
        elif "z_vars" in self.names and self.model.variational:
            text += f"# The divergence is divided by {per}, since the other losses are means as well.\n"
        text += f"""model.compile(
    optimizer=keras.optimizers.Adam({self.training.learning_rate!r}),
    loss={{
{joined(losses)}
    }},
    loss_weights={{
{joined(weights)}
    }},
"""
        text += f"    metrics={{\n{joined(metrics)}\n    }},\n" if metrics else ""
        return functions, text + ")"

    def columns(self, output: str) -> int:
        """Return the width of an output, as far as its loss asks."""
        return {"labels": self.profile.n_classes, "x_rec": self.profile.n_features}.get(
            output, self.profile.n_features if output == "output" else 0
        )

    def start(self, head: str, scale: str, values: str) -> str:
        """Return the lines that start a head at the means of its columns."""
        mean = f"means = np.asarray({values}.mean(axis=0), np.float32).ravel()"
        value = {
            "logit": "np.log(np.clip(means, 1e-6, 1 - 1e-6) / (1 - np.clip(means, 1e-6, 1 - 1e-6)))",
            "identity": "means",
        }.get(scale, "np.log(np.maximum(means, 1e-6))")
        return (
            "# Start at the means of the columns, so that only what differs between rows has to be learned.\n"
            f'{mean}\nmodel.get_layer("{head}").bias.assign({value})\n'
        )

    def fit(self) -> str:
        """Return the callback, the call of `fit` and the restoring of the best weights."""
        best, val = self.training.keep == "best", self.spec.split.val_fraction > 0
        warm, patience = self.training.kl_warmup_epochs, self.training.patience
        score = "sum(auc_and_ap(val, val_neg))" if val else '-logs["loss"]'
        about = "Scores the validation pairs after every epoch, and keeps the best weights."
        text = ""
        if best:
            text += f'''class KeepBest(keras.callbacks.Callback):
    """{about if val else "Keeps the weights of the lowest loss."}"""

    best, epoch, weights = -np.inf, 0, None
'''
            text += "\n    def on_epoch_end(self, epoch, logs=None):\n"
            text += f"        score = {score}\n"
            text += "        if score > self.best:\n"
            text += (
                "            self.best, self.epoch, self.weights = score, epoch, self.model.get_weights()\n"
            )
            if patience:
                text += f"        elif epoch - self.epoch >= {patience}:\n"
                text += "            self.model.stop_training = True\n"
            text += "\n\n"
        if warm and "z_vars" in self.names:
            text += f'''def warm_up(epoch, logs=None):
    """Let the weight of the divergence grow over the first epochs."""
    kl_weight.assign(KL_WEIGHT * min(1.0, (epoch + 1) / {warm}))


'''
        callbacks = ["keep"] * best
        if warm and "z_vars" in self.names:
            callbacks.append("keras.callbacks.LambdaCallback(on_epoch_begin=warm_up)")
        text += "if options.trained:\n    for layer in model.layers:\n"
        text += '        count = sum(name.startswith(f"weight/{layer.name}/") for name in data)\n'
        text += "        if count:\n"
        text += '            layer.set_weights([data[f"weight/{layer.name}/{i}"] for i in range(count)])\n'
        text += "else:\n"
        text += "    keep = KeepBest()\n" if best else ""
        text += f"    epochs, callbacks = {self.training.epochs}, [{', '.join(callbacks)}]\n"
        text += "    model.fit(\n        batches, epochs=epochs, steps_per_epoch=steps_per_epoch, callbacks=callbacks, "
        text += "shuffle=False, verbose=2\n    )\n"
        text += "    model.set_weights(keep.weights)\n" if best else ""
        return text

    def scores(self, final: str) -> str:
        """Return the function that scores held-out pairs, which the callback uses too."""
        return f'''def auc_and_ap(positive, negative, score={final}):
    """Return the area under the ROC curve and the average precision of held-out pairs."""
    truth = np.repeat([1, 0], [len(positive), len(negative)])
    values = score(np.concatenate([positive, negative]))
    return roc_auc_score(truth, values), average_precision_score(truth, values)
'''

    def report(self, final: str) -> str:
        """Return the lines that print the scores of the test pairs."""
        hits = ", ".join(map(str, HITS_AT))
        text = f"""auc, ap = auc_and_ap(test, test_neg, {final})
scores = {{"roc_auc": auc, "average_precision": ap}}
edges, others = {final}(test), np.sort({final}(test_neg))
for k in ({hits}):  # Hits@k: the share of the positive pairs that score above all but k - 1 of the others
    scores[f"hits_at_{{k}}"] = np.mean(edges > others[-k]) if k <= len(others) else 1.0
results = {{"test": scores}}
"""
        if self.spec.split.val_fraction > 0:
            text += 'if len(val):\n    results["val"] = dict(zip(scores, auc_and_ap(val, val_neg), strict=False))\n'
        return text

    def labels_report(self, logits: str) -> str:
        """Return the lines that score the held-out labels."""
        return f"""
unseen = np.flatnonzero(data["label_part"] == 2)  # 0: trained on, 1: validation, 2: test
if len(unseen):
    classes = {logits}.argmax(axis=1)
    results["labels"] = {{"accuracy": np.mean(classes == data["labels"][unseen])}}
"""


def joined(values: list[str]) -> str:
    """Return lines as one text."""
    return "\n".join(values)


def spaced(parts: list[str]) -> str:
    """Return the parts as one text, with two blank lines around functions and classes and one between the others."""
    text = re.sub(r"\n{3,}", "\n\n", "\n\n".join(part.strip("\n") for part in parts))
    text = re.sub(r"\n+(?=(?:def|class) )", "\n\n\n", text)
    text = re.sub(r"(\n# -+ [^\n]*)\n+(?=(?:def|class) )", r"\1\n\n\n", text)
    return re.sub(r"(?<=\n)((?: [^\n]*|)\n)\n(?=[^\s])(?!def |class )", r"\1\n\n", text).strip("\n") + "\n"


def rule(title: str) -> str:
    """Return the heading of a part."""
    return f"# {'-' * (88 - len(title))} {title}"


def as_dict(values: dict[str, str], indent: str = "") -> str:
    """Return the dict of names and expressions, as text: in one line or, where it is long, in several."""
    parts = [f'"{name}": {value}' for name, value in values.items()]
    line = "{" + ", ".join(parts) + "}"
    if len(line) <= WIDTH:
        return line
    inside = "".join(f"{indent}    {part},\n" for part in parts)
    return f"{{\n{inside}{indent}}}"
