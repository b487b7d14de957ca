"""The Data page: samples, uploads, repairs, and errors that keep what was there."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from dashboard.data import panels, uploads
from vgae_core.data.readers import look, read
from vgae_core.data.samples import SAMPLES
from vgae_core.errors import LimitError
from vgae_core.host.limits import Limits
from vgae_core.settings import FileSpec

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


def button(at, label):
    return next(b for b in at.button if b.label.replace("\\", "") == label)


def use(at):
    """Adopt the files on the desk."""
    assert not button(at, "Use this data").disabled
    return button(at, "Use this data").click().run()


def put(at, *files):
    return use(drop(at, *files))


def errors(at):
    return " ".join(f"{e.proto.title} {e.value}" for e in at.error).replace("\\", "")


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
    assert "1 entries connect a node to itself" in texts(at)
    assert at.session_state["spec"].dataset.source == f"upload:{graph.fingerprint}"
    assert [o.name for o in at.session_state["spec"].outputs] == ["adj_rec", "z_vars", "labels"]
    assert not at.file_uploader[0].value  # the bytes are out of the server's memory
    assert len(list(at.session_state["upload_desk"].folder.iterdir())) == 2


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("empty.csv", b"", "empty"),
        ("inf.csv", b"source,target,weight\na,b,1\nb,c,inf\n", "inf"),
        ("picture.png", b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "picture.png"),
        ("notes.md", b"# Notes\n\nThis is what we did.\n", "running text"),
        ("short.csv", b"a,b\nc,\n", "line 2"),
    ],
)
def test_bad_files_are_refused_and_the_data_stay(app, name, content, said):
    at = open_upload(app)
    before = at.session_state["graph"].fingerprint
    at = drop(at, (name, content))
    assert not at.exception
    assert len(at.error) == 1
    assert said in errors(at).lower()
    assert not [b for b in at.button if b.label == "Use this data" and not b.disabled]
    assert at.session_state["graph"].fingerprint == before
    assert button(at, "Ignore this file")


def test_what_cannot_be_trained_on_is_refused_and_the_data_stay(app):
    at = open_upload(app)
    before = at.session_state["graph"].fingerprint
    at = put(at, ("one.csv", b"source,target\na,a\n"))
    assert "two nodes" in errors(at)
    assert at.session_state["graph"].fingerprint == before


def test_features_of_other_nodes_are_refused(app):
    at = drop(open_upload(app), ("e.csv", EDGES), ("f.csv", b"node,a,b\nzoe,1,2\nyan,3,4\n"))
    assert "f.csv" in errors(at)
    assert at.session_state["spec"].dataset.source.startswith("sample:")


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


def roles(at):
    return [s for s in at.selectbox if s.key.startswith("upload_role_")]


FEATURES = b"node,x,y\nann,1,2\nbob,3,4\ncid,5,2\ndee,1,2\neve,0,4\n"


def test_files_are_looked_at_and_can_be_corrected(app):
    at = drop(open_upload(app), ("e.csv", EDGES), ("f.csv", FEATURES))
    assert not at.error
    assert at.session_state["spec"].dataset.source.startswith("sample:")  # nothing is read yet
    assert "e.csv" in texts(at)
    assert "comma-delimited text · with a header row" in texts(at)
    assert [s.value for s in roles(at)] == ["edges", "features"]
    assert not at.metric  # the page shows the files, not the data that are loaded
    assert "Current data: Python import graph" in texts(at)
    assert "5 nodes · 4 edges" in texts(at)
    at = use(roles(at)[1].set_value("labels").run())
    assert metric(at, "Features") == "0"
    # The second file holds features after all.
    at = roles(at)[1].set_value("features").run()
    assert not at.metric
    at = use(at)
    assert not at.error
    assert at.session_state["graph"].feature_names == ("x", "y")
    files = at.session_state["spec"].dataset.files
    assert [(f.name, f.role) for f in files] == [("e.csv", "edges"), ("f.csv", "features")]


def column(at, label, nth=0):
    return [s for s in at.selectbox if s.label == label and s.key.startswith("upload_use_")][nth]


def test_a_column_gets_another_use(app):
    at = drop(open_upload(app), ("edges.csv", EDGES), ("features.csv", FEATURES))
    assert column(at, "x").value == "features"
    at = column(at, "y").set_value("label").run()
    assert (column(at, "node").value, column(at, "x").value, column(at, "y").value) == (
        "id",
        "features",
        "label",
    )
    at = use(at)
    assert not at.error
    graph = at.session_state["graph"]
    assert graph.feature_names == ("x",)
    assert graph.label_names == ("2", "4")
    said = at.session_state["spec"].dataset.files[1]
    assert said.uses == {"node": "id", "y": "label"}


def test_two_columns_change_places(app):
    at = drop(open_upload(app), ("trips.csv", b"source,target,via\na,b,c\nb,d,e\n"))
    at = column(at, "via").set_value("target").run()
    assert [column(at, name).value for name in ("source", "target", "via")] == ["source", "ignore", "target"]
    at = use(at)
    assert sorted(at.session_state["graph"].node_ids) == ["a", "b", "c", "e"]


def test_what_was_corrected_can_be_detected_anew(app):
    at = drop(open_upload(app), ("e.csv", EDGES))
    header = next(s for s in at.selectbox if s.key.startswith("upload_header_"))
    at = header.set_value("no").run()
    assert "7 nodes" in texts(at)  # "source" and "target" too
    at = button(at, "Undo").click().run()
    assert "5 nodes" in texts(at)


def test_a_wide_table_is_edited_as_a_table(app):
    names = [f"c{i}" for i in range(12)]
    wide = "\n".join([",".join(["id", *names]), *(",".join([n, *["1", "0"] * 6]) for n in ("ann", "bob"))])
    at = drop(open_upload(app), ("e.csv", EDGES), ("f.csv", wide.encode()))
    assert at.data_editor[0].value["Used as"].tolist() == ["id", *["features"] * 12]
    # AppTest cannot edit a table: what its callback does is done here.
    desk = at.session_state["upload_desk"]
    report = desk.look()[1]
    desk.change(report, {f"uses.{p}": u for p, u in panels.edited_uses(report, {"c3": "label"}).items()})
    at = use(at.run())
    graph = at.session_state["graph"]
    assert graph.feature_names == tuple(n for n in names if n != "c3")
    assert graph.label_names == ("0",)


def test_a_file_that_is_none_can_be_left_out(app):
    at = drop(open_upload(app), ("e.csv", EDGES), ("photo.png", b"\x89PNG\r\n\x1a\n" + bytes(99)))
    assert "PNG" in errors(at)
    at = button(at, "Ignore this file").click().run()
    at = use(at)
    assert not at.error
    assert metric(at, "Edges") == "4"


def test_a_refused_file_may_hold_names(app):
    people = [f"p{i}" for i in range(30)]
    ring = "".join(f"{a},{b}\n" for a, b in zip(people, [*people[1:], people[0]], strict=True)).encode()
    names = b"id,Label\n" + "".join(f"{person},Person {person}\n" for person in people).encode()
    at = drop(open_upload(app), ("e.csv", ring), ("people.csv", names))
    said = FileSpec(name="people.csv", role="labels", uses={"Label": "label"})
    at.session_state["upload_desk"].how["people.csv"] = said
    at = at.run()
    assert "does not hold classes" in errors(at)
    at = button(at, "Use as node names").click().run()
    assert not at.error
    assert "Person p7" in use(at).session_state["graph"].node_ids


def test_a_file_dropped_again_replaces_the_old_one_and_all_can_go(app):
    at = drop(drop(open_upload(app), ("e.csv", EDGES)), ("e.csv", b"a,b\nb,c\n"))
    desk = at.session_state["upload_desk"]
    assert [f.name for f in desk.files] == ["e.csv"]
    assert len(list(desk.folder.iterdir())) == 1
    at = button(at, "Remove all files").click().run()
    assert not list(desk.folder.iterdir())
    assert not roles(at)
    assert metric(at, "Nodes")  # the data that are loaded are back


def test_large_files_are_read_on_a_click(app, monkeypatch):
    monkeypatch.setattr(uploads, "AT_ONCE", 10)
    at = drop(open_upload(app), ("e.csv", EDGES))
    assert "5 nodes" not in texts(at)
    at = button(at, "Read files").click().run()
    assert "5 nodes · 4 edges" in texts(at)
    assert at.session_state["spec"].dataset.source.startswith("sample:")
    at = use(at)
    assert metric(at, "Nodes") == "5"


def test_files_are_looked_at_and_read_once(app, monkeypatch):
    calls = []
    monkeypatch.setattr(
        uploads, "look_isolated", lambda files, how, **k: calls.append("look") or look(files, how)
    )
    monkeypatch.setattr(uploads, "read_isolated", lambda *a, **k: calls.append("read") or read(*a, **k))
    at = drop(open_upload(app), ("e.csv", EDGES))
    at = use(at.run().run())
    assert calls == ["look", "read"]
    assert button(at, "In use").disabled
    bad = drop(open_upload(app), ("inf.csv", b"source,target,weight\na,b,1\nb,c,inf\n"))
    bad.run().run()
    assert calls == ["look", "read"] * 2  # what was refused is not tried at each click


def test_what_the_server_had_no_room_for_can_be_tried_again(app, monkeypatch):
    def full(*arguments, **options):
        raise LimitError("Not enough memory to read it.", where="e.csv")

    monkeypatch.setattr(uploads, "read_isolated", full)
    at = drop(open_upload(app), ("e.csv", EDGES))
    assert "Not enough memory" in errors(at)
    monkeypatch.setattr(uploads, "read_isolated", read)
    at = button(at, "Try again").click().run()
    assert not at.error
    assert metric(use(at), "Nodes") == "5"


def test_a_sample_after_an_upload_makes_the_files_wait(app):
    at = put(open_upload(app), ("e.csv", EDGES))
    at.segmented_control(key="how").set_value("Sample").run()
    at.selectbox(key="sample").set_value("karate-club").run()
    at = button(at, "Load sample").click().run()
    assert metric(at, "Nodes") == "34"
    at.segmented_control(key="how").set_value("Upload").run()
    assert not at.metric
    assert "Current data" in texts(at)


def test_a_whole_folder(app):
    at = open_upload(app)
    at.toggle(key="upload_folder").set_value(True).run()
    at = drop(
        at, ("club/edges.csv", EDGES), ("club/more/features.csv", FEATURES), ("club/README.md", b"A club")
    )
    assert [f.name for f in at.session_state["upload_desk"].files] == ["edges.csv", "features.csv"]
    at = use(at)
    assert not at.error
    assert (metric(at, "Edges"), metric(at, "Features")) == ("4", "2")
    assert "features.csv" in texts(at)


NUMBERED = b"".join(b"%d %d\n" % (1 + i % 25, 1 + (7 * i + i // 25) % 30) for i in range(60))
"""Two columns of numbers in the same range, some rows of which are (1, 1): one set of nodes, or two?"""


def test_what_is_not_certain_is_asked_before_anything_is_read(app):
    at = drop(open_upload(app), ("visits.txt", NUMBERED))
    assert not at.exception
    (asked,) = at.warning
    assert "Sets of nodes" in asked.proto.title.replace("\\", "")
    assert "Answer 1 question before using this data" in texts(at)
    assert button(at, "Use this data").disabled
    assert at.session_state["upload_desk"].result is None
    assert at.session_state["spec"].dataset.source.startswith("sample:")

    at = button(at, "Two sets of nodes").click().run()
    assert not at.warning
    proposed = dict(at.session_state["upload_desk"].how["visits.txt"].to_dict())
    assert proposed["sides"] in ("one", "two")
    at = use(at)
    assert len(at.session_state["graph"].node_ids) == {"one": 30, "two": 55}[proposed["sides"]]
    assert at.session_state["spec"].dataset.files[0].sides == proposed["sides"]


def test_another_reading_is_one_click_away(app):
    at = drop(open_upload(app), ("visits.txt", NUMBERED))
    matrix = next(b for b in at.button if "matrix" in b.label)
    at = use(matrix.click().run())
    assert not at.error
    assert at.session_state["graph"].is_matrix
    assert metric(at, "Rows") == "25"


def test_the_evidence_stays_with_the_loaded_data(app):
    at = put(open_upload(app), ("net.txt", b"YA pp YB\nYC pp YB\nYB pd YD\nYD pd YE\nYE pd YA\nYA pp YC\n"))
    assert "YA pp YB" in texts(at)
    assert "kind of each edge" in texts(at)
    again = app(workspace=at.session_state["workspace"])  # the files are gone, what they were read as is not
    assert "YA pp YB" in texts(again)
    assert "kind of each edge" in texts(again)
    assert not [b for b in again.button if b.key and b.key.startswith("reading_")]


def test_relations_are_a_repair_with_counts(app):
    content = b"YA pp YB\nYC pp YB\nYB pd YD\nYD pd YE\nYE pd YA\nYA pp YC\nYB pp YE\n"
    at = put(open_upload(app), ("net.sif", content))
    kinds = at.multiselect(key="dataset.repairs.relations")
    assert kinds.options == ["pp (4)", "pd (3)"]
    assert kinds.value == []
    at = kinds.set_value(["pd"]).run()
    assert not at.exception
    assert at.session_state["spec"].dataset.repairs.relations == ("pd",)
    assert metric(at, "Edges") == "3"
    at = put(drop(at, ("net.sif", EDGES.replace(b",", b" "))))
    assert not [m for m in at.multiselect if m.key == "dataset.repairs.relations"]


def test_nothing_to_repair_is_one_line(app):
    at = put(open_upload(app), ("ring.csv", b"source,target\na,b\nb,c\nc,d\nd,a\n"))
    folded = next(e for e in at.expander if "repair" in e.label.lower())
    assert folded.label == "Nothing to repair"
    assert {w.key for w in folded.segmented_control} >= {"dataset.repairs.self_loops"}
    at = put(at, ("ring.csv", b"source,target\na,b\nb,c\nc,d\nd,a\na,a\n"))
    folded = next(e for e in at.expander if "repair" in e.label.lower())
    assert folded.label == "Other repairs"
    assert "dataset.repairs.self_loops" not in {w.key for w in folded.segmented_control}
    assert at.segmented_control(key="dataset.repairs.self_loops").value == "drop"


def test_examples_are_not_told_twice(app):
    at = put(
        open_upload(app),
        ("e.csv", b"source,target,colour,shape\na,b,red,round\nb,c,blue,square\nc,d,red,flat\n"),
    )
    told = [m.value for m in at.markdown if "not used" in m.value]
    assert len(told) == 1
    assert told[0].replace("\\", "").count("colour") == 1


def test_limits_are_told(app):
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


def test_a_correction_of_the_data_in_use_opens_the_upload_tab(app):
    at = put(open_upload(app), ("e.csv", EDGES))
    at = at.segmented_control(key="how").set_value("Sample").run()
    assert metric(at, "Nodes") == "5"
    header = next(s for s in at.selectbox if s.key.startswith("upload_header_"))
    at = header.set_value("no").run()
    assert not at.exception
    assert at.segmented_control(key="how").value == "Upload"
    assert "7 nodes" in texts(at)
    assert not button(at, "Use this data").disabled


def test_files_choices_and_name_outlast_other_pages(app):
    at = drop(open_upload(app), ("e.csv", EDGES))
    header = next(s for s in at.selectbox if s.key.startswith("upload_header_"))
    at = header.set_value("no").run()
    at = at.text_input(key="upload_name").set_value("My friends").run()
    at = at.switch_page("pages/model.py").run()
    at = at.switch_page("pages/data.py").run()
    assert not at.exception
    assert at.segmented_control(key="how").value == "Upload"
    assert "7 nodes" in texts(at)
    at = drop(at, ("teams.csv", b"node,team\nann,red\nbob,red\ncid,blue\nsource,red\n"))
    assert at.text_input(key="upload_name").value == "My friends"
    at = at.segmented_control(key="how").set_value("Sample").run()
    assert "2 files are waiting on the Upload tab" in texts(at)
    at = at.segmented_control(key="how").set_value("Upload").run()
    assert use(at).session_state["graph"].name == "My friends"


def test_a_name_goes_with_its_files(app):
    at = drop(open_upload(app), ("e.csv", EDGES))
    at = at.text_input(key="upload_name").set_value("My friends").run()
    at = button(at, "Remove all files").click().run()
    at = drop(at, ("f.csv", EDGES))
    assert at.text_input(key="upload_name").value == ""


def test_after_a_reload_the_page_says_that_the_files_are_gone(app):
    at = put(open_upload(app), ("e.csv", EDGES))
    assert "no longer on the server" not in texts(at)
    again = app(workspace=at.session_state["workspace"])
    assert again.segmented_control(key="how").value == "Upload"
    assert "no longer on the server" in texts(again)


def test_the_ticket_tells_what_the_repairs_will_make_of_the_files(app):
    content = b"source,target,weight\na,b,1\na,b,1\na,b,1\nb,c,1\nc,d,1\nd,d,1\n"
    features = b"node,x,y\na,1,2\nb,3,\nc,5,2.5\nd,1,2\n"
    at = drop(open_upload(app), ("e.csv", content), ("features.csv", features))
    before = texts(at)
    assert "undirected · weighted · 2 features" in before
    assert "2 repeated edges will be added up" in before
    assert "1 self-loop will be removed" in before
    assert before.count("1 feature value is missing") == 1
    assert "will be its column's mean" in before
    at = use(at)
    assert "Undirected · weighted" in texts(at)
    graph = at.session_state["graph"]
    assert not graph.directed
    assert graph.adjacency.diagonal().sum() == 0
    assert graph.adjacency.max() == 3


def test_repeated_edges_without_weights_are_planned_to_count_once(app):
    at = drop(open_upload(app), ("e.csv", b"source,target\nann,bob\nann,bob\nbob,cid\n"))
    assert "1 repeated edge will count once" in texts(at)
    assert use(at).session_state["graph"].adjacency.max() == 1


def test_relations_are_told_once_before_use(app):
    at = drop(open_upload(app), ("net.sif", b"YA pp YB\nYC pp YB\nYB pd YD\nYD pd YE\nYE pd YA\nYA pp YC\n"))
    assert texts(at).count("pp (3)") == 1


def test_negative_weights_are_planned_to_be_ignored(app):
    at = drop(open_upload(app), ("e.csv", b"source,target,weight\na,b,-1\nb,c,2\n"))
    assert "undirected · unweighted" in texts(at)
    assert "Weights will be ignored" in texts(at)
    assert not use(at).session_state["graph"].profile.weighted


def test_every_change_can_be_undone_at_the_top_of_its_panel(app):
    at = drop(open_upload(app), ("visits.txt", NUMBERED))
    assert not [b for b in at.button if b.label == "Undo"]
    at = next(b for b in at.button if "matrix" in b.label).click().run()
    assert "You changed this" in texts(at)
    assert not at.warning
    at = button(at, "Undo").click().run()
    assert "You changed this" not in texts(at)
    assert "Sets of nodes" in at.warning[0].proto.title.replace("\\", "")


def remove(at, nth):
    return [b for b in at.button if b.key and b.key.startswith("upload_remove_")][nth].click().run()


def test_of_two_edge_files_one_is_used_or_removed(app):
    files = ("a.csv", EDGES), ("b.csv", b"source,target\nann,zoe\nzoe,bob\n")
    at = drop(open_upload(app), *files)
    assert "cannot be read" not in texts(at).lower()
    assert "2 files hold edges" in texts(at)
    assert sum(e.label == "Format" for e in at.expander) == 2  # nothing is wrong with how they are laid out
    only = [b for b in at.button if b.label == "Use only this file"]
    assert len(only) == 2
    at = only[1].click().run()
    assert "zoe" in use(at).session_state["graph"].node_ids

    at = remove(drop(open_upload(app), *files), 1)
    assert [f.name for f in at.session_state["upload_desk"].files] == ["a.csv"]
    assert "dee" in use(at).session_state["graph"].node_ids


def test_a_file_that_is_none_can_be_removed(app):
    at = drop(open_upload(app), ("e.csv", EDGES), ("photo.png", b"\x89PNG\r\n\x1a\n" + bytes(99)))
    desk = at.session_state["upload_desk"]
    assert "Cannot be read: see the error on the right." in texts(at)
    assert sum(s.key.startswith("upload_encoding_") for s in at.selectbox) == 1  # a picture has none
    at = remove(at, [report.how.name for report in desk.reports].index("photo.png"))
    assert len(list(desk.folder.iterdir())) == 1
    assert metric(use(at), "Edges") == "4"


def test_a_broken_archive_has_a_panel_and_can_be_removed(app):
    at = drop(open_upload(app), ("e.csv", EDGES), ("more.zip", b"PK\x03\x04" + bytes(40)))
    assert not at.exception
    assert errors(at).count("zip archive is damaged") == 1
    assert button(at, "Use this data").disabled
    at = remove(at, 1)
    assert not at.error
    assert metric(use(at), "Edges") == "4"


def test_a_question_stays_until_it_is_answered(app, monkeypatch):
    def hasty(files, how, progress):
        """Look at the files, sure of everything once any setting is known."""
        reports = look(files, how)
        if not how:
            return reports
        return tuple(
            dataclasses.replace(r, judgements=tuple(j for j in r.judgements if j.sure)) for r in reports
        )

    monkeypatch.setattr(uploads, "look_isolated", hasty)
    at = drop(open_upload(app), ("visits.txt", NUMBERED))
    decimal = next(s for s in at.selectbox if s.key.startswith("upload_decimal_"))
    at = decimal.set_value("point").run()
    assert "Sets of nodes" in at.warning[0].proto.title.replace("\\", "")
    assert button(at, "Use this data").disabled
    assert at.session_state["upload_desk"].result is None
    at = button(at, "Two sets of nodes").click().run()
    assert not at.warning
    how = at.session_state["upload_desk"].how["visits.txt"]
    assert how.sides in ("one", "two")
    assert how.decimal == "point"
    assert use(at).session_state["spec"].dataset.files[0].sides == how.sides


def test_the_setting_itself_answers_its_question(app):
    at = drop(open_upload(app), ("visits.txt", NUMBERED))
    sides = next(s for s in at.selectbox if s.key.startswith("upload_sides_"))
    at = sides.set_value("one").run()
    assert not at.warning
    assert len(use(at).session_state["graph"].node_ids) == 30


def test_a_text_that_cannot_be_read_shows_its_settings_beside_the_error(app):
    at = drop(open_upload(app), ("e.csv", "source,target\nann,bob\nbob,cid\n".encode("utf-16")[:-1]))
    assert len(at.error) == 1
    assert "Read as auto" not in texts(at)
    fields = {s.key.split("_")[1]: s for s in at.selectbox if s.key.startswith("upload_")}
    assert {"encoding", "separator"} <= set(fields)
    assert "Parts" not in {e.label for e in at.expander}
    at = fields["encoding"].set_value("latin-1").run()
    assert button(at, "Undo")


def test_ignored_files_alone_are_nothing_to_read(app):
    at = drop(open_upload(app), ("e.csv", EDGES))
    at = roles(at)[0].set_value("ignore").run()
    assert not at.error
    assert "Nothing to read yet: add a file with edges or a matrix." in texts(at)
    assert button(at, "Use this data").disabled


def test_removing_the_files_in_use_keeps_the_data(app):
    at = put(open_upload(app), ("e.csv", EDGES))
    assert "stay loaded when the files are removed" in texts(at)
    at = button(at, "Remove all files").click().run()
    assert metric(at, "Nodes") == "5"


def test_after_an_undo_the_data_are_in_use_as_before(app, monkeypatch):
    at = put(open_upload(app), ("e.csv", EDGES))
    before = at.session_state["graph"]
    header = next(s for s in at.selectbox if s.key.startswith("upload_header_"))
    at = header.set_value("no").run()
    assert not at.metric
    at = button(at, "Undo").click().run()
    assert button(at, "In use").disabled
    assert at.session_state["graph"] is before
    assert metric(at, "Nodes") == "5"


def test_a_two_sided_graph_is_told_with_its_sides(app):
    at = open_upload(app)
    rows = sorted({(a % 9, b % 7) for a in range(30) for b in range(a % 4)})
    content = "user,item\n" + "".join(f"{a + 1},{b + 1}\n" for a, b in rows)
    at = drop(at, ("visits.csv", content.encode()))
    button(at, "Use this data").click().run()
    assert not at.exception
    users, items = (len({row[side] for row in rows}) for side in (0, 1))
    told = f"Two-sided graph: {users} nodes (user) on one side, {items} (item) on the other"
    assert told in texts(at)
    assert metric(at, "Density") == f"{len(rows) / (users * items):.2%}"


def test_a_pasted_text_is_read_like_a_file(app):
    at = open_upload(app)
    at.text_area(key="pasted").set_value("ann bob\nbob cid\ncid ann\n").run()
    at = use(at.button(key="use_pasted").click().run())
    assert not at.error
    assert sorted(at.session_state["graph"].node_ids.tolist()) == ["ann", "bob", "cid"]
    assert metric(at, "Edges") == "3"


def test_a_text_pasted_again_replaces_the_one_before(app):
    at = open_upload(app)
    for text in ("ann bob\nbob cid\n", "dee eve\neve fay\nfay dee\n"):
        at.text_area(key="pasted").set_value(text).run()
        at.button(key="use_pasted").click().run()
    assert [file.name for file in at.session_state["upload_desk"].files] == [uploads.PASTED]
    assert sorted(use(at).session_state["graph"].node_ids.tolist()) == ["dee", "eve", "fay"]
