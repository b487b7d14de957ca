"""What stands around every page: the way in, the heading, the empty state and the errors."""

from __future__ import annotations

import contextlib
import functools
import importlib
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ParamSpec

import streamlit as st

from dashboard.app import state, steps
from dashboard.figures import charts
from vgae_core.data.findings import Finding
from vgae_core.errors import RunError, StudioError
from vgae_core.runs.disk import room

P = ParamSpec("P")
log = logging.getLogger("vgae_studio")

HEAD_START = 0.6
"""Seconds for which the first figures of a session wait for what stands above them."""

_ICONS = {"info": ":material/info:", "choice": ":material/rule:", "warning": ":material/warning:"}
BUG = "This is a bug in the app, not in your data; the details are in the server's log."

_connection = st.components.v2.component(
    "vgae_studio_connection",
    js="""
export default function () {
  if (document.getElementById("vgae-studio-offline")) return
  const bar = document.createElement("div")
  bar.id = "vgae-studio-offline"
  bar.setAttribute("role", "status")
  bar.textContent =
    "You are offline: nothing on this page changes until the connection is back. Runs go on without you."
  bar.style.cssText =
    "position:fixed;inset:auto 0 0 0;z-index:1000000;padding:.75rem 1rem;text-align:center;" +
    "font:15px/1.4 sans-serif;color:#fff;background:#9a3b00"
  const show = () => { bar.hidden = navigator.onLine }
  window.addEventListener("online", show)
  window.addEventListener("offline", show)
  document.body.append(bar)
  show()
}
""",
)

_ink = st.components.v2.component(
    "vgae_studio_ink",
    js="""
export default function ({ data }) {
  let sheet = document.getElementById("vgae-studio-ink")
  if (!sheet) {
    sheet = document.createElement("style")
    sheet.id = "vgae-studio-ink"
    document.head.append(sheet)
  }
  sheet.textContent = data
}
""",
)
"""Not `st.html`, whose styles are lost when a part of a page is drawn again."""

_DARK_INK = """
button[data-testid="stBaseButton-primary"]:not(:hover),
button[data-testid="stBaseButton-primaryFormSubmit"]:not(:hover),
.stMultiSelect span[title], .stMultiSelect span[title] ~ * { color: #06121c; }
button[data-focused="true"] * { color: #e8edf2; }
"""
"""White on the dark theme's primary colour has a contrast of 3.5, and a darker primary colour none as a text."""

_LIGHT_INK = 'button[data-focused="true"] * { color: #0a1016; }'
"""The primary colour on a chosen button that has the focus has a contrast below 4.5."""

_FAILED = "_failed_downloads"
_FRAMED = "_framed"
_PAINTED = "_painted"
_GOTO = "_goto"


def require_router(name: str) -> None:
    """Send a visitor who reached the page `name` past app.py through app.py; first line of each page.

    On a server that has not yet run ``st.navigation`` Streamlit serves a deep link
    straight from ``pages/``, without the frame.  The page then asks the router to
    come back to it, with the query of the link.
    """
    if not st.session_state.get(_FRAMED):
        st.session_state[_GOTO] = (name, {key: st.query_params.get_all(key) for key in st.query_params})
        st.switch_page("app.py")


def entered() -> tuple[str, dict[str, list[str]]] | None:
    """Note that the router ran; return the page and query that :func:`require_router` asked for, once."""
    st.session_state[_FRAMED] = True
    return st.session_state.pop(_GOTO, None)


def watch_connection() -> None:
    """Let the browser say when it is offline, which leaves the websocket open and Streamlit silent.

    Of a server that is gone Streamlit tells by itself.
    """
    _connection(key="connection", height=1)


def ink() -> None:
    """Let what is written on the primary colour and its tints be read, for which Streamlit has no setting."""
    _ink(key="ink", data=_DARK_INK if st.context.theme.type == "dark" else _LIGHT_INK, height=1)


def header(title: str, caption: str, *, of_run: bool = False) -> None:
    """Draw the page's heading: the steps, the title, and what the page is about on the right.

    Parameters
    ----------
    title, caption : str
        The page's name, and what one does there.
    of_run : bool
        Whether the page is about the run at hand, whose data may be others than those loaded.
    """
    steps.strip(title)
    with st.container(
        horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", gap="small"
    ):
        st.title(title, anchor=False, width="content")
        graph, info = state.graph(), state.run_info() if of_run else None
        if info is not None and (graph is None or info.fingerprint != graph.fingerprint):
            st.caption(f":material/hub: a run on **{charts.plain(info.dataset, 60)}**", width="content")
        elif graph is not None:
            name = charts.plain(graph.name, 60)
            st.caption(f":material/database: **{name}** · {' · '.join(graph.sizes)}", width="content")
    st.caption(caption)
    trouble()


def trouble() -> None:
    """Say what keeps runs from beginning and ending, if anything does."""
    if text := state.store().trouble:
        st.warning(text, icon=":material/hourglass_top:")


