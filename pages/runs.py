"""Everything this visitor trained: open it again, delete it, download it, bring it back."""

import io
import logging
import zipfile

import streamlit as st

from dashboard.app import frame, state
from dashboard.compare import comparing
from dashboard.figures import charts
from dashboard.runs import run_panel, run_table
from dashboard.train import live
from vgae_core.errors import StudioError
from vgae_core.host.limits import LIMITS
from vgae_core.runs.exports.bundle import MOST_RUNS, export_bundles, import_bundles
from vgae_core.runs.exports.logs import LOGS
from vgae_core.runs.exports.script import export_script
from vgae_core.runs.store.info import RunInfo
from vgae_core.runs.views import compare

frame.require_router("runs")

log = logging.getLogger("vgae_studio")


def open_run(info: RunInfo, page: str) -> None:
    """Make a run the one at hand and go to a page."""
    state.select_run(info.id)
    st.switch_page(f"pages/{page}.py", query_params={"run": info.id})


def bundle(infos: list[RunInfo]) -> bytes:
    """Return runs as one bundle, made when the visitor asks for it."""
    file = io.BytesIO()
    export_bundles([(info.name, state.store().open_run(info.id)) for info in infos], file)
    return file.getvalue()


def script(run_id: str) -> bytes:
    """Return the script of a run with its data as a zip, which says so where there is none."""
    run, file = state.store().open_run(run_id), io.BytesIO()
    try:
        export_script(run, file)
    except StudioError as error:
        log.warning("No script of run %s: %s", run_id, error)
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("no-script.txt", f"{error}\n")
    return file.getvalue()


def history(run_id: str, suffix: str) -> bytes:
    """Return the log of a run in the format of a suffix of :data:`vgae_core.runs.exports.logs.LOGS`."""
    return LOGS[suffix](state.store().open_run(run_id).events())


def downloads(info: RunInfo) -> None:
    """Draw the buttons that download a run; each file is made when it is asked for."""
    frame.downloads(
        [
            frame.File(
                "download",
                "Bundle",
                f"vgae-run-{info.id}.zip",
                "application/zip",
                lambda: bundle([info]),
                "One file with data, settings, curves, weights, embedding and scores; it can be loaded below. "
                "Of a run of many thousand epochs it holds every second, fourth, … epoch of the curves.",
            ),
            frame.File(
                "download_report",
                "Report, HTML",
                f"vgae-report-{info.id}.html",
                "text/html",
                lambda: comparing.report_of(comparing.opened([info.id])[0]),
                "One file that opens without a network: data, settings, scores, curves, map and links.",
            ),
            frame.File(
                "download_script",
                "Keras script",
                f"vgae-script-{info.id}.zip",
                "application/zip",
                lambda: script(info.id),
                "The same run as a plain Keras program with its data, which needs nothing of this app.",
            ),
            frame.File(
                "download_csv",
                "Log, CSV",
                f"vgae-log-{info.id}.csv",
                "text/csv",
                lambda: history(info.id, ".csv"),
                "Losses and metrics of every epoch, in the format of Keras' CSVLogger.",
            ),
            frame.File(
                "download_tensorboard",
                "Log, TensorBoard",
                f"vgae-log-{info.id}.tfevents",
                "application/octet-stream",
                lambda: history(info.id, ".tfevents"),
                "Put it in a folder of its own: `tensorboard --logdir FOLDER`.",
            ),
        ],
        disabled=info.metrics is None,
    )


def unreadable(info: RunInfo) -> None:
    """Draw what can be done with a run that this version cannot read: delete it."""
    st.warning(
        charts.message(info.problem),
        title=f"{run_table.UNREADABLE}: {charts.plain(info.dataset, 60)}, {live.since(info.created)}",
        icon=":material/warning:",
    )
    if st.button("Delete", icon=":material/delete:", key="delete"):
        run_panel.confirm_delete([info])


