"""Losses on offer."""

from __future__ import annotations

from vgae_core.catalogue.objectives import ObjectiveEntry
from vgae_core.catalogue.outputs import PAIRS, TABLES
from vgae_core.catalogue.values import POSITIVE

LOSSES: dict[str, ObjectiveEntry] = {
    "binary_crossentropy": ObjectiveEntry(
        title="Binary cross-entropy",
        help="-[y log p + (1-y) log(1-p)], from logits: the likelihood of zeros and ones.",
        outputs=PAIRS,
        targets=("binary",),
        scale="logit",
        config={"label_smoothing": 0.0},
        keras="BinaryCrossentropy",
    ),
    "weighted_binary_crossentropy": ObjectiveEntry(
        title="Weighted binary cross-entropy",
        help="-norm [pos_weight y log p + (1-y) log(1-p)]: ones count as much as zeros. Without settings "
        "pos_weight = zeros / ones and norm = all / (2 zeros), counted in each batch.",
        reference="Kipf & Welling 2016, arXiv:1611.07308, and its published code",
        outputs=PAIRS,
        targets=("binary",),
        scale="logit",
        config={"pos_weight": None, "norm": None},
        builder="vgae_core.nn.losses:weighted_binary_crossentropy",
    ),
    "smoothed_binary_crossentropy": ObjectiveEntry(
        title="Label-smoothed binary cross-entropy",
        help="Binary cross-entropy to targets moved towards 1/2: y (1 - s) + s / 2. Guards against over-confidence.",
        reference="Szegedy et al. 2016, Rethinking the Inception Architecture, arXiv:1512.00567, section 7",
        outputs=PAIRS,
        targets=("binary",),
        scale="logit",
        config={"label_smoothing": 0.1},
    ),
    "focal": ObjectiveEntry(
        title="Focal",
        help="Cross-entropy times (1-p_t)^gamma: easy pairs count less.",
        reference="Lin et al. 2017, Focal Loss for Dense Object Detection, arXiv:1708.02002",
        outputs=PAIRS,
        targets=("binary",),
        scale="logit",
        config={"gamma": 2.0, "alpha": 0.25, "apply_class_balancing": False, "label_smoothing": 0.0},
        keras="BinaryFocalCrossentropy",
    ),
    "hinge": ObjectiveEntry(
        title="Hinge",
        help="max(0, 1 - s logit), s = 1 for ones and -1 for zeros: a margin, as in a support vector machine.",
        outputs=PAIRS,
        targets=("binary",),
        scale="logit",
        keras="Hinge",
    ),
    "squared_hinge": ObjectiveEntry(
        title="Squared hinge",
        help="The square of the hinge: far misses count more.",
        outputs=PAIRS,
        targets=("binary",),
        scale="logit",
        keras="SquaredHinge",
    ),
    "mean_squared_error": ObjectiveEntry(
        title="Mean squared error",
        help="(y - y_hat)^2: a Gaussian likelihood of fixed spread; on adjacency, of the probability (Brier "
        "score).",
        outputs=PAIRS,
        keras="MeanSquaredError",
    ),
    "mean_absolute_error": ObjectiveEntry(
        title="Mean absolute error",
        help="|y - y_hat|: outliers count less; on adjacency, of the probability.",
        outputs=PAIRS,
        keras="MeanAbsoluteError",
    ),
    "huber": ObjectiveEntry(
        title="Huber",
        help="Squared below delta, absolute above: a mean that outliers pull less.",
        reference="Huber 1964, doi:10.1214/aoms/1177703732",
        outputs=PAIRS,
        config={"delta": 1.0},
        keras="Huber",
    ),
    "log_cosh": ObjectiveEntry(
        title="Log-cosh",
        help="log cosh(y_hat - y): a smooth Huber loss.",
        outputs=PAIRS,
        keras="LogCosh",
    ),
    "poisson": ObjectiveEntry(
        title="Poisson",
        help="exp(logit) - y * logit: the negative log-likelihood of counts, up to a constant.",
        outputs=TABLES,
        targets=POSITIVE,
        scale="log",
        keras="Poisson",
        builder="vgae_core.nn.losses:poisson_log_rate",
    ),
    "weight_squared_error": ObjectiveEntry(
        title="Squared error of the weight",
        help="(w - y_hat)^2: w is the weight of an edge divided by the mean weight, and 0 for a non-edge.",
        outputs=("adj_rec",),
        weights=True,
    ),
    "weight_poisson": ObjectiveEntry(
        title="Poisson of the weight",
        help="r - w log r with the rate r = log(1 + exp(logit)): w is the weight of an edge divided by the mean "
        "weight, and 0 for a non-edge. Far misses of heavy edges count less than in the squared error.",
        outputs=("adj_rec",),
        scale="softplus",
        weights=True,
        builder="vgae_core.nn.losses:weight_poisson",
    ),
    "multinomial": ObjectiveEntry(
        title="Multinomial",
        help="-sum(y log softmax(logits)), divided by the number of columns: how a row's total falls on its "
        "columns. The usual choice for words and for clicks.",
        reference="Liang et al. 2018, Variational Autoencoders for Collaborative Filtering, arXiv:1802.05814",
        outputs=TABLES,
        targets=POSITIVE,
        scale="softmax",
        builder="vgae_core.nn.losses:multinomial",
    ),
    "categorical_crossentropy": ObjectiveEntry(
        title="Categorical cross-entropy over columns",
        help="-sum(y log softmax(logits)): the multinomial loss, not divided by the number of columns.",
        outputs=TABLES,
        targets=POSITIVE,
        scale="softmax",
        config={"label_smoothing": 0.0},
        keras="CategoricalCrossentropy",
    ),
    "negative_binomial": ObjectiveEntry(
        title="Negative binomial",
        help="Negative log-likelihood of over-dispersed counts: a mean for each entry and a dispersion for each "
        "column.",
        reference="Lopez et al. 2018, Deep generative modeling for single-cell transcriptomics, "
        "doi:10.1038/s41592-018-0229-2",
        outputs=("output",),
        targets=("binary", "count"),
        scale="negative_binomial",
        builder="vgae_core.nn.heads:negative_binomial",
    ),
    "zero_inflated_negative_binomial": ObjectiveEntry(
        title="Zero-inflated negative binomial",
        help="Negative log-likelihood of over-dispersed counts, some of which are zeros that were not counted: an "
        "expected value and a chance of such a zero for each entry, and a dispersion for each column. The usual choice "
        "for single-cell counts with dropout.",
        reference="Lopez et al. 2018, Deep generative modeling for single-cell transcriptomics, "
        "doi:10.1038/s41592-018-0229-2",
        outputs=("output",),
        targets=("binary", "count"),
        scale="zero_inflated_negative_binomial",
        builder="vgae_core.nn.heads:zero_inflated_negative_binomial",
    ),
    "cosine_similarity": ObjectiveEntry(
        title="Cosine",
        help="1 - cos(y, y_hat): the direction of the row, whatever its length.",
        outputs=TABLES,
        keras="CosineSimilarity",
        builder="vgae_core.nn.losses:cosine_distance",
    ),
    "kl_normal": ObjectiveEntry(
        title="KL to the standard normal",
        help="-1/2 sum(1 + log s^2 - mu^2 - s^2), in nats per node or row.",
        reference="Kingma & Welling 2014, appendix B, arXiv:1312.6114",
        outputs=("z_vars",),
        builder="vgae_core.nn.losses:kl_normal",
    ),
    "kl_free_bits": ObjectiveEntry(
        title="KL with free bits",
        help="The KL divergence, each latent dimension of each node counting at least `nats`: that much is free, "
        "which keeps dimensions from collapsing.",
        reference="Kingma et al. 2016, Improving Variational Inference with Inverse Autoregressive Flow, "
        "arXiv:1606.04934, appendix C.8",
        outputs=("z_vars",),
        config={"nats": 0.25},
        builder="vgae_core.nn.losses:kl_free_bits",
    ),
    "sparse_categorical_crossentropy": ObjectiveEntry(
        title="Categorical cross-entropy",
        help="-log p(class), from logits, over the nodes with a label in the training part.",
        outputs=("labels",),
        keras="SparseCategoricalCrossentropy",
    ),
    "sparse_categorical_focal": ObjectiveEntry(
        title="Categorical focal",
        help="-(1 - p)^gamma log p of the right class: easy nodes count less.",
        reference="Lin et al. 2017, arXiv:1708.02002",
        outputs=("labels",),
        config={"gamma": 2.0},
        builder="vgae_core.nn.losses:sparse_categorical_focal",
    ),
}


LIKELIHOODS: dict[str, tuple[str, str]] = {
    "binary": ("binary_crossentropy", "every value is 0 or 1"),
    "count": ("multinomial", "values are whole and >= 0: how a row's total falls on its columns"),
    "non-negative": ("multinomial", "values are >= 0: how a row's total falls on its columns"),
    "real": ("mean_squared_error", "some values are negative: a Gaussian likelihood"),
}
"""For each kind of values, the default likelihood of a matrix and the reason shown with it."""
