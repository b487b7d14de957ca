"""The values that a store holds in memory: loaded once, without holding up others."""

import threading

import pytest

from vgae_core.runs.store.datasets import Cache


def test_loading_one_does_not_hold_up_another():
    cache, begun, ready = Cache(3), threading.Event(), threading.Event()

    def slowly():
        begun.set()
        assert ready.wait(10)
        return "slow"

    slow = threading.Thread(target=cache.get, args=("slow", slowly))
    slow.start()
    assert begun.wait(10)
    assert cache.get("quick", lambda: "quick") == "quick"
    waiting = threading.Thread(target=cache.get, args=("slow", lambda: pytest.fail("was being loaded")))
    waiting.start()
    ready.set()
    slow.join(10)
    waiting.join(10)
    assert cache.get("slow", lambda: pytest.fail("was kept")) == "slow"


def test_what_cannot_be_loaded_is_tried_again_and_the_oldest_go_first():
    cache = Cache(2)
    with pytest.raises(ZeroDivisionError):
        cache.get("a", lambda: 1 / 0)
    for name in "abc":
        assert cache.get(name, lambda name=name: name) == name
    assert cache.get("a", lambda: "again") == "again"
    assert not cache._loading
