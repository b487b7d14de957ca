"""``runs``: list, show, compare, delete, export and import the runs of a store, and tidy it up."""

from __future__ import annotations

import argparse
import dataclasses
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vgae_core.data.text import visible
from vgae_core.errors import RunError
from vgae_core.runs.disk.files import atomic, finite
from vgae_core.runs.exports.bundle import export_bundles, import_bundles
from vgae_core.runs.store.folder import RunFolder, read_run_dir
from vgae_core.runs.store.info import RunInfo
from vgae_core.runs.store.store import Store, default_root
from vgae_core.runs.views import paired_runs, score_rows, setting_rows

WORKSPACE = "command-line"
"""Whose runs those of the command line are."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    actions = parser.add_subparsers(required=True, metavar="ACTION")

    def action(name: str, function: Any, help: str) -> argparse.ArgumentParser:
        added = actions.add_parser(name, help=help, description=help)
        added.set_defaults(action=function)
        return added

    def as_json(added: argparse.ArgumentParser) -> None:
        added.add_argument("--json", action="store_true", help="print JSON")

    as_json(action("list", list_runs, "List the runs of the store, the newest first."))
    show = action("show", show_run, "Show the settings and scores of a run.")
    show.add_argument("runs", metavar="RUN", nargs=1, help="a run's folder, or its id in the store")
    as_json(show)
    delete = action("delete", delete_runs, "Delete runs from the store for good.")
    delete.add_argument("runs", metavar="ID", nargs="+")
    action("gc", collect, "Remove files that killed processes left in the store.")
    export = action("export", export_runs, "Export runs as one bundle.")
    export.add_argument("runs", metavar="RUN", nargs="+", help="a run's folder, or its id in the store")
    export.add_argument("--to", metavar="FILE.zip", required=True, help="the bundle")
    load = action("import", import_runs, "Check a bundle and add its runs to the store.")
    load.add_argument("bundle", metavar="FILE.zip")
    beside = action("compare", compare_runs, "Compare runs with the first one given.")
    beside.add_argument("runs", metavar="RUN", nargs="+", help="a run's folder, or its id in the store")
    beside.add_argument("--all", action="store_true", help="show all settings, not only those that differ")
    as_json(beside)


def run(options: argparse.Namespace) -> int:
    """Do what is asked of the runs."""
    return options.action(options)


def open_store() -> Store:
    """Return the store of this user; raise RunError if there is none yet."""
    if not (default_root() / "catalogue.sqlite").exists():
        raise RunError(
            "There are no runs yet.", where=str(default_root()), mend="Set VGAE_STUDIO_HOME to the store."
        )
    return Store()


def find_run(name: str) -> tuple[str, RunFolder]:
    """Return title and folder of a run: a folder, or the id of a run in the store.

    Raises
    ------
    RunError
        If it is neither, or has not ended.
    """
    if Path(name).is_dir():
        return Path(name).name, read_run_dir(Path(name))
    store = open_store()
    try:
        info = store.info(name)
        if info.active:
            raise RunError("This run has not finished.", where=name)
        return info.title, RunFolder(store.open_run(name).path)
    finally:
        store.close()


def find_runs(names: Sequence[str]) -> list[tuple[str, RunFolder]]:
    """Return :func:`find_run` of several runs; raise RunError if one has no result."""
    runs = [find_run(name) for name in names]
    for name, (_, folder) in zip(names, runs, strict=True):
        if not folder.has_result:
            raise RunError("This run has no result.", where=name)
    return runs


def export_runs(options: argparse.Namespace) -> int:
    """Export runs as one bundle."""
    to = Path(options.to)
    runs = find_runs(options.runs)
    with atomic(to) as temporary:
        export_bundles(runs, temporary)
    print(f"{len(runs)} {'run' if len(runs) == 1 else 'runs'}. Written to {to}")
    return 0


def import_runs(options: argparse.Namespace) -> int:
    """Keep the runs of a bundle in the store, and print their ids."""
    store = Store()
    try:
        for run in import_bundles(store, Path(options.bundle), WORKSPACE):
            print(visible(f"{run.id}  {run.info.title}"))
    finally:
        store.close()
    return 0


def _line(info: RunInfo) -> dict[str, Any]:
    test = (info.metrics or {}).get("test") or {}
    return {
        "id": info.id,
        "title": info.title,
        "status": info.status,
        "created": time.strftime("%Y-%m-%d %H:%M", time.localtime(info.created)),
        "roc_auc": test.get("roc_auc"),
        "average_precision": test.get("average_precision"),
        "seconds": info.seconds,
        "tags": list(info.tags),
    }


def list_runs(options: argparse.Namespace) -> int:
    """Print the runs of the store."""
    store = open_store()
    lines = [_line(info) for info in store.all_runs()]
    store.close()
    if options.json:
        print(json.dumps(finite(lines)))
        return 0
    for line in lines:
        scores = "  ".join(
            f"{name} {line[key]:.3f}"
            for name, key in (("AUC", "roc_auc"), ("AP", "average_precision"))
            if isinstance(line[key], float)
        )
        print(visible(f"{line['id']}  {line['created']}  {line['status']:9}  {line['title']}  {scores}"))
    return 0


def show_run(options: argparse.Namespace) -> int:
    """Print settings and scores of a run."""
    return _print_comparison(find_runs(options.runs), everything=True, as_json=options.json)


def compare_runs(options: argparse.Namespace) -> int:
    """Print what differs between runs."""
    if len(options.runs) < 2:
        raise RunError("A comparison needs at least two runs.", where="RUN")
    return _print_comparison(find_runs(options.runs), everything=options.all, as_json=options.json)


def _print_comparison(runs: list[tuple[str, RunFolder]], *, everything: bool, as_json: bool) -> int:
    results = [folder.result() for _, folder in runs]
    settings = [
        row for row in setting_rows.settings_rows([r.spec for r in results]) if everything or row.differs
    ]
    scores = score_rows.score_rows([result.metrics for result in results])
    graphs = [folder.graph() for _, folder in runs]
    found = [
        paired_runs.paired((results[0], graphs[0]), (result, graph))
        for result, graph in zip(results[1:], graphs[1:], strict=True)
    ]
    if as_json:
        values = {
            "runs": [title for title, _ in runs],
            "settings": [{"section": r.section, "title": r.title, "values": r.values} for r in settings],
            "scores": [{"part": r.part, "title": r.title, "values": r.values} for r in scores],
            "differences": [
                {
                    "verdict": paired_runs.verdict(one),
                    "caution": one.caution,
                    "edges": one.n_edges,
                    "non_edges": one.n_others,
                    "scores": {
                        key: {**dataclasses.asdict(score), "difference": score.difference}
                        for key, score in one.scores.items()
                    },
                }
                for one in found
            ],
        }
        print(json.dumps(finite(values), ensure_ascii=False))
        return 0
    for place, (title, _) in enumerate(runs, 1):
        print(visible(f"{place}. {title}"))
    for row in settings:
        print(visible(f"{row.section}: {row.title}: {'  |  '.join(row.values)}"))
    for one in scores:
        print(f"{one.part}: {one.title}: {'  |  '.join(map(score_rows.as_text, one.values))}")
    for place, difference in enumerate(found, 2):
        text = paired_runs.verdict(difference) or "cannot be compared"
        print(f"Run {place} {text}. {difference.caution}".rstrip())
    return 0


def delete_runs(options: argparse.Namespace) -> int:
    """Remove runs of the store, whoever's they are: whoever may start this command may remove the files too."""
    store = open_store()
    try:
        for run_id in options.runs:
            store.delete_run(run_id, store.workspace_of(run_id))
            print(f"Deleted {run_id}")
    finally:
        store.close()
    return 0


def collect(options: argparse.Namespace) -> int:
    """Open the store, which removes what is nobody's, and say what it holds."""
    store = open_store()
    number = len(store.all_runs())
    swept = store.swept
    store.close()
    for path in swept:
        print(f"Removed {path}")
    print(f"{len(swept)} files and folders removed; {number} runs kept.")
    return 0
