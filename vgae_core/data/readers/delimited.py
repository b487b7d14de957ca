"""Delimited text: edge lists, node features (dense or long) and labels."""

from __future__ import annotations

import collections
import dataclasses
import functools
import itertools
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from vgae_core.data.dataset import Finding, Part
from vgae_core.data.readers.base import (
    Content,
    Edges,
    Format,
    NodeTable,
    Probe,
    examples,
    factorize_ids,
    object_array,
    shorten,
    sorted_unique,
    whole_numbers,
)
from vgae_core.data.readers.matrices import compact
from vgae_core.data.readers.text import (
    Layout,
    count_lines,
    inner_comments,
    is_number,
    is_whole,
    layout,
    line_of,
    numbers,
    read_frame,
    what_else,
)


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Usual column names, in lower case and without blanks and punctuation.
_SOURCE = _names("source src from fromnodeid fromid node1 nodea id1 u sourceid")
_TARGET = _names("target dst dest destination to tonodeid toid node2 nodeb id2 v targetid")
WEIGHT_NAMES = _names("weight weights w value count score strength combinedscore")
_NODE = _names("id ids node nodes nodeid nodename name key index vertex vertexid uid userid")
_FEATURE = _names("feature features featureid feat attribute attributeid word wordid gene column")
_VALUE = _names("value val weight count x data")
LABEL_NAMES = _names(
    "label labels class classes classlabel target targets y category community group cluster club type "
    "pagetype department"
)
_TITLES = _names("name names title nodename pagename caption")
_CERTAIN_LABELS = _names("label labels class classes classlabel target targets")
MAX_NUMERIC_CLASSES = 100
"""A numeric label with more distinct values than this is a measurement, not a class."""
MAX_TEXT_CLASSES = 1000
_PREVIEW_ROWS, _PREVIEW_COLUMNS = 6, 12
_EDGE_USES = ("source", "target", "weight", "ignore")
_NODE_USES = ("id", "features", "label", "value", "name", "ignore")
_LONG_USES = ("id", "feature_name", "feature_value", "ignore")
_WIDE = 5
"""Columns from which a table of numbers without known names is a matrix rather than an edge list."""


def _plain(name: str) -> str:
    return re.sub(r"[\s_\-.]+", "", name).lower()


# ------------------------------------------------------------------------------ header
@dataclass(frozen=True)
class _Table:
    """A text file with its header told from its rows."""

    shape: Layout
    header: tuple[str, ...] | None
    skip: int
    """Lines before the first data row."""

    @property
    def plain(self) -> tuple[str, ...]:
        return tuple(map(_plain, self.header or ()))

    @property
    def data(self) -> list[list[str]]:
        return self.shape.rows[1:] if self.header is not None else self.shape.rows

    @property
    def preview(self) -> tuple[tuple[str, ...], ...]:
        """The first rows, as far as a screen shows them."""
        return tuple(tuple(map(shorten, row[:_PREVIEW_COLUMNS])) for row in self.data[:_PREVIEW_ROWS])

    @functools.cached_property
    def names(self) -> tuple[str, ...]:
        """What each column is called: by its header, or by its number if that is empty or another's."""
        given = self.header or ("",) * self.shape.width
        twice = collections.Counter(given)
        return tuple(n if n and twice[n] == 1 else str(i) for i, n in enumerate(given, 1))

    def name(self, column: int) -> str:
        return self.header[column] if self.header and column < len(self.header) else str(column + 1)

    def find(self, names: frozenset[str], but: Collection[int] = ()) -> int | None:
        return next((i for i, n in enumerate(self.plain) if n in names and i not in but), None)

    def parts(self, uses: Mapping[int, str], possible: tuple[str, ...]) -> tuple[Part, ...]:
        """Return each column with its use and its first values."""
        first = list(itertools.zip_longest(*self.data[:3], fillvalue=""))
        return tuple(
            Part(
                name, uses.get(i, "ignore"), shorten(", ".join(first[i] if i < len(first) else ())), possible
            )
            for i, name in enumerate(self.names)
        )


def _table_of(probe: Probe) -> _Table:
    if "table" not in probe.memo:
        probe.memo["table"] = _told(probe)
    found: _Table = probe.memo["table"]
    return found


