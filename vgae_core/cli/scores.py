"""Scores of a run as text."""

from __future__ import annotations

from typing import Any

from vgae_core.analysis.baselines import explained
from vgae_core.analysis.metrics import WEIGHT_METRICS
from vgae_core.catalogue.baselines import BASELINES
from vgae_core.data.text import visible


def print_scores(metrics: Any) -> None:
    """Print the scores of a run and of its baselines, the best first."""
    rows = [("this model", metrics["test"])]
    if "network" in metrics:
        rows.append(("network alone", metrics["network"]))
    titles = {name: entry.title for name, entry in BASELINES.items()}
    rows += [(titles.get(name, name), values) for name, values in metrics["baselines"].items()]
    print(f"{'held out':>26}  {'AUC':>8}  {'AP':>8}")
    for name, values in sorted(rows, key=lambda row: -row[1]["roc_auc"]):
        print(f"{visible(name):>26}  {values['roc_auc']:8.4f}  {values['average_precision']:8.4f}")
    if reasons := explained(metrics.get("left_out", {})):
        print(visible(reasons))
    if "weights" in metrics:
        print(
            "  ".join(
                [f"\n{'weights of held-out edges':>26}", *(entry.title for entry in WEIGHT_METRICS.values())]
            )
        )
        for name, values in metrics["weights"].items():
            cells = [f"{titles.get(name, 'this model'):>26}"]
            for key, entry in WEIGHT_METRICS.items():
                text = "-" if values[key] is None else f"{values[key]:.4g}"
                cells.append(text.rjust(len(entry.title)))
            print("  ".join(cells))
