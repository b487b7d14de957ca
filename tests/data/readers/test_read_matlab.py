"""MATLAB files: the right variable, read exactly."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from tests.data.readers.attacks_binary import mat
from tests.data.readers.round_trip import dense_of, features_of, matrices, read_bytes
from vgae_core.errors import DataError

SQUARE = np.array([[0, 2, 0], [3, 1, 0], [0, 5, 0]], float)


@given(matrices(), st.booleans(), st.booleans())
def test_round_trip(dense, compress, as_sparse):
    held = sparse.csc_array(dense.astype(float)) if as_sparse else dense
    graph = read_bytes(("a.mat", mat(compress, net=held)))
    np.testing.assert_array_equal(dense_of(graph), dense)


@given(matrices(square=False))
def test_round_trip_of_features(dense):
    edges = "source,target\n" + "".join(f"{i},{i + 1}\n" for i in range(len(dense) - 1))
    graph = read_bytes(("edges.csv", edges.encode()), ("x.mat", mat(x=dense), "features"))
    np.testing.assert_array_equal(features_of(graph), dense)


def test_the_largest_square_matrix_is_the_graph_and_the_rest_is_told():
    graph = read_bytes(
        (
            "blog.mat",
            mat(
                small=np.eye(2), network=SQUARE, attrb=np.ones((3, 5)), group=[[1], [2], [1]], note="x", z=7.0
            ),
        )
    )
    np.testing.assert_array_equal(dense_of(graph), SQUARE)
    assert graph.features.shape == (3, 5)
    assert [graph.label_names[k] for k in graph.labels] == ["1", "2", "1"]
    assert "variable network of blog.mat" in graph.findings[0].message
    assert "described by attrb, group" in graph.findings[0].message
    assert "Not used: small, note, z" in graph.findings[0].message


def test_a_vector_of_measurements_is_no_label():
    graph = read_bytes(("a.mat", mat(net=SQUARE, y=[[0.5], [1.5], [2.5]])))
    assert graph.labels is None


@pytest.mark.parametrize("kind", [bool, np.int8, np.uint16, np.float32])
def test_kinds_of_numbers(kind):
    graph = read_bytes(("a.mat", mat(net=(SQUARE != 0).astype(kind))))
    np.testing.assert_array_equal(dense_of(graph), SQUARE != 0)


def test_nothing_to_read():
    with pytest.raises(DataError, match=r"no square matrix of numbers. Holds: x \(2x3 double\), s"):
        read_bytes(("a.mat", mat(x=np.ones((2, 3)), s="text"), "edges"))
