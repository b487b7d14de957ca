from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tests.pages.finished_runs import finish_run, make_graph, make_result
from tests.pages.matrix_runs import make_matrix, spec_of
from tests.runs.made import OTHER
from tests.runs.store.test_store import assert_same_result
from vgae_core import isolation
from vgae_core.data.splits import PARTS
from vgae_core.errors import LimitError, RunError
from vgae_core.host.limits import Limits
from vgae_core.runs.disk.files import finite
from vgae_core.runs.exports import bundle_checks
from vgae_core.runs.exports.bundle import MANIFEST, MEMBERS, export_bundle, export_bundles, import_bundles
from vgae_core.runs.exports.bundle_checks import check_task
from vgae_core.runs.results.codes import completed
from vgae_core.runs.results.evaluation import evaluate_result
from vgae_core.runs.store.folder import read_run_dir
from vgae_core.settings import RunSpec
from vgae_core.training.events import EpochEnd, Started

OLD = Path(__file__).parents[2] / "written_by_0_1"
KEPT = Path(__file__).parent / "kept" / "bundle-version-1.zip"


def import_bundle(*args, **more):
    """The one run of a bundle."""
    (run,) = import_bundles(*args, **more)
    return run


@pytest.fixture(autouse=True)
def in_process(request, monkeypatch):
    """Check bundles in this process, which takes a tenth of the time, unless a test is about the child."""
    if "in_a_child" not in request.fixturenames:
        run = lambda task, *, options, limits: check_task({}, options, lambda share, message: None)  # noqa: E731
        monkeypatch.setattr(isolation, "call", run)


@pytest.fixture
def in_a_child():
    """Leave the check to a child process."""


@pytest.fixture
def run(store):
    return finish_run(store, make_graph())


@pytest.fixture
def bundle(run):
    file = io.BytesIO()
    export_bundle(run, file)
    return file.getvalue()


