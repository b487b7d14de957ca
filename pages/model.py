"""Choose the model's outputs, losses and metrics, the encoder and the training; see what it will cost."""

import dataclasses
import functools
import logging
from collections.abc import Mapping
from typing import Any

import streamlit as st

from dashboard import charts, forms, frame, state
from vgae_core import formula
from vgae_core.catalogue.families import FAMILIES
from vgae_core.catalogue.identifiers import written
from vgae_core.catalogue.lookup import head_of
from vgae_core.catalogue.losses import LIKELIHOODS, LOSSES
from vgae_core.catalogue.metrics import METRICS
from vgae_core.catalogue.objectives import Identifier, ObjectiveEntry
from vgae_core.catalogue.outputs import OUTPUTS
from vgae_core.catalogue.recipes import RECIPES
from vgae_core.data.dataset import GraphData
from vgae_core.data.split_checks import check_split
from vgae_core.errors import SpecError, StudioError
from vgae_core.heads import Head
from vgae_core.settings import OutputSpec, RunSpec
from vgae_core.settings.defaults import for_family, offered_outputs
from vgae_core.settings.fields import Setting, settings_of
from vgae_core.settings.recipes import candidates, recipe_of, with_recipe

frame.require_router("model")

log = logging.getLogger("vgae_studio")


# --------------------------------------------------------------------------------- family
def possible_families(graph: GraphData) -> tuple[tuple[str, ...], str]:
    """Return the families that the data allow, and why there is no other."""
    if graph.is_matrix:
        return ("vae",), "The data are a matrix of rows x columns: there are no edges to decode."
    if graph.features is None:
        return ("vgae",), "The data are a graph without features: there is no matrix to code."
    return tuple(FAMILIES), ""


def start_from(family: str, spec: RunSpec) -> RunSpec:
    """Return `spec` as a model of another family, with that family's defaults."""
    profile = state.graph().profile
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
        "What is coded",
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


# -------------------------------------------------------------------------------- outputs
def offered(
    catalogue: Mapping[str, ObjectiveEntry], output: OutputSpec, used: tuple[Any, ...]
) -> tuple[str, ...]:
    """Return the names that fit the output and its data, and those in use whether they fit or not."""
    kind = state.graph().profile.feature_kind if output.name in ("x_rec", "output") else "binary"
    fitting = [
        name
        for name, entry in catalogue.items()
        if output.name in entry.outputs and (not entry.targets or kind in entry.targets)
    ]
    return (*fitting, *(name for name in map(written, used) if name not in fitting))


def named(catalogue: Mapping[str, ObjectiveEntry], names: tuple[str, ...]) -> dict[str, str]:
    """Return each name's title with the Keras identifier beside it; of a formula, that it is one."""
    titles = {name: catalogue[name].title if name in catalogue else name for name in names}
    return {
        name: f"Formula · {name[1:].strip()}"
        if name.startswith("=")
        else title
        if title == name
        else f"{title} · {name}"
        for name, title in titles.items()
    }


def with_formula(names: tuple[str, ...], output: str, head: Head) -> tuple[str, ...]:
    """Return `names` and, last, a formula to begin with, where the head's numbers allow one."""
    if head.width > 1:  # several numbers per column fit no target
        return names
    text = written({"formula": formula.parse(formula.example(output, head.name))})
    return names if text in names else (*names, text)


def output_settings(output: OutputSpec) -> dict[str, Setting]:
    """Return the output's settings, with the choices that make sense for it."""
    by_name = {setting.name: setting for setting in settings_of(OutputSpec, f"outputs.{output.name}.")}
    entry = OUTPUTS[output.name]
    profile = state.graph().profile
    by_data = head_of(output.name, LIKELIHOODS[profile.feature_kind or "real"][0])
    by_loss = head_of(output.name, output.loss, profile.n_features)
    losses = with_formula(offered(LOSSES, output, (output.loss,)), output.name, by_data)
    metrics = with_formula(offered(METRICS, output, output.metrics), output.name, by_loss)
    by_name["enabled"] = dataclasses.replace(by_name["enabled"], title=entry.title, help=entry.help)
    for name, catalogue, names in (("loss", LOSSES, losses), ("metrics", METRICS, metrics)):
        setting = by_name[name]
        by_name[name] = dataclasses.replace(
            setting,
            choices=names,
            labels=named(catalogue, names),
            help=f"{setting.help} The last one of the list is a formula: choose it to write your own.",
        )
    return by_name


