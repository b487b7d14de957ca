"""Losses and metrics on held-out edges and labels, against scikit-learn."""

import numpy as np
import pytest
from scipy import special
from sklearn.metrics import accuracy_score, f1_score, log_loss

from tests.runs.made import make_graph
from vgae_core.nn.models import build
from vgae_core.nn.objectives import compile_arguments
from vgae_core.nn.validation import make_validate
from vgae_core.settings import RunSpec
from vgae_core.settings.defaults import for_family


@pytest.fixture(scope="module")
def spec_and_built():
    graph = make_graph(12)
    spec = for_family(RunSpec(), "vgae", feature_kind="binary", has_labels=True)
    spec = spec.replace("outputs.labels.enabled", True).replace("model.latent_dim", 4)
    spec = spec.replace("outputs.labels.metrics", ["accuracy", "macro_f1"])
    built = build(spec, graph.profile)
    return graph, built, compile_arguments(built.outputs)[0]["loss"]


def test_held_out_numbers_are_those_of_scikit_learn(spec_and_built):
    graph, built, losses = spec_and_built
    rng = np.random.default_rng(0)
    nodes = np.array([1, 4, 5, 7, 8])
    validate = make_validate(built, losses, 5, 10, graph.labels, nodes)
    head = built.model.get_layer("labels")
    truth = np.arange(10) < 5
    for _ in range(2):  # the second epoch has other values, so that it shows what is left of the first
        codes = rng.normal(size=(12, 4)).astype(np.float32)
        logits = rng.normal(size=10).astype(np.float32)
        logs = validate(codes, logits)
        assert logs["adj_rec_loss"] == pytest.approx(log_loss(truth, special.expit(logits)), rel=1e-5)
        assert logs["adj_rec_accuracy"] == pytest.approx(accuracy_score(truth, logits > 0))
        classes = codes[nodes] @ np.asarray(head.kernel) + np.asarray(head.bias)
        wanted, chosen = graph.labels[nodes], classes.argmax(axis=1)
        assert logs["labels_loss"] == pytest.approx(
            log_loss(wanted, special.softmax(classes, axis=1), labels=[0, 1]), rel=1e-4
        )
        assert logs["labels_accuracy"] == pytest.approx(accuracy_score(wanted, chosen))
        assert logs["labels_macro_f1"] == pytest.approx(f1_score(wanted, chosen, average="macro"), rel=1e-5)


def test_without_anything_held_out_there_is_nothing_to_say(spec_and_built):
    graph, built, losses = spec_and_built
    none = np.zeros(0, np.int64)
    assert make_validate(built, losses, 0, 0, graph.labels, none)(np.zeros((12, 4)), np.zeros(0)) == {}
