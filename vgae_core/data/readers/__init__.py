"""Readers: files in, one :class:`~vgae_core.data.dataset.RawGraph` out, or one clear error.

The content of a file decides which format reads it, never its name.

- ``registry`` lists the formats, each a module with a :class:`~vgae_core.data.readers.base.Format`;
- ``opening`` recognises a file, ``roles`` says which file holds what, ``matching`` puts them together;
- ``reading`` does all of it, or only looks; ``isolated`` does it in a child process.
"""

from vgae_core.data.readers.base import SourceFile
from vgae_core.data.readers.isolated import look_isolated, look_task, read_isolated, read_task
from vgae_core.data.readers.reading import look, read
from vgae_core.data.readers.registry import FORMATS

__all__ = [
    "FORMATS",
    "SourceFile",
    "look",
    "look_isolated",
    "look_task",
    "read",
    "read_isolated",
    "read_task",
]
