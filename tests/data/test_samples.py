"""Samples: what their descriptions promise, and fetched files only if they are the right ones."""

import functools
import http.server
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
from scipy import sparse

from vgae_core.data import samples
from vgae_core.data.samples import SAMPLES, generate_communities, load_sample
from vgae_core.errors import DataError

ROOT = Path(__file__).resolve().parents[2]
OFFLINE = [name for name, sample in SAMPLES.items() if not sample.online]


def graph_of(raw):
    g = nx.Graph()
    g.add_nodes_from(range(raw.n_nodes))
    g.add_edges_from(zip(raw.rows.tolist(), raw.cols.tolist(), strict=True))
    return g


@pytest.mark.parametrize("name", OFFLINE)
def test_a_sample_is_what_its_description_says(name):
    sample, raw = SAMPLES[name], load_sample(name)
    g = graph_of(raw)
    assert (g.number_of_nodes(), g.number_of_edges()) == (sample.n_nodes, sample.n_edges)
    assert len(raw.rows) == sample.n_edges  # each edge once
    assert raw.rows.dtype == raw.cols.dtype == np.int64
    assert raw.symmetric
    assert nx.number_of_selfloops(g) == 0
    assert len(set(raw.node_ids.tolist())) == raw.n_nodes
    assert raw.labels.dtype == np.int32
    assert set(raw.labels.tolist()) == set(range(len(raw.label_names)))
    if raw.features is not None:
        assert raw.features.dtype == np.float32
        assert raw.features.shape == (raw.n_nodes, len(raw.feature_names))


def test_the_import_graph_is_connected_and_names_its_versions():
    raw = load_sample("import-graph")
    assert nx.is_connected(graph_of(raw))
    for package in ("scikit-learn", "networkx", "scipy", "pandas"):
        assert f"{package} " in raw.findings[0].message
    names, edges = raw.node_ids.tolist(), set(zip(raw.rows.tolist(), raw.cols.tolist(), strict=True))
    pair = names.index("sklearn.base"), names.index("sklearn.linear_model._base")
    assert (min(pair), max(pair)) in edges
    frequency = raw.features.sum(axis=0)
    assert frequency.min() >= 5
    assert frequency.max() <= 0.3 * raw.n_nodes


def test_the_script_rebuilds_a_graph_whose_edges_are_imports(tmp_path):
    package = tmp_path / "toy"
    (package / "sub").mkdir(parents=True)
    (package / "tests").mkdir()
    (package / "__init__.py").write_text("from .a import thing\n")
    (package / "a.py").write_text("import os\nthing = helperWord = 1\n")
    (package / "b.py").write_text("def f():\n    from toy.sub import c\n    return c.helper_word\n")
    (package / "sub" / "__init__.py").write_text("")
    (package / "sub" / "c.py").write_text("from .. import a\nfrom ..a import thing\nimport toy.b\n")
    (package / "lonely.py").write_text("import sys\n")
    (package / "tests" / "t.py").write_text("import toy.a, toy.lonely\n")
    program = (
        "import sys; sys.path[:0] = sys.argv[1:]\n"
        "import build_import_graph as script\n"
        "script.MIN_MODULES, script.MAX_SHARE = 1, 1.0\n"
        "g = script.build({'numpy': 'toy'})\n"
        "print(sorted(sorted((g.node_ids[i], g.node_ids[j])) for i, j in zip(g.rows, g.cols)))\n"
        "print(g.feature_names, g.label_names, g.features.toarray().sum(axis=0).tolist())\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path), str(ROOT / "scripts"), str(ROOT)],
        capture_output=True,
        text=True,
        check=True,
    )
    edges, words = run.stdout.splitlines()
    assert edges == str([["toy", "toy.a"], ["toy.a", "toy.sub.c"], ["toy.b", "toy.sub.c"]])
    assert words == "('helper', 'thing', 'word') ('toy',) [2.0, 1.0, 2.0]"


def test_karate_club_is_networkx():
    raw, theirs = load_sample("karate-club"), nx.karate_club_graph()
    for i, j, weight in zip(raw.rows, raw.cols, raw.weights, strict=True):
        assert theirs.edges[int(i), int(j)]["weight"] == weight
    assert [raw.label_names[k] for k in raw.labels] == [theirs.nodes[i]["club"] for i in theirs]


def test_every_digit_has_eight_neighbours_or_more():
    degrees = dict(graph_of(load_sample("digits-8nn")).degree).values()
    assert min(degrees) >= 8


def test_generated_communities_have_the_densities_asked_for():
    raw = generate_communities(n_communities=4, size=200, p_in=0.1, p_out=0.01, seed=3)
    same = raw.labels[raw.rows] == raw.labels[raw.cols]
    inside, across = 4 * 200 * 199 / 2, 6 * 200 * 200
    assert same.sum() / inside == pytest.approx(0.1, rel=0.05)
    assert (~same).sum() / across == pytest.approx(0.01, rel=0.1)
    mean = np.stack([raw.features.toarray()[raw.labels == c].mean(axis=0) for c in range(4)])
    own = np.repeat(np.arange(4), 50)
    assert np.all(mean.argmax(axis=0) == own)  # each community favours its own words
    again = generate_communities(n_communities=4, size=200, p_in=0.1, p_out=0.01, seed=3)
    np.testing.assert_array_equal(raw.rows, again.rows)
    assert (sparse.csr_array(raw.features) != again.features).nnz == 0


def test_unknown_names_are_answered_with_near_ones():
    with pytest.raises(DataError, match="karate-club"):
        load_sample("karate_club")


# ---------------------------------------------------------------------------------- fetching
@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("VGAE_STUDIO_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_offline_says_so(home, monkeypatch):
    monkeypatch.setattr(samples, "_PLANETOID_URL", "http://127.0.0.1:9/")  # nobody listens there
    with pytest.raises(DataError, match="download failed") as caught:
        load_sample("cora")
    assert "Cora" in caught.value.message


@pytest.fixture
def served(tmp_path, monkeypatch):
    """A folder served on a loopback port, in place of the repository."""
    folder = tmp_path / "served"
    folder.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder))
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(samples, "_PLANETOID_URL", f"http://127.0.0.1:{server.server_port}/")
    yield folder
    server.shutdown()
    server.server_close()


def test_fetched_once_then_kept(home, served, shared_data):
    for path in (shared_data / "planetoid").glob("ind.cora.*"):
        shutil.copyfile(path, served / path.name)
    raw = load_sample("cora")
    assert (raw.n_nodes, len(raw.rows)) == (2708, 5278) == (SAMPLES["cora"].n_nodes, SAMPLES["cora"].n_edges)
    for path in served.iterdir():
        path.unlink()
    again = load_sample("cora")  # from the disk
    np.testing.assert_array_equal(raw.rows, again.rows)


def test_another_file_in_its_place_is_refused(home, served):
    for name in samples._SHA256:
        (served / name).write_bytes(b"\x80\x02K\x01.")
    with pytest.raises(DataError, match="SHA-256"):
        load_sample("citeseer")
    assert not list(home.rglob("ind.*"))  # nothing of it was kept


def test_a_missing_file_is_told(home, served):
    with pytest.raises(DataError, match="PubMed"):
        load_sample("pubmed")


def test_every_fetched_sample_has_all_its_files():
    for name, sample in SAMPLES.items():
        if sample.online:
            held = {key for key in samples._SHA256 if key.startswith(f"ind.{name}.")}
            assert len(held) == 8
            assert all(len(samples._SHA256[key]) == 64 for key in held)
