"""The equivalent script: a run as a plain Keras program that needs nothing of this package.

What can be taken from the running code is: the network is written out from the built Keras model, layers, losses and
metrics are the sources of the classes in use, and ``compile`` is written out from the resolved objects.  Only the
loading, the batches, the callback and the evaluation are templates, cut to what the run uses.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
import types
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, Any

import keras

from vgae_core.analysis.metrics import HITS_AT, rank_correlation
from vgae_core.analysis.ranking_metrics import ranking_metrics
from vgae_core.analysis.stacking import fit_stack, helps, joined
from vgae_core.catalogue.encoders import ENCODERS
from vgae_core.catalogue.lookup import head_of
from vgae_core.data.dataset import Profile
from vgae_core.data.edge_weights import edge_weights
from vgae_core.data.node_inputs import input_columns
from vgae_core.errors import RunError
from vgae_core.nn import formulas
from vgae_core.nn.budget import node_batch
from vgae_core.nn.losses import FunctionLoss
from vgae_core.nn.models import BuiltModel, build, feature_head
from vgae_core.nn.objectives import compile_arguments
from vgae_core.nn.sparse import to_sparse_tensor
from vgae_core.runs.folder import RunFolder
from vgae_core.runs.script_data import write_script
from vgae_core.settings import RunSpec
from vgae_core.training.batches import (
    DenseRows,
    all_pair_batches,
    pair_batches,
    row_order,
    sparse_row_reader,
    sparse_rows,
)
from vgae_core.training.masking import masking, sorted_pairs
from vgae_core.training.trainer import steps_per_execution

TOLERANCE = 1e-4
"""Largest difference to be expected between a score of the run and of its script on the same machine."""


# --------------------------------------------------------------------- sources of objects
class Sources:
    """The sources of functions and classes, with everything of this package that they use.

    External modules become imports; what was written once is not written again.
    """

    def __init__(self) -> None:
        self.imports: set[str] = set()
        self._written: set[tuple[str, str]] = set()

    def take(self, things: Iterable[Any]) -> list[str]:
        """Return the sources of `things` and of what they need, in an order that runs."""
        found: list[str] = []
        for thing in things:
            self._thing(thing, found)
        return found

    def _thing(self, thing: Any, found: list[str]) -> None:
        module = sys.modules[thing.__module__]
        if (
            "<" in thing.__qualname__
            or "." in thing.__qualname__
            or not self._name(thing.__name__, module, found)
        ):
            raise RunError(
                f"The source of `{thing.__qualname__}` cannot be read, so the run cannot be written as a script.",
                mend="Define it at the top of a module.",
            )

    def _names(self, tree: ast.AST, module: types.ModuleType, found: list[str]) -> None:
        names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        for name in sorted(names):
            self._name(name, module, found)

    def _name(self, name: str, module: types.ModuleType, found: list[str]) -> bool:
        """Write what a name of a module stands for; return whether the module says."""
        if (module.__name__, name) in self._written:
            return True
        for node in _tree(module).body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                alias = next((a for a in node.names if (a.asname or a.name) == name), None)
                if alias is None:
                    continue
                source = getattr(node, "module", None) or alias.name
                if source.split(".")[0] == module.__name__.split(".")[0]:
                    return self._name(alias.name, sys.modules[source], found)
                self.imports.add(ast.unparse(_one(node, alias)))
                return True
            if isinstance(node, ast.Assign | ast.AnnAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                if not any(isinstance(target, ast.Name) and target.id == name for target in targets):
                    continue
            elif not isinstance(node, ast.FunctionDef | ast.ClassDef) or node.name != name:
                continue
            self._written.add((module.__name__, name))
            self._names(node, module, found)
            first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
            found.append("\n".join(_TEXTS[module.__name__][first - 1 : node.end_lineno]))
            return True
        return False


def _one(node: ast.Import | ast.ImportFrom, alias: ast.alias) -> ast.stmt:
    if isinstance(node, ast.Import):
        return ast.Import([alias])
    return ast.ImportFrom(node.module, [alias], 0)


_TEXTS: dict[str, list[str]] = {}
_TREES: dict[str, ast.Module] = {}


def _tree(module: types.ModuleType) -> ast.Module:
    """Return the syntax tree of a module; its lines are then in ``_TEXTS``."""
    if module.__name__ not in _TREES:
        try:
            text = inspect.getsource(module)
        except (OSError, TypeError) as error:
            raise RunError(f"The source of `{module.__name__}` cannot be read: {error}.") from error
        _TEXTS[module.__name__], _TREES[module.__name__] = text.splitlines(), ast.parse(text)
    return _TREES[module.__name__]


# ------------------------------------------------------------------- objects as expressions
class Expressions:
    """Keras objects as the calls that make them; remembers the classes and functions of this package in them."""

    def __init__(self) -> None:
        self.used: list[Any] = []
        self.formulas: dict[str, Any] = {}

    def make(self, thing: Any) -> str:
        """Return the call that makes a layer, a loss or a metric like `thing`."""
        kind = type(thing)
        given = self._arguments(thing)
        if kind.__module__.split(".")[0] == "keras":
            home = "layers" if isinstance(thing, keras.layers.Layer) else None
            home = home or ("losses" if isinstance(thing, keras.losses.Loss) else "metrics")
            if getattr(getattr(keras, home), kind.__name__, None) is not kind:
                raise RunError(
                    f"`{kind.__name__}` has no public name in Keras, so there is no script of this run."
                )
            name = f"keras.{home}.{kind.__name__}"
        else:
            name = kind.__name__
            self._use(kind)
        return f"{name}({', '.join(given)})"

    def _use(self, thing: Any) -> None:
        if thing not in self.used:
            self.used.append(thing)

    def _arguments(self, thing: Any) -> list[str]:
        """Return the arguments that differ from the defaults, as text."""
        if isinstance(thing, FunctionLoss):
            settings = [f"{key}={value!r}" for key, value in thing.settings.items()]
            name = [] if thing.name == thing.fn.__name__ else [f"name={thing.name!r}"]
            return [self._function(thing.fn, thing.name), *name, *settings]
        if (
            isinstance(thing, keras.metrics.MeanMetricWrapper)
            and type(thing) is keras.metrics.MeanMetricWrapper
        ):
            return [self._function(thing._fn, thing.name), f"name={thing.name!r}"]
        kind = type(thing)
        parameters = {
            name: parameter
            for name, parameter in list(inspect.signature(kind.__init__).parameters.items())[1:]
            if parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
        }
        held = _settings(thing, parameters)
        needed = {n for n, p in parameters.items() if p.default is p.empty}
        plain = (
            {}
            if any(hasattr(held.get(n), "update_state") or n == "loss" for n in needed)
            else _settings(kind(**{n: held[n] for n in needed}), parameters)
        )
        given = []
        for key, value in held.items():
            if key in needed:
                given.append(self._value(value))
            elif key == "name":
                own = isinstance(thing, keras.layers.Layer) or value != plain.get("name", value)
                given += [f"name={value!r}"] if own else []
            elif value != plain.get(key, parameters[key].default):
                given.append(f"{key}={self._value(value)}")
        if isinstance(thing, keras.layers.Layer) and "name" not in held:
            given.append(f"name={thing.name!r}")
        return given

    def _function(self, fn: Any, name: str) -> str:
        if hasattr(fn, "tree"):
            unique, number = name, 2
            while unique in self.formulas and self.formulas[unique] != fn.tree:
                unique, number = f"{name}_{number}", number + 1
            self.formulas[unique] = fn.tree
            return unique
        if hasattr(fn, "func"):  # functools.partial
            settings = ", ".join(f"{key}={value!r}" for key, value in fn.keywords.items())
            return f"lambda y_true, y_pred: {self._function(fn.func, name)}(y_true, y_pred, {settings})"
        self._use(fn)
        return str(fn.__name__)

    def _value(self, value: Any) -> str:
        if isinstance(value, keras.metrics.Metric | keras.losses.Loss):
            return self.make(value)
        if isinstance(value, Mapping) and {"class_name", "config"} <= set(value):
            settings = ", ".join(f"{k}={self._value(v)}" for k, v in value["config"].items() if v is not None)
            return f"{value['module']}.{value['class_name']}({settings})"
        return repr(value)


def _settings(thing: Any, parameters: Iterable[str]) -> dict[str, Any]:
    """Return the arguments an object was made with, as far as it tells."""
    config = (
        {} if isinstance(thing, keras.losses.Loss) and hasattr(thing, "loss") else dict(thing.get_config())
    )
    config |= getattr(thing, "_fn_kwargs", {})
    return {
        name: config.get(name, getattr(thing, name, None))
        for name in parameters
        if name not in ("dtype", "seed") and (name in config or hasattr(thing, name))
    }


def _formula(name: str, tree: Any) -> tuple[str, list[Any]]:
    """Return a formula as a Python function, and the functions it calls."""
    used: list[Any] = [formulas.bounded]

    def write(node: Any) -> str:
        if isinstance(node, str):
            used.append(formulas.PIECES[node])
            return f"{formulas.PIECES[node].__name__}(y_true, y_pred)"
        if not isinstance(node, list | tuple):
            return repr(float(node))
        operation = formulas.OPERATIONS[node[0]]
        arguments = ", ".join(write(argument) for argument in node[1:])
        if operation.__module__ == formulas.__name__:
            used.append(operation)
            return f"{operation.__name__}({arguments})"
        return f"ops.{operation.__name__}({arguments})"

    body = write(tree)
    return f"def {name}(y_true, y_pred):\n    return ops.mean(bounded({body}), axis=-1)", used


# ------------------------------------------------------------------------------- network
_TAKEN = {
    *("keras", "tf", "np", "ops", "sparse", "data", "train", "val", "val_neg", "test", "test_neg", "message"),
    *(
        "looped",
        "left",
        "right",
        "matrix",
        "classes",
        "known",
        "batches",
        "history",
        "watch",
        "results",
        "truth",
    ),
    *("scores", "head", "trunk", "scorer", "model", "encoder", "bar", "k", "called", "targets"),
    *(
        "target_matrix",
        "targets_by_node",
        "column_means",
        "feature_matrix",
        "stack",
        "places",
        "others",
        "joined",
        "val_pairs",
        "val_truth",
        "val_logits",
        "val_others",
    ),
}
"""Names of the templates that no tensor may take."""


def _network(built: BuiltModel, expressions: Expressions) -> list[str]:
    """Return the statements that build the model of a run and its encoder, in the order they were run."""
    both = (built.model, built.encoder)
    nodes = {node: None for model in both for level in model._nodes_by_depth.values() for node in level}
    names: dict[int, str] = {}
    taken = set(_TAKEN)
    for key, tensor in built.encoder.output.items():
        names[id(tensor)] = key
        taken.add(key)

    def made(node: Any) -> tuple[int, int]:
        # Inputs first; then the counter in Keras' names of tensors is the order in which they were made.
        name = node.output_tensors[0].name
        number = re.search(r"(\d+)$", name)
        return (not node.is_input, int(number[1]) if number and not node.is_input else 0)

    lines = []
    for node in sorted(nodes, key=made):
        operation, tensor = node.operation, node.output_tensors[0]
        own = re.sub(r"\W", "_", operation.name)
        if not isinstance(operation, keras.layers.Layer):  # Keras numbers those through the whole process
            own = re.sub(r"_\d+$", "", own)
        name = names.get(id(tensor)) or own
        while id(tensor) not in names and name in taken:
            name += "_"
        names[id(tensor)] = name
        taken.add(name)
        if node.is_input:
            shape = [repr(tensor.shape[1:])]
            shape += [f"batch_size={tensor.shape[0]}"] if tensor.shape[0] is not None else []
            shape += [f"dtype={tensor.dtype!r}"] if tensor.dtype != "float32" else []
            shape += ["sparse=True"] if tensor.sparse else []
            lines.append(f"{name} = keras.Input({', '.join(shape)}, name={operation.name!r})")
            continue
        arguments = [_symbol(value, names) for value in node.arguments.args]
        arguments += [
            f"{key}={_symbol(value, names)}"
            for key, value in node.arguments.kwargs.items()
            if value is not None
        ]
        lines.append(f"{name} = {_operation(operation, arguments, expressions)}")
    for title, model in (("model", built.model), ("encoder", built.encoder)):
        inputs = ", ".join(f"{key!r}: {names[id(tensor)]}" for key, tensor in model.input.items())
        outputs = ", ".join(f"{key!r}: {names[id(tensor)]}" for key, tensor in model.output.items())
        lines.append(f"{title} = keras.Model({{{inputs}}}, {{{outputs}}}, name={model.name!r})")
    return lines


def _operation(operation: Any, arguments: list[str], expressions: Expressions) -> str:
    if isinstance(operation, keras.layers.Layer):
        return f"{expressions.make(operation)}({', '.join(arguments)})"
    if type(operation).__name__ == "GetItem":
        return f"{arguments[0]}[{arguments[1].strip('()')}]"
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", type(operation).__name__).lower()
    if not hasattr(keras.ops, name):
        raise RunError(f"Operation `{type(operation).__name__}` cannot be written as a script.")
    settings = [
        f"{key}={value!r}" for key, value in operation.get_config().items() if key not in ("name", "dtype")
    ]
    return f"keras.ops.{name}({', '.join([*arguments, *settings])})"


def _symbol(value: Any, names: Mapping[int, str]) -> str:
    if isinstance(value, keras.KerasTensor):
        return names[id(value)]
    if isinstance(value, list | tuple):
        inside = ", ".join(_symbol(item, names) for item in value)
        return f"[{inside}]" if isinstance(value, list) else f"({inside})"
    if isinstance(value, slice):
        ends = [("" if end is None else str(end)) for end in (value.start, value.stop)]
        return ":".join(ends) + ("" if value.step is None else f":{value.step}")
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{k!r}: {_symbol(v, names)}" for k, v in value.items()) + "}"
    return repr(value)


# ------------------------------------------------------------------------------ templates
_HEADER = '''"""__NAME__: a run of VGAE Studio as a plain Keras script.

