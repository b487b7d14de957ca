"""Matrix formats: SciPy npz, gnn-benchmark npz, Matrix Market, JSON lists; and crafted files."""

import gzip
import io
import json
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.io import mmwrite

from vgae_core.data.readers import SourceFile, read
from vgae_core.errors import DataError, LimitError
from vgae_core.host.limits import Limits
from vgae_core.settings import FileSpec

MTX = "%%MatrixMarket matrix coordinate "


@pytest.fixture
def files(tmp_path):
    def run(*parts, **options):
        sources, how = [], []
        for name, content, *role in parts:
            path = tmp_path / name
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
            sources.append(SourceFile(name, path))
            how.extend(FileSpec(name=name, role=r) for r in role)
        return read(sources, how, **options)

    return run


def npz(**arrays):
    out = io.BytesIO()
    np.savez(out, **arrays)
    return out.getvalue()


def saved(matrix):
    out = io.BytesIO()
    sparse.save_npz(out, matrix)
    return out.getvalue()


def as_matrix(graph):
    weights = np.ones(len(graph.rows)) if graph.weights is None else graph.weights
    matrix = np.zeros((graph.n_nodes, graph.n_nodes))
    np.add.at(matrix, (graph.rows, graph.cols), weights)
    if graph.symmetric:
        matrix = matrix + np.tril(matrix, -1).T
    return matrix


ASYMMETRIC = np.array([[0, 2, 0], [3, 1, 0], [0, 5, 0]], float)


@pytest.mark.parametrize("kind", [sparse.csr_array, sparse.csc_array, sparse.coo_array, sparse.csr_matrix])
def test_scipy_npz(files, kind):
    graph = files(("a.npz", saved(kind(ASYMMETRIC))))
    np.testing.assert_array_equal(as_matrix(graph), ASYMMETRIC)
    assert graph.node_ids.tolist() == [0, 1, 2]
    assert graph.directed


@pytest.mark.parametrize(
    ("matrix", "directed"),
    [
        ([[0, 1, 1], [1, 0, 0], [1, 0, 0]], False),
        ([[0, 1, 1], [0, 0, 0], [0, 0, 0]], False),  # one triangle
        ([[0, 1, 1], [0, 0, 0], [1, 0, 0]], True),
        ([[0, 1, 0], [0, 0, 0], [1, 0, 0]], True),  # both triangles, nothing paired
        ([[0, 2, 0], [3, 0, 0], [0, 0, 0]], True),  # the weights differ
    ],
)
def test_direction_of_a_matrix(files, matrix, directed):
    assert files(("a.npz", saved(sparse.csr_array(np.array(matrix, float))))).directed is directed


def crafted(indices=(1, 2, 0), indptr=(0, 1, 2, 3), data=(1.0, 1.0, 1.0), shape=(3, 3), format=b"csr"):
    return npz(
        indices=np.array(indices),
        indptr=np.array(indptr),
        data=np.array(data),
        shape=np.array(shape),
        format=np.array(format),
    )


def test_the_crafted_file_is_sound_unless_changed(files):
    assert len(files(("a.npz", crafted())).rows) == 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"indices": (1, 2, 99_999_999)}, "`indices` must be between 0 and 2. Received: 99999999"),
        ({"indices": (1, 2, -5)}, "Received: -5"),
        ({"indices": (1.5, 2, 0)}, "`indices` must hold whole numbers"),
        ({"indices": (1, 2)}, "differ in length"),
        ({"indptr": (0, 5, 2, 3)}, "`indptr` decreases after row 1"),
        ({"indptr": (0, 1, 2, 300)}, "`indptr` must run from 0 to 3"),
        ({"indptr": (1, 1, 2, 3)}, "`indptr` must run from 0 to 3"),
        ({"indptr": (0, 3)}, "must have 4 entries"),
        ({"shape": (3,)}, "shape must be two whole numbers"),
        ({"shape": (10**11, 10**11)}, "nodes 100,000,000,000 exceeds"),
        ({"shape": (-3, -3)}, "cannot be negative"),
        ({"data": (1, np.nan, 1)}, "Entry (row 1, column 2, counted from 0) is nan"),
        ({"data": (1, np.inf, 1)}, "is inf"),
        ({"data": (1j, 1, 1)}, "real numbers"),
        ({"format": b"dia"}, "Sparse format 'dia' is not supported"),
        ({"format": b"xyz"}, "Sparse format 'xyz' is not supported"),
        ({"indices": ((1, 2, 0),)}, "must have one dimension"),
    ],
)
def test_crafted_csr_is_refused(files, changes, message):
    with pytest.raises(DataError) as caught:
        files(("a.npz", crafted(**changes)))
    assert message in str(caught.value)
    assert str(caught.value).startswith("a.npz")


