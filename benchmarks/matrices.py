"""Matrix auto-encoders by the default recipe on real matrices, beside popularity, a truncated SVD and EASE.

    python -m benchmarks matrices
    python -m benchmarks.matrices --rows

"this model" combines the network's scores with those of EASE; its calibration error is that of all seeds together, and
`by chance` what it would be if the probabilities were right.  With ``--rows`` whole rows are held out.  Two matrices
come with the samples.  Others are read from ``$VGAE_STUDIO_SHARED_DATA``, or the folder ``shared/data`` beside the
checkout, and left out with the reason where it is absent.
"""

from __future__ import annotations

import argparse
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy import sparse

from benchmarks.quality import calibration_errors
from vgae_core.analysis.scoring import probabilities
from vgae_core.data.dataset import GraphData
from vgae_core.data.repairs import repair
from vgae_core.data.samples import load_sample
from vgae_core.runs.processes import environment
from vgae_core.settings import RepairSpec, RunSpec
from vgae_core.settings.defaults import for_family

SAMPLES = {"import-words": 2, "digits-pixels": 2}
"""Name of a sample to how many seeds."""

FILES = {"amazon_photo_x.npz": None, "coauthor_cs_x.npz": 4000}
"""SciPy matrix to how many random rows of it are used; None is all."""

SCORES = ("roc_auc", "recall_at_20", "ndcg_at_20", "recall_at_50", "ndcg_at_100")


def matrices() -> Iterator[tuple[GraphData, int]]:
    """Yield each matrix with its number of seeds."""
    for name, seeds in SAMPLES.items():
        yield repair(load_sample(name), RepairSpec()), seeds
    chosen = os.environ.get("VGAE_STUDIO_SHARED_DATA")
    folder = Path(chosen) if chosen else Path(__file__).resolve().parents[2] / "shared" / "data"
    for file, rows in FILES.items():
        path = folder / "scipy_npz" / file
        if not path.is_file():
            print(f"{file}: left out, there is no {path} (set VGAE_STUDIO_SHARED_DATA)")
            continue
        matrix = sparse.csr_array(sparse.load_npz(path), dtype=np.float32)
        if rows is not None:
            matrix = matrix[np.sort(np.random.default_rng(0).permutation(matrix.shape[0])[:rows])]
        n = matrix.shape[0]
        empty = sparse.csr_array((n, n), dtype=np.float32)
        yield GraphData(name=file, adjacency=empty, node_ids=np.arange(n), features=matrix), 1


def main(held_out: str = "entries") -> None:
    """Print, for each matrix, the held-out scores of the model and of every baseline."""
    environment.apply()
    from vgae_core.runs.execution.pipeline import execute

    for graph, seeds in matrices():
        profile = graph.profile
        share = sparse.csr_array(graph.features).nnz / (graph.n_nodes * profile.n_features)
        spec = for_family(RunSpec(), "vae", feature_kind=profile.feature_kind, has_labels=False)
        spec = spec.replace("split.held_out", held_out)
        print(
            f"{graph.name}: {graph.n_nodes:,} x {profile.n_features:,}, {share:.1%} filled, {profile.feature_kind}, "
            f"{spec.output('output').loss}, {seeds} seed{'s' * (seeds > 1)}, held-out {held_out}"
        )
        table: dict[str, list[dict[str, float]]] = {}
        tested: list[tuple[np.ndarray, np.ndarray]] = []
        for seed in range(seeds):
            start = time.perf_counter()
            result = execute(spec.replace("seed", seed), graph)
            seconds = time.perf_counter() - start
            print(f"  seed {seed}: {seconds:.1f} s, best epoch {result.finished.best_epoch}", flush=True)
            rows = {"this model": result.metrics["test"], **result.metrics["baselines"]}
            if "network" in result.metrics:
                rows["network alone"] = result.metrics["network"]
                p = probabilities(result.scores["model"])
                tested.append((np.arange(len(p)) < len(result.split.test), p))
            for name, values in rows.items():
                table.setdefault(name, []).append(values)
        for name, runs in table.items():
            present = [score for score in SCORES if score in runs[0]]
            shown = "   ".join(
                f"{score} {statistics.mean(run[score] for run in runs):.4f}" for score in present
            )
            print(f"  {name:14s} {shown}", flush=True)
        if tested:
            truth, p = (np.concatenate(parts) for parts in zip(*tested, strict=True))
            error, chance = calibration_errors(truth, p)
            print(
                f"  calibration error {error:.4f} ({chance:.4f} by chance), {len(p):,} test pairs", flush=True
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", action="store_true", help="hold out rows instead of entries")
    main("rows" if parser.parse_args().rows else "entries")
