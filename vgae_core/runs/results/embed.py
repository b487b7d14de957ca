"""Codes of nodes that were not in training: the trained weights, run over a larger graph."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from vgae_core.analysis.network import Network, layers_of
from vgae_core.catalogue.families import FAMILIES
from vgae_core.catalogue.node_inputs import NODE_INPUTS
from vgae_core.data.dataset import Features, GraphData, RawGraph
from vgae_core.data.node_inputs import encoder_features
from vgae_core.data.repairs import repair
from vgae_core.errors import DataError, RunError
from vgae_core.runs.results.codes import completed
from vgae_core.runs.results.result import RunResult
from vgae_core.settings import RepairSpec, RunSpec


@dataclass(frozen=True, eq=False)
class Embedded:
    """The codes of all nodes of an enlarged graph, those of training first.

    Parameters
    ----------
    node_ids : ndarray, shape (n_nodes,)
    z_mean : ndarray of float32, shape (n_nodes, latent_dim)
    z_log_var : ndarray of float32, shape (n_nodes, latent_dim), or None
    n_trained : int
        Nodes of training.
    moved : ndarray of float32, shape (n_trained,)
        Euclidean distance of each node of training from its code in the run: more than 0 where a new edge
        is within reach of the encoder.
    """

    node_ids: np.ndarray
    z_mean: np.ndarray
    z_log_var: np.ndarray | None
    n_trained: int
    moved: np.ndarray

    def table(self) -> pd.DataFrame:
        """Return one row per node: ``node``, ``new``, ``moved`` (missing for new ones) and ``z_0`` on."""
        n_new = len(self.z_mean) - self.n_trained
        front = pd.DataFrame(
            {
                "node": self.node_ids,
                "new": np.arange(len(self.z_mean)) >= self.n_trained,
                "moved": np.concatenate([self.moved, np.full(n_new, np.nan, np.float32)]),
            }
        )
        names = [f"z_{i}" for i in range(self.z_mean.shape[1])]
        return pd.concat([front, pd.DataFrame(self.z_mean, columns=names)], axis=1)


def embed(spec: RunSpec, result: RunResult, graph: GraphData, more: RawGraph) -> Embedded:
    """Return the codes that the trained encoder gives the nodes of a graph enlarged by `more`.

    Messages pass over the edges of the graph and the new ones; over the training edges and the new ones where the run
    has no codes of all edges.  Nodes are the same where their names are;
    features are read for new nodes only.

    Parameters
    ----------
    spec : RunSpec
        Of the run.
    result : RunResult
    graph : GraphData
        The graph the run was trained on.
    more : RawGraph
        New edges and, where the graph has features, a row of features for each new node.

    Raises
    ------
    RunError
        If the encoder has weights of its own for every node, or none for a new one's columns.
    DataError
        If features are missing or their columns are not those of training, or there is nothing new.
    """
    if not FAMILIES[spec.model.family].links_nodes:
        raise RunError("Only a graph auto-encoder can encode new nodes.", where="model.family")
    check_new_nodes(spec, graph)
    old = {str(name): i for i, name in enumerate(graph.node_ids)}
    place = np.array([old.get(str(name), -1) for name in more.node_ids], dtype=np.int64)
    fresh = np.flatnonzero(place < 0)
    if not len(fresh) and not len(more.rows):
        raise DataError(
            "The files contain no new nodes or edges.", mend="Provide edges that name the new nodes."
        )
    place[fresh] = graph.n_nodes + np.arange(len(fresh))
    n = graph.n_nodes + len(fresh)
    result = completed(result, graph)
    message = _enlarged(spec, result.encoded_edges(graph), place, more, n)
    features = _stacked(graph, more, fresh, spec.dataset.repairs)
    if features is None:
        features = encoder_features(graph, message, spec)
    elif spec.scaling != "none":
        features = graph.scaling.apply(features)  # new nodes in the units of those of training
    own = graph.features is not None
    layers = layers_of(result.model, result.state)
    codes = Network(spec, layers, message, features, has_own_features=own).codes
    names = np.concatenate([graph.node_ids.astype(object), np.asarray(more.node_ids, dtype=object)[fresh]])
    return Embedded(
        node_ids=names,
        z_mean=codes.z_mean,
        z_log_var=codes.z_log_var,
        n_trained=graph.n_nodes,
        moved=np.linalg.norm(codes.z_mean[: graph.n_nodes] - result.codes.z_mean, axis=1),
    )


def check_new_nodes(spec: RunSpec, graph: GraphData) -> None:
    """Raise RunError if an encoder has weights or positions of its own for each node, and none for new ones.

    Parameters
    ----------
    spec : RunSpec
        Of the run.
    graph : GraphData
        The graph it was trained on.
    """
    if graph.features is None and (what := NODE_INPUTS[spec.model.node_input].not_for_new):
        raise RunError(
            f"This encoder cannot encode new nodes: its input was {what}.",
            where="model.node_input",
            mend="Train with features, or with `node_input` set to `random`.",
        )


def _enlarged(
    spec: RunSpec, message: sparse.csr_array, place: np.ndarray, more: RawGraph, n: int
) -> sparse.csr_array:
    """Return the message edges with the new ones, repaired as the run's data were; float32 (n, n)."""
    known = message.tocoo()
    before = sparse.csr_array((known.data, (known.row, known.col)), shape=(n, n), dtype=np.float32)
    rows, cols = place[more.rows], place[more.cols]
    if not (rows != cols).any():
        return before
    new = RawGraph(
        name="the new edges",
        rows=rows,
        cols=cols,
        weights=more.weights,
        node_ids=np.arange(n),
        directed=more.directed,
        format=more.format,
        symmetric=more.symmetric,
        relations=more.relations,
        relation_names=more.relation_names,
    )
    repairs = dataclasses.replace(spec.dataset.repairs, component="all", self_loops="drop")
    return sparse.csr_array(before.maximum(repair(new, repairs).adjacency))


