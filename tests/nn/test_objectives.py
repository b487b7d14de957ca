"""Losses and metrics against independent formulas, and the refusals."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.special
import scipy.stats
import sklearn.metrics
import tensorflow as tf
from sklearn.metrics.pairwise import paired_cosine_distances

from tests.graphs import communities, graph_from
from vgae_core.errors import SpecError
from vgae_core.nn.models import describe
from vgae_core.nn.objectives import compile_arguments, kl_normal, resolve_loss, resolve_metric
from vgae_core.spec import LOSSES, METRICS, OutputSpec, RunSpec, offered_outputs

RNG = np.random.default_rng(0)


def sigmoid(x):
    return scipy.special.expit(x.astype(np.float64))


def bce(y, x):
    return np.mean(np.logaddexp(0, x) - y * x)


def focal(y, x):
    p = sigmoid(x)
    pt = np.where(y == 1, p, 1 - p)
    return np.mean(-((1 - pt) ** 2) * np.log(pt))


def case(loss, output):
    """Return targets, predictions and the expected mean loss from NumPy in float64."""
    if output == "z_vars":
        pred = RNG.normal(size=(40, 6))
        mean, log_var = pred[:, :3], pred[:, 3:]
        return np.zeros((40, 1)), pred, np.mean(0.5 * np.sum(mean**2 + np.exp(log_var) - 1 - log_var, axis=1))
    if output == "labels":
        y, pred = RNG.integers(0, 4, (40, 1)), RNG.normal(size=(40, 4))
        return y, pred, sklearn.metrics.log_loss(y, scipy.special.softmax(pred, axis=1), labels=range(4))
    width = 1 if output == "adj_rec" else 5
    y, pred = (RNG.random((40, width)) < 0.4).astype(float), RNG.normal(size=(40, width)) * 3
    if loss == "binary_crossentropy":
        return y, pred, bce(y, pred)
    if loss == "focal":
        return y, pred, focal(y, pred)
    if loss == "mean_squared_error":
        return y, pred, np.mean((y - (sigmoid(pred) if output == "adj_rec" else pred)) ** 2)
    if loss == "poisson":
        y = RNG.poisson(2.0, (40, width)).astype(float)
        constant = np.mean(scipy.special.gammaln(y + 1))
        return y, pred, -np.mean(scipy.stats.poisson.logpmf(y, np.exp(pred))) - constant
    if loss == "multinomial":
        y = RNG.poisson(2.0, (40, width)).astype(float)
        return y, pred, -np.mean(y * scipy.special.log_softmax(pred, axis=1))
    if loss == "negative_binomial":
        y, pred = RNG.poisson(4.0, (40, 5)).astype(float), RNG.normal(size=(40, 10))
        mean, r = np.exp(pred[:, :5]), np.exp(pred[:, 5:])
        return y, pred, -np.mean(scipy.stats.nbinom.logpmf(y, r, r / (r + mean)))
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
    variable = tf.Variable(extreme)
    with tf.GradientTape() as tape:
        value = resolve_loss(loss, output)(y.astype(np.float32), variable)
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


@pytest.mark.parametrize(("loss", "output"), OFFERED)
def test_a_weight_of_k_counts_like_k_copies(loss, output):
    y, pred, _ = case(loss, output)
    y, pred = y.astype(np.float32), pred.astype(np.float32)
    fn = resolve_loss(loss, output)
    weights = np.array([0, 1, 2, 3] * 10, np.float32)
    index = np.repeat(np.arange(40), weights.astype(int))
    # Keras' functions give (n,) or (n, 1); a weight a row goes with both.
    assert float(fn(y, pred, weights[:, None])) == pytest.approx(float(fn(y[index], pred[index])), rel=1e-4)


def test_kl_agrees_with_sampling():
    mean, log_var = np.array([0.7, -0.2]), np.array([-1.0, 0.5])
    sd = np.exp(log_var / 2)
    z = mean + sd * np.random.default_rng(3).normal(size=(200_000, 2))
    ratio = (scipy.stats.norm.logpdf(z, mean, sd) - scipy.stats.norm.logpdf(z)).sum(axis=1)
    got = float(kl_normal(None, np.concatenate([mean, log_var])[None].astype(np.float32))[0])
    assert abs(got - ratio.mean()) < 5 * ratio.std() / np.sqrt(len(ratio))


def metric_reference(metric, output, y, pred):
    m = sklearn.metrics
    if output == "labels":
        return {
            "accuracy": lambda: m.accuracy_score(y, pred.argmax(1)),
            "crossentropy": lambda: m.log_loss(y, scipy.special.softmax(pred, 1), labels=range(4)),
        }[metric]()
    return {
        "accuracy": lambda: m.accuracy_score(y, pred > 0),
        "crossentropy": lambda: m.log_loss(y, sigmoid(pred)),
        "precision": lambda: m.precision_score(y, pred > 0),
        "recall": lambda: m.recall_score(y, pred > 0),
        "auc": lambda: m.roc_auc_score(y, pred),
        "mean_squared_error": lambda: m.mean_squared_error(y, pred),
        "mean_absolute_error": lambda: m.mean_absolute_error(y, pred),
        "cosine_similarity": lambda: np.mean(1 - paired_cosine_distances(y, pred)),
        "active_units": lambda: np.sum(np.var(pred[:, :3], axis=0) > 0.01),
        "mean_sigma": lambda: np.mean(np.exp(pred[:, 3:] / 2)),
    }[metric]()


@pytest.mark.parametrize(
    ("metric", "output"), [(m, o) for m, entry in METRICS.items() for o in entry.outputs]
)
def test_metric_equals_scikit_learn(metric, output):
    y, pred, _ = case("kl_normal" if output == "z_vars" else "binary_crossentropy", output)
    if metric == "active_units":
        pred[:, 1] *= 0.01
    if metric == "cosine_similarity":
        y[:, 0] = 1  # scikit-learn has its own idea of the angle to a zero row
    keras_metric = resolve_metric(metric, output)
    keras_metric.update_state(y.astype(np.float32), pred.astype(np.float32))
    tolerance = 2e-2 if metric == "auc" else 1e-4  # Keras' AUC is a sum over 200 thresholds
    assert float(keras_metric.result()) == pytest.approx(
        metric_reference(metric, output, y, pred), rel=tolerance
    )
    assert keras_metric.name == metric


@pytest.mark.parametrize(
    ("resolve", "name", "output", "fragment"),
    [
        (resolve_loss, "mses", "x_rec", "Could not resolve loss 'mses'"),
        (resolve_loss, "poissn", "x_rec", "Did you mean 'poisson'"),
        (resolve_loss, "poisson", "adj_rec", "makes no sense"),
        (resolve_metric, "acuracy", "adj_rec", "Did you mean 'accuracy'"),
        (resolve_metric, "recall", "x_rec", "Choose one of: mean_squared_error"),
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
    arguments, notes = compile_arguments(spec, graph_from(np.zeros((100, 100))).profile)
    names = {"adj_rec", "z_vars", "x_rec", "labels"}
    assert set(arguments["loss"]) == set(arguments["loss_weights"]) == set(arguments["metrics"]) == names
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
