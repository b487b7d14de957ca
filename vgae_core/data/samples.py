"""Graphs to start with: shipped, generated, or fetched on demand and checked."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import sparse

from vgae_core.catalogue.base import nearest
from vgae_core.data.arrays import load_graph
from vgae_core.data.dataset import RawGraph
from vgae_core.data.findings import Finding
from vgae_core.errors import DataError

FILES = Path(__file__).parent / "files"


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One sample, with what a list shows of it."""

    name: str
    title: str
    help: str
    licence: str
    n_nodes: int
    n_edges: int
    load: Callable[[], RawGraph]
    online: bool = False
    """Whether it is fetched from the network the first time."""


def load_sample(name: str) -> RawGraph:
    """Return the sample called `name`.

    Parameters
    ----------
    name : str
        A key of :data:`SAMPLES`.

    Returns
    -------
    RawGraph

    Raises
    ------
    DataError
        If there is no such sample, or it must be fetched and cannot be.
    """
    if name not in SAMPLES:
        raise DataError(f"No sample is called {name!r}.{nearest(name, SAMPLES)}", where="samples")
    return SAMPLES[name].load()


# --------------------------------------------------------------------------------- shipped
def _import_graph() -> RawGraph:
    graph = load_graph(FILES / "import_graph.npz")
    if not isinstance(graph, RawGraph):
        raise DataError(
            "The sample that came with this installation was made by another version.",
            mend="Install VGAE Studio again.",
        )
    return graph


def _as_matrix(graph: RawGraph, name: str, row: str) -> RawGraph:
    """Return the features of a sample as a matrix of rows x columns, without its edges."""
    none = np.zeros(0, np.int64)
    return dataclasses.replace(
        graph,
        name=name,
        rows=none,
        cols=none,
        weights=None,
        format=f"sample ({row} x columns)",
        findings=(),
    )


def _import_words() -> RawGraph:
    return _as_matrix(_import_graph(), "Words of Python modules", "modules")


def _digit_pixels() -> RawGraph:
    return _as_matrix(_digits(), "Digits, pixel by pixel", "images")


def _karate_club() -> RawGraph:
    import networkx as nx

    graph = nx.karate_club_graph()
    edges = np.array(graph.edges, dtype=np.int64)
    clubs = sorted(set(nx.get_node_attributes(graph, "club").values()))
    return RawGraph(
        name="Zachary's karate club",
        rows=edges[:, 0].copy(),
        cols=edges[:, 1].copy(),
        weights=np.array([w for _, _, w in graph.edges(data="weight")], dtype=np.float32),
        node_ids=np.array([f"member {i}" for i in graph], dtype=object),
        directed=False,
        symmetric=True,
        format="sample",
        labels=np.array([clubs.index(graph.nodes[i]["club"]) for i in graph], dtype=np.int32),
        label_names=tuple(clubs),
    )


def _digits() -> RawGraph:
    from sklearn.datasets import load_digits
    from sklearn.neighbors import kneighbors_graph

    digits = load_digits()
    near = sparse.coo_array(kneighbors_graph(digits.data, n_neighbors=8))
    pairs = np.unique(np.sort(np.column_stack([near.row, near.col]), axis=1).astype(np.int64), axis=0)
    return RawGraph(
        name="Digits, 8 nearest neighbours",
        rows=pairs[:, 0].copy(),
        cols=pairs[:, 1].copy(),
        weights=None,
        node_ids=np.array([f"image {i}" for i in range(len(digits.data))], dtype=object),
        directed=False,
        symmetric=True,
        format="sample",
        features=sparse.csr_array(digits.data.astype(np.float32)),
        feature_names=tuple(digits.feature_names),
        labels=digits.target.astype(np.int32),
        label_names=tuple(str(k) for k in range(10)),
        findings=(
            Finding(
                code="easy",
                level="info",
                message="Edges were computed from the features, so link scores are high by construction.",
            ),
        ),
    )


