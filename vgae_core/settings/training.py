"""How the model learns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from vgae_core.settings.fields import Section, field_of


@dataclass(frozen=True, kw_only=True)
class TrainingSpec(Section):
    """How the model learns."""

    epochs: int = field_of(
        200,
        "Maximum number of passes over the training edges.",
        title="Epochs",
        wording={"vae": ("Epochs", "Maximum number of passes over the rows.")},
        low=1,
        high=100_000,
        step=10,
    )
    learning_rate: float = field_of(
        0.01, "Step size of the Adam optimiser.", title="Learning rate", low=1e-6, high=1.0
    )
    batch_size: int = field_of(
        0,
        "Training edges per step; each comes with its negatives, and every step passes messages over the full "
        "training graph. 0 takes all of them in one step.",
        title="Batch size",
        wording={"vae": ("Batch size", "Rows per step. 0 takes all of them in one step.")},
        zero={"vgae": "All pairs", "vae": "All rows"},
        low=0,
        high=100_000_000,
        step=1024,
    )
    supervision: Literal["sampled", "all"] = field_of(
        "sampled",
        "Pairs the adjacency loss scores in a step: the training edges with random non-edges, or all pairs of nodes "
        "(exact, as Kipf & Welling; time grows with the square of the nodes, memory does not). All pairs take "
        "cross-entropy, plain or weighted, the inner product as decoder, no metrics, and no two-sided graph.",
        title="Supervision",
        families=("vgae",),
    )
    negatives: Literal["uniform", "degree", "hard"] = field_of(
        "uniform",
        "How the random pairs are drawn: uniformly; both ends by their degree (to the power of 0.75); or hard, from a "
        "node by its degree to one at the end of a walk of two steps (three in a two-sided graph, to the other side).",
        title="Negatives",
        families=("vgae",),
    )
    negatives_per_positive: int = field_of(
        1,
        "Random non-edges drawn per edge, afresh in each epoch.",
        title="Negatives per edge",
        families=("vgae",),
        low=1,
        high=50,
        step=1,
    )
    masked_edges: float = field_of(
        0.0,
        "Share of the training edges hidden from the encoder, drawn afresh in each step. Only hidden edges are "
        "scored, so that the model learns to find unseen edges (masked graph auto-encoder). Needs more epochs.",
        title="Masked edges",
        families=("vgae",),
        percent=True,
        low=0.0,
        high=0.95,
        step=0.05,
    )
    propagation: Literal["every_step", "once"] = field_of(
        "every_step",
        "When messages pass: in every step, over the whole graph in memory; or once before training, into a temporary "
        "file, from which a step takes the rows of its pairs' nodes. Once is for features or codes that exceed memory: "
        "memory then grows with the edges and the batch alone. It takes the encoders whose only map can follow the "
        "hops (linear, SGC, and normalised, which then scales the rows of the features and not those of their map), "
        "the outputs adj_rec and z_vars, and is meant with a batch size.",
        title="Propagation",
        families=("vgae",),
    )
    patience: int = field_of(
        50,
        "Epochs without a better validation score before training stops early; 0 never stops early.",
        title="Early stopping patience",
        zero="Never stops early",
        low=0,
        high=100_000,
        step=5,
    )
    keep: Literal["best", "last"] = field_of(
        "best",
        "Which weights are kept: those of the epoch with the best validation score, or those of the last epoch, in "
        "which case training never stops early.",
        title="Epoch kept",
        labels={"best": "Best", "last": "Last"},
        wording={
            "vae": (
                "Epoch kept",
                "Which weights are kept: those of the epoch with the best validation score, or those of the last "
                "epoch, in which case training never stops early.",
            )
        },
    )
    kl_warmup_epochs: int = field_of(
        0,
        "Epochs over which the KL weight rises linearly from 0.",
        title="KL warm-up epochs",
        zero="No warm-up",
        low=0,
        high=100_000,
        step=5,
    )

    def unused(self) -> set[str]:
        """Return the names of the settings that the others leave without effect."""
        drawn = {"batch_size", "negatives", "negatives_per_positive"} if self.supervision == "all" else set()
        return drawn | ({"patience"} if self.keep == "last" else set())
