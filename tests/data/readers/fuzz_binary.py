"""Mutated binary files: the corpus, the mutations, and a batch of them in a bounded process."""

import bz2
import io
import json
import lzma
import random
import signal
import tempfile
import traceback
import warnings
import zipfile

import numpy as np
import pyarrow as pa
from scipy import io as sio
from scipy import sparse

from tests.data.readers import attacks_binary as made
from tests.data.readers import in_memory
from vgae_core.data.readers import SourceFile, read
from vgae_core.errors import StudioError
from vgae_core.host.limits import Limits
from vgae_core.isolation import child

LIMITS = Limits(
    upload_bytes=1_000_000, decompressed_bytes=4_000_000, nodes=5000, edges=20_000, feature_columns=1000,
    feature_values=100_000,
)  # fmt: skip
MEMORY = 1_000_000_000
EDGES = ("edges.csv", made.EDGES["edges.csv"])
NUMBERS = [0, 1, -1, 2, 7, 127, 128, 255, 256, 65_535, 2**31 - 1, -(2**31), 10**9, 2**40, 2**62, 2**63 - 1]


def saved(matrix, **options):
    out = io.BytesIO()
    sparse.save_npz(out, matrix, **options)
    return out.getvalue()


def mtx(matrix):
    out = io.BytesIO()
    sio.mmwrite(out, matrix)
    return out.getvalue()


def corpus(key):
    """Return valid data sets of one format: each a list of (name, content)."""
    ring = sparse.csr_array((np.ones(7, np.float32), made.PERMUTATION, np.arange(8)), shape=(7, 7))
    wide = sparse.csr_array(np.arange(21, dtype=np.float32).reshape(7, 3))
    ends = np.array([[0, 1, 2, 5], [1, 2, 3, 6]])
    table = made.edge_table(40)
    vectors = pa.array(wide.toarray().tolist(), pa.list_(pa.float32()))
    vectors = pa.table({"id": np.arange(7), "vector": vectors})
    texts = pa.table({"source": [f"n{i}" for i in range(40)], "target": [f"n{i // 2}" for i in range(40)],
                      "weight": np.arange(40) / 7})  # fmt: skip
    if key == "konect":
        deeds = b"% bip unweighted\n" + b"".join(b"%d %d\n" % (i % 5 + 1, i % 7 + 1) for i in range(30))
        return [[("out.deeds", deeds), ("ent.deeds.person.name", b"a\nb\nc\nd\ne\n"),
                 ("ent.deeds.deed.kind", b"1\n2\n1\n\n2\n1\n2\n"),
                 ("rel.deeds.person.role", b"x\ny\nx\n" * 10)]]  # fmt: skip
    if key == "pajek":
        ring = b"*Vertices 3\n1 a\n2 b\n3 c\n*Edges\n1 2\n2 3\n3 1\n"
        return [
            [("g.net", ring), ("g.clu", b"*Vertices 3\n1\n1\n2\n"), ("g.vec", b"*Vertices 3\n0.5\n1.5\n-2\n")]
        ]
    if key == "npz":
        kinds = (ring, ring.tocsc(), ring.tocoo())
        return [[("a.npz", saved(kind, compressed=False))] for kind in kinds] + [
            [("a.npz", made.npz(m=ring.toarray()))],
            [("a.npz", made.npz(**{f"{p}_{k}": v for p in ("adj", "attr") for k, v in made.csr_parts().items()
                                   if k != "format"}, labels=np.arange(7) % 2))],
            [("a.npz", made.npz(edge_index=ends, x=wide.toarray(), y=np.arange(7) % 2, train_mask=np.ones(7, bool)))],
            [("a.npz", made.npz(edges=ends.T, node_features=wide.toarray(), node_labels=np.array(list("abababa")),
                                edge_weight=np.ones(4)))],
        ]  # fmt: skip
    if key == "npy":
        arrays = (ring.toarray(), np.array([[0, 1, 2, 5], [1, 2, 3, 6]]), wide.toarray(), np.arange(7) % 2)
        first, edges, *others = ([("a.npy", made.npy(array))] for array in arrays)
        return [first, edges, *([EDGES, *one] for one in others)]
    if key == "graphdata":
        return [[("g.npz", made.object_npz(adj_matrix=made.pickled_csr(), node_attr=made.pickled_csr()))]]
    if key == "pickle":
        return [[("g.pkl", made.old({i: [i + 1, 0] for i in range(9)}))]]
    if key == "planetoid":
        return [list(made.planetoid().items())]
    if key == "mat":
        variables = {"net": ring, "group": np.arange(7)[:, None] % 2, "attrb": wide}
        return [[("a.mat", made.mat(**variables))], [("a.mat", made.mat(compress=True, **variables))],
                [("a.mat", made.mat(net=ring.toarray(), cells=np.array([[1, "a"]], object)))]]  # fmt: skip
    if key == "h5ad":
        with tempfile.TemporaryDirectory() as folder:
            return [
                [("a.h5ad", made.h5ad(folder))], [("a.h5ad", made.h5ad(folder, _compressed))],
                [("a.h5", made.ten_x_h5(folder))], [("a.loom", made.loom(folder))],
            ]  # fmt: skip
    if key == "parquet":
        options = (
            {"compression": "none"},
            {"compression": "zstd"},
            {"compression": "none", "version": "1.0"},
        )
        return [[("e.parquet", made.parquet(t, **o))] for t in (table, texts) for o in options] + [
            [EDGES, ("x.parquet", made.parquet(vectors, **o))] for o in options
        ]
    if key == "arrow":
        return [
            [("e.arrow", made.arrow(t, **o))] for t in (table, texts) for o in ({}, {"compression": "lz4"})
        ] + [[EDGES, ("x.arrow", made.arrow(vectors))]]
    if key == "svmlight":
        return [
            [EDGES, ("f.svm", b"1 1:2.5 3:1\n0 2:1 # note\n1\n2 qid:3 1:1e-3 4:-2\n0 1:1\n1 1:1\n0 2:2\n")]
        ]
    if key == "mtx":
        return [[("a.mtx", mtx(m))] for m in (ring, ring.astype(int), ring + ring.T, ring.toarray())]
    if key == "ten_x":
        return [[EDGES, ("matrix.mtx", mtx(wide.T.astype(int))), ("features.tsv", b"a\tA\nb\tB\nc\tA\n"),
                 ("barcodes.tsv", b"0\n1\n2\n3\n4\n5\n6\n")],
                [EDGES, ("vectors.tsv", b"0.5\t1\n" * 7),
                 ("metadata.tsv", b"id\tkind\n0\tx\n1\tx\n2\ty\n3\ty\n4\tx\n5\tx\n6\ty\n")]]  # fmt: skip
    if key == "graphdb":
        return [[("g.A01", made.graphdb([[1, 2], [2], [0, 3], []]))]]
    if key == "compressed":
        content = made.EDGES["edges.csv"]
        tars = [
            (f"e.tar.{how}", made.tarred(("edges.csv", content), how=how)) for how in ("", "gz", "bz2", "xz")
        ]
        return [
            [one]
            for one in (*tars, ("e.csv.bz2", bz2.compress(content)), ("e.csv.xz", lzma.compress(content)))
        ]
    raise KeyError(key)


