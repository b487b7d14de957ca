"""Counts of cells x genes in HDF5: Cell Ranger's .h5 and Loom.

Cell Ranger (10x Genomics, "HDF5 feature-barcode matrix format"): CSC arrays of features x barcodes in
``matrix``; version 2 has one group per genome with ``genes`` and ``gene_names``. Loom (linnarssonlab.org,
"Loom file format"): ``matrix`` of genes x cells, ``row_attrs`` of genes, ``col_attrs`` of cells.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from vgae_core.data.csr import validate_csr
from vgae_core.data.findings import Finding
from vgae_core.data.readers.arrays.hdf5 import dataset, is_hdf5, numbers, open_checked, texts
from vgae_core.data.readers.arrays.matrices import check_matrix, matrix_table
from vgae_core.data.readers.base import Content, Format, NodeTable, Probe, examples, object_array, shorten
from vgae_core.data.readers.columns.classes import as_classes

if TYPE_CHECKING:
    import h5py

_MEND = "Save it again with Cell Ranger or scanpy, or provide matrix.mtx, features.tsv and barcodes.tsv of the folder."
_CELLS, _GENES = (
    ("CellID", "cell_id", "obs_names", "barcode", "barcodes"),
    ("Gene", "gene_name", "var_names", "Accession"),
)
_LABELS = re.compile(r"(cell_?types?|class(es)?|labels?|clusters?(name)?|leiden|louvain|annotations?)", re.I)
_BLOCK = 10_000_000
"""Numbers of a dense matrix that are looked at together."""


# ------------------------------------------------------------------------------- Cell Ranger
def _groups(file: h5py.File) -> list[str]:
    import h5py

    wanted = {"barcodes", "data", "indices", "indptr", "shape"}
    return [name for name in file if isinstance(file[name], h5py.Group) and wanted <= set(file[name])]


def _is_ten_x(probe: Probe) -> bool:
    return is_hdf5(probe) and bool(_groups(open_checked(probe)))


def _ten_x(probe: Probe, content: Content, node_ids: np.ndarray) -> NodeTable:
    if content != "features":
        raise probe.error(f"Gene counts are not {content}.", mend="Provide labels as CSV: barcode,label.")
    file = open_checked(probe)
    groups = _groups(file)
    if len(groups) > 1:
        raise probe.error(
            f"Holds the matrices of {len(groups)} genomes: {', '.join(examples(groups))}.",
            mend="Save a file with one of them, e.g. with scanpy.read_10x_h5(path, genome='GRCh38').",
        )
    group = file[groups[0]]
    parts = {
        name: dataset(probe, group, name, what=f"/{groups[0]}")
        for name in ("data", "indices", "indptr", "shape")
    }
    shape = numbers(probe, parts["shape"]) if parts["shape"].shape == (2,) else np.zeros(0)
    if shape.dtype.kind not in "iu" or len(shape) != 2 or int(shape.min()) < 0:
        raise probe.error("`shape` must be two whole numbers.", mend=_MEND)
    genes, cells = int(shape[0]), int(shape[1])
    check_matrix(probe, (cells, genes), parts["data"].shape[0], "features")
    # Columns of genes x cells one after the other: rows of cells x genes.
    data, indices, indptr = (numbers(probe, parts[name]) for name in ("data", "indices", "indptr"))
    matrix = validate_csr(data, indices, indptr, (cells, genes), where=probe.name)
    barcodes = texts(probe, dataset(probe, group, "barcodes", what=f"/{groups[0]}"))
    names = _symbols(probe, group)
    findings: list[Finding] = []
    return _cells(probe, matrix, barcodes, names, findings)


def _symbols(probe: Probe, group: h5py.Group) -> list[str]:
    """Return the symbols of genes, or their stable ids where symbols repeat."""
    import h5py

    place = group["features"] if isinstance(group.get("features"), h5py.Group) else group
    pairs = (("name", "id"), ("gene_names", "genes"))
    names, ids = next((pair for pair in pairs if pair[1] in place), pairs[0])
    stable = texts(probe, dataset(probe, place, ids, what=place.name))
    found = texts(probe, dataset(probe, place, names, what=place.name)) if names in place else stable
    return found if len(set(found)) == len(found) else stable


def _cells(
    probe: Probe,
    matrix: Any,
    cells: list[str] | None,
    genes: list[str] | None,
    findings: list[Finding],
    classes: tuple[np.ndarray, tuple[str, ...]] | None = None,
) -> NodeTable:
    """Return a matrix of cells x genes with its names."""
    n, width = matrix.shape
    for called, count, what in ((cells, n, "cells"), (genes, width, "genes")):
        if called is not None and len(called) != count:
            raise probe.error(f"Has {len(called):,} names for {count:,} {what}.", mend=_MEND)
    if cells is not None and len(set(cells)) < n:
        findings.append(Finding("names-repeat", "warning", "Cell names repeat, so cells were numbered.", n))
        cells = None
    table = matrix_table(probe, matrix)
    return NodeTable(
        where=probe.name,
        n_rows=n,
        ids=None if cells is None else object_array(cells),
        features=table.features,
        feature_names=() if genes is None else tuple(genes),
        classes=None if classes is None else classes[0],
        class_names=() if classes is None else classes[1],
        findings=tuple(findings),
    )


TEN_X = Format(
    key="ten-x-h5",
    title="Cell Ranger (.h5)",
    suffixes=("h5",),
    recognise=_is_ten_x,
    guess=lambda probe: "features",
    table=_ten_x,
)


# -------------------------------------------------------------------------------------- Loom
def _is_loom(probe: Probe) -> bool:
    if not is_hdf5(probe):
        return False
    import h5py  # every file is asked, and few are HDF5

    file = open_checked(probe)
    groups = all(isinstance(file.get(name), h5py.Group) for name in ("row_attrs", "col_attrs"))
    return groups and isinstance(file.get("matrix"), h5py.Dataset)


def _columns(group: h5py.Group, n: int) -> dict[str, h5py.Dataset]:
    import h5py

    return {
        name: item for name, item in group.items() if isinstance(item, h5py.Dataset) and item.shape == (n,)
    }


def _loom(probe: Probe, content: Content, node_ids: np.ndarray) -> NodeTable:
    import pandas as pd

    file = open_checked(probe)
    stored = dataset(probe, file, "matrix", what="The file", dims=2)
    genes, cells = stored.shape
    columns = _columns(file["col_attrs"], cells)
    label = next((name for name in columns if _LABELS.fullmatch(name)), None)
    classes = None
    if label is not None:
        column = pd.Series(texts(probe, columns[label]), dtype="str")
        classes = as_classes(column, certain=True)
    findings: list[Finding] = []
    if label and classes:
        findings.append(Finding("variable", "info",
            f"The labels are the cell attribute {shorten(label)} of {probe.name}.", len(classes[1])))  # fmt: skip
    if content == "labels" and classes is None:
        raise probe.error("No cell attribute holds classes.", mend="Provide labels as CSV: cell,label.")
    layers = list(file["layers"]) if hasattr(file.get("layers"), "keys") else []
    if layers:
        findings.append(Finding("variable", "info",
            f"The features are /matrix of {probe.name}. Layers that were not used: {', '.join(examples(layers))}.",
            len(layers), examples(layers)))  # fmt: skip
    check_matrix(probe, (cells, genes), 0, "features")
    names = {}
    for axis, known in (("col_attrs", _CELLS), ("row_attrs", _GENES)):
        available = _columns(file[axis], cells if axis == "col_attrs" else genes)
        chosen = next((name for name in known if name in available), None)
        names[axis] = None if chosen is None else texts(probe, available[chosen])
    matrix = sparse.csr_array((cells, 0), dtype=np.float32) if content == "labels" else _blocks(probe, stored)
    table = _cells(
        probe,
        matrix,
        names["col_attrs"],
        names["row_attrs"] if content != "labels" else None,
        findings,
        classes,
    )
    return table if content != "labels" else _labels_only(table)


def _labels_only(table: NodeTable) -> NodeTable:
    import dataclasses

    return dataclasses.replace(table, features=None, feature_names=())


def _blocks(probe: Probe, stored: h5py.Dataset) -> sparse.csr_array:
    """Return the dense genes x cells of a file as sparse cells x genes, some genes at a time."""
    genes, cells = stored.shape
    if stored.dtype.kind not in "biuf" or stored.dtype.itemsize > 8:
        raise probe.error(f"/matrix holds no numbers: {stored.dtype}.", mend=_MEND)
    step = max(1, _BLOCK // max(cells, 1))
    pieces, kept = [], 0
    for at in range(0, genes, step):
        piece = sparse.csr_array(np.asarray(stored[at : at + step], dtype=np.float32))
        kept += piece.nnz
        probe.limits.check("feature_values", kept, where=probe.name)
        pieces.append(piece)
    if not pieces:
        raise probe.error("Has no genes.", mend=_MEND)
    return sparse.csr_array(sparse.vstack(pieces).T)


LOOM = Format(
    key="loom",
    title="Loom",
    suffixes=("loom",),
    recognise=_is_loom,
    guess=lambda probe: "features",
    table=_loom,
)
