"""Node tables: which column names the nodes, which holds classes, which are numbers for colouring."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from vgae_core.data.readers import SourceFile, look, read
from vgae_core.errors import DataError
from vgae_core.settings import FileSpec

N = 24
RING = "".join(f"p{i},p{(i + 1) % N}\n" for i in range(N))


@pytest.fixture
def files(tmp_path):
    """Return a function that writes the edges of a ring and a table of its nodes, and returns both as files."""

    def write(table, name="nodes.csv", edges=RING, edge_name="edges.csv"):
        (tmp_path / name).write_text(table)
        (tmp_path / edge_name).write_text(edges)
        return [SourceFile(name, tmp_path / name), SourceFile(edge_name, tmp_path / edge_name)]

    return write


def rows(header, *columns):
    return header + "\n" + "".join(",".join(map(str, row)) + "\n" for row in zip(*columns, strict=True))


IDS = [f"p{i}" for i in range(N)]
NAMES = [f"Station {i}" for i in range(N)]
GROUPS = [i % 3 for i in range(N)]
DEGREES = [i % 4 for i in range(N)]


def uses(reports):
    return {part.name: part.use for part in reports[0].parts}


def judged(reports, about):
    return next((j for report in reports for j in report.judgements if j.about == about), None)


class TestNames:
    @pytest.mark.parametrize("n", [3, 12, N])
    @pytest.mark.parametrize("role", ["auto", "labels"])
    @pytest.mark.parametrize("header", ["Id,Label", "id,Name", "node,label"])
    def test_a_text_of_its_own_per_node_names_it(self, files, n, role, header):
        edges = "".join(f"p{i},p{(i + 1) % n}\n" for i in range(n))
        given = files(rows(header, IDS[:n], NAMES[:n]), edges=edges)
        raw = read(given, [FileSpec(name="nodes.csv", role=role)])
        assert raw.labels is None
        assert sorted(raw.node_ids.tolist()) == sorted(NAMES[:n])

    def test_they_are_classes_if_somebody_says_so(self, files):
        edges = "".join(f"p{i},p{(i + 1) % 6}\n" for i in range(6))
        given = files(rows("Id,Label", IDS[:6], NAMES[:6]), edges=edges)
        judgement = judged(look(given), "names")
        assert judgement.sure
        assert "6 rows have 6 different texts" in judgement.text
        raw = read(given, [FileSpec(
            name="nodes.csv", role="labels", uses={"Label": judgement.others[0].changes["uses.Label"]}
        )])  # fmt: skip
        assert len(raw.label_names) == 6

    def test_shared_texts_are_classes(self, files):
        raw = read(files(rows("Id,Label", IDS, ["ab"[i % 2] for i in range(N)])))
        assert raw.label_names == ("a", "b")

    def test_namesakes_stay_apart(self, files):
        raw = read(files(rows("Id,Label", IDS, ["Station 0", "Station 0", *NAMES[2:]])))
        assert len(set(raw.node_ids)) == N


class TestLabels:
    @pytest.mark.parametrize("community", ["Modularity Class", "louvain", "cluster_id", "Community"])
    def test_communities_go_before_statistics(self, files, community):
        blank = [""] * N
        table = rows(
            f"Id,Label,Interval,{community},Degree,PageRank", IDS, NAMES, blank, GROUPS, DEGREES, DEGREES
        )
        given = files(table)
        raw = read(given)
        assert raw.label_names == ("0", "1", "2")
        assert set(raw.values) == {"Degree", "PageRank"}
        assert raw.features is None
        assert sorted(raw.node_ids.tolist()) == sorted(NAMES)
        reports = look(given)
        assert "3 in the first 24 rows" in judged(reports, "label").text
        assert any(choice.changes.get("uses.Degree") == "label" for choice in judged(reports, "label").others)

    def test_statistics_are_no_features(self, files):
        names = ["Degree", "Eccentricity", "closnesscentrality", "betweenesscentrality", "Authority", "Hub"]
        given = files(
            rows("Id," + ",".join(names), IDS, *[[i + k for i in range(N)] for k in range(len(names))])
        )
        raw = read(given)
        assert raw.features is None
        assert set(raw.values) == set(names)
        change = dict(judged(look(given), "statistics").others[0].changes)
        how = FileSpec(name="nodes.csv", role=change.pop("role"),
                       uses={key.removeprefix("uses."): use for key, use in change.items()})  # fmt: skip
        assert read(given, [how]).feature_names == tuple(names)

    def test_nor_are_they_beside_features(self, files):
        measured = [[i * k % 7 for i in range(N)] for k in range(1, 6)]
        raw = read(files(rows("id,f1,f2,f3,f4,f5,PageRank", IDS, *measured, DEGREES)))
        assert raw.feature_names == ("f1", "f2", "f3", "f4", "f5")
        assert set(raw.values) == {"PageRank"}

    @pytest.mark.parametrize(
        ("word", "level"),
        [("", "info"), ("?", "info"), ("unknown", "warning"), ("None", "warning"), ("NaN", "warning")],
    )
    def test_unknown_ones_are_told(self, files, word, level):
        raw = read(files(rows("id,label", IDS, [word if i < 4 else "ab"[i % 2] for i in range(N)])))
        assert (raw.labels < 0).sum() == 4
        assert raw.label_names == ("a", "b")
        finding = next(f for f in raw.findings if f.code == "unknown-labels")
        assert (finding.count, finding.level, finding.examples) == (4, level, (word,))


class TestContent:
    """The id, many 0/1 words and the class on each line, without a header."""

    WORDS = tuple([(i * 7 + j) % 3 == 0 for j in range(12)] for i in range(N))
    TABLE = "".join(
        "\t".join([f"{100 + i}", *(str(int(w)) for w in words), f"Topic_{'ab'[i % 2]}"]) + "\n"
        for i, words in enumerate(WORDS)
    )
    CITES = "".join(f"{100 + i}\t{100 + (i + 5) % N}\n" for i in range(N))

    def test_features_and_classes(self, files):
        given = files(self.TABLE, "papers.content", self.CITES, "papers.cites")
        raw = read(given)
        assert (raw.n_nodes, len(raw.rows)) == (N, N)
        features = raw.features.toarray() if sparse.issparse(raw.features) else raw.features
        order = [int(i) - 100 for i in raw.node_ids]
        assert features.tolist() == [[float(w) for w in self.WORDS[i]] for i in order]
        assert [raw.label_names[c][-1] for c in raw.labels] == ["ab"[i % 2] for i in order]
        assert judged(look(given), "label").text.startswith("The last column")

    def test_alone_it_is_a_matrix(self, tmp_path):
        (tmp_path / "papers.content").write_text(self.TABLE)
        raw = read([SourceFile("papers.content", tmp_path / "papers.content")])
        assert raw.is_matrix
        assert raw.label_names == ("Topic_a", "Topic_b")


def test_a_first_column_of_categories_is_no_id(files):
    table = rows("colour,size", ["red", "blue"] * (N // 2), range(N))
    edges = "".join(f"{i},{(i + 1) % N}\n" for i in range(N))
    raw = read(files(table, "features.csv", edges), [FileSpec(name="features.csv", role="features")])
    assert raw.feature_names == ("colour=blue", "colour=red", "size")


class TestNumbersBesideALabel:
    """They measure the nodes: features, as wide as the table may be."""

    MEASURED = ([i * 7 % 11 / 4 for i in range(N)], [i * 5 % 13 - 6.5 for i in range(N)])
    CLASSES = tuple("abc"[i % 3] for i in range(N))

    @pytest.mark.parametrize(
        ("header", "order"), [("id,x1,x2,label", "mmc"), ("id,label,x1,x2", "cmm"), ("id,x1,label", "mc")]
    )
    @pytest.mark.parametrize("classes", [CLASSES, GROUPS])
    def test_they_are_features(self, files, header, order, classes):
        measured = iter(self.MEASURED)
        columns = [next(measured) if kind == "m" else classes for kind in order]
        raw = read(files(rows(header, IDS, *columns)))
        assert raw.feature_names == ("x1", "x2")[: order.count("m")]
        assert [raw.label_names[c] for c in raw.labels] == [str(classes[int(i[1:])]) for i in raw.node_ids]
        dense = raw.features.toarray() if sparse.issparse(raw.features) else raw.features
        assert dense[:, 0].tolist() == [self.MEASURED[0][int(i[1:])] for i in raw.node_ids]

    def test_y_is_the_label_unless_it_is_a_coordinate(self, files):
        assert uses(look(files(rows("id,x1,x2,y", IDS, *self.MEASURED, GROUPS))))["y"] == "label"
        assert uses(look(files(rows("id,x,y", IDS, *self.MEASURED))))["y"] == "features"

    def test_with_decimal_commas(self, files):
        table = "id\tx1\tx2\tlabel\n" + "".join(
            f"p{i}\t{i},5\t{i % 7},25\t{c}\n" for i, c in enumerate(self.CLASSES)
        )
        raw = read(files(table, "nodes.tsv"))
        assert raw.feature_names == ("x1", "x2")
        assert len(raw.label_names) == 3

    def test_of_a_short_vector(self, files, tmp_path):
        given = files("")
        vectors = [[i / 8, i % 3, 1.5, -i] for i in range(N)]
        frame = pd.DataFrame({"id": IDS, "label": self.CLASSES, "embedding": vectors})
        frame.to_parquet(tmp_path / "nodes.csv")
        raw = read(given)
        assert raw.features.shape == (N, 4)
        assert len(raw.label_names) == 3

    def test_but_not_times_and_numbers_of_other_things(self, files):
        years, owners = [1950 + i for i in range(N)], [(i * 5) % 17 for i in range(N)]
        given = files(rows("id,label,year,owner_id", IDS, self.CLASSES, years, owners))
        raw = read(given)
        assert raw.features is None
        assert set(raw.values) == {"year"}
        table = rows("id,label,year,owner_id,size", IDS, self.CLASSES, years, owners, self.MEASURED[0])
        given = files(table)
        assert read(given).feature_names == ("size",)
        assert uses(look(given)) == {
            "id": "id", "label": "label", "year": "value", "owner_id": "ignore", "size": "features",
        }  # fmt: skip


class TestClassesByAnotherName:
    PARTIES = tuple(["red party", "greens", "blue"][i % 3] for i in range(N))

    @pytest.mark.parametrize(
        "header",
        [
            "id,name,party",
            "id,name,home country",
            "node_id,node_name,node_type",
            "id,title,ml_target",
            "id,name,side",
        ],
    )
    def test_beside_names_they_are_proposed(self, files, header):
        given = files(rows(header, IDS, NAMES, self.PARTIES))
        reports = look(given)
        assert list(uses(reports).values()) == ["id", "name", "label"]
        last = header.split(",")[-1]
        choice = next(c for c in judged(reports, "label").others if c.changes.get("role") == "features")
        assert choice.changes == {"role": "features", f"uses.{last}": "features"}
        raw = read(given)
        assert set(raw.label_names) == set(self.PARTIES)
        assert raw.features is None
        how = FileSpec(name="nodes.csv", role="features", uses={last: "features"})
        assert read(given, [how]).features.shape == (N, 3)

    def test_also_beside_numbers(self, files):
        given = files(rows("id,name,side,size", IDS, NAMES, self.PARTIES, [i / 4 for i in range(N)]))
        assert list(uses(look(given)).values()) == ["id", "name", "label", "features"]

    def test_of_numbers(self, files):
        raw = read(files(rows("id,name,ml_target", IDS, NAMES, [i % 2 for i in range(N)])))
        assert raw.label_names == ("0", "1")

    def test_two_such_columns_are_features(self, files):
        given = files(rows("id,name,side,town", IDS, NAMES, self.PARTIES, ["ab"[i % 2] for i in range(N)]))
        assert read(given).features.shape == (N, 5)


def test_names_with_some_namesakes_are_no_classes(files):
    called = [f"Station {i % 14}" for i in range(N)]
    given = files(rows("id,Label", IDS, called))
    assert read(given).labels is None
    assert judged(look(given), "names").others[0].changes["uses.Label"] == "label"
    assert len(read(files(rows("id,class", IDS, called))).label_names) == 14


class TestUnknownClasses:
    def test_minus_one_beside_numbers_from_zero(self, files):
        raw = read(files(rows("id,label", IDS, [-1 if i < 4 else i % 3 for i in range(N)])))
        assert raw.label_names == ("0", "1", "2")
        assert (raw.labels < 0).sum() == 4
        finding = next(f for f in raw.findings if f.code == "unknown-labels")
        assert (finding.level, finding.examples) == ("warning", ("-1",))

    def test_but_not_where_it_is_one_of_two_or_three(self, files):
        assert len(read(files(rows("id,label", IDS, [(-1, 1)[i % 2] for i in range(N)]))).label_names) == 2
        assert len(read(files(rows("id,label", IDS, [i % 3 - 1 for i in range(N)]))).label_names) == 3

    def test_as_databases_write_them(self, files):
        groups = ["\\N" if i < 4 else "ab"[i % 2] for i in range(N)]
        sizes = ["\\N" if i % 5 == 1 else i / 4 for i in range(N)]
        raw = read(files(rows("id,label,size", IDS, groups, sizes)))
        assert raw.label_names == ("a", "b")
        assert raw.feature_names == ("size",)
        assert int(np.isnan(raw.features).sum()) == 5

    def test_as_databases_write_them_in_edges(self, files):
        weights = ["\\N" if i == 2 else i for i in range(N)]
        edges = rows("from,to,weight", IDS, IDS[1:] + IDS[:1], weights)
        raw = read(files(rows("id,label", IDS, GROUPS), edges=edges))
        assert int(np.isnan(raw.weights).sum()) == 1


class TestNeo4j:
    """Node tables for its import tool: what a column is stands behind a colon."""

    @pytest.mark.parametrize(
        "name", ["personId:ID(Person)", "id:ID(User)", ":ID", "uid:ID", "key:ID(User){label:U}"]
    )
    def test_ids_and_classes(self, files, name):
        classes = ["Person;Admin" if i % 3 else "Person" for i in range(N)]
        table = rows(f"{name},name,:LABEL", IDS, NAMES, classes)
        raw = read(files(table))
        assert raw.label_names == ("Person", "Person;Admin")
        assert sorted(raw.node_ids.tolist()) == sorted(NAMES)

    def test_types(self, files):
        table = rows("id:ID(User),age:int,size:float,town:string,:LABEL", IDS, range(N), [i / 4 for i in range(N)],
                     ["ab"[i % 2] for i in range(N)], GROUPS)  # fmt: skip
        given = files(table)
        assert list(uses(look(given)).items())[:4] == [
            ("id", "id"), ("age", "features"), ("size", "features"), ("town", "features"),
        ]  # fmt: skip
        raw = read(given)
        assert raw.feature_names == ("age", "size", "town=a", "town=b")
        assert raw.label_names == ("0", "1", "2")


class TestVectorsInAField:
    @pytest.mark.parametrize("form", ['"[{}, {}]"', "[{} {}]", '"({}, {})"', '"[ {} , {}]"'])
    @pytest.mark.parametrize("header", ["id,vec", "id,vec,label"])
    def test_a_column_per_dimension(self, files, form, header):
        vectors = [form.format(i / 8, -i) for i in range(N)]
        columns = [IDS, vectors, ["ab"[i % 2] for i in range(N)]][: header.count(",") + 1]
        raw = read(files(rows(header, *columns)))
        assert raw.feature_names == ("vec 1", "vec 2")
        order = [int(i[1:]) for i in raw.node_ids]
        assert np.asarray(raw.features).tolist() == [[i / 8, -i] for i in order]
        assert (raw.labels is not None) == ("label" in header)

    def test_missing_ones_are_unknown_and_others_refused(self, files):
        vectors = ["" if i == 3 else f'"[{i}, 0.5]"' for i in range(N)]
        assert int(np.isnan(read(files(rows("id,vec", IDS, vectors))).features).sum()) == 2
        vectors[5] = '"[1, 2, 3]"'
        with pytest.raises(
            DataError, match=r"line 7, column vec: The value is '\[1, 2, 3\]', not a vector of 2"
        ):
            read(files(rows("id,vec", IDS, vectors)))


@pytest.mark.parametrize(("header", "called"), [
    ("id,days,new_id", lambda i: 5 - i),
    ("name,days,station_id", lambda i: f"x{i}"),  # the first column then names the nodes
])  # fmt: skip
def test_of_two_columns_of_ids_the_one_with_nodes_of_the_graph_counts(tmp_path, header, called):
    (tmp_path / "edges.csv").write_text("from,to\n" + "".join(f"{i},{(i + 1) % 6}\n" for i in range(6)))
    (tmp_path / "nodes.csv").write_text(f"{header}\n" + "".join(f"x{i},{10 * i},{5 - i}\n" for i in range(6)))
    raw = read([SourceFile(name, tmp_path / name) for name in ("edges.csv", "nodes.csv")])
    days = np.asarray(raw.features.todense() if sparse.issparse(raw.features) else raw.features)[:, 0]
    assert dict(zip(raw.node_ids.tolist(), days.tolist(), strict=True)) == {
        called(i): 10 * i for i in range(6)
    }


def test_a_row_per_node_beside_a_graph_file_holds_classes(tmp_path):
    lines = "".join(f"edge [ source {i} target {(i + 1) % 6} ]\n" for i in range(6))
    nodes = "".join(f"node [ id {i} ]\n" for i in range(6))
    (tmp_path / "ring.gml").write_text(f"graph [\n{nodes}{lines}]\n")
    (tmp_path / "sides.csv").write_text(
        "person faction\n" + "".join(f"{i} {'AB'[i % 2]}\n" for i in range(6))
    )
    raw = read([SourceFile(name, tmp_path / name) for name in ("ring.gml", "sides.csv")])
    assert raw.label_names == ("A", "B")
    assert raw.labels.tolist() == [0, 1, 0, 1, 0, 1]


def test_a_table_of_codes_and_names_goes_by_the_codes_of_the_edges(tmp_path):
    (tmp_path / "trade.tsv").write_text("from\tto\tamount\nAT\tBE\t5\nBE\tCH\t7\nCH\tAT\t2\n")
    (tmp_path / "lands.tsv").write_text("code\tname\nAT\tAustria\nBE\tBelgium\nCH\tSwitzerland\n")
    raw = read([SourceFile(name, tmp_path / name) for name in ("trade.tsv", "lands.tsv")])
    assert sorted(raw.node_ids.tolist()) == ["Austria", "Belgium", "Switzerland"]
