"""Tables of a few rows as people bring them: which columns are the ends, the kind, the time and the weight."""

from __future__ import annotations

import pytest

from vgae_core.data.readers import SourceFile, read
from vgae_core.data.report import inspect


@pytest.fixture
def bring(tmp_path):
    """Return a function that reads a table given by its lines, of fields between blanks."""

    def bring_(*lines, separator=",", name="table.csv"):
        path = tmp_path / name
        path.write_text("\n".join(separator.join(line.split()) for line in lines) + "\n", "utf-8")
        return read([SourceFile(name, path)])

    return bring_


def pairs(raw):
    ids = [str(i) for i in raw.node_ids]
    return [(ids[a], ids[b]) for a, b in zip(raw.rows, raw.cols, strict=True)]


def uses(raw):
    return {part.name: part.use for part in raw.files[0].parts if part.use != "ignore"}


def questions(raw):
    return [judgement.about for judgement in raw.files[0].questions]


def kinds(raw):
    return [raw.relation_names[i] for i in raw.relations]


# ---------------------------------------------------------------------------------- ends
def test_what_is_said_of_numbered_ends_is_no_end(bring):
    raw = bring(
        "40 7 9 east west", "40 8 7 east east", "60 9 8 west east", "80 7 6 east west", "80 6 9 west west"
    )
    assert pairs(raw) == [("7", "9"), ("8", "7"), ("9", "8"), ("7", "6"), ("6", "9")]


def test_ratings_of_what_is_numbered_with_zeros_are_weights(bring):
    raw = bring(
        "mia 0071 5.0 1369699200",
        "kai 0083 3.0 1355443200",
        "mia 0083 4.0 1404691200",
        "kai 0071 1.0 1382572800",
    )
    assert pairs(raw) == [("mia", "0071"), ("kai", "0083"), ("mia", "0083"), ("kai", "0071")]
    assert raw.weights.tolist() == [5, 3, 4, 1]
    assert uses(raw)["4"] == "time"


def test_a_column_of_counts_is_no_end_beside_two_of_texts(bring):
    raw = bring("visitor host dinners", "ann cleo 12", "bea cleo 5", "ann dora 3", "bea elsa 8")
    assert pairs(raw) == [("ann", "cleo"), ("bea", "cleo"), ("ann", "dora"), ("bea", "elsa")]
    assert raw.weights.tolist() == [12, 5, 3, 8]


def test_a_first_column_that_repeats_is_an_end_whatever_it_is_written_in(bring):
    raw = bring(
        "71 chess bought 1.0 0", "71 chess played 27.5 0", "52 draughts bought 1.0 0", "52 go played 3.5 0"
    )
    assert pairs(raw) == [("71", "chess"), ("71", "chess"), ("52", "draughts"), ("52", "go")]


@pytest.mark.parametrize("header", ["YEAR MONTH ORIGIN DEST SEATS", "year month dep arr seats"])
def test_years_and_months_are_no_ends(bring, header):
    raw = bring(header, "2019 1 OSL ARN 30", "2019 1 ARN CPH 25", "2019 2 CPH OSL 21", "2019 2 OSL ARN 29")
    assert set(pairs(raw)) == {("OSL", "ARN"), ("ARN", "CPH"), ("CPH", "OSL")}
    assert not questions(raw)


def test_a_word_before_a_name_marks_the_other_end(bring):
    raw = bring("author coauthor papers", "ann bob 3", "bob cid 1", "cid ann 2")
    assert pairs(raw) == [("ann", "bob"), ("bob", "cid"), ("cid", "ann")]
    assert raw.weights.tolist() == [3, 1, 2]


# ----------------------------------------------------------------------------------- kinds
def test_words_between_two_columns_are_kinds_though_no_name_occurs_twice(bring):
    raw = bring(
        "oak lives_in wood", "elm lives_in park", "ash grows_in fen", "fig sold_in shop", "yew sold_in mart"
    )
    assert raw.relation_names[raw.relations[0]] == "lives_in"
    assert pairs(raw)[0] == ("oak", "wood")


def test_which_of_two_columns_of_words_is_the_kind_is_asked(bring):
    raw = bring("oak by wood", "elm by park", "ash in wood", "fig in park")
    assert "columns" in questions(raw)
    assert pairs(raw)[0] == ("oak", "wood")


def test_one_word_in_all_rows_is_the_kind(bring):
    raw = bring("ann wrote p1", "bob wrote p2", "ann wrote p2", "cid wrote p1", separator="\t")
    assert raw.relation_names == ("wrote",)
    assert set(pairs(raw)) == {("ann", "p1"), ("bob", "p2"), ("ann", "p2"), ("cid", "p1")}


def test_signs_are_kinds(bring):
    raw = bring("a b +", "b c -", "c a -", "a d +", "b d +", separator="\t")
    assert kinds(raw) == ["+", "-", "-", "+", "+"]


def test_each_edge_may_have_a_kind_of_its_own(bring):
    raw = bring("ann LIKES bob", "bob OWES cid", "cid LIKES ann")
    assert kinds(raw) == ["LIKES", "OWES", "LIKES"]


