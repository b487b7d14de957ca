"""Files from the visitor: kept on disk, looked at and read in child processes, adopted on a click."""

from __future__ import annotations

import dataclasses
import shutil
import weakref
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, TypeVar

import streamlit as st
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx

from dashboard.app import state
from dashboard.figures import charts
from vgae_core.data.dataset import Profile, RawGraph
from vgae_core.data.findings import FileReport, Judgement
from vgae_core.data.readers import SourceFile, look_isolated, read_isolated
from vgae_core.data.readers.about import is_data, is_member
from vgae_core.data.readers.base import ONCE
from vgae_core.data.repairs import repair
from vgae_core.data.report import Report, inspect
from vgae_core.errors import DataError, LimitError, StudioError
from vgae_core.host import scratch
from vgae_core.host.limits import LIMITS, SERVER_LIMITS
from vgae_core.settings import FileSpec

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

NAME_LENGTH = 60
"""Characters of a data set's name."""

AT_ONCE = 20_000_000
"""Bytes that are read as soon as they are dropped: about two seconds of an edge list."""

PASTED = "pasted.txt"
"""Name of what was typed or pasted instead of handed in as a file."""

PASTED_CHARACTERS = 200_000
"""Characters that can be pasted: beyond, a file is handier, and every rerun would carry them."""

_T = TypeVar("_T")


