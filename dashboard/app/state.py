"""What one visitor works on: data, specification and run, kept over page changes and reloads."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st
from streamlit.errors import StreamlitSecretNotFoundError

from vgae_core.catalogue.families import FAMILIES
from vgae_core.data.dataset import GraphData, Profile, RawGraph
from vgae_core.data.repairs import repair
from vgae_core.data.report import Report, inspect
from vgae_core.data.samples import load_sample
from vgae_core.errors import RunError, StudioError
from vgae_core.runs.store.info import RunInfo
from vgae_core.runs.store.store import Store
from vgae_core.runs.store.stored_run import StoredRun
from vgae_core.runs.sweeps.catalogue import Part, SweepCatalogue
from vgae_core.settings import RepairSpec, RunSpec
from vgae_core.settings.defaults import for_family, offered_outputs

if TYPE_CHECKING:
    from vgae_core.runs.sweeps.manager import Sweeps
    from vgae_core.runs.workers.engine import Engine

log = logging.getLogger("vgae_studio")

EDITING_SECONDS = 1.0
"""How long settings stay as they are before a run of them is prepared: the next change would make it useless."""

LONGEST_ID = 64
"""Characters of a run's id in a link that are looked at; what is longer is no id."""

COOKIE = "vgae_studio_workspace"
_TOKEN = re.compile(r"[A-Za-z0-9_-]{32,64}")
DESK = "upload_desk"
"""Where the session keeps the files handed in."""

TAB = "how"
"""Where the session keeps which tab of the Data page is open: ``"Sample"`` or ``"Upload"``."""

_SAMPLE = "sample:"
_UPLOAD = "upload:"

_cookie = st.components.v2.component(
    "vgae_studio_workspace_cookie",
    js="""
export default function ({ data }) {
  const secure = window.location.protocol === "https:" ? "; Secure" : ""
  document.cookie =
    `${data.name}=${data.value}; path=/; max-age=31536000; SameSite=Lax${secure}`
}
""",
)


# ------------------------------------------------------------------ for the whole server
@st.cache_resource(show_spinner=False)
def store() -> Store:
    """Return the store of runs and data sets, one for the server."""
    return Store()


@st.cache_resource(show_spinner=False, on_release=lambda engine: engine.close())
def engine() -> Engine:
    """Return the engine that trains, one for the server; its worker starts with :meth:`Engine.warm`."""
    with contextlib.suppress(StreamlitSecretNotFoundError):
        st.secrets.to_dict()  # also puts them into the environment, where Dask looks for certificates as it is imported
    from vgae_core.runs.workers.engine import Engine  # imported late: the first page does not wait for it
    from vgae_core.runs.workers.where import Where

    return Engine(store(), Where.from_environment())


@st.cache_resource(show_spinner=False, on_release=lambda sweeps: sweeps.close())
def sweeps() -> Sweeps:
    """Return the sweeps at work, one set for the server."""
    from vgae_core.runs.sweeps.manager import Sweeps  # imported late: it brings Optuna

    return Sweeps(engine(), store())


def sweep_parts(run_ids: Sequence[str]) -> dict[str, Part]:
    """Return which of some runs belong to a sweep, and as what."""
    return SweepCatalogue(store()).parts(run_ids)


@st.cache_data(show_spinner=False, max_entries=50)
def kept_of_sweep(sweep_id: str, _work_out: Callable[[], Any]) -> Any:
    """Return what `_work_out` does, worked out once for a sweep that has ended."""
    return _work_out()


# --------------------------------------------------------------------- for one visitor
def workspace() -> str:
    """Return the visitor's unguessable token: from the cookie, else made now."""
    if "workspace" not in st.session_state:
        token = _cookies().get(COOKIE, "")
        known = bool(isinstance(token, str) and _TOKEN.fullmatch(token))
        st.session_state["newcomer"] = not (known and store().sessions.has(token))
        st.session_state["workspace"] = token if known else secrets.token_urlsafe(32)
    return st.session_state["workspace"]


def _cookies() -> Mapping[str, str]:
    """Return the cookies that the visitor's browser sent as it connected."""
    return st.context.cookies


def is_newcomer() -> bool:
    """Return whether the browser has not shown the cookie of an earlier visit; it may refuse cookies.

    A token that was made up counts as none: this server never kept anything under it.
    """
    workspace()
    return bool(st.session_state.get("newcomer"))