def rebuild(bundle: bytes, *, change=None, drop=(), add=None, hashes=True) -> io.BytesIO:
    """The bundle with members changed, by default with hashes that fit: what an attacker hands in."""
    with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
        members = {name: archive.read(name) for name in archive.namelist() if name not in drop}
    members |= change or {}
    if hashes and MANIFEST in members and MANIFEST not in (change or {}):
        manifest = json.loads(members[MANIFEST])
        manifest["files"] = {
            name: {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
            for name, content in members.items()
            if name != MANIFEST
        }
        members[MANIFEST] = json.dumps(manifest).encode()
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in [*members.items(), *(add or [])]:
            archive.writestr(name, content)
    file.seek(0)
    return file


TRIAL = {
    "recipe": "masked",
    "epoch": 5,
    "epochs": 9,
    "val": {"roc_auc": 0.9, "average_precision": None},
    "best_epoch": 4,
    "seconds": 1.5,
    "message": "",
}


def metrics(**more) -> bytes:
    """The metrics of the made result, and more."""
    return json.dumps({**finite(make_result(make_graph()).metrics), **more}).encode()


def npz(**arrays) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def codes_of(**more) -> dict:
    """The embedding of the made result, and more."""
    result = make_result(make_graph())
    return {"z_mean": result.z_mean, "z_log_var": result.z_log_var, **more}


def split(**changes) -> bytes:
    """The split of the made result with parts changed."""
    parts = {part: getattr(make_result(make_graph()).split, part) for part in PARTS}
    return npz(**parts | {part: change(parts[part]) for part, change in changes.items()})


def spec(keys, value) -> bytes:
    """The default specification with one value changed."""
    document = json.loads(RunSpec().to_json())
    at = document
    for key in keys[:-1]:
        at = at[key]
    at[keys[-1]] = value
    return json.dumps(document).encode()


def finished(**more) -> bytes:
    return json.dumps(
        {"event": "Finished", "reason": "completed", "best_epoch": 7, "seconds": 1.0, **more}
    ).encode()


def epoch(**more) -> bytes:
    event = {"event": "EpochEnd", "epoch": 1, "logs": {"loss": 1.0}, "val": {}, "seconds": 0.1, "best": True}
    return json.dumps({**event, **more}).encode() + b"\n"


def started(**model) -> bytes:
    return json.dumps(
        {"event": "Started", "model": model, "epochs": 1, "steps_per_epoch": 1, "at": 1.0}
    ).encode()


def nested(levels: int) -> dict:
    value: dict = {}
    for _ in range(levels):
        value = {"a": value}
    return value


def member(bundle: bytes, name: str) -> dict:
    with zipfile.ZipFile(io.BytesIO(bundle)) as archive, np.load(io.BytesIO(archive.read(name))) as file:
        return {key: file[key] for key in file.files}


def test_a_run_survives_its_bundle(store, run, bundle, in_a_child):
    again = import_bundle(store, io.BytesIO(bundle), OTHER)
    assert again.id != run.id
    assert again.info.status == "finished"
    assert (again.info.seconds, again.info.best_epoch) == (1.0, 7)
    assert again.info.metrics == finite(again.result().metrics)
    assert again.spec == run.spec
    assert again.events() == run.events()
    scores, metrics = evaluate_result(run.result(), run.graph())
    stated = dataclasses.replace(run.result(), scores=scores, metrics=metrics)
    stated = completed(stated, run.graph())
    fresh = again.result()
    assert fresh.metrics["unchecked"] == ["curves"]
    assert fresh.metrics["latent"]["latent_dim"] == 8
    known = {key: value for key, value in fresh.metrics.items() if key in metrics}
    assert_same_result(stated, dataclasses.replace(fresh, metrics=known))
    assert again.graph().fingerprint == run.graph().fingerprint
    assert [i.id for i in store.list_runs(OTHER)] == [again.id]


def test_a_bundle_of_the_first_version_is_read(store, in_a_child):
    """It was trained before bundles were checked in a child; its scores were TensorFlow's."""
    run = import_bundle(store, KEPT, OTHER)
    graph, result = run.graph(), run.result()
    assert {"=town 0", "Zürich 2"} <= set(graph.node_ids)
    assert graph.n_nodes == 60
    assert run.spec.model.encoder == "gcn"
    assert len(run.history()) > 0
    with zipfile.ZipFile(KEPT) as archive:
        stated = json.loads(archive.read("metrics.json"))
        with np.load(io.BytesIO(archive.read("scores.npz"))) as scores:
            np.testing.assert_allclose(result.scores["model"], scores["model"], rtol=1e-4, atol=1e-5)
    for key, value in stated["test"].items():
        assert result.metrics["test"][key] == pytest.approx(value, abs=1e-6), key


def test_a_folder_of_the_first_version_is_read(tmp_path):
    with zipfile.ZipFile(KEPT) as archive:
        archive.extractall(tmp_path)
    run = read_run_dir(tmp_path)
    assert run.result().z_mean.shape == (60, 8)
    assert run.graph().fingerprint == run.dataset["fingerprint"]


def members_of_0_1() -> dict[str, bytes]:
    """The members of a bundle as version 0.1 wrote it, of a run that chose among recipes."""
    members = {path.name: path.read_bytes() for path in (OLD / "run").iterdir()}
    log = members["events.jsonl"].splitlines()
    tried = json.dumps({"event": "Trial", **TRIAL}).encode()
    members["events.jsonl"] = b"\n".join([log[0], tried, *log[1:], b""])
    members["metrics.json"] = json.dumps({**json.loads(members["metrics.json"]), "trials": [TRIAL]}).encode()
    assert "version" not in json.loads(members["spec.json"])
    files = {
        name: {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in members.items()
    }
    manifest = {"format": "vgae-studio-run", "version": 1, "vgae_core": "0.1.0", "files": files}
    return {**members, "manifest.json": json.dumps(manifest).encode()}


def test_a_bundle_that_0_1_wrote_is_read(store):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members_of_0_1().items():
            archive.writestr(name, content)
    run, old = import_bundle(store, file, OTHER), read_run_dir(OLD / "run")
    for key, value in old.metrics()["test"].items():
        assert run.metrics()["test"][key] == pytest.approx(value, abs=1e-4), key
    assert run.history() == old.history()
    assert run.spec.scaling == "by_kind"
    assert run.metrics()["unchecked"] == ["curves"]  # recipes tried are trials of a sweep now


def trial_result(graph):
    """The result of a trial of a sweep: validation pairs stand in the place of the test pairs."""
    made = make_result(graph)
    split = dataclasses.replace(made.split, test=made.split.val, test_neg=made.split.val_neg)
    scores, stated = evaluate_result(dataclasses.replace(made, split=split), graph)
    stated = {**stated, "scored_on": "validation"}
    return dataclasses.replace(made, split=split, scores=scores, metrics=stated)


def one_bundle(run) -> io.BytesIO:
    file = io.BytesIO()
    export_bundle(run, file)
    return file


def test_trials_of_a_sweep_survive_a_bundle_of_several_runs(store, run, tmp_path, in_a_child):
    graph = make_graph()
    trial = store.create_run(make_result(graph).spec, graph, OTHER)
    trial.keep(trial_result(graph))
    export_bundles([("", run), ("=the *best*\u202e", trial)], tmp_path / "two.zip")
    first, second = import_bundles(store, tmp_path / "two.zip", OTHER)
    assert first.metrics()["test"] == import_bundle(store, one_bundle(run), OTHER).metrics()["test"]
    assert second.result().is_trial
    assert second.metrics()["test"] == pytest.approx(trial.metrics()["test"], abs=1e-6)
    assert second.info.name.startswith("=the *best*")
    assert not first.info.name
    assert "\u202e" not in second.info.name


def test_pairs_scored_twice_are_those_of_a_trial_that_says_so(store):
    graph = make_graph()
    trial = store.create_run(make_result(graph).spec, graph, OTHER)
    trial.keep(trial_result(graph))
    honest = one_bundle(trial).getvalue()
    assert import_bundle(store, io.BytesIO(honest), OTHER).metrics()["scored_on"] == "validation"
    stated = {key: value for key, value in trial.metrics().items() if key != "scored_on"}
    silent = rebuild(honest, change={"metrics.json": json.dumps(stated).encode()})
    with pytest.raises(RunError, match="two parts"):
        import_bundle(store, silent, OTHER)
    parts = {part: getattr(trial.result().split, part) for part in PARTS}
    other = npz(**{**parts, "test": parts["test"][::-1]})
    with pytest.raises(RunError, match="validation pairs"):
        import_bundle(store, rebuild(honest, change={"split.npz": other}), OTHER)


def several(members: dict[str, bytes], *, version=1, compression=zipfile.ZIP_STORED) -> io.BytesIO:
    file = io.BytesIO()
    manifest = {"format": "vgae-studio-runs", "version": version, "runs": list(members)}
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, content in {**members, MANIFEST: json.dumps(manifest).encode()}.items():
            archive.writestr(name, content)
    return file


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda one: several({"run-01.zip": one, "run-02.zip": b"nonsense"}), "run-02.zip"),
        (lambda one: several({"run-01.zip": one, "../evil.zip": one}), "up to 50 runs"),
        (lambda one: several({"run-01.zip": one, "run-03.zip": one}), "up to 50 runs"),
        (lambda one: several({f"run-{i:02d}.zip": b"" for i in range(1, 53)}), "up to 50 runs"),
        (lambda one: several({"run-01.zip": one}, version=2), "version 2.*later"),
        (lambda one: several({"run-01.zip": one}, compression=zipfile.ZIP_DEFLATED), "compressed"),
        (lambda one: several({"run-01.zip": several({"run-01.zip": one}).getvalue()}), "members"),
    ],
    ids=["a damaged one", "a path", "a gap", "too many", "a later version", "compressed", "nested"],
)
def test_a_hostile_bundle_of_several_runs_leaves_none(store, bundle, make, told):
    with pytest.raises(RunError, match=f"(?s){told}"):
        import_bundle(store, make(bundle), OTHER)
    assert store.list_runs(OTHER) == []


