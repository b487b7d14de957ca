"""Workers that are ready when a run needs one: started, warmed, exchanged and asked."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

from vgae_core.data.dataset import GraphData, Profile
from vgae_core.errors import RunError
from vgae_core.nn.budget import BASE_MIB, estimate
from vgae_core.runs.processes import environment
from vgae_core.runs.workers.cluster import Cluster
from vgae_core.runs.workers.where import Where
from vgae_core.runs.workers.worker_pool import START_SECONDS
from vgae_core.settings import RunSpec

logger = logging.getLogger(__name__)

State = Literal["cold", "starting", "ready", "failed", "closed"]

AHEAD_SECONDS = 0.5
"""Estimated time of an epoch up to which a run is prepared before anyone starts it."""

AHEAD_MIB = 100.0
"""Estimated memory up to which that is done."""

EXCHANGE_SECONDS = 30.0
"""How often a worker may be exchanged for a run that nobody has started yet."""

CLOSED = "The server stopped before the run finished. Resume it, or train it again."


class Expected(NamedTuple):
    """A run that may be started soon."""

    spec: RunSpec
    graph: GraphData
    small: bool
    """Whether its model is built ahead."""
    due: float
    """When to prepare it, on the monotonic clock."""

    @classmethod
    def after(cls, seconds: float, spec: RunSpec, graph: GraphData) -> Expected:
        """Return a run to be prepared after some seconds."""
        cost = estimate(spec, graph.profile)
        small = cost["seconds_per_epoch"] < AHEAD_SECONDS and cost["memory_mib"] < BASE_MIB + AHEAD_MIB
        return cls(spec, graph, small, time.monotonic() + seconds)


class Workers:
    """The worker processes of an engine, started again where they are gone.

    Parameters
    ----------
    where : Where
    """

    def __init__(self, where: Where) -> None:
        self.where = where
        self.threads = max(1, environment.processors() // where.local_workers) if where.many else 1
        """An operation of our worker is shared out among so many; a newcomer's graph is small."""
        self.cluster: Cluster | None = None
        self.state: State = "cold"
        """``"failed"``: the next run tries again."""
        self.problem = ""
        """Why the state is ``"failed"``."""
        self._lock = threading.Lock()
        self._ensuring = threading.Lock()
        self._exchanged = -EXCHANGE_SECONDS

    @property
    def slots(self) -> int:
        """Runs that can be at work at the same time, one while there is no worker yet."""
        return 1 if self.cluster is None else self.cluster.pool.slots

    @property
    def is_closed(self) -> bool:
        """Whether :meth:`close` was called."""
        return self.state == "closed"

    def close(self) -> None:
        """End the workers and start none again."""
        with self._lock:
            self.state = "closed"
        self.drop()

    def drop(self) -> None:
        """End the workers there are; the next :meth:`ensure` starts others."""
        with self._lock:
            cluster, self.cluster = self.cluster, None
        if cluster is not None:
            cluster.pool.close()

    def begin(self) -> None:
        """Note that workers are about to be started."""
        self._enter("starting")

    def ensure(self) -> Cluster:
        """Return a cluster whose workers are warm, starting what is not there.

        Raises
        ------
        RunError
            If it cannot be started twice, or the engine closes.
        """
        with self._ensuring:
            cluster = self.cluster
            if cluster is not None and cluster.pool.suits(self.threads) and cluster.pool.is_warm():
                self._enter("ready")
                return cluster
            if self.where.address is None or self.state != "failed":  # till the workers elsewhere are back
                self._enter("starting")
            try:
                cluster = self._start_or_again()
            except (Exception, asyncio.CancelledError) as error:
                self.drop()
                if self.is_closed:
                    raise RunError(CLOSED) from error
                if self.where.address and isinstance(error, RunError):  # looked for again every few seconds
                    if str(error) != self.problem:
                        logger.warning("%s", error)
                    self._enter("failed", str(error))
                    raise
                logger.exception("The worker could not be started")
                self._enter("failed", f"The worker could not be started: {error}")
                raise RunError(self.problem, mend="The server's log has the details.") from error
            self._enter("ready")
        return cluster

    def choose_threads(self, threads: int) -> None:
        """Have the next :meth:`ensure` exchange our worker where an operation is shared out among more or fewer.

        Several workers share the machine, and those elsewhere are not ours: they stay.
        """
        if not self.where.many:
            self.threads = threads

    def refresh(self) -> Cluster:
        """Return a cluster as :meth:`ensure` does, and welcome new workers."""
        cluster = self.ensure()
        if self.where.many:
            cluster.pool.welcome()
        return cluster

    @property
    def are_worn(self) -> bool:
        """Whether a worker of ours has grown so much that it should be started afresh."""
        return self.cluster is not None and self.cluster.pool.is_worn

    def exchange_worn(self) -> Cluster:
        """Start workers afresh that have grown, while no run is at work, and return the cluster."""
        if self.cluster is not None:
            self._enter("starting")
            self.cluster.pool.recycle()
        return self.ensure()

    def prepare(self, expected: Expected) -> None:
        """Let an idle worker be ready for a run that may be started soon.

        Raises
        ------
        RunError
            As :meth:`ensure`.
        """
        threads = environment.operation_threads(expected.spec, expected.graph.profile)
        if not self.where.many and threads != self.threads:
            if time.monotonic() < self._exchanged + EXCHANGE_SECONDS:
                return  # two visitors with graphs of different sizes would have it exchanged at every click
            self.threads, self._exchanged = threads, time.monotonic()
        cluster = self.ensure()
        if expected.small:
            cluster.prepare(expected.spec, expected.graph)

    def ask(
        self, task: Callable[..., dict[str, Any]], spec: RunSpec, profile: Profile, timeout: float
    ) -> Any:
        """Return what a worker answers to a question about a specification.

        Raises
        ------
        SpecError, RunError
            What the worker says is wrong, or that none answers within `timeout` seconds.
        """
        end = time.monotonic() + timeout
        while True:
            cluster = self._ready(end - time.monotonic())
            try:
                future = cluster.pool.client.submit(
                    task, spec.to_json(), profile.to_dict(), pure=False, retries=1
                )
                answer = future.result(timeout=max(0.1, end - time.monotonic()))
            except (Exception, asyncio.CancelledError) as error:
                if cluster is not self.cluster and not self.is_closed:
                    continue  # exchanged meanwhile: the next one is asked
                raise RunError("The worker did not answer.", mend="Try again in a moment.") from error
            return _unless_error(answer)["answer"]

    def _ready(self, timeout: float) -> Cluster:
        """Return the cluster once its worker is warm, which whoever calls has asked for."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            cluster = self.cluster
            if self.state == "ready" and cluster is not None:
                return cluster
            if self.state in ("failed", "closed"):
                raise RunError(self.problem or CLOSED)
            time.sleep(0.05)
        raise RunError("The worker is still starting.", mend="Try again in a moment.")

    def _start_or_again(self) -> Cluster:
        """Start a cluster; what ends while it starts, as for want of memory, is started once more and costs no run."""
        began = time.monotonic()
        try:
            return self._start()
        except (Exception, asyncio.CancelledError) as error:
            is_slow = time.monotonic() - began > START_SECONDS / 2  # it hangs, as it would again
            if self.where.address or self.is_closed or is_slow:
                raise
            logger.warning("The worker could not be started, which is tried once more: %s", error)
            self.drop()
        return self._start()

    def _start(self) -> Cluster:
        """Start a cluster unless one lives, and warm its new workers."""
        if self.is_closed:
            raise RunError(CLOSED)
        cluster = self.cluster
        if cluster is not None and not (cluster.pool.is_alive and cluster.pool.suits(self.threads)):
            self.drop()
            cluster = None
        if cluster is None:
            cluster = Cluster(self.where, self.threads)
            with self._lock:
                self.cluster = cluster
            if self.is_closed:  # meanwhile
                self.drop()
                raise RunError(CLOSED)
        cluster.pool.warm()
        return cluster

    def _enter(self, state: State, problem: str = "") -> None:
        with self._lock:
            if not self.is_closed:  # which is for ever
                self.state, self.problem = state, problem


def _unless_error(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    if "error" in answer:
        raise RunError(answer["error"], where=answer["where"], mend=answer["mend"])
    return answer
