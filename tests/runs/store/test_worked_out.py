"""What is kept beside a run: found again, replaced, bounded, and ignored where it is damaged."""

import numpy as np

from vgae_core.runs.store import worked_out


def test_an_answer_is_found_by_its_key_alone(tmp_path):
    member = np.array([1, 0, 2], np.int32)
    assert worked_out.save(tmp_path, "clusters|7", {"kmeans": member}, {"score": 0.5, "none": float("nan")})
    arrays, values = worked_out.load(tmp_path, "clusters|7")
    np.testing.assert_array_equal(arrays["kmeans"], member)
    assert values == {"score": 0.5, "none": None}
    assert worked_out.load(tmp_path, "clusters|8") is None
    worked_out.save(tmp_path, "clusters|7", {}, {"score": 1})
    assert worked_out.load(tmp_path, "clusters|7") == ({}, {"score": 1})


def test_the_oldest_are_forgotten_and_the_largest_not_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(worked_out, "MOST", 3)
    monkeypatch.setattr(worked_out, "MOST_BYTES", 100)
    for number in range(5):
        worked_out.save(tmp_path, str(number), {}, {"n": number})
    assert [worked_out.load(tmp_path, str(number)) is None for number in range(5)] == [
        True,
        True,
        False,
        False,
        False,
    ]
    assert not worked_out.save(tmp_path, "large", {"z": np.zeros(1000)}, {})
    assert len(list(tmp_path.iterdir())) == 3


def test_a_damaged_file_is_worked_out_again(tmp_path):
    worked_out.save(tmp_path, "a", {}, {"n": 1})
    next(tmp_path.iterdir()).write_bytes(b"PK broken")
    assert worked_out.load(tmp_path, "a") is None
    assert not worked_out.save(tmp_path / "gone", "a", {}, {})  # the run was deleted meanwhile
