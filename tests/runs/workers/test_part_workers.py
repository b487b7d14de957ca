"""A preparation on workers, and runs that train from what it made."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.deadly import deadly_once
from tests.graphs import communities
from vgae_core.cli import main
from vgae_core.data.dataset import GraphData
from vgae_core.data.partitions.preparation import prepare
from vgae_core.data.partitions.prepared import open_prepared
from vgae_core.data.splits import PARTS, LinkSplit
from vgae_core.errors import DataError
from vgae_core.runs.execution.pipeline import execute
from vgae_core.runs.store.folder import RunFolder
from vgae_core.runs.workers.part_workers import part_workers
from vgae_core.runs.workers.where import Where


@pytest.fixture
def parts(tmp_path):
    graph = communities(dense=True)
    folder = tmp_path / "edges"
    folder.mkdir()
    for number, edges in enumerate(np.array_split(graph.edges, 3)):
        pq.write_table(pa.table({"source": edges[:, 0], "target": edges[:, 1]}), folder / f"{number}.parquet")
    np.save(tmp_path / "features.npy", graph.features)
    return graph, [str(folder)], str(tmp_path / "features.npy")


def test_a_killed_worker_costs_its_task_only(tmp_path, parts):
    _, paths, features = parts
    alone = prepare(paths, tmp_path / "alone", features=features)
    with part_workers(Where(local_workers=2)) as tasks:

        def killing(stage, function, arguments):
            if stage == "blocks":
                return tasks(stage, deadly_once, [(tmp_path / "flag", function, *each) for each in arguments])
            return tasks(stage, function, arguments)

        shared = prepare(paths, tmp_path / "shared", features=features, tasks=killing)
        (tmp_path / "p.csv").write_text("0,-1\n")
        with pytest.raises(DataError, match=r"p\.csv, row 1"):
            prepare([str(tmp_path / "p.csv")], tmp_path / "broken", tasks=tasks)
        with pytest.raises(DataError, match="empty folder"):  # and what it holds stays
            prepare(paths, tmp_path / "shared", tasks=tasks)
    open_prepared(tmp_path / "shared")
    assert (tmp_path / "flag").exists()
    assert shared["sha256"] == alone["sha256"]


def test_training_from_a_prepared_folder_gives_the_numbers_of_memory(tmp_path, parts, capsys):
    graph, paths, features = parts
    prepare(paths, tmp_path / "prepared", features=features, seed=4)
    run = str(tmp_path / "run")
    options = ["--epochs", "3", "--set", "training.batch_size=200"]
    assert main(["train", "--prepared", str(tmp_path / "prepared"), "--out", run, *options]) == 0
    folder = RunFolder(tmp_path / "run")
    assert not (tmp_path / "run" / "graph.npz").exists()
    assert folder.spec.training.propagation == "once"
    assert folder.spec.seed == 4
    prepared, split, _ = open_prepared(tmp_path / "prepared")
    assert (prepared.adjacency != graph.adjacency).nnz == 0

    plain = GraphData(
        name="edges", adjacency=graph.adjacency, node_ids=graph.node_ids, features=graph.features
    )
    drawn = LinkSplit(**{name: np.array(getattr(split, name)) for name in PARTS})
    expected = execute(folder.spec, plain, split=drawn)
    result = folder.result()
    np.testing.assert_allclose(result.z_mean, expected.z_mean, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(result.scores["model"], expected.scores["model"], rtol=1e-4, atol=1e-5)
    assert result.whole is not None

    capsys.readouterr()
    assert main(["evaluate", run]) == 0
    assert main(["resume", run, "--more-epochs", "2", "--out", str(tmp_path / "more")]) == 0
    assert RunFolder(tmp_path / "more").history()[-1].epoch == 5
    for wrong in (["--set", "split.test_fraction=0.3"], ["--split", "x.npz"]):
        assert (
            main(["train", "--prepared", str(tmp_path / "prepared"), "--out", str(tmp_path / "no"), *wrong])
            == 2
        )
    assert main(["train", "--out", str(tmp_path / "no")]) == 2
