"""A two-sided graph from its file to its answers: no pair within one side is ever scored or offered."""

from __future__ import annotations

import dataclasses
import io
import zipfile

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from tests.graphs import two_sided
from tests.runs.exports.test_bundle import rebuild
from tests.runs.exports.test_script import assert_same, run_both
from vgae_core.analysis.baselines import ALIKE, NO_SHARED, explained
from vgae_core.analysis.rankings import rank_links_task
from vgae_core.cli import main
from vgae_core.data.arrays import save_graph
from vgae_core.errors import RunError, SpecError
from vgae_core.host.limits import Limits
from vgae_core.runs.execution.pipeline import execute
from vgae_core.runs.exports.bundle import export_bundle
from vgae_core.runs.exports.bundle_checks import check_bundles
from vgae_core.runs.results.evaluation import evaluate_result
from vgae_core.runs.store.folder import read_run_dir, write_run_dir
from vgae_core.runs.views.answers import Answers, tell_same_side
from vgae_core.runs.views.link_tables import link_table
from vgae_core.settings import RunSpec
from vgae_core.settings.recipes import candidates

SPEC = RunSpec().replace("training.epochs", 20)


def tastes(seed=0, users=60, items=45, features=False):
    """Return users and items of three tastes, shuffled; with `features` each side has columns of its own."""
    rng = np.random.default_rng(seed)
    reference = nx.Graph()
    reference.add_nodes_from((("u", i) for i in range(users)), bipartite=0)
    reference.add_nodes_from((("i", i) for i in range(items)), bipartite=1)
    reference.add_edges_from(
        (("u", a), ("i", b))
        for a in range(users)
        for b in range(items)
        if rng.random() < (0.4 if a % 3 == b % 3 else 0.04)
    )
    graph = two_sided(reference, seed=seed)
    graph = dataclasses.replace(graph, side_names=("user", "item"))
    if features:
        own = np.zeros((graph.n_nodes, 12), np.float32)
        columns = rng.integers(0, 6, graph.n_nodes) + 6 * graph.sides
        own[np.arange(graph.n_nodes), columns] = 1
        graph = dataclasses.replace(graph, features=sparse.csr_array(own))
    return graph


@pytest.fixture(scope="module")
def graph():
    return tastes()


@pytest.fixture(scope="module")
def result(graph):
    return execute(SPEC, graph)


def crosses(graph, pairs):
    return bool((graph.sides[pairs[:, 0]] != graph.sides[pairs[:, 1]]).all())


def test_a_run_is_scored_on_pairs_across_only(graph, result):
    for part in ("val_neg", "test_neg"):
        assert crosses(graph, getattr(result.split, part))
    assert set(result.metrics["baselines"]) == {"degree_product", "paths_of_three"}
    assert set(result.metrics["left_out"]) == {"common_neighbours", "adamic_adar", "resource_allocation"}
    assert explained(result.metrics["left_out"]) == (
        f"Left out: Common neighbours, Adamic-Adar, Resource allocation ({NO_SHARED})."
    )
    _, again = evaluate_result(result, graph)
    assert again["test"] == pytest.approx(result.metrics["test"], abs=1e-5)


def test_tastes_are_learnt(graph, result):
    assert result.metrics["test"]["roc_auc"] > 0.65


def test_answers_come_from_the_other_side_only(graph, result):
    answers = Answers(result, graph)
    for node in (*np.flatnonzero(graph.sides == 0)[:3], *np.flatnonzero(graph.sides == 1)[:3]):
        candidates = answers.candidates(int(node))
        expected = {
            other
            for other in range(graph.n_nodes)
            if graph.sides[other] != graph.sides[node] and not graph.adjacency[node, other]
        }
        assert set(candidates[:, 1].tolist()) == expected
        assert crosses(graph, answers.rank(int(node), 5).pairs)


