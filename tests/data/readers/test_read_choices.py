"""What the user says about files counts; what nobody says is proposed and told."""

import json

import h5py
import networkx as nx
import numpy as np
import pytest
from scipy.io import savemat

from tests.data.readers.round_trip import features_of
from vgae_core.data.arrays import graph_from_arrays, graph_to_arrays
from vgae_core.data.findings import Choice, FileReport, Judgement
from vgae_core.data.readers import (
    SourceFile,
    look,
    look_isolated,
    read,
)
from vgae_core.errors import DataError
from vgae_core.settings import FileSpec

EDGES = b"0,1\n1,2\n2,3\n"
WIDE = b"id,x,y,kind\n0,0.5,1,a\n1,1.5,2,a\n2,2.5,1,b\n3,3.5,2,b\n"


@pytest.fixture
def files(tmp_path):
    """Return a function that writes named contents and returns them as files."""

    def write(**contents):
        found = []
        for name, content in contents.items():
            path = tmp_path / name.replace("_", ".")
            path.write_bytes(content)
            found.append(SourceFile(path.name, path))
        return found

    return write


def uses(report):
    return {part.name: part.use for part in report.parts}


def labels(graph):
    return [graph.label_names[i] for i in graph.labels]


def pairs(graph):
    return list(zip(graph.node_ids[graph.rows].tolist(), graph.node_ids[graph.cols].tolist(), strict=True))


# ------------------------------------------------------------------------------- proposals
def test_proposals_are_told_and_are_what_is_read(files):
    given = files(edges_csv=EDGES, features_csv=WIDE)
    seen, graph = look(given), read(given)
    assert [(r.how.name, r.how.role, r.separator, r.header) for r in seen] == [
        ("edges.csv", "edges", "comma", "no"), ("features.csv", "features", "comma", "yes"),
    ]  # fmt: skip
    assert uses(seen[0]) == {"1": "source", "2": "target"}
    assert uses(seen[1]) == {"id": "id", "x": "features", "y": "features", "kind": "features"}
    assert [(r.how, r.parts) for r in graph.files] == [(r.how, r.parts) for r in seen]
    assert graph.feature_names == ("x", "y", "kind=a", "kind=b")
    assert seen[1].rows[:2] == (("id", "x", "y", "kind"), ("0", "0.5", "1", "a"))


def test_a_look_in_the_child_is_the_same_look(files):
    given = files(edges_csv=EDGES, features_csv=WIDE)
    how = [FileSpec(name="features.csv", uses={"kind": "label"})]
    assert look_isolated(given, how) == look(given, how)


def test_a_column_called_y_is_a_feature_beside_others_or_a_label_if_said(files):
    given = files(edges_csv=EDGES, features_csv=WIDE)
    graph = read(given, [FileSpec(name="features.csv", uses={"y": "label", "kind": "ignore"})])
    assert graph.feature_names == ("x",)
    assert labels(graph) == ["1", "2", "1", "2"]
    graph = read(given, [FileSpec(name="features.csv", role="labels", uses={"y": "value", "kind": "label"})])
    assert graph.features is None
    assert labels(graph) == list("aabb")
    assert graph.values["y"].tolist() == [1, 2, 1, 2]


def test_a_wide_table_with_numbers_and_a_label_gives_both(files):
    wide = b"id,a,b,c,d,e,label\n" + b"".join(
        b"%d,1,2,0,1,3,%s\n" % (i, b"uv"[i % 2 : i % 2 + 1]) for i in range(4)
    )
    graph = read(files(edges_csv=EDGES, nodes_csv=wide))
    assert graph.feature_names == ("a", "b", "c", "d", "e")
    assert labels(graph) == list("uvuv")


def test_a_file_without_a_name_for_its_role(files):
    (report,) = look(files(edges_csv=EDGES))
    assert FileReport.from_dict(json.loads(json.dumps(report.to_dict()))) == report


def test_judgements_are_kept_with_their_settings():
    weight = Judgement(
        "weight",
        "Column 3 grows with the rows: it may be a time.",
        sure=False,
        others=(Choice("Column 3 is the weight", {"uses.3": "weight"}),),
        accept={"uses.3": "time"},
    )
    sure = Judgement("header", "The first row names the columns.")
    report = FileReport(how=FileSpec(name="e.txt"), judgements=(weight, sure), sentences=("a — b",))
    again = FileReport.from_dict(json.loads(json.dumps(report.to_dict())))
    assert again == report
    assert again.questions == (weight,)


