"""Texts in encodings other than UTF-8 are read as their owner wrote them, and asked about where they may be others."""

from __future__ import annotations

from pathlib import Path

import pytest

from vgae_core.data.findings import Judgement
from vgae_core.data.readers import SourceFile, look, read
from vgae_core.settings import FileSpec

NAMES = {
    "russian": ["Смоленск", "Псков", "Калуга", "Вологда", "Тамбов", "Елец"],
    "ukrainian": ["Чернігів", "Їчня", "Полтава", "Суми", "Єнакієве"],
    "greek": ["Λάρισα", "Καβάλα", "Ξάνθη", "Άργος", "Σπάρτη"],
    "polish": ["Świdnica", "Elbląg", "Łomża", "Żary", "Zamość"],
    "czech": ["Jihlava", "Čáslav", "Příbram", "Žďár", "Mělník"],
    "turkish": ["Diyarbakır", "Eskişehir", "Niğde", "Balıkesir", "İzmir"],
    "lithuanian": ["Šilutė", "Ukmergė", "Biržai", "Plungė", "Telšiai"],
    "german": ["Tübingen", "Göttingen", "Fürth", "Bärwalde", "Groß"],
    "french": ["Châlons", "Évian", "Béthune", "Mâcon", "Fréjus"],
    "swedish": ["Malmö", "Västerås", "Örebro", "Umeå", "Gävle"],
    "hebrew": ["ירושלים", "רמלה", "נתניה", "אשדוד"],
    "arabic": ["الرياض", "بيروت", "عمان", "الكويت"],
    "thai": ["ขอนแก่น", "ลำปาง", "ระยอง", "นครพนม"],
    "japanese": ["京都", "なら", "コウベ", "広島"],
}


def written(folder: Path, language: str, codec: str) -> tuple[SourceFile, set[frozenset[str]]]:
    """Return a ring of names as a table in an encoding, and its edges."""
    names = NAMES[language]
    pairs = list(zip(names, [*names[1:], names[0]], strict=True))
    path = folder / "ring.csv"
    path.write_bytes(("source,target\n" + "".join(f"{a},{b}\n" for a, b in pairs)).encode(codec))
    return SourceFile(path.name, path), {frozenset(pair) for pair in pairs}


def edges_of(file: SourceFile, *how: FileSpec) -> set[frozenset[str]]:
    """Return the edges that are read, by name."""
    graph = read([file], how)
    return {
        frozenset((str(graph.node_ids[i]), str(graph.node_ids[j])))
        for i, j in zip(graph.rows, graph.cols, strict=True)
    }


def judgement_of(file: SourceFile) -> Judgement:
    """Return what was decided about the encoding."""
    (report,) = look([file])
    return next(judgement for judgement in report.judgements if judgement.about == "encoding")


@pytest.mark.parametrize(
    ("language", "codec"),
    [
        ("russian", "cp1251"), ("russian", "koi8-r"), ("russian", "iso8859-5"), ("russian", "cp866"),
        ("russian", "mac-cyrillic"), ("ukrainian", "cp1251"), ("ukrainian", "koi8-u"), ("greek", "cp1253"),
        ("greek", "iso8859-7"), ("polish", "cp1250"), ("polish", "iso8859-2"), ("polish", "cp852"), ("czech", "cp1250"),
        ("czech", "iso8859-2"), ("turkish", "cp1254"), ("lithuanian", "cp1257"), ("german", "cp850"),
        ("french", "mac-roman"), ("hebrew", "cp1255"), ("arabic", "cp1256"), ("thai", "cp874"), ("japanese", "euc-jp"),
    ],
)  # fmt: skip
def test_names_come_out_as_they_were_written_and_are_asked_about(
    tmp_path: Path, language: str, codec: str
) -> None:
    file, edges = written(tmp_path, language, codec)
    assert edges_of(file) == edges
    assert not judgement_of(file).sure


@pytest.mark.parametrize("language", ["german", "french", "swedish"])
def test_western_names_are_read_without_a_question(tmp_path: Path, language: str) -> None:
    file, edges = written(tmp_path, language, "cp1252")
    assert edges_of(file) == edges
    assert judgement_of(file).sure


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("language", ["russian", "greek", "german"])
def test_utf_16_without_a_mark_is_known_by_the_bytes_of_one_script(
    tmp_path: Path, language: str, codec: str
) -> None:
    file, edges = written(tmp_path, language, codec)
    assert edges_of(file) == edges


def test_every_other_reading_that_is_offered_can_be_chosen(tmp_path: Path) -> None:
    file, edges = written(tmp_path, "greek", "cp1253")
    others = judgement_of(file).others
    readings = [edges_of(file, FileSpec(name=file.name, **choice.changes)) for choice in others]
    assert len(readings) >= 3
    assert edges not in readings