Put data.npz beside this file and run it with Python: it trains the same model on the same training data in the same
batches, and prints the scores of the held-out __WHAT__ as JSON. It needs numpy, scipy, scikit-learn and Keras with
TensorFlow (written for Keras __KERAS__). On the same machine and with the same versions its scores are those of
the run to __TOLERANCE__; elsewhere sums are taken in another order, and chance takes another way.
"""'''

_DATA = '''# ---------------------------------------------------------------------------- 1. data
SEED = __SEED__
keras.utils.set_random_seed(SEED)  # Python, NumPy and TensorFlow

data = np.load(Path(__file__).with_name("data.npz"), allow_pickle=False)


def read_matrix(name):
    """Return a matrix of data.npz: a NumPy array, or a SciPy CSR array from its parts."""
    if name in data:
        return data[name]
    parts = tuple(data[f"{name}_{part}"] for part in ("data", "indices", "indptr"))
    return sparse.csr_array(parts, shape=tuple(data[f"{name}_shape"]))

'''

_GRAPH_DATA = """
train, val, val_neg, test, test_neg = (data[name] for name in ("train", "val", "val_neg", "test", "test_neg"))

# Message edges are the training edges only.
message = read_matrix("message").astype(np.float64)
n_nodes = message.shape[0]
"""

_SYMMETRIC = """
# D^-1/2 (A + I) D^-1/2, transposed for arcs
looped = sparse.csr_array(message + sparse.eye_array(n_nodes))
left = sparse.diags_array(1.0 / np.sqrt(np.asarray(looped.sum(axis=0)).ravel()))
right = sparse.diags_array(1.0 / np.sqrt(np.asarray(looped.sum(axis=1)).ravel()))
graph_inputs = {"adjacency": to_sparse_tensor(sparse.csr_array(left @ looped.T @ right, dtype=np.float32))}"""

_MEAN = """
# The mean over the neighbours, or over the nodes that point here: D^-1 A^T
heard = np.asarray(message.sum(axis=0)).ravel()
share = sparse.diags_array(np.divide(1.0, heard, out=np.zeros_like(heard), where=heard > 0))
graph_inputs = {"adjacency": to_sparse_tensor(sparse.csr_array(share @ message.T, dtype=np.float32))}"""

_MATRIX_DATA = """
# The matrix without its held-out entries: all that the model may see.
matrix = read_matrix("matrix")
n_rows, n_columns = matrix.shape
val, val_neg, test, test_neg = (data[name] for name in ("val", "val_neg", "test", "test_neg"))
batch_size = min(__BATCH__ or n_rows, n_rows)"""

_PAIR_BATCHES = """# ------------------------------------------------------------------------- 5. batches
# Each step passes messages over the whole graph; what is batched are the pairs that the loss scores.
__SOURCES__


