"""What scripts of graphs and of matrices share."""

from __future__ import annotations

import re

from vgae_core.analysis.metrics import HITS_AT
from vgae_core.catalogue.lookup import head_of
from vgae_core.data.dataset import Profile
from vgae_core.runs.exports.script import network, objectives
from vgae_core.settings import RunSpec

WIDTH = 120
"""Characters of a line."""

CHANCE = "chance = np.random.default_rng(options.seed)\n"
"""Left out of scripts that draw nothing by themselves."""


class Script:
    """What scripts of both families share."""

    def __init__(self, spec: RunSpec, profile: Profile, *, stacked: bool) -> None:
        self.spec, self.profile, self.stacked = spec, profile, stacked
        self.model, self.training = spec.model, spec.training
        self.names = [output.name for output in spec.active_outputs]
        self.encoder = network.EncoderLines(spec, profile)

    # ------------------------------------------------------------------ shared parts
    def head(self, what: str, imports: list[str], compiled: str) -> str:
        """Return the docstring, the imports, with what `compiled` uses, and the reading of the data file."""
        keras = [*(module for module in ("losses", "metrics") if f"{module}." in compiled), "ops"]
        name = re.sub(r"[^\w .,()-]", " ", self.spec.dataset.name)
        lines = "\n".join(sorted(imports))
        return f'''"""{name}: a variational auto-encoder in Keras, written by VGAE Studio.

Put data.npz beside this file. `python train.py` trains the model and prints the scores of {what} as JSON;
`--trained` loads the weights of the run instead and reproduces its scores; `--seed 1` uses other random numbers.
It needs NumPy, SciPy, scikit-learn and Keras with TensorFlow.
"""

import argparse
import json
import os
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "tensorflow")  # before Keras is imported

import keras
import numpy as np
import tensorflow as tf
from keras import {", ".join(keras)}
from scipy import sparse
{lines}

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--trained", action="store_true", help="load the weights of the run")
parser.add_argument("--seed", type=int, default={self.spec.seed})
options = parser.parse_args()
keras.utils.set_random_seed(options.seed)
{CHANCE}
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
            return ["mean = z = latent  # a plain auto-encoder: one code per node, no distribution"]
        return [
            "# Half of the columns are the mean of the code, the other half the logarithm of its variance.",
            f"mean, log_var = latent[:, :{d}], ops.clip(latent[:, {d}:], -36.0, 36.0)",
            'z = Sample(name="z")(mean, log_var)',
        ]

    def compile(self, per: str) -> tuple[list[str], str]:
        """Return the functions that losses need, and the call of `compile`."""
        functions: list[str] = []
        losses: dict[str, str] = {}
        weights: dict[str, str] = {}
        metrics: dict[str, str] = {}
        for output in self.spec.active_outputs:
            columns = self.columns(output.name)
            if output.name == "z_vars" and not self.model.variational:
                continue
            expression, function = objectives.loss(output.loss, output.name, columns)
            functions += [function] if function and function not in functions else []
            losses[output.name] = expression
            weight = f"{output.weight!r}"
            if output.name == "z_vars":
                weight = "kl_weight" if self.training.kl_warmup_epochs else f"{output.weight!r} / {per}"
            weights[output.name] = weight
            scale = head_of(output.name, output.loss, columns).name
            chosen = objectives.metrics(output.metrics, output.name, scale, columns)
            if chosen and self.training.supervision != "all":
                metrics[output.name] = f"[{', '.join(chosen)}]"
        text = "# One loss, one weight and optional metrics per output, by name. The total is the weighted sum.\n"
        if self.training.kl_warmup_epochs and "z_vars" in self.names:
            text += f"kl_weight = keras.Variable({self.spec.output('z_vars').weight!r} / {per}, trainable=False)\n"

        elif "z_vars" in self.names and self.model.variational:
            what = "pairs of nodes" if per == "n_nodes" else "columns"
            text += (
                f"# The other losses are means over {what}; 1 / {per} puts the divergence on their scale.\n"
            )
        text += f"""model.compile(
    optimizer=keras.optimizers.Adam({self.training.learning_rate!r}),
    loss={as_dict(losses, "    ", len("    loss="))},
    loss_weights={as_dict(weights, "    ", len("    loss_weights="))},
"""
        text += f"    metrics={as_dict(metrics, '    ', len('    metrics='))},\n" if metrics else ""
        return functions, text + ")"

    def columns(self, output: str) -> int:
        """Return the width of an output, as far as its loss asks."""
        return {"labels": self.profile.n_classes, "x_rec": self.profile.n_features}.get(
            output, self.profile.n_features if output == "output" else 0
        )

    def start(self, head: str, scale: str, values: str) -> str:
        """Return the lines that start a head at the means of its columns."""
        highest = {"logit": "1 - 1e-6"}.get(scale, "None")
        means = f"{values}.mean(axis=0)"
        if scale != "identity":
            means = f"np.clip({means}, 1e-6, {highest})"
        start = {"logit": "np.log(means / (1 - means))", "identity": "means"}.get(scale, "np.log(means)")
        return (
            "# Start at the means of the columns, so that only differences between rows have to be learned.\n"
            f'means = {means}\nmodel.get_layer("{head}").bias.assign({start})\n'
        )

    def fit(self, per: str) -> str:
        """Return the callbacks and the call of `fit`."""
        warm, patience = self.training.kl_warmup_epochs, self.training.patience or self.training.epochs
        text, each, callbacks = "", list[str](), list[str]()
        if self.training.keep == "best":
            monitor, mode = "loss", "min"
            if self.spec.split.val_fraction > 0:
                text += '''def score_validation(epoch, logs):
    """Add the validation score to the logs of Keras, where early stopping reads it."""
    logs["val_score"] = sum(auc_and_ap(val, val_neg).values())


