"""What edits change in a matrix."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from vgae_core.errors import DataError
from vgae_core.model_parts.heads import Head
from vgae_core.what_if.names import Names
from vgae_core.what_if.scenario import Edit


@dataclass(frozen=True, eq=False)
class RowChanges:
    """What a scenario changes in a matrix.

    Parameters
    ----------
    entries : mapping of int to mapping of int to float
        New values by row and column; 0 clears.
    cleared : frozenset of int
        Columns without values in any row.
    new : mapping of str to int
        Name and number of each row that is added.
    named : tuple of int
        Rows that the edits name, sorted.
    """

    entries: Mapping[int, Mapping[int, float]] = field(default_factory=dict)
    cleared: frozenset[int] = frozenset()
    new: Mapping[str, int] = field(default_factory=dict)
    named: tuple[int, ...] = ()


def row_changes(edits: Sequence[Edit], names: Names, columns: Names, n_rows: int, head: Head) -> RowChanges:
    """Return what edits change.

    Parameters
    ----------
    edits : sequence of Edit
    names, columns : Names
        Of the rows and of the columns.
    n_rows : int
        Before the edits.
    head : Head
        Says which values an entry may have.

    Raises
    ------
    DataError
        Where a name is unknown or a value out of bounds, with the edit as its place.
    """
    entries: dict[int, dict[int, float]] = {}
    cleared: set[int] = set()
    new: dict[str, int] = {}
    named: set[int] = set()
    for number, item in enumerate(edits, start=1):
        values = item.values
        try:
            if item.kind == "set_entry":
                row, column = names.find(values["row"], new), columns.find(values["column"])
                entries.setdefault(row, {})[column] = _checked(head, values["value"])
                named.add(row)
            elif item.kind == "add_row":
                if values["name"] in names or values["name"] in new:
                    raise DataError(f"There already is a row {values['name']!r:.60}.")
                row = new[values["name"]] = n_rows + len(new)
                entries[row] = {
                    columns.find(name): _checked(head, value) for name, value in values["values"].items()
                }
                named.add(row)
            elif item.kind == "drop_column":
                column = columns.find(values["column"])
                cleared.add(column)
                for row_values in entries.values():
                    row_values.pop(column, None)
            else:
                raise DataError(f"`{item.kind}` is an edit of a graph.")
        except DataError as error:
            raise DataError(error.message, where=f"edit {number}", mend=error.mend) from error
    return RowChanges(entries, frozenset(cleared), new, tuple(sorted(named)))


def _checked(head: Head, value: float) -> float:
    """Return a value that an entry may have; raise DataError of any other."""
    low, high = head.low, head.high
    if not low <= value <= high:
        bounds = f"at least {low:g}" if math.isinf(high) else f"between {low:g} and {high:g}"
        raise DataError(f"Entries of this matrix are {bounds}. Received: {value:g}.")
    return value
