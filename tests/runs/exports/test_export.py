"""Exports read back by the tools they are for."""

import csv
import dataclasses
import io
import itertools
import tracemalloc
import zipfile

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from tests.pages import finished_runs
from tests.pages.matrix_runs import make_matrix, make_result
from vgae_core import isolation
from vgae_core.analysis.latent_use import uncertainty
from vgae_core.analysis.reconstruction import node_errors
from vgae_core.analysis.scoring import score_pairs
from vgae_core.data.dataset import GraphData
from vgae_core.data.link_splits import split_links
from vgae_core.errors import DataError
from vgae_core.model_parts.heads import HEADS
from vgae_core.runs.exports import embedding_files, table_files
from vgae_core.runs.results.result import RunResult
from vgae_core.runs.store.store import Store
from vgae_core.runs.views import link_tables, node_tables
from vgae_core.settings import RunSpec, SplitSpec
from vgae_core.training.events import Finished

NASTY = [
    "=1+1",
    "+49 30",
    "-5",
    "@sum",
    "a,b",
    'say "hi"',
    "tab\there",
    "line\nend",
    "é",
    "-5e3",
    "\tx",
    "=",
    "n",
    "-a",
]


@pytest.fixture
def graph():
    rng = np.random.default_rng(0)
    adjacency = sparse.csr_array(nx.to_scipy_sparse_array(nx.cycle_graph(14), dtype=np.float32))
    return GraphData(
        name="cycle", adjacency=adjacency, node_ids=np.array(NASTY, dtype=object),
        labels=np.array([0, 1, -1] * 4 + [0, 1], np.int32), label_names=("first", "=second"),
        values={"age": rng.random(14).astype(np.float32), "degree": np.arange(14, dtype=np.float32)},
    )  # fmt: skip


@pytest.fixture
def result(graph):
    rng = np.random.default_rng(1)
    z = rng.normal(size=(14, 3)).astype(np.float32)
    split = split_links(graph, SplitSpec(), 0)
    return RunResult(
        spec=RunSpec(), metrics={}, z_mean=z, z_log_var=rng.normal(size=(14, 3)).astype(np.float32), split=split,
        scores={"model": score_pairs(z, np.concatenate([split.test, split.test_neg]))},
        state={}, model={}, finished=Finished(reason="completed"),
        nodes={"label_probabilities": rng.dirichlet([1, 1], 14).astype(np.float32)},
    )  # fmt: skip


def test_node_table(result, graph):
    table = node_tables.node_table(result, graph)
    assert table["node"].tolist() == NASTY
    assert table["label"].fillna("?").tolist()[:3] == ["first", "=second", "?"]
    assert table["degree"].tolist() == [2] * 14
    np.testing.assert_array_equal(table["uncertainty"], uncertainty(result.z_log_var))
    np.testing.assert_array_equal(table["reconstruction_error"], node_errors(result.z_mean, graph.adjacency))
    winner = result.nodes["label_probabilities"].argmax(axis=1)
    assert table["predicted_label"].tolist() == [graph.label_names[c] for c in winner]
    assert table["value_degree"].tolist() == list(range(14))  # the graph's own `degree` hides nothing
    np.testing.assert_array_equal(table["age"], graph.values["age"])


def test_a_plain_auto_encoder_of_an_unlabelled_graph(result, graph):
    bare = GraphData(name="bare", adjacency=graph.adjacency, node_ids=np.arange(14))
    plain = RunResult(**{**vars(result), "z_log_var": None, "nodes": {}})
    table = embedding_files.embedding_table(plain, bare)
    assert table.columns.tolist() == [
        "node", "degree", "community", "core", "reconstruction_error", "z_0", "z_1", "z_2",
    ]  # fmt: skip
    with np.load(io.BytesIO(embedding_files.embedding_npz(plain, bare)), allow_pickle=False) as held:
        assert sorted(held) == ["encoded_from", "node_ids", "z_mean"]
        assert held["encoded_from"] == "training edges"


