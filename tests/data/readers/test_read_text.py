"""Delimited text: edge lists, features and labels, in every layout users bring."""

import gzip

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from vgae_core.data.readers import SourceFile, read
from vgae_core.errors import DataError, LimitError
from vgae_core.host.limits import Limits
from vgae_core.settings import FileSpec

PATH = "0,1\n1,2\n2,3\n"
"""A path of four nodes."""


@pytest.fixture
def files(tmp_path):
    """Return a function that writes (name, content[, role]) and reads them all."""

    def run(*parts, **options):
        sources, how = [], []
        for name, content, *role in parts:
            path = tmp_path / name
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
            sources.append(SourceFile(name, path))
            how.extend(FileSpec(name=name, role=r) for r in role)
        return read(sources, how, **options)

    return run


def named_edges(graph):
    return [(graph.node_ids[i], graph.node_ids[j]) for i, j in zip(graph.rows, graph.cols, strict=True)]


def dense(features):
    return features.toarray() if sparse.issparse(features) else features


LAYOUTS = {
    "comma": "a,b\nb,c\n",
    "semicolon": "a;b\nb;c\n",
    "tab": "a\tb\nb\tc\n",
    "space": "a b\nb c\n",
    "many spaces": "  a   b \n b \t c\n",
    "windows lines": "a,b\r\nb,c\r\n",
    "no last newline": "a,b\nb,c",
    "byte order mark": "\ufeffsource,target\na,b\nb,c\n",
    "utf-16": "a,b\nb,c\n".encode("utf-16"),
    "header": "source,target\na,b\nb,c\n",
    "header in other order": "weight,Target,Source\n1,b,a\n1,c,b\n",
    "comments": "# SNAP\n% KONECT\n\na b\n# between\nb c\n",
    "quoted": '"a","b"\n"b","c"\n',
    "blank after comma": "a, b\nb, c\n",
    "blank lines": "a,b\n\n\nb,c\n\n",
}


@pytest.mark.parametrize("content", LAYOUTS.values(), ids=LAYOUTS)
def test_every_layout_gives_the_same_edges(files, content):
    graph = files(("edges.txt", content))
    assert named_edges(graph) == [("a", "b"), ("b", "c")]
    assert sorted(graph.node_ids) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("content", "ids"),
    [
        ("5,7\n7,9\n", [5, 7, 9]),
        ("5.0,7.0\n7.0,9.0\n", [5, 7, 9]),
        ("-3,7\n7,90000000000\n", [-3, 7, 90000000000]),
        ("007,7\n7,08\n", ["007", "7", "08"]),
        ("1,a\n2,b\n", ["1", "2", "a", "b"]),
        ("True,False\nFalse,x\n", ["True", "False", "x"]),
        ("NA,nan\nnan,null\n", ["NA", "nan", "null"]),
        ("99999999999999999999,1\n1,2\n", ["99999999999999999999", "1", "2"]),
        ("C#,F#\nF#,J\n", ["C#", "F#", "J"]),
        ("1.5,2\n2,3\n", ["1.5", "2", "3"]),
        ('"a, x",b\nb,c\n', ["a, x", "b", "c"]),
        ("α,β\nβ,中\n", ["α", "β", "中"]),
    ],
)
def test_ids_stay_what_they_are(files, content, ids):
    graph = files(("edges.csv", content))
    assert graph.node_ids.tolist() == ids
    assert graph.node_ids.dtype == (np.int64 if isinstance(ids[0], int) else object)


def test_weights_and_decimal_commas(files):
    assert files(("e.csv", "0,1,0.5\n1,2,2\n")).weights.tolist() == [0.5, 2.0]
    assert files(("e.csv", "source;target;weight\na;b;0,5\nb;c;1,5\n")).weights.tolist() == [0.5, 1.5]
    assert files(("e.csv", PATH)).weights is None


