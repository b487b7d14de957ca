"""The kinds of edits there are: what each does, in words, and the values it takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from vgae_core.catalogue.base import Entry

ValueKind = Literal["node", "nodes", "column", "values", "number", "weight", "axis", "share", "new"]


@dataclass(frozen=True, kw_only=True)
class EditField:
    """One value of an edit.

    Parameters
    ----------
    title : str
        Label in a form.
    kind : str
        ``"node"`` (a name; a row of a matrix too), ``"nodes"``, ``"column"`` (name of a feature or a column),
        ``"values"`` (column to number), ``"number"``, ``"weight"`` (above 0), ``"axis"`` (from 0), ``"share"``
        (0 to 1) or ``"new"`` (the name of a node to be added).
    default : object
        Taken where the edit does not say; None if it must.
    """

    title: str
    kind: ValueKind
    default: Any = None

    @property
    def required(self) -> bool:
        """Whether an edit must say it."""
        return self.default is None


@dataclass(frozen=True, kw_only=True)
class EditEntry(Entry):
    """One kind of edit.

    Parameters
    ----------
    sentence : str
        What it says, with its fields in braces.
    fields : mapping of str to EditField
    family : str
        Of the models it is for: a key of :data:`vgae_core.catalogue.families.FAMILIES`.
    needs : {"", "features", "new nodes"}
        What the run must have.
    """

    sentence: str
    fields: Mapping[str, EditField]
    family: str = "vgae"
    needs: Literal["", "features", "new nodes"] = ""


_NODE = EditField(title="Node", kind="node")

EDITS: dict[str, EditEntry] = {
    "drop_edge": EditEntry(
        title="Drop an edge",
        help="Remove the edge between two nodes; in a directed graph, the arc from the first to the second.",
        sentence="drop {source} – {target}",
        fields={"source": EditField(title="From", kind="node"), "target": EditField(title="To", kind="node")},
    ),
    "add_edge": EditEntry(
        title="Add an edge",
        help="Link two nodes. An existing edge gets this weight.",
        sentence="add {source} – {target}, weight {weight}",
        fields={
            "source": EditField(title="From", kind="node"),
            "target": EditField(title="To", kind="node"),
            "weight": EditField(title="Weight", kind="weight", default=1.0),
        },
    ),
    "drop_edges": EditEntry(
        title="Drop all edges of a node",
        help="Remove every edge of a node, in both directions.",
        sentence="drop all edges of {node}",
        fields={"node": _NODE},
    ),
    "join": EditEntry(
        title="Link several nodes to one",
        help="Add an edge from each of several nodes to one. Existing edges do not change.",
        sentence="link {nodes} to {target}",
        fields={
            "nodes": EditField(title="Nodes", kind="nodes"),
            "target": EditField(title="To", kind="node"),
        },
    ),
    "set_feature": EditEntry(
        title="Change a feature",
        help="Set one feature of a node, in its own units; 0 removes it.",
        sentence="set {feature} of {node} to {value}",
        fields={
            "node": _NODE,
            "feature": EditField(title="Feature", kind="column"),
            "value": EditField(title="Value", kind="number", default=0.0),
        },
        needs="features",
    ),
    "copy_features": EditEntry(
        title="Copy features",
        help="Give a node all the features of another.",
        sentence="give {node} the features of {source}",
        fields={"node": _NODE, "source": EditField(title="Features of", kind="node")},
        needs="features",
    ),
    "add_node": EditEntry(
        title="Add a node",
        help="A new node with its own edges and features, or those of a template node; edges of its own are added to "
        "the template's.",
        sentence="add node {name}{like}{nodes}{features}",
        fields={
            "name": EditField(title="Name", kind="new"),
            "nodes": EditField(title="Linked to", kind="nodes", default=()),
            "like": EditField(title="Like", kind="node", default=""),
            "features": EditField(title="Features", kind="values", default={}),
        },
        needs="new nodes",
    ),
    "move_code": EditEntry(
        title="Move a code along an axis",
        help="Change one coordinate of a node's latent code, after the encoder. Edges and features do not change.",
        sentence="move the code of {node} by {by} along z_{axis}",
        fields={
            "node": _NODE,
            "axis": EditField(title="Axis", kind="axis", default=0),
            "by": EditField(title="By", kind="number", default=1.0),
        },
    ),
    "move_towards": EditEntry(
        title="Move a code towards another",
        help="Move a node's latent code part of the way to another's, after the encoder. 1 is all the way.",
        sentence="move the code of {node} {share} of the way to {target}",
        fields={
            "node": _NODE,
            "target": EditField(title="Towards", kind="node"),
            "share": EditField(title="Share of the way", kind="share", default=0.5),
        },
    ),
    "set_entry": EditEntry(
        title="Change an entry",
        help="Set the value of a row in one column; 0 clears it.",
        sentence="set {column} of {row} to {value}",
        fields={
            "row": EditField(title="Row", kind="node"),
            "column": EditField(title="Column", kind="column"),
            "value": EditField(title="Value", kind="number", default=1.0),
        },
        family="vae",
    ),
    "add_row": EditEntry(
        title="Add a row",
        help="A new row with a few entries.",
        sentence="add row {name} with {values}",
        fields={
            "name": EditField(title="Name", kind="new"),
            "values": EditField(title="Entries", kind="values"),
        },
        family="vae",
    ),
    "drop_column": EditEntry(
        title="Clear a column",
        help="Clear a column in all rows.",
        sentence="clear column {column}",
        fields={"column": EditField(title="Column", kind="column")},
        family="vae",
    ),
}
"""Every kind of edit, in the order forms list them."""

PAIR_EDITS: dict[str, tuple[tuple[str, dict[str, Any]], tuple[str, dict[str, Any]]]] = {
    "vgae": (("add_edge", {}), ("drop_edge", {})),
    "vae": (("set_entry", {}), ("set_entry", {"value": 0.0})),
}
"""What makes an edge or an entry of a pair, and what ends it, by family: the kind of edit and its fixed values."""