def _told(probe: Probe) -> _Table:
    shape = layout(probe)
    first, rest = shape.rows[0], shape.rows[1:]
    said = probe.how.header
    if said == "no" or (said == "auto" and not _has_header(first, rest)):
        return _Table(shape, None, shape.skip)
    if not rest and said == "yes":
        raise probe.error("Holds a header and no rows.", mend="Hand in a file with one row an edge or node.")
    if len(first) == shape.width - 1:  # R leaves out the name of the column of row names
        first = [*first, ""] if _plain(first[0]) in _SOURCE | _NODE else ["", *first]
    return _Table(shape, tuple(first), shape.skip + 1)


def _has_header(first: list[str], rest: list[list[str]]) -> bool:
    plain = [_plain(name) for name in first]
    if any(is_number(name) for name in first):
        # pandas writes ",0,1,2" for unnamed columns: an empty corner over a column of ids
        return len(first) > 2 and first[0] == "" and all(is_number(n) for n in first[1:])
    known = _SOURCE | _TARGET | _NODE | _FEATURE | LABEL_NAMES
    if (
        plain[0] in _SOURCE | _NODE
        and len(plain) > 1
        and (plain[1] in known | _VALUE or len(set(plain)) == len(plain))
    ):
        return True
    columns = list(zip(*[row for row in rest if len(row) == len(first)], strict=False))
    return bool(rest) and any(
        column and all(is_number(v) for v in column if v) and any(column) for column in columns
    )


# -------------------------------------------------------------------------- what is it?
def _is_long(table: _Table, said: Collection[str] = ()) -> bool:
    """Whether the rows are (node, feature[, value])."""
    said = set(said)
    if said & {"feature_name", "feature_value"}:
        return True
    if said - {"id"}:
        return False
    if table.header is not None:
        return (
            len(table.plain) in (2, 3)
            and table.find(_FEATURE) in (0, 1)
            and table.find(_NODE | _SOURCE) in (0, 1)
        )
    data = [row for row in table.data if len(row) == 3]
    nodes = [row[0] for row in data]
    # Without names only repeated nodes over whole or text columns and numeric values tell.
    return (
        len(data) == len(table.data) > 1
        and len(set(nodes)) < len(nodes)
        and all(is_number(row[2]) for row in data)
        and all(is_whole(row[1]) or not is_number(row[1]) for row in data)
    )


def _guess(probe: Probe) -> Content:
    table = _table_of(probe)
    said = set(probe.how.uses.values())
    if said & {"source", "target", "weight"}:
        return "edges"
    if _is_long(table, said) and said:
        return "features"
    if table.header is not None:
        if table.find(_SOURCE) is not None and table.find(_TARGET) is not None:
            return "edges"
        if _is_long(table, said):
            return "features"
        if table.shape.width == 2 and table.plain[0] in _NODE and table.plain[1] in _TITLES:
            return "names"
        if _numbers_beside(table) >= _WIDE and table.find(_NODE) is not None:
            return "features"
        if table.find(LABEL_NAMES) is not None and table.find(_NODE) is not None:
            return "labels"
        if table.find(_NODE) is not None and table.shape.width > 2:
            return "features"
        if table.shape.width == 2 and table.plain[0] in _NODE and _describes(table):
            return "labels"
    return "edges" if table.shape.width <= 3 else "features"


def _describes(table: _Table) -> bool:
    """Return whether each node has one row and no text beside it is a node: classes, not neighbours."""
    rows = [row for row in table.data if len(row) == 2]
    nodes, others = {row[0] for row in rows}, {row[1] for row in rows}
    return len(nodes) == len(rows) and not nodes & others and not all(map(is_number, others))


def _numbers_beside(table: _Table) -> int:
    """Return how many columns beside ids and labels hold numbers, as far as the first rows tell."""
    rows = [row for row in table.data if len(row) == table.shape.width]
    known = [name in _NODE or name in LABEL_NAMES for name in table.plain]
    columns = zip(*rows, strict=True)
    return sum(not k and all(map(is_number, column)) for k, column in zip(known, columns, strict=False))


def is_wide(probe: Probe) -> bool:
    """Return whether the table can only be a matrix: named so, or five columns of numbers and more."""
    table = _table_of(probe)
    if _is_long(table) or (table.header is not None and table.find(_NODE) is not None):
        return True
    numeric = all(is_number(field) for row in table.data for field in row[1:])
    return numeric and table.shape.width >= _WIDE


def _recognise(probe: Probe) -> bool:
    return what_else(probe) is None