def test_unused_columns_are_named(files):
    graph = files(("e.csv", "Source,Target,Type,Id,Weight\na,b,Directed,0,2.5\nb,c,Directed,1,1\n"))
    assert graph.weights.tolist() == [2.5, 1.0]
    (finding,) = graph.findings
    assert finding.code == "columns-ignored"
    assert finding.examples == ("Type", "Id")


class TestCountRow:
    def test_read_as_counts(self, files):
        graph = files(("snap.txt", "4 3\n0 1\n1 2\n2 3\n"))
        assert (graph.n_nodes, len(graph.rows)) == (4, 3)
        assert graph.findings[0].code == "count-row"

    def test_other_separator_below(self, files):
        assert len(files(("snap.txt", "4 3\n0\t1\n1\t2\n2\t3\n")).rows) == 3

    def test_weighted_rows_below(self, files):
        graph = files(("snap.txt", "4 3\n0 1 2.5\n1 2 1\n2 3 1\n"))
        assert graph.weights.tolist() == [2.5, 1, 1]

    def test_announced_nodes_without_edges_are_kept(self, files):
        graph = files(("snap.txt", "6 3\n0 1\n1 2\n2 3\n"))
        assert graph.node_ids.tolist() == [0, 1, 2, 3, 4, 5]
        assert named_edges(graph) == [(0, 1), (1, 2), (2, 3)]

    def test_counted_from_one(self, files):
        graph = files(("snap.txt", "5 3\n1 2\n2 3\n3 4\n"))
        assert graph.node_ids.tolist() == [1, 2, 3, 4, 5]
        assert named_edges(graph) == [(1, 2), (2, 3), (3, 4)]

    @pytest.mark.parametrize("first", ["9 8", "3 40", "2 3"])
    def test_an_edge_that_cannot_be_counts_stays_an_edge(self, files, first):
        graph = files(("e.txt", f"{first}\n0 1\n1 2\n2 30\n"))
        assert named_edges(graph)[0] == tuple(map(int, first.split()))
        assert len(graph.rows) == 4


@pytest.mark.parametrize(
    ("content", "directed"),
    [
        ("0,1\n1,2\n", False),  # each pair once
        ("0,1\n1,0\n1,2\n2,1\n", False),  # each pair in both directions
        ("0,1\n1,0\n1,2\n", True),  # some pairs in both
        ("0,1,2\n1,0,2\n", False),
        ("0,1,2\n1,0,3\n", True),  # the weights differ
        ("0,0\n0,1\n", False),
        ("# Directed graph\n0 1\n1 2\n", True),
        ("% sym\n0 1\n1 0\n1 2\n", False),
    ],
)
def test_direction_is_read_from_the_entries(files, content, directed):
    assert files(("e.txt", content)).directed is directed


BAD_EDGES = {
    "empty": ("", "e.csv: The file is empty."),
    "blank": ("\n \n", "no rows"),
    "comments only": ("# a\n# b\n", "only comments"),
    "header only": ("source,target\n", "a header and no rows"),
    "one column": ("a\nb\n", "line 1: An edge needs two columns. Received: 'a'"),
    "infinite weight": ("s,t,weight\n1,2,1\n2,3,inf\n", "line 3, column weight: The value is 'inf'"),
    "overflowing weight": ("1,2,1\n2,3,1e39\n", "line 2, column 3"),
    "text weight": ("# c\ns,t,weight\n1,2,1\n# c\n2,3,x\n", "line 5, column weight: The value is 'x'"),
    "empty source": ("0,1\n\n,2\n", "line 3: The source of an edge is empty"),
    "short row": ("0,1\n" * 300 + "7\n", "line 301: The target of an edge is empty"),
    "long row": ("0,1\n" * 300 + "1,2,3\n", "line 301: Expected 2 comma-separated columns. Received: 3"),
    "long row at the top": ("0,1\n1,2,3\n2,3\n", "line 2: Expected 2 comma-separated columns. Received: 3"),
    "open quote": ('a,b\nc,"d\ne,f\n', "line 2: A quotation mark"),
    "PNG": (b"\x89PNG\r\n\x1a\n" + b"\0" * 40, "This is a PNG image"),
    "pickle": (b"\x80\x04\x95\0\0", "This Python pickle"),
    "HTML": ("<!DOCTYPE html><p>404", "an XML or HTML document"),
    "binary": (bytes(range(256)) * 4, "a binary file"),
}


