"""What was noticed while files were read: findings, judgements, and a report per file."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from vgae_core.settings import FileSpec

MAX_PARTS = 200
"""Parts of a file that are told one by one."""

_TITLES = {"header": "Header row", "role": "Contents", "sides": "Sets of nodes"}


@dataclass(frozen=True)
class Finding:
    """One thing noticed while reading, told to the user and never silently repaired.

    ``level`` is ``"info"``, ``"choice"`` (a repair decides) or ``"warning"``.
    """

    code: str
    level: Literal["info", "choice", "warning"]
    message: str
    count: int = 0
    examples: tuple[str, ...] = ()


@dataclass(frozen=True)
class Part:
    """A part of a file (a column, a variable, an attribute) and its use.

    ``use`` and ``uses`` (what it could be used for) are keys of :data:`vgae_core.catalogue.uses.USES`;
    ``about`` says what it looks like.
    """

    name: str
    use: str
    about: str = ""
    uses: tuple[str, ...] = ()


@dataclass(frozen=True)
class Choice:
    """Another way to read a file, and the settings of it that ask for it.

    ``changes`` maps keys of :class:`~vgae_core.settings.FileSpec` to values, written as the command line
    takes them: ``{"header": "no"}``, ``{"uses.3": "weight"}``.
    """

    title: str
    changes: Mapping[str, str]


@dataclass(frozen=True)
class Judgement:
    """One thing a reader decided about a file, with its evidence and what it might be instead.

    Parameters
    ----------
    about : str
        What was decided: ``"header"``, ``"columns"``, ``"weight"``, ``"relation"``, ``"sides"``, ….
    text : str
        The decision and its evidence, one sentence.
    sure : bool
        Whether the evidence suffices to go on without asking.
    others : tuple of Choice
        The other readings.
    accept : mapping of str to str
        The settings that confirm the decision, as in :class:`Choice`: the reader then asks no more.
    proposal : str
        The decision as the title of a choice, among `others`; empty if there is no short one.
    """

    about: str
    text: str
    sure: bool = True
    others: tuple[Choice, ...] = ()
    accept: Mapping[str, str] = field(default_factory=dict)
    proposal: str = ""

    @property
    def title(self) -> str:
        """What was decided, as a heading."""
        return _TITLES.get(self.about, self.about.replace("_", " ").capitalize())


@dataclass(frozen=True, kw_only=True)
class FileReport:
    """What one file was taken for.

    Parameters
    ----------
    how : FileSpec
        How it is read: its name, its role (found out if not said), and what the user said.
    format : str
        Title of the format; empty if it is left out.
    separator, header : str
        Of a text: as in FileSpec, found out if not said; otherwise empty.
    parts : tuple of Part
        At most :data:`MAX_PARTS`, features last.
    n_parts : int
        How many there are.
    rows : tuple of tuple of str
        The first rows and columns of a table or matrix; the first one names the columns.
    problem : str
        Why it cannot be read, if a look was enough to see that.
    judgements : tuple of Judgement
        What was decided about it, with the evidence.
    sentences : tuple of str
        The first edges or rows in words: ``"pandas — numpy"``.
    """

    how: FileSpec
    format: str = ""
    separator: str = ""
    header: str = ""
    parts: tuple[Part, ...] = ()
    n_parts: int = 0
    rows: tuple[tuple[str, ...], ...] = ()
    problem: str = ""
    judgements: tuple[Judgement, ...] = ()
    sentences: tuple[str, ...] = ()

    @property
    def questions(self) -> tuple[Judgement, ...]:
        """What the reader is not sure of, and somebody should decide."""
        return tuple(judgement for judgement in self.judgements if not judgement.sure)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return {**dataclasses.asdict(self), "how": self.how.to_dict()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> FileReport:
        """Return what :meth:`to_dict` gave; raise TypeError, ValueError or SpecError if it is not that."""
        parts = tuple(Part(**{**part, "uses": tuple(part["uses"])}) for part in values["parts"])
        rows = tuple(tuple(map(str, row)) for row in values["rows"])
        judgements = tuple(
            Judgement(**{**one, "others": tuple(Choice(**other) for other in one["others"])})
            for one in values.get("judgements", ())
        )
        return cls(**{
            **values, "how": FileSpec.from_dict(values["how"]), "parts": parts, "rows": rows,
            "judgements": judgements, "sentences": tuple(map(str, values.get("sentences", ()))),
        })  # fmt: skip
