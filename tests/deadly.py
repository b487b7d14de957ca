"""A task that ends its worker; a module of its own, for the worker imports it."""

import os
import signal


def deadly_once(flag, function, *arguments):
    """End the worker in the middle of its first task."""
    if not flag.exists():
        flag.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return function(*arguments)
