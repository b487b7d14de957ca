"""Losses and metrics against independent formulas, and the refusals."""

from __future__ import annotations

import dataclasses
import sys

import keras
import numpy as np
import pytest
import scipy.special
import scipy.stats
import sklearn.metrics
import tensorflow as tf
from sklearn.metrics.pairwise import paired_cosine_distances

from tests.graphs import communities, graph_from
from tests.nn.resolved import resolve_loss, resolve_metric
from vgae_core.catalogue.lookup import head_of
from vgae_core.catalogue.losses import LOSSES
from vgae_core.catalogue.metrics import METRICS
from vgae_core.errors import SpecError
from vgae_core.nn.losses import kl_normal
from vgae_core.nn.models import describe
from vgae_core.nn.objectives import compile_arguments
from vgae_core.runs.exports.script.objectives import metrics as script_metrics
from vgae_core.settings import OutputSpec, RunSpec
from vgae_core.settings.defaults import offered_outputs
from vgae_core.settings.resolved_outputs import resolve

RNG = np.random.default_rng(0)


def sigmoid(x):
    return scipy.special.expit(x.astype(np.float64))


def bce(y, x):
    return np.mean(np.logaddexp(0, x) - y * x)


def focal(y, x):
    p = sigmoid(x)
    pt = np.where(y == 1, p, 1 - p)
    return np.mean(-((1 - pt) ** 2) * np.log(pt))


def weighted_bce(y, x):
    """Kipf's weights, written as in the code of the paper: all zeros against all ones of the batch."""
    pos_weight = (y.size - y.sum()) / y.sum()
    norm = y.size / (2 * (y.size - y.sum()))
    return norm * np.mean(pos_weight * y * np.logaddexp(0, -x) + (1 - y) * np.logaddexp(0, x))


def hinge(y, x):
    return np.maximum(0, 1 - (2 * y - 1) * x)


def huber(error):
    size = np.abs(error)
    return np.mean(np.where(size <= 1, size**2 / 2, size - 0.5))


BINARY = {
    "binary_crossentropy": bce,
    "weighted_binary_crossentropy": weighted_bce,
    "smoothed_binary_crossentropy": lambda y, x: bce(0.9 * y + 0.05, x),
    "focal": focal,
    "hinge": lambda y, x: np.mean(hinge(y, x)),
    "squared_hinge": lambda y, x: np.mean(hinge(y, x) ** 2),
}
VALUES = {
    "mean_squared_error": lambda y, p: np.mean((y - p) ** 2),
    "mean_absolute_error": lambda y, p: np.mean(np.abs(y - p)),
    "huber": lambda y, p: huber(y - p),
    "log_cosh": lambda y, p: np.mean(np.log(np.cosh(y - p))),
}
SHARES = {
    "multinomial": lambda y, x: -np.mean(y * scipy.special.log_softmax(x, axis=1)),
    "categorical_crossentropy": lambda y, x: -np.mean((y * scipy.special.log_softmax(x, axis=1)).sum(1)),
}
WEIGHTS = {
    "weight_squared_error": lambda y, x: np.mean((y - x) ** 2),
    "weight_poisson": lambda y, x: np.mean(np.logaddexp(0, x) - y * np.log(np.logaddexp(0, x))),
}


@pytest.fixture(autouse=True)
def same_numbers_whatever_ran_before(monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "RNG", np.random.default_rng(1))


