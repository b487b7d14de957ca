"""The model page: what it shows comes from the specification, and what is chosen goes into it."""

import pytest

from vgae_core.catalogue import formula
from vgae_core.catalogue.decoders import DECODERS
from vgae_core.catalogue.encoders import ENCODERS
from vgae_core.catalogue.losses import LOSSES
from vgae_core.catalogue.metrics import METRICS
from vgae_core.catalogue.node_inputs import NODE_INPUTS
from vgae_core.catalogue.parameters import PARAMETERS
from vgae_core.catalogue.recipes import RECIPES
from vgae_core.data.repairs import repair
from vgae_core.data.samples import load_sample
from vgae_core.errors import RunError, SpecError
from vgae_core.nn.budget import estimate_run
from vgae_core.settings import RepairSpec, RunSpec
from vgae_core.settings.fields import settings_of
from vgae_core.settings.recipes import candidates, with_recipe

DESCRIPTION = {
    "layers": [
        {"name": "features", "type": "InputLayer", "shape": "1,406 x 2,670", "parameters": 0, "inputs": []},
        {
            "name": "z_mean",
            "type": "Propagate",
            "shape": "1,406 x 64",
            "parameters": 170_944,
            "inputs": ["features"],
        },
    ],
    "parameters": 341_888,
    "objectives": [
        {"output": "z_vars", "role": "weight", "written": "1", "became": "0.0007", "why": "1 / 1406 nodes"}
    ],
    "estimate": {
        "parameters": 341_888,
        "memory_mib": 1434.0,
        "seconds_per_epoch": 0.031,
        "seconds": 372.0,
        "steps_per_epoch": 1,
    },
}


@pytest.fixture
def asked(studio_engine):
    """What the engine was asked to describe; it answers at once."""
    asked = []

    def describe(spec, profile, *, timeout=60.0):
        asked.append((spec, profile))
        return DESCRIPTION

    studio_engine.describe = describe
    return asked


@pytest.fixture
def page(app, asked):
    at = app("model")
    assert not at.exception
    return at


def spec_of(at):
    return at.session_state["spec"]


ALWAYS = ("adj_rec", "z_vars")
"""Outputs of every graph model."""


def switch_all_on(page):
    """Switch every output on: only those that are on show their loss, weight and metrics."""
    for output in ("x_rec", "labels"):
        page.toggle(key=f"outputs.{output}.enabled").set_value(True)
    return page.run()


def test_every_setting_has_a_control_with_help_and_bounds(page):
    switch_all_on(page)
    assert not page.error
    unused = spec_of(page).unused()
    assert "model.hidden_units" in unused  # of the default encoder
    shown = {
        e.key: e
        for kind in ("number_input", "toggle", "selectbox", "multiselect", "text_input")
        for e in page.get(kind)
    }
    shown |= {e.key: e for e in page.get("button_group")}
    for setting in settings_of(RunSpec, family="vgae"):
        if setting.key.startswith("dataset.") or setting.key == "model.family":
            continue
        if setting.key in unused:
            assert setting.key not in shown
            continue
        control = shown[setting.key]
        assert control.proto.help, setting.key
        if setting.type in (int, float):
            scale = 100 if setting.percent else 1
            assert control.min == (1 if setting.zero else scale * setting.low), setting.key
            assert control.max == scale * setting.high, setting.key
    for output in ("adj_rec", "z_vars", "x_rec", "labels"):
        for name in (
            ("loss", "weight", "metrics") if output in ALWAYS else ("enabled", "loss", "weight", "metrics")
        ):
            assert shown[f"outputs.{output}.{name}"].proto.help


def test_losses_and_metrics_are_offered_by_title_with_their_keras_names_below(page):
    switch_all_on(page)
    for output in ("adj_rec", "z_vars", "x_rec", "labels"):
        losses = page.selectbox(key=f"outputs.{output}.loss").options
        metrics = page.multiselect(key=f"outputs.{output}.metrics").options
        # the sample's features are binary
        fitting = [
            k for k, e in LOSSES.items() if output in e.outputs and (not e.targets or "binary" in e.targets)
        ]
        *named, own = losses
        for name, option in zip(fitting, named, strict=True):
            assert option == LOSSES[name].title
        assert own.startswith("Formula · ")
        for name, entry in METRICS.items():
            assert (entry.title in metrics) == (output in entry.outputs), (output, name)
        assert f"`{spec_of(page).output(output).loss}`: " in captions(page)


