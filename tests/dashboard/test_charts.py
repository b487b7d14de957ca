"""Text that cannot become markup, and one palette."""

import re
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.figures import charts
from dashboard.finished_runs import scores
from vgae_core.data.text import visible

CONFIG = Path(__file__).resolve().parents[2] / ".streamlit" / "config.toml"


@pytest.mark.parametrize(
    "text",
    [
        "[click](javascript:alert(1))",
        "![x](http://example.org/x.png)",
        "<img src=x onerror=alert(1)>",
        ":red[danger]",
        "$\\frac{1}{2}$",
        "# heading",
        "`code`",
        "a\nb\u202ec",
    ],
)
def test_plain_escapes_every_mark(text):
    shown = charts.plain(text)
    assert "\n" not in shown
    assert "\u202e" not in shown
    special = set("\\`*_{}[]()<>#$:!")
    position = 0
    while position < len(shown):
        if shown[position] == "\\":
            position += 2
            continue
        assert shown[position] not in special
        position += 1


@given(st.text(max_size=60))
def test_plain_can_be_read_back(text):
    unescaped, position, shown = "", 0, charts.plain(text)
    while position < len(shown):
        position += shown[position] == "\\"
        unescaped += shown[position]
        position += 1
    assert unescaped.replace("\u2060", "") == visible(text).replace("\u2060", "")


LINKS = re.compile(r"(https?://|www(?=\.))([-.\w]+)|[-.\w+]+@[-\w]+(\.[-\w]+)+", re.IGNORECASE)
"""What Markdown makes a link of once escapes are gone (mdast-util-gfm-autolink-literal)."""


@pytest.mark.parametrize(
    "text", ["http://example.org/x", "see HTTPS://example.org", "www.example.org", "ann.b+c@example.org"]
)
def test_addresses_do_not_become_links(text):
    assert LINKS.search(text)
    for shown in (charts.plain(text), charts.message(f"`file`: {text}")):
        assert not LINKS.search(shown.replace("\\", ""))


@given(st.text(alphabet="ab`[<*", max_size=12))
def test_message_never_leaves_markup_outside_code(text):
    outside = charts.message(text).replace("\\`", "").split("`")[::2]
    for part in outside:
        for mark in "[<*":
            assert part.count(mark) == part.count("\\" + mark)


def test_message_keeps_names_as_code():
    assert charts.message("`weight` must be >= 0.") == r"`weight` must be \>\= 0\."
    assert charts.message("a ` b") == r"a \` b"


def test_escape_for_plotly():
    assert charts.escape("<b>x</b> & y") == "&lt;b&gt;x&lt;/b&gt; &amp; y"
    assert len(charts.escape("x" * 500, limit=20)) == 20


def test_themes_and_figures_share_their_colours():
    theme = tomllib.loads(CONFIG.read_text("utf-8"))["theme"]
    assert tuple(theme["light"]["chartCategoricalColors"]) == charts.CATEGORICAL
    assert tuple(theme["dark"]["chartCategoricalColors"]) == charts.CATEGORICAL_DARK
    for mode in ("light", "dark"):
        assert len(theme[mode]["chartSequentialColors"]) == 10
        assert len(theme[mode]["chartDivergingColors"]) == 10


@pytest.mark.parametrize(
    ("theme", "palette"), [("light", charts.CATEGORICAL), ("dark", charts.CATEGORICAL_DARK)]
)
def test_figures_of_scores_take_the_colours_of_the_theme(theme, palette, monkeypatch):
    monkeypatch.setattr(charts.st, "context", SimpleNamespace(theme=SimpleNamespace(type=theme)))
    table = pd.DataFrame({"low": [0.0, 0.5], "high": [0.5, 1.0], "edges": [1, 2], "non_edges": [2, 1]})
    bars = scores.distributions(table, 0.5).data
    assert [bar.marker.color for bar in bars] == [palette[0], palette[5]]
    table = pd.DataFrame({"threshold": [0.0, 1.0], "tp": 1, "fp": 0, "precision": 1, "recall": 1, "f1": 1})
    assert [line.line.color for line in scores.decisions(table, 0.5).data] == list(palette[:3])


@pytest.mark.parametrize(
    ("values", "marked"),
    [
        ([1, 3, 17], ["1", "2", "5", "10"]),  # Zachary's karate club
        ([2, 3, 4], ["2", "3", "4"]),
        ([7, 12, 17], ["8", "10", "12", "14", "16"]),
        ([5], ["5"]),
        ([9, 11], ["9", "10", "11"]),  # no halves where all are whole
        ([0.03, 4.0], ["0.05", "0.1", "0.2", "0.5", "1", "2"]),
        ([400, 900_000], None),
        ([], None),
    ],
)
def test_a_short_logarithmic_axis_has_round_marks_in_its_range(values, marked):
    settings = charts.log_marks(values)
    assert settings.get("ticktext") == marked
    if marked:
        assert [float(text) for text in marked] == pytest.approx(settings["tickvals"])
