"""Run the benchmarks: `python -m benchmarks [NAME …]`; by default those that take minutes."""

from __future__ import annotations

import importlib
import sys

from vgae_core.runs.processes import environment

NAMES = (
    "reading",
    "training",
    "matrices",
    "rows",
    "out_of_core",
    "prepare",
    "ask",
    "explore",
    "map",
    "pages",
    "app",
    "visitors",
)
LONG = ("peer", "start")
"""Only on demand; `python -m benchmarks.quality` takes arguments of its own."""


def main() -> int:
    """Run the named benchmarks and return an exit code."""
    chosen = sys.argv[1:] or list(NAMES)
    unknown = [name for name in chosen if name not in NAMES + LONG]
    if unknown:
        print(f"Unknown benchmark: {', '.join(unknown)}. Known: {', '.join(NAMES + LONG)}.", file=sys.stderr)
        return 2
    for name in chosen:
        print(f"## {name}", flush=True)
        importlib.import_module(f"benchmarks.{name}").main()
    return 0


if __name__ == "__main__":
    environment.restart()
    sys.exit(main())
