"""Every output with every loss and metric offered for it trains; what makes no sense is refused before."""

from __future__ import annotations

import dataclasses
import functools
import itertools

import numpy as np
import pytest
import tensorflow as tf
from scipy import sparse

from tests.graphs import batches_of, communities
from tests.nn.resolved import resolve_loss, resolve_metric
from vgae_core.catalogue.formula import parse
from vgae_core.catalogue.losses import LOSSES
from vgae_core.catalogue.metrics import METRICS
from vgae_core.catalogue.values import MATRIX_KINDS
from vgae_core.data.link_splits import split_links
from vgae_core.errors import SpecError
from vgae_core.nn.models import build, describe
from vgae_core.nn.objectives import compile_arguments
from vgae_core.runs.execution.pipeline import execute
from vgae_core.settings import OutputSpec, RunSpec
from vgae_core.settings.defaults import for_family, offered_outputs
from vgae_core.settings.resolved_outputs import check_targets, resolve
from vgae_core.training.row_batches import row_batches


@functools.cache
def graph_of(kind):
    graph = communities(n=40, n_features=12)
    rng = np.random.default_rng(0)
    values = graph.features.copy()
    if kind == "count":
        values.data = rng.poisson(3.0, len(values.data)).astype(np.float32) + 1
    elif kind == "non-negative":
        values.data = rng.random(len(values.data)).astype(np.float32) + 0.1
    elif kind == "real":
        values.data = rng.normal(size=len(values.data)).astype(np.float32)
    graph = dataclasses.replace(graph, features=sparse.csr_array(values))
    assert graph.profile.feature_kind == kind
    return graph


def accepted(catalogue, output, kind):
    tables = output in ("x_rec", "output")
    return [
        name
        for name, entry in catalogue.items()
        if output in entry.outputs and (not tables or not entry.targets or kind in entry.targets)
    ]


def fitting_metrics(output, loss, kind):
    """Return the metrics of an output that resolve under its loss, and those refused for its scale."""
    fine, refused = [], []
    for metric in accepted(METRICS, output, kind):
        try:
            resolve_metric(metric, output, loss, 12)
            fine.append(metric)
        except SpecError as error:
            refused.append((metric, str(error)))
    assert all("the head gives" in reason for _, reason in refused)
    return tuple(fine), [metric for metric, _ in refused]


def cases():
    """Yield family, kind of features and, for each output, a loss and whether its metrics are due.

    Every loss of every output comes at least once with all metrics; where losses come again, beside the longer list
    of another output, they need none.
    """
    seen = set()
    for family, table in (("vgae", "x_rec"), ("vae", "output")):
        outputs = (
            ("adj_rec", "z_vars", "x_rec", "labels") if family == "vgae" else ("output", "z_vars", "labels")
        )
        for kind in ("binary", "count", "real"):
            offers = {output: accepted(LOSSES, output, kind) for output in outputs}
            fresh = {
                output: [x for x in names if (output, x, kind if output == table else "") not in seen]
                for output, names in offers.items()
            }
            for i in range(max(map(len, fresh.values()))):
                chosen = []
                for output, names in offers.items():
                    due = i < len(fresh[output])
                    chosen.append((output, fresh[output][i] if due else names[0], due))
                yield family, kind, tuple(chosen)
            # The outputs but the features' are the same whatever kind of values these have.
            seen |= {(o, x, kind if o == table else "") for o, names in offers.items() for x in names}


CASES = list(cases())


def test_no_combination_is_left_out():
    """Nothing of the catalogue escapes: each loss of each output, for each kind of features."""
    covered = {
        (output, loss, kind if output in ("x_rec", "output") else "")
        for _, kind, chosen in CASES
        for output, loss, due in chosen
        if due
    }
    assert covered == {
        (output, loss, kind if output in ("x_rec", "output") else "")
        for loss, entry in LOSSES.items()
        for output in entry.outputs
        for kind in ("binary", "count", "real")
        if output not in ("x_rec", "output") or not entry.targets or kind in entry.targets
    }


