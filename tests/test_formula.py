"""The language of formulas: what is read, what is refused and where, and that text and tree are one thing."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vgae_core.catalogue import formula
from vgae_core.errors import SpecError

NUMBERS = st.one_of(st.integers(-1000, 1000), st.floats(-1e3, 1e3, allow_nan=False))
BINARY = st.sampled_from(["+", "-", "*", "/", "maximum", "minimum", "greater"])
UNARY = st.sampled_from([n for n, f in formula.FUNCTIONS.items() if f.arguments == 1])
TREES = st.recursive(
    st.one_of(st.sampled_from(["y_true", "y_pred", "probability"]), NUMBERS),
    lambda inner: st.one_of(
        st.tuples(BINARY, inner, inner).map(list),
        st.tuples(UNARY, inner).map(list),
        st.tuples(st.just("power"), inner, st.sampled_from(formula.POWERS)).map(list),
    ),
    max_leaves=12,
)


@given(TREES)
@example(["power", ["negative", 0.0], 0.5])
def test_text_and_tree_are_the_same(tree):
    shown = formula.show(tree)
    again = formula.parse(shown)
    assert formula.parse(formula.show(again)) == again  # a sign before a number becomes the number's
    assert value(again) == pytest.approx(value(tree), nan_ok=True)
    assert formula.latex(tree).count("{") == formula.latex(tree).count("}")


def value(tree):
    """Evaluate a tree in plain Python at fixed variables, without guards; any odd result is NaN."""
    variables = {"y_true": 1.0, "y_pred": 0.3, "probability": 0.7}
    if isinstance(tree, str):
        return variables[tree]
    if not isinstance(tree, list):
        return tree
    a = [value(x) for x in tree[1:]]
    try:
        result = {
            "+": lambda: a[0] + a[1],
            "-": lambda: a[0] - a[1],
            "*": lambda: a[0] * a[1],
            "/": lambda: a[0] / a[1],
            "negative": lambda: -a[0],
            "power": lambda: a[0] ** a[1],
        }.get(tree[0], lambda: hash_like(tree[0], a))()
    except (ZeroDivisionError, OverflowError):
        return float("nan")
    return result if isinstance(result, int | float) else float("nan")


def hash_like(name, arguments):
    """Return a number that depends on the function and on the order of its arguments."""
    return sum(len(name) * (i + 2) * x for i, x in enumerate(arguments)) % 17


@pytest.mark.parametrize(
    ("text", "fragment"),
    [
        ("", "is empty"),
        ("mean(", "column"),
        (
            "mean(square(y_true - probabilty))",
            "column 22: There is no variable `probabilty`. Did you mean 'probability'",
        ),
        ("  meen(y_true)", "column 3: There is no function `meen`. Did you mean 'mean'"),
        ("mean", "It is a function"),
        ("mean(y_true, y_pred)", "takes 1 value"),
        ("mean(x=y_true)", "named"),
        ("y_true ** 7", "A power must be one of"),
        ("1e9 * y_pred", "within"),
        ("y_pred if y_true else 1", "IfExp"),
        ("__import__('os').system('x')", "A formula cannot contain"),
        ("y_pred.__class__", "Attribute"),
        ("[y_pred for y in y_true]", "ListComp"),
        ("lambda: 1", "Lambda"),
        ("y_pred[0]", "Subscript"),
        ("'text'", "Only numbers"),
        ("True", "Only numbers"),
        ("open('x')", "no function `open`"),
        ("(" * 300 + "y_pred" + ")" * 300, ""),
        ("-" * 900 + "y_pred", ""),
        ("+".join(["y_pred"] * 140), "Nested more than"),
        ("exp(" * 30 + "y_pred" + ")" * 30, "Nested more than"),
        ("y_pred" * 400, "characters"),
        ("y_true == y_pred", "Compare"),
        ("y_pred\x00", ""),
    ],
)
def test_what_is_no_formula_is_refused_with_its_place(text, fragment):
    with pytest.raises(SpecError) as caught:
        formula.parse(text)
    assert fragment in str(caught.value)


@pytest.mark.parametrize(
    "tree",
    [
        None,
        True,
        {},
        [],
        ["eval", "y_pred"],
        ["mean"],
        [["mean"], "y_pred"],
        ["power", "y_pred", "y_pred"],
        ["power", "y_pred", 200],
        float("nan"),
        float("inf"),
        1e300,
        "os",
        ["+", "y_pred", {"class_name": "x"}],
    ],
)
def test_a_tree_from_elsewhere_is_checked(tree):
    with pytest.raises(SpecError):
        formula.check_form(tree)


def test_a_deep_tree_from_elsewhere_is_refused_without_a_stack():
    tree = "y_pred"
    for _ in range(100_000):
        tree = ["abs", tree]
    with pytest.raises(SpecError, match="deep"):
        formula.check_form(tree)


@pytest.mark.parametrize(
    ("text", "output", "loss", "fragment"),
    [
        ("z_mean + y_true", "adj_rec", True, "has no variable `z_mean`"),
        ("y_true + 1", "adj_rec", False, "does not depend on the model"),
        ("greater(probability, 0.5)", "adj_rec", True, "No gradient"),
        ("rate + probability", "x_rec", True, "two different heads"),
        ("class_probability * sum(true_class) + rate", "labels", True, "has no variable `rate`"),
    ],
)
def test_formulas_that_make_no_sense_are_refused(text, output, loss, fragment):
    with pytest.raises(SpecError) as caught:
        formula.check(formula.parse(text), output, loss=loss)
    assert fragment in str(caught.value)


def test_a_metric_needs_no_gradient():
    formula.check(formula.parse("mean(greater(probability, 0.5))"), "adj_rec", loss=False)


def test_every_piece_and_function_has_a_help_text():
    assert all(variable.help and variable.outputs for variable in formula.VARIABLES.values())
    assert all(function.help for function in formula.FUNCTIONS.values())


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("y_true - (y_pred - 1)", r"y - \left(\hat{y} - 1\right)"),
        (
            "(y_true + 1) * abs(y_pred) * -2",
            r"\left(y + 1\right) \cdot \left|\hat{y}\right| \cdot \left(-2\right)",
        ),
        ("-(y_true * y_pred)", r"-y \cdot \hat{y}"),
        ("-(y_true + y_pred)", r"-\left(y + \hat{y}\right)"),
        ("square(y_true - probability)", r"\left(y - p\right)^{2}"),
        ("z_log_var ** 2", r"\left(\log\sigma^2\right)^{2}"),
        ("exp(-rate) / 2", r"\frac{\operatorname{exp}\left(-\lambda\right)}{2}"),
    ],
)
def test_brackets_are_drawn_where_they_are_needed(text, shown):
    assert formula.latex(formula.parse(text)) == shown