__TARGETS__batches, steps_per_epoch, _ = pair_batches(
    train,
    n_nodes,
    graph_inputs,
    batch_size=__BATCH__,
    ratio=__RATIO__,
    negatives="__NEGATIVES__",
    seed_number=SEED,
    directed=__DIRECTED__,__SIDES____MASK____WEIGHTS____NODES__
)"""

_MASK = """
    masked=__SHARE__,
    mask=masking(message, train, __SHARE__, "__HOW__", directed=__DIRECTED__),"""

_ALL_PAIR_BATCHES = """# ------------------------------------------------------------------------- 5. batches
# Each step scores all pairs of nodes; what it is fed are the pairs whose target is 1.
__SOURCES__


__TARGETS__steps_per_epoch = 1
batches = all_pair_batches(
    train,
    n_nodes,
    graph_inputs,
    seed_number=SEED,
    directed=__DIRECTED__,__NODES__
)"""

_NODE_TARGETS = '''def node_targets(nodes):
    """Return targets and sample weights of the outputs that score nodes."""
    targets, weights = {}, {}__EACH__
    return targets, weights


'''

_X_REC = """
    targets["x_rec"] = feature_rows(nodes)
    weights["x_rec"] = tf.ones((__ROWS__, 1))"""

_LABELS = """
    targets["labels"] = tf.gather(classes, nodes)
    weights["labels"] = tf.gather(known, nodes)  # nodes without a training label do not count"""

