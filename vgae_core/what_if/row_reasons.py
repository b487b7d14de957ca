"""Why a row is recommended a column: what each of its entries does to the logit."""

from __future__ import annotations

from typing import Any

import numpy as np

from vgae_core.what_if.around import Progress
from vgae_core.what_if.row_changes import RowChanges
from vgae_core.what_if.rows import RowsWhatIf
from vgae_core.what_if.why import FEATURES, Effect, Effects


def leave_out_entries(
    model: RowsWhatIf, changes: RowChanges, row: int, column: int, progress: Progress | None = None
) -> Effects:
    """Return what each entry of a row does to the logit of one column: cleared, all others as they are.

    Of more than :data:`~vgae_core.what_if.why.FEATURES` entries the largest are tried.

    Parameters
    ----------
    model : RowsWhatIf
    changes : RowChanges
        The matrix as it is asked about.
    row, column : int
    progress : callable, optional
    """
    whole = model.row_scores(row, changes)
    holds = np.flatnonzero(whole.values)
    tried = holds[np.argsort(-np.abs(whole.values[holds]), kind="stable")][:FEATURES]
    effects: list[Effect] = []
    for done, other in enumerate(tried.tolist()):
        if progress is not None:
            progress(done / len(tried), f"entry {done + 1} of {len(tried)}")
        own: dict[int, Any] = {**changes.entries.get(row, {}), other: 0.0}
        without = RowChanges({**changes.entries, row: own}, changes.cleared, changes.new, changes.named)
        logit = float(model.row_scores(row, without).logits[column])
        effects.append(Effect(model.columns[other], "entry", (), logit, logit - float(whole.logits[column])))
    found = tuple(sorted(effects, key=lambda effect: -abs(effect.change)))
    return Effects(float(whole.logits[column]), found, len(holds))
