"""The Latent space page: the map, selections of nodes, the card of one, axes and clusters."""
