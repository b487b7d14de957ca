"""Selections of nodes kept beside a run: named, found again by an unguessable id, listed for their owner alone."""

from __future__ import annotations

import hashlib
import re
import secrets
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vgae_core.data.text import visible
from vgae_core.errors import RunError, SpecError
from vgae_core.runs.disk.files import atomic
from vgae_core.runs.disk.room import writing

MINE = 50
"""Selections of one owner that a run keeps."""

ALL = 500
"""Selections of all owners that a run keeps: a bit per node each."""

MAX_NAME = 80

_ID = re.compile(r"[A-Za-z0-9_-]{22}")


@dataclass(frozen=True, eq=False)
class KeptSelection:
    """Nodes that were kept under a name.

    Parameters
    ----------
    id : str
    name : str
    nodes : ndarray of int64
        Ascending.
    """

    id: str
    name: str
    nodes: np.ndarray


def _mark(owner: str) -> str:
    """Return what stands for an owner in the name of a file, from which nobody can tell the owner's token."""
    return hashlib.sha256(owner.encode()).hexdigest()[:16]


def save(folder: Path, name: str, nodes: np.ndarray, n_nodes: int, owner: str) -> str:
    """Keep a selection and return its id; one of the same name of the same owner is replaced, and keeps its id.

    Parameters
    ----------
    folder : Path
        Of the run.
    name : str
    nodes : ndarray of int64
    n_nodes : int
        Of the run's graph.
    owner : str
        Token of the owner's workspace.

    Raises
    ------
    SpecError
        If the name is empty or too long, or no node is selected.
    RunError
        If the run keeps as many as it may, or the disk is full.
    """
    name = visible(name).strip()
    if not name or len(name) > MAX_NAME:
        raise SpecError(f"A selection has a name of 1 to {MAX_NAME} characters.", where="name")
    if not len(nodes):
        raise SpecError("No node is selected.", mend="Select some first.")
    mine = listed(folder, owner)
    same = next((kept.id for kept in mine if kept.name == name), None)
    if same is None and len(mine) >= MINE:
        raise RunError(f"You can keep at most {MINE} selections per run.", mend="Delete one first.")
    if same is None and len(list(folder.glob("selection-*.npz"))) >= ALL:
        raise RunError(
            f"This run already has {ALL:,} selections, the maximum over all visitors.",
            mend="Download it instead.",
        )
    kept_id = same or secrets.token_urlsafe(16)
    mask = np.zeros(n_nodes, bool)
    mask[nodes] = True
    with writing(), atomic(folder / f"selection-{kept_id}.{_mark(owner)}.npz") as temporary:
        np.savez_compressed(temporary, name=np.array(name), bits=np.packbits(mask), n_nodes=np.array(n_nodes))
    return kept_id


def load(folder: Path, kept_id: str) -> KeptSelection:
    """Return a kept selection; whoever holds its id may see it. Raise RunError if there is none."""
    if not isinstance(kept_id, str) or not _ID.fullmatch(kept_id):
        raise RunError("There is no such selection.", mend="Check the link.")
    path = next(folder.glob(f"selection-{kept_id}.*.npz"), None)
    if path is None:
        raise RunError("There is no such selection.", mend="It may have been deleted.")
    return _read(path)


def _read(path: Path) -> KeptSelection:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            bits = np.unpackbits(arrays["bits"], count=int(arrays["n_nodes"]))
            name = str(arrays["name"])
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise RunError("This selection cannot be read.", where=path.name) from error
    return KeptSelection(path.name.split(".")[0].removeprefix("selection-"), name, np.flatnonzero(bits))


def listed(folder: Path, owner: str) -> list[KeptSelection]:
    """Return the selections of an owner, by name; those that cannot be read are left out."""
    found = []
    for path in folder.glob(f"selection-*.{_mark(owner)}.npz"):
        try:
            found.append(_read(path))
        except RunError:
            continue
    return sorted(found, key=lambda kept: (kept.name.casefold(), kept.id))


def delete(folder: Path, kept_id: str, owner: str) -> None:
    """Forget a selection of an owner; raise RunError if it is not theirs."""
    path = folder / f"selection-{kept_id}.{_mark(owner)}.npz"
    if not _ID.fullmatch(kept_id) or not path.exists():
        raise RunError("There is no such selection among yours.")
    path.unlink(missing_ok=True)
