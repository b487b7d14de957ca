"""Judge the reconstruction: scores beside baselines, decisions, and links with names on them."""

import pandas as pd
import streamlit as st

from dashboard import background, charts, frame, maps, results, scores
from vgae_core.analysis import metrics, reconstruction
from vgae_core.analysis.baselines import BASELINES
from vgae_core.runs import export

frame.require_router("reconstruction")


# ----------------------------------------------------------------------------- verdict
def say_verdict(held: results.Opened) -> None:
    """Say in plain words how the model stands against the best baseline."""
    found = results.comparison(held.id)
    best = scores.title(found.name)
    chance = f"A held-out edge scores above a random non-edge in **{found.model:.1%}** of cases"
    doubt = f"a difference below {found.margin:.1%}" if found.margin < 1 else "any difference"
    if found.outcome == "wins":
        st.success(
            f"{chance}; the best baseline, {best}, reaches {found.baseline:.1%}.",
            title="The model beats every training-free baseline",
            icon=":material/check_circle:",
        )
    elif found.outcome == "ties":
        st.info(
            f"{chance}; {best}, which needs no training, reaches {found.baseline:.1%}. "
            f"With {len(held.result.split.test):,} held-out edges, {doubt} may be chance.",
            title="The model and the best baseline are about equal",
            icon=":material/balance:",
        )
    elif found.outcome == "loses":
        st.warning(
            f"{chance}, but {best} reaches {found.baseline:.1%} without any training. For predicting "
            "links on this graph, use that. The codes may still be useful; a larger latent size, the other "
            "encoder or more patience may help the model.",
            title="A baseline wins",
            icon=":material/warning:",
        )
    else:
        st.info(f"{chance}.", title="No baseline to compare with", icon=":material/info:")


def score_table(held: results.Opened) -> pd.DataFrame:
    """Return one row a method, the best AUC first."""
    held_metrics = held.result.metrics
    rows = {results.MODEL: held_metrics["test"], **held_metrics.get("baselines", {})}
    table = pd.DataFrame(
        [
            {"method": scores.title(name), **{key: values.get(key) for key in metrics.METRICS},
             "how": BASELINES[name].help if name in BASELINES else "Trained on the training edges."}
            for name, values in rows.items()
        ]
    )  # fmt: skip
    return table.sort_values("roc_auc", ascending=False, ignore_index=True)


def show_scores(held: results.Opened) -> None:
    """Draw the table of methods and their curves."""
    table = score_table(held)
    split = held.result.split
    columns = {
        key: st.column_config.NumberColumn(entry.title, help=entry.help, format="%.3f")
        for key, entry in metrics.METRICS.items()
    }
    bold = table.style.apply(
        lambda row: ["font-weight: 700" if row["method"] == scores.title(results.MODEL) else ""] * len(row),
        axis=1,
    )
    st.dataframe(
        bold,
        column_config={"method": "Method", "how": st.column_config.Column("How", width="large"), **columns},
        hide_index=True,
        width="stretch",
        key="score_table",
    )
    st.caption(
        f"Scored once on {len(split.test):,} held-out edges and {len(split.test_neg):,} random non-edges "
        "that neither the model nor a baseline has seen."
    )
    curves = results.curves(held.id)
    rows = {results.MODEL: held.result.metrics["test"], **held.result.metrics.get("baselines", {})}
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown("**ROC** (area under the curve in the legend)")
        auc = {name: rows[name]["roc_auc"] for name in curves}
        charts.show(
            scores.roc(curves, auc), key="roc", height=460,
            alt="ROC curves of the model and the baselines; the areas are in the table above.",
        )  # fmt: skip
    with right:
        st.markdown("**Precision and recall** (average precision in the legend)")
        ap = {name: rows[name]["average_precision"] for name in curves}
        share = len(split.test) / max(len(split.test) + len(split.test_neg), 1)
        charts.show(
            scores.precision_recall(curves, ap, share), key="pr", height=460,
            alt="Precision-recall curves of the model and the baselines; the table above has the averages.",
        )  # fmt: skip


# --------------------------------------------------------------------------- decisions
@st.fragment
def show_decisions(held: results.Opened) -> None:
    """Draw the threshold with everything that follows from it; moving it redraws only this part."""
    table = results.thresholds(held.id)
    pairs = results.tested(held.id)
    best = reconstruction.best_threshold(table)
    threshold = st.slider(
        "Threshold: call a pair an edge from this probability on",
        0.0, 1.0, best, 0.01, key=f"threshold_{held.id}",
        help=f"It starts at {best:.2f}, where F1 is highest on these pairs.",
    )  # fmt: skip
    counts = metrics.confusion(pairs.y_true, pairs.probabilities, threshold)
    with st.container(horizontal=True):
        for name, value, text in (
            ("Precision", counts.precision, "Share of the pairs called edges that are edges."),
            ("Recall", counts.recall, "Share of the edges that are called edges."),
            ("F1", counts.f1, "Harmonic mean of precision and recall."),
            ("Accuracy", counts.accuracy, "Share of the pairs called right."),
        ):
            st.metric(name, f"{value:.1%}", help=text, border=True)
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown("**Score distributions**")
        charts.show(
            scores.distributions(results.distributions(held.id), threshold), key="distributions",
            alt="Histogram of the probabilities of held-out edges and non-edges.",
        )  # fmt: skip
        st.markdown("**Precision, recall and F1 over the threshold**")
        charts.show(
            scores.decisions(table, threshold), key="decisions",
            alt="Precision, recall and F1 for every threshold.",
        )  # fmt: skip
    with right:
        st.markdown("**Confusion matrix**")
        charts.show(
            scores.confusion(counts), key="confusion",
            alt=f"Confusion matrix: {counts.true_positives} edges found, {counts.false_negatives} missed, "
            f"{counts.false_positives} false alarms, {counts.true_negatives} non-edges right.",
        )  # fmt: skip
        found = results.calibration(held.id)
        st.markdown(f"**Calibration** (expected error {found.expected_error:.3f})")
        charts.show(
            scores.calibration(found), key="calibration",
            alt="Share of edges against predicted probability, with the diagonal of a perfect model.",
        )  # fmt: skip
    st.caption(
        "Probabilities hold for as many edges as non-edges, as scored here. Among all pairs of a sparse "
        "graph edges are far rarer: read the rankings below by their order."
    )


