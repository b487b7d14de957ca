"""What the runs that are compared logged over their epochs."""

from __future__ import annotations

import streamlit as st

from dashboard.compare.comparing import Side
from dashboard.figures import charts
from vgae_core.catalogue.outputs import OUTPUTS
from vgae_core.runs.views import figures, score_rows
from vgae_core.training.progress import by_output

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
    names = list(dict.fromkeys(name for one in histories for name in one.names()))
    outputs = list(
        dict.fromkeys(output.name for side in sides for output in side.held.result.spec.active_outputs)
    )
    ours = [name for name in names if not name.startswith("val_")]
    order = [name for name in names if name.startswith("val_")]
    order += [name for group in by_output(ours, outputs).values() for name in group]
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
                        histories, name, title_of(name, outputs), log=is_loss and scale == "log", window=window,
                        apart=apart, palette=charts.palette(),
                    ),
                    key=f"curve_{name}", height=max(290, 110 * len(sides)) if apart else 290,
                    alt=f"{title_of(name, outputs)} of each run over the epochs.",
                )  # fmt: skip
    smoothing = "as they are" if window == 1 else f"smoothed by a running mean over {window} epochs"
    st.caption(f"Numbers are {smoothing}. A star marks the epoch each run kept.")


def title_of(name: str, outputs: list[str]) -> str:
    """Return what a logged number is called."""
    if name.startswith("val_"):
        return f"Validation {score_rows.score_title(name.removeprefix('val_'))}"
    owner = max((output for output in outputs if name.startswith(f"{output}_")), key=len, default="")
    if not owner:
        return "Total loss"
    return f"{OUTPUTS[owner].title}: {name.removeprefix(f'{owner}_').replace('_', ' ')}"