def test_an_adjacency_must_be_square(files):
    for name, content in (("a.npz", crafted(shape=(3, 4))), ("a.mtx", MTX + "real general\n3 4 1\n1 2 1\n")):
        with pytest.raises(DataError, match=r"must be square\. Received: 3 x 4"):
            files((name, content, "edges"))


def test_crafted_coo_is_refused(files):
    content = npz(
        row=np.array([0, 7]),
        col=np.array([1, 1]),
        data=np.ones(2),
        shape=np.array([2, 2]),
        format=np.array("coo"),
    )
    with pytest.raises(DataError, match="`row` must be between 0 and 1"):
        files(("a.npz", content))


def test_pickled_arrays_are_refused_by_name(files):
    content = npz(adj_matrix=np.array([{}], dtype=object))
    with pytest.raises(DataError, match="`adj_matrix` holds pickled Python objects"):
        files(("a.npz", content))


def test_pickled_part_of_a_known_layout_is_refused(files):
    content = npz(
        indices=np.array([1, 0]), indptr=np.array([0, 1, 2]), data=np.array([{}, {}], dtype=object),
        shape=np.array([2, 2]), format=np.array("csr"),
    )  # fmt: skip
    with pytest.raises(DataError, match="`data` holds pickled"):
        files(("a.npz", content))


def test_npz_bomb_is_refused_before_it_is_read(files):
    out = io.BytesIO()
    np.savez_compressed(out, a=np.zeros((2000, 2000)))
    assert out.tell() < 100_000
    with pytest.raises(LimitError, match="decompressed size 32,000,"):
        files(("a.npz", out.getvalue()), limits=Limits(decompressed_bytes=10_000_000))


def test_header_that_lies_about_its_size(files):
    array, archive = io.BytesIO(), io.BytesIO()
    np.save(array, np.zeros((2, 2)))
    with zipfile.ZipFile(archive, "w") as out:
        out.writestr("a.npy", array.getvalue().replace(b"(2, 2)", b"(9, 9)"))
    with pytest.raises(DataError, match="Claims 776 bytes but holds 160"):
        files(("a.npz", archive.getvalue()))


@pytest.mark.parametrize("keep", [10, 100, 400])
def test_truncated_npz(files, keep):
    with pytest.raises(DataError, match=r"a\.npz"):
        files(("a.npz", crafted()[:keep]))


def test_dense_npz(files):
    np.testing.assert_array_equal(as_matrix(files(("a.npz", npz(m=ASYMMETRIC)))), ASYMMETRIC)
    with pytest.raises(DataError, match="Holds several matrices: a, b"):
        files(("a.npz", npz(a=np.zeros((2, 2)), b=np.zeros((2, 2)))))


def benchmark(**more):
    adjacency, features = sparse.csr_array(ASYMMETRIC), sparse.csr_array(np.array([[1, 0], [0, 2], [0, 0.5]]))
    arrays = {}
    for prefix, matrix in (("adj_", adjacency), ("attr_", features)):
        arrays |= {
            prefix + "data": matrix.data,
            prefix + "indices": matrix.indices,
            prefix + "indptr": matrix.indptr,
            prefix + "shape": np.array(matrix.shape),
        }
    return npz(**arrays, **more)


