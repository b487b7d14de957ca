"""Further forms of graph files: halves of matrices, partitions, flows, mixed directions, structs, saved indices."""

from __future__ import annotations

import io
import json
import zipfile

import h5py
import numpy as np
import pandas as pd
import pytest
from scipy import io as scipy_io
from scipy import sparse

from vgae_core.data.readers import SourceFile, read
from vgae_core.data.report import inspect
from vgae_core.errors import DataError

RING = np.roll(np.eye(5), 1, axis=1) + np.roll(np.eye(5), -1, axis=1)
CLASSES = np.array([1, 2, 1, 2, 2])


@pytest.fixture
def load(tmp_path):
    """Return a function that writes files and reads them."""

    def run(**files):
        sources = []
        for name, content in files.items():
            path = tmp_path / name.replace("__", ".")
            if callable(content):
                content(path)
            else:
                path.write_bytes(content if isinstance(content, bytes) else content.encode())
            sources.append(SourceFile(path.name, path))
        return read(sources)

    return run


def arcs(graph):
    """Return weight by (source, target), both by name."""
    weights = np.ones(len(graph.rows)) if graph.weights is None else graph.weights
    return {
        (str(graph.node_ids[i]), str(graph.node_ids[j])): float(w)
        for i, j, w in zip(graph.rows, graph.cols, weights, strict=True)
    }


def pairs(graph):
    return {frozenset(pair): weight for pair, weight in arcs(graph).items()}


class TestNumbers:
    def test_points_between_thousands(self, load):
        graph = load(e__csv="von;nach;fluss\nx;y;1.234\ny;z;12.500\nz;q;1.000.000\n")
        assert sorted(graph.weights) == [1234, 12500, 1_000_000]

    @pytest.mark.parametrize("blank", ["\u00a0", "\u202f", " ", "'"])
    def test_blanks_between_thousands_before_a_decimal_comma(self, load, blank):
        graph = load(e__csv=f"de;vers;poids\nx;y;1{blank}234,5\ny;z;12{blank}500\nz;q;900\n")
        assert sorted(graph.weights) == [900, 1234.5, 12500]

    def test_the_sign_of_typographers(self, load):
        graph = load(e__csv="a,b,corr\nx,y,−0.5\ny,z,0.25\nz,q,−1\n")
        assert sorted(graph.weights) == [-1, -0.5, 0.25]

    def test_unknown_cells_of_an_adjacency_are_no_edges_with_a_warning(self, load):
        graph = load(m__csv=",a,b,c,d\na,,1,NA,0\nb,1,,2,n/a\nc,NA,2,,1\nd,0,,1,\n")
        assert pairs(graph) == {frozenset("ab"): 1, frozenset("bc"): 2, frozenset("cd"): 1}
        (told,) = (finding for finding in graph.findings if finding.code == "unknown-cells")
        assert (told.level, told.count) == ("warning", 3)


@pytest.mark.parametrize("sign", ["//", ";"])
def test_comments_by_other_signs_above_the_rows(load, sign):
    graph = load(e__txt=f"{sign} from to\n{sign}\n{sign} 3 edges\na b\nb c\nc d\n")
    assert set(pairs(graph)) == {frozenset("ab"), frozenset("bc"), frozenset("cd")}


class TestUcinet:
    @pytest.mark.parametrize("kind", ["lowerhalf", "upperhalf"])
    @pytest.mark.parametrize("diagonal", [0, 1])
    def test_half_of_a_matrix(self, load, kind, diagonal):
        matrix = np.arange(16).reshape(4, 4) % 3
        matrix = np.triu(matrix, 1) + np.triu(matrix, 1).T
        half = (
            [row[: i + 1 - diagonal] for i, row in enumerate(matrix)]
            if kind == "lowerhalf"
            else [row[i + diagonal :] for i, row in enumerate(matrix)]
        )
        data = "\n".join(" ".join(map(str, row)) for row in half)
        text = f"dl n=4 format={kind} diagonal={'absent' if diagonal else 'present'}\nlabels:\na,b,c,d\ndata:\n{data}\n"
        assert pairs(load(g__dl=text)) == {
            frozenset(("abcd"[i], "abcd"[j])): matrix[i, j] for i, j in zip(*np.nonzero(matrix), strict=True)
        }

    def test_a_half_with_too_few_numbers_is_refused(self, load):
        with pytest.raises(DataError, match=r"A half of 4 x 4 has 6 numbers.*Received: 5"):
            load(g__dl="dl n=4 format=lowerhalf\ndata:\n1\n0 1\n1 0\n")


