"""Scenarios kept beside a run: named, found again by an unguessable id, listed for their owner alone."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from dataclasses import dataclass
from pathlib import Path

from vgae_core.errors import RunError
from vgae_core.runs.folder import atomic, read_json
from vgae_core.runs.room import writing
from vgae_core.what_if.scenario import Scenario

MINE = 50
"""Scenarios of one owner that a run keeps."""

ALL = 1_000
"""Scenarios of all owners that a run keeps."""

_ID = re.compile(r"[A-Za-z0-9_-]{22}")


@dataclass(frozen=True)
class Kept:
    """A scenario that was kept, and its id."""

    id: str
    scenario: Scenario


def _path(folder: Path, scenario_id: str) -> Path:
    if not isinstance(scenario_id, str) or not _ID.fullmatch(scenario_id):
        raise RunError("There is no such scenario.", mend="Check the link.")
    return folder / f"scenario-{scenario_id}.json"


def _mark(owner: str) -> str:
    """Return what stands for an owner in a file, from which nobody can tell the owner's token."""
    return hashlib.sha256(owner.encode()).hexdigest()


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
    RunError
        If the run keeps as many as it may, or the disk is full.
    """
    mine = listed(folder, owner)
    for kept in mine:
        if kept.scenario == scenario:
            return kept.id
    if len(mine) >= MINE or len(list(folder.glob("scenario-*.json"))) >= ALL:
        raise RunError(
            f"A run keeps {MINE} scenarios of one visitor.", mend="Delete one first, or download it."
        )
    name = secrets.token_urlsafe(16)
    values = {"owner": _mark(owner), "scenario": scenario.to_dict()}
    with writing(), atomic(_path(folder, name)) as temporary:
        temporary.write_text(json.dumps(values, ensure_ascii=False, allow_nan=False), "utf-8")
    return name


def load(folder: Path, scenario_id: str) -> Scenario:
    """Return a kept scenario; whoever holds its id may see it. Raise RunError or SpecError if there is none."""
    path = _path(folder, scenario_id)
    if not path.exists():
        raise RunError("There is no such scenario.", mend="It may have been deleted.")
    return Scenario.from_dict(read_json(path)["scenario"])


def listed(folder: Path, owner: str) -> list[Kept]:
    """Return the scenarios of an owner, by name."""
    found = []
    for path in folder.glob("scenario-*.json"):
        values = read_json(path)
        if values["owner"] == _mark(owner):
            found.append(Kept(path.stem.removeprefix("scenario-"), Scenario.from_dict(values["scenario"])))
    return sorted(found, key=lambda kept: (kept.scenario.name.casefold(), kept.id))


def delete(folder: Path, scenario_id: str, owner: str) -> None:
    """Forget a scenario of an owner; raise RunError if it is not theirs."""
    path = _path(folder, scenario_id)
    if not path.exists() or read_json(path)["owner"] != _mark(owner):
        raise RunError("There is no such scenario among yours.")
    path.unlink(missing_ok=True)
