"""Whose run comes next, how long it may take, and how many may wait."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vgae_core.errors import RunError
from vgae_core.host.limits import ServerLimits
from vgae_core.runs.workers.turns import Job, Turns

LIMITS = ServerLimits()


class NamedRun:
    """What the queue needs of a run: its name."""

    def __init__(self, name):
        self.id = name


def job(name, workspace, *, newcomer=False):
    return Job(NamedRun(name), workspace, 1, newcomer=newcomer)


def turns_of(*jobs):
    turns = Turns(LIMITS)
    for waiting in jobs:
        turns.add(waiting)
    return turns


def taken(turns):
    return [turns.take().run.id for _ in range(len(turns))]


def test_visitors_take_turns_however_many_runs_each_starts():
    turns = turns_of(*(job(f"a{i}", "a") for i in range(4)), job("b0", "b"), job("b1", "b"), job("c0", "c"))
    assert [j.run.id for j in turns.order()] == ["a0", "b0", "c0", "a1", "b1", "a2", "a3"]
    assert taken(turns) == ["a0", "b0", "c0", "a1", "b1", "a2", "a3"]


def test_who_comes_later_does_not_make_up_for_the_time_before():
    turns = turns_of(*(job(f"a{i}", "a") for i in range(3)))
    assert turns.take().run.id == "a0"
    assert turns.take().run.id == "a1"
    for i in range(3):
        turns.add(job(f"b{i}", "b"))
    assert taken(turns) == ["b0", "a2", "b1", "b2"]


def test_newcomers_together_have_one_turn_and_share_it():
    crowd = [job(f"n{i}", f"new{i}", newcomer=True) for i in range(3)]
    more = [job(f"n0-{i}", "new0", newcomer=True) for i in range(2)]
    turns = turns_of(*crowd[:1], *more, *crowd[1:], job("k0", "known"), job("k1", "known"))
    assert taken(turns) == ["n0", "k0", "n1", "k1", "n2", "n0-0", "n0-1"]


@given(st.lists(st.tuples(st.sampled_from("abcde"), st.booleans()), max_size=30))
@example([(visitor, False) for visitor in "aaeead"])
def test_nobody_waits_for_more_than_one_run_of_each_other_visitor(arrivals):
    newcomers = {"d", "e"}
    turns = Turns(ServerLimits(waiting_runs=1000))
    served = []
    for number, (visitor, take) in enumerate(arrivals):
        turns.add(job(str(number), visitor, newcomer=visitor in newcomers))
        if take:
            served.append(turns.take())
    order = [j.run.id for j in turns.order()]
    served += [turns.take() for _ in range(len(turns))]
    assert [j.run.id for j in served][len(served) - len(order) :] == order  # the place shown is the place
    assert sorted(int(j.run.id) for j in served) == list(range(len(arrivals)))  # nobody is forgotten
    for visitor in "abcde":
        mine = [int(j.run.id) for j in served if j.workspace == visitor]
        assert mine == sorted(mine)
    # A visitor who waits sees every other one begin at most one run more than those already begun allow.
    if all(not take for _, take in arrivals):
        for place, one in enumerate(served):
            before = [j.visitor for j in served[:place]]
            for other in {j.visitor for j in served} - {one.visitor}:
                assert before.count(other) <= before.count(one.visitor) + 1


def test_requests_without_cookies_leave_places_for_others():
    turns = Turns(LIMITS)
    for i in range(LIMITS.waiting_runs_of_newcomers):
        turns.check(f"new{i}", newcomer=True)
        turns.add(job(f"n{i}", f"new{i}", newcomer=True))
    with pytest.raises(RunError, match="first-time visitors"):
        turns.check("one-more", newcomer=True)
    turns.check("known", newcomer=False)
    turns.add(job("k", "known"))
    assert [j.run.id for j in turns.order()].index("k") == 1


def working(*, began=0.0, seen=0.0):
    """A run that began, and was looked at last, so many seconds ago."""
    one, now = job("r", "a"), time.monotonic()
    one.began, one.seen = now - began, now - seen
    return one


@pytest.mark.parametrize(
    ("began", "seen", "others_wait", "why"),
    [
        (1_799, 0, True, ""),
        (1_801, 0, False, ""),
        (1_801, 0, True, "Stopped after 30 min because another visitor's run was waiting."),
        (86_401, 0, False, "Stopped after 24 h, the time limit of this server."),
        (14_401, 14_399, False, ""),
        (14_401, 14_401, False, "Stopped because nobody had viewed it for 4 h."),
    ],
)
def test_a_run_ends_when_its_time_is_up(began, seen, others_wait, why):
    told = working(began=began, seen=seen).overstays(LIMITS, others_wait=others_wait)
    assert told == (f"{why} The best weights so far are evaluated and kept." if why else "")


def test_limits_come_from_the_environment():
    limits = ServerLimits.from_environment({"VGAE_STUDIO_LIMIT_TURN_SECONDS": "90"})
    assert "90 s" not in working(began=91).overstays(limits, others_wait=False)
    assert "1.5 min" in working(began=91).overstays(limits, others_wait=True)
