"""The map of points as a component of Streamlit: what the browser draws, and what comes back from it.

A map gets its content in parts (points, colours, names, selection …), each a message of its own.  Streamlit sends a
message again only when it has changed, so a change of colour or a selection does not bring the coordinates again.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import streamlit as st

_FOLDER = Path(__file__).parent

_html, _css, _js = ((_FOLDER / f"map.{kind}").read_text("utf-8") for kind in ("html", "css", "js"))
_map = st.components.v2.component("vgae_studio_map", html=_html, css=_css, js=_js)
_part = st.components.v2.component("vgae_studio_map_part", js=_js)


def draw(
    name: str,
    on_event: Callable[[], None],
    *,
    link: str = "",
    shows: Literal["", "stage", "legend"] = "",
) -> bool:
    """Draw a map, whose parts :func:`send` brings, and return whether the browser can.

    Parameters
    ----------
    name : str
        Of the map, and key of its events: ``st.session_state[name].event`` in `on_event`.
    on_event : callable
        Called before the page is drawn again.
    link : str
        Maps of the same link show the same part of the plane and hide the same colours; their points lie in one frame.
    shows : {"", "stage", "legend"}
        All of the map, or only the points, smaller, or only the legend.
    """
    state = _map(
        key=name,
        data={"map": name, "link": link, "shows": shows},  # always the same: the message is sent once
        height="content",
        on_event_change=on_event,
        on_without_webgl_change=lambda: None,
    )
    return not state.get("without_webgl")


def send(name: str, parts: Mapping[str, bytes]) -> None:
    """Bring a map its parts, by name; those that have not changed since are not sent again."""
    with st.container(key=f"{name}_parts", height=1, border=False, gap=None):
        for part, content in parts.items():
            _part(key=f"{name}_{part}", data=content, height=1)


def pack(name: str, part: str, head: Mapping[str, Any], body: bytes = b"") -> bytes:
    """Return a part of a map as map.js reads it.

    Parameters
    ----------
    name : str
        Of the map.
    part : str
    head : mapping
        JSON types.
    body : bytes
        Numbers, little-endian.
    """
    text = json.dumps({"map": name, "part": part, **head}, allow_nan=False).encode()
    text += b" " * (-len(text) % 4)  # numbers begin where a browser can read them in place
    return struct.pack("<I", len(text)) + text + body