# ------------------------------------------------------------------------------- edges
def _edge_columns(probe: Probe, table: _Table) -> tuple[int, int, int | None]:
    """Return the columns of source, target and weight."""
    width = table.shape.width
    if width < 2:
        raise probe.error(
            f"An edge needs two columns. Received: {shorten(' '.join(table.shape.rows[0]))!r}.",
            line=table.shape.skip + 1,
            mend="One edge a line: source, target and, if there is one, a weight.",
        )
    said = probe.said(table.names, _EDGE_USES)
    by_use = {use: i for i, use in said.items() if use != "ignore"}
    source, target, weight = (by_use.get(use) for use in ("source", "target", "weight"))
    free = [i for i in range(width) if i not in said]
    if source is None and target is None:
        source, target = table.find(_SOURCE, said), table.find(_TARGET, said)
        if source is None or target is None or source == target:
            source, target = (*free, None, None)[:2]
    elif source is None:
        source = next((i for i in free if i == table.find(_SOURCE, said)), next(iter(free), None))
    elif target is None:
        target = next((i for i in free if i == table.find(_TARGET, said)), next(iter(free), None))
    if source is None or target is None:
        raise probe.error(
            "No two columns are left for source and target.", mend="Say which columns they are."
        )
    if weight is None:
        weight = table.find(WEIGHT_NAMES, {source, target, *said})
    if weight is None and width == 3:
        other = ({0, 1, 2} - {source, target}).pop()
        # A third column of texts names the edge; numbers weigh it.
        fields = [row[other] for row in table.data if len(row) > other]
        weight = other if other in free and any(is_number(field) for field in fields) else None
    return source, target, weight


def _edge_parts(table: _Table, source: int, target: int, weight: int | None) -> tuple[Part, ...]:
    uses = {source: "source", target: "target"} | ({} if weight is None else {weight: "weight"})
    return table.parts(uses, _EDGE_USES)


def _count_row(probe: Probe, table: _Table) -> tuple[int, int] | None:
    """Return the first row if it may be SNAP's "nodes edges"."""
    first = table.shape.rows[0]
    if table.header is not None or len(first) != 2 or len(table.shape.rows) < 2:
        return None
    if not all(re.fullmatch(r"\d{1,18}", field) for field in first):
        return None
    return int(first[0]), int(first[1])


def _edges(probe: Probe) -> Edges:
    table = _table_of(probe)
    table = dataclasses.replace(table, shape=dataclasses.replace(table.shape, inner_comments=True))
    shape = table.shape
    source, target, weight = _edge_columns(probe, table)
    probe.limits.check("edges", count_lines(probe) - table.skip, where=probe.name)
    counts = _count_row(probe, table)
    skip = table.skip
    if counts is not None:
        skip = shape.skip + 1
    columns = (
        None if shape.width <= 3 else sorted({source, target} | ({weight} if weight is not None else set()))
    )
    leading = _leading_zeros(table, source, target)
    frame = read_frame(
        probe, shape, skip=skip, columns=columns, dtype={source: str, target: str} if leading else None
    )
    if not len(frame) and counts is None:
        raise probe.error("Holds a header and no rows.", mend="Hand in a file with one row an edge.")
    ends, text = _ids(probe, shape, skip, frame, source, target)
    findings: list[Finding] = []
    announced = None
    if counts is not None:
        if not text and _are_counts(counts, ends[0], ends[1]):
            announced = counts[0]
            findings.append(
                Finding(
                    "count-row",
                    "info",
                    f"The first row of {probe.name} was read as counts: {counts[0]:,} nodes, "
                    f"{counts[1]:,} edges.",
                )
            )
        else:
            if shape.width > 2 and weight is not None:
                raise probe.error(
                    f"Expected {shape.width} columns. Received: 2.",
                    line=skip,
                    mend="Give every row a weight.",
                )
            ends = [_prepend(value, end) for value, end in zip(shape.rows[0], ends, strict=True)]
    weights = None if weight is None else _weights(probe, table, skip, frame, weight)
    rows, cols, ids = factorize_ids(ends[0], ends[1])
    if announced is not None:
        rows, cols, ids = _announced(announced, rows, cols, ids, findings)
    probe.limits.check("nodes", len(ids), where=probe.name)
    inner = inner_comments(probe, skip) if shape.encoding != "utf-16" else []
    if inner:
        findings.append(
            Finding(
                "comment-lines",
                "info",
                f"{len(inner):,} lines between the rows of {probe.name} begin with # or % and were left out.",
                len(inner),
                tuple(f"line {line + 1}" for line in inner[:5]),
            )
        )
    unused = [i for i in range(shape.width) if i not in (source, target, weight)]
    if unused:
        names = tuple(table.name(i) for i in unused)
        findings.append(
            Finding(
                "columns-ignored",
                "info",
                f"Columns of {probe.name} that were not used: {', '.join(map(shorten, names[:5]))}"
                f"{'…' if len(names) > 5 else ''}.",
                len(names),
                examples(names),
            )
        )
    name = {",": "CSV", "\t": "TSV", ";": "semicolon-separated", "": "space-separated"}[shape.separator]
    return Edges(
        rows=rows,
        cols=cols,
        weights=weights,
        node_ids=ids,
        format=f"edge list ({name})",
        directed=_announced_direction(shape),
        parts=_edge_parts(table, source, target, weight),
        findings=tuple(findings),
    )


