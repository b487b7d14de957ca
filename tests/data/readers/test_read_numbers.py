"""Numbers as people write them, missing values, and node tables of them."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from vgae_core.data.arrays import graph_from_arrays, graph_to_arrays
from vgae_core.data.dataset import RawGraph
from vgae_core.data.readers import SourceFile, look, read
from vgae_core.data.readers.text.written_numbers import decimal_mark, is_number, parse
from vgae_core.data.repairs import offers, repair
from vgae_core.data.report import inspect
from vgae_core.errors import DataError
from vgae_core.settings import FileSpec, RepairSpec

RING = "".join(f"n{i},n{(i + 1) % 6}\n" for i in range(6))


@pytest.fixture
def files(tmp_path):
    """Return a function that writes named contents and returns them as files."""

    def write(**contents):
        sources = []
        for name, content in contents.items():
            path = tmp_path / name.replace("_", ".")
            path.write_text(content, encoding="utf-8")
            sources.append(SourceFile(path.name, path))
        return sources

    return write


def dense(features):
    return features.toarray() if sparse.issparse(features) else features


def told(graph, code):
    return next((f for f in graph.findings if f.code == code), None)


def judged(reports, about):
    return [j for report in reports for j in report.judgements if j.about == about]


# ----------------------------------------------------------------------------- notation
@pytest.mark.parametrize(
    ("text", "decimal", "value"),
    [
        ("0,5", ",", 0.5), ("1.234,5", ",", 1234.5), ("1.234", ",", 1234), ("1,234", ",", 1.234), ("1.5", ",", 1.5),
        ("1,5e3", ",", 1500), ("1,234", ".", 1234), ("1,234,567.5", ".", 1234567.5), ("1.234", ".", 1.234),
        ("1 234,5", ",", 1234.5), ("1\u00a0234", ".", 1234), ("1'234.5", ".", 1234.5), ("12%", ".", 0.12),
        ("12,5 %", ",", 0.125), ("-0,5", ",", -0.5), ("7", ",", 7), (",5", ",", 0.5), ("0,5", ".", 0.5),
        ("$100.50", ".", 100.5), ("-$5", ".", -5), ("$-5", ".", -5), ("£1,200", ".", 1200), ("5,50 €", ",", 5.5),
        ("1.234,50 EUR", ",", 1234.5), ("CHF 1'234.50", ".", 1234.5), ("¥7", ".", 7),
    ],
)  # fmt: skip
def test_notation(text, decimal, value):
    values, bad = parse(pd.Series([text]), decimal)
    assert (values[0], bad[0]) == (pytest.approx(value), False)
    assert is_number(text)


@pytest.mark.parametrize("text", ["abc", "1_000", "10.0.0.1", "1,2,3", "2020-01-01", "12%%"])
def test_no_numbers(text):
    values, bad = parse(pd.Series([text]), ".")
    assert np.isnan(values[0])
    assert bad[0]
    assert not is_number(text)


@pytest.mark.parametrize("text", ["", " ", "NA", "n/a", "NaN", "null", "None", "?", "-", "#N/A", "<NA>"])
def test_missing(text):
    values, bad = parse(pd.Series([text, "1"]), ".")
    assert np.isnan(values[0])
    assert not bad.any()


@pytest.mark.parametrize(
    ("fields", "mark", "sure"),
    [
        (["0,5", "1,25"], ",", True), (["1,234", "2,345"], ".", False), (["1,234,567", "2,345"], ".", True),
        (["1,234", "0,5"], ",", True), (["1.5", "2"], ".", True), (["1.234,5"], ",", True), (["a", "b"], ".", True),
        (["1,234.5", "7"], ".", True),
    ],
)  # fmt: skip
def test_the_decimal_mark_is_told_from_the_fields(fields, mark, sure):
    assert decimal_mark(fields) == (mark, sure)


@settings(max_examples=60, deadline=None)
@given(values=st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=20), places=st.integers(1, 4))
def test_both_marks_give_the_same_numbers(values, places):
    plain = [f"{value:.{places}f}" for value in values]
    commas = [text.replace(".", ",") for text in plain]
    grouped = [f"{value:,.{places}f}".translate(str.maketrans(",.", ".,")) for value in values]
    for texts, decimal in ((plain, "."), (commas, ","), (grouped, ",")):
        parsed, bad = parse(pd.Series(texts), decimal)
        assert not bad.any()
        np.testing.assert_array_equal(parsed, [float(text) for text in plain])


# ------------------------------------------------------------------------- decimal commas
@pytest.mark.parametrize("sign", [";", "\t", " "])
def test_decimal_commas_in_weights_features_and_matrices(files, sign):
    edges = "".join(sign.join(row) + "\n" for row in (("a", "b", "0,5"), ("b", "c", "1,25"), ("c", "a", "2")))
    table = "".join(sign.join(row) + "\n" for row in (("id", "f", "g"), ("a", "0,5", "1"), ("b", "1,5", "2"),
                                                      ("c", "2,5", "1.000"))).replace(" ", sign)  # fmt: skip
    graph = read(files(edges_txt=edges, features_txt=table), [FileSpec(name="features.txt", role="features")])
    assert graph.weights.tolist() == [0.5, 1.25, 2]
    assert dense(graph.features).tolist() == [[0.5, 1], [1.5, 2], [2.5, 1000]]
    square = "".join(sign.join("0,5" if (i + j) % 2 else "0" for j in range(5)) + "\n" for i in range(5))
    graph = read(files(m_txt=square))
    assert (graph.n_nodes, set(graph.weights.tolist())) == (5, {0.5})


def test_prices_are_features(files):
    prices = [f"${100 + i}.50" for i in range(6)]
    table = "id,price\n" + "".join(f"n{i},{price}\n" for i, price in enumerate(prices))
    raw = read(files(edges_csv=RING, shops_csv=table))
    assert raw.feature_names == ("price",)
    assert sorted(dense(raw.features)[:, 0].tolist()) == [100.5 + i for i in range(6)]


def test_thousands_or_decimals_is_asked(files):
    given = files(flows_txt="a;b;1,234\nb;c;2,345\nc;a;3,456\n")
    (question,) = judged(look(given), "decimal")
    assert not question.sure
    assert read(given).weights.tolist() == [1234, 2345, 3456]
    (choice,) = question.others
    how = FileSpec(name="flows.txt", **choice.changes)
    assert read(given, [how]).weights.tolist() == pytest.approx([1.234, 2.345, 3.456])


# ------------------------------------------------------------------------ missing values
GAPS = "id,age,pay\nn0,20,1\nn1,NA,2\nn2,30,\nn3,40,4\nn4,,5\nn5,30,6\n"


class TestGaps:
    def test_they_are_offered_by_column(self, files):
        raw = read(files(edges_csv=RING, features_csv=GAPS))
        assert np.isnan(dense(raw.features)).sum() == 3
        offer = next(o for o in offers(raw) if o.setting == "missing")
        assert offer.count == 3
        assert "age (2), pay (1)" in offer.message
        assert told(inspect(raw), "missing-values").level == "choice"
        assert inspect(raw).feature_kind == "count"

    @pytest.mark.parametrize("compact", [False, True])
    @pytest.mark.parametrize(
        ("settings_", "columns"),
        [
            ({}, {"age": [20, 30, 30, 40, 30, 30], "pay": [1, 2, 3.6, 4, 5, 6]}),
            ({"missing": "zero"}, {"age": [20, 0, 30, 40, 0, 30], "pay": [1, 2, 0, 4, 5, 6]}),
            (
                {"missing": "zero", "missing_indicator": True},
                {"age": [20, 0, 30, 40, 0, 30], "pay": [1, 2, 0, 4, 5, 6], "age missing": [0, 1, 0, 0, 1, 0],
                 "pay missing": [0, 0, 1, 0, 0, 0]},
            ),
        ],
    )  # fmt: skip
    def test_what_is_put_in_their_place(self, files, settings_, columns, compact):
        raw = read(files(edges_csv=RING, features_csv=GAPS))
        if compact:
            raw = RawGraph(**{**raw.__dict__, "features": sparse.csr_array(raw.features)})
        graph = repair(raw, RepairSpec(**settings_))
        assert graph.feature_names == tuple(columns)
        np.testing.assert_allclose(dense(graph.features), np.array(list(columns.values())).T, rtol=1e-6)

    def test_columns_are_dropped(self, files):
        table = "".join(f"{line},{i}\n" for i, line in enumerate(GAPS.split())).replace("pay,0", "pay,x")
        graph = repair(read(files(edges_csv=RING, features_csv=table)), RepairSpec(missing="drop"))
        assert graph.feature_names == ("x",)
        with pytest.raises(DataError, match="none is left"):
            repair(read(files(edges_csv=RING, features_csv=GAPS)), RepairSpec(missing="drop"))

    def test_the_mean_is_that_of_the_nodes_kept(self, files):
        table = GAPS + "n6,999,0\nn7,999,0\n"
        raw = read(files(edges_csv=RING + "n6,n7\n", features_csv=table))
        graph = repair(raw, RepairSpec(component="largest"))
        assert dense(graph.features)[1, 0] == 30

    def test_they_are_stored_and_read_again(self, files):
        raw = read(files(edges_csv=RING, features_csv=GAPS))
        again = graph_from_arrays(graph_to_arrays(raw))
        np.testing.assert_array_equal(dense(again.features), dense(raw.features))
        arrays = graph_to_arrays(repair(raw, RepairSpec()))
        arrays["features"] = np.where(arrays["features"] == 20, np.nan, arrays["features"]).astype(np.float32)
        with pytest.raises(DataError, match="finite"):
            graph_from_arrays(arrays)

    def test_a_matrix_without_a_graph_has_them_filled_too(self, files):
        rows = "".join(f"u{i},{i},NA,{i + 1},2,{i % 2},1\n" for i in range(6))
        raw = read(files(m_csv="user,tea,oil,ham,pie,jam,egg\n" + rows.replace("u5,5,NA", "u5,5,8")))
        assert raw.is_matrix
        assert [o.setting for o in offers(raw)] == ["missing", "missing_indicator"]
        assert repair(raw, RepairSpec()).features[:, 1].tolist() == [8] * 6

    def test_what_is_no_number_is_still_refused_with_its_line(self, files):
        with pytest.raises(DataError, match="line 3, column age: The value is 'old'"):
            read(files(edges_csv=RING, features_csv=GAPS.replace("n1,NA", "n1,old")))

    @pytest.mark.parametrize(("choice", "weights"), [("one", {2, 3, 1}), ("drop", {2, 3})])
    def test_weights(self, files, choice, weights):
        raw = read(files(e_csv="source,target,weight\na,b,2\nb,c,\nc,d,3\nd,a,NA\n"))
        offer = next(o for o in offers(raw) if o.setting == "missing_weights")
        assert offer.count == 2
        assert inspect(raw).weight_range == (2, 3)
        graph = repair(raw, RepairSpec(missing_weights=choice))
        assert set(graph.adjacency.data.tolist()) == weights
        assert graph.adjacency.nnz == (8 if choice == "one" else 4)
        again = graph_from_arrays(graph_to_arrays(raw))
        np.testing.assert_array_equal(again.weights, raw.weights)


# ------------------------------------------------------------------------------ matrices
class TestBlankCells:
    @pytest.mark.parametrize("diagonal", ["", "NA", "-"])
    @pytest.mark.parametrize("names", [True, False])
    def test_they_are_no_edges(self, files, diagonal, names):
        rows = [["1" if abs(i - j) == 1 else diagonal if i == j else "" for j in range(5)] for i in range(5)]
        if names:
            rows = [["", *"abcde"], *([name, *row] for name, row in zip("abcde", rows, strict=True))]
        graph = read(files(adj_csv="".join(",".join(row) + "\n" for row in rows)))
        assert (graph.n_nodes, len(graph.rows), graph.directed) == (5, 8, False)
        assert told(graph, "blank-cells").count == 17

    def test_of_a_table_of_users_and_items_they_are_0_if_most_are_blank(self, files):
        rows = "".join(
            f"u{i}," + ",".join("5" if (i + j) % 4 == 0 else "" for j in range(8)) + "\n" for i in range(9)
        )
        raw = read(files(m_csv="," + ",".join(f"item{j}" for j in range(8)) + "\n" + rows))
        assert raw.is_matrix
        assert told(raw, "blank-cells").count == 54
        expected = [[5 if (i + j) % 4 == 0 else 0 for j in range(8)] for i in range(9)]
        assert dense(raw.features).tolist() == expected


# ---------------------------------------------------------------------------- categories
class TestCategories:
    TABLE = "id,age,sex,note\n" + "".join(f"n{i},{20 + i},{'fm'[i % 2]},text {i}\n" for i in range(6))

    def test_a_column_each(self, files):
        given = files(edges_csv=RING, features_csv=self.TABLE)
        graph = read(given)
        assert graph.feature_names == ("age", "sex=f", "sex=m")
        np.testing.assert_array_equal(dense(graph.features)[:, 1], [1, 0] * 3)
        assert told(graph, "categories").examples == ("sex",)
        assert told(graph, "columns-ignored").examples == ("note",)
        (judgement,) = judged(look(given), "categories")
        assert {"uses.sex": "label"} in [dict(choice.changes) for choice in judgement.others]

    def test_missing_ones_are_in_none(self, files):
        graph = read(files(edges_csv=RING, features_csv=self.TABLE.replace("n0,20,f", "n0,20,?")))
        assert dense(graph.features)[0].tolist() == [20, 0, 0]

    def test_too_many_are_refused_if_asked_for(self, files):
        given = files(edges_csv=RING, features_csv=self.TABLE)
        with pytest.raises(DataError, match="6 different texts in 6 rows: too many"):
            read(given, [FileSpec(name="features.csv", uses={"note": "features"})])
