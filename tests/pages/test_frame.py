"""The frame around the pages: restored work, links to runs, and errors."""

import gc
import re
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from dashboard.app import warm_up
from tests.pages.finished_runs import finish_run, make_graph
from vgae_core.errors import DataError
from vgae_core.settings import RunSpec

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "A" * 43


@pytest.mark.parametrize(
    "session",
    [
        {"spec": {"bogus": 1}},
        {"spec": RunSpec().replace("dataset.source", "upload:gone").to_dict(), "raw": "raw-" + "0" * 64},
        {"spec": RunSpec().replace("dataset.source", "upload:gone").to_dict(), "raw": "../../etc/passwd"},
        {"spec": RunSpec().replace("dataset.source", "sample:gone").to_dict(), "raw": None},
    ],
    ids=["other version", "no longer stored", "path", "unknown sample"],
)
def test_work_that_cannot_be_restored_gives_the_default(app, studio_store, session):
    studio_store.sessions.save(TOKEN, session)
    at = app(workspace=TOKEN)
    assert not at.exception
    assert "could not be restored" in at.toast[0].value
    assert at.session_state["spec"].dataset.source == RunSpec().dataset.source
    assert studio_store.sessions.load(TOKEN)["spec"] == at.session_state["spec"].to_dict()


def test_settings_come_back(app, studio_store):
    spec = RunSpec().replace("training.epochs", 17)
    studio_store.sessions.save(TOKEN, {"spec": spec.to_dict(), "raw": None, "run_id": "abc"})
    at = app(workspace=TOKEN)
    assert at.session_state["spec"] == spec
    assert at.session_state["run_id"] == "abc"


def run_at_hand():
    import streamlit as st

    from dashboard.app import state

    st.session_state["found"] = state.current_run()


def test_link_to_a_run_that_is_gone(studio_engine):
    at = AppTest.from_function(run_at_hand)
    at.query_params["run"] = "no-such-run-here"
    at.run()
    assert not at.exception
    assert at.session_state["found"] is None
    assert "No such run" in at.warning[0].proto.title
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

    from dashboard.app import frame
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


def full_disk():
    import errno

    from dashboard.app import frame

    with frame.guard():
        raise OSError(errno.ENOSPC, "No space left on device", "/secret/folder")


def test_a_full_disk_is_no_bug_of_the_app():
    (told,) = AppTest.from_function(full_disk).run().error
    assert "disk of the server is full" in told.proto.title
    assert "Delete runs" in told.value
    assert "secret" not in told.value + told.proto.title


def failing_part():
    import streamlit as st

    from dashboard.app import frame
    from vgae_core.errors import DataError

    @frame.fragment()
    def part(kind):
        st.button("again", key=kind.__name__)
        raise kind("secret detail")

    part(DataError)
    part(RuntimeError)
    st.write("after")


def test_a_part_that_fails_says_so_in_its_place(caplog):
    at = AppTest.from_function(failing_part).run()
    at.button(key="RuntimeError").click().run()
    assert not at.exception
    ours, other = at.error
    assert ours.proto.title == "secret detail"
    assert "bug in the app" in other.value
    assert "secret" not in other.value + other.proto.title
    assert "Traceback" in caplog.text
    assert at.markdown[0].value == "after"


def failing_download():
    from dashboard.app import frame
    from vgae_core.errors import DataError

    def refuse():
        raise DataError("The table is *empty*.", mend="Choose another node.")

    def break_():
        raise KeyError("secret detail")

    mime = "text/csv"
    frame.downloads(
        [
            frame.File("a", "First", "a.csv", mime, refuse),
            frame.File("b", "Second", "b.csv", mime, break_),
            frame.File("c", "Third", "c.csv", mime, lambda: b"fine"),
        ]
    )


def test_a_download_that_fails_says_why(monkeypatch, caplog):
    made = {}
    drawn = st.download_button
    monkeypatch.setattr(
        st,
        "download_button",
        lambda *args, **kwargs: made.update({kwargs["key"]: kwargs["data"]}) or drawn(*args, **kwargs),
    )
    at = AppTest.from_function(failing_download).run()
    assert not at.error
    for key, kind in (("a", DataError), ("b", KeyError)):
        with pytest.raises(kind):  # Streamlit says below the button that it failed
            made[key]()
    assert made["c"]() == b"fine"
    at.run()
    first, second = at.error
    assert first.proto.title == r"First could not be made\. The table is \*empty\*\."
    assert "another node" in first.value
    assert "bug in the app" in second.proto.title
    assert "secret" not in second.proto.title + second.value
    assert "secret detail" in caplog.text


@pytest.mark.parametrize(
    "path", sorted([*ROOT.glob("pages/*.py"), *ROOT.glob("dashboard/**/*.py")]), ids=lambda p: p.name
)
def test_parts_and_downloads_are_guarded_everywhere(path):
    if path.name != "frame.py":
        source = path.read_text("utf-8")
        assert not re.search(r"st\.(fragment|download_button)\(|@st\.fragment", source)


def test_the_page_icon_comes_from_this_app(app):
    at = app()
    assert not at.exception
    icon = ROOT / "dashboard" / "app" / "icon.svg"
    assert "http" not in icon.read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
    assert ":material" not in re.search(r"page_icon=(\S+)", (ROOT / "app.py").read_text("utf-8")).group(1)


def strip(at):
    return next(m.value for m in at.markdown if "chevron_right" in m.value)


def test_the_steps_say_what_is_done(app):
    at = app("model")
    assert ":material/check: Data" in strip(at)
    assert ":primary[**2 Model**]" in strip(at)
    assert "3 Train" in strip(at)
    assert not any("chevron_right" in m.value for m in app("runs").markdown)


def test_on_new_data_nothing_is_trained_yet(app, studio_store):
    run = finish_run(studio_store, make_graph())
    assert "3 Train" in strip(app("model", run=run.id))  # the data loaded are the first sample
    assert ":material/check: Train" in strip(app("what_if", run=run.id))


def test_what_was_imported_is_kept_out_of_the_search_for_garbage(app, monkeypatch):
    warm_up.load_ahead()  # else a thread may load more between the two views
    gc.unfreeze()
    monkeypatch.setattr(warm_up, "_settled", 0)
    at = app("runs")
    libraries = gc.get_freeze_count()
    assert libraries > 100_000  # Streamlit, pandas and the core
    at.run()
    assert gc.get_freeze_count() <= libraries  # nothing of a session goes there later on
