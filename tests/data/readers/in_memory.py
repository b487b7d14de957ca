"""Files of a fuzzer in memory, where there is such a disk: to make and remove them takes longer than to read them."""

import contextlib
import os
import tempfile
from pathlib import Path

MEMORY = "/dev/shm"  # noqa: S108  private folders are made in it


@contextlib.contextmanager
def folder():
    """Yield a folder that goes at the end; meanwhile all temporary files of this process lie in it."""
    before = tempfile.tempdir
    with tempfile.TemporaryDirectory(dir=MEMORY if os.access(MEMORY, os.W_OK) else None) as path:
        tempfile.tempdir = path
        try:
            yield Path(path)
        finally:
            tempfile.tempdir = before
