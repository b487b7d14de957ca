"""What is not written twice: dependencies are those of the files that `pip install -r` takes.

Everything else is in pyproject.toml.
"""

from pathlib import Path

from setuptools import find_packages, setup


def requirements(name: str) -> list[str]:
    """Return the requirements in a file beside this one, without comments and references to other files."""
    lines = (Path(__file__).parent / name).read_text("utf-8").splitlines()
    return [line for line in map(str.strip, lines) if line and not line.startswith(("#", "-"))]


def instead_of_gpu(requirement: str) -> str:
    """Return TensorFlow as a requirement that the extra `gpu` replaces: both packages write the same files."""
    what, marker = (part.strip() for part in requirement.split(";"))
    return f'{what} ; ({marker}) and extra != "gpu"'


RUNTIME = requirements("requirements.txt")
VERSION = (
    next(line for line in RUNTIME if line.startswith("tensorflow==")).split(";")[0].split("==")[1].strip()
)

DASHBOARD = [
    "vgae_studio_app",
    "vgae_studio_app.pages",
    *(f"vgae_studio_app.{name}" for name in find_packages(include=["dashboard", "dashboard.*"])),
]

setup(
    script_name="setup.py",  # else it is taken for a module of the folder it lies in
    packages=[*find_packages(include=["vgae_core", "vgae_core.*"]), *DASHBOARD],
    install_requires=[instead_of_gpu(line) if line.startswith("tensorflow") else line for line in RUNTIME],
    extras_require={
        "gpu": [f"tensorflow[and-cuda]=={VERSION}"],
        "dev": requirements("requirements-dev.txt"),
    },
)
