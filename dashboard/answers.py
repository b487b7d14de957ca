"""How answers of the What if page look: sentences, numbers before and after, tables and figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from dashboard import charts, link_columns
from vgae_core.analysis import metrics
from vgae_core.analysis.linear_map import Map
from vgae_core.analysis.paired import LEVEL
from vgae_core.analysis.scored_graph import probability
from vgae_core.what_if.answer import SIGMAS, TOP, Answer, Linked, PairAnswer, Value
from vgae_core.what_if.crossing import STEPS, Search
from vgae_core.what_if.ego import Ego, EgoNode
from vgae_core.what_if.model import SAMPLED_PAIRS, WhatIf
from vgae_core.what_if.rows import RowsWhatIf
from vgae_core.what_if.variant import Retrained
from vgae_core.what_if.why import Effects, ScorePart

Model = WhatIf | RowsWhatIf

BARS = 15
"""Effects drawn as bars; the table has all."""

UNCHANGED = 5e-4
"""Difference of logits that three digits do not show."""

SATURATED = 1e-3
"""Distance from 0 or 1 within which probabilities look alike, so that logits are shown instead."""

ROW_HEIGHT = 35
"""Pixels of a row of a table."""

STATUS = {"kept": ("Edge", "solid"), "added": ("Added", "dashed"), "dropped": ("Dropped", "dotted")}
"""How an edge of the picture is named and drawn, by its status."""


# ----------------------------------------------------------------------------- sentences
def headline(answer: Answer) -> str:
    """Return what happened to the watched pair in one sentence, as Markdown."""
    pair = answer.pair
    if pair is None:
        if answer.source is None:
            return "Choose what to watch: the answers stand here, before and after your edits."
        return _entered(answer) or f"The top {TOP} of {_bold(answer.source)} stay the same."
    return _of_pair(answer, pair) + _at_density(answer, pair)


def _of_pair(answer: Answer, pair: PairAnswer) -> str:
    name = f"{_bold(pair.source)} – {_bold(pair.target)}"
    what, value = _measure(answer, pair)
    before, after = value.before, value.after
    if before is None:
        return f"The model gives {name} a {what} of **{after:.3f}**."
    if not answer.sentences:
        return f"The model gives {name} a {what} of **{after:.3f}**. Add an edit to see what it would change."
    difference = pair.logit.difference or 0.0
    if abs(difference) < UNCHANGED:
        return f"These edits do not change {name}: its {what} stays **{after:.3f}**."
    verb = "raise" if difference > 0 else "lower"
    text = f"These edits {verb} the {what} of {name} from {before:.3f} to **{after:.3f}**"
    if pair.logit.within_noise:
        return f"{text}. The difference is **within noise**: less than {SIGMAS:g} standard deviations."
    return f"{text}." if pair.logit.noise is None else f"{text}, more than noise."


def _at_density(answer: Answer, pair: PairAnswer) -> str:
    """Return how likely the pair is among all pairs, where the sentence tells of a probability among as many."""
    if pair.at_density is None or pair.at_density.after is None or _measure(answer, pair)[0] != "probability":
        return ""
    share, p = link_columns.chance(answer.base_rate), link_columns.chance(pair.at_density.after)
    return f" That is among as many without a link; among all, of which {share} are linked, it is **{p}**."


def _measure(answer: Answer, pair: PairAnswer) -> tuple[str, Value]:
    """Return what tells the watched pair's values apart: the probability, unless three digits of it say nothing."""
    if answer.measure != "probability":
        return answer.measure, pair.probability
    values = [value for value in (pair.probability.before, pair.probability.after) if value is not None]
    saturated = all(value < SATURATED or value > 1 - SATURATED for value in values)
    return ("logit", pair.logit) if saturated else ("probability", pair.probability)


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
    with st.grid(min_column_width=120, gap="small"):
        if pair.at_density is not None:
            rest = "zeros" if matrix else "non-edges"
            _tile("Among as many", pair.probability, "{:.3f}", grey=pair.logit.within_noise,
                  help=f"Probability where half of the {'cells' if matrix else 'pairs'} are {rest}.")  # fmt: skip
            share = link_columns.chance(answer.base_rate)
            _tile("At this density", pair.at_density, "{:.2%}", grey=pair.logit.within_noise,
                  help=f"Probability among all {'cells' if matrix else 'pairs'}, of which {share} are "
                  f"{'entries' if matrix else 'edges'}.")  # fmt: skip
        else:
            _tile(answer.measure.capitalize(), pair.probability, "{:.3f}", grey=pair.logit.within_noise,
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
            "logit": f"{link.logit:.3f}", "note": note(link),
        }
        for link in answer.top_after
    ]  # fmt: skip
    rows += [
        {"rank": "", "node": charts.visible(link.node), "was": str(link.rank), "logit": "", "note": "left"}
        for link in answer.top_before if link.node in answer.left
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["rank", "node", "was", "logit", "note"])


