"""Runs beside each other: settings, scores, curves, maps and links."""

import pandas as pd
import streamlit as st

from dashboard.app import frame, state
from dashboard.compare import comparing
from dashboard.figures import charts, maps
from dashboard.train import live
from vgae_core.analysis import alignment, latent_neighbours
from vgae_core.catalogue.outputs import OUTPUTS
from vgae_core.errors import StudioError
from vgae_core.runs.views import compare, figures, paired_runs, score_rows, setting_rows
from vgae_core.training.progress import by_output

frame.require_router("compare")


def choose() -> list[comparing.Side]:
    """Draw the list of runs that are compared and return them, the one others are compared with first."""
    mine, visited = state.store().list_runs(state.workspace()), state.store().list_visited(state.workspace())
    sides, problems = comparing.opened(comparing.named())
    for problem in problems:
        frame.report(problem)
    known = {info.id: info for info in [*mine, *visited] if info.metrics is not None and not info.problem}
    known |= {side.id: side.info for side in sides}
    if not known:
        return []
    ids = [side.id for side in sides]
    # Chosen runs go by their place in the page's address; the list itself has no memory of its own.
    chosen = st.multiselect(
        "Runs",
        list(known),
        ids,
        format_func=lambda run_id: charts.visible(known[run_id].title, 80),
        max_selections=compare.MOST_RUNS,
        placeholder="Choose at least two runs",
        help="The others are compared with the first.",
        key=f"compared_{','.join(ids)}",
    )
    if chosen != ids:
        comparing.set_runs(chosen)
        st.rerun()
    return sides


def heading(place: int, side: comparing.Side) -> str:
    """Return the title of a run's column."""
    return f"{place}. {charts.visible(side.info.title, 60)}"


def name_of(place: int, side: comparing.Side) -> str:
    """Return the name of a run as Markdown."""
    return f"**{place}. {charts.plain(side.info.title, 60)}**"


# --------------------------------------------------------------------------- settings
def show_settings(sides: list[comparing.Side]) -> None:
    """Draw the settings that differ, or all of them."""
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.subheader("Settings that differ", anchor=False, width="content")
        everything = st.toggle("All settings", key="all_settings", bind="query-params")
    rows = setting_rows.settings_rows([side.held.result.spec for side in sides])
    shown = [row for row in rows if everything or row.differs]
    if not shown:
        st.caption("Every setting is the same in these runs.")
        return
    table = pd.DataFrame(
        [[row.section, row.title, *(charts.visible(value) for value in row.values)] for row in shown],
        columns=["Section", "Setting", *(heading(place, side) for place, side in enumerate(sides, 1))],
    )
    st.dataframe(
        table, hide_index=True, width="stretch", key="differences",
        height="content" if len(table) < 12 else "auto",
        column_config={"Setting": st.column_config.TextColumn(pinned=True)},
        alt="Settings of the runs that are compared, a column each.",
    )  # fmt: skip


