"""How many bytes visitors may put into the server's memory and on its disk before a page reads them.

Streamlit takes every file that a browser sends, whether a page waits for it or not, and keeps it in memory until the
session ends; the limits of a drop zone bind honest browsers only.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from streamlit import runtime
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager

from vgae_core.host.limits import SERVER_LIMITS, ServerLimits

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFileRec

_FULL = 413
"""HTTP: content too large."""


def bound(manager: MemoryUploadedFileManager, limits: ServerLimits = SERVER_LIMITS) -> None:
    """Let a manager refuse files beyond the bytes that one session, or all together, may have in memory.

    The browser shows the refusal at the file. Doing so again changes nothing.
    """
    if isinstance(manager.add_file, functools.partial):
        return
    manager.add_file = functools.partial(_add, manager, manager.add_file, limits, threading.Lock())  # type: ignore[method-assign]


def _add(
    manager: MemoryUploadedFileManager,
    add: Callable[[str, UploadedFileRec], None],
    limits: ServerLimits,
    lock: threading.Lock,
    session_id: str,
    file: UploadedFileRec,
) -> None:
    with lock:
        sizes = {
            session: sum(len(one.data) for one in list(files.values()))
            for session, files in list(manager.file_storage.items())
        }
        for replaced in manager.get_files(session_id, [file.file_id]):
            sizes[session_id] -= len(replaced.data)
        if sizes.get(session_id, 0) + len(file.data) > limits.session_upload_bytes:
            raise HTTPException(
                _FULL, f"At most {limits.session_upload_bytes / 1e6:,.0f} MB wait to be read."
            )
        if sum(sizes.values()) + len(file.data) > limits.all_upload_bytes:
            raise HTTPException(
                _FULL, "The server has too many uploads at the moment. Try again in a minute."
            )
        add(session_id, file)


def bound_server() -> None:
    """Bound the uploads of this server, if there is one (tests of single pages have none)."""
    if runtime.exists():
        manager = runtime.get_instance().uploaded_file_mgr
        if isinstance(manager, MemoryUploadedFileManager):
            bound(manager)