def _stacked(graph: GraphData, more: RawGraph, fresh: np.ndarray, repairs: RepairSpec) -> Features | None:
    """Return the features of the nodes of training and below them those of the new ones, or None without any.

    Missing values of new nodes become the mean of training, or 0 if the run's data were repaired so.
    """
    if graph.features is None:
        return None
    if not len(fresh):
        return graph.features
    if more.features is None:
        raise DataError(
            "The new nodes have no features.", mend="Provide a row of features for each new node."
        )
    rows = sparse.csr_array(more.features)[fresh]
    if graph.feature_names and more.feature_names:
        rows = _in_order(graph.feature_names, more.feature_names, rows)
    if rows.shape[1] != graph.features.shape[1]:
        raise DataError(
            f"Expected {graph.features.shape[1]} features, as in training. Received: {rows.shape[1]}."
        )
    gone = np.isnan(rows.data)
    if gone.any():
        means = np.asarray(graph.features.mean(axis=0)).ravel()
        rows.data[gone] = 0 if repairs.missing == "zero" else means[rows.indices[gone]]
    if sparse.issparse(graph.features):
        return sparse.csr_array(sparse.vstack([graph.features, rows]), dtype=np.float32)
    return np.concatenate([graph.features, rows.toarray()]).astype(np.float32)


def _in_order(
    of_training: tuple[str, ...], given: tuple[str, ...], rows: sparse.csr_array
) -> sparse.csr_array:
    """Return the columns of `rows` as in training: a category that no new node has is 0, marks of gaps are made.

    Raises
    ------
    DataError
        If a column is missing.
    """
    places = {name: i for i, name in enumerate(given)}
    categorical = {name.partition("=")[0] for name in given if "=" in name}
    n = len(given)
    marks = rows.copy()
    marks.data = np.isnan(rows.data).astype(np.float32)
    columns: list[int] = []
    missing: list[str] = []
    for name in of_training:
        marked = name.removesuffix(" missing")
        if name in places:
            columns.append(places[name])
        elif marked != name and marked in places:
            columns.append(n + places[marked])
        elif "=" in name and name.partition("=")[0] in categorical:
            columns.append(2 * n)
        else:
            missing.append(name)
    if missing:
        raise DataError(
            f"The new nodes lack {len(missing)} of {len(of_training)} features, such as {missing[0]!r:.60}.",
            mend="Name the columns as in training.",
        )
    nothing = sparse.csr_array((rows.shape[0], 1), dtype=np.float32)
    return sparse.csr_array(sparse.hstack([rows, marks, nothing], format="csr")[:, columns])