_ROW_TARGETS = '''# ------------------------------------------------------------------------- 5. batches
__SOURCES__


def targets(block, rows):
    """Return targets and sample weights of a batch of rows, each a dict by name."""
    ones = np.ones((len(rows), 1), np.float32) if isinstance(block, np.ndarray) else tf.ones((tf.shape(rows)[0], 1))
    goal = {"output": block, "z_vars": ones * 0}  # the KL divergence needs no target
    weight = {"output": ones, "z_vars": ones}__LABELS__
    return goal, weight


batches = __BATCHES__
steps_per_epoch = -(-n_rows // batch_size)


def all_rows():
    """Yield the whole matrix, batch by batch, in order."""
__READ__'''

_GRAPH_SCORES = '''# ------------------------------------------------------- 6. scores of held-out pairs
scorer = keras.Model({**encoder.input, "pairs": model.input["pairs"]}, model.output["adj_rec"])
score_graph = tf.function(lambda inputs: scorer(inputs, training=False), reduce_retracing=True)


def pair_scores(pairs):
    """Return the logit of each pair, worked out from the training edges."""
    return score_graph({**graph_inputs, "pairs": tf.constant(pairs, tf.int32)}).numpy().ravel()'''

_ALL_PAIR_SCORES = '''# ------------------------------------------------------- 6. scores of held-out pairs
encode_graph = tf.function(lambda inputs: encoder(inputs, training=False)["z_mean"], reduce_retracing=True)


def pair_scores(pairs):
    """Return the logit of each pair, the inner product of its codes, worked out from the training edges."""
    z = encode_graph(graph_inputs).numpy()
    return np.einsum("ij,ij->i", z[pairs[:, 0]], z[pairs[:, 1]])'''

