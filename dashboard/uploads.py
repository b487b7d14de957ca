"""Files from the visitor: three slots, checked here again, read in a child process, then dropped."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import streamlit as st

from vgae_core.data.dataset import RawGraph
from vgae_core.data.limits import LIMITS
from vgae_core.data.readers import SourceFile, read_isolated
from vgae_core.errors import DataError, LimitError

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

Slot = Literal["edges", "features", "labels"]
SLOTS: dict[Slot, tuple[str, str]] = {
    "edges": ("Graph", "Edge list, sparse matrix or a file that holds a whole data set."),
    "features": ("Node features (optional)", "Matched to the graph by node id."),
    "labels": ("Node labels (optional)", "Node id and class, one node a line."),
}
FORMATS = """\
- **Graph**: edge list (CSV, TSV or separated by spaces; with or without header; ids of any kind;
  optional weight), `scipy.sparse.save_npz`, Matrix Market (`.mtx`)
- **Node features**: CSV with one row a node, CSV with the columns `node, feature, value`, `.npz`, `.mtx`
- **Node labels**: CSV with the columns node and label

Any of them may be compressed with gzip (`.gz`).
"""
NAME_LENGTH = 60
"""Characters of a data set's name."""

_GENERATION = "upload_generation"


def slots() -> dict[Slot, UploadedFile]:
    """Draw the file slots and return the files in them."""
    generation = st.session_state.get(_GENERATION, 0)
    cap = int(st.get_option("server.maxUploadSize"))
    chosen = {
        slot: st.file_uploader(label, key=f"upload_{slot}_{generation}", help=about, max_upload_size=cap)
        for slot, (label, about) in SLOTS.items()
    }
    return {slot: file for slot, file in chosen.items() if file is not None}


def drop() -> None:
    """Empty the slots, so that the server lets go of the bytes."""
    st.session_state[_GENERATION] = st.session_state.get(_GENERATION, 0) + 1


def read(files: Mapping[Slot, UploadedFile], name: str, progress: Callable[[float, str], None]) -> RawGraph:
    """Return the graph in `files`, read in a bounded child process from a folder that is removed afterwards.

    Parameters
    ----------
    files : mapping of str to UploadedFile
        By slot.
    name : str
        Name of the data set; empty takes the file's.
    progress : callable
        Called with the share done and what is being done.

    Raises
    ------
    DataError
        If there is no graph file, or the readers refuse one.
    LimitError
        If a file is too large; the widgets' own limit binds only honest browsers.
    """
    if "edges" not in files:
        raise DataError("No graph was chosen.", mend="Put a file into the first slot.")
    most = min(int(st.get_option("server.maxUploadSize")) * 2**20, LIMITS.upload_bytes)
    for file in files.values():
        if file.size > most:
            raise LimitError(
                f"The file has {file.size:,} bytes; at most {most:,} are accepted.",
                where=file.name,
                mend="Compress it with gzip, or read it with the command line on your own machine.",
            )
    with tempfile.TemporaryDirectory(prefix="vgae-upload-") as folder:
        sources = []
        for slot, file in files.items():
            path = Path(folder) / slot  # never the visitor's own file name
            path.write_bytes(file.getbuffer())
            sources.append(SourceFile(name=file.name, path=path, role=slot))
        return read_isolated(sources, name=name.strip()[:NAME_LENGTH] or None, progress=progress)
