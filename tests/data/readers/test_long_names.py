"""Names longer than a name is: kept apart, cut, and told."""

import pytest

from vgae_core.data.arrays import graph_to_arrays
from vgae_core.data.readers import SourceFile, read
from vgae_core.host.limits import Limits

LONG = "a" * 3000


@pytest.fixture
def graph(tmp_path):
    (tmp_path / "edges.csv").write_text(f"source,target\nx,{LONG}\nx,{LONG}b\nx,y\n")
    (tmp_path / "labels.csv").write_text(f"node,label\nx,{LONG}\ny,plain\n")
    files = [SourceFile(name, tmp_path / name) for name in ("edges.csv", "labels.csv")]
    return read(files, limits=Limits(name_length=100))


def test_long_names_are_cut_and_still_differ(graph):
    assert graph.n_nodes == 4
    assert len(set(graph.node_ids)) == 4
    assert all(len(name) <= 100 for name in (*graph.node_ids, *graph.label_names))
    assert sum(name.startswith("aaaa") for name in graph.node_ids) == 2
    assert {"x", "y"} < set(graph.node_ids)
    assert sum(len(array) for name, array in graph_to_arrays(graph).items() if name.endswith("text")) < 500


def test_that_names_are_cut_is_told(graph):
    told = [finding for finding in graph.findings if finding.code == "long-names"]
    assert [(finding.level, finding.count) for finding in told] == [("warning", 2), ("warning", 1)]
    assert "3,001" in told[0].message
    assert "classes" in told[1].message


def test_names_of_a_usual_length_are_left_alone(tmp_path):
    (tmp_path / "edges.csv").write_text("source,target\nx,y\ny,z\n")
    graph = read([SourceFile("edges.csv", tmp_path / "edges.csv")])
    assert not [finding for finding in graph.findings if finding.code == "long-names"]
