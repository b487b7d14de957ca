"""How answers of the What if page look: sentences, numbers before and after, tables and figures."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from dashboard.figures import charts
from dashboard.finished_runs import link_columns
from vgae_core.analysis import metrics
from vgae_core.analysis.paired import LEVEL
from vgae_core.analysis.scored_graph import probability
from vgae_core.catalogue.families import Words
from vgae_core.what_if.answer import SIGMAS, TOP, Answer, Linked, PairAnswer, Value
from vgae_core.what_if.crossing import STEPS, Search
from vgae_core.what_if.model import SAMPLED_PAIRS, WhatIf
from vgae_core.what_if.rows import RowsWhatIf
from vgae_core.what_if.variant import Retrained

Model = WhatIf | RowsWhatIf

UNCHANGED = 5e-4
"""Difference of logits that three digits do not show."""

CHANCE = "{:.1%}"
"""How the difference of two probabilities is written."""

SATURATED = 1e-3
"""Distance from 0 or 1 within which probabilities look alike, so that logits are shown instead."""


# ----------------------------------------------------------------------------- sentences
def headline(answer: Answer, words: Words) -> str:
    """Return what happened to the watched pair in one sentence, as Markdown."""
    pair = answer.pair
    if pair is None:
        if answer.source is None:
            return "Choose what to watch: the answers stand here, before and after your edits."
        if not answer.sentences:
            return "Add an edit to see what it would change."
        return _entered(answer) or f"The top {TOP} of {_bold(answer.source)} stay the same."
    ask = (
        ""
        if answer.sentences or pair.probability.before is None
        else " Add an edit to see what it would change."
    )
    return _of_pair(answer, pair) + _at_density(answer, pair, words) + ask


def _of_pair(answer: Answer, pair: PairAnswer) -> str:
    name = f"{_bold(pair.source)} – {_bold(pair.target)}"
    what, value = _measure(answer, pair)
    before, after = value.before, value.after
    if before is None or not answer.sentences:
        return f"The model gives {name} a {what} of **{_written(what, after)}**."
    difference = pair.logit.difference or 0.0
    if abs(difference) < UNCHANGED:
        return f"These edits do not change {name}: its {what} stays **{_written(what, after)}**."
    verb = "raise" if difference > 0 else "lower"
    was, now = _written(what, before), _written(what, after)
    text = f"These edits {verb} the {what} of {name} from {was} to **{now}**"
    if pair.logit.within_noise:
        return f"{text}. The difference is **within noise**: less than {SIGMAS:g} standard deviations."
    return f"{text}." if pair.logit.noise is None else f"{text}, more than noise."


def _at_density(answer: Answer, pair: PairAnswer, words: Words) -> str:
    """Return how likely the pair is among all pairs, where the sentence tells of a probability among as many."""
    if pair.at_density is None or pair.at_density.after is None or _measure(answer, pair)[0] != "probability":
        return ""
    share, p = link_columns.chance(answer.base_rate), link_columns.chance(pair.at_density.after)
    return (
        f" That is where half of the {words.pairs} are {words.many}; among all {words.pairs}, of which {share} are, it "
        f"is **{p}**."
    )


def _measure(answer: Answer, pair: PairAnswer) -> tuple[str, Value]:
    """Return what tells the watched pair's values apart: the probability, unless three digits of it say nothing."""
    if answer.measure != "probability":
        return answer.measure, pair.probability
    values = [value for value in (pair.probability.before, pair.probability.after) if value is not None]
    saturated = all(value < SATURATED or value > 1 - SATURATED for value in values)
    if pair.logit.difference and len(values) == 2:
        saturated |= values[0] == values[1]  # both at the bound of what is vouched for
    return ("logit", pair.logit) if saturated else ("probability", pair.probability)


def _written(what: str, value: float | None) -> str:
    """Return a probability in percent, any other number with three digits."""
    return link_columns.chance(value) if what == "probability" else f"{value:.3f}"


def _bold(name: str) -> str:
    return f"**{charts.plain(name, 60)}**"


