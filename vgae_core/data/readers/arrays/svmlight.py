"""SVMlight files: a label and ``feature:value`` pairs, one node a row."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from vgae_core.data.findings import Finding
from vgae_core.data.readers.arrays.matrices import check_finite, matrix_table
from vgae_core.data.readers.base import Content, Format, NodeTable, Probe, shorten
from vgae_core.data.readers.columns.classes import as_classes

_NUMBER = rb"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?"
_ROW = re.compile(rb"\s*" + _NUMBER + rb"(?:,\S*)?(\s+qid:\d+)?(\s+\d+:\S+)+\s*(#.*)?")
_EMPTY = re.compile(rb"\s*(" + _NUMBER + rb"\s*)?(#.*)?")
_MEND = "One node per line: label feature:value feature:value …, features in increasing order."


def _recognise(probe: Probe) -> bool:
    """Rows of pairs only, though some nodes may have no feature."""
    if not probe.is_text:
        return False
    lines = probe.head[:16_384].splitlines()
    lines = (lines[:-1] if len(lines) > 1 and len(probe.head) > 16_384 else lines)[:50]
    rows = [bool(_ROW.fullmatch(line)) for line in lines if line.strip() and not _EMPTY.fullmatch(line)]
    return bool(rows) and all(rows)


def _table(probe: Probe, content: Content, node_ids: np.ndarray) -> NodeTable:
    from sklearn.datasets import load_svmlight_file

    bound = probe.limits.feature_columns + 1  # counted from 0 or from 1
    with open(probe.path, "rb") as file:  # a file of our own: scikit-learn would unpack by the name
        try:
            matrix, targets = load_svmlight_file(file, n_features=bound, zero_based=True)
        except (ValueError, OverflowError) as error:
            if "n_features was set to" in str(error) or isinstance(error, OverflowError):
                probe.limits.check("feature_columns", probe.limits.feature_columns + 1, where=probe.name)
            raise probe.error(
                f"Not a readable SVMlight file: {shorten(str(error), 200)}.", mend=_MEND
            ) from error
    probe.limits.check("nodes", matrix.shape[0], where=probe.name)
    probe.limits.check("feature_values", matrix.nnz, where=probe.name)
    if len(matrix.indices) and not 0 <= int(matrix.indices.min()) <= int(matrix.indices.max()) < bound:
        raise probe.error("A feature number is out of range.", mend=_MEND)
    first = int(matrix.indices.min(initial=1) > 0)  # most files count features from 1
    width = int(matrix.indices.max(initial=0)) + 1
    check_finite(probe, targets, np.arange(len(targets)), np.zeros(len(targets), np.int64))
    features = None if content == "labels" else matrix_table(probe, matrix[:, first:width]).features
    texts = pd.Series(
        [f"{int(t)}" if t == np.floor(t) and abs(t) < 1e15 else repr(float(t)) for t in targets]
    )
    found = as_classes(texts, certain=True)
    findings = (
        Finding("svmlight", "info", f"Features of {probe.name} are counted from {first}; its first column "
                f"{'is the class' if found else 'is kept for colouring, not as classes'}."),
    )  # fmt: skip
    return NodeTable(
        where=probe.name,
        n_rows=matrix.shape[0],
        features=features,
        feature_names=() if features is None else tuple(f"feature {k}" for k in range(first, width)),
        classes=found[0] if found else None,
        class_names=found[1] if found else (),
        values={} if found else {"label": targets.astype(np.float32)},
        findings=findings,
    )


FORMAT = Format(
    key="svmlight",
    title="SVMlight",
    suffixes=("svm", "svmlight", "libsvm"),
    recognise=_recognise,
    guess=lambda probe: "features",
    table=_table,
)