def test_relations_by_number_are_no_weights(bring):
    raw = bring("head_id relation_id tail_id", "1 0 2", "2 0 3", "3 1 4", "4 1 1")
    assert kinds(raw) == ["0", "0", "1", "1"]
    assert raw.weights is None


def test_a_first_column_of_few_sorted_numbers_is_asked_about(bring):
    edges = [(1, 2), (2, 3), (3, 4), (4, 5), (5, 1), (1, 3), (2, 5), (4, 1)]
    raw = bring(*[f"{1 + (i > 3)} {a} {b} 1" for i, (a, b) in enumerate(edges)], separator=" ")
    assert "relation" in questions(raw)
    assert pairs(raw) == [(str(a), str(b)) for a, b in edges]


# --------------------------------------------------------------------------- times and weights
@pytest.mark.parametrize(
    "times",
    [
        ("202001", "201912", "202011"),
        ("202001011200", "201912312359", "202011030405"),
        ("20200101120059", "20191231235900", "20201103040506"),
        ("1578000000000000", "1577000100000000", "1578000200000000"),
        ("1578000000000000000", "1577000100000000000", "1578000200000000000"),
    ],
)
def test_times_written_as_one_number_are_no_weights(bring, times):
    raw = bring(*[f"{a} {b} {time}" for (a, b), time in zip(["pq", "qr", "rp"], times, strict=True)])
    assert not inspect(raw).weighted
    assert uses(raw)["3"] == "time"


def test_six_digits_that_are_no_months_weigh(bring):
    raw = bring("p q 201355", "q r 198020", "r p 200780")
    assert raw.weights.tolist() == [201355, 198020, 200780]


def test_references_are_no_weights(bring):
    raw = bring("gene1 gene2 pmid", "A B 12345678", "B C 9876543", "C A 12345678")
    assert raw.weights is None
    assert not questions(raw)


def test_long_numbers_that_all_differ_are_asked_about(bring):
    raw = bring("p q 93412", "q r 11873", "r p 55121", "r s 72003")
    assert raw.weights is None
    assert questions(raw) == ["weight"]


@pytest.mark.parametrize("lines", [
    ("p q 93410", "q r 11870", "r p 55120"),
    ("from to passengers", "p q 93412", "q r 11873", "r p 55121"),
])  # fmt: skip
def test_long_numbers_that_are_rounded_or_called_a_measure_weigh(bring, lines):
    assert inspect(bring(*lines)).weighted


def test_the_one_number_beside_a_time_weighs(bring):
    raw = bring("author1 author2 pub_year papers", "a b 1999 3", "b c 2001 1", "c a 1998 2")
    assert raw.weights.tolist() == [3, 1, 2]


def test_a_chance_is_no_weight(bring):
    raw = bring(
        "regulator target MI pvalue",
        "t1 g1 0.75 0.001",
        "t1 g2 0.5 0.01",
        "t2 g1 0.25 0.02",
        "t2 t1 1.5 0.04",
    )
    assert raw.weights.tolist() == [0.75, 0.5, 0.25, 1.5]


# ------------------------------------------------------------------------------------ sides
@pytest.mark.parametrize("header", [
    "geneSymbol disease_name", "host_id parasite_id", "playlist track", "paper_id keyword_id", "barcode gene",
    "microRNA target_gene", "woman event", ":START_ID(Person) :END_ID(Film)",
])  # fmt: skip
def test_headers_that_speak_of_two_kinds_tell_two_sets(bring, header):
    raw = bring(header, "1 1", "1 2", "2 2", "3 1", "3 3")
    assert inspect(raw).sides == (3, 3)
    assert not questions(raw)


def test_groups_of_ids_name_the_sides(bring):
    raw = bring(":START_ID(Person) :TYPE :END_ID(Film)", "1 SAW 1", "1 SAW 2", "2 SAW 2", "3 MADE 1")
    assert raw.side_names == ("Person", "Film")


def test_two_columns_of_one_kind_are_one_set(bring):
    raw = bring("gene protein_id", "1 2", "2 3", "3 1")
    assert raw.sides is None


def test_a_few_ids_that_stand_on_one_side_each_are_asked_about(bring):
    raw = bring("p1 t1", "p1 t2", "p2 t2", "p3 t1", "p3 t3", separator="\t")
    assert questions(raw) == ["sides"]
    assert inspect(raw).sides == (3, 3)


def test_pairs_of_which_none_shares_a_node_are_not_asked_about(bring):
    assert not questions(bring("p1 t1", "p2 t2", "p3 t3", separator="\t"))


@pytest.mark.parametrize("lines", [
    ("1 1", "1 2", "2 2", "2 4", "3 3", "3 1", "4 4"),  # a number joined to itself
    ("1 3", "1 5", "2 3", "2 1", "3 5", "4 2", "4 1"),
    ("1 3", "1 5", "2 4", "2 5", "3 6"),  # in order, as one column runs higher
])  # fmt: skip
def test_a_few_numbers_that_may_be_of_two_sets_are_asked_about(bring, lines):
    assert questions(bring(*lines)) == ["sides"]


