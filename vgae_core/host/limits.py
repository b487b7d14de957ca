"""How much this installation accepts, so that one upload cannot take the machine down."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from vgae_core.errors import LimitError, SpecError

PREFIX = "VGAE_STUDIO_LIMIT_"


def _limit(default: int, help: str, unit: str) -> int:
    value: int = field(default=default, metadata={"help": help, "unit": unit})
    return value


class _FromEnvironment:
    """Limits that are positive whole numbers, each of which an environment variable changes."""

    def __post_init__(self) -> None:
        for item in dataclasses.fields(self):  # type: ignore[arg-type]
            value = getattr(self, item.name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise SpecError(f"Limit `{item.name}` must be a positive whole number. Received: {value!r}.")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Self:
        """Return the defaults, overridden by the ``VGAE_STUDIO_LIMIT_*`` variables that are set.

        Raises
        ------
        SpecError
            If a variable is not a positive whole number.
        """
        environment = os.environ if environment is None else environment
        values: dict[str, int] = {}
        for item in dataclasses.fields(cls):  # type: ignore[arg-type]
            variable = PREFIX + item.name.upper()
            text = environment.get(variable)
            if text is None:
                continue
            try:
                values[item.name] = int(text.replace("_", ""))
            except ValueError as error:
                raise SpecError(
                    f"`{variable}` must be a whole number. Received: {text!r}.", where="environment"
                ) from error
        return cls(**values)


@dataclass(frozen=True, kw_only=True)
class Limits(_FromEnvironment):
    """Upper bounds of what is read; the defaults suit a host with about 2.7 GB of memory.

    Each one can be changed by an environment variable: ``VGAE_STUDIO_LIMIT_NODES=5000000``.

    Raises
    ------
    SpecError
        If a limit is not a positive whole number.
    """

    files: int = _limit(200, "Files of one data set.", "files")
    upload_bytes: int = _limit(200_000_000, "Size of one file as it is handed in.", "bytes")
    decompressed_bytes: int = _limit(1_000_000_000, "Size of one file after decompression.", "bytes")
    nodes: int = _limit(2_000_000, "Nodes of a graph.", "nodes")
    edges: int = _limit(20_000_000, "Entries of an adjacency, as listed in its file.", "entries")
    feature_columns: int = _limit(200_000, "Columns of the node features.", "columns")
    feature_values: int = _limit(100_000_000, "Stored values of the node features.", "values")
    name_length: int = _limit(
        500,
        "Length of the name of a node, column or class; of a longer one the beginning is kept.",
        "characters",
    )
    child_memory_bytes: int = _limit(
        1_500_000_000, "Memory a child process may take for data, beyond the code it loads.", "bytes"
    )
    child_seconds: int = _limit(120, "Time a child process may take.", "seconds")
    answer_nodes: int = _limit(
        100_000, "Nodes of a graph whose single nodes can be asked about on a page.", "nodes"
    )
    asked_pairs: int = _limit(500, "Pairs that can be asked about at once on a page.", "pairs")

    compared_values: int = _limit(
        20_000_000,
        "Stored feature values up to which a selection is compared by features on a page.",
        "values",
    )

    partition_bytes: int = _limit(
        256_000_000, "Memory for the edges that a task of `prepare` holds at a time.", "bytes"
    )
    prepared_nodes: int = _limit(500_000_000, "Nodes of a graph that `prepare` reads in parts.", "nodes")

    def check(self, name: str, value: int, *, where: str) -> None:
        """Raise LimitError if `value` exceeds the limit called `name`.

        Raises
        ------
        LimitError
            With the value, the limit and the variable that raises it.
        """
        limit = getattr(self, name)
        if value > limit:
            unit = next(f.metadata["unit"] for f in dataclasses.fields(self) if f.name == name)
            what = {"upload_bytes": "file size", "decompressed_bytes": "decompressed size"}.get(name, unit)
            raise LimitError(
                f"Too large: {what} {value:,} exceeds the limit of {limit:,} {unit}.",
                where=where,
                mend=f"Use part of the data, or raise {PREFIX}{name.upper()} on your own machine.",
            )


LIMITS = Limits.from_environment()
"""The limits of this installation."""


def _children_memory_bytes() -> int:
    """Return a bit more than half of the host's memory, at least what one child may take."""
    return max(LIMITS.child_memory_bytes, memory_bytes() * 11 // 20)


def _run_memory_bytes() -> int:
    """Return the host's memory without what the server itself takes."""
    return memory_bytes() * 4 // 5


def _shared_bytes() -> int:
    """Return an eighth of the host's memory, at least what three runs of 100,000 nodes take."""
    return max(500_000_000, memory_bytes() // 8)


@dataclass(frozen=True, kw_only=True)
class ServerLimits(_FromEnvironment):
    """How a server is shared among its visitors.

    Each one can be changed by an environment variable: ``VGAE_STUDIO_LIMIT_TURN_SECONDS=600``.

    Raises
    ------
    SpecError
        If a limit is not a positive whole number.
    """

    children: int = _limit(4, "Child processes that work at the same time; others queue.", "tasks")
    children_memory_bytes: int = field(
        default_factory=_children_memory_bytes,
        metadata={"help": "Memory that all child processes may take together.", "unit": "bytes"},
    )
    waiting_children: int = _limit(30, "Tasks for child processes that may queue.", "tasks")
    shared_bytes: int = field(
        default_factory=_shared_bytes,
        metadata={
            "help": "Memory for what was worked out of runs, kept for all visitors.", "unit": "bytes",
        },
    )  # fmt: skip
    session_upload_bytes: int = _limit(
        250_000_000, "Uploads of one session in the server's memory, before a page reads them.", "bytes"
    )
    all_upload_bytes: int = _limit(600_000_000, "The same, of all sessions together.", "bytes")
    run_memory_bytes: int = field(
        default_factory=_run_memory_bytes,
        metadata={"help": "Memory a run may take; one that needs more is refused.", "unit": "bytes"},
    )
    waiting_runs: int = _limit(20, "Runs that may wait in all.", "runs")
    waiting_runs_of_newcomers: int = _limit(
        10, "Runs that may wait of visitors whose browser has not shown its cookie yet.", "runs"
    )
    waiting_runs_of_one: int = _limit(5, "Runs of one visitor that may wait.", "runs")
    turn_seconds: int = _limit(1_800, "Time a run may take while another visitor waits.", "seconds")
    run_seconds: int = _limit(86_400, "Time a run may take in any case.", "seconds")
    unwatched_seconds: int = _limit(14_400, "Time after which a run ends that nobody looks at.", "seconds")
    ending_seconds: int = _limit(
        600,
        "Time a run that was asked to end may take to evaluate what it has, before its worker is ended.",
        "seconds",
    )
    kept_runs: int = _limit(200, "Runs kept of one visitor.", "runs")
    kept_bytes_of_one: int = _limit(4_000_000_000, "Size of the runs kept of one visitor.", "bytes")
    kept_bytes: int = _limit(20_000_000_000, "Size of all runs kept.", "bytes")
    checkpoint_bytes: int = _limit(
        200_000_000, "Size of a checkpoint; a run with a larger one cannot be gone on with.", "bytes"
    )
    sweep_runs: int = _limit(100, "Runs of one sweep: trials times seeds.", "runs")
    sweep_minutes: int = _limit(240, "Time a sweep may begin runs for.", "minutes")
    sweeps_of_one: int = _limit(2, "Sweeps of one visitor that have not ended.", "sweeps")
    sweeps: int = _limit(8, "Sweeps at work in all; their runs take turns with others.", "sweeps")
    kept_sweeps_of_one: int = _limit(50, "Sweeps kept of one visitor.", "sweeps")


def memory_bytes() -> int:
    """Return the memory of this host, bytes: what its control group may use, where that is less.

    References
    ----------
    Linux, Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst.
    """
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        known = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    else:
        import psutil  # Windows only: a child process that reads a file need not wait for it

        known = [psutil.virtual_memory().total]
    for path in (
        "/sys/fs/cgroup/memory.max",
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
    ):
        with contextlib.suppress(OSError, ValueError):  # not there, or "max"
            known.append(int(Path(path).read_text("ascii")))
    return min(known)


SERVER_LIMITS = ServerLimits.from_environment()
"""How this installation is shared."""
