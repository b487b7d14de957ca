"""A small language for losses and metrics of one's own: text in, checked JSON tree out (standard library only).

A formula is built from named variables (``y_true``, ``probability``, ``z_mean`` …), numbers, ``+ - * / **`` and the
functions of :data:`FUNCTIONS`.  Its text is read by Python's own parser and every node of the result is compared with
that list: nothing is evaluated, looked up or imported.  What is stored is a tree of JSON lists, ``["square", ["-",
"y_true", "prediction"]]``, which :mod:`vgae_core.nn.objectives` turns into Keras operations.
"""

from __future__ import annotations

import ast
import difflib
import math
from dataclasses import dataclass
from typing import Any

from vgae_core.errors import SpecError

Tree = Any
"""A number, the name of a variable, or a list: an operation and its arguments."""

MAX_DEPTH = 24
MAX_NODES = 200
MAX_TEXT = 1000
MAX_NUMBER = 1e6
POWERS = (0.5, 2, 3, 4)

ONE, ENTRY, LATENT, CLASS = "1", "column", "latent dimension", "class"
"""What a value has one number for, in each row: nothing else, a column, a latent dimension or a class."""


@dataclass(frozen=True)
class Variable:
    """A named value: where it exists and what a row of it holds."""

    help: str
    outputs: tuple[str, ...]
    width: str = ENTRY
    predicted: bool = False
    """Whether it depends on the model."""
    scale: str = ""
    """Scale that it gives the output's head: ``"logit"`` or ``"log"``."""


@dataclass(frozen=True)
class Function:
    """An operation: how many arguments, and what it does to them."""

    help: str
    arguments: int
    reduces: bool = False
    """Whether it takes a row to one number."""
    smooth: bool = True
    """Whether a gradient passes through it."""
    sign: str = ""
    """The operator it is written as, if it is not written as a function."""


_TABLES = ("x_rec", "output")
VARIABLES: dict[str, Variable] = {
    "y_true": Variable("The target: 1 for an edge, a feature's value.", ("adj_rec", *_TABLES)),
    "y_pred": Variable(
        "The output of the head, unchanged: a logit, or a value.", ("adj_rec", *_TABLES), predicted=True
    ),
    "probability": Variable(
        "sigmoid(y_pred): the probability of a 1.", ("adj_rec", *_TABLES), predicted=True, scale="logit"
    ),
    "rate": Variable("exp(y_pred): the expected count.", _TABLES, predicted=True, scale="log"),
    "class_probability": Variable("Probability of each class.", ("labels",), CLASS, predicted=True),
    "true_class": Variable("1 for the row's class, 0 for the others.", ("labels",), CLASS),
    "z_mean": Variable("Mean of the latent code.", ("z_vars",), LATENT, predicted=True),
    "z_log_var": Variable("Log-variance of the latent code, log s^2.", ("z_vars",), LATENT, predicted=True),
}

FUNCTIONS: dict[str, Function] = {
    "+": Function("Sum.", 2, sign="+"),
    "-": Function("Difference.", 2, sign="-"),
    "*": Function("Product.", 2, sign="*"),
    "/": Function("Quotient; a divisor closer to 0 than 1e-7 counts as 1e-7.", 2, sign="/"),
    "negative": Function("The negated value.", 1, sign="-"),
    "power": Function("x ** k for k = 0.5, 2, 3 or 4.", 2, sign="**"),
    "log": Function("Natural logarithm; values below 1e-7 count as 1e-7.", 1),
    "log1p": Function("log(1 + x); x below 0 counts as 0.", 1),
    "exp": Function("e to the x; x above 30 counts as 30.", 1),
    "square": Function("x times x.", 1),
    "sqrt": Function("Square root; values below 1e-12 count as 1e-12.", 1),
    "abs": Function("Absolute value.", 1),
    "sigmoid": Function("1 / (1 + exp(-x)).", 1),
    "softplus": Function("log(1 + exp(x)).", 1),
    "tanh": Function("Hyperbolic tangent.", 1),
    "maximum": Function("The larger of two values.", 2),
    "minimum": Function("The smaller of two values.", 2),
    "greater": Function("1 where the first is larger, else 0.", 2, smooth=False),
    "mean": Function("Mean over the row.", 1, reduces=True),
    "sum": Function("Sum over the row.", 1, reduces=True),
    "largest": Function("The largest value of the row.", 1, reduces=True),
}