# ------------------------------------------------------------------------- the user's word
@pytest.mark.parametrize(
    ("content", "how", "expected"),
    [
        (b"9,0,1\n9,1,2\n8,2,3\n", {"uses": {"1": "ignore"}}, [(0, 1), (1, 2), (2, 3)]),
        (b"9,0,1\n9,1,2\n8,2,3\n", {"uses": {"3": "source"}}, [(1, 9), (2, 9), (3, 8)]),
        (b"t,a,b\n9,0,1\n8,1,2\n", {"uses": {"a": "target", "b": "source"}}, [(1, 0), (2, 1)]),
        (b"1 2\n3 4\n", {"header": "yes"}, [(3, 4)]),
        (b"source,target\n1,2\n", {"header": "no"}, [("source", "target"), ("1", "2")]),
        (b"a;b,c\nd;e,c\n", {"separator": "comma"}, [("a;b", "c"), ("d;e", "c")]),
    ],
)
def test_edges_as_said(files, content, how, expected):
    assert pairs(read(files(e_csv=content), [FileSpec(name="e.csv", **how)])) == expected


def test_weight_as_said(files):
    given = files(e_csv=b"a,b,1,5\nb,c,2,6\n")
    assert read(given).weights is None
    assert read(given, [FileSpec(name="e.csv", uses={"4": "weight"})]).weights.tolist() == [5, 6]
    three = files(f_csv=b"a,b,1\nb,c,2\n")
    assert read(three).weights.tolist() == [1, 2]
    assert read(three, [FileSpec(name="f.csv", uses={"3": "ignore"})]).weights is None


def test_lists_of_features_as_said(files):
    lists = b"w,n,v\nx,0,2\ny,1,3\nx,3,1\n"
    said = {"n": "id", "w": "feature_name", "v": "feature_value"}
    graph = read(files(e_csv=EDGES, f_csv=lists), [FileSpec(name="f.csv", role="features", uses=said)])
    assert graph.feature_names == ("x", "y")
    assert features_of(graph).tolist() == [[2, 0], [0, 3], [0, 0], [1, 0]]


def test_rows_count_from_one_where_the_nodes_do(files, tmp_path):
    np.savez(tmp_path / "x.npz", x=np.array([[10.0, 1], [20, 1], [30, 1], [40, 1], [50, 1]]))
    rows = SourceFile("x.npz", tmp_path / "x.npz")
    graph = read([*files(e_csv=b"1,2\n2,5\n"), rows])
    assert features_of(graph)[:, 0].tolist() == [10, 20, 30, 40, 50]
    assert graph.node_ids.tolist() == [1, 2, 3, 4, 5]
    given = [*files(e_csv=b"1,2\n2,4\n"), rows]
    assert read(given).node_ids.tolist() == [0, 1, 2, 3, 4]
    how = [FileSpec(name="x.npz", first_row="1")]
    assert read(given, how).node_ids.tolist() == [1, 2, 3, 4, 5]
    few = [*files(e_csv=b"2,4\n"), rows]  # most rows are of no node
    assert features_of(read(few))[:, 0].tolist() == [30, 50]
    assert features_of(read(few, how))[:, 0].tolist() == [20, 40]
    with pytest.raises(DataError, match="None of its 5 node ids"):
        read([*files(e_csv=b"7,8\n"), rows], how)


def test_files_left_out(files):
    given = files(e_csv=EDGES, picture_png=b"\x89PNG\r\n", readme_txt=b"hello world\n")
    with pytest.raises(DataError, match=r"picture\.png"):
        read(given)
    left = [FileSpec(name=n, role="ignore") for n in ("picture.png", "readme.txt")]
    graph = read(given, left)
    assert graph.n_nodes == 4
    assert [r.how.role for r in graph.files] == ["edges", "ignore", "ignore"]
    assert [bool(r.problem) for r in look(given)].count(True) >= 1


def test_names_of_nodes(files):
    names = b"id,name\n0,ann\n1,bob\n2,bob\n"
    graph = read(files(edges_csv=EDGES, names_csv=names))
    assert graph.node_ids.tolist() == ["ann", "bob (1)", "bob (2)", "3"]
    assert {f.code for f in graph.findings} >= {"named-nodes"}


# ------------------------------------------------------------------------------ containers
def test_variables_of_matlab(files, tmp_path):
    small, large = np.eye(3)[[1, 2, 0]], np.ones((3, 3)) - np.eye(3)
    savemat(tmp_path / "g.mat", {"a": small, "b": large, "f": np.arange(6.0).reshape(3, 2)})
    given = [SourceFile("g.mat", tmp_path / "g.mat")]
    graph = read(given, [FileSpec(name="g.mat", uses={"b": "edges", "a": "ignore"})])
    assert len(graph.rows) == 6
    assert uses(graph.files[0]) == {"a": "ignore", "b": "edges", "f": "features"}
    assert uses(look(given, [graph.files[0].how])[0]) == uses(graph.files[0])
    graph = read(given, [FileSpec(name="g.mat", uses={"a": "edges", "f": "ignore", "b": "ignore"})])
    assert len(graph.rows) == 3
    assert graph.features is None


