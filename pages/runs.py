"""Everything this visitor trained: open it again, delete it, download it, bring it back."""

import io
import logging
import zipfile

import streamlit as st

from dashboard import charts, frame, live, state
from vgae_core.catalogue.families import FAMILIES
from vgae_core.data.limits import LIMITS
from vgae_core.errors import StudioError
from vgae_core.runs.bundle import export_bundle, import_bundle
from vgae_core.runs.info import RunInfo
from vgae_core.runs.logs import LOGS
from vgae_core.runs.script_data import write_script

frame.require_router("runs")

log = logging.getLogger("vgae_studio")

COLUMNS = {
    "status": st.column_config.TextColumn("Status", pinned=True),
    "started": st.column_config.DatetimeColumn("Started", format="distance"),
    "data": st.column_config.TextColumn("Data set"),
    "model": st.column_config.TextColumn(
        "Model",
        help="  \n".join(f"{name.upper()}: {entry.title.lower()}" for name, entry in FAMILIES.items()),
    ),
    "recipe": st.column_config.TextColumn(
        "Recipe", help="Of a run whose settings were chosen automatically, on its validation edges."
    ),
    "encoder": st.column_config.TextColumn("Encoder"),
    "latent": st.column_config.NumberColumn("Latent size", format="%d"),
    "rate": st.column_config.NumberColumn("Learning rate"),
    "seed": st.column_config.NumberColumn("Seed", format="%d"),
    "auc": st.column_config.NumberColumn(
        "Test AUC", format="%.3f", help="Of held-out edges, or held-out entries of a matrix."
    ),
    "ap": st.column_config.NumberColumn("Test AP", format="%.3f", help="Average precision"),
    "baseline": st.column_config.NumberColumn(
        "Best baseline AUC", format="%.3f", help="The best of the scores that need no training."
    ),
    "best": st.column_config.NumberColumn("Best epoch"),
    "seconds": st.column_config.NumberColumn("Seconds", format="%.1f"),
    "id": st.column_config.TextColumn(
        "Run", help="Whoever has this name, or a link with it, can see the run."
    ),
}


def open_run(info: RunInfo, page: str) -> None:
    """Make a run the one at hand and go to a page."""
    state.select_run(info.id)
    st.switch_page(f"pages/{page}.py", query_params={"run": info.id})


def bundle(run_id: str) -> bytes:
    """Return the run as a bundle, made when the visitor asks for it."""
    file = io.BytesIO()
    export_bundle(state.store().open_run(run_id), file)
    return file.getvalue()


def script(run_id: str) -> bytes:
    """Return the equivalent script with its data as a zip, which says so where there is none."""
    run, file = state.store().open_run(run_id), io.BytesIO()
    try:
        write_script(state.engine().script(run.spec, run.graph().profile), run, file)
    except StudioError as error:
        log.warning("No script of run %s: %s", run_id, error)
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("no-script.txt", f"{error}\n")
    return file.getvalue()


def history(run_id: str, suffix: str) -> bytes:
    """Return the log of a run in the format of a suffix of :data:`vgae_core.runs.logs.LOGS`."""
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
                lambda: bundle(info.id),
                "One file with data, settings, curves, weights, embedding and scores; it can be loaded below. "
                "Of a run of many thousand epochs it holds every second, fourth, … epoch of the curves.",
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
                "Losses and metrics of every epoch, as Keras' CSVLogger writes them.",
            ),
            frame.File(
                "download_tensorboard",
                "Log, TensorBoard",
                f"vgae-log-{info.id}.tfevents",
                "application/octet-stream",
                lambda: history(info.id, ".tfevents"),
                "Put it into a folder of its own: `tensorboard --logdir FOLDER`.",
            ),
        ],
        disabled=info.metrics is None,
    )


@st.dialog("Delete this run?", icon=":material/delete:")
def confirm_delete(info: RunInfo) -> None:
    """Ask once more, then delete."""
    st.markdown(live.settings_line(info))
    st.write(
        "Its weights, embedding and scores are removed for good. A bundle you downloaded can be loaded back."
    )
    with st.container(horizontal=True):
        if st.button("Delete", type="primary", icon=":material/delete:", key="delete_now"):
            with frame.guard():
                state.store().delete_run(info.id, state.workspace())
                if state.run_id() == info.id:
                    state.select_run(None)
                st.session_state["runs_told"] = "The run was deleted."
                st.rerun()
        if st.button("Keep it", key="delete_not"):
            st.rerun()


