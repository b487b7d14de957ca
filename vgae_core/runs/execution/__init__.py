"""How a run is made from a specification and a graph: the only part of `runs` that loads TensorFlow."""
