"""Files from the visitor: one drop zone, kept on disk, looked at and read in child processes."""

from __future__ import annotations

import shutil
import weakref
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

import streamlit as st
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx

from dashboard import charts, frame
from vgae_core import scratch
from vgae_core.data.dataset import FileReport, RawGraph
from vgae_core.data.limits import LIMITS, SERVER_LIMITS
from vgae_core.data.readers import FORMATS, SourceFile, look_isolated, read_isolated
from vgae_core.data.readers.archives import is_data
from vgae_core.errors import DataError, LimitError
from vgae_core.spec import USES, FileSpec, settings

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

NAME_LENGTH = 60
"""Characters of a data set's name."""

ROLES = {
    "edges": "Edges",
    "features": "Node features, or a matrix",
    "labels": "Node labels",
    "names": "Node names",
    "ignore": "Nothing: leave it out",
}
_USED = "Used as"
_DESK = "upload_desk"


class Desk:
    """What one visitor has handed in: files in a folder of their own, which goes with the session."""

    def __init__(self) -> None:
        self.folder = scratch.folder("upload-")
        self.files: list[SourceFile] = []
        self.said: dict[str, dict[str, Any]] = {}
        """What the visitor said of each file, by its name."""
        self.generation = 0
        """How often files were handed in; a new number empties the drop zone."""
        self.edits = 0
        """How often the visitor said something; a new number lets tables show what follows from it."""
        self.looked: tuple[object, tuple[FileReport, ...]] | None = None
        self._count = 0
        weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)
        _desks.add(self)

    @property
    def size(self) -> int:
        """Bytes of the files on it."""
        return sum(file.path.stat().st_size for file in list(self.files))

    @property
    def how(self) -> list[FileSpec]:
        """How the files are read, as far as the visitor said."""
        return [FileSpec.from_dict({"name": name, **said}) for name, said in self.said.items()]

    def take(self, uploaded: Sequence[UploadedFile]) -> None:
        """Write the files to disk and let the server forget them; a name handed in again replaces the old file.

        Raises
        ------
        LimitError
            If there are too many files or bytes; the widget's own limits bind only honest browsers.
        """
        self.generation += 1
        new: list[SourceFile] = []
        try:
            wanted = [file for file in uploaded if is_data(PurePosixPath(file.name))]
            names = {PurePosixPath(file.name).name for file in wanted}
            kept = [file for file in self.files if file.name not in names]
            check([*((f.name, f.path.stat().st_size) for f in kept), *((f.name, f.size) for f in wanted)])
            _check_all(sum(file.size for file in wanted))
            for file in wanted:
                self._count += 1
                path = self.folder / str(self._count)  # never the visitor's own file name
                path.write_bytes(file.getbuffer())
                new.append(SourceFile(PurePosixPath(file.name).name, path))
        finally:
            _forget(uploaded)
        for old in self.files:
            if old not in kept:
                old.path.unlink(missing_ok=True)
        self.files = [*kept, *new]

    def say(self, file: str, **said: Any) -> None:
        """Keep what the visitor says of a file."""
        self.said.setdefault(file, {}).update(said)
        self.edits += 1

    def clear(self) -> None:
        """Forget everything that was handed in."""
        for file in self.files:
            file.path.unlink(missing_ok=True)
        self.files, self.said, self.looked = [], {}, None

    def look(self) -> tuple[FileReport, ...]:
        """Return what each file would be taken for; looks again only if something changed."""
        key = ([file.path for file in self.files], self.how)
        if self.looked is None or self.looked[0] != key:
            with st.spinner("Looking at the files…"):
                line = st.empty()  # how many come before, where files of others are being read

                def show(_: float, message: str) -> None:
                    line.caption(charts.plain(message))

                told = look_isolated(self.files, self.how, progress=show)
                line.empty()
            self.looked = (key, told)
        return self.looked[1]


_desks: weakref.WeakSet[Desk] = weakref.WeakSet()


def _check_all(added: int) -> None:
    """Raise LimitError if the files of all visitors together are too many bytes."""
    if sum(one.size for one in list(_desks)) + added > SERVER_LIMITS.all_upload_bytes:
        raise LimitError(
            "The files of all visitors together are more than this server keeps at a time.",
            mend="Try again in a few minutes, or read them with the command line on your own machine.",
        )


def desk() -> Desk:
    """Return what the visitor has handed in."""
    if _DESK not in st.session_state:
        st.session_state[_DESK] = Desk()
    held: Desk = st.session_state[_DESK]
    return held