class TestPajek:
    NET = '*Vertices 3\n1 "a"\n2 "b"\n3 "c"\n*Edges\n1 2\n2 3\n'

    def test_a_partition_holds_classes(self, load):
        graph = load(g__net=self.NET, g__clu="*Vertices 3\n7\n7\n2\n")
        assert [graph.label_names[k] for k in graph.labels] == ["7", "7", "2"]

    def test_a_vector_holds_a_feature(self, load):
        graph = load(g__net=self.NET, age__vec="*Vertices 3\n21.5\n33\n40.25\n")
        np.testing.assert_array_equal(np.asarray(graph.features), [[21.5], [33], [40.25]])

    def test_a_network_of_numbers_alone_stays_a_network(self, load):
        graph = load(g__net="*Vertices 3\n1\n2\n3\n*Edges\n1 2\n2 3\n")
        assert len(graph.rows) == 2


class TestDimacs:
    def test_a_flow_has_directions(self, load):
        graph = load(f__max="p max 3 2\nn 1 s\nn 3 t\na 1 2 4\na 2 3 3\n")
        assert graph.directed
        assert arcs(graph) == {("1", "2"): 4, ("2", "3"): 3}

    def test_of_minimum_cost_the_capacity_is_the_weight(self, load):
        graph = load(f__min="p min 3 2\nn 1 4\nn 3 -4\na 1 2 0 4 9\na 2 3 1 5 8\n")
        assert arcs(graph) == {("1", "2"): 4, ("2", "3"): 5}

    def test_pairs_of_the_pace_challenge(self, load):
        graph = load(g__gr="c tree\np tw 4 2\n1 2\n2 3\n")
        assert graph.n_nodes == 4
        assert set(arcs(graph)) == {("1", "2"), ("2", "3")}

    def test_coordinates_are_refused_by_name(self, load):
        with pytest.raises(DataError, match="coordinates"):
            load(g__co="p aux sp co 2\nv 1 -73 41\nv 2 -72 40\n")


def test_gexf_with_both_kinds_of_edges_is_directed(load):
    nodes = "".join(f'<node id="{name}"/>' for name in "abc")
    edges = '<edge source="a" target="b"/><edge source="b" target="c" type="directed"/>'
    graph = load(
        g__gexf=f'<gexf version="1.2"><graph defaultedgetype="undirected"><nodes>{nodes}</nodes>'
        f"<edges>{edges}</edges></graph></gexf>"
    )
    assert graph.directed
    assert set(arcs(graph)) == {("a", "b"), ("b", "a"), ("b", "c")}


class TestJson:
    def test_classes_beside_numbered_edges(self, load):
        content = {"edges": [[0, 1], [1, 2], [2, 3]], "labels": ["x", "y", "y", "x"]}
        graph = load(g__json=json.dumps(content))
        assert [graph.label_names[k] for k in graph.labels] == ["x", "y", "y", "x"]

    def test_an_answer_of_a_service(self, load):
        inner = {"nodes": [{"id": "a"}, {"id": "b"}], "links": [{"source": "a", "target": "b"}]}
        assert set(arcs(load(g__json=json.dumps({"status": "ok", "data": inner})))) == {("a", "b")}

    def test_obograph(self, load):
        graphs = [
            {"nodes": [{"id": "t1"}, {"id": "t2"}], "edges": [{"sub": "t2", "pred": "is_a", "obj": "t1"}]}
        ]
        assert set(pairs(load(g__json=json.dumps({"graphs": graphs})))) == {frozenset(("t1", "t2"))}

    def test_two_long_lists_are_sources_and_targets(self, load):
        graph = load(g__json=json.dumps([[0, 1, 2, 3], [1, 2, 3, 4]]))
        assert set(arcs(graph)) == {(str(i), str(i + 1)) for i in range(4)}


