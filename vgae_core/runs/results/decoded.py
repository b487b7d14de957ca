"""What a finished run's own decoder expects of features where a code lies, which need not be that of any node."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import softmax

from vgae_core.analysis.network import decode_rows, layers_of, node_head
from vgae_core.catalogue.lookup import head_of
from vgae_core.errors import RunError
from vgae_core.runs.results.result import RunResult


def decodes(result: RunResult) -> bool:
    """Return whether a run gives features back: one of a matrix does, of a graph with the output for them."""
    return any(output.name == result.family.table for output in result.spec.active_outputs)


def expected_features(result: RunResult, z: np.ndarray) -> np.ndarray:
    """Return what a run expects of features at some codes.

    Parameters
    ----------
    result : RunResult
        One that :func:`decodes`.
    z : ndarray of float32, shape (n, latent_dim)

    Returns
    -------
    ndarray of float64, shape (n, n_features)
        On the scale of the targets: probabilities, rates, values as the network learnt them, or shares of a row.

    Raises
    ------
    RunError
        If its weights do not fit.
    """
    layers = layers_of(result.model, result.state)
    try:
        if not result.family.links_nodes:
            left = decode_rows(layers, z, len(result.spec.model.hidden_units))
            logits = left @ result.codes.right[:, : left.shape[1]].T  # what lies behind is the row's total
            head = result.head
        else:
            logits = node_head(layers, "x_rec", z)
            head = head_of("x_rec", result.spec.output("x_rec").loss, logits.shape[1])
            logits = logits[:, : logits.shape[1] // head.width]
    except (KeyError, ValueError, IndexError) as error:
        raise RunError("Its weights do not fit its layers.", where="state.npz") from error
    return np.asarray(softmax(logits.astype(np.float64), axis=1)) if head.of_shares else head.expected(logits)


def along(result: RunResult, names: np.ndarray, start: np.ndarray, place: np.ndarray) -> pd.DataFrame:
    """Return which features a run expects more of at a place than at the start of the way there.

    Parameters
    ----------
    result : RunResult
    names : ndarray of str objects, shape (n_features,)
    start, place : ndarray of float, shape (latent_dim,)

    Returns
    -------
    DataFrame
        ``feature``, ``here``, ``start`` and ``change``; what grows most first, then what is expected most.
    """
    before, here = expected_features(result, np.stack([start, place]).astype(np.float32))
    order = np.lexsort((-here, before - here))
    table = pd.DataFrame({"feature": names, "here": here, "start": before, "change": here - before})
    return table.iloc[order].reset_index(drop=True)
