"""Hostile files end in one clear line: bounded time and memory, nothing read or written outside."""

import functools
import os
import re
import subprocess
import tempfile
import time
import unicodedata

import pyarrow as pa
import pytest

from tests.data.readers import attacks_binary, attacks_text
from tests.data.readers.attack import SECRET
from tests.data.readers.forked import ForkedChild
from vgae_core.data.readers import SourceFile, look_isolated, read_isolated
from vgae_core.errors import StudioError
from vgae_core.host import scratch
from vgae_core.host.limits import Limits

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


def attacks(outside):
    return [*attacks_text.attacks(outside), *attacks_binary.attacks(outside)]


@functools.cache
def names():
    """Return the names of the attacks, which do not depend on the folder."""
    with tempfile.TemporaryDirectory() as folder:
        return [attack.name for attack in attacks(folder)]


def attempt(attack, folder, *, look):
    """Return what reading the attack, and looking at it, raised or returned, and how long each took."""
    folder.mkdir()
    files = []
    for number, (name, content) in enumerate(attack.files.items()):
        path = folder / str(number)  # never the visitor's own file name, as in the app
        path.write_bytes(content)
        files.append(SourceFile(name, path))
    outcomes = []
    for work in (read_isolated, look_isolated)[: 1 + look]:
        begin = time.monotonic()
        try:
            outcome = work(files, limits=LIMITS)
        except Exception as error:  # judged by the test
            outcome = error
        outcomes.append((outcome, time.monotonic() - begin))
    return outcomes, len(list(folder.iterdir())) - len(files)


@pytest.fixture(scope="module")
def outside(tmp_path_factory):
    folder = tmp_path_factory.mktemp("outside")
    (folder / "secret.txt").write_text(SECRET * 10)
    return folder


@pytest.fixture(scope="module")
def outcomes(outside, tmp_path_factory):
    """Every attack tried once, and each third looked at; nightly all, each in a process started anew as in the app."""
    root = tmp_path_factory.mktemp("attacks")
    made = attacks(outside)
    with pytest.MonkeyPatch.context() as patch:
        nightly = os.environ.get("VGAE_STUDIO_NIGHTLY") == "1"
        if not nightly:
            patch.setattr(subprocess, "Popen", ForkedChild)
        found = {
            attack.name: (attack, *attempt(attack, root / str(n), look=nightly or n % 3 == 0))
            for n, attack in enumerate(made)
        }
    assert not list(scratch.root().glob("task-*")), "a child that was ended left its files"
    return found


def test_there_are_many_and_each_has_its_name(outcomes):
    assert len(outcomes) == len(names()) >= 250


def assert_clear(text):
    assert text
    assert len(text) < 1000
    assert not [c for c in text if unicodedata.category(c) in ("Cc", "Cs") or c in "\u202e\u2066"]
    assert "process working on it" not in text, "it crashed the child instead of being refused"
    assert SECRET[:8] not in text


@pytest.mark.parametrize("name", names())
def test_an_attack_ends_in_one_clear_line(outcomes, outside, name):
    attack, ((outcome, reading), *looked), left = outcomes[name]
    assert isinstance(outcome, StudioError), outcome
    assert_clear(str(outcome))
    assert re.search(attack.message, str(outcome)), str(outcome)
    assert reading < 10
    for seen, looking in looked:  # a look sees the beginning only, and may see nothing wrong
        assert isinstance(seen, tuple | StudioError), seen
        told = [report.problem for report in seen] if isinstance(seen, tuple) else [str(seen)]
        for text in filter(None, told):
            assert_clear(text)
        assert looking < 10
    assert not left
    assert {path.name for path in outside.iterdir()} == {"secret.txt"}


def test_the_valid_file_beside_each_attack_reads(tmp_path):
    """An attack that is refused for a reason of its own making proves nothing."""
    raw, *_ = attacks_binary.matlab_sparse()
    good = {
        "a.npz": attacks_binary.npz(**attacks_binary.csr_parts()),
        "g.npz": attacks_binary.object_npz(
            adj_matrix=attacks_binary.pickled_csr(), node_attr=attacks_binary.pickled_csr()
        ),
        "net.mat": raw,
        "a.h5ad": attacks_binary.h5ad(tmp_path),
        "e.parquet": attacks_binary.parquet(attacks_binary.edge_table(7)),
        "e.arrow": attacks_binary.arrow(attacks_binary.edge_table(7), compression="zstd"),
        "lists.pkl": attacks_binary.old({i: [i + 1] for i in range(6)}),
    }
    for name, content in good.items():
        path = tmp_path / name
        path.write_bytes(content)
        assert read_isolated([SourceFile(name, path)], limits=LIMITS).n_nodes == 7, name


def test_an_arrow_type_that_asks_for_pickle_is_only_data(tmp_path, outside):
    raw = attacks_binary.pickle.dumps(attacks_binary.Gadget(outside))
    metadata = {b"ARROW:extension:name": b"arrow.py_extension_type", b"ARROW:extension:metadata": raw}
    schema = pa.schema([pa.field("source", pa.int64(), metadata=metadata), pa.field("target", pa.int64())])
    path = tmp_path / "e.arrow"
    path.write_bytes(attacks_binary.arrow(pa.table([[0, 1], [1, 2]], schema=schema)))
    assert read_isolated([SourceFile("e.arrow", path)], limits=LIMITS).n_nodes == 3
    assert not (outside / "pwned").exists()