def actions(info: RunInfo, tags: list[str], *, mine: bool) -> None:
    """Draw what can be done with the one run chosen in the table."""
    if info.problem and mine:
        unreadable(info)
        return
    title, icon = live.STATUS[info.status]
    st.subheader(charts.plain(info.title, 100), anchor=False)
    data = f"**{charts.plain(info.dataset, 60)}** · {live.settings_line(info)}"
    st.markdown(f"{icon} **{title}** {live.since(info.created)} · {data} · `{info.id}`")
    if info.message:
        st.caption(charts.message(info.message))
    has_result = info.metrics is not None
    with st.container(horizontal=True, gap="small"):
        if st.button("Curves and scores", type="primary", icon=":material/show_chart:", key="open"):
            open_run(info, "train")
        if st.button(
            "Latent space", icon=":material/scatter_plot:", key="open_latent", disabled=not has_result
        ):
            open_run(info, "latent_space")
        if st.button("Reconstruction", icon=":material/join_inner:", key="open_rec", disabled=not has_result):
            open_run(info, "reconstruction")
        if mine:
            run_panel.star([info])
            if st.button(
                "Delete", icon=":material/delete:", key="delete", type="tertiary", disabled=info.active
            ):
                run_panel.confirm_delete([info])
        elif st.button("Remove from this list", icon=":material/playlist_remove:", key="forget"):
            state.store().forget_visit(info.id, state.workspace())
            st.rerun()
    downloads(info)
    if mine:
        with st.expander("Name, tags and note", key="annotate"):
            run_panel.annotate(info, tags)
    with st.expander("Settings of this run", key="settings_of_run"):
        run_panel.settings(info)


def actions_of_several(infos: list[RunInfo], mine: set[str]) -> None:
    """Draw what can be done with several runs chosen in the table."""
    done = [info for info in infos if info.metrics is not None and not info.problem]
    own = [info for info in infos if info.id in mine]
    st.markdown(f"**{len(infos)} runs chosen**")
    too_many = len(done) > compare.MOST_RUNS
    with st.container(horizontal=True, gap="small"):
        if st.button(
            "Compare",
            type="primary",
            icon=":material/compare_arrows:",
            key="compare",
            disabled=len(done) < 2 or too_many,
        ):
            run_panel.go_compare([info.id for info in done])
        if own:
            run_panel.star(own)
        if own and st.button(
            "Delete", icon=":material/delete:", key="delete", disabled=any(info.active for info in own)
        ):
            run_panel.confirm_delete(own)
    frame.downloads(
        [
            frame.File(
                "download_several",
                f"Bundle of {len(done)} runs",
                f"vgae-{len(done)}-runs.zip",
                "application/zip",
                lambda: bundle(done),
                "One file with data, settings, curves, weights and scores of each; it can be loaded below. "
                f"At most {MOST_RUNS} runs and {LIMITS.upload_bytes / 1e6:.0f} MB.",
            )
        ],
        disabled=not 0 < len(done) <= MOST_RUNS,
    )
    if too_many:
        st.caption(f"At most {compare.MOST_RUNS} runs can be compared at once.")
    elif len(done) < len(infos):
        st.caption("Runs without a result are left out of the comparison.")


def choose_runs(runs: list[RunInfo], trials: set[str]) -> list[RunInfo]:
    """Draw the filters over the table and return the runs that pass."""
    tags = sorted({tag for info in runs for tag in info.tags})
    with st.container(horizontal=True, vertical_alignment="bottom", key="run_filters"):
        text = st.text_input(
            "Filter", key="runs_filter", placeholder="Name, data, setting, tag or note",
            icon=":material/search:", label_visibility="collapsed", width="stretch",
        )  # fmt: skip
        chosen = (
            st.multiselect(
                "Tags", tags, key="runs_tags", placeholder="All tags", label_visibility="collapsed"
            )
            if tags
            else []
        )
        starred = st.toggle("Starred", key="runs_starred") if any(info.starred for info in runs) else False
        hide = st.toggle("Hide trials", key="runs_no_trials", help="Of sweeps.") if trials else False
    return run_table.filtered(runs, text, chosen, starred=starred, hidden=trials if hide else ())


