"""``app``: the dashboard on this machine."""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
from pathlib import Path

import vgae_core
from vgae_core.cli import where
from vgae_core.errors import RunError

ADDRESS, PORT = "127.0.0.1", 8501


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "--address",
        default=ADDRESS,
        metavar="ADDRESS",
        help=f"address to listen on (default {ADDRESS}: this machine only; 0.0.0.0: every network)",
    )
    parser.add_argument("--port", type=int, default=PORT, metavar="PORT", help=f"default {PORT}")
    where.add_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Start the dashboard in this process."""
    if importlib.util.find_spec("streamlit") is None:
        raise RunError("Streamlit is not installed.", mend="Install it with `pip install streamlit`.")
    where.chosen(options)  # told now if it is no place; the dashboard reads the environment
    address = f"--server.address={options.address}"
    print(f"VGAE Studio listens on {options.address}, port {options.port}.", file=sys.stderr)
    if options.address == ADDRESS:
        print("Only this machine can reach it; --address 0.0.0.0 lets others in.", file=sys.stderr)
    command = [
        sys.executable,
        "-m",
        "streamlit",
        "run",
        str(script()),
        address,
        f"--server.port={options.port}",
    ]
    os.execv(sys.executable, command)  # noqa: S606


def script() -> Path:
    """Return the dashboard's script: in a checkout beside the core, else where it was installed.

    Raises
    ------
    RunError
        If it is in neither place.
    """
    root = Path(vgae_core.__file__).resolve().parents[1]
    for path in (root / "app.py", root / "vgae_studio_app" / "app.py"):
        if path.is_file() and (path.parent / "dashboard").is_dir():
            return path
    raise RunError("The dashboard is not installed.", where=str(root), mend="Install VGAE Studio again.")
