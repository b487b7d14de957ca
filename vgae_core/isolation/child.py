"""The child's side: take the request from the folder, bound this process, run the task, leave the result there."""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback
from pathlib import Path

from vgae_core.errors import StudioError
from vgae_core.host.importing import set_aside
from vgae_core.isolation.exchange import ERRORS, load_arrays, save_arrays
from vgae_core.isolation.tasks import Task


def bound(memory_bytes: int, seconds: float) -> None:
    """Let the kernel bound this process, counted from the memory its code already takes."""
    if sys.platform == "win32":
        return
    import resource
    import signal

    signal.alarm(int(seconds) + 2)  # ends the child even if the parent is gone
    cpu = int(seconds * (os.cpu_count() or 1)) + 2
    resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * os.sysconf("SC_PAGE_SIZE") + memory_bytes
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _run(folder: Path) -> None:
    request = json.loads((folder / "input.json").read_text("utf-8"))
    module, _, name = request["target"].partition(":")
    with set_aside():
        task: Task = getattr(importlib.import_module(module), name)
    arrays = load_arrays(folder, "input", request["arrays"])
    bound(request["memory_bytes"], request["seconds"])
    with open(folder / "progress.jsonl", "w", encoding="utf-8") as progress_file:

        def progress(fraction: float, message: str) -> None:
            progress_file.write(json.dumps({"fraction": float(fraction), "message": message}) + "\n")
            progress_file.flush()

        results, values = task(arrays, request["options"], progress)
    outcome = {"arrays": save_arrays(folder, "output", results), "values": values}
    (folder / "output.json").write_text(json.dumps(outcome), "utf-8")


def main(folder: Path) -> int:
    """Run the request in `folder` and leave the result or the error there; return the exit code."""
    try:
        _run(folder)
    except StudioError as error:
        failure = {
            "kind": next((k for k in (t.__name__ for t in type(error).__mro__) if k in ERRORS), "DataError"),
            "message": error.message,
            "where": error.where,
            "mend": error.mend,
        }
        (folder / "error.json").write_text(json.dumps(failure), "utf-8")
        return 1
    except BaseException:  # told to the parent by the exit code and this text
        traceback.print_exc()
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
