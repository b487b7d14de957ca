"""AnnData files (.h5ad): cells with their counts, labels and neighbour graphs, read by h5py alone."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from vgae_core.data.csr import validate_csr
from vgae_core.data.findings import Finding, Part
from vgae_core.data.readers.arrays.hdf5 import attribute, dataset, is_hdf5, numbers, open_checked, texts
from vgae_core.data.readers.arrays.matrices import check_matrix, matrix_edges, matrix_table
from vgae_core.data.readers.base import (
    Content,
    Edges,
    Format,
    NodeTable,
    Probe,
    examples,
    object_array,
    shorten,
)

if TYPE_CHECKING:
    import h5py

_MEND = "Save it again with anndata: adata.write_h5ad(path)."
_GRAPHS = ("connectivities", "adjacency", "spatial_connectivities", "distances")
_LABELS = re.compile(
    r"cell_?types?|labels?|bulk_labels|annotations?|leiden|louvain|clusters?|class(es)?", re.I
)


# ------------------------------------------------------------------------------ its pieces
def _open(probe: Probe) -> h5py.File:
    """Return the open file; every object in it has been checked."""
    import h5py

    file = open_checked(probe)
    if isinstance(file.get("obs"), h5py.Dataset) and "var" in file:
        raise probe.error(
            "Written by anndata before 0.7, which is not read.",
            mend="Save it again, with a later version: anndata.read_h5ad(path).write_h5ad('new.h5ad').",
        )
    if any(isinstance(group, h5py.Group) and "pandas_type" in group.attrs for group in file.values()):
        raise probe.error(
            "This is an HDF5 store of pandas.",
            mend="Write its table as Parquet: pandas.read_hdf(path, key).to_parquet('table.parquet').",
        )
    if not isinstance(file.get("obs"), h5py.Group) or "var" not in file:
        raise probe.error(
            f"An HDF5 file without `obs` and `var`: not AnnData. Holds: {', '.join(examples(file))}.",
            mend="HDF5 is read as AnnData (.h5ad), Cell Ranger (.h5) and Loom (.loom). Of plain arrays make an "
            "npz: numpy.savez('graph.npz', **{name: h5py.File(path)[name][()] for name in h5py.File(path)}).",
        )
    return file


def _shape(probe: Probe, item: Any, at: str) -> tuple[int, int]:
    import h5py

    if isinstance(item, h5py.Dataset):
        shape = tuple(item.shape or ())
    else:
        told = attribute(item, "shape")
        told = attribute(item, "h5sparse_shape") if told is None else told  # before anndata 0.7
        shape = tuple(int(n) for n in np.atleast_1d(told)) if isinstance(told, np.ndarray) else ()
    if len(shape) != 2 or min(shape) < 0:
        raise probe.error(f"{at} is not a matrix.", mend=_MEND)
    return shape[0], shape[1]


def _matrix(probe: Probe, item: Any, at: str, content: Content) -> Any:
    """Return a csr_array or an ndarray, checked whole."""
    import h5py

    shape = _shape(probe, item, at)
    if isinstance(item, h5py.Dataset):
        probe.limits.check("feature_values", shape[0] * shape[1], where=f"{probe.name}, {at}")
        check_matrix(probe, shape, 0, content)
        return numbers(probe, item)
    kind = attribute(item, "encoding-type") or f"{attribute(item, 'h5sparse_format')}_matrix"
    if kind not in ("csr_matrix", "csc_matrix"):
        raise probe.error(f"{at} is stored as {shorten(str(kind))!r}, not as CSR, CSC or dense.", mend=_MEND)
    parts = [dataset(probe, item, name, what=at) for name in ("data", "indices", "indptr")]
    check_matrix(probe, shape, parts[0].shape[0], content)
    data, indices, indptr = (numbers(probe, part) for part in parts)
    stored = shape if kind == "csr_matrix" else (shape[1], shape[0])
    matrix = validate_csr(data, indices, indptr, stored, where=f"{probe.name}, {at}")
    return matrix if kind == "csr_matrix" else matrix.T.tocsr()


def _names(probe: Probe, file: h5py.File, axis: str) -> np.ndarray:
    """Return the names of cells (obs) or genes (var)."""
    index = attribute(file[axis], "_index")
    return object_array(texts(probe, dataset(probe, file[axis], str(index or "_index"), what=f"/{axis}")))


def _categorical(probe: Probe, obs: h5py.Group, name: str) -> tuple[np.ndarray, tuple[str, ...]] | None:
    """Return codes (-1 unknown) and names of one column, or None if it has no categories."""
    import h5py

    item = obs[name]
    if isinstance(item, h5py.Group):
        if attribute(item, "encoding-type") != "categorical":
            return None
        codes = dataset(probe, item, "codes", what=item.name)
        named = dataset(probe, item, "categories", what=item.name)
    else:
        legacy = obs.get("__categories")  # before anndata 0.8
        if not isinstance(legacy, h5py.Group) or not isinstance(legacy.get(name), h5py.Dataset):
            return None
        codes, named = item, dataset(probe, legacy, name, what="/obs/__categories")
    positions, names = numbers(probe, codes), texts(probe, named)
    if positions.dtype.kind not in "iu" or (
        len(positions) and not -1 <= int(positions.min()) <= int(positions.max()) < len(names)
    ):
        raise probe.error(f"/obs/{shorten(name)} has codes outside its categories.", mend=_MEND)
    return positions.astype(np.int32), tuple(names)


def _columns(obs: h5py.Group) -> Iterator[str]:
    index = attribute(obs, "_index")
    return (name for name in obs if name not in (index, "_index", "__categories"))


# ----------------------------------------------------------------------------- what it yields
def _features(probe: Probe, file: h5py.File, ids: np.ndarray | None) -> NodeTable | None:
    layers = sorted(file["layers"]) if "layers" in file and hasattr(file["layers"], "keys") else []
    uses = _uses(probe, file)
    at = next((name for name, use in uses.items() if use == "features"), None)
    if at is None:
        return None
    table = matrix_table(probe, _matrix(probe, file[at], f"/{at}", "features"))
    names = _names(probe, file, "var")
    if ids is not None and table.n_rows != len(ids):
        raise probe.error(f"/{at} has {table.n_rows:,} rows for {len(ids):,} cells.", mend=_MEND)
    if table.features is not None and table.features.shape[1] != len(names):
        raise probe.error(
            f"/{at} has {table.features.shape[1]:,} columns for {len(names):,} genes.", mend=_MEND
        )
    others = [f"layers/{layer}" for layer in layers if f"layers/{layer}" != at]
    more = f" Not used: {', '.join(examples(others))}." if others else ""
    finding = Finding(
        "variable", "info", f"The features are /{at} of {probe.name}.{more}", len(others), examples(others)
    )
    return NodeTable(
        where=probe.name,
        n_rows=table.n_rows,
        ids=ids,
        features=table.features,
        feature_names=tuple(map(str, names)),
        findings=(finding,),
    )


def _labels(probe: Probe, file: h5py.File, ids: np.ndarray | None, n: int) -> NodeTable | None:
    """Return the categories called like labels, or the first ones, and all numbers of the cells."""
    import h5py

    found: dict[str, tuple[np.ndarray, tuple[str, ...]]] = {}
    values: dict[str, np.ndarray] = {}
    left: list[str] = []
    for name in _columns(file["obs"]):
        column = _categorical(probe, file["obs"], name)
        item = file["obs"][name]
        if column is not None:
            if len(column[0]) != n:
                raise probe.error(
                    f"/obs/{shorten(name)} has {len(column[0]):,} rows for {n:,} cells.", mend=_MEND
                )
            found[name] = column
        elif isinstance(item, h5py.Dataset) and item.shape == (n,) and item.dtype.kind in "biuf":
            with np.errstate(over="ignore"):
                column_values = numbers(probe, item).astype(np.float32)
            if np.isinf(column_values).any():
                left.append(name)
            else:
                values[name] = column_values
        else:
            left.append(name)
    said = {
        name.removeprefix("obs/"): use for name, use in _said(probe, file).items() if name.startswith("obs/")
    }
    chosen = next((name for name, use in said.items() if use == "label"), None)
    if chosen is None:
        free = [name for name in found if name not in said]
        chosen = next((name for name in free if _LABELS.fullmatch(name)), next(iter(free), None))
    elif chosen not in found:
        raise probe.error(f"/obs/{shorten(chosen)} has no categories.", mend="Choose another label.")
    left += [name for name in values if said.get(name) == "ignore"]
    values = {name: column for name, column in values.items() if said.get(name) != "ignore"}
    left += [name for name in found if name != chosen]
    probe.memo["columns"] = {f"obs/{name}": "value" for name in values} | {f"obs/{chosen}": "label"}
    if chosen is None and not values:
        return None
    message = (
        f"The labels are obs column {shorten(chosen)} of {probe.name}."
        if chosen
        else "No obs column holds classes."
    )
    if left:
        message += f" Not used: {', '.join(examples(left))}{'…' if len(left) > 5 else ''}."
    return NodeTable(
        where=probe.name,
        n_rows=n,
        ids=ids,
        classes=found[chosen][0] if chosen else None,
        class_names=found[chosen][1] if chosen else (),
        values=dict(list(values.items())[:1000]),
        findings=(Finding("variable", "info", message, len(left), examples(left)),),
    )


def _edges(probe: Probe) -> Edges:
    file = _open(probe)
    graphs = _graphs(probe, file)
    if not graphs:
        raise probe.error(
            "Holds no graph of the cells: `obsp` is empty.",
            mend="Compute one with scanpy.pp.neighbors(adata), or provide edges as well.",
        )
    name = next(n for n, use in _uses(probe, file).items() if use == "edges").removeprefix("obsp/")
    matrix = _matrix(probe, file["obsp"][name], f"/obsp/{shorten(name)}", "edges")
    if isinstance(matrix, np.ndarray):
        probe.limits.check("edges", int(np.count_nonzero(matrix)), where=probe.name)
    from scipy import sparse

    edges = matrix_edges(probe, sparse.coo_array(matrix), "AnnData (.h5ad)")
    n = len(edges.node_ids)
    ids = _names(probe, file, "obs")
    if len(ids) != n:
        raise probe.error(f"/obsp/{shorten(name)} has {n:,} rows for {len(ids):,} cells.", mend=_MEND)
    others = [g for g in graphs if g != name]
    more = f" Not used: {', '.join(examples(others))}." if others else ""
    findings = [Finding("variable", "info", f"The adjacency is /obsp/{shorten(name)} of {probe.name}.{more}",
                        len(others), examples(others))]  # fmt: skip
    if len(set(ids)) < n:
        findings.append(Finding("names-repeat", "warning", "Cell names repeat, so cells were numbered.", n))
        ids = edges.node_ids
    tables = [_features(probe, file, ids), _labels(probe, file, ids, n)]
    return Edges(
        rows=edges.rows,
        cols=edges.cols,
        weights=edges.weights,
        node_ids=ids,
        format=edges.format,
        directed=edges.directed,
        tables=tuple(table for table in tables if table is not None),
        parts=_parts(probe, "edges"),
        findings=tuple(findings),
    )


def _graphs(probe: Probe, file: h5py.File) -> list[str]:
    """Return the names of the graphs of cells: in `obsp`."""
    import h5py

    obsp = file.get("obsp")
    return list(obsp) if isinstance(obsp, h5py.Group) else []


def _said(probe: Probe, file: h5py.File) -> dict[str, str]:
    """Return what the user said of X, layers, graphs of cells and columns of obs."""
    known = probe.said_of(_named(file), ("edges", "features", "label", "value", "ignore"))
    for name, use in known.items():
        if use not in _possible(name):
            raise probe.error(
                f"{shorten(name)!r} cannot be used as {use!r} here.",
                mend=f"Choose one of: {', '.join(_possible(name))}.",
            )
    return known


def _named(file: h5py.File) -> list[str]:
    import h5py

    groups = [g for g in ("layers", "obsp") if isinstance(file.get(g), h5py.Group)]
    inner = [f"{group}/{name}" for group in groups for name in file[group]]
    return [*(["X"] if "X" in file else []), *inner, *(f"obs/{name}" for name in _columns(file["obs"]))]


def _possible(name: str) -> tuple[str, ...]:
    kind = name.partition("/")[0]
    return {"obsp": ("edges", "ignore"), "obs": ("label", "value", "ignore")}.get(
        kind, ("features", "ignore")
    )


def _uses(probe: Probe, file: h5py.File) -> dict[str, str]:
    """Return which graph of cells is the adjacency, and which matrix the features."""
    said, names = _said(probe, file), _named(file)
    uses: dict[str, str] = {}
    usual = {"edges": [f"obsp/{g}" for g in _GRAPHS], "features": ["X"]}
    for use, first in usual.items():
        free = [n for n in names if said.get(n, use) == use and use in _possible(n)]
        best = next((n for n in free if n in said), None) or next((n for n in first if n in free), None)
        if best or free:
            uses[best or free[0]] = use
    return uses


def _parts(probe: Probe, content: Content) -> tuple[Part, ...]:
    """Return the matrices of the file and the columns of its cells, with their uses."""
    import h5py

    file = _open(probe)
    _labels(probe, file, None, len(_names(probe, file, "obs")))
    uses: dict[str, str] = _uses(probe, file) | probe.memo["columns"]
    parts = []
    for name in _named(file):
        item = file[name]
        if isinstance(item, h5py.Dataset):
            about = f"{' x '.join(map(str, item.shape or ()))} {item.dtype}"
        else:
            about = str(attribute(item, "encoding-type") or "")
        parts.append(Part(name, uses.get(name, "ignore"), shorten(about), _possible(name)))
    return tuple(parts)


def _table(probe: Probe, content: Content, node_ids: np.ndarray) -> NodeTable:
    file = _open(probe)
    ids: np.ndarray | None = _names(probe, file, "obs")
    n = len(ids) if ids is not None else 0
    if len(set(ids if ids is not None else ())) < n:
        ids = None  # names repeat: by position
    described = _labels(probe, file, ids, n)
    table = _features(probe, file, ids) if content == "features" else described
    if table is None:
        raise probe.error(f"Holds no {content} of its cells.", mend="Choose another file for them.")
    if content == "features" and described is not None:
        table = dataclasses.replace(
            table,
            classes=described.classes,
            class_names=described.class_names,
            values=described.values,
            findings=(*table.findings, *described.findings),
        )
    return dataclasses.replace(table, parts=_parts(probe, content))


FORMAT = Format(
    key="anndata",
    title="AnnData (.h5ad)",
    suffixes=("h5ad",),
    recognise=is_hdf5,
    guess=lambda probe: "edges" if _graphs(probe, _open(probe)) else "features",
    edges=_edges,
    table=_table,
    parts=_parts,
)
