"""What a graph as read looks like: the numbers the data page and ``inspect`` show."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import sparse

from vgae_core.data.column_findings import column_findings
from vgae_core.data.dataset import RawGraph, filled, value_kind
from vgae_core.data.entry_splits import check_zeros
from vgae_core.data.findings import FileReport, Finding
from vgae_core.data.link_splits import check_edges
from vgae_core.data.node_pairs import count_first, count_pairs, describe_sides
from vgae_core.data.repairs import Offer, Structure, offers, structure
from vgae_core.errors import DataError
from vgae_core.settings import SplitSpec


@dataclass(frozen=True, eq=False, kw_only=True)
class Report:
    """Everything worth knowing about a graph before it is repaired.

    Parameters
    ----------
    is_matrix : bool
        Whether there are features and no edge: rows x columns, whose rows count as nodes below.
    n_edges : int
        Distinct undirected pairs without self-loops.
    n_arcs : int or None
        Distinct ordered pairs without self-loops; None for an undirected reading.
    n_rows_read : int
        Entries in the file.
    n_duplicates : int
        Entries beyond the first of their ordered pair, self-loops left out.
    n_isolated : int
        Nodes without an edge to another node.
    largest_component : int
        Nodes in the largest weakly connected component.
    density : float
        ``n_edges`` over the number of pairs that may be edges, in [0, 1].
    feature_density : float or None
        Share of feature values that are not zero.
    n_labels : int
        Number of classes.
    n_labelled : int
        Nodes with a class.
    label_counts : mapping of str to int
        Nodes of each class.
    files : tuple of FileReport
        What each file was taken for.
    findings : tuple of Finding
        What the readers noticed, then what the repairs decide.
    sides : tuple of int or None
        Nodes of each side of a two-sided graph.
    side_names : tuple of str
        As in :class:`~vgae_core.data.dataset.RawGraph`.
    """

    name: str
    format: str
    is_matrix: bool
    n_nodes: int
    n_edges: int
    n_arcs: int | None
    n_rows_read: int
    directed: bool
    weighted: bool
    weight_range: tuple[float, float] | None
    n_self_loops: int
    n_duplicates: int
    n_isolated: int
    n_components: int
    largest_component: int
    density: float
    mean_degree: float
    max_degree: int
    n_features: int
    feature_kind: str | None
    feature_density: float | None
    n_labels: int
    n_labelled: int
    label_counts: Mapping[str, int]
    values: tuple[str, ...]
    files: tuple[FileReport, ...]
    findings: tuple[Finding, ...]
    offers: tuple[Offer, ...]
    sides: tuple[int, int] | None
    side_names: tuple[str, ...]
    structure: Structure = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types, without the arrays."""
        skipped = {"structure", "files", "findings", "offers"}
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name not in skipped}
        values["label_counts"] = dict(self.label_counts)
        values["values"] = list(self.values)
        values["sides"] = None if self.sides is None else list(self.sides)
        values["side_names"] = list(self.side_names)
        values["weight_range"] = None if self.weight_range is None else list(self.weight_range)
        values["files"] = [file.to_dict() for file in self.files]
        values["findings"] = [{**dataclasses.asdict(f), "examples": list(f.examples)} for f in self.findings]
        values["repairs"] = [dataclasses.asdict(offer) for offer in self.offers]
        return values


def inspect(raw: RawGraph) -> Report:
    """Return the report of a graph as read.

    Parameters
    ----------
    raw : RawGraph

    Returns
    -------
    Report
        Never fails on a graph the readers returned: what cannot be trained on (one node, no
        edge, negative weights) is a finding of level ``"warning"``.
    """
    counts = structure(raw)
    offered = offers(raw, counts)
    degrees = counts.degrees[: raw.n_nodes]
    sizes = np.bincount(counts.components) if raw.n_nodes else np.zeros(0, np.int64)
    n_first = count_first(raw.sides)
    pairs = count_pairs(raw.n_nodes, n_first=n_first)
    weights = None if raw.weights is None else raw.weights[~np.isnan(raw.weights)]
    has_weights = weights is not None and len(weights) > 0
    labelled = np.zeros(0, np.int32) if raw.labels is None else raw.labels[raw.labels >= 0]
    kind = None if raw.features is None else value_kind(raw.features)
    per_class = np.bincount(labelled, minlength=len(raw.label_names))
    return Report(
        name=raw.name,
        format=raw.format,
        is_matrix=raw.is_matrix,
        n_nodes=raw.n_nodes,
        n_edges=counts.n_edges,
        n_arcs=counts.n_arcs if raw.directed else None,
        n_rows_read=len(raw.rows),
        directed=bool(raw.directed),
        weighted=bool(has_weights and np.any(weights != 1)),
        weight_range=(float(weights.min()), float(weights.max()))
        if weights is not None and len(weights)
        else None,
        n_self_loops=counts.n_self_loops,
        n_duplicates=counts.n_duplicates,
        n_isolated=int(np.count_nonzero(degrees == 0)),
        n_components=len(sizes),
        largest_component=int(sizes.max()) if len(sizes) else 0,
        density=counts.n_edges / pairs if pairs else 0.0,
        mean_degree=float(degrees.mean()) if len(degrees) else 0.0,
        max_degree=int(degrees.max()) if len(degrees) else 0,
        n_features=0 if raw.features is None else int(raw.features.shape[1]),
        feature_kind=kind,
        feature_density=_density(raw),
        n_labels=0 if raw.labels is None else len(raw.label_names),
        n_labelled=len(labelled),
        label_counts={name: int(count) for name, count in zip(raw.label_names, per_class, strict=False)},
        values=tuple(raw.values),
        files=raw.files,
        findings=(
            *raw.findings,
            *(_of_matrix(raw, offered) if raw.is_matrix else _structural(raw, counts, offered, degrees)),
            *(column_findings(raw) if kind not in (None, "binary") else ()),
        ),
        offers=offered,
        sides=None if raw.sides is None else (n_first, raw.n_nodes - n_first),
        side_names=raw.side_names,
        structure=counts,
    )


