"""The command line, ``python -m vgae_core COMMAND``: inspect, train, evaluate, rank, score, whatif, embed, export.

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
import signal
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from scipy import sparse

from vgae_core.analysis.baselines import BASELINES, ENTRY_BASELINES, WEIGHT_BASELINES, explained
from vgae_core.analysis.entries import recommended
from vgae_core.analysis.metrics import WEIGHTS
from vgae_core.analysis.rankings import RANKINGS, LinkSearch
from vgae_core.catalogue.recipes import RECIPES
from vgae_core.data import arguments
from vgae_core.data.dataset import GraphData, RawGraph
from vgae_core.data.repairs import repair
from vgae_core.data.report import inspect
from vgae_core.data.splits import load_split
from vgae_core.data.synthetic import synthetic
from vgae_core.data.text import visible
from vgae_core.errors import DataError, RunError, SpecError, StudioError
from vgae_core.runs.answers import TOP, Answers, find_node, pairs_of
from vgae_core.runs.bundle import export_bundle
from vgae_core.runs.codes import WHY, completed, encoded_from
from vgae_core.runs.evaluation import evaluate_result
from vgae_core.runs.export import PROTECT, entry_table, missing_table, write_embedding, write_table
from vgae_core.runs.folder import atomic, event_line, finite, read_run_dir, write_run_dir
from vgae_core.runs.logs import LOGS
from vgae_core.settings import RunSpec
from vgae_core.settings.defaults import for_family
from vgae_core.settings.recipes import candidates
from vgae_core.training.events import EpochEnd, Event, Stage, Started, Trial
from vgae_core.training.progress import STAGES

if TYPE_CHECKING:
    from vgae_core.what_if.rows import RowsWhatIf
    from vgae_core.what_if.scenario import Scenario

LINKS = 1000
"""Missing links that are exported, the likeliest first."""

MOVED = 1e-3
"""Distance from its code in the run from which a node counts as moved."""

SENTENCES = 4
"""Edges of a file that `inspect` tells in words."""

BAR = 30
"""Characters of the progress bar."""


def main(given: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code: 0, 1 where training failed, 2 on bad input."""
    options = _parser().parse_args(given)
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
        print(f"{'file':>20}  {visible(arguments.taken_for(file))}")
        for judgement in file.judgements:
            mark = "" if judgement.sure else "?"
            print(f"{judgement.title.lower() + mark:>20}  {visible(judgement.text)}")
        for sentence in file.sentences[:SENTENCES]:
            print(f"{'':>20}  {visible(sentence)}")
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
        split.check(graph, spec.model.family)
    _choose_threads(spec, graph)

    from vgae_core.runs.pipeline import execute  # TensorFlow, only now that it is needed

    stop = _stop_on_interrupt()
    events: list[Event] = []
    recipes = candidates(spec, has_features=graph.features is not None) if spec.recipe == "auto" else ()
    show = _JsonLines() if options.json else _Bar(sys.stderr, tuple(recipes))

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
    graph = run.graph()
    result = completed(run.result(), graph)
    if options.what == "embedding":
        write_embedding(to, result, graph, protect=options.protect)
    elif run.spec.model.family == "vae":
        known = sparse.csr_array(graph.features)
        pairs, logits = recommended(result.codes.left, result.codes.right, known, LINKS)
        write_table(
            to, entry_table(graph, pairs, logits, str(result.model["scale"])), protect=options.protect
        )
    else:
        pairs, logits = result.missing_links(graph, LINKS, LinkSearch(ranking=options.ranking))
        write_table(to, missing_table(graph, pairs, logits, result.weights(pairs)), protect=options.protect)
    why = f" ({visible(result.model[WHY])})" if WHY in result.model else ""
    print(f"Encoded from {encoded_from(result)}{why}. Written to {to}")
    return 0


def embed_command(options: argparse.Namespace) -> int:
    """Write the codes that a run's encoder gives a graph enlarged by new nodes and edges."""
    run = read_run_dir(options.run)
    more = _read(options)

    from vgae_core.runs.embed import embed

    found = embed(run.spec, run.result(), run.graph(), more)
    write_table(Path(options.to), found.table())
    print(
        f"{len(found.z_mean) - found.n_trained:,} new nodes; of {found.n_trained:,} nodes of training "
        f"{int((found.moved > MOVED).sum()):,} moved. Written to {options.to}"
    )
    return 0


def rank_command(options: argparse.Namespace) -> int:
    """Print the likeliest new links of one node, or its own, the least likely first."""
    run = read_run_dir(options.run)
    graph = run.graph()
    answers = Answers(run.result(), graph)
    node = find_node(graph, options.node)
    find = answers.existing if options.existing else partial(answers.rank, k=options.top)
    table = answers.table(find(node, direction="in" if options.incoming else "out"))[: options.top]
    if options.to:
        write_table(Path(options.to), table)
        print(f"{len(table):,} links of {graph.node_ids[node]}. Written to {options.to}")
    elif options.json:
        print(json.dumps({"node": str(graph.node_ids[node]), "links": finite(table.to_dict("records"))}))
    else:
        print(table.to_string(index=False, float_format=lambda value: f"{value:.4g}"))
    return 0


