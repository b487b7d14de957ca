"""An answer as lines of text, for the command line and for copying."""

from __future__ import annotations

from collections.abc import Iterator

from vgae_core.what_if.answer import SIGMAS, Answer, Value
from vgae_core.what_if.why import Effects

EFFECTS = 10
"""Reasons and moved nodes that are listed."""


def lines(answer: Answer) -> Iterator[str]:
    """Yield an answer, line by line."""
    yield from (f"- {sentence}" for sentence in answer.sentences or ("No edits.",))
    if answer.pair is not None:
        pair = answer.pair
        yield f"{pair.source} – {pair.target}"
        yield f"  {'logit':>12}  {change(pair.logit)}"
        about = " among as many without a link" if pair.at_density is not None else ""
        yield f"  {answer.measure:>12}  {change(pair.probability)}{about}"
        if pair.at_density is not None:
            share = f" among all, of which {answer.base_rate:.2%} are linked"
            yield f"  {'probability':>12}  {change(pair.at_density)}{share}"
        if pair.expected is not None and answer.measure == "probability":
            yield f"  {'expected':>12}  {change(pair.expected)}"
        yield f"  {'rank':>12}  {change(pair.rank, '{:,.0f}')} of {change(pair.candidates, '{:,.0f}', signed=False)}"
    if answer.source is not None:
        yield f"Likeliest next for {answer.source}: {', '.join(link.node for link in answer.top_after) or 'none'}"
        if answer.entered or answer.left:
            yield f"  entered: {', '.join(answer.entered) or 'none'}; left: {', '.join(answer.left) or 'none'}"
    yield f"{answer.n_moved:,} codes moved" + (", most of all:" if answer.moved else ".")
    for node in answer.moved[:EFFECTS]:
        far = "new" if node.distance is None else f"{node.distance:.4g}"
        yield f"  {node.node}: {far}{' (within noise)' if node.within_noise else ''}"
    for named in answer.nodes:
        parts = [f"error {change(named.error)}"]
        if named.label_after is not None:
            label = f"label {named.label_before or '-'} → {named.label_after}"
            parts.insert(0, f"{label} ({change(named.label_probability)})")
        yield f"{named.node}: {', '.join(parts)}"
    yield from answer.notes


def change(value: Value, form: str = "{:.4g}", *, signed: bool = True) -> str:
    """Return a number before and after in words, grey ones marked as noise."""
    before, after = ("-" if number is None else form.format(number) for number in (value.before, value.after))
    text = f"{before} → {after}"
    difference = value.difference
    if signed and difference is not None:
        text += f" ({'+' if difference >= 0 else '-'}{form.format(abs(difference))}"
        if value.noise is not None:
            text += f", noise ±{SIGMAS * value.noise:.2g}"
        text += ")"
    return text


def reasons(title: str, effects: Effects) -> Iterator[str]:
    """Yield what was left out and what that changed, the largest first."""
    yield f"{title} (logit {effects.logit:.4g})"
    for effect in effects.found[:EFFECTS]:
        yield f"  without {effect.what}: {effect.logit:.4g} ({effect.change:+.4g})"
    if effects.n_left:
        yield f"  {effects.n_left:,} more were not tried."
