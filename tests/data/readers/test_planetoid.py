"""Planetoid pickles: read exactly, and nothing in them runs."""

import io
import os
import pickle  # noqa: TID251  (hostile files are made here)
import pickletools
from collections import defaultdict

import numpy as np
import pytest
from scipy import sparse

from vgae_core.data.readers.arrays import restricted_pickle
from vgae_core.data.readers.arrays.planetoid import PARTS, read_planetoid
from vgae_core.errors import DataError, LimitError
from vgae_core.host.limits import Limits

OLD_NAMES = {
    b"cscipy.sparse._csr\n": b"cscipy.sparse.csr\n",
    b"cnumpy._core.multiarray\n": b"cnumpy.core.multiarray\n",
}


def old_pickle(value):
    """Return `value` pickled as in 2016: protocol 3 (bytes as bytes), and the module names of that time."""
    raw = pickle.dumps(value, protocol=3)
    for new, old in OLD_NAMES.items():
        raw = raw.replace(new, old)
    return raw


def matrix(dense, **changes):
    csr = sparse.csr_matrix(np.asarray(dense, np.float32))
    state = {"_shape": csr.shape, "data": csr.data, "indices": csr.indices, "indptr": csr.indptr} | changes
    # NEWOBJ csr_matrix(), then BUILD with the state
    shell = pickle.dumps(state, protocol=3)[2:-1]
    return (
        b"\x80\x02cscipy.sparse.csr\ncsr_matrix\n)\x81"
        + shell.replace(b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n")
        + b"b."
    )


@pytest.fixture
def files(tmp_path):
    """A data set of six nodes: 0 to 2 in allx, test nodes 5 and 3, node 4 in no file."""
    lists = defaultdict(list, {0: [1, 1, 3], 1: [0, 0, 1], 2: [5], 3: [0], 4: [], 5: [2]})
    content = {
        "allx": matrix([[1, 0, 0], [0, 2, 0], [0, 0, 3]]),
        "tx": matrix([[5, 5, 0], [0, 4, 4]]),
        "ally": old_pickle(np.array([[1, 0], [0, 1], [0, 0]], np.int32)),
        "ty": old_pickle(np.array([[0, 1], [1, 0]], np.int32)),
        "graph": old_pickle(lists).replace(b"cbuiltins\nlist", b"c__builtin__\nlist"),
        "test.index": b"5\n3\n",
    }
    paths = {}
    for part, data in content.items():
        paths[part] = tmp_path / f"ind.toy.{part}"
        paths[part].write_bytes(data)
    return paths


def test_a_small_data_set_is_read_exactly(files):
    graph = read_planetoid(files, name="toy")
    assert graph.n_nodes == 6
    assert set(zip(graph.rows.tolist(), graph.cols.tolist(), strict=True)) == {(0, 1), (0, 3), (1, 1), (2, 5)}
    np.testing.assert_array_equal(
        graph.features.toarray(), [[1, 0, 0], [0, 2, 0], [0, 0, 3], [0, 4, 4], [0, 0, 0], [5, 5, 0]]
    )
    np.testing.assert_array_equal(graph.labels, [0, 1, -1, 0, -1, 1])
    assert graph.symmetric
    assert not graph.directed
    assert graph.findings[0].count == 2  # 0 → 1 and 1 → 0, each listed twice


@pytest.mark.parametrize(
    ("name", "n_nodes", "n_edges", "shape"), [("cora", 2708, 5278, 1433), ("citeseer", 3327, 4552, 3703)]
)
def test_the_published_files(shared_data, name, n_nodes, n_edges, shape):
    folder = shared_data / "planetoid"
    graph = read_planetoid({part: folder / f"ind.{name}.{part}" for part in PARTS}, name=name)
    pairs = np.unique(np.sort(np.column_stack([graph.rows, graph.cols]), axis=1), axis=0)
    assert graph.n_nodes == n_nodes
    assert np.count_nonzero(pairs[:, 0] != pairs[:, 1]) == n_edges
    assert graph.features.shape == (n_nodes, shape)
    assert len(graph.label_names) == {"cora": 7, "citeseer": 6}[name]


class Evil:
    def __reduce__(self):
        return os.system, ("touch pwned",)


def call(module, name, *arguments):
    """Return a pickle that calls ``module.name(*arguments)``."""
    out = io.BytesIO()
    out.write(b"\x80\x02c" + module.encode() + b"\n" + name.encode() + b"\n(")
    for argument in arguments:
        out.write(pickle.dumps(argument, protocol=3)[2:-1])
    out.write(b"tR.")
    return out.getvalue()


HOSTILE = {
    "system": pickle.dumps(Evil(), protocol=3),
    "eval": call("builtins", "eval", "open('pwned', 'w')"),
    "old eval": call("__builtin__", "eval", "open('pwned', 'w')"),
    "dotted": call("collections", "defaultdict.__class__"),
    "numpy load": call("numpy", "load", "/etc/passwd"),
    "codecs": call("_codecs", "encode", "x", "latin1"),
    "dotted through an allowed name": b"\x80\x04\x8c\x05numpy\x8c\x0dndarray.tofile\x93.",
    "persistent id": b"\x80\x02U\x01xQ.",
    "extension registry": b"\x80\x02\x82\x01.",
    "memo lie": b"\x80\x02K\x01r\xff\xff\xff\x7f.",
    "huge length": b"\x80\x02T\xff\xff\xff\x7fabc",
    "empty": b"",
    "text": b"not a pickle at all",
    "cut": pickle.dumps(list(range(100)), protocol=3)[:-20],
    "wrong thing": pickle.dumps({1: 2}, protocol=3),
    "deep": b"\x80\x02" + b"(" * 50_000 + b"t" * 50_000 + b".",
}


@pytest.mark.parametrize("part", ["allx", "ally", "graph"])
@pytest.mark.parametrize("attack", HOSTILE)
def test_hostile_pickles_are_refused_and_run_nothing(files, part, attack, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    files[part].write_bytes(HOSTILE[attack])
    with pytest.raises(DataError) as caught:
        read_planetoid(files, name="toy")
    assert f"ind.toy.{part}" in str(caught.value)
    assert not (tmp_path / "pwned").exists()


def test_a_claim_of_terabytes_takes_no_memory(files):
    state = (1, (10**6, 10**6), np.dtype("<f8"), False, b"")
    raw = b"\x80\x02cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\x00\x85U\x01btR"
    files["ally"].write_bytes(raw + old_pickle(state)[2:-1] + b"b.")
    with pytest.raises(DataError, match="do not match"):
        read_planetoid(files, name="toy")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"indices": np.array([0, 7, 2], np.int32)}, "between 0 and 2"),
        ({"indices": np.array([0, -1, 2], np.int32)}, "between 0 and 2"),
        ({"indptr": np.array([0, 9, 2, 3], np.int32)}, "decreases"),
        ({"_shape": (10**12, 3)}, "nodes"),
        ({"_shape": "big"}, "shape"),
        ({"data": np.array([1, np.nan, 2], np.float32)}, "finite"),
        ({"data": np.array(["a", "b", "c"])}, "plain numbers"),
        ({"data": None}, "lacks `data`"),
    ],
)
def test_crafted_matrices_are_refused(files, changes, message):
    files["allx"].write_bytes(matrix(np.diag([1, 2, 3]), **changes))
    with pytest.raises(DataError, match=message):
        read_planetoid(files, name="toy")


