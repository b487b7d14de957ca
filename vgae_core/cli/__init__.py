"""The command line: ``vgae-studio COMMAND``, or ``python -m vgae_core COMMAND``.

Each command is a module of this package with ``add_arguments(parser)`` and ``run(options)``, which returns the exit
code. Only the module of the command that runs is imported, so that a command starts as fast as its own imports.

The dashboard's worker runs the same functions in the same environment, so the same seed gives the same numbers.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from vgae_core.data.text import visible
from vgae_core.errors import StudioError
from vgae_core.host.importing import set_aside
from vgae_core.runs.processes import environment

COMMANDS = {
    "app": "Start the dashboard on this machine.",
    "inspect": "Describe a data set.",
    "prepare": "Prepare a graph larger than memory for training.",
    "train": "Train a model and save the run to a folder.",
    "resume": "Resume an interrupted run, or train a finished one further.",
    "sweep": "Train many configurations and choose the best.",
    "benchmark": "Measure training time and memory on this machine.",
    "evaluate": "Recompute the scores of a run.",
    "embed": "Encode new nodes with a trained run.",
    "rank": "Rank the likeliest new links of one node.",
    "score": "Score pairs of nodes.",
    "whatif": "Show what edits to the data would change.",
    "export": "Export part of a run to a file.",
    "report": "Report on runs or a sweep in one HTML file.",
    "runs": "List, show, compare, delete, export and import stored runs.",
}
"""Commands in the order of the help, each with its one line."""

TRAINING = ("train", "resume", "benchmark")
"""Commands that train: their process starts with :func:`vgae_core.runs.processes.environment.at_start`."""

CLOSED_PIPE = 141
"""Exit code when the reader closes the pipe, as for a program ended by SIGPIPE."""


def program() -> NoReturn:
    """Run the command this process was started with, and exit."""
    command = _command(sys.argv[1:])
    if command in TRAINING:
        environment.restart()
    environment.apply()  # before NumPy and TensorFlow read it
    if command is not None:
        with set_aside():
            importlib.import_module(f"{__name__}.{command}")
    try:
        try:
            code = main()
        except SystemExit as end:  # of the parser: help, or what it refuses
            code = end.code  # type: ignore[assignment]
        sys.stdout.flush()
    except BrokenPipeError:  # whoever reads has seen enough, as `head` has
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = CLOSED_PIPE
    sys.exit(code)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code: 0, 1 where training failed, 2 on bad input."""
    arguments = sys.argv[1:] if arguments is None else arguments
    options = _parser(_command(arguments)).parse_args(arguments)
    try:
        return options.run(options)
    except StudioError as error:
        return _refuse(str(error))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        raise
    except UnicodeDecodeError as error:
        return _refuse(f"Not a text file: {error}.")
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        return _refuse(f"{place}{error.strerror or error}. Check the path and its permissions.")


def _refuse(message: str) -> int:
    print(f"error: {' '.join(visible(message).split())}", file=sys.stderr)
    return 2


def _command(arguments: Sequence[str]) -> str | None:
    """Return the command among the arguments, if there is one."""
    first = next((text for text in arguments if not text.startswith("-")), None)
    return first if first in COMMANDS else None


def _parser(command: str | None) -> argparse.ArgumentParser:
    """Return the parser of all commands, with the arguments of one of them."""
    name = Path(sys.argv[0]).stem
    parser = argparse.ArgumentParser(
        prog=name if name == "vgae-studio" else "python -m vgae_core",
        description="Train and explore variational auto-encoders of sparse graphs and matrices.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, line in COMMANDS.items():
        added = commands.add_parser(name, help=line, description=line)
        if name == command:
            module = importlib.import_module(f"{__name__}.{name}")
            module.add_arguments(added)
            added.set_defaults(run=module.run)
    return parser