def paint_first() -> None:
    """Let the browser paint what is drawn so far before the figures of a session's first page come.

    They bring a library of nearly five megabytes, and while the browser compiles it nothing else appears. Meanwhile
    pandas is imported: Plotly fails where it meets pandas half imported by another thread.
    """
    if not st.session_state.get(_PAINTED):
        st.session_state[_PAINTED] = True
        begun = time.monotonic()
        importlib.import_module("pandas")
        time.sleep(max(0.0, HEAD_START - (time.monotonic() - begun)))


def empty(title: str, body: str, action: str, page: str) -> None:
    """Say what is missing here and link to the page that provides it.

    Parameters
    ----------
    title, body : str
        What is missing, and what it is good for.
    action : str
        Label of the link.
    page : str
        Name of the page, e.g. ``"train"``.
    """
    with st.container(border=True):
        st.subheader(title, anchor=False)
        st.write(body)
        go(action, page)


def go(action: str, page: str) -> None:
    """Draw the button that leads to the page where the work goes on."""
    if st.button(action, type="primary", icon=":material/arrow_forward:", key=f"go_{page}"):
        st.switch_page(f"pages/{page}.py")


def report(error: StudioError) -> None:
    """Show what is wrong, where, and how to mend it."""
    parts = [f"Where: {charts.message(error.where)}"] if error.where else []
    if error.mend:
        parts.append(charts.message(error.mend))
    st.error(
        "  \n".join(parts) or "Nothing was changed.",
        title=charts.message(error.message),
        icon=":material/error:",
    )


def findings(found: Sequence[Finding]) -> None:
    """Draw what was noticed while reading, each with the examples that its message does not name."""
    for finding in found:
        more = [charts.plain(e, 60) for e in finding.examples if e not in finding.message]
        st.markdown(
            f"{_ICONS[finding.level]} {charts.message(finding.message)}"
            + (f"  \n:small[For example {', '.join(more)}]" if more else "")
        )


@dataclass(frozen=True)
class File:
    """A file to download: its button's key and title, its name and type, and what makes it when it is asked for."""

    key: str
    title: str
    name: str
    mime: str
    make: Callable[[], bytes]
    help: str | None = None


def downloads(files: Sequence[File], *, disabled: bool = False) -> None:
    """Draw one button per file, and below them why a file could not be made.

    A file is made outside the page's script.  Streamlit then says below the button, for some seconds, that it
    failed; the reason stands here from the next time the page is drawn until the file is made.
    """
    failures: dict[str, StudioError] = st.session_state.setdefault(_FAILED, {})
    with st.container(horizontal=True, gap="small"):
        for file in files:
            st.download_button(
                file.title,
                data=functools.partial(_made, file, failures),
                file_name=file.name,
                mime=file.mime,
                help=file.help,
                on_click="ignore",
                icon=":material/download:",
                key=file.key,
                disabled=disabled,
            )
    for file in files:
        if file.key in failures:
            report(failures[file.key])


def _made(file: File, failures: dict[str, StudioError]) -> bytes:
    try:
        content = file.make()
    except Exception as error:
        log.exception("The download %s failed.", file.key)
        told = error if isinstance(error, StudioError) else room.full(error)
        reason = (BUG, "") if told is None else (told.message, told.mend)
        failures[file.key] = RunError(f"{file.title} could not be made. {reason[0]}", mend=reason[1])
        raise
    failures.pop(file.key, None)
    return content


def fragment(*, run_every: float | None = None) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """Do as ``st.fragment``, with a :func:`guard`: what goes wrong in a part of a page is said in its place.

    The page's own guard does not enclose a fragment that is drawn again by itself.
    """

    def guarded(function: Callable[P, None]) -> Callable[P, None]:
        @functools.wraps(function)
        def draw(*args: P.args, **kwargs: P.kwargs) -> None:
            with guard():
                function(*args, **kwargs)

        return st.fragment(draw, run_every=run_every)

    return guarded


@fragment()
def tabs(key: str, views: Mapping[str, Callable[[], None]]) -> None:
    """Draw tabs, each worked out when it is first opened; opening one redraws only this part.

    Those opened before are drawn too: what was typed into them stays.
    """
    opened: set[str] = st.session_state.setdefault(f"{key}_opened", set())
    for tab, (name, draw) in zip(
        st.tabs(list(views), key=key, on_change="rerun"), views.items(), strict=True
    ):
        if tab.open:
            opened.add(name)
        if name in opened:
            with tab:
                draw()


@contextlib.contextmanager
def guard() -> Iterator[None]:
    """Turn errors of the enclosed block into messages.

    A :class:`~vgae_core.errors.StudioError` is shown as it stands, a full disk is called that; anything else is a
    bug: it is logged with its traceback and the visitor gets a plain message.
    """
    try:
        yield
    except StudioError as error:
        report(error)
    except Exception as error:
        if (told := room.full(error)) is not None:
            report(told)
            return
        log.exception("A page failed.")
        st.error(
            f"{BUG} Your data and runs are kept.",
            title="Something went wrong on this page",
            icon=":material/error:",
        )