def test_arrays_of_npz(files, tmp_path):
    np.savez(tmp_path / "g.npz", b=np.eye(3)[[1, 2, 0]], c=np.ones((3, 3)))
    given = [SourceFile("g.npz", tmp_path / "g.npz")]
    assert "several matrices" in look(given)[0].problem
    with pytest.raises(DataError, match="several matrices: b, c"):
        read(given)
    assert len(read(given, [FileSpec(name="g.npz", uses={"b": "edges"})]).rows) == 3


def test_an_adjacency_in_npz_may_be_left_out(files, tmp_path):
    np.savez(tmp_path / "g.npz", adj=np.eye(3)[[1, 2, 0]], x=np.ones((3, 2)))
    given = [SourceFile("g.npz", tmp_path / "g.npz")]
    assert len(read(given).rows) == 3
    assert read(given, [FileSpec(name="g.npz", uses={"adj": "ignore", "x": "features"})]).is_matrix
    assert not read(given, [FileSpec(name="g.npz", uses={"x": "ignore"})]).is_matrix


def test_parts_of_anndata(files, tmp_path):
    with h5py.File(tmp_path / "c.h5ad", "w") as file:
        obs, var = file.create_group("obs"), file.create_group("var")
        for group, names in ((obs, ["c0", "c1", "c2"]), (var, ["g0", "g1"])):
            group.attrs["_index"] = "_index"
            group.create_dataset("_index", data=names, dtype=h5py.string_dtype())
        for name, codes in (("louvain", [0, 1, 1]), ("batch", [1, 1, 0])):
            column = obs.create_group(name)
            column.attrs["encoding-type"] = "categorical"
            column["codes"] = np.array(codes, np.int8)
            column.create_dataset("categories", data=[f"{name}0", f"{name}1"], dtype=h5py.string_dtype())
        file["X"], file["layers/counts"] = np.zeros((3, 2), np.float32) + 1, np.full((3, 2), 2, np.float32)
        file["obsp/connectivities"] = np.eye(3)[[1, 2, 0]]
        file["obsp/mine"] = np.ones((3, 3)) - np.eye(3)
    given = [SourceFile("c.h5ad", tmp_path / "c.h5ad")]
    graph = read(given)
    assert uses(graph.files[0]) == {
        "X": "features", "layers/counts": "ignore", "obsp/connectivities": "edges", "obsp/mine": "ignore",
        "obs/louvain": "label", "obs/batch": "ignore",
    }  # fmt: skip
    assert uses(look(given)[0]) == uses(graph.files[0])
    said = {"layers/counts": "features", "obsp/mine": "edges", "obs/batch": "label"}
    graph = read(given, [FileSpec(name="c.h5ad", uses=said)])
    assert features_of(graph).tolist() == [[2, 2]] * 3
    assert len(graph.rows) == 6
    assert labels(graph) == ["batch1", "batch1", "batch0"]


def test_attributes_of_graphs(files):
    graph = nx.path_graph(4)
    for i in graph:
        graph.nodes[i].update(kind="ab"[i % 2], side="xy"[i // 2])
    given = files(g_graphml="\n".join(nx.generate_graphml(graph)).encode())
    assert uses(look(given)[0]) == {"kind": "label", "side": "ignore"}
    read_ = read(given, [FileSpec(name="g.graphml", uses={"side": "label"})])
    assert labels(read_) == list("xxyy")
    assert uses(read_.files[0]) == {"kind": "ignore", "side": "label"}


# --------------------------------------------------------------------------- what is wrong
@pytest.mark.parametrize(
    ("uses", "said"),
    [
        ({"z": "id"}, "It has no part called 'z'"),
        ({"x": "source"}, "cannot be used as 'source'"),
        ({"x": "label", "y": "label"}, "Two parts have the use `label`: x, y"),
        ({"x": "ignore", "y": "ignore", "kind": "ignore"}, "no features"),
    ],
)
def test_what_cannot_be(files, uses, said):
    given = files(edges_csv=EDGES, features_csv=WIDE)
    with pytest.raises(DataError, match=said):
        read(given, [FileSpec(name="features.csv", role="features", uses=uses)])


def test_a_choice_for_no_file_is_told(files):
    graph = read(files(e_csv=EDGES), [FileSpec(name="f.csv", role="features")])
    assert [f.code for f in graph.findings] == ["choices-unused"]
    assert graph.findings[0].examples == ("f.csv",)


def test_two_files_of_one_role_are_told_by_a_look(files):
    seen = look(files(e_csv=EDGES, f_csv=b"id,label\n0,a\n1,a\n2,b\n", g_csv=b"id,label\n0,a\n1,a\n3,b\n"))
    assert [bool(r.problem) for r in seen] == [False, False, True]
    assert "Two files hold labels" in seen[2].problem


def test_what_was_said_is_stored_with_the_graph(files):
    graph = read(
        files(edges_csv=EDGES, features_csv=WIDE), [FileSpec(name="features.csv", uses={"y": "label"})]
    )
    assert graph_from_arrays(graph_to_arrays(graph)).files == graph.files
