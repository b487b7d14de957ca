"""What a part of a file can be used for."""

from __future__ import annotations

from vgae_core.catalogue.base import Entry

USES: dict[str, Entry] = {
    "edges": Entry(title="Adjacency", help="The square matrix of edges."),
    "source": Entry(title="Source", help="The node an edge leaves."),
    "target": Entry(title="Target", help="The node an edge reaches."),
    "targets": Entry(title="Targets", help="Several nodes in one field, such as `a;b`: an edge to each."),
    "weight": Entry(title="Weight", help="The weight of an edge."),
    "relation": Entry(title="Relation", help="The kind of an edge."),
    "time": Entry(title="Time", help="When an edge was observed; not used in training."),
    "id": Entry(title="Node id", help="The node that a row describes."),
    "name": Entry(title="Node name", help="The display name of a node."),
    "features": Entry(title="Feature", help="One number per node, or the matrix of all of them."),
    "feature_name": Entry(title="Feature name", help="In lists of (node, feature, value): the feature."),
    "feature_value": Entry(title="Feature value", help="In lists of (node, feature, value): the value."),
    "label": Entry(title="Label", help="The class of a node."),
    "side": Entry(title="Side", help="The side of a node, in a two-sided graph."),
    "value": Entry(title="Value", help="One number per node, for colouring only."),
    "ignore": Entry(title="Not used", help="Left out."),
}
"""What a part of a file (a column, a variable, an attribute) may be used for."""
