"""The command line: ``python -m vgae_core inspect | train | evaluate | embed | export | benchmark``.

The dashboard's worker runs the same functions in the same environment, so the same seed
gives the same numbers.
"""

from __future__ import annotations

from vgae_core.runs import environment

if __name__ == "__main__":
    environment.restart()
    environment.apply()  # before NumPy and TensorFlow read it

import argparse
import json
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TextIO

from scipy import sparse

from vgae_core.analysis.baselines import BASELINES, ENTRY_BASELINES, WEIGHT_BASELINES
from vgae_core.analysis.entries import recommended
from vgae_core.analysis.metrics import WEIGHTS
from vgae_core.data.dataset import FileReport, GraphData, RawGraph
from vgae_core.data.limits import LIMITS
from vgae_core.data.readers import SourceFile, read_isolated
from vgae_core.data.readers.archives import is_data
from vgae_core.data.repairs import repair
from vgae_core.data.report import inspect
from vgae_core.data.samples import load_sample
from vgae_core.data.splits import load_split
from vgae_core.data.synthetic import synthetic
from vgae_core.data.text import visible
from vgae_core.errors import DataError, RunError, SpecError, StudioError
from vgae_core.runs.bundle import export_bundle
from vgae_core.runs.evaluation import evaluate_result
from vgae_core.runs.export import PROTECT, entry_table, link_table, write_embedding, write_table
from vgae_core.runs.folder import atomic, event_line, finite, read_run_dir, write_run_dir
from vgae_core.runs.logs import LOGS
from vgae_core.spec import USES, FileSpec, RunSpec, for_family, settings
from vgae_core.training.events import EpochEnd, Event, Stage, Started
from vgae_core.training.progress import STAGES

SAMPLE = "sample:"
LINKS = 1000
"""Missing links that are exported, the likeliest first."""

MOVED = 1e-3
"""Distance from its code in the run from which a node counts as moved."""

BAR = 30
"""Characters of the progress bar."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code: 0, 1 where training failed, 2 on bad input."""
    options = _parser().parse_args(arguments)
    try:
        return options.command(options)
    except StudioError as error:
        return _refuse(str(error))
    except KeyboardInterrupt:
        return 130
    except UnicodeDecodeError as error:
        return _refuse(f"Not a text file: {error}.")
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        return _refuse(f"{place}{error.strerror or error}. Check the path and its permissions.")


def _refuse(message: str) -> int:
    print(f"error: {' '.join(visible(message).split())}", file=sys.stderr)
    return 2


# -------------------------------------------------------------------------- commands
def inspect_command(options: argparse.Namespace) -> int:
    """Print what is in a data set."""
    found = inspect(_read(options))
    report = found.to_dict()
    if options.json:
        print(json.dumps(finite(report), ensure_ascii=False))
        return 0
    for key, value in report.items():
        if isinstance(value, str | int | float | bool) or value is None:
            print(f"{key:>20}  {_said(value)}")
    for file in found.files:
        print(f"{'file':>20}  {visible(_taken_for(file))}")
    for finding in report["findings"]:
        print(f"{finding['level']:>20}  {visible(finding['message'])}")
    return 0


def train_command(options: argparse.Namespace) -> int:
    """Train one run and write its folder."""
    out = Path(options.out)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise RunError(f"Expected a new or an empty folder. Received: {out}.", where="--out")
    raw = _read(options)
    spec, graph = _specify(options, raw)
    split = None
    if options.split:
        split = load_split(options.split)
        split.check(graph)
    _choose_threads(spec, graph)

    from vgae_core.runs.pipeline import execute  # TensorFlow, only now that it is needed

    stop = _stop_on_interrupt()
    events: list[Event] = []
    show = _JsonLines() if options.json else _Bar(sys.stderr)

    def tell(event: Event) -> None:
        events.append(event)
        show.tell(event)

    result = execute(spec, graph, split=split, on_event=tell, should_stop=stop.is_set)
    show.close()
    write_run_dir(out, spec, graph, result, events)
    if options.json:
        print(json.dumps({"event": "Result", "out": str(out), "metrics": finite(result.metrics)}))
    else:
        _print_scores(result.metrics)
        kept = f"{result.spec.training.keep.capitalize()} epoch {result.finished.best_epoch}"
        print(f"\n{kept}, {result.finished.seconds:.1f} s. Written to {out}")
    if result.finished.reason == "failed":
        print(f"error: {visible(result.finished.message)}", file=sys.stderr)
        return 1
    return 130 if result.finished.reason == "cancelled" else 0


