"""The table of nodes: who each is, and what the run says of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from vgae_core.analysis.graph_structure import communities, core_numbers, degree
from vgae_core.analysis.latent_use import uncertainty
from vgae_core.analysis.reconstruction import node_errors
from vgae_core.data.arrays import load_graph
from vgae_core.data.dataset import Features, GraphData, filled
from vgae_core.data.label_splits import LABEL_PARTS, label_parts
from vgae_core.errors import DataError
from vgae_core.runs.results.codes import completed
from vgae_core.runs.results.result import RunResult
from vgae_core.runs.store.folder import RunFolder


def node_table(
    result: RunResult, graph: GraphData, columns: Mapping[str, np.ndarray] | None = None
) -> pd.DataFrame:
    """Return one row per node: who it is and what the run says of it.

    Parameters
    ----------
    result : RunResult
    graph : GraphData
        The graph the run was trained on.
    columns : mapping, optional
        Of :func:`node_columns`, where they are known; those that are not among them are left out.

    Returns
    -------
    DataFrame
        Index 0 … n_nodes - 1.  ``node`` (id); ``label`` (class name, missing where unknown)
        where the data have labels; ``degree`` (distinct neighbours), ``community`` (0 the
        largest, -1 without edges) and ``core`` (core number) where there are edges;
        ``row_values`` (values other than 0) and ``row_total`` (their sum) in a run on a matrix;
        ``uncertainty`` (mean σ, in units of z) in a variational run; ``reconstruction_error``
        (nats per pair, NaN without edges) in a run on a graph; ``feature_error`` where the run has that
        output; ``predicted_label``, its ``label_probability`` and ``label_part`` (train, val or test:
        whether the network learnt from the node's label) where it has that of labels; then the data's own
        numeric values, called ``value_…`` where their name is one of these or a code's.

    Raises
    ------
    DataError
        If the run is not of this graph.
    """
    check_belongs(result, graph)
    costly = node_columns(result, graph) if columns is None else columns
    table: dict[str, object] = {"node": graph.node_ids}
    if graph.labels is not None:
        table["label"] = class_names(graph.labels, graph.label_names)
    if graph.has_edges:
        table["degree"] = degree(graph.adjacency, directed=graph.directed)
    table |= {name: costly[name] for name in ("community", "core") if name in costly}
    if not result.family.links_nodes:
        matrix: Features = graph.features
        table["row_values"] = filled(matrix)[0]
        table["row_total"] = np.asarray(matrix.sum(axis=1), np.float32).ravel()
    if result.codes.z_log_var is not None:
        table["uncertainty"] = uncertainty(result.codes.z_log_var)
    if "reconstruction_error" in costly:
        table["reconstruction_error"] = costly["reconstruction_error"]
    if "feature_error" in result.nodes:
        table["feature_error"] = result.nodes["feature_error"]
    if "label_probabilities" in result.nodes:
        p = result.nodes["label_probabilities"]
        table["predicted_label"] = class_names(p.argmax(axis=1), graph.label_names)
        table["label_probability"] = p.max(axis=1)
        part = label_parts(graph, result.spec.split, result.spec.seed)
        if part is not None:
            table["label_part"] = class_names(part, LABEL_PARTS)
    codes = code_names(result)
    for name, values in graph.values.items():
        while name in table or name in codes:
            name = f"value_{name}"
        table[name] = values
    return pd.DataFrame(table)


def node_columns(result: RunResult, graph: GraphData) -> dict[str, np.ndarray]:
    """Return the columns of :func:`node_table` that take seconds on a large graph: communities and errors."""
    columns: dict[str, np.ndarray] = {}
    if graph.has_edges:
        columns["community"] = communities(graph.adjacency)
        columns["core"] = core_numbers(graph.adjacency)
    if result.family.links_nodes:
        columns["reconstruction_error"] = node_errors(
            result.codes.z_mean, graph.adjacency, score=result.link_scorer(graph), sides=graph.sides
        )
    return columns


def open_for_task(options: Mapping[str, Any]) -> tuple[RunResult, GraphData]:
    """Return the run and the graph whose paths are ``run`` and ``graph``.

    ``most_nodes``, where it is given, is that of :func:`vgae_core.runs.results.codes.completed`.
    """
    graph = load_graph(Path(options["graph"]))
    if not isinstance(graph, GraphData):
        raise DataError("Expected a graph after repairs.", where=str(options["graph"]))
    result = RunFolder(Path(options["run"])).result()
    return completed(result, graph, most_nodes=options.get("most_nodes")), graph


def embedding_table(result: RunResult, graph: GraphData, table: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return :func:`node_table` followed by the latent codes, ``z_0`` … ``z_{latent_dim - 1}``.

    Parameters
    ----------
    result : RunResult
    graph : GraphData
        The graph the run was trained on.
    table : DataFrame, optional
        The node table, where it is known.

    Returns
    -------
    DataFrame
        n_nodes rows; the codes are the z_mean of all edges (:attr:`RunResult.codes`), float32.

    Raises
    ------
    DataError
        If the run is not of this graph.
    """
    codes = pd.DataFrame(result.codes.z_mean, columns=code_names(result))
    return pd.concat([node_table(result, graph) if table is None else table, codes], axis=1)


def class_names(labels: np.ndarray, names: tuple[str, ...]) -> pd.Series:
    """Return the name of each class, missing where the label is -1."""
    text = np.array([*names, None], dtype=object)
    return pd.Series(text[labels], dtype="str")


def check_belongs(result: RunResult, graph: GraphData) -> None:
    """Raise DataError if a run is not of this graph."""
    if len(result.z_mean) != graph.n_nodes:
        raise DataError(
            f"The run has {len(result.z_mean)} nodes, the graph {graph.n_nodes}.",
            mend="Use the graph the run was trained on, with the same repairs.",
        )


def code_names(result: RunResult) -> list[str]:
    """Return the name of each column of the latent codes."""
    return [f"z_{i}" for i in range(result.z_mean.shape[1])]
