"""Bringing files: the drop zone, what they give, and what waits to be decided or adopted."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from dashboard.app import frame, state
from dashboard.data import panels, repairs, uploads
from dashboard.data.uploads import Desk
from dashboard.figures import charts
from vgae_core.data.dataset import Profile
from vgae_core.data.findings import FileReport, Finding
from vgae_core.data.readers import FORMATS
from vgae_core.data.report import Report
from vgae_core.errors import LimitError, StudioError
from vgae_core.host.limits import LIMITS
from vgae_core.settings import FileSpec

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

_NAME = "upload_name"
_REFUSED = ":material/warning: Cannot be read: see the error on the right."
_EVIDENCE_FIRST = """<style>
@media (max-width: 640px) {
  .stHorizontalBlock:has(.st-key-ticket) { flex-direction: column; flex-wrap: nowrap; gap: 1rem; }
  .stHorizontalBlock:has(.st-key-ticket) > .stColumn { flex: none; width: 100%; }
  .stColumn:has(.st-key-ticket), .stColumn:has(.st-key-ticket) > .stVerticalBlock { display: contents; }
  :has(> .st-key-ticket) { order: 1; }
}
</style>"""
"""On a narrow screen, where columns stand below each other, the files' panels come before the ticket."""

_JUDGED = {
    "labels-from-attribute": {"label"},
    "named-nodes": {"names"},
    "column-relation": {"relation"},
    "column-time": {"time"},
    "column-index": {"index"},
    "two-sided": {"sides"},
    "files-joined": {"files"},
}
"""What a finding is about, where a panel tells it with the other readings."""

_CONTENTS = {"edges": "edges", "features": "node features", "labels": "node labels", "names": "node names"}
"""What only one file can hold, by its role."""


# ------------------------------------------------------------------- the left of the page
def formats() -> str:
    """Return what can be read and how much of it, as Markdown, from the readers' own list."""
    graphs = ", ".join(charts.plain(entry.title) for entry in FORMATS if entry.edges)
    tables = ", ".join(charts.plain(entry.title) for entry in FORMATS if entry.table)
    return (
        f"**Graph**: {graphs}.\n\n"
        f"**Node features and labels**: {tables}.\n\n"
        "Text tables may have a header row or none, ids of any kind and an optional weight; features may also be "
        "listed as `node, feature, value`. Any file may be compressed with gzip, and all of them may come in "
        "one zip archive. Contents are detected automatically; you can correct them.\n\n"
        f"**Limits**: {LIMITS.upload_bytes / 1e6:,.0f} MB for all files together, "
        f"{LIMITS.decompressed_bytes / 1e6:,.0f} MB decompressed; {LIMITS.nodes:,} nodes, "
        f"{LIMITS.edges:,} entries, {LIMITS.feature_columns:,} feature columns."
    )


def zone() -> None:
    """Draw the drop zone; what is dropped is put on the desk."""
    desk = uploads.desk()
    folder = st.session_state.get("upload_folder", False)
    files = st.file_uploader(
        "A whole folder" if folder else "Files of one data set",
        key=f"upload_{'folder' if folder else 'files'}_{desk.generation}",
        help="Edges, node features, labels and names may come in one file or in several, or in a zip archive.",
        max_upload_size=int(st.get_option("server.maxUploadSize")),
        accept_multiple_files="directory" if folder else True,
    )
    st.toggle("Whole folder", key="upload_folder", help="Choose a folder instead of files.")
    if files:
        desk.take(files)
        st.rerun()
    with st.popover("Paste a text", icon=":material/content_paste:", type="tertiary"):
        text = st.text_area(
            "Edges, one per line",
            placeholder="ann bob\nbob cid\ncid ann",
            max_chars=uploads.PASTED_CHARACTERS,
            height=200,
            key="pasted",
        )
        if st.button("Use this text", disabled=not text.strip(), key="use_pasted"):
            desk.paste(text)
            st.rerun()


