"""Kept scenarios: found by their id, listed for their owner alone, bounded."""

from __future__ import annotations

import pytest

from vgae_core.errors import RunError, SpecError, StudioError
from vgae_core.what_if import kept
from vgae_core.what_if.scenario import MAX_EDITS, Scenario, edit

ANNA, BEN = "a" * 43, "b" * 43
ONE = Scenario(edits=(edit("drop_edge", source="A", target="B"),), pair=("A", "B"), name="without B")


def test_a_scenario_is_found_by_its_id_and_listed_for_its_owner_alone(tmp_path):
    key = kept.save(tmp_path, ONE, ANNA)
    assert kept.save(tmp_path, ONE, ANNA) == key
    assert kept.load(tmp_path, key) == ONE
    assert [item.id for item in kept.listed(tmp_path, ANNA)] == [key]
    assert kept.listed(tmp_path, BEN) == []
    assert ANNA not in next(tmp_path.glob("scenario-*")).read_text("utf-8")
    with pytest.raises(RunError, match="among yours"):
        kept.delete(tmp_path, key, BEN)
    kept.delete(tmp_path, key, ANNA)
    with pytest.raises(RunError, match="no such scenario"):
        kept.load(tmp_path, key)


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "x", "a" * 23, "a/" * 11, None, 3])
def test_ids_that_are_none_find_nothing(tmp_path, name):
    with pytest.raises(RunError, match="no such scenario"):
        kept.load(tmp_path, name)


def test_the_number_of_scenarios_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(kept, "MINE", 2)
    for number in range(2):
        kept.save(tmp_path, Scenario(name=str(number)), ANNA)
    with pytest.raises(RunError, match="Delete one first"):
        kept.save(tmp_path, ONE, ANNA)
    kept.save(tmp_path, ONE, BEN)


def test_a_damaged_file_hides_no_other_and_can_be_deleted(tmp_path):
    key = kept.save(tmp_path, ONE, ANNA)
    other = kept.save(tmp_path, Scenario(name="second"), ANNA)
    for text in ("{", "[]", "null", '{"edits": 4}'):
        next(tmp_path.glob(f"scenario-{key}.*")).write_text(text, "utf-8")
        assert [(item.id, item.scenario is None) for item in kept.listed(tmp_path, ANNA)] == [
            (other, False),
            (key, True),
        ]
        with pytest.raises(StudioError):
            kept.load(tmp_path, key)
    kept.delete(tmp_path, key, ANNA)
    assert [item.id for item in kept.listed(tmp_path, ANNA)] == [other]


def test_what_could_not_be_read_again_is_not_kept(tmp_path):
    many = Scenario(edits=(edit("drop_edges", node="A"),) * (MAX_EDITS + 1))
    with pytest.raises(SpecError, match="100 edits"):
        kept.save(tmp_path, many, ANNA)
