"""Judge the reconstruction: scores beside baselines, decisions, and links or entries with names on them."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import (
    background,
    charts,
    forms,
    frame,
    judged,
    maps,
    my_pairs,
    next_links,
    results,
    run_view,
    scenarios,
    scores,
)
from vgae_core.analysis import (
    baselines,
    decisions,
    entries,
    link_filters,
    link_search,
    metrics,
    stacking,
    threshold_curves,
    verdict,
)
from vgae_core.analysis.link_filters import LinkSearch
from vgae_core.runs import link_tables, table_files
from vgae_core.settings.fields import Setting, settings_of

frame.require_router("reconstruction")


def words_of(held: results.Opened) -> scores.Words:
    """Return what is told from what in this run."""
    return scores.ENTRIES if held.on_matrix else scores.EDGES


# ----------------------------------------------------------------------------- verdict
def say_verdict(held: results.Opened) -> None:
    """Say in plain words how the model stands against the best baseline."""
    found, words = judged.comparison(held.id), words_of(held)
    best = charts.plain(scores.title(found.name), 60)
    chance = f"A held-out {words.one} scores above a random {words.other} in **{found.model:.1%}** of cases"
    n_tested = len(held.result.split.test)
    if too_few := words.too_few(n_tested):
        st.info(
            f"Hold out more {words.many}, or bring a larger data set, before comparing the model with a baseline.",
            title=too_few,
            icon=":material/info:",
        )
        return
    doubt = f"a difference below {found.margin:.1%}" if found.margin < 1 else "any difference"
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
            f"With {words.tested(n_tested)}, {doubt} may be chance.",
            title="The model and the best baseline are about equal",
            icon=":material/balance:",
        )
    elif found.outcome == "loses":
        st.warning(
            f"{chance}, but {best} reaches {found.baseline:.1%} without any training. For predicting "
            f"{'entries of this matrix' if held.on_matrix else 'links on this graph'}, use that. The codes may "
            "still be useful; another latent size, other settings of the encoder or more patience may help the "
            "model.",
            title="A baseline wins",
            icon=":material/warning:",
        )
    else:
        st.info(f"{chance}.", title="No baseline to compare with", icon=":material/info:")
    if held.on_matrix:
        say_ranking(held)
    elif held.result.spec.stacking:
        say_stacking(held, found)


def say_lost(chance: str, held: results.Opened, lost: list[verdict.Measured]) -> None:
    """Say by which measures a baseline is ahead of a model that wins by AUC."""
    n_measures = len(verdict.measure_all(held.result.metrics))
    listed = "; ".join(
        f"{scores.metric(one.key).title} {one.model:.3f} against {one.baseline:.3f} of "
        f"{charts.plain(scores.title(one.name), 60)}"
        for one in lost[: verdict.LISTED_MEASURES]
    )
    st.warning(
        f"{chance}. A training-free baseline does better by {len(lost)} of {n_measures} measures: {listed}"
        f"{', and more' if len(lost) > verdict.LISTED_MEASURES else ''}.",
        title="The model is ahead by AUC, but not by every measure",
        icon=":material/balance:",
    )


def say_stacking(held: results.Opened, found: verdict.Comparison) -> None:
    """Say what stacking adds to the network, and how the network stands without it."""
    if not stacking.joins(held.result.stack):
        n_val, needed = len(held.result.split.val), stacking.LEAST_EDGES
        why = f"{n_val:,} are too few" if n_val < needed else "the network alone finds them as well"
        own = (
            "The network's scores as probabilities"
            if held.result.stack
            else "These are the network's own scores"
        )
        st.caption(f"Not stacked: of the validation edges, {why}. {own}.")
        return
    alone = held.result.metrics[results.NETWORK]["roc_auc"]
    stands = "also ahead of" if alone > found.baseline else "behind"
    st.markdown(
        ":material/layers: **Stacked:** a pair's score joins the network's with those that need no training, each "
        f"counted as the validation edges say. The network alone reaches {alone:.1%}, {stands} "
        f"{charts.plain(scores.title(found.name), 60)}."
    )


def say_ranking(held: results.Opened) -> None:
    """Say how the columns of a row are ranked, which may tell otherwise than pairs do."""
    key = next((key for key in held.result.metrics["test"] if key.startswith("ndcg_at_")), None)
    rivals = held.result.metrics["baselines"]
    if key is None or not rivals:
        return
    name = max(rivals, key=lambda rival: rivals[rival][key])
    mine, best = held.result.metrics["test"][key], rivals[name][key]
    verdict = "is ahead of" if mine > best else "does not reach"
    st.markdown(
        f":material/format_list_numbered: In ranking all columns for each row ({scores.metric(key).title}) the "
        f"model {verdict} the best baseline, {charts.plain(scores.title(name), 60)}: **{mine:.3f}** against {best:.3f}."
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
            {"method": scores.title(name), **{key: values.get(key) for key in shown_metrics(held)},
             "how": scores.how(name, stacked=results.NETWORK in rows)}
            for name, values in rows.items()
        ]
    )  # fmt: skip
    return table.sort_values("roc_auc", ascending=False, ignore_index=True)


def show_methods(table: Any, named: Mapping[str, metrics.Metric], form: str, *, key: str) -> None:
    """Draw one row a method, plain or styled: what it is called, its numbers in a format, and how it works."""
    numbers = {
        name: st.column_config.NumberColumn(entry.title, help=entry.help, format=form)
        for name, entry in named.items()
    }
    st.dataframe(
        table,
        column_config={"method": "Method", "how": st.column_config.Column("How", width="large"), **numbers},
        hide_index=True,
        width="stretch",
        key=key,
    )


def show_weights(held: results.Opened) -> None:
    """Draw how well the weights of held-out edges are predicted, beside predictions that need no training."""
    table = pd.DataFrame(
        [
            {"method": scores.title(name), **values, "how": scores.how(name)}
            for name, values in held.result.metrics["weights"].items()
        ]
    )
    st.markdown("**Weights of the held-out edges**")
    show_methods(table, metrics.WEIGHT_METRICS, "%.4g", key="weight_table")
    st.caption(
        "The network expects a weight of every pair, 0 where there may be no edge: of an edge it doubts it expects "
        "less than the edge weighs. The order is told by the rank correlation."
    )


def show_scores(held: results.Opened) -> None:
    """Draw the table of methods and their curves."""
    table, words = score_table(held), words_of(held)
    split = held.result.split
    bold = table.style.apply(
        lambda row: ["font-weight: 700" if row["method"] == scores.title(results.MODEL) else ""] * len(row),
        axis=1,
    )
    show_methods(bold, {key: scores.metric(key) for key in shown_metrics(held)}, "%.3f", key="score_table")
    st.caption(
        f"Scored once on {words.tested(len(split.test))} and {words.tested_against(len(split.test_neg))} that "
        "neither the model nor a baseline has seen."
        + (" Recall and NDCG rank all columns of a row that it did not show." if held.on_matrix else "")
    )
    if reasons := baselines.explained(held.result.metrics.get("left_out", {})):
        st.caption(charts.plain(reasons))
    if "weights" in held.result.metrics:
        show_weights(held)
    curves = judged.curves(held.id)
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


# --------------------------------------------------------------------------- decisions
@frame.fragment()
def show_decisions(held: results.Opened) -> None:
    """Draw the threshold with everything that follows from it; moving it redraws only this part."""
    table, words = judged.thresholds(held.id), words_of(held)
    pairs = judged.tested(held.id)
    best = judged.start_threshold(held.id)
    threshold = st.slider(
        f"Threshold: predict an {words.one} at or above this probability",
        *decisions.THRESHOLDS, best or decisions.EVEN, decisions.THRESHOLD_STEP,
        key=f"threshold_{held.id}",
        help="Too few validation pairs to choose one by." if best is None
        else f"It starts at {best:.2f}, where F1 is highest on the validation pairs. The numbers below are of the test "
        "pairs, which did not choose it.",
    )  # fmt: skip
    counts = threshold_curves.confusion(pairs.y_true, pairs.probabilities, threshold)
    with st.grid(min_column_width=150, gap="small"):
        for name, value, text in (
            ("Precision", counts.precision, f"Share of the pairs called {words.many} that are."),
            ("Recall", counts.recall, f"Share of the {words.many} that are called so."),
            ("F1", counts.f1, "Harmonic mean of precision and recall."),
            ("Accuracy", counts.accuracy, "Share of the pairs called right."),
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
    st.caption(
        "Probabilities hold for as many edges as non-edges, as scored here. Among all pairs of a sparse "
        "graph edges are far rarer: read the rankings below by their order."
        if not held.on_matrix
        else "As many zeros as entries are scored here, of a matrix that holds far more zeros: a model that knows "
        "that looks over-cautious on these pairs."
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


# ---------------------------------------------------------------------------- rankings
def choose_search(held: results.Opened) -> LinkSearch:
    """Draw how missing links are ranked, the search for a name and, folded, the filters."""
    known = {setting.name: setting for setting in settings_of(LinkSearch)}

    def draw(name: str, *, disabled: bool = False) -> Any:
        return forms.field(known[name], known[name].default, f"missing_{name}", disabled=disabled)

    values: dict[str, Any] = {}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        values["ranking"] = draw("ranking")
        name = known["name"]
        values["name"] = st.text_input(
            name.title, placeholder="Type a part of a node's name", key="missing_links_filter",
            help=name.help, icon=":material/search:", width=420,
        )  # fmt: skip
        with st.popover("Filters", icon=":material/filter_list:"):
            if held.graph.labels is not None:
                left, right = st.columns(2)
                for column, one in ((left, "label"), (right, "other_label")):
                    with column:
                        values[one] = choose_label(held, known[one])
            left, right = st.columns(2)
            with left:
                values["least_degree"] = draw("least_degree")
            with right:
                values["most_degree"] = draw("most_degree")
            values["distance"] = draw("distance")
            ready = results.ready(held.id)
            community = draw("community", disabled=not ready)
            if ready:
                values["community"] = community
            else:
                st.caption("Communities of this large graph are still being computed.")
    return LinkSearch.from_dict(values)


def choose_label(held: results.Opened, setting: Setting) -> int:
    """Draw the list of labels and return the number of the chosen one."""
    names = held.graph.label_names
    return int(
        st.selectbox(
            setting.title, [setting.default, *range(len(names))], key=f"missing_{setting.name}", help=setting.help,
            format_func=lambda number: charts.visible(names[number]) if number >= 0 else "Any",
        )
    )  # fmt: skip


def missing(held: results.Opened, search: LinkSearch) -> pd.DataFrame | None:
    """Return the ranked non-edges; a large graph is searched in the background, on demand."""
    if held.graph.n_nodes <= link_search.EXACT_NODES:
        with st.spinner("Searching all pairs…", show_time=True):
            return results.missing_links(held.id, search)
    key = f"{held.id}|missing|{search}"
    made = background.result(key)
    if made is None:
        pairs = held.graph.n_pairs
        background.panel(
            "missing", key, "missing_links", lambda: results.link_search_inputs(held, search),
            label="Search all pairs", about=f"{pairs:,} pairs, in the background; this may take minutes.",
            seconds=link_search.SECONDS,
        )  # fmt: skip
        return None
    pairs = made[0]["pairs"]
    return link_tables.missing_table(held.graph, pairs, made[0]["logits"], held.result.weights(pairs))


def show_missing(held: results.Opened) -> None:
    """Draw the ranking of missing links, with what it goes by and the filters on it."""
    search = choose_search(held)
    table = missing(held, search)
    if table is None:
        return
    passing = " that pass the filters" if search.name or search.n_filters else ""
    if table.empty:
        st.caption(f"There are no pairs without an edge{passing}.")
        return
    st.caption(
        f"The first {len(table):,} pairs without an edge, searched among all pairs{passing}: links that may be missing "
        f"from the data, or come next. {charts.plain(link_filters.RANKINGS[search.ranking].help)}"
        + (
            " The network's own score chose the candidates that were ranked."
            if held.result.decoder or held.result.stack
            else ""
        )
    )
    draw_links(held, table, "missing_links")


def show_unlikely(held: results.Opened) -> None:
    """Draw the ranking of doubtful links, with a filter."""
    table = results.unlikely_links(held.id)
    part = st.text_input(
        "Only links of", placeholder="Type a part of a node's name", key="unlikely_links_filter",
        label_visibility="collapsed", icon=":material/search:",
    )  # fmt: skip
    shown = results.named(table, part, ["source", "target"])
    if part:
        st.caption(f"{len(shown):,} of {len(table):,} links match.")
    draw_links(held, shown, "unlikely_links")


@frame.fragment()
def draw_links(held: results.Opened, table: pd.DataFrame, name: str) -> None:
    """Draw a ranked table of pairs with downloads; selecting a row redraws only this part."""
    low, high = (float(table["logit"].min()), float(table["logit"].max())) if len(table) else (0.0, 0.0)
    event = st.dataframe(
        results.shown(table),
        column_config={
            "source": "From", "target": "To",
            "probability": st.column_config.NumberColumn(
                "Probability", format="%.4f", help="The decoder's, of an edge: sigmoid of the logit."
            ),
            "logit": st.column_config.ProgressColumn(
                "Logit", format="%.2f", help="The model's log odds of an edge.",
                min_value=low, max_value=high if high > low else low + 1,
            ),
            "surprise": st.column_config.NumberColumn(
                "Surprise (nats)", format="%.2f", help=link_filters.RANKINGS["surprise"].help
            ),
            "expected_weight": st.column_config.NumberColumn(
                "Expected weight", format="%.4g", help="By the network, with 0 for pairs without an edge."
            ),
            "weight": st.column_config.NumberColumn("Weight", format="%.4g", help="Of the edge in the data."),
            "shared_neighbours": st.column_config.NumberColumn(
                "Shared neighbours", help="Nodes that both are joined to."
            ),
            "source_degree": "Degree (from)", "target_degree": "Degree (to)",
            "source_label": "Label (from)", "target_label": "Label (to)",
            "part": st.column_config.Column("Part", help="Of the split. These scores are of the graph as it is."),
        },
        hide_index=True, width="stretch", height=420, key=f"{name}_table",
        on_select="rerun", selection_mode="single-row",
    )  # fmt: skip
    ends = zip(table["source"].astype(str), table["target"].astype(str), strict=True)
    scenarios.offer(held.id, event, list(ends), f"{name}_what_if")
    downloads(table, name)


def downloads(table: pd.DataFrame, name: str) -> None:
    """Draw the buttons that download a table, and the choice that goes with them."""
    protect = run_view.protect(name)
    frame.downloads(
        [
            frame.File(
                f"{name}_csv", "CSV", f"{name}.csv", "text/csv", lambda: table_files.to_csv(table, protect=protect)
            ),
            frame.File(
                f"{name}_parquet", "Parquet", f"{name}.parquet", "application/vnd.apache.parquet",
                lambda: table_files.to_parquet(table),
            ),
        ]
    )  # fmt: skip


def show_rankings(held: results.Opened) -> None:
    """Draw the three rankings, and what the model says of the visitor's own pairs."""
    first, second, third, mine = st.tabs(
        ["Most likely missing links", "Least likely links", "Worst nodes", "My pairs"]
    )
    with first:
        show_missing(held)
    with second:
        st.caption(
            "Existing edges that the model finds least likely: errors in the data, or connections between "
            "parts that otherwise have little in common."
            + (
                " The encoder has seen each of them, the held-out ones too, and doubts it all the same."
                if held.result.whole is not None
                else ""
            )
        )
        show_unlikely(held)
    with third:
        st.caption(
            "Nodes whose edges the model explains worst: mean cross-entropy of a node's edges and as many "
            "random non-edges, in nats per pair; 0.693 is a coin toss."
        )
        show_worst(held)
    with mine:
        my_pairs.show(held)


