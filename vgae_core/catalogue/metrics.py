"""Metrics on offer."""

from __future__ import annotations

from vgae_core.catalogue.objectives import ObjectiveEntry
from vgae_core.catalogue.outputs import PAIRS, TABLES
from vgae_core.catalogue.values import POSITIVE

METRICS: dict[str, ObjectiveEntry] = {
    "accuracy": ObjectiveEntry(
        title="Accuracy",
        help="Resolved as Keras does, from the output's shape: binary, by class, or by the largest column.",
        outputs=("adj_rec", "labels", *TABLES),
        targets=POSITIVE,
    ),
    "crossentropy": ObjectiveEntry(
        title="Cross-entropy",
        help="Resolved as Keras does, from the output's shape: binary, by class, or over columns.",
        outputs=("adj_rec", "labels", *TABLES),
        targets=POSITIVE,
        scales=("logit", "softmax"),
    ),
    "binary_accuracy": ObjectiveEntry(
        title="Binary accuracy",
        help="Share of entries predicted right, ones at p >= 0.5.",
        outputs=PAIRS,
        targets=("binary",),
        scales=("logit",),
        config={"threshold": 0.5},
        keras="BinaryAccuracy",
    ),
    "binary_crossentropy": ObjectiveEntry(
        title="Binary cross-entropy",
        help="-[y log p + (1-y) log(1-p)], the mean over entries.",
        outputs=PAIRS,
        targets=("binary",),
        scales=("logit",),
        keras="BinaryCrossentropy",
    ),
    "precision": ObjectiveEntry(
        title="Precision",
        help="Share of the predicted ones (p >= 0.5) that are ones; 0 where none is predicted.",
        outputs=PAIRS,
        targets=("binary",),
        scales=("logit",),
        config={"thresholds": 0.5},
        keras="Precision",
    ),
    "recall": ObjectiveEntry(
        title="Recall",
        help="Share of the ones that are predicted (p >= 0.5); 0 without ones.",
        outputs=PAIRS,
        targets=("binary",),
        scales=("logit",),
        config={"thresholds": 0.5},
        keras="Recall",
    ),
    "f1": ObjectiveEntry(
        title="F1",
        help="Harmonic mean of precision and recall at p >= 0.5; 0 where both are.",
        outputs=PAIRS,
        targets=("binary",),
        scales=("logit",),
        config={"threshold": 0.5},
        keras="F1Score",
    ),
    "auc": ObjectiveEntry(
        title="AUC (streaming)",
        help="Area under the ROC curve of entries above 0 against zeros, over 200 thresholds, on the training data; 0 "
        "where one kind is missing. Slow; the validation AUC of the run is exact and always computed.",
        outputs=PAIRS,
        targets=POSITIVE,
        keras="AUC",
    ),
    "average_precision": ObjectiveEntry(
        title="Average precision (streaming)",
        help="Precision averaged over recall of entries above 0 among zeros, over 2,000 thresholds, on the training "
        "data; 0 without ones. The validation AP of the run is exact and always computed.",
        outputs=PAIRS,
        targets=POSITIVE,
    ),
    "mean_squared_error": ObjectiveEntry(
        title="Mean squared error",
        help="Mean of (y - y_hat)^2, on the scale of the targets.",
        outputs=PAIRS,
        keras="MeanSquaredError",
    ),
    "root_mean_squared_error": ObjectiveEntry(
        title="Root mean squared error",
        help="Square root of the mean of (y - y_hat)^2, on the scale of the targets.",
        outputs=PAIRS,
        keras="RootMeanSquaredError",
    ),
    "mean_absolute_error": ObjectiveEntry(
        title="Mean absolute error",
        help="Mean of |y - y_hat|, on the scale of the targets.",
        outputs=PAIRS,
        keras="MeanAbsoluteError",
    ),
    "cosine_similarity": ObjectiveEntry(
        title="Cosine similarity",
        help="cos(y, y_hat), the mean over rows.",
        outputs=TABLES,
        keras="CosineSimilarity",
    ),
    "top_k_accuracy": ObjectiveEntry(
        title="Top-k accuracy",
        help="Share of the nodes whose class is among the k likeliest.",
        outputs=("labels",),
        config={"k": 3},
        keras="SparseTopKCategoricalAccuracy",
    ),
    "macro_f1": ObjectiveEntry(
        title="Macro F1",
        help="F1 averaged over classes; a class with no true and no predicted members counts as 0.",
        outputs=("labels",),
    ),
    "kl_normal": ObjectiveEntry(
        title="KL to the standard normal",
        help="Divergence from the prior in nats per node or row, whatever the loss is.",
        outputs=("z_vars",),
    ),
    "active_units": ObjectiveEntry(
        title="Active units",
        help="Latent dimensions whose mean varies over nodes (variance > 0.01).",
        reference="Burda et al. 2016, Importance Weighted Autoencoders, arXiv:1509.00519",
        outputs=("z_vars",),
    ),
    "mean_sigma": ObjectiveEntry(
        title="Mean sigma",
        help="Mean posterior standard deviation; 1 means the prior, so nothing was learned.",
        outputs=("z_vars",),
    ),
}
