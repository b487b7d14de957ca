"""What is set before TensorFlow is loaded, and how many threads a run takes."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from vgae_core.data.dataset import Profile
from vgae_core.runs.execution import pipeline
from vgae_core.runs.processes import environment
from vgae_core.runs.processes.environment import operation_threads, processors
from vgae_core.settings import RunSpec

THREADS = "TF_NUM_INTRAOP_THREADS"


@pytest.fixture(autouse=True)
def nothing_said(monkeypatch):
    monkeypatch.delenv(THREADS, raising=False)


def profile(n_nodes: int, n_edges: int) -> Profile:
    return Profile(n_nodes, n_edges, 64, 0, "continuous", False, 0, False, False)


def test_the_environment_is_set_once_and_respects_the_user(monkeypatch):
    monkeypatch.setenv(THREADS, "1")
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)
    assert environment.variables(8)[THREADS] == "1"
    assert environment.variables()["TF_CPP_MIN_LOG_LEVEL"] == "2"
    monkeypatch.setitem(sys.modules, "tensorflow", object())
    with pytest.raises(RuntimeError, match="TF_CPP_MIN_LOG_LEVEL"):
        environment.apply()


def test_the_threads_of_an_operation_are_left_open_until_a_run_is_known():
    assert THREADS not in environment.variables()
    assert environment.variables(3)[THREADS] == "3"


def test_small_steps_get_one_thread_and_large_ones_all():
    assert operation_threads(RunSpec(), profile(2_700, 5_400)) == 1
    assert operation_threads(RunSpec(), profile(1_000_000, 5_000_000)) == processors()


def test_a_large_graph_in_small_steps_gets_one_thread():
    spec = RunSpec().replace("model.encoder", "linear").replace("training.propagation", "once")
    assert operation_threads(spec.replace("training.batch_size", 64), profile(1_000_000, 5_000_000)) == 1
    assert operation_threads(spec, profile(1_000_000, 5_000_000)) == processors()


def test_all_pairs_of_a_graph_with_few_edges_are_large_steps():
    spec = RunSpec().replace("training.supervision", "all")
    assert operation_threads(spec, profile(1_000, 2_000)) == 1
    assert operation_threads(spec, profile(20_000, 20_000)) == processors()


@pytest.mark.parametrize("said", ["5", "0", "many", ""])
def test_what_the_environment_says_goes_first_as_tensorflow_reads_it(monkeypatch, said):
    monkeypatch.setenv(THREADS, said)
    threads = 5 if said == "5" else processors()
    assert operation_threads(RunSpec(), profile(10, 20)) == threads
    assert pipeline.environment(RunSpec())["intra_op_threads"] == threads


@pytest.fixture
def on_linux(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("GLIBC_TUNABLES", raising=False)


def test_what_a_process_is_started_with_keeps_what_the_user_says(on_linux, monkeypatch):
    assert environment.at_start() == {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}
    monkeypatch.setenv("GLIBC_TUNABLES", "glibc.malloc.check=1")
    assert environment.at_start() == {"GLIBC_TUNABLES": "glibc.malloc.check=1:glibc.malloc.hugetlb=1"}
    monkeypatch.setenv("GLIBC_TUNABLES", "glibc.malloc.hugetlb=0")
    assert environment.at_start() == {}


def test_other_systems_are_started_with_nothing_more(on_linux, monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert environment.at_start() == {}


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such variable")
@pytest.mark.parametrize("said", [None, "glibc.malloc.hugetlb=0"])
def test_a_program_starts_again_once_with_its_arguments(said):
    code = """
import os, sys
print(os.getpid(), os.environ.get("GLIBC_TUNABLES"), sys.argv[1:], flush=True)
from vgae_core.runs.processes import environment
environment.restart()
print("ran", flush=True)
"""
    clean = {name: value for name, value in os.environ.items() if name != "GLIBC_TUNABLES"}
    given = {} if said is None else {"GLIBC_TUNABLES": said}
    lines = subprocess.run(
        [sys.executable, "-c", code, "a b", "--c"],
        env=clean | given,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    pid = lines[0].split()[0]
    again = [] if said else [f"{pid} None ['a b', '--c']"]
    assert lines == [*again, f"{pid} {said or 'glibc.malloc.hugetlb=1'} ['a b', '--c']", "ran"]
