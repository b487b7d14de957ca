"""The same seed gives the same result with one thread and with two, each in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest

RUN = """
import hashlib, json
from vgae_core.runs.processes import environment
environment.apply()
environment.load_tensorflow()
from vgae_core.data.synthetic import synthetic
from vgae_core.runs.execution.pipeline import execute
from vgae_core.settings import RunSpec
from vgae_core.training.events import EpochEnd

spec = RunSpec()
for key, value in {"model.encoder": "gcn", "training.epochs": 4, "training.patience": 0}.items():
    spec = spec.replace(key, value)
losses = []
result = execute(
    spec,
    synthetic(3000, 12_000, n_features=48, seed=1),
    on_event=lambda event: losses.append(event.logs["loss"]) if isinstance(event, EpochEnd) else None,
)
scores = {name: value for name, value in result.metrics["test"].items() if isinstance(value, float)}
bits = hashlib.sha256(result.z_mean.tobytes()).hexdigest()
print(json.dumps({"losses": losses, "bits": bits, "codes": result.z_mean.tolist(), "scores": scores}))
"""


def run(threads):
    names = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
    done = subprocess.run(
        [sys.executable, "-c", RUN],
        env={**os.environ, **dict.fromkeys(names, str(threads))},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def test_the_number_of_threads_changes_the_last_digits_at_most():
    one, two, again = run(1), run(2), run(2)
    assert two == again, "the same bits with the same threads"
    assert len(one["losses"]) == 4
    # TensorFlow cuts dense products by the number of threads, and sums come in another order.
    np.testing.assert_allclose(two["losses"], one["losses"], rtol=1e-6)
    np.testing.assert_allclose(two["codes"], one["codes"], rtol=1e-4, atol=1e-5)
    assert two["scores"] == pytest.approx(one["scores"], abs=1e-4)
