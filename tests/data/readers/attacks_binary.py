"""Hostile binary files, made by code: what a stranger may hand in to break, read or run something.

Each attack is the files it consists of; ``{outside}`` in this module is the folder they try to
reach: it holds ``secret.txt``, and a file ``pwned`` appears there if code ran.
"""

import bz2
import gzip
import io
import lzma
import os
import pickle  # noqa: TID251  (hostile files are made here)
import struct
import tarfile
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from scipy import io as sio
from scipy import sparse

from tests.data.readers.attack import Attack

EDGES = {"edges.csv": b"source,target\n" + b"".join(b"%d,%d\n" % (i, i + 1) for i in range(6))}
N = 7
PERMUTATION = np.array([3, 5, 1, 6, 0, 2, 4], np.int32)


@dataclass
class _Attacks:
    outside: Path
    found: list = field(default_factory=list)

    def add(self, name, content, message="", *, file=None, others=None):
        files = content if isinstance(content, dict) else {file or "attack.bin": content}
        self.found.append(Attack(name, files | (others or {}), message))


def attacks(outside):
    """Return every attack; `outside` is the folder they try to reach."""
    made = _Attacks(Path(outside))
    for group in (_npz, _npy, _benchmark, _graphdata, _pickles, _planetoid, _matlab, _anndata, _parquet, _arrow,
                  _svmlight, _ten_x, _matrix_market, _gzip, _single_cell, _edge_arrays, _vectors,
                  _graphdb, _compressed):  # fmt: skip
        group(made)
    names = [attack.name for attack in made.found]
    assert len(set(names)) == len(names)
    return made.found


# ------------------------------------------------------------------------------- NumPy
def npy(array):
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


def npz(**arrays):
    out = io.BytesIO()
    np.savez(out, **arrays)
    return out.getvalue()


def csr_parts(**changes):
    return {
        "data": np.ones(N),
        "indices": PERMUTATION,
        "indptr": np.arange(N + 1, dtype=np.int32),
        "shape": np.array([N, N]),
        "format": np.array("csr"),
    } | changes


def changed(array, position, value):
    array = np.array(array)
    array[position] = value
    return array


def _npy(made):
    square = npy(np.eye(N))
    cases = {
        "pickled": (npy(np.array([{}, []], dtype=object)), "pickled"),
        "of terabytes": (square.replace(b"(7, 7), }            ", b"(10000000, 7000000), }"), "Claims"),
        "cut": (square[:-9], "Claims"),
        "no header": (b"\x93NUMPY\x01\x00\xff\xff{", "Not a readable array"),
        "header runs code": (square.replace(b"'shape': (7, 7), }", b"'shape': exit(), }"), "Not a readable array"),
        "three dimensions": (npy(np.ones((2, 2, 2))), "shape"),
        "complex": (npy(np.eye(N) * 1j), "complex"),
        "empty": (npy(np.zeros((0, 2), int)), "shape"),
        "NaN": (npy(np.full((N, N), np.nan)), "not finite"),
        "negative node": (npy(np.array([[0, 1, -2], [1, 2, 0]])), "negative"),
        "node beyond int64": (npy(np.array([[0, 1, 2**63], [1, 2, 0]], np.uint64)), "too large"),
    }  # fmt: skip
    for name, (content, message) in cases.items():
        made.add(f"npy: {name}", content, message, file="a.npy")


def _npz(made):
    indptr = np.arange(N + 1, dtype=np.int32)
    cases = {
        "index out of range": ({"indices": changed(PERMUTATION, 2, 99_999_999)}, "`indices` must be between"),
        "index negative": ({"indices": changed(PERMUTATION, 2, -100_000_000)}, "`indices` must be between"),
        "indptr falls": ({"indptr": changed(indptr, 3, 2_000_000_000)}, "`indptr` decreases"),
        "indptr negative": ({"indptr": changed(indptr, 3, -2_000_000_000)}, "`indptr` decreases"),
        "indptr runs on": ({"indptr": changed(indptr, -1, 10**9)}, "`indptr` must run"),
        "surplus data": ({"data": np.ones(N + 5), "indices": np.append(PERMUTATION, [0] * 5)}, "must run"),
        "NaN": ({"data": changed(np.ones(N), 4, np.nan)}, "not finite"),
        "infinite": ({"data": changed(np.ones(N), 4, -np.inf)}, "not finite"),
        "overflows float32": ({"data": changed(np.ones(N), 4, 1e300)}, "not finite"),
        "complex": ({"data": np.ones(N) * 1j}, "real numbers"),
        "huge shape": ({"shape": np.array([10**11, 10**11])}, "exceeds the limit"),
        "shape just allowed": ({"shape": np.array([90_000, 90_000])}, "must have 90001 entries"),
        "negative shape": ({"shape": np.array([-7, -7])}, "cannot be negative"),
        "csc out of range": (
            {"format": np.array("csc"), "indices": changed(PERMUTATION, 0, 10**9)}, "between"),
        "pickled indices": ({"indices": np.array([[1]] * N, dtype=object)[:, 0].astype(object)}, "pickled"),
    }  # fmt: skip
    for name, (changes, message) in cases.items():
        made.add(f"npz: {name}", npz(**csr_parts(**changes)), message, file="a.npz")
    coo = {"data": np.ones(2), "row": np.array([0, 10**8]), "col": np.array([1, 2])}
    made.add("npz: coo out of range", npz(**coo, shape=np.array([N, N]), format=np.array("coo")),
             "`row` must be", file="a.npz")  # fmt: skip
    wide = {"data": np.ones(1), "row": np.array([0]), "col": np.array([1])}
    made.add("npz: coo of terabytes", npz(**wide, shape=np.array([10**11] * 2), format=np.array("coo")),
             "exceeds the limit", file="a.npz")  # fmt: skip
    out = io.BytesIO()
    np.savez_compressed(out, a=np.zeros((3000, 3000)))
    made.add("npz: bomb", out.getvalue(), "decompressed size", file="a.npz")
    array, archive = io.BytesIO(), io.BytesIO()
    np.save(array, np.zeros((7, 7)))
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("a.npy", array.getvalue().replace(b"(7, 7), }      ", b"(7, 7000000), }"))
    made.add("npz: header lies", archive.getvalue(), "Claims", file="a.npz")
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:
        for at in range(10_001):
            zipped.writestr(f"{at}.npy", b"")
    made.add("npz: ten thousand arrays", archive.getvalue(), "arrays", file="a.npz")
    made.add("npz: cut off", npz(**csr_parts())[:700], file="a.npz")
    made.add("npz: gadget", npz(m=np.array([Gadget(made.outside)], dtype=object)), "pickled", file="a.npz")