def test_a_bundle_of_a_bundle_holds_the_same(store, bundle):
    again = io.BytesIO()
    export_bundle(import_bundle(store, io.BytesIO(bundle), OTHER), again)
    with zipfile.ZipFile(io.BytesIO(bundle)) as a, zipfile.ZipFile(again) as b:
        assert set(a.namelist()) == set(b.namelist()) == {*MEMBERS, MANIFEST}
        for name in ("spec.json", "events.jsonl", "dataset.json"):
            assert a.read(name) == b.read(name)
    thrice = import_bundle(store, io.BytesIO(again.getvalue()), OTHER)
    assert thrice.metrics() == import_bundle(store, io.BytesIO(bundle), OTHER).metrics()


def test_an_unfinished_run_has_no_bundle(store):
    with pytest.raises(RunError, match="Only finished runs"):
        export_bundle(store.create_run(RunSpec(), make_graph(), OTHER), io.BytesIO())


@pytest.mark.parametrize("content", [b"", b"nonsense", b"PK\x03\x04 but no zip", b"\x80\x04K\x01."])
def test_another_file_is_told(store, content):
    with pytest.raises(RunError, match="bundle"):
        import_bundle(store, io.BytesIO(content), OTHER)


@pytest.mark.parametrize("name", [*MEMBERS, MANIFEST])
def test_a_missing_member_is_told(store, bundle, name):
    with pytest.raises(RunError, match="members"):
        import_bundle(store, rebuild(bundle, drop=[name]), OTHER)