@pytest.mark.parametrize(("content", "message"), BAD_EDGES.values(), ids=BAD_EDGES)
def test_bad_edges_end_in_one_message_with_the_place(files, content, message):
    with pytest.raises(DataError) as caught:
        files(("e.csv", content))
    assert message in str(caught.value)
    assert str(caught.value).startswith("e.csv")
    assert caught.value.mend or "line" in caught.value.where
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("limits", "unit"),
    [({"edges": 2}, "entries"), ({"nodes": 3}, "nodes"), ({"upload_bytes": 5}, "file size")],
)
def test_over_a_limit(files, limits, unit):
    with pytest.raises(LimitError, match=unit) as caught:
        files(("e.csv", PATH), limits=Limits(**limits))
    assert f"VGAE_STUDIO_LIMIT_{next(iter(limits)).upper()}" in caught.value.mend


def test_gzip_is_opened_whatever_the_name(files):
    for name in ("e.csv.gz", "e.csv"):
        assert len(files((name, gzip.compress(PATH.encode()))).rows) == 3


def test_gzip_bomb_stops_at_the_limit(files):
    bomb = gzip.compress(b"1,2\n" * 3_000_000)
    assert len(bomb) < 100_000
    with pytest.raises(LimitError, match="decompressed size"):
        files(("e.csv.gz", bomb), limits=Limits(decompressed_bytes=5_000_000))


def test_damaged_gzip(files):
    with pytest.raises(DataError, match="gzip data is damaged"):
        files(("e.csv.gz", gzip.compress(PATH.encode() * 500)[:40]))


