"""``evaluate``: the scores of a run, computed again."""

from __future__ import annotations

import argparse
import json

from vgae_core.cli.scores import print_scores
from vgae_core.runs.disk.files import finite
from vgae_core.runs.results.evaluation import evaluate_result
from vgae_core.runs.store.folder import read_run_dir


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("run_dir", metavar="RUN_DIR")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(options: argparse.Namespace) -> int:
    """Work the scores of a run out again from its codes, its data and its split."""
    folder = read_run_dir(options.run_dir)
    metrics = evaluate_result(folder.result(), folder.graph())[1]
    if options.json:
        print(json.dumps(finite(metrics)))
    else:
        print_scores(metrics)
    return 0
