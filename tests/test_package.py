"""What `pip install .` builds: the dependencies that hosting installs, the command, and the whole dashboard."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from email import message_from_string
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
PLATFORMS = [
    {"sys_platform": "linux", "platform_machine": "x86_64"},
    {"sys_platform": "linux", "platform_machine": "aarch64"},
    {"sys_platform": "darwin", "platform_machine": "arm64"},
    {"sys_platform": "win32", "platform_machine": "AMD64"},
]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Return the wheel that setuptools builds of a copy of the tracked files."""
    copy, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    names = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True
    )
    if names.returncode:
        pytest.skip("the files of the package are listed by git, which is not here")
    for name in names.stdout.splitlines():
        if name.startswith(("tests/", "docs/", "benchmarks/")) or not (ROOT / name).is_file():
            continue
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / name).write_bytes((ROOT / name).read_bytes())
    code = f"from setuptools import build_meta; build_meta.build_wheel({str(out)!r})"
    done = subprocess.run([sys.executable, "-c", code], cwd=copy, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    (path,) = out.glob("*.whl")
    return zipfile.ZipFile(path)


def read(wheel, name):
    (path,) = (path for path in wheel.namelist() if path.endswith(f".dist-info/{name}"))
    return wheel.read(path).decode()


def listed(name):
    lines = (ROOT / name).read_text("utf-8").splitlines()
    return [Requirement(line) for line in lines if line.strip() and not line.startswith(("#", "-"))]


def chosen(requirements, platform, extra=""):
    """Return what an installer takes on a platform, as name, extras and version."""
    return {
        (r.name, *sorted(r.extras), str(r.specifier))
        for r in requirements
        if r.marker is None or r.marker.evaluate({**platform, "extra": extra})
    }


@pytest.mark.parametrize("platform", PLATFORMS, ids=lambda p: "-".join(p.values()))
def test_the_package_needs_what_hosting_installs(wheel, platform):
    needed = [Requirement(r) for r in message_from_string(read(wheel, "METADATA")).get_all("Requires-Dist")]
    hosted = chosen(listed("requirements.txt"), platform)
    assert chosen(needed, platform) == hosted
    assert chosen(needed, platform, "dev") == hosted | chosen(listed("requirements-dev.txt"), platform)

    gpu = chosen(needed, platform, "gpu")
    of_tensorflow = {one for one in gpu if one[0].startswith("tensorflow")}
    (version,) = {one[-1] for one in hosted if one[0].startswith("tensorflow")}
    assert of_tensorflow == {
        ("tensorflow", "and-cuda", version)
    }  # never two packages that write the same files
    assert gpu - of_tensorflow == {one for one in hosted if not one[0].startswith("tensorflow")}


def test_the_command_is_that_of_the_package(wheel):
    assert "vgae-studio = vgae_core.cli:program" in read(wheel, "entry_points.txt")


def test_the_whole_dashboard_is_in_it(wheel):
    inside = set(wheel.namelist())
    folders = [path for name in ("dashboard", "pages", ".streamlit") for path in (ROOT / name).rglob("*")]
    expected = {str(path.relative_to(ROOT)) for path in [ROOT / "app.py", *folders] if path.is_file()}
    expected = {name for name in expected if not name.endswith(("secrets.toml", ".pyc"))}
    assert {name for name in inside if name.startswith("vgae_studio_app/")} == {
        f"vgae_studio_app/{n}" for n in expected
    }
    core = {str(path.relative_to(ROOT)) for path in (ROOT / "vgae_core").rglob("*.py")}
    assert {name for name in inside if name.startswith("vgae_core/") and name.endswith(".py")} == core
    assert "vgae_core/data/files/import_graph.npz" in inside
