"""Adjacency lists and dense matrices as text, told from edge lists and tables."""

import os

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vgae_core.data.readers import SourceFile, read
from vgae_core.errors import DataError, LimitError
from vgae_core.host.limits import Limits
from vgae_core.settings import FileSpec

EXAMPLES = 1000 if os.environ.get("VGAE_STUDIO_NIGHTLY") == "1" else 40
quiet = settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("adjacency")


@pytest.fixture
def file(tmp_path):
    def run(name, content, role="auto", **options):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read([SourceFile(name, path)], [FileSpec(name=name, role=role)], **options)

    return run


def arcs(graph):
    return [(graph.node_ids[i], graph.node_ids[j]) for i, j in zip(graph.rows, graph.cols, strict=True)]


# ------------------------------------------------------------------------------------- lists
class TestLists:
    @pytest.mark.parametrize(
        "text",
        [
            "a: b c d\nb: c\ne:\n",
            "a : b c d\nb : c\ne:\n",
            "a b c d\nb c\ne\n",
            "# networkx\na b c d\n\nb c\ne\n",
            "a\tb\tc\td\nb\tc\ne\n",
            "a: b, c, d\nb: c\ne:\n",
            "a b c d\r\nb c\r\ne\r\n",
            "\ufeffa b c d\nb c\ne",
        ],
    )
    def test_every_layout(self, file, text):
        graph = file("g.adjlist", text)
        assert arcs(graph) == [("a", "b"), ("a", "c"), ("a", "d"), ("b", "c")]
        assert sorted(graph.node_ids) == ["a", "b", "c", "d", "e"]
        assert graph.format == "adjacency list"

    @pytest.mark.parametrize(
        "text", ["1: 2 3 4\n2: 3\n5:\n", "1 2 3 4\n2 3\n5\n1 5 4\n3 4\n2 1 3 4\n", "9 8 7 6\n1 2\n3\n4 5 6\n"]
    )
    def test_recognised_without_a_name(self, file, text):
        assert file("upload.txt", text).format == "adjacency list"

    @pytest.mark.parametrize("sign", [" ", ",", "\t"])
    @pytest.mark.parametrize("names", ["012345", "pqrstu"])
    def test_a_few_rows_of_many_lengths_whose_neighbours_have_rows(self, file, names, sign):
        lists = [(0, 1, 2), (1, 3), (2, 3, 4, 5)]
        graph = file("g.txt", "".join(sign.join(names[i] for i in row) + "\n" for row in lists))
        assert [(str(a), str(b)) for a, b in arcs(graph)] == [
            (names[row[0]], names[i]) for row in lists for i in row[1:]
        ]

    @pytest.mark.parametrize("text", ["1,2,so\n2,3,so, so\n3,1,so, so, so\n", "1,2\n3,4,5\n6,7,8,9\n"])
    def test_uneven_rows_of_a_table_are_still_an_error(self, file, text):
        with pytest.raises(DataError, match="Expected"):
            file("g.csv", text)

    def test_comments_behind_numbers_are_left_out_and_told(self, file):
        graph = file("e.txt", "# pairs\n1 2 # old friends\n2 3 # 7\n3 1\n")
        assert arcs(graph) == [(1, 2), (2, 3), (3, 1)]
        assert next(f for f in graph.findings if f.code == "comments-ignored").count == 2
        graph = file("e.csv", "1,2,0.5 # sure\n2,3,2 #\n3,1,4\n")
        assert (arcs(graph), graph.weights.tolist()) == ([(1, 2), (2, 3), (3, 1)], [0.5, 2, 4])

    def test_a_column_of_hashtags_is_no_comment(self, file):
        graph = file("e.tsv", "1\t2\t#red\n2\t3\t#blue\n3\t1\t#red\n")
        assert "comments-ignored" not in [finding.code for finding in graph.findings]

    @pytest.mark.parametrize("text", ["a b\nb c\n", "4 3\n0 1 2.5\n1 2 1\n2 3 1\n", "source,target\na,b\n"])
    def test_an_edge_list_is_not_taken_for_lists(self, file, text):
        assert file("e.txt", text).format.startswith("edge list")

    def test_one_broken_row_of_an_edge_list_is_still_an_error(self, file):
        text = "".join(f"{i} {i + 1}\n" for i in range(50)) + "3 4 5 6\n"
        with pytest.raises(DataError, match="line 51"):
            file("e.txt", text)

    def test_both_directions_are_one_edge_each(self, file):
        graph = file("g.adjlist", "0: 1 2\n1: 0\n2: 0\n")
        assert not graph.directed
        assert file("g.adjlist", "0: 1 2\n1: 0\n2: 1\n").directed

    def test_damage_and_limits(self, file):
        content = "".join(f"{i}: ä{i + 1}ö\n" for i in range(2)).encode() + b"caf\xe9: 1\n"
        with pytest.raises(DataError, match="line 3"):
            file("g.adjlist", content)
        with pytest.raises(LimitError, match="entries"):
            file("g.adjlist", "a: b c d\n", limits=Limits(edges=2))
        with pytest.raises(LimitError, match="nodes"):
            file("g.adjlist", "a: b c d\n", limits=Limits(nodes=3))
        with pytest.raises(DataError, match=r"no rows|only comments"):
            file("g.adjlist", "# nothing\n")


