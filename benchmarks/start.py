"""Whole commands from start to end: short ones by themselves, training on Cora beside another implementation.

The other side is a command that trains on Cora once and ends, given in ``VGAE_STUDIO_PEER`` as for `peer`; the graph is
the npz file in ``VGAE_STUDIO_CORA``.  Both train a GCN 32-16 for 200 epochs with one negative per edge.
"""

from __future__ import annotations

import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.peer import RECIPE
from vgae_core.runs.store.store import Store

RUNS = 3
SHORT_SECONDS = 0.6
"""What a command may take that trains nothing."""

EDGES = "a,b\nb,c\nc,a\nc,d\n"


def seconds(command: list[str], **environment: str) -> float:
    """Return how long a command takes, in seconds.

    Raises
    ------
    subprocess.CalledProcessError
        If it fails.
    """
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, **environment})
    return time.perf_counter() - start


def main() -> None:
    """Print the median of each command, and the ratio of whole trainings."""
    ours = [sys.executable, "-m", "vgae_core"]
    with tempfile.TemporaryDirectory() as folder:
        edges = Path(folder) / "edges.csv"
        edges.write_text(EDGES)
        out = str(Path(folder) / "run")
        home = {"VGAE_STUDIO_HOME": str(Path(folder) / "home")}
        Store(Path(folder) / "home").close()
        subprocess.run(
            [*ours, "train", "sample:karate-club", "--epochs", "3", "--out", out], check=True, stdout=-3
        )
        commands = {
            "--help": ["--help"],
            "inspect": ["inspect", str(edges)],
            "rank": ["rank", out, "--node", "member 0"],
            "runs list": ["runs", "list"],
        }
        for title, command in commands.items():
            median = statistics.median(seconds([*ours, *command], **home) for _ in range(RUNS))
            print(f"  {title:10s} {median:6.2f} s (aim {SHORT_SECONDS} s)", flush=True)
        peer, cora = os.environ.get("VGAE_STUDIO_PEER"), os.environ.get("VGAE_STUDIO_CORA")
        if not peer or not cora:
            print(
                "  train on Cora: skipped; name the other side in VGAE_STUDIO_PEER, the graph in VGAE_STUDIO_CORA"
            )
            return
        settings = [f"--set={key}={value}" for key, value in RECIPE.items()]
        pairs = []
        for number in range(RUNS):
            train = [*ours, "train", cora, "--epochs", "200", *settings, "--out", f"{out}-{number}"]
            theirs = [*shlex.split(peer), "--npz", cora, "--epochs", "200", "--threads", str(os.cpu_count())]
            pairs.append((seconds(train, **home), seconds(theirs)))
            print(f"  train {pairs[-1][0]:6.2f} s, the other side {pairs[-1][1]:6.2f} s", flush=True)
        mine, other = (statistics.median(side) for side in zip(*pairs, strict=True))
        print(f"  train on Cora {mine:.2f} s, {mine / other:.2f} of the other side's {other:.2f} s (aim 0.6)")