def ticket() -> None:
    """Look at the files on the desk, say what they give, and let the visitor adopt it."""
    desk = uploads.desk()
    if not desk.files:
        return
    st.html(_EVIDENCE_FIRST)
    with st.container(border=True, key="ticket"), frame.guard():
        try:
            _offer(desk)
        finally:
            if error := st.session_state.pop(panels.ERROR, None):
                frame.report(error)
            st.button("Remove all files", icon=":material/close:", type="tertiary", on_click=desk.clear)


def _offer(desk: Desk) -> None:
    try:
        reports = desk.look()
    except StudioError as error:  # shown with its file
        _refused(desk, error)
        return
    asked = len(desk.questions)
    broken = [report for report in reports if report.problem]
    if broken and all(_rivals(report, reports) for report in broken):
        n_same = len(_rivals(broken[0], reports)) + 1
        st.markdown(
            f":material/warning: {n_same:,} files hold {_CONTENTS[broken[0].how.role]}: use only one of them, or "
            "choose other contents."
        )
    elif broken:
        st.markdown(_REFUSED)
    elif all(report.how.role == "ignore" for report in reports):
        st.markdown(":material/info: Nothing to read yet: add a file with edges or a matrix.")
    elif asked:
        st.markdown(f":material/help: Answer {panels.count(asked, 'question')} before using this data.")
    elif desk.result is None and desk.size > uploads.AT_ONCE:
        st.markdown(f"{panels.count(len(desk.files), 'file')}, {desk.size / 1e6:,.0f} MB")
        if st.button("Read files", type="primary", icon=":material/upload_file:", width="stretch"):
            _read(desk)
            st.rerun()
        return
    else:
        _adopt(desk, _read(desk))
        return
    _button(disabled=True)


def _rivals(report: FileReport, reports: Sequence[FileReport]) -> list[FileReport]:
    """Return the other files that hold the same as `report`, of which only one can be used."""
    if report.how.role not in _CONTENTS:
        return []
    return [other for other in reports if other is not report and other.how.role == report.how.role]


def _refused(desk: Desk, error: StudioError) -> None:
    st.markdown(_REFUSED)
    if isinstance(error, LimitError):  # a busy server may have more room later
        st.button("Try again", icon=":material/refresh:", on_click=desk.forget_result, width="stretch")
    else:
        _button(disabled=True)


def _read(desk: Desk) -> Report | None:
    """Return what is in the files; None where they are refused, which their panel then says."""
    if desk.result is None:
        bar = st.progress(0.0, "Reading…")
        try:
            desk.read(lambda share, text: _show(bar, share, text))
        except StudioError:
            pass  # kept on the desk as its result
        finally:
            bar.empty()
    return desk.result[1] if isinstance(desk.result, tuple) else None


def _show(bar: DeltaGenerator, share: float, text: str) -> None:
    bar.progress(share, charts.plain(text))


def _adopt(desk: Desk, report: Report | None) -> None:
    if report is None:
        assert isinstance(desk.result, StudioError)  # noqa: S101  it was read just now
        _refused(desk, desk.result)
        return
    if desk.is_used:
        st.button("In use", icon=":material/check:", disabled=True, width="stretch")
        st.caption("The data stay loaded when the files are removed.")
        return
    kinds = "" if desk.profile is None else _kinds(desk.profile, report)
    st.markdown(f"**{_sizes(report)}**" + (f"  \n:small[{kinds}]" if kinds else ""))
    st.session_state.setdefault(_NAME, desk.name)  # a widget's own value goes when it is not drawn
    desk.name = st.text_input(
        "Name (optional)",
        max_chars=uploads.NAME_LENGTH,
        placeholder=report.name,
        help="Shown in lists of runs.",
        key=_NAME,
    )
    if _button():
        desk.use()
        st.rerun()


