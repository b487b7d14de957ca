"""The reconstruction page on finished runs."""

import dataclasses
import json
import re

import networkx as nx
import numpy as np
import pytest
from scipy import sparse

from tests.graphs import communities, two_sided
from tests.pages.finished_runs import WORKSPACE, finish_run, make_graph, make_result, make_square, open_tab
from vgae_core.analysis import (
    decisions,
    link_filters,
    link_search,
    metrics,
    reconstruction,
    surprise,
    threshold_curves,
)
from vgae_core.analysis.link_filters import LinkSearch
from vgae_core.host.limits import LIMITS
from vgae_core.runs.execution.pipeline import execute
from vgae_core.runs.results.evaluation import evaluate_result
from vgae_core.runs.results.precision import measure_precision
from vgae_core.runs.views.answers import Answers
from vgae_core.settings import RunSpec


def fine(at):
    assert not at.exception
    assert not at.error
    return at


@pytest.fixture
def run(studio_store):
    return finish_run(studio_store, make_graph())


def figures(at):
    return [json.loads(chart.proto.spec) for chart in at.get("plotly_chart")]


def scored(at):
    """Return the table of methods."""
    return next(table.value for table in at.dataframe if "method" in table.value)


def links(at):
    """Return the tables of pairs of nodes, in the order of the page."""
    return [table.value for table in at.dataframe if {"source", "target"} <= set(table.value)]


def titled(at, x):
    """Return the figure whose x axis is called `x`."""
    (found,) = [
        fig for fig in figures(at) if fig["layout"]["xaxis"].get("title", {}).get("text", "").startswith(x)
    ]
    return found


def test_without_a_run_and_with_one_that_has_not_ended(app, studio_store):
    at = fine(app("reconstruction"))
    assert not at.get("plotly_chart")
    waiting = studio_store.create_run(RunSpec(), make_graph(), WORKSPACE)
    at = fine(app("reconstruction", run=waiting.id))
    assert "still training" in " ".join(s.value for s in at.subheader)


def test_the_name_of_a_baseline_is_no_markup(app, studio_store):
    """A run of a version that believed bundles may hold any: a link to it must load nothing."""
    graph = make_graph()
    result = make_result(graph, quality=0.0)
    name = "![x](https://example.org/x.png)"
    split = result.split
    truth = np.arange(len(split.test) + len(split.test_neg)) < len(split.test)
    result = dataclasses.replace(
        result,
        scores={**result.scores, name: truth.astype(np.float32)},
        metrics={
            **result.metrics,
            "baselines": {**result.metrics["baselines"], name: metrics.link_metrics(truth, truth)},
        },
    )
    at = fine(app("reconstruction", run=finish_run(studio_store, graph, result).id))
    told = [element.value for element in (*at.warning, *at.markdown, *at.caption)]
    assert any(r"\!\[x\]" in text for text in told)
    assert not any("![x]" in text for text in told)
    at = fine(at.switch_page("pages/train.py").run())
    assert any(r"\!\[x\]" in metric.proto.delta_description for metric in at.metric)


def test_a_run_from_a_bundle_says_what_was_not_checked(app, studio_store):
    graph = make_graph()
    result = make_result(graph)
    assert "bundle" not in " ".join(
        c.value for c in fine(app("reconstruction", run=finish_run(studio_store, graph).id)).caption
    )
    result = dataclasses.replace(result, metrics={**result.metrics, "unchecked": ["curves", "labels"]})
    at = fine(app("reconstruction", run=finish_run(studio_store, graph, result).id))
    (told,) = [c.value for c in at.caption if "bundle" in c.value]
    assert "computed again" in told
    assert "label scores" in told


def test_model_and_baselines_share_table_and_figures(app, run):
    at = fine(app("reconstruction", run=run.id))
    table = scored(at)
    held = run.result().metrics
    assert len(table) == 1 + len(held["baselines"])
    assert table["roc_auc"].is_monotonic_decreasing
    mine = table[table["method"] == "This model"].iloc[0]
    assert mine["roc_auc"] == held["test"]["roc_auc"]
    assert mine["average_precision"] == held["test"]["average_precision"]
    for x in ("False positive rate", "Recall"):
        names = [trace["name"] for trace in titled(at, x)["data"]]
        assert len(names) == 3  # the model, the best baseline, guessing
    at = fine(at.toggle(key="every_curve").set_value(True).run())
    for x in ("False positive rate", "Recall"):
        names = [trace["name"] for trace in titled(at, x)["data"]]
        assert len(names) == 2 + len(held["baselines"])  # and guessing
        assert any(name.startswith("This model") for name in names)
        assert any(name.startswith("Adamic-Adar") for name in names)


