"""Pickles of matrices and neighbour lists, read without trusting them.

A pickle is a program.  The one that runs here can call six names and nothing else, each of
them an inert stand-in that keeps its arguments; what they kept is then checked like any
other upload and turned into arrays.  No code of the file, NumPy or SciPy runs before that.
The list is fixed: it is what the Planetoid and GraphData files of 2016 to 2020 use, and no
reader adds to it.
"""

from __future__ import annotations

import io
import itertools
import math
import pickle  # noqa: TID251  (restricted to inert stand-ins, see _Unpickler)
import pickletools
from typing import Any

import numpy as np
from scipy import sparse

from vgae_core.data.csr import validate_csr
from vgae_core.errors import DataError
from vgae_core.host.limits import Limits

MEND = "Get the file again from its source."
RECIPE = (
    "Only matrices and neighbour lists of known data sets are read from pickles. Export anything else on a machine "
    "that may load it, e.g. with scipy.sparse.save_npz or as CSV."
)
_DTYPES = ("b1", "i1", "u1", "i2", "i4", "i8", "f4", "f8")


class _Marker:
    """Stands for a name that is only passed around."""


class Csr:
    """What a pickle says of a ``scipy.sparse.csr_matrix``."""

    def __init__(self) -> None:
        self.state: dict[str, Any] = {}

    def __setstate__(self, state: Any) -> None:
        self.state = state if type(state) is dict else {}

    def shape(self, where: str) -> tuple[int, int]:
        """Return the claimed shape: two whole numbers, not negative."""
        shape = self.state.get("_shape", self.state.get("shape"))
        if type(shape) is tuple and len(shape) == 2 and all(type(k) is int and k >= 0 for k in shape):
            return shape[0], shape[1]
        raise DataError("Expected a matrix's shape: two whole numbers.", where=where, mend=MEND)

    def matrix(self, where: str) -> sparse.csr_array:
        """Return the matrix after checking every index and value.

        Raises
        ------
        DataError
            If it is incomplete, points out of range or is not finite.
        """
        parts = []
        for key in ("data", "indices", "indptr"):
            part = self.state.get(key)
            if not isinstance(part, Array):
                raise DataError(f"The sparse matrix lacks `{key}`.", where=where, mend=MEND)
            parts.append(part.array(where))
        matrix = validate_csr(parts[0], parts[1], parts[2], self.shape(where), where=where)
        if not np.isfinite(matrix.data).all():
            raise DataError("Values of a matrix must be finite numbers.", where=where, mend=MEND)
        return matrix


class _Dtype:
    """What a pickle says of a ``numpy.dtype``."""

    def __init__(self, *arguments: Any) -> None:
        self.code = arguments[0] if arguments else None
        self.order: Any = "|"

    def __setstate__(self, state: Any) -> None:
        self.order = state[1] if type(state) is tuple and len(state) > 1 else None


class Array:
    """What a pickle says of a ``numpy.ndarray``."""

    def __init__(self, *arguments: Any) -> None:
        self.state: Any = None  # `arguments` may ask for terabytes; only the bytes that are there count

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def array(self, where: str) -> np.ndarray:
        """Return the array after checking type, shape and length."""
        if not (type(self.state) is tuple and len(self.state) == 5):
            raise DataError("An array is empty.", where=where, mend=MEND)
        _, shape, dtype, fortran, content = self.state
        code, order = (dtype.code, dtype.order) if isinstance(dtype, _Dtype) else (None, None)
        if not (type(code) is str and code in _DTYPES and type(order) is str and order in ("<", ">", "|")):
            raise DataError("Arrays must hold plain numbers.", where=where, mend=MEND)
        if not (type(shape) is tuple and len(shape) <= 2 and all(type(k) is int and k >= 0 for k in shape)):
            raise DataError("Expected an array's shape: whole numbers.", where=where, mend=MEND)
        if type(content) is str:  # bytes as Python 2 pickled them, read as latin-1
            try:
                content = content.encode("latin-1")
            except UnicodeEncodeError as error:
                raise DataError("Arrays must hold plain numbers.", where=where, mend=MEND) from error
        kind = np.dtype(order + code)
        if type(content) is not bytes or len(content) != math.prod(shape) * kind.itemsize:
            raise DataError("The data of an array do not match its shape.", where=where, mend=MEND)
        array = np.frombuffer(content, dtype=kind).reshape(shape, order="F" if fortran else "C")
        return array.astype(kind.newbyteorder("="))

    def only(self) -> Any:
        """Return the one Python object of an array without dimensions, else None."""
        state = self.state
        if type(state) is tuple and len(state) == 5 and state[1] == () and type(state[4]) is list:
            return state[4][0] if len(state[4]) == 1 else None
        return None


