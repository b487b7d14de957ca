"""Seconds an epoch and peak memory from ten thousand to ten million edges, beside what the memory could deliver.

    python -m benchmarks.scaling [--most 10000000] [--to docs/images/scaling]

Writes ``PATH.json`` and, where a Chromium is found, the figure ``PATH.png``.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from benchmarks.peer import RECIPE

BLUE, ORANGE = "#0072B2", "#D55E00"
"""Okabe & Ito's, told apart by everyone."""

FEATURES, HIDDEN, LATENT = 64, 32, 16
EDGES_A_NODE = 10
WORD = 4
"""Bytes of a float32 or an int32."""


def bandwidth(megabytes: int = 512, runs: int = 5) -> float:
    """Return the memory bandwidth of two threads, bytes a second: the best of some scaled copies (STREAM's Scale)."""
    n = megabytes * 2**20 // 8
    source, target = np.ones(n), np.zeros(n)
    halves = [slice(0, n // 2), slice(n // 2, n)]

    def scale(part: slice) -> None:
        np.multiply(source[part], 3.0, out=target[part])

    best = np.inf
    with ThreadPoolExecutor(2) as threads:
        for _ in range(runs):
            started = time.perf_counter()
            list(threads.map(scale, halves))
            best = min(best, time.perf_counter() - started)
    return 2 * source.nbytes / best


def bytes_touched(n_nodes: int, n_edges: int) -> int:
    """Return the bytes that an epoch has to read and write at least, each array once where it is used.

    Features are read by ``X W`` and by its gradient.  A hop reads the entries of the matrix (place and value) and a row
    of its argument for each, and writes its result; there are two hops, each with a gradient, over rows of
    :data:`HIDDEN` and of twice :data:`LATENT` numbers.  Each pair reads two codes for its logit, and in the gradient
    two codes again; there are as many random pairs as edges.  Rows that are read again are counted again: at a million
    nodes they have left the cache.
    """
    entries, pairs = 2 * n_edges + n_nodes, 2 * n_edges
    features = 2 * WORD * n_nodes * FEATURES
    hops = sum(2 * WORD * (entries * (2 + width) + n_nodes * width) for width in (HIDDEN, 2 * LATENT))
    dots = 2 * WORD * pairs * (2 * LATENT + 2)
    return features + hops + dots


def measure(n_edges: int) -> dict[str, float]:
    """Return what ``python -m vgae_core benchmark`` says of a graph of that size, in a process of its own."""
    settings = [f"--set={key}={value}" for key, value in RECIPE.items()]
    size = ["--nodes", str(n_edges // EDGES_A_NODE), "--edges", str(n_edges)]
    epochs = ["--epochs", str(int(np.clip(3e6 / n_edges, 3, 50)))]
    command = [sys.executable, "-m", "vgae_core", "benchmark", *settings, *size, *epochs]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(next(line for line in done.stdout.splitlines() if line.startswith("{")))


def figure(rows: list[dict[str, float]], speed: float) -> go.Figure:
    """Return seconds an epoch and peak memory against the number of edges."""
    edges = [row["edges"] for row in rows]
    ideal = [bytes_touched(int(row["nodes"]), int(row["edges"])) / speed for row in rows]
    fig = make_subplots(
        rows=1, cols=2, horizontal_spacing=0.12, subplot_titles=("Time of an epoch", "Peak memory")
    )
    fig.add_scatter(
        x=edges, y=[r["s_per_epoch"] for r in rows], name="measured", line={"color": BLUE}, row=1, col=1
    )
    fig.add_scatter(
        x=edges, y=ideal, name=f"bytes touched at {speed / 1e9:.1f} GB/s", line={"color": ORANGE, "dash": "dash"},
        row=1, col=1,
    )  # fmt: skip
    fig.add_scatter(
        x=edges,
        y=[r["peak_rss_mib"] for r in rows],
        line={"color": BLUE},
        showlegend=False,
        row=1,
        col=2,
    )
    fig.update_xaxes(type="log", title="Edges", exponentformat="power", dtick=1)
    fig.update_yaxes(type="log", title="s", exponentformat="power", dtick=1, row=1, col=1)
    fig.update_yaxes(title="MiB", rangemode="tozero", row=1, col=2)
    fig.update_traces(mode="lines+markers")
    fig.update_layout(
        template="plotly_white", width=1000, height=400, margin={"t": 50, "b": 60, "l": 70, "r": 30},
        legend={"x": 0.02, "y": 0.98}, font={"size": 14},
    )  # fmt: skip
    return fig


def main() -> None:
    """Measure, print a table, and write figures and picture."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--most", type=int, default=10_000_000)
    parser.add_argument("--to", type=Path, default=Path("docs/images/scaling"))
    options = parser.parse_args()
    with ProcessPoolExecutor(
        1, get_context("spawn")
    ) as apart:  # or its peak would count as that of every child
        speed = apart.submit(bandwidth).result()
    print(f"memory bandwidth of two threads: {speed / 1e9:.1f} GB/s")
    sizes = [
        n for n in (10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000, 10_000_000) if n <= options.most
    ]
    rows = []
    for n_edges in sizes:
        row = measure(n_edges)
        rows.append(row)
        ideal = bytes_touched(int(row["nodes"]), int(row["edges"])) / speed
        print(
            f"  {row['edges']:>10,} edges  {row['s_per_epoch']:9.4f} s  roofline {ideal:9.4f} s  "
            f"{row['s_per_epoch'] / ideal:5.1f} times  {row['peak_rss_mib']:6,} MiB",
            flush=True,
        )
    options.to.parent.mkdir(parents=True, exist_ok=True)
    options.to.with_suffix(".json").write_text(
        json.dumps({"bytes_per_second": round(speed), "runs": rows}, indent=1) + "\n", "utf-8"
    )
    from playwright.sync_api import Error, sync_playwright

    from tests.browser.chromium import find

    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=find())
            page = browser.new_page(viewport={"width": 1000, "height": 400}, device_scale_factor=2)
            page.set_content(figure(rows, speed).to_html(include_plotlyjs=True, full_html=True))
            page.wait_for_selector(".main-svg")
            page.screenshot(path=options.to.with_suffix(".png"))
            browser.close()
    except Error as error:
        print(f"no picture: {str(error).splitlines()[0]}")


if __name__ == "__main__":
    main()
