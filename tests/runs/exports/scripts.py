"""Exported scripts, run in this process: importing TensorFlow anew for each would take most of the time."""

from __future__ import annotations

import contextlib
import io
import json
import runpy
import sys
import zipfile
from unittest import mock

from vgae_core.runs.exports.script import export_script
from vgae_core.runs.store.folder import write_run_dir


def exported(spec, graph, result, folder):
    """Export the script of a run into a folder and return its path."""
    run = write_run_dir(folder / "run", spec, graph, result, [])
    export_script(run, folder / "script.zip")
    with zipfile.ZipFile(folder / "script.zip") as archive:
        archive.extractall(folder / "script")
    return folder / "script" / "train.py"


def run_script(path, *arguments):
    """Run a script with arguments and return what it prints."""
    printed = io.StringIO()
    with mock.patch.object(sys, "argv", [str(path), *arguments]), contextlib.redirect_stdout(printed):
        runpy.run_path(str(path), run_name="__main__")
    return json.loads(printed.getvalue().partition("{\n")[2].join(["{", ""]))
