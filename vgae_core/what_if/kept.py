"""Scenarios kept beside a run: named, found again by an unguessable id, listed for their owner alone."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from pathlib import Path

from vgae_core.errors import RunError, StudioError
from vgae_core.runs.disk.files import atomic
from vgae_core.runs.disk.room import writing
from vgae_core.what_if.scenario import Scenario

MINE = 50
"""Scenarios of one owner that a run keeps."""

ALL = 1_000
"""Scenarios of all owners that a run keeps."""

_ID = re.compile(r"[A-Za-z0-9_-]{22}")


@dataclass(frozen=True)
class Kept:
    """A scenario that was kept, and its id; without a scenario, its file cannot be read."""

    id: str
    scenario: Scenario | None


def _mark(owner: str) -> str:
    """Return what stands for an owner in the name of a file, from which nobody can tell the owner's token."""
    return hashlib.sha256(owner.encode()).hexdigest()[:16]


def _path(folder: Path, scenario_id: str, owner: str = "*") -> Path | None:
    """Return the file of a scenario, of an owner if one is named; None if there is none."""
    if not isinstance(scenario_id, str) or not _ID.fullmatch(scenario_id):
        raise RunError("There is no such scenario.", mend="Check the link.")
    mark = owner if owner == "*" else _mark(owner)
    return next(folder.glob(f"scenario-{scenario_id}.{mark}.json"), None)


def save(folder: Path, scenario: Scenario, owner: str) -> str:
    """Keep a scenario and return its id; the same scenario of the same owner is kept once.

    Parameters
    ----------
    folder : Path
        Of the run.
    scenario : Scenario
    owner : str
        Token of the owner's workspace.

    Raises
    ------
    SpecError
        If the scenario could not be read again.
    RunError
        If the run keeps as many as it may, or the disk is full.
    """
    text = scenario.to_json()
    Scenario.from_json(text)
    mine = listed(folder, owner)
    for kept in mine:
        if kept.scenario == scenario:
            return kept.id
    if len(mine) >= MINE:
        raise RunError(
            f"You can keep at most {MINE} scenarios per run.", mend="Delete one first, or download it."
        )
    if len(list(folder.glob("scenario-*.json"))) >= ALL:
        raise RunError(
            f"This run already has {ALL:,} scenarios, the maximum over all visitors.",
            mend="Download it instead.",
        )
    name = secrets.token_urlsafe(16)
    with writing(), atomic(folder / f"scenario-{name}.{_mark(owner)}.json") as temporary:
        temporary.write_text(text, "utf-8")
    return name


def load(folder: Path, scenario_id: str) -> Scenario:
    """Return a kept scenario; whoever holds its id may see it. Raise RunError or SpecError if there is none."""
    path = _path(folder, scenario_id)
    if path is None:
        raise RunError("There is no such scenario.", mend="It may have been deleted.")
    return _read(path)


def _read(path: Path) -> Scenario:
    try:
        return Scenario.from_json(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise RunError(f"This scenario cannot be read: {error}.", where=path.name) from error


def listed(folder: Path, owner: str) -> list[Kept]:
    """Return the scenarios of an owner, by name; those that cannot be read come last."""
    found = []
    for path in folder.glob(f"scenario-*.{_mark(owner)}.json"):
        name = path.name.split(".")[0].removeprefix("scenario-")
        try:
            found.append(Kept(name, _read(path)))
        except StudioError:
            found.append(Kept(name, None))  # its owner can still delete it
    return sorted(
        found,
        key=lambda kept: (
            kept.scenario is None,
            kept.scenario.name.casefold() if kept.scenario else "",
            kept.id,
        ),
    )


def delete(folder: Path, scenario_id: str, owner: str) -> None:
    """Forget a scenario of an owner; raise RunError if it is not theirs."""
    path = _path(folder, scenario_id, owner)
    if path is None:
        raise RunError("There is no such scenario among yours.")
    path.unlink(missing_ok=True)