class Desk:
    """What one visitor has handed in: files in a folder of their own, which goes with the session."""

    def __init__(self) -> None:
        self.folder = scratch.folder("upload-")
        self.files: list[SourceFile] = []
        self.how: dict[str, FileSpec] = {}
        """How the visitor wants each file to be read, by its name."""
        self.name = ""
        """The data set's name as typed; empty takes the file's."""
        self.generation = 0
        """How often files were handed in; a new number empties the drop zone."""
        self.edits = 0
        """How often the visitor corrected something; a new number lets widgets show what follows from it."""
        self._questions: dict[tuple[str, str], Judgement] = {}
        self._looked: tuple[object, tuple[FileReport, ...] | StudioError] | None = None
        self._read: tuple[object, tuple[RawGraph, Report] | StudioError] | None = None
        self._used: tuple[object, tuple[RawGraph, Report]] | None = None
        self._profile: tuple[RawGraph, Profile | None] | None = None
        self._count = 0
        weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)
        _desks.add(self)

    @property
    def size(self) -> int:
        """Bytes of the files on it."""
        return sum(file.path.stat().st_size for file in list(self.files))

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
            data = [file for file in uploaded if _may_hold_data(PurePosixPath(file.name))]
            wanted = data or list(uploaded)  # a document alone is refused by name
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
                self._forget_questions(old.name)
        self.files = [*kept, *new]

    def paste(self, text: str) -> None:
        """Take a text that was typed or pasted as one more file; pasted again, it replaces the text before.

        Raises
        ------
        LimitError
            As :meth:`take` does.
        """
        content = text.encode()
        kept = [file for file in self.files if file.name != PASTED]
        check([*((f.name, f.path.stat().st_size) for f in kept), (PASTED, len(content))])
        _check_all(len(content))
        self.remove(PASTED)
        self._count += 1
        path = self.folder / str(self._count)
        path.write_bytes(content)
        self.files = [*kept, SourceFile(PASTED, path)]

    def change(
        self, report: FileReport, changes: Mapping[str, str], *, decided: Collection[str] | None = None
    ) -> None:
        """Read a file otherwise.

        Parameters
        ----------
        report : FileReport
            What the file is taken for now.
        changes : mapping of str to str
            As in :class:`~vgae_core.data.findings.Choice`.
        decided : collection of str, optional
            What the visitor decided by it: settings, or the ``about`` of a judgement; by default the settings
            changed. Questions about anything else stay open.

        Raises
        ------
        SpecError
            If there is no such setting, or the value is none of its choices.
        """
        name = report.how.name
        how = self.how.get(name, FileSpec(name=name))
        now = {"header": report.header, "separator": report.separator, "role": report.how.role}
        if any(now[key] != value for key, value in changes.items() if key in now):
            how = dataclasses.replace(how, uses={})  # columns may have other names, or other uses, now
        for key, value in changes.items():
            if value in ONCE and key.startswith("uses."):
                how = dataclasses.replace(how, uses={p: u for p, u in how.uses.items() if u != value})
            how = how.replace(key, value)
        self.how[name] = how
        self.edits += 1
        decided = set(changes if decided is None else decided)
        other_layout = any(now[key] != changes.get(key, now[key]) for key in ("header", "separator"))
        other_role = changes.get("role", now["role"]) != now["role"]
        for question, judgement in list(self._questions.items()):
            if question[0] == name and (
                other_role
                or decided & {judgement.about, *_settings_of(judgement)}
                or (other_layout and any(one.startswith("uses.") for one in _settings_of(judgement)))
            ):
                del self._questions[question]  # answered, or about what is no more

    def detect(self, name: str) -> None:
        """Forget what the visitor corrected about a file."""
        self.how.pop(name, None)
        self._forget_questions(name)
        self.edits += 1

    def remove(self, name: str) -> None:
        """Forget one file that was handed in, and what the visitor said of it."""
        if [file.name for file in self.files] == [name]:
            self.clear()
            return
        for file in self.files:
            if file.name == name:
                file.path.unlink(missing_ok=True)
        self.files = [file for file in self.files if file.name != name]
        self.detect(name)

    def _forget_questions(self, name: str) -> None:
        self._questions = {key: value for key, value in self._questions.items() if key[0] != name}

    @property
    def questions(self) -> list[tuple[FileReport, Judgement]]:
        """What the readers asked and the visitor has not answered, with the file it is about.

        A question stays when another setting changes, even if a new look would not ask it: that the readers
        now go on with one of the answers does not make it the visitor's.
        """
        reports = {report.how.name: report for report in self.reports if report.how.role != "ignore"}
        return [(reports[name], one) for (name, _), one in self._questions.items() if name in reports]

    def clear(self) -> None:
        """Forget everything that was handed in."""
        for file in self.files:
            file.path.unlink(missing_ok=True)
        self.files, self.how, self.name, self._questions = [], {}, "", {}
        self._looked = self._read = self._used = self._profile = None

    @property
    def _key(self) -> object:
        return [file.path for file in self.files], dict(self.how)

    def look(self) -> tuple[FileReport, ...]:
        """Return what each file would be taken for; looks again only if something changed.

        Raises
        ------
        DataError, LimitError
            As :func:`vgae_core.data.readers.look_isolated` does.
        """
        if self._looked is None or self._looked[0] != self._key:
            with st.spinner("Looking at the files…"):
                line = st.empty()  # how many come before, where files of others are being read

                def show(_: float, message: str) -> None:
                    line.caption(charts.plain(message))

                how = list(self.how.values())
                outcome = _outcome(lambda: look_isolated(self.files, how, progress=show))
                line.empty()
                self._looked = (self._key, outcome)
        if isinstance(self._looked[1], StudioError):
            raise self._looked[1]
        for report in self._looked[1]:
            for judgement in report.questions:
                self._questions[report.how.name, judgement.about] = judgement
        return self._looked[1]

    @property
    def reports(self) -> tuple[FileReport, ...]:
        """What a look at the files as they are now gave; empty where it failed."""
        if self._looked is None or self._looked[0] != self._key or isinstance(self._looked[1], StudioError):
            return ()
        return self._looked[1]

    def read(self, progress: Callable[[float, str], None]) -> tuple[RawGraph, Report]:
        """Return the data set in the files, read in a bounded child process, and what is in it.

        Parameters
        ----------
        progress : callable
            Called with the share done and what is being done.

        Raises
        ------
        DataError
            If there is no file, or the readers refuse one.
        LimitError
            If reading takes too much.
        """
        if self.result is None:
            if not self.files:
                raise DataError("No file was chosen.", mend="Drop the files of a data set first.")

            def work() -> tuple[RawGraph, Report]:
                raw = read_isolated(self.files, list(self.how.values()), progress=progress)
                return raw, inspect(raw)

            self._read = (self._key, _outcome(work))
        result = self.result
        if isinstance(result, StudioError):
            raise result
        assert result is not None  # noqa: S101  it was read just now
        return result

    @property
    def result(self) -> tuple[RawGraph, Report] | StudioError | None:
        """What reading the files gave; None if they were not read since something changed."""
        for one in (self._read, self._used):  # what is in use need not be read again after an undo
            if one is not None and one[0] == self._key:
                return one[1]
        return None

    @property
    def profile(self) -> Profile | None:
        """Sizes and kinds of what was read, after the repairs it starts with; None if there is no such thing."""
        if not isinstance(self.result, tuple):
            return None
        if self._profile is None or self._profile[0] is not self.result[0]:
            raw, report = self.result
            outcome = _outcome(lambda: repair(raw, state.default_repairs(report)).profile)
            self._profile = (raw, None if isinstance(outcome, StudioError) else outcome)
        return self._profile[1]

    def forget_result(self) -> None:
        """Let the files be looked at and read again."""
        self._looked = self._read = self._used = None

    def use(self) -> None:
        """Make what was read the visitor's data, under the name typed for it.

        Raises
        ------
        DataError
            If there is nothing to train on; the data loaded before stay.
        """
        raw, report = self.read(lambda share, text: None)
        if name := self.name.strip()[:NAME_LENGTH]:
            raw = dataclasses.replace(raw, name=name)
            report = dataclasses.replace(report, name=name)
        state.use_raw(raw, "upload", report)
        self._read = self._used = (self._key, (raw, report))

    @property
    def is_used(self) -> bool:
        """Whether the files, as they would be read now, are the visitor's data."""
        return isinstance(self.result, tuple) and self.result[0] is state.raw()

    @property
    def waits(self) -> bool:
        """Whether there are files that are not the visitor's data."""
        return bool(self.files) and not self.is_used


def _may_hold_data(path: PurePosixPath) -> bool:
    """Return whether a file may hold data by its name; of a folder also pictures and code are left out."""
    return is_member(path) if len(path.parts) > 1 else is_data(path)


def _settings_of(judgement: Judgement) -> set[str]:
    """Return the settings that decide a judgement."""
    return set(judgement.accept) or {key for other in judgement.others for key in other.changes}


def _outcome(work: Callable[[], _T]) -> _T | StudioError:
    """Return what `work` returns or raises, so that a page that is drawn again need not repeat it."""
    try:
        return work()
    except StudioError as error:
        return error


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
    if state.DESK not in st.session_state:
        st.session_state[state.DESK] = Desk()
    current: Desk = st.session_state[state.DESK]
    return current


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
