"""Maps that take a while: t-SNE and UMAP, written to run in a child process that can be ended.

The libraries are imported inside the functions: UMAP compiles itself with numba (seconds and
hundreds of megabytes), which neither the server nor the command line should pay for.
"""

from __future__ import annotations

import contextlib
import io
import re
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from vgae_core.analysis.latent_neighbours import directions
from vgae_core.analysis.linear_map import pca
from vgae_core.analysis.map_points import MAX_POINTS, sample_points
from vgae_core.catalogue.base import Entry
from vgae_core.errors import DataError
from vgae_core.settings.fields import Section, field_of

Report = Callable[[float, str], None]

METHODS: dict[str, Entry] = {
    "pca": Entry(
        title="PCA",
        help="The directions of largest variance: linear, instant, and distances are meaningful.",
        reference="Pearson 1901, On lines and planes of closest fit to systems of points in space",
    ),
    "tsne": Entry(
        title="t-SNE",
        help="Keeps small neighbourhoods; sizes of groups and distances between them mean little.",
        reference="van der Maaten & Hinton 2008, Visualizing Data using t-SNE",
    ),
    "umap": Entry(
        title="UMAP",
        help="Keeps neighbourhoods and more of the coarse shape; distances between groups mean little.",
        reference="McInnes, Healy & Melville 2018, arXiv:1802.03426",
    ),
    "axes": Entry(
        title="Latent axes",
        help="Two latent dimensions unchanged, in units of the prior's standard deviation.",
    ),
}

SECONDS = 900.0
"""Time a map may take; who waits for it can cancel it."""

MIN_NODES = 5
PCA_FIRST = 50  # longer codes are shortened first: noise goes, the search for neighbours is quick


@dataclass(frozen=True, kw_only=True)
class ProjectionSpec(Section):
    """A map of the latent codes: same settings and codes, same map."""

    method: str = field_of("pca", "How latent codes become a map.", title="Map", catalogue=METHODS)
    dim: int = field_of(
        2,
        "Points can be selected on a map of two; a map of three can be turned.",
        title="Dimensions",
        low=2,
        high=3,
        step=1,
    )
    perplexity: float = field_of(
        30.0,
        "t-SNE: effective number of neighbours. Small shows fine detail, large the coarse shape.",
        title="Perplexity",
        low=2.0,
        high=200.0,
        step=1.0,
    )
    n_neighbors: int = field_of(
        15,
        "UMAP: neighbours of each node. Small shows fine detail, large the coarse shape.",
        title="Neighbours",
        low=2,
        high=200,
        step=1,
    )
    min_dist: float = field_of(
        0.1,
        "UMAP: how closely points may be packed together.",
        title="Least distance",
        low=0.0,
        high=0.99,
        step=0.05,
    )
    unit_length: bool = field_of(
        True,
        "Scale every code to length 1, so that only directions count: nodes with many edges have long codes "
        "and would otherwise take most of the map.",
        title="Directions only",
    )
    axis_x: int = field_of(
        1, "The latent dimension from left to right.", title="Axis across", low=1, high=100_000
    )
    axis_y: int = field_of(
        2, "The latent dimension from bottom to top.", title="Axis up", low=1, high=100_000
    )
    max_points: int = field_of(
        MAX_POINTS,
        "Largest number of nodes to map; of more, a sample that keeps the share of each class.",
        title="Nodes at most",
        low=100,
        high=100_000,
        step=1000,
    )
    seed: int = field_of(0, "Fixes the sample and the map.", title="Seed", low=0, high=2**31 - 1, step=1)


