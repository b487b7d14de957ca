"""What a server loads and starts while its first page is drawn, and how libraries are kept out of the way."""

from __future__ import annotations

import gc
import importlib
import logging
import pkgutil
import sys
import threading
from pathlib import Path

import streamlit as st
import threadpoolctl

from dashboard.app import state
from vgae_core.errors import StudioError
from vgae_core.runs.sweeps.catalogue import SweepCatalogue

log = logging.getLogger("vgae_studio")

DRAWN_SECONDS = 3.0
"""How long the engine's worker waits for a first page that does not need it to be drawn."""


_settled = 0
"""How many modules were loaded when they last settled."""


def settle() -> None:
    """Once after each growth of what is imported, make it cheaper for all pages.

    It is set aside from the search for garbage, which Streamlit has Python make after every run of a page: 0.12 s of a
    core, and 0.01 s without the objects of the libraries. And BLAS gets one thread, since pages run side by side: on a
    busy machine its threads wait for each other in loops (1.3 s of processors for the principal components of 50,000
    codes, 0.013 s with one thread).
    """
    global _settled
    if len(sys.modules) > _settled:
        _settled = len(sys.modules)
        threadpoolctl.threadpool_limits(limits=1, user_api="blas")
        gc.collect()
        gc.freeze()


def load_ahead() -> None:
    """Import what the first visitors of other pages would wait for: a second and a half."""
    folder = Path(__file__).parents[1]
    pages = [module.name for module in pkgutil.walk_packages([str(folder)], f"{folder.name}.")]
    # pandas first: Plotly fails where it meets it half imported by another thread.
    for name in ("pandas", *pages, "sklearn.decomposition", "sklearn.metrics"):
        importlib.import_module(name)


@st.cache_resource(show_spinner=False)
def later(_seconds: float) -> threading.Timer:
    """Start the engine's worker after a while, once for the server and never in a page's own thread.

    Importing and starting it takes seconds of a core, which the first page and the
    files that the browser fetches for it need more.
    """
    build, go_on, kept = state.engine, state.sweeps, state.store

    def warm() -> None:
        build().warm()
        load_ahead()
        try:
            if SweepCatalogue(kept()).any_active():
                go_on()  # those that a restart of the server interrupted
        except StudioError:
            log.exception("Sweeps could not be resumed")

    timer = threading.Timer(_seconds, warm)
    timer.daemon = True
    timer.start()
    return timer
