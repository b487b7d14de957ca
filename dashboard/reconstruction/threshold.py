"""The threshold on the probability of held-out pairs, with everything that follows from it."""

from __future__ import annotations

import streamlit as st

from dashboard.app import frame
from dashboard.figures import charts
from dashboard.finished_runs import judged, link_columns, results, scores
from vgae_core.analysis import decisions, scoring, threshold_curves
from vgae_core.runs.results.precision import Precision

WAYS = {
    "f1": "Best F1",
    "budget": "Pairs I can check",
    "links": "Links I want to find",
}
"""How a threshold is chosen."""


def choose_f1(held: results.Opened) -> float:
    """Draw the slider, which starts at the best F1 of the validation pairs, and return the threshold."""
    best, words = judged.start_threshold(held.id), held.result.words
    return float(
        st.slider(
            f"Threshold: predict an {words.one} at or above this probability",
            *decisions.THRESHOLDS, decisions.EVEN if best is None else best, decisions.THRESHOLD_STEP,
            key=f"threshold_{held.id}",
            help="Too few validation pairs, or too many columns, to choose one by." if best is None
            else f"It starts at {best:.2f}, where F1 is highest on the validation pairs. The numbers below are of the "
            "test pairs, which did not choose it.",
        )
    )  # fmt: skip


def choose_by_rank(measured: Precision, way: str) -> float:
    """Draw the number of pairs to check, or of links to find, and return the threshold that follows from it."""
    ranked, findable = len(measured.logits), max(int(measured.expected.sum()), 1)
    if way == "budget":
        n = int(
            st.number_input(
                "Pairs to check", 1, ranked, min(decisions.BUDGET, ranked), key="threshold_budget"
            )
        )
    else:
        links = st.number_input(
            "Links to find", 1, findable, min(decisions.LINKS, findable), key="threshold_links"
        )
        n = measured.first_for(float(links)) or ranked
    chance = float(scoring.probabilities(measured.logits[n - 1 : n])[0])
    st.markdown(
        f"Check the first **{n:,}** pairs of the ranking: about **{measured.expected[:n].sum():.0f}** of them are "
        f"expected to be links, if as many are missing as were held out for the test; of the first {n:,} then "
        f"{link_columns.chance(measured.within(n))} were held-out edges. Their probability among as many non-edges is "
        f"at least {link_columns.chance(chance)}."
    )
    return chance


def say_chance(held: results.Opened) -> None:
    """Say where too few pairs are held out to judge the calibration by them."""
    chance, split, words = judged.calibration_by_chance(held.id), held.result.split, held.result.words
    if chance > decisions.JUDGED_TO:
        st.caption(
            f":material/info: Too few held-out {words.many} to judge calibration: with {len(split.val):,} for "
            f"validation and {len(split.test):,} for the test, chance alone leads to an error of about {chance:.3f}."
        )


@frame.fragment()
def show_decisions(held: results.Opened) -> None:
    """Draw the threshold with everything that follows from it; moving it redraws only this part."""
    table, words = judged.thresholds(held.id), held.result.words
    pairs = judged.tested(held.id)
    measured = judged.precision(held.id) if held.family.links_nodes else None
    way = "f1"
    if measured is not None and measured.expected.sum() > 0:
        way = st.segmented_control(
            "Choose it by", list(WAYS), default="f1", required=True, format_func=WAYS.__getitem__,
            key="threshold_way",
        )  # fmt: skip
    threshold = choose_f1(held) if measured is None or way == "f1" else choose_by_rank(measured, way)
    counts = threshold_curves.confusion(pairs.y_true, pairs.probabilities, threshold)
    with st.grid(min_column_width=150, gap="small"):
        for name, value, text in (
            ("Precision", counts.precision, f"Share of the predicted {words.many} that are real."),
            ("Recall", counts.recall, f"Share of the {words.many} that are predicted."),
            ("F1", counts.f1, "Harmonic mean of precision and recall."),
            ("Accuracy", counts.accuracy, "Share of the pairs predicted right."),
        ):
            st.metric(name, f"{value:.1%}", help=text, border=True)
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown("**Score distributions**")
        charts.show(
            scores.distributions(judged.distributions(held.id), threshold, words), key="distributions",
            alt=f"Histogram of the probabilities of held-out {words.many} and {words.others}.",
        )  # fmt: skip
        st.markdown("**Precision, recall and F1 over the threshold**")
        charts.show(
            scores.decisions(table, threshold), key="decisions",
            alt="Precision, recall and F1 for every threshold.",
        )  # fmt: skip
    with right:
        st.markdown("**Confusion matrix**")
        charts.show(
            scores.confusion(counts, words), key="confusion",
            alt=f"Confusion matrix: {counts.true_positives} {words.many} found, {counts.false_negatives} missed, "
            f"{counts.false_positives} false alarms, {counts.true_negatives} {words.others} right.",
        )  # fmt: skip
        found = judged.calibration(held.id)
        st.markdown(f"**Calibration** (expected error {found.expected_error:.3f})")
        charts.show(
            scores.calibration(found, words), key="calibration",
            alt=f"Share of {words.many} against predicted probability, with the diagonal of a perfect model.",
        )  # fmt: skip
        say_chance(held)
    st.caption(
        f"These probabilities hold for as many {words.many} as {words.others}, as scored here. Among all {words.pairs} "
        f"of a sparse {words.data} {words.many} are far rarer: the tables of {words.proposed.lower()} show both."
        if held.family.links_nodes or held.result.stack
        else "This sample has as many zeros as entries, while the matrix is mostly zeros. A well-calibrated model "
        "therefore looks too cautious here."
    )


def show_spread(held: results.Opened) -> None:
    """Draw how the scores of entries and zeros are spread, where they are no probabilities."""
    value = held.result.head.of_values
    charts.show(
        scores.distributions(
            judged.logit_histogram(held.id), None, scores.ENTRIES,
            "Expected value" if value else "Logarithm of the expected value",
        ),
        key="distributions",
        alt="Histogram of what the model expects at held-out entries and at zeros.",
    )  # fmt: skip
    st.caption("This likelihood gives expected values, not probabilities: there is no threshold to choose.")
