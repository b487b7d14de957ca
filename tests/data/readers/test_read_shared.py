"""Real graphs, with the counts their sources state."""

import pytest

from vgae_core.data.readers import SourceFile, read
from vgae_core.data.repairs import repair
from vgae_core.data.report import inspect
from vgae_core.settings import RepairSpec

# folder, files, nodes, undirected edges, directed, self-loops, feature columns, classes
GRAPHS = [
    ("musae_chameleon", "edges.csv target.csv features.json", 2277, 31371, True, 50, 3132, 0),
    ("musae_facebook", "edges.csv target.csv features.json", 22470, 170823, False, 179, 4714, 4),
    ("karateclub_twitch", "edges.csv features.csv target.csv", 7126, 35324, False, 0, 2545, 2),
    ("cugraph", "email-Eu-core.csv", 1005, 16064, True, 642, 0, 0),
    ("cugraph", "dolphins.csv", 62, 159, False, 0, 0, 0),
    ("cugraph", "netscience.mtx", 1589, 2742, False, 0, 0, 0),
    ("cugraph", "karate.mtx", 34, 78, False, 0, 0, 0),
    ("cugraph", "polbooks.mtx", 105, 441, False, 0, 0, 0),
    ("mtx", "jagmesh7.mtx", 1138, 3156, False, 1138, 0, 0),
    ("mtx", "west0067.mtx", 67, 287, True, 2, 0, 0),
    ("snap", "facebook_combined.txt", 4039, 88234, False, 0, 0, 0),
    ("snap", "email-Enron.txt", 36692, 183831, False, 0, 0, 0),
    ("snap", "celegansneural_powerlaw_weighted.txt", 297, 2148, True, 0, 0, 0),
    ("snap", "p2p-Gnutella31.txt", 62586, 147892, False, 0, 0, 0),
    ("snap", "soc-Epinions1.txt", 75877, 405739, False, 0, 0, 0),
    ("networkx", "WormNet.v3.benchmark.txt", 2445, 78736, False, 0, 0, 0),
    ("scipy_npz", "dblp_adj.npz dblp_x.npz dblp_labels.csv", 17716, 52867, False, 0, 1639, 4),
    ("scipy_npz", "amazon_photo_adj.npz amazon_photo_x.npz amazon_photo_labels.csv",
     7650, 119081, True, 1, 745, 8),
    ("scipy_npz", "coauthor_cs_adj.npz coauthor_cs_x.npz", 18333, 81894, False, 0, 6805, 0),
    ("npz", "gnnbench_cora.npz", 2708, 5278, True, 0, 1433, 7),
    ("npz", "gnnbench_citeseer.npz", 3312, 4536, True, 124, 3703, 6),
]  # fmt: skip


@pytest.mark.parametrize(
    ("folder", "names", "n_nodes", "n_edges", "directed", "loops", "n_features", "n_labels"),
    GRAPHS,
    ids=[f"{folder}/{names.split()[0]}" for folder, names, *_ in GRAPHS],
)
def test_counts(shared_data, folder, names, n_nodes, n_edges, directed, loops, n_features, n_labels):
    raw = read([SourceFile(name, shared_data / folder / name) for name in names.split()])
    report = inspect(raw)
    assert (report.n_nodes, report.n_edges, report.directed) == (n_nodes, n_edges, directed)
    assert (report.n_self_loops, report.n_features, report.n_labels) == (loops, n_features, n_labels)
    graph = repair(raw, RepairSpec(weights="ignore"))
    assert (graph.profile.n_nodes, graph.profile.n_edges) == (n_nodes, n_edges)
    assert not graph.profile.weighted


def test_chameleon_target_colours_and_is_no_class(shared_data):
    folder = shared_data / "musae_chameleon"
    raw = read([SourceFile(n, folder / n) for n in ("edges.csv", "target.csv")])
    assert raw.labels is None
    assert raw.values["target"][:3].tolist() == [171, 8089, 8568]


def test_facebook_page_types(shared_data):
    folder = shared_data / "musae_facebook"
    raw = read([SourceFile(n, folder / n) for n in ("edges.csv", "target.csv")])
    assert raw.label_names == ("company", "government", "politician", "tvshow")
    assert [raw.label_names[i] for i in raw.labels[:3]] == ["tvshow", "government", "company"]
