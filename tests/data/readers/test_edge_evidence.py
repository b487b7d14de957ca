"""The role of each column of an edge list is judged from evidence; where that does not settle it, the user is asked."""

from __future__ import annotations

import itertools

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vgae_core.data.readers import SourceFile, look, read
from vgae_core.data.readers.columns.names import same_but_for_a_mark, two_kinds
from vgae_core.data.readers.columns.sides import judge_sides
from vgae_core.data.repairs import repair
from vgae_core.data.report import inspect
from vgae_core.errors import DataError
from vgae_core.settings import FileSpec, RepairSpec

TOWNS = ["Aarhus", "Bergen", "Cork", "Delft", "Espoo", "Faro", "Ghent", "Haifa", "Izmir", "Jena"]
ROADS = [(a, b) for a in range(10) for b in range(a + 1, 10) if (a + b) % 3]


@pytest.fixture
def read_text(tmp_path):
    def read_(text, name="roads.csv", **how):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read([SourceFile(name, path)], [FileSpec(name=name, **how)] if how else [])

    return read_


def rows(*columns, header="", separator=","):
    lines = [separator.join(map(str, fields)) for fields in zip(*columns, strict=True)]
    return "\n".join([*([header] if header else []), *lines]) + "\n"


def edges_of(raw):
    return {
        frozenset((str(raw.node_ids[a]), str(raw.node_ids[b])))
        for a, b in zip(raw.rows, raw.cols, strict=True)
    }


def questions(raw):
    return [judgement.about for file in raw.files for judgement in file.questions]


LEFT, RIGHT = ([TOWNS[road[side]] for road in ROADS] for side in (0, 1))
EXPECTED = {frozenset(pair) for pair in zip(LEFT, RIGHT, strict=True)}
NUMBERS = list(range(len(ROADS)))
KINDS = ["rail" if a % 2 else "road" for a, _ in ROADS]

FORMS = {
    "names that pair": rows(LEFT, RIGHT, header="town1,town2"),
    "names nobody listed": rows(LEFT, RIGHT, header="here,there"),
    "no header": rows(LEFT, RIGHT),
    "saved index": rows(NUMBERS, LEFT, RIGHT, header=",here,there"),
    "named index": rows(NUMBERS, LEFT, RIGHT, header="Unnamed: 0,town_a,town_b"),
    "index without a header": rows(NUMBERS, LEFT, RIGHT),
    "edge ids first": rows([n + 7 for n in NUMBERS], LEFT, RIGHT, header="road_id,from_town,to_town"),
    "header one short": rows([n + 1 for n in NUMBERS], LEFT, RIGHT, header="V1,V2"),
    "relation between": rows(LEFT, KINDS, RIGHT),
    "head, relation, tail": rows(LEFT, KINDS, RIGHT, header="head,relation,tail"),
    "relation last": rows(LEFT, RIGHT, KINDS, header="here,there,kind"),
    "graph database": rows(LEFT, RIGHT, ["ROAD"] * len(ROADS), header=":START_ID,:END_ID,:TYPE"),
    "attributes of both ends": rows(
        LEFT, ["town"] * len(ROADS), RIGHT, ["town"] * len(ROADS), header="ENTITYA,TYPEA,ENTITYB,TYPEB"
    ),
}  # fmt: skip


@pytest.mark.parametrize("text", FORMS.values(), ids=FORMS)
def test_the_same_roads_in_every_form(read_text, text):
    raw = read_text(text)
    assert edges_of(raw) == EXPECTED
    assert raw.n_nodes == len(TOWNS)
    assert raw.weights is None
    assert not questions(raw)


def test_of_several_pairs_the_names_are_taken_and_the_others_offered(read_text):
    ids = [[100 + TOWNS.index(town) for town in side] for side in (LEFT, RIGHT)]
    text = rows(NUMBERS, *ids, ["-"] * len(ROADS), ["-"] * len(ROADS), LEFT, RIGHT,
                header="#Road ID,Code A,Code B,Old Name A,Old Name B,Symbol A,Symbol B")  # fmt: skip
    raw = read_text(text.replace("#Road", "Road"))
    assert edges_of(raw) == EXPECTED
    judgement = next(j for j in raw.files[0].judgements if j.about == "columns")
    assert judgement.others[0].changes == {"uses.Code A": "source", "uses.Code B": "target"}


