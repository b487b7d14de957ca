"""What the sentences beside the pictures say, on graphs small enough to count by hand."""

import numpy as np
from scipy import sparse

from tests.graphs import graph_from
from vgae_core.analysis import graph_views, takeaways


def star(leaves):
    """Node 0 with so many leaves."""
    adjacency = np.zeros((leaves + 1, leaves + 1))
    adjacency[0, 1:] = adjacency[1:, 0] = 1
    return graph_from(adjacency)


def test_degrees_name_the_median_and_the_hub():
    assert takeaways.of_degrees(star(12)) == "Half of all nodes have 1 neighbour or fewer; 0 has 12."


def test_arcs_both_ways_count_in_a_directed_graph():
    adjacency = np.zeros((4, 4))
    adjacency[0, 1] = adjacency[1, 0] = adjacency[2, 0] = 1
    said = takeaways.of_degrees(graph_from(adjacency, directed=True))
    assert said == "Half of all nodes have 1 arc or fewer; 0 has 3."  # degrees 3, 2, 1, 0: median 1.5


def test_no_edge_at_all():
    graph = graph_from(np.zeros((3, 3)))
    assert takeaways.of_degrees(graph) == "No node has a neighbour."
    assert takeaways.of_adjacency(graph) == "There are no edges between different nodes."


def test_edges_of_the_best_connected_nodes():
    adjacency = star(9).adjacency.toarray()
    adjacency[8, 9] = adjacency[9, 8] = 1  # one of ten edges does not touch the hub, a tenth of the nodes
    assert takeaways.of_adjacency(graph_from(adjacency)).startswith("90% of the edges touch the 10%")


def test_features_columns_and_values():
    features = sparse.csr_array(np.array([[1.0, 2, 0, 0], [3, 0, 0, 0], [3, 1, 0, 0]]))
    view = graph_views.feature_view(features)
    assert takeaways.of_features(view, "row") == "A row has 1.7 non-zero values on average, of 4 columns."
    assert takeaways.of_columns(view, share=0.25) == "The fullest 25% of the columns hold 60% of the values."
    assert takeaways.of_columns(view, share=0.5) == "The fullest 50% of the columns hold 100% of the values."
    assert takeaways.of_matrix(features, share=0.7) == "The fullest 70% of the rows hold 80% of the values."
    values = takeaways.of_values(graph_views.value_view(features))
    assert values == "Non-zero values go from 1 to 3, with a mean of 2."


def test_the_largest_class_is_the_score_of_guessing():
    view = graph_views.label_view(np.array([0, 0, 0, 1, -1], np.int32), ("red", "blue"))
    assert "red, has 75% of the labelled nodes" in takeaways.of_labels(view)


def test_what_weights_are_used_for():
    plain = star(3)
    assert takeaways.of_weights(plain, learnt=False) == ""
    weighted = graph_from(plain.adjacency.toarray() * 2.5)
    assert "learns to predict" in takeaways.of_weights(weighted, learnt=True)
    assert "only asks whether" in takeaways.of_weights(weighted, learnt=False)
