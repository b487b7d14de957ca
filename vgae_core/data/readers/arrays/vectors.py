"""Vectors and counts by row: word2vec texts, TensorBoard's projector, and UCI's bags of words.

word2vec's text format (node2vec, DeepWalk and gensim write it): a line ``rows columns``, then an id
and its numbers per line. The projector reads ``vectors.tsv``, numbers alone, beside ``metadata.tsv``,
which has a header if it has several columns. ``docword``: three lines with the numbers of documents,
words and values, then ``document word count`` per line, beside ``vocab``, one word per line.
"""

from __future__ import annotations

import dataclasses
import io
import re
from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import sparse

from vgae_core.data.findings import Finding
from vgae_core.data.readers.arrays.matrices import check_finite, compact, matrix_table
from vgae_core.data.readers.base import Content, Format, NodeTable, Probe, examples, object_array, shorten
from vgae_core.data.readers.columns.classes import as_classes
from vgae_core.data.readers.columns.names import LABEL_NAMES
from vgae_core.data.readers.text.frames import is_number
from vgae_core.data.readers.text.frames import is_whole as is_whole_number
from vgae_core.data.readers.text.lines import head_lines, is_whole, named, read_text

_COUNTS = re.compile(r"\s*\d{1,18}\s*")


def _numbers(probe: Probe, frame: pd.DataFrame, first: int, mend: str) -> np.ndarray:
    """Return a table of texts as float32; `first` is the line of its first row."""
    parsed = frame.apply(pd.to_numeric, errors="coerce").to_numpy(np.float64)
    with np.errstate(over="ignore"):
        single = np.ascontiguousarray(parsed, dtype=np.float32)
    rows, cols = np.nonzero(~np.isfinite(single))
    if len(rows):
        raise probe.error(
            f"The value is {shorten(str(frame.iloc[int(rows[0]), int(cols[0])]))!r}, not a finite number "
            f"(values like this: {len(rows):,}).",
            line=first + int(rows[0]),
            mend=mend,
        )
    return single


def _table_of_texts(probe: Probe, text: str, separator: str, first: int, mend: str) -> pd.DataFrame:
    try:
        return pd.read_csv(
            io.StringIO(text), sep=separator, header=None, dtype=str, na_filter=False, quoting=3, engine="c",
            skip_blank_lines=False,
        )  # fmt: skip
    except pd.errors.EmptyDataError as error:
        raise probe.error("Holds no rows.", mend=mend) from error
    except pd.errors.ParserError as error:
        uneven = re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", str(error))
        if uneven is None:
            raise probe.error(f"Not a table: {shorten(str(error), 200)}.", mend=mend) from error
        raise probe.error(
            f"Expected {uneven[1]} columns. Received: {uneven[3]}.",
            line=first + int(uneven[2]) - 1,
            mend=mend,
        ) from error


# ---------------------------------------------------------------------------------- word2vec
_EMB_MEND = "Write `rows columns` on the first line, then an id and its numbers per line."


def _is_word2vec(probe: Probe) -> bool:
    lines = head_lines(probe)
    head = lines[0].split() if lines else []
    if len(lines) < 2 or len(head) != 2 or not all(re.fullmatch(r"\d{1,18}", field) for field in head):
        return False
    n, width = map(int, head)
    if width < 2 or len(lines[1].split()) != width + 1:
        return False
    rows = [line.split() for line in lines[1:]]
    if any(len(row) != width + 1 for row in rows):
        return False
    if len(rows) != n if is_whole(probe) else len(rows) > n:
        return False
    # Rows of three whole numbers are edges with weights below a line of counts.
    return all(map(is_number, rows[0][1:])) and (
        width > 2 or named(probe, *WORD2VEC.suffixes) or not all(map(is_whole_number, rows[0][1:]))
    )


