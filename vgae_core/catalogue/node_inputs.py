"""What stands in for the features of nodes that have none."""

from __future__ import annotations

from vgae_core.catalogue.base import Entry

NODE_INPUTS: dict[str, Entry] = {
    "table": Entry(
        title="Learned embedding",
        help="One per node, equivalent to one-hot features. New nodes cannot be embedded.",
    ),
    "random": Entry(
        title="Random numbers",
        help="Fixed normal numbers: enough to tell nodes apart, far fewer to learn.",
        reference="Sato et al. 2021, Random Features Strengthen Graph Neural Networks, arXiv:2002.03155",
    ),
    "spectral": Entry(
        title="Positions (spectral)",
        help="Leading eigenvectors of the normalised training edges, and the degree: where a node lies in the graph.",
        reference="Dwivedi et al. 2023, Benchmarking Graph Neural Networks, arXiv:2003.00982",
    ),
    "spectral_table": Entry(
        title="Positions and a learned embedding",
        help="Both together: the best of these on the graphs measured. New nodes have no learned embedding.",
        reference="Dwivedi et al. 2023, Benchmarking Graph Neural Networks, arXiv:2003.00982",
    ),
}
"""What an encoder is given of nodes without features."""
