"""What a finished run says, worked out once for all visitors: runs never change once they have ended."""

from __future__ import annotations

import hashlib
import logging
import threading
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from scipy import sparse

from dashboard.app import state
from dashboard.figures import charts
from dashboard.finished_runs.shared import KEPT, shared
from vgae_core import isolation
from vgae_core.analysis import (
    entries,
    latent_neighbours,
    linear_map,
    link_search,
    map_points,
    reconstruction,
)
from vgae_core.analysis.entry_scores import AT_ONCE_COLUMNS, EntryScores
from vgae_core.analysis.link_filters import LinkSearch
from vgae_core.catalogue.families import FamilyEntry
from vgae_core.data.dataset import GraphData
from vgae_core.data.edge_weights import edge_weights
from vgae_core.errors import StudioError
from vgae_core.host.limits import LIMITS
from vgae_core.runs.results import codes
from vgae_core.runs.results.result import Embedding, RunResult
from vgae_core.runs.store import worked_out
from vgae_core.runs.store.stored_run import StoredRun
from vgae_core.runs.views import first_view, link_tables, node_tables

log = logging.getLogger("vgae_studio")

MODEL = "model"
"""Key of the model's own scores beside those of the baselines."""

NETWORK = "network"
"""Key of the network's scores alone, where the model combines them with others."""

Inputs = tuple[dict[str, np.ndarray], dict[str, Any]]
"""Arrays and options of a background task."""

COLUMNS_KEPT = 64
"""Runs whose communities and reconstruction errors are kept: 8 bytes per node."""


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

    @property
    def family(self) -> FamilyEntry:
        """Its family of models: what has a code, and what is held out."""
        return self.result.family

    @property
    def noun(self) -> str:
        """What has a code."""
        return self.result.words.node


@shared
def _result(run_id: str) -> RunResult:
    run = state.store().open_run(run_id)
    return codes.completed(run.result(), run.graph(), most_nodes=LIMITS.answer_nodes)


def load(run_id: str) -> tuple[RunResult, GraphData]:
    """Return the result of a run, and the graph it was trained on."""
    return _result(run_id), graph_of(run_id)


def codes_of(run_id: str) -> Embedding:
    """Return the codes of a run that are shown: of all edges where it has them."""
    return _result(run_id).codes


def graph_of(run_id: str) -> GraphData:
    """Return the graph that a run was trained on, kept once for all runs of the same data."""
    run = state.store().open_run(run_id)
    return KEPT.get((run.dataset["fingerprint"], "graph"), run.graph)


# ------------------------------------------------------------------------------ nodes
_working: dict[str, Future[dict[str, np.ndarray]]] = {}
_working_lock = threading.Lock()
_turn = threading.Lock()


def costly(run_id: str) -> Future[dict[str, np.ndarray]]:
    """Return the :func:`vgae_core.runs.views.first_view.first_view` of a run, of a small graph the columns of nodes.

    Most runs bring it. Of others a child works it out, and it is kept with the run. Runs of all visitors take turns, so
    that no more than one such child is at work.
    """
    with _working_lock:
        future = _working.get(run_id)
        if future is not None:
            return future
        future = _working[run_id] = Future()
        done = [key for key, other in _working.items() if other.done()]
        for key in done[: max(0, len(_working) - COLUMNS_KEPT)]:
            del _working[key]
    try:
        run = state.store().open_run(run_id)
        kept = worked_out.load(run.path, worked_out.FIRST_VIEW)
        if kept is not None:
            future.set_result(kept[0])
            return future
        graph = run.graph()
        if graph.profile.n_edges > first_view.SMALL_EDGES:
            # No thread that the server would wait for when it ends.
            threading.Thread(target=_in_child, args=(run.path, run.graph_path, future), daemon=True).start()
        else:
            future.set_result(node_tables.node_columns(_result(run_id), graph))
    except BaseException as error:
        with _working_lock:
            del _working[run_id]
        future.set_exception(error)
        raise
    return future


