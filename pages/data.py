"""Bring a graph, look at it, decide on its repairs."""

from dashboard import frame

frame.require_router("data")

frame.header("Data", "Bring a graph, look at it, and decide what is done to it before training.")