# --------------------------------------------------------------------------- the header
def test_a_value_that_occurs_again_is_no_header(read_text):
    raw = read_text("anna,bert\nbert,carl\ncarl,dora\ndora,anna\n")
    assert len(raw.rows) == 4
    assert raw.files[0].header == "no"


def test_a_header_beyond_the_first_rows_is_looked_for_in_the_whole_file(read_text):
    many = ["".join(letters) for letters in itertools.product("abcdefghij", repeat=5)][:30_000]
    lonely = rows(many[::2], many[1::2])
    asked = read_text("here,there\n" + lonely)
    assert questions(asked) == ["header"]
    answered = read_text("here,there\n" + lonely + f"there,{many[1]}\n")
    assert "header" not in questions(answered)
    assert len(answered.rows) == 15_002


def test_an_unsure_header_can_be_said(read_text):
    words = ["".join(letters) for letters in itertools.product("abc", repeat=4)]
    lonely = rows(words[:40], words[40:80], header="here,there")
    assert "header" in questions(read_text(lonely))
    for said, edges in (("yes", 40), ("no", 41)):
        raw = read_text(lonely, header=said)
        assert len(raw.rows) == edges
        assert "header" not in questions(raw)


# -------------------------------------------------------------------- numbers beside edges
THIRD = {
    "edge ids": (NUMBERS, False, False),
    "edge ids out of order": (NUMBERS[::-1], False, False),
    "seconds": ([1_500_000_000 + 77 * n for n in NUMBERS], False, False),
    "milliseconds": ([1_500_000_000_000 + 77 * n for n in NUMBERS], False, False),
    "years": ([1990 + n % 25 for n in NUMBERS], False, False),
    "days": ([f"2021-03-{1 + n % 28:02}" for n in NUMBERS], False, False),
    "packed days": ([20210301 + n % 28 for n in NUMBERS], False, False),
    "growing counters": ([n + n // 3 for n in NUMBERS], False, True),
    "counts": ([1 + (n * 7) % 5 for n in NUMBERS], True, False),
    "fractions": ([((n * 37) % 100) / 100 + 0.01 for n in NUMBERS], True, False),
    "sorted fractions": ([1 / (n + 1) for n in NUMBERS], True, False),
    "signs": ([(-1) ** n for n in NUMBERS], True, False),
}


@pytest.mark.parametrize("separator", [",", "\t"])
@pytest.mark.parametrize(("third", "weighted", "asked"), THIRD.values(), ids=THIRD)
def test_only_weights_are_weights(read_text, third, weighted, asked, separator):
    raw = read_text(rows(LEFT, RIGHT, third, separator=separator))
    assert edges_of(raw) == EXPECTED
    assert bool(raw.weights is not None and np.any(raw.weights != 1)) == weighted
    assert questions(raw) == (["weight"] if asked else [])
    if weighted:
        np.testing.assert_allclose(raw.weights, np.array(third, np.float32))
    else:
        names = {judgement.about for judgement in raw.files[0].judgements}
        assert names & {"weight", "time"}


def test_repeated_contacts_count(read_text):
    stamps = [1_500_000_000 + n for n in range(6)]
    raw = read_text(rows([0, 0, 1, 1, 2, 0], [1, 1, 2, 2, 3, 1], stamps, separator=" "), "contacts.txt")
    graph = repair(raw, RepairSpec(direction="directed"))
    dense = graph.adjacency.toarray()
    assert (dense[0, 1], dense[1, 2], dense[2, 3]) == (3, 2, 1)


def test_weight_and_time_side_by_side(read_text):
    weights = [1 + n % 4 for n in NUMBERS]
    text = rows(LEFT, RIGHT, weights, [1_200_000_000 + n for n in NUMBERS], separator=" ")
    raw = read_text(text, "out.roads")
    assert raw.weights.tolist() == weights
    assert {part.use for part in raw.files[0].parts} == {"source", "target", "weight", "time"}


def test_the_other_choice_of_a_judgement_is_what_it_says(read_text):
    text = rows(LEFT, RIGHT, [n + n // 3 for n in NUMBERS])
    (judgement,) = read_text(text).files[0].questions
    changes = judgement.others[0].changes
    assert changes == {"uses.3": "weight"}
    raw = read_text(text, uses={key.removeprefix("uses."): use for key, use in changes.items()})
    assert raw.weights.tolist() == [n + n // 3 for n in NUMBERS]
    accepted = {key.removeprefix("uses."): use for key, use in judgement.accept.items()}
    assert not questions(read_text(text, uses=accepted))


# ----------------------------------------------------------------------------- relations
def test_relations_are_kept_and_can_be_filtered(read_text):
    raw = read_text(rows(LEFT, KINDS, RIGHT, separator="\t"), "roads.tsv")
    assert set(raw.relation_names) == {"rail", "road"}
    assert [raw.relation_names[code] for code in raw.relations] == KINDS
    reference = nx.Graph(zip(LEFT, RIGHT, strict=True))
    nx.set_edge_attributes(reference, dict(zip(zip(LEFT, RIGHT, strict=True), KINDS, strict=True)), "kind")
    graph = repair(raw, RepairSpec())
    entries = graph.adjacency.tocoo()
    for i, j, code in zip(entries.row, entries.col, graph.relations, strict=True):
        ends = graph.node_ids[i], graph.node_ids[j]
        assert reference.edges[ends]["kind"] == graph.relation_names[code]
    rails = repair(raw, RepairSpec(relations=("rail",), component="largest"))
    kept = reference.edge_subgraph(e for e in reference.edges if reference.edges[e]["kind"] == "rail")
    assert len(rails.edges) == max(kept.subgraph(c).size() for c in nx.connected_components(kept))
    assert {graph.relation_names[code] for code in rails.relations} == {"rail"}


def test_an_unknown_relation_is_refused_with_those_there_are(read_text):
    raw = read_text(rows(LEFT, KINDS, RIGHT))
    with pytest.raises(DataError, match=r"'sea'.*Relations of this graph: r"):
        repair(raw, RepairSpec(relations=("sea",)))


# ----------------------------------------------------------------------- one set or two
def test_two_sets_that_both_count_from_one_stay_apart(read_text):
    raw = read_text("% bip unweighted\n1 1\n1 2\n2 1\n3 2\n", "out.club")
    assert raw.node_ids.tolist() == ["r1", "r2", "r3", "c1", "c2"]
    assert {tuple(sorted(edge)) for edge in edges_of(raw)} == {
        ("c1", "r1"),
        ("c2", "r1"),
        ("c1", "r2"),
        ("c2", "r3"),
    }
    assert not questions(raw)
    assert raw.sides.tolist() == [0, 0, 0, 1, 1]
    assert raw.side_names == ()


def test_headers_of_two_kinds_tell_two_sets(read_text):
    raw = read_text("reader_id,book_id,rating\n1,1,5\n1,2,3\n2,1,4\n")
    assert raw.node_ids.tolist() == ["r1", "r2", "b1", "b2"]
    assert raw.weights.tolist() == [5, 3, 4]


def test_two_sided_data_can_be_read_as_a_matrix(read_text):
    text = "reader_id,book_id,rating\n1,1,5\n1,2,3\n2,1,4\n"
    judgement = next(j for j in read_text(text).files[0].judgements if j.about == "sides")
    matrix = next(choice for choice in judgement.others if choice.changes.get("role") == "features")
    uses = {key.removeprefix("uses."): use for key, use in matrix.changes.items() if key != "role"}
    raw = read_text(text, role="features", uses=uses)
    assert raw.is_matrix
    assert raw.features.toarray().tolist() == [[5, 3], [4, 0]]


def test_ratings_and_times_ask_whether_users_and_items_are_one_set(read_text):
    rng = np.random.default_rng(0)
    users, items = rng.integers(1, 60, 300), rng.integers(1, 90, 300)
    text = rows(users, items, rng.integers(1, 6, 300), 9e8 + np.arange(300), separator="\t")
    assert questions(read_text(text, "u.data")) == ["sides"]
    assert not questions(read_text(text, "u.data", sides="two"))


def numbers_of(graph):
    return tuple(np.array(list(graph.edges), np.int64).T)


@given(st.integers(0, 10_000), st.integers(60, 200))
@settings(max_examples=30, deadline=None, derandomize=True)
def test_graphs_of_one_set_are_not_taken_for_two(seed, n):
    undirected = numbers_of(nx.barabasi_albert_graph(n, 3, seed=seed))
    both = tuple(np.concatenate([undirected[a], undirected[b]]) for a, b in ((0, 1), (1, 0)))
    directed = numbers_of(nx.DiGraph(nx.scale_free_graph(n, seed=seed)))
    for ends in (undirected, both, directed):
        assert not judge_sides(*ends).two


@given(st.integers(0, 10_000), st.integers(30, 90), st.integers(120, 400))
@settings(max_examples=30, deadline=None, derandomize=True)  # chance itself is what is judged
def test_two_sets_are_never_joined_without_asking(seed, n_left, n_right):
    rng = np.random.default_rng(seed)
    ends = rng.integers(1, n_left + 1, 900), rng.integers(1, n_right + 1, 900)
    sides = judge_sides(*ends)
    assert sides.two or not sides.sure


def test_names_without_overlap_are_two_sets_and_asked_about(read_text):
    raw = read_text(rows([f"author {n % 6}" for n in range(24)], [f"paper {n % 8}" for n in range(24)]))
    assert questions(raw) == ["sides"]
    assert not any(name[0] in "rc" for name in map(str, raw.node_ids[:6]))


def test_a_list_of_labels_that_came_alone_is_asked_about(read_text):
    text = rows(range(100, 140), ["ab"[n % 2] for n in range(40)], header="id,group")
    assert "role" in questions(read_text("\n".join(text.replace("id,group", "n,g").split("\n"))))


# ------------------------------------------------------------------------------- counts
COUNTS = {
    "nodes and edges": "10 {m}",
    "rows, columns, entries": "10 10 {m}",
    "edges": "{m}",
    "nodes": "10",
}


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("separator", [" ", ",", "\t"])
@pytest.mark.parametrize("first", COUNTS.values(), ids=COUNTS)
def test_a_first_row_of_counts_is_no_edge(read_text, first, separator, ends):
    a, b = np.array(ROADS).T
    text = first.format(m=len(ROADS)).replace(" ", separator) + "\n" + rows(a, b, separator=separator)
    raw = read_text(text.replace("\n", ends).encode(), "counted.txt")
    assert len(raw.rows) == len(ROADS)
    assert "count-row" in {finding.code for finding in raw.findings}


def test_a_first_row_of_other_numbers_is_an_edge(read_text):
    raw = read_text("3 17\n17 9\n9 3\n4 17\n", "edges.txt")
    assert len(raw.rows) == 4


# ---------------------------------------------------------------------------------- look
@pytest.mark.parametrize("text", FORMS.values(), ids=FORMS)
def test_a_look_and_a_reading_agree(tmp_path, text):
    path = tmp_path / "roads.csv"
    path.write_text(text)
    files = [SourceFile("roads.csv", path)]
    (looked,), raw = look(files), read(files)
    assert (looked.judgements, looked.sentences) == (raw.files[0].judgements, raw.files[0].sentences)
    first = looked.sentences[0]
    assert first.startswith(LEFT[0])
    assert RIGHT[0] in first


def test_sentences_name_the_relation(read_text):
    assert read_text("numpy,imports,math\npandas,imports,numpy\nscipy,imports,numpy\n").files[0].sentences[
        1
    ] == ("pandas imports numpy")


@pytest.mark.parametrize(
    ("left", "right", "paired"),
    [("drug1", "drug2", True), ("EntityA", "EntityB", True), ("from_id", "to_id", True), ("u", "v", True),
     (":START_ID(Town)", ":END_ID(Town)", True), ("node", "neighbor", True), ("age", "income", False),
     ("user", "item", False), ("a", "a", False)],
)  # fmt: skip
def test_names_that_differ_in_a_mark(left, right, paired):
    assert same_but_for_a_mark(left, right) == paired


def test_names_of_two_kinds():
    assert two_kinds("userId", "movieId")
    assert two_kinds("book", "readers")
    assert not two_kinds("user", "friend")


def test_pandas_index_and_plain_table_give_the_same(tmp_path, read_text):
    frame = pd.DataFrame({"here": LEFT, "there": RIGHT})
    assert edges_of(read_text(frame.to_csv())) == edges_of(read_text(frame.to_csv(index=False))) == EXPECTED


# ------------------------------------------------------- columns that are not called anything
NUMBERED = [[7 * TOWNS.index(town) + 3 for town in side] for side in (LEFT, RIGHT)]
NUMBER_PAIRS = {frozenset((str(a), str(b))) for a, b in zip(*NUMBERED, strict=True)}
MODES = ["air" if n % 3 else "sea" for n in NUMBERS]

BESIDE = {
    "an id of the row": (rows(NUMBERS, LEFT, RIGHT, header="id,town1,town2"), EXPECTED),
    "an id and unlisted names": (rows(NUMBERS, LEFT, RIGHT, header="key,here,there"), EXPECTED),
    "row names of R": ('"from" "to"\n' + rows([n + 1 for n in NUMBERS], LEFT, RIGHT, separator=" "), EXPECTED),
    "a kind between numbers": (rows(NUMBERED[0], KINDS, NUMBERED[1], separator="\t"), NUMBER_PAIRS),
    "two kinds behind numbers": (rows(*NUMBERED, KINDS, MODES, header="who,whom,channel,place"), NUMBER_PAIRS),
    "kinds of both ends": (rows(LEFT, ["town"] * len(ROADS), RIGHT, ["town"] * len(ROADS), separator="\t"), EXPECTED),
    "one species": (
        rows(LEFT, RIGHT, ["man"] * len(ROADS), ["man"] * len(ROADS), header="lhs,rhs,species1,species2"), EXPECTED
    ),
    "seconds first": (rows([1_500_000_000 + 60 * n for n in NUMBERS], *NUMBERED, separator=" "), NUMBER_PAIRS),
    "a remark last": (
        rows(LEFT, RIGHT, [f"seen on a rainy day number {n}" for n in NUMBERS], header="source,target,remark"), EXPECTED
    ),
    "one name twice": (rows(MODES, LEFT, MODES, RIGHT, header="Bank,Account,Other Bank,Account.1"), EXPECTED),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), BESIDE.values(), ids=BESIDE)
def test_ends_are_found_beside_other_columns(read_text, text, expected):
    raw = read_text(text)
    assert edges_of(raw) == expected
    assert set(questions(raw)) <= {"sides"}


def test_sources_in_order_are_no_steps_of_time(read_text):
    first, second = np.array(sorted(ROADS)).T
    raw = read_text(rows(first, second, 1 + (first * second) % 7, separator=" "))
    assert len(edges_of(raw)) == len(ROADS)
    assert raw.weights is not None


def test_features_called_x1_and_x2_are_no_ends(tmp_path):
    (tmp_path / "edges.csv").write_text(rows(LEFT, RIGHT, header="source,target"))
    (tmp_path / "towns.csv").write_text(
        rows(TOWNS, [n % 2 for n in range(10)], [n % 3 for n in range(10)], header="id,x1,x2")
    )
    raw = read([SourceFile(name, tmp_path / name) for name in ("edges.csv", "towns.csv")])
    assert edges_of(raw) == EXPECTED
    assert raw.feature_names == ("x1", "x2")


def test_few_numbers_from_zero_are_asked_about(read_text):
    raw = read_text(rows(LEFT, RIGHT, [n % 3 for n in NUMBERS]))
    assert questions(raw) == ["relation"]
    assert edges_of(raw) == EXPECTED
    weighted = read_text(rows(LEFT, RIGHT, [n % 3 for n in NUMBERS]), uses={"3": "weight"})
    assert weighted.weights.tolist() == [n % 3 for n in NUMBERS]


def test_a_weight_behind_row_numbers_is_a_weight(read_text):
    counts = [1 + (n * 7) % 5 for n in NUMBERS]
    raw = read_text(rows([n + 1 for n in NUMBERS], LEFT, RIGHT, counts, header="x,y,size"))
    assert edges_of(raw) == EXPECTED
    assert raw.weights.tolist() == counts


# ---------------------------------------------------------------- a header behind a comment sign
def interactions():
    """Return rows as a protein database writes them: ids of each end first, then its name, then what was seen."""
    rng = np.random.default_rng(4)
    entrez, own = rng.permutation(900)[:30] + 6000, rng.permutation(900)[:30] + 110_000
    lines = []
    for number in range(80):
        a, b = rng.choice(30, 2, replace=False)
        lines.append((103 + 7 * number, entrez[a], entrez[b], own[a], own[b], f"G{a}X", f"G{b}X", "-"))
    names = [
        "Gene Interactor A",
        "Gene Interactor B",
        "ID Interactor A",
        "ID Interactor B",
        "Symbol A",
        "Symbol B",
    ]
    header = "\t".join(["#Interaction ID", *names, "Score"])
    return "\n".join([header, *("\t".join(map(str, line)) for line in lines)]) + "\n"


def test_a_comment_that_names_the_columns_is_never_offered_as_an_edge(read_text):
    raw = read_text(interactions(), "pairs.tab.txt")
    judgements = {judgement.about: judgement for judgement in raw.files[0].judgements}
    assert judgements["header"].text.startswith("A comment names the columns.")
    assert not judgements["header"].others
    assert len(raw.rows) == 80
    assert {str(name)[0] for name in raw.node_ids} == {"G"}
    below = read_text(interactions().removeprefix("#"), "pairs.tab.txt")
    header = next(one for one in below.files[0].judgements if one.about == "header")
    assert [choice.title for choice in header.others] == ["The first row is an edge"]


def test_ids_of_the_ends_are_not_offered_as_weights(read_text):
    raw = read_text(interactions(), "pairs.tab.txt")
    assert raw.weights is None
    offered = [choice.title for one in raw.files[0].judgements for choice in one.others]
    assert not [title for title in offered if title.startswith("Weigh")]
    ids = [f"{10 + n % 7},{n % 7 + 500},{20 + n % 5},{n * n % 13}" for n in range(60)]
    other = read_text("\n".join(["left,left_code,right,seen", *ids]))
    offered = [choice.title for one in other.files[0].judgements for choice in one.others]
    assert "Weigh edges by seen" in offered
    assert "Weigh edges by left_code" not in offered


# ------------------------------------------------------------------- plain lists of numbers
def shuffled(pairs, seed=0):
    rng = np.random.default_rng(seed)
    return "".join(f"{a} {b}\n" for a, b in rng.permutation(np.array(list(pairs))).tolist())


ONE_SET = {
    "ring": nx.watts_strogatz_graph(12, 4, 0, seed=1),
    "random": nx.gnm_random_graph(30, 90, seed=1),
    "hubs": nx.barabasi_albert_graph(100, 2, seed=1),
    "arcs": nx.gnm_random_graph(40, 160, seed=1, directed=True),
}


@pytest.mark.parametrize("name", ONE_SET)
@pytest.mark.parametrize("listed", ["as they are", "both ways", "either way", "other numbers"])
def test_a_plain_list_of_edges_is_not_asked_about(read_text, name, listed):
    pairs = list(ONE_SET[name].edges)
    if listed == "both ways":
        pairs += [(b, a) for a, b in pairs]
    elif listed == "either way":
        pairs = [(b, a) if (a * 7 + b) % 2 else (a, b) for a, b in pairs]
    elif listed == "other numbers":
        pairs = [(a * 1003 % 5003 + 40, b * 1003 % 5003 + 40) for a, b in pairs]
    raw = read_text(shuffled(pairs))
    assert raw.sides is None
    assert not raw.files[0].questions


def test_pairs_of_numbers_that_never_repeat_are_one_set(read_text):
    raw = read_text("".join(f"{2 * i} {2 * i + 1}\n" for i in range(40)))
    assert raw.sides is None
    assert not raw.files[0].questions


def test_users_of_whom_each_rated_once_are_two_sets(read_text):
    rows = "".join(f"{i}\t{(i * 7) % 50}\t{i % 5 + 1}\t{978300000 + (i * 37) % 991}\n" for i in range(120))
    raw = read_text(rows)
    assert raw.files[0].how.uses == {}
    assert {part.name: part.use for part in raw.files[0].parts}["1"] == "source"
    assert inspect(raw).sides == (120, 50)
    assert [judgement.about for judgement in raw.files[0].questions] == ["sides"]


def test_two_sets_with_a_name_in_common_are_asked_about(read_text):
    rows = (
        "".join(f"drug {i % 150}\tprotein {(i * 7) % 211}\n" for i in range(900))
        + "insulin\tprotein 1\ndrug 1\tinsulin\n"
    )
    raw = read_text(rows)
    (question,) = raw.files[0].questions
    assert "only 1 occur in both" in question.text
    one = question.others[-1].changes
    assert one == {"sides": "one"}


def test_numbers_with_fractions_are_no_nodes(read_text):
    raw = read_text("".join(f"{i} {i * 0.37:.4f} {2 - i * 0.11:.4f}\n" for i in range(30)))
    assert raw.is_matrix
    assert raw.features.shape == (30, 3)
    weighted = read_text("".join(f"{i} {(i * 3) % 30} {i * 0.37:.4f}\n" for i in range(1, 30)))
    assert weighted.weights is not None


def test_an_empty_relation_leaves_no_gap(read_text):
    text = "a,binds,b\nb,,c\nc,cuts,a\nb,cuts,d\nd,binds,a\na,cuts,c\n"
    raw = read_text("source,interaction,target\n" + text)
    assert raw.files[0].sentences[:2] == ("a binds b", "b – c")
