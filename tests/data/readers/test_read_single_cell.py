"""Counts of cells x genes in HDF5: Cell Ranger's .h5 of both versions, and Loom."""

import h5py
import numpy as np
import pytest
from hypothesis import given
from scipy import sparse

from tests.data.readers.attacks_binary import loom, replaced, ten_x_h5, written_h5
from tests.data.readers.round_trip import codes, features_of, matrices, read_bytes
from vgae_core.errors import DataError


def cell_ranger(folder, dense, *, version=3, symbols=None):
    """Return cells x genes as Cell Ranger writes them."""
    stored = sparse.csc_array(dense.T)  # genes x barcodes
    cells, genes = dense.shape
    symbols = symbols or [f"GENE{k}" for k in range(genes)]

    def fill(file):
        group = file.create_group("matrix" if version == 3 else "GRCh38")
        for name, array in (("data", stored.data), ("indices", stored.indices), ("indptr", stored.indptr)):
            group[name] = array
        group["shape"] = np.array(stored.shape, np.int32)
        group["barcodes"] = np.array([f"AAAC{i}-1" for i in range(cells)], dtype="S")
        ids = np.array([f"ENSG{k}" for k in range(genes)], dtype="S")
        if version == 3:
            group["features/id"], group["features/name"] = ids, np.array(symbols, dtype="S")
        else:
            group["genes"], group["gene_names"] = ids, np.array(symbols, dtype="S")

    return written_h5(folder, fill)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("h5")


@pytest.mark.parametrize("version", [2, 3])
@given(dense=matrices(square=False))
def test_cell_ranger_round_trip(folder, version, dense):
    graph = read_bytes(("filtered_feature_bc_matrix.h5", cell_ranger(folder, dense, version=version)))
    np.testing.assert_array_equal(features_of(graph), dense)
    assert graph.node_ids.tolist() == [f"AAAC{i}-1" for i in range(len(dense))]
    assert graph.feature_names == tuple(f"GENE{k}" for k in range(dense.shape[1]))


def test_symbols_that_repeat_leave_the_stable_ids(folder):
    graph = read_bytes(("m.h5", cell_ranger(folder, np.eye(3, dtype=np.float32), symbols=["A", "A", "B"])))
    assert graph.feature_names == ("ENSG0", "ENSG1", "ENSG2")


def test_cells_are_matched_to_edges_by_barcode(folder):
    edges = b"source,target\nAAAC2-1,AAAC0-1\nAAAC0-1,AAAC1-1\n"
    graph = read_bytes(("edges.csv", edges), ("m.h5", cell_ranger(folder, np.diag(np.float32([1, 2, 3])))))
    assert features_of(graph).sum(axis=1).tolist() == [float(int(name[4]) + 1) for name in graph.node_ids]


def test_loom(folder):
    graph = read_bytes(("cells.loom", loom(folder)))
    assert features_of(graph).shape == (7, 5)
    np.testing.assert_array_equal(features_of(graph), np.arange(35).reshape(5, 7).T)
    assert graph.node_ids.tolist() == [f"cell{i}" for i in range(7)]
    assert graph.feature_names == tuple(f"gene{i}" for i in range(5))
    assert graph.label_names == ("a", "b")
    assert codes(graph) == ["variable"]


def test_labels_of_a_loom_beside_edges(folder):
    edges = "source,target\n" + "".join(f"cell{i},cell{i + 1}\n" for i in range(6))
    graph = read_bytes(("edges.csv", edges.encode()), ("cells.loom", loom(folder), "labels"))
    assert graph.features is None
    assert graph.labels.tolist() == [0, 1, 0, 1, 0, 1, 0]


def test_layers_are_told_and_names_that_repeat_left(folder):
    def change(file):
        file["layers/spliced"] = np.zeros((5, 7), np.float32)
        replaced("col_attrs/CellID", np.array(["a"] * 7, dtype=h5py.string_dtype()))(file)

    graph = read_bytes(("cells.loom", loom(folder, change)))
    assert "names-repeat" in codes(graph)
    assert any("spliced" in finding.message for finding in graph.findings)
    assert graph.node_ids.tolist() == list(range(7))


def test_another_hdf5_says_what_is_read(folder):
    with pytest.raises(DataError, match=r"other\.h5.*Cell Ranger.*Loom"):
        read_bytes(("other.h5", written_h5(folder, lambda file: file.__setitem__("x", np.eye(3)))))


def test_labels_cannot_come_from_counts(folder):
    with pytest.raises(DataError, match="not labels"):
        read_bytes(("e.csv", b"a,b\nb,c\n"), ("m.h5", ten_x_h5(folder), "labels"))
