"""The Data page: samples, uploads, repairs, and errors that keep what was there."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import sparse

from dashboard import uploads
from vgae_core.data.limits import Limits
from vgae_core.data.readers import read
from vgae_core.data.samples import SAMPLES
from vgae_core.errors import LimitError

EDGES = b"source,target\nann,bob\nbob,cid\ncid,ann\ncid,cid\nbob,ann\ndee,eve\n"
LABELS = b"node,team\nann,red\nbob,red\ncid,blue\n"


@pytest.fixture(autouse=True)
def in_process(request, monkeypatch):
    """Read without the child process, whose start would dominate; one test goes the whole way."""
    if "isolated" not in request.fixturenames:
        monkeypatch.setattr(uploads, "read_isolated", read)


@pytest.fixture
def isolated():
    """Ask for the real child process."""


def texts(at):
    return " ".join(
        str(element.value).replace("\\", "")
        for kind in ("title", "caption", "markdown", "error", "metric")
        for element in getattr(at, kind)
    )


def metric(at, label):
    return next(m.value for m in at.metric if m.label == label)


def open_upload(app):
    at = app()
    at.segmented_control(key="how").set_value("Upload").run()
    assert not at.exception
    return at


def put(at, **files):
    for slot, (name, content) in files.items():
        at.file_uploader(key=f"upload_{slot}_0").upload(name, content)
    next(b for b in at.button if b.label == "Read files").click()
    return at.run()


def test_first_visit_shows_the_default_sample(app):
    at = app()
    assert not at.exception
    assert not at.error
    assert at.title[0].value == "Data"
    graph = at.session_state["graph"]
    assert metric(at, "Nodes") == f"{graph.n_nodes:,}"
    assert metric(at, "Edges") == f"{graph.profile.n_edges:,}"
    assert len(at.get("plotly_chart")) == 4


def test_another_sample(app):
    at = app()
    at.selectbox(key="sample").set_value("karate-club").run()
    assert metric(at, "Nodes") != "34"  # looking at the list changes nothing
    next(b for b in at.button if b.label == "Load sample").click()
    at.run()
    assert metric(at, "Nodes") == "34"
    assert metric(at, "Edges") == "78"
    assert at.session_state["spec"].dataset.source == "sample:karate-club"


def test_every_sample_is_described(app):
    at = app()
    for name, sample in SAMPLES.items():
        at.selectbox(key="sample").set_value(name).run()
        assert not at.exception
        assert sample.licence in texts(at)


def test_upload_with_labels(app, isolated):
    at = put(open_upload(app), edges=("my edges.csv", EDGES), labels=("teams.csv", LABELS))
    assert not at.error
    assert not at.exception
    graph = at.session_state["graph"]
    assert sorted(graph.node_ids.tolist()) == ["ann", "bob", "cid", "dee", "eve"]
    assert metric(at, "Edges") == "4"
    assert metric(at, "Components") == "2"
    assert metric(at, "Classes") == "2"
    assert "1 entries lead from a node to itself" in texts(at)
    assert at.session_state["spec"].dataset.source == f"upload:{graph.fingerprint}"
    assert [o.name for o in at.session_state["spec"].outputs] == ["adj_rec", "z_vars", "labels"]
    assert not at.file_uploader(key="upload_edges_1").value  # the bytes are gone from the server


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("empty.csv", b"", "empty"),
        ("nan.csv", b"source,target,weight\na,b,1\nb,c,nan\n", "nan"),
        ("one.csv", b"source,target\na,a\n", "two nodes"),
        ("picture.png", b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "picture.png"),
        ("short.csv", b"a,b\nc,\n", "line 2"),
    ],
)
def test_bad_files_are_refused_and_the_data_stay(app, name, content, said):
    at = open_upload(app)
    before = at.session_state["graph"].fingerprint
    at = put(at, edges=(name, content))
    assert not at.exception
    assert len(at.error) == 1
    shown = " ".join([str(at.error[0].proto.title), at.error[0].value]).replace("\\", "")
    assert said in shown.lower()
    assert at.session_state["graph"].fingerprint == before
    assert metric(at, "Nodes") == f"{at.session_state['graph'].n_nodes:,}"


def test_features_of_other_nodes_are_refused(app):
    at = put(open_upload(app), edges=("e.csv", EDGES), features=("f.csv", b"node,a,b\nzoe,1,2\nyan,3,4\n"))
    assert len(at.error) == 1
    assert at.session_state["spec"].dataset.source.startswith("sample:")


def test_nothing_chosen(app):
    at = open_upload(app)
    next(b for b in at.button if b.label == "Read files").click()
    at.run()
    assert "No graph was chosen" in str(at.error[0].proto.title).replace("\\", "")


def test_the_server_checks_sizes_itself(app, monkeypatch):
    monkeypatch.setattr(uploads, "LIMITS", Limits(upload_bytes=10))
    at = put(open_upload(app), edges=("e.csv", EDGES))
    assert "at most 10" in str(at.error[0].proto.title).replace("\\", "")


@pytest.mark.parametrize(
    ("sizes", "said"),
    [([1] * 17, "17 files"), ([1, 11], "11 bytes; at most 10"), ([6, 6], "12 bytes together")],
)
def test_number_and_sizes_are_checked(monkeypatch, sizes, said):
    monkeypatch.setattr(uploads, "LIMITS", Limits(upload_bytes=10))
    files = [SimpleNamespace(name=f"{i}.csv", size=size) for i, size in enumerate(sizes)]
    with pytest.raises(LimitError, match=said):
        uploads.check(files)


def test_a_data_set_in_several_files(app, shared_data):
    at = open_upload(app)
    for path in sorted((shared_data / "planetoid").glob("ind.citeseer.*")):
        at.file_uploader(key="upload_edges_0").upload(path.name, path.read_bytes())
    next(b for b in at.button if b.label == "Read files").click()
    at.run()
    assert not at.error
    assert metric(at, "Nodes") == "3,327"
    assert metric(at, "Features") == "3,703"


def test_repairs_apply_at_once_and_survive_a_reload(app, studio_store):
    at = put(open_upload(app), edges=("e.csv", EDGES))
    at.segmented_control(key="dataset.repairs.component").set_value("largest").run()
    assert metric(at, "Nodes") == "3"
    assert at.session_state["spec"].dataset.repairs.component == "largest"

    again = app(workspace=at.session_state["workspace"])
    assert metric(again, "Nodes") == "3"
    again.segmented_control(key="dataset.repairs.component").set_value("all").run()
    assert metric(again, "Nodes") == "5"


def test_negative_weights_are_ignored_and_said(app):
    at = put(open_upload(app), edges=("e.csv", b"source,target,weight\na,b,-1\nb,c,2\n"))
    assert not at.error
    assert at.session_state["spec"].dataset.repairs.weights == "ignore"
    assert "negative weight" in texts(at)


def test_names_cannot_be_markup(app):
    content = b"source,target\n[x](http://e.org),<b>y</b>\n<b>y</b>,z\nz,z\n"
    at = put(open_upload(app), edges=("<script>.csv", content))
    assert not at.exception
    for element in [*at.caption, *at.markdown]:
        assert "[x](" not in element.value
        assert "<b>" not in element.value.replace("\\<b", "")


@pytest.mark.parametrize("directed", [True, False])
def test_directed_uploads_keep_both_degrees(app, directed, tmp_path):
    arcs = sparse.coo_array((np.ones(3), ([0, 1, 2], [1, 2, 3])), shape=(5, 5)).tocsr()
    sparse.save_npz(tmp_path / "a.npz", arcs)
    at = put(open_upload(app), edges=("a.npz", (tmp_path / "a.npz").read_bytes()))
    assert not at.error
    value = "directed" if directed else "undirected"
    at.segmented_control(key="dataset.repairs.direction").set_value(value).run()
    assert metric(at, "Arcs" if directed else "Edges") == "3"
    assert metric(at, "Isolated") == "1"
    assert not at.exception


@pytest.mark.parametrize(
    ("files", "n_nodes", "n_edges"),
    [
        ({"edges": "musae_chameleon/edges.csv", "labels": "musae_chameleon/target.csv"}, 2277, 31371),
        ({"edges": "cugraph/email-Eu-core.csv"}, 1005, 16064),
        ({"edges": "snap/facebook_combined.txt"}, 4039, 88234),
        (
            {
                "edges": "scipy_npz/dblp_adj.npz",
                "features": "scipy_npz/dblp_x.npz",
                "labels": "scipy_npz/dblp_labels.csv",
            },
            17716,
            52867,
        ),
        ({"edges": "cugraph/netscience.mtx"}, 1589, 2742),
    ],
    ids=lambda value: value["edges"] if isinstance(value, dict) else "",
)
def test_real_graphs(app, shared_data, files, n_nodes, n_edges):
    at = open_upload(app)
    contents = {slot: (Path(name).name, (shared_data / name).read_bytes()) for slot, name in files.items()}
    at = put(at, **contents)
    assert not at.error
    assert not at.exception
    assert metric(at, "Nodes") == f"{n_nodes:,}"
    assert metric(at, "Edges") == f"{n_edges:,}"
