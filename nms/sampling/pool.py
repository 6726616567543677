# SPDX-License-Identifier: Apache-2.0
"""Groups run one after the other, on local processes or on a Dask cluster. The results are the same.

A task carries its images, its seed and all settings, so that where and when it runs changes nothing.
"""

import hashlib
import logging
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
from threadpoolctl import ThreadpoolController

from nms.contract.errors import UserError
from nms.sampling.select import Method, run

if TYPE_CHECKING:
    from nms.datasets.folder import Files

LOSSES = 3
"""Workers lost in a row, without a group finished in between, after which the run is given up."""


@dataclass(frozen=True)
class Task:
    """One group: its number, its images, how many of them to keep, how, and the seed."""

    number: int
    images: "np.ndarray | Files"
    keep: int
    method: Method
    seed: int


@dataclass(frozen=True)
class Done:
    """A finished group; ``kept`` counts within the group, ``digest`` is the SHA-256 of its images' bytes."""

    number: int
    kept: np.ndarray
    embedding: np.ndarray
    unsolved: int
    digest: str


@cache
def _threads() -> ThreadpoolController:
    return ThreadpoolController()


def work(task: Task) -> Done:
    """Sample one group on one thread: groups side by side use the cores better than threads within one."""
    images = np.ascontiguousarray(task.images)
    with _threads().limit(limits=1):
        found = run(images, task.keep, task.method, task.seed)
    digest = hashlib.sha256(images.data).hexdigest()
    return Done(task.number, found.kept, found.embedding, found.unsolved, digest)


Results = Generator[Done, None, None]
"""Finished groups; closing it ends what still runs."""


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def locally(tasks: Iterator[Task], workers: int) -> Results:
    """On ``workers`` processes, as they finish, or in this one if one is asked for.

    Twice as many tasks as workers are taken at a time. When a worker is lost, its groups run again on a new
    one.

    Raises
    ------
    UserError
        :data:`LOSSES` workers in a row were lost.
    """
    if workers == 1:
        yield from map(work, tasks)
        return
    again: deque[Task] = deque()
    losses = 0
    while True:
        running: dict[Future[Done], Task] = {}
        pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _attached)
        try:
            while True:
                again.extend(islice(tasks, max(0, 2 * workers - len(running) - len(again))))
                while again and len(running) < 2 * workers:
                    running[pool.submit(work, again[0])] = again[0]
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
                    f"{losses} workers in a row were lost, as where memory runs out; "
                    "take fewer workers or smaller groups"
                ) from None
            again.extendleft(reversed(running.values()))
        finally:
            pool.shutdown(cancel_futures=True)


def _attached() -> None:
    """Make a worker end with its parent only: Ctrl-C reaches both, a kill does not reach the worker."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def follow() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


def on_dask(tasks: Iterator[Task], address: str) -> Results:
    """On the workers of the Dask scheduler at ``address``, as they finish; twice as many tasks as threads.

    Dask itself runs the groups of a lost worker again.

    Raises
    ------
    UserError
        Dask is not installed, no scheduler answers, it has no workers or they have other versions, or it or
        a worker after the other is lost.
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
                    running.add(client.submit(work, held, pure=False))

            add(2 * sum(client.nthreads().values()))
            for future in running:
                yield future.result()
                add(1)
        except (OSError, distributed.CancelledError, distributed.KilledWorker) as error:
            raise UserError(f"scheduler {address!r}: lost ({type(error).__name__})") from None


def _versions() -> str:
    from importlib.metadata import version

    return ", ".join(f"{name} {version(name)}" for name in ("nms", "numpy"))