def evaluate_command(options: argparse.Namespace) -> int:
    """Work the scores of a run out again from its codes, its data and its split."""
    run = read_run_dir(options.run)
    metrics = evaluate_result(run.result(), run.graph())[1]
    if options.json:
        print(json.dumps(finite(metrics)))
    else:
        _print_scores(metrics)
    return 0


def export_command(options: argparse.Namespace) -> int:
    """Write a part of a run to a file."""
    run, to = read_run_dir(options.run), Path(options.to)
    if options.what == "log":
        if to.suffix not in LOGS:
            raise RunError(
                f"No log is written as {to.suffix!r}.", where=str(to), mend=f"Use {' or '.join(LOGS)}."
            )
        with atomic(to) as temporary:
            temporary.write_bytes(LOGS[to.suffix](run.events()))
        return 0
    if options.what == "script":
        from vgae_core.runs.script import export_script  # TensorFlow, only now that it is needed

        with atomic(to) as temporary:
            export_script(run, temporary)
        return 0
    if options.what == "bundle":
        with atomic(to) as temporary:
            export_bundle(run, temporary)
        return 0
    result, graph = run.result(), run.graph()
    if options.what == "embedding":
        write_embedding(to, result, graph, protect=options.protect)
    elif run.spec.model.family == "vae":
        known = sparse.csr_array(graph.features)
        pairs, logits = recommended(result.left, result.right, known, LINKS)
        write_table(
            to, entry_table(graph, pairs, logits, str(result.model["scale"])), protect=options.protect
        )
    else:
        pairs, logits = result.missing_links(graph, LINKS)
        write_table(to, link_table(graph, pairs, logits, result.weights(pairs)), protect=options.protect)
    return 0


def embed_command(options: argparse.Namespace) -> int:
    """Write the codes that a run's encoder gives a graph enlarged by new nodes and edges."""
    run = read_run_dir(options.run)
    more = _read(options)

    from vgae_core.runs.embed import embed  # TensorFlow, only now that it is needed

    found = embed(run.spec, run.result(), run.graph(), more)
    write_table(Path(options.to), found.table())
    print(
        f"{len(found.z_mean) - found.n_trained:,} new nodes; of {found.n_trained:,} nodes of training "
        f"{int((found.moved > MOVED).sum()):,} moved. Written to {options.to}"
    )
    return 0


def benchmark_command(options: argparse.Namespace) -> int:
    """Print what a few epochs cost on this machine, as one line of JSON."""
    if options.path:
        spec, graph = _specify(options, _read(options))
    else:
        spec = _changed(RunSpec(), [_change(text) for text in options.set])
        mapped = spec.training.propagation == "once"
        graph = synthetic(options.nodes, options.edges, seed=options.seed or 0, mapped=mapped)
    if options.epochs is not None:
        spec = spec.replace("training.epochs", options.epochs)
    _choose_threads(spec, graph)

    from vgae_core.runs.benchmark import measure  # TensorFlow, only now that it is needed

    print(json.dumps(measure(spec, graph)))
    return 0


# ----------------------------------------------------------------------------- input
def _read(options: argparse.Namespace) -> RawGraph:
    """Return the data set that the arguments name."""
    first = options.path[0]
    said = [_said_of(text) for text in options.read]
    if first.startswith(SAMPLE):
        if len(options.path) > 1 or options.features or options.labels or said:
            raise DataError("A sample brings its own features and labels.", where=first)
        return load_sample(first.removeprefix(SAMPLE))
    files = [source for path in options.path for source in _sources(path)]
    known = _known(options)
    for role, path in (("features", options.features), ("labels", options.labels)):
        if path:
            (source,) = _sources(path) if Path(path).is_file() else [_missing(path)]
            files.append(source)
            said.append((source.name, "role", role))
    if len(options.path) == 1 and len(files) > 1 and not Path(first).is_dir():
        said.append((files[0].name, "role", "edges"))
    for name, key, value in said:
        known[name] = _told(known.get(name, FileSpec(name=name)), key, value)
    raw = read_isolated(files, list(known.values()), progress=_reading(options))
    strange = next((f for f in raw.findings if f.code == "choices-unused"), None)
    if strange is not None and any(name in strange.examples for name, *_ in said):
        there = ", ".join(report.how.name for report in raw.files)
        raise SpecError(strange.message, where="--read", mend=f"The files are: {there}.")
    return raw


