"""How much this installation accepts, so that one upload cannot take the machine down."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from vgae_core.errors import LimitError, SpecError

PREFIX = "VGAE_STUDIO_LIMIT_"


def _limit(default: int, help: str, unit: str) -> int:
    value: int = field(default=default, metadata={"help": help, "unit": unit})
    return value


@dataclass(frozen=True, kw_only=True)
class Limits:
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

    shared_bytes: int = _limit(
        300_000_000, "Memory for tables and figures of runs, kept for all visitors of the server.", "bytes"
    )

    def __post_init__(self) -> None:
        for item in dataclasses.fields(self):
            value = getattr(self, item.name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise SpecError(f"Limit `{item.name}` must be a positive whole number. Received: {value!r}.")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Limits:
        """Return the defaults, overridden by the ``VGAE_STUDIO_LIMIT_*`` variables that are set.

        Raises
        ------
        SpecError
            If a variable is not a positive whole number.
        """
        environment = os.environ if environment is None else environment
        values: dict[str, int] = {}
        for item in dataclasses.fields(cls):
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
                mend=f"Take a part of the data, or raise {PREFIX}{name.upper()} on your own machine.",
            )


LIMITS = Limits.from_environment()
"""The limits of this installation."""