def _forget(uploaded: Sequence[UploadedFile]) -> None:
    """Take the bytes out of the server's memory, where they would stay until the session ends."""
    context = get_script_run_ctx()
    if context is None or not isinstance(context.uploaded_file_mgr, MemoryUploadedFileManager):
        return
    for file in uploaded:
        context.uploaded_file_mgr.remove_file(session_id=context.session_id, file_id=file.file_id)


def check(files: Sequence[tuple[str, int]]) -> None:
    """Raise LimitError if there are too many files, or one or all of them are too large: (name, bytes) each."""
    LIMITS.check("files", len(files), where="upload")
    most = _most_bytes()
    mend = "Compress it with gzip, or read it with the command line on your own machine."
    for name, size in files:
        if size > most:
            raise LimitError(
                f"The file has {size:,} bytes; at most {most:,} are accepted.", where=name, mend=mend
            )
    total = sum(size for _, size in files)
    if total > LIMITS.upload_bytes:
        raise LimitError(
            f"The files have {total:,} bytes together; at most {LIMITS.upload_bytes:,} are accepted.",
            mend=mend,
        )


def _most_bytes() -> int:
    return min(int(st.get_option("server.maxUploadSize")) * 2**20, LIMITS.upload_bytes)


def read(name: str, progress: Callable[[float, str], None]) -> RawGraph:
    """Return the data set in the files on the desk, read in a bounded child process.

    Parameters
    ----------
    name : str
        Name of the data set; empty takes the file's.
    progress : callable
        Called with the share done and what is being done.

    Raises
    ------
    DataError
        If there is no file, or the readers refuse one.
    LimitError
        If reading takes too much.
    """
    held = desk()
    if not held.files:
        raise DataError("No file was chosen.", mend="Drop the files of a data set first.")
    return read_isolated(held.files, held.how, name=name.strip()[:NAME_LENGTH] or None, progress=progress)


# ------------------------------------------------------------------------------- the page
def formats() -> str:
    """Return what can be read, as Markdown, from the readers' own list."""
    graphs = ", ".join(charts.plain(entry.title) for entry in FORMATS if entry.edges)
    tables = ", ".join(charts.plain(entry.title) for entry in FORMATS if entry.table)
    return (
        f"**Graph**: {graphs}.\n\n"
        f"**Node features and labels**: {tables}.\n\n"
        "Text tables may have a header or none, ids of any kind and an optional weight; features may also be "
        "listed as `node, feature, value`. Any file may be compressed with gzip, and all of them may come in "
        "one zip archive. What each file holds is told from its content, and can be changed."
    )


def limits() -> str:
    """Return what this installation accepts, as Markdown."""
    return (
        f"All files together at most {LIMITS.upload_bytes / 1e6:,.0f} MB, "
        f"{LIMITS.decompressed_bytes / 1e6:,.0f} MB decompressed; {LIMITS.nodes:,} nodes, "
        f"{LIMITS.edges:,} entries, {LIMITS.feature_columns:,} feature columns."
    )


def zone() -> None:
    """Draw the drop zone; what is dropped is put on the desk."""
    held = desk()
    folder = st.session_state.get("upload_folder", False)
    files = st.file_uploader(
        "A whole folder" if folder else "Files of one data set",
        key=f"upload_{'folder' if folder else 'files'}_{held.generation}",
        help="Edges, node features, labels and names may come in one file or in several, or in a zip archive.",
        max_upload_size=int(st.get_option("server.maxUploadSize")),
        accept_multiple_files="directory" if folder else True,
    )
    st.toggle("Whole folder", key="upload_folder", help="Choose a folder instead of files.")
    st.caption(limits())
    if files:
        held.take(files)
        st.rerun()


def cards() -> None:
    """Draw what each file on the desk would be taken for, and let the visitor correct it."""
    held = desk()
    if not held.files:
        return
    with frame.guard():
        for number, report in enumerate(held.look()):
            with st.container(border=True, gap="small"):
                _card(f"{held.generation}_{number}", report)
        st.button("Remove all files", icon=":material/close:", type="tertiary", on_click=held.clear)


def _card(key: str, report: FileReport) -> None:
    layout = [charts.plain(report.format)] if report.format else []
    layout += [f"{report.separator}-separated"] if report.separator else []
    layout += [{"yes": "with a header", "no": "without a header"}[report.header]] if report.header else []
    st.markdown(
        f"**{charts.plain(report.how.name, 60)}**" + (f"  \n:small[{' · '.join(layout)}]" if layout else "")
    )
    role = report.how.role
    _choice(key, report, "role", list(ROLES), role if role in ROLES else None, ROLES.__getitem__)
    if report.problem:
        st.warning(charts.message(report.problem), icon=":material/warning:")
    if report.parts or report.separator:
        with st.expander("Columns" if report.separator or report.rows else "Parts"):
            _details(key, report)


