"""10x folders: three files, one table of cells."""

import gzip
import io
import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from scipy.io import mmwrite

from tests.data.readers.round_trip import features_of, matrices, read_bytes


def folder(dense, *, prefix="", genes="features", pack=False):
    """Return a folder of cells (rows of `dense`) and an edge list of their barcodes."""
    out = io.BytesIO()
    mmwrite(out, sparse.coo_array(dense.T))
    cells = [f"AAAC{i}-1" for i in range(len(dense))]
    parts = {
        "matrix.mtx": out.getvalue(),
        f"{genes}.tsv": "".join(
            f"ENSG{k}\tGENE{k}\tGene Expression\n" for k in range(dense.shape[1])
        ).encode(),
        "barcodes.tsv": "".join(f"{cell}\n" for cell in cells).encode(),
    }
    edges = "source,target\n" + "".join(f"{a},{b}\n" for a, b in itertools.pairwise(cells))
    return [
        (prefix + name + (".gz" if pack else ""), gzip.compress(content) if pack else content)
        for name, content in parts.items()
    ] + [("edges.csv", edges.encode())]


@given(dense=matrices(square=False), pack=st.booleans(), genes=st.sampled_from(["genes", "features"]))
def test_round_trip(dense, pack, genes):
    graph = read_bytes(*folder(dense, pack=pack, genes=genes))
    np.testing.assert_array_equal(features_of(graph), dense)
    assert graph.node_ids.tolist() == [f"AAAC{i}-1" for i in range(len(dense))]
    assert graph.feature_names == tuple(f"GENE{k}" for k in range(dense.shape[1]))


def test_names_with_a_prefix_or_a_folder():
    for prefix in ("filtered_feature_bc_matrix/", "GSM1_sample_"):
        assert features_of(read_bytes(*folder(np.eye(3, 2), prefix=prefix))).tolist() == np.eye(3, 2).tolist()


def test_symbols_that_repeat_give_way_to_ids():
    parts = dict(folder(np.eye(3, 2)))
    parts["features.tsv"] = b"ENSG1\tA\nENSG2\tA\n"
    assert read_bytes(*parts.items()).feature_names == ("ENSG1", "ENSG2")


def test_a_folder_alone_is_a_matrix_of_cells_and_genes():
    parts = folder(np.eye(3, 2))[:3]
    graph = read_bytes(*parts)
    assert graph.is_matrix
    assert features_of(graph).tolist() == np.eye(3, 2).tolist()