def _leading_zeros(table: _Table, source: int, target: int) -> bool:
    """Whether ids such as "007" must stay texts."""
    return any(re.fullmatch(r"0\d+", row[i]) for row in table.data for i in (source, target) if i < len(row))


def _ids(
    probe: Probe, shape: Layout, skip: int, frame: pd.DataFrame, source: int, target: int
) -> tuple[list[np.ndarray | pd.Series], bool]:
    """Return source and target ids, as int64 or both as texts, and whether they are texts."""
    if all(frame[i].dtype == np.int64 for i in (source, target)):
        return [frame[source].to_numpy(), frame[target].to_numpy()], False
    columns = sorted({source, target})
    if not all(pd.api.types.is_string_dtype(frame[i].dtype) and frame[i].dtype != object for i in columns):
        # What pandas took for floats, booleans or huge numbers: names, exactly as written.
        frame = read_frame(
            probe,
            shape,
            skip=skip,
            columns=columns if shape.width > 3 else None,
            dtype=dict.fromkeys(columns, str),
        )
    texts = [frame[i].astype(str).str.strip() for i in (source, target)]
    for side, column in zip(("source", "target"), texts, strict=True):
        empty = np.flatnonzero((column == "").to_numpy())
        if len(empty):
            raise probe.error(
                f"The {side} of an edge is empty (rows like this: {len(empty):,}).",
                line=line_of(probe, shape, skip, int(empty[0])),
                mend="One edge a line: source, target and, if there is one, a weight.",
            )
    whole = [None if column.str.fullmatch(r"0\d+").any() else whole_numbers(column) for column in texts]
    if all(w is not None for w in whole):
        return [w for w in whole if w is not None], False
    return list(texts), True


def _are_counts(
    counts: tuple[int, int], source: np.ndarray | pd.Series, target: np.ndarray | pd.Series
) -> bool:
    """Whether "a b" on the first line counts the nodes and edges of the rows below it."""
    n_nodes, n_edges = counts
    entries = len(source)
    if not entries:
        return n_edges == 0  # a graph that is announced to be empty
    low, high = min(int(source.min()), int(target.min())), max(int(source.max()), int(target.max()))
    fits = low >= 0 and (high < n_nodes or (low >= 1 and high <= n_nodes))
    # Listed once, or in both directions; some files drop self-loops and keep the old count.
    return fits and any(
        abs(n_edges - listed) <= 0.05 * listed for listed in (entries, 2 * entries, entries / 2)
    )


def _prepend(value: str, column: np.ndarray | pd.Series) -> np.ndarray | pd.Series:
    if isinstance(column, np.ndarray):
        return np.concatenate([[int(value)], column])
    return pd.concat([pd.Series([value], dtype=column.dtype), column], ignore_index=True)


