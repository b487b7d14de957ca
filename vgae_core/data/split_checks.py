"""Whether the held-out edges or entries of a run can be drawn, cheap enough for a form."""

from __future__ import annotations

from vgae_core.catalogue.families import FAMILIES
from vgae_core.data.dataset import GraphData
from vgae_core.data.entry_splits import check_zeros
from vgae_core.data.link_splits import check_edges, split_links
from vgae_core.settings import RunSpec

_FEW_ARCS = 100
"""Arcs up to which a form tries a split to see whether there is one."""


def check_split(graph: GraphData, spec: RunSpec) -> None:
    """Raise DataError if a run's held-out edges or entries could not be drawn; cheap enough for a form.

    Parameters
    ----------
    graph : GraphData
    spec : RunSpec
    """
    profile = graph.profile
    if not FAMILIES[spec.model.family].links_nodes:
        check_zeros((profile.n_nodes, profile.n_features), profile.feature_nnz, spec.split)
        return
    check_edges(
        profile.n_nodes, profile.n_edges, spec.split, directed=profile.directed, n_first=profile.n_first
    )
    if profile.directed and profile.n_edges <= _FEW_ARCS:  # as few may be both directions of too few pairs
        split_links(graph, spec.split, spec.seed)
