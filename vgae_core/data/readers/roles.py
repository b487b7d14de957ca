"""Which file holds what: edges, features, labels or names."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence

from vgae_core.data.readers.base import Content, Format, Probe
from vgae_core.data.readers.opening import guarded
from vgae_core.data.readers.tables import beside, columnar, delimited
from vgae_core.errors import DataError

_NAME_HINTS: tuple[tuple[Content, re.Pattern[str]], ...] = (
    ("edges", re.compile(r"(^|[_\W])(edges?|links?|adj|adjacency|graph|edgelist)([_\W]|$)")),
    ("features", re.compile(r"(^|[_\W])(features?|feats?|attrs?|attributes?|x)([_\W]|$)")),
    ("labels", re.compile(r"(^|[_\W])(labels?|targets?|class|classes|y|communit(y|ies))([_\W]|$)")),
    ("names", re.compile(r"(^|[_\W])(node_?names?|names|titles)([_\W]|$)")),
)
_CONTENTS: dict[Content, str] = {
    "edges": "edges", "features": "node features", "labels": "node labels", "names": "node names",
}  # fmt: skip


_TABLES = (delimited.FORMAT, columnar.FORMAT)


def assign(probes: Sequence[Probe], formats: Sequence[Format]) -> dict[Content, tuple[Probe, Format]]:
    """Return the file of each content."""
    parts: dict[Content, tuple[Probe, Format]] = {}
    for probe, format_, role in zip(probes, formats, roles_of(probes, formats), strict=True):
        take(parts, role, probe, format_)
    if "edges" not in parts and "features" not in parts:
        raise DataError(
            "No file holds edges or a matrix.",
            where=", ".join(probe.name for probe in probes),
            mend="Provide an edge list, a square .mtx or a square .npz as well, or a matrix of rows x columns.",
        )
    return parts


def roles_of(probes: Sequence[Probe], formats: Sequence[Format]) -> list[Content]:
    """Return what each file holds: what the user says first, then content, then names."""
    roles: list[Content | None] = [None if p.how.role in ("auto", "ignore") else p.how.role for p in probes]  # type: ignore[misc]
    guesses: dict[int, tuple[Content, Content | None]] = {}
    for at, (probe, format_) in enumerate(zip(probes, formats, strict=True)):
        if roles[at] is None:
            guess = guarded(probe, format_, lambda f=format_, p=probe: f.guess(p))  # type: ignore[misc]
            hint = next((content for content, pattern in _NAME_HINTS if pattern.search(probe.stem)), None)
            guesses[at] = (guess, hint)
    if len(guesses) == 1 and "edges" not in roles:
        # A single file, or the only one left: the edges, unless it can only be a matrix.
        at, (guess, _) = next(iter(guesses.items()))
        matrix = "features" not in roles and _is_matrix(probes[at], formats[at], guess)
        if formats[at].edges is not None and not matrix:
            roles[at] = "edges"
            del guesses[at]
    if len(guesses) > 1 or "edges" in roles:
        for at, content in beside.tables_of_nodes(_perhaps_edges(probes, formats, roles, guesses)).items():
            guesses[at] = (content, None)
    if any(guess == "edges" and formats[at] not in _TABLES for at, (guess, _) in guesses.items()):
        guesses |= {
            at: ("labels", hint)
            for at, (guess, hint) in guesses.items()
            if guess == "edges" and formats[at] is delimited.FORMAT and hint in (None, "labels")
            and guarded(probes[at], formats[at], functools.partial(delimited.has_a_row_per_node, probes[at]))
        }  # fmt: skip
    # Square matrices and two-column tables may be either: the name breaks the tie.
    for at, (guess, hint) in sorted(guesses.items(), key=lambda item: item[1][0] != "edges"):
        role: Content = guess
        if guess == "edges" and hint not in (None, "edges") and formats[at].table is not None:
            role = hint or guess
        elif guess == "labels" and hint == "features":
            role = hint  # a column called `y` may well be a coordinate
        elif (
            guess == "edges"
            and "edges" in roles
            and formats[at].table
            and formats[at] is not delimited.FORMAT
        ):
            role = "features"  # a second square matrix
        roles[at] = role
    if "edges" not in roles:  # then a name that hints at something else misleads
        misled = [at for at, (guess, _) in guesses.items() if guess == "edges" and roles.count(roles[at]) > 1]
        for at in misled[:1]:
            roles[at] = "edges"
    texts = [
        (p, r)
        for p, f, r in zip(probes, formats, roles, strict=True)
        if f is delimited.FORMAT and r is not None
    ]
    for probe, role in texts:
        if role == "edges":  # who describes the nodes of both ends says that they are one set
            probe.memo["node tables"] = [other for other, its in texts if its != "edges"]
    return [role or "edges" for role in roles]


def _perhaps_edges(
    probes: Sequence[Probe],
    formats: Sequence[Format],
    roles: Sequence[Content | None],
    guesses: Mapping[int, tuple[Content, Content | None]],
) -> dict[int, Probe]:
    """Return the tables of text that are edges, or may be for all that they and their names tell."""
    texts: dict[int, Probe] = {}
    for at, (probe, format_) in enumerate(zip(probes, formats, strict=True)):
        guess, hint = guesses.get(at, (roles[at], None))
        if guess == "edges" and hint in (None, "edges"):
            if format_ is delimited.FORMAT:
                texts[at] = probe
            elif format_ is columnar.FORMAT:
                texts[at] = guarded(probe, format_, functools.partial(columnar.beginning, probe))
    return texts if len(texts) > 1 else {}


def _is_matrix(probe: Probe, format_: Format, guess: Content) -> bool:
    """Return whether a file that came without another one is a matrix of rows x columns."""
    if guess != "features":
        return False
    # Of text tables the guess is only as good as their names: columns beyond the third may be dates of edges.
    wide = {id(delimited.FORMAT): delimited.is_wide, id(columnar.FORMAT): columnar.is_wide}.get(id(format_))
    return wide is None or wide(probe)


def take(parts: dict[Content, tuple[Probe, Format]], role: Content, probe: Probe, format_: Format) -> None:
    """Give a file its role; raise DataError if another has it, or the format holds no such thing."""
    if role in parts:
        raise DataError(
            f"Two files hold {role}: {parts[role][0].name} and {probe.name}.",
            mend=f"Choose what each file holds, or ignore one: on the page, or with --read {probe.name}:role=labels "
            "(features, labels, names or ignore).",
        )
    as_matrix = role == "features" and probe.how.role == role and format_.edges is not None
    if (format_.edges if role == "edges" else format_.table) is None and not as_matrix:
        raise DataError(
            f"{format_.title} holds no {_CONTENTS[role]}.",
            where=probe.name,
            mend="Choose another file for them.",
        )
    parts[role] = (probe, format_)
