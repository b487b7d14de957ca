"""Names, tags, notes and stars of runs, and runs of others opened by their links."""

from __future__ import annotations

import sqlite3

import pytest

from tests.runs.made import OTHER, WORKSPACE
from vgae_core.errors import RunError
from vgae_core.runs.store import notes, visits
from vgae_core.runs.store.store import Store
from vgae_core.settings import RunSpec


@pytest.fixture
def run(store, graph):
    return store.create_run(RunSpec(), graph, WORKSPACE)


def test_runs_are_numbered_for_each_visitor_and_go_by_what_is_not_usual(store, graph, run):
    focal = (
        RunSpec(seed=1).replace("outputs.adj_rec.loss", "focal(gamma=3.0)").replace("model.encoder", "sage")
    )
    second = store.create_run(focal, graph, WORKSPACE)
    other = store.create_run(RunSpec(), graph, OTHER)
    assert run.info.title == "ring, normalised, #1"
    assert second.info.title == "ring, sage, focal, #2"
    assert other.info.title == "ring, normalised, #1"


def test_the_owner_names_tags_notes_and_stars(store, run):
    store.annotate(
        run.id, WORKSPACE, name="  the\x1b[31m first\n one ", tags=["a", "b ", "a", ""], starred=True
    )
    store.annotate(run.id, WORKSPACE, note="two\nlines\u202e ")
    info = run.info
    assert info.title == info.name == "the first one"
    assert info.tags == ("a", "b")
    assert info.starred
    assert info.note == "two\nlines"
    store.annotate(run.id, WORKSPACE, name="")
    assert run.info.title == "ring, normalised, #1"


def test_nobody_else_does(store, run):
    with pytest.raises(RunError, match="among yours"):
        store.annotate(run.id, OTHER, name="mine")
    assert run.info.name == ""


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "x" * (notes.MAX_NAME + 1)},
        {"note": "x" * (notes.MAX_NOTE + 1)},
        {"tags": ["x" * (notes.MAX_TAG + 1)]},
        {"tags": [str(i) for i in range(notes.MAX_TAGS + 1)]},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_what_is_too_long_is_refused(store, run, changes):
    with pytest.raises(RunError, match="at most"):
        store.annotate(run.id, WORKSPACE, **changes)


def test_a_run_opened_by_its_link_is_listed_without_its_owner_s_notes(store, graph, run):
    store.annotate(run.id, WORKSPACE, name="shared", note="private", tags=["private"], starred=True)
    assert store.list_visited(OTHER) == []
    store.visit(run.id, OTHER)
    store.visit(run.id, OTHER)
    (seen,) = store.list_visited(OTHER)
    assert (seen.id, seen.title, seen.note, seen.tags, seen.starred) == (run.id, "shared", "", (), False)
    store.visit(run.id, WORKSPACE)
    assert store.list_visited(WORKSPACE) == []  # it is among the owner's anyway
    assert store.list_runs(OTHER) == []
    store.forget_visit(run.id, OTHER)
    assert store.list_visited(OTHER) == []


def test_only_the_latest_visits_are_kept_and_none_of_a_deleted_run(store, graph, monkeypatch):
    monkeypatch.setattr(visits, "MAX_VISITS", 2)
    runs = [store.create_run(RunSpec(), graph, WORKSPACE) for _ in range(3)]
    for run in runs:
        store.visit(run.id, OTHER)
    assert [info.id for info in store.list_visited(OTHER)] == [runs[2].id, runs[1].id]
    store.update(runs[2].id, status="failed")
    store.delete_run(runs[2].id, WORKSPACE)
    assert [info.id for info in store.list_visited(OTHER)] == [runs[1].id]
    with pytest.raises(RunError, match="No such run"):
        store.visit("a-run-that-never-was", OTHER)


def test_a_catalogue_of_an_earlier_version_gets_what_it_lacks(tmp_path, graph):
    """Its runs are numbered by their age, for each visitor."""
    root = tmp_path / "home"
    store = Store(root)
    mine = [store.create_run(RunSpec(), graph, WORKSPACE).id for _ in range(2)]
    other = store.create_run(RunSpec(), graph, OTHER).id
    store.close()
    with sqlite3.connect(root / "catalogue.sqlite") as database:
        for name in notes.COLUMNS:
            database.execute(f"ALTER TABLE runs DROP COLUMN {name}")
        database.execute("DROP TABLE visits")
    database.close()
    store = Store(root)
    assert [store.info(run).number for run in (*mine, other)] == [1, 2, 1]
    assert store.create_run(RunSpec(), graph, WORKSPACE).info.number == 3
    store.annotate(mine[0], WORKSPACE, name="kept")
    store.close()
    store = Store(root)
    assert store.info(mine[0]).title == "kept"
    store.close()
