"""The Data page: samples, uploads, repairs, and errors that keep what was there."""

from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from dashboard import uploads
from vgae_core.data.limits import Limits
from vgae_core.data.readers import look, read
from vgae_core.data.samples import SAMPLES
from vgae_core.errors import LimitError

EDGES = b"source,target\nann,bob\nbob,cid\ncid,ann\ncid,cid\nbob,ann\ndee,eve\n"
LABELS = b"node,team\nann,red\nbob,red\ncid,blue\n"


@pytest.fixture(autouse=True)
def in_process(request, monkeypatch):
    """Read without the child process, whose start would dominate; one test goes the whole way."""
    if "isolated" not in request.fixturenames:
        monkeypatch.setattr(uploads, "read_isolated", read)
        monkeypatch.setattr(uploads, "look_isolated", lambda files, how, progress: look(files, how))


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


def drop(at, *files):
    """Drop (name, content) files together."""
    for name, content in files:
        at.file_uploader[0].upload(name, content)
    return at.run()


def read_files(at):
    next(b for b in at.button if b.label == "Read files").click()
    return at.run()


def put(at, *files):
    return read_files(drop(at, *files))


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
    at = put(open_upload(app), ("my edges.csv", EDGES), ("teams.csv", LABELS))
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
    assert not at.file_uploader[0].value  # the bytes are out of the server's memory
    assert len(list(at.session_state["upload_desk"].folder.iterdir())) == 2


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
    at = put(at, (name, content))
    assert not at.exception
    assert len(at.error) == 1
    shown = " ".join([str(at.error[0].proto.title), at.error[0].value]).replace("\\", "")
    assert said in shown.lower()
    assert at.session_state["graph"].fingerprint == before
    assert metric(at, "Nodes") == f"{at.session_state['graph'].n_nodes:,}"


def test_features_of_other_nodes_are_refused(app):
    at = put(open_upload(app), ("e.csv", EDGES), ("f.csv", b"node,a,b\nzoe,1,2\nyan,3,4\n"))
    assert len(at.error) == 1
    assert at.session_state["spec"].dataset.source.startswith("sample:")


def test_nothing_chosen(app):
    at = open_upload(app)
    next(b for b in at.button if b.label == "Read files").click()
    at.run()
    assert "No file was chosen" in str(at.error[0].proto.title).replace("\\", "")


def test_the_server_checks_sizes_itself(app, monkeypatch):
    monkeypatch.setattr(uploads, "LIMITS", Limits(upload_bytes=10))
    at = drop(open_upload(app), ("e.csv", EDGES))
    assert "at most 10" in str(at.error[0].proto.title).replace("\\", "")


@pytest.mark.parametrize(
    ("sizes", "said"),
    [
        ([1] * 4, "files 4 exceeds the limit of 3"),
        ([1, 11], "11 bytes; at most 10"),
        ([6, 6], "12 bytes together"),
    ],
)
def test_number_and_sizes_are_checked(monkeypatch, sizes, said):
    monkeypatch.setattr(uploads, "LIMITS", Limits(upload_bytes=10, files=3))
    with pytest.raises(LimitError, match=said):
        uploads.check([(f"{i}.csv", size) for i, size in enumerate(sizes)])


def test_a_data_set_in_several_files(app, shared_data):
    files = sorted((shared_data / "planetoid").glob("ind.citeseer.*"))
    at = put(open_upload(app), *((path.name, path.read_bytes()) for path in files))
    assert not at.error
    assert metric(at, "Nodes") == "3,327"
    assert metric(at, "Features") == "3,703"


FEATURES = b"node,x,y\nann,1,2\nbob,3,4\ncid,5,2\ndee,1,2\neve,0,4\n"


def test_files_are_looked_at_and_can_be_corrected(app):
    at = drop(open_upload(app), ("e.csv", EDGES), ("f.csv", FEATURES))
    assert not at.error
    assert at.session_state["spec"].dataset.source.startswith("sample:")  # nothing is read yet
    assert "e.csv" in texts(at)
    assert "comma-separated · with a header" in texts(at)
    assert [s.value for s in at.selectbox if s.key.startswith("upload_role_")] == ["edges", "labels"]
    at = read_files(at)
    assert metric(at, "Features") == "0"
    # The second file holds features after all.
    at = next(s for s in at.selectbox if s.key.startswith("upload_role_1_1")).set_value("features").run()
    at = read_files(at)
    assert not at.error
    assert at.session_state["graph"].feature_names == ("x", "y")
    files = at.session_state["spec"].dataset.files
    assert [(f.name, f.role) for f in files] == [("e.csv", "edges"), ("f.csv", "features")]


def test_a_column_gets_another_use(app):
    at = drop(open_upload(app), ("edges.csv", EDGES), ("features.csv", FEATURES))
    desk = at.session_state["upload_desk"]
    # AppTest cannot edit a table: what its callback does is done here.
    desk.say("features.csv", uses=uploads.edited_uses(desk.look()[1], {2: {"Used as": "label"}}))
    at.run()
    assert at.data_editor[1].value["Used as"].tolist() == ["id", "features", "label"]
    at = read_files(at.run())
    assert not at.error
    graph = at.session_state["graph"]
    assert graph.feature_names == ("x",)
    assert graph.label_names == ("2", "4")
    said = at.session_state["spec"].dataset.files[1]
    assert said.uses == {"node": "id", "y": "label"}


