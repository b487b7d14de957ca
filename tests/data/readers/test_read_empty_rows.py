"""Rows of separators alone at the end of a text: no edges, no nodes."""

import pytest

from vgae_core.data.readers import SourceFile, read

EDGES = "source,target,weight\n" + "".join(f"n{i},n{(i + 1) % 6},{i + 1}\n" for i in range(6))


def graph_of(tmp_path, *texts):
    files = []
    for i, text in enumerate(texts):
        path = tmp_path / f"part{i}.csv"
        path.write_bytes(text.encode())
        files.append(SourceFile(path.name, path))
    return read(files)


@pytest.mark.parametrize("by", [",", ";", "\t"])
@pytest.mark.parametrize(
    ("end", "count"),
    [(",,\n", 1), (",,\n,,\n\n", 2), (",,", 1), (',"",\r\n', 1), ("\x1a", 0), (",,\r\n\x1a", 1)],
)
def test_they_are_left_out_and_told(tmp_path, by, end, count):
    raw = graph_of(tmp_path, EDGES.replace(",", by) + end.replace(",", by))
    assert raw.n_nodes == len(raw.rows) == 6
    assert raw.weights.tolist() == [1, 2, 3, 4, 5, 6]
    assert [f.count for f in raw.findings if f.code == "empty-rows"] == [count] * bool(count)


def test_below_a_node_table(tmp_path):
    table = "id,label\n" + "".join(f"n{i},{'ab'[i % 2]}\n" for i in range(6))
    raw = graph_of(tmp_path, EDGES, table + ",\n,\n")
    assert raw.label_names == ("a", "b")


def test_below_many_rows(tmp_path):
    many = "".join(f"{i},{i * 7 % 20000}\n" for i in range(20000))
    raw = graph_of(tmp_path, many + ",\n" * 3)
    assert len(raw.rows) == 20000


def test_blank_cells_of_a_matrix_stay(tmp_path):
    raw = graph_of(tmp_path, "0,1,2,1\n,0,3,1\n,,0,4\n,,,\n")
    assert raw.format == "dense matrix (text)"
    assert raw.n_nodes == 4