def _in_child(run: Path, graph: Path, future: Future[dict[str, np.ndarray]]) -> None:
    limits = isolation.ChildLimits(memory_bytes=LIMITS.child_memory_bytes, seconds=first_view.SECONDS)
    try:
        with _turn:
            options = {"run": str(run), "graph": str(graph), "most_nodes": LIMITS.answer_nodes}
            columns, _ = isolation.call("first_view", options=options, limits=limits)
        future.set_result(columns)
    except BaseException as error:
        future.set_exception(error)
        return
    try:
        worked_out.save(run, worked_out.FIRST_VIEW, columns, {})
    except StudioError as error:  # the disk is full: it is worked out again after a restart
        log.warning("The first view of run %s is not kept: %s", run.name, error)


def ready(run_id: str) -> bool:
    """Return whether communities and reconstruction errors are in the node table; raise what kept them from it."""
    future = costly(run_id)
    return future.done() and future.exception() is None


def node_table(run_id: str) -> pd.DataFrame:
    """Return :func:`vgae_core.runs.views.node_tables.node_table` of a run, as far as it is worked out."""
    return _node_table(run_id, ready(run_id))


@shared
def _node_table(run_id: str, whole: bool) -> pd.DataFrame:
    return node_tables.node_table(*load(run_id), costly(run_id).result() if whole else {})


def whole_node_table(run_id: str) -> pd.DataFrame:
    """Return all of the node table of a run, however long it takes."""
    costly(run_id).result()
    return _node_table(run_id, True)


def node_rows(run_id: str) -> pa.Table:
    """Return the node table as browsers get it, page by page: text without what cannot be seen."""
    return _node_rows(run_id, ready(run_id))


@shared
def _node_rows(run_id: str, whole: bool) -> pa.Table:
    return pa.Table.from_pandas(shown(_node_table(run_id, whole)), preserve_index=False)


