# SPDX-License-Identifier: Apache-2.0
"""Run groups as tasks on local processes or on a Dask cluster, with the same results.

A task carries its images, its seed and all its settings, so that it does not matter where and when it runs.
"""

import hashlib
import logging
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
from joblib.externals.loky import ProcessPoolExecutor
from threadpoolctl import ThreadpoolController

from nms.contract.errors import UserError
from nms.sampling.select import GroupMethod

if TYPE_CHECKING:
    from nms.datasets.pictures import Files

LOSSES = 3
"""Give a run up after losing this many workers in a row without a finished group in between."""


@dataclass(frozen=True)
class Task:
    """A group to sample: its number, its images, how many of them to keep, the method and the seed."""

    number: int
    images: "np.ndarray | Files"
    keep: int
    method: GroupMethod
    seed: int


@dataclass(frozen=True)
class TaskResult:
    """A finished group: ``kept`` counts within it, ``digest`` is the SHA-256 of its images' bytes."""

    number: int
    kept: np.ndarray
    embedding: np.ndarray
    unsolved: int
    digest: str


@cache
def _threads() -> ThreadpoolController:
    return ThreadpoolController()


def run_task(task: Task) -> TaskResult:
    """Sample one group on one thread: parallel groups use the cores better than threads within a group."""
    images = np.ascontiguousarray(task.images)
    with _threads().limit(limits=1):
        selection = task.method.sample(images, task.keep, task.seed)
    digest = hashlib.sha256(images.data).hexdigest()
    return TaskResult(task.number, selection.kept, selection.embedding, selection.unsolved, digest)


Results = Generator[TaskResult, None, None]
"""Finished groups; closing the generator stops the tasks that still run."""


def count_cores() -> int:
    """Count the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_locally(tasks: Iterator[Task], workers: int) -> Results:
    """Run tasks on ``workers`` processes, or in this process if that is 1; yield results as they finish.

    Twice as many tasks as workers are in flight. When a worker is lost, its groups run again on a new one.
    Workers do not import the caller's main module, so a script needs no ``if __name__ == "__main__":``.

    Raises
    ------
    UserError
        :data:`nms.sampling.pool.LOSSES` workers in a row were lost.
    """
    if workers == 1:
        yield from map(run_task, tasks)
        return
    again: deque[Task] = deque()
    losses = 0
    while True:
        running: dict[Future[TaskResult], Task] = {}
        pool = ProcessPoolExecutor(workers, initializer=_end_with_parent, initargs=(os.getpid(),))
        try:
            while True:
                again.extend(islice(tasks, max(0, 2 * workers - len(running) - len(again))))
                while again and len(running) < 2 * workers:
                    running[pool.submit(run_task, again[0])] = again[0]
                    again.popleft()
                if not running:
                    return
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    result = future.result()
                    del running[future]
                    losses = 0
                    yield result
        except BrokenProcessPool:
            losses += 1
            if losses >= LOSSES:
                raise UserError(
                    f"{losses} workers in a row were lost, perhaps because memory ran out; "
                    "use fewer workers or smaller groups"
                ) from None
            again.extendleft(reversed(running.values()))
        finally:
            for future in running:
                future.cancel()
            pool.shutdown()


def _end_with_parent(parent: int) -> None:
    """Let a worker end when its parent ends, also by a kill, but not on Ctrl-C, which reaches both."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def follow() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


def run_on_dask(tasks: Iterator[Task], address: str) -> Results:
    """Run tasks on the workers of the Dask scheduler at ``address``; yield results as they finish.

    Twice as many tasks as threads are in flight. Dask itself runs the groups of a lost worker again.

    Raises
    ------
    UserError
        Dask is not installed; no scheduler answers, it has no workers or they have other versions; or it is
        lost, or one worker after the other.
    """
    try:
        import distributed
    except ImportError:
        raise UserError(f"scheduler {address!r}: needs dask.distributed; pip install 'nms[dask]'") from None
    try:
        distributed.comm.get_address_host_port(address, strict=True)
        client = distributed.Client(address, timeout="10s", set_as_default=False)
    except (OSError, ValueError) as error:
        raise UserError(f"scheduler {address!r}: no Dask scheduler answers there ({error})") from None
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)  # a lost scheduler is one line, below
    with client:
        try:
            ours, theirs = _versions(), client.run(_versions)
            if not theirs:
                raise UserError(f"scheduler {address!r}: has no workers")
            for worker, found in theirs.items():
                if found != ours:
                    raise UserError(f"scheduler {address!r}: worker {worker} has {found}; must have {ours}")
            running = distributed.as_completed(loop=client.loop)

            def add(count: int) -> None:
                for task in islice(tasks, count):
                    held = Task(task.number, np.asarray(task.images), task.keep, task.method, task.seed)
                    running.add(client.submit(run_task, held, pure=False))

            add(2 * sum(client.nthreads().values()))
            for future in running:
                yield future.result()
                add(1)
        except (OSError, distributed.CancelledError, distributed.KilledWorker) as error:
            raise UserError(f"scheduler {address!r}: lost ({type(error).__name__})") from None


def _versions() -> str:
    from importlib.metadata import version

    return ", ".join(f"{name} {version(name)}" for name in ("nms", "numpy"))