@pytest.mark.parametrize("lines", [
    ("1 2", "2 3", "3 4", "4 1", "1 3"),  # each begins where the one before ends
    ("0 1", "0 2", "1 2", "2 3"),  # in order
    ("1 3", "3 1", "2 5", "5 4"),  # one comes back
])  # fmt: skip
def test_a_few_numbers_with_a_sign_of_one_set_are_not_asked_about(bring, lines):
    raw = bring(*lines)
    assert raw.sides is None
    assert not questions(raw)


def test_reviews_by_user_and_place_are_edges(bring):
    raw = bring("review_id user_id business_id stars", "r1 u1 b1 5", "r2 u2 b1 3", "r3 u1 b2 4", "r4 u3 b2 1")
    assert pairs(raw) == [("u1", "b1"), ("u2", "b1"), ("u1", "b2"), ("u3", "b2")]
    assert raw.weights.tolist() == [5, 3, 4, 1]


# ------------------------------------------------------------------ more of what misleads
@pytest.mark.parametrize("name", ["week", "wave", "season"])
def test_what_is_counted_in_weeks_and_rounds_is_a_time(bring, name):
    raw = bring(f"i j {name}", "a b 1", "b c 1", "c a 2", "a d 3")
    assert uses(raw)[name] == "time"
    assert not inspect(raw).weighted


def test_the_end_of_a_contact_is_no_weight(bring):
    raw = bring("a b 1578000000 1578000300", "b c 1578000100 1578000900", "c a 1578000200 1578000220")
    assert not inspect(raw).weighted


@pytest.mark.parametrize("values", [(-1, -1, 0, -1, 0), (0, 1, 1, 0, 1), (1, 0, -1, 1, 1)])
def test_few_numbers_with_a_zero_are_asked_about(bring, values):
    raw = bring(*[f"{a} {b} {v}" for (a, b), v in zip(["pq", "qr", "rp", "rs", "qs"], values, strict=True)])
    assert questions(raw) == ["relation"]
    assert len(pairs(raw)) == 5


def test_ids_with_a_point_and_zeros_in_front_are_nodes(bring):
    edges = ["0704.0001 0705.0002", "0705.0002 0706.0003", "0704.0001 0706.0003", "0706.0003 0707.1100"]
    raw = bring(*edges, separator=" ")
    assert pairs(raw) == [tuple(edge.split()) for edge in edges]


def test_the_kind_of_an_edge_stands_between_its_ends_under_whatever_name(bring):
    raw = bring("id node1 label node2", "e1 Q1 P31 Q5", "e2 Q2 P31 Q1", "e3 Q1 P27 Q2", separator="\t")
    assert kinds(raw) == ["P31", "P31", "P27"]


def test_json_behind_an_edge_is_no_dictionary_of_two_ends(bring):
    raw = bring(
        '/a/1 /r/IsA cat animal {"weight":1.0}', '/a/2 /r/IsA dog animal {"weight":2.0}',
        '/a/3 /r/At dog kennel {"weight":1.0}', '/a/4 /r/IsA animal thing {"weight":1.0}', separator="\t",
    )  # fmt: skip
    assert set(pairs(raw)) == {("cat", "animal"), ("dog", "animal"), ("dog", "kennel"), ("animal", "thing")}


def test_a_title_above_the_header_is_no_row(tmp_path):
    path = tmp_path / "staff.csv"
    path.write_text("Who reports to whom 2019\nboss,report\nAnn,Bob\nBob,Cy\nAnn,Dee\nDee,Eve\n", "utf-8")
    raw = read([SourceFile(path.name, path)])
    assert pairs(raw) == [("Ann", "Bob"), ("Bob", "Cy"), ("Ann", "Dee"), ("Dee", "Eve")]


def test_a_header_without_a_name_for_the_last_column(bring):
    raw = bring("user item stamp state list", "0 0 0.5 0 -0.1 0.2", "1 1 36.5 0 -0.1 0.2", "1 1 77.5 0 -0.1 0.3",
                "2 2 131.5 0 -0.1 0.2", "1 0 150.5 0 0.1 0.2")  # fmt: skip
    assert set(uses(raw)) >= {"user", "item"}
    assert raw.side_names == ("user", "item")


def test_columns_that_are_numbered_hold_a_matrix(bring):
    raw = bring("joke1 joke2 joke3 joke4", "1 5 NA 2", "4 NA 3 1", "2 2 2 2")
    assert raw.is_matrix
    assert raw.features.shape == (3, 4)


def test_the_middle_of_a_star_is_an_end(bring):
    raw = bring("1 9 2", "2 9 3", "3 9 1", "4 9 2")
    assert pairs(raw) == [("1", "9"), ("2", "9"), ("3", "9"), ("4", "9")]
    assert raw.weights.tolist() == [2, 3, 1, 2]