def _benchmark(made):
    def parts(prefix, **changes):
        held = csr_parts(**changes)
        return {prefix + key: held[key] for key in ("data", "indices", "indptr", "shape")}

    bad = {"indices": changed(PERMUTATION, 6, 10**9)}
    made.add("benchmark: adjacency", npz(**parts("adj_", **bad)), "adj_matrix", file="g.npz")
    made.add(
        "benchmark: attributes", npz(**parts("adj_"), **parts("attr_", **bad)), "attr_matrix", file="g.npz"
    )
    made.add("benchmark: shape", npz(**parts("adj_", shape=np.array([7, 10**12]))), file="g.npz")


# ----------------------------------------------------------------------------- pickles
class Gadget:
    def __init__(self, outside):
        self.outside = outside

    def __reduce__(self):
        return os.system, (f"touch {self.outside / 'pwned'}",)


def old(value):
    """Return a pickle with the module names of 2016."""
    raw = pickle.dumps(value, protocol=3)
    return raw.replace(b"cscipy.sparse._csr\n", b"cscipy.sparse.csr\n").replace(
        b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n"
    )


def pickled_csr(**changes):
    held = csr_parts()
    state = {"_shape": (N, N)} | {key: held[key] for key in ("data", "indices", "indptr")} | changes
    shell = old(state)[2:-1]
    return b"\x80\x02cscipy.sparse.csr\ncsr_matrix\n)\x81" + shell + b"b."


