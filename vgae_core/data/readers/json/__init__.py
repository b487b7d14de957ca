"""Formats in JSON: node-link and its relatives, rows of a table, named arrays, lists by node."""