def keep_workspace() -> None:
    """Write the token into the visitor's cookies, so that a reload finds the same workspace."""
    _cookie(key="workspace_cookie", data={"name": COOKIE, "value": workspace()}, height=1)


def raw() -> RawGraph | None:
    """Return the graph as read; on the first visit the default sample, after a reload the visitor's own."""
    _restore()
    return st.session_state.get("raw")


def graph() -> GraphData | None:
    """Return the graph after the specification's repairs, or None where nothing is loaded."""
    _restore()
    return st.session_state.get("graph")


def report() -> Report:
    """Return what was noticed in the graph as read; made once for each data set."""
    loaded = raw()
    if loaded is None:
        raise RunError("No data are loaded.", mend="Load a sample or your own files on the Data page.")
    held = st.session_state.get("report")
    if held is None or held[0] is not loaded:
        held = (loaded, inspect(loaded))
        st.session_state["report"] = held
    return held[1]


def source() -> str:
    """Return where the data come from: ``sample:NAME`` or ``upload:FINGERPRINT``."""
    return spec().dataset.source


def spec() -> RunSpec:
    """Return the specification being edited."""
    _restore()
    return st.session_state.get("spec", RunSpec())


def pace(spec: RunSpec) -> float | None:
    """Return how many times its estimate an epoch of such a run takes here; None before any run has told."""
    return store().pace(spec.model.family)


def spec_version() -> int:
    """Return a number that grows whenever the specification is replaced from outside a form."""
    return st.session_state.get("spec_version", 0)


def profile() -> Profile:
    """Return what the data at hand allow; pages that ask it are drawn with data only."""
    at_hand = graph()
    assert at_hand is not None  # noqa: S101
    return at_hand.profile


def set_spec(spec: RunSpec, *, replace: bool = False) -> None:
    """Keep `spec`, applying its repairs if they changed.

    Parameters
    ----------
    spec : RunSpec
        The new specification.
    replace : bool
        True when it does not come from the widgets on this page, which then take its values.

    Raises
    ------
    DataError
        If the repairs leave nothing to train on; the old specification stays.
    """
    old = st.session_state.get("spec", RunSpec())
    if spec == old and not replace:
        return
    loaded = st.session_state.get("raw")
    if loaded is not None and spec.dataset.repairs != old.dataset.repairs:
        _adopt(loaded, repair(loaded, spec.dataset.repairs), spec)
    else:
        st.session_state["spec"] = spec
    if replace:
        st.session_state["spec_version"] = spec_version() + 1
    _save()


def default_repairs(seen: Report) -> RepairSpec:
    """Return the repairs that new data start with: negative weights cannot be trained on and are ignored."""
    negative = any(finding.code == "negative-weights" for finding in seen.findings)
    return RepairSpec(weights="ignore") if negative else RepairSpec()


def use_raw(raw: RawGraph, source: str, seen: Report | None = None) -> GraphData:
    """Make `raw` the visitor's data, with the default repairs and the outputs it allows.

    Negative weights cannot be trained on: then weights are ignored, which the repairs show.

    Parameters
    ----------
    raw : RawGraph
        As read.
    source : str
        ``sample:NAME``, or ``upload``.
    seen : Report, optional
        What :func:`~vgae_core.data.report.inspect` says of `raw`, if it is at hand.

    Returns
    -------
    GraphData
        The repaired graph.

    Raises
    ------
    DataError
        If there is nothing to train on; the data loaded before stay.
    """
    seen = seen or inspect(raw)
    repairs = default_repairs(seen)
    graph = repair(raw, repairs)
    old = st.session_state.get("spec", RunSpec())
    values = old.to_dict()
    values["dataset"] = {
        "source": source,
        "name": raw.name,
        "files": [file.how.to_dict() for file in raw.files],
        "repairs": repairs.to_dict(),
    }
    spec = _with_outputs(RunSpec.from_dict(values), graph)
    st.session_state["raw_key"] = None if source.startswith(_SAMPLE) else store().save_raw(raw)
    _adopt(raw, graph, spec)
    st.session_state["report"] = (raw, seen)
    st.session_state["spec_version"] = spec_version() + 1
    _save()
    return graph


def run_id() -> str | None:
    """Return the run at hand: the one the URL names, else the one selected before; the URL then names it."""
    _restore()
    named = str(st.query_params.get("run", ""))[:LONGEST_ID]
    if named:
        if named != st.session_state.get("run_id"):
            st.session_state["run_id"] = named
            _save()
        return named
    held = st.session_state.get("run_id")
    if held:
        st.query_params["run"] = held
    return held


