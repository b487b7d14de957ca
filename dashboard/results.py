"""What a finished run says, worked out once for all visitors: runs never change once they have ended.

Every cache is keyed by the run's unguessable id and holds few entries, so that memory stays
bounded however many runs are looked at.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import charts, frame, state
from vgae_core.analysis import embedding, metrics, reconstruction
from vgae_core.data.dataset import GraphData
from vgae_core.runs import export
from vgae_core.runs.result import RunResult
from vgae_core.runs.store import StoredRun

MODEL = "model"
"""Key of the model's own scores beside those of the baselines."""


@dataclass(frozen=True, eq=False)
class Opened:
    """A run with a result, and the graph it was trained on."""

    run: StoredRun
    result: RunResult
    graph: GraphData

    @property
    def id(self) -> str:
        """The run's id, the key of every cache here."""
        return self.run.id


def opened() -> Opened | None:
    """Return the run at hand if it has a result; else say what is missing and return None."""
    run = state.current_run()
    if run is None:
        frame.empty(
            "No run yet",
            "Train a model first: it takes a few seconds on the sample graph.",
            "Train a model",
            "train",
        )
        return None
    if run.has_result:
        return Opened(run, run.result(), run.graph())
    info = run.info
    if info.active:
        frame.empty(
            "This run is still training",
            "Its results appear here as soon as it has ended.",
            "Watch it learn",
            "train",
        )
    else:
        frame.empty(
            f"This run has no result ({info.status})",
            charts.plain(info.message) or "It ended before there was anything to keep.",
            "Train again",
            "train",
        )
    return None


def name_run(held: Opened) -> None:
    """Draw the line that names the run, and say so where it was trained on other data than those loaded."""
    st.caption(
        f":material/hub: Run `{held.id}` · {held.result.z_mean.shape[1]} latent dimensions · "
        f"best epoch {held.result.finished.best_epoch:,}"
    )
    loaded = state.graph()
    if loaded is None or loaded.fingerprint != held.graph.fingerprint:
        st.info(
            f"It was trained on {charts.plain(held.graph.name, 60)} ({held.graph.n_nodes:,} nodes, "
            f"{held.graph.profile.n_edges:,} edges); everything on this page is about that graph.",
            title="This run belongs to other data than those loaded now",
            icon=":material/info:",
        )


def _open(run_id: str) -> tuple[RunResult, GraphData]:
    run = state.store().open_run(run_id)
    return run.result(), run.graph()


# ------------------------------------------------------------------------------ nodes
@st.cache_data(max_entries=8, show_spinner=False)
def node_table(run_id: str) -> pd.DataFrame:
    """Return :func:`vgae_core.runs.export.node_table` of a run."""
    return export.node_table(*_open(run_id))


@st.cache_data(max_entries=8, show_spinner=False)
def node_names(run_id: str) -> list[str]:
    """Return the name of every node as text."""
    return [str(name) for name in _open(run_id)[1].node_ids]


