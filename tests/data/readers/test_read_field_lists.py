"""Several names in one field, and several labels per node."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vgae_core.data.readers import SourceFile, look, read
from vgae_core.data.readers.columns.field_lists import list_sign
from vgae_core.errors import LimitError
from vgae_core.host.limits import Limits
from vgae_core.settings import FileSpec

CREWS = [("ann", "bob"), ("bob", "cid"), ("ann", "cid", "dan"), ("dan",)]
EDGES = {(f"boat {i}", name) for i, crew in enumerate(CREWS) for name in crew}
RING = "a,b\n" + "".join(f"n{i},n{(i + step) % 12}\n" for i in range(12) for step in (1, 4))


@pytest.fixture
def bring(tmp_path):
    """Return a function that writes texts under their names and returns them as they are brought."""

    def write(**texts):
        for name, text in texts.items():
            (tmp_path / f"{name}.csv").write_text(text)
        return [SourceFile(f"{name}.csv", tmp_path / f"{name}.csv") for name in texts]

    return write


def named(raw):
    return {(str(raw.node_ids[a]), str(raw.node_ids[b])) for a, b in zip(raw.rows, raw.cols, strict=True)}


def dense(raw):
    return raw.features.toarray() if hasattr(raw.features, "toarray") else np.asarray(raw.features)


@pytest.mark.parametrize("sign", [";", "|", "; "])
def test_an_edge_to_each_name_in_a_list(bring, sign):
    files = bring(fleet="boat,crew\n" + "".join(f"boat {i},{sign.join(c)}\n" for i, c in enumerate(CREWS)))
    raw = read(files)
    assert named(raw) == EDGES
    assert "column-lists" in {finding.code for finding in raw.findings}
    (report,) = look(files)
    assert not report.questions
    assert report.sentences[:2] == ("boat 0 – ann", "boat 0 – bob")


def test_weights_and_kinds_go_to_each_edge_of_a_list_whichever_column_it_is_in(bring):
    lines = [f"{';'.join(crew)},boat {i},{i + 0.5},{'ab'[i % 2]}\n" for i, crew in enumerate(CREWS)]
    raw = read(bring(fleet="crew,boat,weight,relation\n" + "".join(lines)))
    ends = [(str(raw.node_ids[a]), str(raw.node_ids[b])) for a, b in zip(raw.rows, raw.cols, strict=True)]
    kinds = [raw.relation_names[k] for k in raw.relations]
    expected = {(f"boat {i}", n): (i + 0.5, "ab"[i % 2]) for i, crew in enumerate(CREWS) for n in crew}
    assert dict(zip(ends, zip(raw.weights.tolist(), kinds, strict=True), strict=True)) == expected


def test_commas_between_quotes_are_asked_about(bring):
    files = bring(fleet="boat,crew\n" + "".join(f'boat {i},"{", ".join(c)}"\n' for i, c in enumerate(CREWS)))
    (report,) = look(files)
    (question,) = (q for q in report.questions if q.about == "lists")
    assert named(read(files)) == EDGES
    (choice,) = question.others
    whole = FileSpec(name="fleet.csv")
    for key, value in choice.changes.items():
        whole = whole.replace(key, value)
    assert ("boat 0", "ann, bob") in named(read(files, [whole]))
    said = FileSpec(name="fleet.csv")
    for key, value in question.accept.items():
        said = said.replace(key, value)
    assert not [q for q in look(files, [said])[0].questions if q.about == "lists"]
    assert named(read(files, [said])) == EDGES


def test_names_of_one_form_are_no_lists():
    assert not list_sign(["Smith, John", "Smith, Anna", "Doe, John", "Doe, Anna"])
    assert not list_sign(["sp|P1|A", "sp|P2|A", "sp|P3|B"])
    assert not list_sign(["1,5", "2,5", "3", "1,5"])
    assert list_sign(["1,3-glucan, 2,4-diol", "1,3-glucan", "2,4-diol, 1,3-glucan", "ether"]) == ", "
    assert not list_sign(["a;x1", "b;x2;y", "c", "d;x3"])  # what is listed occurs once


@given(
    st.lists(
        st.lists(st.sampled_from("abcdefg"), min_size=1, max_size=4, unique=True), min_size=4, max_size=20
    )
)
def test_lists_are_only_seen_where_there_are_some(lists):
    assert not list_sign([crew[0] for crew in lists])
    assert list_sign(["|".join(crew) for crew in lists]) in ("", "|")


def test_lists_count_as_the_edges_that_they_are(bring):
    files = bring(
        fleet="boat,crew\n" + "".join(f"boat {i},{';'.join('abcd'[: 2 + i % 3])}\n" for i in range(30))
    )
    with pytest.raises(LimitError, match="entries 90"):
        read(files, limits=Limits(edges=40))


def test_lists_beside_nodes_are_a_feature_for_each_name(bring):
    genres = [["drama", "war"], ["war"], ["drama"], ["war", "comedy"]]
    lines = [f"n{i},{';'.join(genres[i % 4])}\n" for i in range(12)]
    raw = read(bring(edges=RING, nodes="id,genres\n" + "".join(lines)))
    assert raw.labels is None
    assert raw.feature_names == ("genres=comedy", "genres=drama", "genres=war")
    rows = dict(zip(map(str, raw.node_ids), dense(raw).tolist(), strict=True))
    words = ("comedy", "drama", "war")
    assert rows == {f"n{i}": [float(w in genres[i % 4]) for w in words] for i in range(12)}


@pytest.mark.parametrize("name", ["labels", "group_edges"])
def test_several_labels_per_node_are_features_and_asked_about(bring, name):
    several = {i: {i % 4, (i + 1) % 4} for i in range(1, 13)}
    ring = "".join(f"{i},{(i + step) % 12 + 1}\n" for i in range(1, 13) for step in (0, 1, 2))
    text = "".join(f"{i},{label}\n" for i, labels in several.items() for label in sorted(labels))
    files = bring(edges=ring, **{name: text})
    asked = {report.how.name: [q.about for q in report.questions] for report in look(files)}
    assert asked[f"{name}.csv"] == ["role"]
    raw = read(files)
    assert len(raw.rows) == 36
    columns = [int(column) for column in raw.feature_names]
    for node, row in zip(raw.node_ids, dense(raw), strict=True):
        assert {column for column, value in zip(columns, row, strict=True) if value} == several[int(node)]


def test_a_row_that_is_there_twice_is_still_a_mistake(bring):
    labels = "node,label\n" + "".join(f"n{i},{'xy'[i % 2]}\n" for i in itertools.chain(range(12), [3]))
    with pytest.raises(Exception, match="more than one row"):
        read(bring(edges=RING, labels=labels))
