"""``train``: one run, written to a folder."""

from __future__ import annotations

import argparse
import contextlib
import json
import shlex
import shutil
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from vgae_core.analysis.decisions import LEAST_TESTED
from vgae_core.cli import specification
from vgae_core.cli.progress import Bar, JsonLines, read, tell_warnings
from vgae_core.cli.scores import print_scores
from vgae_core.cli.specification import choose_threads, specify, specify_prepared
from vgae_core.data import arguments
from vgae_core.data.dataset import GraphData
from vgae_core.data.partitions.prepared import PreparedSplit, open_prepared
from vgae_core.data.splits import LinkSplit, load_split
from vgae_core.data.text import visible
from vgae_core.errors import RunError, SpecError
from vgae_core.runs.disk.event_log import EventLog
from vgae_core.runs.disk.files import finite, write_arrays
from vgae_core.runs.processes import environment
from vgae_core.runs.store.folder import RunFolder, write_beginning, write_result, write_start
from vgae_core.runs.store.resuming import Continuation, split_arrays
from vgae_core.settings import RunSpec
from vgae_core.training.checkpoints import Checkpoint
from vgae_core.training.events import Event


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    arguments.add(parser, optional=True)
    parser.add_argument("--prepared", metavar="DIR", help="a folder made by `prepare`, instead of PATH")
    specification.add_arguments(parser)
    parser.add_argument("--split", metavar="SPLIT.npz", help="held-out pairs to use, instead of random ones")
    parser.add_argument("--out", metavar="RUN_DIR", required=True, help="a new folder for the run")


def run(options: argparse.Namespace) -> int:
    """Train one run and write its folder."""
    out = new_folder(options.out)
    if bool(options.path) == bool(options.prepared):
        raise SpecError("Expected either files (or a sample) or --prepared DIR.", where="train")
    if options.prepared:
        if options.split or options.features or options.labels:
            raise SpecError("A prepared folder brings its own features and split.", where="--prepared")
        graph, prepared, manifest = open_prepared(options.prepared)
        spec = specify_prepared(options, graph, manifest)
        return train_into(out, spec, graph, split=prepared, as_json=options.json)
    files = all(Path(path).exists() for path in options.path)
    with environment.loading_tensorflow() if files else contextlib.nullcontext():
        raw = read(options)  # in a process of its own
    if not options.json:
        tell_warnings(raw)
    spec, graph = specify(options, raw)
    if spec.recipe == "auto":
        raise SpecError(
            "`train` trains one run; choosing a recipe takes a sweep.",
            where="recipe",
            mend=f"python -m vgae_core sweep {' '.join(map(shlex.quote, options.path))} --set recipe=auto --out DIR",
        )
    split = None
    if options.split:
        split = load_split(options.split)
        split.check(graph, spec.model.family)
    return train_into(out, spec, graph, split=split, as_json=options.json)


def new_folder(name: str) -> Path:
    """Return the folder of a new run; raise RunError if it holds something."""
    out = Path(name)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise RunError(f"Expected a new or an empty folder. Received: {out}.", where="--out")
    return out


def train_into(
    out: Path,
    spec: RunSpec,
    graph: GraphData,
    *,
    as_json: bool,
    split: LinkSplit | None = None,
    start: Continuation | None = None,
) -> int:
    """Train one run into a new folder, which holds a checkpoint from early on, and return the exit code.

    Parameters
    ----------
    out : Path
        New or empty.
    spec, graph : RunSpec, GraphData
    as_json : bool
        Whether events are printed as lines of JSON.
    split : LinkSplit, optional
        Held-out pairs to use instead of drawing them.
    start : Continuation, optional
        The run to go on with.
    """
    choose_threads(spec, graph)  # before the first operation, with which TensorFlow takes them
    environment.load_tensorflow()
    from vgae_core.runs.execution.pipeline import execute

    if isinstance(split, PreparedSplit):  # larger than a copy of it in each run
        write_start(out, spec, name=graph.name, fingerprint=graph.fingerprint, prepared=split.folder)
    else:
        write_beginning(out, spec, graph)
    log = EventLog(out / "events.jsonl")
    for event in start.history if start is not None else ():
        log.append(event)
    stop = stop_on_interrupt()
    show = JsonLines() if as_json else Bar(sys.stderr)

    def tell(event: Event) -> None:
        log.append(event)
        show.tell(event)

    folder = RunFolder(out)

    def keep(checkpoint: Checkpoint) -> None:
        write_arrays(folder.checkpoint_path, {**checkpoint.to_arrays(), **split_arrays(split)})

    try:
        result = execute(
            spec,
            graph,
            split=split,
            on_event=tell,
            should_stop=stop.is_set,
            on_checkpoint=keep,
            start=None if start is None else Checkpoint.from_arrays(start.start),
        )
    except BaseException:
        show.close()
        if folder.checkpoint_path.exists():
            print(
                f"Interrupted. `resume {out} --out DIR` continues from the last checkpoint.", file=sys.stderr
            )
        else:  # nothing is lost with it, and the same command can be given again
            shutil.rmtree(out)
        raise
    show.close()
    write_result(out, result)
    if as_json:
        print(json.dumps({"event": "Result", "out": str(out), "metrics": finite(result.metrics)}))
    else:
        print_scores(result.metrics)
        if (n := len(result.split.test)) < LEAST_TESTED:
            print(
                f"Only {n} of the {result.words.many} held out for testing: too few to tell one method from another."
            )
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
        print(
            "\nStopping after this epoch; the best weights so far are kept. Press Ctrl-C again to discard the "
            "run.",
            file=sys.stderr,
        )

    signal.signal(signal.SIGINT, ask)
    return stop
