"""One look for every figure, and the figure of a map."""
