"""What a browser says of the map: events as they come, and those that no map sends."""

import numpy as np
import pytest
import streamlit as st

from dashboard.latent_space import map_parts, selecting
from vgae_core.analysis import map_points

PLACES = np.array([[0, 0], [1, 0], [2, 0], [3, 0]], np.float32)
BOX = [[0.5, -1], [2.5, -1], [2.5, 1], [0.5, 1]]


@pytest.fixture
def session(monkeypatch):
    held = {}
    monkeypatch.setattr(st, "session_state", held)
    names = [f"n{i}" for i in range(10)]
    groups = lambda: np.array([0, 1, map_parts.NOTHING, 0], np.uint8)  # noqa: E731
    selecting.show(selecting.Shown("run", "key", np.array([0, 3, 6, 9]), PLACES, names, groups))
    return held


def receive(session, **event):
    session[map_parts.NAME] = {"event": {"projection": "key", **event}}
    selecting.receive()
    return selecting.selected("run").tolist()


def test_an_outline_selects_the_nodes_inside(session):
    assert receive(session, kind="outline", mode="replace", outline=BOX) == [3, 6]
    assert receive(session, kind="outline", mode="add", outline=[[-1, -1], [0.5, -1], [0, 1]]) == [0, 3, 6]
    assert receive(session, kind="outline", mode="subtract", outline=BOX) == [0]
    assert receive(session, kind="click", mode="add", point=3) == [0, 9]
    assert receive(session, kind="clear") == []


def test_what_the_legend_hides_is_not_selected(session):
    assert receive(session, kind="outline", mode="replace", outline=BOX, hidden=[1]) == [6]
    assert receive(session, kind="outline", mode="replace", outline=BOX, hidden=[0, 255]) == [3]
    assert receive(session, kind="outline", mode="replace", outline=BOX, hidden=["1", None, [1], 10**30]) == [
        3,
        6,
    ]


def test_a_click_is_a_search_for_the_node(session, monkeypatch):
    assert receive(session, kind="click", mode="replace", point=2) == []
    assert session[selecting.NODE] == "n6"
    monkeypatch.setattr(map_points, "MAX_LISTED", 5)
    receive(session, kind="click", mode="replace", point=1)
    assert session[f"{selecting.NODE}_part"] == "n3"


@pytest.mark.parametrize(
    "event",
    [
        {"kind": "outline", "outline": BOX, "projection": "another"},
        {"kind": "outline"},
        {"kind": "outline", "outline": [[0, 1]]},
        {"kind": "outline", "outline": [[0, 1]] * 5000},
        {"kind": "outline", "outline": [[0, 1], [1, "x"], [2, 2]]},
        {"kind": "outline", "outline": [[0, 1], [1, float("nan")], [2, 2]]},
        {"kind": "outline", "outline": [[0, 1], [True, 1], [2, 2]]},
        {"kind": "outline", "outline": {"0": 1}},
        {"kind": "click", "point": 4, "mode": "add"},
        {"kind": "click", "point": -1, "mode": "add"},
        {"kind": "click", "point": "0", "mode": "add"},
        {"kind": ["x"]},
    ],
)
def test_what_no_map_sends_changes_nothing(session, event):
    assert receive(session, **event) == []


def test_events_that_are_none_change_nothing(session):
    for value in (None, {}, {"event": None}, {"event": "click"}):
        session[map_parts.NAME] = value
        selecting.receive()
    assert selecting.selected("run").tolist() == []


def test_selections_of_few_runs_are_remembered(session):
    for i in range(20):
        selecting.select(f"run {i}", np.array([i]))
    assert selecting.selected("run 19").tolist() == [19]
    assert selecting.selected("run 0").tolist() == []


def test_an_outline_on_the_figure_counts_once(session, monkeypatch):
    again = []
    monkeypatch.setattr(st, "rerun", lambda: again.append(1))
    event = {"points": [], "lasso": [], "box": [{"x": [0.5, 2.5], "y": [-1, 1]}]}
    selecting.receive_figure(event)
    assert selecting.selected("run").tolist() == [3, 6]
    selecting.select("run", np.array([1]))
    selecting.receive_figure(event)
    assert selecting.selected("run").tolist() == [1]
    assert len(again) == 1
