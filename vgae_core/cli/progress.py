"""What commands print while they work."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping
from typing import TextIO

from vgae_core.data import arguments
from vgae_core.data.column_findings import column_findings
from vgae_core.data.dataset import RawGraph
from vgae_core.data.text import visible
from vgae_core.runs.disk.event_log import event_line
from vgae_core.training.events import EpochEnd, Event, Stage, Started
from vgae_core.training.progress import STAGES

BAR = 30
"""Characters of the progress bar."""


def scores(val: Mapping[str, float]) -> str:
    """Return validation scores in a line."""
    return "".join(f"  val {name} {value:.4f}" for name, value in val.items())


def read(options: argparse.Namespace) -> RawGraph:
    """Return the data set that the arguments name; on a terminal a bar shows how far the reading is."""
    if options.json or not sys.stderr.isatty():
        return arguments.read(options)
    bar = Bar(sys.stderr)
    raw = arguments.read(options, bar.part)
    bar.close()
    return raw


def tell_warnings(raw: RawGraph) -> None:
    """Print what a reader warns of, and what feature columns are like, before anything is trained."""
    warnings = [finding for finding in raw.findings if finding.level == "warning"]
    for finding in (*warnings, *column_findings(raw)):
        print(f"{finding.level}: {visible(finding.message)}", file=sys.stderr, flush=True)


class JsonLines:
    """Prints each event as a line of JSON."""

    def tell(self, event: Event) -> None:
        """Print an event."""
        print(event_line(event), flush=True)

    def close(self) -> None:
        """Nothing is open."""


class Bar:
    """Draws a progress bar on a terminal, and a line for each stage elsewhere.

    Parameters
    ----------
    stream : TextIO
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._terminal = stream.isatty()
        self._epochs = 0
        self._drawn = 0.0

    def tell(self, event: Event) -> None:
        """Show an event."""
        if isinstance(event, Stage):
            self._say(STAGES.get(event.name, event.name))
        elif isinstance(event, Started):
            self._epochs = event.epochs
            self._say(STAGES["training"])
        elif isinstance(event, EpochEnd) and self._terminal and time.monotonic() - self._drawn > 0.1:
            self._drawn = time.monotonic()
            self.part(event.epoch / self._epochs, f"epoch {event.epoch}/{self._epochs}{scores(event.val)}")

    def line(self, text: str) -> None:
        """Print a line that stays."""
        if self._terminal:
            self._draw(f"{text}\n")
        else:
            print(text, file=self._stream, flush=True)

    def part(self, share: float, message: str) -> None:
        """Show how much of one step is done, on a terminal."""
        full = round(BAR * share)
        if self._terminal:
            self._draw(f"[{'#' * full}{'.' * (BAR - full)}] {message}")

    def close(self) -> None:
        """Take the bar away."""
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