def _reading(options: argparse.Namespace) -> Callable[[float, str], None] | None:
    """Return what shows how far the reading is: on a terminal, unless JSON is asked for."""
    if options.json or not sys.stderr.isatty():
        return None
    bar = _Bar(sys.stderr)
    return lambda share, message: bar.part(share, message)


def _known(options: argparse.Namespace) -> dict[str, FileSpec]:
    """Return how the files of a specification were read, by their names."""
    if not getattr(options, "spec", None):
        return {}
    spec = RunSpec.from_json(Path(options.spec).read_text("utf-8"))
    return {file.name: file for file in spec.dataset.files}


def _sources(path: str) -> list[SourceFile]:
    """Return the file at `path`, or those in the folder at `path`."""
    if not Path(path).is_dir():
        return [SourceFile(Path(path).name, Path(path)) if Path(path).is_file() else _missing(path)]
    found = [
        file for file in sorted(Path(path).rglob("*")) if file.is_file() and is_data(file.relative_to(path))
    ]
    if not found:
        raise DataError("The folder holds no files.", where=path, mend="Give the path of a file.")
    LIMITS.check("files", len(found), where=path)
    return [SourceFile(file.name, file) for file in found]


def _missing(path: str) -> SourceFile:
    raise DataError("There is no such file.", where=path, mend="Check the path.")


_SAID = re.compile(
    r"(?P<name>.+?):(?P<key>role|separator|header|first_row|uses\..+)=(?P<value>[^=]*)", re.DOTALL
)


def _said_of(text: str) -> tuple[str, str, str]:
    """Return file, setting and value of ``FILE:SETTING=VALUE``."""
    match = _SAID.fullmatch(text)
    if match is None:
        raise SpecError(
            f"Expected FILE:SETTING=VALUE. Received: {text!r}.",
            where="--read",
            mend="For example edges.csv:header=no, or features.csv:uses.y=features.",
        )
    return match["name"], match["key"], match["value"]


def _told(file: FileSpec, key: str, value: str) -> FileSpec:
    """Return `file` with one setting changed; what was said last counts."""
    values = file.to_dict()
    if key.startswith("uses."):
        values["uses"] = {**values["uses"], key.removeprefix("uses."): value}
    else:
        values[key] = value
    return FileSpec.from_dict(values)


def _specify(options: argparse.Namespace, raw: RawGraph) -> tuple[RunSpec, GraphData]:
    """Return the specification that the arguments describe, and the graph after its repairs.

    Without ``--spec`` every output the data allow is listed, so that ``--set`` can switch it on.
    """
    spec = RunSpec.from_json(Path(options.spec).read_text("utf-8")) if options.spec else RunSpec()
    changes = [*(_change(text) for text in options.set)]
    if options.epochs is not None:
        changes.append(("training.epochs", options.epochs))
    if options.seed is not None:
        changes.append(("seed", options.seed))
    spec = _changed(spec, [change for change in changes if change[0].startswith("dataset.")])
    graph = repair(raw, spec.dataset.repairs)
    if not options.spec:
        profile = graph.profile
        family = str(dict(changes).get("model.family", "vae" if graph.is_matrix else spec.model.family))
        spec = for_family(spec, family, feature_kind=profile.feature_kind, has_labels=profile.n_classes > 0)
    spec = _changed(spec, [change for change in changes if not change[0].startswith("dataset.")])
    first = options.path[0]
    source = first if first.startswith(SAMPLE) else f"upload:{graph.fingerprint}"
    files = [report.how.to_dict() for report in raw.files]
    spec = spec.replace("dataset.source", source).replace("dataset.files", files)
    return spec.replace("dataset.name", graph.name), graph