def test_gnn_benchmark(files):
    graph = files(
        (
            "g.npz",
            benchmark(
                labels=np.array([1, 0, 1], np.int8),
                class_names=np.array(["theory", "practice"]),
                node_names=np.array(["p", "q", "r"]),
                idx_to_attr=np.array({0: "word"}, dtype=object),  # pickled, never needed, never read
            ),
        )
    )
    np.testing.assert_array_equal(as_matrix(graph), ASYMMETRIC)
    assert graph.node_ids.tolist() == ["p", "q", "r"]
    assert [graph.label_names[i] for i in graph.labels] == ["practice", "theory", "practice"]
    np.testing.assert_array_equal(graph.features.toarray(), [[1, 0], [0, 2], [0, 0.5]])
    assert graph.findings == ()


def test_gnn_benchmark_without_names(files):
    graph = files(("g.npz", benchmark(labels=np.array([7, -1, 3]))))
    assert graph.label_names == ("3", "7")
    assert graph.labels.tolist() == [1, -1, 0]
    assert graph.node_ids.tolist() == [0, 1, 2]


# ------------------------------------------------------------------------ Matrix Market
@pytest.mark.parametrize(
    ("content", "expected", "symmetric", "weighted"),
    [
        ("real general\n3 3 2\n1 2 2.5\n3 1 4\n", [[0, 2.5, 0], [0, 0, 0], [4, 0, 0]], False, True),
        ("integer general\n2 2 1\n1 2 4\n", [[0, 4], [0, 0]], False, True),
        ("pattern general\n2 2 1\n1 2\n", [[0, 1], [0, 0]], False, False),
        ("real symmetric\n3 3 3\n2 1 2\n3 1 3\n3 3 5\n", [[0, 2, 3], [2, 0, 0], [3, 0, 5]], True, True),
        ("pattern symmetric\n3 3 2\n2 1\n3 3\n", [[0, 1, 0], [1, 0, 0], [0, 0, 1]], True, False),
        ("real skew-symmetric\n2 2 1\n2 1 3\n", [[0, -3], [3, 0]], False, True),
    ],
)
@pytest.mark.parametrize("compressed", [False, True])
def test_matrix_market(files, content, expected, symmetric, weighted, compressed):
    content = (MTX + content).encode()
    graph = files(("a.mtx.gz", gzip.compress(content)) if compressed else ("a.mtx", content))
    np.testing.assert_allclose(as_matrix(graph), expected)
    assert graph.symmetric is symmetric
    assert (graph.weights is not None) is weighted
    assert graph.name == "a"


def test_symmetric_files_give_the_stored_triangle(files):
    graph = files(("a.mtx", MTX + "pattern symmetric\n3 3 2\n2 1\n3 1\n"))
    assert len(graph.rows) == 2
    assert not graph.directed


def test_matrix_market_array(files):
    graph = files(("a.mtx", "%%MatrixMarket matrix array real general\n2 2\n0\n1\n2\n0\n"))
    np.testing.assert_array_equal(as_matrix(graph), [[0, 2], [1, 0]])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (MTX + "real general\n2 2 100000000000\n1 2 1\n", "entries 100,000,000,000 exceeds"),
        (MTX + "real general\n2 2 9000\n1 2 1\n", "more than the file can hold"),
        (MTX + "real general\n2 2 2\n1 2 1\n", "Truncated"),
        (MTX + "real general\n2 2 1\n1 9 1\n", "Line 3: Column index out of bounds"),
        (MTX + "real general\n2 2 1\n1 2 nan\n", "is nan"),
        (MTX + "real general\n2 2 1\n1 2 x\n", "Line 3"),
        (MTX + "complex general\n2 2 1\n1 2 1 1\n", "Complex values"),
        (MTX + "real general\n99000000 99000000 1\n1 2 1\n", "nodes 99,000,000 exceeds"),
        ("%%MatrixMarket matrix array real general\n1000000 1000000\n0\n", "exceeds the limit"),
        ("%%MatrixMarket junk\n", "Line 1"),
        ("%%MatrixMarket matrix coordinate real general\n", "a.mtx"),
    ],
)
def test_bad_matrix_market(files, content, message):
    with pytest.raises(DataError) as caught:
        files(("a.mtx", content))
    assert message in str(caught.value)
    assert str(caught.value).startswith("a.mtx")


