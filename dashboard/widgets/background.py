"""Work that takes a while and needs no training worker: a child process, with progress and cancel."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from dashboard.app import frame
from dashboard.figures import charts
from vgae_core.errors import StudioError
from vgae_core.host.limits import LIMITS
from vgae_core.isolation import ChildLimits, Job, start
from vgae_core.runs.store import worked_out

KEPT = 6
"""Results a visitor keeps."""

Inputs = Callable[[], tuple[Mapping[str, np.ndarray], Mapping[str, Any]]]
Result = tuple[dict[str, np.ndarray], dict[str, Any]]


def _running() -> dict[str, tuple[str, Job, Path | None]]:
    return st.session_state.setdefault("background_jobs", {})


def _results() -> OrderedDict[str, Result]:
    return st.session_state.setdefault("background_results", OrderedDict())


def result(key: str, keep: Path | None = None) -> Result | None:
    """Return what the work called `key` gave in this session, or in another where it is kept with a run; or None."""
    if key not in _results() and keep is not None:
        kept = worked_out.load(keep, key)
        if kept is not None:
            _note(key, kept)
    return _results().get(key)


def _note(key: str, made: Result) -> None:
    _results()[key] = made
    while len(_results()) > KEPT:
        _results().popitem(last=False)


def panel(
    slot: str,
    key: str,
    task: str,
    inputs: Inputs,
    *,
    label: str,
    about: str,
    seconds: float,
    keep: Path | None = None,
) -> None:
    """Draw the button that starts the work, or its progress with a way to cancel it.

    Parameters
    ----------
    slot : str
        One job a slot: the work of another key has to end, or be cancelled, first.
    key : str
        Names the work and its settings; :func:`result` returns what it gave.
    task : str
        Key of :data:`vgae_core.isolation.TASKS`.
    inputs : callable
        Returns arrays and options of the task; called on start only.
    label : str
        Of the button.
    about : str
        Shown beside it: what will happen, in Markdown.
    seconds : float
        Wall time the work may take.
    keep : Path, optional
        Folder of the run that the result is kept with, for all who may see it.
    """
    held = _running().get(slot)
    if held is None:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button(
                label,
                key=f"{slot}_start",
                type="primary",
                icon=":material/play_arrow:",
                on_click=_start,
                args=(slot, key, task, inputs, seconds, keep),
            )
            st.caption(about, width="stretch")
        failure = st.session_state.get(f"{slot}_failure")
        if failure and failure[0] == key:
            frame.report(failure[1])
        return
    # The fragment polls; the button stands outside it, so that a click never waits for a poll.
    with st.container(horizontal=True, vertical_alignment="center"):
        with st.container(width="stretch"):
            frame.fragment(run_every=1.0)(_watch)(slot)
        st.button("Cancel", key=f"{slot}_cancel", icon=":material/close:", on_click=_cancel, args=(slot,))


def _start(slot: str, key: str, task: str, inputs: Inputs, seconds: float, keep: Path | None) -> None:
    st.session_state.pop(f"{slot}_failure", None)
    try:
        arrays, options = inputs()
        limits = ChildLimits(memory_bytes=LIMITS.child_memory_bytes, seconds=seconds)
        job = start(task, arrays=arrays, options=options, limits=limits)
    except StudioError as error:
        st.session_state[f"{slot}_failure"] = (key, error)
        return
    _running()[slot] = (key, job, keep)


def _cancel(slot: str) -> None:
    held = _running().pop(slot, None)
    if held is not None:
        held[1].cancel()


def _watch(slot: str) -> None:
    held = _running().get(slot)
    if held is None:
        return
    key, job, keep = held
    progress = job.poll()
    st.progress(progress.fraction, text=charts.plain(progress.message))
    if not progress.done:
        return
    del _running()[slot]
    try:
        made = job.result()
        _note(key, made)
        if keep is not None:
            worked_out.save(keep, key, *made)
    except StudioError as error:
        st.session_state[f"{slot}_failure"] = (key, error)
    st.rerun()