def object_npz(**pickles):
    """Return an npz of object arrays without dimensions, as NumPy of 2018 saved a SciPy matrix."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, raw in pickles.items():
            head = io.BytesIO()
            np.lib.format.write_array_header_1_0(head, {"descr": "|O", "fortran_order": False, "shape": ()})
            wrapped = (
                b"\x80\x03cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87R("
                b"K\x01)cnumpy\ndtype\nX\x02\x00\x00\x00O8K\x00K\x01\x87R(K\x03X\x01\x00\x00\x00|NNN"
                b"J\xff\xff\xff\xffJ\xff\xff\xff\xffK?tb\x89]" + raw[2:-1] + b"atb."
            )
            archive.writestr(name + ".npy", head.getvalue() + wrapped)
    return out.getvalue()


def _graphdata(made):
    gadget = old(Gadget(made.outside))
    far = {"indices": changed(PERMUTATION, 1, 10**9)}
    made.add("graphdata: gadget", object_npz(adj_matrix=gadget), "system.*is not allowed", file="g.npz")
    made.add("graphdata: gadget in the attributes", object_npz(adj_matrix=pickled_csr(), node_attr=gadget),
             "not allowed", file="g.npz")  # fmt: skip
    made.add("graphdata: out of range", object_npz(adj_matrix=pickled_csr(**far)), "between", file="g.npz")
    made.add(
        "graphdata: huge",
        object_npz(adj_matrix=pickled_csr(_shape=(10**12, 10**12))),
        "exceeds",
        file="g.npz",
    )
    made.add("graphdata: attributes out of range",
             object_npz(adj_matrix=pickled_csr(), node_attr=pickled_csr(**far)), "between",
             file="g.npz")  # fmt: skip
    made.add("graphdata: NaN", object_npz(adj_matrix=pickled_csr(data=changed(np.ones(N), 1, np.nan))),
             "finite", file="g.npz")  # fmt: skip
    made.add("graphdata: a list", object_npz(adj_matrix=old([1, 2])), "expected one CSR", file="g.npz")


def _pickles(made):
    def call(module, name, argument):
        return f"\x80\x02c{module}\n{name}\n(".encode("latin1") + old(argument)[2:-1] + b"tR."

    pwned, secret = made.outside / "pwned", made.outside / "secret.txt"
    cases = {
        "system": old(Gadget(made.outside)),
        "eval": call("builtins", "eval", f"open({str(pwned)!r}, 'w')"),
        "old eval": call("__builtin__", "eval", f"open({str(pwned)!r}, 'w')"),
        "numpy.load": call("numpy", "load", str(secret)),
        "numpy.fromfile": call("numpy", "fromfile", str(secret)),
        "dotted name": b"\x80\x04\x8c\x05numpy\x8c\x0dndarray.tofile\x93.",
        "memmap": call("numpy", "memmap", str(secret)),
        "persistent id": b"\x80\x02U\x01xQ.",
        "memo lie": b"\x80\x02K\x01r\xff\xff\xff\x7f.",
        "claims two gigabytes": b"\x80\x02T\xff\xff\xff\x7fabc",
        "cut off": old({i: [i] for i in range(100)})[:-20],
        "deep": b"\x80\x02" + b"(" * 50_000 + b"t" * 50_000 + b".",
        "a giant array": b"\x80\x02cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(J\xff\xff\xff\x7f"
        b"J\xff\xff\xff\x7ftU\x01btR.",
        "keys that take forever to hash": b"\x80\x02}" + b")" + b"2\x86" * 80 + b"]s.",
        "one list under many nodes": b"\x80\x02]q\x01(" + b"K\x05" * 50_000 + b"e0}("
        + b"".join(b"J" + struct.pack("<i", i) + b"h\x01" for i in range(30_000)) + b"u.",
        "node 10^15": old({0: [10**15]}),
        "node beyond any number": old({0: [10**400]}),
        "negative node": old({-1: [0]}),
        "texts": old({"a": ["b"]}),
    }  # fmt: skip
    for name, content in cases.items():
        made.add(f"pickle: {name}", content, file="graph.pkl")


def planetoid():
    """Return the files of a valid data set."""
    return {
        "ind.toy.allx": pickled_csr(),
        "ind.toy.tx": pickled_csr(),
        "ind.toy.ally": old(np.eye(N, dtype=np.int32)),
        "ind.toy.ty": old(np.eye(N, dtype=np.int32)),
        "ind.toy.graph": old({i: [i + 1] for i in range(13)}),
        "ind.toy.test.index": "\n".join(str(i) for i in range(N, 2 * N)).encode(),
    }


def _planetoid(made):
    good = planetoid()
    bad_row = {"indptr": changed(np.arange(N + 1, dtype=np.int32), 2, 10**9)}
    cases = {
        "gadget in allx": {"ind.toy.allx": old(Gadget(made.outside))},
        "gadget in graph": {"ind.toy.graph": old(Gadget(made.outside))},
        "tx falls": {"ind.toy.tx": pickled_csr(**bad_row)},
        "test node 10^12": {"ind.toy.test.index": b"7\n8\n9\n10\n11\n12\n1000000000000\n"},
        "test node of 5000 digits": {"ind.toy.test.index": b"9" * 5000},
        "shape without end": {"ind.toy.allx": pickled_csr(_shape=(10**18, 10**18))},
        "labels claim terabytes": {
            "ind.toy.ally": old(np.eye(N, dtype=np.int32)).replace(
                b"K\x07K\x07\x86", b"K\x07J\xff\xff\xff\x7f\x86")},
    }  # fmt: skip
    for name, changes in cases.items():
        made.add(f"planetoid: {name}", good | changes, "toy")


# ------------------------------------------------------------------------------ MATLAB
def mat(compress=False, **variables):
    out = io.BytesIO()
    sio.savemat(out, variables, do_compression=compress)
    return out.getvalue()


def matlab_sparse():
    """Return a valid file with a sparse matrix, its row indices and its column pointers as bytes."""
    matrix = sparse.csc_array((np.ones(N), PERMUTATION, np.arange(N + 1)), shape=(N, N))
    raw = mat(net=matrix)
    ir, jc = PERMUTATION.tobytes(), np.arange(N + 1, dtype=np.int32).tobytes()
    assert raw.count(ir) == raw.count(jc) == 1
    return raw, ir, jc


def _matlab(made):
    raw, ir, jc = matlab_sparse()
    pointers = np.arange(N + 1, dtype=np.int32)
    dims = struct.pack("<ii", N, N)
    cases = {
        "row out of range": (raw.replace(ir, changed(PERMUTATION, 3, 10**9).tobytes()), "between 0 and 6"),
        "row negative": (raw.replace(ir, changed(PERMUTATION, 3, -5).tobytes()), "between 0 and 6"),
        "pointers fall": (raw.replace(jc, changed(pointers, 3, 10**9).tobytes()), "decreases"),
        "pointers negative": (raw.replace(jc, changed(pointers, 0, -9).tobytes()), ""),
        "pointers run on": (raw.replace(jc, changed(pointers, -1, 10**9).tobytes()), ""),
        "shape of terabytes": (raw.replace(dims, struct.pack("<ii", 2 * 10**9, 2 * 10**9)), "exceeds"),
        "negative shape": (raw.replace(dims, struct.pack("<ii", -7, -7)), ""),
        "dense shape lies": (mat(a=np.ones((N, N))).replace(dims, struct.pack("<ii", 1400, 1400)), ""),
        "dense shape of terabytes": (
            mat(a=np.ones((N, N))).replace(dims, struct.pack("<ii", 10**6, 10**6)), "exceeds"),
        "bomb": (mat(compress=True, a=np.zeros((3000, 3000))), "decompressed size"),
        "NaN": (mat(a=np.full((N, N), np.nan)), "not finite"),
        "complex": (mat(a=np.ones((N, N)) * 1j), ""),
        "cut off": (raw[:300], ""),
        "only texts": (mat(a="hello"), "no (square )?matrix"),
        "objects": (mat(a=np.array([[{"b": 1}]], dtype=object)), "no (square )?matrix"),
        "version 7.3": (b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + b"\x89HDF\r\n\x1a\n", "7.3"),
        "a tag that claims all memory": (raw[:128] + struct.pack("<II", 14, 0xFFFFFFFF) + raw[136:], ""),
        "damaged zlib": (raw[:128] + struct.pack("<II", 15, 64) + b"\x78\x9c" + b"\xff" * 62, ""),
    }  # fmt: skip
    for name, (content, message) in cases.items():
        made.add(f"mat: {name}", content, message, file="net.mat")
    inner = mat(a=np.ones((2, 2)))[128:]
    for _ in range(200):  # cells in cells
        flags = struct.pack("<IIII", 6, 8, 1, 0) + struct.pack("<IIii", 5, 8, 1, 1) + struct.pack("<II", 1, 0)
        inner = struct.pack("<II", 14, len(flags) + len(inner)) + flags + inner
    made.add("mat: cells in cells", raw[:128] + inner, file="net.mat")


# ----------------------------------------------------------------------------- AnnData
def h5ad(folder, change=None, *, name="a.h5ad"):
    """Return a valid small file, after `change(file)`."""
    path = Path(folder) / name
    with h5py.File(path, "w") as file:
        file.attrs["encoding-type"] = "anndata"
        file["X"] = np.eye(N, dtype=np.float32)
        for axis in ("obs", "var"):
            group = file.create_group(axis)
            group.attrs["_index"] = "index"
            group["index"] = np.array([f"{axis}{i}" for i in range(N)], dtype=h5py.string_dtype())
        kind = file["obs"].create_group("kind")
        kind.attrs["encoding-type"] = "categorical"
        kind["codes"], kind["categories"] = np.arange(N, dtype=np.int8) % 2, np.array(["a", "b"], dtype="S")
        graph = file.create_group("obsp/connectivities")
        graph.attrs["encoding-type"], graph.attrs["shape"] = "csr_matrix", np.array([N, N])
        parts = csr_parts()
        for part in ("data", "indices", "indptr"):
            graph[part] = parts[part]
        if change:
            change(file)
    content = path.read_bytes()
    path.unlink()
    return content


def replaced(path, value, **options):
    def change(file):
        del file[path]
        if callable(value):
            value(file)
        else:
            file.create_dataset(path, data=value, **options)

    return change


def _anndata(made):
    secret = str(made.outside / "secret.txt")
    graph = "obsp/connectivities"

    def external(file):
        file.create_dataset("X", (N, N), "u1", external=[(secret, 0, N * N)])

    def external_text(file):
        file.create_dataset("obs/index", (N,), "S2", external=[(secret, 0, 2 * N)])

    def virtual(file):
        layout = h5py.VirtualLayout((N, N), "f4")
        layout[...] = h5py.VirtualSource(str(made.outside / "other.h5"), "X", (N, N))
        file.create_virtual_dataset("X", layout)

    def deep(file):
        group = file
        for _ in range(40):
            group = group.create_group("a")

    def many(file):
        group = file.create_group("uns/many")
        for at in range(5_100):
            group.create_group(str(at))

    def shape(*sizes):
        def change(file):
            file[graph].attrs["shape"] = np.array(sizes)

        return change

    def big_attribute(file):
        file["obs"].attrs["_index"] = np.zeros(8000, "i8")

    huge = {"shape": (10**6, 10**6), "chunks": (1000, 1000)}
    cases = {
        "index out of range": (replaced(f"{graph}/indices", changed(PERMUTATION, 1, 10**9)), "between"),
        "index negative": (replaced(f"{graph}/indices", changed(PERMUTATION, 1, -(10**9))), "between"),
        "indptr falls": (replaced(f"{graph}/indptr", changed(np.arange(N + 1), 2, 10**9)), "decreases"),
        "surplus data": (replaced(f"{graph}/data", np.ones(N + 3)), "differ in length"),
        "NaN": (replaced(f"{graph}/data", changed(np.ones(N), 2, np.nan)), "not finite"),
        "NaN in X": (replaced("X", np.full((N, N), np.nan)), "not finite"),
        "shape of terabytes": (shape(10**12, 10**12), "exceeds"),
        "shape negative": (shape(-7, -7), "not a matrix"),
        "shape of three": (shape(7, 7, 7), "not a matrix"),
        "external storage": (replaced("X", external), "another file"),
        "external storage of names": (replaced("obs/index", external_text), "another file"),
        "external link": (
            replaced("X", lambda f: f.__setitem__("X", h5py.ExternalLink(secret, "X"))), "a link"),
        "external link where nobody looks": (
            lambda f: f.__setitem__("uns/deep/x", h5py.ExternalLink("/etc/passwd", "/")), "another file"),
        "soft link": (replaced("X", lambda f: f.__setitem__("X", h5py.SoftLink("/obs/index"))), "a link"),
        "soft link to nothing": (lambda f: f.__setitem__("layers/a", h5py.SoftLink("/nowhere")), "a link"),
        "virtual": (replaced("X", virtual), "another file"),
        "terabytes of nothing": (
            replaced("X", lambda f: f.create_dataset("X", dtype="f8", **huge)), "exceeds"),
        "megabytes of nothing": (
            replaced("X", lambda f: f.create_dataset("X", (N, 700_000), "f8", chunks=(1, 70_000))), "claims"),
        "bomb": (replaced("X", lambda f: f.create_dataset("X", data=np.zeros((3000, 3000)), compression=9)),
                 "decompressed size"),
        "deep": (deep, "nested"),
        "many objects": (many, "objects"),
        "codes out of range": (replaced("obs/kind/codes", np.full(N, 99, np.int8)), "outside its categories"),
        "codes too short": (replaced("obs/kind/codes", np.zeros(3, np.int8)), "rows for 7"),
        "names too few": (replaced("obs/index", np.array(["a"], dtype="S")), "rows for 1 cells"),
        "no names": (lambda f: f.__delitem__("obs/index"), "lacks `index`"),
        "attribute of another kind": (big_attribute, "lacks `_index`"),
        "X is texts": (replaced("X", np.full((N, N), b"x")), "no numbers"),
        "X is compound": (replaced("X", np.zeros((N, N), [("a", "f4"), ("b", "i8")])), "no numbers"),
        "no AnnData": (lambda f: f.__delitem__("obs"), "not AnnData"),
        "graph is a number": (replaced(graph, 5), "not a matrix"),
    }  # fmt: skip
    for name, (change, message) in cases.items():
        made.add(f"h5ad: {name}", h5ad(made.outside, change), message, file="a.h5ad")
    whole = h5ad(made.outside)
    made.add("h5ad: cut off", whole[: len(whole) // 2], file="a.h5ad")
    made.add("h5ad: only the first bytes", whole[:20], file="a.h5ad")


# ------------------------------------------------------------------- Cell Ranger and Loom
def written_h5(folder, fill, change=None):
    """Return an HDF5 file after `fill(file)` and `change(file)`."""
    path = Path(folder) / "written.h5"
    with h5py.File(path, "w") as file:
        fill(file)
        if change:
            change(file)
    content = path.read_bytes()
    path.unlink()
    return content


def ten_x_h5(folder, change=None):
    """Return a valid file of 7 cells and 7 genes, after `change(file)`."""

    def fill(file):
        group = file.create_group("matrix")
        parts = csr_parts()
        for part in ("data", "indices", "indptr"):
            group[part] = parts[part]
        group["shape"] = np.array([N, N], np.int32)
        group["barcodes"] = np.array([f"cell{i}" for i in range(N)], dtype="S")
        group["features/id"] = np.array([f"ENSG{i}" for i in range(N)], dtype="S")
        group["features/name"] = np.array([f"gene{i}" for i in range(N)], dtype="S")

    return written_h5(folder, fill, change)


def loom(folder, change=None):
    """Return a valid file of 7 cells and 5 genes, after `change(file)`."""

    def fill(file):
        file["matrix"] = np.arange(5 * N, dtype=np.float32).reshape(5, N)
        file["row_attrs/Gene"] = np.array([f"gene{i}" for i in range(5)], dtype=h5py.string_dtype())
        file["col_attrs/CellID"] = np.array([f"cell{i}" for i in range(N)], dtype=h5py.string_dtype())
        file["col_attrs/CellType"] = np.array(["a", "b"] * 3 + ["a"], dtype=h5py.string_dtype())
        file.create_group("layers")

    return written_h5(folder, fill, change)


def tarred(*members, how=""):
    """Return a tar archive of (name, content), compressed by gz, bz2, xz or nothing."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=f"w:{how}") as archive:
        for name, content in members:
            info = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def _single_cell(made):
    secret = str(made.outside / "secret.txt")

    def outside(name):
        return replaced(name, lambda f: f.create_dataset(name, (N,), "S2", external=[(secret, 0, 2 * N)]))

    def virtual(file):
        del file["matrix"]
        layout = h5py.VirtualLayout((5, N), "f4")
        layout[...] = h5py.VirtualSource(str(made.outside / "other.h5"), "X", (5, N))
        file.create_virtual_dataset("matrix", layout)

    linked = h5py.ExternalLink(secret, "x")
    cases = {
        "index out of range": (replaced("matrix/indices", changed(PERMUTATION, 1, 10**9)), "between"),
        "indptr falls": (replaced("matrix/indptr", changed(np.arange(N + 1), 2, 10**9)), "decreases"),
        "shape of terabytes": (replaced("matrix/shape", np.array([10**12, 10**12])), "exceeds"),
        "shape negative": (replaced("matrix/shape", np.array([-7, 7])), "two whole numbers"),
        "shape of texts": (replaced("matrix/shape", np.array([b"a", b"b"])), "no numbers"),
        "names outside": (outside("matrix/barcodes"), "another file"),
        "link outside": (lambda f: f["matrix"].__setitem__("x", linked), "another file"),
        "names too few": (replaced("matrix/barcodes", np.array([b"a"])), "1 names for 7 cells"),
        "no genes": (lambda f: f.__delitem__("matrix/features"), "lacks"),
        "two genomes": (lambda f: f.copy("matrix", "other"), "2 genomes"),
        "NaN": (replaced("matrix/data", np.full(N, np.nan)), "not finite"),
    }
    for name, (change, message) in cases.items():
        made.add(f"10x h5: {name}", ten_x_h5(made.outside, change), message, file="a.h5")
    huge = {"shape": (10**6, 10**6), "chunks": (1000, 1000)}
    cases = {
        "virtual": (virtual, "another file"),
        "terabytes of nothing": (
            replaced("matrix", lambda f: f.create_dataset("matrix", dtype="f4", **huge)), "exceeds"),
        "names outside": (outside("col_attrs/CellID"), "another file"),
        "matrix of texts": (replaced("matrix", np.full((5, N), b"x")), "no numbers"),
        "infinite": (replaced("matrix", np.full((5, N), np.inf)), "not finite"),
        "no rows": (replaced("matrix", np.zeros((0, N))), "no genes|claims|limit|names"),
    }  # fmt: skip
    for name, (change, message) in cases.items():
        made.add(f"loom: {name}", loom(made.outside, change), message, file="a.loom")