def project(
    z: np.ndarray, spec: ProjectionSpec, *, by: np.ndarray | None = None, progress: Report | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return a map of the latent codes, or of a fair sample of them.

    Parameters
    ----------
    z : ndarray of float32, shape (n_nodes, latent_dim)
        Latent codes.
    spec : ProjectionSpec
        Method and settings; perplexity and neighbours are lowered where there are too few nodes.
    by : ndarray of int, shape (n_nodes,), optional
        Class of each node, for a fair sample.
    progress : callable, optional
        Told the share done, 0 to 1, and what is being done.

    Returns
    -------
    coordinates : ndarray of float32, shape (n_points, dim)
    index : ndarray of int64, shape (n_points,)
        The node of each point, ascending.

    Raises
    ------
    DataError
        If there are fewer than five nodes, or `z` is not finite.
    """
    report = progress or (lambda share, message: None)
    if len(z) < MIN_NODES:
        raise DataError(f"A map needs at least {MIN_NODES} nodes. Received: {len(z)}.", mend="Use PCA.")
    if not np.isfinite(z).all():
        raise DataError("The latent codes hold values that are not finite.", mend="Train the run again.")
    index = sample_points(len(z), by, spec.max_points, spec.seed)
    codes = np.ascontiguousarray(z[index], dtype=np.float32)
    if spec.unit_length:  # on the unit sphere the straight distance orders as the angle does
        codes = directions(codes)
    if spec.method == "axes":
        return raw_axes(z[index], spec), index
    if spec.method == "pca":
        return pca(codes, spec.dim).coordinates, index
    if codes.shape[1] > PCA_FIRST and len(codes) > PCA_FIRST:
        report(0.0, "Shortening the codes")
        codes = pca(codes, PCA_FIRST).coordinates
    start = np.zeros((len(codes), spec.dim), dtype=np.float32)
    start[:] = pca(codes, spec.dim).coordinates
    spread = float(start[:, 0].std())
    if spread > 0:  # both libraries expect a small start; points exactly on top of each other never part
        start *= 1e-4 / spread
    start += np.random.default_rng(spec.seed).normal(scale=1e-6, size=start.shape).astype(np.float32)
    coordinates = (_tsne if spec.method == "tsne" else _umap)(codes, start, spec, report)
    return np.ascontiguousarray(coordinates, dtype=np.float32), index


def raw_axes(z: np.ndarray, spec: ProjectionSpec) -> np.ndarray:
    """Return the latent dimensions that a specification names; float32, shape (n_nodes, dim).

    A third is the next after both; of a code that is too short, the last one.

    Raises
    ------
    DataError
        If the codes have no such dimension.
    """
    width = z.shape[1]
    for axis in (spec.axis_x, spec.axis_y):
        if axis > width:
            raise DataError(f"The codes have {width} latent dimensions. Received: axis {axis}.")
    axes = [spec.axis_x, spec.axis_y, min(max(spec.axis_x, spec.axis_y) + 1, width)]
    return np.ascontiguousarray(z[:, [axis - 1 for axis in axes[: spec.dim]]], dtype=np.float32)


def project_task(
    arrays: Mapping[str, np.ndarray], options: Mapping[str, Any], progress: Report
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Return :func:`project` as a task of a child process.

    Parameters
    ----------
    arrays : mapping
        ``z`` float32 (n_nodes, latent_dim); ``by`` int (n_nodes,) where nodes have classes.
    options : mapping
        A :class:`ProjectionSpec` as plain JSON types.
    progress : callable

    Returns
    -------
    arrays : dict
        ``coordinates`` float32 (n_points, dim) and ``index`` int64 (n_points,).
    values : dict
        ``seconds``: how long it took.
    """
    began = time.monotonic()
    coordinates, index = project(
        arrays["z"], ProjectionSpec.from_dict(options), by=arrays.get("by"), progress=progress
    )
    return {"coordinates": coordinates, "index": index}, {"seconds": time.monotonic() - began}


def _tsne(codes: np.ndarray, start: np.ndarray, spec: ProjectionSpec, report: Report) -> np.ndarray:
    from sklearn.manifold import TSNE

    iterations = 1000
    report(0.02, "Finding neighbours")

    def read(line: str) -> None:
        if found := re.search(r"Iteration (\d+)", line):
            done = int(found.group(1))
            report(0.1 + 0.9 * done / iterations, f"Step {done:,} of {iterations:,}")

    model = TSNE(
        n_components=spec.dim,
        perplexity=min(spec.perplexity, (len(codes) - 1) / 3),
        init=start,
        max_iter=iterations,
        random_state=spec.seed,
        verbose=2,
    )
    with contextlib.redirect_stdout(_Lines(read)):
        return model.fit_transform(codes)


def _umap(codes: np.ndarray, start: np.ndarray, spec: ProjectionSpec, report: Report) -> np.ndarray:
    from sklearn.neighbors import NearestNeighbors

    report(0.02, "Loading UMAP")
    with _without_tensorflow(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import umap
    report(0.2, "Finding neighbours")
    k = min(spec.n_neighbors, len(codes) - 1)
    # Exact neighbours by blocks: 5 times as fast at 20k nodes as the approximate search, compiling included.
    distances, nearest = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(codes).kneighbors(codes)

    def read(line: str) -> None:
        if found := re.search(r"(\d+)/(\d+)", line):
            done, total = int(found.group(1)), int(found.group(2))
            report(0.5 + 0.5 * done / total, f"Step {done:,} of {total:,}")

    report(0.3, "Weighing neighbours (compiles on first use)")
    model = umap.UMAP(
        n_components=spec.dim,
        n_neighbors=k,
        min_dist=spec.min_dist,
        init=start * 1e5,  # UMAP wants a spread of about 10
        precomputed_knn=(nearest, distances.astype(np.float32)),
        random_state=spec.seed,
        n_jobs=1,
        tqdm_kwds={"file": _Lines(read), "mininterval": 0.2, "disable": False},
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="precomputed_knn", category=UserWarning)
        return model.fit_transform(codes)


@contextlib.contextmanager
def _without_tensorflow() -> Iterator[None]:
    """Keep `import umap` from loading TensorFlow (700 MB) for a class that is not used."""
    if "tensorflow" in sys.modules:
        yield
        return
    sys.modules["tensorflow"] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules["tensorflow"]


class _Lines(io.TextIOBase):
    """A text stream that hands each line to a function; progress bars end theirs with a return."""

    def __init__(self, read: Callable[[str], None]) -> None:
        super().__init__()
        self._read = read
        self._rest = ""

    def writable(self) -> bool:
        """Return True."""
        return True

    def write(self, text: str) -> int:
        """Take `text`, hand over the lines it completes, and return its length."""
        *lines, self._rest = re.split(r"[\r\n]", self._rest + text)
        for line in lines:
            if line:
                self._read(line)
        return len(text)
