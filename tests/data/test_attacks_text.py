"""Hostile text and archives end in one clear line: bounded time, nothing read or written outside."""

import functools
import os
import re
import tempfile
import time

import pytest

from tests.data.attacks_text import SECRET, attacks
from tests.data.forked import ForkedChild
from vgae_core import isolation
from vgae_core.data.limits import Limits
from vgae_core.data.readers import SourceFile, read_isolated
from vgae_core.errors import StudioError

LIMITS = Limits(
    upload_bytes=30_000_000,
    decompressed_bytes=50_000_000,
    nodes=100_000,
    edges=200_000,
    feature_columns=10_000,
    feature_values=5_000_000,
    child_memory_bytes=600_000_000,
    child_seconds=8,
)


@functools.cache
def names():
    """Return the names of the attacks, which do not depend on the folder."""
    with tempfile.TemporaryDirectory() as folder:
        return [attack.name for attack in attacks(folder)]


def attempt(attack, folder):
    """Return what reading the attack raised (or returned), how long it took, and new files beside it."""
    folder.mkdir()
    files = []
    made = attack.files
    for name, content in made.items():
        (folder / name).write_bytes(content)
        files.append(SourceFile(name, folder / name))
    begin = time.monotonic()
    try:
        outcome = read_isolated(files, limits=LIMITS)
    except Exception as error:  # judged by the test
        outcome = error
    return outcome, time.monotonic() - begin, {path.name for path in folder.iterdir()} - set(made)


@pytest.fixture(scope="module")
def outside(tmp_path_factory):
    folder = tmp_path_factory.mktemp("outside")
    (folder / "secret.txt").write_text(SECRET * 10)
    return folder


@pytest.fixture(scope="module")
def outcomes(outside, tmp_path_factory):
    """Every attack tried once; nightly each in a process started anew, as in the app."""
    root = tmp_path_factory.mktemp("attacks")
    (root / "temporary").mkdir()
    made = attacks(outside)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(root / "temporary"))
        if os.environ.get("VGAE_STUDIO_NIGHTLY") != "1":
            patch.setattr(isolation.subprocess, "Popen", ForkedChild)
        results = [attempt(attack, root / str(number)) for number, attack in enumerate(made)]
        found = {attack.name: (attack, *result) for attack, result in zip(made, results, strict=True)}
    assert not list((root / "temporary").glob("vgae-*")), "a child that was ended left its files"
    return found


def test_there_are_many_and_each_has_its_name(outcomes):
    assert len(outcomes) == len(names()) >= 35


@pytest.mark.parametrize("name", names())
def test_an_attack_ends_in_one_clear_line(outcomes, outside, name):
    attack, outcome, seconds, left = outcomes[name]
    assert isinstance(outcome, StudioError), outcome
    assert re.search(attack.message, str(outcome)), str(outcome)
    assert "\n" not in str(outcome)
    assert len(str(outcome)) < 1000
    assert "process that worked on it" not in str(outcome), "it crashed the child instead of being refused"
    assert SECRET[:8] not in str(outcome)
    assert seconds < 10
    assert not left
    assert {path.name for path in outside.iterdir()} == {"secret.txt"}
