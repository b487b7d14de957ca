"""The order of a preparation: read, number names, sort, make blocks, normalise, join."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from vgae_core.data.link_splits import check_edges
from vgae_core.data.partitions.blocks import MATRICES, PAIRS, Plan, make_block, normalise_block
from vgae_core.data.partitions.features import FeatureTable, open_array, open_table, write_array, write_table
from vgae_core.data.partitions.files import digest_of, join, load, replace_whole, save
from vgae_core.data.partitions.naming import Named, Numbered, join_names, number_names, numbered, write_names
from vgae_core.data.partitions.parts import Part, chunks, files_in, parts_of
from vgae_core.data.partitions.prepared import MANIFEST, VERSION, draw_non_edges, graph_of, matrix_of
from vgae_core.data.partitions.sorting import cut, sort_arcs
from vgae_core.errors import DataError, SpecError
from vgae_core.host.limits import LIMITS, Limits
from vgae_core.settings import RepairSpec, SplitSpec

ROW_BYTES = 96
"""Memory that a task takes for each edge it holds, arrays it sorts in included (measured: 85 at most)."""

FEATURE_BYTES = 12
"""Memory that a value of a table of features takes while it is read and converted."""

STAGES = ("read", "names", "sort", "blocks", "normalise", "join")
"""The stages in their order; `names` only where nodes are called by names."""


class Tasks(Protocol):
    """Calls a function with each of some lists of arguments, on workers or here, and returns the results in order."""

    def __call__(
        self, stage: str, function: Callable[..., Any], arguments: Sequence[tuple[Any, ...]]
    ) -> list[Any]:
        """Return the result of each call."""


def here(stage: str, function: Callable[..., Any], arguments: Sequence[tuple[Any, ...]]) -> list[Any]:
    """Call the function in this process, one call after the other."""
    return [function(*each) for each in arguments]


@dataclass(frozen=True)
class Read:
    """What reading one part gave: the chunks it wrote.

    Parameters
    ----------
    stems : list of Path
    rows : list of int
        Rows of each chunk.
    largest : int
        The largest node number; -1 where nodes are called by names or there are none.
    starts : list of ndarray
        From :func:`vgae_core.data.partitions.naming.write_names`, of each chunk.
    """

    stems: list[Path]
    rows: list[int]
    largest: int
    starts: list[np.ndarray]


def read_part(part: Part, number: int, folder: Path, chunk_rows: int, bits: int, weights: bool) -> Read:
    """Write the edges of a part in chunks."""
    result, largest = Read([], [], -1, []), -1
    for place, chunk in enumerate(chunks(part, chunk_rows)):
        stem = folder / f"chunk-{number:06d}-{place:04d}"
        if part.names:
            result.starts.append(write_names(chunk, stem, bits))
        else:
            for end, column in (("source", chunk.source), ("target", chunk.target)):
                values = column.to_numpy()
                largest = max(largest, int(values.max(initial=-1)))
                save(stem.with_suffix(f".{end}.npy"), values)
        if chunk.weight is not None:
            save(
                stem.with_suffix(".weight.npy"),
                chunk.weight if weights else (chunk.weight != 0).astype(np.float32),
            )
        result.stems.append(stem)
        result.rows.append(len(chunk.source))
    return Read(result.stems, result.rows, largest, result.starts)


def sort_chunk(
    stem: Path, n_nodes: int, weighted: bool, loops: bool, names: tuple[Any, ...] | None
) -> tuple[np.ndarray, int]:
    """Sort the arcs of a chunk, and remove it as it was read."""
    ends = [stem.with_suffix(f".{end}.npy") for end in ("source", "target")]
    source, target = map(np.asarray, map(load, ends)) if names is None else numbered(stem, *names)
    weight = load(stem.with_suffix(".weight.npy")) if weighted else None
    counts = sort_arcs(stem, source, target, weight, n_nodes, loops=loops)
    for path in (*ends, stem.with_suffix(".weight.npy"), stem.with_suffix(".names")):
        path.unlink(missing_ok=True)
    return counts


def prepare(
    paths: Sequence[str],
    out: Path,
    *,
    repairs: RepairSpec | None = None,
    split: SplitSpec | None = None,
    seed: int = 0,
    features: str | None = None,
    columns: Sequence[str] = (),
    names: bool = False,
    tasks: Tasks = here,
    limits: Limits = LIMITS,
) -> dict[str, Any]:
    """Prepare a folder for training from edges in parts, and return its manifest.

    The graph is the one that :func:`vgae_core.data.repairs.repair` makes of all parts together.  No task takes more
    than about ``limits.partition_bytes``, except for the arcs of a node that has more by itself; this process takes
    some arrays of one number per node, and the held-out pairs.

    Parameters
    ----------
    paths : sequence of str
        Parquet and text files of edges, or folders of them.
    out : Path
        A new or empty folder, which the workers see too.
    repairs : RepairSpec, optional
        Direction, self-loops, weights, and duplicates, ``"sum"`` or ``"max"``.
    split : SplitSpec, optional
        Shares of the edges that are held out, met on average.
    seed : int
        Of the split.
    features : str, optional
        An npy file of numbers, shape (n_nodes, n_features), row i of node i; or a table with a column that names the
        node: a Parquet file, a delimited text, or a folder of these.
    columns : sequence of str, optional
        Source, target and weight, where their names are unusual.
    names : bool
        Whether numbers are names: nodes are then numbered anew.
    tasks : Tasks
        What the work is done by.
    limits : Limits

    Raises
    ------
    DataError
        If a part is broken (with file and row), or the graph cannot be split.
    LimitError
        If it has too many nodes.
    SpecError
        If a repair asks for what only a graph in memory can have.
    """
    repairs, split = repairs or RepairSpec(), split or SplitSpec()
    _check_repairs(repairs)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DataError("Expected a new or an empty folder.", where=str(out))
    chunk_rows = max(1, limits.partition_bytes // ROW_BYTES)
    files = files_in(paths)
    parts = parts_of(files, columns=columns, names=names, chunk_rows=chunk_rows)
    if features is not None:
        _open_features(
            features, names=parts[0].names
        )  # what is wrong with them is said before the work begins
    try:
        return _prepare(files, parts, out, repairs, split, seed, features, chunk_rows, tasks, limits)
    except BaseException:
        shutil.rmtree(out, ignore_errors=True)  # nothing is lost with it, and the same can be asked for again
        raise


def _prepare(
    files: Sequence[Path],
    parts: Sequence[Part],
    out: Path,
    repairs: RepairSpec,
    split: SplitSpec,
    seed: int,
    features: str | None,
    chunk_rows: int,
    tasks: Tasks,
    limits: Limits,
) -> dict[str, Any]:
    started = time.perf_counter()
    seconds: dict[str, float] = {}

    def done(stage: str) -> None:
        seconds[stage] = round(time.perf_counter() - started - sum(seconds.values()), 2)

    work = out / "work"
    work.mkdir(parents=True)
    names, listed = parts[0].names, len(parts[0].columns) == 3
    bits = max(0, int(np.ceil(np.log2(sum(file.stat().st_size for file in files) / limits.partition_bytes))))
    bits = bits + 1 if names else 0
    reads: list[Read] = tasks(
        "read",
        read_part,
        [(part, i, work, chunk_rows, bits, repairs.weights == "keep") for i, part in enumerate(parts)],
    )
    stems = [stem for read in reads for stem in read.stems]
    rows = sum(sum(read.rows) for read in reads)
    if not rows:
        raise DataError("All parts are empty.", where=str(files[0]))
    done("read")

    given: list[tuple[Any, ...] | None] = [None] * len(stems)
    if names:
        save(work / "starts.npy", np.array([start for read in reads for start in read.starts]))
        counts = tasks("names", number_names, [(share, stems, work) for share in range(2**bits)])
        first = np.concatenate([[0], np.cumsum(counts)])
        n_nodes = int(first[-1])
        save(work / "first.npy", first)
        given = [(chunk, work) for chunk in range(len(stems))]
        done("names")
    else:
        n_nodes = max(read.largest for read in reads) + 1
    table = None if features is None else _open_features(features, names=names)
    if isinstance(table, np.ndarray):
        if len(table) < n_nodes:
            raise DataError(
                f"Expected at least {n_nodes:,} rows, one per node. Received: {len(table):,}.",
                where=str(features),
            )
        n_nodes = len(table)
    limits.check("prepared_nodes", n_nodes, where=str(files[0]))
    if n_nodes > np.iinfo(np.int32).max:
        raise DataError(
            f"Node numbers end at {np.iinfo(np.int32).max:,}. Received: {n_nodes - 1:,}.",
            where=str(files[0]),
            mend="If the numbers do not count from 0, add --names.",
        )

    weighted = listed  # entries of weight 0 are no edges, whether or not weights are kept
    keeps = repairs.self_loops == "keep"
    sorted_ = tasks(
        "sort",
        sort_chunk,
        [(stem, n_nodes, weighted, keeps, g) for stem, g in zip(stems, given, strict=True)],
    )
    bounds = cut(np.sum([counts for counts, _ in sorted_], axis=0), n_nodes, chunk_rows)
    if names:
        join_names(out / "names.arrow", work, 2**bits)
    done("sort")

    plan = Plan(
        n_nodes=n_nodes,
        directed=repairs.direction == "directed",
        weighted=weighted,
        rule=repairs.duplicates if repairs.weights == "keep" else "max",
        seed=seed,
        val_fraction=split.val_fraction,
        test_fraction=split.test_fraction,
    )
    blocks = [work / f"block-{i:06d}" for i in range(len(bounds) - 1)]
    ranges = list(zip(blocks, bounds[:-1].tolist(), bounds[1:].tolist(), strict=True))
    found = tasks("blocks", make_block, [(block, stems, a, b, plan) for block, a, b in ranges])
    totals = {name: sum(counts[name] for counts in found) for name in found[0]}
    for path in work.glob("chunk-*"):
        path.unlink()
    _check(totals, n_nodes, split, plan)
    sha = {"out_degree.npy": _join_degrees(out, "out_degree", blocks, n_nodes)}
    done("blocks")

    degrees = out / "out_degree.npy"
    entries = tasks("normalise", normalise_block, [(block, degrees, a, b, plan) for block, a, b in ranges])
    totals["propagation"] = sum(entries)
    sha["in_degree.npy"] = _join_degrees(out, "in_degree", blocks, n_nodes)
    done("normalise")

    for name in MATRICES:
        kind = np.int32 if max(totals[name], n_nodes) <= np.iinfo(np.int32).max else np.int64
        sha |= _join_matrix(out, name, blocks, totals[name], n_nodes, kind)
    for name in PAIRS:
        pieces = [block.with_suffix(f".{name}.npy") for block in blocks]
        sha[f"{name}.npy"] = join(out / f"{name}.npy", pieces, (totals[name], 2), np.int64)
    rng = np.random.default_rng([seed, 0x11E6])
    adjacency = matrix_of(out, "adjacency", n_nodes)
    negatives = draw_non_edges(adjacency, bounds, totals["val"] + totals["test"], rng, directed=plan.directed)
    for name, pairs in (("val_neg", negatives[: totals["val"]]), ("test_neg", negatives[totals["val"] :])):
        save(out / f"{name}.npy", pairs)
        sha[f"{name}.npy"] = digest_of(pairs)
    feature_names: tuple[str, ...] = ()
    without_edges = 0
    if isinstance(table, np.ndarray):
        sha["features.npy"] = write_array(table, out / "features.npy", str(features))
    elif table is not None:
        feature_names = table.columns
        sha["features.npy"], without_edges = write_table(
            table,
            out / "features.npy",
            n_nodes,
            Named(out / "names.arrow") if names else Numbered(n_nodes),
            block_rows=max(1, limits.partition_bytes // (FEATURE_BYTES * (len(feature_names) + 1))),
        )
    shutil.rmtree(work)
    manifest: dict[str, Any] = {
        "version": VERSION,
        "name": files[0].parent.name if len(files) > 1 else files[0].stem,
        "n_nodes": n_nodes,
        "directed": plan.directed,
        "weighted": listed and repairs.weights == "keep",
        "named": names,
        "rows_read": rows,
        "self_loops_read": sum(count for _, count in sorted_),
        "counts": totals,
        "feature_names": feature_names,
        "features_without_edges": without_edges,
        "bounds": bounds.tolist(),
        "repairs": repairs.to_dict(),
        "split": split.to_dict(),
        "seed": seed,
        "sha256": sha,
    }
    manifest["fingerprint"] = graph_of(out, manifest).fingerprint
    done("join")
    manifest["seconds"] = seconds
    replace_whole(out / MANIFEST, lambda path: path.write_text(json.dumps(manifest, indent=1), "utf-8"))
    return manifest


def _open_features(path: str, *, names: bool) -> np.ndarray | FeatureTable:
    """Return features as an array or a table; raise DataError if they cannot be matched with the nodes."""
    if not path.lower().endswith(".npy"):
        return open_table(path)
    if names:
        raise DataError(
            "Rows of an npy file belong to nodes by their number, and these nodes are called by names.",
            where=path,
            mend="Give a table (Parquet, CSV) with a column of names.",
        )
    return open_array(path)


def _check_repairs(repairs: RepairSpec) -> None:
    for key, usable in (
        ("component", ("all",)),
        ("duplicates", ("sum", "max")),
        ("missing_weights", ("one",)),
    ):
        if getattr(repairs, key) not in usable:
            raise SpecError(
                f"Expected {' or '.join(usable)}, of a graph in parts. Received: {getattr(repairs, key)}.",
                where=f"dataset.repairs.{key}",
            )
    if repairs.relations:
        raise SpecError("Relations are not read from parts.", where="dataset.repairs.relations")


def _check(totals: dict[str, int], n_nodes: int, split: SplitSpec, plan: Plan) -> None:
    """Raise DataError if the graph has too few edges or non-edges, or chance left a part of the split empty."""
    check_edges(n_nodes, totals["edges"], split, directed=plan.directed)
    for name in ("train", "test", *(("val",) if split.val_fraction else ())):
        if not totals[name]:
            raise DataError(
                f"Of {totals['edges']:,} edges none fell into `{name}`.",
                where="split",
                mend="Use another --seed, or larger fractions (--set split.test_fraction=0.2).",
            )


def _join_degrees(out: Path, name: str, blocks: Sequence[Path], n_nodes: int) -> str:
    return join(
        out / f"{name}.npy", [block.with_suffix(f".{name}.npy") for block in blocks], (n_nodes,), np.float64
    )


def _join_matrix(
    out: Path, name: str, blocks: Sequence[Path], nnz: int, n_nodes: int, kind: Any
) -> dict[str, str]:
    counts = np.concatenate([load(block.with_suffix(f".{name}.counts.npy")) for block in blocks])
    starts = np.zeros(n_nodes + 1, kind)
    np.cumsum(counts, out=starts[1:])
    save(out / f"{name}.indptr.npy", starts)
    return {f"{name}.indptr.npy": digest_of(starts)} | {
        f"{name}.{part}.npy": join(
            out / f"{name}.{part}.npy",
            [block.with_suffix(f".{name}.{part}.npy") for block in blocks],
            (nnz,),
            kind if part == "indices" else np.float32,
        )
        for part in ("indices", "data")
    }