def score_command(options: argparse.Namespace) -> int:
    """Write what a run says of the pairs in a file."""
    run = read_run_dir(options.run)
    graph = run.graph()
    pairs, unknown = pairs_of(graph, arguments.read_pairs(options.pairs))
    if not len(pairs):
        raise DataError(f"No pair joins two nodes of the run, which has no {unknown[0]!r:.60}.",
                        where=options.pairs, mend="Use the node ids of the run.")  # fmt: skip
    table = Answers(run.result(), graph).score_table(pairs)
    write_table(Path(options.to), table)
    left_out = f" {len(unknown):,} names are no nodes: {', '.join(unknown[:5])}." if unknown else ""
    print(f"{len(table):,} pairs scored.{left_out} Written to {options.to}")
    return 0


def whatif_command(options: argparse.Namespace) -> int:
    """Print what a scenario of edits changes in the answers of a run, and why the watched pair has its score."""
    from vgae_core.what_if import telling, why
    from vgae_core.what_if.answer import answer, watched
    from vgae_core.what_if.model import WhatIf
    from vgae_core.what_if.rows import RowsWhatIf
    from vgae_core.what_if.scenario import MAX_JSON, Scenario

    with Path(options.edits).open(encoding="utf-8-sig") as file:
        scenario = Scenario.from_json(file.read(MAX_JSON + 1))
    run = read_run_dir(options.run)
    result = run.result()
    if result.of_matrix:
        return _whatif_rows(RowsWhatIf(result, run.graph()), scenario, options)
    model = WhatIf(result, run.graph())
    found = answer(model, scenario, "in" if options.incoming else "out")
    values = {"scenario": scenario.to_dict(), **found.to_dict()}
    lines = list(telling.lines(found))
    if options.why:
        changes = model.changes(scenario.active)
        ends = watched(model, scenario, changes)
        if ends is None or ends[1] is None:
            raise SpecError(
                "A reason needs a pair.", where="--why", mend="Name two nodes as `pair` of the scenario."
            )
        pair = (ends[0], ends[1]) if not options.incoming else (ends[1], ends[0])
        for kind, title, ask in why.REASONS:
            effects = ask(model, changes, pair, None)
            values[kind] = {
                "found": [finite(effect.to_dict()) for effect in effects.found],
                "left": effects.n_left,
            }
            lines += telling.reasons(title, effects)
    if options.json:
        print(json.dumps(finite(values), ensure_ascii=False))
    else:
        print("\n".join(visible(line) for line in lines))
    return 0


def _whatif_rows(model: RowsWhatIf, scenario: Scenario, options: argparse.Namespace) -> int:
    """Do as :func:`whatif_command` for a matrix."""
    from vgae_core.what_if import telling
    from vgae_core.what_if.rows import leave_out_entries

    found = model.answer(scenario)
    values, lines = {"scenario": scenario.to_dict(), **found.to_dict()}, list(telling.lines(found))
    if options.why:
        if scenario.pair is None or not scenario.pair[1]:
            raise SpecError(
                "A reason needs a pair.", where="--why", mend="Name a row and a column as `pair`."
            )
        changes = model.changes(scenario.active)
        row, column = model.names.find(scenario.pair[0], changes.new), model.columns.find(scenario.pair[1])
        effects = leave_out_entries(model, changes, row, column)
        values["entries"] = {"found": [effect.to_dict() for effect in effects.found], "left": effects.n_left}
        lines += telling.reasons("Each entry of the row cleared", effects)
    print(json.dumps(finite(values), ensure_ascii=False) if options.json else "\n".join(map(visible, lines)))
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
    """Return the data set that the arguments name; on a terminal a bar shows how far the reading is."""
    if options.json or not sys.stderr.isatty():
        return arguments.read(options)
    bar = _Bar(sys.stderr)
    return arguments.read(options, lambda share, message: bar.part(share, message))


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
        spec = for_family(
            spec,
            family,
            feature_kind=profile.feature_kind,
            has_labels=profile.n_classes > 0,
            own_units=profile.own_units,
        )
    spec = _changed(spec, [change for change in changes if not change[0].startswith("dataset.")])
    first = options.path[0]
    source = first if first.startswith(arguments.SAMPLE) else f"upload:{graph.fingerprint}"
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
    if reasons := explained(metrics.get("left_out", {})):
        print(visible(reasons))
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


def _scores(val: Mapping[str, float]) -> str:
    return "".join(f"  val {name} {value:.4f}" for name, value in val.items())


class _JsonLines:
    """Prints each event as a line of JSON."""

    def tell(self, event: Event) -> None:
        print(event_line(event), flush=True)

    def close(self) -> None:
        """Nothing is open."""