def keep_formula(key: str, output: str, place: int | None) -> None:
    """Put the formula that was typed into the specification, before any page runs.

    Parameters
    ----------
    key : str
        Of the text field.
    output : str
    place : int or None
        Of the metric; None is the loss.
    """
    try:
        state.set_spec(with_tree(state.spec(), output, place, st.session_state[key]), replace=True)
    except SpecError as error:
        log.info("A formula was not kept: %s", error)  # the field, drawn again, shows the same error


def with_tree(spec: RunSpec, output: str, place: int | None, text: str) -> RunSpec:
    """Return `spec` with another formula; raise SpecError, with the column, unless it is one for that output."""
    tree = formula.parse(text)
    formula.check(tree, output, loss=place is None)
    if place is None:
        return spec.replace(f"outputs.{output}.loss", {"formula": tree})
    metrics: list[Identifier] = list(spec.output(output).metrics)
    metrics[place] = {"formula": tree}
    if len(set(map(written, metrics))) < len(metrics):
        raise SpecError("This metric is there already.", where="formula", mend="Remove it from the list.")
    return spec.replace(f"outputs.{output}.metrics", metrics)


def edit_formulas(output: OutputSpec) -> None:
    """Draw a field for each formula in use, and the formula as it was understood."""
    places: list[tuple[int | None, str, Identifier]] = [(None, "Loss", output.loss)]
    places += [(i, "Metric", metric) for i, metric in enumerate(output.metrics)]
    in_use = [
        (place, role, identifier["formula"])
        for place, role, identifier in places
        if isinstance(identifier, Mapping) and "formula" in identifier
    ]
    for place, role, tree in in_use:
        shown = formula.show(tree)
        key = f"formula_{output.name}_{role}_{shown}_{state.spec_version()}"
        text = st.text_input(
            f"{role} as a formula",
            value=shown,
            max_chars=formula.MAX_TEXT,
            key=key,
            on_change=keep_formula,
            args=(key, output.name, place),
            help="The mean over each row is taken. Nothing in it is run as code: it is read piece by piece.",
        )
        if text != shown:
            try:
                with_tree(state.spec(), output.name, place, text)
            except SpecError as error:
                frame.report(error)
                st.caption(f"Until then this one stays in use: `{shown}`")
                continue
        st.latex(formula.latex(tree))
    if in_use:
        with st.popover("What a formula may hold", icon=":material/function:", type="tertiary"):
            st.markdown(pieces_of(output.name))


def pieces_of(output: str) -> str:
    """Return the pieces and functions of an output's formulas as Markdown."""
    pieces = [
        f"`{name}`: {charts.plain(piece.help)}"
        for name, piece in formula.PIECES.items()
        if output in piece.outputs
    ]
    functions = [
        f"`{name}({', '.join('xy'[: function.arguments])})`: {charts.plain(function.help)}"
        for name, function in formula.FUNCTIONS.items()
        if not function.sign
    ]
    return (
        "  \n".join(["**Pieces**", *pieces])
        + "\n\n"
        + "  \n".join(["**Functions**", "`+ - * /` and `**`, numbers and brackets", *functions])
    )


def explain(output: OutputSpec) -> None:
    """Say in a line each what the chosen loss and metrics are."""
    chosen = [(LOSSES, written(output.loss)), *((METRICS, written(metric)) for metric in output.metrics)]
    lines = [f"`{name}`: {catalogue[name].help}" for catalogue, name in chosen if name in catalogue]
    st.caption("  \n".join(charts.message(line) for line in lines))