def _edge_arrays(made):
    ends = np.array([[0, 1], [1, 2]])
    pickled = np.array([Gadget(made.outside)], object)
    out = io.BytesIO()
    np.savez(out, edge_index=ends, x=pickled)
    bad_text = npz(edge_index=ends, y=np.full(3, "abc"))
    at = bad_text.index("abc".encode("utf-32-le"))
    bad_text = bad_text[:at] + b"\xff\xff\xff\x7f" + bad_text[at + 4 :]
    cases = {
        "negative": (npz(edge_index=-ends), "negative"),
        "giant": (npz(edge_index=ends * 10**12), "limit"),
        "unsigned giant": (npz(edge_index=ends.astype(np.uint64) * 2**63), "too large"),
        "more nodes than rows": (npz(edge_index=ends, x=np.ones((2, 2))), "for 2 nodes"),
        "many nodes": (npz(edge_index=ends, num_nodes=np.array(10**15)), "limit"),
        "wide": (npz(edge_index=ends, x=np.ones((3, 20_000), np.int8)), "limit"),
        "text that is none": (bad_text, "not hold valid text|damaged|CRC|crc"),
        "empty": (npz(edge_index=np.zeros((2, 0), int)), "no nodes|Holds"),
    }
    for name, (content, message) in cases.items():
        made.add(f"edge arrays: {name}", content, message, file="d.npz")


