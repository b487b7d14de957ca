"""A small language to choose nodes: ``degree > 50 and label == "x"``.

The text is read by Python's own parser and every part of the result is compared with a list of what may stand in a
query: nothing is evaluated, looked up or imported.  See :mod:`vgae_core.catalogue.formula` for the same of losses.
"""

from __future__ import annotations

import ast
import difflib
import operator
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from vgae_core.errors import SpecError

MAX_TEXT = 2_000
MAX_DEPTH = 24
MAX_PARTS = 200

HELP = (
    "Compare columns with numbers or texts by == != < <= > >=, and combine conditions with and, or, not. "
    '`"part" in node` searches within a text, `label in ("a", "b")` matches any of several. '
    'Put names with spaces in backticks. `feature["name"]` is a feature column.'
)

_QUOTED = re.compile(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'|`([^`]*)`')
_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}

Feature = Callable[[str], np.ndarray]
"""Returns the column of the features that has a name; raises SpecError if there is none."""


class _Query:
    """A query being answered."""

    def __init__(self, table: pd.DataFrame, size: int, feature: Feature | None, names: Sequence[str]) -> None:
        self.table, self.size, self.feature = table, size, feature
        self.names = names  # what stood between backticks, by number
        self.parts = 0

    def truth(self, node: ast.expr, depth: int = 0) -> np.ndarray:
        """Return for which nodes this is true; bool, shape (size,)."""
        self._count(node, depth)
        if isinstance(node, ast.BoolOp):
            join = np.logical_and if isinstance(node.op, ast.And) else np.logical_or
            return join.reduce([self.truth(value, depth + 1) for value in node.values])
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return ~self.truth(node.operand, depth + 1)
        if isinstance(node, ast.Compare):
            result = np.ones(self.size, bool)
            left = node.left
            for sign, right in zip(node.ops, node.comparators, strict=True):
                result &= self._compare(left, sign, right, depth + 1)
                left = right
            return result
        raise SpecError(
            "This is not a condition.",
            where=_place(node),
            mend="Compare a column with a value, as in degree > 10.",
        )

    def _compare(self, left: ast.expr, sign: ast.cmpop, right: ast.expr, depth: int) -> np.ndarray:
        if isinstance(sign, ast.In | ast.NotIn):
            return self._within(left, right, depth) ^ isinstance(sign, ast.NotIn)
        if type(sign) not in _COMPARE:
            raise SpecError("Queries have no such comparison.", where=_place(right), mend=HELP)
        a, b = self._value(left, depth), self._value(right, depth)
        if not isinstance(a, pd.Series) and not isinstance(b, pd.Series):
            raise SpecError("One side of a comparison must be a column.", where=_place(left))
        texts = [_is_text(value) for value in (a, b)]
        if texts[0] != texts[1]:
            raise SpecError("A text and a number cannot be compared.", where=_place(right))
        if texts[0] and not isinstance(sign, ast.Eq | ast.NotEq):
            raise SpecError("Texts have no order here: compare them with == or !=.", where=_place(right))
        known = np.ones(self.size, bool)
        for value in (a, b):
            if isinstance(value, pd.Series):
                known &= value.notna().to_numpy()
        answer = _COMPARE[type(sign)](a, b)
        return np.asarray(answer.fillna(False), bool) & known

    def _within(self, left: ast.expr, right: ast.expr, depth: int) -> np.ndarray:
        if isinstance(right, ast.Tuple | ast.List):
            column = self._value(left, depth)
            if not isinstance(column, pd.Series):
                raise SpecError("`in (…)` needs a column before it.", where=_place(left))
            values = [self._value(item, depth + 1) for item in right.elts]
            if any(isinstance(value, pd.Series) or _is_text(value) != _is_text(column) for value in values):
                raise SpecError("The list must hold values of the column's type.", where=_place(right))
            return column.isin(values).to_numpy(bool)
        part, column = self._value(left, depth), self._value(right, depth)
        if not isinstance(part, str) or not isinstance(column, pd.Series) or not _is_text(column):
            raise SpecError("`in` needs a text before it and a text column after it.", where=_place(right))
        hit = column.astype("str").str.casefold().str.contains(part.casefold(), regex=False)
        return hit.to_numpy(bool) & column.notna().to_numpy()

    def _value(self, node: ast.expr, depth: int) -> Any:
        """Return a number, a text, or a column."""
        self._count(node, depth)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            value = self._value(node.operand, depth + 1)
            if isinstance(value, int | float):
                return -value
        if isinstance(node, ast.Constant) and type(node.value) in (int, float, str):
            return node.value
        if isinstance(node, ast.Name):
            quoted = re.fullmatch(r"_(\d+)_", node.id)
            name = self.names[int(quoted[1])] if quoted and int(quoted[1]) < len(self.names) else node.id
            if name in self.table:
                return self.table[name]
            close = difflib.get_close_matches(name, list(map(str, self.table.columns)), n=1)
            raise SpecError(
                f"There is no column `{name}`.",
                where=_place(node),
                mend=(f"Did you mean {close[0]!r}? " if close else "")
                + f"Columns: {', '.join(map(str, self.table.columns))}. Put texts in quotation marks.",
            )
        if (
            isinstance(node, ast.Subscript)
            and isinstance(node.value, ast.Name)
            and node.value.id == "feature"
        ):
            if self.feature is None or not isinstance(node.slice, ast.Constant):
                raise SpecError('Write feature["name"]; the data must have features.', where=_place(node))
            return pd.Series(self.feature(str(node.slice.value)))
        raise SpecError("Queries have no such expression.", where=_place(node), mend=HELP)

    def _count(self, node: ast.expr, depth: int) -> None:
        self.parts += 1
        if self.parts > MAX_PARTS or depth > MAX_DEPTH:
            raise SpecError(f"A query has at most {MAX_PARTS} parts, {MAX_DEPTH} deep.", where=_place(node))