def test_what_a_metric_becomes_stands_below_it(page):
    switch_all_on(page)
    assert "`accuracy` → `binary_accuracy`: resolved as Keras does, from one logit per pair" in captions(page)
    assert "→ `sparse_categorical_accuracy`" in captions(page)  # of the labels


def test_settings_of_a_loss_have_fields_where_they_matter(page):
    page.selectbox(key="outputs.adj_rec.loss").set_value("focal").run()
    field = "parameter_outputs.adj_rec.loss.0."
    assert page.number_input(key=field + "gamma").value == LOSSES["focal"].config["gamma"]
    assert field + "alpha" not in keys_of(page, "number_input")  # without balancing it has no effect
    page.number_input(key=field + "gamma").set_value(1.5).run()
    assert spec_of(page).output("adj_rec").loss == {"class_name": "focal", "config": {"gamma": 1.5}}
    assert page.selectbox(key="outputs.adj_rec.loss").value == "focal"
    page.toggle(key=field + "apply_class_balancing").set_value(True).run()
    assert page.number_input(key=field + "alpha").value == LOSSES["focal"].config["alpha"]
    page.toggle(key=field + "apply_class_balancing").set_value(False).run()
    page.number_input(key=field + "gamma").set_value(2.0).run()
    assert spec_of(page).output("adj_rec").loss == "focal"  # as by default


def test_a_setting_without_a_default_may_stay_empty(page):
    page.selectbox(key="outputs.adj_rec.loss").set_value("weighted_binary_crossentropy").run()
    key = "parameter_outputs.adj_rec.loss.0.pos_weight"
    assert page.number_input(key=key).value is None
    page.number_input(key=key).set_value(3.0).run()
    assert spec_of(page).output("adj_rec").loss["config"] == {"pos_weight": 3.0}
    page.number_input(key=key).set_value(None).run()
    assert spec_of(page).output("adj_rec").loss == "weighted_binary_crossentropy"


def test_settings_of_a_metric_have_fields_and_the_other_metrics_stay(page):
    page.multiselect(key="outputs.adj_rec.metrics").set_value(["accuracy", "f1"]).run()
    page.number_input(key="parameter_outputs.adj_rec.metric.1.threshold").set_value(0.3).run()
    assert spec_of(page).output("adj_rec").metrics == (
        "accuracy",
        {"class_name": "f1", "config": {"threshold": 0.3}},
    )
    assert page.multiselect(key="outputs.adj_rec.metrics").value == ["accuracy", "f1(threshold=0.3)"]


def test_every_setting_of_a_loss_or_metric_can_be_described():
    used = {name for entry in (*LOSSES.values(), *METRICS.values()) for name in entry.config}
    assert used == PARAMETERS.keys()
    for name, entry in PARAMETERS.items():
        assert entry.low < entry.high, name
        assert entry.needs in {"", *PARAMETERS}


def test_zero_is_said_in_words_and_shares_in_percent(page):
    field = page.number_input(key="training.batch_size")
    assert (field.value, field.proto.placeholder) == (None, "All pairs")
    field.set_value(512).run()
    assert spec_of(page).training.batch_size == 512
    page.number_input(key="training.batch_size").set_value(None).run()
    assert spec_of(page).training.batch_size == 0
    assert page.number_input(key="split.val_fraction").value == 5
    page.number_input(key="model.input_dropout").set_value(35.0).run()
    assert spec_of(page).model.input_dropout == 0.35


def test_changes_go_into_the_specification_and_to_the_summary(page, asked):
    page.number_input(key="model.latent_dim").set_value(16).run()
    page.toggle(key="outputs.x_rec.enabled").set_value(True).run()
    page.selectbox(key="outputs.x_rec.loss").set_value("focal").run()
    page.number_input(key="outputs.z_vars.weight").set_value(0.25).run()
    page.multiselect(key="outputs.adj_rec.metrics").set_value(["precision", "recall"]).run()
    page.number_input(key="training.learning_rate").set_value(0.003).run()
    page.number_input(key="split.test_fraction").set_value(20.0).run()
    page.number_input(key="seed").set_value(7).run()
    assert not page.error
    spec = spec_of(page)
    assert spec.model.latent_dim == 16
    assert spec.output("x_rec").enabled
    assert spec.output("x_rec").loss == "focal"
    assert spec.output("z_vars").weight == 0.25
    assert spec.output("adj_rec").metrics == ("precision", "recall")
    assert (spec.training.learning_rate, spec.split.test_fraction, spec.seed) == (0.003, 0.2, 7)
    assert asked[-1][0] == spec
    assert asked[-1][1] == page.session_state["graph"].profile


