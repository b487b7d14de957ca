"""Files from the visitor: three slots, checked here again, read in a child process, then dropped."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import streamlit as st

from dashboard import charts
from vgae_core.data.dataset import RawGraph
from vgae_core.data.limits import LIMITS
from vgae_core.data.readers import FORMATS, SourceFile, read_isolated
from vgae_core.errors import DataError, LimitError
from vgae_core.spec import FileSpec

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

Slot = Literal["edges", "features", "labels"]
SLOTS: dict[Slot, tuple[str, str]] = {
    "edges": ("Graph", "An edge list, a matrix, or the file or files that hold a whole data set."),
    "features": ("Node features (optional)", "Matched to the graph by node id."),
    "labels": ("Node labels (optional)", "Node id and class, one node a line."),
}
MOST_FILES = 16
"""Files read together; Planetoid's eight are the most any format has."""

NAME_LENGTH = 60
"""Characters of a data set's name."""

_GENERATION = "upload_generation"


def formats() -> str:
    """Return what can be read, as Markdown, from the readers' own list."""
    graphs = ", ".join(charts.plain(entry.title) for entry in FORMATS if entry.edges)
    tables = ", ".join(charts.plain(entry.title) for entry in FORMATS if entry.table)
    return (
        f"**Graph**: {graphs}.\n\n"
        f"**Node features and labels**: {tables}.\n\n"
        "Text tables may have a header or none, ids of any kind and an optional weight; features may also be "
        "listed as `node, feature, value`. Any file may be compressed with gzip. The files of a data set "
        "that comes in several go together into the first slot."
    )


def slots() -> dict[Slot, list[UploadedFile]]:
    """Draw the file slots and return the files in them."""
    generation = st.session_state.get(_GENERATION, 0)
    cap = int(st.get_option("server.maxUploadSize"))
    chosen = {
        slot: st.file_uploader(
            label,
            key=f"upload_{slot}_{generation}",
            help=about,
            max_upload_size=cap,
            accept_multiple_files=slot == "edges",
        )
        for slot, (label, about) in SLOTS.items()
    }
    return {slot: file if isinstance(file, list) else [file] for slot, file in chosen.items() if file}


def drop() -> None:
    """Empty the slots, so that the server lets go of the bytes."""
    st.session_state[_GENERATION] = st.session_state.get(_GENERATION, 0) + 1


def read(
    files: Mapping[Slot, Sequence[UploadedFile]], name: str, progress: Callable[[float, str], None]
) -> RawGraph:
    """Return the graph in `files`, read in a bounded child process from a folder that is removed afterwards.

    Parameters
    ----------
    files : mapping of str to sequence of UploadedFile
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
        If there are too many files or bytes; the widgets' own limits bind only honest browsers.
    """
    if "edges" not in files:
        raise DataError("No graph was chosen.", mend="Put a file into the first slot.")
    check([file for slot in files.values() for file in slot])
    with tempfile.TemporaryDirectory(prefix="vgae-upload-") as folder:
        sources, how = [], []
        for slot, several in files.items():
            for number, file in enumerate(several):
                path = Path(folder) / f"{slot}-{number}"  # never the visitor's own file name
                path.write_bytes(file.getbuffer())
                # Of several files the readers find out which is which.
                sources.append(SourceFile(file.name, path))
                how.append(FileSpec(name=file.name, role="auto" if len(several) > 1 else slot))
        return read_isolated(sources, how, name=name.strip()[:NAME_LENGTH] or None, progress=progress)


def check(files: Sequence[UploadedFile]) -> None:
    """Raise LimitError if there are too many files, or one or all of them are too large."""
    if len(files) > MOST_FILES:
        raise LimitError(
            f"{len(files)} files were chosen; at most {MOST_FILES} are read together.",
            mend="Take away the files that do not belong to the data set.",
        )
    most = min(int(st.get_option("server.maxUploadSize")) * 2**20, LIMITS.upload_bytes)
    mend = "Compress it with gzip, or read it with the command line on your own machine."
    for file in files:
        if file.size > most:
            raise LimitError(
                f"The file has {file.size:,} bytes; at most {most:,} are accepted.",
                where=file.name,
                mend=mend,
            )
    total = sum(file.size for file in files)
    if total > LIMITS.upload_bytes:
        raise LimitError(
            f"The files have {total:,} bytes together; at most {LIMITS.upload_bytes:,} are accepted.",
            mend=mend,
        )
