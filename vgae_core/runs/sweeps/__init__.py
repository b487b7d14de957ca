"""Sweeps: many runs of one specification with some of its settings varied, and the choice among them."""
