"""Seeds of a network's layers: each its own, so that nothing else that draws in this process can move them."""

from __future__ import annotations

import random

import keras


class Seeds:
    """The seeds of a network's layers, drawn from that of the run in the order in which the layers are made.

    They are those that Keras would draw after ``keras.utils.set_random_seed`` if nobody else drew meanwhile.

    Parameters
    ----------
    seed : int
    """

    def __init__(self, seed: int) -> None:
        self._generator = random.Random(seed)  # noqa: S311 - not for secrets

    def __call__(self) -> int:
        """Return the next seed."""
        return self._generator.randint(1, 10**9)

    def dense(self, units: int, name: str, activation: str | None = None) -> keras.layers.Dense:
        """Return a dense layer with a seed of its own."""
        initial = keras.initializers.GlorotUniform(seed=self())
        return keras.layers.Dense(units, activation=activation, kernel_initializer=initial, name=name)