def case(loss, output):
    """Return targets, predictions and the expected mean loss from NumPy in float64."""
    if output == "z_vars":
        pred = RNG.normal(size=(40, 6))
        mean, log_var = pred[:, :3], pred[:, 3:]
        each = 0.5 * (mean**2 + np.exp(log_var) - 1 - log_var)
        each = np.maximum(each, 0.25) if loss == "kl_free_bits" else each
        return np.zeros((40, 1)), pred, np.mean(each.sum(axis=1))
    if output == "labels":
        y, pred = RNG.integers(0, 4, (40, 1)), RNG.normal(size=(40, 4))
        p = scipy.special.softmax(pred, axis=1)
        if loss == "sparse_categorical_focal":
            right = np.take_along_axis(p, y, 1)
            return y, pred, np.mean(-((1 - right) ** 2) * np.log(right))
        return y, pred, sklearn.metrics.log_loss(y, p, labels=range(4))
    width = 1 if output == "adj_rec" else 5
    y, pred = (RNG.random((40, width)) < 0.4).astype(float), RNG.normal(size=(40, width)) * 3
    if loss in BINARY:
        return y, pred, BINARY[loss](y, pred)
    if loss in VALUES:
        return y, pred, VALUES[loss](y, sigmoid(pred) if output == "adj_rec" else pred)
    if loss == "poisson":
        y = RNG.poisson(2.0, (40, width)).astype(float)
        constant = np.mean(scipy.special.gammaln(y + 1))
        return y, pred, -np.mean(scipy.stats.poisson.logpmf(y, np.exp(pred))) - constant
    if loss in WEIGHTS:
        y = RNG.poisson(1.0, (40, width)) * RNG.random((40, width))
        return y, pred, WEIGHTS[loss](y, pred)
    if loss in SHARES:
        y = RNG.poisson(2.0, (40, width)).astype(float)
        return y, pred, SHARES[loss](y, pred)
    if loss == "negative_binomial":
        y, pred = RNG.poisson(4.0, (40, 5)).astype(float), RNG.normal(size=(40, 10))
        mean, r = np.exp(pred[:, :5]), np.exp(pred[:, 5:])
        return y, pred, -np.mean(scipy.stats.nbinom.logpmf(y, r, r / (r + mean)))
    if loss == "zero_inflated_negative_binomial":
        y, pred = RNG.poisson(1.5, (40, 5)).astype(float), RNG.normal(size=(40, 15))
        zero, r = sigmoid(pred[:, 10:]), np.exp(pred[:, 5:10])
        mean = np.exp(pred[:, :5]) / (1 - zero)  # of what is counted
        chance = (1 - zero) * scipy.stats.nbinom.pmf(y, r, r / (r + mean)) + zero * (y == 0)
        return y, pred, -np.mean(np.log(chance))
    if loss == "cosine_similarity":
        y = RNG.random((40, width))
        return y, pred, np.mean(paired_cosine_distances(y, pred))
    raise AssertionError(f"no reference for {loss}")


OFFERED = [(loss, output) for loss, entry in LOSSES.items() for output in entry.outputs]


@pytest.mark.parametrize(("loss", "output"), OFFERED)
def test_loss_equals_its_formula(loss, output):
    y, pred, expected = case(loss, output)
    got = resolve_loss(loss, output)(y.astype(np.float32), pred.astype(np.float32))
    assert float(got) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(("loss", "output"), OFFERED)
@pytest.mark.parametrize("size", [1e4, -1e4])
def test_loss_and_gradient_are_finite_at_extreme_predictions(loss, output, size):
    y, pred, _ = case(loss, output)
    # The log-variance half of the latent output is exponentiated by definition: bounded by e^80 in float32.
    extreme = np.full(pred.shape, np.clip(size, None, 80.0) if output == "z_vars" else size, np.float32)
    extreme[::2] *= -1 if output in ("labels",) else 1
    variable = tf.Variable(extreme)
    with tf.GradientTape() as tape:
        value = resolve_loss(loss, output)(y.astype(np.float32), variable)
    assert value.dtype == tf.float32
    assert np.isfinite(float(value))
    assert np.all(np.isfinite(tape.gradient(value, variable)))


@pytest.mark.parametrize(("loss", "output"), OFFERED)
def test_a_step_down_the_gradient_lowers_the_loss(loss, output):
    y, pred, _ = case(loss, output)
    fn, variable = resolve_loss(loss, output), tf.Variable(pred.astype(np.float32))
    with tf.GradientTape() as tape:
        before = fn(y.astype(np.float32), variable)
    gradient = tape.gradient(before, variable)
    variable.assign_sub(0.1 * gradient / tf.norm(gradient))
    assert float(fn(y.astype(np.float32), variable)) < float(before)


TOWARDS = [
    (loss, output)
    for loss, output in OFFERED
    if output not in ("z_vars", "labels") and loss in (*BINARY, *VALUES, "poisson")
]


