"""Clusters and label probes of a finished run, as tasks of a child process."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from vgae_core.analysis.clusters import METHODS, ClusterSpec, agreement, cohesion, find_clusters, separation
from vgae_core.analysis.probe import INPUTS, probe_labels
from vgae_core.analysis.smoothing import short, smoothed
from vgae_core.data.dataset import GraphData
from vgae_core.data.node_inputs import scaled_features
from vgae_core.errors import DataError, LimitError
from vgae_core.runs.views.node_tables import open_for_task

Report = Callable[[float, str], None]
Answer = tuple[dict[str, np.ndarray], dict[str, Any]]


def clusters_task(arrays: dict[str, np.ndarray], options: dict[str, Any], progress: Report) -> Answer:
    """Return the clusters of a run, and ``scores`` (a row per method) and ``left_out`` beside them.

    `options` are those of :func:`open_for_task`, and ``spec``, a :class:`ClusterSpec` as plain JSON types.
    """
    result, graph = open_for_task(options)
    spec = ClusterSpec.from_dict(options["spec"])
    members, left_out = find_clusters(
        result.codes.z_mean,
        spec,
        adjacency=graph.adjacency if graph.has_edges else None,
        features=scaled_features(graph, result.spec),
        labels=graph.labels,
        progress=progress,
    )
    return members, {
        "scores": cluster_scores(members, graph, result.codes.z_mean, spec),
        "left_out": left_out,
    }


def cluster_scores(
    members: Mapping[str, np.ndarray], graph: GraphData, codes: np.ndarray, spec: ClusterSpec
) -> list[dict[str, Any]]:
    """Return how many clusters each method found and how good they are, in the order of :data:`METHODS`."""
    rows = []
    for name in METHODS:
        if name not in members:
            continue
        member = members[name]
        row: dict[str, Any] = {"method": name, "clusters": int(member.max(initial=-1)) + 1}
        row["without"] = int((member < 0).sum())
        if graph.labels is not None:
            row |= agreement(member, graph.labels)
        if graph.has_edges:
            row |= cohesion(member, graph.adjacency)
        row |= separation(member, codes, spec)
        rows.append(row)
    return rows


def probe_task(arrays: dict[str, np.ndarray], options: dict[str, Any], progress: Report) -> Answer:
    """Return what a linear classifier reads from the codes of a run and from features without training.

    `options` are those of :func:`open_for_task`, and ``hops`` and ``seed`` as of :class:`ClusterSpec`.
    """
    result, graph = open_for_task(options)
    if graph.labels is None:
        raise DataError("The data have no labels.")
    inputs: dict[str, Any] = {"codes": result.codes.z_mean}
    features = scaled_features(graph, result.spec)
    if features is not None:
        inputs["features"] = features
        if graph.has_edges:
            try:
                inputs["smoothed"] = smoothed(
                    short(features, options["seed"]), graph.adjacency, options["hops"]
                )
            except LimitError:
                progress(0.0, "Too many nodes for smoothed features")
    probes = probe_labels(inputs, graph.labels, seed=options["seed"], progress=progress)
    return {}, dataclasses.asdict(probes)


def probe_table(values: Mapping[str, Any]) -> pd.DataFrame:
    """Return a row per input of what :func:`probe_task` gave: mean and standard deviation over folds.

    Returns
    -------
    DataFrame
        ``input``, ``accuracy``, ``accuracy_sd``, ``macro_f1``, ``macro_f1_sd`` (0 to 1; of a sample).
    """
    rows = []
    for name, scores in values["of"].items():
        row: dict[str, Any] = {"input": INPUTS[name]}
        for score in ("accuracy", "macro_f1"):
            row[score], row[f"{score}_sd"] = (
                float(np.mean(scores[score])),
                float(np.std(scores[score], ddof=1)),
            )
        rows.append(row)
    return pd.DataFrame(rows)