# -------------------------------------------------------------------------- one array (npy)
def npy(array):
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


@pytest.mark.parametrize("order", ["C", "F"])
def test_a_square_array_is_an_adjacency(files, order):
    graph = files(("a.npy", npy(np.asarray(ASYMMETRIC, order=order))))
    np.testing.assert_array_equal(as_matrix(graph), ASYMMETRIC)


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("kind", [np.int64, np.uint16])
def test_two_rows_or_columns_of_whole_numbers_are_edges(files, turned, kind):
    ends = np.array([[0, 1, 7], [1, 7, 9]], kind)
    graph = files(("edge_index.npy", npy(ends.T if turned else ends)))
    np.testing.assert_array_equal(graph.node_ids, [0, 1, 7, 9])
    np.testing.assert_array_equal(graph.node_ids[np.stack([graph.rows, graph.cols])], ends)
    assert not graph.directed


def test_an_edge_list_with_features_and_labels_as_arrays(files):
    x = np.arange(15, dtype=np.float64).reshape(5, 3) + 1
    graph = files(
        ("edge_index.npy", npy(np.array([[0, 1, 2], [1, 2, 4]]))),
        ("x.npy", npy(x)),
        ("y.npy", npy(np.array([7, 3, -1, 3, 7], np.int8))),
    )
    np.testing.assert_array_equal(graph.features, x)
    assert graph.features.dtype == np.float32
    labels = [graph.label_names[code] if code >= 0 else None for code in graph.labels]
    assert labels == ["7", "3", None, "3", "7"]


def test_a_row_of_numbers_as_features_is_one_column(files):
    graph = files(("e.csv", "0,1\n1,2\n"), ("f.npy", npy(np.array([3, 4, 5])), "features"))
    np.testing.assert_array_equal(graph.features, [[3], [4], [5]])


def test_fractions_are_no_labels(files):
    with pytest.raises(DataError, match=r"y\.npy: Cannot hold labels"):
        files(("e.csv", "0,1\n1,2\n"), ("y.npy", npy(np.array([0.5, 1, 2])), "labels"))


# ---------------------------------------------------------------------- features as matrix
@pytest.mark.parametrize("form", ["npz", "dense npz", "npy", "mtx"])
def test_feature_matrices_are_matched_by_position(files, form):
    x = np.array([[1, 0], [0, 2], [3, 4], [0, 0.5]])
    text = io.BytesIO()
    mmwrite(text, sparse.coo_array(x))
    content = {
        "npz": saved(sparse.csr_array(x)),
        "dense npz": npz(x=x),
        "npy": npy(x),
        "mtx": text.getvalue(),
    }[form]
    graph = files(("e.csv", "0,1\n1,2\n2,3\n"), ("x." + form[-3:], content))
    found = graph.features.toarray() if sparse.issparse(graph.features) else graph.features
    np.testing.assert_array_equal(found, x)
    assert found.dtype == np.float32


def test_rows_of_a_matrix_are_nodes_by_number_if_the_edges_skip_some(files):
    x = np.arange(10).reshape(5, 2) + 1.0
    graph = files(("e.csv", "0,1\n1,4\n"), ("x.npz", npz(x=x)))
    np.testing.assert_array_equal(graph.features, x)
    assert graph.findings[0].code == "isolated-rows"
    assert graph.findings[0].examples == ("2", "3")


def test_too_few_rows(files):
    with pytest.raises(DataError, match="Has 3 rows for 4 nodes"):
        files(("e.csv", "0,1\n1,2\n2,3\n"), ("x.npz", npz(x=np.ones((3, 2)))))


def test_infinite_feature(files):
    x = sparse.csr_array(np.array([[1.0, np.inf], [0, 1]]))
    with pytest.raises(DataError, match=r"x\.npz: Entry \(row 0, column 1, counted from 0\) is inf"):
        files(("e.csv", "0,1\n"), ("x.npz", saved(x), "features"))


