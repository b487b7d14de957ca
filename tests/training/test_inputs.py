"""A VGAE fed with inputs in a dict and in a list learns the same."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tests.graphs import batches_of, communities
from vgae_core.data.link_splits import split_links
from vgae_core.nn.models import build
from vgae_core.nn.objectives import compile_arguments
from vgae_core.settings import OutputSpec, RunSpec
from vgae_core.settings.resolved_outputs import resolve


@pytest.mark.parametrize("encoder", ["gcn", "normalised"])
def test_inputs_as_list_and_as_dict_give_the_same_losses(encoder):
    graph = communities()
    outputs = (
        OutputSpec(name="adj_rec", metrics=("auc", "f1")),
        OutputSpec(name="z_vars", loss="kl_normal"),
        OutputSpec(name="x_rec", weight=0.1),
        OutputSpec(name="labels", loss="sparse_categorical_crossentropy", metrics=("acc",)),
    )
    spec = RunSpec(outputs=outputs).replace("model.encoder", encoder)
    spec = spec.replace("training.batch_size", 100)
    split = split_links(graph, spec.split, 0)
    part = np.zeros(graph.n_nodes, np.int8)
    histories = []
    for as_list in (False, True):
        keras.utils.set_random_seed(0)
        model = build(spec, graph.profile).model
        batches = batches_of(graph, split, spec, part)
        data = batches.dataset
        if as_list:
            order = list(model.input)
            model = keras.Model([model.input[name] for name in order], model.output)
            data = data.map(lambda x, y, w, order=order: (tuple(x[name] for name in order), y, w))
        model.compile(
            optimizer=keras.optimizers.Adam(0.01), **compile_arguments(resolve(spec, graph.profile))[0]
        )
        steps = batches.steps_per_epoch
        histories.append(model.fit(data, epochs=2, steps_per_epoch=steps, verbose=0, shuffle=False).history)
    by_name, in_order = histories
    assert set(by_name) == set(in_order)
    for key, values in by_name.items():
        np.testing.assert_allclose(values, in_order[key], rtol=1e-5, err_msg=key)