def _density(raw: RawGraph) -> float | None:
    x = raw.features
    if x is None:
        return None
    filled = x.count_nonzero() if sparse.issparse(x) else np.count_nonzero(x)
    cells = x.shape[0] * x.shape[1]
    return float(filled / cells) if cells else 0.0


def _of_matrix(raw: RawGraph, offered: tuple[Offer, ...]) -> list[Finding]:
    """Return what the values of a matrix themselves show."""
    x = raw.features
    assert x is not None  # noqa: S101  a matrix has features
    a_row, a_column = filled(x)
    empty_rows, empty_columns = np.flatnonzero(a_row == 0), np.flatnonzero(a_column == 0)
    findings = [
        Finding("missing-values", "choice", o.message, o.count)
        for o in offered
        if o.setting == "missing" and o.count
    ]
    if len(empty_rows):
        findings.append(
            Finding(
                "empty-rows",
                "info",
                f"{len(empty_rows):,} of {len(a_row):,} rows are all 0: nothing distinguishes their codes.",
                len(empty_rows),
                tuple(str(raw.node_ids[i]) for i in empty_rows[:5]),
            )
        )
    if len(empty_columns):
        findings.append(
            Finding(
                "empty-columns",
                "info",
                f"{len(empty_columns):,} of {len(a_column):,} columns are all 0.",
                len(empty_columns),
                tuple(raw.feature_names[i] for i in empty_columns[:5]) if raw.feature_names else (),
            )
        )
    below = int(np.count_nonzero((x.data if sparse.issparse(x) else x) < 0))
    if below:
        findings.append(
            Finding(
                "negative-values",
                "warning",
                f"{below:,} of {int(a_row.sum()):,} values are negative. Held-out entries are ranked against zeros "
                "by their expected size, so scores say little about negative values: judge by the error of the rows.",
                below,
            )
        )
    try:
        check_zeros(x.shape, int(a_row.sum()), SplitSpec())
    except DataError as error:
        findings.append(Finding("few-zeros", "warning", f"{error.message} {error.mend}", int(a_row.sum())))
    return findings


def _structural(
    raw: RawGraph, counts: Structure, offered: tuple[Offer, ...], degrees: np.ndarray
) -> list[Finding]:
    """Return what the entries themselves show, choices first."""
    ids = raw.node_ids
    findings: list[Finding] = []
    if raw.sides is not None:
        both = describe_sides(raw.sides, raw.side_names)
        message = f"{both}. Only pairs of one node from each are trained on, scored and ranked."
        findings.append(Finding("two-sided", "info", message, raw.n_nodes))
    shown: dict[str, tuple[str, ...]] = {}
    if counts.n_self_loops:
        loops = np.unique(raw.rows[raw.rows == raw.cols])[:5]
        shown["self_loops"] = tuple(str(ids[i]) for i in loops)
    codes = {
        "missing_weights": "missing-weights",
        "missing": "missing-values",
        "direction": "one-way-arcs",
        "self_loops": "self-loops",
        "duplicates": "duplicates",
        "component": "components",
    }
    findings.extend(
        Finding(codes[o.setting], "choice", o.message, o.count, shown.get(o.setting, ()))
        for o in offered
        if o.count and o.setting in codes
    )
    isolated = np.flatnonzero(degrees == 0)
    if len(isolated) and counts.n_edges:
        names = tuple(str(ids[i]) for i in isolated[:5])
        findings.append(
            Finding(
                "isolated-nodes",
                "info",
                f"{len(isolated):,} nodes have no edge to another node.",
                len(isolated),
                names,
            )
        )
    if raw.n_nodes < 2 or not counts.n_edges:
        findings.append(
            Finding(
                "no-edges",
                "warning",
                "There is no edge between two different nodes: there is nothing to learn.",
            )
        )
    else:
        try:
            check_edges(raw.n_nodes, counts.n_edges, SplitSpec(), n_first=count_first(raw.sides))
        except DataError as error:
            findings.append(
                Finding("hard-to-split", "warning", f"{error.message} {error.mend}", counts.n_edges)
            )
    if raw.weights is not None:
        for code, bad, message in (
            ("negative-weights", raw.weights < 0, "entries have a negative weight: ignore weights to train"),
            ("zero-weights", raw.weights == 0, "entries have weight 0 and do not count as edges"),
        ):
            count = int(np.count_nonzero(bad))
            if count:
                at = np.flatnonzero(bad)[:5]
                names = tuple(f"{ids[raw.rows[i]]} – {ids[raw.cols[i]]}" for i in at)
                findings.append(Finding(code, "warning", f"{count:,} {message}.", count, names))
    return findings
