"""A prepared folder: a graph, its split and its normalised training edges as mapped arrays, and what they are.

``manifest.json`` is written last: a folder is prepared exactly when that file is there.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from vgae_core.data.dataset import GraphData
from vgae_core.data.non_edges import codes, contains, sorted_unique
from vgae_core.data.partitions.files import digest_of, load
from vgae_core.data.splits import PARTS, LinkSplit
from vgae_core.errors import DataError

VERSION = 1
MANIFEST = "manifest.json"
_AGAIN = "Prepare it again into another folder."


@dataclass(frozen=True, eq=False, kw_only=True)
class PreparedSplit(LinkSplit):
    """A split whose message edges, and these normalised, lie in mapped files.

    Parameters
    ----------
    folder : Path
        Where they lie.
    known : csr_array of float32, shape (n_nodes, n_nodes)
        Adjacency of the training edges.
    propagation : csr_array of float32, shape (n_nodes, n_nodes)
        As :func:`vgae_core.data.propagation.normalise` gives it of `known`.
    """

    folder: Path
    known: sparse.csr_array
    propagation: sparse.csr_array

    def message(self, n_nodes: int, graph: GraphData) -> sparse.csr_array:
        """Return the adjacency of the training edges, which was made when the graph was prepared."""
        return self.known

    def normalised(self) -> sparse.csr_array:
        """Return the propagation matrix of the training edges."""
        return self.propagation


def matrix_of(folder: Path, name: str, n_nodes: int) -> sparse.csr_array:
    """Return one of :data:`vgae_core.data.partitions.blocks.MATRICES` as mapped arrays, shape (n_nodes, n_nodes)."""
    arrays = [load(folder / f"{name}.{part}.npy") for part in ("data", "indices", "indptr")]
    return sparse.csr_array(tuple(arrays), shape=(n_nodes, n_nodes))


def graph_of(folder: Path, manifest: dict[str, Any]) -> GraphData:
    """Return the graph of a folder whose adjacency, edges and features are there."""
    n, features = int(manifest["n_nodes"]), folder / "features.npy"
    names = folder / "names.arrow"
    if names.exists():
        # With pandas and pyarrow, which pages do not wait for.
        from vgae_core.data.partitions.naming import read_names

        node_ids = read_names(names)
    else:
        node_ids = np.arange(n)
    graph = GraphData(
        name=manifest["name"],
        adjacency=matrix_of(folder, "adjacency", n),
        node_ids=node_ids,
        directed=bool(manifest["directed"]),
        features=load(features) if features.exists() else None,
        feature_names=tuple(manifest.get("feature_names", ())),
    )
    graph.__dict__["edges"] = load(
        folder / "edges.npy"
    )  # in the place of the property that makes them in memory
    return graph


def open_prepared(path: Path | str) -> tuple[GraphData, PreparedSplit, dict[str, Any]]:
    """Return graph, split and manifest of a prepared folder; arrays are mapped.

    Raises
    ------
    DataError
        If it is none, or a file is not the one that was prepared.
    """
    folder = Path(path)
    try:
        manifest = json.loads((folder / MANIFEST).read_text("utf-8"))
        if manifest["version"] != VERSION:
            raise DataError(
                f"Expected version {VERSION}. Received: {manifest['version']!r:.40}.", where=MANIFEST
            )
        for name, digest in manifest["sha256"].items():
            if name != Path(name).name or digest_of(load(folder / name)) != digest:
                raise DataError("This file has changed since.", where=str(folder / name), mend=_AGAIN)
        graph = graph_of(folder, manifest)
        graph.__dict__["fingerprint"] = str(manifest["fingerprint"])  # of the same content, as checked above
        n = graph.n_nodes
        split = PreparedSplit(
            **{name: load(folder / f"{name}.npy") for name in PARTS},
            folder=folder.absolute(),
            known=matrix_of(folder, "message", n),
            propagation=matrix_of(folder, "propagation", n),
        )
    except (KeyError, TypeError, AttributeError, ValueError, OSError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(
            f"Not a prepared folder: {error}.",
            where=str(folder),
            mend="`python -m vgae_core prepare PARTS --out DIR` makes one.",
        ) from error
    return graph, split, manifest


def draw_non_edges(
    adjacency: sparse.csr_array, bounds: np.ndarray, count: int, rng: np.random.Generator, *, directed: bool
) -> np.ndarray:
    """Return distinct pairs of nodes without an edge, uniformly and in random order; int64 (count, 2).

    Pairs are drawn and looked up in a block of the adjacency at a time; those that are edges, or came already, are
    drawn anew.  The graph must have `count` of them (:func:`vgae_core.data.link_splits.check_edges`).

    Parameters
    ----------
    adjacency : csr_array, shape (n_nodes, n_nodes)
    bounds : ndarray of int64
        Of blocks of nodes.
    count : int
    rng : numpy.random.Generator
    directed : bool
    """
    n = adjacency.shape[0]
    kept = np.empty(0, np.int64)
    while len(kept) < count:
        pairs = rng.integers(0, n, (count - len(kept) + 64, 2))
        fresh = codes(pairs[pairs[:, 0] != pairs[:, 1]], n, directed=directed)
        fresh = sorted_unique(fresh)
        ends = np.searchsorted(fresh, bounds * n)
        for block, (start, stop) in enumerate(zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True)):
            part = fresh[ends[block] : ends[block + 1]]
            if len(part):
                starts = adjacency.indptr[start : stop + 1]
                taken = np.repeat(np.arange(start, stop, dtype=np.int64) * n, np.diff(starts))
                taken += adjacency.indices[starts[0] : starts[-1]]
                part[contains(taken, part)] = -1
        kept = sorted_unique(np.concatenate([kept, fresh[fresh >= 0]]))
    kept = rng.permutation(kept)[:count]
    return np.column_stack(np.divmod(kept, n))
