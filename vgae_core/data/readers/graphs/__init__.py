"""Formats of graphs: what graph programs, solvers and collections of networks write."""
