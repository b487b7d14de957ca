"""Readers: files in, one :class:`~vgae_core.data.dataset.RawGraph` out, or one clear error.

The content of a file decides which format reads it, never its name.

The plan of reading is here, what it needs in folders; each imports only from those named above it:

- ``source`` and ``base``: the file being read, what a file yields, the shape of a format;
- ``text``: from bytes to fields;
- ``columns``: what the columns of a table mean, told from evidence;
- ``arrays``, ``tables``, ``graphs``, ``json``: the formats, each a module with a
  :class:`~vgae_core.data.readers.base.Format`, beside what several of them share;
- ``containers``: archives and compressed files;
- ``registry`` lists the formats; ``opening`` recognises a file, ``roles`` says which file holds what, ``matching``
  puts them together; ``reading`` does all of it, or only looks; ``isolated`` does it in a child process.
"""

from typing import TYPE_CHECKING, Any

from vgae_core.data.readers.isolated import look_isolated, look_task, read_isolated, read_task
from vgae_core.data.readers.source import SourceFile

if TYPE_CHECKING:
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


def __getattr__(name: str) -> Any:
    """Load the formats when they are asked for: pandas and they take 0.2 s, which reading in a child does without."""
    if name in ("look", "read"):
        from vgae_core.data.readers import reading

        return getattr(reading, name)
    if name == "FORMATS":
        from vgae_core.data.readers import registry

        return registry.FORMATS
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
