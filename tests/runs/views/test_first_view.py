"""What the first view of a run needs: the same as when it is asked for, kept beside the run."""

import dataclasses

import numpy as np
import pytest

from tests.pages.finished_runs import make_graph, make_result
from vgae_core.analysis.cell_density import GROUP_PAIRS, largest_groups
from vgae_core.errors import RunError
from vgae_core.runs.results.result_parts import result_from_parts, result_to_parts
from vgae_core.runs.store import worked_out
from vgae_core.runs.store.store import Store
from vgae_core.runs.views import first_view, node_tables


@pytest.fixture(scope="module")
def graph():
    return make_graph()


@pytest.fixture(scope="module")
def ended(graph):
    return first_view.with_first_view(make_result(graph), graph)


def test_it_holds_what_pages_would_work_out(graph, ended):
    for name, values in node_tables.node_columns(ended, graph).items():
        np.testing.assert_array_equal(ended.first_view[name], values)
    groups, _ = largest_groups(ended.first_view["community"])
    expected = first_view.group_density(ended, graph, groups, GROUP_PAIRS)
    for field in dataclasses.fields(expected):
        np.testing.assert_array_equal(
            getattr(first_view.blocks(ended.first_view), field.name), getattr(expected, field.name)
        )
    assert first_view.blocks({"community": ended.first_view["community"]}) is None


def test_it_is_sent_with_a_result_and_kept_beside_it(graph, ended, tmp_path):
    arrived = result_from_parts(*result_to_parts(ended))
    store = Store(tmp_path / "home")
    run = store.create_run(arrived.spec, graph, "w" * 43)
    run.save_result(arrived)
    run.append_event(arrived.finished)
    kept, _ = worked_out.load(run.path, worked_out.FIRST_VIEW)
    assert set(kept) == set(ended.first_view)
    np.testing.assert_array_equal(kept["reconstruction_error"], ended.first_view["reconstruction_error"])
    assert not run.result().first_view  # no part of what every run has
    store.close()


def test_some_runs_go_without(graph, ended, monkeypatch):
    plain = dataclasses.replace(ended, first_view={})
    trial = dataclasses.replace(plain, metrics={**plain.metrics, "scored_on": "validation"})
    assert not first_view.with_first_view(trial, graph).first_view

    def fail(*args):
        raise RunError("Its weights do not fit.")

    with monkeypatch.context() as patched:
        patched.setattr(first_view, "node_columns", fail)
        assert first_view.with_first_view(plain, graph) is plain
    monkeypatch.setattr(first_view, "MOST_EDGES", graph.profile.n_edges - 1)
    assert not first_view.with_first_view(plain, graph).first_view
