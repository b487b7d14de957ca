"""The Planetoid files (``ind.NAME.x``, ``.graph``, …): pickles, read without trusting them.

A pickle is a program.  The one that runs here can call six names and nothing else, each of
them an inert stand-in that keeps its arguments; what they kept is then checked like any
other upload and turned into arrays.  No code of the file, NumPy or SciPy runs before that.
"""

from __future__ import annotations

import io
import math
import pickle  # noqa: TID251  (restricted to inert stand-ins, see _Unpickler)
import pickletools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from vgae_core.data.arrays import validate_csr
from vgae_core.data.dataset import Finding, RawGraph
from vgae_core.data.limits import LIMITS, Limits
from vgae_core.errors import DataError

PARTS = ("x", "y", "tx", "ty", "allx", "ally", "graph", "test.index")
"""The files of one data set: ``ind.NAME.<part>``."""

_MEND = "Get the file again from its source."
_DTYPES = ("b1", "i1", "u1", "i2", "i4", "i8", "f4", "f8")


def read_planetoid(files: Mapping[str, Path], *, name: str, limits: Limits = LIMITS) -> RawGraph:
    """Return the graph of one Planetoid data set.

    Parameters
    ----------
    files : mapping of str to Path
        The file of each of :data:`PARTS`; ``x``, ``y`` repeat what ``allx`` and ``ally``
        hold and may be absent.
    name : str
        Name shown to the user.
    limits : Limits
        What is accepted.

    Returns
    -------
    RawGraph
        Undirected, each edge once; features float32 CSR; label -1 where a node has none.

    Raises
    ------
    DataError
        If a file is missing, is not a Planetoid pickle, or the files disagree.
    LimitError
        If the graph is larger than `limits`.

    References
    ----------
    Yang, Cohen & Salakhutdinov 2016, Revisiting Semi-Supervised Learning with Graph
    Embeddings, arXiv:1603.08861.
    """
    missing = [part for part in PARTS if part not in files and part not in ("x", "y")]
    if missing:
        raise DataError(
            f"The data set is incomplete: {', '.join(missing)} missing.",
            where=name,
            mend=f"A Planetoid data set is the files ind.NAME.{{{','.join(PARTS)}}}.",
        )
    allx, tx = (_matrix(files[part], limits) for part in ("allx", "tx"))
    ally, ty = (_classes(files[part], limits) for part in ("ally", "ty"))
    test = _test_index(files["test.index"])
    for part, left, right, what in (
        ("tx", tx.shape[1], allx.shape[1], "columns, as allx"),
        ("ally", len(ally), allx.shape[0], "rows, as allx"),
        ("ty", len(ty), tx.shape[0], "rows, as tx"),
        ("ty", ty.shape[1], ally.shape[1], "columns, as ally"),
        ("test.index", len(test), tx.shape[0], "entries, as tx has rows"),
    ):
        if left != right:
            raise DataError(f"Expected {right} {what}. Received: {left}.", where=files[part].name, mend=_MEND)
    pairs, n_listed = _neighbours(files["graph"], limits)
    n = max(allx.shape[0], int(test.max(initial=-1)) + 1, n_listed)
    limits.check("nodes", n, where=name)
    if len(np.unique(test)) != len(test) or int(test.min(initial=n)) < allx.shape[0]:
        raise DataError(
            f"Test nodes must be different and follow the first {allx.shape[0]}.",
            where=files["test.index"].name,
            mend=_MEND,
        )

    # Test rows are stored in the order of test.index; nodes nobody lists get an empty row.
    place = np.concatenate([np.arange(allx.shape[0]), test])
    stacked = sparse.coo_array(sparse.vstack([allx, tx]))
    features = sparse.csr_array(
        (stacked.data.astype(np.float32), (place[stacked.row], stacked.col)), shape=(n, allx.shape[1])
    )
    classes = np.concatenate([ally, ty])
    labels = np.full(n, -1, dtype=np.int32)
    labels[place] = np.where(classes.any(axis=1), classes.argmax(axis=1), -1)

    unique = np.unique(np.sort(pairs, axis=1), axis=0)
    findings = []
    if repeated := len(pairs) - 2 * len(unique) + int(np.count_nonzero(unique[:, 0] == unique[:, 1])):
        findings.append(
            Finding(
                code="repeated_neighbours",
                level="info",
                message=f"{repeated} listed neighbours repeat an edge; each edge was taken once.",
                count=repeated,
            )
        )
    return RawGraph(
        name=name,
        rows=unique[:, 0].copy(),
        cols=unique[:, 1].copy(),
        weights=None,
        node_ids=np.arange(n, dtype=np.int64),
        directed=False,
        symmetric=True,
        format="Planetoid",
        features=features,
        labels=labels,
        label_names=tuple(f"class {k}" for k in range(classes.shape[1])),
        findings=tuple(findings),
    )


