"""What the script of a run reads, and the zip of both."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
from scipy import sparse

from vgae_core.analysis.baselines import run_baselines
from vgae_core.analysis.network import layers_of
from vgae_core.analysis.stacking import joins, others_of
from vgae_core.data.dataset import GraphData
from vgae_core.data.edge_weights import edge_weights
from vgae_core.data.label_splits import label_parts
from vgae_core.data.node_inputs import encoder_features, feature_targets, matrix_scaling, scaled_features
from vgae_core.data.splits import PARTS, LinkSplit
from vgae_core.families import family_of
from vgae_core.runs.store.folder import RunFolder
from vgae_core.settings import RunSpec

DATA = "data.npz"
SCRIPT = "train.py"


def script_data(
    spec: RunSpec,
    graph: GraphData,
    split: LinkSplit,
    *,
    label_part: np.ndarray | None = None,
    stack: Mapping[str, float] | None = None,
) -> dict[str, np.ndarray]:
    """Return the arrays that the script of a run reads, for ``numpy.savez``; none holds Python objects.

    Parameters
    ----------
    spec : RunSpec
    graph : GraphData
        After its repairs.
    split : LinkSplit
        Of the run.
    label_part : ndarray of int8, shape (n_nodes,), optional
        Part of each node's label; drawn from the seed, as the run does, unless given.
    stack : mapping of str to float, optional
        Of the run, where it combines its score with training-free ones.
    """
    arrays = {part: getattr(split, part) for part in PARTS}
    matrices: dict[str, Any] = {}
    known = family_of(spec).known(graph, split)
    if spec.learns_weights:
        arrays["train_weights"] = edge_weights(graph.adjacency, split.train)
    if family_of(spec).entry.links_nodes:
        if graph.sides is not None:
            arrays["sides"] = graph.sides
        matrices["message"] = known
        if stack and joins(stack):
            arrays |= _training_free(graph, spec, split, known, stack)
        features = encoder_features(graph, known, spec)
        if features is not None:
            matrices["features"] = features
        if any(output.name == "x_rec" for output in spec.active_outputs):
            matrices["targets"] = feature_targets(graph, spec, features)
    else:
        scaling = matrix_scaling(known, spec)
        if scaling is not None:
            known, arrays["units"] = scaling.apply(known), scaling.unit
        matrices["matrix"] = known
    for name, matrix in matrices.items():
        if sparse.issparse(matrix):
            csr = sparse.csr_array(matrix)
            for part in ("data", "indices", "indptr"):
                arrays[f"{name}_{part}"] = getattr(csr, part)
            arrays[f"{name}_shape"] = np.array(csr.shape)
        else:
            arrays[name] = np.asarray(matrix)
    if graph.labels is not None:
        drawn = label_part if label_part is not None else label_parts(graph, spec.split, spec.seed)
        arrays["labels"], arrays["label_part"] = graph.labels, np.asarray(drawn)
    return arrays


def _training_free(
    graph: GraphData, spec: RunSpec, split: LinkSplit, message: sparse.csr_array, stack: Mapping[str, float]
) -> dict[str, np.ndarray]:
    """Return ``scored_pairs`` int64 (n_pairs, 2), held-out pairs in order, and the scores that the run combines."""
    parts = (split.val, split.val_neg, split.test, split.test_neg)
    pairs = np.unique(np.concatenate(parts), axis=0)
    scores = run_baselines(message, scaled_features(graph, spec), pairs, others_of(stack))
    return {"scored_pairs": pairs, **{f"score_{name}": values for name, values in scores.items()}}


def write_script(text: str, run: RunFolder, to: Path | IO[bytes]) -> None:
    """Write a script with the data of a finished run and its specification as a zip.

    Parameters
    ----------
    text : str
        From :func:`vgae_core.runs.exports.script.equivalent_script`.
    run : RunFolder
    to : Path or binary file

    Raises
    ------
    RunError
        If the run has no result.
    """
    arrays = io.BytesIO()
    result = run.result()
    values = script_data(run.spec, run.graph(), result.split, stack=result.stack)
    for name, weights in layers_of(result.model, result.state).items():
        values |= {f"weight/{name}/{i}": weight for i, weight in enumerate(weights)}
    np.savez_compressed(arrays, allow_pickle=False, **values)
    with zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(SCRIPT, text)
        archive.writestr(DATA, arrays.getvalue())
        archive.writestr("spec.json", json.dumps(run.spec.to_dict(), indent=2))
