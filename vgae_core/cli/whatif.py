"""``whatif``: what edits of a graph or matrix would change."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from vgae_core.data.text import visible
from vgae_core.errors import SpecError
from vgae_core.runs.disk.files import finite
from vgae_core.runs.store.folder import read_run_dir
from vgae_core.what_if.rows import RowsWhatIf
from vgae_core.what_if.scenario import Scenario


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("run_dir", metavar="RUN_DIR")
    parser.add_argument(
        "--edits", metavar="E.json", required=True, help="a scenario, as saved by the What if page"
    )
    parser.add_argument(
        "--incoming",
        action="store_true",
        help="directed graphs: links to the watched node instead of from it",
    )
    parser.add_argument(
        "--why", action="store_true", help="also explain: leave out each edge, feature and short path in turn"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(options: argparse.Namespace) -> int:
    """Print what a scenario of edits changes in the answers of a run, and why the watched pair has its score."""
    from vgae_core.what_if import telling, why
    from vgae_core.what_if.answer import answer, watched
    from vgae_core.what_if.model import WhatIf
    from vgae_core.what_if.rows import RowsWhatIf
    from vgae_core.what_if.scenario import MAX_JSON, Scenario

    with Path(options.edits).open(encoding="utf-8-sig") as file:
        scenario = Scenario.from_json(file.read(MAX_JSON + 1))
    folder = read_run_dir(options.run_dir)
    result = folder.result()
    if not result.family.links_nodes:
        return _whatif_rows(RowsWhatIf(result, folder.graph()), scenario, options)
    model = WhatIf(result, folder.graph())
    answered = answer(model, scenario, "in" if options.incoming else "out")
    values = {"scenario": scenario.to_dict(), **answered.to_dict()}
    lines = list(telling.lines(answered))
    if options.why:
        changes = model.changes(scenario.active)
        ends = watched(model, scenario, changes)
        if ends is None or ends[1] is None:
            raise SpecError(
                "A reason needs a pair.", where="--why", mend="Set `pair` in the scenario to two node names."
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
    """Do as :func:`run` for a matrix."""
    from vgae_core.what_if import telling
    from vgae_core.what_if.row_reasons import leave_out_entries

    answered = model.answer(scenario)
    values, lines = {"scenario": scenario.to_dict(), **answered.to_dict()}, list(telling.lines(answered))
    if options.why:
        if scenario.pair is None or not scenario.pair[1]:
            raise SpecError(
                "A reason needs a pair.",
                where="--why",
                mend="Set `pair` in the scenario to a row and a column name.",
            )
        changes = model.changes(scenario.active)
        row, column = model.names.find(scenario.pair[0], changes.new), model.columns.find(scenario.pair[1])
        effects = leave_out_entries(model, changes, row, column)
        values["entries"] = {
            "found": [effect.to_dict() for effect in effects.found],
            "left": effects.n_left,
        }
        lines += telling.reasons("Each entry of the row cleared", effects)
    print(json.dumps(finite(values), ensure_ascii=False) if options.json else "\n".join(map(visible, lines)))
    return 0