def test_a_stack_comes_back(store, bundle):
    stack = {"offset": -1.0, "network": 0.5, "degree_product": 2}
    graph = make_graph()
    model = {"layers": [], "stack": stack}
    scores, stated = evaluate_result(dataclasses.replace(make_result(graph), model=model), graph)
    change = {
        "metrics.json": json.dumps(finite(stated)).encode(),
        "model.json": json.dumps(model).encode(),
        "scores.npz": npz(**scores),
    }
    run = import_bundle(store, rebuild(bundle, change=change), OTHER)
    assert run.result().stack == stack
    assert run.metrics()["network"] == stated["network"]


@pytest.mark.parametrize("name", ["../../evil.sh", "/etc/cron.d/evil", "extra.npz", "sub/spec.json"])
def test_a_foreign_member_is_refused(store, bundle, name):
    with pytest.raises(RunError, match="members"):
        import_bundle(store, rebuild(bundle, change={name: b"x"}), OTHER)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_repeated_member_is_refused(store, bundle):
    with pytest.raises(RunError, match="repeated"):
        import_bundle(store, rebuild(bundle, add=[("spec.json", b"{}")]), OTHER)


def test_a_changed_member_is_noticed(store, bundle):
    with pytest.raises(RunError, match="hash"):
        import_bundle(store, rebuild(bundle, change={"spec.json": b"{}"}, hashes=False), OTHER)