def matching(text: str, table: pd.DataFrame, *, feature: Feature | None = None) -> np.ndarray:
    """Return the nodes of which a query is true; a missing value makes every comparison false.

    Parameters
    ----------
    text : str
        For example ``'degree > 50 and label == "x"'``; see :data:`HELP`.
    table : DataFrame, n_nodes rows
        Its columns are those that may be named: numbers or texts.
    feature : callable, optional
        Returns a column of the features by name, (n_nodes,).

    Returns
    -------
    ndarray of int64
        Ascending.

    Raises
    ------
    SpecError
        What is wrong and in which column.
    """
    if len(text) > MAX_TEXT:
        raise SpecError(
            f"A query has at most {MAX_TEXT:,} characters. Received: {len(text):,}.", where="query"
        )
    if not text.strip():
        raise SpecError("The query is empty.", where="query", mend="For example degree > 10.")
    names: list[str] = []

    def named(match: re.Match[str]) -> str:
        if match[1] is None:
            return match[0]
        names.append(match[1])
        return f"_{len(names) - 1}_"

    source = _QUOTED.sub(named, " ".join(text.split()))
    try:
        body = ast.parse(source, mode="eval").body
    except SyntaxError as error:
        raise SpecError(
            f"Not a query: {error.msg}.", where=f"query, column {error.offset or 1}", mend=HELP
        ) from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise SpecError(f"Not a query: {error}.", where="query") from error
    try:
        return np.flatnonzero(_Query(table, len(table), feature, names).truth(body))
    except OverflowError as error:
        raise SpecError("A number in the query is too large.", where="query") from error


def _is_text(value: Any) -> bool:
    return (
        not pd.api.types.is_numeric_dtype(value.dtype)
        if isinstance(value, pd.Series)
        else isinstance(value, str)
    )


def _place(node: ast.expr) -> str:
    return f"query, column {node.col_offset + 1}"
