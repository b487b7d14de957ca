"""AnnData files, opened by anndata where it is installed, and by the app's own reader."""

import dataclasses

import h5py
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from tests.data.readers.round_trip import read_bytes
from tests.pages import matrix_runs
from tests.pages.finished_runs import make_graph, make_result
from vgae_core.runs.exports.h5ad import embedding_h5ad
from vgae_core.runs.views.node_tables import node_table


@pytest.fixture(scope="module")
def graph():
    features = sparse.csr_array(sparse.random(90, 12, 0.2, random_state=0, format="csr", dtype=np.float32))
    names = ("a/b", "a_b", *(f"word {i}" for i in range(10)))
    return dataclasses.replace(make_graph(nasty=" é\x00<&>\u202e"), features=features, feature_names=names)


@pytest.fixture(scope="module")
def path(graph, tmp_path_factory):
    path = tmp_path_factory.mktemp("h5ad") / "run.h5ad"
    table = node_table(make_result(graph), graph).rename(columns={"income": "in/come"})
    path.write_bytes(embedding_h5ad(make_result(graph), graph, table))
    return path


def test_anndata_opens_it(graph, path):
    anndata = pytest.importorskip("anndata", reason="anndata is not installed")
    back, result = anndata.read_h5ad(path), make_result(graph)
    np.testing.assert_array_equal(back.X.toarray(), graph.features.toarray())
    np.testing.assert_array_equal(back.obsm["X_vgae"], result.z_mean)
    np.testing.assert_allclose(back.obsm["X_vgae_sigma"], np.exp(result.z_log_var / 2), rtol=1e-6)
    np.testing.assert_array_equal(back.obsp["connectivities"].toarray(), graph.adjacency.toarray())
    assert back.var_names.tolist() == list(graph.feature_names)
    assert back.obs_names[5] == "person 5 é <&>\u202e"
    table = node_table(result, graph)
    assert back.obs["label"].isna().tolist() == table["label"].isna().tolist()
    assert back.obs["label"].dropna().tolist() == table["label"].dropna().tolist()
    np.testing.assert_array_equal(back.obs["in_come"], table["income"])


def test_every_part_is_marked_as_the_format_asks(path):
    with h5py.File(path) as file:
        assert dict(file.attrs) == {"encoding-type": "anndata", "encoding-version": "0.1.0"}
        assert set(file) == {"X", "obs", "var", "obsm", "obsp", "varm", "varp", "layers", "uns"}
        names = []
        file.visit(names.append)
        kinds = {name: file[name].attrs.get("encoding-type") for name in names}
        assert kinds["X"] == kinds["obsp/connectivities"] == "csr_matrix"
        assert kinds["obs"] == kinds["var"] == "dataframe"
        assert kinds["obs/label"] == "categorical"
        assert kinds["obs/degree"] == kinds["obsm/X_vgae"] == "array"
        assert kinds["obs/_index"] == kinds["obs/label/categories"] == "string-array"
        assert [file[name].attrs["encoding-type"] for name in ("obsm", "uns")] == ["dict", "dict"]
        order = file["obs"].attrs["column-order"].tolist()
        assert set(order) == set(file["obs"]) - {"_index"}
        assert len(file["obs/_index"]) == len(file["obs/degree"]) == 90


def test_the_app_reads_it_back(graph, path):
    back = read_bytes((path.name, path.read_bytes()))
    np.testing.assert_array_equal(back.features.toarray(), graph.features.toarray())
    pairs = set(zip(back.rows.tolist(), back.cols.tolist(), strict=True))
    assert pairs | {pair[::-1] for pair in pairs} == set(
        map(tuple, np.argwhere(graph.adjacency.toarray()).tolist())
    )


def test_a_matrix_has_no_edges_and_a_bare_graph_its_codes_as_x(tmp_path):
    matrix = matrix_runs.make_matrix()
    (tmp_path / "m").write_bytes(embedding_h5ad(matrix_runs.make_result(matrix), matrix))
    bare = make_graph()
    (tmp_path / "g").write_bytes(embedding_h5ad(make_result(bare), bare))
    with h5py.File(tmp_path / "m") as file:
        assert not list(file["obsp"])
        assert file["X"].attrs["shape"].tolist() == list(matrix.features.shape)
    with h5py.File(tmp_path / "g") as file:
        np.testing.assert_array_equal(file["X"][()], make_result(bare).z_mean)
        assert pd.Index(file["var/_index"].asstr()[()]).tolist() == [f"z_{i}" for i in range(8)]