def test_what_was_chosen_is_still_there_after_another_page(page):
    page.number_input(key="model.latent_dim").set_value(16).run()
    page.switch_page("pages/data.py").run()
    page.switch_page("pages/model.py").run()
    assert page.number_input(key="model.latent_dim").value == 16
    assert spec_of(page).model.latent_dim == 16


def keys_of(page, kind):
    return {element.key for element in page.get(kind)}


def test_adjacency_and_divergence_have_no_switch(page):
    assert keys_of(page, "toggle") >= {"outputs.x_rec.enabled", "outputs.labels.enabled"}
    assert not keys_of(page, "toggle") & {f"outputs.{output}.enabled" for output in ALWAYS}
    assert all(spec_of(page).output(output).enabled for output in ALWAYS)


def test_an_output_that_is_off_shows_its_switch_alone(page):
    assert "outputs.x_rec.loss" not in keys_of(page, "selectbox")
    page.toggle(key="outputs.x_rec.enabled").set_value(True).run()
    assert "outputs.x_rec.loss" in keys_of(page, "selectbox")


def test_hidden_units_are_shown_where_the_encoder_has_them(page):
    assert "model.hidden_units" not in keys_of(page, "text_input")
    page.selectbox(key="model.encoder").set_value("gcn").run()
    page.text_input(key="model.hidden_units").set_value("64, 32").run()
    assert spec_of(page).model.hidden_units == (64, 32)
    page.text_input(key="model.hidden_units").set_value("64, x").run()
    assert "whole numbers" in page.error[0].value
    assert spec_of(page).model.hidden_units == (64, 32)


def test_the_summary_tells_layers_parameters_memory_and_time(page):
    cost = estimate_run(spec_of(page), page.session_state["graph"].profile)
    assert f"at most {cost['seconds']:.0f} s of training" in captions(page)
    assert f"{cost['memory_mib'] / 1024:.1f} GiB of memory" in captions(page)
    assert "341,888 parameters to learn, 31 ms per epoch" in captions(page)
    layers, compiled = (table.value for table in page.dataframe)
    assert layers["Layer"].tolist() == ["features", "z_mean"]
    assert layers["Parameters"].tolist() == [0, 170_944]
    assert compiled["Why"].tolist() == ["1 / 1406 nodes"]


def test_an_impossible_model_is_explained_not_traced(app, studio_engine):
    def describe(spec, profile, *, timeout):
        raise SpecError("Loss `poisson` needs counts.", where="outputs.x_rec", mend="Choose another loss.")

    studio_engine.describe = describe
    at = app("model")
    assert not at.exception
    assert len(at.error) == 1
    assert "Choose another loss" in at.error[0].value.replace("\\", "")
    assert at.number_input(key="model.latent_dim").value == RunSpec().model.latent_dim  # the form is there


def test_no_answer_from_the_worker_is_told(app, studio_engine):
    def describe(spec, profile, *, timeout):
        raise RunError("The worker did not answer.", mend="Try again in a moment.")

    studio_engine.describe = describe
    at = app("model")
    assert not at.exception
    assert "Try again" in at.error[0].value.replace("\\", "")


def test_the_form_does_not_wait_for_the_worker(app, studio_engine):
    studio_engine.state = "starting"  # and it has no answer to give: asking would fail
    at = app("model")
    assert not at.exception
    assert not at.error
    assert any("worker is starting" in caption.value for caption in at.caption)
    at.number_input(key="model.latent_dim").set_value(8).run()
    assert spec_of(at).model.latent_dim == 8