_ROW_SCORES = '''# ----------------------------------------------------- 6. scores of held-out entries
# The last layer is a product, so the logit of entry (i, j) is left_i . right_j.
head = model.get_layer("__HEAD__")
trunk = keras.Model(encoder.input, head.input)
hidden_of = tf.function(lambda inputs: trunk(inputs, training=False), reduce_retracing=True)


def factors():
    """Return left (n_rows, k) and right (n_columns, k)."""
    left = np.concatenate([hidden_of(part).numpy() for part in all_rows()])
    kernel, bias = (np.asarray(weight) for weight in head.weights)
    left = np.concatenate([left, np.ones((n_rows, 1), np.float32)], axis=1)
    right = np.concatenate([kernel.T, bias[:, None]], axis=1)__UNITS____SHARES__
    return left, right


def pair_scores(pairs):
    """Return the logit of each entry (row, column)."""
    left, right = factors()
    return np.einsum("ij,ij->i", left[pairs[:, 0]], right[pairs[:, 1]])'''

_UNITS = """
    if "units" in data:  # what the columns were divided by: logits are values in the columns' own units
        right = (right * data["units"][:, None]).astype(np.float32)"""

_SHARES = """
    # A softmax gives shares of a row's total; the logarithm of the expected value is comparable over rows.
    totals = np.maximum(np.asarray(matrix.sum(axis=1)).ravel(), 1e-6)
    offset = np.log(totals) - logsumexp(left @ right.T, axis=1)
    left = np.concatenate([left, offset[:, None].astype(np.float32)], axis=1)
    right = np.concatenate([right, np.ones((n_columns, 1), np.float32)], axis=1)"""

_FIT = '''def auc_ap(positive, negative, score=pair_scores):
    """Return area under the ROC curve and average precision."""
    truth = np.repeat([1, 0], [len(positive), len(negative)])
    scores = score(np.concatenate([positive, negative]))
    return roc_auc_score(truth, scores), average_precision_score(truth, scores)


# ------------------------------------------------------------------------------ 7. fit
class KeptEpoch(keras.callbacks.Callback):
    """__DOES__"""

    best_score, best_epoch, best_weights = -np.inf, 0, None
__WARMUP__
    def on_epoch_end(self, epoch, logs=None):
        if not np.isfinite(logs["loss"]):
            self.model.stop_training = True
            return__KEEP____PATIENCE__


watch = KeptEpoch()
history = model.fit(
    batches,
    epochs=__EPOCHS__,
    steps_per_epoch=steps_per_epoch,
    shuffle=False,
    verbose=0,
    callbacks=[watch],
)
model.set_weights(watch.best_weights)'''

_BEST = """
        score = __SCORE__
        if score > self.best_score:
            self.best_score, self.best_epoch = score, epoch + 1
            self.best_weights = self.model.get_weights()"""

_LAST = """
        self.best_epoch, self.best_weights = epoch + 1, self.model.get_weights()"""

_WARMUP = """
    def on_epoch_begin(self, epoch, logs=None):
        kl_weight.assign(KL_WEIGHT * min(1.0, (epoch + 1) / __WARMUP__))
"""

_PATIENCE = """
        if epoch + 1 - self.best_epoch >= __PATIENCE__:
            self.model.stop_training = True"""

_STACK = '''# ------------------------------------------------------------------------- stacking
# The data hold scores that need no training, worked out from the training edges and the features.
places = data["scored_pairs"] @ np.array([n_nodes, 1])


def others(pairs):
    """Return the training-free scores of held-out pairs by name."""
    at = np.searchsorted(places, pairs @ np.array([n_nodes, 1]))
    return {name.removeprefix("score_"): data[name][at] for name in data if name.startswith("score_")}


def stacked_scores(pairs):
    """Return the logit of each pair, after stacking where that helps."""
    logits = pair_scores(pairs)
    return joined(logits, others(pairs), stack) if stack else logits


val_pairs, val_truth = np.concatenate([val, val_neg]), np.repeat([1, 0], [len(val), len(val_neg)])
val_logits, val_others = pair_scores(val_pairs), others(val_pairs)
stack = fit_stack(val_logits, val_others, val_truth) if helps(val_logits, val_others, val_truth) else None'''

_TEST = '''# ------------------------------------------------------------------------- 8. evaluation
def link_scores(positive, negative, score=pair_scores):
    """Return every score of held-out pairs, which the model has not seen."""
    result = dict(zip(("roc_auc", "average_precision"), auc_ap(positive, negative, score)))
    high, low = score(positive), np.sort(score(negative))
    for k in __HITS__:  # share of the edges that score above all but k - 1 of the non-edges
        result[f"hits_at_{k}"] = np.mean(high > (low[-k] if k <= len(low) else -np.inf))
    return result


results = {"best_epoch": watch.best_epoch, "test": link_scores(test, test_neg, __FINAL__)}
if len(val):
    results["val"] = link_scores(val, val_neg)'''

_TEST_HARD = """
# Test edges among non-edges of their own, which share an end with them.
own = __FINAL__(test[data["hard_edges"]])[:, None]
hard = __FINAL__(data["hard_pairs"].reshape(-1, 2)).reshape(len(own), -1)
above = (hard > own).sum(axis=1) + 0.5 * (hard == own).sum(axis=1)
results["test"] |= {
    "hard_auc": 1 - np.mean(above) / hard.shape[1],
    "hard_mrr": np.mean(1 / (1 + above)),
    "hard_hits_at_10": np.mean(1 + above <= 10),
}"""

