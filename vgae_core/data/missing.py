"""Values that are missing (NaN) in a graph as read, and what is put in their place."""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy import sparse

from vgae_core.data.blocks import row_blocks
from vgae_core.data.dataset import Features, RawGraph
from vgae_core.errors import DataError
from vgae_core.settings import RepairSpec


def with_weights(raw: RawGraph, spec: RepairSpec) -> RawGraph:
    """Return the graph with the missing weights made 1, or without the entries that have none."""
    assert raw.weights is not None  # noqa: S101  whoever asks has looked
    missing = np.isnan(raw.weights)
    if spec.missing_weights == "one":
        return dataclasses.replace(raw, weights=np.where(missing, np.float32(1), raw.weights))
    return dataclasses.replace(
        raw,
        rows=raw.rows[~missing],
        cols=raw.cols[~missing],
        weights=raw.weights[~missing],
        relations=None if raw.relations is None else raw.relations[~missing],
    )


def missing_counts(features: Features | None) -> np.ndarray:
    """Return how many values each column lacks, int64, shape (n_columns,)."""
    if features is None:
        return np.zeros(0, np.int64)
    if sparse.issparse(features):
        return np.bincount(features.indices[np.isnan(features.data)], minlength=features.shape[1])
    counts = np.zeros(features.shape[1], np.int64)
    for _, block in row_blocks(features):
        counts += np.count_nonzero(np.isnan(block), axis=0)
    return counts


def filled_features(
    features: Features | None, names: tuple[str, ...], spec: RepairSpec, where: str
) -> tuple[Features | None, tuple[str, ...]]:
    """Return features without missing values, and the names of their columns.

    The mean is that of the known values of the column, 0 where there are none. Indicators stand behind all columns.

    Raises
    ------
    DataError
        If no column is left.
    """
    counts = missing_counts(features)
    gaps = np.flatnonzero(counts)
    if features is None or not len(gaps):
        return features, names
    is_sparse = sparse.issparse(features)
    marks = None
    if spec.missing_indicator:
        part = features[:, gaps]
        if is_sparse:
            part = part.tocoo()
            gone = np.isnan(part.data)
            marks = sparse.csr_array(
                (np.ones(int(gone.sum()), np.float32), tuple(axis[gone] for axis in part.coords)),
                shape=part.shape,
            )
        else:
            marks = np.isnan(part).astype(np.float32)
    kept = np.flatnonzero(counts == 0) if spec.missing == "drop" else np.arange(len(counts))
    if not len(kept):
        raise DataError(
            "Every feature column has missing values, so none is left.",
            where=where,
            mend="Fill missing values with the mean or 0 instead of dropping columns.",
        )
    features = features[:, kept] if len(kept) < len(counts) else features.copy()
    if spec.missing != "drop":
        means = np.zeros(len(counts), np.float32) if spec.missing == "zero" else _means(features, counts)
        values = features.data if is_sparse else features
        gone = np.isnan(values)
        values[gone] = means[features.indices[gone]] if is_sparse else means[np.nonzero(gone)[1]]
        if is_sparse:
            features.eliminate_zeros()
    marked = tuple(f"{names[i]} missing" for i in gaps) if names and marks is not None else ()
    names = (*(names[i] for i in kept), *marked) if names else ()
    if marks is not None:
        features = (
            sparse.hstack([features, marks], format="csr") if is_sparse else np.hstack([features, marks])
        )
    return features, names


def _means(features: Features, counts: np.ndarray) -> np.ndarray:
    """Return the mean of the known values of each column, 0 where none is known; float32."""
    if sparse.issparse(features):
        known = np.nan_to_num(features.data.astype(np.float64))
        sums = np.bincount(features.indices, known, minlength=features.shape[1])
    else:
        sums = np.nansum(features, axis=0, dtype=np.float64)
    return (sums / np.maximum(features.shape[0] - counts, 1)).astype(np.float32)
