"""Selections kept beside a run: what comes back, whose they are, and how many there may be."""

import numpy as np
import pytest

from vgae_core.errors import RunError, SpecError
from vgae_core.runs.store import kept_selections as kept

OWNER, OTHER = "a" * 32, "b" * 32


def test_a_selection_comes_back_by_its_id(tmp_path):
    nodes = np.array([0, 7, 8, 99])
    kept_id = kept.save(tmp_path, " hubs\x07 ", nodes, 100, OWNER)
    again = kept.load(tmp_path, kept_id)
    assert (again.id, again.name, again.nodes.tolist()) == (kept_id, "hubs", nodes.tolist())
    assert [k.id for k in kept.listed(tmp_path, OWNER)] == [kept_id]
    assert kept.listed(tmp_path, OTHER) == []
    assert OWNER not in " ".join(path.name for path in tmp_path.iterdir())
    with pytest.raises(RunError):
        kept.delete(tmp_path, kept_id, OTHER)
    kept.delete(tmp_path, kept_id, OWNER)
    with pytest.raises(RunError):
        kept.load(tmp_path, kept_id)


def test_the_same_name_is_replaced_and_keeps_its_link(tmp_path):
    first = kept.save(tmp_path, "x", np.array([1]), 10, OWNER)
    assert kept.save(tmp_path, "x", np.array([2, 3]), 10, OWNER) == first
    assert kept.load(tmp_path, first).nodes.tolist() == [2, 3]
    assert kept.save(tmp_path, "x", np.array([4]), 10, OTHER) != first
    assert kept.load(tmp_path, first).nodes.tolist() == [2, 3]


@pytest.mark.parametrize("name", ["", "  ", "x" * 81])
def test_a_name_is_needed(tmp_path, name):
    with pytest.raises(SpecError):
        kept.save(tmp_path, name, np.array([1]), 10, OWNER)
    with pytest.raises(SpecError):
        kept.save(tmp_path, "fine", np.array([], np.int64), 10, OWNER)


@pytest.mark.parametrize("kept_id", ["", "../../etc/passwd", "*" * 22, "a" * 22, "a" * 21 + "/", None])
def test_ids_that_are_none_find_nothing(tmp_path, kept_id):
    kept.save(tmp_path, "x", np.array([1]), 10, OWNER)
    with pytest.raises(RunError):
        kept.load(tmp_path, kept_id)


def test_there_is_a_bound(tmp_path, monkeypatch):
    monkeypatch.setattr(kept, "MINE", 2)
    monkeypatch.setattr(kept, "ALL", 3)
    for name in "ab":
        kept.save(tmp_path, name, np.array([1]), 10, OWNER)
    with pytest.raises(RunError, match="2 selections"):
        kept.save(tmp_path, "c", np.array([1]), 10, OWNER)
    kept.save(tmp_path, "a", np.array([1]), 10, OTHER)
    with pytest.raises(RunError, match="3 selections"):
        kept.save(tmp_path, "b", np.array([1]), 10, OTHER)


def test_a_damaged_file_is_no_one_else_s_trouble(tmp_path):
    first = kept.save(tmp_path, "a", np.array([1]), 10, OWNER)
    kept.save(tmp_path, "b", np.array([2]), 10, OWNER)
    next(tmp_path.glob(f"selection-{first}*")).write_bytes(b"PK nonsense")
    assert [k.name for k in kept.listed(tmp_path, OWNER)] == ["b"]
    with pytest.raises(RunError, match="cannot be read"):
        kept.load(tmp_path, first)
