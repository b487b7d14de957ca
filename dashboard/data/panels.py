"""One panel per file: what it was read as, with the evidence, and how to read it otherwise."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import streamlit as st

from dashboard.app import frame, state
from dashboard.data import uploads
from dashboard.figures import charts
from vgae_core.catalogue.uses import USES
from vgae_core.data.findings import FileReport, Judgement, Part
from vgae_core.data.readers.base import ONCE
from vgae_core.errors import StudioError
from vgae_core.settings import FileSpec
from vgae_core.settings.fields import Setting, settings_of

ROLES = {
    "edges": "Edges",
    "features": "Node features, or a matrix",
    "labels": "Node labels",
    "names": "Node names",
    "ignore": "Ignore this file",
}
CARDS = 8
"""Up to this many columns stand side by side; more go into a table."""

SENTENCES = 4
"""Edges told in words."""

_SETTINGS = {setting.name: setting for setting in settings_of(FileSpec)}
_OF_TEXT = ("separator", "header", "decimal", "encoding")
_USED = "Used as"
ERROR = "reading_error"
"""Where the session keeps an error of a callback until the page can show it."""


def count(number: int, noun: str) -> str:
    """Return a number of things in words."""
    return f"{number:,} {noun}" + ("" if number == 1 else "es" if noun.endswith("s") else "s")


def question(key: str, report: FileReport, judgement: Judgement) -> None:
    """Draw what the reader is not sure of, with its evidence and a button for each answer."""
    title = f"{charts.plain(report.how.name, 60)}: {charts.plain(judgement.title, 60)}?"
    with st.container(border=True, gap="small"):
        st.warning(charts.message(judgement.text), title=title, icon=":material/help:")
        with st.container(horizontal=True):
            if judgement.accept:
                title = charts.plain(judgement.proposal) or "Yes, as proposed"
                _reading(key, report, judgement, title, judgement.accept, type="primary")
            for other in judgement.others:
                _reading(key, report, judgement, charts.plain(other.title), other.changes)


def panel(
    key: str,
    report: FileReport,
    *,
    error: StudioError | None = None,
    editable: bool = True,
    rivals: Sequence[FileReport] = (),
) -> None:
    """Draw what one file was read as, and the other readings.

    Parameters
    ----------
    key : str
        Prefix of the widgets' keys.
    report : FileReport
    error : StudioError, optional
        Why the file could not be read to its end.
    editable : bool
        Whether the file is at hand, so that it can be read otherwise.
    rivals : sequence of FileReport
        Other files that hold the same, of which only one can be used.
    """
    refused = error is not None or bool(report.problem)
    with st.container(border=True, gap="small"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.markdown(
                f"**{charts.plain(report.how.name, 60)}**  \n:small[{_layout(report)}]", width="content"
            )
            if editable:
                with st.container(
                    horizontal=True, vertical_alignment="center", gap="xsmall", width="content"
                ):
                    _role(key, report)
                    _remove(key, report)
        if editable and report.how.name in uploads.desk().how:
            _undo(key, report)
        if error is not None:
            frame.report(error)
        elif report.problem:
            st.error(charts.message(report.problem), icon=":material/error:")
        if editable and (refused or rivals):
            _ways_out(key, report, rivals, refused=refused)
        beside_error = editable and refused and not rivals and _is_text(report)
        if beside_error:
            _format(key, report, of_text=True)
        if report.sentences:
            st.markdown(
                " ".join(f":gray-badge[{charts.plain(one, 80)}]" for one in report.sentences[:SENTENCES])
            )
        _values(report)
        with st.container(gap="xxsmall"):
            for judgement in report.judgements:
                if judgement.sure or not editable:
                    _judgement(key, report, judgement, editable=editable)
        if editable:
            _details(key, report, with_format=not beside_error)
        elif report.parts:
            st.caption(_used_as(report))


def _values(report: FileReport) -> None:
    """Draw the first rows and columns of a matrix; what columns of a table begin with stands in their cards."""
    if (
        len(report.rows) < 2
        or 0 < len(report.parts) <= CARDS
        or (report.parts and report.how.role == "edges")
    ):
        return
    names, *rows = report.rows
    columns = {str(at): [row[at] if at < len(row) else "" for row in rows] for at in range(len(names))}
    st.dataframe(
        columns,
        hide_index=True,
        width="content",
        column_config={str(at): st.column_config.TextColumn(name or " ") for at, name in enumerate(names)},
    )
    st.caption("The first rows and columns, as they were read.")


def _layout(report: FileReport) -> str:
    if report.how.role == "ignore":
        return "Ignored"
    layout = (
        [f"Read as {ROLES[report.how.role].lower()}"] if report.format and report.how.role in ROLES else []
    )
    text = f"{report.separator}-delimited text"
    layout += [text if report.separator else charts.plain(report.format)] if report.format else []
    layout += [{"yes": "with a header row", "no": "no header row"}[report.header]] if report.header else []
    return " · ".join(layout) or "Not recognised"


def _judgement(key: str, report: FileReport, judgement: Judgement, *, editable: bool) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        st.markdown(
            f":small[**{charts.plain(judgement.title, 60)}** · {charts.message(judgement.text)}]",
            width="content",
        )
        for other in judgement.others if editable else ():
            _reading(
                key, report, judgement, f":primary[{charts.plain(other.title)}]", other.changes,
                icon=":material/swap_horiz:", type="tertiary",
            )  # fmt: skip


def _reading(
    key: str, report: FileReport, judgement: Judgement, title: str, changes: Mapping[str, str], **look: Any
) -> None:
    """Draw the button of one reading."""
    st.button(
        title,
        key=f"reading_{key}_{judgement.about}_{title}",
        on_click=_change,
        args=(report, changes, {judgement.about, *changes}),
        **look,
    )


def _remove(key: str, report: FileReport) -> None:
    """Draw the button that removes a file; a member of an archive can only be ignored."""
    if report.how.name in {file.name for file in uploads.desk().files}:
        st.button(
            "Remove", icon=":material/close:", type="tertiary", help="Remove this file", key=f"upload_remove_{key}",
            on_click=_remove_file, args=(report,),
        )  # fmt: skip


def _remove_file(report: FileReport) -> None:
    uploads.desk().remove(report.how.name)
    st.session_state[state.TAB] = "Upload"


def _undo(key: str, report: FileReport) -> None:
    """Draw the way back to what is detected automatically."""
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        st.caption("You changed this.", width="content")
        st.button(
            "Undo", icon=":material/undo:", type="tertiary", help="Detect automatically again.",
            key=f"upload_undo_{key}", on_click=_detect, args=(report,),
        )  # fmt: skip


def _is_text(report: FileReport) -> bool:
    """Return whether a file is, by its first bytes, a text, whose encoding and layout may be set."""
    path = next((file.path for file in uploads.desk().files if file.name == report.how.name), None)
    if path is None:
        return bool(report.separator or report.header)  # inside an archive
    with path.open("rb") as file:
        begin = file.read(4096)
    return bool(begin) and (begin.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" not in begin)


def _only(report: FileReport, rivals: Sequence[FileReport]) -> None:
    for rival in rivals:
        _change(rival, {"role": "ignore"})


def _ways_out(key: str, report: FileReport, rivals: Sequence[FileReport], *, refused: bool) -> None:
    """Draw what can be done about a file that cannot be read as it is, or beside the others."""
    described = report.how.role in ("labels", "features") and report.format
    roles = ["names"] if described and not any(part.use == "features" for part in report.parts) else []
    with st.container(horizontal=True):
        if rivals:
            st.button("Use only this file", key=f"upload_only_{key}", on_click=_only, args=(report, rivals))
        for role in [*roles, "ignore"] if refused else []:
            title = "Use as node names" if role == "names" else ROLES[role]
            st.button(title, key=f"upload_{role}_{key}", on_click=_change, args=(report, {"role": role}))


def _change(report: FileReport, changes: Mapping[str, str], decided: Collection[str] | None = None) -> None:
    try:
        uploads.desk().change(report, changes, decided=decided)
    except StudioError as error:
        st.session_state[ERROR] = error
    st.session_state[state.TAB] = "Upload"  # where what follows from it is shown


def _detect(report: FileReport) -> None:
    uploads.desk().detect(report.how.name)
    st.session_state[state.TAB] = "Upload"


# ------------------------------------------------------------------------ every setting
def _role(key: str, report: FileReport) -> None:
    role = report.how.role
    _choice(key, report, "role", list(ROLES), role if role in ROLES else None, ROLES.__getitem__, width=230)


def _details(key: str, report: FileReport, *, with_format: bool) -> None:
    cards = 0 < len(report.parts) <= CARDS
    if cards:
        _cards(key, report)
    of_text = bool(report.separator or report.header)
    in_table = bool(report.parts) and not cards
    if in_table or (of_text and with_format):
        title = "Format" if not in_table else "Columns and format" if report.rows else "Parts"
        with st.expander(title):
            if in_table:
                _table(key, report)
            if with_format:
                _format(key, report, of_text=of_text)


def _cards(key: str, report: FileReport) -> None:
    """Draw each part of a file with its use, which can be changed, and its first values."""
    with st.grid(min_column_width=150, gap="small"):
        for at, part in enumerate(report.parts):
            with st.container(gap="xxsmall"):
                widget = f"upload_use_{key}_{at}_{part.use}"
                st.selectbox(
                    f"Column {at + 1}"
                    if report.header and part.name == str(at + 1)
                    else charts.plain(part.name, 40),
                    part.uses,
                    index=part.uses.index(part.use),
                    format_func=_use_title,
                    key=widget,
                    on_change=_use,
                    args=(report, part.name, widget),
                )
                st.caption(charts.plain(part.about, 60) if part.about.strip(", ") else "empty")


def _table(key: str, report: FileReport) -> None:
    """Draw the parts of a file as a table whose uses can be changed, and the first rows."""
    widget = f"upload_parts_{key}"
    uses = list(dict.fromkeys(use for part in report.parts for use in part.uses))
    st.caption("Double-click a use to change it.")
    st.data_editor(
        {
            "Part": [part.name for part in report.parts],
            _USED: [part.use for part in report.parts],
            "Begins": [part.about for part in report.parts],
        },
        column_config={
            _USED: st.column_config.SelectboxColumn(options=uses, format_func=_use_title, required=True)
        },
        disabled=["Part", "Begins"],
        hide_index=True,
        key=widget,
        on_change=_use_rows,
        args=(report, widget),
    )
    if report.n_parts > len(report.parts):
        st.caption(f"{len(report.parts):,} of {report.n_parts:,} are listed; the others are features.")


def _format(key: str, report: FileReport, *, of_text: bool) -> None:
    """Draw how a text is laid out, and what nobody but the visitor knows."""
    how = report.how
    with st.grid(min_column_width=150, gap="small"):
        if of_text:
            now = {"separator": report.separator, "header": report.header}
            for name in _OF_TEXT:
                choices = [c for c in _SETTINGS[name].choices if c != "auto" or not now.get(name)]
                _choice(key, report, name, choices, now.get(name) or getattr(how, name), _titles(name))
        if how.role == "edges":
            _choice(key, report, "sides", list(_SETTINGS["sides"].choices), how.sides, _titles("sides"))
        if how.role in ("features", "labels") and "id" not in {part.use for part in report.parts}:
            choices = list(_SETTINGS["first_row"].choices)
            _choice(key, report, "first_row", choices, how.first_row, _titles("first_row"))


def _titles(name: str) -> Callable[[str], str]:
    labels = _SETTINGS[name].labels
    return lambda value: "Automatic" if value == "auto" else labels.get(value, value.capitalize())


def _use_title(use: object) -> str:
    return USES[str(use)].title


def _choice(
    key: str,
    report: FileReport,
    name: str,
    choices: list[str],
    value: str | None,
    title: Callable[[str], str],
    *,
    width: Any = "stretch",
) -> None:
    """Draw one setting of a file; the key names the value, so that what follows from others is shown."""
    setting: Setting = _SETTINGS[name]
    widget = f"upload_{name}_{key}_{value}"
    st.selectbox(
        setting.title,
        choices,
        index=choices.index(value) if value in choices else None,
        format_func=title,
        key=widget,
        placeholder="Choose the content",
        help=None if name == "role" else charts.message(setting.help),
        label_visibility="collapsed" if name == "role" else "visible",
        width=width,
        on_change=_set,
        args=(report, name, widget),
    )


def _set(report: FileReport, name: str, widget: str) -> None:
    _change(report, {name: st.session_state[widget]})


def _use(report: FileReport, part: str, widget: str) -> None:
    edited = {part: st.session_state[widget]}
    _change(report, _uses(edited_uses(report, edited)), list(_uses(edited)))


def _use_rows(report: FileReport, widget: str) -> None:
    rows: Mapping[int, Mapping[str, str]] = st.session_state[widget]["edited_rows"]
    edited = {report.parts[at].name: row[_USED] for at, row in rows.items() if _USED in row}
    _change(report, _uses(edited_uses(report, edited)), list(_uses(edited)))


def _uses(uses: Mapping[str, str]) -> dict[str, str]:
    return {f"uses.{part}": use for part, use in uses.items()}


def edited_uses(report: FileReport, edited: Mapping[str, str]) -> dict[str, str]:
    """Return every use after the visitor's edits: what is seen is what is read.

    A part that loses a use that only one can have takes the use that the edited part had before.

    Parameters
    ----------
    report : FileReport
    edited : mapping of str to str
        Name of a part to its new use.
    """
    before = {part.name: part for part in report.parts}
    uses = {part.name: part.use for part in report.parts}
    for name, use in edited.items():
        loser = next((p for p, u in uses.items() if u == use and use in ONCE and p != name), None)
        if loser is not None:
            uses[loser] = _instead(before[loser], uses[name])
        uses[name] = use
    return {name: use for name, use in uses.items() if use != "features" or use != before[name].use}


def _instead(part: Part, use: str) -> str:
    return use if use in part.uses else "ignore"


def _used_as(report: FileReport) -> str:
    """Return the use of each part, as Markdown."""
    told = [
        f"{charts.plain(part.name, 30)} → {_use_title(part.use).lower()}"
        for part in report.parts
        if part.use != "features"
    ]
    columns = report.n_parts - len(told)
    shown = told[:CARDS] + (["…"] if len(told) > CARDS else [])
    return ", ".join(shown + ([count(columns, "feature")] if columns else []))
