"""What the outputs of features and labels say of each node, and their scores beside a trivial answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from scipy import sparse
from sklearn.metrics import accuracy_score, f1_score

from vgae_core.data.dataset import GraphData
from vgae_core.data.label_splits import LABEL_TEST, LABEL_TRAIN
from vgae_core.families.base import TableData
from vgae_core.nn.models import BuiltModel
from vgae_core.settings import RunSpec


def score_nodes(
    built: BuiltModel,
    spec: RunSpec,
    graph: GraphData,
    table: TableData | None,
    z_mean: np.ndarray,
    label_part: np.ndarray | None,
) -> tuple[dict[str, np.ndarray], dict[str, Mapping[str, float]]]:
    """Return what the node-wise outputs say of every node, and their scores beside a trivial answer."""
    arrays: dict[str, np.ndarray] = {}
    scores: dict[str, Mapping[str, float]] = {}
    names = [output.name for output in spec.active_outputs]
    if "labels" in names and graph.labels is not None and label_part is not None:
        logits = np.asarray(built.model.get_layer("labels")(z_mean))
        arrays["label_probabilities"] = np.asarray(keras.ops.softmax(logits), np.float32)
        arrays["label_part"] = label_part
        test = label_part == LABEL_TEST
        if test.any():
            predicted = logits[test].argmax(axis=1)
            truth = graph.labels[test]
            majority = np.bincount(graph.labels[label_part == LABEL_TRAIN]).argmax()
            scores["labels"] = {
                "accuracy": float(accuracy_score(truth, predicted)),
                "macro_f1": float(f1_score(truth, predicted, average="macro", zero_division=0)),
                "majority_accuracy": float(np.mean(truth == majority)),
                "n_test": int(test.sum()),
            }
    if table is not None:
        arrays["feature_error"], scores["features"] = _feature_errors(built, table, z_mean)
    return arrays, scores


def _feature_errors(
    built: BuiltModel, table: TableData, z_mean: np.ndarray
) -> tuple[np.ndarray, dict[str, float]]:
    """Return each node's feature loss, float32 (n_nodes,), and its mean beside the column means' loss."""
    features: Any = table.targets
    loss = built.model.loss[table.output]
    decode = built.decoder(table.output)
    n, width = features.shape
    answer = built.outputs[table.output].head.trivial_answer(features)
    step = max(1, 4_000_000 // width)
    errors, plain = np.empty(n, np.float32), np.empty(n, np.float32)
    for start in range(0, n, step):
        stop = min(n, start + step)
        block = features[start:stop]
        block = (block.toarray() if sparse.issparse(block) else np.asarray(block)).astype(np.float32)
        predicted = np.asarray(decode(z_mean[start:stop]))
        trivial = np.broadcast_to(answer, block.shape)
        if predicted.shape[1] > width:  # what only the loss reads stays the model's
            trivial = np.concatenate([trivial, predicted[:, width:]], axis=1)
        for into, values in ((errors, predicted), (plain, trivial.astype(np.float32))):
            into[start:stop] = (
                np.asarray(loss.call(tf.constant(block), tf.constant(values)))
                .reshape(stop - start, -1)
                .mean(1)
            )
    return errors, {"mean_error": float(errors.mean()), "column_mean_error": float(plain.mean())}
