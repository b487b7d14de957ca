"""Hostile binary files end in one clear line: bounded time and memory, nothing read or written outside."""

import os
import re
import tempfile
import time

import pyarrow as pa
import pytest

from tests.data import attacks_binary
from tests.data.attacks_binary import SECRET, attacks
from tests.data.forked import ForkedChild
from vgae_core import isolation
from vgae_core.data.limits import Limits
from vgae_core.data.readers import SourceFile, read_isolated
from vgae_core.errors import StudioError

LIMITS = Limits(
    upload_bytes=30_000_000,
    decompressed_bytes=50_000_000,
    nodes=100_000,
    edges=1_000_000,
    feature_columns=10_000,
    feature_values=5_000_000,
    child_memory_bytes=600_000_000,
    child_seconds=8,
)


def attempt(attack, folder):
    """Return what reading the attack raised (or returned), and how long it took."""
    folder.mkdir()
    files = []
    for name, content in attack.files.items():
        path = folder / name
        path.write_bytes(content)
        files.append(SourceFile(name, path))
    begin = time.monotonic()
    try:
        outcome = read_isolated(files, limits=LIMITS)
    except Exception as error:  # judged by the test
        outcome = error
    return outcome, time.monotonic() - begin, {path.name for path in folder.iterdir()} - set(attack.files)


@pytest.fixture(scope="module")
def outside(tmp_path_factory):
    folder = tmp_path_factory.mktemp("outside")
    (folder / "secret.txt").write_text(SECRET * 10)
    return folder


@pytest.fixture(scope="module")
def outcomes(outside, tmp_path_factory):
    """Every attack tried once; nightly each in a process started anew, as in the app."""
    root = tmp_path_factory.mktemp("attacks")
    with pytest.MonkeyPatch.context() as patch:
        if os.environ.get("VGAE_STUDIO_NIGHTLY") != "1":
            patch.setattr(isolation.subprocess, "Popen", ForkedChild)
        return {
            attack.name: (attack, *attempt(attack, root / str(at)))
            for at, attack in enumerate(attacks(outside))
        }


def names():
    """Return the names of the attacks, which do not depend on the folder."""
    with tempfile.TemporaryDirectory() as folder:
        return [attack.name for attack in attacks(folder)]


def test_there_are_many(outcomes):
    assert len(outcomes) >= 35


@pytest.mark.parametrize("name", names())
def test_an_attack_ends_in_one_clear_line(outcomes, outside, name):
    attack, outcome, seconds, left = outcomes[name]
    assert isinstance(outcome, StudioError), outcome
    assert outcome.message
    assert "\n" not in str(outcome)
    assert len(str(outcome)) < 1000
    assert "process that worked on it" not in str(outcome), "it crashed the child instead of being refused"
    assert SECRET[:8] not in str(outcome)
    assert re.search(attack.message, str(outcome)), str(outcome)
    assert seconds < 10
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
