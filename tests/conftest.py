"""What every test may use."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared_data():
    """Root of real graphs in many formats; tests that need it skip where it is absent."""
    chosen = os.environ.get("VGAE_STUDIO_SHARED_DATA")
    root = Path(chosen) if chosen else ROOT.parent / "shared" / "data"
    if not root.is_dir():
        pytest.skip(f"no shared data at {root} (set VGAE_STUDIO_SHARED_DATA)")
    return root
