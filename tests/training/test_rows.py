"""Rows of a matrix: the sparse route and the generator give the same batches and the same losses."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import sparse

from tests.graphs import communities
from vgae_core.data.entry_splits import split_entries, without_entries
from vgae_core.nn.models import build
from vgae_core.nn.objectives import compile_arguments
from vgae_core.settings import RunSpec, SplitSpec
from vgae_core.settings.defaults import for_family
from vgae_core.settings.resolved_outputs import resolve
from vgae_core.training.row_batches import DenseRows, row_batches, sparse_rows


def spec_for(graph, **changes):
    spec = for_family(RunSpec(), "vae", feature_kind=graph.profile.feature_kind, has_labels=True)
    spec = spec.replace("outputs.labels.enabled", True)
    for key, value in changes.items():
        spec = spec.replace(key.replace("__", "."), value)
    return spec


def batches_for(graph, **changes):
    spec = spec_for(graph, **changes)
    split = split_entries(graph, SplitSpec(), 0)
    part = np.where(np.arange(graph.n_nodes) % 3 == 0, 0, 2).astype(np.int8)
    known = without_entries(graph.features, np.concatenate([split.val, split.test]))
    return row_batches(known, spec, graph.labels, part), split, spec


def dense(tensor):
    return tf.sparse.to_dense(tensor).numpy() if isinstance(tensor, tf.SparseTensor) else np.asarray(tensor)


def epochs(batches, count):
    steps = iter(batches.dataset)
    for _ in range(count):
        yield [next(steps) for _ in range(batches.steps_per_epoch)]


@pytest.mark.parametrize("size", [1, 7, 50, 0])
def test_both_routes_give_the_same_batches_and_every_row_once(size):
    graph = communities(n=60)
    routes = []
    for sparse_input in (True, False):
        batches, split, _ = batches_for(graph, training__batch_size=size, model__sparse_input=sparse_input)
        assert batches.steps_per_epoch == (-(-60 // size) if size else 1)
        routes.append(list(epochs(batches, 2)))
    held = np.concatenate([split.val, split.test])
    left = graph.features.toarray()
    left[tuple(held.T)] = 0
    for one, other in zip(*routes, strict=True):
        seen = []
        for (x, y, w), (x2, y2, w2) in zip(one, other, strict=True):
            np.testing.assert_array_equal(dense(x["rows"]), x2["rows"])
            for a, b in ((y, y2), (w, w2)):
                assert set(a) == set(b) == {"output", "z_vars", "labels"}
                for key in a:
                    np.testing.assert_array_equal(np.asarray(a[key]), np.asarray(b[key]))
            np.testing.assert_array_equal(y2["output"], x2["rows"])
            seen.append(x2["rows"])
        seen = np.concatenate(seen)
        np.testing.assert_array_equal(np.sort(seen, axis=0), np.sort(left, axis=0))
        assert len(seen) == 60
    assert not np.array_equal(
        np.asarray(routes[0][0][0][1]["labels"]), np.asarray(routes[0][1][0][1]["labels"])
    )


def test_both_routes_give_the_same_losses():
    graph = communities(n=60)
    history = []
    for sparse_input in (True, False):
        keras.utils.set_random_seed(0)
        batches, _, spec = batches_for(
            graph, training__batch_size=16, model__sparse_input=sparse_input, model__variational=False
        )
        built = build(spec, graph.profile)
        arguments, _ = compile_arguments(resolve(spec, graph.profile))
        built.model.compile(optimizer=keras.optimizers.Adam(0.01), **arguments)
        steps = batches.steps_per_epoch
        fitted = built.model.fit(batches.dataset, epochs=3, steps_per_epoch=steps, shuffle=False, verbose=0)
        history.append(fitted.history["loss"])
        assert int(built.model.optimizer.iterations) == 3 * 4
    np.testing.assert_allclose(history[0], history[1], rtol=1e-5)


@pytest.mark.parametrize("workers", [1, 3])
def test_the_generator_feeds_a_plain_sequential_model(workers):
    matrix = sparse.random_array((40, 12), density=0.3, rng=np.random.default_rng(0), format="csr")
    rows = DenseRows(
        matrix,
        16,
        lambda block, _: (block, np.ones((len(block), 1), np.float32)),
        name="x",
        seed=1,
        workers=workers,
    )

    class Plain(keras.utils.PyDataset):
        def __len__(self):
            return len(rows)

        def __getitem__(self, index):
            inputs, target, _ = rows[index]
            return inputs["x"], target

    model = keras.Sequential([keras.Input((12,)), keras.layers.Dense(4, "relu"), keras.layers.Dense(12)])
    model.compile("adam", "mse")
    losses = model.fit(Plain(workers=workers), epochs=20, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    assert int(model.optimizer.iterations) == 20 * 3


def test_the_generator_goes_on_for_ever_in_the_batches_of_its_epochs():
    matrix = sparse.random_array((40, 12), density=0.3, rng=np.random.default_rng(0), format="csr")
    rows = DenseRows(matrix, 16, lambda block, numbers: (block, numbers[:, None]), seed=1)
    drawn = iter(rows.endless())
    for _ in range(3):
        rows.on_epoch_begin()
        for i in range(len(rows)):
            inputs, target, numbers = next(drawn)
            assert numbers.numpy().tolist() == rows[i][2].tolist()
            np.testing.assert_array_equal(inputs["rows"], rows[i][0]["rows"])
            np.testing.assert_array_equal(target, matrix.toarray().astype(np.float32)[numbers[:, 0]])


@pytest.mark.parametrize("sparse_input", [True, False])
def test_rows_are_not_tuned_by_tensorflow(sparse_input):
    # An iterator of a tuned data set may take as long to let go of as it has lived.
    batches, _, _ = batches_for(communities(n=20), model__sparse_input=sparse_input)
    assert batches.dataset.options().autotune.enabled is False


def test_only_one_batch_is_dense_at_a_time():
    matrix = sparse.random_array((500, 300), density=0.01, rng=np.random.default_rng(0), format="csr")
    rows = DenseRows(matrix, 20)
    assert [rows[i]["rows"].shape for i in range(len(rows))] == [(20, 300)] * 25
    np.testing.assert_allclose(
        np.concatenate([rows[i]["rows"] for i in range(25)]), matrix.toarray(), rtol=1e-6
    )


def test_fit_takes_scipy_matrices_and_the_batch_size_counts():
    graph = communities(n=50)
    spec = spec_for(graph, outputs__labels__enabled=False)
    built = build(spec, graph.profile)
    arguments, _ = compile_arguments(resolve(spec, graph.profile))
    built.model.compile(optimizer="adam", **arguments)
    dense_rows = graph.features.toarray()
    for size, steps in ((50, 1), (20, 3), (1, 50)):
        before = int(built.model.optimizer.iterations)
        built.model.fit(
            {"rows": sparse.csr_matrix(graph.features)},
            {"output": dense_rows, "z_vars": np.zeros((50, 1))},
            batch_size=size,
            verbose=0,
        )
        assert int(built.model.optimizer.iterations) - before == steps


def test_unsorted_matrices_are_read_right():
    matrix = sparse.csr_array(
        (np.array([2.0, 1.0, 3.0]), np.array([2, 0, 1]), np.array([0, 2, 3])), shape=(2, 3)
    )
    x, _, _ = next(iter(sparse_rows(matrix, 2, lambda block, rows: ({}, {}), seed=0)))
    got = dense(x["rows"])
    expected = matrix.toarray()
    assert got.tolist() in (expected.tolist(), expected[::-1].tolist())