def explain_choice() -> None:
    """Say why the likelihood of a matrix was preselected."""
    kind = state.graph().profile.feature_kind
    loss, reason = LIKELIHOODS[kind]
    st.caption(
        f":material/lightbulb: Preselected by the data: {charts.message(f'`{loss}`, since {reason}')}."
    )


def edit_output(spec: RunSpec, output: OutputSpec) -> RunSpec:
    """Draw one row of the table of outputs and return the specification with its changes."""
    by_name = output_settings(output)
    always = FAMILIES[spec.model.family].always

    def change(spec: RunSpec, name: str) -> RunSpec:
        setting, value = by_name[name], getattr(output, name)
        if name in ("loss", "metrics"):  # a formula or a loss with settings is shown as text
            value = written(value) if name == "loss" else tuple(map(written, value))
        chosen = forms.field(setting, value, setting.key)
        return spec if chosen == value else spec.replace(setting.key, chosen)

    with st.container(border=True):
        with st.container(
            horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", gap="small"
        ):
            if output.name in always:
                st.markdown(by_name["enabled"].title, width="content")
            else:
                spec = change(spec, "enabled")
            st.caption(f"`{output.name}`", width="content")
        if spec.output(output.name).enabled:
            loss, weight, metrics = st.columns([13, 6, 10], gap="small")
            with loss:
                spec = change(spec, "loss")
            with weight:
                spec = change(spec, "weight")
            with metrics:
                spec = change(spec, "metrics")
            explain(spec.output(output.name))
            edit_formulas(spec.output(output.name))
        if output.name == "output":
            explain_choice()
    return spec


# -------------------------------------------------------------------------------- recipes
KEPT = ("training.epochs", "training.patience", "training.batch_size")
"""What a recipe leaves of the training to the visitor."""

_TAKEN = "recipe_taken"


def fitting_recipes() -> list[str]:
    """Return the names of the recipes for such data, tried by the automatic choice or not."""
    has_features = state.graph().features is not None
    return [name for name, entry in RECIPES.items() if entry.features in (None, has_features)]


def tried_recipes(spec: RunSpec) -> dict[str, RunSpec]:
    """Return what the automatic choice would try on these data, by recipe."""
    return candidates(spec, has_features=state.graph().features is not None)


def take_recipe(name: str) -> None:
    """Put a recipe in the place of network and training, before any page runs.

    What a recipe taken before has changed of the rest, and nobody has touched since, is first put back:
    epochs are not multiplied twice.
    """
    spec = state.spec()
    for key, (before, after) in st.session_state.get(_TAKEN, {}).items():
        if held(spec, key) == after:
            spec = spec.replace(key, before)
    taken = with_recipe(spec, name)
    beyond = [key for key in RECIPES[name].settings if not key.startswith(("model.", "training."))]
    st.session_state[_TAKEN] = {
        key: (held(spec, key), held(taken, key)) for key in ("training.epochs", "training.patience", *beyond)
    }
    state.set_spec(taken, replace=True)


def held(spec: RunSpec, key: str) -> Any:
    """Return the value of a setting, of an output if `key` names one."""
    section, *path = key.split(".")
    if section == "outputs":
        return getattr(spec.output(path[0]), path[1])
    return functools.reduce(getattr, path, getattr(spec, section))


def choose_recipe(spec: RunSpec) -> RunSpec:
    """Draw whose settings are trained: the visitor's own, which may start from a recipe, or those of the best one."""
    setting = next(setting for setting in settings_of(RunSpec) if setting.key == "recipe")
    with st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute"):
        with st.container(width="content"):
            chosen = forms.field(setting, spec.recipe, setting.key)
        if chosen == "own":
            # Another key once one is taken: the list then closes.
            with st.popover(
                "Start from a recipe", icon=":material/menu_book:", key=f"recipes_{state.spec_version()}"
            ):
                offer_recipes(spec)
    try:
        return spec if chosen == spec.recipe else spec.replace(setting.key, chosen)
    except SpecError as error:  # what it asks for stands further down
        frame.report(error)
        return spec


