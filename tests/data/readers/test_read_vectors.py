"""Vectors by row: word2vec, TensorBoard's projector, bags of words, arrays of npz, columns of Parquet."""

import io

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from tests.data.readers.attacks_binary import npz
from tests.data.readers.round_trip import codes, features_of, matrices, named_arcs, read_bytes
from vgae_core.errors import DataError

RING = b"source,target\nn0,n1\nn1,n2\nn2,n3\nn3,n0\n"
NUMBERED = b"source,target\n0,1\n1,2\n2,3\n3,0\n"


def refused(message, *parts):
    with pytest.raises(DataError, match=message):
        read_bytes(*parts)


# ---------------------------------------------------------------------------------- word2vec
class TestWord2Vec:
    TEXT = "4 3\nn2 0.5 0 1\nn0 1 2 3\nn1 -1e-3 0.25 4\nn3 1 1 1.5\n"

    def test_rows_are_matched_by_id(self):
        graph = read_bytes(("e.csv", RING), ("toy.emb", self.TEXT.encode()))
        assert graph.node_ids.tolist() == ["n0", "n1", "n2", "n3"]
        np.testing.assert_allclose(
            features_of(graph), [[1, 2, 3], [-0.001, 0.25, 4], [0.5, 0, 1], [1, 1, 1.5]], rtol=1e-6
        )

    def test_alone_it_is_a_matrix(self):
        graph = read_bytes(("upload", self.TEXT.encode()))
        assert graph.n_nodes == 4
        assert len(graph.rows) == 0

    def test_two_whole_numbers_per_row_are_vectors_by_the_name_only(self):
        text = b"3 2\n0 1 2\n1 2 3\n2 5 6\n"
        graph = read_bytes(("e.csv", b"0,1\n1,2\n"), ("x.emb", text))
        assert features_of(graph).tolist() == [[1, 2], [2, 3], [5, 6]]

    def test_a_count_row_above_edges_is_something_else(self):
        graph = read_bytes(("e.txt", b"4 2\n0 1 2\n1 2 1\n"))
        assert graph.format.startswith("edge list")

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("3 3\na 1 2 3\nb 1 2 x\nc 1 2 3\n", "line 3.*'x'"),
            ("3 3\na 1 2 3\na 1 2 5\nc 1 2 3\n", "line 3.*more than one row"),
            ("3 3\na 1 2 3\nb 1 2 inf\nc 1 2 3\n", "line 3.*finite"),
        ],
    )
    def test_damage_is_named(self, text, message):
        refused(message, ("e.csv", b"a,b\nb,c\n"), ("x.emb", text.encode()))


# --------------------------------------------------------------------------------- projector
class TestProjector:
    VECTORS = b"0.5\t1\n2\t3\n4\t5.5\n6\t7\n"

    def test_one_column_without_header_names_the_rows(self):
        graph = read_bytes(
            ("vectors.tsv", self.VECTORS), ("metadata.tsv", b"n3\nn1\nn0\nn2\n"), ("e.csv", RING)
        )
        assert features_of(graph).tolist() == [[4, 5.5], [2, 3], [6, 7], [0.5, 1]]
        assert "projector" in codes(graph)

    def test_several_columns_have_one(self):
        about = b"name\tkind\tnote\nn0\tu\tx\nn1\tv\ty\nn2\tu\tz\nn3\tv\tw\n"
        graph = read_bytes(("my_vectors.tsv", self.VECTORS), ("my_metadata.tsv", about))
        assert graph.node_ids.tolist() == ["n0", "n1", "n2", "n3"]
        assert graph.label_names == ("u", "v")
        assert features_of(graph).shape == (4, 2)

    def test_without_names_rows_are_matched_by_position(self):
        graph = read_bytes(
            ("vectors.tsv", self.VECTORS), ("metadata.tsv", b"a\nb\na\nb\n"), ("e.csv", NUMBERED)
        )
        assert features_of(graph).tolist() == [[0.5, 1], [2, 3], [4, 5.5], [6, 7]]
        assert graph.label_names == ("a", "b")

    @pytest.mark.parametrize(
        ("about", "message"),
        [
            (b"a\nb\n", "Describes 1|Describes 2"),
            (b"n\tk\na\tb\nc\nd\te\nf\tg\n", "line 3.*Expected 2 columns"),
        ],
    )
    def test_damage_is_named(self, about, message):
        refused(message, ("vectors.tsv", self.VECTORS), ("metadata.tsv", about))
        refused(
            "vectors.tsv, line 61.*'x'",
            ("vectors.tsv", b"1\t2\n" * 60 + b"1\tx\n"),
            ("metadata.tsv", b"a\n" * 61),
        )


