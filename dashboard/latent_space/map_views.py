"""What the map shows, in the page's address: whoever opens it, and may see the run, sees the same."""

from __future__ import annotations

import json
from typing import TypeVar

import streamlit as st

from dashboard.app import frame, state
from dashboard.figures import charts
from dashboard.finished_runs import results
from dashboard.latent_space import clusters, latent_map, projections, selecting, selection_links
from vgae_core.analysis.alignment import Turn
from vgae_core.analysis.clusters import ClusterSpec
from vgae_core.analysis.projection import METHODS, ProjectionSpec
from vgae_core.errors import StudioError
from vgae_core.runs.store import kept_selections
from vgae_core.runs.store.kept_selections import KeptSelection

SELECTION, NODE, COLOUR, METHOD = "selection", "node", "colour", "map"
SETTINGS, TURN, CLUSTERS = "map_settings", "map_turn", "clusters"
"""Parameters of the address; settings as ``name:value,…``, only those that are not the default."""

Spec = TypeVar("Spec", ProjectionSpec, ClusterSpec)

_WRITTEN = "map_selection_written"
_TAKEN = "map_settings_taken"


def open_settings(held: results.Opened) -> None:
    """Take settings of map and clusters from the address, once in a visit and before anything reads them."""
    if st.session_state.get(_TAKEN):
        return
    st.session_state[_TAKEN] = True
    spec = _read(ProjectionSpec, SETTINGS)
    if spec is not None:
        projections.ask(spec)
    if METHOD in st.query_params:
        projections.ask_turn(_read_turn())
    found = _read(ClusterSpec, CLUSTERS)
    if found is not None:
        clusters.choose(held.id, found)


def _read(kind: type[Spec], parameter: str) -> Spec | None:
    """Return the settings that the address asks for; None where it asks for none, or for what cannot be."""
    text = str(st.query_params.get(parameter, ""))[:500]
    if not text:
        return None
    try:
        parts = (part.partition(":") for part in text.split(","))
        return kind.from_dict({name: json.loads(value) for name, _, value in parts})
    except (ValueError, RecursionError, StudioError):  # a link cut short; the page shows its own
        st.toast("The settings in the link could not be read.", icon=":material/warning:")
        return None


def _read_turn() -> Turn | None:
    """Return how the address asks the map to be turned; None where it does not, or for what cannot be."""
    text = str(st.query_params.get(TURN, ""))[:500]
    if not text:
        return None
    try:
        return Turn.of_plane([float(number) for number in text.split(",")])
    except (ValueError, StudioError):
        st.toast("The settings in the link could not be read.", icon=":material/warning:")
        return None


def _written(spec: ProjectionSpec | ClusterSpec) -> str:
    usual = type(spec)().to_dict()
    return ",".join(
        f"{name}:{json.dumps(value)}"
        for name, value in spec.to_dict().items()
        if name != "method" and value != usual[name]
    )


def open_link(held: results.Opened, colours: list[str]) -> None:
    """Show what the address asks for; before the page draws any of its choices, and once for each link."""
    asked = {name: str(st.query_params.get(name, "")) for name in (SELECTION, NODE, COLOUR, METHOD)}
    names, unknown = results.node_names(held.id), []
    if asked[METHOD] and "map_method" not in st.session_state:
        if asked[METHOD] in METHODS:
            st.session_state["map_method"] = asked[METHOD]
        else:
            unknown.append(asked[METHOD])
    fresh = asked[COLOUR] and "map_colour" not in st.session_state
    if fresh and not latent_map.begin_with(held, colours, asked[COLOUR]):
        unknown.append(asked[COLOUR])
    if asked[NODE] and _WRITTEN not in st.session_state:
        if asked[NODE] in names:
            selecting.look_at(asked[NODE], names)
        else:
            unknown.append(asked[NODE])
    for name in unknown:
        text = f"The link asks for {charts.plain(name, 60)}, which this run does not have."
        st.toast(text, icon=":material/warning:")
    if asked[SELECTION] and st.session_state.get(_WRITTEN) != asked[SELECTION]:
        try:
            selecting.select(held.id, selection_links.read(held, asked[SELECTION]), link=asked[SELECTION])
        except StudioError as error:
            st.toast(charts.message(error.message), icon=":material/warning:")


def note(
    held: results.Opened, spec: ProjectionSpec, turn: Turn | None, colour: str, focus: int | None
) -> None:
    """Write what the map shows into the address."""
    turned = "" if turn is None else ",".join(f"{number:.7g}" for number in turn.numbers())
    node = "" if focus is None else results.node_names(held.id)[focus]
    settings, found = _written(spec), _written(clusters.chosen(held.id))
    selection = st.session_state[_WRITTEN] = selecting.link(held.id, held.graph.n_nodes)
    for name, value in (
        (METHOD, spec.method), (SETTINGS, settings), (TURN, turned), (COLOUR, colour), (CLUSTERS, found), (NODE, node),
        (SELECTION, selection),
    ):  # fmt: skip
        if value and st.query_params.get(name) != value:
            st.query_params[name] = value
        elif not value:
            st.query_params.pop(name, None)


def keep(held: results.Opened) -> list[KeptSelection]:
    """Draw the field that keeps the selection under a name, and the visitor's kept ones; return these."""
    kept = kept_selections.listed(held.run.path, state.workspace())
    with st.popover("Kept selections", icon=":material/bookmark:"), frame.guard():
        name = st.text_input("Name", key="selection_name", max_chars=kept_selections.MAX_NAME)
        st.button(
            "Keep the selection",
            key="keep_selection",
            on_click=_keep,
            args=(held,),
            disabled=not name.strip(),
        )
        failure = st.session_state.pop("selection_failure", None)
        if failure is not None:
            frame.report(failure)
        if st.query_params.get(SELECTION):
            st.caption("The address of this page is a link to the selection.")
        for item in kept:
            with st.container(horizontal=True, vertical_alignment="center"):
                st.button(
                    f"{charts.plain(item.name, 40)} ({len(item.nodes):,})", key=f"open_{item.id}", type="tertiary",
                    on_click=_open, args=(held, item),
                )  # fmt: skip
                st.button(
                    "", key=f"delete_{item.id}", icon=":material/delete:", type="tertiary", help="Delete",
                    on_click=_delete, args=(held, item),
                )  # fmt: skip
    return kept


def _keep(held: results.Opened) -> None:
    try:
        kept_id = kept_selections.save(
            held.run.path, st.session_state["selection_name"], selecting.selected(held.id), held.graph.n_nodes,
            state.workspace(),
        )  # fmt: skip
        selecting.relink(held.id, kept_id)
    except StudioError as error:
        st.session_state["selection_failure"] = error


def _open(held: results.Opened, item: KeptSelection) -> None:
    selecting.select(held.id, item.nodes, link=item.id)


def _delete(held: results.Opened, item: KeptSelection) -> None:
    try:
        kept_selections.delete(held.run.path, item.id, state.workspace())
    except StudioError as error:
        st.session_state["selection_failure"] = error
    if selecting.link(held.id, held.graph.n_nodes) == item.id:
        selecting.select(held.id, selecting.selected(held.id))  # which stays, by another text
