"""How good a run is: the verdict in words, the table of methods, and their curves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.figures import charts
from dashboard.finished_runs import judged, results, scores
from vgae_core.analysis import baselines, metrics, ranking_metrics, stacking, verdict
from vgae_core.data import entry_splits

FIRST_METRICS = (
    "roc_auc", "average_precision", "hard_auc", "hits_at_50", "recall_at_20", "ndcg_at_20"
)  # fmt: skip
"""Measures that the table shows at first: of random pairs, of hard ones, and of rankings."""


def say_verdict(held: results.Opened) -> None:
    """Say in plain words how the model stands against the best baseline."""
    found, words = judged.comparison(held.id), held.result.words
    best = charts.plain(scores.title(found.name), 60)
    chance = f"A held-out {words.one} scores above a random {words.other} in **{found.model:.1%}** of cases"
    n_tested = len(held.result.split.test)
    if too_few := scores.too_few(words, n_tested):
        st.info(
            f"Hold out more {words.many}, or bring a larger data set, before comparing the model with a baseline.",
            title=too_few,
            icon=":material/info:",
        )
        return
    doubt = (
        f"another split may move both by {found.margin:.1%}"
        if found.margin < 1
        else "any difference may be chance"
    )
    lost = [one for one in verdict.measure_all(held.result.metrics) if not one.is_won]
    if found.outcome == "wins" and lost:
        say_lost(f"{chance}; the best baseline, {best}, reaches {found.baseline:.1%}", held, lost)
    elif found.outcome == "wins":
        st.success(
            f"{chance}; the best baseline, {best}, reaches {found.baseline:.1%}.",
            title="The model is ahead of every training-free baseline by every measure",
            icon=":material/check_circle:",
        )
    elif found.outcome == "ties":
        st.info(
            f"{chance}; {best}, which needs no training, reaches {found.baseline:.1%}. "
            f"With {words.tested(n_tested)}, {doubt}.",
            title="The model and the best baseline are about equal",
            icon=":material/balance:",
        )
    elif found.outcome == "loses":
        st.warning(
            f"{chance}, but {best} reaches {found.baseline:.1%} without any training. For predicting "
            f"{held.result.words.proposals} of this {held.result.words.data}, use that. The codes may "
            "still be useful; another latent size, other settings of the encoder or more patience may help the "
            "model.",
            title="A baseline wins",
            icon=":material/warning:",
        )
    else:
        st.info(f"{chance}.", title="No baseline to compare with", icon=":material/info:")
    say_labels(held)
    if not held.family.links_nodes:
        say_ranking(held)
    elif held.result.spec.stacking:
        say_stacking(held, found)


def say_labels(held: results.Opened) -> None:
    """Say how well labels of held-out nodes are predicted, beside always naming the commonest one."""
    labels = held.result.metrics.get("labels")
    if labels:
        st.markdown(
            f":material/label: **Labels** of {labels['n_test']:,} held-out nodes: {labels['accuracy']:.1%} right, "
            f"against {labels['majority_accuracy']:.1%} by always naming the commonest one; macro F1 "
            f"{labels['macro_f1']:.3f}."
        )


def say_lost(chance: str, held: results.Opened, lost: list[verdict.Measured]) -> None:
    """Say by which measures a baseline is ahead of a model that wins by AUC."""
    n_measures = len(verdict.measure_all(held.result.metrics))
    listed = "; ".join(
        f"{scores.metric(one.key).title} {one.model:.3f} against {one.baseline:.3f} of "
        f"{charts.plain(scores.title(one.name), 60)}"
        for one in lost[: verdict.LISTED_MEASURES]
    )
    st.warning(
        f"{chance}. A training-free baseline does better by {listed}"
        f"{', and more' if len(lost) > verdict.LISTED_MEASURES else ''}.",
        title=f"The model is ahead by {n_measures - len(lost)} of {n_measures} measures, {where_lost(lost)}",
        icon=":material/balance:",
    )


def where_lost(lost: list[verdict.Measured]) -> str:
    """Return on what kind of question a baseline is ahead."""
    if any(one.key in metrics.HARD_METRICS for one in lost):
        return "and behind on hard pairs"
    ranked = any(one.key.partition("_at_")[0] in ranking_metrics.RANKING_METRICS for one in lost)
    return "and behind in ranking" if ranked else "and behind at the top of the list"


def say_stacking(held: results.Opened, found: verdict.Comparison) -> None:
    """Say what stacking adds to the network, and how the network stands without it."""
    if not stacking.joins(held.result.stack):
        n_val, needed = len(held.result.split.val), stacking.LEAST_EDGES
        why = "the network alone ranks the validation edges as well"
        if n_val < needed:
            why = f"{n_val:,} validation edges are too few (at least {needed} are needed)"
        own = (
            "The network's scores, calibrated on the validation edges"
            if held.result.stack
            else "These are the network's own scores"
        )
        st.caption(f"Not stacked: {why}. {own}.")
        return
    alone = held.result.metrics[results.NETWORK]["roc_auc"]
    stands = "also ahead of" if alone > found.baseline else "behind"
    st.markdown(
        ":material/layers: **Stacked:** scores combine the network with training-free scores; the weights are fitted "
        f"on the validation edges. The network alone reaches {alone:.1%}, {stands} "
        f"{charts.plain(scores.title(found.name), 60)}."
    )


def say_ranking(held: results.Opened) -> None:
    """Say how the columns of a row are ranked, which may tell otherwise than pairs do, and what EASE adds."""
    found = held.result.metrics
    key = next((key for key in found["test"] if key.startswith("ndcg_at_")), None)
    rivals = found["baselines"]
    if key is None or not rivals:
        return
    name = max(rivals, key=lambda rival: rivals[rival][key])
    mine, best = found["test"][key], rivals[name][key]
    stands = "is ahead of" if mine > best else "does not reach"
    st.markdown(
        f":material/format_list_numbered: In ranking all columns for each row ({scores.metric(key).title}) the "
        f"model {stands} the best baseline, {charts.plain(scores.title(name), 60)}: **{mine:.3f}** against {best:.3f}."
    )
    alone = found.get(results.NETWORK)
    if alone is not None:
        st.markdown(
            ":material/layers: **Combined with EASE:** the weights are fitted on the validation part, and the "
            f"recommendations above go by the sum. The network alone reaches {alone[key]:.3f}, and "
            f"{alone['roc_auc']:.1%} of pairs."
        )
    new = entry_splits.new_rows(held.result.split)
    if len(new):
        n_tested = len(np.unique(held.result.split.test[:, 0]))
        st.markdown(
            f":material/person_add: Tested on **{n_tested:,} rows that were never trained on**: from "
            f"{1 - entry_splits.HIDDEN_SHARE:.0%} of its entries each is encoded, and the rest has to be ranked first."
        )


def shown_metrics(held: results.Opened) -> list[str]:
    """Return the scores a table shows: those of pairs, and of a matrix those of its ranked rows in between."""
    first, second, *rest = metrics.LINK_METRICS
    ranked = [key for key in held.result.metrics["test"] if key not in metrics.LINK_METRICS]
    return [first, second, *ranked, *rest]


def score_table(held: results.Opened) -> pd.DataFrame:
    """Return one row a method, the best AUC first."""
    rows = scores.rows(held.result.metrics)
    table = pd.DataFrame(
        [
            {"method": scores.title(name), **{key: values.get(key) for key in shown_metrics(held)}}
            for name, values in rows.items()
        ]
    )
    return table.sort_values("roc_auc", ascending=False, ignore_index=True)


def show_methods(
    table: Any, hows: Mapping[str, str], named: Mapping[str, metrics.Metric], form: str, *, key: str
) -> None:
    """Draw one row a method, plain or styled: what it is called and its numbers in a format; folded, how each works."""
    numbers = {
        name: st.column_config.NumberColumn(entry.title, help=entry.help, format=form)
        for name, entry in named.items()
    }
    st.dataframe(
        table,
        column_config={"method": "Method", **numbers},
        column_order=["method", *named],
        hide_index=True,
        width="stretch",
        height="content",
        key=key,
    )
    with st.expander("How each method works", key=f"{key}_how"):
        st.markdown(
            "\n".join(f"- **{charts.plain(name, 60)}**: {charts.plain(how)}" for name, how in hows.items())
        )


def show_weights(held: results.Opened) -> None:
    """Draw how well the weights of held-out edges are predicted, beside predictions that need no training."""
    table = pd.DataFrame(
        [{"method": scores.title(name), **values} for name, values in held.result.metrics["weights"].items()]
    )
    st.markdown("**Weights of the held-out edges**")
    hows = {scores.title(name): scores.how(name) for name in held.result.metrics["weights"]}
    show_methods(table, hows, metrics.WEIGHT_METRICS, "%.4g", key="weight_table")
    st.caption(
        "The network predicts an expected weight that counts “no edge” as 0, so it underestimates edges it is unsure "
        "about. The rank correlation measures the order."
    )


def show_scores(held: results.Opened) -> None:
    """Draw the table of methods and their curves."""
    table, words = score_table(held), held.result.words
    split = held.result.split
    keys = shown_metrics(held)
    best, own = table[keys].max(), scores.title(results.MODEL)
    best = best.where(best > table[keys].min())  # where all are equal none is best

    def weight(name: str, value: Any) -> str:
        is_bold = value == best[name] if name in keys else value == own
        return "font-weight: 700" if is_bold else ""

    bold = table.style.apply(lambda row: [weight(*cell) for cell in row.items()], axis=1)
    shown = [key for key in keys if key in FIRST_METRICS]
    if len(shown) < len(keys) and st.toggle("All measures", key="every_measure"):
        shown = keys
    hows = {
        scores.title(name): scores.how(name, stacked=results.NETWORK in held.result.metrics)
        for name in scores.rows(held.result.metrics)
    }
    show_methods(bold, hows, {key: scores.metric(key) for key in shown}, "%.3f", key="score_table")
    st.caption(
        "The best of each column is bold. "
        f"Scored once on {words.tested(len(split.test))} and {words.tested_against(len(split.test_neg))} that "
        f"neither the model nor a baseline has seen. {words.measures}"
    )
    if reasons := baselines.explained(held.result.metrics.get("left_out", {})):
        st.caption(charts.plain(reasons))
    if "weights" in held.result.metrics:
        show_weights(held)
    show_curves(held)


def show_curves(held: results.Opened) -> None:
    """Draw the curves of the model and of the best baseline, or of every method."""
    names, words, split = list(held.result.scores), held.result.words, held.result.split
    first = [
        name for name in (results.MODEL, results.NETWORK, judged.comparison(held.id).name) if name in names
    ]
    if len(first) < len(names) and not st.toggle("Curves of every method", key="every_curve"):
        names = first
    curves = {name: judged.curves(held.id, name) for name in names}
    rows = scores.rows(held.result.metrics)
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown("**ROC** (area under the curve in the legend)")
        auc = {name: rows[name]["roc_auc"] for name in curves}
        charts.show(
            scores.roc(curves, auc, words), key="roc", height=460,
            alt="ROC curves of the model and the baselines; the areas are in the table above.",
        )  # fmt: skip
    with right:
        st.markdown("**Precision and recall** (average precision in the legend)")
        ap = {name: rows[name]["average_precision"] for name in curves}
        share = len(split.test) / max(len(split.test) + len(split.test_neg), 1)
        charts.show(
            scores.precision_recall(curves, ap, share, words), key="pr", height=460,
            alt="Precision-recall curves of the model and the baselines; the table above has the averages.",
        )  # fmt: skip