# ----------------------------------------------------------------------------- scores
def show_scores(sides: list[comparing.Side]) -> None:
    """Draw the scores of every run at the epoch it kept; runs that differ only in the seed can share a column."""
    groups = setting_rows.seed_groups(
        [(side.held.graph.fingerprint, side.held.result.spec) for side in sides]
    )
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.subheader("Scores", anchor=False, width="content")
        fold = len(groups) < len(sides) and st.toggle(
            "Fold seeds",
            key="fold_seeds",
            bind="query-params",
            help="Mean ± standard deviation over the seeds.",
        )
    rows = score_rows.score_rows([side.held.result.metrics for side in sides])
    unranked = comparing.why_not_ranked(sides)
    if fold:
        titles = [
            heading(group[0] + 1, sides[group[0]]) + (f" and {len(group) - 1} more" if group[1:] else "")
            for group in groups
        ]
        cells = [[score_rows.folded(row.values, group) for group in groups] for row in rows]
        leading = [set() for _ in rows]  # type: list[set[int]]
    else:
        titles = [heading(place, side) for place, side in enumerate(sides, 1)]
        cells = [[score_rows.as_text(value) for value in row.values] for row in rows]
        leading = [set() if unranked else row.leaders() for row in rows]
    table = pd.DataFrame(
        [[row.part, row.title, *texts] for row, texts in zip(rows, cells, strict=True)],
        columns=["Part", "Score", *titles],
    )
    shade = "background-color: rgba(0, 158, 115, 0.22)"
    styles = pd.DataFrame("", index=table.index, columns=table.columns)
    for place, leaders in enumerate(leading):
        for column in leaders:
            styles.iloc[place, column + 2] = shade
    st.dataframe(
        table.style.apply(lambda _: styles, axis=None), hide_index=True, width="stretch", key="scores",
        column_config={"Score": st.column_config.TextColumn(pinned=True)},
        alt="Scores of the runs that are compared, a column each.",
    )  # fmt: skip
    st.caption(
        "Scores are those of the epoch each run kept, not of its last one."
        + ("" if fold else f" {unranked or 'Shaded: the best.'}")
    )


def show_paired(sides: list[comparing.Side]) -> None:
    """Draw how each run differs from the first on the same held-out pairs."""
    st.subheader("On the same held-out pairs", anchor=False)
    base, others = sides[0], sides[1:]
    st.markdown(f"Compared with {name_of(1, base)}:")
    found = [comparing.paired(base, side) for side in others]
    for place, (side, one) in enumerate(zip(others, found, strict=True), 2):
        said = paired_runs.verdict(one)
        sizes = f" ({one.n_edges:,} + {one.n_others:,} pairs)" if said else ""
        st.markdown(f"- {name_of(place, side)} {charts.plain(said) or 'is not compared'}{sizes}")
        if one.caution:
            with st.container(horizontal=True, vertical_alignment="center"):
                st.caption(f":material/warning: {charts.message(one.caution)}", width="stretch")
                if one.retrain:
                    st.button(
                        "Retrain on the same split", key=f"retrain_{place}", icon=":material/replay:",
                        help="Trains the settings of this run again, with the held-out pairs of the first.",
                        on_click=retrain, args=(place - 1,),
                    )  # fmt: skip
    if error := st.session_state.pop("retrain_error", None):
        frame.report(error)
    if any(one.scores for one in found):
        if len(others) > 1:
            charts.show(
                figures.forest([side.info.title for side in others], found, charts.palette()),
                key="forest", height=120 + 44 * len(others),
                alt="Differences of scores with their intervals; the sentences above say the same.",
            )  # fmt: skip
        st.caption(paired_runs.explained(len(others)))


def retrain(place: int) -> None:
    """Train a run again on the split of the first and compare that one instead; a callback."""
    sides, _ = comparing.opened(comparing.named())
    try:
        new = comparing.retrain(sides[0], sides[place])
    except StudioError as error:
        st.session_state["retrain_error"] = error
        return
    st.session_state["compare_waits"] = (
        new,
        [new if i == place else side.id for i, side in enumerate(sides)],
    )


@frame.fragment(run_every=live.CURVES_SECONDS)
def wait_for_retrained() -> None:
    """Say how far the run is that is trained again, and put it in the place of the other once it has ended."""
    new, ids = st.session_state["compare_waits"]
    run = state.store().open_run(new)
    if not run.info.active:
        del st.session_state["compare_waits"]
        if run.has_result:
            comparing.set_runs(ids)
        st.rerun()
    state.engine().look_at(new)
    st.info(
        f"{charts.plain(run.info.title, 100)}: {live.STATUS[run.info.status][0].lower()}. It takes its place in this "
        "comparison as soon as it has ended.",
        icon=":material/progress_activity:",
    )


