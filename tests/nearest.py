"""The nearest latent codes, listed from their ranks."""

import numpy as np

from vgae_core.analysis.latent_neighbours import ranks


def nearest(z, node, k, metric="inner_product"):
    """Return the `k` nodes nearest to `node`, nearest first, and how near they are."""
    places, values = ranks(z, node, metric)
    order = np.argsort(places)[1 : k + 1]
    return order, values[order]