def test_values_that_are_called_like_codes_stay_beside_them(result, graph):
    """A column called z_0 made every download of the embedding fail."""
    names = ["z_0", "z_2", "value_z_0", "node", "z_9", "value_node"]
    values = {name: np.full(14, i, np.float32) for i, name in enumerate(names)}
    data = dataclasses.replace(graph, values=values)
    table = embedding_files.embedding_table(result, data)
    assert table.columns.is_unique
    np.testing.assert_array_equal(table[["z_0", "z_1", "z_2"]].to_numpy(), result.z_mean)
    kept = {name: table[name][0] for name in table if str(name).startswith("value_") or name == "z_9"}
    assert sorted(kept.values()) == [0, 1, 2, 3, 4, 5]
    assert kept["z_9"] == 4
    for entry in embedding_files.EMBEDDING_FORMATS.values():
        assert entry.write(result, data, None, False)


def test_one_long_name_does_not_make_all_names_long(result, graph):
    ids = np.array([f"n{i}" for i in range(20_000)], dtype=object)
    ids[0] = "x" * 20_000
    n = len(ids)
    data = GraphData(name="g", adjacency=sparse.csr_array((n, n), dtype=np.float32), node_ids=ids)
    long = dataclasses.replace(result, z_mean=np.zeros((n, 2), np.float32), z_log_var=None)
    tracemalloc.start()
    content = embedding_files.embedding_npz(long, data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20e6  # as an array of str it is 1.6 GB
    with np.load(io.BytesIO(content), allow_pickle=False) as held:
        assert texts(held, "node_ids") == ids.tolist()


def texts(held, name):
    """The texts of an array, read as the documentation says."""
    data, offsets = held[f"{name}.text"], held[f"{name}.offsets"]
    return [bytes(data[i:j]).decode() for i, j in itertools.pairwise(offsets)]


def test_another_graph_is_refused(result):
    other = GraphData(name="o", adjacency=sparse.csr_array((3, 3), dtype=np.float32), node_ids=np.arange(3))
    for write in (
        embedding_files.embedding_table,
        embedding_files.embedding_npz,
        embedding_files.projector_zip,
    ):
        with pytest.raises(DataError, match="14 nodes, the graph 3"):
            write(result, other)


def rows_of(content):
    return list(csv.reader(io.StringIO(content.decode())))


def test_csv_gives_names_back_as_they_were(result, graph):
    rows = rows_of(table_files.to_csv(embedding_files.embedding_table(result, graph)))
    assert [row[0] for row in rows[1:]] == NASTY
    assert {row[1] for row in rows[1:]} == {"first", "=second", ""}
    z = np.array([row[-3:] for row in rows[1:]], np.float32)
    np.testing.assert_array_equal(z, result.z_mean)  # float32 survives text


def test_protected_csv_holds_no_formula(result, graph):
    rows = rows_of(table_files.to_csv(embedding_files.embedding_table(result, graph), protect=True))
    names = [row[0] for row in rows[1:]]
    assert names == [
        "'=1+1", "'+49 30", "-5", "'@sum", "a,b", 'say "hi"', "tab\there", "line\nend", "é", "-5e3", "'\tx",
        "'=",
        "n", "'-a",
    ]  # fmt: skip
    assert {row[1] for row in rows[1:]} == {"first", "'=second", ""}


@pytest.mark.parametrize("sign", "=+-@＝＋－＠\t\r\n")
def test_no_form_of_a_formula_is_left(sign):
    table = pd.DataFrame({f"{sign}head()": [f"{sign}cmd()", "fine", None], "ok": [-1, 2, 3]})
    back = pd.read_csv(io.BytesIO(table_files.to_csv(table, protect=True)))
    assert back.columns[0].startswith("'")
    assert back.iloc[0, 0] == f"'{sign}cmd()"
    assert back["ok"].tolist() == [-1, 2, 3]
    assert pd.isna(back.iloc[2, 0])


def test_labels_called_nan_and_none_are_not_missing(result, graph):
    data = dataclasses.replace(graph, label_names=("nan", "None"))
    table = embedding_files.embedding_table(result, data)
    texts = [row[1] for row in rows_of(table_files.to_csv(table))[1:]]
    assert texts == [{0: "nan", 1: "None", -1: ""}[label] for label in data.labels]
    back = pd.read_parquet(io.BytesIO(table_files.to_parquet(table)))["label"]
    assert back.isna().tolist() == (data.labels == -1).tolist()
    assert back.dropna().tolist() == [text for text in texts if text]
    with zipfile.ZipFile(io.BytesIO(embedding_files.projector_zip(result, data))) as archive:
        meta = archive.read("metadata.tsv").decode().splitlines()[1:]
    assert [line.split("\t")[1] for line in meta] == texts


def test_parquet_reads_back_as_it_was(result, graph):
    table = embedding_files.embedding_table(result, graph)
    back = pd.read_parquet(io.BytesIO(table_files.to_parquet(table)))
    assert back["node"].tolist() == NASTY
    np.testing.assert_array_equal(back[["z_0", "z_1", "z_2"]].to_numpy(), result.z_mean)
    assert back.columns.tolist() == table.columns.tolist()


def test_npz_needs_no_pickle(result, graph):
    with np.load(io.BytesIO(embedding_files.embedding_npz(result, graph)), allow_pickle=False) as held:
        np.testing.assert_array_equal(held["z_mean"], result.z_mean)
        np.testing.assert_array_equal(held["z_log_var"], result.z_log_var)
        assert texts(held, "node_ids") == NASTY
        assert texts(held, "label_names")[held["labels"][1]] == "=second"


def test_projector_files_have_one_row_a_node(result, graph):
    with zipfile.ZipFile(io.BytesIO(embedding_files.projector_zip(result, graph))) as archive:
        vectors = np.loadtxt(io.BytesIO(archive.read("vectors.tsv")), delimiter="\t")
        meta = archive.read("metadata.tsv").decode().split("\n")
        config = archive.read("projector_config.pbtxt").decode()
    np.testing.assert_allclose(vectors, result.z_mean, rtol=1e-5)
    assert len(meta) == 1 + 14 + 1  # header, nodes, end
    width = meta[0].count("\t")
    assert all(line.count("\t") == width for line in meta[1:-1])
    assert meta[7].startswith("tab here\t")
    assert "vectors.tsv" in config
    assert "metadata.tsv" in config
    assert meta[1].startswith("=1+1\t")
    with zipfile.ZipFile(io.BytesIO(embedding_files.projector_zip(result, graph, protect=True))) as archive:
        assert archive.read("metadata.tsv").decode().split("\n")[1].startswith("'=1+1\t")


def test_link_table(graph):
    pairs = np.array([[0, 1], [0, 2], [2, 7]])
    logits = np.array([0.0, 2.0, -3.0], np.float32)
    table = link_tables.link_table(graph, pairs, logits)
    assert table["source"].tolist() == ["=1+1", "=1+1", "-5"]
    assert table["target"].tolist() == ["+49 30", "-5", "line\nend"]
    assert table["shared_neighbours"].tolist() == [0, 1, 0]
    assert table["source_degree"].tolist() == [2, 2, 2]
    np.testing.assert_allclose(table["probability"], [0.5, 1 / (1 + np.exp(-2)), 1 / (1 + np.exp(3))])
    assert table["target_label"].fillna("?").tolist() == ["=second", "?", "=second"]
    assert len(link_tables.link_table(graph, np.zeros((0, 2), np.int64), np.zeros(0, np.float32))) == 0


@pytest.mark.parametrize("directed", [True, False])
def test_shared_neighbours_and_degrees_against_networkx(directed):
    g = nx.gnp_random_graph(25, 0.3, seed=1, directed=directed)
    g.add_edge(3, 3)
    data = GraphData(
        name="g", adjacency=sparse.csr_array(nx.to_scipy_sparse_array(g, dtype=np.float32)),
        node_ids=np.arange(25), directed=directed,
    )  # fmt: skip
    pairs = np.array([(i, j) for i in range(25) for j in range(25) if i != j])
    table = link_tables.link_table(data, pairs, np.zeros(len(pairs), np.float32))
    plain = g.to_undirected()
    plain.remove_edge(3, 3)
    expected = [len(list(nx.common_neighbors(plain, i, j))) for i, j in pairs]
    assert table["shared_neighbours"].tolist() == expected
    assert table["source_degree"].tolist() == [plain.degree(i) for i, _ in pairs]


@pytest.mark.parametrize(
    "entry",
    [*embedding_files.EMBEDDING_FORMATS.values(), *embedding_files.WHOLE_GRAPH_FORMATS.values()],
    ids=lambda entry: entry.suffix,
)
def test_write_embedding_goes_by_suffix(entry, result, graph, tmp_path):
    path = tmp_path / f"out{entry.suffix}"
    embedding_files.write_embedding(path, result, graph)
    assert len(path.read_bytes()) > 500
    assert [p.name for p in tmp_path.iterdir()] == [path.name]  # no temporary file stays


def test_unknown_suffixes_name_the_known_ones(result, graph, tmp_path):
    with pytest.raises(DataError, match=r"\.csv, \.parquet, \.npz, \.zip"):
        embedding_files.write_embedding(tmp_path / "out.xlsx", result, graph)
    with pytest.raises(DataError, match=r"\.csv or \.parquet"):
        table_files.write_table(tmp_path / "out.txt", pd.DataFrame({"a": [1]}))
    table_files.write_table(tmp_path / "out.csv", pd.DataFrame({"a": [1]}))
    assert (tmp_path / "out.csv").read_bytes() == b"a\n1\n"


# ---------------------------------------------------------------------------- matrices
def test_tables_of_a_matrix_run_are_of_rows_and_columns():
    graph = make_matrix()
    result = make_result(graph)
    x = graph.features.toarray()
    table = node_tables.node_table(result, graph)
    assert list(table) == ["node", "label", "row_values", "row_total", "uncertainty", "feature_error"]
    np.testing.assert_array_equal(table["row_values"], np.count_nonzero(x, axis=1))
    np.testing.assert_allclose(table["row_total"], x.sum(axis=1))
    pairs = np.argwhere(x)[:5]
    logits = np.array([0.0, 1.0, -1.0, 2.0, 0.5], np.float32)
    told = link_tables.entry_table(graph, pairs, logits, HEADS["softmax"], nats=np.arange(5.0))
    assert told["row"].tolist() == [f"user {i}" for i in pairs[:, 0]]
    assert told["column"].tolist() == [f"film {j}" for j in pairs[:, 1]]
    np.testing.assert_array_equal(told["value"], x[tuple(pairs.T)])
    np.testing.assert_allclose(told["expected"], np.exp(logits), rtol=1e-6)
    np.testing.assert_array_equal(told["column_values"], np.count_nonzero(x, axis=0)[pairs[:, 1]])
    assert "value" not in link_tables.entry_table(graph, pairs, logits, HEADS["logit"])
    unnamed = dataclasses.replace(graph, feature_names=())
    assert link_tables.column_names(unnamed)[:2].tolist() == ["column 1", "column 2"]


def test_costly_columns_are_the_same_from_a_child(store_run):
    run, graph = store_run
    result = run.result()
    options = {"run": str(run.path), "graph": str(run.graph_path), "most_nodes": 1000}
    columns, _ = isolation.call("first_view", options=options)
    assert set(node_tables.node_columns(result, graph)) < set(columns)
    there, here = node_tables.node_table(result, graph, columns), node_tables.node_table(result, graph)
    pd.testing.assert_frame_equal(there, here)
    assert table_files.to_csv(embedding_files.embedding_table(result, graph, here)) == table_files.to_csv(
        embedding_files.embedding_table(result, graph)
    )


@pytest.fixture
def store_run(tmp_path):
    store = Store(tmp_path / "home")
    graph = finished_runs.make_graph()
    yield finished_runs.finish_run(store, graph), graph
    store.close()
