"""What round trips share: matrices to write, and graphs read from bytes."""

import tempfile
from pathlib import Path

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from vgae_core.data.readers import FORMATS, SourceFile, read
from vgae_core.data.readers.base import Probe
from vgae_core.host.limits import LIMITS
from vgae_core.settings import FileSpec

VALUES = st.one_of(
    st.just(0.0),
    st.floats(width=32, allow_nan=False, allow_infinity=False, allow_subnormal=False),
    st.integers(-5, 5).map(float),
)


@st.composite
def matrices(draw, *, square=True, least=2):
    """Return a small float32 matrix, many entries zero, never one without any entry."""
    rows = draw(st.integers(least, 7))
    columns = rows if square else draw(st.integers(least, 7))
    dense = draw(hnp.arrays(np.float32, (rows, columns), elements=VALUES, fill=st.just(0.0)))
    if not dense.any():
        dense[0, columns - 1] = 1.0
    return dense


names = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zs", "Zl", "Zp")), min_size=1, max_size=8
)


def read_bytes(*parts, limits=LIMITS):
    """Return the graph of ``(name, content[, role])`` parts."""
    with tempfile.TemporaryDirectory() as folder:
        sources, how = [], []
        for name, content, *role in parts:
            path = Path(folder) / name.replace("/", "_")
            path.write_bytes(content)
            sources.append(SourceFile(name, path))
            how.extend(FileSpec(name=name, role=r) for r in role)
        return read(sources, how, limits=limits)


def dense_of(graph):
    """Return the adjacency the entries of a raw graph describe."""
    weights = np.ones(len(graph.rows)) if graph.weights is None else graph.weights
    matrix = np.zeros((graph.n_nodes, graph.n_nodes), np.float32)
    np.add.at(matrix, (graph.rows, graph.cols), weights)
    if graph.symmetric:
        matrix = matrix + np.tril(matrix, -1).T
    return matrix


def features_of(graph):
    """Return the features as an ndarray."""
    return graph.features.toarray() if hasattr(graph.features, "toarray") else graph.features


def edges_of(name, content, limits=LIMITS):
    """Return what the first format that recognises the content says about its edges."""
    content = content if isinstance(content, bytes) else content.encode()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "content"
        path.write_bytes(content)
        probe = Probe(name, name.lower(), path, content[:65_536], limits)
        return next(f for f in FORMATS if f.recognise(probe)).edges(probe)


def named_arcs(edges):
    """Return (source, target) of each entry of edges or of a graph."""
    names = edges.node_ids.tolist()
    return [(names[i], names[j]) for i, j in zip(edges.rows, edges.cols, strict=True)]


def related_arcs(edges):
    """Return (source, relation, target) of each entry."""
    kinds = [edges.relation_names[code] for code in edges.relations]
    return [(source, kind, target) for (source, target), kind in zip(named_arcs(edges), kinds, strict=True)]


def codes(graph):
    """Return the codes of the findings."""
    return [finding.code for finding in graph.findings]