def _announced(
    announced: int, rows: np.ndarray, cols: np.ndarray, ids: np.ndarray, findings: list[Finding]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Add the nodes that the count row announces and no edge names."""
    missing = announced - len(ids)
    if missing <= 0 or missing > 1_000_000:
        return rows, cols, ids
    first = 0 if len(ids) and ids[0] == 0 else 1
    complete = np.arange(first, first + announced, dtype=np.int64)
    if len(ids) and ids[-1] > complete[-1]:
        complete -= first
    findings.append(
        Finding("announced-nodes", "info", f"{missing:,} announced nodes have no edge.", missing,
                examples(np.setdiff1d(complete, ids, assume_unique=True)))
    )  # fmt: skip
    offset = int(complete[0]) if len(complete) else 0
    return ids[rows] - offset, ids[cols] - offset, complete


def _weights(probe: Probe, table: _Table, skip: int, frame: pd.DataFrame, column: int) -> np.ndarray:
    values = frame[column]
    if table.shape.separator == ";" and values.dtype.kind not in "biuf":
        commas = values.astype(str).str.replace(",", ".", regex=False)
        if pd.to_numeric(commas, errors="coerce").notna().all():
            values = commas  # decimal commas, as spreadsheets in much of Europe write them
    return numbers(probe, table.shape, skip, values, table.name(column))


def _announced_direction(shape: Layout) -> bool | None:
    """Return what the comments at the top say about direction (SNAP and KONECT habits)."""
    for comment in shape.comments:
        text = comment.lstrip("#% ").lower()
        if text.startswith(("directed graph", "asym")):
            return True
        if text.startswith(("undirected graph", "sym")):
            return False
    return None


# ------------------------------------------------------------------------------ tables
def _table(probe: Probe, content: Content, node_ids: np.ndarray) -> NodeTable:
    table = _table_of(probe)
    rows = count_lines(probe) - table.skip
    by_position = table.header is None and rows == len(node_ids) and not probe.how.uses
    if content == "features" and _is_long(table, probe.how.uses.values()) and not by_position:
        return _long(probe, table)
    return _nodes(probe, table, content, node_ids)


def _parts(probe: Probe, content: Content) -> tuple[Part, ...]:
    """Return what the columns would be used for, as far as the first rows tell."""
    table = _table_of(probe)
    if content == "edges":
        return _edge_parts(table, *_edge_columns(probe, table))
    if content == "features" and _is_long(table, probe.how.uses.values()):
        return table.parts(_long_uses(probe, table), _LONG_USES)
    rows = [row for row in table.data if len(row) == table.shape.width]
    frame = pd.DataFrame(rows, columns=range(table.shape.width), dtype="str")
    return table.parts(_node_uses(probe, table, frame, content, np.zeros(0, np.int64)), _NODE_USES)


def _texts(column: pd.Series) -> pd.Series:
    return column.astype(str).str.strip()


def _unique_ids(probe: Probe, table: _Table, ids: pd.Series) -> np.ndarray:
    """Return the ids as texts; each must stand in one row."""
    empty = np.flatnonzero((ids == "").to_numpy())
    if len(empty):
        raise probe.error(
            "The node of a row is empty.",
            line=line_of(probe, table.shape, table.skip, int(empty[0])),
            mend="Give every row a node id.",
        )
    twice = np.flatnonzero(ids.duplicated().to_numpy())
    if len(twice):
        at = int(twice[0])
        raise probe.error(
            f"Node {shorten(str(ids.iloc[at]))!r} has more than one row ({len(twice):,} rows too many).",
            line=line_of(probe, table.shape, table.skip, at),
            mend="Keep one row a node.",
        )
    return object_array(ids)


def _long_uses(probe: Probe, table: _Table) -> dict[int, str]:
    """Return the columns of node, feature and value."""
    said = probe.said(table.names, _LONG_USES)
    uses = {use: i for i, use in said.items() if use != "ignore"}
    free = [i for i in range(table.shape.width) if i not in said]
    named = {"id": table.find(_NODE | _SOURCE, said), "feature_name": table.find(_FEATURE, said)}
    if None in [named[use] for use in named if use not in uses]:
        named = {}
    for use in ("id", "feature_name", "feature_value"):
        column = uses.get(use, named.get(use))
        left = [i for i in free if i not in {*uses.values(), *named.values()}]
        if column is None and (use != "feature_value" or table.shape.width == 3):
            column = next(iter(left), None)
        if column is not None:
            uses[use] = column
        elif use != "feature_value":
            raise probe.error(f"No column is left for the {use}.", mend="Say which columns are which.")
    return {i: use for use, i in uses.items()}


def _long(probe: Probe, table: _Table) -> NodeTable:
    """Read rows of node, feature and value; a missing value column means 1."""
    shape = table.shape
    uses = _long_uses(probe, table)
    by_use = {use: i for i, use in uses.items()}
    node, feature, value = by_use["id"], by_use["feature_name"], by_use.get("feature_value")
    leading = _leading_zeros(table, node, feature)
    frame = read_frame(probe, shape, skip=table.skip, dtype={node: str, feature: str} if leading else None)
    probe.limits.check("feature_values", len(frame), where=probe.name)
    (rows, ids), (columns, names) = (
        _codes(probe, table, frame, column, name) for name, column in (("node", node), ("feature", feature))
    )
    probe.limits.check("feature_columns", len(names), where=probe.name)
    data = (
        np.ones(len(frame), np.float32)
        if value is None
        else numbers(probe, shape, table.skip, frame[value], table.name(value))
    )
    keys = rows * len(names) + columns
    findings: tuple[Finding, ...] = ()
    if len(sorted_unique(keys)) < len(keys):
        repeated = pd.Series(keys)
        twice = np.flatnonzero(repeated.duplicated().to_numpy())
        shown = [f"{ids[rows[i]]}, {names[columns[i]]}" for i in twice[:5]]
        findings = (
            Finding(
                "feature-duplicates",
                "warning",
                f"{len(twice):,} rows of {probe.name} repeat a node and feature; the last value counts.",
                len(twice),
                examples(shown),
            ),
        )
        last = ~repeated.duplicated(keep="last").to_numpy()
        rows, columns, data = rows[last], columns[last], data[last]
    features = sparse.csr_array((data, (rows, columns)), shape=(len(ids), len(names)))
    features.sum_duplicates()
    features.eliminate_zeros()
    return NodeTable(
        where=probe.name,
        n_rows=len(ids),
        ids=ids,
        features=features,
        feature_names=tuple(map(str, names)),
        parts=table.parts(uses, _LONG_USES),
        findings=findings,
    )


def _codes(
    probe: Probe, table: _Table, frame: pd.DataFrame, column: int, what: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return the position of each row's text among the distinct ones, and those; whole numbers are sorted."""
    values: np.ndarray | pd.Series = (
        frame[column].to_numpy() if frame[column].dtype == np.int64 else _texts(frame[column])
    )
    if isinstance(values, pd.Series):
        empty = np.flatnonzero((values == "").to_numpy())
        if len(empty):
            raise probe.error(
                f"The {what} of a row is empty.",
                line=line_of(probe, table.shape, table.skip, int(empty[0])),
                mend="One row a value: node, feature, value.",
            )
        whole = None if values.str.fullmatch(r"0\d+").any() else whole_numbers(values)
        values = values if whole is None else whole
    positions, _, distinct = factorize_ids(values, values[:0])
    return positions, distinct


def _nodes(probe: Probe, table: _Table, content: Content, node_ids: np.ndarray) -> NodeTable:
    """Read one row a node: its id, if there is one, then features, a label, values and a name."""
    shape = table.shape
    if content == "features":
        n_rows = count_lines(probe) - table.skip
        probe.limits.check("feature_values", max(0, n_rows) * shape.width, where=probe.name)
    first = _named_id(table, probe.said(table.names, _NODE_USES))
    frame = read_frame(
        probe, shape, skip=table.skip, dtype={first or 0: str} if content == "features" else str
    )
    if not len(frame):
        raise probe.error("Holds a header and no rows.", mend="Hand in one row a node.")
    uses = _node_uses(probe, table, frame, content, node_ids)
    columns: dict[str, list[int]] = {use: [] for use in _NODE_USES}
    for i, use in uses.items():
        columns[use].append(i)
    if not columns["id"] and len(node_ids) and len(frame) != len(node_ids) and probe.how.first_row == "auto":
        what = "rows" if content == "features" else content
        raise probe.error(
            f"Has {len(frame):,} {what} for {len(node_ids):,} nodes, and no column of node ids.",
            mend="Put the node id in the first column, under the heading `id`.",
        )
    features = None
    if columns["features"]:
        matrix = np.empty((len(frame), len(columns["features"])), np.float32)
        for at, i in enumerate(columns["features"]):
            matrix[:, at] = numbers(probe, shape, table.skip, frame[i], table.name(i))
        features = compact(matrix)
    findings: list[Finding] = []
    classes, class_names, values = _told_of_nodes(probe, table, frame, uses, findings)
    if features is None and classes is None and not values and not columns["name"]:
        if content == "features":
            raise probe.error("Holds ids and no features.", mend="Add a column of numbers a feature.")
        raise probe.error(
            "No column holds classes or numbers: each text stands in one row only.",
            mend="Hand in a column of labels that several nodes share.",
        )
    ignored = [table.name(i) for i in columns["ignore"]]
    if ignored:
        findings.append(Finding("columns-ignored", "info",
            f"Columns of {probe.name} that were not used: {', '.join(map(shorten, ignored[:5]))}"
            f"{'…' if len(ignored) > 5 else ''}.", len(ignored), examples(ignored)))  # fmt: skip
    return NodeTable(
        where=probe.name,
        n_rows=len(frame),
        ids=_unique_ids(probe, table, _texts(frame[columns["id"][0]])) if columns["id"] else None,
        features=features,
        feature_names=tuple(table.name(i) for i in columns["features"]) if table.header is not None else (),
        classes=classes,
        class_names=class_names,
        values=values,
        names=object_array(_texts(frame[columns["name"][0]])) if columns["name"] else None,
        parts=table.parts(uses, _NODE_USES),
        findings=tuple(findings),
    )


def _told_of_nodes(
    probe: Probe, table: _Table, frame: pd.DataFrame, uses: Mapping[int, str], findings: list[Finding]
) -> tuple[np.ndarray | None, tuple[str, ...], dict[str, np.ndarray]]:
    """Return classes, their names, and numeric values of the columns so used."""
    said = probe.said(table.names, _NODE_USES)
    classes: np.ndarray | None = None
    class_names: tuple[str, ...] = ()
    values: dict[str, np.ndarray] = {}
    for i, use in uses.items():
        if use == "label":
            found = as_classes(_texts(frame[i]), certain=True)
            if found is None:
                raise probe.error(
                    f"Column {table.name(i)} has {_texts(frame[i]).nunique():,} different values in "
                    f"{len(frame):,} rows: no classes.",
                    mend="Choose another column for the label.",
                )
            classes, class_names = found
        elif use == "value":
            measured = _as_values(probe, table, _texts(frame[i]), i)
            if measured is None:
                raise probe.error(
                    f"Column {table.name(i)} holds texts that are no numbers.",
                    mend="Choose another use for it.",
                )
            values[table.name(i) if table.header is not None else "value"] = measured
            named = table.header is not None and table.plain[i] in LABEL_NAMES
            if i not in said and (named or len(uses) - ("id" in uses.values()) == 1):
                findings.append(Finding("label-values", "info",
                    f"Column {table.name(i)} of {probe.name} is numeric with many values: "
                    "kept for colouring, not as classes.", int(frame[i].nunique())))  # fmt: skip
    return classes, class_names, values


def _named_id(table: _Table, said: Mapping[int, str]) -> int | None:
    """Return the column of node ids, if someone or its name says so."""
    column = next((i for i, use in said.items() if use == "id"), None)
    if column is None and table.header is not None:
        column = table.find(_NODE, said)
        if column is None and table.header[0] == "" and 0 not in said:
            column = 0
    return column


def _node_uses(
    probe: Probe, table: _Table, frame: pd.DataFrame, content: Content, node_ids: np.ndarray
) -> dict[int, str]:
    """Return the use of each column: what the user said, else what names and values tell."""
    said = probe.said(table.names, _NODE_USES)
    ids = _named_id(table, said)
    if ids is None and 0 not in said:
        if content == "features":
            by_position = table.header is not None and len(frame) == len(node_ids)
            ids = _looks_like_ids(frame, node_ids, certain=not by_position)
        elif table.shape.width > 1:
            ids = 0
    uses = said | ({} if ids is None else {ids: "id"})
    free = [i for i in range(table.shape.width) if i not in uses]
    if content == "features":
        for i in free:
            uses[i] = _use_in_features(table, frame[i], i, labelled="label" in uses.values())
    elif content == "names":
        uses |= dict.fromkeys(free, "ignore") | (
            {free[0]: "name"} if "name" not in said.values() and free else {}
        )
    else:
        uses |= _uses_in_labels(probe, table, frame, free, labelled="label" in said.values())
    return dict(sorted(uses.items()))


def _use_in_features(table: _Table, column: pd.Series, i: int, *, labelled: bool) -> str:
    """Return the use of a column beside features: texts are no features, and classes that are called so."""
    name = table.plain[i] if table.header is not None else ""
    numeric = column.dtype.kind in "biuf" or any(is_number(field) for field in column.iloc[:1000])
    called = name in (_CERTAIN_LABELS if numeric else LABEL_NAMES)
    if called and not labelled and as_classes(_texts(column), certain=True) is not None:
        return "label"
    return "features" if numeric else "ignore"


def _uses_in_labels(
    probe: Probe, table: _Table, frame: pd.DataFrame, free: list[int], *, labelled: bool
) -> dict[int, str]:
    """Return the use of each column beside the ids: one is the label, other numbers are values."""
    uses: dict[int, str] = {}
    named = [i for i in free if table.header is not None and table.plain[i] in LABEL_NAMES]
    # The column called label goes first; without one, the last column that has classes.
    for i in [*named, *[i for i in reversed(free) if i not in named]]:
        texts = _texts(frame[i])
        certain = i in named or len(free) == 1
        if not labelled and as_classes(texts, certain=certain) is not None:
            uses[i], labelled = "label", True
        elif _plain(table.name(i)).endswith("id") or _as_values(probe, table, texts, i) is None:
            uses[i] = "ignore"
        else:
            uses[i] = "value"
    return uses


def _looks_like_ids(frame: pd.DataFrame, node_ids: np.ndarray, *, certain: bool) -> int | None:
    """Return 0 if the first column, not named as such, can only be node ids.

    Texts are ids; whole numbers, each once and mostly those of nodes, if `certain`.
    """
    if frame.shape[1] < 2:
        return None
    first = _texts(frame[0])
    if not all(is_number(text) for text in first.iloc[:1000]):
        return 0
    if not certain:
        return None
    whole = whole_numbers(first)
    if whole is None or len(np.unique(whole)) != len(whole):
        return None
    known = (
        node_ids
        if node_ids.dtype.kind in "iu"
        else np.array([int(i) for i in node_ids if is_whole(str(i))][: 10**7])
    )
    return 0 if len(known) and np.isin(whole, known).mean() > 0.5 else None


_UNKNOWN = {"", "nan", "na", "n/a", "none", "null", "?"}


def as_classes(texts: pd.Series, *, certain: bool) -> tuple[np.ndarray, tuple[str, ...]] | None:
    """Return class index (int32, -1 unknown) and names, or None if these are no classes."""
    known = ~texts.str.lower().isin(_UNKNOWN)
    labelled = texts[known]
    if not len(labelled):
        return None
    n_classes = labelled.nunique()
    enough = 2 * n_classes <= len(labelled) or (certain and n_classes <= 20)
    whole = whole_numbers(labelled)
    if whole is not None:
        # All different, and with gaps between them: a measurement of a small graph.
        spread = n_classes == len(labelled) and int(whole.max()) - int(whole.min()) >= n_classes
        return (
            _numeric_classes(known, whole)
            if enough and not spread and n_classes <= MAX_NUMERIC_CLASSES
            else None
        )
    numeric = pd.to_numeric(labelled, errors="coerce").notna().all()
    if numeric or not enough or n_classes > MAX_TEXT_CLASSES:
        return None
    names, codes = np.unique(labelled.to_numpy(object).astype(str), return_inverse=True)
    return _spread(known, codes), tuple(map(str, names))


def _numeric_classes(known: pd.Series, whole: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    names, codes = np.unique(whole, return_inverse=True)
    return _spread(known, codes), tuple(map(str, names))


def _spread(known: pd.Series, codes: np.ndarray) -> np.ndarray:
    result = np.full(len(known), -1, np.int32)
    result[known.to_numpy()] = codes
    return result


def _as_values(probe: Probe, table: _Table, texts: pd.Series, column: int) -> np.ndarray | None:
    """Return float32 with NaN where unknown, or None if a known field is no number.

    Raises
    ------
    DataError
        Naming the line of the first infinite number.
    """
    known = (~texts.str.lower().isin(_UNKNOWN)).to_numpy()
    parsed = pd.to_numeric(texts, errors="coerce").to_numpy(np.float64)
    with np.errstate(over="ignore"):
        single = parsed.astype(np.float32)
    if not known.any() or np.isnan(single[known]).any():
        return None
    infinite = np.flatnonzero(np.isinf(single))
    if len(infinite):
        at = int(infinite[0])
        raise probe.error(
            f"The value is {shorten(texts.iloc[at])!r}, not a finite number.",
            line=line_of(probe, table.shape, table.skip, at),
            column=table.name(column),
            mend="Write a finite number, or leave the field empty where the value is unknown.",
        )
    single[~known] = np.nan
    return single


FORMAT = Format(
    key="delimited",
    title="Delimited text (CSV, TSV, spaces)",
    suffixes=("csv", "tsv", "txt", "edges", "edgelist", "dat"),
    recognise=_recognise,
    guess=_guess,
    edges=_edges,
    table=_table,
    parts=_parts,
)
