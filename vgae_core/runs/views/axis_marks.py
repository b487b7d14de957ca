"""Where an axis is marked."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np


def log_marks(values: Iterable[float]) -> dict[str, Any]:
    """Return the axis settings that mark a logarithmic axis over `values` (all > 0) at round numbers.

    Plotly marks the powers of ten, of which a short axis holds one or none; the digits that it can
    write between them are too small to read.
    """
    numbers = list(values)
    if not numbers or max(numbers) >= 1000 * min(numbers):
        return {"dtick": 1}
    low, high = min(numbers), max(numbers)
    if high >= 10 * low:
        powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        marks = [digit * 10.0**power for power in powers for digit in (1, 2, 5)]
    else:
        least = (high - low) / 5 or 1.0
        power = 10.0 ** math.floor(math.log10(least))
        step = next(digit * power for digit in (1, 2, 5, 10) if digit * power >= least)
        if all(float(value).is_integer() for value in numbers):
            step = max(step, 1.0)
        marks = (step * np.arange(math.ceil(low / step), math.floor(high / step) + 1)).tolist()
    shown = [mark for mark in marks if low <= mark <= high]
    return {"tickvals": shown, "ticktext": [f"{mark:,.10g}" for mark in shown]}