def choose(mine: list[RunInfo], visited: list[RunInfo]) -> None:
    """Draw the table of runs and what can be done with those chosen; by default the run at hand."""
    everything = [*mine, *visited]
    parts = state.sweep_parts([info.id for info in everything])
    runs = choose_runs(everything, {run_id for run_id, part in parts.items() if not part.chosen})
    if not runs:
        st.caption("No run passes these filters.")
        return
    unfolded: set[str] = st.session_state.setdefault("runs_unfolded", set())
    rows = run_table.folded(runs, unfolded)
    shown = run_table.table(rows, {info.id for info in visited}, parts)
    at_hand = state.run_id()
    first = next((place for place, row in enumerate(rows) if at_hand in {one.id for one in row.runs}), 0)
    event = st.dataframe(
        shown,
        column_config=run_table.columns(shown),
        placeholder="–",
        hide_index=True,
        width="stretch",
        on_select="rerun",
        selection_mode="multi-row",
        selection_default={"selection": {"rows": [first]}},
        key=f"runs_{len(rows)}_{rows[0].key}",  # another list, another selection
        alt="Your runs with status, data, settings and held-out scores. Choose several to compare them.",
    )
    picked = [rows[place] for place in event["selection"]["rows"] if place < len(rows)]
    infos = [info for row in picked for info in row.runs]
    fold(rows, picked, unfolded)
    if not infos:
        st.caption("Choose a run to open it, or several to compare them.")
    elif len(infos) == 1:
        own = {info.id for info in mine}
        actions(infos[0], sorted({tag for info in mine for tag in info.tags}), mine=infos[0].id in own)
    else:
        actions_of_several(infos, {info.id for info in mine})


def fold(rows: list[run_table.Row], picked: list[run_table.Row], unfolded: set[str]) -> None:
    """Draw the ways to unfold runs that differ only in the seed, and to fold them again."""
    folded = [row for row in rows if len(row.runs) > 1]
    with st.container(horizontal=True, vertical_alignment="center"):
        if folded:
            some = [row for row in picked if len(row.runs) > 1] or folded
            if st.button("Unfold seeds", key="unfold", icon=":material/unfold_more:", type="tertiary"):
                unfolded.update(info.id for row in some for info in row.runs)
                st.rerun()
            st.caption("Runs that differ only in the seed share a row: mean ± standard deviation.")
        if unfolded and st.button("Fold seeds", key="fold", icon=":material/unfold_less:", type="tertiary"):
            unfolded.clear()
            st.rerun()


def load_back() -> None:
    """Draw the way back for a bundle."""
    st.subheader("Load a bundle", anchor=False)
    turn = st.session_state.setdefault("bundle_turn", 0)
    upload = st.file_uploader(
        "One or several runs downloaded here or elsewhere (.zip)",
        type=["zip"],
        max_upload_size=min(LIMITS.upload_bytes // 2**20, st.get_option("server.maxUploadSize")),
        key=f"bundle_{turn}",
    )
    if upload is None:
        return
    try:
        LIMITS.check("upload_bytes", upload.size, where=upload.name)
        with st.spinner("Checking the bundle"):
            loaded = import_bundles(state.store(), upload, state.workspace())
    except StudioError as error:
        frame.report(error)
        return
    state.select_run(loaded[0].id)
    st.session_state["bundle_turn"] = turn + 1  # a fresh uploader, so that it is not loaded twice
    dataset = charts.plain(loaded[0].info.dataset, 60)
    st.session_state["runs_told"] = (
        f"The run on {dataset} was loaded." if len(loaded) == 1 else f"{len(loaded)} runs were loaded."
    )
    st.rerun()


frame.header(
    "Runs",
    "Everything you trained in this browser, and runs you opened by a link. Choose several to compare them.",
)
with frame.guard():
    if told := st.session_state.pop("runs_told", ""):
        st.toast(told, icon=":material/check:")
    state.current_run()  # a run named by the address is one that was opened by its link
    own_runs, others = (
        state.store().list_runs(state.workspace()),
        state.store().list_visited(state.workspace()),
    )
    working = any(info.active for info in [*own_runs, *others])

    @frame.fragment(run_every=2.0 if working else None)
    def table() -> None:
        mine = state.store().list_runs(state.workspace())
        visited = state.store().list_visited(state.workspace())
        if working and not any(info.active for info in [*mine, *visited]):
            st.rerun()
        choose(mine, visited)

    if own_runs or others:
        table()
    else:
        frame.empty("No run yet", "Runs you train appear here.", "Train a model", "train")
    load_back()
