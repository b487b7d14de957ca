"""Arrays on disk and rows propagated in slabs are what plain NumPy says, and leave nothing behind."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from tests.graphs import communities, graph_from
from vgae_core.data import blocks
from vgae_core.data.blocks import let_go, on_disk, row_blocks, rows_like, take_rows
from vgae_core.data.dataset import value_kind
from vgae_core.data.propagation import LENGTH, normalise, propagated_rows, row_sums
from vgae_core.errors import DataError, RunError


def mapped(values):
    array = on_disk(values.shape, values.dtype.type)
    array[:] = values
    let_go(array)
    return array


def dense_formula(message, x, hops, scaled):
    """P^k X in float64, by the textbook: D_in^-1/2 (A + I)^T D_out^-1/2."""
    looped = message.toarray().astype(np.float64) + np.eye(message.shape[0])
    p = (looped / np.sqrt(looped.sum(axis=1))[:, None] / np.sqrt(looped.sum(axis=0))[None, :]).T
    x = (x.toarray() if sparse.issparse(x) else np.asarray(x)).astype(np.float64)
    if scaled:
        x = np.array([row * (1.8 / np.linalg.norm(row)) if row.any() else row for row in x])
    return np.linalg.matrix_power(p, hops) @ x


@settings(max_examples=40, deadline=None)
@given(
    n=st.integers(2, 12),
    width=st.integers(1, 9),
    hops=st.integers(1, 4),
    directed=st.booleans(),
    weighted=st.booleans(),
    scaled=st.booleans(),
    as_sparse=st.booleans(),
    columns=st.integers(1, 9),
    seed=st.integers(0, 99),
)
def test_propagated_rows_are_the_formula(
    n, width, hops, directed, weighted, scaled, as_sparse, columns, seed
):
    rng = np.random.default_rng(seed)
    adjacency = np.triu(rng.random((n, n)) < 0.4, 1) * (rng.integers(1, 5, (n, n)) if weighted else 1)
    adjacency = adjacency if directed else adjacency + adjacency.T
    message = sparse.csr_array(adjacency.astype(np.float32))
    x = (rng.normal(size=(n, width)) * (rng.random((n, width)) < 0.5)).astype(np.float32)
    found = propagated_rows(
        message,
        sparse.csr_array(x) if as_sparse else mapped(x),
        hops=hops,
        scaled=scaled,
        symmetric=not directed,
        slab_bytes=4 * n * columns,
    )
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, dense_formula(message, x, hops, scaled), rtol=2e-5, atol=2e-6)


def test_propagated_rows_use_the_matrix_of_the_encoders():
    graph = communities(dense=True)
    for message, symmetric in (
        (graph.adjacency, True),
        (sparse.csr_array(sparse.triu(graph.adjacency)), False),
    ):
        p = normalise(message)
        found = propagated_rows(message, graph.features, hops=3, symmetric=symmetric)
        np.testing.assert_allclose(found, p @ (p @ (p @ graph.features)), rtol=1e-4, atol=1e-5)
    assert LENGTH == 1.8


def test_negative_weights_are_refused():
    with pytest.raises(DataError, match="weights >= 0"):
        propagated_rows(-communities().adjacency, np.ones((120, 2), np.float32))


@settings(max_examples=30, deadline=None)
@given(n=st.integers(1, 20), m=st.integers(1, 20), density=st.floats(0, 1), seed=st.integers(0, 99))
def test_row_sums_are_those_of_the_dense_matrix(n, m, density, seed):
    matrix = sparse.random_array((n, m), density=density, rng=np.random.default_rng(seed), dtype=np.float32)
    np.testing.assert_allclose(row_sums(sparse.csr_array(matrix)), matrix.toarray().sum(axis=1), rtol=1e-6)


# ------------------------------------------------------------------------ arrays on disk
def test_what_was_written_stays_when_its_pages_are_let_go():
    array = on_disk((1000, 7))
    assert not array.any()
    values = np.arange(7000, dtype=np.float32).reshape(1000, 7)
    array[:] = values
    let_go(array)
    np.testing.assert_array_equal(array, values)
    let_go(np.asarray(array)[3:])
    np.testing.assert_array_equal(array, values)


def test_changes_of_a_private_copy_are_not_lost(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((100, 10), np.float32))
    array = np.load(tmp_path / "x.npy", mmap_mode="c")
    array[:] = 1
    let_go(array)
    assert (array == 1).all()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_going_through_a_mapped_array_keeps_resident_memory_flat():
    def resident():
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    array = on_disk((2**20, 64))  # 256 MiB
    for _, block in row_blocks(array, 2**23):
        block[:] = 1
    before = resident()
    assert sum(float(block.sum()) for _, block in row_blocks(array, 2**23)) == array.size
    assert resident() - before < 2**25
    assert float(array.sum()) == array.size  # all of it at once, to see that the figure can rise
    assert resident() - before > 2**27


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGKILL")
def test_a_killed_process_leaves_no_file(tmp_path):
    code = (
        "from vgae_core.data.blocks import on_disk; import os, signal, sys\n"
        "x = on_disk((1000, 1000)); x[:] = 1\n"
        "print(os.listdir(sys.argv[1])); sys.stdout.flush(); os.kill(os.getpid(), signal.SIGKILL)"
    )
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], env=environment, capture_output=True, text=True
    )
    assert done.returncode == -9, done.stderr
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_told_before_it_is_met(monkeypatch):
    monkeypatch.setattr(blocks.shutil, "disk_usage", lambda folder: Usage())
    with pytest.raises(RunError, match=r"Expected 4.0 GiB of free space .* Received: 1.0 GiB.*TMPDIR"):
        on_disk((2**30,))


class Usage:
    free = 2**30


def test_rows_like_are_where_the_matrix_is():
    assert type(rows_like(np.ones((3, 2)), 4)) is np.ndarray
    room = rows_like(on_disk((3, 2)), 4)
    assert isinstance(room, np.memmap)
    assert room.shape == (3, 4)


# ------------------------------------------------------------------------ graphs with mapped features
def test_a_graph_with_mapped_features_is_the_same_graph():
    graph = communities(dense=True)
    other = graph_from(graph.adjacency, mapped(graph.features), graph.labels, name=graph.name)
    assert other.profile == graph.profile
    assert other.fingerprint == graph.fingerprint


def test_mapped_features_stay_in_their_file(tmp_path):
    np.save(tmp_path / "x.npy", np.ones((121, 3), np.float32))
    for x in (
        np.load(tmp_path / "x.npy", mmap_mode="r")[:120],
        np.load(tmp_path / "x.npy", mmap_mode="r")[1:],
    ):
        graph = graph_from(communities().adjacency, x)
        assert isinstance(graph.features, np.memmap)
        assert np.shares_memory(graph.features, x)
        assert graph.profile.feature_kind == "binary"


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([0, 1, 1, 0], "binary"),
        ([1, 1, 0, 2], "count"),
        ([3, 0, 0, 1], "count"),
        ([0, 1, 0, 0.5], "non-negative"),
        ([0.5, 0, 1, 2], "non-negative"),
        ([0, 1, 2, -1], "real"),
        ([0.5, 1, 1, -0.5], "real"),
        ([-1, 0, 0, 0], "real"),
    ],
)
def test_the_kind_of_values_does_not_depend_on_the_blocks(monkeypatch, values, kind):
    x = np.array(values, np.float32)[:, None]
    assert value_kind(x) == kind
    monkeypatch.setattr("vgae_core.data.dataset.row_blocks", lambda m: row_blocks(m, 4))
    assert value_kind(x) == value_kind(sparse.csr_array(x)) == kind


@settings(max_examples=40, deadline=None)
@given(
    n=st.integers(1, 30),
    width=st.integers(1, 5),
    places=st.lists(st.integers(0, 29), max_size=40),
    in_order=st.booleans(),
    range_bytes=st.integers(1, 400),
)
def test_rows_are_taken_from_a_mapped_file_as_from_memory(n, width, places, in_order, range_bytes):
    values = np.arange(n * width, dtype=np.float32).reshape(n, width)
    wanted = np.array([p % n for p in (sorted(places) if in_order else places)], np.int64)
    wanted = np.sort(wanted) if in_order else wanted
    for matrix in (values, mapped(values)):
        np.testing.assert_array_equal(take_rows(matrix, wanted, range_bytes), values[wanted])