# --------------------------------------------------------------------- the parts of a data set
def _matrix(path: Path, limits: Limits) -> sparse.csr_array:
    """Return the sparse matrix in a file."""
    held = _load(path, limits)
    if not isinstance(held, _Csr):
        raise DataError("Expected a sparse matrix.", where=path.name, mend=_MEND)
    state = held.state
    shape = state.get("_shape", state.get("shape"))
    if not (isinstance(shape, tuple) and len(shape) == 2 and all(type(k) is int and k >= 0 for k in shape)):
        raise DataError(f"Expected a shape of two numbers. Received: {shape!r}.", where=path.name, mend=_MEND)
    limits.check("nodes", shape[0], where=path.name)
    limits.check("feature_columns", shape[1], where=path.name)
    parts = []
    for key in ("data", "indices", "indptr"):
        part = state.get(key)
        if not isinstance(part, _Array):
            raise DataError(f"The sparse matrix lacks `{key}`.", where=path.name, mend=_MEND)
        parts.append(part.array(path.name))
    matrix = validate_csr(parts[0], parts[1], parts[2], shape, where=path.name)
    if not np.isfinite(matrix.data).all():
        raise DataError("Features must be finite numbers.", where=path.name, mend=_MEND)
    return matrix


def _classes(path: Path, limits: Limits) -> np.ndarray:
    """Return the one-hot classes in a file: bool, shape (nodes, classes)."""
    held = _load(path, limits)
    classes = held.array(path.name) if isinstance(held, _Array) else None
    if classes is None or classes.ndim != 2 or not classes.shape[1]:
        raise DataError("Expected an array with one column a class.", where=path.name, mend=_MEND)
    chosen: np.ndarray = classes != 0
    if int(chosen.sum(axis=1).max(initial=0)) > 1:
        raise DataError("Expected one class a node at most.", where=path.name, mend=_MEND)
    return chosen


def _test_index(path: Path) -> np.ndarray:
    """Return the node of each test row, int64."""
    try:
        numbers = np.array(path.read_text(encoding="ascii").split(), dtype=np.int64)
    except (ValueError, OverflowError) as error:
        raise DataError(f"Expected one node number a line: {error}.", where=path.name, mend=_MEND) from error
    if numbers.size and int(numbers.min()) < 0:
        raise DataError(f"Node numbers start at 0. Received: {numbers.min()}.", where=path.name, mend=_MEND)
    return numbers


def _neighbours(path: Path, limits: Limits) -> tuple[np.ndarray, int]:
    """Return every (node, neighbour) listed, int64, shape (entries, 2), and the number of nodes."""
    held = _load(path, limits)
    sound = isinstance(held, _NeighbourLists) and all(
        type(node) is int and type(others) is list and all(type(other) is int for other in others)
        for node, others in held.items()
    )
    if not sound:
        raise DataError("Expected a list of neighbours for each node.", where=path.name, mend=_MEND)
    limits.check("edges", sum(map(len, held.values())), where=path.name)
    try:
        nodes = np.array(list(held), dtype=np.int64)
        others = np.array([other for neighbours in held.values() for other in neighbours], dtype=np.int64)
    except OverflowError as error:
        raise DataError(f"A node number is too large: {error}.", where=path.name, mend=_MEND) from error
    pairs = np.column_stack([np.repeat(nodes, [len(v) for v in held.values()]), others])
    low, high = (
        int(min(nodes.min(initial=0), pairs.min(initial=0))),
        int(max(nodes.max(initial=-1), pairs.max(initial=-1))),
    )
    if low < 0:
        raise DataError(f"Node numbers start at 0. Received: {low}.", where=path.name, mend=_MEND)
    limits.check("nodes", high + 1, where=path.name)
    return pairs, high + 1


