"""Networks of KONECT: names, classes and kinds of edges from the files beside `out.*`."""

from __future__ import annotations

import pytest

from vgae_core.data.readers import SourceFile, read
from vgae_core.data.readers.reading import look
from vgae_core.settings import FileSpec

DEEDS = [(1, 1), (1, 2), (2, 3), (3, 1), (4, 2), (4, 3)]
FILES = {
    "out.deeds": "% bip unweighted\n% 6 4 3\n" + "".join(f"{a} {b}\n" for a, b in DEEDS),
    "ent.deeds.person.name": "Ada\nBo, Jr.\n\nDi\n",
    "ent.deeds.person.sex": "1\n0\n0\n1\n",
    "rel.deeds.person.role": "Witness\nVictim\nVictim\nVictim\nWitness\nVictim\n",
    "meta.deeds": "name: Deeds\ncode: DE\nentity-names: person, deed\n",
}


@pytest.fixture
def files(tmp_path):
    def write(**changed):
        given = {**FILES, **changed}
        for name, text in given.items():
            (tmp_path / name).write_text(text)
        return [SourceFile(name, tmp_path / name) for name in given]

    return write


def codes(raw):
    return {finding.code for finding in raw.findings}


def test_names_classes_and_roles_are_read(files):
    raw = read(files())
    assert raw.node_ids.tolist() == ["Ada", "Bo, Jr.", "r3", "Di", "c1", "c2", "c3"]
    assert raw.sides.tolist() == [0, 0, 0, 0, 1, 1, 1]
    assert [raw.label_names[k] if k >= 0 else "" for k in raw.labels] == ["1", "0", "0", "1", "", "", ""]
    roles = [raw.relation_names[k] for k in raw.relations]
    assert roles == FILES["rel.deeds.person.role"].split()
    assert {report.how.name: report.how.role for report in raw.files} == {
        "out.deeds": "edges",
        "meta.deeds": "ignore",
    }
    assert "ent.deeds.person.sex" in raw.files[0].judgements[-1].text


def test_what_does_not_fit_is_left_out_by_name(files):
    raw = read(files(**{"ent.deeds.person.sex": "1\n0\n", "rel.deeds.person.role": "Witness\n"}))
    assert raw.labels is None
    assert raw.relations is None
    left = {name for finding in raw.findings if finding.code == "files-ignored" for name in finding.examples}
    assert left == {"ent.deeds.person.sex", "rel.deeds.person.role", "meta.deeds"}


def test_one_set_of_nodes(files):
    out = "% sym unweighted\n1 2\n2 3\n4 3\n"
    raw = read(
        files(
            **{"out.deeds": out, "ent.deeds.person.name": "a\nb\nc\nd\ne\n", "rel.deeds.person.role": "x\n"}
        )
    )
    assert raw.node_ids.tolist() == ["a", "b", "c", "d"]
    assert "rows-without-node" in codes(raw)


def test_a_file_beside_can_be_ignored_or_stand_alone(files):
    given = files()
    how = [FileSpec(name=f.name, role="ignore") for f in given if f.name.startswith(("ent", "rel"))]
    raw = read(given, how)
    assert raw.node_ids.tolist() == ["r1", "r2", "r3", "r4", "c1", "c2", "c3"]
    assert raw.relations is None
    (report,) = look([f for f in given if f.name == "out.deeds"])
    assert report.format.startswith("Delimited")