@pytest.mark.parametrize(("loss", "output"), TOWARDS)
def test_the_gradient_points_from_the_target(loss, output):
    y = (
        np.array([[0.0, 1.0]], np.float32).T
        if output == "adj_rec"
        else np.array([[0.0, 1.0]] * 2, np.float32)
    )
    variable = tf.Variable(np.full(y.shape, 0.4, np.float32))  # p = 0.6, rate 1.5, value 0.4
    with tf.GradientTape() as tape:
        value = resolve_loss(loss, output)(y, variable)
    # Descending raises what is too small and lowers what is too large; a rate of 1.5 is too large for 1.
    below = y == 1 if loss != "poisson" else np.zeros_like(y, bool)
    np.testing.assert_array_equal(np.sign(tape.gradient(value, variable)), np.where(below, -1, 1))


@pytest.mark.parametrize(("loss", "output"), OFFERED)
def test_a_weight_of_k_counts_like_k_copies(loss, output):
    y, pred, _ = case(loss, output)
    y, pred = y.astype(np.float32), pred.astype(np.float32)
    if loss == "weighted_binary_crossentropy":  # else it counts the zeros and ones of the batch
        loss = {"class_name": loss, "config": {"pos_weight": 3.0, "norm": 0.5}}
    fn = resolve_loss(loss, output)
    weights = np.array([0, 1, 2, 3] * 10, np.float32)
    index = np.repeat(np.arange(40), weights.astype(int))
    # Keras' functions give (n,) or (n, 1); a weight a row goes with both.
    assert float(fn(y, pred, weights[:, None])) == pytest.approx(float(fn(y[index], pred[index])), rel=1e-4)


def test_the_weighted_crossentropy_of_a_whole_graph_is_that_of_kipf_and_welling():
    rng = np.random.default_rng(5)
    adjacency = np.triu(rng.random((30, 30)) < 0.1, 1)
    adjacency = (adjacency | adjacency.T).astype(np.float64)
    logits = rng.normal(size=(30, 30))
    n, edges = 30, adjacency.sum()
    # As in the optimizer of the published code: weighted_cross_entropy_with_logits, norm N^2 / (2 (N^2 - E)).
    expected = (
        n**2
        / (2 * (n**2 - edges))
        * np.mean(tf.nn.weighted_cross_entropy_with_logits(adjacency, logits, (n**2 - edges) / edges))
    )
    fn = resolve_loss("weighted_binary_crossentropy", "adj_rec")
    got = fn(adjacency.reshape(-1, 1).astype(np.float32), logits.reshape(-1, 1).astype(np.float32))
    assert float(got) == pytest.approx(expected, rel=1e-5)


def test_kl_agrees_with_sampling():
    mean, log_var = np.array([0.7, -0.2]), np.array([-1.0, 0.5])
    sd = np.exp(log_var / 2)
    z = mean + sd * np.random.default_rng(3).normal(size=(200_000, 2))
    ratio = (scipy.stats.norm.logpdf(z, mean, sd) - scipy.stats.norm.logpdf(z)).sum(axis=1)
    got = float(kl_normal(None, np.concatenate([mean, log_var])[None].astype(np.float32))[0])
    assert abs(got - ratio.mean()) < 5 * ratio.std() / np.sqrt(len(ratio))