# ------------------------------------------------------------------------------- generated
def generate_communities(
    *,
    n_communities: int = 8,
    size: int = 100,
    p_in: float = 0.08,
    p_out: float = 0.004,
    n_words: int = 200,
    words_per_node: int = 12,
    seed: int = 0,
) -> RawGraph:
    """Return a graph whose communities are known, with features that hint at them.

    Two nodes are joined with probability `p_in` inside a community and `p_out` across
    (planted partition).  Each community favours an equal share of the words: half of a
    node's draws come from that share, half from all words.

    Parameters
    ----------
    n_communities, size : int
        Number of communities and nodes in each.
    p_in, p_out : float
        Probability of an edge inside and across communities.
    n_words, words_per_node : int
        Number of binary features, and draws a node.
    seed : int
        Same arguments, same graph.

    Returns
    -------
    RawGraph
        Labels are the true communities.

    References
    ----------
    Condon & Karp 2001, Algorithms for graph partitioning on the planted partition model,
    doi:10.1002/1098-2418(200103)18:2<116::AID-RSA1001>3.0.CO;2-2.
    """
    rng = np.random.default_rng(seed)
    n = n_communities * size
    community = np.repeat(np.arange(n_communities), size)
    rows, cols = np.triu_indices(n, 1)
    joined = rng.random(len(rows)) < np.where(community[rows] == community[cols], p_in, p_out)
    share = n_words // n_communities
    own = rng.integers(share, size=(n, words_per_node)) + community[:, None] * share
    drawn = np.where(
        rng.random((n, words_per_node)) < 0.5, own, rng.integers(n_words, size=(n, words_per_node))
    )
    features = sparse.csr_array(
        (
            np.ones(drawn.size, dtype=np.float32),
            (np.repeat(np.arange(n), words_per_node), drawn.ravel()),
        ),
        shape=(n, n_words),
    )
    features.sum_duplicates()
    features.data[:] = 1.0
    return RawGraph(
        name="Communities (generated)",
        rows=rows[joined].astype(np.int64),
        cols=cols[joined].astype(np.int64),
        weights=None,
        node_ids=np.array([f"c{c}-{i % size}" for i, c in enumerate(community)], dtype=object),
        directed=False,
        symmetric=True,
        format="sample",
        features=features,
        feature_names=tuple(f"word {k}" for k in range(n_words)),
        labels=community.astype(np.int32),
        label_names=tuple(f"community {c}" for c in range(n_communities)),
    )


# --------------------------------------------------------------------------------- fetched
_PLANETOID_URL = (
    "https://raw.githubusercontent.com/kimiyoung/planetoid/af6abf468a772cc055bec88c52e4d6f51b7c37e3/data/"
)
_TIMEOUT = 20.0
"""Seconds without an answer after which the network counts as absent."""

_SHA256 = {
    "ind.citeseer.allx": "2ac30345d95c9ec933a817ee0bdd6a5f077f8c184a20e696910192d534414668",
    "ind.citeseer.ally": "f704b2d986dde6c2669934de1f3ae5696a6cf9455c0f6b2646a2d135ea0a1c95",
    "ind.citeseer.graph": "d79a4ef9d3e7169aee8946145f6b7306e35bc79bffad26346cfb94e10e9912a7",
    "ind.citeseer.test.index": "2af990671580b6b2df5d158d1038f8292e30c9cd821b5453f399659b25b723d4",
    "ind.citeseer.tx": "539a8906a2da97628d212f2fdd668c109a8b3f0d36574b59e5d3fd5b5303da21",
    "ind.citeseer.ty": "55e5bd1ba1e733a04598753ad1a8d57957f4b8f89e74519f41f4f4938767e4ce",
    "ind.citeseer.x": "d20de19150741e555de0ed037195630fc194114ebc7fd72ced62810148aa22f6",
    "ind.citeseer.y": "8ba87e515d8e3ee3cf52f6d2c5b86aa73f11ecad825a808455209ec26cd54924",
    "ind.cora.allx": "9419ba2f26f5c35243db64aba110e0f35a04851609e0dc5433450676ca6b8543",
    "ind.cora.ally": "2b998f5cc7fedc86e7f97ca2498f47a1ffc1462c29e2d578b23bf3f62b6e7d71",
    "ind.cora.graph": "58f13302f39dde8852dad6fe6d15b89b077b6d7f837626bce671ef80344b383d",
    "ind.cora.test.index": "297ce89af2b51a6a194181c7dbe1796c6a1cf9cd9349a88383b1b1e227867875",
    "ind.cora.tx": "b9afbaa4a400df991f6f02ef677e1e44da55ffc04801fd02f9e673987829226a",
    "ind.cora.ty": "41f5ac76596a1699cc33f53084a2419e92961c42bb75f36fc38e616d348532ad",
    "ind.cora.x": "23cfa55d91c6f624233f5eb7b6e3f141f1bd2b2ae39608a63cf5d084bb27baab",
    "ind.cora.y": "94465c14eb53e04ca262198dcbb2521ee8af60fb3f3d546cd6ca24a511b0e7d1",
    "ind.pubmed.allx": "508e538e2abdccdd54c4d3e9f49d638b4af7107d85845f66ddea5a5152658b7e",
    "ind.pubmed.ally": "0c37bbe3b5014ec365e9d393cf4791925e5ed94fb194305d74f064a8d7b50f0e",
    "ind.pubmed.graph": "5b89f0036ca22909471f1e6558eb42fa06e0c730a577bde5b058b40638f81dc9",
    "ind.pubmed.test.index": "b101d421688bbaecbd82e8a18f1e282378d6830f3a37666f28ebc47f844341b5",
    "ind.pubmed.tx": "4eb5f5d0f30f26497eb0ac6ac9719d09c67e284f1ed0385c93f3ef27a671da3d",
    "ind.pubmed.ty": "ee2e0d4819d9fbcc403689c3bf2e49face401b605932f093bc58ab6461130fdd",
    "ind.pubmed.x": "fbe9cb5c47200d1b7769a26e579be3b7130b556831f9d850e77c4c74f2599b33",
    "ind.pubmed.y": "e6c807633307a07ed659249006536a147c7999c797f11a2560752990181b41b3",
}
"""SHA-256 of every file fetched: what is read is what was checked."""