def test_a_pair_of_one_side_gets_no_score_and_the_reason(graph, result, tmp_path, capsys):
    users = np.flatnonzero(graph.sides == 0)[:3]
    items = np.flatnonzero(graph.sides == 1)[:2]
    pairs = np.array([[users[0], items[0]], [users[0], users[1]], [items[0], items[1]], [items[1], users[2]]])
    table = Answers(result, graph).score_table(pairs)
    columns = ["logit", "probability", "probability_at_density", "source_rank", "target_rank"]
    assert table[columns].isna().all(axis=1).tolist() == [False, True, True, False]
    assert table.loc[[0, 3], columns].notna().all(axis=None)
    np.testing.assert_array_equal(
        table.loc[[0, 3], "logit"], Answers(result, graph).score_table(pairs[[0, 3]])["logit"]
    )
    told = tell_same_side(graph, pairs)
    assert told.startswith("2 pairs join two nodes of one side")
    assert "('user')" in told
    assert tell_same_side(graph, pairs[[0, 3]]) == ""

    write_run_dir(tmp_path / "run", result.spec, graph, result, [])
    names = graph.node_ids[pairs]
    (tmp_path / "pairs.csv").write_text("from,to\n" + "".join(f"{a},{b}\n" for a, b in names))
    out = tmp_path / "out.csv"
    assert main(["score", str(tmp_path / "run"), str(tmp_path / "pairs.csv"), "--to", str(out)]) == 0
    assert "2 pairs scored. 2 pairs join two nodes of one side" in capsys.readouterr().out
    assert pd.read_csv(out)["probability"].isna().tolist() == [False, True, True, False]
    (tmp_path / "pairs.csv").write_text(
        f"from,to\n{names[1][0]},{names[1][1]}\n{names[1][1]},{names[1][0]}\n"
    )
    assert main(["score", str(tmp_path / "run"), str(tmp_path / "pairs.csv"), "--to", str(out)]) == 2
    assert "of one side" in capsys.readouterr().err


@pytest.mark.parametrize("decoder", ["inner_product", "hadamard_mlp", "distance"])
def test_missing_links_join_both_sides_here_and_in_the_background(graph, decoder):
    result = execute(SPEC.replace("model.decoder", decoder).replace("training.epochs", 5), graph)
    pairs, logits = result.missing_links(graph, 40)
    assert crosses(graph, pairs)
    n = graph.n_nodes
    free = np.argwhere(
        np.triu((graph.sides[:, None] != graph.sides[None]) & (graph.adjacency.toarray() == 0), 1)
    )
    best = np.sort(result.link_scorer(graph)(free))[::-1][:40]
    if not (result.decoder or result.stack):  # exact over all pairs
        np.testing.assert_allclose(logits, best, rtol=1e-4, atol=1e-5)
    arrays, options = result.ranking_task(graph, 40)
    found, _ = rank_links_task(arrays, options, lambda share, message: None)
    np.testing.assert_array_equal(found["pairs"], pairs)
    assert len(np.unique(pairs[:, 0] * n + pairs[:, 1])) == 40
    assert "shared_neighbours" not in link_table(graph, pairs, logits)


def test_features_of_which_each_side_has_its_own_are_no_rival():
    result = execute(SPEC.replace("training.epochs", 3), tastes(features=True))
    assert result.metrics["left_out"]["feature_cosine"] == ALIKE
    assert "feature_cosine" not in result.metrics["baselines"]
    assert "feature_cosine" not in result.scores


@pytest.mark.parametrize("negatives", ["uniform", "degree", "hard"])
@pytest.mark.parametrize("propagation", ["every_step", "once"])
def test_every_way_of_drawing_trains(negatives, propagation):
    spec = SPEC.replace("training.negatives", negatives).replace("training.epochs", 2)
    spec = spec.replace("training.propagation", propagation)
    assert np.isfinite(execute(spec, tastes(features=True)).metrics["test"]["roc_auc"])


def test_all_pairs_are_refused_with_the_reason(graph):
    with pytest.raises(SpecError, match=r"within one side.*sampled supervision"):
        execute(SPEC.replace("training.supervision", "all"), graph)


