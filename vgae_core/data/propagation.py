"""The propagation matrix: how messages flow over the training edges."""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy import sparse

from vgae_core.errors import DataError


def normalise(message: sparse.csr_array, how: Literal["symmetric", "mean"] = "symmetric") -> sparse.csr_array:
    """Return ``D^-1/2 (A + I) D^-1/2`` of the message edges, with A transposed for arcs.

    A symmetric adjacency gets the normalisation of Kipf & Welling (2017).  For a directed
    one, ``D_in^-1/2 (A + I)^T D_out^-1/2`` lets every node hear from the nodes that
    point to it.

    Parameters
    ----------
    message : csr_array, shape (n_nodes, n_nodes)
        Adjacency of the message edges, weights >= 0; entry (i, j) is an arc from i to j.
    how : str
        ``"mean"`` gives ``D_in^-1 A^T`` instead: the (weighted) mean over the neighbours, or over the nodes that
        point here, without the node itself; a node that hears from none gets zeros.

    Returns
    -------
    csr_array of float32, shape (n_nodes, n_nodes)
        Sorted indices.

    Raises
    ------
    DataError
        If a weight is negative: degrees would lose their meaning.

    References
    ----------
    Kipf & Welling 2017, Semi-Supervised Classification with Graph Convolutional
    Networks, arXiv:1609.02907.
    """
    if message.nnz and message.data.min() < 0:
        raise DataError(
            f"Message passing needs edge weights >= 0. Received: {message.data.min():g}.",
            mend="Set the repair `weights` to `ignore`.",
        )
    if how == "mean":
        heard = sparse.csr_array(message.T, dtype=np.float64)
        degree = np.asarray(heard.sum(axis=1)).ravel()
        inverse = np.divide(1.0, degree, out=np.zeros_like(degree), where=degree > 0)
        mean = sparse.csr_array(sparse.diags_array(inverse) @ heard, dtype=np.float32)
        mean.sort_indices()
        return mean
    looped = sparse.csr_array(message, dtype=np.float64) + sparse.eye_array(message.shape[0], format="csr")
    out_degree = np.asarray(looped.sum(axis=1)).ravel()
    in_degree = np.asarray(looped.sum(axis=0)).ravel()
    left = sparse.diags_array(1.0 / np.sqrt(in_degree))
    right = sparse.diags_array(1.0 / np.sqrt(out_degree))
    result = sparse.csr_array(left @ looped.T @ right, dtype=np.float32)
    result.sort_indices()
    return result