def download_folder() -> Path:
    """Return where fetched files are kept: under VGAE_STUDIO_HOME if set, else the user's cache."""
    import pooch

    home = os.environ.get("VGAE_STUDIO_HOME")
    return Path(home) / "downloads" if home else Path(pooch.os_cache("vgae-studio"))


def _planetoid(key: str, title: str) -> Callable[[], RawGraph]:
    """Return the loader of one Planetoid data set."""

    def load() -> RawGraph:
        import pooch

        pooch.get_logger().setLevel("WARNING")
        from vgae_core.data.readers.arrays.planetoid import (
            read_planetoid,  # readers take half a second to import
        )

        names = {name.removeprefix(f"ind.{key}."): name for name in _SHA256 if name.startswith(f"ind.{key}.")}
        fetcher = pooch.create(
            path=download_folder(),
            base_url=_PLANETOID_URL,
            registry={name: f"sha256:{_SHA256[name]}" for name in names.values()},
        )
        files = {}
        for part, name in names.items():
            try:
                files[part] = Path(fetcher.fetch(name, downloader=pooch.HTTPDownloader(timeout=_TIMEOUT)))
            except OSError as error:  # every error of requests is one, and so is a full disk
                raise DataError(
                    f"{title} is downloaded on first use, and the download failed.",
                    where=name,
                    mend="Check the network connection and try again, or choose another sample.",
                ) from error
            except ValueError as error:  # the hash differs
                raise DataError(
                    f"{title} was downloaded, but the file is not the expected one (SHA-256 differs).",
                    where=name,
                    mend="Try again later; the file was discarded.",
                ) from error
        return read_planetoid(files, name=title)

    return load


_LICENCE_PLANETOID = "MIT (repository kimiyoung/planetoid); licence of the underlying corpus not stated"

SAMPLES: dict[str, Sample] = {
    sample.name: sample
    for sample in (
        Sample(
            name="import-graph",
            title="Python import graph",
            help="Modules of scikit-learn, networkx, scipy and pandas, linked where one imports another. "
            "Features: words of their identifiers. Labels: subpackages.",
            licence="Names only, from BSD-3-Clause packages",
            n_nodes=1406,
            n_edges=6883,
            load=_import_graph,
        ),
        Sample(
            name="import-words",
            title="Words of Python modules (matrix)",
            help="A matrix without a graph: which of 2,670 words occur in the identifiers of 1,406 modules. "
            "Labels: subpackages.",
            licence="Names only, from BSD-3-Clause packages",
            n_nodes=1406,
            n_edges=0,
            load=_import_words,
        ),
        Sample(
            name="karate-club",
            title="Zachary's karate club",
            help="34 members of a club that split in two; weights count shared activities. No features.",
            licence="BSD-3-Clause (networkx); data of Zachary 1977",
            n_nodes=34,
            n_edges=78,
            load=_karate_club,
        ),
        Sample(
            name="digits-8nn",
            title="Digits, 8 nearest neighbours",
            help="Handwritten digits, each linked to its 8 nearest. Easy by construction: edges were computed from "
            "the features.",
            licence="BSD-3-Clause (scikit-learn); data of the UCI repository",
            n_nodes=1797,
            n_edges=9928,
            load=_digits,
        ),
        Sample(
            name="digits-pixels",
            title="Digits, pixel by pixel (matrix)",
            help="A matrix without a graph: 1,797 handwritten digits x 64 pixels, shades from 0 to 16. "
            "Labels: the digits.",
            licence="BSD-3-Clause (scikit-learn); data of the UCI repository",
            n_nodes=1797,
            n_edges=0,
            load=_digit_pixels,
        ),
        Sample(
            name="communities",
            title="Communities (generated)",
            help="A random graph of eight communities of 100 nodes: the true communities are known, so results can "
            "be checked.",
            licence="Generated",
            n_nodes=800,
            n_edges=4254,
            load=generate_communities,
        ),
        Sample(
            name="cora",
            title="Cora",
            help="Machine-learning papers and their citations; features: words; labels: topics.",
            licence=_LICENCE_PLANETOID,
            n_nodes=2708,
            n_edges=5278,
            load=_planetoid("cora", "Cora"),
            online=True,
        ),
        Sample(
            name="citeseer",
            title="CiteSeer",
            help="Computer-science papers and their citations; features: words; labels: topics.",
            licence=_LICENCE_PLANETOID,
            n_nodes=3327,
            n_edges=4552,
            load=_planetoid("citeseer", "CiteSeer"),
            online=True,
        ),
        Sample(
            name="pubmed",
            title="PubMed",
            help="Papers on diabetes and their citations; features: TF-IDF of words; labels: types of diabetes.",
            licence=_LICENCE_PLANETOID,
            n_nodes=19717,
            n_edges=44324,
            load=_planetoid("pubmed", "PubMed"),
            online=True,
        ),
    )
}
"""Every sample, in the order lists show them; the first one is the default."""
