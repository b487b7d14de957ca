"""The network and its outputs."""

from __future__ import annotations

from dataclasses import dataclass

from vgae_core.catalogue.decoders import DECODERS, DecoderEntry
from vgae_core.catalogue.encoders import ENCODERS, EncoderEntry
from vgae_core.catalogue.families import FAMILIES
from vgae_core.catalogue.identifiers import identify
from vgae_core.catalogue.node_inputs import NODE_INPUTS
from vgae_core.catalogue.objectives import Identifier
from vgae_core.catalogue.outputs import OUTPUTS
from vgae_core.errors import SpecError
from vgae_core.settings.fields import Section, field_of


@dataclass(frozen=True, kw_only=True)
class OutputSpec(Section):
    """One named output of the model: its loss, its weight and its metrics."""

    name: str = field_of(
        "adj_rec", "The output's name in the Keras model.", title="Output", catalogue=OUTPUTS
    )
    enabled: bool = field_of(True, "Whether the model has this output.", title="On")
    loss: Identifier = field_of("binary_crossentropy", "The loss of this output.", title="Loss")
    weight: float = field_of(
        1.0,
        "Factor of this output's loss in the total. For the KL term 1 is the evidence lower bound: the mean KL "
        "of a row is divided by the number of nodes (VGAE) or of columns (VAE), like the other losses.",
        title="Weight",
        low=0.0,
        high=1e6,
    )
    metrics: tuple[Identifier, ...] = field_of((), "Metrics logged during training.", title="Metrics")

    def __post_init__(self) -> None:
        super().__post_init__()
        try:
            object.__setattr__(self, "loss", identify("loss", self.loss))
            object.__setattr__(self, "metrics", tuple(identify("metric", m) for m in self.metrics))
        except SpecError as error:
            where = f"outputs.{self.name}" + (f", {error.where}" if error.where else "")
            raise SpecError(error.message, where=where, mend=error.mend) from error


@dataclass(frozen=True, kw_only=True)
class ModelSpec(Section):
    """The network."""

    family: str = field_of(
        "vgae",
        "What gets a latent code: the nodes of a graph, or the rows of a matrix.",
        title="Family",
        catalogue=FAMILIES,
    )
    encoder: str = field_of(
        "normalised", "How node features and edges become a latent code.", title="Encoder", catalogue=ENCODERS
    )
    hidden_units: tuple[int, ...] = field_of(
        (32,),
        "Width of each hidden layer, for encoders that have hidden layers.",
        title="Hidden units",
        low=1,
        high=4096,
    )
    latent_dim: int = field_of(
        64, "Length of the latent code.", title="Latent size", low=1, high=1024, step=1
    )
    input_dropout: float = field_of(
        0.0,
        "Share of the input's entries dropped in each training step.",
        title="Input dropout",
        percent=True,
        low=0.0,
        high=0.95,
        step=0.05,
    )
    dropout: float = field_of(
        0.0,
        "Share of the hidden units dropped in each training step.",
        title="Dropout",
        percent=True,
        low=0.0,
        high=0.95,
        step=0.05,
    )
    batch_normalisation: bool = field_of(
        False,
        "Scale each hidden unit to mean 0 and variance 1 over the rows of a step, before relu.",
        title="Batch normalisation",
    )
    hops: int = field_of(
        3,
        "Number of hops over the graph (SGC and APPNP encoders).",
        title="Hops",
        low=1,
        high=50,
        step=1,
        families=("vgae",),
    )
    teleport: float = field_of(
        0.1,
        "Share of a node's own start that is mixed back in at every hop (APPNP encoder).",
        title="Teleport share",
        percent=True,
        low=0.0,
        high=1.0,
        step=0.05,
        families=("vgae",),
    )
    node_input: str = field_of(
        "table",
        "Replaces node features if the data have none.",
        title="Input without features",
        catalogue=NODE_INPUTS,
        families=("vgae",),
    )
    input_dim: int = field_of(
        64,
        "Number of columns of random numbers or eigenvectors that replace features.",
        title="Input columns",
        low=1,
        high=1024,
        step=1,
        families=("vgae",),
    )
    decoder: str = field_of(
        "inner_product",
        "How two latent codes become the logit of an edge.",
        title="Decoder",
        catalogue=DECODERS,
        families=("vgae",),
    )
    decoder_units: int = field_of(
        64,
        "Width of the hidden layer of the neural-network decoder.",
        title="Decoder units",
        low=1,
        high=4096,
        step=1,
        families=("vgae",),
    )
    sparse_input: bool = field_of(
        True,
        "VAE: feed rows as a sparse tensor (`keras.Input(sparse=True)`). When off, a generator makes one batch at a "
        "time dense, for models without sparse input.",
        title="Sparse input",
        families=("vae",),
    )
    variational: bool = field_of(
        True,
        "Sample the latent code (VGAE); off trains a plain auto-encoder on the mean (GAE).",
        title="Variational",
    )

    def unused(self) -> set[str]:
        """Return the names of the settings that the chosen encoder and decoder do not use."""
        chosen = {*ENCODERS[self.encoder].settings, *DECODERS[self.decoder].settings}
        entries: tuple[EncoderEntry | DecoderEntry, ...] = (*ENCODERS.values(), *DECODERS.values())
        return {name for entry in entries for name in entry.settings} - chosen
