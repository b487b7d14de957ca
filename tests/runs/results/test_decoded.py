"""What a graph's run expects of features at any code, against Keras; of matrices see the tests of edited rows."""

import dataclasses

import numpy as np
import pytest
from scipy.special import expit

from tests.what_if.asking import asked, small, spec_of
from vgae_core.runs.results.decoded import along, decodes, expected_features
from vgae_core.settings.defaults import offered_outputs


@pytest.mark.parametrize("loss", ["binary_crossentropy", "mean_squared_error"])
def test_features_along_a_way_are_those_of_keras(loss):
    graph = small()
    outputs = offered_outputs(feature_kind="binary", has_labels=False)
    spec = dataclasses.replace(
        spec_of(graph), outputs=tuple(dataclasses.replace(output, enabled=True) for output in outputs)
    ).replace("outputs.x_rec.loss", loss)
    model, built = asked(spec, graph)
    z = np.random.default_rng(2).normal(size=(2, 4)).astype(np.float32)
    answer = np.asarray(built.decoder("x_rec")(z), np.float64)
    expected = expit(answer) if loss == "binary_crossentropy" else answer
    result = model.result
    assert decodes(result)
    np.testing.assert_allclose(expected_features(result, z), expected, rtol=1e-4, atol=1e-5)
    names = np.array([f"f{i}" for i in range(expected.shape[1])], object)
    table = along(result, names, *z)
    change = expected[1] - expected[0]
    np.testing.assert_allclose(table["change"], np.sort(change)[::-1], rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(table["here"][0], expected[1][change.argmax()], rtol=1e-4)
    assert table["feature"][0] == f"f{change.argmax()}"
    assert not decodes(dataclasses.replace(result, spec=spec.replace("outputs.x_rec.enabled", False)))
