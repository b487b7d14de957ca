"""Parts for training, validation and test, as knowledge graphs come, are one list of edges again."""

from __future__ import annotations

import pytest

from vgae_core.data.readers import SourceFile, read
from vgae_core.errors import DataError
from vgae_core.settings import FileSpec

PARTS = {
    "train": [("ada", "knows", "bo"), ("bo", "knows", "cy"), ("cy", "likes", "ada"), ("di", "likes", "ada")],
    "valid": [("ada", "likes", "di")],
    "test": [("bo", "likes", "di"), ("cy", "knows", "di")],
}


def text(rows, sign="\t", before=""):
    return before + "".join(sign.join(row) + "\n" for row in rows)


@pytest.fixture
def files(tmp_path):
    def write(**texts):
        for name, content in texts.items():
            (tmp_path / name).write_text(content)
        return [SourceFile(name, tmp_path / name) for name in texts]

    return write


def arcs(raw):
    names = raw.node_ids
    return sorted(
        (str(names[i]), raw.relation_names[k], str(names[j]))
        for i, k, j in zip(raw.rows, raw.relations, raw.cols, strict=True)
    )


EVERY = sorted(row for rows in PARTS.values() for row in rows)


@pytest.mark.parametrize(
    ("name", "sign", "before"),
    [
        ("{}.txt", "\t", ""),
        ("kg_{}.csv", ",", "head,relation,tail\n"),
        ("{}-triples.tsv", "\t", ""),
    ],
)
def test_parts_are_joined(files, name, sign, before):
    raw = read(files(**{name.format(part): text(rows, sign, before) for part, rows in PARTS.items()}))
    assert arcs(raw) == EVERY
    (told,) = [finding for finding in raw.findings if finding.code == "files-joined"]
    assert set(told.examples) == {name.format("valid"), name.format("test")}
    assert [file.how.name for file in raw.files] == [name.format("train")]
    assert "Joined with" in raw.files[0].judgements[0].text


def test_counts_at_the_top_are_no_edges(files):
    numbered = {"train": ["1 2 0", "2 3 0", "3 1 1", "4 1 2"], "test": ["1 4 1", "4 2 2"]}
    given = files(**{f"{part}2id.txt": f"{len(rows)}\n" + "\n".join(rows) for part, rows in numbered.items()})
    raw = read(given, [FileSpec(name="train2id.txt", sides="one")])
    assert len(raw.rows) == 6


def test_a_part_can_be_left_out(files):
    given = files(**{f"{part}.txt": text(rows) for part, rows in PARTS.items()})
    raw = read(given, [FileSpec(name="test.txt", role="ignore"), FileSpec(name="valid.txt", role="ignore")])
    assert arcs(raw) == sorted(PARTS["train"])


@pytest.mark.parametrize(
    "texts",
    [
        {"train.txt": "a\tb\nb\tc\n", "test.txt": "a\tb\tc\nb\tc\td\n"},  # another form
        {"training_camp.txt": "a\tb\nb\tc\n", "contest.txt": "c\td\nd\te\n"},  # only called alike
    ],
)
def test_other_files_are_not_joined(files, texts):
    with pytest.raises(DataError, match="Two files hold"):
        read(files(**texts))