_TEST_LABELS = """
logits = np.asarray(model.get_layer("labels")(__Z__))
held_out = data["label_part"] == 2
if held_out.any():
    called = logits[held_out].argmax(axis=1)
    results["labels"] = {
        "accuracy": accuracy_score(data["labels"][held_out], called),
        "macro_f1": f1_score(data["labels"][held_out], called, average="macro", zero_division=0),
    }"""

_PRINT = """
print(json.dumps(results, indent=2, default=float))"""


def _fill(template: str, **values: Any) -> str:
    for key, value in values.items():
        template = template.replace(f"__{key}__", str(value))
    return template


# -------------------------------------------------------------------------------- script
def equivalent_script(spec: RunSpec, profile: Profile) -> str:
    """Return a Python program that does what a run of `spec` does, with Keras and without this package.

    Parameters
    ----------
    spec : RunSpec
    profile : Profile
        Of the graph after its repairs.

    Returns
    -------
    str
        The program. It reads the arrays of :func:`vgae_core.runs.script_data.script_data` from ``data.npz`` beside it.

    Raises
    ------
    SpecError
        If the specification makes no sense for the data.
    RunError
        If a part of the run has no form in a script, such as a loss whose source cannot be read.
    """
    if spec.training.propagation == "once" and spec.model.family == "vgae":
        raise RunError(
            "A run whose messages pass once has no form as a script: its data are meant to exceed memory.",
            where="training.propagation",
            mend="Train with propagation `every_step` to get a script.",
        )
    built = build(spec, profile)
    compiled, _ = compile_arguments(built.outputs)
    sources, expressions = Sources(), Expressions()
    sources.imports |= {
        "import json",
        "import keras",
        "import numpy as np",
        "import tensorflow as tf",
        "from pathlib import Path",
        "from scipy import sparse",
    }
    graph = spec.model.family == "vgae"
    names = [output.name for output in spec.active_outputs]

    tools = sources.take([to_sparse_tensor] if graph else [])
    network = _network(built, expressions)
    layers = sources.take(expressions.used)
    expressions.used = []
    loss, metrics, formula_lines = _compiled(compiled, expressions, sources)
    objectives = sources.take(expressions.used)

    parts = [_fill(_DATA, SEED=spec.seed), *tools]
    parts.append(_graph_data(spec, profile, names) if graph else _matrix_data(spec, names))
    parts.append(
        "# --------------------------------------------------------- 2. layers of its own\n"
        + "\n\n\n".join(layers)
    )
    parts.append(
        "# ------------------------------------------------------------------------- 3. model\n"
        + "\n".join(network)
    )
    start = _start(spec, built, sources)
    if start:
        parts.append(start)
    parts.append(
        "# ------------------------------------- 4. losses, their weights and metrics, by output\n"
        + "\n\n\n".join([*objectives, *formula_lines, _compile(spec, profile, loss, metrics)])
    )
    parts.append(
        _pair_batches(spec, profile, names, sources) if graph else _row_batches(spec, names, sources)
    )
    parts.append(_evaluation(spec, built, names, sources))

    script = "\n\n\n".join(part.strip("\n") for part in parts)
    first = [i for i in sources.imports if i.split()[1].split(".")[0] in sys.stdlib_module_names]
    rest = [i for i in sources.imports if i not in first and i.split()[1] != "__future__"]
    body = "\n\n\n".join(["\n".join(sorted(rest)), script])
    head = _fill(
        _HEADER,
        NAME=re.sub(r"[^\w .,()-]", " ", spec.dataset.name),
        WHAT="edges" if graph else "entries",
        KERAS=keras.version(),
        TOLERANCE=TOLERANCE,
    )
    backend = 'os.environ.setdefault("KERAS_BACKEND", "tensorflow")  # before Keras is imported'
    stdlib = "\n".join(sorted({"import os", *(i for i in first if i.split()[1] != "__future__")}, key=_order))
    return f"{head}\n\nfrom __future__ import annotations\n\n{stdlib}\n\n{backend}\n\n{body}\n"


def _order(line: str) -> tuple[bool, str]:
    return line.startswith("from"), line


def _graph_data(spec: RunSpec, profile: Profile, names: list[str]) -> str:
    symmetric = ENCODERS[spec.model.encoder].propagation == "symmetric"
    lines = [_GRAPH_DATA + (_SYMMETRIC if symmetric else _MEAN)]
    if input_columns(spec.model, profile):
        lines.append('feature_matrix = read_matrix("features")')
        made = (
            "to_sparse_tensor(feature_matrix)"
            if profile.sparse_features
            else "tf.constant(feature_matrix, tf.float32)"
        )
        lines.append(f'graph_inputs["features"] = {made}')
    if "x_rec" in names:
        lines.append(_TARGET_DATA)
    if "labels" in names:
        lines.append(_LABEL_DATA)
    return "\n".join(lines)


_TARGET_DATA = """# What x_rec is to give: the features as they enter, or as they are where their loss is of counts.
target_matrix = read_matrix("targets" if {"targets", "targets_data"} & set(data) else "features")"""

_LABEL_DATA = """classes = np.maximum(data["labels"], 0)[:, None]
known = (data["label_part"] == 0).astype(np.float32)[:, None]"""


