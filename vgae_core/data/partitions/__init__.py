"""Graphs larger than memory: from parts of edges on disk to arrays that training maps, by tasks of bounded memory.

- ``parts`` reads edges from Parquet and text files, a chunk at a time, and names file and row of what is wrong;
- ``naming`` numbers nodes that are called by names, by the hash of the name;
- ``sorting`` sorts the arcs of a chunk, so that a block of nodes is a slice of each chunk;
- ``blocks`` merges the arcs of a block of nodes, holds edges out, sums degrees and normalises;
- ``prepared`` is the folder that comes of it, and opens it;
- ``preparation`` knows the order.

Each task is a function of paths and numbers: it reads what earlier tasks wrote, and writes files under names of its
own, whole or not at all, so that it may be done again, anywhere, by any worker that sees the same folders.
"""
