"""A run that goes on from a checkpoint has the numbers of one that was never interrupted."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy import sparse

from tests.runs.made import make_graph
from vgae_core.errors import RunError
from vgae_core.runs.execution.pipeline import execute
from vgae_core.settings import RunSpec
from vgae_core.settings.defaults import for_family
from vgae_core.training.checkpoints import Checkpoint, size
from vgae_core.training.events import EpochEnd

GCN = (
    RunSpec()
    .replace("training.epochs", 9)
    .replace("model.encoder", "gcn")
    .replace("model.dropout", 0.3)
    .replace("model.batch_normalisation", True)
    .replace("training.kl_warmup_epochs", 6)
    .replace("training.batch_size", 2)  # more steps an epoch than TensorFlow runs between two looks at Python
)
MASKED = (
    RunSpec()
    .replace("training.epochs", 9)
    .replace("training.masked_edges", 0.4)
    .replace("training.patience", 4)
)
MATRIX = (
    for_family(RunSpec(), "vae", feature_kind="binary", has_labels=True)
    .replace("training.epochs", 9)
    .replace("training.batch_size", 16)
    .replace("model.dropout", 0.2)
)


def trained(spec, graph, *, stop_after=None, start=None):
    """Events, last checkpoint and result of a run that is cancelled in the epoch after `stop_after`."""
    events, checkpoints = [], []
    epochs = lambda: [e for e in events if isinstance(e, EpochEnd)]  # noqa: E731
    result = execute(
        spec,
        graph,
        on_event=events.append,
        should_stop=lambda: stop_after is not None and len(epochs()) >= stop_after,
        start=start,
        on_checkpoint=checkpoints.append,
    )
    return epochs(), checkpoints[-1], result


@pytest.mark.parametrize("spec", [GCN, MASKED, MATRIX], ids=["gcn", "masked", "matrix"])
def test_a_resumed_run_equals_one_that_was_not_interrupted(spec):
    graph = make_graph(60)
    if spec is MATRIX:
        words = np.random.default_rng(0).random((60, 30)) < 0.3
        graph = dataclasses.replace(graph, features=sparse.csr_array(words.astype(np.float32)))
    whole_events, _, whole = trained(spec, graph)
    events, checkpoint, cancelled = trained(spec, graph, stop_after=4)
    assert cancelled.finished.reason == "cancelled"
    assert 4 <= checkpoint.epoch <= len(events)
    kept = Checkpoint.from_arrays(checkpoint.to_arrays())
    more, _, resumed = trained(spec, graph, start=kept)
    assert [e.epoch for e in more] == [e.epoch for e in whole_events[kept.epoch :]]
    for there, here in zip(more, whole_events[kept.epoch :], strict=True):
        assert there.logs == pytest.approx(here.logs, abs=1e-6)
        assert there.val == pytest.approx(here.val, abs=1e-6)
        assert there.best == here.best
    assert resumed.finished.best_epoch == whole.finished.best_epoch
    assert resumed.finished.reason == whole.finished.reason
    for part in ("test", "val"):
        assert resumed.metrics[part] == pytest.approx(whole.metrics[part], abs=1e-6)
    np.testing.assert_allclose(resumed.z_mean, whole.z_mean, atol=1e-6)


def test_training_further_equals_more_epochs_from_the_beginning():
    graph, spec = make_graph(60), RunSpec().replace("training.patience", 0)
    _, _, long = trained(spec.replace("training.epochs", 8), graph)
    _, checkpoint, _ = trained(spec.replace("training.epochs", 5), graph)
    assert checkpoint.epoch == 5
    assert size(checkpoint.variables) == sum(array.nbytes for array in checkpoint.variables)
    more, _, further = trained(spec.replace("training.epochs", 8), graph, start=checkpoint)
    assert [e.epoch for e in more] == [6, 7, 8]
    np.testing.assert_allclose(further.z_mean, long.z_mean, atol=1e-6)


def test_a_checkpoint_of_another_model_is_refused():
    graph, spec = make_graph(60), RunSpec().replace("training.epochs", 2)
    _, checkpoint, _ = trained(spec, graph)
    with pytest.raises(RunError, match="another model"):
        trained(spec.replace("model.latent_dim", 5), graph, start=checkpoint)
    with pytest.raises(RunError, match="Not a checkpoint"):
        Checkpoint.from_arrays({"epochs": np.zeros(2)})
