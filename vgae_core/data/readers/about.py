"""Which files are about the data and hold none: documents, texts in sentences, tables beside the edges."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path, PurePath, PurePosixPath

from vgae_core.data.readers.text.splitting import are_columns

HIDDEN = re.compile(r"(?i)(^|/)(\.|__macosx/)")
DOCUMENTS = re.compile(
    r"(?i)(^|/)(readme|licen[cs]e|copying|changelog)|"
    r"\.(md|pdf|html?|rtf|bib|cff|ya?ml|toml|py|ipynb|docx?)$"
)
BESIDE = re.compile(
    r"(?i)(^|/)(makefile|dockerfile|requirements\S*\.txt|package(-lock)?\.json)$|"
    r"\.(rst|tex|ini|cfg|odt|pptx?|png|jpe?g|gif|svg|tiff?|bmp|webp|eps|"
    r"r|rmd|jl|c|cc|cpp|h|hpp|java|scala|go|rs|sh|bat|sql|css|log|md5|sha\d*|sig)$"
)
"""Pictures, code and the like, which archives and folders bring along and nobody hands in by itself."""
_ABOUT_NAME = re.compile(
    r"(?i)(data(set)?[_-]?)?(about|citation|citing|cite|authors|meta(data)?|"
    r"descriptions?|desc|notes?|info|terms|disclaimer|contents?|documentation|codebook)([._-].*)?$"
)
_LINE = 500
"""Characters of a line that are looked at for words."""
_WORDS = re.compile(r"[A-Za-z][a-z'’-]+[.,;:!?)]*(\s+\(?[A-Za-z][a-z'’-]*[.,;:!?)]*){2}")
_FILMS = frozenset({"movies", "links", "tags", "users", "genome-scores", "genome-tags"})
_FILMS_OF_1998 = re.compile(r"u\.(item|user|genre|info|occupation)$|u[1-5ab]\.(base|test)$")
_PROSE_HEAD = 16_384
"""Bytes that tell a text in sentences."""


def is_data(path: PurePath) -> bool:
    """Return whether a file may hold data by its name: no document, nothing hidden."""
    return not HIDDEN.search(path.as_posix()) and not DOCUMENTS.search(path.as_posix())


def is_member(path: PurePath) -> bool:
    """Return whether a member of an archive or of a folder may hold data: no picture and no code either."""
    return is_data(path) and not BESIDE.search(path.as_posix())


def _is_table(lines: Sequence[str]) -> bool:
    """Return whether a delimiter cuts the lines evenly, or into at least as many columns as the first line names."""
    if are_columns(lines):
        return True
    for sign in ("\t", ";", ",", "|"):
        names = [name.strip() for name in lines[0].split(sign)]
        if len(names) > 2 and all(re.fullmatch(r"[\w.:#()-]+", name) for name in names):
            wide = sum(line.count(sign) + 1 >= len(names) for line in lines[1:])
            return len(lines) > 1 and wide >= 0.9 * (len(lines) - 1)
    return False


def _describes(head: bytes) -> bool:
    """Return whether this is a JSON object of single values, such as a name and a number of nodes."""
    if not head.lstrip().startswith(b"{"):
        return False
    try:
        content = json.loads(head)
    except (ValueError, RecursionError):
        return False
    single = [not isinstance(value, list | dict) for value in content.values()]
    return 2 * sum(single) > len(single)


def beside_edges(names: Sequence[str]) -> set[str]:
    """Return the tables of films and users beside the ratings of MovieLens, as their names tell."""
    lower = {name.lower(): name for name in names}
    stems = {name.split(".")[0] for name in lower}
    beside: set[str] = set()
    if "ratings" in stems:
        beside |= {name for name in lower if name.split(".")[0] in _FILMS}
    if "u.data" in lower:
        beside |= {name for name in lower if _FILMS_OF_1998.match(name)}
    return {lower[name] for name in beside}


def is_prose(path: Path, name: str) -> bool:
    """Return whether a text is about the data: called so, or written in sentences; never a table."""
    try:
        with open(path, "rb") as stream:
            head = stream.read(_PROSE_HEAD)
            whole = not stream.read(1)
    except OSError:
        return False  # whoever opens it next says what is wrong
    if b"\0" in head:
        return False
    called_so = any(pattern.match(PurePosixPath(name).name) for pattern in (_ABOUT_NAME, DOCUMENTS))
    if called_so and whole and _describes(head):
        return True
    lines = [line for line in head.decode("utf-8", "replace").splitlines() if line.strip()]
    if len(lines) > 1 and not whole:
        del lines[-1]  # it ends anywhere
    if not lines or _is_table([line for line in lines if not line.startswith(("#", "%"))] or lines):
        return False
    if called_so and all(re.match(r"[\w -]{1,40}:\s", line) for line in lines):
        return True  # `name: …`, `url: …`, as KONECT describes its networks
    if called_so and whole and len(lines) == 1 and re.search(r"[^\W\d_]", lines[0]):
        return True  # the name of the data
    lines = [line[:_LINE] for line in lines]  # the search goes back and forth: time grows with the square
    sentences = sum(_WORDS.search(line) is not None for line in lines)
    wordy = sentences > 0.5 * len(lines) and any(re.search(r"[a-z][.!?:](\s|$)", line) for line in lines)
    return wordy or (called_so and sentences > 0)
