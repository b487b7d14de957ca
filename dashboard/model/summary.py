"""What Train would build and what it would cost, before anything runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from dashboard.app import frame, state
from dashboard.figures import charts
from dashboard.model import recipes
from dashboard.train import live
from vgae_core.catalogue.recipes import RECIPES
from vgae_core.data.split_checks import check_split
from vgae_core.errors import StudioError
from vgae_core.settings import RunSpec


def say_cost() -> None:
    """Say what a run is estimated to need, which takes no worker."""
    line, problem = live.cost_lines(state.spec(), state.profile(), pace=state.pace(state.spec()))
    st.caption(charts.message(line or problem), width="content")


def show() -> None:
    """Draw what would be built, as soon as the worker can tell."""
    engine = state.engine()
    waiting = engine.state in ("cold", "starting")

    def draw() -> None:
        if engine.state in ("cold", "starting"):
            st.caption(":material/hourglass_top: The training worker is starting; the summary follows.")
            st.skeleton(height=120)
        elif waiting:
            st.rerun()  # the worker came up: stop polling and draw the page once more
        else:
            spec = state.spec()
            graph = state.graph()
            if graph is not None:
                check_split(graph, spec)
            if spec.recipe == "auto":
                _show_candidates(spec)
            else:
                _show_description(engine.describe(spec, state.profile(), timeout=20.0))

    frame.fragment(run_every=1.0 if waiting else None)(draw)()


def _show_candidates(spec: RunSpec) -> None:
    """Draw what each recipe that would be tried costs, and the model of each."""
    profile = state.profile()
    models = {}
    for name, candidate in recipes.tried(spec).items():
        try:
            models[name] = state.engine().describe(candidate, profile, timeout=20.0)
        except StudioError as error:  # a run passes over it, and tells so
            frame.report(error)
    titles = {name: RECIPES[name].title for name in models}
    pace = state.pace(spec)
    costs = {name: live.at_pace(model["estimate"], pace) for name, model in models.items()}
    st.markdown("Each of these is trained; the one with the best validation score is kept.")
    st.dataframe(
        {
            "Recipe": list(titles.values()),
            "Parameters": [model["parameters"] for model in models.values()],
            "Memory": [_in_bytes(cost["memory_mib"]) for cost in costs.values()],
            "All epochs": [_in_words(cost["seconds"]) for cost in costs.values()],
        },
        column_config={"Parameters": st.column_config.NumberColumn(format="localized")},
        hide_index=True,
        width="stretch",
        height="content",
        alt="Each recipe with its parameters and estimated memory and time.",
    )
    for name, model in models.items():
        st.markdown(f"**{charts.plain(titles[name])}**")
        _show_description(model)


def _show_description(model: Mapping[str, Any]) -> None:
    seconds = live.at_pace(model["estimate"], state.pace(state.spec()))["seconds_per_epoch"]
    st.caption(f"{model['parameters']:,} parameters to learn, {_in_words(seconds)} per epoch.")
    with st.expander("Layers"):
        st.dataframe(
            {
                "Layer": [layer["name"] for layer in model["layers"]],
                "Kind": [layer["type"] for layer in model["layers"]],
                "Output": [layer["shape"] for layer in model["layers"]],
                "Parameters": [layer["parameters"] for layer in model["layers"]],
                "Fed by": [", ".join(layer["inputs"]) for layer in model["layers"]],
            },
            column_config={"Parameters": st.column_config.NumberColumn(format="localized")},
            hide_index=True,
            width="stretch",
            height="content",
            alt="Every layer with its kind, output shape, parameters and inputs.",
        )
    with st.expander("Losses and metrics as compiled"):
        st.dataframe(
            {
                name.capitalize(): [entry[name] for entry in model["objectives"]]
                for name in ("output", "role", "written", "became", "why")
            },
            hide_index=True,
            width="stretch",
            height="content",
            alt="Each loss, weight and metric as written, what it became in Keras, and why.",
        )


def _in_words(seconds: float) -> str:
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 100:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 100 else f"{minutes / 60:.1f} h"


def _in_bytes(mib: float) -> str:
    return f"{mib / 1024:.1f} GiB" if mib >= 1000 else f"{mib:.0f} MiB"