# ----------------------------------------------------------------------------- entries
def recommended(held: results.Opened) -> pd.DataFrame | None:
    """Return the ranked entries the matrix lacks; a large one is searched in the background, on demand."""
    cells = held.graph.n_nodes * held.graph.profile.n_features
    if cells <= entries.EXACT_CELLS:
        with st.spinner("Searching all entries…", show_time=True):
            return results.recommended(held.id)
    key = f"{held.id}|recommended"
    made = background.result(key)
    if made is None:
        background.panel(
            "recommended", key, "recommended", lambda: results.search_inputs(held),
            label="Search all entries", about=f"{cells:,} entries, in the background; this may take minutes.",
            seconds=link_search.SECONDS,
        )  # fmt: skip
        return None
    return link_tables.entry_table(held.graph, made[0]["pairs"], made[0]["logits"], held.result.head)


def show_entries(held: results.Opened, table: pd.DataFrame, name: str) -> None:
    """Draw a ranked table of entries with a filter and downloads."""
    part = st.text_input(
        "Only rows or columns named", placeholder="Type a part of a row's or column's name",
        key=f"{name}_filter", label_visibility="collapsed", icon=":material/search:",
    )  # fmt: skip
    shown = results.named(table, part, ["row", "column"])
    st.dataframe(
        results.shown(shown), column_config=scores.entry_columns(held.result.head), hide_index=True, width="stretch",
        height=420, key=f"{name}_table",
    )  # fmt: skip
    if part:
        st.caption(f"{len(shown):,} of {len(table):,} entries match.")
    downloads(shown, name)