def _entered(answer: Answer) -> str:
    if not answer.entered and not answer.left:
        return ""
    parts = [
        f"{verb} its top {TOP}: {', '.join(_bold(name) for name in names)}"
        for verb, names in (("enter", answer.entered), ("leave", answer.left))
        if names
    ]
    return f"{_bold(answer.source or '')}: {'; '.join(parts)}."


def tiles(answer: Answer, pair: PairAnswer, model: Model) -> None:
    """Draw the numbers of the watched pair, each after the edits, with the difference."""
    matrix = isinstance(model, RowsWhatIf)
    noise = pair.logit.noise
    about = "The model's score of the pair."
    if noise is not None:
        about += f" Noise of the difference: ±{SIGMAS * noise:.2f} ({SIGMAS:g} standard deviations)."
    with st.grid(3, min_column_width=150, gap="small"):
        if pair.at_density is not None:
            pairs, edges = ("cells", "entries") if matrix else ("pairs", "edges")
            share = link_columns.chance(answer.base_rate)
            bounded = f"Capped at what the validation {edges} support; the logit is not."
            _tile(f"If half were {edges}", pair.probability, CHANCE, grey=pair.logit.within_noise,
                  help=f"Probability where half of the {pairs} are {edges}. {bounded}")  # fmt: skip
            _tile(f"Among all {pairs}", pair.at_density, CHANCE, grey=pair.logit.within_noise,
                  help=f"Probability among all {pairs}, of which {share} are {edges}. {bounded}")  # fmt: skip
        else:
            chance = answer.measure == "probability"
            _tile(answer.measure.capitalize(), pair.probability, CHANCE if chance else "{:.3f}",
                  grey=pair.logit.within_noise,
                  help="What the network gives this entry.")  # fmt: skip
        if pair.expected is not None and answer.measure == "probability":
            _tile("Expected", pair.expected, "{:.3g}", help="The value that the network expects.")
        _tile("Logit", pair.logit, "{:.3f}", grey=pair.logit.within_noise, help=about, noise=noise)
        candidates = pair.candidates.after
        others = "columns without a value in" if matrix else "nodes without a link to"
        _tile("Rank", pair.rank, "{:,.0f}", inverse=True, grey=pair.logit.within_noise,
              help=f"Among the {candidates:,.0f} {others} {charts.plain(pair.source, 40)}: 1 + how many have a higher "
              "logit; of a pair that is linked, the place it would have.")  # fmt: skip
        if not matrix:
            above = pair.share_above.after
            _tile("Likelier pairs", pair.share_above, "{:.2%}", inverse=True, grey=pair.logit.within_noise,
                  help=f"Share of {SAMPLED_PAIRS:,} random pairs without an edge (or of all, if there are fewer) that "
                  "have a higher logit."
                  + (" None of them has: the pair is among the likeliest of all." if above == 0 else ""))  # fmt: skip
        _tile("Value" if matrix else "Edge", pair.weight, "{:g}",
              help="The entry's value; 0 without one." if matrix
              else "Weight of the edge between the two; 0 without one.")  # fmt: skip


def _tile(
    title: str,
    value: Value,
    form: str,
    *,
    help: str,
    grey: bool = False,
    inverse: bool = False,
    noise: float | None = None,
) -> None:
    after = "–" if value.after is None or value.after != value.after else form.format(value.after)
    if form == CHANCE:
        after = link_columns.chance(value.after)
    difference = value.difference
    delta: str | None = None
    if difference is not None and abs(difference) > 1e-9 and form.format(abs(difference)) != form.format(0.0):
        delta = ("+" if difference > 0 else "-") + form.format(abs(difference))
        if noise is not None:
            delta += f" ± {SIGMAS * noise:.2g}"
    colour: Any = (
        "off" if grey or delta is None or title in ("Edge", "Value") else "inverse" if inverse else "normal"
    )
    st.metric(title, after, delta, delta_color=colour, help=help, border=True)