@st.cache_data(max_entries=16, show_spinner=False)
def pca_map(run_id: str, dim: int, unit_length: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return coordinates (n_nodes, dim) of every node and the share of variance of each axis."""
    z = _open(run_id)[0].z_mean
    found = embedding.pca(embedding.directions(z) if unit_length else z, dim)
    return found.coordinates, found.explained


@st.cache_data(max_entries=8, show_spinner=False)
def shown_nodes(run_id: str) -> np.ndarray:
    """Return the nodes drawn as points: all, or a sample fair to labels (else to communities)."""
    graph = _open(run_id)[1]
    return embedding.sample_points(graph.n_nodes, fair_classes(run_id))


def fair_classes(run_id: str) -> np.ndarray:
    """Return the classes a sample is fair to: labels, else communities."""
    graph = _open(run_id)[1]
    return graph.labels if graph.labels is not None else node_table(run_id)["community"].to_numpy()


@st.cache_data(max_entries=8, show_spinner=False)
def hover_texts(run_id: str, nodes: np.ndarray) -> np.ndarray:
    """Return what a point says of each node, escaped, as str objects."""
    table = node_table(run_id).iloc[nodes]
    names = [f"<b>{charts.escape(name, 60)}</b>" for name in table["node"]]
    parts = [names]
    if "label" in table:
        parts.append([charts.escape(text, 40) for text in table["label"].fillna("no label")])
    parts.append([f"{count:,} neighbours" for count in table["degree"]])
    if "uncertainty" in table:
        parts.append([f"mean σ {value:.3f}" for value in table["uncertainty"]])
    parts.append(
        [
            "no edges" if np.isnan(value) else f"error {value:.3f} nats"
            for value in table["reconstruction_error"]
        ]
    )
    return np.array(["<br>".join(lines) for lines in zip(*parts, strict=True)], dtype=object)


def near_and_true(
    held: Opened, node: int, metric: embedding.Similarity
) -> tuple[pd.DataFrame, pd.DataFrame, int]:
    """Return the nearest codes of a node, its true neighbours, and how many of these come first.

    Parameters
    ----------
    held : Opened
    node : int
        Row of the node.
    metric : str
        Key of :data:`vgae_core.analysis.embedding.SIMILARITIES`.

    Returns
    -------
    near, true : DataFrame
        ``place, node, label`` (with labels), ``value``; `near` also ``edge``: whether it is
        a true neighbour.
    hits : int
        True neighbours among as many nearest codes as there are true neighbours.
    """
    places, values = embedding.ranks(held.result.z_mean, node, metric)
    friends = embedding.true_neighbours(held.graph, node)
    table = node_table(held.id)
    columns = ["node", "label"] if "label" in table else ["node"]
    order = np.argsort(places)
    near = order[1 : embedding.NEIGHBOURS + 1]
    friends = friends[np.argsort(places[friends])]

    def rows(nodes: np.ndarray) -> pd.DataFrame:
        found = table.iloc[nodes][columns].reset_index(drop=True)
        found.insert(0, "place", places[nodes])
        found["value"] = values[nodes]
        return found

    first = rows(near)
    first["edge"] = np.isin(near, friends)
    return first, rows(friends), int((places[friends] <= len(friends)).sum())


# ------------------------------------------------------------------------------ links
@dataclass(frozen=True, eq=False)
class Tested:
    """The held-out pairs: what they are and what the model says of them."""

    y_true: np.ndarray
    probabilities: np.ndarray


@st.cache_data(max_entries=8, show_spinner=False)
def tested(run_id: str) -> Tested:
    """Return the test pairs of a run, edges first."""
    result, _ = _open(run_id)
    n_edges = len(result.split.test)
    y_true = np.arange(n_edges + len(result.split.test_neg)) < n_edges
    return Tested(y_true, reconstruction.probabilities(result.scores[MODEL]))


@st.cache_data(max_entries=8, show_spinner=False)
def comparison(run_id: str) -> reconstruction.Comparison:
    """Return how the model stands against the best baseline."""
    return reconstruction.compare(tested(run_id).y_true, _open(run_id)[0].scores)


@st.cache_data(max_entries=8, show_spinner=False)
def curves(run_id: str) -> dict[str, tuple[metrics.Roc, metrics.PrecisionRecall]]:
    """Return the ROC and precision-recall curves of the model and of every baseline."""
    result, _ = _open(run_id)
    y_true = tested(run_id).y_true
    return {
        name: (metrics.roc(y_true, scores), metrics.precision_recall(y_true, scores))
        for name, scores in result.scores.items()
    }


@st.cache_data(max_entries=8, show_spinner=False)
def thresholds(run_id: str) -> pd.DataFrame:
    """Return :func:`vgae_core.analysis.reconstruction.threshold_table` of the test pairs."""
    held = tested(run_id)
    return reconstruction.threshold_table(held.y_true, held.probabilities)


@st.cache_data(max_entries=8, show_spinner=False)
def missing_links(run_id: str) -> pd.DataFrame:
    """Return the ranked non-edges of a graph small enough to search at once."""
    result, graph = _open(run_id)
    pairs, logits = reconstruction.missing_links(
        result.z_mean, graph.adjacency, reconstruction.RANKED, directed=graph.directed
    )
    return export.link_table(graph, pairs, logits)


@st.cache_data(max_entries=8, show_spinner=False)
def unlikely_links(run_id: str) -> pd.DataFrame:
    """Return the ranked edges, the least likely first, with the part of the split each was in."""
    result, graph = _open(run_id)
    pairs, logits = reconstruction.unlikely_links(result.z_mean, graph.edges, reconstruction.RANKED)
    table = export.link_table(graph, pairs, logits)
    table["part"] = reconstruction.edge_parts(result.split, pairs, graph.n_nodes, directed=graph.directed)
    return table


@st.cache_data(max_entries=8, show_spinner=False)
def distributions(run_id: str) -> pd.DataFrame:
    """Return :func:`vgae_core.analysis.reconstruction.score_histogram` of the test pairs."""
    held = tested(run_id)
    return reconstruction.score_histogram(held.y_true, held.probabilities)


@st.cache_data(max_entries=8, show_spinner=False)
def calibration(run_id: str) -> metrics.Calibration:
    """Return the calibration of the test pairs."""
    held = tested(run_id)
    return metrics.calibration(held.y_true, held.probabilities)


def worst_nodes(run_id: str) -> pd.DataFrame:
    """Return the nodes with edges, the worst reconstructed first, that column in front."""
    table = node_table(run_id).dropna(subset=["reconstruction_error"])
    table = table.sort_values("reconstruction_error", ascending=False, ignore_index=True)
    front = ["node", "reconstruction_error"]
    return table[front + [name for name in table if name not in front]].head(reconstruction.RANKED)


def named(table: pd.DataFrame, part: str, columns: list[str]) -> pd.DataFrame:
    """Return the rows in which one of `columns` contains `part`, whatever its case."""
    if not part:
        return table
    wanted = part.casefold()
    hit = [table[name].astype(str).str.casefold().str.contains(wanted, regex=False) for name in columns]
    return table[np.logical_or.reduce(hit)]