@frame.fragment()
def show_one_row(held: results.Opened) -> None:
    """Draw what is recommended to one row, beside what it holds; another row redraws only this part."""
    row = next_links.choose(held)
    if row is None:
        return
    columns = scores.entry_columns(held.result.head)
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown("**Recommended**: columns it does not have, best first")
        best = results.recommended_to(held.id, row)
        event = st.dataframe(
            results.shown(best), column_config=columns, hide_index=True, width="stretch", key="row_best",
            on_select="rerun", selection_mode="single-row",
        )  # fmt: skip
        name = results.node_names(held.id)[row]
        scenarios.offer(held.id, event, [(name, str(column)) for column in best["column"]], "row_what_if")
        downloads(best, "recommended_to_row")
    with right:
        table = results.row_entries(held.id, row)
        st.markdown(f"**Its values** ({len(table):,})")
        st.dataframe(
            results.shown(table), column_config=columns, hide_index=True, width="stretch", key="row_values"
        )


def show_entry_rankings(held: results.Opened) -> None:
    """Draw the rankings of a matrix."""
    one, every, least, worst = st.tabs(
        ["Recommended to a row", "Most expected missing entries", "Least expected values", "Worst rows"]
    )
    with one:
        show_one_row(held)
    with every:
        table = recommended(held)
        if table is not None:
            st.caption(
                f"The {len(table):,} entries that the matrix lacks and the model expects most, searched among all "
                "rows: what may be missing from the data, or come next."
            )
            show_entries(held, table, "missing_entries")
    with least:
        st.caption(
            "Values of the matrix that the model expected least: errors in the data, or rows unlike all others."
            + (" It has seen each of them, held-out ones too." if held.result.whole is not None else "")
        )
        show_entries(held, results.unexpected(held.id), "unexpected_entries")
    with worst:
        st.caption(
            "Rows that the model explains worst: the mean loss of a row's values, held-out ones included."
        )
        show_worst(held)


