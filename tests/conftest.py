"""What every test may use."""

import os
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import settings

from vgae_core.catalogue.losses import LOSSES
from vgae_core.catalogue.metrics import METRICS
from vgae_core.host.importing import set_aside

# A few dozen examples a property in every run, a thousand a night (VGAE_STUDIO_NIGHTLY=1).
settings.register_profile("run", max_examples=30, deadline=None)
settings.register_profile("nightly", max_examples=1000, deadline=None)
settings.load_profile("nightly" if os.environ.get("VGAE_STUDIO_NIGHTLY") == "1" else "run")

ROOT = Path(__file__).resolve().parents[1]


SLOW = (
    "browser/", "pages/", "analysis/test_network.py", "data/readers/test_attacks.py", "data/readers/test_fuzz_",
    "nn/test_decoders.py", "runs/results/test_codes.py", "runs/workers/test_engine.py",
    "runs/execution/test_matrix_runs.py", "runs/execution/test_pipeline.py",
    "runs/execution/test_threads.py", "runs/workers/test_part_workers.py",
    "runs/workers/test_scale_out.py", "runs/exports/test_script.py", "runs/sweeps/test_sweeps.py",
    "runs/execution/test_tiny_graphs.py", "runs/execution/test_two_sides.py",
    "runs/execution/test_weights.py", "test_command_line.py", "test_start_up.py",
    "training/test_combinations.py", "training/test_row_pairs.py", "what_if/test_model.py",
)  # fmt: skip
"""Beginnings of paths of tests that `make test-quick` leaves out: whole runs, pages, processes and fuzzing."""


@pytest.hookimpl(hookwrapper=True)
def pytest_collection():
    """Import the modules of tests, and whatever they test, without searching for garbage."""
    with set_aside():
        yield


def pytest_terminal_summary(terminalreporter):
    """Say how long the ten slowest files took, where many ran."""
    seconds = Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                seconds[report.nodeid.partition("::")[0]] += report.duration
    if len(seconds) > 10:
        terminalreporter.write_line("slowest files, seconds of one process:")
        for name, total in seconds.most_common(10):
            terminalreporter.write_line(f"{total:8.1f}  {name}")


def pytest_collection_modifyitems(items):
    """Mark the slow ones."""
    for item in items:
        if item.path.relative_to(ROOT / "tests").as_posix().startswith(SLOW):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def shared_data():
    """Root of real graphs in many formats; tests that need it skip where it is absent."""
    chosen = os.environ.get("VGAE_STUDIO_SHARED_DATA")
    root = Path(chosen) if chosen else ROOT.parent / "shared" / "data"
    if not root.is_dir():
        pytest.skip(f"no shared data at {root} (set VGAE_STUDIO_SHARED_DATA)")
    return root


@pytest.fixture(scope="session", autouse=True)
def own_home(tmp_path_factory):
    """Keep every test away from the user's own runs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VGAE_STUDIO_HOME", str(tmp_path_factory.mktemp("studio")))
        yield


@pytest.fixture
def own_catalogues():
    """Forget the losses and metrics that a test registers."""
    before = dict(LOSSES), dict(METRICS)
    yield
    for catalogue, entries in zip((LOSSES, METRICS), before, strict=True):
        catalogue.clear()
        catalogue.update(entries)