def _vectors(made):
    def table(vectors, kind=None):
        kind = kind or pa.list_(pa.float32())
        return parquet(pa.table({"id": np.arange(len(vectors)), "v": pa.array(vectors, kind)}))

    cases = {
        "of many dimensions": (table([[0.0] * 20_000] * 7), "limit"),
        "of different lengths": (table([[1.0, 2.0], [1.0] * 9]), "line 3.*9 numbers"),
        "infinite": (table([[1.0, np.inf]] * 7), "finite"),
        "of lists": (table([[[1.0]]], pa.list_(pa.list_(pa.float32()))), "of type list"),
    }
    for name, (content, message) in cases.items():
        made.add(f"vectors {name}", content, message, file="x.parquet", others=EDGES)
    word2vec = {
        "announce terabytes": (
            b"99999999999 300\na " + b"0.5 " * 299 + b"0.5\n",
            "limit|columns|lines|node ids",
        ),
        "that are not finite": (b"2 2\n0 1.5 nan\n1 2.5 1\n", "finite"),
    }
    for name, (content, message) in word2vec.items():
        made.add(f"word2vec rows {name}", content, message, file="x.emb", others=EDGES)
    projector = {"metadata.tsv": b"a\nb\n", "vectors.tsv": b"1\t2\n3\tinf\n"}
    made.add("projector: infinite", projector, "line 2.*finite")
    made.add(
        "projector: garbage beside it",
        projector | {"metadata.tsv": bytes(range(256)) * 40, "vectors.tsv": b"1\t2\n3\t4\n"},
        "Describes|columns|UTF-8",
    )
    made.add("docword announces terabytes", b"9\n9\n99999999999999\n1 1 1\n", "limit", file="d.txt")


