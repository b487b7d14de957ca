"""Ways to select nodes, and selections as texts of the page's address: how they were made, or the nodes themselves."""

from __future__ import annotations

import numpy as np

from dashboard.figures import charts, maps
from dashboard.finished_runs import results
from dashboard.finished_runs.shared import KEPT
from dashboard.latent_space import clusters, latent_map
from vgae_core.analysis import queries, selections
from vgae_core.errors import SpecError
from vgae_core.runs.store import kept_selections


def by_query(held: results.Opened, text: str) -> np.ndarray:
    """Return the nodes that a query matches."""
    return queries.matching(text, clusters.table(held), feature=lambda name: _feature(held, name))


def around(held: results.Opened, node: int, hops: int) -> np.ndarray:
    """Return the nodes that `hops` steps from a node reach."""
    return selections.around(held.graph.adjacency, node, hops)


def groups(held: results.Opened, column: str) -> list[object]:
    """Return the groups of a column, the largest first."""
    key = (held.id, "groups", column, clusters.key(held), results.ready(held.id))
    return KEPT.get(key, lambda: latent_map.groups_of(held, column))


def in_group(held: results.Opened, column: str, group: object) -> np.ndarray:
    """Return the nodes of a group."""
    return np.flatnonzero((clusters.table(held)[column] == group).to_numpy(bool, na_value=False))


def read(held: results.Opened, text: str) -> np.ndarray:
    """Return the nodes of a text of the address.

    Parameters
    ----------
    held : Opened
    text : str
        ``query:…``, ``around:HOPS:NAME``, ``group:COLUMN:NAME``, ``nodes:…`` as
        :func:`vgae_core.analysis.selections.packed` writes them, or the id of a kept selection.

    Raises
    ------
    StudioError
        If there is no such selection of this run.
    """
    kind, _, rest = text[: selections.MAX_LINK].partition(":")
    if kind == "query":
        return by_query(held, rest)
    if kind == "nodes":
        return selections.unpacked(rest, held.graph.n_nodes)
    first, _, name = rest.partition(":")
    if kind == "around" and held.family.links_nodes:
        names = results.node_names(held.id)
        if name in names and first.isdecimal() and len(first) < 3:
            return around(held, names.index(name), int(first))
    elif kind == "group" and first in maps.GROUPS and first in clusters.table(held):
        for group in groups(held, first):
            if str(group) == name:
                return in_group(held, first, group)
    elif not rest:
        nodes = kept_selections.load(held.run.path, kind).nodes
        return nodes[nodes < held.graph.n_nodes]
    raise SpecError(
        f"The link asks for the selection {charts.visible(text, 60)}, which this run does not have."
    )


def _feature(held: results.Opened, name: str) -> np.ndarray:
    if held.graph.features is None:
        raise SpecError("The data have no features.", where="query")
    if name not in results.column_names(held.id):
        raise SpecError(f"There is no feature `{name}`.", where="query")
    return latent_map.feature(held.id, name)
