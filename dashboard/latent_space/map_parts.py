"""What the browser's map is made of, as bytes: points, colours, names, sizes, selection and focus."""

from __future__ import annotations

import base64
import io
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from dashboard.figures import charts
from dashboard.figures.maps import COLOURS, GROUPS, LOGARITHMIC, OTHER, group_name, title
from dashboard.latent_space.map_component import pack
from vgae_core.analysis import map_points

NAME = "latent_map"
"""Of the map of the latent page, and key of its events."""

NOTHING = 255
"""Byte of a point without a group or a value, and of one whose group has no colour of its own."""

NAMED_GROUPS = 40
"""Groups whose names are written on the map where there is room."""

LOOKS = ((2_000, 7, 0.9, 0.14), (20_000, 5, 0.9, 0.14), (200_000, 3, 0.65, 0.06), (np.inf, 2, 0.45, 0.02))
"""Up to how many points: their size in pixels, their opacity, and that beside a selection; many faint ones add up."""

FEW = 3
"""Points of the densest cell up to which no density is shaded."""

KEYS = (
    "Arrow keys move it, plus and minus zoom, 0 shows everything, Escape clears the selection, Tab leads on"
)

HUBS = 60
"""Nodes with most neighbours whose names are written on the map where there is room."""


def points(
    coordinates: np.ndarray,
    key: str,
    axes: Sequence[str],
    noun: str,
    *,
    name: str = NAME,
    within: np.ndarray | None = None,
) -> bytes:
    """Return where the points are, how they are drawn, and how densely they lie.

    Parameters
    ----------
    coordinates : ndarray of float32, shape (n_points, 2)
    key : str
        Names the projection: a map of another key is shown whole.
    axes : sequence of str
        Titles of both axes.
    noun : str
        What a point is.
    name : str
        Of the map.
    within : ndarray of float, shape (2, 2), optional
        Lowest and highest coordinates of what is shown at first, where that is more than these points.
    """
    places = np.ascontiguousarray(coordinates, "<f4")
    n, low, high = len(places), places.min(axis=0), places.max(axis=0)
    first = (low, high) if within is None else within
    size, full, dim = next(looks for most, *looks in LOOKS if n <= most)
    head = {
        "key": key, "axes": list(axes), "noun": noun, "low": low.tolist(), "size": size, "full": full, "dim": dim,
        "span": np.maximum(high - low, 1e-9).tolist(), "density": _shading(places),
        "first": [first[0].tolist(), np.maximum(first[1] - first[0], 1e-9).tolist()],
        "alt": f"Map of {n:,} {noun}s. {KEYS}; the table below lists the same.",
    }  # fmt: skip
    return pack(name, "points", head, places.tobytes())


def _shading(places: np.ndarray) -> str:
    """Return how densely points lie as an image, the lowest row first, by an address that holds all of it."""
    counts = map_points.points_per_cell(places, int(np.clip(np.sqrt(len(places) / 2), 128, 512)))
    if counts.max() <= FEW:
        counts[:] = 0
    pixels = np.empty((*counts.shape, 4), np.uint8)
    pixels[..., :3] = [int(OTHER[i : i + 2], 16) for i in (1, 3, 5)]
    pixels[..., 3] = np.where(counts > 1, 115 * np.log1p(counts) / np.log1p(max(counts.max(), 1)), 0)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def colour(values: pd.Series, coordinates: np.ndarray, *, name: str = NAME) -> bytes:
    """Return what the points are coloured by: the value of each, a number or a group, then the byte of its colour.

    Parameters
    ----------
    values : Series, length n_points
        Of a group, or numbers.
    coordinates : ndarray of float32, shape (n_points, 2)
        Where names of groups are put: at the median of their points.
    name : str
        Of the map.
    """
    column = str(values.name)
    head: dict[str, Any] = {
        "column": column, "title": charts.visible(title(column), 60), "n": len(values), "grey": OTHER,
    }  # fmt: skip
    if column not in GROUPS:
        numbers = values.to_numpy(np.float64)
        painted = _on_scale(column, numbers)
        head |= {
            "kind": "scale",
            "colours": [],
            "labels": [],
            "stops": _stops(column, numbers),
            "none": "no value",
        }
        grey = int(np.count_nonzero(painted == NOTHING))
        head["entries"] = [(NOTHING, "no value", grey)] if grey else []
        return pack(name, "colour", head, numbers.astype("<f4").tobytes() + painted.tobytes())
    found, counts, member = groups(values)
    names = [charts.visible(group_name(column, name), 60) for name in found]
    painted = _of_groups(member, len(names))
    coloured = n_coloured(len(names))
    rest = [f"{len(names) - coloured:,} other groups"] if len(names) > coloured else []
    rest += ["no group"] if (member == NOTHING).any() else []
    entries = [(group, names[group], counts[group]) for group in range(coloured)]
    if rest:
        entries.append((NOTHING, " and ".join(rest), int(np.count_nonzero(painted == NOTHING))))
    order = np.argsort(member, kind="stable")
    starts = np.searchsorted(member[order], np.arange(min(len(names), NAMED_GROUPS)))
    labels = [
        (
            group if group < coloured else NOTHING,
            names[group][:40],
            np.median(coordinates[order[start : start + counts[group]]], axis=0).tolist(),
        )
        for group, start in enumerate(starts)
    ]
    head |= {
        "kind": "groups", "names": names, "colours": COLOURS[:coloured], "labels": labels, "stops": [],
        "none": "no group", "entries": entries,
    }  # fmt: skip
    return pack(name, "colour", head, member.tobytes() + painted.tobytes())