'''
                each.append("on_epoch_end=score_validation")
                monitor, mode = "val_score", "max"
            stopping = f'"{monitor}", mode="{mode}", patience={patience}, restore_best_weights=True'
            callbacks.append(f"keras.callbacks.EarlyStopping({stopping})")
        if warm and "z_vars" in self.names:
            weight = self.spec.output("z_vars").weight
            text += f'''def warm_up(epoch, logs):
    """Raise the weight of the divergence step by step, so that the codes learn before it pulls them to 0."""
    kl_weight.assign({weight!r} / {per} * min(1.0, (epoch + 1) / {warm}))


'''
            each.append("on_epoch_begin=warm_up")
        if each:
            # First, so that the score is there for what stops.
            callbacks.insert(0, f"keras.callbacks.LambdaCallback({', '.join(each)})")
        listed = "".join(f"        {callback},\n" for callback in callbacks)
        text += "if options.trained:\n    for layer in model.layers:\n"
        text += '        layer.set_weights([data[f"weight/{layer.name}/{i}"] for i in range(len(layer.weights))])\n'
        text += "else:\n"
        text += f"    callbacks = [\n{listed}    ]\n" if callbacks else ""
        given = f"batches, steps_per_epoch=steps_per_epoch, epochs={self.training.epochs}, "
        given += f"{'callbacks=callbacks, ' if callbacks else ''}shuffle=False, verbose=2"
        return text + f"    model.fit({given})\n"

    def scores(self, final: str) -> str:
        """Return the function that scores held-out pairs, which the callback uses too."""
        return f'''def auc_and_ap(positive, negative, score={final}):
    """Return the area under the ROC curve and the average precision of held-out pairs."""
    truth = np.repeat([1, 0], [len(positive), len(negative)])
    values = score(np.concatenate([positive, negative]))
    return {{"roc_auc": roc_auc_score(truth, values), "average_precision": average_precision_score(truth, values)}}
'''

    def report(self, final: str) -> str:
        """Return the lines that print the scores of the test pairs."""
        hits = ", ".join(map(str, HITS_AT))
        text = f"""scores = auc_and_ap(test, test_neg, {final})
edges, others = {final}(test), np.sort({final}(test_neg))
for k in ({hits}):  # Hits@k: share of the positive pairs that score above all but k - 1 of the others
    scores[f"hits_at_{{k}}"] = np.mean(edges > others[-k]) if k <= len(others) else 1.0
results = {{"test": scores}}
"""
        if self.spec.split.val_fraction > 0:
            text += 'if len(val):\n    results["val"] = auc_and_ap(val, val_neg)\n'
        return text

    def labels_report(self, logits: str) -> str:
        """Return the lines that score the held-out labels."""
        return f"""unseen = np.flatnonzero(data["label_part"] == 2)  # 0: trained on, 1: validation, 2: test
if len(unseen):
    classes = {logits}.argmax(axis=1)
    results["labels"] = {{"accuracy": np.mean(classes == data["labels"][unseen])}}
"""


def spaced(parts: list[str]) -> str:
    """Return the parts as one text, with two blank lines around functions and classes and one between the others."""
    text = "\n\n".join(part.strip("\n") for part in parts)
    if text.count("chance") == text.count(CHANCE):
        text = text.replace(CHANCE, "")
    text = re.sub(r"\n{3,}", "\n\n", text)
    text = re.sub(r"\n+(?=(?:def|class) )", "\n\n\n", text)
    text = re.sub(r"(\n# -+ [^\n]*)\n+(?=(?:def|class) )", r"\1\n\n\n", text)
    return (
        re.sub(r"(?<=\n)((?: [^\n]*|)\n)\n(?=[^\s])(?!def |class |# --)", r"\1\n\n", text).strip("\n") + "\n"
    )


def rule(title: str) -> str:
    """Return the heading of a part."""
    return f"# {'-' * (88 - len(title))} {title}"


def as_dict(values: dict[str, str], indent: str = "", before: int = 16) -> str:
    """Return the dict of names and expressions, as text: in one line or, where it is long, in several.

    `before` are the characters that stand before it in its line, and a comma may follow.
    """
    parts = [f'"{name}": {value}' for name, value in values.items()]
    line = "{" + ", ".join(parts) + "}"
    if before + len(line) < WIDTH:
        return line
    inside = "".join(f"{indent}    {part},\n" for part in parts)
    return f"{{\n{inside}{indent}}}"
