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
        script="losses.BinaryCrossentropy(from_logits=True, label_smoothing={label_smoothing})",
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
        script='''
def weighted_binary_crossentropy(y_true, y_pred):
    """Cross-entropy in which the few ones weigh as much as the many zeros."""
    count, ones = ops.cast(ops.size(y_true), "float32"), ops.maximum(ops.sum(y_true), 1.0)
    zeros = ops.maximum(count - ones, 1.0)
    weight, norm = {pos_weight}, {norm}
    loss = weight * y_true * ops.softplus(-y_pred) + (1 - y_true) * ops.softplus(y_pred)
    return norm * ops.mean(loss, axis=-1)
''',
    ),
    "smoothed_binary_crossentropy": ObjectiveEntry(
        title="Label-smoothed binary cross-entropy",
        help="Binary cross-entropy to targets moved towards 1/2: y (1 - s) + s / 2. Guards against over-confidence.",
        reference="Szegedy et al. 2016, Rethinking the Inception Architecture, arXiv:1512.00567, section 7",
        outputs=PAIRS,
        targets=("binary",),
        scale="logit",
        config={"label_smoothing": 0.1},
        script="losses.BinaryCrossentropy(from_logits=True, label_smoothing={label_smoothing})",
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
        script="losses.BinaryFocalCrossentropy(from_logits=True, gamma={gamma}, alpha={alpha}, "
        "apply_class_balancing={apply_class_balancing}, label_smoothing={label_smoothing})",
    ),
    "hinge": ObjectiveEntry(
        title="Hinge",
        help="max(0, 1 - s logit), s = 1 for ones and -1 for zeros: a margin, as in a support vector machine.",
        outputs=PAIRS,
        targets=("binary",),
        scale="logit",
        keras="Hinge",
        script="losses.Hinge()",
    ),
    "squared_hinge": ObjectiveEntry(
        title="Squared hinge",
        help="The square of the hinge: large errors count more.",
        outputs=PAIRS,
        targets=("binary",),
        scale="logit",
        keras="SquaredHinge",
        script="losses.SquaredHinge()",
    ),
    "mean_squared_error": ObjectiveEntry(
        title="Mean squared error",
        help="(y - y_hat)^2: a Gaussian likelihood of fixed spread; on adjacency, of the probability (Brier "
        "score).",
        outputs=PAIRS,
        keras="MeanSquaredError",
        script="losses.MeanSquaredError()",
    ),
    "mean_absolute_error": ObjectiveEntry(
        title="Mean absolute error",
        help="|y - y_hat|: outliers count less; on adjacency, of the probability.",
        outputs=PAIRS,
        keras="MeanAbsoluteError",
        script="losses.MeanAbsoluteError()",
    ),
    "huber": ObjectiveEntry(
        title="Huber",
        help="Squared below delta, absolute above: a mean that outliers pull less.",
        reference="Huber 1964, doi:10.1214/aoms/1177703732",
        outputs=PAIRS,
        config={"delta": 1.0},
        keras="Huber",
        script="losses.Huber(delta={delta})",
    ),
    "log_cosh": ObjectiveEntry(
        title="Log-cosh",
        help="log cosh(y_hat - y): a smooth Huber loss.",
        outputs=PAIRS,
        keras="LogCosh",
        script="losses.LogCosh()",
    ),
    "poisson": ObjectiveEntry(
        title="Poisson",
        help="exp(logit) - y * logit: the negative log-likelihood of counts, up to a constant.",
        outputs=TABLES,
        targets=POSITIVE,
        scale="log",
        keras="Poisson",
        builder="vgae_core.nn.losses:poisson_log_rate",
        script='''
def poisson(y_true, y_pred):
    """Negative log-likelihood of counts whose rate is exp(y_pred); the cap keeps it finite."""
    return ops.mean(ops.exp(ops.minimum(y_pred, 30.0)) - y_true * y_pred, axis=-1)
''',
    ),
    "weight_squared_error": ObjectiveEntry(
        title="Squared error of the weight",
        help="(w - y_hat)^2: w is the weight of an edge divided by the mean weight, and 0 for a non-edge.",
        outputs=("adj_rec",),
        weights=True,
        script="losses.MeanSquaredError()",
    ),
    "weight_poisson": ObjectiveEntry(
        title="Poisson of the weight",
        help="r - w log r with the rate r = log(1 + exp(logit)): w is the weight of an edge divided by the mean "
        "weight, and 0 for a non-edge. Large errors on heavy edges count less than in the squared error.",
        outputs=("adj_rec",),
        scale="softplus",
        weights=True,
        builder="vgae_core.nn.losses:weight_poisson",
        script='''
def weight_poisson(y_true, y_pred):
    """Negative log-likelihood of weights whose rate is softplus(y_pred), 0 where there is no edge."""
    rate = ops.softplus(y_pred)
    log_rate = ops.where(y_pred < -15.0, y_pred, ops.log(ops.maximum(rate, 1e-7)))
    return ops.mean(rate - y_true * log_rate, axis=-1)
''',
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
        script='''
def multinomial(y_true, y_pred):
    """How a row's total falls on its columns: each unit is drawn from one softmax."""
    return -ops.mean(y_true * ops.log_softmax(y_pred, axis=-1), axis=-1)
''',
    ),
    "categorical_crossentropy": ObjectiveEntry(
        title="Categorical cross-entropy over columns",
        help="-sum(y log softmax(logits)): the multinomial loss, not divided by the number of columns.",
        outputs=TABLES,
        targets=POSITIVE,
        scale="softmax",
        config={"label_smoothing": 0.0},
        keras="CategoricalCrossentropy",
        script="losses.CategoricalCrossentropy(from_logits=True, label_smoothing={label_smoothing})",
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
        script='''
def negative_binomial(y_true, y_pred):
    """Negative log-likelihood of counts with mean m and variance m + m^2 / r; y_pred is log m and log r."""
    log_mean, log_r = ops.split(ops.clip(y_pred, -15.0, 15.0), 2, axis=-1)
    r, gap = ops.exp(log_r), log_mean - log_r
    value = r * ops.softplus(gap) + y_true * ops.softplus(-gap)
    value += tf.math.lgamma(r) + tf.math.lgamma(y_true + 1) - tf.math.lgamma(y_true + r)
    return ops.mean(value, axis=-1)
''',
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
        script='''
def zero_inflated_negative_binomial(y_true, y_pred):
    """Negative log-likelihood of counts with excess zeros; y_pred is log mean, log r and log odds of a zero."""
    log_expected, log_r, log_odds = ops.split(ops.clip(y_pred, -15.0, 15.0), 3, axis=-1)
    r, excess = ops.exp(log_r), ops.softplus(log_odds)
    gap = ops.minimum(log_expected + excess, 15.0) - log_r
    nats = r * ops.softplus(gap) + y_true * ops.softplus(-gap)
    nats += tf.math.lgamma(r) + tf.math.lgamma(y_true + 1) - tf.math.lgamma(y_true + r)
    return ops.mean(nats + excess - ops.where(y_true == 0, ops.softplus(log_odds + nats), 0.0), axis=-1)
''',
    ),
    "cosine_similarity": ObjectiveEntry(
        title="Cosine",
        help="1 - cos(y, y_hat): the direction of the row, whatever its length.",
        outputs=TABLES,
        keras="CosineSimilarity",
        builder="vgae_core.nn.losses:cosine_distance",
        script='''
def cosine_distance(y_true, y_pred):
    """1 - cosine of target and prediction; 1 where a row is zero."""
    square = ops.sum(y_true**2, axis=-1) * ops.sum(y_pred**2, axis=-1)
    return 1 - ops.sum(y_true * y_pred, axis=-1) * ops.rsqrt(ops.maximum(square, 1e-12))
''',
    ),
    "kl_normal": ObjectiveEntry(
        title="KL to the standard normal",
        help="-1/2 sum(1 + log s^2 - mu^2 - s^2), in nats per node or row.",
        reference="Kingma & Welling 2014, appendix B, arXiv:1312.6114",
        outputs=("z_vars",),
        builder="vgae_core.nn.losses:kl_normal",
        script='''
def kl_normal(y_true, y_pred):
    """The divergence of each latent normal distribution from N(0, 1); it needs no target."""
    mean, log_var = ops.split(y_pred, 2, axis=-1)
    return -0.5 * ops.sum(1 + log_var - mean**2 - ops.exp(log_var), axis=-1)
''',
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
        script='''
def kl_free_bits(y_true, y_pred):
    """The divergence from N(0, 1), where every latent dimension counts at least {nats} nats."""
    mean, log_var = ops.split(y_pred, 2, axis=-1)
    return ops.sum(ops.maximum(-0.5 * (1 + log_var - mean**2 - ops.exp(log_var)), {nats}), axis=-1)
''',
    ),
    "sparse_categorical_crossentropy": ObjectiveEntry(
        title="Categorical cross-entropy",
        help="-log p(class), from logits, over the labelled training nodes.",
        outputs=("labels",),
        keras="SparseCategoricalCrossentropy",
        script="losses.SparseCategoricalCrossentropy(from_logits=True)",
    ),
    "sparse_categorical_focal": ObjectiveEntry(
        title="Categorical focal",
        help="-(1 - p)^gamma log p of the right class: easy nodes count less.",
        reference="Lin et al. 2017, arXiv:1708.02002",
        outputs=("labels",),
        config={"gamma": 2.0},
        builder="vgae_core.nn.losses:sparse_categorical_focal",
        script='''
def sparse_categorical_focal(y_true, y_pred):
    """Cross-entropy that counts what is already classified well less."""
    truth = ops.one_hot(ops.reshape(ops.cast(y_true, "int32"), (-1,)), y_pred.shape[-1])
    log_p = ops.sum(truth * ops.log_softmax(y_pred), axis=-1)
    return -(ops.maximum(1 - ops.exp(log_p), 1e-7) ** {gamma}) * log_p
''',
    ),
}


LIKELIHOODS: dict[str, tuple[str, str]] = {
    "binary": ("binary_crossentropy", "every value is 0 or 1"),
    "count": ("multinomial", "values are whole numbers >= 0: how a row's total falls on its columns"),
    "non-negative": ("multinomial", "values are >= 0: how a row's total falls on its columns"),
    "real": ("mean_squared_error", "some values are negative: a Gaussian likelihood"),
}
"""For each kind of values, the default likelihood of a matrix and the reason shown with it."""
