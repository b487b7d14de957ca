"""Plain matrices and finished runs on them, made without training: factors of a truncated SVD."""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.special import logsumexp

from tests.pages.finished_runs import WORKSPACE
from vgae_core.analysis.baselines import entry_baselines
from vgae_core.analysis.metrics import link_metrics
from vgae_core.analysis.ranking_metrics import ranking_metrics
from vgae_core.analysis.scoring import score_pairs
from vgae_core.data.dataset import GraphData, RawGraph
from vgae_core.data.entry_splits import split_entries, without_entries
from vgae_core.runs.results.result import RunResult
from vgae_core.settings import RunSpec
from vgae_core.settings.defaults import for_family
from vgae_core.training.events import Finished


def make_matrix(
    n: int = 60, m: int = 30, *, counts: bool = True, nasty: str = "", seed: int = 0
) -> GraphData:
    """Return users x films of three tastes; `nasty` is added to every name."""
    rng = np.random.default_rng(seed)
    taste = np.arange(n) % 3
    chance = np.where(np.arange(m) % 3 == taste[:, None], 0.5, 0.06)
    seen = rng.random((n, m)) < chance
    values = np.where(seen, rng.poisson(2.0, (n, m)) + 1.0 if counts else 1.0, 0.0)
    return GraphData(
        name="users and films",
        adjacency=sparse.csr_array((n, n), dtype=np.float32),
        node_ids=np.array([f"user {i}{nasty}" for i in range(n)], dtype=object),
        features=sparse.csr_array(values.astype(np.float32)),
        feature_names=tuple(f"film {j}{nasty}" for j in range(m)),
        labels=np.where(np.arange(n) % 10 == 0, -1, taste).astype(np.int32),
        label_names=("crime", "love", "space"),
    )


def make_raw(graph: GraphData) -> RawGraph:
    """Return the matrix as a reader would."""
    none = np.zeros(0, np.int64)
    return RawGraph(
        name=graph.name, rows=none, cols=none, weights=None, node_ids=graph.node_ids, directed=False,
        format="matrix (test)", features=graph.features, feature_names=graph.feature_names,
        labels=graph.labels, label_names=graph.label_names,
    )  # fmt: skip


def spec_of(graph: GraphData) -> RunSpec:
    """Return the default specification of a run on the matrix."""
    profile = graph.profile
    spec = for_family(RunSpec(), "vae", feature_kind=profile.feature_kind, has_labels=profile.n_classes > 0)
    return spec.replace("model.latent_dim", 4)


def make_result(graph: GraphData) -> RunResult:
    """Return a result whose factors are a truncated SVD, as a model of counts or of zeros and ones gives it."""
    rng = np.random.default_rng(1)
    spec = spec_of(graph)
    split = split_entries(graph, spec.split, 0)
    known = without_entries(graph.features, np.concatenate([split.val, split.test]))
    u, s, v = np.linalg.svd(known.toarray(), full_matrices=False)
    z = (u[:, :4] * np.sqrt(s[:4])).astype(np.float32)
    left, right = z, (v[:4].T * np.sqrt(s[:4])).astype(np.float32)
    scale = "logit" if graph.profile.feature_kind == "binary" else "softmax"
    if scale == "softmax":
        totals = np.asarray(known.sum(axis=1)).ravel()
        offset = np.log(np.maximum(totals, 1e-6)) - logsumexp(left @ right.T, axis=1)
        left = np.column_stack([left, offset]).astype(np.float32)
        right = np.column_stack([right, np.ones(len(right))]).astype(np.float32)
    pairs = np.concatenate([split.test, split.test_neg])
    y = np.arange(len(pairs)) < len(split.test)
    factors = {"model": (left, right), **entry_baselines(known, 4)}
    scores = {name: score_pairs(a, pairs, b) for name, (a, b) in factors.items()}
    measured = {
        name: link_metrics(y, scores[name]) | ranking_metrics(a, b, known, split.test)
        for name, (a, b) in factors.items()
    }
    error = rng.gamma(2.0, size=graph.n_nodes).astype(np.float32)
    return RunResult(
        spec=spec,
        metrics={"test": measured.pop("model"), "val": {}, "baselines": measured},
        z_mean=z,
        z_log_var=rng.normal(-2, 0.3, size=z.shape).astype(np.float32),
        split=split,
        scores=scores,
        state={},
        model={"layers": [], "scale": scale},
        finished=Finished(reason="completed", best_epoch=7, seconds=1.0),
        factors=(left, right),
        nodes={"feature_error": error},
    )


def finish_run(store, graph: GraphData):
    """Keep a finished run on the matrix in `store` and return it."""
    result = make_result(graph)
    run = store.create_run(spec_of(graph), graph, WORKSPACE)
    run.save_result(result)
    run.append_event(result.finished)
    return run
