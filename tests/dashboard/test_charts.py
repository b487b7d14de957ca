"""Text that cannot become markup, and one palette."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard import charts

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
    assert unescaped == charts._CONTROL.sub(" ", text)


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
