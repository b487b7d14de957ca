"""Data sets as the command line names them: which files, how they are read, and what has to be decided."""

from __future__ import annotations

import argparse
import dataclasses
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from vgae_core.catalogue.uses import USES
from vgae_core.data.dataset import RawGraph
from vgae_core.data.findings import Choice, FileReport
from vgae_core.data.pairs import pairs_in
from vgae_core.data.readers import SourceFile, look_isolated, read_isolated
from vgae_core.data.readers.about import is_member
from vgae_core.data.readers.source import names_of
from vgae_core.data.samples import load_sample
from vgae_core.errors import DataError, SpecError, StudioError
from vgae_core.host.limits import LIMITS
from vgae_core.settings import FileSpec, RunSpec
from vgae_core.settings.fields import settings_of

SAMPLE = "sample:"
_SETTINGS = tuple(f.key for f in settings_of(FileSpec) if f.key not in ("name", "uses"))


def add(parser: argparse.ArgumentParser, *, optional: bool = False) -> None:
    """Add the arguments that name a data set to a command."""
    parser.add_argument(
        "path",
        nargs="*" if optional else "+",
        metavar="PATH|sample:NAME",
        help="the files of a data set, a folder or archive of them, or a sample",
    )
    parser.add_argument("--features", metavar="PATH", help="node features")
    parser.add_argument("--labels", metavar="PATH", help="node labels")
    parser.add_argument(
        "--read",
        metavar="FILE:SETTING=VALUE",
        action="append",
        default=[],
        help="override how a file is read: edges.csv:header=no, features.csv:uses.y=features; "
        "`inspect` shows what was detected. "
        f"Settings: {', '.join(_SETTINGS)}, uses.PART. "
        f"Uses: {', '.join(USES)}",
    )
    parser.add_argument(
        "--yes", action="store_true", help="accept the likeliest reading where it is uncertain"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def read(options: argparse.Namespace, progress: Callable[[float, str], None] | None = None) -> RawGraph:
    """Return the data set that the arguments name.

    Raises
    ------
    SpecError
        If an argument makes no sense.
    DataError
        If the files cannot be read, or a reader is not certain and neither ``--read`` nor ``--yes`` decides.
    """
    first = options.path[0]
    choices = [_said_of(text) for text in options.read]
    if first.startswith(SAMPLE):
        if len(options.path) > 1 or options.features or options.labels or choices:
            raise DataError("A sample brings its own features and labels.", where=first)
        return load_sample(first.removeprefix(SAMPLE))
    paths = [found for path in options.path for found in _paths(path)]
    brought = [
        (role, path) for role, path in (("features", options.features), ("labels", options.labels)) if path
    ]
    paths += [Path(path) if Path(path).is_file() else _missing(path) for _, path in brought]
    files = [SourceFile(name, path) for name, path in zip(names_of(paths), paths, strict=True)]
    known = _known(options)
    for (role, _), source in zip(brought, files[len(files) - len(brought) :], strict=True):
        choices.append((source.name, "role", role))
    if len(options.path) == 1 and len(files) > 1 and not Path(first).is_dir():
        choices.append((files[0].name, "role", "edges"))
    for name, key, value in choices:
        known[name] = known.get(name, FileSpec(name=name)).replace(key, value)
    try:
        raw = read_isolated(files, list(known.values()), progress=progress)
    except StudioError:
        if not options.yes:  # what the reader would have asked may be the reason
            _decide(look_isolated(files, list(known.values())))
        raise
    strange = next((f for f in raw.findings if f.code == "choices-unused"), None)
    if strange is not None and any(name in strange.examples for name, *_ in choices):
        there = ", ".join(report.how.name for report in raw.files)
        raise SpecError(strange.message, where="--read", mend=f"The files are: {there}.")
    if options.yes:
        return dataclasses.replace(raw, files=tuple(map(_decided, raw.files)))
    _decide(raw.files)
    return raw


def read_pairs(path: str) -> list[tuple[str, str]]:
    """Return the two names in each row of a file of pairs.

    Raises
    ------
    DataError, LimitError
        If there is no such file, or it cannot be read as pairs.
    """
    return pairs_in(SourceFile(Path(path).name, Path(path) if Path(path).is_file() else _missing(path)))


def _known(options: argparse.Namespace) -> dict[str, FileSpec]:
    """Return how the files of a specification were read, by their names."""
    if not getattr(options, "spec", None):
        return {}
    spec = RunSpec.from_json(Path(options.spec).read_text("utf-8"))
    return {file.name: file for file in spec.dataset.files}


def _paths(path: str) -> list[Path]:
    """Return the file at `path`, or those in the folder at `path`."""
    if not Path(path).is_dir():
        return [Path(path) if Path(path).is_file() else _missing(path)]
    found = [
        file for file in sorted(Path(path).rglob("*")) if file.is_file() and is_member(file.relative_to(path))
    ]
    if not found:
        raise DataError("The folder is empty.", where=path, mend="Give the path of a file.")
    LIMITS.check("files", len(found), where=path)
    return found


def _missing(path: str) -> Path:
    raise DataError("No such file.", where=path, mend="Check the path.")


_SAID = re.compile(
    rf"(?P<name>.+?):(?P<key>{'|'.join(_SETTINGS)}|uses\..+)"
    r"=(?P<value>[^=]*)",
    re.DOTALL,
)


def _said_of(text: str) -> tuple[str, str, str]:
    """Return file, setting and value of ``FILE:SETTING=VALUE``."""
    match = _SAID.fullmatch(text)
    if match is None:
        raise SpecError(
            f"Expected FILE:SETTING=VALUE. Received: {text!r}.",
            where="--read",
            mend="For example edges.csv:header=no, or features.csv:uses.y=features.",
        )
    return match["name"], match["key"], match["value"]


def _decide(reports: Sequence[FileReport]) -> None:
    """Raise DataError if a reader is not sure of something: with its evidence, and what decides it."""
    questions = [(report.how.name, question) for report in reports for question in report.questions]
    if not questions:
        return
    name, first = questions[0]
    choices = (
        [Choice(f"{first.proposal}, as proposed".removeprefix(", "), first.accept), *first.others]
        if first.accept
        else first.others
    )
    ways = [f"{_arguments(name, choice.changes)} ({choice.title})" for choice in choices]
    more = f" {len(questions) - 1} more to decide." if len(questions) > 1 else ""
    raise DataError(
        f"Not certain about the {first.title.lower()}: {first.text}",
        where=name,
        mend=f"Decide with {', or '.join([*ways, '--yes (the likeliest)'])}.{more}",
    )


def _arguments(name: str, changes: Mapping[str, str]) -> str:
    """Return the arguments that ask for a reading, as a shell takes them."""
    return " ".join(f"--read {shlex.quote(f'{name}:{key}={value}')}" for key, value in changes.items())


def _decided(report: FileReport) -> FileReport:
    """Return the report with the likeliest readings as the chosen ones, so that they can be repeated."""
    how = report.how
    for question in report.questions:
        for key, value in question.accept.items():
            how = how.replace(key, value)
    return dataclasses.replace(report, how=how)


def taken_for(file: FileReport) -> str:
    """Return in one line what a file was recognised as, and what was assumed of its parts."""
    if file.how.role == "ignore":
        return f"{file.how.name}: ignored"
    layout = [f"{file.separator}-delimited"] if file.separator else []
    layout += [{"yes": "with a header row", "no": "no header row"}[file.header]] if file.header else []
    uses = [f"{part.name}={part.use}" for part in file.parts if part.use != "features"]
    columns = file.n_parts - len(uses)
    uses += [f"{columns:,} features"] if columns else []
    about = f" ({', '.join(layout)})" if layout else ""
    return f"{file.how.name}: {file.how.role} from {file.format}{about}" + (
        f": {', '.join(uses)}" if uses else ""
    )
