"""What commands print while they work."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping
from typing import TextIO

from vgae_core.catalogue.recipes import RECIPES
from vgae_core.data import arguments
from vgae_core.data.dataset import RawGraph
from vgae_core.runs.event_log import event_line
from vgae_core.training.events import EpochEnd, Event, Stage, Started, Trial
from vgae_core.training.progress import STAGES

BAR = 30
"""Characters of the progress bar."""


def _scores(val: Mapping[str, float]) -> str:
    return "".join(f"  val {name} {value:.4f}" for name, value in val.items())


def read(options: argparse.Namespace) -> RawGraph:
    """Return the data set that the arguments name; on a terminal a bar shows how far the reading is."""
    if options.json or not sys.stderr.isatty():
        return arguments.read(options)
    bar = Bar(sys.stderr)
    return arguments.read(options, lambda share, message: bar.part(share, message))


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
        """Show an event."""
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
