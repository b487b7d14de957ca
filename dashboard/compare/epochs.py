"""What the runs that are compared logged over their epochs."""

from __future__ import annotations

import streamlit as st

from dashboard.compare.comparing import Side
from dashboard.figures import charts
from vgae_core.runs.views import figures

AXES = {"auto": "Automatic", "shared": "Shared", "own": "One each"}
"""Whether curves share their axes, to choose from."""


def history(side: Side) -> figures.History:
    """Return the epochs of a run."""
    return figures.History(side.info.title, side.held.run.history(), side.held.result.finished.best_epoch)


def show(sides: list[Side]) -> None:
    """Draw what each run logged over its epochs, over one another."""
    st.subheader("Curves", anchor=False)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        scale = st.segmented_control(
            "Scale of the losses", ["linear", "log"], default="linear", required=True, key="compare_scale",
            format_func=str.capitalize, bind="query-params",
        )  # fmt: skip
        window = st.segmented_control(
            "Smoothing", figures.SMOOTHING, default=figures.SMOOTHING[0], required=True, key="smoothing",
            format_func=lambda n: "None" if n == 1 else f"{n} epochs", bind="query-params",
            help="Running mean over so many epochs; the raw values stay as a thin line.",
        )  # fmt: skip
        layout = st.segmented_control(
            "Axes", list(AXES), default="auto", required=True, key="axes", bind="query-params",
            format_func=AXES.__getitem__,
            help="Automatic gives each run its own axis where scales differ more than tenfold.",
        )  # fmt: skip
    histories = [history(side) for side in sides]
    outputs = figures.outputs_of([side.held.result.spec for side in sides])
    order = figures.logged(histories, outputs)
    if not order:
        st.caption("These runs kept no epochs.")
        return
    with st.grid(min_column_width=420):
        for name in order:
            is_loss = name == "loss" or name.endswith("_loss")
            apart = layout == "own" or (layout == "auto" and figures.scales_differ(histories, name))
            with st.container():
                charts.show(
                    figures.curves(
                        histories, name, figures.title_of(name, outputs), log=is_loss and scale == "log", window=window,
                        apart=apart, palette=charts.palette(),
                    ),
                    key=f"curve_{name}", height=max(290, 110 * len(sides)) if apart else 290,
                    alt=f"{figures.title_of(name, outputs)} of each run over the epochs.",
                )  # fmt: skip
    smoothing = "as they are" if window == 1 else f"smoothed by a running mean over {window} epochs"
    st.caption(f"Numbers are {smoothing}. A star marks the epoch each run kept.")