def test_another_version_is_told(store, bundle):
    manifest = json.dumps({"format": "vgae-studio-run", "version": 99, "files": {}}).encode()
    with pytest.raises(RunError, match="version 99"):
        import_bundle(store, rebuild(bundle, change={MANIFEST: manifest}), OTHER)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("spec.json", b'{"seed": -5}', "seed"),
        ("spec.json", b"[]", "object"),
        ("spec.json", b"[" * 100_000, "JSON"),
        ("finished.json", b'{"event": "Started"}', "end of a run"),
        ("metrics.json", b'{"test": {"roc_auc": 1.0}}', "roc_auc"),
        ("metrics.json", metrics(labels={"accuracy": "high"}), "labels"),
        ("metrics.json", metrics(features=7), "features"),
        ("metrics.json", metrics(labels={"accuracy": 0.9}), "labels.*macro_f1"),
        ("metrics.json", metrics(features={"mean_error": 1.0, "column_mean_error": None}), "features"),
        ("metrics.json", metrics(test={"roc_auc": 10**400, "average_precision": 0.5}), "roc_auc"),
        ("spec.json", spec(("training", "epochs"), 10**400), "epochs"),
        ("model.json", b'{"stack": {"offset": 1.0}}', "stack"),
        ("model.json", b'{"stack": {"offset": 1.0, "network": "2"}}', "stack"),
        ("model.json", b'{"stack": [1, 2]}', "stack"),
        ("model.json", b'{"stack": {"offset": NaN, "network": 1}}', "stack|JSON"),
        ("events.jsonl", b"nonsense\n", "event"),
        ("graph.npz", b"nonsense", "readable bundle"),
        ("embedding.npz", npz(z_mean=np.zeros((7, 3), np.float32)), "outside|7 rows"),
        ("embedding.npz", npz(z_mean=np.full((90, 3), np.nan, np.float32)), "finite"),
        ("embedding.npz", npz(**codes_of(all_z_mean=np.zeros((7, 8), np.float32))), "7 rows"),
        ("embedding.npz", npz(**codes_of(all_z_mean=np.zeros((90, 9), np.float32))), "all_"),
        ("embedding.npz", npz(**codes_of(all_left=np.zeros((90, 8), np.float32))), "all_"),
        ("embedding.npz", npz(**codes_of(all_mine=np.zeros((90, 8), np.float32))), "all_"),
        ("scores.npz", npz(model=np.zeros(3, np.float32)), "test pairs"),
        ("split.npz", npz(train=np.full((4, 2), 10**9)), "split|test pairs"),
        ("split.npz", split(train=lambda a: np.concatenate([a, a[:1]])), "twice"),
        ("split.npz", split(train=lambda a: np.concatenate([a, a[:1, ::-1]])), "twice"),
        ("split.npz", split(test=lambda a: np.roll(a, 1)), "no edge"),
        (
            "split.npz",
            split(test_neg=lambda a: make_result(make_graph()).split.train[: len(a)]),
            "is an edge",
        ),
        ("spec.json", spec(("outputs", 0, "loss"), "home_made"), "home_made"),
        ("spec.json", spec(("outputs", 0, "metrics"), ["home_made"]), "home_made"),
        ("spec.json", spec(("recipe",), "auto"), "recipe"),
        ("spec.json", spec_of(make_matrix()).to_json().encode(), "family"),
        ("environment.json", json.dumps(nested(700)).encode(), "levels deep"),
        ("finished.json", finished(seconds="x"), "seconds"),
        ("finished.json", finished(seconds=-1.0), "seconds"),
        ("finished.json", finished(seconds=10**400), "seconds"),
        ("finished.json", finished(best_epoch=None), "best_epoch"),
        ("finished.json", finished(reason="bored"), "reason"),
        ("finished.json", finished(message=["![](https://example.org/i.png)"]), "message"),
        ("model.json", b'{"stack": {"offset": 1e308, "network": 1e308}}', "stack"),
        ("model.json", b'{"decoder": "bilinear"}', "decoder"),
        ("events.jsonl", epoch(epoch="1"), "epoch"),
        ("events.jsonl", epoch(epoch=0), "counts from 1"),
        ("events.jsonl", epoch(logs={"loss": "low"}), "logs"),
        ("events.jsonl", epoch(logs={"loss": 10**400}), "logs"),
        ("events.jsonl", epoch(val_logs={"x" * 201: 1.0}), "val_logs"),
        ("events.jsonl", started(estimate={"seconds_per_epoch": "x"}), "model"),
        ("events.jsonl", started(estimate=[1]), "model"),
        ("events.jsonl", epoch(val=[1]), "val"),
        ("events.jsonl", epoch(best=1), "best"),
        ("events.jsonl", epoch(seconds=1e400), "JSON|seconds|event"),
        ("nodes.npz", npz(feature_error=np.full(90, np.inf, np.float32)), "finite"),
        ("nodes.npz", npz(label_probabilities=np.zeros((90, 2), np.float32)), "shape"),
        ("nodes.npz", npz(mine=np.zeros(90, np.float32)), "known"),
        ("state.npz", npz(w=np.full(3, np.nan)), "finite"),
        ("embedding.npz", npz(z_mean=np.full((90, 8), 1e30, np.float32)), "up to"),
        (
            "embedding.npz",
            npz(z_mean=np.zeros((90, 8), np.float32), z_log_var=np.full((90, 8), 500, np.float32)),
            "up to",
        ),
        ("state.npz", npz(w=np.array([{"a": 1}], dtype=object)), "pickle|objects|allow_pickle"),
    ],
)
def test_hostile_members_are_refused(store, bundle, name, content, told):
    before = store.list_runs(OTHER)
    with pytest.raises(RunError, match=told):
        import_bundle(store, rebuild(bundle, change={name: content}), OTHER)
    assert store.list_runs(OTHER) == before


