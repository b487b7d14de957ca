"""Temporary files of a process: private, its own, and swept once it was killed."""

import os
import subprocess
import sys
import tempfile

import pytest

from vgae_core.host import scratch

CHILD = """
import sys, tempfile, time
from vgae_core.host import scratch
print(scratch.folder("task-"), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def start(temporary):
    process = subprocess.Popen(
        [sys.executable, "-c", CHILD],
        env={**os.environ, "TMPDIR": str(temporary)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    return process, process.stdout.readline().strip()


def test_a_folder_of_a_killed_process_is_swept_and_that_of_a_living_one_is_not(temporary, monkeypatch):
    living, kept = start(temporary)
    killed, left = start(temporary)
    killed.kill()
    killed.wait()
    (temporary / "of another program").mkdir()
    assert scratch.sweep() == []  # too young to tell
    monkeypatch.setattr(scratch, "YOUNG_SECONDS", 0.0)
    (swept,) = scratch.sweep()
    assert left.startswith(str(swept))
    assert not swept.exists()
    assert os.path.isdir(kept)
    living.communicate()
    assert list(temporary.iterdir()) == [temporary / "of another program"]  # an orderly end leaves nothing


@pytest.mark.skipif(os.name == "nt", reason="modes of POSIX")
def test_nobody_else_may_look():
    assert scratch.root().stat().st_mode & 0o777 == 0o700