def _compressed(file):
    del file["X"]
    file.create_dataset("X", data=np.eye(7, dtype="f4"), chunks=(3, 3), compression="gzip", shuffle=True)


KEYS = (
    "konect",
    "pajek",
    "npz",
    "npy",
    "graphdata",
    "pickle",
    "planetoid",
    "mat",
    "h5ad",
    "parquet",
    "arrow",
    "svmlight",
    "mtx",
    "ten_x",
    "compressed",
    "graphdb",
)


def mutate(content, rng):
    """Return the content with a few bytes, numbers or pieces changed; zip members inside their zip."""
    if content[:4] == b"PK\x03\x04" and rng.random() < 0.9:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = [(name, archive.read(name)) for name in archive.namelist()]
        at = rng.randrange(len(members))
        members[at] = members[at][0], mutate(members[at][1], rng)
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            for name, member in members:
                archive.writestr(name, member)
        return out.getvalue()
    data = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 2, 4, 8))):
        if not data:
            break
        at = rng.randrange(len(data))
        kind = rng.randrange(8)
        if kind == 0:
            data[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            data[at] = rng.randrange(256)
        elif kind in (2, 3):
            size = rng.choice((1, 2, 4, 8))
            number = rng.choice(NUMBERS) & (256**size - 1)
            data[at : at + size] = number.to_bytes(size, rng.choice(("little", "big")))
        elif kind == 4:
            data[at : at + rng.randrange(1, 40)] = b""
        elif kind == 5:
            data[at:at] = data[at : at + rng.randrange(1, 40)]
        elif kind == 6:
            other = rng.randrange(len(data))
            size = rng.randrange(1, 40)
            data[at : at + size] = data[other : other + size]
        else:
            data[at : at + 1] = str(rng.choice(NUMBERS)).encode()
    return bytes(data) if rng.random() < 0.95 else bytes(data[: rng.randrange(len(data) + 1)])


def attempt(key, seeds, number, folder):
    """Read mutation `number`; return None, or the traceback of an error that is not ours."""
    rng = random.Random(f"{key} {number}")
    files = list(rng.choice(seeds))
    at = rng.randrange(len(files))
    files[at] = files[at][0], mutate(files[at][1], rng)
    sources = []
    for name, content in files:
        path = folder / name
        path.unlink(missing_ok=True)  # ext4 flushes a file that is written over
        path.write_bytes(content)
        sources.append(SourceFile(name, path))
    try:
        graph = read(sources, limits=LIMITS)
    except StudioError as error:
        return None if "\n" not in str(error) else f"more than one line: {error}"
    except Exception:  # what the fuzzer is for
        return traceback.format_exc()
    inside = len(graph.rows) == 0 or 0 <= min(graph.rows.min(), graph.cols.min()) <= max(
        graph.rows.max(), graph.cols.max()
    ) < len(graph.node_ids)
    return None if inside else "an entry points outside the graph"


def batch(key, first, count, report):
    """Read mutations from `first` on, in this process, bounded; tell the report about each."""
    child.bound(MEMORY, 3600)
    warnings.simplefilter("ignore")
    seeds = corpus(key)
    with open(report, "w", encoding="utf-8") as told, in_memory.folder() as folder:
        for number in range(first, first + count):
            told.seek(0)
            told.write(json.dumps({"number": number, "done": number - first}).ljust(100) + "\n")
            told.flush()
            signal.alarm(10)  # a single input that takes longer ends the batch
            problem = attempt(key, seeds, number, folder)
            if problem:
                told.write(json.dumps({"problem": problem}) + "\n")
                return
        signal.alarm(0)
        told.seek(0)
        told.write(json.dumps({"number": None, "done": number - first + 1}).ljust(100) + "\n")
