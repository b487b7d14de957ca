"""Text of unknown origin: what is shown of it."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vgae_core.data.text import shortened, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", " red "),
        ("\x1b]8;;http://example.org\x1b\\link", " link"),
        ("\x1b]0;title\x07after", " after"),
        ("\x9b2Jgone", " 2Jgone"),
        ("exe\u202efdp.txt", "exe fdp.txt"),
        ("\u2066a\u2069", " a "),
        ("zero\u200bwidth", "zero width"),
        ("tag\U000e0041", "tag "),
        ("two\nlines\tand tab", "two lines and tab"),
        ("\ud800 lone", "  lone"),
        (
            "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
            "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        ),
        ("Å é 東京 👩\u200d🔬", "Å é 東京 👩\u200d🔬"),
    ],
)
def test_what_cannot_be_seen_is_left_out(text, shown):
    assert visible(text) == shown


@given(st.text(alphabet=st.characters(), max_size=50))
def test_nothing_that_steers_a_terminal_or_a_reader_s_eye_is_left(text):
    shown = visible(text)
    steering = {"LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI"}
    assert not any(
        unicodedata.bidirectional(c) in steering or unicodedata.category(c) in ("Cc", "Cs") for c in shown
    )
    assert visible(shown) == shown


@given(st.lists(st.text(min_size=0, max_size=80), unique=True, max_size=10))
def test_shortened_names_are_short_and_still_differ(names):
    short = [shortened(name, 30) for name in names]
    assert all(len(name) <= 30 for name in short)
    assert len(set(short)) == len(names)