def _button(*, disabled: bool = False) -> bool:
    return st.button(
        "Use this data",
        type="primary",
        icon=":material/check:",
        width="stretch",
        disabled=disabled,
        key="use_data",
    )


def _sizes(report: Report) -> str:
    if report.is_matrix:
        return f"{report.n_nodes:,} rows · {report.n_features:,} columns"
    return f"{panels.count(report.n_nodes, 'node')} · {panels.count(report.n_edges, 'edge')}"


def _kinds(profile: Profile, report: Report) -> str:
    """Return what else the data hold once repaired, briefly."""
    is_matrix = report.is_matrix
    kinds = [] if is_matrix or report.sides else ["directed" if profile.directed else "undirected"]
    if report.sides:
        names = [f" {charts.plain(name, 20)}" for name in report.side_names] or ["", ""]
        kinds.append(
            "two sides, " + " and ".join(f"{n:,}{name}" for n, name in zip(report.sides, names, strict=True))
        )
    kinds += [] if is_matrix else ["weighted" if profile.weighted else "unweighted"]
    kinds += [] if is_matrix or not profile.n_features else [panels.count(profile.n_features, "feature")]
    kinds += [panels.count(profile.n_classes, "class")] if profile.n_classes else []
    return " · ".join(kinds)


# ------------------------------------------------------------------ the right of the page
def waiting() -> None:
    """Draw what the files on the desk were read as, what is in question first, and what is loaded still."""
    desk = uploads.desk()
    graph = state.graph()
    if graph is not None:
        st.caption(
            f"Current data: {charts.plain(graph.name, 60)} · {' · '.join(graph.sizes)}. It stays until you click "
            "'Use this data'."
        )
    try:
        reports, error = desk.look(), desk.result
    except StudioError as unseen:  # not one of the files could be looked at, but each can be removed
        reports, error = tuple(FileReport(how=FileSpec(name=file.name)) for file in desk.files), unseen
    for report, judgement in desk.questions:
        panels.question(f"{desk.edits}_{reports.index(report)}", report, judgement)
    findings = [] if not isinstance(desk.result, tuple) else _not_judged(desk.result[1], reports)
    frame.findings([finding for finding in findings if finding.level == "warning"])
    problem = error if isinstance(error, StudioError) else None
    read = (
        {} if not isinstance(desk.result, tuple) else {file.how.name: file for file in desk.result[0].files}
    )
    refused = next((r for r in reports if problem and problem.where.startswith(r.how.name)), None)
    if problem and refused is None:
        frame.report(problem)
    for number, report in enumerate(reports):
        panels.panel(
            f"{desk.edits}_{number}",
            _with_values(report, read.get(report.how.name)),
            error=problem if report is refused else None,
            rivals=_rivals(report, reports),
        )
    frame.findings([finding for finding in findings if finding.level != "warning"])
    if isinstance(desk.result, tuple):
        for plan in repairs.planned(desk.result[1]):
            st.markdown(f":material/build: {charts.message(plan)}")


def _with_values(report: FileReport, read: FileReport | None) -> FileReport:
    """Return what a look at a file gave with the first values that only reading it gives."""
    if read is None:
        return report
    return dataclasses.replace(report, rows=read.rows, sentences=report.sentences or read.sentences)


def _not_judged(seen: Report, reports: Sequence[FileReport]) -> list[Finding]:
    """Return the findings that no panel says in other words."""
    judged = {judgement.about for report in reports for judgement in report.judgements}
    return [one for one in repairs.other_findings(seen) if not judged & _JUDGED.get(one.code, set())]


def files(reports: Sequence[FileReport]) -> None:
    """Draw what the files of the loaded data were read as; they can be read otherwise while they are at hand."""
    desk = uploads.desk()
    editable = desk.is_used
    if not desk.files:
        st.caption(
            "These files are no longer on the server. To read them differently, upload them again on the Upload tab."
        )
    for number, report in enumerate(reports):
        panels.panel(f"used_{number}", report, editable=editable)