@quiet
@given(data=st.data())
def test_adjacency_list_round_trip(folder, data):
    names = data.draw(st.sampled_from([
        st.integers(0, 10**9), st.text("abcäöü中-_.", min_size=1, max_size=5)
    ]))  # fmt: skip
    nodes = data.draw(st.lists(names, min_size=2, max_size=8, unique=True))
    graph = data.draw(st.sampled_from([nx.Graph, nx.DiGraph, nx.MultiGraph]))()
    graph.add_nodes_from(nodes)
    pairs = st.tuples(st.sampled_from(nodes), st.sampled_from(nodes))
    graph.add_edges_from(data.draw(st.lists(pairs, min_size=1, max_size=12)))
    path = folder / "g.adjlist"
    nx.write_adjlist(graph, path)
    raw = read([SourceFile(path.name, path)])
    ends = tuple if isinstance(graph, nx.DiGraph) else lambda pair: tuple(sorted(pair))
    assert sorted(map(ends, arcs(raw))) == sorted(map(ends, ((u, v) for u, v, *_ in graph.edges)))
    assert sorted(raw.node_ids) == sorted(nodes)


# ------------------------------------------------------------------------------------- dense
MATRIX = np.array([[0, 1, 0, 2], [1, 0, 3, 0], [0, 3, 0, 0], [2, 0, 0, 0.5]])