def _matrix_data(spec: RunSpec, names: list[str]) -> str:
    text = _fill(_MATRIX_DATA, BATCH=spec.training.batch_size)
    return text + (f"\n{_LABEL_DATA}" if "labels" in names else "")


def _start(spec: RunSpec, built: BuiltModel, sources: Sources) -> str:
    """Return the lines that start the feature head at the column means, if there is one."""
    output = next((o for o in spec.active_outputs if o.name in ("x_rec", "output")), None)
    if output is None:
        return ""
    values = "target_matrix" if output.name == "x_rec" else "matrix"
    answer = head_of(output.name, output.loss, int(feature_head(built).units)).first_answer
    code = sources.take([answer])
    line = (
        f"column_means = np.asarray({values}.mean(axis=0), np.float32).ravel()\n"
        f"model.get_layer({feature_head(built).name!r}).bias.assign({answer.__name__}(column_means))"
    )
    return "\n\n\n".join([*code, f"# The head starts at the column means.\n{line}"])


def _compiled(
    compiled: Mapping[str, Any], expressions: Expressions, sources: Sources
) -> tuple[dict[str, str], dict[str, str], list[str]]:
    """Return the losses and the lists of metrics as text, and the formulas as functions."""
    loss = {name: expressions.make(value) for name, value in compiled["loss"].items()}
    metrics = {
        name: f"[{', '.join(expressions.make(metric) for metric in values)}]"
        for name, values in compiled["weighted_metrics"].items()
    }
    lines: list[str] = []
    for name, tree in expressions.formulas.items():
        text, used = _formula(name, tree)
        lines += sources.take(used)
        lines.append(text)
        sources.imports.add("from keras import ops")
    return loss, metrics, lines


def _compile(spec: RunSpec, profile: Profile, loss: Mapping[str, str], metrics: Mapping[str, str]) -> str:
    many = profile.n_nodes if spec.model.family == "vgae" else profile.n_features
    what = "nodes" if spec.model.family == "vgae" else "columns"

    def entries(values: Mapping[str, str]) -> str:
        return "".join(f"        {key!r}: {value},\n" for key, value in values.items())

    weights = {
        output.name: "kl_weight" if output.name == "z_vars" else repr(output.weight)
        for output in spec.active_outputs
    }
    return f"""# The mean KL divergence of a row, divided by the number of {what}, as the other losses are means too.
# A variable: its value can change during training without compiling again.
KL_WEIGHT = {spec.output("z_vars").weight!r} * (1.0 / {many})
kl_weight = keras.Variable(KL_WEIGHT, trainable=False, dtype="float32")

model.compile(
    optimizer=keras.optimizers.Adam({spec.training.learning_rate!r}),
    loss={{
{entries(loss)}    }},
    loss_weights={{
{entries(weights)}    }},
    # Weighted: pairs and nodes whose sample weight is 0 count in no metric either.
    weighted_metrics={{
{entries(metrics)}    }},
    steps_per_execution=__PER_EXECUTION__,
    jit_compile=False,
)""".replace("__PER_EXECUTION__", _per_execution(spec, profile))


