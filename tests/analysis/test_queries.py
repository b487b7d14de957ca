"""Queries against pandas' own filters, and texts that must not become code."""

import numpy as np
import pandas as pd
import pytest

from vgae_core.analysis.queries import MAX_TEXT, matching
from vgae_core.errors import SpecError


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    n = 200
    label = pd.Series(rng.choice(["red", "blue", None], n), dtype="str")
    income = rng.normal(size=n).astype(np.float32)
    income[::9] = np.nan
    return pd.DataFrame(
        {
            "node": [f"person {i}" for i in range(n)],
            "label": label,
            "degree": rng.integers(0, 100, n),
            "income": income,
            "net worth": rng.integers(-5, 5, n),
        }
    )


FEATURE = np.arange(200) % 3


def answer(text, table):
    def feature(name):
        if name != "tensor":
            raise SpecError("no such feature")
        return FEATURE

    return matching(text, table, feature=feature).tolist()


@pytest.mark.parametrize(
    ("text", "mask"),
    [
        ("degree > 50", lambda t: t.degree > 50),
        ("50 < degree <= 80", lambda t: (t.degree > 50) & (t.degree <= 80)),
        ('degree > 50 and label == "red"', lambda t: (t.degree > 50) & (t.label == "red")),
        ('not (degree > 50 or label == "red")', lambda t: ~((t.degree > 50) | (t.label == "red"))),
        ("label != 'red'", lambda t: t.label.notna() & (t.label != "red")),
        ("income < 0", lambda t: t.income < 0),
        ("income != 0", lambda t: t.income.notna() & (t.income != 0)),
        ("`net worth` >= -2", lambda t: t["net worth"] >= -2),
        ("degree > `net worth`", lambda t: t.degree > t["net worth"]),
        ('"SON 12" in node', lambda t: t.node.str.contains("son 12")),
        ('"ed" not in label', lambda t: ~t.label.str.contains("ed", na=False)),
        ('label in ("red", "blue")', lambda t: t.label.isin(["red", "blue"])),
        ("degree in (1, 2, 3)", lambda t: t.degree.isin([1, 2, 3])),
        ('feature["tensor"] == 2', lambda t: FEATURE == 2),
        ('label ==\n "red"', lambda t: t.label == "red"),
        ('node == "`net worth`"', lambda t: t.degree < 0),
    ],
)
def test_against_pandas(table, text, mask):
    assert answer(text, table) == np.flatnonzero(np.asarray(mask(table), bool)).tolist()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "degree",
        "degree >",
        "degre > 3",
        "1 < 2",
        'degree == "red"',
        'label < "red"',
        "label == 3",
        "label in (1, 2)",
        "degree in label",
        "__import__('os').system('x') == 1",
        "degree.__class__ == 1",
        "(lambda: 1)() == degree",
        "[d for d in degree] == 1",
        "degree > (yield)",
        'feature["absent"] == 1',
        "feature[degree] == 1",
        "degree ** 2 > 4",
        "degree is 3",
        "not " * 200 + "degree > 1",
        " or ".join(["degree > 1"] * 150),
        "(" * 300 + "degree > 1" + ")" * 300,
        "x" * (MAX_TEXT + 1),
        "_0_ > 3",
        "degree > \x00",
        "f'{degree}' == label",
    ],
)
def test_what_is_no_query_says_so(table, text):
    with pytest.raises(SpecError):
        answer(text, table)


def test_a_wrong_name_is_told_the_near_one(table):
    with pytest.raises(SpecError, match="degre") as told:
        answer("degre > 3", table)
    assert "'degree'" in told.value.mend
