"""OBO ontologies: terms joined by ``is_a`` and ``relationship`` (OBO flat file format 1.4)."""

from __future__ import annotations

import re

from vgae_core.data.findings import Finding
from vgae_core.data.readers.base import Edges, Format, NodeTable, Probe, object_array, shorten
from vgae_core.data.readers.columns.classes import as_classes
from vgae_core.data.readers.columns.first_edges import judge_whole, read_once
from vgae_core.data.readers.text.lines import named_edges, numbered, read_text

_TITLE = "OBO ontology"


def _recognise(probe: Probe) -> bool:
    return (
        probe.is_text and re.search(rb"(?m)^\[Term\]\s*\n(?:[a-z_]+:.*\n)*?id:\s*\S", probe.head) is not None
    )


def _value(text: str) -> str:
    """Return a value without its comment (``! name``) and its qualifiers (``{…}``)."""
    return re.sub(r"\s+(!|\{).*$", "", text).strip()


def _edges(probe: Probe) -> Edges:
    import pandas as pd

    findings: list[Finding] = []
    stanza, term = "", ""
    names: dict[str, str] = {}
    spaces: dict[str, str] = {}
    dropped: set[str] = set()
    links: list[tuple[str, str, str]] = []
    for number, line in numbered(read_text(probe), ("!",)):
        if line.startswith("["):
            stanza, term = line, ""
            continue
        tag, colon, rest = line.partition(":")
        if stanza != "[Term]" or not colon:
            continue
        value = _value(rest)
        if tag == "id":
            term = value
            names.setdefault(term, "")
            probe.limits.check("nodes", len(names), where=probe.name)
        elif not term:
            raise probe.error("A term has lines before its id.", line=number, mend="Begin it with `id:`.")
        elif tag == "name":
            names[term] = rest.strip()
        elif tag == "namespace":
            spaces[term] = value
        elif tag == "is_obsolete" and value == "true":
            dropped.add(term)
        elif tag in ("is_a", "relationship"):
            fields = value.split()
            if len(fields) < (1 if tag == "is_a" else 2):
                raise probe.error(
                    f"This line names no term: {shorten(line)!r}.", line=number, mend="Write `is_a: ID`."
                )
            links.append((term, "is_a", fields[0]) if tag == "is_a" else (term, fields[0], fields[1]))
            probe.limits.check("edges", len(links), where=probe.name)
    if dropped:
        findings.append(Finding("obsolete-terms", "info",
            f"{len(dropped):,} obsolete terms of {probe.name} were left out.", len(dropped)))  # fmt: skip
    links = [link for link in links if link[0] not in dropped]
    kept = [name for name in names if name not in dropped]
    classes = as_classes(pd.Series([spaces.get(name, "") for name in kept], dtype="str"), certain=True)
    table = NodeTable(
        where=probe.name,
        n_rows=len(kept),
        ids=object_array(kept),
        names=object_array(names[name] for name in kept) if any(names[name] for name in kept) else None,
        classes=classes[0] if classes else None,
        class_names=classes[1] if classes else (),
    )
    sources, relations, targets = ([link[i] for link in links] for i in range(3))
    return named_edges(
        probe, sources, targets, _TITLE, relations=relations, others=kept, directed=True, tables=(table,),
        findings=findings,
    )  # fmt: skip


FORMAT = Format(
    key="obo",
    title=_TITLE,
    suffixes=("obo",),
    recognise=_recognise,
    guess=lambda probe: "edges",
    edges=lambda probe: read_once(probe, _edges),
    judge=judge_whole(_edges),
)