def show_worst(held: results.Opened) -> None:
    """Draw the nodes or rows that are explained worst, with a filter and downloads."""
    if not results.ready(held.id):
        run_view.wait_for_columns(held.id)
        return
    part = st.text_input(
        f"Only {held.noun}s named", placeholder=f"Type a part of a {held.noun}'s name", key="worst_filter",
        label_visibility="collapsed", icon=":material/search:",
    )  # fmt: skip
    worst = results.named(results.worst_nodes(held.id), part, ["node"])
    st.dataframe(
        results.shown(worst), column_config=maps.columns(worst, held.noun), hide_index=True, width="stretch",
        height=420, key="worst_table",
    )  # fmt: skip
    downloads(worst, f"worst_{held.noun}s")


frame.header(
    "Reconstruction",
    "How well the model recovers held-out edges, and where it disagrees with the data.",
    of_run=True,
)
with frame.guard():
    held = run_view.opened()
    if held is not None:
        run_view.name_run(held)
        say_verdict(held)
        if not held.on_matrix:
            st.subheader("Likely links of one node", anchor=False)
            next_links.show(held)
        show_scores(held)
        if held.on_matrix and not held.result.head.of_probabilities:
            st.subheader("What the model expects", anchor=False)
            show_spread(held)
        else:
            st.subheader("Choose a threshold", anchor=False)
            show_decisions(held)
        st.subheader(
            "Recommended, and disputed" if held.on_matrix else "Missing and unlikely links", anchor=False
        )
        run_view.say_codes(held)
        show_entry_rankings(held) if held.on_matrix else show_rankings(held)