class _Bar:
    """Draws a progress bar on a terminal, and a line for each stage elsewhere.

    Parameters
    ----------
    stream : TextIO
    recipes : tuple of str
        Keys of the recipes that will be tried, in order.
    """

    def __init__(self, stream: TextIO, recipes: tuple[str, ...] = ()) -> None:
        self._stream, self._recipes = stream, recipes
        self._trial: Trial | None = None
        self._terminal = stream.isatty()
        self._epochs = 0
        self._drawn = 0.0

    def tell(self, event: Event) -> None:
        if isinstance(event, Stage):
            self._say(STAGES.get(event.name, event.name))
        elif isinstance(event, Started):
            self._end_trial()
            self._epochs = event.epochs
            if not self._recipes:  # else all epochs are already over and only repeated
                self._say(STAGES["training"])
        elif isinstance(event, Trial):
            self._tell_trial(event)
        elif (
            isinstance(event, EpochEnd)
            and self._terminal
            and not self._recipes
            and time.monotonic() - self._drawn > 0.1
        ):
            self._drawn = time.monotonic()
            self._epoch("", event.epoch, self._epochs, event.val)

    def _tell_trial(self, trial: Trial) -> None:
        """Show which recipe is being tried, and how far it is."""
        if self._trial is None or self._trial.recipe != trial.recipe:
            self._end_trial()
            self._say(f"{self._name(trial)}: at most {trial.epochs:,} epochs")
        elif self._terminal and trial.epoch:
            self._epoch(f"{self._name(trial)} ", trial.epoch, trial.epochs, trial.val)
        self._trial = trial

    def _end_trial(self) -> None:
        """Say how the recipe tried last ended; the line stays on a terminal too."""
        trial, self._trial = self._trial, None
        if trial is None:
            return
        ended = (
            trial.message or f"{trial.epoch:,} epochs, the best was {trial.best_epoch:,}{_scores(trial.val)}"
        )
        self._say(f"{self._name(trial)}: {ended}" + ("\n" if self._terminal else ""))

    def _name(self, trial: Trial) -> str:
        place = self._recipes.index(trial.recipe) + 1
        return f"Recipe {place} of {len(self._recipes)}, {RECIPES[trial.recipe].title}"

    def _epoch(self, which: str, epoch: int, epochs: int, val: Mapping[str, float]) -> None:
        full = round(BAR * epoch / epochs)
        self._draw(f"{which}[{'#' * full}{'.' * (BAR - full)}] epoch {epoch}/{epochs}{_scores(val)}")

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

    arguments.add(command("inspect", inspect_command, "Say what is in a data set."))

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
    arguments.add(train)
    specification(train)
    train.add_argument("--split", metavar="SPLIT.npz", help="held-out pairs to use instead of drawing them")
    train.add_argument("--out", metavar="RUN_DIR", required=True, help="a new folder for the run")

    benchmark = command("benchmark", benchmark_command, "Measure what training costs on this machine.")
    arguments.add(benchmark, optional=True)
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
    arguments.add(embed)
    embed.add_argument("--to", metavar="FILE", required=True, help=".csv or .parquet")

    rank = command("rank", rank_command, "Rank the likeliest new links of one node.")
    rank.add_argument("run", metavar="RUN_DIR")
    rank.add_argument("--node", metavar="NAME", required=True, help="the node, by its name")
    rank.add_argument("--top", type=int, default=TOP, metavar="K", help=f"links to list (default {TOP})")
    rank.add_argument("--incoming", action="store_true", help="of a directed graph: links to the node")
    rank.add_argument("--existing", action="store_true", help="its links instead, the least likely first")
    rank.add_argument("--to", metavar="FILE", help=".csv or .parquet")
    rank.add_argument("--json", action="store_true", help="print JSON")

    score = command("score", score_command, "Score pairs of nodes.")
    score.add_argument("run", metavar="RUN_DIR")
    score.add_argument("pairs", metavar="PAIRS", help="a file with one pair of names per row")
    score.add_argument("--to", metavar="FILE", required=True, help=".csv or .parquet")

    whatif = command("whatif", whatif_command, "Ask what edits of the graph would change.")
    whatif.add_argument("run", metavar="RUN_DIR")
    whatif.add_argument(
        "--edits", metavar="E.json", required=True, help="a scenario, as the What if page saves it"
    )
    whatif.add_argument(
        "--incoming", action="store_true", help="of a directed graph: links to the watched node"
    )
    whatif.add_argument(
        "--why", action="store_true", help="also leave out each edge, feature and short path in turn"
    )
    whatif.add_argument("--json", action="store_true", help="print JSON")

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
        "--ranking", choices=list(RANKINGS), default=LinkSearch().ranking, help="of links: which come first"
    )
    export.add_argument(
        "--protect", action="store_true", help=f"{PROTECT.title[0].lower()}{PROTECT.title[1:]}"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
