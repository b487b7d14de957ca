"""A small graph and a result that belongs to it, made without training."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from vgae_core.data.dataset import GraphData
from vgae_core.data.splits import LinkSplit
from vgae_core.runs.results.result import RunResult
from vgae_core.settings import RunSpec
from vgae_core.training.events import EpochEnd, Finished, Stage, Started

WORKSPACE = "a-workspace-token"
OTHER = "another-workspace-token"


def make_graph(n: int = 12, name: str = "ring") -> GraphData:
    """A ring of n nodes with identity features and two classes."""
    i = np.arange(n)
    rows, cols = np.r_[i, (i + 1) % n], np.r_[(i + 1) % n, i]
    adjacency = sparse.csr_array((np.ones(2 * n, np.float32), (rows, cols)), shape=(n, n))
    adjacency.sort_indices()
    return GraphData(
        name=name,
        adjacency=adjacency,
        node_ids=np.array([f"node {k}" for k in i], dtype=object),
        features=sparse.csr_array(np.eye(n, dtype=np.float32)),
        labels=(i % 2).astype(np.int32),
        label_names=("even", "odd"),
    )


def make_result(n: int = 12, *, reason: str = "completed", variational: bool = True) -> RunResult:
    rng = np.random.default_rng(0)
    pairs = lambda k: rng.integers(0, n, (k, 2)).astype(np.int64)  # noqa: E731
    scores = {name: rng.normal(size=6).astype(np.float32) for name in ("model", "degree_product")}
    return RunResult(
        spec=RunSpec(seed=7),
        metrics={
            "test": {"roc_auc": 0.9, "average_precision": 0.8},
            "val": {"roc_auc": 0.95, "average_precision": float("nan")},
            "baselines": {"degree_product": {"roc_auc": 0.5, "average_precision": 0.6}},
        },
        z_mean=rng.normal(size=(n, 4)).astype(np.float32),
        z_log_var=rng.normal(size=(n, 4)).astype(np.float32) if variational else None,
        split=LinkSplit(train=pairs(6), val=pairs(2), val_neg=pairs(2), test=pairs(3), test_neg=pairs(3)),
        scores=scores,
        state={"0": rng.normal(size=(n, 4)).astype(np.float32), "1": np.zeros((), np.float32)},
        model={"layers": [{"name": "encoder", "shape": [n, 4]}], "parameters": 48},
        nodes={"feature_error": rng.random(n).astype(np.float32)},
        environment={"seed": 0},
        finished=Finished(reason=reason, best_epoch=2, seconds=1.5),  # type: ignore[arg-type]
    )


def make_events(epochs: int = 3) -> list:
    return [
        Stage(name="splitting", at=1.0),
        Started(model={"parameters": 48}, epochs=epochs, steps_per_epoch=1, at=2.0),
        *(
            EpochEnd(
                epoch=k + 1,
                logs={
                    "loss": 1.0 / (k + 1),
                    "adj_rec_loss": 0.5,
                    "z_vars_loss": 0.1,
                    "adj_rec_accuracy": 0.7,
                },
                val={"roc_auc": 0.6 + k / 100, "average_precision": 0.5 + k / 100},
                seconds=0.1,
                best=True,
            )
            for k in range(epochs)
        ),
    ]
