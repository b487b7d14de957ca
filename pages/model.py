"""Choose the model's outputs, losses and metrics, the encoder and the training; see what it will cost."""

import streamlit as st

from dashboard.app import frame, state
from dashboard.figures import charts
from dashboard.model import outputs, recipes, summary
from dashboard.widgets import forms
from vgae_core.catalogue.families import FAMILIES
from vgae_core.data.dataset import GraphData
from vgae_core.settings import RunSpec
from vgae_core.settings.defaults import for_family
from vgae_core.settings.fields import settings_of

frame.require_router("model")


def possible_families(graph: GraphData) -> tuple[tuple[str, ...], str]:
    """Return the families that the data allow, and why there is no other."""
    allowed = graph.families
    return allowed, " ".join(entry.refused for name, entry in FAMILIES.items() if name not in allowed)


def start_from(family: str, spec: RunSpec) -> RunSpec:
    """Return `spec` as a model of another family, with that family's defaults."""
    profile = state.profile()
    return for_family(
        spec,
        family,
        feature_kind=profile.feature_kind,
        has_labels=profile.n_classes > 0,
        own_units=profile.own_units,
    )


def change_family(key: str) -> None:
    """Take the family chosen, before any page runs."""
    chosen = st.session_state[key]
    if chosen and chosen != state.spec().model.family:
        state.set_spec(start_from(chosen, state.spec()), replace=True)


def choose_family(spec: RunSpec) -> None:
    """Draw what is coded: a choice where the data leave one, else the reason why not."""
    possible, reason = possible_families(state.graph())
    key = f"family_{state.spec_version()}"
    st.segmented_control(
        "Model type",
        possible,
        default=spec.model.family,
        required=True,
        format_func=lambda name: FAMILIES[name].title,
        key=key,
        on_change=change_family,
        args=(key,),
        disabled=len(possible) == 1,
        help="Another family starts from its own defaults.  \n"
        + "  \n".join(f"**{entry.title}**: {charts.message(entry.help)}" for entry in FAMILIES.values()),
    )
    st.caption(charts.message(f"{FAMILIES[spec.model.family].help} {reason}".strip()))


def edit(*keys: str) -> None:
    """Draw the settings under `keys`: first what is chosen from the catalogue, with help and reference beside it."""
    spec = state.spec()
    drawn = [
        setting
        for setting in settings_of(RunSpec, family=spec.model.family)
        if setting.key.startswith(keys) and setting.key != "model.family"
        if len(setting.choices) != 1 and setting.key not in spec.unused()
    ]
    for chosen, width in ((True, 260), (False, 170)):
        settings = [setting for setting in drawn if bool(setting.entries) == chosen]
        if not settings:
            continue
        with st.grid(min_column_width=width):
            for setting in settings:
                with st.container(gap="xsmall"):
                    value = forms.field(setting, recipes.value_of(spec, setting.key), setting.key)
                    if value in setting.entries:
                        st.caption(forms.about(setting.entries[value]))


def all_settings(spec: RunSpec) -> None:
    """Draw every setting that has an effect, in groups."""
    choose_family(spec)
    if spec.recipe == "own":
        st.markdown("**Network**")
        edit("model.")
    st.markdown("**Training**")
    edit(*(recipes.KEPT if spec.recipe == "auto" else ("training.",)))
    st.markdown(f"**Held-out {FAMILIES[spec.model.family].words.many} and seed**")
    edit("split.", "seed")
    if state.profile().n_features:
        edit("scaling")
    edit("stacking")  # a switch, below the fields
    st.button("Reset to defaults", icon=":material/restart_alt:", on_click=reset)


def reset() -> None:
    """Put every setting back to its default; the data and the family stay."""
    spec = state.spec()
    state.set_spec(start_from(spec.model.family, RunSpec(dataset=spec.dataset)), replace=True)


frame.header("Model", "Choose outputs, network and training settings. Training starts on the next page.")

state.set_spec(outputs.complete(state.spec()))
spec, graph = state.spec(), state.graph()
st.subheader("Recipe", anchor=False, help="Network and training settings that work well together.")
if FAMILIES[spec.model.family].recipes:
    recipes.choose()
else:
    recipes.show_default(start_from(spec.model.family, RunSpec(dataset=spec.dataset)), reset)
with st.container(horizontal=True, vertical_alignment="center"):
    frame.go("Next: train", "train")
    summary.say_cost()
st.subheader("Outputs", anchor=False, help="Each output adds weight x loss to the total.")
with st.grid(2, min_column_width=480, gap="small"):
    for output in spec.outputs:
        outputs.edit(output)
with st.expander("All settings", expanded=forms.any_refused()):
    all_settings(spec)
st.subheader("What will be built", anchor=False)
summary.show()
if graph is not None:
    state.engine().prepare(state.spec(), graph, after=state.EDITING_SECONDS)