def test_outputs_follow_the_data(page):
    graph = repair(load_sample("karate-club"), RepairSpec())  # labels, no features
    page.session_state["graph"] = graph
    page.session_state["spec"] = RunSpec()
    page.run()
    assert not page.exception
    keys = {toggle.key for toggle in page.toggle}
    assert "outputs.x_rec.enabled" not in keys
    assert not page.toggle(key="outputs.labels.enabled").value
    assert spec_of(page).output("adj_rec").enabled


def test_reset_brings_the_defaults_back_and_keeps_the_data(page):
    before = spec_of(page)
    page.number_input(key="model.latent_dim").set_value(16).run()
    page.number_input(key="outputs.z_vars.weight").set_value(9.0).run()
    next(button for button in page.button if "Reset" in button.label).click().run()
    assert spec_of(page) == before
    assert page.number_input(key="model.latent_dim").value == before.model.latent_dim
    assert page.number_input(key="outputs.z_vars.weight").value == before.output("z_vars").weight


def test_formulas_and_losses_with_settings_are_shown_as_text(page):
    spec = spec_of(page).replace("outputs.adj_rec.loss", "focal(gamma=1)")
    spec = spec.replace("outputs.adj_rec.metrics", ["acc", "= mean(abs(y_true - probability))"])
    page.session_state["spec"] = spec
    page.session_state["spec_version"] = 1
    page.run()
    assert not page.exception
    assert page.selectbox(key="outputs.adj_rec.loss").value == "focal"
    assert page.number_input(key="parameter_outputs.adj_rec.loss.0.gamma").value == 1
    assert page.multiselect(key="outputs.adj_rec.metrics").value == [
        "acc",
        "= mean(abs(y_true - probability))",
    ]
    assert spec_of(page).output("adj_rec") == spec.output("adj_rec")


def choose_formula(at, output="adj_rec"):
    """Choose the last entry of an output's list of losses and return its text field."""
    box = at.selectbox(key=f"outputs.{output}.loss")
    box.set_value(box.options[-1].replace("Formula ·", "=")).run()
    assert not at.exception
    return formula_fields(at)[0]


def formula_fields(at):
    return [field for field in at.text_input if field.key.startswith("formula_")]


@pytest.mark.parametrize("output", ["adj_rec", "z_vars"])
def test_a_formula_can_be_chosen_and_written(page, asked, output):
    assert not formula_fields(page)
    field = choose_formula(page, output)
    identifier = spec_of(page).output(output).loss
    assert field.value == formula.show(identifier["formula"])
    variable = "probability" if output == "adj_rec" else "z_mean"
    field.set_value(f"  abs({variable})+1").run()
    assert not page.exception
    assert not page.error
    assert spec_of(page).output(output).loss == {"formula": ["+", ["abs", variable], 1]}
    assert formula_fields(page)[0].value == f"abs({variable}) + 1"
    assert formula.latex(["+", ["abs", variable], 1]) in page.latex[0].value
    assert asked[-1][0] == spec_of(page)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("mean(square(y_true - probabilty))", "column 22"),
        ("mean(y_pred", "column"),
        ("y_true", "does not depend on the model"),
        ("z_mean", "has no variable"),
        ("__import__('os').remove('x')", "column 1"),
        ("", "empty"),
    ],
)
def test_an_error_in_a_formula_is_told_and_the_last_good_one_stays(page, text, told):
    held = spec_of(page).output("adj_rec")
    choose_formula(page)
    before = spec_of(page)
    formula_fields(page)[0].set_value(text).run()
    assert not page.exception
    (error,) = page.error
    assert told in (error.value + error.proto.title).replace("\\", "").replace("`", "")
    assert formula_fields(page)[0].value == text
    assert spec_of(page) == before != held


def test_a_metric_can_be_a_formula_and_the_others_are_untouched(page):
    spec = spec_of(page).replace("outputs.adj_rec.loss", {"class_name": "focal", "config": {"gamma": 1.5}})
    spec = spec.replace("outputs.adj_rec.metrics", [{"class_name": "f1", "config": {"threshold": 0.4}}])
    page.session_state["spec"] = spec
    page.session_state["spec_version"] = 1
    page.run()
    before = spec_of(page).output("adj_rec")
    assert before == spec.output("adj_rec")
    box = page.multiselect(key="outputs.adj_rec.metrics")
    box.select(next(option for option in box.options if option.startswith("Formula"))).run()
    formula_fields(page)[0].set_value("mean(abs(y_true - probability))").run()
    assert not page.exception
    after = spec_of(page).output("adj_rec")
    assert after.loss == before.loss
    assert after.metrics == (
        *before.metrics,
        {"formula": ["mean", ["abs", ["-", "y_true", "probability"]]]},
    )