def _word2vec(probe: Probe, content: Content, node_ids: np.ndarray) -> NodeTable:
    if content != "features":
        raise probe.error("Vectors cannot be labels.", mend="Provide labels as CSV: node,label.")
    findings: list[Finding] = []
    first, _, body = read_text(probe).partition("\n")
    counts = first.split()
    if len(counts) != 2 or not all(re.fullmatch(r"\d{1,18}", field) for field in counts):
        raise probe.error("The first line must be: rows columns.", line=1, mend=_EMB_MEND)
    n, width = map(int, counts)
    probe.limits.check("nodes", n, where=probe.name)
    probe.limits.check("feature_columns", width, where=probe.name)
    probe.limits.check("feature_values", n * width, where=probe.name)
    lines = [re.sub(r"[ \t]+", " ", line.strip()) for line in body.rstrip().split("\n")]
    frame = _table_of_texts(probe, "\n".join(lines), " ", 2, _EMB_MEND)
    if frame.shape != (n, width + 1):
        raise probe.error(
            f"Declares {n:,} rows of {width:,} numbers. Received: {frame.shape[0]:,} rows of {frame.shape[1] - 1:,}.",
            line=1,
            mend=_EMB_MEND,
        )
    ids = frame[0]
    if not ids.is_unique:
        twice = int(np.flatnonzero(ids.duplicated())[0])
        raise probe.error(
            f"The id {shorten(str(ids.iloc[twice]))!r} has more than one row.", line=twice + 2, mend=_EMB_MEND
        )
    values = _numbers(probe, frame.drop(columns=0), 2, _EMB_MEND)
    return NodeTable(
        where=probe.name,
        n_rows=n,
        ids=object_array(ids),
        features=compact(values),
        feature_names=tuple(f"dimension {i}" for i in range(1, width + 1)),
        findings=tuple(findings),
    )


WORD2VEC = Format(
    key="word2vec",
    title="word2vec text",
    suffixes=("emb", "vec", "w2v"),
    recognise=_is_word2vec,
    guess=lambda probe: "features",
    table=_word2vec,
)

# ------------------------------------------------------------------- TensorBoard's projector
_VECTORS = re.compile(
    r"(?P<before>.*?)(?P<part>vectors?|tensors?|vecs|embeddings?|metadata|meta)(?P<after>[^/\\]*?)\.(tsv|txt)"
)
_PROJECTOR_MEND = "Provide vectors.tsv, numbers alone, with metadata.tsv, which has one line per vector."


def _gather_projector(probes: Sequence[Probe]) -> list[Probe]:
    """Return the probes with each file of vectors and its metadata made one."""
    sets: dict[tuple[str, str], dict[str, Probe]] = {}
    for probe in probes:
        match = _VECTORS.fullmatch(probe.stem)
        if match and probe.how.role in ("auto", "features"):
            part = "metadata" if match["part"].startswith("meta") else "vectors"
            sets.setdefault((match["before"], match["after"]), {}).setdefault(part, probe)
    pairs = [parts for parts in sets.values() if len(parts) == 2 and _are_vectors(parts["vectors"])]
    merged = {id(pair["metadata"]) for pair in pairs}
    by_vectors = {id(pair["vectors"]): pair for pair in pairs}
    found = []
    for probe in probes:
        if id(probe) in by_vectors:
            how = dataclasses.replace(probe.how, role="features")
            probe = dataclasses.replace(probe, how=how, memo={"projector": by_vectors[id(probe)]})
        elif id(probe) in merged:
            continue
        found.append(probe)
    return found


def _are_vectors(probe: Probe) -> bool:
    rows = [line.split("\t") for line in head_lines(probe)[:50]]
    return bool(rows) and all(len(row) == len(rows[0]) > 1 and all(map(is_number, row)) for row in rows)