def colour_bytes(values: pd.Series) -> np.ndarray:
    """Return the byte of the colour of each point, as :func:`colour` sends it; uint8 (n_points,)."""
    column = str(values.name)
    if column in GROUPS:
        names, _, member = groups(values)
        return _of_groups(member, len(names))
    return _on_scale(column, values.to_numpy(np.float64))


def n_coloured(n_groups: int) -> int:
    """Return how many groups have a colour of their own; the others, if any, are at least two."""
    return len(COLOURS) - 1 if n_groups == len(COLOURS) + 1 else min(n_groups, len(COLOURS))


def _of_groups(member: np.ndarray, n_groups: int) -> np.ndarray:
    return np.where(member < n_coloured(n_groups), member, NOTHING).astype(np.uint8)


def _on_scale(column: str, numbers: np.ndarray) -> np.ndarray:
    shown = _shown(column, numbers)
    low, high = map_points.colour_range(shown)
    share = np.clip((shown - low) / (high - low), 0, 1)
    return np.where(np.isnan(share), NOTHING, (NOTHING - 1) * np.nan_to_num(share)).astype(np.uint8)


def _shown(column: str, numbers: np.ndarray) -> np.ndarray:
    return np.log10(1 + numbers) if column in LOGARITHMIC else numbers


def _stops(column: str, numbers: np.ndarray) -> list[tuple[int, str]]:
    """Return colours of the scale, from its low to its high end, and what is written beside each in a picture."""
    ends = map_points.colour_range(_shown(column, numbers))
    low, high = (f"{round(10**v - 1):,}" if column in LOGARITHMIC else f"{v:,.4g}" for v in ends)
    last = NOTHING - 1
    return [(0, low), (last // 4, ""), (last // 2, ""), (3 * last // 4, ""), (last, high)]


def groups(values: pd.Series) -> tuple[list[Any], list[int], np.ndarray]:
    """Return the groups of points, the largest first, their sizes, and the group of each point.

    Parameters
    ----------
    values : Series, length n_points
        Missing, or below 0 where they are numbers, for points without a group.

    Returns
    -------
    names : list
        At most 255.
    counts : list of int
    member : ndarray of uint8, shape (n_points,)
        Place in `names`; :data:`NOTHING` for no group and for groups beyond these.
    """
    codes, names = pd.factorize(values)
    if pd.api.types.is_numeric_dtype(values):
        codes = np.where(values.to_numpy() < 0, -1, codes)
    sizes = np.bincount(codes[codes >= 0], minlength=len(names))
    order = [int(i) for i in np.argsort(-sizes, kind="stable") if sizes[i]][:NOTHING]
    place = np.full(len(names) + 1, NOTHING, np.uint8)
    place[order] = np.arange(len(order), dtype=np.uint8)
    return [names[i] for i in order], [int(sizes[i]) for i in order], place[codes]


def names(texts: Sequence[str], *, name: str = NAME) -> bytes:
    """Return the names of the points, compressed."""
    if not charts.all_visible(texts, 60):
        texts = [charts.visible(text, 60) for text in texts]
    return pack(name, "names", {}, zlib.compress("\n".join(texts).encode("utf-8", "replace"), 1))


def label(values: pd.Series | None) -> bytes:
    """Return the label of each point, for its card; nothing where there are none, or more kinds than 255."""
    if values is None or values.nunique() > NOTHING:
        return pack(NAME, "label", {"names": []})
    texts, _, member = groups(values)
    return pack(NAME, "label", {"names": [charts.visible(text, 60) for text in texts]}, member.tobytes())


def size(values: np.ndarray | None) -> bytes:
    """Return how large the points are drawn by the logarithm of a number; all the same where it is None."""
    if values is None:
        return pack(NAME, "size", {})
    logs = np.log1p(np.maximum(values, 0))
    return pack(
        NAME, "size", {}, (255 * logs / max(float(logs.max(initial=0)), 1e-9)).astype(np.uint8).tobytes()
    )


def picked(mask: np.ndarray, noun: str, *, name: str = NAME) -> bytes:
    """Return which points are selected, by number."""
    points = np.flatnonzero(mask)
    head = {"text": f"{len(points):,} of {len(mask):,} {noun}s selected"}
    return pack(name, "picked", head, points.astype("<u4").tobytes())


def focus(node: int, lines: np.ndarray, hubs: np.ndarray, arrows: Sequence[np.ndarray] = ()) -> bytes:
    """Return what is drawn around the points.

    Parameters
    ----------
    node : int
        The point with a ring; -1 for none.
    lines : ndarray of int64, shape (n_lines, 2)
        Points that are joined.
    hubs : ndarray of int64
        Points named where there is room, the most important first.
    arrows : sequence of ndarray of float, each of shape (2, 2)
        Start and end, in coordinates of the map.
    """
    head = {"node": node, "hubs": hubs.tolist(), "arrows": [arrow.tolist() for arrow in arrows]}
    return pack(NAME, "focus", head, np.ascontiguousarray(lines, "<u4").tobytes())
