"""``inspect``: what is in a data set."""

from __future__ import annotations

import argparse
import json
from typing import Any

from vgae_core.cli.progress import read
from vgae_core.data import arguments
from vgae_core.data.report import inspect
from vgae_core.data.text import visible
from vgae_core.runs.disk.files import finite

SENTENCES = 4
"""Edges of a file that `inspect` tells in words."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    arguments.add(parser)


def run(options: argparse.Namespace) -> int:
    """Print what is in a data set."""
    report = inspect(read(options))
    values = report.to_dict()
    if options.json:
        print(json.dumps(finite(values), ensure_ascii=False))
        return 0
    for key, value in values.items():
        if isinstance(value, str | int | float | bool) or value is None:
            print(f"{key:>20}  {_text(value)}")
    for file in report.files:
        print(f"{'file':>20}  {visible(arguments.taken_for(file))}")
        for judgement in file.judgements:
            mark = "" if judgement.sure else "?"
            print(f"{judgement.title.lower() + mark:>20}  {visible(judgement.text)}")
        for sentence in file.sentences[:SENTENCES]:
            print(f"{'':>20}  {visible(sentence)}")
    for finding in values["findings"]:
        print(f"{finding['level']:>20}  {visible(finding['message'])}")
    return 0


def _text(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "-"}[value]
    return (
        f"{value:,}"
        if isinstance(value, int)
        else f"{value:.4g}"
        if isinstance(value, float)
        else visible(value)
    )