@pytest.mark.parametrize(
    ("part", "content", "message"),
    [
        ("test.index", b"5\nx\n", "node number"),
        ("test.index", b"5\n-3\n", "start at 0"),
        ("test.index", b"5\n5\n", "distinct"),
        ("test.index", b"5\n1\n", "follow the first 3"),
        ("test.index", b"5\n", "Received: 1"),
        ("test.index", b"5\n99999999999\n", "nodes"),
        ("tx", matrix(np.ones((2, 4))), "Expected 3 columns"),
        ("ally", old_pickle(np.array([[1, 1], [0, 1], [0, 0]], np.int32)), "one class"),
        ("graph", old_pickle(defaultdict(list, {0: ["a"]})), "list of neighbours"),
        ("graph", old_pickle(defaultdict(list, {-1: [0]})), "start at 0"),
        ("graph", old_pickle(defaultdict(list, {0: [2**70]})), "too large"),
        ("graph", old_pickle(defaultdict(list, {0: [2**40]})), "nodes"),
    ],
)
def test_files_that_disagree_are_refused(files, part, content, message):
    files[part].write_bytes(content.replace(b"cbuiltins\nlist", b"c__builtin__\nlist"))
    with pytest.raises(DataError, match=message):
        read_planetoid(files, name="toy")


def test_missing_files_and_limits(files):
    with pytest.raises(LimitError):
        read_planetoid(files, name="toy", limits=Limits(nodes=5))
    files.pop("graph")
    with pytest.raises(DataError, match="graph missing"):
        read_planetoid(files, name="toy")


def test_the_allow_list_is_what_the_published_files_use(shared_data):
    used = set()
    for path in (shared_data / "planetoid").glob("ind.*"):
        if path.suffix != ".index":
            for opcode, argument, _ in pickletools.genops(path.read_bytes()):
                if opcode.name == "GLOBAL":
                    used.add(tuple(argument.split(" ")))
    assert used == set(restricted_pickle.ALLOWED)