@pytest.mark.parametrize(("family", "kind", "chosen"), CASES, ids=lambda v: v if isinstance(v, str) else "")
def test_every_offered_combination_trains_three_epochs(family, kind, chosen):
    outputs = tuple(
        OutputSpec(name=name, loss=loss, metrics=fitting_metrics(name, loss, kind)[0] if due else ())
        for name, loss, due in chosen
    )
    spec = dataclasses.replace(small(family, kind), outputs=outputs)
    history = trained(spec, graph_of(kind), batches_of_kind(family, kind))
    for output in outputs:
        for metric in (*output.metrics, "loss"):
            assert len(history[f"{output.name}_{metric}"]) == 3
            assert np.isfinite(history[f"{output.name}_{metric}"]).all(), metric


def small(family, kind):
    """Return a small model with every output switched on."""
    spec = for_family(RunSpec(), family, feature_kind=kind, has_labels=True)
    outputs = tuple(dataclasses.replace(output, enabled=True) for output in spec.outputs)
    return (
        dataclasses.replace(spec, outputs=outputs)
        .replace("model.latent_dim", 4)
        .replace("model.hidden_units", (6,))
    )


@functools.cache
def batches_of_kind(family, kind):
    """Return the batches of every model of a family: losses and metrics play no part in them."""
    graph, spec, part = graph_of(kind), small(family, kind), np.zeros(40, np.int8)
    if family == "vgae":
        return batches_of(graph, split_links(graph, spec.split, 0), spec, part)
    return row_batches(graph.features, spec, graph.labels, part)


def trained(spec, graph, batches):
    """Return the log of three epochs, step by step in Python: nothing is traced, so many metrics cost little."""
    built = build(spec, graph.profile)
    arguments, _ = compile_arguments(resolve(spec, graph.profile))
    built.model.compile(optimizer="adam", run_eagerly=True, **arguments)
    steps = batches.steps_per_epoch
    return built.model.fit(batches.dataset, epochs=3, steps_per_epoch=steps, verbose=0).history


@pytest.mark.parametrize(("output", "kind"), list(itertools.product(("x_rec", "output"), MATRIX_KINDS)))
def test_senseless_combinations_are_refused_with_the_reason(output, kind):
    for role, catalogue in (("loss", LOSSES), ("metrics", METRICS)):
        senseless = {n for n, e in catalogue.items() if output in e.outputs} - set(
            accepted(catalogue, output, kind)
        )
        for name in senseless:
            given = {"loss": "mean_squared_error", role: name if role == "loss" else (name,)}
            with pytest.raises(SpecError, match=f"these are {kind}"):
                check_targets(OutputSpec(name=output, **given), kind, 12)


@pytest.mark.parametrize("loss", ["mean_squared_error", "poisson", "multinomial"])
def test_probability_metrics_need_a_head_that_gives_probabilities(loss):
    _, refused = fitting_metrics("x_rec", loss, "binary")
    assert {"precision", "recall", "f1", "binary_accuracy"} <= set(refused)
    assert "auc" not in refused  # a ranking needs none


def test_refusal_comes_before_training():
    graph = graph_of("real")
    spec = for_family(RunSpec(), "vae", feature_kind="real", has_labels=False)
    told = []
    with pytest.raises(SpecError, match="needs binary values; these are real"):
        execute(spec.replace("outputs.output.loss", "binary_crossentropy"), graph, on_event=told.append)
    assert not any(hasattr(event, "logs") for event in told)
    with pytest.raises(SpecError, match="needs binary values; these are real"):
        describe(spec.replace("outputs.output.metrics", ["recall"]), graph.profile)


