"""Sets of nodes: inside an outline on a map, around a node, by name, combined with each other."""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
from scipy import sparse

from vgae_core.analysis.graph_structure import undirected
from vgae_core.errors import DataError

MAX_CORNERS = 2_000
"""Corners of an outline."""

MAX_HOPS = 5
"""Steps around a node: in most graphs, more of them reach nearly everything."""

MAX_LINK = 1_500
"""Characters of a selection within a link: mail and chat programs cut links beyond about 2,000."""

Combination = Literal["replace", "add", "subtract", "intersect"]
"""How one set of nodes changes another."""


def inside(places: np.ndarray, outline: np.ndarray) -> np.ndarray:
    """Return which points lie inside a closed outline, by the even-odd rule.

    A ray from such a point crosses the outline an odd number of times.  Points are sorted by height once, so that each
    side of the outline is only compared with the points beside it.

    Parameters
    ----------
    places : ndarray of float, shape (n_points, 2)
    outline : ndarray of float, shape (n_corners, 2)
        Joined in this order, the last with the first; it may cross itself.

    Returns
    -------
    ndarray of bool, shape (n_points,)
        Points with a coordinate that is not finite are outside.

    Raises
    ------
    DataError
        If the outline is no list of 3 to 2,000 finite corners.
    """
    corners = np.asarray(outline, np.float64)
    if corners.ndim != 2 or corners.shape[1] != 2 or not 3 <= len(corners) <= MAX_CORNERS:
        raise DataError(f"An outline has 3 to {MAX_CORNERS:,} corners of two coordinates each.")
    if not np.isfinite(corners).all():
        raise DataError("The corners of an outline must be finite.")
    low, high = corners.min(axis=0), corners.max(axis=0)
    result = np.zeros(len(places), bool)
    near = np.flatnonzero(((places >= low) & (places <= high)).all(axis=1))
    order = near[np.argsort(places[near, 1], kind="stable")]
    x, y = places[order].astype(np.float64).T
    odd = np.zeros(len(order), bool)
    for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if y0 == y1:
            continue
        first, last = np.searchsorted(y, sorted((y0, y1)))
        beside = slice(first, last)
        odd[beside] ^= x[beside] < x0 + (y[beside] - y0) * ((x1 - x0) / (y1 - y0))
    result[order] = odd
    return result


def around(adjacency: sparse.csr_array, node: int, hops: int) -> np.ndarray:
    """Return the nodes at most `hops` edges from a node, itself among them, whatever the directions of edges.

    Parameters
    ----------
    adjacency : csr_array, shape (n_nodes, n_nodes)
    node : int
    hops : int
        0 to :data:`MAX_HOPS`.

    Returns
    -------
    ndarray of int64
        Ascending.

    Raises
    ------
    DataError
        If there is no such node, or `hops` is out of range.
    """
    n = adjacency.shape[0]
    if not 0 <= node < n:
        raise DataError(f"`node` must be between 0 and {n - 1}. Received: {node}.")
    if not 0 <= hops <= MAX_HOPS:
        raise DataError(f"`hops` must be between 0 and {MAX_HOPS}. Received: {hops}.")
    both = undirected(adjacency)
    reached = np.zeros(n, bool)
    reached[node] = True
    edge = np.array([node])
    for _ in range(hops):
        beside = both[edge].indices
        edge = np.unique(beside[~reached[beside]])
        reached[edge] = True
    return np.flatnonzero(reached)


def named(text: str, names: Sequence[str]) -> tuple[np.ndarray, list[str]]:
    """Return the nodes whose names are listed in a text, and the names that no node has.

    Parameters
    ----------
    text : str
        One name a line; a line that is no name is cut at tabs, semicolons and commas.
    names : sequence of str

    Returns
    -------
    nodes : ndarray of int64
        Ascending.
    unknown : list of str
    """
    rows: dict[str, list[int]] = {}
    for row, name in enumerate(names):
        rows.setdefault(name.strip(), []).append(row)
    nodes: list[int] = []
    unknown = []
    for line in text.splitlines():
        whole = line.strip()
        for part in [whole] if whole in rows else re.split(r"[\t;,]", whole):
            name = part.strip().strip("\"'")
            if name in rows:
                nodes += rows[name]
            elif name:
                unknown.append(name)
    return np.unique(np.array(nodes, np.int64)), unknown


def combine(first: np.ndarray, second: np.ndarray, how: Combination) -> np.ndarray:
    """Return a set of nodes after another was put in its place, added, taken away, or intersected with it.

    Parameters
    ----------
    first, second : ndarray of int64
        Each node once.
    how : {"replace", "add", "subtract", "intersect"}

    Returns
    -------
    ndarray of int64
        Ascending.
    """
    if how not in get_args(Combination):
        raise DataError(f"`how` must be one of {', '.join(get_args(Combination))}. Received: {how!r}.")
    # Marks instead of NumPy's set functions: 50 times as fast for a million nodes.
    size = 1 + max(int(first.max(initial=-1)), int(second.max(initial=-1)))
    one, other = np.zeros(size, bool), np.zeros(size, bool)
    one[first], other[second] = True, True
    both = {"replace": other, "add": one | other, "subtract": one & ~other, "intersect": one & other}
    return np.flatnonzero(both[how])


def packed(nodes: np.ndarray, n_nodes: int) -> str | None:
    """Return nodes as a short text for a link, a compressed bit for each node; None where that is too long.

    Parameters
    ----------
    nodes : ndarray of int64
    n_nodes : int

    Returns
    -------
    str or None
        Letters, digits, ``-`` and ``_``; at most :data:`MAX_LINK`. Any selection of up to 8,000 nodes fits.
    """
    mask = np.zeros(n_nodes, bool)
    mask[nodes] = True
    text = base64.urlsafe_b64encode(zlib.compress(np.packbits(mask).tobytes(), 9)).decode().rstrip("=")
    return text if len(text) <= MAX_LINK else None


def unpacked(text: str, n_nodes: int) -> np.ndarray:
    """Return the nodes of :func:`packed`, ascending; raise DataError if they are not of a graph of this size."""
    size = (n_nodes + 7) // 8
    try:
        raw = base64.urlsafe_b64decode(text[:MAX_LINK] + "=" * (-len(text) % 4))
        bits = zlib.decompressobj().decompress(raw, size + 1)  # no more, whatever the text claims
    except (ValueError, binascii.Error, zlib.error) as error:
        raise DataError("The selection in the link cannot be read.", mend="Check the link.") from error
    if len(bits) != size:
        raise DataError("The selection in the link is of other data.", mend="Check the link.")
    return np.flatnonzero(np.unpackbits(np.frombuffer(bits, np.uint8), count=n_nodes))


def edges_inside(edges: np.ndarray, nodes: np.ndarray, n_nodes: int, most: int) -> np.ndarray:
    """Return the edges that join two of these nodes, the first `most` of them.

    Parameters
    ----------
    edges : ndarray of int64, shape (n_edges, 2)
    nodes : ndarray of int64
    n_nodes : int
    most : int

    Returns
    -------
    ndarray of int64, shape (at most `most`, 2)
    """
    member = np.zeros(n_nodes, bool)
    member[nodes] = True
    return edges[member[edges].all(axis=1)][:most]