def show_top(answer: Answer, noun: str) -> None:
    """Draw that table; `noun` is what is ranked."""
    table = top_table(answer)
    if table.empty:
        st.caption(f"There is no {noun} left to be recommended.")
        return
    st.dataframe(
        table,
        column_config={
            "rank": st.column_config.TextColumn("Rank", width="small"),
            "node": noun.capitalize(),
            "was": st.column_config.TextColumn("Was", width="small", help="Its rank before the edits."),
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
        hide_index=True, width="stretch", height=14 * ROW_HEIGHT if len(table) > 13 else "content", key="what_if_moved",
    )  # fmt: skip


# ------------------------------------------------------------------------------- figures
def arrows(
    where: Map, names: Sequence[str], nodes: np.ndarray, after: np.ndarray, shown: np.ndarray, noun: str
) -> go.Figure:
    """Return the map of the run with an arrow to the new code of each node.

    Parameters
    ----------
    where : Map
        Of all codes before.
    names : sequence of str
        Of the nodes that are marked.
    nodes : ndarray of int64
        Their numbers; those that the map does not have are new and get no arrow.
    after : ndarray of float, shape (len(nodes), latent_dim)
        Their new codes.
    shown : ndarray of int64
        Nodes drawn as points.
    noun : str
        What has a code.
    """
    ends = where.place(after)
    fig = go.Figure()
    fig.add_trace(go.Scattergl(
        x=where.coordinates[shown, 0], y=where.coordinates[shown, 1], mode="markers", hoverinfo="skip",
        marker={"size": 3, "color": charts.MUTED, "opacity": 0.35}, name=f"All {noun}s",
    ))  # fmt: skip
    for at in np.flatnonzero(nodes < len(where.coordinates)).tolist():
        start = where.coordinates[nodes[at]]
        fig.add_annotation(
            x=ends[at, 0], y=ends[at, 1], ax=start[0], ay=start[1], xref="x", yref="y", axref="x", ayref="y",
            text="", showarrow=True, arrowhead=2, arrowwidth=1.5, arrowcolor=charts.colour(5), standoff=3,
        )  # fmt: skip
    fig.add_trace(go.Scattergl(
        x=ends[:, 0], y=ends[:, 1], mode="markers", name="After the edits",
        text=[charts.escape(name, 40) for name in names],
        hovertemplate="%{text}<extra></extra>", marker={"size": 8, "color": charts.colour(5)},
    ))  # fmt: skip
    axes = [f"PC {i + 1} ({share:.0%} of variance)" for i, share in enumerate(where.explained)]
    fig.update_xaxes(title=axes[0])
    fig.update_yaxes(title=axes[1], scaleanchor="x", scaleratio=1)
    return fig


def bars(effects: Effects, title: str) -> go.Figure:
    """Return the largest effects as bars: what the logit loses or gains without each."""
    shown = effects.found[:BARS][::-1]
    fig = go.Figure()
    for name, sign, colour in (("Speaks for the pair", -1, 0), ("Speaks against it", 1, 5)):
        mine = [effect for effect in shown if np.sign(effect.change) == sign]
        fig.add_trace(go.Bar(
            x=[-effect.change for effect in mine], y=[charts.escape(effect.what, 60) for effect in mine],
            orientation="h", name=name, marker={"color": charts.colour(colour)},
            hovertemplate="%{y}<br>%{x:+.4f}<extra></extra>",
        ))  # fmt: skip
    fig.update_yaxes(
        categoryorder="array", categoryarray=[charts.escape(effect.what, 60) for effect in shown], title=None
    )
    fig.update_xaxes(title=title, zeroline=True)
    return fig


def waterfall(parts: tuple[ScorePart, ...], titles: dict[str, str]) -> go.Figure:
    """Return what a stacked logit is the sum of."""
    names = [charts.escape(titles.get(part.name, part.name), 60) for part in parts]
    values = [part.adds for part in parts]
    fig = go.Figure(go.Waterfall(
        x=[*names, "Logit"], y=[*values, 0], measure=["relative"] * len(parts) + ["total"],
        text=[f"{value:+.2f}" for value in values] + [f"{sum(values):.2f}"], textposition="outside",
        increasing={"marker": {"color": charts.colour(0)}}, decreasing={"marker": {"color": charts.colour(5)}},
        totals={"marker": {"color": charts.MUTED}}, connector={"line": {"color": charts.MUTED, "width": 1}},
        hovertemplate="%{x}: %{delta:+.3f}<extra></extra>",
    ))  # fmt: skip
    fig.update_yaxes(title="Logit")
    fig.update_layout(showlegend=False)
    return fig


def _label(node: EgoNode) -> dict[str, Any]:
    """Return the label of a node of the picture, on the side where there is room."""
    bold = {"show": True, "fontWeight": "bold"} if node.is_end or node.is_new or node.is_edited else {}
    return {"label": {**bold, "position": "left" if node.x > 0 else "right"}}


def picture(ego: Ego) -> dict[str, Any]:
    """Return the neighbourhood as an ECharts option: edges by status, as wide as they are likely."""
    places = {node.node: at for at, node in enumerate(ego.nodes)}
    few = len(ego.nodes) <= 40  # more names than that cover each other
    ink = charts.ink()
    colours = {"kept": charts.MUTED, "added": charts.colour(2), "dropped": charts.colour(5)}
    return {
        "tooltip": {"trigger": "item", "confine": True},
        "animation": False,
        "legend": {"show": False},
        "series": [{
            "type": "graph", "layout": "none", "roam": True, "preserveAspect": "contain", "selectedMode": "single",
            "left": 40, "right": 40, "top": 24, "bottom": 24,
            "edgeSymbol": ["none", "none"],
            "label": {"show": few, "position": "right", "color": ink, "fontSize": 11},
            "labelLayout": {"hideOverlap": True},
            "emphasis": {"focus": "adjacency", "label": {"show": True}},
            "data": [
                {
                    "id": str(at), "name": charts.visible(node.name, 40), "x": 500 * node.x, "y": 500 * node.y,
                    "symbolSize": 22 if node.is_end else 10,
                    "itemStyle": {"color": charts.colour(1 if node.is_new else 0 if node.is_end else 4)},
                    **_label(node),
                }
                for at, node in enumerate(ego.nodes)
            ],
            "links": [
                {
                    "source": str(places[edge.arc[0]]), "target": str(places[edge.arc[1]]),
                    "value": round(edge.probability, 3),
                    "lineStyle": {
                        "width": 0.5 + 4.5 * edge.probability ** 2, "type": STATUS[edge.status][1],
                        "color": colours[edge.status], "opacity": 0.55 if edge.status == "kept" else 1,
                    },
                }
                for edge in ego.edges
            ],
        }],
    }  # fmt: skip


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