def test_a_stacked_run_shows_its_network_beside_it(app, studio_store):
    graph = make_graph(240)
    alone = make_result(graph, quality=0.5)
    stack = {"offset": -1.0, "network": 0.2, "resource_allocation": 4.0}
    stacked = dataclasses.replace(alone, model={**alone.model, "stack": stack})
    scores, measured = evaluate_result(stacked, graph)
    stacked = dataclasses.replace(stacked, scores=scores, metrics=measured)
    at = fine(app("reconstruction", run=finish_run(studio_store, graph, stacked).id))
    table = scored(at).set_index("method")
    assert len(table) == 2 + len(measured["baselines"])
    for name, held in (("This model", measured["test"]), ("Its network alone", measured["network"])):
        assert table.loc[name, "roc_auc"] == held["roc_auc"]
        assert table.loc[name, "hard_auc"] == held["hard_auc"]
    assert measured["test"] != measured["network"]
    said = " ".join(text.value for text in at.markdown)
    assert f"The network alone reaches {measured['network']['roc_auc']:.1%}" in said
    ranked = links(at)[0]
    _, logits = stacked.missing_links(graph, 1)
    assert ranked["logit"].iloc[0] == pytest.approx(logits[0], rel=1e-5)


def test_a_run_that_learnt_weights_shows_how_well_it_predicts_them(app, studio_store):
    plain = make_graph(240)
    weights = plain.adjacency.copy()
    weights.data = 1.0 + np.arange(len(weights.data), dtype=np.float32) % 7
    graph = dataclasses.replace(plain, adjacency=sparse.csr_array(weights.maximum(weights.T)))
    alone = make_result(graph)
    spec = alone.spec.replace("outputs.adj_rec.loss", "weight_poisson")
    stack = {"offset": -1.0, "network": 0.5}
    model = {**alone.model, "stack": stack, "scale": "softplus", "weight_unit": 3.0}
    result = dataclasses.replace(alone, spec=spec, model=model)
    scores, measured = evaluate_result(result, graph)
    result = dataclasses.replace(result, scores=scores, metrics=measured)
    run = finish_run(studio_store, graph, result)
    at = open_tab(app("reconstruction", run=run.id), run.id, "Least likely links")
    table = next(frame.value for frame in at.dataframe if "spearman" in frame.value).set_index("method")
    assert list(table.index) == ["This model", "Mean weight", "Product of strengths"]
    assert table.loc["This model", "spearman"] == measured["weights"]["model"]["spearman"]
    missing, unlikely = links(at)
    own = result.network()(
        np.array([[int(name.split()[1]) for name in missing[["source", "target"]].iloc[0]]])
    )
    assert missing["expected_weight"].iloc[0] == pytest.approx(3.0 * np.log1p(np.exp(own[0])), rel=1e-5)
    assert "weight" not in missing
    first = unlikely.iloc[0]
    ends = [int(first[end].split()[1]) for end in ("source", "target")]
    assert first["weight"] == graph.adjacency[ends[0], ends[1]]


def test_a_run_that_was_not_stacked_says_why(app, run):
    at = fine(app("reconstruction", run=run.id))
    assert any(
        f"Not stacked: {len(run.result().split.val)} validation edges are too few" in text.value
        for text in at.caption
    )


@pytest.mark.parametrize(
    ("quality", "kind", "words"),
    [(1.0, "warning", "and behind"), (0.0, "warning", "A baseline wins")],
)
def test_the_verdict_says_who_wins(app, studio_store, quality, kind, words):
    graph = make_graph(240)
    run = finish_run(studio_store, graph, quality=quality)
    held = run.result().metrics
    best = max(values["roc_auc"] for values in held["baselines"].values())
    at = fine(app("reconstruction", run=run.id))
    (message,) = getattr(at, kind)
    assert words in message.proto.title
    assert f"{held['test']['roc_auc']:.1%}" in message.value
    assert f"{best:.1%}" in message.value


def test_the_smallest_graph_has_a_page_too(app, studio_store):
    run = finish_run(studio_store, make_square())
    at = fine(app("reconstruction", run=run.id))
    assert "too few to judge" in at.info[-1].proto.title  # one held-out edge decides nothing