def _choose_threads(spec: RunSpec, graph: GraphData) -> None:
    """Give this process the threads of its run, unless whoever called :func:`main` has loaded TensorFlow."""
    if "tensorflow" not in sys.modules:
        environment.apply(environment.operation_threads(spec, graph.profile))


def _changed(spec: RunSpec, changes: Sequence[tuple[str, Any]]) -> RunSpec:
    for key, value in changes:
        spec = spec.replace(key, value)
    return spec


def _change(text: str) -> tuple[str, Any]:
    """Return key and value of ``dotted.key=value``; the value is JSON, or else text."""
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise SpecError(
            f"Expected dotted.key=value. Received: {text!r}.",
            where="--set",
            mend="For example model.latent_dim=32.",
        )
    try:
        return key, json.loads(value)
    except (ValueError, RecursionError):
        return key, value


def _stop_on_interrupt() -> threading.Event:
    """Return an event that the first Ctrl-C sets; the second one ends the program."""
    stop = threading.Event()

    def ask(number: int, frame: Any) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        print("\nCancelling; what was learnt so far is kept. Ctrl-C again to give it up.", file=sys.stderr)

    signal.signal(signal.SIGINT, ask)
    return stop


# ---------------------------------------------------------------------------- output
def _print_scores(metrics: Any) -> None:
    rows = [("this model", metrics["test"])]
    if "network" in metrics:
        rows.append(("its network alone", metrics["network"]))
    titles = {name: entry.title for name, entry in BASELINES.items()}
    titles |= {name: title for name, (title, _) in (ENTRY_BASELINES | WEIGHT_BASELINES).items()}
    rows += [(titles.get(name, name), values) for name, values in metrics["baselines"].items()]
    print(f"{'held out':>26}  {'AUC':>8}  {'AP':>8}")
    for name, values in sorted(rows, key=lambda row: -row[1]["roc_auc"]):
        print(f"{visible(name):>26}  {values['roc_auc']:8.4f}  {values['average_precision']:8.4f}")
    if "weights" in metrics:
        print(
            "  ".join([f"\n{'weights of held-out edges':>26}", *(entry.title for entry in WEIGHTS.values())])
        )
        for name, values in metrics["weights"].items():
            told = [f"{titles.get(name, 'this model'):>26}"]
            for key, entry in WEIGHTS.items():
                text = "-" if values[key] is None else f"{values[key]:.4g}"
                told.append(text.rjust(len(entry.title)))
            print("  ".join(told))


def _taken_for(file: FileReport) -> str:
    """Return in one line what a file was recognised as, and what was assumed of its parts."""
    if file.how.role == "ignore":
        return f"{file.how.name}: left out"
    layout = [f"{file.separator}-separated"] if file.separator else []
    layout += [{"yes": "with a header", "no": "without a header"}[file.header]] if file.header else []
    told = [f"{part.name}={part.use}" for part in file.parts if part.use != "features"]
    columns = file.n_parts - len(told)
    told += [f"{columns:,} features"] if columns else []
    about = f" ({', '.join(layout)})" if layout else ""
    return f"{file.how.name}: {file.how.role} from {file.format}{about}" + (
        f": {', '.join(told)}" if told else ""
    )


def _said(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "-"}[value]
    return (
        f"{value:,}"
        if isinstance(value, int)
        else f"{value:.4g}"
        if isinstance(value, float)
        else visible(value)
    )


class _JsonLines:
    """Prints each event as a line of JSON."""

    def tell(self, event: Event) -> None:
        print(event_line(event), flush=True)

    def close(self) -> None:
        """Nothing is open."""


