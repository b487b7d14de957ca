"""Pairs as people type them."""

import pytest

from vgae_core.data.pairs import EXAMPLE, pairs_in, typed_pairs
from vgae_core.data.readers import SourceFile
from vgae_core.errors import DataError, LimitError
from vgae_core.host.limits import Limits


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("", []),
        (" \n\n", []),
        (EXAMPLE, [("Arya", "Jon-Snow")]),
        ("a\tb, c\nd ; e\n\nf g\r\nh|i", [("a", "b, c"), ("d", "e"), ("f", "g"), ("h", "i")]),
        ('"Snow, Jon", Arya', [("Snow, Jon", "Arya")]),
        ("a,b,0.5", [("a", "b")]),
    ],
)
def test_two_names_per_line(text, pairs):
    assert typed_pairs(text) == pairs


@pytest.mark.parametrize("text", ["a,b\nonly", "a,b\none two three", "a,b\nc,", "a,b\n,c"])
def test_a_line_without_two_names_is_told_by_its_number(text):
    with pytest.raises(DataError, match="line 2: Expected two names"):
        typed_pairs(text)


def test_no_more_than_may_be_asked_at_once():
    limits = Limits(asked_pairs=3)
    assert len(typed_pairs("a b\n" * 3, limits=limits)) == 3
    with pytest.raises(LimitError, match="4 exceeds the limit of 3 pairs"):
        typed_pairs("a b\n" * 4, limits=limits)


def test_a_file_is_read_as_edges_are(tmp_path):
    path = tmp_path / "kept under another name"
    path.write_text("first;second\nJon-Snow;Arya\nArya;Sansa\n")
    assert pairs_in(SourceFile("mine.csv", path)) == [("Jon-Snow", "Arya"), ("Arya", "Sansa")]