# ----------------------------------------------------------------------------- curves
def show_curves(sides: list[comparing.Side]) -> None:
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
            "Axes", ["auto", "shared", "own"], default="auto", required=True, key="axes", bind="query-params",
            format_func={"auto": "Automatic", "shared": "Shared", "own": "One each"}.get,
            help="Automatic gives each run its own axis where scales differ more than tenfold.",
        )  # fmt: skip
    histories = [comparing.history(side) for side in sides]
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


# ------------------------------------------------------------------------------- maps
def select(nodes: list[int]) -> None:
    """Let these nodes be selected on all maps."""
    st.session_state["compare_selected"] = nodes
    st.session_state["compare_maps_turn"] = st.session_state.get("compare_maps_turn", 0) + 1


def show_maps(sides: list[comparing.Side]) -> list[int]:
    """Draw aligned maps with one selection and linked zoom, and return the nodes selected."""
    st.subheader("Maps", anchor=False)
    same = comparing.on_same_nodes(sides)
    if len(same) < 2:
        st.caption("These runs are of different data: their maps cannot be aligned.")
        return []
    drawn = same[: compare.MOST_MAPS]
    if len(drawn) < len(sides):
        st.caption(f"Drawn are the {len(drawn)} first runs on the data of run 1.")
    selected: list[int] = st.session_state.get("compare_selected", [])
    found = comparing.maps(drawn)
    names = drawn[0].held.graph.node_ids
    rows = -(-len(drawn) // 3)
    # A figure with another selection is another widget to Streamlit: each has a key of its own, else the selection of
    # the one before would be lost and come back for ever.
    turn = st.session_state.setdefault("compare_maps_turn", 0)
    event = charts.show(
        comparing.map_figure(found, names, selected, charts.palette()), key=f"maps_{turn}", height=80 + 380 * rows,
        on_select="rerun", selection_mode=("box", "lasso"),
        alt="Maps of the latent codes of each run, aligned; a table of the selected nodes stands below.",
    )  # fmt: skip
    explained = " and ".join(f"{share:.0%}" for share in found.explained)
    st.caption(
        f"Axes are the principal components of run 1 ({explained} of the variance of its codes); the codes of each "
        "other run are turned and scaled onto those of run 1 (Procrustes). Select nodes on one map with the lasso or "
        "the box to see them on all; zooming one zooms all."
    )
    if picked := comparing.picked(event):
        select(picked)
        st.rerun()
    if selected:
        table = comparing.selected_table(drawn, selected)
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f"**{len(selected):,} {drawn[0].held.noun}s selected**", width="content")
            st.button(
                "Clear",
                icon=":material/close:",
                key="compare_clear",
                type="tertiary",
                on_click=select,
                args=([],),
            )
        st.dataframe(table, hide_index=True, width="stretch", height=250, key="selected",
                     column_config=maps.columns(table, drawn[0].held.noun))  # fmt: skip
    return selected


# ------------------------------------------------------------------------- two of them
def show_two(sides: list[comparing.Side]) -> None:
    """Draw neighbourhoods, moved nodes and links of two of the runs."""
    base = sides[0]
    same = [side for side in comparing.on_same_nodes(sides) if side.id != base.id]
    if not same:
        return
    st.subheader("Run 1 and one other", anchor=False)
    places = {side.id: place for place, side in enumerate(sides, 1)}
    other = same[0]
    if len(same) > 1:
        ids = [side.id for side in same]
        chosen = st.selectbox(
            "The other run", ids, key="compare_other", bind="query-params",
            format_func=lambda run_id: heading(places[run_id], sides[places[run_id] - 1]),
        )  # fmt: skip
        other = next(side for side in same if side.id == chosen)
    left, right = st.columns(2, gap="medium")
    with left:
        show_overlap(base, other)
    with right:
        show_moved(base, other)
    if base.held.result.words is other.held.result.words:
        show_links(base, other, places[other.id])