def test_scores_of_labels_and_features_are_taken_as_stated(store, bundle):
    labels = {"accuracy": 0.9, "macro_f1": 0.8, "majority_accuracy": 0.4, "n_test": 9}
    features = {"mean_error": 0.25, "column_mean_error": 0.5}
    stated = metrics(labels=labels, features=features)
    run = import_bundle(store, rebuild(bundle, change={"metrics.json": stated}), OTHER)
    assert (run.metrics()["labels"], run.metrics()["features"]) == (labels, features)
    assert run.metrics()["unchecked"] == ["curves", "labels", "features"]


def test_names_are_as_short_as_reading_leaves_them(store):
    graph = make_graph()
    long = "m" * 100_000
    graph = dataclasses.replace(
        graph,
        name=long,
        node_ids=np.array([long, *graph.node_ids[1:]], dtype=object),
        label_names=(long, *graph.label_names[1:]),
        values={long: graph.values["income"]},
    )
    kept = import_bundle(store, one_bundle(finish_run(store, graph)), OTHER).graph()
    names = [kept.name, *kept.node_ids, *kept.label_names, *kept.values]
    assert max(map(len, names)) == Limits().name_length
    assert list(kept.node_ids[1:]) == list(graph.node_ids[1:])


def test_runs_of_a_bundle_are_bounded_together(store, bundle, run):
    least = sum(path.stat().st_size for path in run.path.iterdir()) + 1
    limits = Limits(decompressed_bytes=max(least, len(bundle)) * 2)
    import_bundle(store, io.BytesIO(bundle), OTHER, limits=limits)
    many = several({f"run-{place:02d}.zip": bundle for place in range(1, 11)})
    with pytest.raises(LimitError, match="together with those before"):
        import_bundles(store, many, OTHER, limits=limits)
    assert len(store.list_runs(OTHER)) == 1


def test_an_adjacency_that_would_crash_scipy_is_refused(store, bundle):
    arrays = member(bundle, "graph.npz")
    name = next(key for key in arrays if "indices" in key)
    arrays[name] = np.full_like(arrays[name], 2**30)
    with pytest.raises(RunError, match="damaged"):
        import_bundle(store, rebuild(bundle, change={"graph.npz": npz(**arrays)}), OTHER)


def test_scores_that_can_be_worked_out_are_not_taken_from_the_bundle(store, run, bundle):
    stated = run.metrics()
    stated["test"]["hits_at_10"] = stated["test"]["recall"] = 1.0
    stated["baselines"] = {"![](https://example.org/i.png)": {"roc_auc": 0.1, "average_precision": 0.1}}
    scores = {
        "![](https://example.org/i.png)": run.result().scores["model"],
        "model": run.result().scores["model"],
    }
    change = {"metrics.json": json.dumps(stated).encode(), "scores.npz": npz(**scores)}
    again = import_bundle(store, rebuild(bundle, change=change), OTHER)
    expected = evaluate_result(run.result(), run.graph())[1]
    assert again.metrics()["test"] == finite(expected["test"])
    assert again.metrics()["baselines"] == finite(expected["baselines"])
    assert set(again.result().scores) == {"model", *expected["baselines"]}


def test_a_graph_that_is_not_the_one_of_the_embedding_is_refused(store, bundle):
    other = io.BytesIO()
    export_bundle(finish_run(store, make_graph(30)), other)
    with zipfile.ZipFile(other) as archive:
        graph = archive.read("graph.npz")
    with pytest.raises(RunError, match="30 nodes"):
        import_bundle(store, rebuild(bundle, change={"graph.npz": graph}), OTHER)


@pytest.mark.parametrize("key", ["roc_auc", "average_precision"])
@pytest.mark.parametrize("value", [0.123, None, "0.9", float("nan")])
def test_boasting_is_noticed(store, run, bundle, key, value):
    metrics = run.metrics()
    metrics["test"][key] = value
    with pytest.raises(RunError, match="does not follow from codes and data"):
        import_bundle(store, rebuild(bundle, change={"metrics.json": json.dumps(metrics).encode()}), OTHER)


