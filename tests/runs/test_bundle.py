from __future__ import annotations

import hashlib
import io
import json
import zipfile

import numpy as np
import pytest

from tests.pages.finished_runs import finish_run, make_graph, make_result
from tests.runs.made import OTHER
from tests.runs.test_store import assert_same_result
from vgae_core.data.limits import Limits
from vgae_core.errors import LimitError, RunError
from vgae_core.runs.bundle import MANIFEST, MEMBERS, export_bundle, import_bundle
from vgae_core.runs.folder import finite
from vgae_core.spec import RunSpec


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


def member(bundle: bytes, name: str) -> dict:
    with zipfile.ZipFile(io.BytesIO(bundle)) as archive, np.load(io.BytesIO(archive.read(name))) as file:
        return {key: file[key] for key in file.files}


def test_a_run_survives_its_bundle(store, run, bundle):
    again = import_bundle(store, io.BytesIO(bundle), OTHER)
    assert again.id != run.id
    assert again.info.status == "finished"
    assert again.spec == run.spec
    assert again.events() == run.events()
    assert_same_result(run.result(), again.result())
    assert again.graph().fingerprint == run.graph().fingerprint
    assert [i.id for i in store.list_runs(OTHER)] == [again.id]


def test_a_bundle_of_a_bundle_holds_the_same(store, bundle):
    again = io.BytesIO()
    export_bundle(import_bundle(store, io.BytesIO(bundle), OTHER), again)
    with zipfile.ZipFile(io.BytesIO(bundle)) as a, zipfile.ZipFile(again) as b:
        assert set(a.namelist()) == set(b.namelist()) == {*MEMBERS, MANIFEST}
        for name in ("spec.json", "events.jsonl", "metrics.json", "dataset.json"):
            assert a.read(name) == b.read(name)


def test_an_unfinished_run_has_no_bundle(store):
    with pytest.raises(RunError, match="result"):
        export_bundle(store.create_run(RunSpec(), make_graph(), OTHER), io.BytesIO())


@pytest.mark.parametrize("content", [b"", b"nonsense", b"PK\x03\x04 but no zip", b"\x80\x04K\x01."])
def test_another_file_is_told(store, content):
    with pytest.raises(RunError, match="bundle"):
        import_bundle(store, io.BytesIO(content), OTHER)


@pytest.mark.parametrize("name", [*MEMBERS, MANIFEST])
def test_a_missing_member_is_told(store, bundle, name):
    with pytest.raises(RunError, match="members"):
        import_bundle(store, rebuild(bundle, drop=[name]), OTHER)


def test_trials_and_a_stack_come_back(store, bundle):
    stack = {"offset": -1.0, "network": 0.5, "degree_product": 2}
    model = json.dumps({"layers": [], "stack": stack}).encode()
    change = {"metrics.json": metrics(trials=[TRIAL]), "model.json": model}
    run = import_bundle(store, rebuild(bundle, change=change), OTHER)
    assert run.metrics()["trials"] == [TRIAL]
    assert run.result().stack == stack


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
        ("metrics.json", b'{"test": {"roc_auc": 1.0}}', "baselines"),
        ("metrics.json", metrics(trials=7), "trials"),
        ("metrics.json", metrics(trials=[{"recipe": "<b>mine</b>"}]), "trials"),
        ("metrics.json", metrics(trials=[{**TRIAL, "recipe": "<b>mine</b>"}]), "trials"),
        ("metrics.json", metrics(trials=[{**TRIAL, "val": {"roc_auc": "high"}}]), "trials"),
        ("model.json", b'{"stack": {"offset": 1.0}}', "stack"),
        ("model.json", b'{"stack": {"offset": 1.0, "network": "2"}}', "stack"),
        ("model.json", b'{"stack": [1, 2]}', "stack"),
        ("model.json", b'{"stack": {"offset": NaN, "network": 1}}', "stack|JSON"),
        ("events.jsonl", b"nonsense\n", "event"),
        ("graph.npz", b"nonsense", "damaged"),
        ("embedding.npz", npz(z_mean=np.zeros((7, 3), np.float32)), "outside|7 rows"),
        ("embedding.npz", npz(z_mean=np.full((90, 3), np.nan, np.float32)), "finite"),
        ("scores.npz", npz(model=np.zeros(3, np.float32)), "test pairs"),
        ("split.npz", npz(train=np.full((4, 2), 10**9)), "split"),
        ("state.npz", npz(w=np.array([{"a": 1}], dtype=object)), "pickle|objects|allow_pickle"),
    ],
)
def test_hostile_members_are_refused(store, bundle, name, content, told):
    before = store.list_runs(OTHER)
    with pytest.raises(RunError, match=told):
        import_bundle(store, rebuild(bundle, change={name: content}), OTHER)
    assert store.list_runs(OTHER) == before


def test_an_adjacency_that_would_crash_scipy_is_refused(store, bundle):
    arrays = member(bundle, "graph.npz")
    name = next(key for key in arrays if "indices" in key)
    arrays[name] = np.full_like(arrays[name], 2**30)
    with pytest.raises(RunError, match="damaged"):
        import_bundle(store, rebuild(bundle, change={"graph.npz": npz(**arrays)}), OTHER)


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
    with pytest.raises(RunError, match=r"follow from the scores|numbers"):
        import_bundle(store, rebuild(bundle, change={"metrics.json": json.dumps(metrics).encode()}), OTHER)


def test_a_bomb_is_refused_before_it_unpacks(store, bundle):
    with pytest.raises(LimitError, match="limit"):
        import_bundle(store, io.BytesIO(bundle), OTHER, limits=Limits(decompressed_bytes=1000))
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in (*MEMBERS, MANIFEST):
            archive.writestr(name, b"0" * (50_000_000 if name == "spec.json" else 10))
    with pytest.raises((LimitError, RunError)):
        import_bundle(store, file, OTHER)
