"""A table of few columns beside an edge list: one row per node is no list of edges."""

import numpy as np
import pandas as pd
import pytest

from vgae_core.data.readers import SourceFile, look, read
from vgae_core.errors import DataError
from vgae_core.settings import FileSpec

N = 40


def rows(*columns, header="", by=","):
    lines = [by.join(map(str, row)) for row in zip(*columns, strict=True)]
    return "\n".join([header] * bool(header) + lines) + "\n"


def chords(names):
    ends = [(names[i], names[(i * step + 1) % N]) for i in range(N) for step in (1, 3)]
    return rows(*zip(*ends, strict=True))


WORDS = [f"G{i}" for i in range(N)]
NUMBERS = list(range(N))
AGES = [20 + i * 7 % 60 for i in range(N)]
SHARES = [f"{i / 100:.2f}" for i in range(N)]
PARTIES = [["red", "green", "blue"][i % 3] for i in range(N)]


@pytest.fixture
def bring(tmp_path):
    """Return a function that writes files and returns them as they are brought."""

    def write(**texts):
        brought = []
        for name, text in texts.items():
            (tmp_path / f"{name}.csv").write_text(text)
            brought.append(SourceFile(f"{name}.csv", tmp_path / f"{name}.csv"))
        return brought

    return write


@pytest.mark.parametrize(
    ("names", "table", "expected"),
    [
        (NUMBERS, rows(NUMBERS, AGES, header="id,age"), "features"),
        (WORDS, rows(WORDS, AGES, header="id,age"), "features"),
        (NUMBERS, rows(NUMBERS, SHARES, header="id,share"), "features"),
        (NUMBERS, rows(NUMBERS, [f"{i}%" for i in range(N)], header="id,share"), "features"),
        (WORDS, rows(WORDS, AGES, SHARES, header="gene,len,gc"), "features"),
        (WORDS, rows(WORDS, AGES, SHARES), "features"),
        (NUMBERS, rows(NUMBERS, [1950 + i for i in range(N)], header="id,year"), "features"),
        (
            WORDS,
            rows(WORDS, [f"chr{i % 4}" for i in range(N)], PARTIES, header="gene,chrom,pathway"),
            "labels",
        ),
        (WORDS, rows(WORDS, PARTIES, header="person,party"), "labels"),
        (NUMBERS, rows(NUMBERS, [i % 5 for i in range(N)], by=" "), "labels"),
        (WORDS, rows(WORDS, [f"Mr {i}" for i in range(N)], header="person,full name"), "names"),
    ],
)
def test_one_row_per_node_is_a_node_table(bring, names, table, expected):
    files = bring(first=table, second=chords(names))
    reports = look(files)
    assert [report.how.role for report in reports] == [expected, "edges"]
    assert not any(report.problem for report in reports)
    judgement = next(j for j in reports[0].judgements if j.about == "role")
    assert f"{N} of the {N} ids" in judgement.text
    assert judgement.others[0].changes == {"role": "edges"}
    raw = read(files)
    assert raw.n_nodes == N
    known = {"features": raw.features is not None, "labels": raw.labels is not None}
    assert known.get(expected, "Mr 3" in raw.node_ids.tolist())


def test_its_numbers_reach_their_nodes(bring):
    order = np.random.default_rng(0).permutation(N)
    table = rows(order, [AGES[i] for i in order], header="number,age")
    raw = read(bring(first=table, second=chords(NUMBERS)))
    assert raw.feature_names == ("age",)
    assert np.asarray(raw.features.todense() if hasattr(raw.features, "todense") else raw.features)[
        :, 0
    ].tolist() == [AGES[i] for i in raw.node_ids.tolist()]


def test_of_parquet_as_of_text(tmp_path):
    ends = [line.split(",") for line in chords(WORDS).split()]
    pd.DataFrame(ends, columns=["a", "b"]).to_parquet(tmp_path / "links.parquet")
    pd.DataFrame({"person": WORDS, "party": PARTIES}).to_parquet(tmp_path / "who.parquet")
    raw = read([SourceFile(name, tmp_path / name) for name in ("links.parquet", "who.parquet")])
    assert raw.label_names == ("blue", "green", "red")


@pytest.mark.parametrize("names", [WORDS, NUMBERS])
def test_two_edge_lists_stay_two_and_say_what_to_do(bring, names):
    ring = rows(names, names[1:] + names[:1])
    files = bring(first=ring, second=chords(names))
    with pytest.raises(DataError, match=r"Two files hold edges.*--read second\.csv:role="):
        read(files)
    assert read(files, [FileSpec(name="first.csv", role="ignore")]).n_nodes == N


class TestRowsWithoutIds:
    """One row per node, by position, where some nodes have no edge."""

    ALONE = (7, 23)
    FEATURES = rows(
        [i / 8 for i in range(N)], [i % 3 + 0.5 for i in range(N)], [-i for i in range(N)], by=" "
    )

    def brought(self, bring, first, **texts):
        ends = [(i, (i * step + 1) % N) for i in range(N) for step in (1, 3)]
        ends = [(a + first, b + first) for a, b in ends if not {a, b} & set(self.ALONE)]
        return bring(edges=rows(*zip(*ends, strict=True)), **texts)

    @pytest.mark.parametrize("first", [0, 1])
    @pytest.mark.parametrize("column", ["features", "labels"])
    def test_nodes_without_an_edge_keep_their_row(self, bring, first, column):
        text = {"features": self.FEATURES, "labels": rows([i % 3 for i in range(N)], header="label")}[column]
        raw = read(self.brought(bring, first, **{column: text}))
        assert raw.node_ids.tolist() == [i + first for i in range(N)]
        finding = next(f for f in raw.findings if f.code == "isolated-rows")
        assert finding.examples == tuple(str(i + first) for i in self.ALONE)
        assert not {*raw.rows, *raw.cols} & set(self.ALONE)
        known = raw.labels if column == "labels" else np.asarray(raw.features)[:, 1] - 0.5
        assert known.tolist() == [i % 3 for i in range(N)]
        ends = {(raw.node_ids[a], raw.node_ids[b]) for a, b in zip(raw.rows, raw.cols, strict=True)}
        assert (first, 1 + first) in ends

    def test_too_few_rows_are_still_an_error(self, bring):
        with pytest.raises(DataError, match="rows for 38 nodes"):
            read(self.brought(bring, 0, features="\n".join(self.FEATURES.splitlines()[:-5])))


def test_a_table_of_all_nodes_says_that_both_columns_are_one_set(tmp_path):
    ends = [(1 + i % 25, 1 + (7 * i + i // 25) % 30) for i in range(60)]
    (tmp_path / "visits.txt").write_text("".join(f"{a} {b}\n" for a, b in ends))
    (tmp_path / "groups.csv").write_text("id,group\n" + "".join(f"{i},{'ab'[i % 2]}\n" for i in range(1, 31)))
    edges, groups = (SourceFile(name, tmp_path / name) for name in ("visits.txt", "groups.csv"))
    assert [q.about for file in read([edges]).files for q in file.questions] == ["sides"]
    raw = read([edges, groups])
    assert not [q for file in raw.files for q in file.questions]
    assert raw.n_nodes == 30
    assert (raw.labels >= 0).all()