def test_the_threshold_moves_the_numbers_and_the_matrix(app, run):
    at = fine(app("reconstruction", run=run.id))
    result = run.result()
    y = np.arange(len(result.scores["model"])) < len(result.split.test)
    p = 1 / (1 + np.exp(-result.scores["model"].astype(np.float64)))
    slider = at.slider[0]
    split = result.split
    assert len(split.val) >= decisions.LEAST_TESTED
    val = np.concatenate([split.val, split.val_neg])
    q = 1 / (
        1 + np.exp(-np.einsum("ij,ij->i", result.z_mean[val[:, 0]], result.z_mean[val[:, 1]]).astype(float))
    )
    best = decisions.best_threshold(decisions.threshold_table(np.arange(len(val)) < len(split.val), q))
    assert slider.value == pytest.approx(best)  # chosen on the validation pairs, not on those it is judged by
    for threshold in (0.6, 0.95):
        slider.set_value(threshold)
        fine(at.run())
        counts = threshold_curves.confusion(y, p, threshold)
        shown = {m.label: m.value for m in at.metric}
        assert shown["Precision"] == f"{counts.precision:.1%}"
        assert shown["Recall"] == f"{counts.recall:.1%}"
        assert shown["F1"] == f"{counts.f1:.1%}"
        cells = {(a["x"], a["y"]): a["text"] for a in titled(at, "Decision")["layout"]["annotations"]}
        assert cells[1, 1].startswith(f"<b>{counts.true_positives:,}</b>")
        assert cells[1, 0].startswith(f"<b>{counts.false_positives:,}</b>")
        slider = at.slider[0]


def test_rankings_name_their_nodes(app, run):
    at = fine(app("reconstruction", run=run.id))
    graph, z = run.graph(), run.result().z_mean
    (missing,) = links(at)
    _, unlikely = links(open_tab(at, run.id, "Least likely links"))
    open_tab(at, run.id, "Worst nodes")
    worst = next(table.value for table in at.dataframe if "reconstruction_error" in table.value)
    pairs, logits = link_search.missing_links(z, graph.adjacency, link_search.RANKED)
    assert missing["source"].tolist() == [f"person {i}" for i in pairs[:, 0]]
    np.testing.assert_allclose(missing["logit"], logits)
    pairs, _ = link_search.unlikely_links(z, graph.edges, link_search.RANKED)
    assert unlikely["target"].tolist() == [f"person {j}" for j in pairs[:, 1]]
    assert set(unlikely["part"]) == {"training", "validation", "test"}
    errors = reconstruction.node_errors(z, graph.adjacency)
    assert worst["node"].iloc[0] == f"person {int(np.nanargmax(errors))}"


def test_a_ranking_is_filtered_by_name(app, run):
    at = fine(app("reconstruction", run=run.id))
    at.text_input(key="missing_links_filter").set_value("PERSON 17")
    fine(at.run())
    table = links(at)[0]
    assert len(table)
    assert ((table["source"] == "person 17") | (table["target"] == "person 17")).all()


def test_a_name_is_searched_among_all_pairs(app, studio_store):
    graph = make_graph(240)
    run = finish_run(studio_store, graph)
    first, _ = link_search.missing_links(run.result().z_mean, graph.adjacency, link_search.RANKED)
    alone = next(i for i in range(100, 240) if i not in first)
    at = fine(app("reconstruction", run=run.id))
    at.text_input(key="missing_links_filter").set_value(f"PERSON-{alone}")
    table = links(fine(at.run()))[0]
    assert len(table) > 200
    name = f"person {alone}"
    assert ((table["source"] == name) | (table["target"] == name)).all()
    at.text_input(key="missing_links_filter").set_value("nobody")
    assert any("There are no pairs" in caption.value for caption in fine(at.run()).caption)


def test_missing_links_are_ranked_and_filtered(app, run):
    at = fine(app("reconstruction", run=run.id))
    result, graph = run.result(), run.graph()
    for ranking in link_filters.RANKINGS:
        at.selectbox(key="missing_ranking").set_value(ranking)
        table = links(fine(at.run()))[0]
        pairs, logits = result.missing_links(graph, link_search.RANKED, LinkSearch(ranking=ranking))
        assert table["source"].tolist() == [f"person {i}" for i in pairs[:, 0]]
        np.testing.assert_allclose(
            table["surprise"], surprise.surprise(graph.adjacency, pairs, logits), rtol=1e-6
        )
    at.selectbox(key="missing_label").set_value(0)
    at.selectbox(key="missing_other_label").set_value(2)
    at.number_input(key="missing_least_degree").set_value(4)
    at.selectbox(key="missing_distance").set_value("more")
    at.selectbox(key="missing_community").set_value("other")
    table = links(fine(at.run()))[0]
    assert len(table)
    assert {*map(frozenset, zip(table["source_label"], table["target_label"], strict=True))} == {
        frozenset(("red", "blue"))
    }
    assert min(table["source_degree"].min(), table["target_degree"].min()) >= 4
    assert not table["shared_neighbours"].any()


