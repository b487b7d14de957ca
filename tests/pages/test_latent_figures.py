"""Every figure of a node's card and of the latent axes equals one computed from the run's folder by other means."""

import dataclasses
import re

import networkx as nx
import numpy as np
import pytest
from scipy import sparse, stats
from scipy.spatial import distance

from tests.pages.finished_runs import finish_run, make_graph

NODE = 7


@pytest.fixture
def folder(studio_store):
    """A kept run of a graph with features, its codes as NumPy reads them, the graph of networkx and the features."""
    words = np.random.default_rng(5).poisson(0.4, size=(90, 12)).astype(np.float32)
    words[:, 11] = 2  # the same everywhere
    graph = dataclasses.replace(
        make_graph(), features=sparse.csr_array(words), feature_names=tuple(f"word {i}" for i in range(12))
    )  # fmt: skip
    run = finish_run(studio_store, graph)
    codes = np.load(run.path / "embedding.npz")
    return (
        run.id, graph, codes["z_mean"].astype(float), codes["z_log_var"].astype(float),
        nx.Graph(graph.edges.tolist()), words.astype(float),
    )  # fmt: skip


def table(at, *columns):
    """Return the first table with these columns."""
    return next(t.value for t in at.dataframe if set(columns) <= set(t.value))


def test_the_card_of_a_node(app, folder):
    run, _, z, log_var, plain, words = folder
    at = app("latent_space", run=run, node=f"person {NODE}", tab="node")
    assert not at.exception
    text = " ".join(m.value for m in (*at.markdown, *at.caption)).replace("\\", "")
    logits = z @ z[NODE]
    order = [node for node in np.argsort(-logits, kind="stable") if node != NODE]
    near = table(at, "place", "edge", "value")
    assert near["node"].tolist() == [f"person {node}" for node in order[:10]]
    np.testing.assert_allclose(near["value"], logits[order[:10]], rtol=1e-5)
    assert near["edge"].tolist() == [plain.has_edge(NODE, node) for node in order[:10]]
    friends = set(plain[NODE])
    true = next(
        t.value
        for t in at.dataframe
        if "place" in t.value and "edge" not in t.value and len(t.value) == len(friends)
    )
    assert true["place"].tolist() == [order.index(node) + 1 for node in sorted(friends, key=order.index)]
    assert f"{len(friends & set(order[: len(friends)]))} of its {len(friends)} true neighbours" in text
    assert f"Degree (neighbours) **{len(friends)}**" in text
    assert f"Core number **{nx.core_number(plain)[NODE]}**" in text
    sigma = np.exp(log_var / 2).mean(axis=1)
    shown = re.search(r"Uncertainty \(mean σ\) (\S+), higher than (\d+) %", text)
    assert float(shown[1]) == pytest.approx(sigma[NODE], rel=1e-2)
    assert int(shown[2]) == round(stats.percentileofscore(np.delete(sigma, NODE), sigma[NODE], "mean"))
    features = table(at, "feature", "score").set_index("feature")
    here = np.flatnonzero(words[NODE])
    assert set(features.index) == {f"word {i}" for i in here}
    scores = stats.zscore(words)[NODE]
    for i in here:
        row = features.loc[f"word {i}"]
        assert row["value"] == words[NODE, i]
        assert row["mean"] == pytest.approx(words[:, i].mean())
        assert row["share"] == pytest.approx(np.mean(words[:, i] > 0))
        assert row["score"] == pytest.approx(0 if i == 11 else scores[i])


def test_the_axes(app, folder):
    run, graph, z, log_var, plain, words = folder
    at = app("latent_space", run=run, tab="axes")
    assert not at.exception
    assert any("8 of 8 axes are active" in m.value for m in at.markdown)
    axes = table(at, "axis", "kl")
    np.testing.assert_allclose(axes["variance"], z.var(axis=0), rtol=1e-5)
    kl = [
        np.mean(
            [
                (np.log(1 / s) + (s**2 + m**2) / 2 - 0.5)
                for m, s in zip(z[:, i], np.exp(log_var[:, i] / 2), strict=True)
            ]
        )
        for i in range(z.shape[1])
    ]
    np.testing.assert_allclose(axes["kl"], kl, rtol=1e-5)
    np.testing.assert_allclose(axes["sigma"], np.exp(log_var / 2).mean(axis=0), rtol=1e-5)
    degree = [plain.degree(node) for node in range(90)]
    np.testing.assert_allclose(
        axes["degree"], [stats.spearmanr(degree, column)[0] for column in z.T], atol=1e-6
    )
    labels = graph.labels
    for i, share in enumerate(axes["labels"]):
        f = stats.f_oneway(*(z[labels == label, i] for label in range(3))).statistic
        n = np.sum(labels >= 0)
        assert share == pytest.approx(
            f * 2 / (f * 2 + n - 3), rel=1e-5
        )  # η² of an F with 2 and n - 3 degrees
    high, low = (t.value for t in at.dataframe if list(t.value) == ["node", "label", "degree", "z"])
    order = np.argsort(z[:, 0], kind="stable")
    assert high["node"].tolist() == [f"person {i}" for i in order[::-1][:10]]
    assert low["node"].tolist() == [f"person {i}" for i in order[:10]]
    along = table(at, "label", "nodes", "correlation").set_index("label")
    known = labels >= 0
    for i, name in enumerate(graph.label_names):
        assert along["mean"][name] == pytest.approx(z[labels == i, 0].mean(), rel=1e-5)
        assert along["correlation"][name] == pytest.approx(
            stats.pearsonr(labels[known] == i, z[known, 0])[0], rel=1e-5
        )
    features = table(at, "feature", "share", "correlation").set_index("feature")["correlation"]
    assert len(features) == 11
    for name, value in features.items():
        assert value == pytest.approx(stats.pearsonr(words[:, int(name.split()[1])], z[:, 0])[0], rel=1e-4)
    at.slider(key="axis_walk_0").set_value(1.5).run()
    assert not at.exception
    place = z.mean(axis=0)
    place[0] += 1.5 * z[:, 0].std()
    nearest = np.argsort(distance.cdist([place], z)[0])[:20]
    walk = next(t.value for t in at.dataframe if list(t.value) == ["node", "label", "degree"])
    assert walk["node"].tolist() == [f"person {i}" for i in nearest]
    more = table(at, "feature", "here").set_index("feature")
    scores = (words[nearest].mean(axis=0) - words.mean(axis=0))[:11] / words.std(axis=0)[:11]
    for i, score in enumerate(scores):
        assert more["score"][f"word {i}"] == pytest.approx(score, rel=1e-4, abs=1e-6)
