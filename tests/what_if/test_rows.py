"""Edited matrices against Keras' encoder and decoder of the edited rows."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy import sparse

from tests.dense_entries import dense_logits
from tests.graphs import communities, graph_from
from vgae_core.data.entry_splits import without_entries
from vgae_core.data.node_inputs import matrix_scaling
from vgae_core.errors import DataError, RunError
from vgae_core.nn.models import build
from vgae_core.nn.sparse import to_sparse_tensor
from vgae_core.runs.execution.pipeline import execute
from vgae_core.runs.results.decoded import expected_features
from vgae_core.settings import RunSpec
from vgae_core.settings.defaults import for_family, offered_outputs
from vgae_core.what_if.row_changes import RowChanges
from vgae_core.what_if.row_reasons import leave_out_entries
from vgae_core.what_if.rows import RowsWhatIf
from vgae_core.what_if.scenario import Scenario, edit

LOSSES = [
    *("binary_crossentropy", "multinomial", "poisson", "mean_squared_error", "negative_binomial"),
    "zero_inflated_negative_binomial",
]

COMBINED = ("binary_crossentropy", "poisson", "zero_inflated_negative_binomial")
"""Losses of runs with validation entries enough to combine their scores with EASE."""


def matrix(binary=False, n=70):
    values = communities(n=n).features.copy()
    if not binary:
        values.data = np.random.default_rng(0).poisson(3.0, len(values.data)).astype(np.float32) * 5 + 1
    graph = graph_from(np.zeros((n, n)), values, np.arange(n) % 4)
    return dataclasses.replace(
        graph,
        node_ids=np.array([f"row {i}" for i in range(n)], object),
        feature_names=tuple(f"item {j}" for j in range(values.shape[1])),
    )


@pytest.fixture(scope="module", params=LOSSES)
def run(request):
    binary = request.param == "binary_crossentropy"
    graph = matrix(binary)
    spec = for_family(RunSpec(), "vae", feature_kind="binary" if binary else "count", has_labels=True)
    outputs = offered_outputs(feature_kind="binary" if binary else "count", has_labels=True, family="vae")
    spec = dataclasses.replace(spec, outputs=tuple(dataclasses.replace(o, enabled=True) for o in outputs))
    spec = spec.replace("outputs.output.loss", request.param).replace("training.epochs", 3)
    if request.param in COMBINED:
        spec = spec.replace("split.val_fraction", 0.2)
    result = execute(spec, graph)
    return graph, result, RowsWhatIf(result, graph)


def keras(graph, result, values):
    """Return codes and logits that Keras gives rows of some values, and the chances of their labels."""
    built = build(result.spec, graph.profile)
    built.model.set_weights([result.state[f"model/{i}"] for i in range(len(result.state))])
    known = without_entries(graph.features, np.concatenate([result.split.val, result.split.test]))
    scaling = matrix_scaling(known, result.spec)
    rows = sparse.csr_array(values, dtype=np.float32)
    codes = built.encoder(
        {"rows": to_sparse_tensor(sparse.csr_array(rows if scaling is None else scaling.apply(rows)))},
        training=False,
    )
    z = np.asarray(codes["z_mean"])
    totals = np.asarray(values.sum(axis=1)).ravel() if result.model["scale"] == "softmax" else None
    left, right = built.factors(z, totals, None if scaling is None else scaling.unit)
    labels = np.asarray(built.model.get_layer("labels")(z), np.float64)
    dense = values.toarray() if sparse.issparse(values) else np.asarray(values)
    logits = dense_logits(result.stack, left.astype(float) @ right.T, known.toarray(), dense)
    return {key: np.asarray(value) for key, value in codes.items()}, logits, labels


EDITS = (
    edit("set_entry", row="row 3", column="item 4", value=1.0),
    edit("set_entry", row="row 9", column="item 2", value=0.0),
    edit("drop_column", column="item 5"),
    edit("add_row", name="me", values={"item 1": 1.0, "item 8": 1.0}),
)


def edited(graph):
    dense = np.vstack([graph.features.toarray(), np.zeros((1, graph.features.shape[1]))]).astype(np.float32)
    dense[3, 4], dense[9, 2] = 1, 0
    dense[:, 5] = 0
    dense[-1, 1], dense[-1, 8] = 1, 1
    return dense


def close(got, expected, tolerance=2e-4):
    scale = max(float(np.abs(expected).max()), 1e-6)
    np.testing.assert_allclose(np.asarray(got) / scale, np.asarray(expected) / scale, atol=tolerance)


def test_edited_rows_are_those_of_keras(run):
    graph, result, model = run
    changes = model.changes(EDITS)
    dense = edited(graph)
    codes, logits, _ = keras(graph, result, dense)
    for row in (0, 3, 9, graph.n_nodes):
        mine = model.row_scores(row, changes)
        np.testing.assert_array_equal(mine.values, dense[row])
        close(mine.logits, logits[row])
        close(mine.codes.z_mean[0], codes["z_mean"][row])
        close(mine.codes.z_log_var[0], codes["z_log_var"][row])
    differs = np.flatnonzero((dense[:-1] != graph.features.toarray()).any(axis=1))
    assert model.touched(changes).tolist() == [*differs, graph.n_nodes]


def test_features_decoded_at_any_code_are_those_of_keras(run):
    graph, result, _ = run
    built = build(result.spec, graph.profile)
    built.model.set_weights([result.state[f"model/{i}"] for i in range(len(result.state))])
    known = without_entries(graph.features, np.concatenate([result.split.val, result.split.test]))
    scaling = matrix_scaling(known, result.spec)
    z = np.random.default_rng(0).normal(size=(5, result.z_mean.shape[1])).astype(np.float32)
    shares = result.model["scale"] == "softmax"
    left, right = built.factors(
        z, np.ones(5, np.float32) if shares else None, None if scaling is None else scaling.unit
    )
    logits = left.astype(float) @ right.T
    close(expected_features(result, z), np.exp(logits) if shares else result.head.expected(logits))


def test_an_answer_about_a_row_is_what_dense_arrays_say(run):
    graph, result, model = run
    found = model.answer(Scenario(edits=EDITS, pair=("row 3", "item 9")))
    sides = []
    for dense in (graph.features.toarray(), edited(graph)):
        codes, logits, labels = keras(graph, result, dense)
        free = np.flatnonzero(dense[3] == 0)
        if dense is not None and len(dense) > graph.n_nodes:
            free = free[free != 5]
        best = free[np.argsort(-logits[3, free], kind="stable")][:10]
        sides.append((codes, logits, free, [f"item {j}" for j in best], labels))
    for side, (_, logits, free, best, _) in zip(("before", "after"), sides, strict=True):
        assert getattr(found.pair.logit, side) == pytest.approx(logits[3, 9], rel=1e-3, abs=1e-4)
        assert getattr(found.pair.rank, side) == 1 + (logits[3, free] > logits[3, 9]).sum()
        assert [link.node for link in getattr(found, f"top_{side}")] == best
    assert (found.pair.weight.before, found.pair.weight.after) == (graph.features[3, 9], edited(graph)[3, 9])
    distance = np.linalg.norm(sides[1][0]["z_mean"][:-1] - sides[0][0]["z_mean"], axis=1)
    assert found.moved[0].new
    assert found.moved[1].node == f"row {distance.argmax()}"
    assert found.moved[1].distance == pytest.approx(distance.max(), rel=1e-2)
    assert found.n_moved == 1 + (distance > 1e-5).sum()
    named = {node.node: node for node in found.nodes}
    assert set(named) == {"row 3", "row 9", "me"}
    p = np.exp(sides[1][4][3] - sides[1][4][3].max())
    assert named["row 3"].label_after == f"class {int(p.argmax())}"
    assert named["row 3"].label_probability.after == pytest.approx(p.max() / p.sum(), rel=1e-2)
    likely = result.stack or result.model["scale"] == "logit"
    assert found.measure == ("probability" if likely else "expected value")
    assert bool(result.stack) == (found.pair.at_density is not None)
    if result.stack:
        most = 1 - 1 / (len(result.split.val) + 2)
        p = np.clip(1 / (1 + np.exp(-sides[0][1][3, 9])), 1 - most, most)
        share = np.count_nonzero(graph.features.toarray()) / graph.features.toarray().size
        assert found.pair.probability.before == pytest.approx(p, rel=1e-3)
        bayes = p * share / (p * share + (1 - p) * (1 - share))
        assert found.pair.at_density.before == pytest.approx(bayes, rel=1e-3)
        assert found.base_rate == pytest.approx(share)


def test_a_row_without_room_is_no_place_to_begin(run):
    graph, result, _ = run
    dense = graph.features.toarray()
    dense[5] = 1
    begun = RowsWhatIf(result, dataclasses.replace(graph, features=sparse.csr_array(dense))).busiest
    empty = (dense == 0).sum(1)
    assert empty[begun] == empty[empty >= 10].min()


def test_the_noise_of_an_entry_is_that_of_many_draws(run):
    graph, result, model = run
    row = model.row_scores(3, RowChanges())
    codes, values = row.codes, row.values
    rng = np.random.default_rng(5)
    draws = codes.z_mean + np.exp(codes.z_log_var / 2) * rng.standard_normal((20_000, codes.z_mean.shape[1]))
    wide = type(codes)(draws.astype(np.float32), None)
    network = model.network(wide, np.full(20_000, values.sum(), np.float32))[:, 9].astype(float)
    expected = network.std()
    if result.stack:  # by a small step of the network's logit
        at, sides = row.network[9] + np.array([[-1e-3], [1e-3]]), graph.features[[3]].toarray()
        known = without_entries(graph.features, np.concatenate([result.split.val, result.split.test]))
        up, down = (
            dense_logits(result.stack, np.full((1, values.size), step), known.toarray(), sides)[0, 9]
            for step in at[::-1, 0]
        )
        expected *= abs(up - down) / 2e-3
    found = model.answer(Scenario(pair=("row 3", "item 9")))
    assert found.pair.logit.noise == pytest.approx(np.sqrt(2) * expected, rel=0.12)


def test_every_entry_left_out_gives_what_keras_gives_without_it(run):
    graph, result, model = run
    changes = model.changes(EDITS)
    effects = leave_out_entries(model, changes, 3, 9)
    dense = edited(graph)
    holds = np.flatnonzero(dense[3])
    assert len(effects.found) == len(holds) == effects.n_possible
    for effect in effects.found[:4]:
        rows = dense[[3]].copy()
        rows[0, int(effect.what.split()[1])] = 0
        _, logits, _ = keras(graph, result, rows)
        assert effect.logit == pytest.approx(logits[0, 9], rel=1e-3, abs=2e-4)


def test_what_cannot_be_edited_is_told_with_its_place(run):
    _, _, model = run
    for edits, message in (
        ([edit("set_entry", row="row 300", column="item 1")], "No row is called"),
        ([edit("set_entry", row="row 3", column="item 300")], "No column is called"),
        ([EDITS[3], EDITS[3]], "already is a row"),
        ([edit("drop_edges", node="row 3")], "edit of a graph"),
    ):
        with pytest.raises(DataError, match=message) as caught:
            model.changes(edits)
        assert caught.value.where == f"edit {len(edits)}"


def test_an_entry_set_after_its_column_was_cleared_leaves_other_rows_cleared(run):
    graph, _, model = run
    edits = (edit("drop_column", column="item 5"), edit("set_entry", row="row 3", column="item 5", value=1.0))
    changes = model.changes(edits)
    dense = graph.features.toarray()
    dense[:, 5] = 0
    dense[3, 5] = 1
    for row in np.flatnonzero(graph.features.toarray()[:, 5])[:3]:
        np.testing.assert_array_equal(model.row_scores(int(row), changes).values, dense[row])
    np.testing.assert_array_equal(model.row_scores(3, changes).values, dense[3])


def test_values_that_the_likelihood_cannot_hold_are_refused(run):
    _, _, model = run
    for item in (
        edit("set_entry", row="row 3", column="item 1", value=-1.0),
        edit("add_row", name="me", values={"item 1": -2.0}),
    ):
        if model.head.of_values:
            assert np.isfinite(model.row_scores(3, model.changes([item])).logits).all()
        else:
            with pytest.raises(DataError, match="Entries of this matrix are"):
                model.changes([item])


def test_a_run_of_a_graph_is_refused(run):
    graph, result, _ = run
    with pytest.raises(RunError, match="edges"):
        RowsWhatIf(dataclasses.replace(result, spec=RunSpec()), graph)