def metric_reference(metric, output, y, pred, weight):
    """Return scikit-learn's number for targets, head output and a weight a row."""
    m = sklearn.metrics
    if output == "z_vars":
        mean, log_var = pred[:, :3], pred[:, 3:]
        kl = 0.5 * (mean**2 + np.exp(log_var) - 1 - log_var).sum(1)
        return {
            "active_units": lambda: np.sum(np.var(mean, axis=0) > 0.01),
            "mean_sigma": lambda: np.average(np.exp(log_var / 2).mean(1), weights=weight),
            "kl_normal": lambda: np.average(kl, weights=weight),
        }[metric]()
    if output == "labels":
        p, truth, k = scipy.special.softmax(pred, 1), y.ravel(), range(pred.shape[1])
        called = p.argmax(1)
        return {
            "accuracy": lambda: m.accuracy_score(truth, called, sample_weight=weight),
            "crossentropy": lambda: m.log_loss(truth, p, labels=list(k), sample_weight=weight),
            "top_k_accuracy": lambda: m.top_k_accuracy_score(
                truth, p, k=3, labels=list(k), sample_weight=weight
            ),
            "macro_f1": lambda: m.f1_score(
                truth, called, labels=list(k), average="macro", sample_weight=weight, zero_division=0
            ),
        }[metric]()
    p, each = sigmoid(pred), np.repeat(weight, y.shape[1])
    truth, flat = y.ravel(), p.ravel()
    called = flat > 0.5
    wide = y.shape[1] > 1
    return {
        "accuracy": lambda: (
            m.accuracy_score(y.argmax(1), p.argmax(1), sample_weight=weight)
            if wide
            else m.accuracy_score(truth, called, sample_weight=each)
        ),
        "crossentropy": lambda: np.average(
            -(y * np.log(scipy.special.softmax(pred, 1))).sum(1) if wide else bce_each(truth, pred.ravel()),
            weights=weight,
        ),
        "binary_accuracy": lambda: m.accuracy_score(truth, called, sample_weight=each),
        "binary_crossentropy": lambda: np.average(bce_each(truth, pred.ravel()), weights=each),
        "precision": lambda: m.precision_score(truth, called, sample_weight=each, zero_division=0),
        "recall": lambda: m.recall_score(truth, called, sample_weight=each, zero_division=0),
        "f1": lambda: m.f1_score(truth, called, sample_weight=each, zero_division=0),
        "auc": lambda: m.roc_auc_score(truth, flat, sample_weight=each),
        "average_precision": lambda: m.average_precision_score(truth, flat, sample_weight=each),
        "mean_squared_error": lambda: m.mean_squared_error(y, p, sample_weight=weight),
        "root_mean_squared_error": lambda: np.sqrt(m.mean_squared_error(y, p, sample_weight=weight)),
        "mean_absolute_error": lambda: m.mean_absolute_error(y, p, sample_weight=weight),
        "cosine_similarity": lambda: np.average(1 - paired_cosine_distances(y, p), weights=weight),
    }[metric]()


def bce_each(y, x):
    return np.logaddexp(0, x) - y * x


METRIC_OUTPUTS = [(m, o) for m, entry in METRICS.items() for o in entry.outputs]
THRESHOLDS = ("auc", "average_precision")
BINARY_METRICS = [m for m, entry in METRICS.items() if "adj_rec" in entry.outputs]


def keras_value(metric, output, y, pred, weight=None, batches=1):
    columns = pred.shape[1] if output == "labels" else y.shape[1]
    keras_metric = resolve_metric(metric, output, "binary_crossentropy", columns)
    assert keras_metric.name == metric
    for part in np.array_split(np.arange(len(y)), batches):
        keras_metric.update_state(
            y[part].astype(np.float32),
            pred[part].astype(np.float32),
            sample_weight=None if weight is None else weight[part][:, None].astype(np.float32),
        )
    return float(keras_metric.result())


@pytest.mark.parametrize(("metric", "output"), METRIC_OUTPUTS)
@pytest.mark.parametrize("weighted", [False, True])
def test_metric_equals_scikit_learn(metric, output, weighted):
    y, pred, _ = case("kl_normal" if output == "z_vars" else "binary_crossentropy", output)
    if metric == "active_units":
        pred[:, 1] *= 0.01
    if metric == "cosine_similarity":
        y[:, 0] = 1  # scikit-learn has its own idea of the angle to a zero row
    weight = RNG.integers(0, 3, len(y)).astype(float) if weighted else np.ones(len(y))
    got = keras_value(
        metric, output, y, pred, weight if weighted else None, batches=3 if metric != "active_units" else 1
    )
    tolerance = {"auc": 2e-2, "average_precision": 2e-3}.get(metric, 1e-4)  # binned scores
    expected = metric_reference(metric, output, y, pred, weight)
    assert got == pytest.approx(expected, rel=tolerance)


