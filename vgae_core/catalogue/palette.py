"""Colours of figures, on pages and in reports."""

from __future__ import annotations

CATEGORICAL = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#8c8c8c", "#b8a800")
"""Okabe and Ito's colours, readable with colour-blind eyes and on both themes (black is left out).

References
----------
Okabe & Ito 2008, Color Universal Design, https://jfly.uni-koeln.de/color/
"""

CATEGORICAL_DARK = ("#3fa0dc", "#f0b030", "#20bd91", "#dd93bb", "#86cdf3", "#ea7a35", "#a6a6a6", "#e0d13a")
"""The same hues, lighter, for dark pages; both are also the themes' own chart colours."""

DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
"""Of lines, so that they are told apart without colours too; a colour that comes again has another dash."""

SEQUENTIAL = "Viridis"
"""Plotly's name of the scale for values with an order."""

MUTED = "#8c98a3"
"""What stands behind: unselected points, reference lines, nodes without a label."""