FORMULAS = {
    "adj_rec": "mean(square(y_true - probability)) + 0.01 * abs(y_pred)",
    "x_rec": "-y_true * log(probability) - (1 - y_true) * log(1 - probability)",
    "output": "rate - y_true * log(rate)",
    "z_vars": "0.5 * sum(square(z_mean) + exp(z_log_var) - 1 - z_log_var)",
    "labels": "-log(sum(true_class * class_probability))",
}


@pytest.mark.parametrize("output", FORMULAS)
def test_a_formula_is_its_numpy_twin(output):
    rng = np.random.default_rng(2)
    n = 30
    y = rng.integers(0, 2, (n, 1 if output in ("adj_rec", "z_vars") else 4)).astype(float)
    head = rng.normal(size=(n, 1 if output == "adj_rec" else 4))
    p = 1 / (1 + np.exp(-head))
    if output == "labels":
        y = rng.integers(0, 4, (n, 1))
        soft = np.exp(head) / np.exp(head).sum(1, keepdims=True)
        expected = -np.log(np.take_along_axis(soft, y, 1)).mean()
    else:
        expected = {
            "adj_rec": lambda: np.mean((y - p) ** 2 + 0.01 * np.abs(head)),
            "x_rec": lambda: -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p)),
            "output": lambda: np.mean(np.exp(head) - y * head),
            "z_vars": lambda: np.mean(
                0.5 * (head[:, :2] ** 2 + np.exp(head[:, 2:]) - 1 - head[:, 2:]).sum(1)
            ),
        }[output]()
    identifier = {"formula": parse(FORMULAS[output])}
    loss = resolve_loss(identifier, output)
    assert float(loss(y.astype(np.float32), head.astype(np.float32))) == pytest.approx(expected, rel=1e-4)
    metric = resolve_metric(identifier, output, identifier if output in ("x_rec", "output") else "mse")
    metric.update_state(y.astype(np.float32), head.astype(np.float32))
    assert float(metric.result()) == pytest.approx(expected, rel=1e-4)


WILD = [
    *FORMULAS.values(),
    "1 / y_pred",
    "y_pred ** 4 * y_pred ** 4",
    "exp(exp(y_pred))",
    "log(y_pred) / (y_true - y_true)",
    "sqrt(-y_pred)",
    "log1p(y_pred) + softplus(y_pred * 1000000)",
]


@pytest.mark.parametrize("text", WILD)
@pytest.mark.parametrize("size", [0.0, 1e4, -1e4])
def test_formulas_and_their_gradients_are_finite_whatever_they_are_given(text, size):
    output = next((o for o, t in FORMULAS.items() if t == text), "adj_rec")
    y = np.ones((6, 1 if output in ("adj_rec", "z_vars", "labels") else 4), np.float32)
    variable = tf.Variable(np.full((6, 1 if output == "adj_rec" else 4), size, np.float32))
    with tf.GradientTape() as tape:
        value = resolve_loss({"formula": parse(text)}, output)(y, variable)
    assert np.isfinite(float(value))
    assert np.all(np.isfinite(tape.gradient(value, variable)))


def test_formulas_train_as_losses_and_metrics_of_every_output():
    graph = graph_of("binary")
    outputs = tuple(
        OutputSpec(
            name=o.name,
            loss=f"= {FORMULAS[o.name]}",
            metrics=(f"= {FORMULAS[o.name]}", "= 2 * abs(" + piece + ")"),
        )
        for o, piece in zip(
            offered_outputs(feature_kind="binary", has_labels=True),
            ("y_pred", "z_mean", "y_pred", "class_probability"),
            strict=True,
        )
    )
    spec = RunSpec(outputs=outputs).replace("training.epochs", 3)
    assert RunSpec.from_json(spec.to_json()) == spec
    history = trained(spec, graph, batches_of_kind("vgae", "binary"))
    for output in outputs:
        # Both are weighted means over the same rows.
        assert history[f"{output.name}_formula"] == pytest.approx(history[f"{output.name}_loss"], rel=1e-3)
        assert np.isfinite(history[f"{output.name}_formula_2"]).all()