def test_a_large_graph_is_searched_on_demand(app, run, monkeypatch):
    monkeypatch.setattr(link_search, "EXACT_NODES", 50)
    at = fine(app("reconstruction", run=run.id))
    before = len(at.dataframe)
    at.button(key="missing_start").click()
    fine(at.run())
    for _ in range(60):
        if len(at.dataframe) > before:
            break
        at.session_state["background_jobs"]["missing"][1].result()
        fine(at.run())
    pairs, _ = link_search.missing_links(run.result().z_mean, run.graph().adjacency, link_search.RANKED)
    assert links(at)[0]["source"].tolist() == [f"person {i}" for i in pairs[:, 0]]
    at.text_input(key="missing_links_filter").set_value("person 17")
    assert len(fine(at.run()).dataframe) == before  # another search, to be started


def test_which_codes_are_shown_is_said(app, studio_store):
    graph = communities(n=60)
    spec = RunSpec.from_dict({"model": {"latent_dim": 4}, "training": {"epochs": 3}, "stacking": False})
    result = execute(spec, graph)
    whole = finish_run(studio_store, graph, result)
    broken = finish_run(studio_store, graph, dataclasses.replace(result, whole=None, state={}))
    for page in ("reconstruction", "latent_space"):
        said = [caption.value.replace("\\", "") for caption in fine(app(page, run=whole.id)).caption]
        assert any("encoded from all edges, held-out edges included" in text for text in said)
        said = [caption.value.replace("\\", "") for caption in fine(app(page, run=broken.id)).caption]
        assert any("Codes of the training edges only" in text for text in said)
    at = fine(app("reconstruction", run=whole.id))
    _, logits = link_search.missing_links(
        Answers(result, graph).codes.z_mean, graph.adjacency, link_search.RANKED
    )
    table = next(frame.value for frame in at.dataframe if "surprise" in frame.value)
    np.testing.assert_allclose(table["logit"], logits, rtol=1e-4, atol=1e-5)


def test_one_node_is_asked_for_its_next_links(app, studio_store):
    graph = dataclasses.replace(
        communities(n=60), node_ids=np.array([f"Town {i}" for i in range(60)], object)
    )
    spec = RunSpec.from_dict({"model": {"latent_dim": 4}, "training": {"epochs": 3}, "stacking": False})
    result = execute(spec, graph)
    at = fine(app("reconstruction", run=finish_run(studio_store, graph, result).id))
    busiest = int(np.argmax(np.diff(graph.adjacency.indptr)))
    assert at.selectbox(key="node_of_interest").value == f"Town {busiest}"
    at.selectbox(key="node_of_interest").set_value("Town 7").run()
    answers = Answers(result, graph)
    new, own = (frame.value for frame in at.dataframe if "rank" in frame.value)
    ranking, existing = answers.rank(7), answers.existing(7)
    assert new["node"].tolist() == [f"Town {j}" for j in ranking.pairs[:, 1]]
    np.testing.assert_allclose(new["logit"], ranking.logits, rtol=1e-6)
    assert own["node"].tolist() == [f"Town {j}" for j in existing.pairs[:, 1]]
    sentence = next(m.value for m in at.markdown if "comes first" in m.value)
    assert new["node"].iloc[0] in sentence
    expected = measure_precision(result, graph).at(ranking.logits[:1])[0]
    guessing = len(result.split.test) / (graph.n_pairs - len(result.split.train) - len(result.split.val))
    shown = re.findall(r"([\d.]+)%", sentence)
    np.testing.assert_allclose([float(one) / 100 for one in shown], [expected, guessing], atol=6e-4)