def graphdb(lists):
    """Return lists of neighbours in 16-bit words."""
    return np.array([len(lists), *(word for row in lists for word in (len(row), *row))], "<u2").tobytes()


def _graphdb(made):
    whole = graphdb([[1, 2], [2], [0, 3], []])
    made.add("graphdb: cut off", whole[:-4], "binary", file="g.A00")
    made.add("graphdb: cut off late", graphdb([list(range(200))] * 200)[:-4], "cut off", file="g.A00")
    made.add("graphdb: points outside", graphdb([[1, 9], [0]]), "binary", file="g.A00")
    made.add("graphdb: many edges", graphdb([list(range(500))] * 500), "limit", file="g.A00")


def _compressed(made):
    zeros = bytes(60_000_000)
    link = tarfile.TarInfo("edges.csv")
    link.type, link.linkname = tarfile.SYMTYPE, str(made.outside / "secret.txt")
    hard = tarfile.TarInfo("edges.csv")
    hard.type, hard.linkname = tarfile.LNKTYPE, "/etc/passwd"
    device = tarfile.TarInfo("edges.csv")
    device.type = tarfile.CHRTYPE
    content = EDGES["edges.csv"]
    lying = bytearray(tarred(("edges.csv", content)))
    lying[124:136] = b"77777777777\0"
    lying[148:156] = b"%06o\0 " % (sum(lying[:148]) + sum(lying[156:512]) + 8 * 32)
    negative = bytearray(tarred(("edges.csv", content)))
    negative[124:136] = b"\xff" * 12
    negative[148:156] = b"%06o\0 " % (sum(negative[:148]) + sum(negative[156:512]) + 8 * 32)
    dictionary = lzma.compress(content, filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 30}])
    cases = {
        "climbs": (tarred((f"../../{made.outside}/pwned", content)), "e.tar", "leads outside"),
        "absolute": (tarred((f"{made.outside}/pwned", content), how="gz"), "e.tar.gz", "leads outside"),
        "link": (tarred((link, b"")), "e.tar", "is a link"),
        "hard link": (tarred((hard, b"")), "e.tar", "is a link"),
        "device": (tarred((device, b"")), "e.tar", "not a regular file"),
        "many members": (tarred(*[(f"{i}.csv", b"") for i in range(1100)]), "e.tar", "members"),
        "of an archive": (tarred(("a.zip", b"PK\3\4" + bytes(600))), "e.tar", "itself an archive"),
        "of a tar": (tarred(("a.tar", tarred(("e.csv", content)))), "e.tar", "tar archive in an archive"),
        "lies": (bytes(lying), "e.tar", "limit|damaged"),
        "negative size": (bytes(negative), "e.tar", "damaged|no file|size|limit|binary"),
        "of nothing": (tarred(("README", b"hello")), "e.tar", "no file"),
        "cut off": (tarred(("edges.csv", content * 400))[:2000], "e.tar", "damaged"),
    }
    for name, (raw, file, message) in cases.items():
        made.add(f"tar: {name}", raw, message, file=file)
    for how, pack in (("bz2", bz2.compress), ("xz", lzma.compress)):
        packed = pack(content)
        made.add(f"{how}: bomb", lambda pack=pack: pack(zeros), "limit|times", file=f"e.csv.{how}")
        made.add(f"{how}: bomb of a tar", lambda how=how: tarred(("e.csv", zeros), how=how), "limit|times",
                 file=f"e.tar.{how}")  # fmt: skip
        made.add(f"{how}: cut off", packed[: len(packed) // 2], "damaged", file=f"e.csv.{how}")
        made.add(f"{how}: twice", pack(packed), "compressed twice", file=f"e.csv.{how}")
        made.add(f"{how}: of garbage", packed[:20] + bytes(range(200)), "damaged", file=f"e.csv.{how}")
    made.add("xz: dictionary of a gigabyte", dictionary, "memory|damaged", file="e.csv.xz")


# ------------------------------------------------------------------------------- Arrow
def parquet(table, **options):
    out = io.BytesIO()
    pq.write_table(table, out, **options)
    return out.getvalue()


def arrow(table, **options):
    out = io.BytesIO()
    with pa.ipc.new_file(out, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table)
    return out.getvalue()


def edge_table(n=1000):
    return pa.table({"source": np.arange(n), "target": (np.arange(n) * 7 + 1) % n})


def _parquet(made):
    good = parquet(edge_table())
    zeros = pa.table({"source": np.zeros(3_000_000, np.int64), "target": np.zeros(3_000_000, np.int64)})
    long = pa.DictionaryArray.from_arrays(np.zeros(100_000, np.int32), ["x" * 10_000_000])
    page = bytearray(good)
    page[30:200] = b"\xff" * 170
    cases = {
        "three million rows in kilobytes": (parquet(zeros, compression="zstd"), "exceeds"),
        "cut off": (good[: len(good) // 2], ""),
        "footer longer than the file": (good[:-8] + struct.pack("<I", 0x7FFFFFFF) + b"PAR1", ""),
        "footer of noise": (good[:-200] + b"\xff" * 192 + good[-8:], ""),
        "pages of noise": (bytes(page), ""),
        "only the first bytes": (b"PAR1" * 3, ""),
        "lists": (parquet(pa.table({"source": [["a"]], "target": [["b"]]})), "of type list"),
        "binary": (parquet(pa.table({"source": [b"\xff\xfe"], "target": [b"x"]})), "of type binary"),
        "one long text for every row": (
            parquet(pa.table({"source": long, "target": long})),
            "memory|exceeds|repeated",
        ),
        "wide": (parquet(pa.table({f"c{i}": [1] for i in range(10_500)})), "exceeds"),
        "infinity": (
            parquet(pa.table({"source": [0, 1], "target": [1, 2], "weight": [1.0, np.inf]})),
            "finite",
        ),
        "empty": (parquet(edge_table(1).slice(0, 0)), "no rows"),
        "no columns": (parquet(pa.table({})), ""),
        "missing ends": (parquet(pa.table({"source": [0, None], "target": [1, 2]})), "empty"),
    }
    for name, (content, message) in cases.items():
        made.add(f"parquet: {name}", content, message, file="edges.parquet")


def _arrow(made):
    texts = pa.table(
        {"source": [f"node{i:04}" for i in range(500)], "target": [f"node{i:04}" for i in range(500)]}
    )
    plain = arrow(texts)
    offsets = struct.pack("<4i", 16, 24, 32, 40)
    assert plain.count(offsets) == 2
    packed = arrow(edge_table(), compression="zstd")
    length = struct.pack("<q", 8000)
    assert packed.count(length) >= 2
    cases = {
        "offsets beyond the data": (plain.replace(offsets, struct.pack("<4i", 16, 2**31 - 8, 32, 40)), ""),
        "negative offsets": (plain.replace(offsets, struct.pack("<4i", 16, -(2**31), 32, 40)), ""),
        "a buffer that claims terabytes": (packed.replace(length, struct.pack("<q", 2**42)), ""),
        "a buffer of negative length": (packed.replace(length, struct.pack("<q", -5)), ""),
        "cut off": (plain[: len(plain) // 2], ""),
        "footer of noise": (plain[:-300] + b"\xff" * 290 + plain[-10:], ""),
        "not UTF-8": (plain.replace(b"node0100", b"\xff\xfe\xfd\xfc0100"), ""),
        "Feather 1": (b"FEA1" + b"\0" * 100 + b"FEA1", "version 1"),
    }
    for name, (content, message) in cases.items():
        made.add(f"arrow: {name}", content, message, file="edges.arrow")


# -------------------------------------------------------------------------------- text
def _svmlight(made):
    cases = {
        "feature 10^11": (b"1 100000000000:1\n0 2:1\n", "exceeds|readable"),
        "feature 2^63": (b"1 9223372036854775808:1\n0 2:1\n", "exceeds|readable"),
        "feature 2 000 000 000": (b"1 2000000000:1\n0 2:1\n", "exceeds"),
        "feature of 5000 digits": (b"1 " + b"9" * 5000 + b":1\n0 2:1\n", ""),
        "NaN": (b"1 1:nan\n0 2:1\n", "not finite"),
        "infinite": (b"1 1:1e999\n0 2:1\n", "not finite"),
        "label NaN": (b"1 1:1\nnan 2:1\n", ""),
        "out of order": (b"1 5:1 2:1\n0 2:1\n", "readable"),
        "no number": (b"1 1:1\n0 2:x\n", "readable"),
        "rows of another table": (b"1 1:1\n0 2:1\n" + b"a,b,c\n" * 100, ""),
    }
    for name, (content, message) in cases.items():
        made.add(f"svmlight: {name}", content * (1 if name.startswith("rows") else 3), message,
                 file="features.svm", others=EDGES)  # fmt: skip


def _ten_x(made):
    def folder(matrix, n_genes=3, n_cells=7, **changes):
        return (
            EDGES
            | {
                "matrix.mtx": b"%%MatrixMarket matrix coordinate integer general\n" + matrix,
                "genes.tsv": b"".join(b"G%d\tgene\n" % i for i in range(n_genes)),
                "barcodes.tsv": b"".join(b"%d\n" % i for i in range(n_cells)),
            }
            | changes
        )

    good = b"3 7 2\n1 1 5\n3 7 1\n"
    made.add("10x: more cells than columns", folder(good, n_cells=9), "9 cells")
    made.add("10x: more genes than rows", folder(good, n_genes=4), "4 genes")
    made.add(
        "10x: entries beyond the file",
        folder(b"3 7 99999999999\n1 1 5\n"),
        "more than the file can hold|exceeds",
    )
    made.add("10x: entry out of range", folder(b"3 7 2\n1 1 5\n9 9 1\n"), "")
    made.add(
        "10x: a barcode twice", folder(good, **{"barcodes.tsv": b"a\nb\nc\nd\ne\nf\na\n"}), "occurs twice"
    )
    made.add("10x: names of noise", folder(good, **{"genes.tsv": b"\xc3\xa4\xfe\xfd\n" * 3 + b"\0"}), "")
    made.add("10x: a name without end", folder(good, **{"genes.tsv": b"x" * 300_000}), "")


def _matrix_market(made):
    def file(kind, body):
        return f"%%MatrixMarket matrix {kind}\n".encode() + body

    entries = "coordinate real general"
    cases = {
        "entries beyond the file": (
            file(entries, b"3 3 150000000\n1 2 1\n"),
            "more than the file can hold|exceeds",
        ),
        "10^11 entries": (file(entries, b"3 3 100000000000\n1 2 1\n"), ""),
        "shape of terabytes": (file(entries, b"100000000000 100000000000 1\n1 2 1\n"), "exceeds"),
        "entry out of range": (file(entries, b"3 3 1\n4 1 1\n"), ""),
        "entry zero": (file(entries, b"3 3 1\n0 1 1\n"), ""),
        "dense terabytes": (file("array real general", b"90000 90000\n1\n"), "exceeds"),
        "NaN": (file(entries, b"3 3 1\n1 2 nan\n"), "not finite"),
        "complex": (file("coordinate complex general", b"3 3 1\n1 2 1 1\n"), "Complex"),
        "header only": (b"%%MatrixMarket matrix coordinate real general\n", ""),
    }
    for name, (content, message) in cases.items():
        made.add(f"mtx: {name}", content, message, file="a.mtx")


def _gzip(made):
    head = b"%%MatrixMarket matrix coordinate pattern general\n3 3 1\n"
    bomb = gzip.compress(head + b" " * 60_000_000, 9)
    made.add("gz: bomb", bomb, "decompressed size", file="a.mtx.gz")
    made.add(
        "gz: bomb of nothing", gzip.compress(b"\0" * 60_000_000, 9), "decompressed size", file="a.npz.gz"
    )
    made.add("gz: cut off", gzip.compress(npz(**csr_parts()))[:-30], "gzip data is damaged", file="a.npz.gz")
    made.add("gz: wrong sum", gzip.compress(head + b"1 2\n")[:-8] + b"\0" * 8, "damaged", file="a.mtx.gz")
    made.add("gz: two deep", gzip.compress(gzip.compress(head + b"1 2\n")), file="a.mtx.gz")
    made.add(
        "gz: a hostile file inside", gzip.compress(old(Gadget(made.outside))), "not allowed", file="g.pkl.gz"
    )