def _metadata(probe: Probe, n: int) -> dict[str, pd.Series]:
    """Return the columns that describe the rows, by name; one column has no header."""
    lines = read_text(probe).rstrip("\n").split("\n")
    rows = [line.split("\t") for line in lines]
    width = len(rows[0])
    names = ["name"] if width == 1 and len(rows) == n else rows[0]
    body = rows if len(rows) == n and width == 1 else rows[1:]
    if len(body) != n:
        raise probe.error(f"Describes {len(body):,} rows. Vectors: {n:,}.", mend=_PROJECTOR_MEND)
    uneven = next((i for i, row in enumerate(body) if len(row) != width), None)
    if uneven is not None:
        raise probe.error(
            f"Expected {width} columns. Received: {len(body[uneven])}.",
            line=uneven + 1 + len(lines) - len(body),
            mend=_PROJECTOR_MEND,
        )
    found: dict[str, pd.Series] = {}
    for i, name in enumerate(names):
        found.setdefault(name.strip() or str(i + 1), pd.Series([row[i].strip() for row in body], dtype="str"))
    return found


def _projector(probe: Probe, content: Content, node_ids: np.ndarray) -> NodeTable:
    pair: dict[str, Probe] = probe.memo["projector"]
    findings: list[Finding] = []
    text = read_text(probe).rstrip("\n")
    n, width = text.count("\n") + 1, text.partition("\n")[0].count("\t") + 1
    probe.limits.check("nodes", n, where=probe.name)
    probe.limits.check("feature_columns", width, where=probe.name)
    probe.limits.check("feature_values", n * width, where=probe.name)
    values = _numbers(probe, _table_of_texts(probe, text, "\t", 1, _PROJECTOR_MEND), 1, _PROJECTOR_MEND)
    about = _metadata(pair["metadata"], n)
    unique = [name for name in about if about[name].is_unique and not (about[name] == "").any()]
    label = next(
        (name for name in about if name.lower().replace("_", "") in LABEL_NAMES and name not in unique), None
    )
    label = label or next(
        (name for name in about if name not in unique and as_classes(about[name], certain=False)), None
    )
    classes = None if label is None else as_classes(about[label], certain=True)
    used = [*unique[:1], *([label] if classes else [])]
    message = f"Rows of {probe.name} are described by {pair['metadata'].name}"
    message += f"; named by its column {shorten(unique[0])}" if unique else "; no column has one name per row"
    message += f"; classes are its column {shorten(str(label))}." if classes else "."
    findings.append(Finding("projector", "info", message, n, examples(used)))
    left = [name for name in about if name not in used]
    if left:
        findings.append(Finding("columns-ignored", "info",
            f"Columns of {pair['metadata'].name} that were not used: {', '.join(map(shorten, left[:5]))}"
            f"{'…' if len(left) > 5 else ''}.", len(left), examples(left)))  # fmt: skip
    return NodeTable(
        where=probe.name,
        n_rows=n,
        ids=object_array(about[unique[0]]) if unique else None,
        features=compact(values),
        feature_names=tuple(f"dimension {i}" for i in range(1, width + 1)),
        classes=classes[0] if classes else None,
        class_names=classes[1] if classes else (),
        findings=tuple(findings),
    )


PROJECTOR = Format(
    key="projector",
    title="TensorBoard projector",
    suffixes=("tsv",),
    recognise=lambda probe: "projector" in probe.memo,
    guess=lambda probe: "features",
    table=_projector,
    gather=_gather_projector,
)

# ----------------------------------------------------------------------------- bags of words
_BAG_MEND = (
    "Write three lines with the numbers of documents, words and values, then `document word count` per line."
)
_VOCABULARY = re.compile(r"(.*[^a-z])?vocab(ulary)?([^a-z].*)?")


def _is_docword(probe: Probe) -> bool:
    lines = head_lines(probe)[:60]
    rows = [line.split() for line in lines[3:]]
    return (
        bool(rows)
        and all(_COUNTS.fullmatch(line) for line in lines[:3])
        and all(len(row) == 3 and row[0].isdigit() and row[1].isdigit() for row in rows)
    )


