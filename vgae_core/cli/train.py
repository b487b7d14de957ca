"""``train``: one run, written to a folder."""

from __future__ import annotations

import argparse
import json
import shlex
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from vgae_core.cli import specification
from vgae_core.cli.progress import Bar, JsonLines, read
from vgae_core.cli.scores import print_scores
from vgae_core.cli.specification import choose_threads, specify
from vgae_core.data import arguments
from vgae_core.data.splits import load_split
from vgae_core.data.text import visible
from vgae_core.errors import RunError, SpecError
from vgae_core.runs.files import finite
from vgae_core.runs.folder import write_run_dir
from vgae_core.training.events import Event


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    arguments.add(parser)
    specification.add_arguments(parser)
    parser.add_argument("--split", metavar="SPLIT.npz", help="held-out pairs to use instead of drawing them")
    parser.add_argument("--out", metavar="RUN_DIR", required=True, help="a new folder for the run")


def run(options: argparse.Namespace) -> int:
    """Train one run and write its folder."""
    out = Path(options.out)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise RunError(f"Expected a new or an empty folder. Received: {out}.", where="--out")
    raw = read(options)
    spec, graph = specify(options, raw)
    if spec.recipe == "auto":
        raise SpecError(
            "`train` trains one run; a recipe is chosen by a sweep.",
            where="recipe",
            mend=f"python -m vgae_core sweep {' '.join(map(shlex.quote, options.path))} --set recipe=auto --out DIR",
        )
    split = None
    if options.split:
        split = load_split(options.split)
        split.check(graph, spec.model.family)
    choose_threads(spec, graph)

    from vgae_core.runs.pipeline import execute  # TensorFlow, only now that it is needed

    stop = stop_on_interrupt()
    events: list[Event] = []
    show = JsonLines() if options.json else Bar(sys.stderr)

    def tell(event: Event) -> None:
        events.append(event)
        show.tell(event)

    result = execute(spec, graph, split=split, on_event=tell, should_stop=stop.is_set)
    show.close()
    write_run_dir(out, spec, graph, result, events)
    if options.json:
        print(json.dumps({"event": "Result", "out": str(out), "metrics": finite(result.metrics)}))
    else:
        print_scores(result.metrics)
        kept = f"{result.spec.training.keep.capitalize()} epoch {result.finished.best_epoch}"
        print(f"\n{kept}, {result.finished.seconds:.1f} s. Written to {out}")
    if result.finished.reason == "failed":
        print(f"error: {visible(result.finished.message)}", file=sys.stderr)
        return 1
    return 130 if result.finished.reason == "cancelled" else 0


def stop_on_interrupt() -> threading.Event:
    """Return an event that the first Ctrl-C sets; the second one ends the program."""
    stop = threading.Event()

    def ask(number: int, frame: Any) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        print("\nCancelling; what was learnt so far is kept. Ctrl-C again to give it up.", file=sys.stderr)

    signal.signal(signal.SIGINT, ask)
    return stop
