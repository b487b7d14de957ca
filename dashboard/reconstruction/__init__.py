"""The Reconstruction page: how good the model is, where it is wrong, which links it proposes."""
