"""Columns that look like something they are not: types of nodes, ids of papers, rows and columns of a matrix."""

import numpy as np
import pytest

from vgae_core.data.readers import SourceFile, read
from vgae_core.data.report import inspect

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
