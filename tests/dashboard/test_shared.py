"""What is kept for all visitors: made once, within its bound, and never for another key."""

import threading
import time

import numpy as np
import pandas as pd
import pytest

from dashboard.finished_runs.shared import Kept, size_of


def test_a_value_is_made_once_and_shared():
    kept, made = Kept(1000), []
    first = kept.get(("run", "a"), lambda: made.append(1) or np.zeros(3))
    assert kept.get(("run", "a"), lambda: made.append(1) or np.zeros(3)) is first
    assert kept.get(("other", "a"), lambda: made.append(1) or np.zeros(3)) is not first
    assert len(made) == 2


def test_visitors_who_ask_at_once_wait_for_the_one_who_makes_it():
    kept, made, values = Kept(1000), [], []
    begun, ready = threading.Barrier(8), threading.Event()

    def make():
        ready.wait(10)
        made.append(threading.get_ident())
        return object()

    def ask():
        begun.wait(10)
        values.append(kept.get("key", make))

    threads = [threading.Thread(target=ask) for _ in range(7)]
    for thread in threads:
        thread.start()
    begun.wait(10)
    ready.set()
    for thread in threads:
        thread.join(10)
    assert len(made) == 1
    assert len(values) == 7
    assert len(set(map(id, values))) == 1


def test_making_one_does_not_hold_up_another():
    kept, ready = Kept(1000), threading.Event()
    slow = threading.Thread(target=lambda: kept.get("slow", lambda: ready.wait(10)))
    slow.start()
    began = time.monotonic()
    assert kept.get("quick", lambda: 1) == 1
    assert time.monotonic() - began < 5
    ready.set()
    slow.join(10)


def test_the_least_recently_used_go_first():
    kept = Kept(200)
    for name in "ab":
        kept.get(name, lambda: np.zeros(10))  # 80 bytes
    kept.get("a", lambda: pytest.fail("was kept"))
    kept.get("c", lambda: np.zeros(10))
    assert kept.bytes == 160
    kept.get("a", lambda: pytest.fail("was kept"))
    assert kept.get("b", lambda: "again") == "again"


def test_what_fails_is_not_kept_and_can_be_made_later():
    kept = Kept(1000)
    with pytest.raises(ZeroDivisionError):
        kept.get("a", lambda: 1 / 0)
    assert kept.get("a", lambda: 5) == 5


def test_sizes_are_about_right():
    assert size_of(np.zeros(1000)) == 8000
    assert size_of(np.array(["a"] * 10, dtype=object)) > 500
    table = pd.DataFrame({"name": ["abc"] * 1000, "value": np.zeros(1000)})
    assert 19_000 < size_of(table) < 20_000  # texts of Arrow: 3 bytes and an offset each
    assert 80_000 < size_of(table.astype({"name": object})) < 200_000
    assert size_of({"a": [np.zeros(10), np.zeros(10)]}) == 160


def test_keys_that_fail_leave_nothing_behind():
    kept = Kept(1000)
    for name in "abc":
        with pytest.raises(ZeroDivisionError):
            kept.get(name, lambda: 1 / 0)
    kept.get("d", lambda: 1)
    assert not kept._makers


def test_a_value_made_twice_counts_once():
    kept, begun = Kept(1000), threading.Barrier(2)

    def fail():
        begun.wait(10)
        time.sleep(0.05)  # another asks meanwhile, and has to wait for this
        raise ZeroDivisionError

    def ask():
        with pytest.raises(ZeroDivisionError):
            kept.get("a", fail)

    first = threading.Thread(target=ask)
    first.start()
    begun.wait(10)
    inner = kept.get("a", lambda: kept.get("b", lambda: np.zeros(10)))
    first.join(10)
    kept._keep("a", np.zeros(10))  # as a second maker does, after a failure
    assert kept.get("a", lambda: None) is not inner
    assert kept.bytes == 160
