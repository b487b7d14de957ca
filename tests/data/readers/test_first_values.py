"""A matrix shows its first values before it is used, whatever file it came in."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from vgae_core.data.findings import FileReport
from vgae_core.data.readers import SourceFile, read

WEIGHTS = np.triu(np.arange(144.0).reshape(12, 12) % 4, 1)
ADJACENCY = WEIGHTS + WEIGHTS.T
NAMES = [f"v{i}" for i in range(12)]


def as_text(matrix):
    rows = "".join(
        f"{name},{','.join(f'{x:g}' for x in row)}\n" for name, row in zip(NAMES, matrix, strict=True)
    )
    return f",{','.join(NAMES)}\n{rows}"


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("a.csv", lambda path: path.write_text(as_text(ADJACENCY))),
        ("a.npy", lambda path: np.save(path, ADJACENCY)),
        ("a.npz", lambda path: np.savez(path, ADJACENCY)),
    ],
)
def test_the_corner_of_an_adjacency_and_its_first_edges(tmp_path, name, write):
    write(tmp_path / name)
    (report,) = read([SourceFile(name, tmp_path / name)]).files
    header, *rows = report.rows
    shown = np.array([[float(x) for x in row[1:]] for row in rows])
    np.testing.assert_array_equal(shown, ADJACENCY[:6, :6])
    assert list(header[1:]) == [row[0] for row in rows]
    left, right = np.argwhere(ADJACENCY)[0]
    assert f"(weight {ADJACENCY[left, right]:g})" in report.sentences[0]
    assert len(set(map(frozenset, (one.split(" (")[0].split(" – ") for one in report.sentences)))) == 5


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
def test_the_first_rows_of_a_matrix_of_features(tmp_path, form):
    matrix = np.arange(600).reshape(30, 20) % 5
    path = tmp_path / "m.npz"
    if form is np.asarray:
        path = tmp_path / "m.npy"
        np.save(path, matrix)
    else:
        sparse.save_npz(path, form(matrix))
    graph = read([SourceFile(path.name, path)])
    assert graph.is_matrix
    header, *rows = graph.files[0].rows
    assert header == ("", *map(str, range(1, 9)))
    assert [row[0] for row in rows] == [str(name) for name in graph.node_ids[:6]]
    np.testing.assert_array_equal(np.array(rows)[:, 1:].astype(float), matrix[:6, :8])


def test_missing_values_of_features_are_blank_and_a_report_keeps_its_rows(tmp_path):
    (tmp_path / "e.csv").write_text("s,t\na,b\nb,c\nc,d\nd,a\n")
    (tmp_path / "f.csv").write_text("id,age,height\na,30,1.5\nb,,2.5\nc,41,NA\nd,20,1\n")
    graph = read([SourceFile(name, tmp_path / name) for name in ("e.csv", "f.csv")])
    report = graph.files[1]
    assert report.rows == (
        ("", "age", "height"), ("a", "30", "1.5"), ("b", "", "2.5"), ("c", "41", ""), ("d", "20", "1"),
    )  # fmt: skip
    assert FileReport.from_dict(report.to_dict()) == report
