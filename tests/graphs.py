"""Small graphs that the tests share."""

from __future__ import annotations

import dataclasses

import networkx as nx
import numpy as np
from scipy import sparse

from vgae_core.data.dataset import GraphData
from vgae_core.families import family_of


def graph_from(adjacency, features=None, labels=None, directed=False, name="test"):
    """Return GraphData from a dense or sparse adjacency."""
    matrix = sparse.csr_array(adjacency, dtype=np.float32)
    matrix.sort_indices()
    label_names = () if labels is None else tuple(f"class {i}" for i in range(int(labels.max()) + 1))
    return GraphData(
        name=name,
        adjacency=matrix,
        node_ids=np.arange(matrix.shape[0], dtype=np.int64),
        directed=directed,
        features=features,
        labels=None if labels is None else labels.astype(np.int32),
        label_names=label_names,
    )


def karate():
    """Return Zachary's karate club: 34 nodes, 78 edges, two clubs, no features."""
    graph = nx.karate_club_graph()
    clubs = np.array([int(graph.nodes[i]["club"] == "Officer") for i in graph])
    return graph_from(nx.to_scipy_sparse_array(graph, weight=None), labels=clubs, name="karate")


def communities(n=120, groups=4, n_features=30, seed=0, dense=False):
    """Return a planted-partition graph with binary (or dense real) features that follow the groups."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % groups
    same = labels[:, None] == labels[None, :]
    upper = np.triu(rng.random((n, n)) < np.where(same, 0.25, 0.01), 1)
    if dense:
        features = (rng.normal(size=(groups, n_features))[labels] + rng.normal(size=(n, n_features))).astype(
            np.float32
        )
    else:
        chance = np.full((groups, n_features), 0.05)
        for group in range(groups):
            chance[group, group::groups] = 0.5
        features = sparse.csr_array((rng.random((n, n_features)) < chance[labels]).astype(np.float32))
    return graph_from((upper | upper.T).astype(np.float32), features, labels, name="communities")


def two_sided(reference, seed=None):
    """Return GraphData of a networkx graph with the attribute `bipartite`; its nodes shuffled by `seed`."""
    nodes = list(reference)
    if seed is not None:
        nodes = [nodes[i] for i in np.random.default_rng(seed).permutation(len(nodes))]
    graph = graph_from(
        nx.to_scipy_sparse_array(nx.Graph(reference), nodelist=nodes, weight=None), name="two-sided"
    )
    sides = np.array([reference.nodes[node]["bipartite"] for node in nodes], np.int8)
    return dataclasses.replace(graph, sides=sides)


def coded_graph(n=30, p=0.15, seed=0, directed=False, d=5):
    """Return random codes of a random graph, its adjacency as CSR and dense."""
    rng = np.random.default_rng(seed)
    dense = rng.random((n, n)) < p
    if not directed:
        dense = np.triu(dense, 1)
        dense = dense | dense.T
    z = (rng.normal(size=(n, d)) * rng.gamma(1.0, size=(n, 1))).astype(np.float32)
    return z, sparse.csr_array(dense.astype(np.float32)), dense


def batches_of(graph, split, spec, label_part=None):
    """Return the training batches of a run on a graph."""
    family = family_of(spec)
    return family.batches(graph, split, family.known(graph, split), spec, label_part, None)