def unreadable(info: RunInfo) -> None:
    """Draw what can be done with a run that this version cannot read: delete it."""
    st.warning(
        charts.message(info.problem),
        title=f"{live.UNREADABLE}: {charts.plain(info.dataset, 60)}, {live.since(info.created)}",
        icon=":material/warning:",
    )
    if st.button("Delete", icon=":material/delete:", key="delete"):
        confirm_delete(info)


def actions(info: RunInfo) -> None:
    """Draw what can be done with the run chosen in the table."""
    if info.problem:
        unreadable(info)
        return
    title, icon = live.STATUS[info.status]
    st.markdown(f"{icon} **{title}** {live.since(info.created)} · {live.settings_line(info)} · `{info.id}`")
    if info.message:
        st.caption(charts.message(info.message))
    has_result = info.metrics is not None
    with st.container(horizontal=True, gap="small"):
        if st.button("Open", type="primary", icon=":material/folder_open:", key="open"):
            open_run(info, "train")
        if st.button(
            "Latent space", icon=":material/scatter_plot:", key="open_latent", disabled=not has_result
        ):
            open_run(info, "latent_space")
        if st.button("Reconstruction", icon=":material/join_inner:", key="open_rec", disabled=not has_result):
            open_run(info, "reconstruction")
        if st.button("Delete", icon=":material/delete:", key="delete", disabled=info.active):
            confirm_delete(info)
    downloads(info)


def choose(runs: list[RunInfo]) -> None:
    """Draw the table of runs and the actions of the one chosen; by default the run at hand."""
    ids = [info.id for info in runs]
    at_hand = state.run_id()
    first = ids.index(at_hand) if at_hand in ids else 0
    event = st.dataframe(
        live.run_table(runs),
        column_config=COLUMNS,
        hide_index=True,
        width="stretch",
        on_select="rerun",
        selection_mode="single-row-required",
        selection_default={"selection": {"rows": [first]}},
        key=f"runs_{len(runs)}_{ids[0]}",  # another list, another selection
        alt="Your runs with status, data, settings and test scores.",
    )
    rows = event["selection"]["rows"]
    actions(runs[rows[0] if rows and rows[0] < len(runs) else first])


def load_back() -> None:
    """Draw the way back for a bundle."""
    st.subheader("Load a bundle", anchor=False)
    turn = st.session_state.setdefault("bundle_turn", 0)
    upload = st.file_uploader(
        "A run downloaded here or elsewhere (.zip)",
        type=["zip"],
        max_upload_size=min(LIMITS.upload_bytes // 2**20, st.get_option("server.maxUploadSize")),
        key=f"bundle_{turn}",
    )
    if upload is None:
        return
    try:
        LIMITS.check("upload_bytes", upload.size, where=upload.name)
        with st.spinner("Checking the bundle"):
            run = import_bundle(state.store(), upload, state.workspace())
    except StudioError as error:
        frame.report(error)
        return
    state.select_run(run.id)
    st.session_state["bundle_turn"] = turn + 1  # a fresh uploader, so that it is not loaded twice
    st.session_state["runs_told"] = f"The run on {charts.plain(run.info.dataset, 60)} was loaded."
    st.rerun()


frame.header("Runs", "Everything you trained in this browser. A link that names a run opens it anywhere.")
with frame.guard():
    if told := st.session_state.pop("runs_told", ""):
        st.toast(told, icon=":material/check:")
    held = state.store().list_runs(state.workspace())
    working = any(info.active for info in held)

    @frame.fragment(run_every=2.0 if working else None)
    def table() -> None:
        runs = state.store().list_runs(state.workspace())
        if working and not any(info.active for info in runs):
            st.rerun()
        choose(runs)

    if held:
        table()
    else:
        frame.empty("No run yet", "What you train appears here.", "Train a model", "train")
    load_back()
