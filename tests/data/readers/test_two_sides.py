"""Two-sided graphs: what is read, kept, split and drawn joins both sides, and nothing else has changed."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from tests.graphs import communities, graph_from, karate, two_sided
from vgae_core.analysis.graph_views import numbers
from vgae_core.data.arrays import graph_from_arrays, graph_to_arrays, load_graph, save_graph
from vgae_core.data.dataset import RawGraph
from vgae_core.data.hard_non_edges import hard_non_edges
from vgae_core.data.link_splits import check_edges, split_links
from vgae_core.data.non_edges import rank, sample_non_edges, unrank
from vgae_core.data.readers import SourceFile, read
from vgae_core.data.repairs import repair
from vgae_core.data.report import inspect
from vgae_core.data.splits import PARTS
from vgae_core.errors import DataError
from vgae_core.settings import FileSpec, RepairSpec, SplitSpec


@pytest.fixture
def read_file(tmp_path):
    def read_(path, **how):
        return read([SourceFile(path.name, path)], [FileSpec(name=path.name, **how)] if how else [])

    return read_


@pytest.fixture
def read_text(tmp_path, read_file):
    def read_(text, name="edges.csv", **how):
        (tmp_path / name).write_text(text)
        return read_file(tmp_path / name, **how)

    return read_


def cross(sides):
    """Return all pairs of one node from each side, by brute force."""
    n = len(sides)
    return {(i, j) for i, j in itertools.combinations(range(n), 2) if sides[i] != sides[j]}


def as_set(pairs):
    return {(int(i), int(j)) for i, j in pairs}


# ------------------------------------------------------------------------------- drawing
@settings(max_examples=200, deadline=None)
@given(sides=st.lists(st.sampled_from([0, 1]), min_size=2, max_size=20).filter(lambda s: len(set(s)) == 2))
def test_places_number_the_pairs_across_and_back(sides):
    sides = np.array(sides, np.int8)
    n, expected = len(sides), cross(sides)
    places = np.arange(len(expected))
    pairs = unrank(places, n, directed=False, sides=sides)
    assert as_set(pairs) == expected
    for both in (pairs, pairs[:, ::-1]):
        np.testing.assert_array_equal(rank(both, n, directed=False, sides=sides), places)


def test_places_of_many_nodes_need_no_memory_of_their_product():
    n = 2_000_000
    sides = (np.arange(n) % 2).astype(np.int8)
    places = np.array([0, 10**11, 10**12 - 1])
    pairs = unrank(places, n, directed=False, sides=sides)
    assert pairs.tolist() == [[0, 1], [1, 200_000], [n - 2, n - 1]]
    np.testing.assert_array_equal(rank(pairs, n, directed=False, sides=sides), places)
    assert (sides[pairs[:, 0]] != sides[pairs[:, 1]]).all()


@settings(max_examples=100, deadline=None)
@given(
    n0=st.integers(1, 7),
    n1=st.integers(1, 7),
    p=st.sampled_from([0, 0.2, 0.6, 0.9]),
    seed=st.integers(0, 999),
    data=st.data(),
)
def test_drawn_non_edges_are_exact(n0, n1, p, seed, data):
    reference = nx.bipartite.random_graph(n0, n1, p, seed=seed)
    reference.add_edge(0, n0)
    graph = two_sided(reference, seed=seed)
    free = cross(graph.sides) - as_set(graph.edges)
    count = data.draw(st.integers(0, len(free)))
    drawn = sample_non_edges(graph, count, np.random.default_rng(seed))
    assert len(as_set(drawn)) == count
    assert as_set(drawn) <= free
    with pytest.raises(DataError, match=f"the graph has {len(free)}"):
        sample_non_edges(graph, len(free) + 1, np.random.default_rng(seed))


def test_each_non_edge_is_equally_likely():
    graph = two_sided(nx.bipartite.random_graph(6, 9, 0.3, seed=2), seed=1)
    free = sorted(cross(graph.sides) - as_set(graph.edges))
    rng = np.random.default_rng(0)
    drawn = np.concatenate([sample_non_edges(graph, 3, rng) for _ in range(4000)])
    counts = [int((drawn == pair).all(axis=1).sum()) for pair in free]
    assert sum(counts) == len(drawn)
    assert stats.chisquare(counts).pvalue > 0.001


# ------------------------------------------------------------------------------- splits
@pytest.mark.parametrize("seed", range(5))
def test_a_split_and_its_hard_pairs_join_both_sides(seed):
    graph = two_sided(nx.bipartite.preferential_attachment_graph([4] * 40, 0.5, seed=seed), seed=seed)
    split = split_links(graph, SplitSpec(), seed)
    split.check(graph)
    expected = cross(graph.sides) - as_set(graph.edges)
    assert as_set(split.val_neg) | as_set(split.test_neg) <= expected
    chosen, hard = hard_non_edges(graph, split, np.random.default_rng(seed))
    flat = np.sort(hard.reshape(-1, 2), axis=1)
    assert as_set(flat) <= expected
    kept = (hard == split.test[chosen][:, None, :]).any(axis=2)
    assert kept.mean() > 0.5
    message = nx.Graph(split.train.tolist())
    message.add_nodes_from(range(graph.n_nodes))
    far = [
        nx.shortest_path_length(message, i, j) for i, j in hard[kept].tolist() if nx.has_path(message, i, j)
    ]
    assert far
    assert np.mean([distance == 3 for distance in far]) > 0.95  # others are held-out edges' neighbours


def test_a_split_with_pairs_within_a_side_is_refused():
    graph = two_sided(nx.bipartite.random_graph(12, 15, 0.3, seed=0))
    split = split_links(graph, SplitSpec(), 0)
    within = np.argwhere(np.triu(graph.sides[:, None] == graph.sides[None], 1))[: len(split.test_neg)]
    with pytest.raises(DataError, match="one side"):
        dataclasses.replace(split, test_neg=within).check(graph)


def test_complete_means_that_all_of_one_side_know_all_of_the_other():
    complete = two_sided(nx.complete_bipartite_graph(5, 6))
    with pytest.raises(DataError, match="Each node of one side is joined to each of the other"):
        split_links(complete, SplitSpec(), 0)
    with pytest.raises(DataError, match="the graph has 2"):
        check_edges(11, 28, SplitSpec(), n_first=5)
    check_edges(11, 28, SplitSpec())  # of one set of nodes, 27 pairs are free
    assert numbers(complete).density == 1.0
    assert complete.profile.n_pairs == complete.n_pairs == 30


# -------------------------------------------------- graphs of one set of nodes: bit for bit
def digest(*arrays):
    both = hashlib.sha256()
    for array in arrays:
        both.update(np.ascontiguousarray(array).tobytes())
    return both.hexdigest()[:16]


def arcs():
    adjacency = communities().adjacency.toarray() * (np.random.default_rng(0).random((120, 120)) < 0.6)
    return graph_from(adjacency, directed=True)


@pytest.mark.parametrize(
    ("make", "content", "split", "hard", "free"),
    [
        (karate, "034e1890e1a51039", "37429c6cbe61d732", "878fcd425a9788a6", "4026b715c35c03ec"),
        (communities, "4e7660bc0af34122", "6e6000ca940487dd", "622bd4fc4153a52a", "cb5bda8592502d23"),
        (arcs, "3a41b71044ebbc7b", "acfd124028177e8d", "7e5faa54ded16d2e", "9e601c8e682aaca2"),
    ],
)
def test_graphs_without_sides_have_the_numbers_of_before(make, content, split, hard, free):
    graph = make()
    parts = split_links(graph, SplitSpec(), 3)
    assert graph.fingerprint[:16] == content
    assert digest(*(getattr(parts, name) for name in PARTS)) == split
    assert digest(*hard_non_edges(graph, parts, np.random.default_rng(5))) == hard
    assert digest(sample_non_edges(graph, 40, np.random.default_rng(7))) == free


# ------------------------------------------------------------------------- kept and checked
def raw_of(graph, **changes):
    values = {
        "name": "raw", "rows": graph.edges[:, 0], "cols": graph.edges[:, 1], "weights": None,
        "node_ids": graph.node_ids, "directed": False, "format": "test", "sides": graph.sides,
        "side_names": ("user", "item"),
    }  # fmt: skip
    return RawGraph(**(values | changes))


def test_repairs_keep_the_side_of_each_node():
    reference = nx.bipartite.random_graph(9, 12, 0.12, seed=3)
    raw = raw_of(two_sided(reference, seed=4))
    whole = repair(raw, RepairSpec())
    np.testing.assert_array_equal(whole.sides, raw.sides)
    largest = repair(raw, RepairSpec(component="largest"))
    assert largest.n_nodes < whole.n_nodes
    assert largest.side_names == ("user", "item")
    side = dict(zip(raw.node_ids.tolist(), raw.sides.tolist(), strict=True))
    assert largest.sides.tolist() == [side[name] for name in largest.node_ids.tolist()]


def test_a_loop_that_is_kept_breaks_nothing():
    graph = two_sided(nx.bipartite.random_graph(6, 6, 0.4, seed=0))
    loops = {"rows": np.append(graph.edges[:, 0], 3), "cols": np.append(graph.edges[:, 1], 3)}
    kept = repair(raw_of(graph, **loops), RepairSpec(self_loops="keep"))
    assert kept.adjacency[3, 3] == 1
    np.testing.assert_array_equal(kept.sides, graph.sides)


def test_directions_and_edges_within_a_side_are_refused_with_a_way_out():
    graph = two_sided(nx.bipartite.random_graph(6, 6, 0.4, seed=0))
    with pytest.raises(DataError, match=r"no directions.*undirected"):
        repair(raw_of(graph), RepairSpec(direction="directed"))
    same = np.flatnonzero(graph.sides == 0)[:2]
    more = {"rows": np.append(graph.edges[:, 0], same[0]), "cols": np.append(graph.edges[:, 1], same[1])}
    with pytest.raises(DataError, match=r"1 edges join two nodes of one side.*one set"):
        repair(raw_of(graph, **more), RepairSpec())


def test_files_bring_the_sides_back(tmp_path):
    graph = dataclasses.replace(
        two_sided(nx.bipartite.random_graph(8, 9, 0.3, seed=1)), side_names=("u", "i")
    )
    for one in (graph, raw_of(graph)):
        save_graph(tmp_path / "g.npz", one)
        again = load_graph(tmp_path / "g.npz")
        assert again.sides.dtype == np.int8
        np.testing.assert_array_equal(again.sides, graph.sides)
        assert again.side_names == one.side_names
    assert load_graph(tmp_path / "g.npz").side_names == ("user", "item")
    save_graph(tmp_path / "g.npz", graph)
    assert load_graph(tmp_path / "g.npz").fingerprint == graph.fingerprint
    one_set = dataclasses.replace(graph, sides=None, side_names=())
    assert graph.fingerprint != one_set.fingerprint
    assert "sides" not in graph_to_arrays(one_set)  # as older files are


@pytest.mark.parametrize("kind", ["type", "shape", "value", "one side", "within", "names", "directed"])
@pytest.mark.parametrize("raw", [False, True])
def test_hostile_sides_are_refused(kind, raw):
    graph = two_sided(nx.bipartite.random_graph(8, 9, 0.3, seed=1))
    arrays = graph_to_arrays(raw_of(graph) if raw else graph)
    sides = arrays["sides"]
    bad = {
        "type": sides.astype(np.int64),
        "shape": sides[:-1],
        "value": np.where(np.arange(len(sides)) == 2, 2, sides).astype(np.int8),
        "one side": np.zeros_like(sides),
        "within": np.where(np.arange(len(sides)) == graph.edges[0, 0], 1 - sides, sides).astype(np.int8),
        "names": sides,
        "directed": sides,
    }[kind]
    arrays["sides"] = bad
    if kind == "names":
        arrays["side_names.text"], arrays["side_names.offsets"] = (
            np.frombuffer(b"x", np.uint8),
            np.array([0, 1]),
        )
    if kind == "directed":
        if raw:
            pytest.skip("repairs decide on directions")
        meta = json.loads(arrays["meta"].tobytes()) | {"directed": True}
        arrays["meta"] = np.frombuffer(json.dumps(meta).encode(), np.uint8)
    with pytest.raises(DataError):
        graph_from_arrays(arrays)


# ------------------------------------------------------------------------------- reading
def test_users_and_items_are_told_with_their_names(read_text):
    raw = read_text("user_id,item_id,rating\n1,1,5\n1,2,3\n2,1,4\n3,3,2\n")
    assert raw.sides.tolist() == [0, 0, 0, 1, 1, 1]
    report = inspect(raw)
    assert report.sides == (3, 3)
    assert report.density == pytest.approx(4 / 9)
    (told,) = [finding.message for finding in report.findings if finding.code == "two-sided"]
    assert told.startswith("Two-sided graph: 3 nodes (user_id) on one side, 3 (item_id) on the other.")
    assert json.dumps(report.to_dict())


@pytest.mark.parametrize("sides", ["one", "two"])
def test_what_the_user_says_of_the_sides_counts(read_text, sides):
    text = "a,b\nc,d\na,d\nb,c\n"  # b and c stand on both sides
    raw = read_text(text, "g.csv", sides=sides)
    assert (raw.sides is None) == (sides == "one")
    assert raw.n_nodes == (4 if sides == "one" else 6)


def test_two_sides_can_be_read_as_one_set(read_text):
    text = "\n".join(f"author {n % 6},paper {n % 8}" for n in range(24))
    raw = read_text(text)
    assert raw.sides.tolist() == [int(str(name).startswith("paper")) for name in raw.node_ids]
    judgement = next(one for one in raw.files[0].judgements if one.about == "sides")
    assert {"sides": "one"} in [choice.changes for choice in judgement.others]
    assert read_text(text, sides="one").sides is None


@pytest.mark.parametrize("text", ["hub,a\nhub,b\nhub,c\n", "0 1\n0 2\n0 3\n", "a,hub\nb,hub\nc,hub2\n"])
def test_a_star_is_no_two_sided_graph(read_text, text):
    raw = read_text(text)
    assert raw.sides is None
    assert not raw.files[0].questions


def test_ids_that_only_meet_far_down_are_one_set(read_text, monkeypatch):
    monkeypatch.setattr("vgae_core.data.readers.columns.sides.SAMPLE", 50)
    monkeypatch.setattr("vgae_core.data.readers.tables.edge_lists.SAMPLE", 50)
    monkeypatch.setattr("vgae_core.data.readers.columns.two_sides.SAMPLE", 50)
    apart = [f"s{n % 20},t{n % 23}" for n in range(80)]
    text = "\n".join(["source,target", *apart, "s1,s2", "t3,t4"])
    raw = read_text(text)
    assert raw.sides is None
    assert "one-set-after-all" in {finding.code for finding in raw.findings}
    two = read_text(text, sides="two")
    assert two.sides is not None
    assert two.n_nodes > raw.n_nodes


@pytest.mark.parametrize("ending", ["graphml", "gexf", "gml", "json"])
def test_the_attribute_of_networkx_is_heard(read_file, tmp_path, ending):
    reference = nx.bipartite.random_graph(5, 7, 0.5, seed=1)
    path = tmp_path / f"films.{ending}"
    if ending == "json":
        path.write_text(json.dumps(nx.node_link_data(reference, edges="links")))
    else:
        getattr(nx, f"write_{ending}")(reference, path)
    raw = read_file(path)
    assert raw.sides.tolist() == [reference.nodes[int(name)]["bipartite"] for name in raw.node_ids]
    assert raw.labels is None
    graph = repair(raw, RepairSpec())
    assert nx.bipartite.is_bipartite(nx.Graph(graph.edges.tolist()))
    assert read_file(path, sides="one").sides is None
    assert read_file(path, uses={"bipartite": "label"}).label_names == ("0", "1")


def test_arcs_between_two_sides_have_no_direction(read_file, tmp_path):
    reference = nx.bipartite.random_graph(5, 7, 0.5, seed=1, directed=True)
    nx.write_graphml(reference, tmp_path / "films.graphml")
    raw = read_file(tmp_path / "films.graphml")
    assert not raw.directed
    graph = repair(raw, RepairSpec())
    assert len(graph.edges) == reference.to_undirected().number_of_edges()
    assert not [offer for offer in inspect(raw).offers if offer.setting == "direction" and offer.count]


def test_edges_within_a_side_are_told_with_a_way_out(read_file, tmp_path):
    reference = nx.bipartite.random_graph(5, 7, 0.5, seed=1)
    reference.add_edge(0, 1)
    nx.write_graphml(reference, tmp_path / "films.graphml")
    raw = read_file(tmp_path / "films.graphml")
    assert raw.sides is None
    (finding,) = [one for one in raw.findings if one.code == "edges-within-a-side"]
    assert finding.count == 1
    assert "0 – 1" in finding.message
    assert "Remove these edges" in finding.message


def test_two_modes_of_pajek_and_ucinet_are_two_sides(read_text):
    pajek = read_text("*Vertices 5 2\n*Edges\n1 3\n1 4\n2 5\n", "two.net")
    assert pajek.sides.tolist() == [0, 0, 1, 1, 1]
    broken = read_text("*Vertices 5 2\n*Edges\n1 3\n1 2\n2 5\n", "two.net")
    assert broken.sides is None
    assert "edges-within-a-side" in {finding.code for finding in broken.findings}
    matrix = read_text("dl nr=2 nc=3\ndata:\n1 0 1\n0 1 1\n", "two.dl")
    assert matrix.sides.tolist() == [0, 0, 1, 1, 1]
    listed = read_text(
        "dl nr=2 nc=2 format=edgelist2\nlabels embedded\ndata:\nann x\nbob x\nbob y\n", "two.dl"
    )
    assert dict(zip(listed.node_ids, listed.sides.tolist(), strict=True)) == {
        "ann": 0,
        "bob": 0,
        "x": 1,
        "y": 1,
    }