# -------------------------------------------------------------------------------- tables
def top_table(answer: Answer) -> pd.DataFrame:
    """Return the likeliest new links after the edits, and those that left the list."""
    before = {link.node: link for link in answer.top_before}

    def note(link: Linked) -> str:
        if link.was_linked:
            return "was linked"
        return "entered" if answer.top_before and link.node not in before else ""

    rows = [
        {
            "rank": str(link.rank), "node": charts.visible(link.node),
            "was": str(before[link.node].rank) if link.node in before else "",
            "at_density": link_columns.chance(link.at_density), "logit": f"{link.logit:.3f}", "note": note(link),
        }
        for link in answer.top_after
    ]  # fmt: skip
    rows += [
        {"rank": "", "node": charts.visible(link.node), "was": str(link.rank), "at_density": "",
         "logit": "", "note": "left"}
        for link in answer.top_before if link.node in answer.left
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=["rank", "node", "was", "at_density", "logit", "note"])
    calibrated = any(link.at_density is not None for link in answer.top_after)
    return table if calibrated else table.drop(columns="at_density")


def show_top(answer: Answer, noun: str) -> None:
    """Draw that table; `noun` is what is ranked."""
    table = top_table(answer)
    if table.empty:
        st.caption(f"There is no {noun} left to be recommended.")
        return
    pairs, edges = ("cells", "entries") if noun == "column" else ("pairs", "edges")
    st.dataframe(
        table,
        column_config={
            "rank": st.column_config.TextColumn("Rank", width="small"),
            "node": noun.capitalize(),
            "was": st.column_config.TextColumn("Was", width="small", help="Its rank before the edits."),
            "at_density": st.column_config.TextColumn(
                f"Among all {pairs}", width="small",
                help=f"Probability among all {pairs}, of which {link_columns.chance(answer.base_rate)} are {edges}.",
            ),
            "logit": st.column_config.TextColumn("Logit", width="small", help="The ranking goes by it."),
            "note": "Note",
        },
        hide_index=True, width="stretch", height="content", key="what_if_top",
    )  # fmt: skip


def show_nodes(answer: Answer, noun: str) -> None:
    """Draw the nodes (or rows) that the edits name: labels and errors, before and after."""
    if not answer.nodes:
        st.caption(f"The edits name no {noun}.")
        return
    labelled = any(node.label_after is not None for node in answer.nodes)
    judged = any(node.error.after is not None for node in answer.nodes)
    table = pd.DataFrame(
        [
            {
                "node": charts.visible(node.node),
                **({"label_before": node.label_before, "label_after": node.label_after,
                    "p_before": node.label_probability.before, "p_after": node.label_probability.after}
                   if labelled else {}),
                **({"error_before": node.error.before, "error_after": node.error.after} if judged else {}),
            }
            for node in answer.nodes
        ]
    )  # fmt: skip
    for name in ("label_before", "label_after"):
        if name in table:
            table[name] = table[name].map(charts.visible, na_action="ignore")
    number = st.column_config.NumberColumn
    st.dataframe(
        table,
        column_config={
            "node": noun.capitalize(),
            "label_before": st.column_config.Column("Label before", help="The likeliest label."),
            "label_after": "Label after",
            "p_before": number("Probability before", format="%.3f"),
            "p_after": number("Probability after", format="%.3f"),
            "error_before": number("Error before", format="%.3f",
                                   help="Mean cross-entropy of its pairs, in nats; edges and others count one half."),
            "error_after": number("Error after", format="%.3f"),
        },
        hide_index=True, width="stretch", key="what_if_nodes",
    )  # fmt: skip