def test_a_file_that_is_none_can_be_left_out(app):
    at = drop(open_upload(app), ("e.csv", EDGES), ("photo.png", b"\x89PNG\r\n\x1a\n" + bytes(99)))
    assert "PNG" in " ".join(w.value for w in at.warning)
    at = next(s for s in at.selectbox if s.key.startswith("upload_role_1_1")).set_value("ignore").run()
    assert not at.warning
    at = read_files(at)
    assert not at.error
    assert metric(at, "Edges") == "4"


def test_a_file_dropped_again_replaces_the_old_one_and_all_can_go(app):
    at = drop(drop(open_upload(app), ("e.csv", EDGES)), ("e.csv", b"a,b\nb,c\n"))
    desk = at.session_state["upload_desk"]
    assert [f.name for f in desk.files] == ["e.csv"]
    assert len(list(desk.folder.iterdir())) == 1
    at = next(b for b in at.button if b.label == "Remove all files").click().run()
    assert not list(desk.folder.iterdir())
    assert not [s for s in at.selectbox if s.key.startswith("upload_role_")]


def test_a_whole_folder(app):
    at = open_upload(app)
    at.toggle(key="upload_folder").set_value(True).run()
    at = drop(
        at, ("club/edges.csv", EDGES), ("club/more/features.csv", FEATURES), ("club/README.md", b"A club")
    )
    assert [f.name for f in at.session_state["upload_desk"].files] == ["edges.csv", "features.csv"]
    at = read_files(at)
    assert not at.error
    assert (metric(at, "Edges"), metric(at, "Features")) == ("4", "2")
    assert "features.csv" in texts(at)


def test_limits_stand_beside_the_drop_zone(app):
    assert f"{uploads.LIMITS.nodes:,} nodes, {uploads.LIMITS.edges:,} entries" in texts(open_upload(app))


def test_repairs_apply_at_once_and_survive_a_reload(app, studio_store):
    at = put(open_upload(app), ("e.csv", EDGES))
    at.segmented_control(key="dataset.repairs.component").set_value("largest").run()
    assert metric(at, "Nodes") == "3"
    assert at.session_state["spec"].dataset.repairs.component == "largest"

    again = app(workspace=at.session_state["workspace"])
    assert metric(again, "Nodes") == "3"
    again.segmented_control(key="dataset.repairs.component").set_value("all").run()
    assert metric(again, "Nodes") == "5"


def test_negative_weights_are_ignored_and_said(app):
    at = put(open_upload(app), ("e.csv", b"source,target,weight\na,b,-1\nb,c,2\n"))
    assert not at.error
    assert at.session_state["spec"].dataset.repairs.weights == "ignore"
    assert "negative weight" in texts(at)


def test_names_cannot_be_markup(app):
    content = b"source,target\n[x](http://e.org),<b>y</b>\n<b>y</b>,z\nz,z\n"
    at = put(open_upload(app), ("<script>.csv", content))
    assert not at.exception
    for element in [*at.caption, *at.markdown]:
        assert "[x](" not in element.value
        assert "<b>" not in element.value.replace("\\<b", "")


@pytest.mark.parametrize("directed", [True, False])
def test_directed_uploads_keep_both_degrees(app, directed, tmp_path):
    arcs = sparse.coo_array((np.ones(3), ([0, 1, 2], [1, 2, 3])), shape=(5, 5)).tocsr()
    sparse.save_npz(tmp_path / "a.npz", arcs)
    at = put(open_upload(app), ("a.npz", (tmp_path / "a.npz").read_bytes()))
    assert not at.error
    value = "directed" if directed else "undirected"
    at.segmented_control(key="dataset.repairs.direction").set_value(value).run()
    assert metric(at, "Arcs" if directed else "Edges") == "3"
    assert metric(at, "Isolated") == "1"
    assert not at.exception


@pytest.mark.parametrize(
    ("files", "n_nodes", "n_edges"),
    [
        (["musae_chameleon/edges.csv", "musae_chameleon/target.csv"], 2277, 31371),
        (["cugraph/email-Eu-core.csv"], 1005, 16064),
        (["snap/facebook_combined.txt"], 4039, 88234),
        (["scipy_npz/dblp_adj.npz", "scipy_npz/dblp_x.npz", "scipy_npz/dblp_labels.csv"], 17716, 52867),
        (["cugraph/netscience.mtx"], 1589, 2742),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_real_graphs(app, shared_data, files, n_nodes, n_edges):
    at = put(open_upload(app), *((Path(name).name, (shared_data / name).read_bytes()) for name in files))
    assert not at.error
    assert not at.exception
    assert metric(at, "Nodes") == f"{n_nodes:,}"
    assert metric(at, "Edges") == f"{n_edges:,}"
