"""Workers for the tasks of a preparation: one-threaded processes on this machine, or a Dask cluster by its address."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from distributed import CancelledError, Client, Future, KilledWorker, LocalCluster
from distributed.comm.core import CommClosedError

from vgae_core.data.partitions.preparation import STAGES, Tasks
from vgae_core.errors import RunError
from vgae_core.host import scratch
from vgae_core.host.limits import SERVER_LIMITS
from vgae_core.runs.processes.versions import differences, versions
from vgae_core.runs.workers.where import Where
from vgae_core.runs.workers.worker_pool import CONNECT_SECONDS, START_SECONDS, LostError

LOOK_SECONDS = 5.0
"""How often it is looked whether there are workers at all."""


@contextlib.contextmanager
def part_workers(
    where: Where, progress: Callable[[float, str], None] = lambda share, text: None
) -> Iterator[Tasks]:
    """Yield what calls functions on workers, see :class:`vgae_core.data.partitions.preparation.Tasks`.

    A task whose worker dies is done again by another; one that ends three workers ends the preparation.

    Parameters
    ----------
    where : Where
    progress : callable
        Told the share of a stage that is done, and its name.

    Raises
    ------
    RunError
        If no scheduler answers, there are no workers, or one has other versions.
    """
    with contextlib.ExitStack() as stack:
        if where.address is None:
            cluster = LocalCluster(
                n_workers=where.local_workers,
                threads_per_worker=1,
                memory_limit=SERVER_LIMITS.run_memory_bytes // where.local_workers,
                dashboard_address="127.0.0.1:0",
                scheduler_kwargs={"dashboard": False},
                local_directory=str(scratch.folder("parts-")),
                silence_logs=logging.CRITICAL,
                host="127.0.0.1",
            )
            client = stack.enter_context(Client(stack.enter_context(cluster), set_as_default=False))
        else:
            try:
                client = Client(where.address, set_as_default=False, timeout=CONNECT_SECONDS)
            except OSError as error:
                raise LostError(where.address) from error
            stack.enter_context(client)
            _check_versions(client, where.address)

        def on_workers(
            stage: str, function: Callable[..., Any], arguments: Sequence[tuple[Any, ...]]
        ) -> list[Any]:
            name = f"{stage} ({STAGES.index(stage) + 1} of {len(STAGES)})"
            progress(0, name)
            futures = [client.submit(function, *each, pure=False) for each in arguments]
            try:
                _wait(client, futures, lambda share: progress(share, name))
                return client.gather(futures)
            except (CancelledError, CommClosedError) as error:
                raise _gone(where) from error
            except KilledWorker as error:
                raise RunError(
                    "Workers died repeatedly at the same part (out of memory?).",
                    where=stage,
                    mend="Lower VGAE_STUDIO_LIMIT_PARTITION_BYTES, or use fewer workers.",
                ) from error
            finally:
                client.cancel(futures)

        yield on_workers


def _wait(client: Client, futures: Sequence[Future], progress: Callable[[float], None]) -> None:
    """Wait until all tasks are done; raise what the first that fails raises, or RunError if no worker is left."""
    pending = set(futures)
    looked = since = time.monotonic()
    while pending:
        done = {future for future in pending if future.done()}
        for future in done:
            if future.status != "finished":
                future.result()
        if done:
            pending -= done
            progress(1 - len(pending) / len(futures))
            continue
        time.sleep(0.02)
        now = time.monotonic()
        if client.status != "running":
            raise CancelledError
        if now - looked > LOOK_SECONDS:
            looked = now
            if client.scheduler_info()["workers"]:
                since = now
            elif now - since > START_SECONDS:
                raise RunError("All workers are gone.", mend="Start workers, and prepare again.")


def _gone(where: Where) -> RunError:
    return LostError(where.address) if where.address else RunError("The workers on this machine have ended.")


def _check_versions(client: Client, address: str) -> None:
    """Raise RunError unless there are workers, all with the versions of this process."""
    theirs = client.run(versions)
    if not theirs:
        raise RunError("There are no workers.", where=address, mend="Start some: `dask worker ADDRESS`.")
    for name, found in theirs.items():
        if other := differences(versions(), found):
            raise RunError(
                f"The worker at {name} has other package versions: {other}.",
                mend="Install the same versions there.",
            )