# ------------------------------------------------------------------------------ bags of words
class TestDocword:
    @given(dense=matrices(square=False))
    def test_round_trip(self, dense):
        counts = sparse.coo_array(np.abs(np.rint(dense % 7)))
        counts.eliminate_zeros()
        rows = [f"{i + 1} {j + 1} {v:g}" for i, j, v in zip(*counts.coords, counts.data, strict=True)]
        if not rows:
            return
        text = "\n".join([*map(str, (*counts.shape, len(rows))), *rows, ""])
        graph = read_bytes(("docword.toy.txt", text.encode()))
        np.testing.assert_array_equal(features_of(graph), counts.toarray())
        assert graph.node_ids.tolist() == list(range(1, counts.shape[0] + 1))

    def test_the_vocabulary_names_the_columns(self):
        text = b"2\n3\n2\n1 3 5\n2 1 1\n"
        graph = read_bytes(("docword.toy.txt", text), ("vocab.toy.txt", b"apple\npear\nplum\n"))
        assert graph.feature_names == ("apple", "pear", "plum")
        refused("vocab.*2 words", ("docword.toy.txt", text), ("vocab.toy.txt", b"apple\npear\n"))

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("2\n3\n2\n1 3 5\n9 1 1\n", "line 5.*from 1 to 2"),
            ("2\n3\n5\n1 3 5\n2 1 1\n", "Declares 5 values"),
            ("2\n3\n1\n1 3 x\n", "line 4.*'x'"),
            ("999999999\n3\n1\n1 3 1\n", "limit"),
        ],
    )
    def test_damage_is_named(self, text, message):
        refused(message, ("docword.txt", text.encode()))


# ----------------------------------------------------------------------------- arrays of npz
class TestEdgeArrays:
    ENDS = np.array([[0, 1, 2, 0], [1, 2, 0, 4]])
    X = np.arange(10, dtype=np.float32).reshape(5, 2)

    def test_the_habit_of_geometric(self):
        graph = read_bytes(("d.npz", npz(edge_index=self.ENDS, x=self.X, y=np.array([0, 1, 1, -1, 0]),
                                         train_mask=np.ones(5, bool), edge_weight=np.arange(4) + 0.5)))  # fmt: skip
        assert named_arcs(graph) == [(0, 1), (1, 2), (2, 0), (0, 4)]
        assert graph.n_nodes == 5  # node 3 has no edge
        assert graph.weights.tolist() == [0.5, 1.5, 2.5, 3.5]
        np.testing.assert_array_equal(features_of(graph), self.X)
        assert graph.labels.tolist() == [0, 1, 1, -1, 0]
        told = next(f for f in graph.findings if f.code == "arrays-ignored")
        assert told.examples == ("train_mask",)

    def test_the_names_of_the_heterophilous_graphs(self):
        graph = read_bytes(("d.npz", npz(edges=self.ENDS.T, node_features=self.X, node_labels=np.array(list("abaab")),
                                         train_masks=np.ones((10, 5), bool))))  # fmt: skip
        assert named_arcs(graph) == [(0, 1), (1, 2), (2, 0), (0, 4)]
        assert graph.label_names == ("a", "b")

    @pytest.mark.parametrize("names", [("src", "dst"), ("row", "col"), ("source", "target"), ("U", "V")])
    def test_two_arrays_of_ends(self, names):
        ends = dict(zip(names, self.ENDS, strict=True))
        graph = read_bytes(("d.npz", npz(**ends, feat=self.X, label=np.array([0, 1, 1, 0, 0]))))
        assert named_arcs(graph) == [(0, 1), (1, 2), (2, 0), (0, 4)]
        np.testing.assert_array_equal(features_of(graph), self.X)
        assert graph.labels.tolist() == [0, 1, 1, 0, 0]
        assert [part.use for part in graph.files[0].parts[:2]] == ["source", "target"]

    def test_more_rows_than_nodes_with_edges(self):
        graph = read_bytes(("d.npz", npz(src=self.ENDS[0], dst=self.ENDS[1], x=np.ones((9, 2)))))
        assert (graph.node_ids.tolist(), len(graph.rows)) == (list(range(9)), 4)

    def test_a_target_alone_is_the_class(self):
        graph = read_bytes(("d.npz", npz(edge_index=self.ENDS, target=np.array([0, 1, 1, 0, 0]))))
        assert graph.labels.tolist() == [0, 1, 1, 0, 0]

    @pytest.mark.parametrize(
        "names",
        [("adj", "features", "labels"), ("A", "X", "y"), ("adj", "x", "y"), ("network", "feat", "label")],
    )
    @pytest.mark.parametrize("width", [2, 5])
    def test_a_dense_adjacency_beside_features_and_labels(self, names, width):
        adjacency = np.zeros((5, 5))
        adjacency[tuple(self.ENDS)] = [0.5, 1.5, 2.5, 3.5]
        x, y = np.arange(5.0 * width).reshape(5, width), np.array([0, 1, 1, 0, 0])
        graph = read_bytes(("d.npz", npz(**dict(zip(names, (adjacency, x, y), strict=True)))))
        assert sorted(named_arcs(graph)) == [(0, 1), (0, 4), (1, 2), (2, 0)]
        np.testing.assert_array_equal(features_of(graph), x)
        assert graph.labels.tolist() == y.tolist()

    def test_a_square_matrix_of_features_beside_classes_is_no_adjacency(self):
        graph = read_bytes(("d.npz", npz(x=np.arange(9.0).reshape(3, 3), y=np.array([0, 1, 1])), "features"))
        assert graph.is_matrix

    def test_two_edges_are_told_by_the_name(self):
        square = np.array([[0, 1], [2, 3]])
        assert named_arcs(read_bytes(("d.npz", npz(edge_index=square)))) == [(0, 2), (1, 3)]
        assert named_arcs(read_bytes(("d.npz", npz(edges=square)))) == [(0, 1), (2, 3)]

    def test_one_hot_labels_and_several_per_node(self):
        graph = read_bytes(("d.npz", npz(edge_index=self.ENDS, y=np.eye(3)[[0, 1, 2, 0, 1]])))
        assert graph.labels.tolist() == [0, 1, 2, 0, 1]
        assert "labels-ignored" in codes(read_bytes(("d.npz", npz(edge_index=self.ENDS, y=np.ones((5, 3))))))

    @pytest.mark.parametrize(
        ("arrays", "message"),
        [
            ({"x": X[:3]}, "names node 4.*`x` is for 3 nodes"),
            ({"x": X, "y": np.zeros(4, int)}, "`x` for 5 and `y` for 4"),
            ({"edge_index": -ENDS}, "negative"),
            ({"x": np.full((5, 2), np.nan)}, "finite"),
            ({"edge_weight": np.full(4, np.inf)}, "finite"),
            ({"num_nodes": np.array(10**9)}, "limit"),
        ],
    )
    def test_damage_is_named(self, arrays, message):
        refused(message, ("d.npz", npz(**({"edge_index": self.ENDS} | arrays))))

    def test_rows_that_do_not_fit_a_matrix_are_named(self):
        refused(
            "`x` has 4 rows.*for 3 nodes", ("d.npz", npz(adj=np.eye(3), x=np.ones((4, 2)), y=np.arange(3)))
        )