class TestMatlab:
    def test_a_struct_of_suitesparse(self, load):
        problem = {"Problem": {"name": "x/ring", "A": sparse.csc_matrix(RING), "id": 1.0}}
        graph = load(p__mat=lambda path: scipy_io.savemat(path, problem))
        assert graph.n_nodes == 5
        assert inspect(graph).n_edges == 5

    def test_a_matrix_called_features_goes_before_another_adjacency(self, load):
        features = np.arange(10.0).reshape(5, 2)
        content = {"PAP": RING, "PLP": np.eye(5), "feature": features, "label": np.eye(2)[CLASSES - 1]}
        graph = load(acm__mat=lambda path: scipy_io.savemat(path, content))
        np.testing.assert_array_equal(np.asarray(graph.features), features)
        assert [int(graph.label_names[k]) for k in graph.labels] == CLASSES.tolist()

    def test_a_list_of_edges(self, load):
        content = {"edges": np.array([[1, 2, 0.5], [2, 4, 1.5]])}
        graph = load(e__mat=lambda path: scipy_io.savemat(path, content))
        assert arcs(graph) == {("1", "2"): 0.5, ("2", "4"): 1.5}
        assert graph.n_nodes == 4


class TestContainers:
    def test_the_index_of_a_parquet_table_is_no_weight(self, load):
        table = pd.DataFrame({"source": list("abc"), "target": list("bcd")}, index=[10, 11, 12])
        graph = load(e__parquet=table.to_parquet)
        assert graph.weights is None
        assert set(arcs(graph)) == {("a", "b"), ("b", "c"), ("c", "d")}

    def test_the_index_of_a_parquet_table_names_the_nodes(self, load):
        table = pd.DataFrame({"x": [1.5, 2.5, 3.5]}, index=["c", "a", "b"])
        graph = load(edges__csv="s,t\na,b\nb,c\n", x__parquet=table.to_parquet)
        rows = {
            str(name): float(row[0])
            for name, row in zip(graph.node_ids, np.asarray(graph.features), strict=True)
        }
        assert rows == {"c": 1.5, "a": 2.5, "b": 3.5}

    def test_cells_without_a_graph_keep_their_classes(self, load):
        def write(path):
            with h5py.File(path, "w") as file:
                for axis, size in (("obs", 6), ("var", 4)):
                    group = file.create_group(axis)
                    group.attrs["_index"] = "_index"
                    group["_index"] = [f"{axis}{i}".encode() for i in range(size)]
                file["X"] = np.arange(24.0).reshape(6, 4) % 3
                leiden = file.create_group("obs/leiden")
                leiden.attrs["encoding-type"] = "categorical"
                leiden["codes"] = np.arange(6) % 2
                leiden["categories"] = [b"t", b"b"]

        graph = load(cells__h5ad=write)
        assert graph.is_matrix
        assert [graph.label_names[k] for k in graph.labels] == ["t", "b"] * 3

    def test_pictures_and_code_in_an_archive_are_left_out(self, load):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, content in {
                "fig/plot.png": b"\x89PNG\r\n\x1a\n", "run.py": b"import sys\n", "requirements.txt": b"numpy==2.0\n",
                "package.json": b'{"name": "x"}', "edges.csv": b"a,b\n1,2\n2,3\n3,4\n",
                "edges.csv.md5": b"d41d8cd9  edges.csv\n",
            }.items():  # fmt: skip
                archive.writestr(name, content)
        assert set(arcs(load(net__zip=buffer.getvalue()))) == {("1", "2"), ("2", "3"), ("3", "4")}

    def test_names_of_both_sides_as_r_writes_them(self, load):
        def matrix(path):
            scipy_io.mmwrite(path, sparse.coo_array(np.arange(6).reshape(3, 2)))

        genes, cells = '"","x"\n"1","ga"\n"2","gb"\n"3","gc"\n', "x\nc1\nc2\n"
        graph = load(counts__mtx=matrix, genes__csv=genes, cells__csv=cells)
        assert graph.feature_names == ("ga", "gb", "gc")
        assert list(graph.node_ids) == ["c1", "c2"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("old.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "Excel.*CSV"),
        ("g.json", b'{"id": {"@type": "g:Int32", "@value": 1}}\n', "GraphSON.*GraphML"),
        ("g.txt", b"{1 -> 2, 2 -> 3}", "Mathematica.*Export"),
    ],
)
def test_what_is_not_read_is_named_with_the_way_on(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        read([SourceFile(name, path)])
