"""Named outputs of the models."""

from __future__ import annotations

from vgae_core.catalogue.base import Entry

OUTPUTS: dict[str, Entry] = {
    "output": Entry(
        title="Matrix reconstruction",
        help="Each row of the matrix, decoded from its latent code; the loss is the likelihood of its values.",
    ),
    "adj_rec": Entry(
        title="Adjacency reconstruction",
        help="One logit for each supervised pair of nodes: is there an edge?",
        reference="Kipf & Welling 2016, Variational Graph Auto-Encoders, arXiv:1611.07308",
    ),
    "z_vars": Entry(
        title="Latent distribution (KL)",
        help="Mean and log-variance of each node's latent code side by side; its loss is the "
        "Kullback-Leibler divergence from the standard normal prior, in nats per node or row.",
        reference="Kingma & Welling 2014, Auto-Encoding Variational Bayes, arXiv:1312.6114",
    ),
    "x_rec": Entry(
        title="Feature reconstruction",
        help="Each node's feature row, decoded from its latent code.",
    ),
    "labels": Entry(
        title="Label prediction",
        help="One logit per class, from the latent code; nodes without a label do not count.",
    ),
}


TABLES = ("x_rec", "output")


PAIRS = ("adj_rec", *TABLES)