class _NeighbourLists(dict[Any, Any]):
    """What a pickle says of a ``defaultdict(list)``."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__()


ALLOWED: dict[tuple[str, str], Any] = {
    ("scipy.sparse.csr", "csr_matrix"): Csr,
    ("numpy.core.multiarray", "_reconstruct"): Array,
    ("numpy", "ndarray"): _Marker,
    ("numpy", "dtype"): _Dtype,
    ("collections", "defaultdict"): _NeighbourLists,
    ("__builtin__", "list"): _Marker,
}
"""Every name a pickle may mention, and what stands in for it."""


class _Unpickler(pickle.Unpickler):
    """Knows :data:`ALLOWED` and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        try:
            return ALLOWED[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"`{module[:60]}.{name[:60]}` is not allowed") from None

    def persistent_load(self, pid: Any) -> Any:
        raise pickle.UnpicklingError("persistent ids are not allowed")


def load(content: bytes, *, where: str) -> Any:
    """Return the stand-ins a pickle builds.

    Parameters
    ----------
    content : bytes
    where : str
        What the message names.

    Returns
    -------
    object
        Plain containers and numbers, :class:`Csr` and :class:`Array`; nothing in them is checked yet.

    Raises
    ------
    DataError
        If it mentions a name outside :data:`ALLOWED` or is damaged.
    """
    try:
        # The C unpickler sizes its memo by the largest number it is told: refuse lies before it sees them.
        for opcode, argument, _ in pickletools.genops(content):
            if opcode.name in ("PUT", "LONG_BINPUT") and int(argument or 0) > len(content):
                raise pickle.UnpicklingError("its memo is larger than the file")
        return _Unpickler(io.BytesIO(content), encoding="latin1").load()
    except MemoryError:
        raise
    except Exception as error:  # a broken pickle may raise anything; none of it is of use to the user
        told = " ".join(str(error).split())[:200]
        raise DataError(f"This Python pickle is not supported: {told}.", where=where, mend=RECIPE) from error


def neighbours(held: Any, *, where: str, limits: Limits) -> tuple[np.ndarray, int]:
    """Return every (node, neighbour) of a mapping of nodes to lists, and the number of nodes.

    Returns
    -------
    pairs : ndarray of int64, shape (entries, 2)
    n_nodes : int
        One more than the largest node number.

    Raises
    ------
    DataError
        If it is anything but lists of whole numbers from 0 on.
    """
    listed: list[Any] = list(held.values()) if isinstance(held, dict) else [None]
    if not all(type(others) is list for others in listed):
        raise DataError("Expected a list of neighbours for each node.", where=where, mend=RECIPE)
    # Before anything visits the entries: one list may stand under a million nodes.
    limits.check("edges", sum(map(len, listed)), where=where)
    flat = list(itertools.chain.from_iterable(listed))
    if not (all(type(node) is int for node in held) and all(type(other) is int for other in flat)):
        raise DataError("Expected a list of neighbours for each node, all numbers.", where=where, mend=RECIPE)
    try:
        nodes = np.array(list(held), dtype=np.int64)
        others = np.array(flat, dtype=np.int64)
    except OverflowError as error:
        raise DataError(f"A node number is too large: {error}.", where=where, mend=MEND) from error
    pairs = np.column_stack([np.repeat(nodes, list(map(len, listed))), others])
    low = int(min(nodes.min(initial=0), pairs.min(initial=0)))
    high = int(max(nodes.max(initial=-1), pairs.max(initial=-1)))
    if low < 0:
        raise DataError(f"Node numbers start at 0. Received: {low}.", where=where, mend=MEND)
    limits.check("nodes", high + 1, where=where)
    return pairs, high + 1