_BINARY: dict[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.Pow: "power",
}


# ------------------------------------------------------------------------------ read
def parse(text: str) -> Tree:
    """Return the tree of a formula written as text.

    Parameters
    ----------
    text : str
        For example ``"mean(square(y_true - probability))"``.

    Returns
    -------
    Tree
        JSON types only; variables and functions known, sizes within bounds.

    Raises
    ------
    SpecError
        What is wrong and in which column.
    """
    if not isinstance(text, str):
        raise SpecError(f"A formula is text. Received: {type(text).__name__}.", where="formula")
    if len(text) > MAX_TEXT:
        raise SpecError(
            f"A formula has at most {MAX_TEXT} characters. Received: {len(text)}.", where="formula"
        )
    stripped = text.strip()
    offset = len(text) - len(text.lstrip())
    if not stripped:
        raise SpecError(
            "The formula is empty.", where="formula", mend="For example mean(square(y_true - y_pred))."
        )
    try:
        body = ast.parse(stripped, mode="eval").body
    except SyntaxError as error:
        raise SpecError(
            f"Not a formula: {error.msg}.", where=f"formula, column {(error.offset or 1) + offset}"
        ) from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise SpecError(f"Not a formula: {error}.", where="formula") from error
    tree = _read(body, offset, 0)
    check_form(tree)
    return tree


def _read(node: ast.expr, offset: int, depth: int) -> Tree:
    place = f"formula, column {node.col_offset + 1 + offset}"
    if depth > MAX_DEPTH:
        raise SpecError(
            f"Nested more than {MAX_DEPTH} levels deep.",
            where=place,
            mend="Group long sums with parentheses.",
        )
    if isinstance(node, ast.Constant):
        if isinstance(node.value, bool) or not isinstance(node.value, int | float):
            raise SpecError(f"Only numbers are allowed here. Received: {node.value!r}.", where=place)
        return _number(node.value, place)
    if isinstance(node, ast.Name):
        _known_variable(node.id, place)
        return node.id
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        inner = _read(node.operand, offset, depth + 1)
        if isinstance(node.op, ast.UAdd):
            return inner
        return -inner if isinstance(inner, int | float) else ["negative", inner]
    if isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
        name = _BINARY[type(node.op)]
        right = _read(node.right, offset, depth + 1)
        if name == "power" and right not in POWERS:
            raise SpecError(
                f"A power must be one of {', '.join(map(str, POWERS))}.",
                where=place,
                mend="Write other powers with exp and log.",
            )
        return [name, _read(node.left, offset, depth + 1), right]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        name = node.func.id
        known = [key for key, function in FUNCTIONS.items() if not function.sign]
        if name not in known:
            raise SpecError(f"There is no function `{name}`.{_near(name, known)}", where=place)
        n_arguments = FUNCTIONS[name].arguments
        if (
            node.keywords
            or len(node.args) != n_arguments
            or any(isinstance(a, ast.Starred) for a in node.args)
        ):
            raise SpecError(
                f"`{name}` takes {n_arguments} value{'s' * (n_arguments > 1)}. Received: {len(node.args)}"
                f"{' and named ones' if node.keywords else ''}.",
                where=place,
            )
        return [name, *(_read(argument, offset, depth + 1) for argument in node.args)]
    raise SpecError(
        f"A formula cannot contain `{type(node).__name__}`.",
        where=place,
        mend="Use variables, numbers, + - * / ** and functions.",
    )


def _number(value: float, place: str) -> float:
    if not math.isfinite(value) or abs(value) > MAX_NUMBER:
        raise SpecError(f"Numbers must lie within ±{MAX_NUMBER:g}. Received: {value!r}.", where=place)
    return value


def _known_variable(name: str, place: str) -> None:
    if name not in VARIABLES:
        hint = (
            " It is a function: give it a value in parentheses."
            if name in FUNCTIONS
            else _near(name, VARIABLES)
        )
        raise SpecError(f"There is no variable `{name}`.{hint}", where=place)


def _near(name: str, known: Any) -> str:
    close = difflib.get_close_matches(name, list(known), n=3, cutoff=0.5)
    hint = f" Did you mean {' or '.join(repr(c) for c in close)}?" if close else ""
    return f"{hint} Known: {', '.join(sorted(known))}."


