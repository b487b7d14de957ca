"""What is done on one of several aligned maps, and the selection that they share."""

import numpy as np
import pandas as pd
import pytest
import streamlit as st

from dashboard.compare import aligned_maps
from dashboard.latent_space import selecting
from vgae_core.runs.views.figures import Maps

NODES = np.array([7, 3, 5, 1])
PLACES = [
    np.array([[0, 0], [1, 0], [2, 0], [3, 0]], np.float32),
    np.array([[9, 9], [0, 0], [9, 9], [0, 0]], np.float32),
]
BOX = [[-0.5, -0.5], [1.5, -0.5], [1.5, 0.5], [-0.5, 0.5]]
COLOURS = pd.Series(["a", "b", "a", "a"], name="label")


@pytest.fixture
def session(monkeypatch):
    state = {}
    monkeypatch.setattr(st, "session_state", state)
    state[aligned_maps._DRAWN] = aligned_maps.Drawn(
        "key", "data", Maps(["one", "two"], NODES, PLACES), COLOURS
    )
    return state


def send(session, place, **event):
    session[aligned_maps.name_at(place)] = {"event": {"projection": "key", **event}}
    aligned_maps.receive(place)
    return aligned_maps.selected("data").tolist()


def test_an_outline_selects_by_the_places_of_the_map_it_is_drawn_on(session):
    assert send(session, 0, kind="outline", outline=BOX) == [3, 7]
    assert send(session, 1, kind="outline", outline=BOX) == [1, 3]
    assert send(session, 0, kind="outline", outline=BOX, mode="add") == [1, 3, 7]
    assert send(session, 0, kind="click", point=0, mode="subtract") == [1, 3]
    assert send(session, 0, kind="outline", outline=BOX, hidden=[1]) == [7]  # the group "b" is hidden
    assert send(session, 0, kind="click", point=2) == [5]
    assert send(session, 0, kind="clear") == []


def test_a_selection_is_of_the_nodes_of_its_data(session):
    send(session, 0, kind="click", point=2)
    assert aligned_maps.selected("other data").tolist() == []


@pytest.mark.parametrize(
    "event",
    [
        {"kind": "click", "point": 99},
        {"kind": "click", "point": "0"},
        {"kind": "outline", "outline": [[0, 0]] * (selecting.selections.MAX_CORNERS + 1)},
        {"kind": "outline", "outline": [["x", 0], [1, 1], [2, 0]]},
        {"kind": "outline", "outline": BOX, "projection": "another"},
        {},
    ],
)
def test_events_that_no_map_sends_change_nothing(session, event):
    send(session, 0, kind="click", point=0)
    assert send(session, 0, **event) == [7]
    session[aligned_maps.name_at(5)] = {"event": {"projection": "key", "kind": "click", "point": 1}}
    aligned_maps.receive(5)  # no such map
    assert aligned_maps.selected("data").tolist() == [7]