def _gather_docword(probes: Sequence[Probe]) -> list[Probe]:
    """Return the probes with the only bag of words and its only vocabulary made one."""
    bags = [p for p in probes if p.how.role in ("auto", "features") and _is_docword(p)]
    words = [p for p in probes if p.how.role == "auto" and _VOCABULARY.fullmatch(p.stem.rsplit(".txt", 1)[0])]
    if len(bags) != 1 or len(words) != 1 or bags[0] is words[0]:
        return list(probes)
    bag = dataclasses.replace(bags[0], memo={**bags[0].memo, "vocabulary": words[0]})
    return [bag if p is bags[0] else p for p in probes if p is not words[0]]


def _docword(probe: Probe, content: Content, node_ids: np.ndarray) -> NodeTable:
    if content != "features":
        raise probe.error("Word counts cannot be labels.", mend="Provide labels as CSV: node,label.")
    parts = [*read_text(probe).lstrip("\n").split("\n", 3), ""]
    if len(parts) < 4 or not all(map(_COUNTS.fullmatch, parts[:3])):
        raise probe.error("The first three lines must be counts.", line=1, mend=_BAG_MEND)
    n, width, announced = map(int, parts[:3])
    for limit, count in (("nodes", n), ("feature_columns", width), ("feature_values", announced)):
        probe.limits.check(limit, count, where=probe.name)
    frame = pd.DataFrame(columns=range(3), dtype="str")
    if parts[3].strip():
        body = "\n".join(re.sub(r"[ \t]+", " ", line.strip()) for line in parts[3].rstrip().split("\n"))
        frame = _table_of_texts(probe, body, " ", 4, _BAG_MEND)
    if frame.shape != (announced, 3):
        raise probe.error(
            f"Declares {announced:,} values in rows of 3. Received: {frame.shape[0]:,} rows of {frame.shape[1]}.",
            line=3,
            mend=_BAG_MEND,
        )
    rows, cols = (pd.to_numeric(frame[i], errors="coerce").to_numpy(np.float64) for i in (0, 1))
    inside = (rows >= 1) & (rows <= n) & (cols >= 1) & (cols <= width)
    bad = np.flatnonzero(~(inside & (rows == np.floor(rows)) & (cols == np.floor(cols))))
    if len(bad):
        raise probe.error(
            f"Documents are numbered from 1 to {n:,}, words from 1 to {width:,}. Received: "
            f"{shorten(' '.join(frame.iloc[int(bad[0])]))!r}.",
            line=int(bad[0]) + 4,
            mend=_BAG_MEND,
        )
    values = _numbers(probe, frame[[2]], 4, _BAG_MEND)[:, 0]
    at = rows.astype(np.int64) - 1, cols.astype(np.int64) - 1
    check_finite(probe, values, *at)
    table = matrix_table(probe, sparse.coo_array((values, at), shape=(n, width)))
    ids = np.arange(1, n + 1, dtype=np.int64)
    return dataclasses.replace(table, ids=ids, feature_names=_words(probe, width))


def _words(probe: Probe, width: int) -> tuple[str, ...]:
    listed: Probe | None = probe.memo.get("vocabulary")
    if listed is None:
        return tuple(f"word {i}" for i in range(1, width + 1))
    words = [line.strip() for line in read_text(listed).rstrip("\n").split("\n")]
    if len(words) != width:
        raise listed.error(
            f"Has {len(words):,} words. {probe.name} declares {width:,}.",
            mend="Provide the vocabulary of the same data.",
        )
    return tuple(words) if len(set(words)) == width else tuple(f"{w} ({i})" for i, w in enumerate(words, 1))


DOCWORD = Format(
    key="docword",
    title="UCI bag of words",
    suffixes=("txt",),
    recognise=_is_docword,
    guess=lambda probe: "features",
    table=_docword,
    gather=_gather_docword,
)