# ----------------------------------------------------------------------------- features
class TestFeatures:
    def test_dense_by_id_in_any_order(self, files):
        graph = files(("e.csv", PATH), ("x.csv", "id,f,g\n3,1,2\n0,3,4\n2,5,6\n1,7,8\n"))
        assert dense(graph.features).tolist() == [[3, 4], [7, 8], [5, 6], [1, 2]]
        assert graph.feature_names == ("f", "g")
        assert graph.features.dtype == np.float32
        assert graph.findings == ()

    def test_dense_by_text_id_without_a_heading(self, files):
        graph = files(("e.csv", "a,b\nb,c\n"), ("x.csv", "c,1,2\na,3,4\nb,5,6\n", "features"))
        assert dense(graph.features).tolist() == [[3, 4], [5, 6], [1, 2]]

    def test_dense_by_position(self, files):
        graph = files(("e.csv", PATH), ("x.csv", "0.5,2\n3,4\n0,1\n1,1\n", "features"))
        assert dense(graph.features).tolist() == [[0.5, 2], [3, 4], [0, 1], [1, 1]]

    def test_by_position_is_told_where_ids_do_not_say_the_order(self, files):
        graph = files(("e.csv", "a,b\nb,c\n"), ("x.csv", "0.5,2\n3,4\n0,1\n", "features"))
        assert [f.code for f in graph.findings] == ["matched-by-position"]

    def test_pandas_corner(self, files, tmp_path):
        frame = pd.DataFrame([[1, 2, 3], [4, 5, 6], [7, 8, 9]], index=["b", "a", "c"])
        frame.to_csv(tmp_path / "frame.csv")
        graph = files(("e.csv", "a,b\nb,c\n"), ("x.csv", (tmp_path / "frame.csv").read_text(), "features"))
        assert dense(graph.features).tolist() == [[4, 5, 6], [1, 2, 3], [7, 8, 9]]

    def test_long_form(self, files):
        rows = "node,feature,value\n0,5,1.5\n0,90,2\n3,5,1\n"
        graph = files(("e.csv", PATH), ("x.csv", rows))
        assert graph.feature_names == ("5", "90")
        assert dense(graph.features).tolist() == [[1.5, 2], [0, 0], [0, 0], [1, 0]]
        (finding,) = graph.findings
        assert (finding.code, finding.count, finding.examples) == ("nodes-without-row", 2, ("1", "2"))

    def test_long_form_repeats_are_told(self, files):
        graph = files(("e.csv", PATH), ("x.csv", "node,feature,value\n0,5,1\n0,5,4\n", "features"))
        assert dense(graph.features)[0].tolist() == [4]
        assert "feature-duplicates" in [f.code for f in graph.findings]

    def test_mostly_empty_becomes_sparse(self, files):
        table = np.eye(8, dtype=int)
        rows = "\n".join(f"{i}," + ",".join(map(str, row)) for i, row in enumerate(table))
        edges = "\n".join(f"{i},{i + 1}" for i in range(7))
        graph = files(("e.csv", edges), ("x.csv", "id," + ",".join("abcdefgh") + "\n" + rows))
        assert sparse.issparse(graph.features)
        np.testing.assert_array_equal(graph.features.toarray(), table)

    def test_ids_that_the_graph_lacks_are_counted_and_left_out(self, files):
        graph = files(("e.csv", PATH), ("x.csv", "id,f\n0,1\n1,2\n77,3\n2,4\nq,5\n3,6\n"))
        assert graph.n_nodes == 4
        assert dense(graph.features).ravel().tolist() == [1, 2, 4, 6]
        (finding,) = graph.findings
        assert (finding.code, finding.level, finding.count) == ("unknown-nodes", "warning", 2)
        assert finding.examples == ("77", "q")
        assert "x.csv" in finding.message

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            ("id,f\n70,1\n71,2\n", "None of its 2 node ids is in the graph: it has 70, 71"),
            ("id,f\n0,1\n1,-inf\n", "x.csv, line 3, column f: The value is '-inf'"),
            ("id,f\n0,1\n0,2\n", "x.csv, line 3: Node '0' has more than one row"),
            ("id,f\n0,1\n,2\n", "x.csv, line 3: The node of a row is empty"),
            ("0.5,0.1\n0.2,0.1\n", "Has 2 rows for 4 nodes"),
            ("node,feature,value\n0,5,1\n1,,2\n", "x.csv, line 3: The feature of a row is empty"),
            ("node,feature,value\n0,5,1\n1,4,x\n", "x.csv, line 3, column value: The value is 'x'"),
        ],
    )
    def test_bad_features(self, files, content, message):
        with pytest.raises(DataError) as caught:
            files(("e.csv", PATH), ("x.csv", content, "features"))
        assert message in str(caught.value)

    def test_too_many_columns(self, files):
        with pytest.raises(LimitError, match="columns 500"):
            files(
                ("e.csv", PATH),
                ("x.csv", ",".join(["1"] * 500) + "\n", "features"),
                limits=Limits(feature_columns=100),
            )


