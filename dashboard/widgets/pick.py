"""Widgets that choose one thing by its name, however many there are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import streamlit as st
from pyarrow import compute

from dashboard.figures import charts
from vgae_core.analysis import map_points

MATCHES = 100
"""Names offered of those that contain a text."""


def name(
    label: str, names: Sequence[str], key: str, *, value: str | None = None, placeholder: str = "Choose one"
) -> str | None:
    """Draw a search for a name and return it; of very many names, those are listed that contain a text.

    Parameters
    ----------
    label : str
    names : sequence of str
    key : str
        Of the widgets.
    value : str, optional
        Chosen at first.
    placeholder : str
        Shown while nothing is chosen.
    """
    if len(names) <= map_points.MAX_LISTED:
        chosen = key in st.session_state  # Streamlit warns of a default beside it
        index = names.index(value) if not chosen and value is not None and value in names else None
        return st.selectbox(
            label, names, index=index, key=key, placeholder=placeholder, format_func=charts.visible
        )
    # A list of every name would weigh megabytes: match first.
    typed = f"{key}_part"
    if typed not in st.session_state:
        st.session_state[typed] = value or ""
    part = st.text_input(label, placeholder="Type a part of its name", key=typed)
    if not part:
        return None
    if part == value:  # nothing was typed yet: no list of all names that contain it
        return part
    matches = list(_matches(names, part, f"{key}_matches"))
    if part in matches[MATCHES:]:
        matches.insert(0, part)
    if len(matches) == 1:
        return matches[0]
    index = matches.index(part) if part in matches[:MATCHES] else None
    return st.selectbox(
        f"{len(matches):,} matches",
        matches[:MATCHES],
        index=index,
        key=f"{key}_match",
        format_func=charts.visible,
    )


def _matches(names: Sequence[str], part: str, slot: str) -> list[str]:
    """Return the names that contain a text; those of the text before are kept, for pages are drawn again and again."""
    kept = st.session_state.get(slot)
    if kept is None or kept[0] is not names or kept[1] != part:
        matches = [names[i] for i in _containing(names, part)]
        kept = st.session_state[slot] = (names, part, matches)
    return kept[2]


def _containing(names: Sequence[str], part: str) -> np.ndarray:
    """Return the places of the names that contain a text, in either case; a million take 0.05 s."""
    try:
        texts = pa.array(names, pa.large_string())
    except UnicodeEncodeError:  # a lone surrogate is no text to Arrow
        texts = pa.array([name.encode("utf-8", "replace").decode() for name in names], pa.large_string())
    part = part.encode("utf-8", "replace").decode()
    return np.flatnonzero(
        compute.match_substring(texts, part, ignore_case=True).to_numpy(zero_copy_only=False)
    )


def choose(key: str, names: Sequence[str], value: str | None) -> None:
    """Make `value` what :func:`name` of this key returns; only before that is drawn."""
    if len(names) <= map_points.MAX_LISTED:
        st.session_state[key] = value
    else:
        st.session_state[f"{key}_part"] = value or ""
        st.session_state.pop(f"{key}_match", None)