def _per_execution(spec: RunSpec, profile: Profile) -> str:
    """Return how many steps TensorFlow runs at a time: for pairs the number of edges decides, which is in the data."""
    if spec.model.family == "vae":
        size = min(spec.training.batch_size or profile.n_nodes, profile.n_nodes)
        return str(steps_per_execution(-(-profile.n_nodes // size)))
    if not spec.training.batch_size or spec.training.supervision == "all":
        return "1"
    return f"max(k for k in range(1, 17) if -(-len(train) // min({spec.training.batch_size}, len(train))) % k == 0)"


def _pair_batches(spec: RunSpec, profile: Profile, names: list[str], sources: Sources) -> str:
    columns = max(
        profile.n_features if "x_rec" in names else 0, profile.n_classes if "labels" in names else 0
    )
    rows, n = node_batch(profile.n_nodes, columns), profile.n_nodes
    exact = spec.training.supervision == "all"
    masked = spec.training.masked_edges
    used = [all_pair_batches] if exact else [pair_batches, masking] if masked else [pair_batches]
    if spec.learns_weights:
        used += [edge_weights, sorted_pairs]
    code, each = sources.take(used), ""
    if "x_rec" in names:
        each += _fill(_X_REC, ROWS=rows)
        if profile.sparse_features:
            code += sources.take([sparse_row_reader])
            code.append(
                "read_rows = sparse_row_reader(target_matrix)\n\n\n"
                "def feature_rows(nodes):\n    return tf.sparse.to_dense(read_rows(nodes))"
            )
        else:
            code.append(
                "targets_by_node = tf.constant(target_matrix, tf.float32)\n\n\n"
                "def feature_rows(nodes):\n    return tf.gather(targets_by_node, nodes)"
            )
    if "labels" in names:
        each += _LABELS
    return _fill(
        _ALL_PAIR_BATCHES if exact else _PAIR_BATCHES,
        SOURCES="\n\n\n".join(code),
        TARGETS=_fill(_NODE_TARGETS, EACH=each) if each else "",
        RATIO=spec.training.negatives_per_positive,
        NEGATIVES=spec.training.negatives,
        BATCH=spec.training.batch_size,
        MASK=_fill(_MASK, SHARE=masked, HOW=ENCODERS[spec.model.encoder].propagation) if masked else "",
        DIRECTED=profile.directed,
        SIDES='\n    sides=data["sides"],  # random pairs join both sides' if profile.n_first else "",
        WEIGHTS="\n    weights=edge_weights(message, sorted_pairs(train)),  # which the model learns"
        if spec.learns_weights
        else "",
        NODES=f"\n    node_targets=node_targets,\n    rows={'n_nodes' if rows == n else rows},"
        if each
        else "",
    )


def _row_batches(spec: RunSpec, names: list[str], sources: Sources) -> str:
    labels = ""
    if "labels" in names:
        take = "tf.gather" if spec.model.sparse_input else "np.take"
        labels = (
            f'\n    goal["labels"] = {take}(classes, rows, axis=0)'
            f'\n    weight["labels"] = {take}(known, rows, axis=0)  # rows without a training label do not count'
        )
    if spec.model.sparse_input:
        code = sources.take([row_order, sparse_rows])
        batches = "sparse_rows(matrix, batch_size, targets, seed=SEED)"
        read = (
            "    read = sparse_row_reader(matrix)\n"
            "    for start in range(0, n_rows, batch_size):\n"
            '        yield {"rows": read(tf.range(start, min(start + batch_size, n_rows)))}'
        )
    else:
        code = sources.take([DenseRows])
        batches = "DenseRows(matrix, batch_size, targets, seed=SEED).endless()"
        read = (
            "    for start in range(0, n_rows, batch_size):\n"
            '        yield {"rows": matrix[start : start + batch_size].toarray().astype(np.float32)}'
        )
    return _fill(_ROW_TARGETS, SOURCES="\n\n\n".join(code), LABELS=labels, BATCHES=batches, READ=read)


def _evaluation(spec: RunSpec, built: BuiltModel, names: list[str], sources: Sources) -> str:
    graph = spec.model.family == "vgae"
    parts = []
    if graph:
        parts.append(_ALL_PAIR_SCORES if spec.training.supervision == "all" else _GRAPH_SCORES)
    else:
        output = spec.output("output")
        head = head_of("output", output.loss, int(feature_head(built).units))
        if head.of_shares:
            sources.imports.add("from scipy.special import logsumexp")
        parts.append(
            _fill(
                _ROW_SCORES,
                HEAD=feature_head(built).name,
                UNITS=_UNITS if head.of_values else "",
                SHARES=_SHARES if head.of_shares else "",
            )
        )
    training, best = spec.training, spec.training.keep == "best"
    has_val = spec.split.val_fraction > 0
    sources.imports |= {
        f"from sklearn.metrics import {name}" for name in ("average_precision_score", "roc_auc_score")
    }
    order = ""
    if spec.learns_weights and best and has_val:
        parts += sources.take([rank_correlation])
        order = ' + (rank_correlation(data["val_weights"], pair_scores(val)) or 0.0)'
    parts.append(
        _fill(
            _FIT.replace("__WARMUP__", _WARMUP if training.kl_warmup_epochs else "")
            .replace("__KEEP__", _BEST if best else _LAST)
            .replace("__PATIENCE__", _PATIENCE if best and training.patience else ""),
            DOES="Scores the validation pairs after every epoch, keeps the best weights and stops early."
            if best
            else "Keeps the weights of the last epoch whose loss is a number.",
            SCORE=f'sum(auc_ap(val, val_neg)){order} if len(val) else -logs["loss"]'
            if has_val
            else '-logs["loss"]',
            WARMUP=training.kl_warmup_epochs,
            PATIENCE=training.patience,
            EPOCHS=training.epochs,
        )
    )
    if graph and spec.stacking:
        parts += [*sources.take([fit_stack, helps, joined]), _STACK]
    final = "stacked_scores" if graph and spec.stacking else "pair_scores"
    end = _fill(_TEST, HITS=HITS_AT, FINAL=final)
    if "labels" in names:
        z = "encoder(graph_inputs, training=False)" if graph else None
        sources.imports |= {f"from sklearn.metrics import {name}" for name in ("accuracy_score", "f1_score")}
        code = (
            f'{z}["z_mean"]'
            if graph
            else 'np.concatenate([encoder(part, training=False)["z_mean"] for part in all_rows()])'
        )
        end += _fill(_TEST_LABELS, Z=code)
    if graph:
        end += _fill(_TEST_HARD, FINAL=final)
    else:
        code = "\n\n\n".join(sources.take([ranking_metrics]))
        parts.append(code)
        end += '\nresults["test"] |= ranking_metrics(*factors(), matrix, test)'
    parts.append(end + _PRINT)
    return "\n\n\n".join(part.strip("\n") for part in parts)


def export_script(run: RunFolder, to: Path | IO[bytes]) -> None:
    """Write the script of a finished run and its data as a zip.

    Parameters
    ----------
    run : RunFolder
    to : Path or binary file

    Raises
    ------
    RunError
        If the run has no result, or no form as a script.
    """
    write_script(equivalent_script(run.spec, run.graph().profile), run, to)
