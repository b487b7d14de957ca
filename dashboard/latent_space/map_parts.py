"""What the browser's map is made of, as bytes: points, colours, names, sizes, selection and focus."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from dashboard.figures import charts
from dashboard.figures.maps import COLOURS, GROUPS, LOGARITHMIC, group_name, title
from dashboard.latent_space.map_component import pack
from vgae_core.analysis import map_points

NAME = "latent_map"
"""Of the map of the latent page, and key of its events."""

NOTHING = 255
"""Byte of a point without a group."""

NAMED_GROUPS = 40
"""Groups whose names are written on the map where there is room."""

HUBS = 60
"""Nodes with most neighbours whose names are written on the map where there is room."""


def points(coordinates: np.ndarray, key: str, axes: Sequence[str], noun: str, alt: str) -> bytes:
    """Return where the points are.

    Parameters
    ----------
    coordinates : ndarray of float32, shape (n_points, 2)
    key : str
        Names the projection: a map of another key is shown whole.
    axes : sequence of str
        Titles of both axes.
    noun : str
        What a point is.
    alt : str
        What the map shows, for those who cannot see it.
    """
    places = np.ascontiguousarray(coordinates, "<f4")
    head = {"key": key, "axes": list(axes), "noun": noun, "alt": alt}
    head |= {"low": places.min(axis=0).tolist(), "high": places.max(axis=0).tolist()}
    return pack(NAME, "points", head, places.tobytes())


def colour(values: pd.Series, coordinates: np.ndarray) -> bytes:
    """Return what the points are coloured by.

    Parameters
    ----------
    values : Series, length n_points
        Of a group, or numbers.
    coordinates : ndarray of float32, shape (n_points, 2)
        Where names of groups are put: at the median of their points.
    """
    column = str(values.name)
    head: dict[str, Any] = {"column": column, "title": charts.visible(title(column), 60)}
    if column in GROUPS:
        names, counts, member = groups(values)
        coloured = range(len(COLOURS) if len(names) != len(COLOURS) + 1 else len(COLOURS) - 1)[: len(names)]
        without = int(np.count_nonzero(member == NOTHING))
        rest = len(names) - len(coloured)
        parts = [f"{rest:,} other groups"] if rest else []
        parts += ["no group"] if without else []
        places: list[list[float] | None] = []
        order = np.argsort(member, kind="stable")
        ends = np.cumsum(np.bincount(member, minlength=NOTHING + 1))
        for group in range(min(len(names), NAMED_GROUPS)):
            inside = coordinates[order[ends[group] - counts[group] : ends[group]]]
            places.append(np.median(inside, axis=0).tolist())
        head |= {
            "kind": "groups", "names": [charts.visible(group_name(column, name), 60) for name in names],
            "counts": counts, "colours": [COLOURS[i] for i in coloured], "places": places, "none": "no group",
            "rest": " and ".join(parts), "rest_count": sum(counts[len(coloured) :]) + without,
        }  # fmt: skip
        return pack(NAME, "colour", head, member.tobytes())
    numbers = values.to_numpy(np.float64)
    logarithmic = column in LOGARITHMIC
    shown = np.log10(1 + numbers) if logarithmic else numbers
    low, high = map_points.colour_range(shown)
    ends_at = [10**value - 1 if logarithmic else value for value in (low, high)]
    head |= {"kind": "scale", "low": low, "high": high, "logarithmic": logarithmic}
    head["ends"] = [f"{round(v):,}" if logarithmic else f"{v:,.4g}" for v in ends_at]
    return pack(NAME, "colour", head, shown.astype("<f4").tobytes())


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


def names(texts: Sequence[str]) -> bytes:
    """Return the names of the points, compressed."""
    if not charts.all_visible(texts, 60):
        texts = [charts.visible(text, 60) for text in texts]
    return pack(NAME, "names", {}, zlib.compress("\n".join(texts).encode("utf-8", "replace"), 1))


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


def picked(mask: np.ndarray, noun: str) -> bytes:
    """Return which points are selected, a bit each."""
    count = int(np.count_nonzero(mask))
    head = {"count": count, "text": f"{count:,} of {len(mask):,} {noun}s selected"}
    return pack(NAME, "picked", head, np.packbits(mask, bitorder="little").tobytes() if count else b"")


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
