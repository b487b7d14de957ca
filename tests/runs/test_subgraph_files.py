"""Parts of a graph as files, opened again by networkx and igraph."""

import dataclasses
import io

import igraph
import networkx as nx
import numpy as np
import pandas as pd
import pytest

from tests.pages.finished_runs import make_graph
from vgae_core.errors import LimitError
from vgae_core.runs import subgraph_files
from vgae_core.runs.subgraph_files import write_subgraph

NODES = np.array([0, 1, 2, 5, 9, 30, 31, 33])


@pytest.fixture(scope="module")
def graph():
    return make_graph(nasty=" \x0b<&>")


@pytest.fixture(scope="module")
def table(graph):
    label = pd.Series([None if k < 0 else graph.label_names[k] for k in graph.labels], dtype="str")
    return pd.DataFrame(
        {"node": graph.node_ids, "label": label, "degree": np.arange(90), "income": graph.values["income"]}
    )


@pytest.mark.parametrize("format", ["graphml", "gexf"])
def test_networkx_reads_it_back(graph, table, format):
    content = io.BytesIO(write_subgraph(graph, table, NODES, format))
    back = nx.read_graphml(content) if format == "graphml" else nx.read_gexf(content)
    whole = nx.from_scipy_sparse_array(graph.adjacency)
    expected = {frozenset(map(str, edge)) for edge in whole.subgraph(NODES.tolist()).edges}
    assert {frozenset(edge) for edge in back.edges} == expected
    assert expected
    node = back.nodes["9"]
    assert node["label"] == "person 9  <&>"
    assert node["degree"] == 9
    assert node["income"] == pytest.approx(float(graph.values["income"][9]))
    assert "class" not in back.nodes["0"]  # its label is unknown
    assert node["class"] == "red"


def test_igraph_reads_it_back(graph, table, tmp_path):
    path = tmp_path / "part.graphml"
    path.write_bytes(write_subgraph(graph, table, NODES, "graphml"))
    back = igraph.Graph.Read_GraphML(str(path))
    assert back.vcount() == len(NODES)
    assert back.vs["label"][4] == "person 9  <&>"


def test_directions_and_weights_stay(graph, table):
    arcs = graph.adjacency.copy()
    arcs.data[:] = np.arange(1, arcs.nnz + 1) / 4
    directed = dataclasses.replace(graph, adjacency=arcs, directed=True)
    back = nx.read_graphml(io.BytesIO(write_subgraph(directed, table, NODES, "graphml")))
    assert back.is_directed()
    for a, b, weight in back.edges(data="weight"):
        assert weight == pytest.approx(float(arcs[int(a), int(b)]))


def test_too_many_nodes_are_refused(graph, table, monkeypatch):
    limits = dataclasses.replace(subgraph_files.LIMITS, answer_nodes=3)
    monkeypatch.setattr(subgraph_files, "LIMITS", limits)
    with pytest.raises(LimitError):
        write_subgraph(graph, table, NODES, "gexf")
