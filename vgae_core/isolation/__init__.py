"""One function in a bounded child process: what a hostile file breaks is the child, never the app.

The child gets its arguments and gives its results through files without pickle (npy and
JSON) in a private temporary folder. On POSIX its memory and processor time are bounded by
the kernel; its wall time is bounded everywhere.
"""

from vgae_core.isolation.jobs import Job, Progress, call, start
from vgae_core.isolation.queue import ChildLimits
from vgae_core.isolation.tasks import TASKS, ProgressCallback

__all__ = ["TASKS", "ChildLimits", "Job", "Progress", "ProgressCallback", "call", "start"]