def test_two_square_matrices(files):
    square = sparse.csr_array(np.eye(3))
    graph = files(("x.npz", saved(square)), ("adj.npz", saved(sparse.csr_array(ASYMMETRIC))))
    assert graph.name == "adj"
    np.testing.assert_array_equal(graph.features.toarray(), np.eye(3))


# --------------------------------------------------------------------------------- JSON
def test_json_lists(files):
    graph = files(
        ("e.csv", "a,b\nb,c\n"), ("f.json", json.dumps({"c": [7, 900000000], "a": [7, 7], "q": [1]}))
    )
    assert graph.feature_names == ("1", "7", "900000000")
    np.testing.assert_array_equal(graph.features.toarray(), [[0, 1, 0], [0, 0, 0], [0, 1, 1]])
    assert [(f.code, f.count) for f in graph.findings] == [("unknown-nodes", 1), ("nodes-without-row", 1)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"a": [1, NaN]}', "Received a NoneType for node 'a'"),
        ('{"a": [1, 2]\n', "f.json, line 2: Not JSON"),
        ("[1, 2]", "Holds a list"),
        ("{}", "an empty object"),
        ('{"a": 3}', "Node 'a' has 3 for features"),
        ('{"a": [1.5]}', "Received a float for node 'a'"),
        ('{"a": [1], "b": [null]}', "Received a NoneType for node 'b'"),
        ('{"a": [true]}', "Received a bool"),
        ('{"a": [99999999999999999999]}', "too large"),
        ("[" * 100_000, "Nested more than 100 deep"),
        (b'{"\xc3\xa4\xc3\xb6\xe9": [1]}', "Not UTF-8"),
    ],
)
def test_bad_json(files, content, message):
    with pytest.raises(DataError) as caught:
        files(("e.csv", "a,b\n"), ("f.json", content))
    assert message in str(caught.value)


# -------------------------------------------------------------------------- round trips
@st.composite
def matrices(draw):
    n = draw(st.integers(2, 8))
    cells = draw(st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)), min_size=1, unique=True))
    values = draw(st.lists(st.floats(0.125, 100, width=32), min_size=len(cells), max_size=len(cells)))
    matrix = np.zeros((n, n), np.float32)
    matrix[tuple(np.transpose(cells))] = values
    return matrix


@settings(max_examples=50, deadline=None)
@given(
    matrix=matrices(), form=st.sampled_from(["csr", "csc", "coo", "mtx", "mtx.gz"]), symmetric=st.booleans()
)
def test_matrices_round_trip(tmp_path_factory, matrix, form, symmetric):
    if symmetric:
        matrix = np.maximum(matrix, matrix.T)
    coo = sparse.coo_array(matrix)
    if form.startswith("mtx"):
        out = io.BytesIO()
        mmwrite(out, coo, precision=9, symmetry="symmetric" if symmetric else "general")
        content = gzip.compress(out.getvalue()) if form.endswith("gz") else out.getvalue()
    else:
        content = saved(coo.asformat(form))
    path = tmp_path_factory.mktemp("round") / ("m." + (form if form.startswith("mtx") else "npz"))
    path.write_bytes(content)
    graph = read([SourceFile(path.name, path)])
    np.testing.assert_array_equal(as_matrix(graph).astype(np.float32), matrix)
    assert not (symmetric and graph.directed)


@settings(max_examples=150, deadline=None)
@given(position=st.integers(0, 2000), value=st.integers(0, 255))
def test_one_changed_byte_never_gets_past_the_checks(tmp_path_factory, position, value):
    content = bytearray(crafted())
    content[position % len(content)] = value
    path = tmp_path_factory.mktemp("fuzz") / "a.npz"
    path.write_bytes(content)
    try:
        graph = read([SourceFile("a.npz", path)])
    except DataError:
        return
    assert graph.rows.max() < graph.n_nodes
    assert graph.cols.max() < graph.n_nodes
