"""What every test may use."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

from vgae_core.catalogue.losses import LOSSES
from vgae_core.catalogue.metrics import METRICS

# A few dozen examples a property in every run, a thousand a night (VGAE_STUDIO_NIGHTLY=1).
settings.register_profile("run", max_examples=30, deadline=None)
settings.register_profile("nightly", max_examples=1000, deadline=None)
settings.load_profile("nightly" if os.environ.get("VGAE_STUDIO_NIGHTLY") == "1" else "run")

ROOT = Path(__file__).resolve().parents[1]


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
