"""What one may do with runs chosen in the table: name and note them, look at their settings, use these again."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from dashboard.app import frame, state
from dashboard.figures import charts
from vgae_core.catalogue.families import FAMILIES
from vgae_core.errors import DataError
from vgae_core.runs.store import notes
from vgae_core.runs.store.info import RunInfo
from vgae_core.runs.views import setting_rows
from vgae_core.settings import RunSpec
from vgae_core.settings.defaults import offered_outputs


def go_compare(ids: list[str]) -> None:
    """Go to the page that compares runs, the first being the one the others are compared with."""
    st.switch_page("pages/compare.py", query_params={"runs": ",".join(ids)})


def annotate(info: RunInfo, known_tags: list[str]) -> None:
    """Draw the form for name, tags and note of a visitor's own run."""
    with st.form(f"annotate_{info.id}", border=False):
        left, right = st.columns([3, 2], gap="medium")
        name = left.text_input(
            "Name",
            info.name,
            max_chars=notes.MAX_NAME,
            placeholder=charts.visible(info.title),
            help="Anyone who opens the run by its link sees its name too.",
            key=f"run_name_{info.id}",
        )
        tags = right.multiselect(
            "Tags",
            sorted({*known_tags, *info.tags}),
            list(info.tags),
            accept_new_options=True,
            max_selections=notes.MAX_TAGS,
            placeholder="Choose or type a tag",
            key=f"run_tags_{info.id}",
        )
        note = st.text_area(
            "Note",
            info.note,
            max_chars=notes.MAX_NOTE,
            height="content",
            help="Only you see tags, note and star.",
            key=f"run_note_{info.id}",
        )
        if st.form_submit_button("Save", icon=":material/save:", key=f"run_save_{info.id}"):
            state.store().annotate(info.id, state.workspace(), name=name, tags=tags, note=note)
            st.session_state["runs_told"] = "Saved."
            st.rerun()


def settings(info: RunInfo) -> None:
    """Draw all settings of a run, and the button that puts them on the Model page."""
    rows = setting_rows.settings_rows([info.spec])
    st.dataframe(
        pd.DataFrame(
            {
                "section": [row.section for row in rows],
                "setting": [row.title for row in rows],
                "value": [charts.visible(row.values[0]) for row in rows],
            }
        ),
        column_config={"section": "Section", "setting": "Setting", "value": "Value"},
        hide_index=True,
        width="stretch",
        height=330,
        key=f"run_settings_{info.id}",
        alt="Every setting of the run.",
    )
    if st.button(
        "Use these settings",
        key="use_settings",
        icon=":material/tune:",
        help="Puts them on the Model page, for the data loaded now.",
    ):
        state.set_spec(for_loaded_data(info.spec), replace=True)
        st.switch_page("pages/model.py")


def for_loaded_data(spec: RunSpec) -> RunSpec:
    """Return the settings of a run for the data loaded now: outputs these have no targets for are left out.

    Raises
    ------
    DataError
        If no data are loaded, or the run is of a matrix and these are a graph without features, or the reverse.
    """
    graph = state.graph()
    if graph is None:
        raise DataError("No data are loaded.", mend="Load a sample or your own files on the Data page.")
    profile, family = graph.profile, spec.model.family
    if family not in graph.families:
        raise DataError(
            f"This run is of a {FAMILIES[family].words.data}, and the data loaded now are not.",
            mend="Load data of that kind on the Data page first.",
        )
    offered = offered_outputs(
        feature_kind=profile.feature_kind,
        has_labels=profile.n_classes > 0,
        family=family,
        own_units=profile.own_units,
    )
    used = {output.name: output for output in spec.outputs}
    outputs = [used.get(output.name, output).to_dict() for output in offered]
    return RunSpec.from_dict(spec.to_dict() | {"dataset": state.spec().dataset.to_dict(), "outputs": outputs})


def star(infos: list[RunInfo]) -> None:
    """Draw the button that stars runs, or takes the star away."""
    starred = all(info.starred for info in infos)
    if st.button(
        "Remove star" if starred else "Star",
        key="star",
        icon=":material/star:" if starred else ":material/star_border:",
    ):
        for info in infos:
            state.store().annotate(info.id, state.workspace(), starred=not starred)
        st.rerun()


@st.dialog("Delete runs?", icon=":material/delete:")
def confirm_delete(infos: list[RunInfo]) -> None:
    """Ask once more, then delete."""
    for info in infos[:10]:
        st.markdown(f"- **{charts.plain(info.title, 80)}**")
    if len(infos) > 10:
        st.markdown(f"- and {len(infos) - 10} more")
    st.write(
        "Weights, embedding and scores are removed for good. A bundle you downloaded can be loaded back."
    )
    with st.container(horizontal=True):
        if st.button("Delete", type="primary", icon=":material/delete:", key="delete_now"):
            with frame.guard():
                for info in infos:
                    state.store().delete_run(info.id, state.workspace())
                    if state.run_id() == info.id:
                        state.select_run(None)
                st.session_state["runs_told"] = (
                    "The run was deleted." if len(infos) == 1 else f"{len(infos)} runs were deleted."
                )
                st.rerun()
        if st.button("Keep them" if len(infos) > 1 else "Keep it", key="delete_not"):
            st.rerun()
