"""Held-out links: the automatic choice, single recipes and every baseline on the same splits of real graphs.

    python -m benchmarks.quality [GRAPH ...] [--splits 10] [--recipes auto kipf]

Graphs are the files below ``$VGAE_STUDIO_SHARED_DATA``, or the folder ``shared/data`` beside the checkout, and the
default sample.  A line of JSON for each run, then a table: mean and standard deviation of the scores of the test pairs,
and how far the model's probabilities are from the share of edges among the test pairs of all splits together.  Few
pairs miss their own probabilities by chance: `by chance` is the error they would show if the probabilities were right.
"""

from __future__ import annotations

import argparse
import json
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import statistics
import time
from pathlib import Path

import numpy as np

from vgae_core.analysis.scoring import probabilities
from vgae_core.analysis.threshold_curves import calibration
from vgae_core.catalogue.recipes import RECIPES
from vgae_core.data.dataset import GraphData
from vgae_core.data.readers import SourceFile, read_isolated
from vgae_core.data.repairs import repair
from vgae_core.data.samples import load_sample
from vgae_core.runs.processes import environment
from vgae_core.settings import RepairSpec, RunSpec
from vgae_core.settings.defaults import for_family
from vgae_core.settings.recipes import candidates, with_recipe

GRAPHS = {
    "import-graph": (),
    "cora": ("npz/gnnbench_cora.npz",),
    "citeseer": ("npz/gnnbench_citeseer.npz",),
    "dblp": ("npz/dblp.npz",),
    "coauthor-cs": ("npz/coauthor_cs.npz",),
    "amazon-photo": ("npz/amazon_photo.npz",),
    "usair": ("seal_mat/USAir.mat",),
    "power": ("seal_mat/Power.mat",),
    "ns": ("seal_mat/NS.mat",),
    "yeast": ("seal_mat/Yeast.mat",),
}
"""Name to files; none is a sample of the product."""


def load(name: str) -> GraphData | None:
    """Return the graph, or None, with the reason printed, where its files are absent."""
    if not GRAPHS[name]:
        return repair(load_sample(name), RepairSpec())
    chosen = os.environ.get("VGAE_STUDIO_SHARED_DATA")
    folder = Path(chosen) if chosen else Path(__file__).resolve().parents[2] / "shared" / "data"
    paths = [folder / file for file in GRAPHS[name]]
    if not all(path.is_file() for path in paths):
        print(f"{name}: left out, there is no {paths[0]} (set VGAE_STUDIO_SHARED_DATA)")
        return None
    return repair(read_isolated([SourceFile(path.name, path) for path in paths]), RepairSpec())


def chosen(recipe: str, graph: GraphData, seed: int) -> tuple[str, RunSpec]:
    """Return a recipe and its run, the seed drawing split and weights; of the automatic choice the best by validation.

    As in a sweep, all recipes are tried on one split, and none is scored on its test pairs.
    """
    from vgae_core.runs.execution.pipeline import execute
    from vgae_core.runs.sweeps.driver import validation_split

    profile = graph.profile
    start = for_family(RunSpec(seed=seed), "vgae", feature_kind=profile.feature_kind, has_labels=False)
    if recipe != "auto":
        return recipe, with_recipe(start, recipe)
    tried = candidates(start, has_features=graph.features is not None)
    split = validation_split(start, graph)
    val = {name: execute(spec, graph, split=split).metrics["val"] for name, spec in tried.items()}
    best = max(val, key=lambda name: val[name]["roc_auc"] + val[name]["average_precision"])
    return best, tried[best]


CHANCE_DRAWS = 200
"""Draws of the test pairs from their own probabilities."""


def calibration_errors(truth: np.ndarray, p: np.ndarray) -> tuple[float, float]:
    """Return the expected calibration error of test pairs, and what it would be if the probabilities were right."""
    rng = np.random.default_rng(0)
    drawn = [calibration(rng.random(len(p)) < p, p).expected_error for _ in range(CHANCE_DRAWS)]
    return calibration(truth, p).expected_error, float(np.mean(drawn))


def main() -> None:
    """Run what is asked for and print a table for each graph."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("graphs", nargs="*", choices=[*GRAPHS, []], default=list(GRAPHS), metavar="GRAPH")
    parser.add_argument("--splits", type=int, default=10)
    parser.add_argument("--first", type=int, default=0, help="seed of the first split")
    parser.add_argument("--recipes", nargs="+", choices=["auto", *RECIPES], default=["auto"])
    options = parser.parse_args()
    environment.apply()
    from vgae_core.analysis.stacking import joins
    from vgae_core.runs.execution.pipeline import execute, forget_models

    for name in options.graphs:
        graph = load(name)
        if graph is None:
            continue
        table: dict[str, list[tuple[float, float]]] = {}
        tested: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
        for seed in range(options.first, options.first + options.splits):
            for recipe in options.recipes:
                started = time.perf_counter()
                choice, spec = chosen(recipe, graph, seed)
                result = execute(spec, graph)
                seconds = time.perf_counter() - started
                rows = {recipe: result.metrics["test"]}
                rows[f"{recipe}, network alone"] = result.metrics.get("network", result.metrics["test"])
                if recipe == options.recipes[0]:
                    rows |= result.metrics["baselines"]
                for row, scores in rows.items():
                    table.setdefault(row, []).append((scores["roc_auc"], scores["average_precision"]))
                p = probabilities(result.scores["model"])
                truth = np.arange(len(p)) < len(result.split.test)
                tested.setdefault(recipe, []).append((truth, p))
                line = {
                    "graph": name, "seed": seed, "recipe": recipe, "chosen": choice,
                    "auc": rows[recipe]["roc_auc"], "stacked": joins(result.stack),
                    "calibration_error": round(calibration(truth, p).expected_error, 4),
                    "best_epoch": result.finished.best_epoch, "seconds": round(seconds, 1),
                }  # fmt: skip
                print(json.dumps(line), flush=True)
                forget_models()
        print(
            f"{graph.name}: {graph.n_nodes:,} nodes, {graph.profile.n_edges:,} edges, {options.splits} splits"
        )
        for row, pairs in sorted(table.items(), key=lambda item: -statistics.mean(auc for auc, _ in item[1])):
            auc, ap = zip(*pairs, strict=True)
            spread = [statistics.stdev(values) if len(values) > 1 else 0.0 for values in (auc, ap)]
            print(
                f"  {row:28s} AUC {statistics.mean(auc):.4f} ± {spread[0]:.4f}   "
                f"AP {statistics.mean(ap):.4f} ± {spread[1]:.4f}",
                flush=True,
            )
        for recipe, splits in tested.items():
            truth, p = (np.concatenate(parts) for parts in zip(*splits, strict=True))
            error, chance = calibration_errors(truth, p)
            print(
                f"  {recipe:28s} calibration error {error:.4f} ({chance:.4f} by chance)   {len(p):,} test pairs",
                flush=True,
            )


if __name__ == "__main__":
    main()
