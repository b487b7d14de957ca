"""The frame around the pages: restored work, links to runs, and errors."""

import pytest
from streamlit.testing.v1 import AppTest

from vgae_core.spec import RunSpec

TOKEN = "A" * 43


@pytest.mark.parametrize(
    "session",
    [
        {"spec": {"bogus": 1}},
        {"spec": RunSpec().replace("dataset.source", "upload:gone").to_dict(), "raw": "raw-" + "0" * 64},
        {"spec": RunSpec().replace("dataset.source", "upload:gone").to_dict(), "raw": "../../etc/passwd"},
        {"spec": RunSpec().replace("dataset.source", "sample:gone").to_dict(), "raw": None},
    ],
    ids=["other version", "no longer kept", "path", "unknown sample"],
)
def test_work_that_cannot_be_restored_gives_the_default(app, studio_store, session):
    studio_store.save_session(TOKEN, session)
    at = app(workspace=TOKEN)
    assert not at.exception
    assert "could not be restored" in at.toast[0].value
    assert at.session_state["spec"].dataset.source == RunSpec().dataset.source
    assert studio_store.load_session(TOKEN)["spec"] == at.session_state["spec"].to_dict()


def test_settings_come_back(app, studio_store):
    spec = RunSpec().replace("training.epochs", 17)
    studio_store.save_session(TOKEN, {"spec": spec.to_dict(), "raw": None, "run_id": "abc"})
    at = app(workspace=TOKEN)
    assert at.session_state["spec"] == spec
    assert at.session_state["run_id"] == "abc"


def run_at_hand():
    import streamlit as st

    from dashboard import state

    st.session_state["found"] = state.current_run()


def test_link_to_a_run_that_is_gone(studio_engine):
    at = AppTest.from_function(run_at_hand)
    at.query_params["run"] = "no-such-run-here"
    at.run()
    assert not at.exception
    assert at.session_state["found"] is None
    assert "no such run" in at.warning[0].proto.title
    assert "run" not in at.query_params
    assert not at.run().warning


def test_a_link_to_a_run_wins_and_stays(studio_engine, studio_store):
    from tests.graphs import karate

    run = studio_store.create_run(RunSpec(), karate(), TOKEN)
    at = AppTest.from_function(run_at_hand)
    at.query_params["run"] = run.id
    at.run()
    assert at.session_state["found"].id == run.id
    del at.query_params["run"]  # a change of page drops the query
    at.run()
    assert at.session_state["found"].id == run.id
    assert at.query_params["run"] == run.id


def failing():
    import streamlit as st

    from dashboard import frame
    from vgae_core.errors import DataError

    with frame.guard():
        raise DataError("`a` is *bad*.", where="x.csv, line 3", mend="Mend it.")
    with frame.guard():
        raise RuntimeError("secret detail")
    with frame.guard():
        st.write("after")


def test_guard_shows_ours_and_hides_the_rest(caplog):
    at = AppTest.from_function(failing).run()
    assert not at.exception
    ours, other = at.error
    assert ours.proto.title == r"`a` is \*bad\*\."
    assert "line 3" in ours.value
    assert "secret" not in other.value + other.proto.title
    assert "secret detail" in caplog.text
    assert at.markdown[0].value == "after"