def offer_recipes(spec: RunSpec) -> None:
    """Draw every recipe for such data, the one in use marked."""
    st.caption(
        "A recipe sets network and training, and of the rest what it needs. Data, held-out edges and seed stay."
    )
    names = fitting_recipes()
    in_use = recipe_of(spec, names)
    for name in names:
        with st.container(gap="xsmall"):
            st.button(
                charts.plain(RECIPES[name].title),
                icon=":material/check:" if name == in_use else ":material/arrow_forward:",
                key=f"recipe_{name}",
                on_click=take_recipe,
                args=(name,),
            )
            st.caption(about_recipe(name))


def about_recipe(name: str) -> str:
    """Return help and reference of a recipe as Markdown."""
    entry = RECIPES[name]
    return charts.message(entry.help) + (f"  \n{charts.plain(entry.reference)}" if entry.reference else "")


def list_recipes(spec: RunSpec) -> None:
    """Draw what the automatic choice trains, and for how long at most."""
    for name, tried in tried_recipes(spec).items():
        with st.container(border=True, gap="xsmall"):
            with st.container(horizontal=True, horizontal_alignment="distribute", gap="small"):
                st.markdown(f"**{charts.plain(RECIPES[name].title)}**", width="content")
                st.caption(
                    f"at most {tried.training.epochs:,} epochs",
                    width="content",
                )
            st.caption(about_recipe(name))


# ------------------------------------------------------------------------ all the other settings
def edit(spec: RunSpec, *keys: str) -> RunSpec:
    """Draw the settings under `keys` and return the specification with their changes."""
    with st.grid(min_column_width=170):
        for setting in settings_of(RunSpec, family=spec.model.family):
            if not setting.key.startswith(keys) or setting.key == "model.family":
                continue  # another section, or chosen above
            if len(setting.choices) == 1:
                continue  # nothing to choose, as the encoder of a matrix
            if setting.key in spec.unused():
                continue  # nothing that the choices above would read
            value = held(spec, setting.key)
            with st.container():
                chosen = forms.field(setting, value, setting.key)
            if chosen != value:
                spec = spec.replace(setting.key, chosen)
    return spec


def possible_outputs(family: str) -> tuple[OutputSpec, ...]:
    profile = state.graph().profile
    return offered_outputs(
        feature_kind=profile.feature_kind,
        has_labels=profile.n_classes > 0,
        family=family,
        own_units=profile.own_units,
    )


def complete(spec: RunSpec) -> RunSpec:
    """Return the specification with every output the data allow, those it lacks switched off."""
    names = {output.name for output in spec.outputs}
    possible = possible_outputs(spec.model.family)
    missing = [dataclasses.replace(o, enabled=False) for o in possible if o.name not in names]
    return dataclasses.replace(spec, outputs=(*spec.outputs, *missing)) if missing else spec


def reset() -> None:
    """Put every setting back to its default; the data and the family stay."""
    spec = state.spec()
    state.set_spec(start_from(spec.model.family, RunSpec(dataset=spec.dataset)), replace=True)


# -------------------------------------------------------------------------------- summary
def in_words(seconds: float) -> str:
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 100:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 100 else f"{minutes / 60:.1f} h"


def show_summary() -> None:
    """Draw what would be built and what it would cost, as soon as the worker can tell."""
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
            check_split(state.graph(), spec)
            if spec.recipe == "auto":
                show_candidates(spec)
            else:
                show_description(engine.describe(spec, state.graph().profile, timeout=20.0))

    frame.fragment(run_every=1.0 if waiting else None)(draw)()