# ---------------------------------------------------------------------------- rankings
def missing(held: results.Opened) -> pd.DataFrame | None:
    """Return the ranked non-edges; a large graph is searched in the background, on demand."""
    if held.graph.n_nodes <= reconstruction.EXACT_NODES:
        with st.spinner("Searching all pairs…", show_time=True):
            return results.missing_links(held.id)
    key = f"{held.id}|missing"
    made = background.result(key)
    if made is None:
        pairs = held.graph.n_nodes * (held.graph.n_nodes - 1) // 2
        background.panel(
            "missing", key, "missing_links",
            lambda: (
                {"z": held.result.z_mean, "edges": held.graph.edges},
                {"k": reconstruction.RANKED, "directed": held.graph.directed},
            ),
            label="Search all pairs", about=f"{pairs:,} pairs, in the background; this may take minutes.",
            seconds=reconstruction.SECONDS,
        )  # fmt: skip
        return None
    return export.link_table(held.graph, made[0]["pairs"], made[0]["logits"])


def show_links(table: pd.DataFrame, name: str) -> None:
    """Draw a ranked table of pairs with a filter and downloads."""
    part = st.text_input(
        "Only links of", placeholder="Type a part of a node's name", key=f"{name}_filter",
        label_visibility="collapsed", icon=":material/search:",
    )  # fmt: skip
    shown = results.named(table, part, ["source", "target"])
    st.dataframe(
        shown,
        column_config={
            "source": "From", "target": "To",
            "probability": st.column_config.NumberColumn(
                "Probability", format="%.4f", help="The decoder's, of an edge: sigmoid of the logit."
            ),
            "logit": st.column_config.ProgressColumn(
                "Logit", format="%.2f", help="Inner product of the two codes; the ranking goes by it.",
                min_value=float(table["logit"].min()), max_value=float(table["logit"].max()),
            ),
            "shared_neighbours": st.column_config.NumberColumn(
                "Shared neighbours", help="Nodes that both are joined to."
            ),
            "source_degree": "Degree (from)", "target_degree": "Degree (to)",
            "source_label": "Label (from)", "target_label": "Label (to)",
            "part": st.column_config.Column("Part", help="The encoder saw training edges only."),
        },
        hide_index=True, width="stretch", height=420, key=f"{name}_table",
    )  # fmt: skip
    if part:
        st.caption(f"{len(shown):,} of {len(table):,} links match.")
    downloads(shown, name)


def downloads(table: pd.DataFrame, name: str) -> None:
    """Draw the buttons that download a table."""
    with st.container(horizontal=True):
        for title, suffix, mime, write in (
            ("CSV", "csv", "text/csv", export.to_csv),
            ("Parquet", "parquet", "application/vnd.apache.parquet", export.to_parquet),
        ):
            st.download_button(
                title, lambda write=write: write(table), file_name=f"{name}.{suffix}", mime=mime,
                icon=":material/download:", on_click="ignore", key=f"{name}_{suffix}",
            )  # fmt: skip


def show_rankings(held: results.Opened) -> None:
    """Draw the three rankings."""
    first, second, third = st.tabs(["Most likely missing links", "Least likely links", "Worst nodes"])
    with first:
        table = missing(held)
        if table is not None:
            st.caption(
                f"The {len(table):,} pairs without an edge that the model finds likeliest, searched among "
                "all pairs: links that may be missing from the data, or come next."
            )
            show_links(table, "missing_links")
    with second:
        st.caption(
            "Existing edges that the model finds least likely: errors in the data, or connections between "
            "parts that otherwise have little in common."
        )
        show_links(results.unlikely_links(held.id), "unlikely_links")
    with third:
        st.caption(
            "Nodes whose edges the model explains worst: mean cross-entropy of a node's edges and as many "
            "random non-edges, in nats a pair; 0.693 is a coin toss."
        )
        part = st.text_input(
            "Only nodes named", placeholder="Type a part of a node's name", key="worst_filter",
            label_visibility="collapsed", icon=":material/search:",
        )  # fmt: skip
        worst = results.named(results.worst_nodes(held.id), part, ["node"])
        st.dataframe(
            worst, column_config=maps.columns(worst), hide_index=True, width="stretch", height=420,
            key="worst_table",
        )  # fmt: skip
        downloads(worst, "worst_nodes")


frame.header(
    "Reconstruction", "How well held-out edges are told from non-edges, and what the model disputes."
)
with frame.guard():
    held = results.opened()
    if held is not None:
        results.name_run(held)
        say_verdict(held)
        show_scores(held)
        st.subheader("Choose a threshold", anchor=False)
        show_decisions(held)
        st.subheader("What the model disputes", anchor=False)
        show_rankings(held)