def test_every_recipe_of_the_automatic_choice_trains(graph):
    spec = SPEC.replace("recipe", "auto").replace("training.epochs", 2)
    for one in candidates(spec, has_features=graph.profile.n_features > 0).values():
        assert crosses(graph, execute(one, graph).split.test_neg)


def test_a_bundle_keeps_the_sides_and_refuses_pairs_within_one(graph, result, tmp_path):
    run = write_run_dir(tmp_path / "run", result.spec, graph, result, [])
    assert read_run_dir(tmp_path / "run").graph().fingerprint == graph.fingerprint
    export_bundle(run, tmp_path / "run.zip")
    check_bundles(tmp_path / "run.zip", tmp_path / "again", limits=Limits())
    again = read_run_dir(tmp_path / "again" / "0")
    np.testing.assert_array_equal(again.graph().sides, graph.sides)
    assert again.metrics()["left_out"] == result.metrics["left_out"]

    first = int(np.flatnonzero(graph.sides == 0)[0])
    other = int(np.flatnonzero(graph.sides == 0)[1])
    split = {name: getattr(result.split, name) for name in ("train", "val", "val_neg", "test", "test_neg")}
    split["val_neg"] = split["val_neg"].copy()
    split["val_neg"][0] = first, other
    with pytest.raises(RunError, match="within one side"):
        check_bundles(changed(tmp_path, "split.npz", split), tmp_path / "within", limits=Limits())

    hostile, sides = dataclasses.replace(graph), graph.sides.copy()
    sides[first] = 1
    object.__setattr__(hostile, "sides", sides)
    save_graph(tmp_path / "graph.npz", hostile)
    content = (tmp_path / "graph.npz").read_bytes()
    with pytest.raises(RunError, match="one side"):
        check_bundles(changed(tmp_path, "graph.npz", content), tmp_path / "hostile", limits=Limits())


def changed(folder, name, content):
    """Return the path of the bundle in `folder` with one member changed, its hash fitting."""
    if not isinstance(content, bytes):
        file = io.BytesIO()
        np.savez(file, **content)
        content = file.getvalue()
    path = folder / f"changed-{name}.zip"
    path.write_bytes(rebuild((folder / "run.zip").read_bytes(), change={name: content}).getvalue())
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
    return path


@pytest.mark.slow
@pytest.mark.parametrize("negatives", ["uniform", "hard"])
def test_the_script_of_a_two_sided_run_finds_the_same(graph, negatives, tmp_path):
    result, told = run_both(SPEC.replace("training.negatives", negatives), graph, tmp_path)
    assert_same(result, told)


def test_from_a_file_to_answers(tmp_path, capsys):
    graph = tastes()
    lines = [f"{user},{item}" for user, item in visits(graph)]
    (tmp_path / "visits.csv").write_text("\n".join(["user,item", *lines]))
    run = str(tmp_path / "run")
    assert main(["inspect", str(tmp_path / "visits.csv")]) == 0
    assert "Two-sided graph: 60 nodes (user) on one side, 45 (item) on the other." in capsys.readouterr().out
    assert main(["train", str(tmp_path / "visits.csv"), "--out", run, "--epochs", "3"]) == 0
    assert "Left out: Common neighbours" in capsys.readouterr().out
    assert main(["rank", run, "--node", "u3", "--to", str(tmp_path / "next.csv")]) == 0
    targets = [line.split(",")[2] for line in (tmp_path / "next.csv").read_text().splitlines()[1:]]
    assert targets
    assert all(name.startswith("i") for name in targets)


def visits(graph):
    """Return each edge as the numbers of a user and of an item, both from 1: the two share their numbers."""
    place = np.zeros(graph.n_nodes, int)
    for side in (0, 1):
        mine = np.flatnonzero(graph.sides == side)
        place[mine] = np.arange(1, len(mine) + 1)
    for i, j in graph.edges:
        user, item = (i, j) if graph.sides[i] == 0 else (j, i)
        yield place[user], place[item]