def test_pairs_of_one_s_own_are_scored(app, studio_store):
    graph = dataclasses.replace(
        communities(n=60), node_ids=np.array([f"Town <b>{i}</b>" for i in range(60)], object)
    )
    spec = RunSpec.from_dict({"model": {"latent_dim": 4}, "training": {"epochs": 3}, "stacking": False})
    result = execute(spec, graph)
    run = finish_run(studio_store, graph, result)
    at = open_tab(app("reconstruction", run=run.id), run.id, "My pairs")
    i, j = result.split.test[0]
    at.text_area(key="my_pairs_text").set_value(
        f"Town <b>{i}</b>, Town <b>{j}</b>\nTown <b>1</b>; Town <b>2</b>\nTown <b>3</b>, ![x](http://e.org/i.png)"
    ).run()
    (table,) = (frame.value for frame in fine(at).dataframe if "source_rank" in frame.value)
    expected = Answers(result, graph).score_table(np.array([[i, j], [1, 2]]))
    np.testing.assert_allclose(table["logit"], expected["logit"], rtol=1e-6)
    assert table["source_rank"].tolist() == expected["source_rank"].tolist()
    assert table["edge"].tolist()[0] == "test"
    (warning,) = (one for one in at.warning if "no node" in one.proto.title)
    assert "![x](" not in warning.value
    at.text_area(key="my_pairs_text").set_value("a b\n" * (LIMITS.asked_pairs + 1)).run()
    assert any("exceeds the limit" in error.proto.title for error in at.error)
    at.text_area(key="my_pairs_text").set_value("alone").run()
    assert any("Expected two names" in error.proto.title for error in at.error)


def test_a_run_that_cannot_be_asked_says_why(app, run):
    at = fine(app("reconstruction", run=run.id))
    assert any("cannot be asked about single nodes" in caption.value for caption in at.caption)


def test_a_handful_of_held_out_edges_gets_no_verdict(app, studio_store):
    graph = make_square()
    run = finish_run(studio_store, graph)
    n_tested = len(run.result().split.test)
    assert n_tested == 1
    at = fine(app("reconstruction", run=run.id))
    assert at.info[-1].proto.title == "1 held-out edge: too few to judge"
    assert not any("about equal" in info.proto.title for info in at.info)
    assert not at.success
    assert not at.warning
    assert at.slider[0].value == 0.5
    assert any("1 held-out edge and 1 random non-edge" in c.value for c in at.caption)
    at = fine(at.switch_page("pages/train.py").run())
    assert not any(metric.proto.delta_description.startswith("against") for metric in at.metric)
    assert any("1 held-out edge: too few to judge" in c.value for c in at.caption)


def test_many_held_out_edges_get_a_verdict(app, run):
    assert len(run.result().split.test) >= decisions.LEAST_TESTED
    at = fine(app("reconstruction", run=run.id))
    assert any("baseline" in one.proto.title for one in (*at.success, *at.warning, *at.info))
    assert "too few to judge" not in " ".join(c.value for c in at.caption)
    at = fine(at.switch_page("pages/train.py").run())
    assert sum(metric.proto.delta_description.startswith("against") for metric in at.metric) == 2


def test_a_two_sided_run_says_what_was_left_out_and_offers_pairs_across(app, studio_store):
    graph = two_sided(nx.bipartite.random_graph(30, 25, 0.2, seed=1))
    run = finish_run(studio_store, graph, execute(RunSpec().replace("training.epochs", 2), graph))
    at = fine(app("reconstruction", run=run.id))
    open_tab(at, run.id, "Least likely links")
    open_tab(at, run.id, "My pairs")
    (told,) = [caption.value for caption in at.caption if caption.value.startswith("Left out")]
    assert "Common neighbours" in told
    tables = [table.value for table in at.dataframe if {"source", "target"} <= set(table.value)]
    assert len(tables) >= 2  # likely and unlikely links
    for links in tables:
        pairs = links[["source", "target"]].to_numpy(int)
        assert (graph.sides[pairs[:, 0]] != graph.sides[pairs[:, 1]]).all()
        assert "shared_neighbours" not in links
    ids = [graph.node_ids[np.flatnonzero(graph.sides == side)[:2]] for side in (0, 1)]
    at.text_area(key="my_pairs_text").set_value(f"{ids[0][0]}, {ids[0][1]}\n{ids[0][0]}, {ids[1][0]}").run()
    assert any("1 pair joins two nodes of one side" in one.value for one in at.info)
    (scored,) = (frame.value for frame in fine(at).dataframe if "source_rank" in frame.value)
    assert scored["logit"].isna().tolist() == [True, False]