def select_run(run_id: str | None) -> None:
    """Make `run_id` the run at hand, in the URL and in the session; None selects no run."""
    st.session_state["run_id"] = run_id
    if run_id:
        st.query_params["run"] = run_id
    else:
        st.query_params.pop("run", None)
    _save()


def current_run() -> StoredRun | None:
    """Return the run at hand, or None; a link to a run this server does not hold says so once."""
    named = run_id()
    if not named:
        return None
    try:
        run = store().open_run(named)
        visited(named)
        return run
    except RunError as error:
        select_run(None)
        st.warning(str(error.mend or "It was deleted, or the server was reset."), title=error.message)
        return None


def visited(run_id: str) -> None:
    """Note, once a session, that the visitor opened a run, which is then listed even if it is another's."""
    seen: set[str] = st.session_state.setdefault("visited_runs", set())
    if run_id not in seen:
        store().visit(run_id, workspace())
        seen.add(run_id)


def run_info() -> RunInfo | None:
    """Return the catalogue's entry of the run at hand, or None where there is none."""
    named = run_id()
    if not named:
        return None
    try:
        return store().info(named)
    except RunError:  # gone or unreadable: the page itself says so
        return None


# ------------------------------------------------------------------------------ inside
def _with_outputs(spec: RunSpec, graph: GraphData) -> RunSpec:
    """Return `spec` with the outputs that new data allow, and with the family and network that serve them."""
    family, profile = graph.families[0], graph.profile
    has_labels = profile.n_classes > 0
    before = st.session_state.get("graph")
    other_input = before is not None and (before.features is None) != (graph.features is None)
    if spec.model.family != family or other_input:
        fresh = for_family(
            spec,
            family,
            feature_kind=profile.feature_kind,
            has_labels=has_labels,
            own_units=profile.own_units,
        )
        # Who lets the app choose among recipes means it for the next graph too.
        return fresh.replace("recipe", spec.recipe) if FAMILIES[family].recipes else fresh
    outputs = offered_outputs(
        feature_kind=profile.feature_kind,
        has_labels=has_labels,
        family=family,
        own_units=profile.own_units,
    )
    return dataclasses.replace(spec, outputs=outputs)


def _adopt(raw: RawGraph, graph: GraphData, spec: RunSpec) -> None:
    """Put data and specification into the session together; an upload is named by its content."""
    if not spec.dataset.source.startswith(_SAMPLE):
        spec = spec.replace("dataset.source", _UPLOAD + graph.fingerprint)
    st.session_state.update(raw=raw, graph=graph, spec=spec)


def _save() -> None:
    """Remember the session in the visitor's workspace; where the disk refuses, say so and go on."""
    held: RunSpec = st.session_state.get("spec", RunSpec())
    try:
        store().sessions.save(
            workspace(),
            {
                "spec": held.to_dict(),
                "raw": st.session_state.get("raw_key"),
                "run_id": st.session_state.get("run_id"),
            },
        )
    except RunError as error:
        log.warning("A workspace could not be saved: %s", error)
        st.toast(
            f"{error.message} A reload of this page will not find your last changes.",
            icon=":material/warning:",
        )


def _restore() -> None:
    """Bring back the visitor's work once a session, else the default sample."""
    if st.session_state.get("restored"):
        return
    st.session_state["restored"] = True
    try:
        session = store().sessions.load(workspace())
        spec = RunSpec.from_dict(session.get("spec", {}))
        name = spec.dataset.source
        if name.startswith(_SAMPLE):
            key = None
            loaded = load_sample(name.removeprefix(_SAMPLE))
        else:  # kept as read, so that its repairs can be decided anew
            key = str(session.get("raw"))
            loaded = store().load_raw(key)
        st.session_state.update(run_id=session.get("run_id"), raw_key=key)
        graph = repair(loaded, spec.dataset.repairs)
        if spec.model.family not in graph.families:  # kept by a version that knew no matrices
            spec = _with_outputs(spec, graph)
        _adopt(loaded, graph, spec)
    except StudioError as error:
        log.warning("A workspace could not be restored: %s", error)
        st.toast(f"Your last data could not be restored. {error.message}", icon=":material/warning:")
        default = RunSpec().dataset.source
        use_raw(load_sample(default.removeprefix(_SAMPLE)), default)
