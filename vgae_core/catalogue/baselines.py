"""Baselines on offer: scores, weights and entries predicted without training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from vgae_core.catalogue.base import Entry

Of = Literal["links", "weights", "entries"]


@dataclass(frozen=True, kw_only=True)
class BaselineEntry(Entry):
    """A prediction that needs no training."""

    of: Of = "links"
    """What is predicted: whether there is an edge, the weight of one, or the entry of a matrix."""
    score: str = ""
    """Its function. Of links: (pattern, features, pairs) -> scores; of weights: (message, train, edges) -> weights; of
    entries: (matrix, what is learnt from, rank) -> two factors, or None where there are none of that rank. Empty of one
    that is fitted to validation entries (:mod:`vgae_core.analysis.ease`)."""
    shared: str = ""
    """In place of `score`, where it is a sum over shared neighbours: from degrees to what each neighbour counts."""
    stacked: bool = True
    """Of links: whether it may be combined with the network's score (:mod:`vgae_core.analysis.stacking`)."""
    needs_features: bool = False
    two_sided: bool | None = None
    """True if it is for two-sided graphs only, False if it is for all others only."""


_FUNCTIONS = "vgae_core.analysis.baselines"

BASELINES: dict[str, BaselineEntry] = {
    "degree_product": BaselineEntry(
        title="Degree product",
        help="Nodes with many edges get more of them (preferential attachment).",
        reference="Barabási & Albert 1999, doi:10.1126/science.286.5439.509",
        score=f"{_FUNCTIONS}:degree_product",
    ),
    "common_neighbours": BaselineEntry(
        title="Common neighbours",
        help="Number of nodes linked to both.",
        reference="Liben-Nowell & Kleinberg 2007, doi:10.1002/asi.20591",
        shared=f"{_FUNCTIONS}:one",
        two_sided=False,
    ),
    "adamic_adar": BaselineEntry(
        title="Adamic-Adar",
        help="Common neighbours, each counted 1 / log(degree): sharing a rare neighbour says more.",
        reference="Adamic & Adar 2003, doi:10.1016/S0378-8733(03)00009-1",
        shared=f"{_FUNCTIONS}:inverse_log",
        two_sided=False,
    ),
    "resource_allocation": BaselineEntry(
        title="Resource allocation",
        help="Common neighbours, each counted 1 / degree.",
        reference="Zhou, Lü & Zhang 2009, arXiv:0901.0553",
        shared=f"{_FUNCTIONS}:inverse",
        two_sided=False,
    ),
    "paths_of_three": BaselineEntry(
        title="Paths of three edges",
        help="Paths of three edges between the two nodes, each counted 1 / sqrt(product of the degrees of its two "
        "inner nodes): items chosen by users with similar choices.",
        reference="Kovács et al. 2019, doi:10.1038/s41467-019-09177-y",
        score=f"{_FUNCTIONS}:paths_of_three",
        two_sided=True,
    ),
    "feature_cosine": BaselineEntry(
        title="Feature cosine",
        help="Cosine of the two nodes' features; the graph is not used.",
        score=f"{_FUNCTIONS}:feature_cosine",
        needs_features=True,
    ),
    "one_hop_cosine": BaselineEntry(
        title="One-hop feature cosine",
        help="Cosine of the two nodes' features after averaging over neighbours once. Often hard to beat.",
        score=f"{_FUNCTIONS}:one_hop_cosine",
        needs_features=True,
    ),
    "mean_weight": BaselineEntry(
        title="Mean weight",
        help="The mean weight of the training edges, for every edge.",
        of="weights",
        score=f"{_FUNCTIONS}:mean_weight",
    ),
    "strength_product": BaselineEntry(
        title="Product of strengths",
        help="Sums of the weights at both ends, multiplied and scaled to the mean weight.",
        reference="Newman 2004, doi:10.1103/PhysRevE.70.056131",
        of="weights",
        score=f"{_FUNCTIONS}:strength_product",
    ),
    "popularity": BaselineEntry(
        title="Popularity",
        help="Number of rows with an entry in this column: the same ranking for every row.",
        of="entries",
        score=f"{_FUNCTIONS}:popularity",
    ),
    "row_column": BaselineEntry(
        title="Row x column",
        help="Entries of the row times entries of the column.",
        of="entries",
        score=f"{_FUNCTIONS}:row_column",
    ),
    "svd": BaselineEntry(
        title="Truncated SVD",
        help="The value in the best linear reconstruction with the rank of the latent code.",
        reference="Halko et al. 2011, arXiv:0909.4061",
        of="entries",
        score=f"{_FUNCTIONS}:svd",
    ),
    "ease": BaselineEntry(
        title="EASE",
        help="Each column by a ridge regression on all others, in closed form; the penalty is chosen on validation "
        "entries.",
        reference="Steck 2019, arXiv:1905.03375",
        of="entries",
    ),
}
"""In the order tables show them."""


def baselines_of(what: Of) -> dict[str, BaselineEntry]:
    """Return the baselines that predict `what`."""
    return {name: entry for name, entry in BASELINES.items() if entry.of == what}