def _details(key: str, report: FileReport) -> None:
    if report.separator:
        left, right = st.columns(2)
        with left:
            _choice(key, report, "separator", _choices("separator"), report.separator, str.capitalize)
        with right:
            _choice(key, report, "header", _choices("header"), report.header, str.capitalize)
    if report.parts:
        _parts(key, report)
        if report.n_parts > len(report.parts):
            st.caption(f"{len(report.parts):,} of {report.n_parts:,} are listed; the others are features.")
    if report.rows:
        names = [part.name for part in report.parts][: max(map(len, report.rows))]
        shown = {
            name: [dict(enumerate(row)).get(i, "") for row in report.rows] for i, name in enumerate(names)
        }
        st.caption("First rows")
        st.dataframe(shown, hide_index=True, key=f"upload_rows_{key}")
    if report.how.role in ("features", "labels") and "id" not in {part.use for part in report.parts}:
        _choice(
            key, report, "first_row", ["auto", *_choices("first_row")], report.how.first_row, str.capitalize
        )


def _choices(name: str) -> list[str]:
    return [choice for choice in get_args(get_type_hints(FileSpec)[name]) if choice != "auto"]


def _choice(
    key: str,
    report: FileReport,
    name: str,
    choices: list[str],
    value: str | None,
    title: Callable[[str], str],
) -> None:
    """Draw one setting of a file; what the visitor chooses is kept, what nobody chose is found out anew."""
    setting = next(s for s in settings(FileSpec) if s.name == name)
    widget = f"upload_{name}_{key}_{value}"
    st.selectbox(
        setting.title,
        choices,
        index=choices.index(value) if value in choices else None,
        format_func=title,
        key=widget,
        placeholder="What does it hold?",
        help=charts.message(setting.help),
        label_visibility="collapsed" if name == "role" else "visible",
        on_change=_say,
        args=(report.how.name, name, widget),
    )


def _say(file: str, name: str, widget: str) -> None:
    # Columns may be called otherwise, or have other uses, now.
    desk().say(file, **{name: st.session_state[widget], "uses": {}})


def _parts(key: str, report: FileReport) -> None:
    """Draw the parts of a file as a table whose last column can be changed."""
    widget = f"upload_parts_{key}_{desk().edits}"
    uses = list(dict.fromkeys(use for part in report.parts for use in part.uses))
    st.data_editor(
        {
            "Part": [part.name for part in report.parts],
            _USED: [part.use for part in report.parts],
            "Begins": [part.about for part in report.parts],
        },
        column_config={
            _USED: st.column_config.SelectboxColumn(
                options=uses, format_func=lambda use: USES[str(use)].title, required=True
            )
        },
        disabled=["Part", "Begins"],
        hide_index=True,
        key=widget,
        on_change=_say_uses,
        args=(report, widget),
    )


def _say_uses(report: FileReport, widget: str) -> None:
    desk().say(report.how.name, uses=edited_uses(report, st.session_state[widget]["edited_rows"]))


def edited_uses(report: FileReport, edited: Mapping[int, Mapping[str, str]]) -> dict[str, str]:
    """Return every use as the table shows it after its edits (by row): what is seen is what is read."""
    return {
        part.name: edited.get(i, {}).get(_USED, part.use)
        for i, part in enumerate(report.parts)
        if part.use != "features" or i in edited
    }


def taken_for(files: Sequence[FileReport]) -> str:
    """Return what each file was taken for, as Markdown."""
    lines = []
    for file in files:
        layout = ", ".join(
            filter(None, [charts.plain(file.format), file.separator and f"{file.separator}-separated"])
        )
        used = [
            f"{charts.plain(p.name, 30)} → {USES[p.use].title.lower()}"
            for p in file.parts
            if p.use != "features"
        ]
        columns = file.n_parts - len(used)
        used = used[:8] + (["…"] if len(used) > 8 else []) + ([f"{columns:,} features"] if columns else [])
        role = ROLES.get(file.how.role, file.how.role).lower()
        lines.append(
            f"- **{charts.plain(file.how.name, 60)}**: {role}" + (f" ({layout})" if layout else "")
            + (f"; {', '.join(used)}" if used else "")
        )  # fmt: skip
    return "\n".join(lines)