# ------------------------------------------------------------------------------- labels
class TestLabels:
    @pytest.mark.parametrize(
        "content",
        [
            "node,label\n0,cat\n1,dog\n2,cat\n3,dog\n",
            "3,dog\n2,cat\n1,dog\n0,cat\n",
            "label,id\ncat,0\ndog,1\ncat,2\ndog,3\n",
            "cat\ndog\ncat\ndog\n",
        ],
    )
    def test_classes(self, files, content):
        graph = files(("e.csv", PATH), ("l.csv", content, "labels"))
        assert [graph.label_names[i] for i in graph.labels] == ["cat", "dog", "cat", "dog"]
        assert graph.labels.dtype == np.int32

    def test_whole_numbers_are_classes_in_order(self, files):
        graph = files(("e.csv", PATH), ("l.csv", "node,label\n0,10\n1,9\n2,10\n3,9\n"))
        assert graph.label_names == ("9", "10")
        assert graph.labels.tolist() == [1, 0, 1, 0]

    def test_unknown_and_missing_are_minus_one(self, files):
        graph = files(("e.csv", PATH), ("l.csv", "node,label\n0,x\n1,\n2,y\n9,z\n8,x\n"))
        assert graph.labels.tolist() == [0, -1, 1, -1]
        assert graph.label_names == ("x", "y")  # class z was only on a node that is not there
        assert {f.code: f.examples for f in graph.findings} == {
            "unknown-nodes": ("9", "8"),
            "nodes-without-row": ("3",),
            "unknown-labels": ("",),
        }

    def test_many_valued_numbers_are_values(self, files):
        n = 200
        edges = "\n".join(f"{i},{i + 1}" for i in range(n - 1))
        target = "id,target\n" + "\n".join(f"{i},{i * i}" for i in range(n))
        graph = files(("edges.csv", edges), ("target.csv", target))
        assert graph.labels is None
        np.testing.assert_array_equal(graph.values["target"], np.arange(n, dtype=np.float32) ** 2)
        assert graph.findings[0].code == "label-values"

    def test_other_numeric_columns_of_labels_are_values_and_blanks_unknown(self, files):
        graph = files(("e.csv", PATH), ("l.csv", "id,age,label\n0,1.5,x\n1,,y\n2,3,x\n3,4,y\n", "labels"))
        assert graph.labels.tolist() == [0, 1, 0, 1]
        np.testing.assert_array_equal(graph.values["age"], np.array([1.5, np.nan, 3, 4], np.float32))

    def test_quoted_texts_with_separators_and_lines(self, files):
        content = 'id,name,page_type\n0,"a, ""b""",x\n1,"two\nlines",y\n2,c,x\n3,d,y\n'
        graph = files(("e.csv", PATH), ("l.csv", content))
        assert [graph.label_names[i] for i in graph.labels] == ["x", "y", "x", "y"]

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            ("id,target\n0,1.5\n1,inf\n2,3\n", "l.csv, line 3, column target: The value is 'inf'"),
            ("id,label\n5,a\n6,b\n", "None of its 2 node ids"),
            ("id,label\n0,a\n0,b\n", "l.csv, line 3: Node '0' has more than one row"),
            ("a\nb\n", "Has 2 labels for 4 nodes"),
        ],
    )
    def test_bad_labels(self, files, content, message):
        with pytest.raises(DataError) as caught:
            files(("e.csv", PATH), ("l.csv", content, "labels"))
        assert message in str(caught.value)


# ------------------------------------------------------------------------- who is what
class TestRoles:
    def test_content_and_names_tell(self, files):
        graph = files(
            ("target.csv", "id,label\n0,a\n1,b\n2,a\n3,b\n"),
            ("features.csv", "id,f\n0,1\n1,2\n2,3\n3,4\n", "features"),
            ("edges.csv", PATH),
        )
        assert (graph.name, len(graph.rows), graph.features.shape, len(graph.label_names)) == (
            "edges", 3, (4, 1), 2,
        )  # fmt: skip

    def test_two_edge_lists(self, files):
        with pytest.raises(DataError, match=r"Two files hold edges: a\.csv and b\.csv"):
            files(("a.csv", PATH), ("b.csv", PATH))

    def test_no_edges(self, files):
        with pytest.raises(DataError, match="No file holds edges or a matrix"):
            files(("labels.csv", "id,label\na,x\n", "labels"))

    def test_no_file(self):
        with pytest.raises(DataError, match="No file given"):
            read([])

    def test_missing_file(self, tmp_path):
        with pytest.raises(DataError, match=r"gone\.csv: The file does not exist"):
            read([SourceFile("gone.csv", tmp_path / "gone.csv")])

    def test_unknown_format_of_features(self, files):
        with pytest.raises(DataError, match=r"x\.csv: This is a PDF document"):
            files(("e.csv", PATH), ("x.csv", b"%PDF-1.7 \0", "features"))