@pytest.mark.parametrize("metric", BINARY_METRICS)
@pytest.mark.parametrize("shape", ["only ones", "only zeros", "all called ones", "all called zeros", "ties"])
def test_binary_metrics_equal_scikit_learn_at_the_edges(metric, shape):
    y = (np.arange(40) % 4 == 0).astype(float)[:, None]
    pred = np.where(np.arange(40) % 3 == 0, 1.0, -1.0)[:, None]
    if shape.startswith("only"):
        y[:] = shape == "only ones"
    elif shape.startswith("all called"):
        pred[:] = 2.0 if shape == "all called ones" else -2.0
    got = keras_value(metric, "adj_rec", y, pred)
    if metric in THRESHOLDS and shape.startswith("only"):
        # Undefined, and an error or a warning in scikit-learn: documented as 0, or 1 for the AP of ones alone.
        assert got == pytest.approx(
            1.0 if (metric, shape) == ("average_precision", "only ones") else 0.0, abs=1e-6
        )
        return
    expected = metric_reference(metric, "adj_rec", y, pred, np.ones(40))
    assert got == pytest.approx(expected, rel=1e-3, abs=1e-6)


@pytest.mark.parametrize(("metric", "output"), METRIC_OUTPUTS)
def test_a_metric_of_nothing_is_a_finite_number(metric, output):
    assert np.isfinite(float(resolve_metric(metric, output, "binary_crossentropy", 4).result()))


@pytest.mark.parametrize(
    "loss",
    ["poisson", "multinomial", "mean_squared_error", "negative_binomial", "zero_inflated_negative_binomial"],
)
def test_metrics_of_features_are_on_the_scale_of_the_targets(loss):
    rng = np.random.default_rng(1)
    y = rng.poisson(2.0, (30, 5)).astype(float)
    width = {"negative_binomial": 10, "zero_inflated_negative_binomial": 15}.get(loss, 5)
    head = rng.normal(size=(30, width))
    expected = {
        "poisson": np.exp(head),
        "multinomial": scipy.special.softmax(head, 1) * y.sum(1, keepdims=True),
        "mean_squared_error": head,
        "negative_binomial": np.exp(head[:, :5]),
        "zero_inflated_negative_binomial": np.exp(head[:, :5]),
    }[loss]
    metric = resolve_metric("mean_absolute_error", "output", loss, 5)
    metric.update_state(y.astype(np.float32), head.astype(np.float32))
    assert float(metric.result()) == pytest.approx(np.mean(np.abs(y - expected)), rel=1e-4)
    ranking = resolve_metric("auc", "output", loss, 5)
    ranking.update_state(y.astype(np.float32), head.astype(np.float32))
    exact = sklearn.metrics.roc_auc_score(y.ravel() > 0, head[:, :5].ravel())
    assert float(ranking.result()) == pytest.approx(exact, abs=2e-2)


def compiled_by_keras(output, columns, **arguments):
    """Return what Keras itself makes of identifiers on an output and targets of our shapes."""
    rng = np.random.default_rng(0)
    width = columns if output != "adj_rec" else 1
    x = rng.normal(size=(12, 3)).astype(np.float32)
    y = rng.integers(0, columns, (12, 1)) if output == "labels" else rng.integers(0, 2, (12, width))
    inputs = keras.Input((3,))
    model = keras.Model(inputs, {output: keras.layers.Dense(width, name=output)(inputs)})
    model.compile(**{"loss": {output: "mse"}, **{key: {output: value} for key, value in arguments.items()}})
    model.train_on_batch(x, {output: y.astype(np.float32)})
    return model


SHAPES = [("adj_rec", 1), ("labels", 4), ("labels", 2), ("x_rec", 5), ("x_rec", 1), ("output", 5)]


@pytest.mark.parametrize(("output", "columns"), SHAPES)
@pytest.mark.parametrize("name", ["accuracy", "acc"])
def test_accuracy_becomes_what_keras_makes_of_it(name, output, columns):
    model = compiled_by_keras(output, columns, metrics=[name])
    theirs = next(m for m in model._compile_metrics.metrics if m.name == name)
    ours = resolve_metric(name, output, "binary_crossentropy", columns)
    inner = getattr(ours, "metric", ours)
    assert type(inner) is type(theirs)
    assert ours.name == name


@pytest.mark.parametrize(("output", "columns"), SHAPES)
@pytest.mark.parametrize("name", ["crossentropy", "ce"])
def test_crossentropy_becomes_what_keras_makes_of_it(name, output, columns):
    # Keras 3 knows these names as losses; the metric follows the same rule.
    model = compiled_by_keras(output, columns, loss=name)
    theirs = model._compile_loss._flat_losses[0].loss.fn.__name__
    ours = resolve_loss(name, output, columns)
    assert ours.fn.__name__ == theirs
    metric = resolve_metric(name, output, "binary_crossentropy" if output != "output" else "ce", columns)
    assert metric._fn.__name__ == theirs


