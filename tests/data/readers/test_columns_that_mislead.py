"""Columns that look like something they are not: types of nodes, ids of papers, rows and columns of a matrix."""

import numpy as np
import pytest

from vgae_core.data.readers import SourceFile, read
from vgae_core.data.report import inspect
from vgae_core.errors import DataError

N = 24
RNG = np.random.default_rng(8)
IDS = RNG.permutation(90_000)[:N].tolist()
RING = [(i, (i * 5 + 3) % N) for i in range(N)]


@pytest.fixture
def read_texts(tmp_path):
    """Return a function that writes texts under their names and reads them together."""

    def read_(**texts):
        for name, text in texts.items():
            (tmp_path / f"{name}.csv").write_text(text)
        return read([SourceFile(f"{name}.csv", tmp_path / f"{name}.csv") for name in texts])

    return read_


def table(header, rows):
    return "\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n"


def named(raw):
    return {(str(raw.node_ids[a]), str(raw.node_ids[b])) for a, b in zip(raw.rows, raw.cols, strict=True)}


def questions(raw):
    return [judgement.about for file in raw.files for judgement in file.questions]


def test_what_is_said_of_each_end_is_no_relation(read_texts):
    rows = [
        (f"g{a}", ("protein", "complex")[a % 2], f"g{b}", "protein", ("activates", "inhibits")[i % 2], 9606)
        for i, (a, b) in enumerate(RING)
    ]
    raw = read_texts(links=table("ENTITYA,TYPEA,ENTITYB,TYPEB,EFFECT,TAX", rows))
    assert set(raw.relation_names) == {"activates", "inhibits"}
    assert named(raw) == {(f"g{a}", f"g{b}") for a, b in RING}


def test_numbers_that_are_all_nodes_are_their_ids_whatever_they_are_called(read_texts):
    edges = table("cited,citing", [(IDS[a], IDS[b]) for a, b in RING])
    papers = table("paper_id,topic,words,pages", [(n, "AB"[i % 2], i % 3, i) for i, n in enumerate(IDS)])
    raw = read_texts(edges=edges, papers=papers)
    assert raw.feature_names == ("topic=A", "topic=B", "words", "pages")
    pages = np.asarray(raw.features.todense() if hasattr(raw.features, "todense") else raw.features)[:, 3]
    assert {int(n): int(p) for n, p in zip(raw.node_ids, pages, strict=True)} == {
        n: i for i, n in enumerate(IDS)
    }
    assert "matched-by-position" not in {finding.code for finding in raw.findings}


def test_ids_in_several_rows_beside_ids_like_them_are_edges(read_texts):
    rows = [(IDS[a], IDS[b]) for a, b in RING] + [(IDS[0], IDS[b]) for _, b in RING[1:]]
    raw = read_texts(follows=table("user_id,followed_user_id", rows))
    assert named(raw) == {(str(a), str(b)) for a, b in rows}
    assert raw.features is None


def test_neighbours_in_several_columns_are_asked_about(read_texts):
    rows = [(f"p{i}", f"p{(i * 5 + 1) % N}", f"p{(i * 7 + 2) % N}", f"p{(i * 11 + 4) % N}") for i in range(N)]
    raw = read_texts(pages=table("page,link1,link2,link3", rows))
    assert questions(raw) == ["columns"]
    assert named(raw) == {row[:2] for row in rows}


