"""What stands in for the features of nodes that have none."""

from __future__ import annotations

from dataclasses import dataclass

from vgae_core.catalogue.base import Entry


@dataclass(frozen=True, kw_only=True)
class NodeInputEntry(Entry):
    """What an encoder is given of nodes without features."""

    builder: str = ""
    """``"package.module:name"`` of the function that makes columns of the message edges; none without."""
    free: bool = False
    """Whether each node has a learned vector."""
    positions: bool = False
    """Whether the columns say where a node lies among the training edges: an edit of edges leaves them as they are."""
    not_for_new: str = ""
    """What new nodes lack, where they cannot be embedded."""


_FREE = "a learned embedding per training node, and none for new nodes"
_POSITIONS = "vgae_core.data.node_inputs:positions"

NODE_INPUTS: dict[str, NodeInputEntry] = {
    "table": NodeInputEntry(
        title="Learned embedding",
        help="One per node, equivalent to one-hot features. New nodes cannot be embedded.",
        free=True,
        not_for_new=_FREE,
    ),
    "random": NodeInputEntry(
        title="Random numbers",
        help="Fixed normal numbers: enough to tell nodes apart, far fewer to learn.",
        reference="Sato et al. 2021, Random Features Strengthen Graph Neural Networks, arXiv:2002.03155",
        builder="vgae_core.data.node_inputs:random_numbers",
    ),
    "spectral": NodeInputEntry(
        title="Positions (spectral)",
        help="Leading eigenvectors of the normalised training edges, and the degree: where a node lies in the graph.",
        reference="Dwivedi et al. 2023, Benchmarking Graph Neural Networks, arXiv:2003.00982",
        builder=_POSITIONS,
        positions=True,
        not_for_new="eigenvectors of the training graph, which another graph does not share",
    ),
    "spectral_table": NodeInputEntry(
        title="Positions and a learned embedding",
        help="Both together: the best of these on the graphs measured. New nodes have no learned embedding.",
        reference="Dwivedi et al. 2023, Benchmarking Graph Neural Networks, arXiv:2003.00982",
        builder=_POSITIONS,
        free=True,
        positions=True,
        not_for_new=_FREE,
    ),
}
"""What an encoder is given of nodes without features."""