def test_a_bomb_is_refused_before_it_unpacks(store, bundle):
    with pytest.raises(LimitError, match="limit"):
        import_bundle(store, io.BytesIO(bundle), OTHER, limits=Limits(decompressed_bytes=1000))


@pytest.mark.parametrize(("name", "size"), [("spec.json", 5_000_000), ("events.jsonl", 9_000_000)])
def test_a_long_text_is_refused(store, bundle, name, size):
    with pytest.raises(LimitError, match=f"{name}.*limit"):
        import_bundle(store, rebuild(bundle, change={name: b"0" * size}), OTHER)


def zeros(shape) -> bytes:
    """A compressed npz of zeros: a thousandth of what it unpacks to."""
    file = io.BytesIO()
    np.savez_compressed(file, z_mean=np.zeros((90, 8), np.float32), left=np.zeros(shape, np.float32))
    return file.getvalue()


def deflated(file: io.BytesIO) -> io.BytesIO:
    packed = io.BytesIO()
    with zipfile.ZipFile(file) as archive, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as to:
        for name in archive.namelist():
            to.writestr(name, archive.read(name))
    packed.seek(0)
    return packed


@pytest.mark.parametrize("twice", [False, True])
def test_zeros_are_refused_by_their_ratio(store, bundle, twice):
    file = rebuild(bundle, change={"embedding.npz": zeros((90, 200_000))})
    with pytest.raises(LimitError, match="times as many"):
        import_bundle(store, deflated(file) if twice else file, OTHER)


def test_memory_of_a_check_is_that_of_a_child(store, bundle, in_a_child):
    weights = npz(w=np.random.default_rng(0).random(4_000_000))  # 32 MB
    with pytest.raises(LimitError, match="memory"):
        import_bundle(
            store,
            rebuild(bundle, change={"state.npz": weights}),
            OTHER,
            limits=Limits(child_memory_bytes=10_000_000),
        )
    assert store.list_runs(OTHER) == []


def test_headers_are_compared_before_arrays_are_read(store, bundle, monkeypatch):
    monkeypatch.setattr(bundle_checks, "load_graph", None)
    change = {"embedding.npz": npz(z_mean=np.zeros((7, 8), np.float32))}
    with pytest.raises(RunError, match="7 rows and the data set 90"):
        import_bundle(store, rebuild(bundle, change=change), OTHER)


def test_a_long_log_is_thinned_until_it_comes_back(store, monkeypatch):
    run = finish_run(store, make_graph())
    run.append_event(Started(model={}, epochs=200, steps_per_epoch=1, at=1.0))
    for number in range(1, 201):
        run.append_event(EpochEnd(epoch=number, logs={"loss": 1.0}, val={}, seconds=0.1, best=number == 77))
    monkeypatch.setattr("vgae_core.runs.exports.bundle.MAX_EVENTS_BYTES", 10_000)
    file = io.BytesIO()
    export_bundle(run, file)
    with zipfile.ZipFile(file) as archive:
        assert archive.getinfo("events.jsonl").file_size <= 10_000
    epochs = [event.epoch for event in import_bundle(store, file, OTHER).history()]
    assert len(epochs) > 50
    assert {1, 77, 200} <= set(epochs)


def test_a_run_that_cannot_be_written_leaves_nothing(store, run, bundle, monkeypatch):
    import shutil

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copytree", full)
    folders = sorted((store.root / "runs").iterdir())
    with pytest.raises(RunError, match="disk of the server is full"):
        import_bundle(store, io.BytesIO(bundle), OTHER)
    assert store.list_runs(OTHER) == []
    assert sorted((store.root / "runs").iterdir()) == folders


def test_the_server_does_not_load_what_the_checks_need():
    """Else the Runs page of a fresh server waits for libraries of graphs and statistics."""
    code = "import sys, vgae_core.runs.exports.bundle; print('igraph' in sys.modules or 'sklearn' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