class TestDense:
    @pytest.mark.parametrize("separator", [",", ";", "\t", " "])
    def test_bare_numbers(self, file, separator):
        text = "\n".join(separator.join(f"{v:g}" for v in row) for row in MATRIX)
        graph = file("a.csv", text)
        assert graph.format == "dense matrix (text)"
        rebuilt = np.zeros((4, 4))
        rebuilt[graph.rows, graph.cols] = graph.weights
        np.testing.assert_array_equal(rebuilt, MATRIX)
        assert not graph.directed

    @pytest.mark.parametrize("names", [list("abcd"), ["Zoë", "b c", "中", "d"], [1, 5, 7, 9], [9, 3, 5, 1]])
    @pytest.mark.parametrize("with_rows", [True, False])
    def test_names(self, file, names, with_rows):
        if not with_rows and not isinstance(names[0], str):
            return  # numbers above numbers are a row
        table = pd.DataFrame(MATRIX, names if with_rows else None, names)
        graph = file("a.csv", table.to_csv(index=with_rows))
        assert {(u, v) for u, v in arcs(graph)} == {
            (str(names[i]) if graph.node_ids.dtype == object else names[i],
             str(names[j]) if graph.node_ids.dtype == object else names[j])
            for i, j in np.argwhere(MATRIX)
        }  # fmt: skip

    def test_a_small_matrix_needs_names(self, file):
        assert file("a.csv", ",a,b,c\na,0,1,0\nb,1,0,1\nc,0,1,0\n").format == "dense matrix (text)"
        assert file("e.csv", "0,1,1\n1,2,1\n0,2,1\n").format == "edge list (CSV)"

    @pytest.mark.parametrize("by", [" ", ",", "\t"])
    def test_three_rows_of_three_numbers_are_edges(self, file, by):
        graph = file("e.txt", "1 2 1\n2 3 4\n1 3 2\n".replace(" ", by))
        assert graph.format.startswith("edge list")
        assert graph.node_ids.tolist() == [1, 2, 3]
        assert graph.weights.tolist() == [1, 4, 2]

    def test_unless_they_are_an_adjacency(self, file):
        graph = file("a.csv", "0,1,1\n1,0,1\n1,1,0\n")
        assert graph.format == "dense matrix (text)"
        assert (len(graph.node_ids), len(graph.rows)) == (3, 6)

    @pytest.mark.parametrize(
        "text",
        [
            "1 2 1 1082040961\n2 3 1 1082155839\n1 4 1 1082414391\n4 3 1 1082439619\n",
            "1 2 5 1999\n2 3 0 2001\n1 4 4 2003\n4 3 2 2002\n",
            "7 8 1 3\n8 9 2 3\n9 7 2 4\n7 6 1 1\n",
            "source,target,weight,layer\n1,2,0,3\n2,3,1,0\n1,4,1,1\n4,3,1,0\n",
        ],
    )
    def test_as_many_edges_as_columns_are_a_list(self, file, text):
        graph = file("e.txt", text)
        assert graph.format.startswith("edge list")
        assert len(graph.rows) == 4

    def test_directions(self, file):
        graph = file("a.csv", "0 1 0 0\n0 0 1 0\n0 1 0 1\n1 0 0 0\n")
        assert graph.directed
        assert len(graph.rows) == 5

    def test_square_features_beside_edges(self, tmp_path):
        (tmp_path / "edges.csv").write_text("0,1\n1,2\n2,3\n")
        (tmp_path / "features.csv").write_text("\n".join(",".join(map(str, row)) for row in MATRIX))
        graph = read([SourceFile(n, tmp_path / n) for n in ("features.csv", "edges.csv")])
        assert graph.features.shape == (4, 4)
        assert graph.format == "edge list (CSV)"

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("0 1 0 0\n0 0 inf 0\n0 1 0 1\n1 0 0 0\n", "line 2.*finite"),
            ("a,a,b,c\n0,1,0,0\n0,0,1,0\n0,1,0,1\n1,0,0,0\n", "not unique"),
        ],
    )
    def test_damage_is_named(self, file, text, message):
        with pytest.raises(DataError, match=message):
            file("a.csv", text)

    def test_limits(self, file):
        text = "\n".join(" ".join("0" * 40) for _ in range(40))
        with pytest.raises(LimitError):
            file("a.txt", text, limits=Limits(feature_values=1000))


@quiet
@given(data=st.data())
def test_dense_round_trip(folder, data):
    n = data.draw(st.integers(4, 12))
    matrix = np.zeros((n, n), np.float32)
    values = st.floats(-100, 100, width=32, allow_subnormal=False)
    for _ in range(data.draw(st.integers(1, 20))):
        i, j = data.draw(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)))
        matrix[i, j] = data.draw(values)
    table = pd.DataFrame(matrix)
    path = folder / "a.csv"
    named = data.draw(st.booleans())
    table.to_csv(path, index=named, header=named, sep=data.draw(st.sampled_from(",;\t ")))
    raw = read([SourceFile(path.name, path)])
    rebuilt = np.zeros((n, n), np.float32)
    rebuilt[raw.rows, raw.cols] = raw.weights
    np.testing.assert_array_equal(rebuilt, matrix)