def test_the_same_formula_twice_is_refused(page):
    spec = spec_of(page).replace("outputs.adj_rec.metrics", ["= abs(y_pred)", "= square(y_pred)"])
    page.session_state["spec"] = spec
    page.session_state["spec_version"] = 1
    page.run()
    formula_fields(page)[1].set_value("abs(y_pred)").run()
    assert "in the list already" in page.error[0].proto.title
    assert spec_of(page) == spec


# -------------------------------------------------------------------------------- recipes
def editors(at) -> set[str]:
    """The settings that can be edited now, those of outputs left out."""
    keys = {s.key for s in settings_of(RunSpec)}
    kinds = ("number_input", "toggle", "selectbox", "multiselect", "text_input", "button_group")
    return {e.key for kind in kinds for e in at.get(kind)} & keys


def captions(at) -> str:
    return "\n".join(c.value for c in (*at.caption, *at.markdown)).replace("\\", "")


@pytest.fixture
def automatic(page):
    page.button_group(key="recipe").set_value("auto").run()
    assert not page.exception
    assert not page.error
    return page


def test_automatic_lists_the_recipes_it_will_try_and_edits_only_what_they_keep(automatic):
    spec = spec_of(automatic)
    assert spec.recipe == "auto"
    left = editors(automatic)
    assert left == {
        "recipe", "training.epochs", "training.patience", "training.batch_size",
        "split.val_fraction", "split.test_fraction", "seed", "scaling", "stacking",
    }  # fmt: skip
    told = captions(automatic)
    for name, candidate in candidates(spec, has_features=True).items():
        for text in (RECIPES[name].title, RECIPES[name].help, RECIPES[name].reference):
            assert text in told
        assert f"{candidate.training.epochs} epochs" in told
    assert RECIPES["positions"].title not in told
    for setting in settings_of(RunSpec, family="vgae"):  # what is not shown makes no difference
        if setting.key.startswith(("model.", "training.")) and setting.key not in left and setting.high:
            changed = spec.replace(setting.key, (7,) if setting.name == "hidden_units" else setting.high)
            assert candidates(changed, has_features=True) == candidates(spec, has_features=True)


def test_the_summary_of_automatic_is_one_of_each_recipe(automatic, asked):
    wanted = list(candidates(spec_of(automatic), has_features=True).values())
    assert [spec for spec, _ in asked[-len(wanted) :]] == wanted
    table = automatic.dataframe[0].value
    assert table["Recipe"].tolist() == [RECIPES[name].title for name in ("normalised", "masked")]
    assert table["Parameters"].tolist() == [341_888] * 2
    automatic.number_input(key="training.epochs").set_value(40).run()
    assert [spec.training.epochs for spec, _ in asked[-2:]] == [40, 160]
    assert "160 epochs" in captions(automatic)


def test_a_recipe_that_cannot_be_is_told_and_the_others_are_shown(app, studio_engine):
    def describe(spec, profile, *, timeout):
        if spec.model.encoder == "sage":
            raise RunError("No such model.")
        return DESCRIPTION

    studio_engine.describe = describe
    at = app("model")
    at.button_group(key="recipe").set_value("auto").run()
    assert not at.exception
    assert [error.proto.title for error in at.error] == [r"No such model\."]
    assert at.dataframe[0].value["Recipe"].tolist() == [RECIPES["normalised"].title]


def test_the_way_back_from_automatic_finds_one_s_own_settings(page):
    page.number_input(key="model.latent_dim").set_value(16).run()
    page.button_group(key="recipe").set_value("auto").run()
    page.button_group(key="recipe").set_value("own").run()
    assert spec_of(page).recipe == "own"
    assert page.number_input(key="model.latent_dim").value == 16


