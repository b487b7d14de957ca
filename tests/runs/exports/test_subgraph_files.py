"""Parts of a graph as files, opened again by networkx and igraph."""

import dataclasses
import io

import igraph
import networkx as nx
import numpy as np
import pandas as pd
import pytest

from tests.pages.finished_runs import make_graph, make_result
from vgae_core.errors import LimitError
from vgae_core.runs.exports import subgraph_files
from vgae_core.runs.exports.subgraph_files import write_graph, write_subgraph

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


@pytest.mark.parametrize("format", ["graphml", "gexf"])
def test_columns_called_as_parts_of_the_format_stay_attributes(graph, table, format):
    odd = ["id", "start", "end", "viz", "parents", "class", "a\u200b", "a "]
    more = pd.DataFrame({name: np.arange(90.0) + place for place, name in enumerate(odd)})
    content = io.BytesIO(write_subgraph(graph, table.join(more), NODES, format))
    back = nx.read_graphml(content) if format == "graphml" else nx.read_gexf(content)
    assert set(back.nodes) == set(map(str, NODES))
    node = back.nodes["9"]
    assert (node["label"], node["class"]) == ("person 9  <&>", "red")
    called = ["id_", "start_", "end_", "viz_", "parents_", "class_", "a ", "a _"]
    assert [node[name] for name in called] == [9.0 + place for place in range(len(odd))]


def test_igraph_reads_it_back(graph, table, tmp_path):
    path = tmp_path / "part.graphml"
    path.write_bytes(write_subgraph(graph, table, NODES, "graphml"))
    back = igraph.Graph.Read_GraphML(str(path))
    assert back.vcount() == len(NODES)
    assert back.vs["label"][4] == "person 9  <&>"


def test_the_whole_graph_has_codes_scores_clusters_and_missing_links(graph, table, tmp_path, monkeypatch):
    monkeypatch.setattr(subgraph_files, "MISSING", 20)
    result = make_result(graph)
    clustered = table.assign(cluster_kmeans=np.arange(90) % 4)
    content = write_graph(result, graph, "graphml", clustered)
    back = nx.read_graphml(io.BytesIO(content))
    assert len(back) == 90
    logits = result.z_mean @ result.z_mean.T
    kinds = {"edge": set(), "missing link": set()}
    for a, b, edge in back.edges(data=True):
        kinds[edge["kind"]].add(frozenset((int(a), int(b))))
        assert edge["logit"] == pytest.approx(float(logits[int(a), int(b)]), rel=1e-4)
        assert edge["probability"] == pytest.approx(1 / (1 + np.exp(-edge["logit"])), rel=1e-4)
    assert kinds["edge"] == {frozenset(pair) for pair in graph.edges.tolist()}
    absent = (graph.adjacency.toarray() == 0) & np.triu(np.ones((90, 90), bool), 1)
    best = sorted(zip(*np.nonzero(absent), strict=True), key=lambda pair: -logits[pair])[:20]
    assert kinds["missing link"] == {frozenset(map(int, pair)) for pair in best}
    assert [back.nodes["7"][f"z_{i}"] for i in range(8)] == pytest.approx(result.z_mean[7].tolist(), rel=1e-5)
    assert back.nodes["7"]["cluster_kmeans"] == 3
    path = tmp_path / "whole.graphml"
    path.write_bytes(content)
    other = igraph.Graph.Read_GraphML(str(path))
    assert sorted(set(other.es["kind"])) == ["edge", "missing link"]
    assert other.vs["z_0"] == pytest.approx(result.z_mean[:, 0].tolist(), rel=1e-5)
    gexf = nx.read_gexf(io.BytesIO(write_graph(result, graph, "gexf", clustered)))
    assert {frozenset(map(int, edge)) for edge in gexf.edges} == kinds["edge"] | kinds["missing link"]
    monkeypatch.setattr(subgraph_files, "MAX_VALUES", 100)
    with pytest.raises(LimitError, match="values of nodes"):
        write_graph(result, graph, "gexf", clustered)


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