# ------------------------------------------------------------------------- columns of vectors
def written(table, how):
    out = io.BytesIO()
    if how == "parquet":
        pq.write_table(table, out)
    else:
        pyarrow.feather.write_feather(table, out)
    return out.getvalue()


class TestColumnsOfVectors:
    @pytest.mark.parametrize("how", ["parquet", "feather"])
    @pytest.mark.parametrize("kind", [pa.list_(pa.float32()), pa.list_(pa.float64(), 3), pa.large_list(pa.int16()),
                                      pa.list_(pa.float16(), 3)])  # fmt: skip
    def test_each_dimension_is_a_feature(self, how, kind):
        vectors = [[1, 2, 3], [4, 5, 6], [7, 8, 9], [0, 1, 0]]
        values = np.array(vectors, np.float16) if "half" in str(kind) else vectors
        column = pa.array([list(v) for v in values], kind)
        table = pa.table({"id": ["n2", "n0", "n1", "n3"], "vector": column})
        graph = read_bytes(("e.csv", RING), (f"x.{how}", written(table, how)))
        assert graph.feature_names == ("vector 1", "vector 2", "vector 3")
        assert features_of(graph).tolist() == [[4, 5, 6], [7, 8, 9], [1, 2, 3], [0, 1, 0]]

    @given(rows=st.integers(1, 9), width=st.integers(2, 5))
    def test_many_batches(self, rows, width):
        values = np.arange(rows * width, dtype=np.float32).reshape(rows, width)
        table = pa.table({"id": np.arange(rows), "v": pa.array(values.tolist(), pa.list_(pa.float32()))})
        out = io.BytesIO()
        pq.write_table(table, out, row_group_size=2)
        graph = read_bytes(("x.parquet", out.getvalue(), "features"))
        np.testing.assert_array_equal(features_of(graph), values)

    @pytest.mark.parametrize(
        ("vectors", "message"),
        [
            ([[1.0, 2], [3.0], [1.0, 2], [1.0, 2]], "line 3, column v: Has 1 numbers"),
            ([[1.0, 2], None, [1.0, 2], [1.0, 2]], "line 3, column v"),
            ([[], [1.0], [1.0], [1.0]], "line 2, column v: Has no vector"),
        ],
    )
    def test_damage_is_named(self, vectors, message):
        table = pa.table({"id": ["n0", "n1", "n2", "n3"], "v": pa.array(vectors, pa.list_(pa.float64()))})
        refused(message, ("e.csv", RING), ("x.parquet", written(table, "parquet")))

    def test_lists_of_texts_are_refused_with_the_way_on(self):
        table = pa.table({"id": ["n0"], "tags": [["a", "b"]]})
        refused(
            "column tags are of type list.*drop", ("e.csv", RING), ("x.parquet", written(table, "parquet"))
        )
