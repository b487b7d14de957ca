"""AnnData files (.h5ad): cells with their counts, labels and neighbour graphs, read by h5py alone.

HDF5 can reach outside a file: external and soft links, external storage and virtual data
sets read whatever path they name. So the whole tree is walked first, each link looked at
before what it leads to is opened, and every declared size compared with what is stored.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from vgae_core.data.arrays import validate_csr
from vgae_core.data.dataset import Finding, Part
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
from vgae_core.data.readers.matrices import check_matrix, matrix_edges, matrix_table

if TYPE_CHECKING:
    import h5py

_MEND = "Write it anew with anndata: adata.write_h5ad(path)."
_MAX_OBJECTS, _MAX_DEPTH, _MAX_TEXT = 5_000, 16, 1_000_000
_FILTERS = {1: "gzip", 2: "shuffle", 3: "fletcher32", 32000: "lzf"}
_RATIO = 1100
"""gzip packs at most 1032 bytes into one; a claim beyond that is a lie or a bomb."""
_GRAPHS = ("connectivities", "adjacency", "spatial_connectivities", "distances")
_LABELS = re.compile(
    r"cell_?types?|labels?|bulk_labels|annotations?|leiden|louvain|clusters?|class(es)?", re.I
)


def _recognise(probe: Probe) -> bool:
    return probe.head.startswith(b"\x89HDF\r\n\x1a\n")


# -------------------------------------------------------------------------------- the walk
def _open(probe: Probe) -> h5py.File:
    """Return the open file; every object in it has been checked."""
    import h5py

    if "h5" not in probe.memo:
        file = h5py.File(probe.path, "r", rdcc_nbytes=0)
        _walk(probe, file)
        if not isinstance(file.get("obs"), h5py.Group) or "var" not in file:
            raise probe.error(
                f"An HDF5 file without `obs` and `var`: not AnnData. Holds: {', '.join(examples(file))}.",
                mend="Hand in a graph as .h5ad, .mtx, .npz or CSV.",
            )
        probe.memo["h5"] = file
    opened: h5py.File = probe.memo["h5"]
    return opened


def _walk(probe: Probe, file: h5py.File) -> None:
    import h5py

    size, seen = probe.path.stat().st_size, set()
    todo: list[tuple[h5py.Group, int]] = [(file["/"], 0)]
    while todo:
        group, depth = todo.pop()
        if depth > _MAX_DEPTH:
            raise probe.error(f"Groups are nested more than {_MAX_DEPTH} deep.", mend=_MEND)
        for name in group:
            at = f"{group.name.rstrip('/')}/{shorten(name)}"
            link = group.get(name, getlink=True)
            if type(link) is not h5py.HardLink:
                kind = "another file" if isinstance(link, h5py.ExternalLink) else "another place"
                raise probe.error(f"{at} is a link to {kind}; only data of its own is read.", mend=_MEND)
            found = group[name]
            address = h5py.h5o.get_info(found.id).addr
            if address in seen:
                continue
            seen.add(address)
            if len(seen) > _MAX_OBJECTS:
                raise probe.error(f"Holds more than {_MAX_OBJECTS:,} objects.", mend=_MEND)
            if isinstance(found, h5py.Group):
                todo.append((found, depth + 1))
            elif isinstance(found, h5py.Dataset):
                _check_dataset(probe, found, at, size)


def _check_dataset(probe: Probe, data: h5py.Dataset, at: str, file_size: int) -> None:
    """Refuse what lies outside the file, or claims more than the file can hold."""
    import h5py

    settings = data.id.get_create_plist()
    if settings.get_external_count() or settings.get_layout() == h5py.h5d.VIRTUAL:
        raise probe.error(f"{at} is stored in another file; only data of its own is read.", mend=_MEND)
    for position in range(settings.get_nfilters()):
        code = settings.get_filter(position)[0]
        if code not in _FILTERS:
            raise probe.error(f"{at} is compressed by filter {code}.", mend="Write it with gzip compression.")
    if data.shape is None:
        return
    stored, claimed = data.id.get_storage_size(), math.prod(data.shape) * data.dtype.itemsize
    probe.limits.check("decompressed_bytes", claimed, where=f"{probe.name}, {at}")
    if stored > file_size or claimed > _RATIO * stored:
        raise probe.error(f"{at} claims {claimed:,} bytes but holds {stored:,}.", mend=_MEND)
    if (
        data.chunks is not None
        and math.prod(data.chunks) * data.dtype.itemsize > probe.limits.decompressed_bytes
    ):
        raise probe.error(f"{at} is stored in chunks of {data.chunks}.", mend=_MEND)


# ------------------------------------------------------------------------------ its pieces
def _attribute(item: Any, name: str) -> Any:
    """Return a small attribute: text, or whole numbers; None if there is none such."""
    import h5py

    if name not in item.attrs:
        return None
    stored = item.attrs.get_id(name)
    text = h5py.check_string_dtype(stored.dtype) is not None
    if math.prod(stored.shape) > 2 or not (text or stored.dtype.kind in "iuS"):
        return None
    value = item.attrs[name]
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _dataset(probe: Probe, group: Any, name: str, *, what: str, dims: int = 1) -> h5py.Dataset:
    import h5py

    found = group.get(name) if isinstance(group, h5py.Group) else None
    if not isinstance(found, h5py.Dataset) or len(found.shape or ()) != dims:
        raise probe.error(f"{what} lacks `{name}`.", mend=_MEND)
    return found


def _numbers(probe: Probe, data: h5py.Dataset) -> np.ndarray:
    if data.dtype.kind not in "biuf" or data.dtype.itemsize > 8:
        raise probe.error(f"{shorten(data.name)} holds no numbers: {data.dtype}.", mend=_MEND)
    return np.asarray(data[...])


def _texts(probe: Probe, data: h5py.Dataset) -> list[str]:
    import h5py

    probe.limits.check("nodes", data.shape[0], where=f"{probe.name}, {shorten(data.name)}")
    if h5py.check_string_dtype(data.dtype) is None and data.dtype.kind != "S":
        return [str(number) for number in _numbers(probe, data).tolist()]
    texts: list[str] = []
    total = 0
    for at in range(0, data.shape[0], 1024):  # in pieces: many entries may share one long text
        for value in data[at : at + 1024].tolist():
            text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
            total += len(text)
            if len(text) > _MAX_TEXT:
                raise probe.error(f"{shorten(data.name)} holds a text of {len(text):,} letters.", mend=_MEND)
            texts.append(text)
        probe.limits.check("decompressed_bytes", total, where=f"{probe.name}, {shorten(data.name)}")
    return texts


def _shape(probe: Probe, item: Any, at: str) -> tuple[int, int]:
    import h5py

    if isinstance(item, h5py.Dataset):
        shape = tuple(item.shape or ())
    else:
        told = _attribute(item, "shape")
        told = _attribute(item, "h5sparse_shape") if told is None else told  # before anndata 0.7
        shape = tuple(int(n) for n in np.atleast_1d(told)) if isinstance(told, np.ndarray) else ()
    if len(shape) != 2 or min(shape) < 0:
        raise probe.error(f"{at} is no matrix.", mend=_MEND)
    return shape[0], shape[1]


def _matrix(probe: Probe, item: Any, at: str, content: Content) -> Any:
    """Return a csr_array or an ndarray, checked whole."""
    import h5py

    shape = _shape(probe, item, at)
    if isinstance(item, h5py.Dataset):
        probe.limits.check("feature_values", shape[0] * shape[1], where=f"{probe.name}, {at}")
        check_matrix(probe, shape, 0, content)
        return _numbers(probe, item)
    kind = _attribute(item, "encoding-type") or f"{_attribute(item, 'h5sparse_format')}_matrix"
    if kind not in ("csr_matrix", "csc_matrix"):
        raise probe.error(f"{at} is stored as {shorten(str(kind))!r}, not as CSR, CSC or dense.", mend=_MEND)
    parts = [_dataset(probe, item, name, what=at) for name in ("data", "indices", "indptr")]
    check_matrix(probe, shape, parts[0].shape[0], content)
    data, indices, indptr = (_numbers(probe, part) for part in parts)
    stored = shape if kind == "csr_matrix" else (shape[1], shape[0])
    matrix = validate_csr(data, indices, indptr, stored, where=f"{probe.name}, {at}")
    return matrix if kind == "csr_matrix" else matrix.T.tocsr()


def _names(probe: Probe, file: h5py.File, axis: str) -> np.ndarray:
    """Return the names of cells (obs) or genes (var)."""
    index = _attribute(file[axis], "_index")
    return object_array(_texts(probe, _dataset(probe, file[axis], str(index or "_index"), what=f"/{axis}")))


def _categorical(probe: Probe, obs: h5py.Group, name: str) -> tuple[np.ndarray, tuple[str, ...]] | None:
    """Return codes (-1 unknown) and names of one column, or None if it has no categories."""
    import h5py

    item = obs[name]
    if isinstance(item, h5py.Group):
        if _attribute(item, "encoding-type") != "categorical":
            return None
        codes = _dataset(probe, item, "codes", what=item.name)
        named = _dataset(probe, item, "categories", what=item.name)
    else:
        legacy = obs.get("__categories")  # before anndata 0.8
        if not isinstance(legacy, h5py.Group) or not isinstance(legacy.get(name), h5py.Dataset):
            return None
        codes, named = item, _dataset(probe, legacy, name, what="/obs/__categories")
    numbers, names = _numbers(probe, codes), _texts(probe, named)
    if numbers.dtype.kind not in "iu" or (
        len(numbers) and not -1 <= int(numbers.min()) <= int(numbers.max()) < len(names)
    ):
        raise probe.error(f"/obs/{shorten(name)} points outside its categories.", mend=_MEND)
    return numbers.astype(np.int32), tuple(names)


def _columns(obs: h5py.Group) -> Iterator[str]:
    index = _attribute(obs, "_index")
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
                numbers = _numbers(probe, item).astype(np.float32)
            if np.isinf(numbers).any():
                left.append(name)
            else:
                values[name] = numbers
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
    values = {name: numbers for name, numbers in values.items() if said.get(name) != "ignore"}
    left += [name for name in found if name != chosen]
    probe.memo["columns"] = {f"obs/{name}": "value" for name in values} | {f"obs/{chosen}": "label"}
    if chosen is None and not values:
        return None
    message = (
        f"The labels are obs column {shorten(chosen)} of {probe.name}."
        if chosen
        else "No obs column has classes."
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
            "Holds no graph of its cells: `obsp` is empty.",
            mend="Compute one with scanpy.pp.neighbors(adata), or hand in edges as well.",
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
        findings.append(Finding("names-repeat", "warning", "Names of cells repeat: cells were numbered.", n))
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
            about = str(_attribute(item, "encoding-type") or "")
        parts.append(Part(name, uses.get(name, "ignore"), shorten(about), _possible(name)))
    return tuple(parts)


def _table(probe: Probe, content: Content, node_ids: np.ndarray) -> NodeTable:
    file = _open(probe)
    ids: np.ndarray | None = _names(probe, file, "obs")
    n = len(ids) if ids is not None else 0
    if len(set(ids if ids is not None else ())) < n:
        ids = None  # names repeat: by position
    table = _features(probe, file, ids) if content == "features" else _labels(probe, file, ids, n)
    if table is None:
        raise probe.error(f"Holds no {content} of its cells.", mend="Choose another file for them.")
    return dataclasses.replace(table, parts=_parts(probe, content))


FORMAT = Format(
    key="anndata",
    title="AnnData (.h5ad)",
    suffixes=("h5ad",),
    recognise=_recognise,
    guess=lambda probe: "edges" if _graphs(probe, _open(probe)) else "features",
    edges=_edges,
    table=_table,
    parts=_parts,
)