@pytest.mark.parametrize(
    ("resolve", "name", "output", "fragment"),
    [
        (resolve_loss, "mses", "x_rec", "Could not resolve loss 'mses'"),
        (resolve_loss, "poissn", "x_rec", "Did you mean 'poisson'"),
        (resolve_loss, "poisson", "adj_rec", "does not apply to"),
        (resolve_metric, "acuracy", "adj_rec", "Did you mean 'accuracy'"),
        (resolve_metric, "recall", "labels", "Choose one of: accuracy, crossentropy"),
    ],
)
def test_wrong_names_are_refused_with_the_near_ones(resolve, name, output, fragment):
    with pytest.raises(SpecError) as caught:
        resolve(name, output)
    assert fragment in str(caught.value)


def test_compile_arguments_are_complete_and_explained():
    outputs = tuple(
        OutputSpec(**{**o.to_dict(), "enabled": True, "metrics": tuple(o.metrics)})
        for o in offered_outputs(feature_kind="binary", has_labels=True)
    )
    spec = RunSpec(outputs=outputs).replace("outputs.z_vars.weight", 0.5)
    profile = dataclasses.replace(
        graph_from(np.zeros((100, 100))).profile, n_features=5, feature_kind="binary", n_classes=3
    )
    arguments, notes = compile_arguments(resolve(spec, profile))
    names = {"adj_rec", "z_vars", "x_rec", "labels"}
    assert (
        set(arguments["loss"])
        == set(arguments["loss_weights"])
        == set(arguments["weighted_metrics"])
        == names
    )
    assert float(arguments["loss_weights"]["z_vars"]) == pytest.approx(0.005)
    became = {(n.output, n.role, n.written): n.became for n in notes}
    assert became["adj_rec", "metric", "accuracy"] == "BinaryAccuracy on probabilities"
    assert became["labels", "metric", "accuracy"] == "SparseCategoricalAccuracy"


def test_a_loss_that_makes_no_sense_for_the_features_is_refused():
    graph = communities(dense=True)
    values = RunSpec().to_dict()
    values["outputs"].append({"name": "x_rec", "loss": "binary_crossentropy", "weight": 1.0, "metrics": []})
    with pytest.raises(SpecError, match="these are real"):
        describe(RunSpec.from_dict(values), graph.profile)


@pytest.mark.parametrize(
    ("metric", "output", "loss", "columns"),
    [
        ("accuracy", "adj_rec", "binary_crossentropy", 1),
        ("accuracy", "x_rec", "binary_crossentropy", 4),
        ("accuracy", "labels", "categorical_crossentropy", 4),
        ("binary_accuracy", "x_rec", "binary_crossentropy", 4),
        ("auc", "adj_rec", "binary_crossentropy", 1),
        ("mean_squared_error", "x_rec", "mean_squared_error", 4),
        ("root_mean_squared_error", "x_rec", "mean_squared_error", 4),
        ("mean_absolute_error", "x_rec", "mean_squared_error", 4),
    ],
)
def test_the_script_of_a_run_writes_its_metrics(metric, output, loss, columns):
    rng = np.random.default_rng(0)
    given = rng.normal(size=(60, columns)).astype("float32")
    targets = rng.integers(0, 4 if output == "labels" else 2, (60, 1 if output == "labels" else columns))
    (expression,) = script_metrics([metric], output, head_of(output, loss, columns).name, columns)
    values = []
    written = eval(expression, {"metrics": keras.metrics})  # noqa: S307  as a reader of the script runs it
    for one in (resolve_metric(metric, output, loss, columns), written):
        one.update_state(targets.astype("float32"), given)
        values.append(float(one.result()))
    assert values[1] == pytest.approx(values[0], abs=1e-6)


def test_a_metric_whose_threshold_is_moved_is_left_out_of_scripts():
    moved = {"class_name": "binary_accuracy", "config": {"threshold": 0.8}}
    assert script_metrics(["binary_accuracy", moved, "f1"], "adj_rec", "logit", 1) == [
        METRICS["binary_accuracy"].script
    ]
