"""Slow maps keep neighbourhoods, tell their progress and never load TensorFlow."""

import json
import subprocess
import sys

import numpy as np
import pytest

from vgae_core.analysis import projection
from vgae_core.analysis.projection import ProjectionSpec
from vgae_core.errors import DataError, SpecError


def blobs(n=120, seed=0):
    rng = np.random.default_rng(seed)
    member = np.arange(n) % 3
    return (rng.normal(size=(3, 8))[member] * 4 + rng.normal(size=(n, 8))).astype(np.float32), member


def purity(coordinates, member):
    """Return the share of nodes whose nearest point on the map is of the same group."""
    apart = np.linalg.norm(coordinates[:, None] - coordinates[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    return float((member[apart.argmin(axis=1)] == member).mean())


@pytest.mark.parametrize("dim", [2, 3])
def test_tsne_keeps_groups_and_reports(dim):
    z, member = blobs()
    told = []
    spec = ProjectionSpec(method="tsne", dim=dim, perplexity=15.0)
    arrays, values = projection.project_task({"z": z}, spec.to_dict(), lambda s, m: told.append((s, m)))
    assert arrays["coordinates"].shape == (120, dim)
    assert arrays["coordinates"].dtype == np.float32
    assert arrays["index"].tolist() == list(range(120))
    assert purity(arrays["coordinates"], member) > 0.95
    assert values["seconds"] > 0
    shares = [share for share, _ in told]
    assert shares == sorted(shares)
    assert len(shares) > 10
    assert "Step 500 of 1,000" in [message for _, message in told]


@pytest.mark.slow
def test_umap_keeps_groups_reports_and_leaves_tensorflow_alone(tmp_path):
    z, member = blobs()
    np.save(tmp_path / "z.npy", z)
    code = (
        "import json, sys, numpy as np\n"
        "from vgae_core.analysis.projection import project_task\n"
        f"z = np.load({str(tmp_path / 'z.npy')!r})\n"
        "told = []\n"
        "tell = lambda share, message: told.append(share)\n"
        "run = lambda: project_task({'z': z}, {'method': 'umap', 'dim': 2}, tell)[0]['coordinates']\n"
        "out = [run(), run()]\n"
        f"np.save({str(tmp_path / 'out.npy')!r}, out[0])\n"
        "print(json.dumps({'told': told[:len(told) // 2], 'same': bool((out[0] == out[1]).all()), "
        "'tf': 'tensorflow' in sys.modules}))\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.strip().splitlines()[-1])
    assert not said["tf"]
    assert said["same"]
    assert len(said["told"]) >= 5
    assert purity(np.load(tmp_path / "out.npy"), member) > 0.95


def test_a_sample_keeps_the_classes_and_names_its_nodes():
    z, member = blobs(600)
    spec = ProjectionSpec(max_points=100)
    coordinates, index = projection.project(z, spec, by=member)
    assert coordinates.shape == (100, 2)
    assert np.bincount(member[index]).tolist() in ([34, 33, 33], [33, 34, 33], [33, 33, 34])


@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_directions_only_forgets_the_length_of_codes(method):
    z, _ = blobs()
    longer = z * np.random.default_rng(0).gamma(1.0, size=(len(z), 1)).astype(np.float32)
    spec = ProjectionSpec(method=method)
    here, there = (projection.project(codes, spec)[0] for codes in (z, longer))
    if method == "pca":
        np.testing.assert_allclose(here, there, atol=1e-5)
        raw = projection.project(longer, ProjectionSpec(method=method, unit_length=False))[0]
        assert np.abs(raw - here).max() > 1
    else:  # chaotic: rounding grows, the shape of the neighbourhoods does not
        apart = [np.linalg.norm(m[:, None] - m[None], axis=2) + 1e9 * np.eye(len(m)) for m in (here, there)]
        assert (apart[0].argmin(axis=1) == apart[1].argmin(axis=1)).mean() > 0.5


def test_more_neighbours_than_nodes_and_collapsed_codes():
    z = np.zeros((8, 3), np.float32)
    coordinates, _ = projection.project(z, ProjectionSpec(method="tsne"))
    assert np.isfinite(coordinates).all()


def test_what_cannot_be_mapped_says_so():
    with pytest.raises(DataError, match=r"at least 5 nodes\. Received: 3"):
        projection.project(np.zeros((3, 2), np.float32), ProjectionSpec(method="tsne"))
    with pytest.raises(DataError, match="not finite"):
        projection.project(np.full((9, 2), np.nan, np.float32), ProjectionSpec(method="umap"))
    with pytest.raises(SpecError, match="perplexity"):
        ProjectionSpec(perplexity=0)
    with pytest.raises(SpecError, match="tsne"):
        ProjectionSpec(method="tnse")


def test_lines_are_read_whole_and_progress_bars_too():
    read = []
    stream = projection._Lines(read.append)
    for text in ("ab", "c\nd\r", "\n", "e/f\r"):
        stream.write(text)
    assert read == ["abc", "d", "e/f"]
