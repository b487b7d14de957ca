"""Encoders: how node features and message edges become a latent distribution, written once for Keras and plain arrays.

Each is named by its entry in :data:`vgae_core.catalogue.encoders.ENCODERS` and given :class:`Steps`, which Keras
carries out as layers (:class:`vgae_core.nn.encoders.KerasSteps`) and a finished run on plain arrays
(:class:`vgae_core.analysis.plain_encoders.Plan`).  It returns mean and log-variance side by side, shape
(n, 2 * latent_dim), or the mean alone for a plain auto-encoder: one product and one hop serve both.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from vgae_core.settings import ModelSpec


class Steps(Protocol):
    """What an encoder is made of; values have one row per node, or per row of a matrix."""

    @property
    def width(self) -> int:
        """Units of the latent distribution."""

    def map(self, value: Any | None, units: int, name: str, *, bias: bool = False) -> Any:
        """Return ``H W``, with a bias where one is wanted; of the input where there is no value before."""

    def hop(self, value: Any, name: str) -> Any:
        """Return one hop over the message edges, ``A H``."""

    def hop_back(self, value: Any, start: Any, share: float, name: str) -> Any:
        """Return one hop that returns to the start with a share: ``(1 - share) A H + share H_0``."""

    def activated(self, value: Any, name: str) -> Any:
        """Return relu, after batch normalisation where the settings ask for it."""

    def half(self, value: Any, which: int) -> Any:
        """Return the first (0) or the second (1) half of the columns."""

    def scaled(self, value: Any, name: str) -> Any:
        """Return rows scaled to one length."""

    def beside(self, left: Any, right: Any, name: str) -> Any:
        """Return the columns of both, side by side."""

    def add(self, left: Any, right: Any, name: str) -> Any:
        """Return the sum of both."""


def gcn(steps: Steps, model: ModelSpec) -> Any:
    """Return ``A relu(A X W0) W1``, with any number of hidden layers.

    References
    ----------
    Kipf & Welling 2016, Variational Graph Auto-Encoders, arXiv:1611.07308.
    """
    hidden: Any = None
    for name, units in _layers(model.hidden_units or (model.latent_dim,)):
        mapped = steps.map(hidden, units, name)
        hidden = steps.activated(steps.hop(mapped, f"{name}_propagate"), name)
    return steps.hop(steps.map(hidden, steps.width, "latent_map"), "latent")


def normalised(steps: Steps, model: ModelSpec) -> Any:
    """Return one hop over rows of ``X W + b``, whose means are scaled to one length.

    References
    ----------
    Ahn & Kim 2021, Variational Graph Normalized AutoEncoders, arXiv:2108.08046.
    """
    mapped = steps.map(None, steps.width, "latent_map", bias=True)
    if not model.variational:
        return steps.hop(steps.scaled(mapped, "mean_scale"), "latent")
    mean, spread = steps.half(mapped, 0), steps.half(mapped, 1)
    return steps.hop(steps.beside(steps.scaled(mean, "mean_scale"), spread, "latent_rows"), "latent")


def linear(steps: Steps, model: ModelSpec) -> Any:
    """Return ``A X W``.

    References
    ----------
    Salha et al. 2020, Simple and Effective Graph Autoencoders with One-Hop Linear Models, arXiv:2001.07614.
    """
    return steps.hop(steps.map(None, steps.width, "latent_map"), "latent")


def sgc(steps: Steps, model: ModelSpec) -> Any:
    """Return ``A^k X W``; the map comes first, since it makes rows short.

    References
    ----------
    Wu et al. 2019, Simplifying Graph Convolutional Networks, arXiv:1902.07153.
    """
    hidden = steps.map(None, steps.width, "latent_map")
    for hop in range(1, model.hops):
        hidden = steps.hop(hidden, f"hop_{hop}")
    return steps.hop(hidden, "latent")


def appnp(steps: Steps, model: ModelSpec) -> Any:
    """Return dense layers, propagated k times with a share of the start.

    References
    ----------
    Gasteiger et al. 2019, Predict then Propagate, arXiv:1810.05997.
    """
    hidden: Any = None
    for name, units in _layers(model.hidden_units):
        hidden = steps.activated(steps.map(hidden, units, name, bias=True), name)
    start = hidden = steps.map(hidden, steps.width, "latent_map", bias=True)
    for hop in range(1, model.hops + 1):
        name = "latent" if hop == model.hops else f"hop_{hop}"
        hidden = steps.hop_back(hidden, start, model.teleport, name)
    return hidden


def sage(steps: Steps, model: ModelSpec) -> Any:
    """Return layers ``relu(X W + b + M (X V + c))``, M the mean over the neighbours.

    References
    ----------
    Hamilton et al. 2017, Inductive Representation Learning on Large Graphs, arXiv:1706.02216.
    """
    hidden: Any = None
    for name, units in (*_layers(model.hidden_units), ("latent", steps.width)):
        both = steps.map(hidden, 2 * units, f"{name}_maps", bias=True)  # one product serves both
        near = steps.hop(steps.half(both, 1), f"{name}_mean")
        hidden = steps.add(steps.half(both, 0), near, name)
        if name != "latent":
            hidden = steps.activated(hidden, name)
    return hidden


def dense(steps: Steps, model: ModelSpec) -> Any:
    """Return dense layers on rows of a matrix.

    References
    ----------
    Kingma & Welling 2014, Auto-Encoding Variational Bayes, arXiv:1312.6114, appendix C.
    """
    hidden: Any = None
    for name, units in _layers(model.hidden_units):
        hidden = steps.activated(steps.map(hidden, units, name, bias=True), name)
    return steps.map(hidden, steps.width, "latent", bias=True)


def _layers(hidden_units: tuple[int, ...]) -> Iterator[tuple[str, int]]:
    """Yield name and units of each hidden layer."""
    for depth, units in enumerate(hidden_units, start=1):
        yield f"hidden_{depth}", units