def show_moved(answer: Answer, noun: str) -> None:
    """Draw the nodes (or rows) whose codes moved most."""
    table = pd.DataFrame(
        [
            {"node": charts.visible(node.node), "distance": node.distance, "noise": node.noise,
             "note": "new" if node.new else "within noise" if node.within_noise else ""}
            for node in answer.moved
        ]
    )  # fmt: skip
    st.dataframe(
        table,
        column_config={
            "node": noun.capitalize(),
            "distance": st.column_config.NumberColumn("Moved", format="%.4f", help="Euclidean distance of its codes."),
            "noise": st.column_config.NumberColumn(
                "Noise", format="%.4f", help="What two draws of its code lie apart, root mean square."
            ),
            "note": "",
        },
        hide_index=True, width="stretch", height=link_columns.height(table, 490), key="what_if_moved",
    )  # fmt: skip


# ------------------------------------------------------------------------------- figures
def compared(found: Retrained) -> None:
    """Draw a run beside a variant of it: the watched pair, scores on the same pairs, codes that differ most."""
    if found.pair is not None and found.without is not None:
        rows = [
            (title, before, without.after, after.after)
            for title, before, without, after in (
                ("Logit", found.pair.logit.before, found.without.logit, found.pair.logit),
                (
                    "Probability",
                    found.pair.probability.before,
                    found.without.probability,
                    found.pair.probability,
                ),
                ("Rank", found.pair.rank.before, found.without.rank, found.pair.rank),
            )
        ]
        st.markdown(f"**{charts.plain(found.pair.source, 60)} – {charts.plain(found.pair.target, 60)}**")
        number = st.column_config.NumberColumn
        st.dataframe(
            pd.DataFrame(rows, columns=["what", "before", "without", "retrained"]),
            column_config={
                "what": "", "before": number("Before", format="%.4g"),
                "without": number("Edited, weights as learnt", format="%.4g"),
                "retrained": number("Edited and trained again", format="%.4g"),
            },
            hide_index=True, width="stretch", key="variant_pair",
        )  # fmt: skip
        st.caption(
            "Training again also draws other random numbers: with another seed alone this pair would move, too."
        )
    st.markdown(
        f"**Scores on the same {found.n_edges:,} edges and {found.n_others:,} non-edges that both hold out**"
    )
    if not found.scores:
        st.caption("Too few to compare scores by.")
    for name, score in found.scores.items():
        verdict = "within chance" if score.may_be_chance else "more than chance"
        st.markdown(
            f"{metrics.LINK_METRICS[name].title}: {score.first:.3f} → {score.second:.3f} "
            f"({score.difference:+.3f}, {LEVEL:.0%} interval {score.low:+.3f} to {score.high:+.3f}): {verdict}."
        )
    if found.scores:
        st.caption(
            "Intervals by bootstrap over these pairs. They do not count what another seed would change."
        )
    st.markdown("**Codes that differ most**, after the variant's are turned onto the run's")
    st.dataframe(
        pd.DataFrame([{"node": charts.visible(node.node), "distance": node.distance} for node in found.moved]),
        column_config={"node": "Node", "distance": st.column_config.NumberColumn("Apart", format="%.3f")},
        hide_index=True, width="stretch", height=300, key="variant_moved",
    )  # fmt: skip


def aim(search: Search, *, add: bool) -> None:
    """Say where a pair stands, which way it has to go, and where the search ended if it did not get there."""
    now, goal = probability(search.logits[0]), probability(search.threshold)
    side = "at or above" if search.logits[0] >= search.threshold else "below"
    text = f"Now {now:.3f}, {side} {goal:.2f}."
    if not search.found:
        verb = "added" if add else "dropped"
        spent = len(search.arcs) >= STEPS
        rest = "more are not tried" if spent else "no other helps beside them"
        end = (
            f"The best {len(search.arcs)} lead to {probability(search.logits[-1]):.3f}; {rest}."
            if search.arcs
            else "No edge moves it that way."
        )
        text += f" No set of edges to be {verb} was found that takes it across. {end}"
    st.caption(text)


def steps(search: Search) -> str:
    """Return the edges that were found, one by one, with the probability that each leads to, as Markdown."""
    return "\n".join(
        f"1. {charts.plain(what, 90)}: probability {probability(logit):.3f}"
        for what, logit in zip(search.whats, search.logits[1:], strict=True)
    )
