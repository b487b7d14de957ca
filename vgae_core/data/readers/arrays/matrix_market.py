"""Matrix Market files (.mtx): coordinate and array, every real symmetry."""

from __future__ import annotations

import mmap
from io import BytesIO
from pathlib import Path

import numpy as np
from scipy import io, sparse

from vgae_core.data.readers.arrays.matrices import check_matrix, matrix_edges, matrix_table, refuse_labels
from vgae_core.data.readers.base import Content, Edges, Format, NodeTable, Probe, shorten

_BANNER = b"%%matrixmarket"


def _recognise(probe: Probe) -> bool:
    return probe.head[:14].lower() == _BANNER


def _info(probe: Probe) -> tuple[int, int, int, str, str, str]:
    try:
        rows, cols, entries, layout, field, symmetry = io.mminfo(probe.path)
    except (ValueError, OverflowError, TypeError) as error:
        raise _refuse(probe, error) from error
    return int(rows), int(cols), int(entries), layout, field, symmetry


def _refuse(probe: Probe, error: Exception) -> Exception:
    return probe.error(
        f"Not a readable Matrix Market file: {shorten(str(error), 200)}.",
        mend="See https://math.nist.gov/MatrixMarket/formats.html, or write it with scipy.io.mmwrite.",
    )


def read(probe: Probe, content: str) -> tuple[sparse.coo_array | np.ndarray, bool, bool]:
    """Return the matrix, whether it has no values, and whether it is stored as one triangle.

    `content` is ``"edges"``, ``"features"``, or ``"any"`` for a matrix whose rows may be columns.
    """
    rows, cols, entries, layout, field, symmetry = _info(probe)
    if field == "complex":
        raise probe.error("Complex values are not supported.", line=1, mend="Write real values.")
    if content == "any":
        probe.limits.check("feature_values", entries, where=probe.name)
        probe.limits.check("nodes", max(rows, cols), where=probe.name)
    else:
        check_matrix(probe, (rows, cols), entries if layout == "coordinate" else 0, content)
    if layout == "array":
        probe.limits.check("feature_values", rows * cols, where=probe.name)
    elif entries * 4 > probe.path.stat().st_size + 64:  # an entry takes four bytes at least
        raise probe.error(
            f"Declares {entries:,} entries, more than the file can hold.",
            mend="The file is cut off: download it again.",
        )
    try:
        matrix = io.mmread(_bounded(probe), spmatrix=False)
    except (ValueError, OverflowError, TypeError) as error:
        raise _refuse(probe, error) from error
    return matrix, field == "pattern", symmetry in ("symmetric", "hermitian")


def _bounded(probe: Probe) -> Path | BytesIO:
    """Return what SciPy can read without running past the end of it.

    Its reader looks for the end of a line where there is none: after a last number without a
    newline, or behind a NUL, it leaves the memory of the file and ends the process.
    """
    with open(probe.path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        at = content.find(b"\0")
        if at >= 0:
            raise probe.error(
                f"Not a readable Matrix Market file: byte {at + 1:,} is NUL.",
                mend="The file is damaged: download it again.",
            )
        return probe.path if content[-1:] == b"\n" else BytesIO(content[:] + b"\n")


def _edges(probe: Probe) -> Edges:
    matrix, pattern, symmetric = read(probe, "edges")
    coo = sparse.coo_array(matrix)
    return matrix_edges(probe, coo, "Matrix Market", pattern=pattern, symmetric=symmetric)


def _table(probe: Probe, content: Content, node_ids: np.ndarray) -> NodeTable:
    refuse_labels(probe, content)
    return matrix_table(probe, read(probe, "features")[0])


def _guess(probe: Probe) -> Content:
    rows, cols, *_ = _info(probe)
    return "edges" if rows == cols else "features"


FORMAT = Format(
    key="matrix-market",
    title="Matrix Market",
    suffixes=("mtx",),
    recognise=_recognise,
    guess=_guess,
    edges=_edges,
    table=_table,
)