# ------------------------------------------------------------------------ round trips
NAMES = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Zl", "Zp", "Zs")), min_size=1, max_size=6
)


@settings(max_examples=60, deadline=None)
@given(
    data=st.data(),
    separator=st.sampled_from([",", "\t", ";"]),
    weighted=st.booleans(),
    compressed=st.booleans(),
)
def test_text_ids_round_trip(tmp_path_factory, data, separator, weighted, compressed):
    pairs = data.draw(st.lists(st.tuples(NAMES, NAMES), min_size=1, max_size=20))
    frame = pd.DataFrame(pairs, columns=["source", "target"])
    if weighted:
        weights = data.draw(st.lists(st.floats(0, 1e6, width=32), min_size=len(pairs), max_size=len(pairs)))
        frame["weight"] = np.array(weights, np.float32)
    # A name that looks like a number comes back as that number: covered by its own test.
    frame["source"] = "n" + frame["source"]
    frame["target"] = "n" + frame["target"]
    path = tmp_path_factory.mktemp("round") / ("e.csv.gz" if compressed else "e.csv")
    frame.to_csv(path, sep=separator, index=False)
    graph = read([SourceFile(path.name, path)])
    assert named_edges(graph) == list(zip(frame["source"], frame["target"], strict=True))
    if weighted:
        np.testing.assert_array_equal(graph.weights, frame["weight"].to_numpy(np.float32))
    assert len(set(graph.node_ids)) == graph.n_nodes


@settings(max_examples=60, deadline=None)
@given(
    pairs=st.lists(st.tuples(st.integers(-(10**12), 10**12), st.integers(0, 50)), min_size=3, max_size=30),
    header=st.booleans(),
)
def test_whole_ids_round_trip(tmp_path_factory, pairs, header):
    path = tmp_path_factory.mktemp("round") / "e.csv"
    pd.DataFrame(pairs, columns=["from", "to"]).to_csv(path, index=False, header=header)
    graph = read([SourceFile("e.csv", path)])
    if any(f.code == "count-row" for f in graph.findings):
        pairs = pairs[1:]
    assert named_edges(graph) == pairs
    assert np.all(np.diff(graph.node_ids) > 0)


@settings(max_examples=80, deadline=None)
@given(content=st.binary(max_size=300) | st.text(max_size=200).map(str.encode))
def test_any_bytes_give_a_graph_or_one_error(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("fuzz") / "e"
    path.write_bytes(content)
    try:
        graph = read([SourceFile("e", path)])
    except DataError:
        return
    assert max([*graph.rows, *graph.cols], default=-1) < graph.n_nodes
    assert graph.weights is None or not np.isinf(graph.weights).any()


@settings(max_examples=60, deadline=None)
@given(
    content=st.text(alphabet='0123,;\t \n"#%ab.-e', max_size=80), role=st.sampled_from(["features", "labels"])
)
def test_any_table_gives_a_graph_or_one_error(tmp_path_factory, content, role):
    folder = tmp_path_factory.mktemp("fuzz")
    (folder / "e.csv").write_text(PATH)
    (folder / "t.csv").write_text(content)
    try:
        files = [SourceFile("e.csv", folder / "e.csv"), SourceFile("t.csv", folder / "t.csv")]
        graph = read(files, [FileSpec(name="t.csv", role=role)])
    except DataError:
        return
    assert graph.n_nodes == 4
    if graph.features is not None:
        assert not np.isinf(dense(graph.features)).any()
    if graph.labels is not None:
        assert graph.labels.max() < len(graph.label_names)
