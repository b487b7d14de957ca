"""Features in units of their own: runs train, and what is shown of them is in those units."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from scipy import sparse
from sklearn.preprocessing import StandardScaler

from tests.graphs import communities, graph_from, karate
from tests.runs.exports.test_script import assert_same, run_both, spec_for
from vgae_core.data.dataset import RawGraph
from vgae_core.errors import SpecError
from vgae_core.runs.execution.pipeline import execute
from vgae_core.runs.results.embed import embed
from vgae_core.runs.results.result_parts import result_from_parts, result_to_parts
from vgae_core.runs.store.folder import read_run_dir, write_run_dir
from vgae_core.settings import RunSpec
from vgae_core.settings.defaults import for_family
from vgae_core.settings.recipes import with_recipe


def people(n=120):
    """Return communities whose members have a year, an income and a flag, as their community has them."""
    graph, rng = communities(n=n), np.random.default_rng(4)
    features = np.column_stack(
        [
            1950 + 15 * graph.labels + rng.integers(0, 12, n),
            1000 * (30 + 20 * graph.labels + rng.integers(0, 25, n)),
            graph.labels % 2,
        ]
    )
    return dataclasses.replace(
        graph, features=features.astype(np.float32), feature_names=("year", "income", "member")
    )


def years_only():
    graph = karate()
    years = 1950 + np.random.default_rng(0).integers(0, 60, (graph.n_nodes, 1))
    return dataclasses.replace(graph, features=years.astype(np.float32), feature_names=("year",))


@pytest.mark.parametrize("encoder", ["normalised", "gcn"])
def test_one_column_of_years_trains(encoder):
    graph = years_only()
    result = execute(spec_for(graph, "vgae", encoder, training__epochs=3), graph)
    assert result.finished.reason == "completed"
    assert np.isfinite(result.z_mean).all()
    assert np.isfinite(result.z_log_var).all()


def test_units_do_not_matter():
    """Income in another unit: the same run, bit for bit where the units differ by a power of two."""
    graph = people()
    other = dataclasses.replace(graph, features=graph.features * np.float32([1, 4, 1]))
    one, two = (execute(spec_for(g, "vgae", "gcn", outputs__x_rec__enabled=True), g) for g in (graph, other))
    np.testing.assert_array_equal(one.z_mean, two.z_mean)
    assert one.metrics == two.metrics


def test_errors_of_features_are_squared_standard_deviations():
    graph = people()
    spec = spec_for(graph, "vgae", "gcn", outputs__x_rec__enabled=True)
    assert spec.output("x_rec").loss == "mean_squared_error"
    result = execute(spec, graph)
    expected = StandardScaler().fit_transform(graph.features[:, :2].astype(np.float64))
    flags = graph.features[:, 2] - graph.features[:, 2].mean()
    plain = np.mean(np.column_stack([expected, flags]) ** 2)
    assert result.metrics["features"]["column_mean_error"] == pytest.approx(plain, rel=1e-4)
    assert result.metrics["features"]["mean_error"] < 1.5 * plain


def test_counts_beside_years_keep_their_likelihood_in_their_own_units():
    graph = people()
    spec = spec_for(graph, "vgae", "gcn", outputs__x_rec__enabled=True, outputs__x_rec__loss="poisson")
    result = execute(spec, graph)
    x = graph.features.astype(np.float64)
    rate = x.mean(axis=0)
    assert result.metrics["features"]["column_mean_error"] == pytest.approx(
        np.mean(rate - x * np.log(rate)), rel=1e-3
    )


def test_new_nodes_are_scaled_as_those_of_training():
    graph = people()
    spec = spec_for(graph, "vgae", "linear", model__latent_dim=4)
    result = execute(spec, graph)
    # One new node beside node 0, with features beyond all others; alone it would have standard deviation 0.
    more = RawGraph(
        name="more", rows=np.array([0]), cols=np.array([1]), weights=None, node_ids=np.array([0, "new"], object),
        directed=False, format="test", features=np.float32([[0, 0, 0], [2100, 900_000, 1]]),
        feature_names=graph.feature_names,
    )  # fmt: skip
    found = embed(spec, result, graph, more)
    n = graph.n_nodes
    edges = np.zeros((n + 1, n + 1))
    edges[tuple(graph.edges.T)] = 1
    edges[0, n] = 1
    edges = edges + edges.T + np.eye(n + 1)
    degree = 1 / np.sqrt(edges.sum(axis=1))
    scaler = StandardScaler().fit(graph.features[:, :2].astype(np.float64))
    x = np.vstack([graph.features, more.features[1:]]).astype(np.float64)
    x[:, :2] = scaler.transform(x[:, :2])
    expected = (degree[:, None] * edges * degree) @ x @ result.state["model/0"].astype(np.float64)
    np.testing.assert_allclose(found.z_mean, expected[:, :4], rtol=1e-3, atol=1e-4)


def amounts(n=150, seed=0):
    """Return a sparse matrix of amounts in cents, some of them negative."""
    graph, rng = communities(n=n, seed=seed), np.random.default_rng(seed)
    values = graph.features.copy()
    values.data = rng.normal(50_000, 9_000, len(values.data)).astype(np.float32)
    values.data[:3] *= -1
    return graph_from(np.zeros((n, n)), sparse.csr_array(values))


def test_what_a_matrix_model_expects_is_in_the_units_of_the_matrix():
    graph = amounts()
    spec = for_family(RunSpec(), "vae", feature_kind="real", has_labels=False)
    result = execute(spec.replace("training.epochs", 60), graph)
    known = graph.features.toarray()
    known[tuple(np.concatenate([result.split.val, result.split.test]).T)] = 0
    found = result.left @ result.right.T
    units = np.sqrt(np.square(known).sum(axis=0) / np.count_nonzero(known, axis=0))
    error = np.mean(((found - known) / units) ** 2)
    trivial = np.mean(((known.mean(axis=0) - known) / units) ** 2)
    assert error < trivial
    again = result_from_parts(*result_to_parts(result))
    np.testing.assert_array_equal(again.right, result.right)


@pytest.mark.slow
@pytest.mark.parametrize("loss", ["mean_squared_error", "poisson"])
def test_a_graph_in_own_units_is_the_same_as_a_script(loss, tmp_path):
    graph = people()
    spec = spec_for(
        graph,
        "vgae",
        "gcn",
        outputs__x_rec__enabled=True,
        outputs__x_rec__loss=loss,
        split__val_fraction=0.15,
    )
    assert_same(*run_both(spec, graph, tmp_path))


@pytest.mark.slow
def test_a_matrix_in_own_units_is_the_same_as_a_script(tmp_path):
    graph = amounts()
    spec = for_family(RunSpec(), "vae", feature_kind="real", has_labels=False).replace("training.epochs", 6)
    assert_same(*run_both(spec, graph, tmp_path))


def test_the_setting_is_kept_by_recipes_and_families_and_runs_of_before_have_none(tmp_path):
    spec = RunSpec().replace("scaling", "none")
    assert with_recipe(spec, "masked").scaling == "none"
    assert for_family(spec, "vae", feature_kind="real", has_labels=False).scaling == "none"
    assert RunSpec().scaling == "by_kind"
    graph = years_only()
    spec = spec_for(graph, "vgae", training__epochs=1)
    write_run_dir(tmp_path / "run", spec, graph, execute(spec, graph), [])
    assert read_run_dir(tmp_path / "run").spec.scaling == "by_kind"
    path = tmp_path / "run" / "spec.json"
    path.write_text(
        json.dumps({k: v for k, v in json.loads(path.read_text()).items() if k not in ("scaling", "version")})
    )
    assert read_run_dir(tmp_path / "run").spec.scaling == "none"
    with pytest.raises(SpecError, match="scaling"):
        spec.replace("scaling", "always")
