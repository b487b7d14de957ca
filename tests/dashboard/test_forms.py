"""Every setting of the specification can be drawn, and keeps its type and bounds."""

from streamlit.testing.v1 import AppTest

from vgae_core.settings import RunSpec
from vgae_core.settings.fields import settings_of


def every_setting():
    import streamlit as st

    from dashboard.widgets import forms
    from vgae_core.settings import RunSpec
    from vgae_core.settings.fields import settings_of

    values = {}
    for setting in settings_of(RunSpec):
        if setting.type is str and not setting.choices:
            continue
        values[setting.key] = forms.field(setting, setting.default, setting.key)
    st.session_state["values"] = values


def units():
    import streamlit as st

    from dashboard.widgets import forms
    from vgae_core.settings import RunSpec
    from vgae_core.settings.fields import settings_of

    setting = next(s for s in settings_of(RunSpec) if s.key == "model.hidden_units")
    st.session_state["got"] = forms.field(setting, (32,), setting.key)


def replaced():
    import streamlit as st

    from dashboard.widgets import forms
    from vgae_core.settings import RunSpec
    from vgae_core.settings.fields import settings_of

    st.session_state.setdefault("held", 200)
    setting = next(s for s in settings_of(RunSpec) if s.key == "training.epochs")
    st.session_state["held"] = forms.field(setting, st.session_state["held"], setting.key)
    if st.button("replace"):
        st.session_state["held"] = 7
        st.session_state["spec_version"] = 1
        st.rerun()


def test_every_setting_is_drawn_with_its_default():
    at = AppTest.from_function(every_setting, default_timeout=30).run()
    assert not at.exception
    values = at.session_state["values"]
    for setting in settings_of(RunSpec):
        if setting.key in values:
            assert values[setting.key] == setting.default
            assert type(values[setting.key]) is type(setting.default)
    assert RunSpec.from_dict(RunSpec().to_dict()).replace("training.epochs", values["training.epochs"])


def test_bounds_and_help_come_from_the_specification():
    at = AppTest.from_function(every_setting, default_timeout=30).run()
    for setting in settings_of(RunSpec):
        if setting.type in (int, float) and not setting.choices:
            box = at.number_input(key=setting.key)
            scale = 100 if setting.percent else 1
            assert (box.min, box.max) == (1 if setting.zero else scale * setting.low, scale * setting.high)
            assert box.help


def test_list_of_whole_numbers():
    at = AppTest.from_function(units, default_timeout=30).run()
    box = at.text_input(key="model.hidden_units")
    assert box.value == "32"
    box.set_value("64; 16").run()
    assert at.session_state["got"] == (64, 16)
    assert at.session_state["spec"].model.hidden_units == (64, 16)  # kept before any page ran
    at.text_input(key="model.hidden_units").set_value("64, many").run()
    assert at.session_state["got"] == (32,)
    assert "whole numbers" in at.error[0].value
    at.text_input(key="model.hidden_units").set_value("0").run()
    assert at.session_state["got"] == (32,)
    assert "between 1 and 4096" in at.error[0].value.replace("\\", "")


def test_widgets_follow_a_replaced_specification():
    at = AppTest.from_function(replaced, default_timeout=30).run()
    at.number_input(key="training.epochs").set_value(50).run()
    assert at.session_state["held"] == 50
    at.button[0].click().run()
    assert at.number_input(key="training.epochs").value == 7


def two_that_need_each_other():
    from dashboard.app import state
    from dashboard.widgets import forms
    from vgae_core.settings import RunSpec
    from vgae_core.settings.fields import settings_of

    by_key = {s.key: s for s in settings_of(RunSpec)}
    spec = state.spec()
    forms.field(by_key["split.val_fraction"], spec.split.val_fraction, "split.val_fraction")
    forms.field(by_key["recipe"], spec.recipe, "recipe")


def test_a_refused_value_waits_until_another_setting_allows_it():
    at = AppTest.from_function(two_that_need_each_other, default_timeout=30).run()
    at.number_input(key="split.val_fraction").set_value(0.0).run()
    at.selectbox(key="recipe").set_value("auto").run()
    assert at.session_state["spec"].recipe == "own"
    assert "validation edges" in at.error[0].proto.title
    at.number_input(key="split.val_fraction").set_value(20.0).run()
    assert not at.error
    assert at.session_state["spec"].recipe == "auto"
    assert at.session_state["spec"].split.val_fraction == 0.2


def test_a_refused_value_that_is_taken_back_leaves_no_error():
    at = AppTest.from_function(two_that_need_each_other, default_timeout=30).run()
    at.number_input(key="split.val_fraction").set_value(0.0).run()
    at.selectbox(key="recipe").set_value("auto").run()
    at.selectbox(key="recipe").set_value("own").run()
    assert not at.error
    at.number_input(key="split.val_fraction").set_value(20.0).run()
    assert at.session_state["spec"].recipe == "own"
