"""The Planetoid files (``ind.NAME.x``, ``.graph``, …) and pickled neighbour lists alone."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from vgae_core.data.dataset import RawGraph
from vgae_core.data.findings import Finding
from vgae_core.data.readers.arrays import restricted_pickle
from vgae_core.data.readers.arrays.restricted_pickle import MEND, Array, Csr, neighbours
from vgae_core.data.readers.base import Edges, Format, NodeTable, Probe
from vgae_core.errors import DataError
from vgae_core.host.limits import LIMITS, Limits
from vgae_core.settings import FileSpec

PARTS = ("x", "y", "tx", "ty", "allx", "ally", "graph", "test.index")
"""The files of one data set: ``ind.NAME.<part>``."""

_NAME = re.compile(r"(?:^|.*[/\\])ind\.(?P<name>.+?)\.(?P<part>x|y|tx|ty|allx|ally|graph|test\.index)", re.I)


def read_planetoid(
    files: Mapping[str, Path],
    *,
    name: str,
    limits: Limits = LIMITS,
    names: Mapping[str, str] | None = None,
) -> RawGraph:
    """Return the graph of one Planetoid data set.

    Parameters
    ----------
    files : mapping of str to Path
        The file of each of :data:`PARTS`; ``x``, ``y`` repeat what ``allx`` and ``ally``
        hold and are not read. Without ``allx`` or ``tx`` there are no features, without
        ``ally`` or ``ty`` no labels, and a finding says so.
    name : str
        Name shown to the user.
    limits : Limits
        What is accepted.
    names : mapping of str to str, optional
        What messages call each file; by default its name on disk.

    Returns
    -------
    RawGraph
        Undirected, each edge once; features float32 CSR; label -1 where a node has none.

    Raises
    ------
    DataError
        If the graph is missing, a file is not a Planetoid pickle, or the files disagree.
    LimitError
        If the graph is larger than `limits`.

    References
    ----------
    Yang, Cohen & Salakhutdinov 2016, Revisiting Semi-Supervised Learning with Graph
    Embeddings, arXiv:1603.08861.
    """
    if "graph" not in files:
        raise DataError(
            "The data set is incomplete: graph missing.",
            where=name,
            mend=f"A Planetoid data set is the files ind.NAME.{{{','.join(PARTS)}}}.",
        )
    called = {part: (names or {}).get(part, path.name) for part, path in files.items()}
    missing = [part for part in PARTS[2:] if part not in files]
    with_features = not {"allx", "tx", "test.index"} & set(missing)
    with_labels = not {"ally", "ty", "test.index"} & set(missing)
    allx, tx = (_matrix(files[p], called[p], limits) if with_features else None for p in ("allx", "tx"))
    ally, ty = (_classes(files[p], called[p], limits) if with_labels else None for p in ("ally", "ty"))
    test = np.zeros(0, np.int64)
    if with_features or with_labels:
        test = _test_index(files["test.index"], called["test.index"])
    _agree(allx, tx, ally, ty, test, called)
    pairs, n = neighbours(
        _load(files["graph"], called["graph"], limits), where=called["graph"], limits=limits
    )
    n_train = allx.shape[0] if allx is not None else 0 if ally is None else len(ally)
    n = max(n_train, int(test.max(initial=-1)) + 1, n)
    limits.check("nodes", n, where=name)

    # Test rows are stored in the order of test.index; nodes nobody lists get an empty row.
    place = np.concatenate([np.arange(n_train), test])
    features = labels = None
    label_names: tuple[str, ...] = ()
    if allx is not None and tx is not None:
        stacked = sparse.coo_array(sparse.vstack([allx, tx]))
        features = sparse.csr_array(
            (stacked.data.astype(np.float32), (place[stacked.row], stacked.col)), shape=(n, allx.shape[1])
        )
    if ally is not None and ty is not None:
        classes = np.concatenate([ally, ty])
        labels = np.full(n, -1, dtype=np.int32)
        labels[place] = np.where(classes.any(axis=1), classes.argmax(axis=1), -1)
        label_names = tuple(f"class {k}" for k in range(classes.shape[1]))

    unique = np.unique(np.sort(pairs, axis=1), axis=0)
    findings = []
    if repeated := len(pairs) - 2 * len(unique) + int(np.count_nonzero(unique[:, 0] == unique[:, 1])):
        findings.append(
            Finding(
                code="repeated_neighbours",
                level="info",
                message=f"{repeated} listed neighbours repeat an edge; each edge counts once.",
                count=repeated,
            )
        )
    if missing:
        without = [w for w, held in (("features", with_features), ("labels", with_labels)) if not held]
        findings.append(
            Finding(
                code="incomplete",
                level="warning",
                message=f"{name} has no {' and no '.join(without)}: {', '.join(missing)} missing.",
                count=len(missing),
                examples=tuple(missing),
            )
        )
    return RawGraph(
        name=name,
        rows=unique[:, 0].copy(),
        cols=unique[:, 1].copy(),
        weights=None,
        node_ids=np.arange(n, dtype=np.int64),
        directed=False,
        symmetric=True,
        format="Planetoid",
        features=features,
        labels=labels,
        label_names=label_names,
        findings=tuple(findings),
    )


def _agree(
    allx: sparse.csr_array | None,
    tx: sparse.csr_array | None,
    ally: np.ndarray | None,
    ty: np.ndarray | None,
    test: np.ndarray,
    called: Mapping[str, str],
) -> None:
    """Raise DataError unless the parts that are there fit together."""
    tests = tx.shape[0] if tx is not None else len(ty) if ty is not None else 0
    train = allx.shape[0] if allx is not None else len(ally) if ally is not None else 0
    checks = [("test.index", len(test), tests, "entries, as there are test rows")]
    if allx is not None and tx is not None:
        checks.insert(0, ("tx", tx.shape[1], allx.shape[1], "columns, as allx"))
    if ally is not None and ty is not None:
        checks.append(("ally", len(ally), train, "rows, as allx"))
        checks.append(("ty", len(ty), tests, "rows, as tx"))
        checks.append(("ty", ty.shape[1], ally.shape[1], "columns, as ally"))
    for part, left, right, what in checks:
        if left != right:
            raise DataError(f"Expected {right} {what}. Received: {left}.", where=called[part], mend=MEND)
    if len(np.unique(test)) != len(test) or int(test.min(initial=train)) < train:
        raise DataError(
            f"Test nodes must be distinct and follow the first {train}.",
            where=called["test.index"],
            mend=MEND,
        )


# --------------------------------------------------------------------- the parts of a data set
def _load(path: Path, where: str, limits: Limits) -> Any:
    limits.check("upload_bytes", path.stat().st_size, where=where)
    return restricted_pickle.load(path.read_bytes(), where=where)


def _matrix(path: Path, where: str, limits: Limits) -> sparse.csr_array:
    """Return the sparse matrix in a file."""
    held = _load(path, where, limits)
    if not isinstance(held, Csr):
        raise DataError("Expected a sparse matrix.", where=where, mend=MEND)
    shape = held.shape(where)
    limits.check("nodes", shape[0], where=where)
    limits.check("feature_columns", shape[1], where=where)
    return held.matrix(where)


def _classes(path: Path, where: str, limits: Limits) -> np.ndarray:
    """Return the one-hot classes in a file: bool, shape (nodes, classes)."""
    held = _load(path, where, limits)
    classes = held.array(where) if isinstance(held, Array) else None
    if classes is None or classes.ndim != 2 or not classes.shape[1]:
        raise DataError("Expected an array with one column per class.", where=where, mend=MEND)
    chosen: np.ndarray = classes != 0
    if int(chosen.sum(axis=1).max(initial=0)) > 1:
        raise DataError("Expected one class per node at most.", where=where, mend=MEND)
    return chosen


def _test_index(path: Path, where: str) -> np.ndarray:
    """Return the node of each test row, int64."""
    try:
        numbers = np.array(path.read_text(encoding="ascii").split(), dtype=np.int64)
    except (ValueError, OverflowError) as error:
        raise DataError(f"Expected one node number per line: {error}.", where=where, mend=MEND) from error
    if numbers.size and int(numbers.min()) < 0:
        raise DataError(f"Node numbers start at 0. Received: {numbers.min()}.", where=where, mend=MEND)
    return numbers


# ------------------------------------------------------------------------------- in the registry
def _gather(probes: Sequence[Probe]) -> list[Probe]:
    """Return the probes with the files of each data set (two and more) made one."""
    sets: dict[str, dict[str, Probe]] = {}
    for probe in probes:
        match = _NAME.fullmatch(probe.stem)
        if match and probe.how.role in ("auto", "edges"):
            sets.setdefault(match["name"], {}).setdefault(match["part"], probe)
    merged = {name: parts for name, parts in sets.items() if len(parts) > 1}
    members = {id(probe) for parts in merged.values() for probe in parts.values()}
    whole = [
        Probe(name, name, next(iter(parts.values())).path, b"", next(iter(parts.values())).limits,
              FileSpec(name=name, role="edges"), {"planetoid": parts})
        for name, parts in merged.items()
    ]  # fmt: skip
    return whole + [probe for probe in probes if id(probe) not in members]


def _edges(probe: Probe) -> Edges:
    parts: dict[str, Probe] = probe.memo["planetoid"]
    graph = read_planetoid(
        {part: member.path for part, member in parts.items()},
        name=probe.name,
        limits=probe.limits,
        names={part: member.name for part, member in parts.items()},
    )
    table = NodeTable(
        where=probe.name,
        n_rows=graph.n_nodes,
        features=graph.features,
        classes=graph.labels,
        class_names=graph.label_names,
    )
    return Edges(
        rows=graph.rows,
        cols=graph.cols,
        weights=None,
        node_ids=graph.node_ids,
        format="Planetoid",
        directed=False,
        symmetric=True,
        tables=(table,),
        findings=graph.findings,
    )


FORMAT = Format(
    key="planetoid",
    title="Planetoid (ind.*)",
    suffixes=("x", "y", "tx", "ty", "allx", "ally", "graph", "index"),
    recognise=lambda probe: "planetoid" in probe.memo,
    guess=lambda probe: "edges",
    edges=_edges,
    gather=_gather,
)


def _is_pickle(probe: Probe) -> bool:
    return len(probe.head) > 2 and probe.head[0] == 0x80 and 2 <= probe.head[1] <= 5


def _lists_edges(probe: Probe) -> Edges:
    held = _load(probe.path, probe.name, probe.limits)
    pairs, n = neighbours(held, where=probe.name, limits=probe.limits)
    return Edges(
        rows=pairs[:, 0].copy(),
        cols=pairs[:, 1].copy(),
        weights=None,
        node_ids=np.arange(n, dtype=np.int64),
        format="neighbour lists (pickle)",
    )


NEIGHBOUR_LISTS = Format(
    key="pickled-neighbour-lists",
    title="neighbour lists (pickle)",
    suffixes=("graph",),
    recognise=_is_pickle,
    guess=lambda probe: "edges",
    edges=_lists_edges,
)