def test_automatic_without_validation_edges_says_what_it_needs(page):
    page.number_input(key="split.val_fraction").set_value(0.0).run()
    page.button_group(key="recipe").set_value("auto").run()
    assert "needs validation edges" in page.error[0].proto.title.replace("\\", "")
    assert spec_of(page).recipe == "own"
    page.number_input(key="split.val_fraction").set_value(10.0).run()  # the form is there
    assert not page.error
    assert spec_of(page).recipe == "auto"


def load(at, sample):
    at.selectbox(key="sample").set_value(sample).run()
    next(b for b in at.button if b.label == "Load sample").click()
    at.run()


def recipe_buttons(at):
    return {b.key.removeprefix("recipe_"): b for b in at.button if b.key and b.key.startswith("recipe_")}


def test_settings_can_start_from_any_recipe_that_fits(page):
    names = {name for name, entry in RECIPES.items() if entry.features in (None, True)}
    assert set(recipe_buttons(page)) == names
    assert "kipf" in names
    page.toggle(key="outputs.x_rec.enabled").set_value(True).run()
    before = spec_of(page)
    recipe_buttons(page)["kipf"].click().run()
    assert not page.exception
    assert not page.error
    assert spec_of(page) == with_recipe(before, "kipf")
    assert spec_of(page).output("x_rec").enabled
    assert page.selectbox(key="model.encoder").value == "gcn"
    assert page.selectbox(key="outputs.adj_rec.loss").value == "weighted_binary_crossentropy"
    assert recipe_buttons(page)["kipf"].proto.icon == ":material/check:"


def test_one_recipe_after_the_other_multiplies_epochs_once(page):
    before = spec_of(page)
    for name in ("masked", "masked", "kipf", "masked"):
        recipe_buttons(page)[name].click().run()
        assert spec_of(page).training.epochs == 200 * RECIPES[name].longer
    assert spec_of(page) == with_recipe(before, "masked")
    recipe_buttons(page)["normalised"].click().run()
    assert spec_of(page) == before
    recipe_buttons(page)["masked"].click().run()
    page.number_input(key="training.epochs").set_value(100).run()
    recipe_buttons(page)["masked"].click().run()  # the visitor's own number counts
    assert spec_of(page).training.epochs == 400


def test_the_next_graph_keeps_the_automatic_choice_and_a_matrix_ends_it(automatic):
    automatic.switch_page("pages/data.py").run()
    load(automatic, "karate-club")  # without features
    assert spec_of(automatic).recipe == "auto"
    automatic.switch_page("pages/model.py").run()
    assert not automatic.exception
    assert RECIPES["positions"].title in captions(automatic)
    automatic.switch_page("pages/data.py").run()
    load(automatic, "digits-pixels")
    assert automatic.session_state["graph"].is_matrix
    assert spec_of(automatic).recipe == "own"
    automatic.switch_page("pages/model.py").run()
    assert not automatic.exception
    assert "recipe" not in editors(automatic)


@pytest.mark.parametrize(
    ("key", "catalogue"),
    [("model.encoder", ENCODERS), ("model.decoder", DECODERS), ("model.node_input", NODE_INPUTS)],
)
def test_help_and_reference_of_a_choice_stand_beside_it(page, key, catalogue):
    for name, entry in catalogue.items():
        if "vgae" not in getattr(entry, "families", ("vgae",)):
            continue
        page.selectbox(key=key).set_value(name).run()
        assert entry.help.partition("`")[0].replace("|", "")[:20] in captions(page).replace("|", "")
        assert entry.reference in captions(page)


def test_the_recommended_recipe_comes_first_and_the_one_in_use_is_marked(page):
    first, *others = recipe_buttons(page)
    assert first == next(name for name, entry in RECIPES.items() if entry.why and entry.features)
    assert [b.value for b in page.markdown if "Recommended" in b.value] == [
        m.value for m in page.markdown if "Recommended" in m.value
    ]
    assert recipe_buttons(page)[first].label == "In use"
    assert all(recipe_buttons(page)[name].label == "Use this recipe" for name in others)
    for name in recipe_buttons(page):
        assert RECIPES[name].help.partition(":")[0] in captions(page)
        assert RECIPES[name].reference in captions(page)
    page.number_input(key="model.latent_dim").set_value(5).run()
    assert "no recipe" in captions(page)
    assert all(button.label == "Use this recipe" for button in recipe_buttons(page).values())