# ----------------------------------------------------------------------- the restricted pickle
class _Marker:
    """Stands for a name that is only passed around."""


class _Csr:
    """What a pickle says of a ``scipy.sparse.csr_matrix``."""

    def __init__(self) -> None:
        self.state: dict[str, Any] = {}

    def __setstate__(self, state: Any) -> None:
        self.state = state if type(state) is dict else {}


class _Dtype:
    """What a pickle says of a ``numpy.dtype``."""

    def __init__(self, *arguments: Any) -> None:
        self.code = arguments[0] if arguments else None
        self.order: Any = "|"

    def __setstate__(self, state: Any) -> None:
        self.order = state[1] if type(state) is tuple and len(state) > 1 else None


class _Array:
    """What a pickle says of a ``numpy.ndarray``."""

    def __init__(self, *arguments: Any) -> None:
        self.state: Any = None  # `arguments` may ask for terabytes; only the bytes that are there count

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def array(self, where: str) -> np.ndarray:
        """Return the array after checking type, shape and length."""
        if not (type(self.state) is tuple and len(self.state) == 5):
            raise DataError("An array without content.", where=where, mend=_MEND)
        _, shape, dtype, fortran, content = self.state
        if not isinstance(dtype, _Dtype) or dtype.code not in _DTYPES or dtype.order not in ("<", ">", "|"):
            raise DataError("Arrays must hold plain numbers.", where=where, mend=_MEND)
        if not (type(shape) is tuple and all(type(k) is int and k >= 0 for k in shape)):
            raise DataError(f"Expected an array's shape. Received: {shape!r}.", where=where, mend=_MEND)
        if type(content) is str:  # bytes as Python 2 pickled them, read as latin-1
            try:
                content = content.encode("latin-1")
            except UnicodeEncodeError as error:
                raise DataError("Arrays must hold plain numbers.", where=where, mend=_MEND) from error
        kind = np.dtype(dtype.order + dtype.code)
        if type(content) is not bytes or len(content) != math.prod(shape) * kind.itemsize:
            raise DataError("An array's content does not fill its shape.", where=where, mend=_MEND)
        array = np.frombuffer(content, dtype=kind).reshape(shape, order="F" if fortran else "C")
        return array.astype(kind.newbyteorder("="))


class _NeighbourLists(dict):
    """What a pickle says of a ``defaultdict(list)``."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__()


_ALLOWED: dict[tuple[str, str], Any] = {
    ("scipy.sparse.csr", "csr_matrix"): _Csr,
    ("numpy.core.multiarray", "_reconstruct"): _Array,
    ("numpy", "ndarray"): _Marker,
    ("numpy", "dtype"): _Dtype,
    ("collections", "defaultdict"): _NeighbourLists,
    ("__builtin__", "list"): _Marker,
}
"""Every name that occurs in the Planetoid files, and what stands in for it."""


class _Unpickler(pickle.Unpickler):
    """Knows :data:`_ALLOWED` and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"`{module}.{name}` is not allowed") from None

    def persistent_load(self, pid: Any) -> Any:
        raise pickle.UnpicklingError("persistent ids are not allowed")


def _load(path: Path, limits: Limits) -> Any:
    """Return the stand-ins a pickle builds."""
    limits.check("upload_bytes", path.stat().st_size, where=path.name)
    content = path.read_bytes()
    try:
        # The C unpickler sizes its memo by the largest number it is told: refuse lies before it sees them.
        for opcode, argument, _ in pickletools.genops(content):
            if opcode.name in ("PUT", "LONG_BINPUT") and int(argument or 0) > len(content):
                raise pickle.UnpicklingError("its memo is larger than the file")
        return _Unpickler(io.BytesIO(content), encoding="latin1").load()
    except Exception as error:  # a broken pickle may raise anything; none of it is of use to the user
        raise DataError(
            f"Not a Planetoid file: {error}.",
            where=path.name,
            mend="Only the matrices and neighbour lists of the Planetoid data sets are read from pickles.",
        ) from error