def show_overlap(base: comparing.Side, other: comparing.Side) -> None:
    """Draw how far the nearest codes of each node are the same in two runs."""
    st.markdown("**Shared neighbourhoods**")
    with st.container(horizontal=True):
        k = st.segmented_control(
            "Nearest codes", alignment.NEIGHBOURS, default=alignment.USUAL_NEIGHBOURS, required=True,
            key="near_k", bind="query-params",
        )  # fmt: skip
        metric = st.segmented_control(
            "Nearness", ["cosine", "euclidean"], default="cosine", required=True, key="near_by",
            format_func=lambda key: latent_neighbours.SIMILARITIES[key].title, bind="query-params",
        )  # fmt: skip
    nodes, jaccard = comparing.overlap(base, other, k, metric)
    sampled = "" if len(nodes) == base.held.graph.n_nodes else f" of {len(nodes):,} sampled {base.held.noun}s"
    st.metric(f"Mean overlap{sampled} (Jaccard)", f"{jaccard.mean():.2f}", border=True,
              help="Neighbours in both over neighbours in either: 1 if all are the same, 0 if none is.")  # fmt: skip
    charts.show(
        comparing.overlap_figure(jaccard, charts.palette()), key="overlap", height=240,
        alt="How many nodes share how much of their neighbourhood.",
    )  # fmt: skip


def show_moved(base: comparing.Side, other: comparing.Side) -> None:
    """Draw the nodes whose codes lie farthest apart once aligned."""
    st.markdown(f"**{base.held.noun.capitalize()}s that moved most**")
    table = comparing.moved(base, other)
    st.dataframe(
        comparing.shown(table), hide_index=True, width="stretch", key="moved", height=390,
        column_config={
            "node": base.held.noun.capitalize(), "label": "Label",
            "distance": st.column_config.NumberColumn(
                "Distance", format="%.2f",
                help="Between the aligned codes, in units of their root mean square distance from the mean.",
            ),
        },
    )  # fmt: skip


def show_links(base: comparing.Side, other: comparing.Side, place: int) -> None:
    """Draw the missing links that only one of two runs proposes."""
    what = base.held.result.words.proposals
    st.markdown(f"**Missing {what} that only one of them proposes**")
    if not (comparing.is_searchable(base) and comparing.is_searchable(other)):
        st.caption("These data are too large to rank all pairs here; the Reconstruction page searches them.")
        return
    columns = st.columns(2, gap="medium")
    for column, first, second, here, there in (
        (columns[0], base, other, 1, place), (columns[1], other, base, place, 1),
    ):  # fmt: skip
        table = comparing.only(first, second)
        with column:
            st.caption(
                f"Among the first {compare.RANKED} of run {here} and not of run {there}: {len(table):,} {what}."
            )
            st.dataframe(
                comparing.shown(table), hide_index=True, width="stretch", height=320, key=f"only_{here}",
                column_config={
                    "place": st.column_config.NumberColumn(f"Rank in {here}"),
                    "source": "Source", "target": "Target", "row": "Row", "column": "Column",
                    "here": st.column_config.NumberColumn(f"By run {here}", format="%.3f"),
                    "there": st.column_config.NumberColumn(f"By run {there}", format="%.3f"),
                },
            )  # fmt: skip


frame.header(
    "Compare",
    "Settings, scores, curves, maps and proposed links of several runs. The address of this page is a link to the "
    "comparison.",
)
with frame.guard():
    sides = choose()
    if "compare_waits" in st.session_state:
        wait_for_retrained()
    if len(sides) < 2:
        if not sides and not state.store().list_runs(state.workspace()):
            frame.empty("No runs to compare", "Train at least two models first.", "Train a model", "train")
        else:
            st.info("Choose at least two finished runs.", icon=":material/compare_arrows:")
    else:
        show_settings(sides)
        show_scores(sides)
        show_paired(sides)
        frame.paint_first()
        show_curves(sides)
        show_maps(sides)
        show_two(sides)
        frame.downloads(
            [
                frame.File(
                    "report",
                    "Report, HTML",
                    "vgae-report.html",
                    "text/html",
                    lambda: comparing.report_of(sides),
                    "One file that opens without a network: data, settings, scores, curves, maps and links.",
                )
            ]
        )