# ----------------------------------------------------------------------------- check
def check_form(tree: Tree) -> None:
    """Raise SpecError unless `tree`, which may come from anywhere, is a formula of known variables and sizes."""
    count = 0
    waiting: list[tuple[Any, int]] = [(tree, 0)]
    while waiting:
        node, depth = waiting.pop()
        count += 1
        if count > MAX_NODES or depth > MAX_DEPTH:
            raise SpecError(
                f"A formula has at most {MAX_NODES} parts, {MAX_DEPTH} deep.",
                where="formula",
                mend="Register the loss from Python instead.",
            )
        if isinstance(node, bool) or node is None:
            raise SpecError(f"No part of a formula: {node!r}.", where="formula")
        if isinstance(node, int | float):
            _number(node, "formula")
        elif isinstance(node, str):
            _known_variable(node, "formula")
        elif isinstance(node, list | tuple):
            name = node[0] if node else None
            if not isinstance(name, str) or name not in FUNCTIONS:
                raise SpecError(f"There is no function {name!r:.40}.", where="formula")
            if len(node) - 1 != FUNCTIONS[name].arguments:
                raise SpecError(f"`{name}` takes {FUNCTIONS[name].arguments} values.", where="formula")
            if name == "power" and (isinstance(node[2], str | list | tuple) or node[2] not in POWERS):
                raise SpecError(f"A power must be one of {', '.join(map(str, POWERS))}.", where="formula")
            waiting += [(argument, depth + 1) for argument in node[1:]]
        else:
            raise SpecError(f"No part of a formula: {type(node).__name__}.", where="formula")


def variables(tree: Tree) -> set[str]:
    """Return the names of the variables in `tree`."""
    if isinstance(tree, str):
        return {tree}
    return set().union(*map(variables, tree[1:])) if isinstance(tree, list | tuple) else set()


def scale(tree: Tree) -> str:
    """Return the scale that a formula gives the head of a feature output: ``logit``, ``log`` or ``identity``.

    Raises
    ------
    SpecError
        If its variables need two different ones.
    """
    found = sorted({VARIABLES[name].scale for name in variables(tree)} - {""})
    if len(found) > 1:
        raise SpecError(
            "`probability` and `rate` need two different heads.", where="formula", mend="Use one of them."
        )
    return found[0] if found else "identity"


def check(tree: Tree, output: str, *, loss: bool) -> None:
    """Raise SpecError unless `tree` makes sense for an output.

    Parameters
    ----------
    tree : Tree
    output : str
        Name of the output, e.g. ``"adj_rec"``.
    loss : bool
        Whether it is to be a loss, which needs a gradient.
    """
    check_form(tree)
    foreign = sorted(name for name in variables(tree) if output not in VARIABLES[name].outputs)
    if foreign:
        fitting = [name for name, variable in VARIABLES.items() if output in variable.outputs]
        raise SpecError(
            f"Output `{output}` has no variable `{foreign[0]}`. It has: {', '.join(fitting)}.",
            where="formula",
        )
    scale(tree)
    _, learns = _width(tree)
    predicted = any(VARIABLES[name].predicted for name in variables(tree))
    if not predicted or (loss and not learns):
        fitting = [
            name for name, variable in VARIABLES.items() if output in variable.outputs and variable.predicted
        ]
        raise SpecError(
            "The formula does not depend on the model."
            if not predicted
            else "No gradient passes through `greater`.",
            where="formula",
            mend=f"Use one of {', '.join(fitting)}{' outside of it' if predicted else ''}.",
        )


def _width(tree: Tree) -> tuple[str, bool]:
    """Return what a value has one number for, and whether a gradient reaches the model through it."""
    if isinstance(tree, str):
        return VARIABLES[tree].width, VARIABLES[tree].predicted
    if not isinstance(tree, list | tuple):
        return ONE, False
    function = FUNCTIONS[tree[0]]
    parts = [_width(argument) for argument in tree[1:]]
    widths = {width for width, _ in parts} - {ONE}
    if len(widths) > 1:
        raise SpecError(
            f"One side of `{function.sign or tree[0]}` has one value per {min(widths)}, the other one per "
            f"{max(widths)}.",
            where="formula",
            mend="Take the mean or the sum of one first.",
        )
    learns = function.smooth and any(learns for _, learns in parts)
    return ONE if function.reduces or not widths else widths.pop(), learns