class _Bar:
    """Draws a progress bar on a terminal, and a line for each stage elsewhere."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._terminal = stream.isatty()
        self._epochs = 0
        self._drawn = 0.0

    def tell(self, event: Event) -> None:
        if isinstance(event, Stage):
            self._say(STAGES.get(event.name, event.name))
        elif isinstance(event, Started):
            self._epochs = event.epochs
            self._say(STAGES["training"])
        elif isinstance(event, EpochEnd) and self._terminal and time.monotonic() - self._drawn > 0.1:
            self._drawn = time.monotonic()
            full = round(BAR * event.epoch / self._epochs)
            scores = "".join(f"  val {name} {value:.4f}" for name, value in event.val.items())
            self._draw(f"[{'#' * full}{'.' * (BAR - full)}] epoch {event.epoch}/{self._epochs}{scores}")

    def part(self, share: float, message: str) -> None:
        """Show how much of one step is done."""
        full = round(BAR * share)
        self._draw(f"[{'#' * full}{'.' * (BAR - full)}] {message}" if share < 1 else "")

    def close(self) -> None:
        if self._terminal:
            self._draw("")

    def _say(self, text: str) -> None:
        if self._terminal:
            self._draw(text)
        else:
            print(text, file=self._stream, flush=True)

    def _draw(self, text: str) -> None:
        self._stream.write(f"\r\x1b[K{text}")
        self._stream.flush()


# ------------------------------------------------------------------------- arguments
def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m vgae_core", description="Variational graph auto-encoders."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, function: Any, help: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=help, description=help)
        added.set_defaults(command=function)
        return added

    def data(added: argparse.ArgumentParser, *, optional: bool = False) -> None:
        added.add_argument(
            "path",
            nargs="*" if optional else "+",
            metavar="PATH|sample:NAME",
            help="the files of a data set, an archive or a folder of them, or the name of a sample",
        )
        added.add_argument("--features", metavar="PATH", help="node features")
        added.add_argument("--labels", metavar="PATH", help="node labels")
        added.add_argument(
            "--read",
            metavar="FILE:SETTING=VALUE",
            action="append",
            default=[],
            help="how a file is read, where its content does not tell: edges.csv:header=no, "
            "features.csv:uses.y=features; `inspect` says what was recognised and assumed. "
            f"Settings: {', '.join(f.key for f in settings(FileSpec) if f.key != 'name')}, uses.PART. "
            f"Uses: {', '.join(USES)}",
        )
        added.add_argument("--json", action="store_true", help="print JSON")

    data(command("inspect", inspect_command, "Say what is in a data set."))

    def specification(added: argparse.ArgumentParser) -> None:
        added.add_argument("--spec", metavar="S.json", help="a specification, as spec.json of a run")
        added.add_argument(
            "--set",
            metavar="KEY=VALUE",
            action="append",
            default=[],
            help="one setting, e.g. model.latent_dim=32",
        )
        added.add_argument("--epochs", type=int, metavar="N", help="same as --set training.epochs=N")
        added.add_argument("--seed", type=int, metavar="S", help="same as --set seed=S")

    train = command("train", train_command, "Train one model and write its folder.")
    data(train)
    specification(train)
    train.add_argument("--split", metavar="SPLIT.npz", help="held-out pairs to use instead of drawing them")
    train.add_argument("--out", metavar="RUN_DIR", required=True, help="a new folder for the run")

    benchmark = command("benchmark", benchmark_command, "Measure what training costs on this machine.")
    data(benchmark, optional=True)
    benchmark.add_argument(
        "--nodes", type=int, default=100_000, metavar="N", help="without PATH: of a generated graph"
    )
    benchmark.add_argument(
        "--edges", type=int, default=1_000_000, metavar="M", help="without PATH: as --nodes"
    )
    specification(benchmark)

    evaluate = command("evaluate", evaluate_command, "Work the scores of a run out again.")
    evaluate.add_argument("run", metavar="RUN_DIR")
    evaluate.add_argument("--json", action="store_true", help="print JSON")

    embed = command("embed", embed_command, "Give new nodes a code with the weights of a finished run.")
    embed.add_argument("run", metavar="RUN_DIR")
    data(embed)
    embed.add_argument("--to", metavar="FILE", required=True, help=".csv or .parquet")

    export = command("export", export_command, "Write a part of a run to a file.")
    export.add_argument("run", metavar="RUN_DIR")
    export.add_argument("--what", required=True, choices=["embedding", "links", "bundle", "script", "log"])
    export.add_argument(
        "--to",
        metavar="FILE",
        required=True,
        help="embedding: .csv, .parquet, .npz or .zip (TensorBoard projector); links: .csv or .parquet; script: .zip; "
        "log: .csv or .tfevents (TensorBoard)",
    )
    export.add_argument(
        "--protect", action="store_true", help=f"{PROTECT.title[0].lower()}{PROTECT.title[1:]}"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
