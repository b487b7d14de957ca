"""What a command loads before it works: nothing heavy that it does not use."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys

import pytest

from vgae_core.cli import COMMANDS

TRAINING = {"tensorflow", "keras", "streamlit", "distributed"}
LEARNING = {"sklearn", "scipy.stats", "igraph", "umap", "plotly", "networkx", "h5py"}
TABLES = {"pandas", "pyarrow"}
FORBIDDEN = {
    "inspect": TRAINING | LEARNING | TABLES,
    "rank": TRAINING | LEARNING | {"scipy.sparse.csgraph"},
    "score": TRAINING | LEARNING,
    "app": TRAINING | LEARNING | TABLES | {"numpy", "scipy"},
    **dict.fromkeys(("train", "benchmark", "evaluate", "embed", "whatif", "export"), TRAINING),
}
"""Packages that are not loaded with the module of a command; of one that is not listed, TRAINING and LEARNING."""


def loaded(code):
    """Return the names of the modules that are loaded after a piece of code."""
    code += "; import json, sys; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_loads_nothing_heavy_that_it_does_not_use(command):
    assert not loaded(f"import vgae_core.cli.{command}") & FORBIDDEN.get(command, TRAINING | LEARNING)


def test_help_loads_only_the_standard_library():
    code = "from vgae_core.cli import _parser; _parser(None).format_help()"
    names = {name.split(".")[0] for name in loaded(code)} - set(sys.stdlib_module_names)
    known = loaded("pass")
    assert names - {name.split(".")[0] for name in known} == {"vgae_core"}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_module(command):
    module = importlib.import_module(f"vgae_core.cli.{command}")
    assert callable(module.run)
    assert callable(module.add_arguments)


def test_looking_at_a_text_loads_no_library_of_other_formats(tmp_path):
    (tmp_path / "edges.csv").write_text("a,b\nb,c\nc,a\n")
    names = loaded(
        "from pathlib import Path\nfrom vgae_core.data.readers import SourceFile, look\n"
        f"look([SourceFile('edges.csv', Path({str(tmp_path / 'edges.csv')!r}))])"
    )
    assert not names & {"h5py", "igraph", "networkx", "sklearn"}