def example(output: str, scale: str) -> str:
    """Return a formula to begin with, as text.

    Parameters
    ----------
    output : str
        Name of the output, e.g. ``"adj_rec"``.
    scale : str
        What the head of a feature output gives (:data:`vgae_core.model_parts.heads.HEADS`).
    """
    if output == "z_vars":
        return "0.5 * sum(square(z_mean) + exp(z_log_var) - 1 - z_log_var)"
    if output == "labels":
        return "-log(sum(true_class * class_probability))"
    value = {"logit": "probability", "log": "rate"}.get("logit" if output == "adj_rec" else scale, "y_pred")
    return f"mean(square(y_true - {value}))"


# ------------------------------------------------------------------------------ show
_RANK = {"+": 1, "-": 1, "*": 2, "/": 2, "negative": 3, "power": 4}


def show(tree: Tree) -> str:
    """Return the formula as text that :func:`parse` reads back to the same tree."""
    return _show(tree)[0]


def _show(tree: Tree) -> tuple[str, int]:
    if isinstance(tree, str):
        return tree, 9
    if not isinstance(tree, list | tuple):
        text = repr(tree)
        return text, 3 if text.startswith("-") else 9  # -0.0 has a sign too
    name, rank = tree[0], _RANK.get(tree[0], 9)
    parts = [_show(argument) for argument in tree[1:]]
    if rank == 9:
        return f"{name}({', '.join(text for text, _ in parts)})", 9
    if name == "negative":
        # A number under a sign would be read as a negative number.
        text, inner = parts[0]
        return (f"-({text})" if inner <= 3 or not isinstance(tree[1], str | list | tuple) else f"-{text}"), 3
    (left, left_rank), (right, right_rank) = parts
    left = f"({left})" if left_rank < rank or (name == "power" and left_rank <= rank) else left
    right = f"({right})" if right_rank <= rank else right
    return f"{left} {FUNCTIONS[name].sign} {right}", rank


_SYMBOLS = {
    "y_true": "y",
    "y_pred": r"\hat{y}",
    "probability": "p",
    "rate": r"\lambda",
    "z_mean": r"\mu",
    "z_log_var": r"\log\sigma^2",
    "class_probability": "p_c",
    "true_class": "y_c",
}


def latex(tree: Tree) -> str:
    """Return the formula as LaTeX, for display; it holds nothing but known names and numbers."""
    return _latex(tree)[0]


def _latex(tree: Tree) -> tuple[str, int]:
    """Return LaTeX and how strongly its parts are bound, as :data:`_RANK` has it."""
    if isinstance(tree, str):
        return _SYMBOLS[tree], 4 if tree == "z_log_var" else 9
    if not isinstance(tree, list | tuple):
        text = f"{tree:g}"
        return text, 3 if text.startswith("-") else 9
    name, parts = tree[0], [_latex(argument) for argument in tree[1:]]
    texts = [text for text, _ in parts]

    def bracketed(place: int, *ranks: int) -> str:
        text, rank = parts[place]
        return rf"\left({text}\right)" if rank in ranks else text

    if name == "/":
        return rf"\frac{{{texts[0]}}}{{{texts[1]}}}", 4
    if name in ("power", "square"):
        base = texts[0] if isinstance(tree[1], str) and parts[0][1] == 9 else rf"\left({texts[0]}\right)"
        return rf"{base}^{{{texts[1] if name == 'power' else 2}}}", 4
    if name == "sqrt":
        return rf"\sqrt{{{texts[0]}}}", 9
    if name == "abs":
        return rf"\left|{texts[0]}\right|", 9
    if name == "negative":
        return f"-{bracketed(0, 1, 3)}", 3
    if name == "*":
        return rf"{bracketed(0, 1)} \cdot {bracketed(1, 1, 3)}", 2
    if name == "+":
        return f"{texts[0]} + {bracketed(1, 3)}", 1
    if name == "-":
        return f"{texts[0]} - {bracketed(1, 1, 3)}", 1
    return rf"\operatorname{{{name}}}\left({', '.join(texts)}\right)", 9
