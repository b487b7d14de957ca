"""One look for every figure, and text that cannot become markup."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import plotly.graph_objects as go
import streamlit as st

from vgae_core.catalogue.palette import CATEGORICAL as CATEGORICAL
from vgae_core.catalogue.palette import CATEGORICAL_DARK as CATEGORICAL_DARK
from vgae_core.catalogue.palette import MUTED as MUTED
from vgae_core.catalogue.palette import SEQUENTIAL as SEQUENTIAL
from vgae_core.data.text import visible as text_of
from vgae_core.runs.views.axis_marks import log_marks as log_marks

_ONE_HUE = {"light": ("#cfe2f1", "#0072b2", "#06304d"), "dark": ("#1c3a52", "#3fa0dc", "#cdeafc")}
"""How filled a cell is, from barely to wholly, by theme: the emptier, the closer to the page."""

CLEAR = "rgba(0,0,0,0)"
"""Nothing: the page's own background."""

HEIGHT = 380
"""Pixels of an ordinary figure."""

_CONFIG: dict[str, Any] = {"displaylogo": False, "scrollZoom": False}
_BUTTONS: dict[bool, dict[str, Any]] = {
    False: {"modeBarButtons": [["toImage"]]},  # one button covers no title and no legend
    True: {"modeBarButtonsToRemove": ["toggleSpikelines"]},
}
"""Plotly's tool bar of figures that are only looked at, and of those in which points are selected."""

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:^=&\"'/])")
_ADDRESS = re.compile(r"(?<=http)(?=s?:)|(?<=www)(?=\.)|(?=@)", re.IGNORECASE)
"""Where an address is cut so that it does not become a link: Markdown makes one of it, escaped or not."""

_JOINER = "\u2060"
"""Nothing that is seen, and no place to break the line."""


def colour(index: int) -> str:
    """Return the categorical colour number `index` of the theme in use, starting again after the last."""
    colours = palette()
    return colours[index % len(colours)]


def palette() -> tuple[str, ...]:
    """Return the categorical colours of the theme in use."""
    return CATEGORICAL_DARK if st.context.theme.type == "dark" else CATEGORICAL


def seen() -> tuple[float, float]:
    """Return the part of :data:`SEQUENTIAL` that is seen on the ground of the theme in use."""
    return (0.25, 1.0) if st.context.theme.type == "dark" else (0.0, 0.85)


def one_hue() -> list[str]:
    """Return the colour scale of how filled a cell is, for the theme in use."""
    return list(_ONE_HUE["dark" if st.context.theme.type == "dark" else "light"])


def ink() -> str:
    """Return the colour of text that must be read on coloured ground, for the theme in use."""
    return "#fafafa" if st.context.theme.type == "dark" else "#1a1d24"


def ground() -> str:
    """Return the colour of the page, for the theme in use: an edge around text on lines."""
    return "#0f151b" if st.context.theme.type == "dark" else "#ffffff"


def visible(text: object, limit: int = 200) -> str:
    """Return `text` for a table cell or a list, which know no markup: see :func:`vgae_core.data.text.visible`."""
    return _shorten(text_of(text), limit)


def all_visible(texts: Sequence[str], limit: int = 200) -> bool:
    """Return whether :func:`visible` changes none of these texts; a million are looked through at once."""
    # What cannot be seen is not printable.
    return "".join(texts).isprintable() and max(map(len, texts), default=0) <= limit


def escape(text: object, limit: int = 120) -> str:
    """Return `text` as a Plotly label shows it literally: no tags, no control characters, not too long."""
    return html.escape(_shorten(text_of(text), limit), quote=False)


def plain(text: object, limit: int = 2000) -> str:
    """Return `text` as Markdown shows it literally: no links, images, formulas or directives."""
    cut = _ADDRESS.sub(_JOINER, _shorten(text_of(text), limit))
    return _MARKDOWN.sub(r"\\\1", cut)


def message(text: object, limit: int = 2000) -> str:
    """Return a message of the core as Markdown: `names` between backticks as code, the rest literally."""
    parts = _shorten(text_of(text), limit).split("`")
    if len(parts) % 2 == 0:  # an unpaired backtick is no markup
        return plain(text, limit)
    # Nothing inside a code span is interpreted, and none of the parts holds a backtick.
    return "".join(
        f"`{part}`" if index % 2 and part.strip() else plain(part, limit) for index, part in enumerate(parts)
    )


def _shorten(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def show(
    fig: go.Figure,
    *,
    key: str,
    alt: str,
    on_select: Literal["ignore", "rerun"] = "ignore",
    selection_mode: Iterable[Literal["points", "box", "lasso"]] = ("points", "box", "lasso"),
    height: int = HEIGHT,
) -> Any:
    """Draw `fig` with the app's margins, fonts and tool bar, and return Streamlit's selection state.

    Parameters
    ----------
    fig : Figure
        Its own layout settings win over the common ones, margins excepted.
    key : str
        Widget key; selections are found under it.
    alt : str
        What the figure shows, for those who cannot see it.
    on_select : {"ignore", "rerun"}
        Whether selecting points runs the page again.
    selection_mode : iterable of {"points", "box", "lasso"}
        The ways of selecting.
    height : int
        Pixels.
    """
    above = 40 if fig.layout.title.text else 16
    if (
        fig.layout.title.text and fig.layout.showlegend
    ):  # a row of its own: beside a long title it would cover it
        above += 20
    fig.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": above, "b": 8},
        hoverlabel={"align": "left"},
        dragmode=fig.layout.dragmode or ("lasso" if on_select == "rerun" else "pan"),
    )
    if fig.layout.legend.orientation is None:  # a legend above the plot takes no width from a narrow screen
        fig.update_layout(
            legend={"orientation": "h", "yanchor": "bottom", "y": 1.01, "x": 0, "xanchor": "left"}
        )
    fig.update_xaxes(automargin=True)
    fig.update_yaxes(automargin=True)
    return st.plotly_chart(
        fig,
        width="stretch",
        height=height,
        theme="streamlit",
        key=key,
        on_select=on_select,
        selection_mode=tuple(selection_mode),
        config={**_CONFIG, **_BUTTONS[on_select == "rerun"]},
        alt=alt,
    )