def in_bytes(mib: float) -> str:
    return f"{mib / 1024:.1f} GiB" if mib >= 1000 else f"{mib:.0f} MiB"


def show_candidates(spec: RunSpec) -> None:
    """Draw what each recipe that would be tried costs, and the model of each."""
    profile = state.graph().profile
    models = {}
    for name, candidate in tried_recipes(spec).items():
        try:
            models[name] = state.engine().describe(candidate, profile, timeout=20.0)
        except StudioError as error:  # a run passes over it, and tells so
            frame.report(error)
    titles = {name: RECIPES[name].title for name in models}
    costs = {name: model["estimate"] for name, model in models.items()}
    st.markdown("Each of these is trained; the one that finds the validation edges best is kept.")
    st.dataframe(
        {
            "Recipe": list(titles.values()),
            "Parameters": [model["parameters"] for model in models.values()],
            "Memory": [in_bytes(cost["memory_mib"]) for cost in costs.values()],
            "All epochs": [in_words(cost["seconds"]) for cost in costs.values()],
        },
        column_config={"Parameters": st.column_config.NumberColumn(format="localized")},
        hide_index=True,
        width="stretch",
        height="content",
        alt="Each recipe with its parameters and estimated memory and time.",
    )
    for name, model in models.items():
        with st.expander(charts.plain(titles[name]), icon=":material/account_tree:"):
            show_description(model)


def show_description(model: Mapping[str, Any]) -> None:
    cost = model["estimate"]
    tiles = {
        "Parameters": (f"{model['parameters']:,}", "Numbers that are learnt."),
        "Memory": (
            in_bytes(cost["memory_mib"]),
            "Estimated peak of the training process, the libraries included.",
        ),
        "An epoch": (in_words(cost["seconds_per_epoch"]), "Estimated, on two cores."),
        "All epochs": (in_words(cost["seconds"]), "Estimated, if training does not stop early."),
    }
    with st.grid(min_column_width=180, gap="small"):
        for label, (value, about) in tiles.items():
            st.metric(label, value, help=about, border=True)
    st.markdown("**Layers**")
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
    st.markdown("**What is compiled**")
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


# ------------------------------------------------------------------------------- the page
frame.header("Model", "Choose what the model has to explain, and how it learns. Nothing starts before Train.")

form, summary = st.columns([3, 2], gap="large")
spec = wanted = complete(state.spec())
graph = state.graph()
with form:
    choose_family(spec)
    try:
        st.subheader("Outputs", anchor=False, help="Each output adds weight x loss to the total.")
        for output in spec.outputs:
            wanted = edit_output(wanted, output)
        st.subheader("Network", anchor=False)
        if spec.model.family == "vgae":
            wanted = choose_recipe(wanted)
        if wanted.recipe == "auto":
            list_recipes(wanted)
        else:
            wanted = edit(wanted, "model.")
        st.subheader("Training", anchor=False)
        wanted = edit(wanted, *(KEPT if wanted.recipe == "auto" else ("training.",)))
        held_out = "entries" if spec.model.family == "vae" else "edges"
        st.subheader(f"Held-out {held_out} and seed", anchor=False)
        wanted = edit(wanted, "split.", "seed")
        if graph is not None and graph.features is not None:
            wanted = edit(wanted, "scaling")
        if spec.model.family == "vgae":
            wanted = edit(wanted, "stacking")  # a switch, below the fields
    except SpecError as error:
        frame.report(error)
    else:
        state.set_spec(wanted)
    st.button("Reset to defaults", icon=":material/restart_alt:", on_click=reset)

with summary:
    st.subheader(
        "Summary", anchor=False, help="What Train would build. Estimates, made before anything runs."
    )
    show_summary()
    if graph is not None:
        state.engine().prepare(state.spec(), graph, after=state.EDITING_SECONDS)
    st.page_link("pages/train.py", label="Next: train it", icon=":material/arrow_forward:")