def shown(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table for the screen, its texts without control characters and turned directions."""
    safe = table.copy()
    for name in safe.columns:
        if pd.api.types.is_string_dtype(safe[name]) and charts.all_visible(safe[name].dropna().tolist()):
            continue
        if not pd.api.types.is_numeric_dtype(safe[name]):
            safe[name] = safe[name].map(charts.visible, na_action="ignore")
    return safe


@shared
def node_names(run_id: str) -> list[str]:
    """Return the name of every node as text."""
    return [str(name) for name in load(run_id)[1].node_ids]


@shared
def pca_map(run_id: str, dim: int, unit_length: bool) -> linear_map.Map:
    """Return the principal components of the codes of every node."""
    z = codes_of(run_id).z_mean
    return linear_map.pca(latent_neighbours.directions(z) if unit_length else z, dim)


def shown_nodes(run_id: str) -> np.ndarray:
    """Return the nodes drawn as points: all, or a sample fair to labels (else to communities, once they are known)."""
    return _shown_nodes(run_id, ready(run_id))


@shared
def _shown_nodes(run_id: str, whole: bool) -> np.ndarray:
    graph = load(run_id)[1]
    return map_points.sample_points(graph.n_nodes, fair_classes(run_id))


def fair_classes(run_id: str) -> np.ndarray:
    """Return the classes a sample is fair to: labels, else communities, else one class for all."""
    graph = load(run_id)[1]
    if graph.labels is not None:
        return graph.labels
    table = node_table(run_id)
    return table["community"].to_numpy() if "community" in table else np.zeros(len(table), np.int32)


def hover_texts(run_id: str, nodes: np.ndarray) -> np.ndarray:
    """Return what a point says of each node, escaped, as str objects."""
    digest = hashlib.blake2b(nodes.tobytes(), digest_size=16).digest()
    return KEPT.get((run_id, ready(run_id), digest, "hover_texts"), lambda: _hover_texts(run_id, nodes))


def _hover_texts(run_id: str, nodes: np.ndarray) -> np.ndarray:
    table = node_table(run_id).iloc[nodes]
    names = [f"<b>{charts.escape(name, 60)}</b>" for name in table["node"]]
    parts = [names]
    if "label" in table:
        parts.append([charts.escape(text, 40) for text in table["label"].fillna("no label")])
    if "degree" in table:
        parts.append([f"{count:,} neighbours" for count in table["degree"]])
    if "row_values" in table:
        parts.append([f"{count:,} values" for count in table["row_values"]])
    if "uncertainty" in table:
        parts.append([f"mean σ {value:.3f}" for value in table["uncertainty"]])
    if "reconstruction_error" in table:
        parts.append(
            [
                "no edges" if np.isnan(value) else f"error {value:.3f} nats"
                for value in table["reconstruction_error"]
            ]
        )
    elif "feature_error" in table:
        parts.append([f"error {value:.4f}" for value in table["feature_error"]])
    return np.array(["<br>".join(lines) for lines in zip(*parts, strict=True)], dtype=object)


def near_and_true(
    held: Opened, node: int, metric: latent_neighbours.Similarity
) -> tuple[pd.DataFrame, pd.DataFrame, int]:
    """Return the nearest codes of a node, its true neighbours, and how many of these come first.

    Parameters
    ----------
    held : Opened
    node : int
        Row of the node.
    metric : str
        Key of :data:`vgae_core.analysis.latent_neighbours.SIMILARITIES`.

    Returns
    -------
    near, true : DataFrame
        ``place, node, label`` (with labels), ``value``; `near` also ``edge`` where there is a graph:
        whether it is a true neighbour.
    hits : int
        True neighbours among as many nearest codes as there are true neighbours.
    """
    places, values = latent_neighbours.ranks(held.result.codes.z_mean, node, metric)
    friends = latent_neighbours.true_neighbours(held.graph, node)
    table = node_table(held.id)
    columns = ["node", "label"] if "label" in table else ["node"]
    order = np.argsort(places)
    near = order[1 : latent_neighbours.NEIGHBOURS + 1]
    friends = friends[np.argsort(places[friends])]

    def rows(nodes: np.ndarray) -> pd.DataFrame:
        found = table.iloc[nodes][columns].reset_index(drop=True)
        found.insert(0, "place", places[nodes])
        found["value"] = values[nodes]
        return found

    first = rows(near)
    if held.graph.has_edges:
        first["edge"] = np.isin(near, friends)
    return first, rows(friends), int((places[friends] <= len(friends)).sum())


# ------------------------------------------------------------------------------ links


@shared
def missing_links(run_id: str, search: LinkSearch) -> pd.DataFrame:
    """Return the non-edges that come first in a search, of a graph small enough to search at once."""
    result, graph = load(run_id)
    pairs, logits = result.missing_links(graph, link_search.RANKED, search, _communities(run_id, search))
    return link_tables.missing_table(graph, pairs, logits, result.weights(pairs))


def link_search_inputs(held: Opened, search: LinkSearch) -> Inputs:
    """Return arrays and options of the same search as a background task."""
    communities = _communities(held.id, search)
    return held.result.ranking_task(held.graph, link_search.RANKED, search, communities)


def _communities(run_id: str, search: LinkSearch) -> np.ndarray | None:
    """Return the community of every node, where a search needs it; they must have been worked out."""
    return None if search.community == "any" else whole_node_table(run_id)["community"].to_numpy()


@shared
def unlikely_links(run_id: str) -> pd.DataFrame:
    """Return the ranked edges, the least likely first, with the part of the split each was in."""
    result, graph = load(run_id)
    pairs, logits = link_search.unlikely_links(
        result.codes.z_mean, graph.edges, link_search.RANKED, score=result.link_scorer(graph)
    )
    weights = result.weights(pairs)
    table = link_tables.link_table(graph, pairs, logits, weights)
    if weights is not None:
        after = list(table).index("expected_weight") + 1
        table.insert(after, "weight", edge_weights(graph.adjacency, pairs))
    table["part"] = reconstruction.edge_parts(result.split, pairs, graph.n_nodes, directed=graph.directed)
    return table


def worst_nodes(run_id: str) -> pd.DataFrame:
    """Return the nodes with edges, or the rows, the worst reconstructed first, that column in front."""
    table = node_table(run_id)
    error = "reconstruction_error" if "reconstruction_error" in table else "feature_error"
    table = table.dropna(subset=[error]).sort_values(error, ascending=False, ignore_index=True)
    front = ["node", error]
    return table[front + [name for name in table if name not in front]].head(link_search.RANKED)


# ---------------------------------------------------------------------------- entries
@shared
def column_names(run_id: str) -> list[str]:
    """Return the name of every column as text."""
    return [str(name) for name in link_tables.column_names(load(run_id)[1])]


def matrix_of(graph: GraphData) -> sparse.csr_array:
    """Return the matrix whose entries are scored."""
    return sparse.csr_array(graph.features)


@shared
def entry_scores(run_id: str) -> EntryScores:
    """Return by what the columns of a row are ranked; of a wide matrix the network alone."""
    result, graph = load(run_id)
    return result.entry_scores(graph, most_columns=AT_ONCE_COLUMNS)


def scored_entries(run_id: str, pairs: np.ndarray, logits: np.ndarray | None = None) -> pd.DataFrame:
    """Return :func:`vgae_core.runs.views.link_tables.scored_entries` of some pairs (row, column)."""
    (result, graph), scores = load(run_id), entry_scores(run_id)
    given = scores(pairs) if logits is None else logits
    return link_tables.scored_entries(result, graph, pairs, given, combined=bool(scores.stack))


@shared
def recommended(run_id: str) -> pd.DataFrame:
    """Return the ranked entries that a matrix small enough to search at once lacks."""
    known, scores = matrix_of(graph_of(run_id)), entry_scores(run_id)
    pairs, products = entries.recommended(scores.left, scores.right, known, link_search.RANKED)
    return scored_entries(run_id, pairs, scores.logits(products))


def search_inputs(held: Opened) -> Inputs:
    """Return arrays and options of the search over all entries as a background task."""
    paths = {"run": str(held.run.path), "graph": str(held.run.graph_path)}
    return {}, {**paths, "k": link_search.RANKED}


@shared
def recommended_to(run_id: str, row: int) -> pd.DataFrame:
    """Return the columns that a row lacks, the one most expected first."""
    known, scores = matrix_of(graph_of(run_id)), entry_scores(run_id)
    columns, products = entries.recommended_to(scores.left, scores.right, known, row)
    pairs = np.column_stack([np.full(len(columns), row), columns])
    table = scored_entries(run_id, pairs, scores.logits(products))
    table.insert(0, "place", np.arange(1, len(table) + 1))
    return table.drop(columns=["row", "row_values", "row_label"], errors="ignore")


@shared
def row_entries(run_id: str, row: int) -> pd.DataFrame:
    """Return what a row has, the largest value first, with what the model expects of it."""
    result, graph = load(run_id)
    one = matrix_of(graph)[[row]]
    pairs, logits, nats = entries.unexpected(
        result.codes.left[row : row + 1], result.codes.right, one, one.nnz, result.head
    )
    pairs[:, 0] = row
    table = link_tables.entry_table(graph, pairs, logits, result.head, nats=nats)
    table["part"] = reconstruction.edge_parts(
        result.split, pairs, max(graph.n_nodes, len(result.right)), directed=True
    )
    table = table.sort_values(["value", "expected"], ascending=False, ignore_index=True)
    return table[["column", "value", "expected", "surprise", "part"]]


@shared
def unexpected(run_id: str) -> pd.DataFrame:
    """Return the ranked values the model expected least, with the part of the split each was in."""
    result, graph = load(run_id)
    codes = result.codes
    pairs, logits, nats = entries.unexpected(
        codes.left, codes.right, matrix_of(graph), link_search.RANKED, result.head
    )
    table = link_tables.entry_table(graph, pairs, logits, result.head, nats=nats)
    table["part"] = reconstruction.edge_parts(
        result.split, pairs, max(graph.n_nodes, len(result.right)), directed=True
    )
    return table


def named(table: pd.DataFrame, part: str, columns: list[str]) -> pd.DataFrame:
    """Return the rows in which one of `columns` contains `part`, whatever its case."""
    if not part:
        return table
    wanted = part.casefold()
    hit = [table[name].astype(str).str.casefold().str.contains(wanted, regex=False) for name in columns]
    return table[np.logical_or.reduce(hit)]
