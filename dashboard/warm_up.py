"""What a server loads and starts while its first page is drawn."""

from __future__ import annotations

import importlib
import logging
import threading

import streamlit as st

from dashboard import state
from vgae_core.errors import StudioError
from vgae_core.runs.sweeps.catalogue import SweepCatalogue

log = logging.getLogger("vgae_studio")

DRAWN_SECONDS = 3.0
"""How long the engine's worker waits for a first page that does not need it to be drawn."""


@st.cache_resource(show_spinner=False)
def later(_seconds: float) -> threading.Timer:
    """Start the engine's worker after a while, once for the server and never in a page's own thread.

    Importing and starting it takes seconds of a core, which the first page and the
    files that the browser fetches for it need more.
    """
    build, go_on, kept = state.engine, state.sweeps, state.store

    def warm() -> None:
        importlib.import_module("dashboard.results")  # else the first visitors of a finished run wait for it
        build().warm()
        try:
            if SweepCatalogue(kept()).any_active():
                go_on()  # those that a restart of the server interrupted
        except StudioError:
            log.exception("Sweeps could not be resumed")

    timer = threading.Timer(_seconds, warm)
    timer.daemon = True
    timer.start()
    return timer