def test_a_first_row_that_counts_rows_and_columns_tells_two_sides(read_texts):
    entries = [(1 + i % 9, 1 + i // 9, 1 + i % 4) for i in range(54)]
    raw = read_texts(entries=table("9 6 54", entries).replace(",", " "))
    report = inspect(raw)
    assert report.sides == (9, 6)
    assert (report.n_edges, report.n_self_loops) == (54, 0)
    assert not questions(raw)


def test_a_column_without_a_name_is_called_by_its_number(read_texts):
    raw = read_texts(friends=table(",user,friend", [(i, f"u{a}", f"u{b}") for i, (a, b) in enumerate(RING)]))
    (finding,) = [one for one in raw.findings if one.code == "columns-ignored"]
    assert finding.message == "Columns of friends.csv that were not used: 1."


def test_weights_are_shown_by_those_there_are(tmp_path):
    path = tmp_path / "plan.dot"
    path.write_text("graph { a -- b; b -- c [weight=7]; c -- d; d -- a [weight=9] }")
    raw = read([SourceFile("plan.dot", path)])
    (weight,) = [one for one in raw.files[0].judgements if one.about == "weight"]
    assert weight.text.endswith("(9, 7, …).")


def test_triples_of_numbers_are_asked_about_and_neither_weighted_lists_nor_ratings(read_texts):
    chance = np.random.default_rng(3)
    ends = chance.integers(0, 30, (60, 2))
    ends[:, 1] = (ends[:, 0] + 1 + ends[:, 1] % 29) % 30  # no node joins itself
    triples = [(a, int(chance.integers(1, 4)), b) for a, b in ends]
    raw = read_texts(triples="\n".join(" ".join(map(str, row)) for row in triples))
    assert questions(raw) == ["relation"]
    assert named(raw) == {(str(a), str(b)) for a, _, b in triples}
    assert set(raw.relation_names) == {str(kind) for _, kind, _ in triples}
    for weight in (chance.integers(1, 6, 60), chance.integers(1, 30, 60)):
        weighted = [(a, b, w) for (a, b), w in zip(ends, weight, strict=True)]
        raw = read_texts(weighted="\n".join(" ".join(map(str, row)) for row in weighted))
        assert "relation" not in questions(raw)
        assert named(raw) == {(str(a), str(b)) for a, b in ends}


def test_a_table_saved_with_its_index_is_no_square_matrix(read_texts):
    raw = read_texts(
        links=table("Unnamed: 0,i,j,w", [(0, 10, 11, 1), (1, 11, 12, 2), (2, 12, 10, 1), (3, 12, 13, 5)])
    )
    assert named(raw) == {("10", "11"), ("11", "12"), ("12", "10"), ("12", "13")}
    assert raw.weights.tolist() == [1, 2, 1, 5]


def test_steps_of_time_before_the_ends_are_no_nodes(read_texts):
    contacts = [(20 * (i // 2 + 1), 300 + a, 300 + b) for i, (a, b) in enumerate(RING)]
    raw = read_texts(contacts="\n".join(" ".join(map(str, row)) for row in contacts) + "\n")
    assert named(raw) == {(str(300 + a), str(300 + b)) for a, b in RING}
    assert questions(raw) == ["index"]
    assert {part.name: part.use for part in raw.files[0].parts}["1"] == "time"


def test_ratings_in_any_order_do_not_number_their_rows(read_texts):
    rows = [(1, 10, 5), (1, 20, 3), (2, 10, 4), (2, 30, 1), (3, 20, 2)]
    assert read_texts(r="\n".join("|".join(map(str, row)) for row in rows) + "\n").weights.tolist() == [
        5,
        3,
        4,
        1,
        2,
    ]


def test_the_columns_whose_names_speak_of_two_kinds_are_the_ends(read_texts):
    rows = [(i, f"c{i % 5}", f"s{i % 3}", i % 4, 2.5) for i in range(N)]
    raw = read_texts(orders=table("InvoiceNo,CustomerID,StockCode,Quantity,UnitPrice", rows))
    assert named(raw) == {(f"c{i % 5}", f"s{i % 3}") for i in range(N)}


def test_three_columns_of_nodes_that_share_none_are_asked_about(read_texts):
    rows = [(f"port {i % 7}", f"ship {i % 5}", f"cargo {i % 6}", 1 + i % 3) for i in range(N)]
    raw = read_texts(calls=table("harbour,vessel,goods,days", rows))
    assert "columns" in questions(raw)
    (question,) = (j for file in raw.files for j in file.questions if j.about == "columns")
    assert {frozenset(choice.changes) for choice in question.others} == {
        frozenset(("uses.harbour", "uses.goods")), frozenset(("uses.vessel", "uses.goods")),
    }  # fmt: skip


@pytest.mark.parametrize("at", [0, 3])
@pytest.mark.parametrize("header", [True, False])
def test_the_only_text_beside_many_alike_numbers_is_the_class(read_texts, at, header):
    words = RNG.integers(0, 2, (N, 6))
    lines = []
    for i, n in enumerate(IDS):
        row = words[i].tolist()
        row.insert(at if header or at == 0 else 6, ("theory", "logic", "sets")[i % 3])
        lines.append((n, *row))
    names = [f"w{k}" for k in range(6)]
    names.insert(at, "subject")
    text = table("paper," + ",".join(names), lines)
    edges = table("citing,cited", [(IDS[a], IDS[b]) for a, b in RING])
    raw = read_texts(edges=edges, papers=text if header else text.partition("\n")[2])
    assert raw.label_names == ("logic", "sets", "theory")
    assert raw.features.shape[1] == 6
    found = {int(n): raw.label_names[k] for n, k in zip(raw.node_ids, raw.labels, strict=True)}
    assert found == {n: ("theory", "logic", "sets")[i % 3] for i, n in enumerate(IDS)}


def test_a_name_that_hints_at_features_leaves_an_edge_list_alone(tmp_path):
    (tmp_path / "x.cites").write_text("".join(f"{IDS[a]}\t{IDS[b]}\n" for a, b in RING))
    content = "".join(f"{n}\t0\t1\t{i % 2}\t1\t{'ab'[i % 2]}\n" for i, n in enumerate(IDS))
    (tmp_path / "x.content").write_text(content)
    raw = read([SourceFile(name, tmp_path / name) for name in ("x.cites", "x.content")])
    assert named(raw) == {(str(IDS[a]), str(IDS[b])) for a, b in RING}
    assert raw.label_names == ("a", "b")


@pytest.mark.parametrize(
    ("first", "n_nodes"), [("6", 6), ("4", 5), ("5", 5)], ids=["more nodes", "rows", "nodes"]
)
def test_a_first_row_of_one_number_is_a_count(read_texts, first, n_nodes):
    raw = read_texts(g=f"{first}\n0 1\n1 2\n2 3\n3 4\n")
    assert named(raw) == {("0", "1"), ("1", "2"), ("2", "3"), ("3", "4")}
    assert raw.n_nodes == n_nodes


@pytest.mark.parametrize("first", ["4,3", "9,3", "3"])
def test_counts_above_names(read_texts, first):
    assert named(read_texts(g=f"{first}\na,b\nb,c\nc,d\n")) == {("a", "b"), ("b", "c"), ("c", "d")}


@pytest.mark.parametrize("n", [5, 40])
def test_lists_of_items_that_meet_their_users_numbers_by_chance_are_asked_about(tmp_path, n):
    rng = np.random.default_rng(3)
    lines = [" ".join(map(str, [u, *rng.choice(n, 2 + u % 3, replace=False)])) for u in range(n)]
    (tmp_path / "train.txt").write_text("\n".join(lines) + "\n")
    raw = read([SourceFile("train.txt", tmp_path / "train.txt")])
    assert "sides" in questions(raw)


def test_types_that_neo4j_writes_behind_names_belong_to_none(read_texts):
    rows = [(f"f:{a}", f"f:{b}", "CALLS", i % 5 + 1, 0.5) for i, (a, b) in enumerate(RING)]
    raw = read_texts(calls=table(":START_ID,:END_ID,:TYPE,weight:int,share:float", rows))
    assert raw.weights.tolist() == [row[3] for row in rows]
    assert raw.relation_names == ("CALLS",)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("| a | b |\n|---|:--|\n| x | y |\n| y | z |\n", "a table in Markdown"),
        ("((a:0.1,b:0.2):0.3,c:0.4);\n", "Newick"),
        ("a b 1.5\nb c 2\nc a\na d\n", "Expected 2 space-separated columns"),
    ],
)
def test_what_is_no_list_of_edges_is_refused_by_name(read_texts, text, told):
    with pytest.raises(DataError, match=told):
        read_texts(g=text)
