"""Training against another implementation on the same machine: alternating runs, medians and ratios.

The other side is a command that trains once and prints one line of JSON with ``median_epoch_s`` and
``peak_rss_mib``; it takes ``--dataset synth --nodes N --edges M`` or ``--npz FILE``, ``--epochs``, ``--loss
sampled|dense`` and ``--threads``.  It is given as a command line in ``VGAE_STUDIO_PEER``, and the citation graph Cora
as an npz file in ``VGAE_STUDIO_CORA``.
"""

from __future__ import annotations

import json
import os
import shlex
import statistics
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

RUNS = 3
RECIPE = {
    "model.encoder": "gcn",
    "model.hidden_units": "[32]",
    "model.latent_dim": "16",
    "outputs.adj_rec.metrics": "[]",
    "training.patience": "0",
}
"""Both sides: GCN 32-16, one negative an edge, and no metrics while training."""


@dataclass(frozen=True)
class Case:
    """One piece of work, as arguments of both sides."""

    title: str
    ours: tuple[str, ...]
    theirs: tuple[str, ...]
    wanted: float
    """How many times faster the product means to be."""


def cases(cora: str | None) -> list[Case]:
    """Return the work to do; Cora only where its file is named."""
    exact = "--set=training.supervision=all"
    weighted = "--set=outputs.adj_rec.loss=weighted_binary_crossentropy"

    def generated(nodes: int, edges: int, epochs: int, *more: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        size = ("--nodes", str(nodes), "--edges", str(edges), "--epochs", str(epochs))
        return (*size, *more), ("--dataset", "synth", *size, "--loss", "dense" if more else "sampled")

    found = [
        Case("100k nodes, 1M edges", *generated(100_000, 1_000_000, 5), 4),
        Case("1M nodes, 5M edges", *generated(1_000_000, 5_000_000, 3), 5),
        Case("all pairs, 20k nodes", *generated(20_000, 100_000, 3, exact, weighted), 4),
    ]
    if cora:
        found.insert(
            0, Case("Cora, 200 epochs", (cora, "--epochs", "200"), ("--npz", cora, "--epochs", "200"), 4)
        )
    return found


def run(command: list[str]) -> dict[str, Any]:
    """Run one side and return its line of JSON, or why there is none."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if lines:
        return json.loads(lines[-1])
    return {"failed": (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]}


def main() -> None:
    """Print one line for each case: seconds an epoch and peak memory of both, and the ratio."""
    peer = os.environ.get("VGAE_STUDIO_PEER")
    if not peer:
        print("  skipped: name the other side's command in VGAE_STUDIO_PEER")
        return
    settings = [f"--set={key}={value}" for key, value in RECIPE.items()]
    for case in cases(os.environ.get("VGAE_STUDIO_CORA")):
        ours, theirs = [], []
        for _ in range(RUNS):
            ours.append(run([sys.executable, "-m", "vgae_core", "benchmark", *settings, *case.ours]))
            theirs.append(run([*shlex.split(peer), "--threads", str(os.cpu_count()), *case.theirs]))
        if failed := [one["failed"] for one in ours if "failed" in one]:
            print(f"  {case.title}: failed ({failed[0]})")
            continue
        seconds = statistics.median(one["s_per_epoch"] for one in ours)
        memory = max(one["peak_rss_mib"] for one in ours)
        text = f"  {case.title:22s} {1e3 * seconds:9.1f} ms an epoch, peak {memory:5.0f} MiB"
        fine = [one for one in theirs if "failed" not in one]
        if not fine:
            print(f"{text}; the other side failed ({theirs[0]['failed']})")
            continue
        other = statistics.median(one["median_epoch_s"] for one in fine)
        peak = max(one["peak_rss_mib"] for one in fine)
        print(
            f"{text}; the other side {1e3 * other:9.1f} ms, peak {peak:5.0f} MiB: "
            f"{other / seconds:4.1f} times faster (wanted {case.wanted:g})",
            flush=True,
        )
