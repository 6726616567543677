# SPDX-License-Identifier: Apache-2.0
"""Groups on processes and on Dask: the same results from any number of workers, and when some are killed.

The workers import this file, so it imports little.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nms.contract.errors import UserError
from nms.datasets import load
from nms.sampling import Method, group_by_batch, group_by_class, pool, sample, whole
from nms.sampling.near_duplicates import NearDuplicates
from tests.conftest import ROOT

FAST = Method(perplexity=5.0, iterations=20)


def digits(count: int) -> tuple[np.ndarray, np.ndarray]:
    found = load("digits", count)
    return found.images, found.labels


class Deadly:
    """Images whose reader is killed the first ``times`` times, as by kill -9."""

    def __init__(self, images: np.ndarray, folder: Path, times: int) -> None:
        self.images, self.folder, self.times = images, folder, times

    def __array__(self, dtype: object = None, copy: bool | None = None) -> np.ndarray:
        died = len(list(self.folder.iterdir()))
        if died < self.times:
            (self.folder / str(died)).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return self.images


def test_the_result_does_not_depend_on_their_number() -> None:
    images, labels = digits(300)
    alone, two = (sample(images, labels, 0.2, FAST, 20, 9, workers) for workers in (1, 2))
    assert len(alone.kept) == 60
    np.testing.assert_array_equal(alone.kept, two.kept)
    np.testing.assert_array_equal(alone.embedding, two.embedding)
    distinct = [sample(images, labels, 0.2, FAST, 20, 9, workers, NearDuplicates(0.5)) for workers in (1, 2)]
    assert 60 <= np.isfinite(distinct[0].embedding[:, 0]).sum() < 290
    np.testing.assert_array_equal(distinct[0].kept, distinct[1].kept)
    np.testing.assert_array_equal(distinct[0].embedding, distinct[1].embedding)
    other = sample(images, labels, 0.2, FAST, 20, 10)
    assert other.kept.tolist() != alone.kept.tolist()


SCRIPT = """
from nms import DESNESampler
from nms.datasets import load

print("started")
images = load("digits", 60)
sampler = DESNESampler(0.2, perplexity=5.0, iterations=5, size=20, n_jobs=2, random_state=1)
print(len(sampler.fit(images.images, images.labels).sample_indices_))
"""


@pytest.mark.parametrize("given", ["file", pytest.param("input", marks=pytest.mark.slow)])
def test_a_script_needs_no_main_guard(given: str, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, "script.py" if given == "file" else "-"],
        input=None if given == "file" else SCRIPT,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["started", "12"]


def test_workers_end_when_the_one_who_started_them_is_killed() -> None:
    worker = "import sys, time; from nms.sampling.pool import _end_with_parent as end; end(int(sys.argv[1]))"
    command = ["-c", f"{worker}; time.sleep(300)"]
    start = f"subprocess.Popen([sys.executable, *{command}, str(os.getpid())])"
    parent = subprocess.Popen(
        [sys.executable, "-c", f"import os, subprocess, sys, time; print({start}.pid); time.sleep(300)"],
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
    )
    assert parent.stdout is not None
    assert int(parent.stdout.readline())
    killed = time.monotonic()
    parent.kill()
    parent.stdout.read()  # ends when the worker, which has inherited it, has ended
    assert time.monotonic() - killed < 100


def tasks(folder: Path, times: int) -> Iterator[pool.Task]:
    images, _ = digits(100)
    groups = group_by_batch(100, 20)
    for task in whole.make_tasks(images, groups, groups.quotas(30), FAST, 1):
        deadly: Any = Deadly(images[groups.members[2]], folder, times)
        yield task if task.number != 2 else pool.Task(2, deadly, task.keep, FAST, task.seed)


def test_a_killed_worker_costs_no_result(tmp_path: Path) -> None:
    expected = {done.number: done for done in pool.run_locally(tasks(tmp_path, 0), 1)}
    found = list(pool.run_locally(tasks(tmp_path, 1), 2))
    assert len(list(tmp_path.iterdir())) == 1  # it did happen
    assert sorted(done.number for done in found) == list(range(5))
    for done in found:
        np.testing.assert_array_equal(done.kept, expected[done.number].kept)
        np.testing.assert_array_equal(done.embedding, expected[done.number].embedding)


@pytest.mark.slow
def test_a_group_that_kills_every_worker_is_given_up(tmp_path: Path) -> None:
    found: list[int] = []
    with pytest.raises(UserError, match="3 workers in a row were lost"):
        found.extend(done.number for done in pool.run_locally(tasks(tmp_path, 99), 2))


def test_dask() -> None:
    distributed = pytest.importorskip("distributed")
    images, labels = digits(100)
    groups = group_by_class(labels, 512)
    expected = sample(images, labels, 0.3, FAST, seed=4).kept
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None, protocol="tcp"
    ) as cluster:
        given = whole.make_tasks(images, groups, groups.quotas(30), FAST, 4)
        results = pool.run_on_dask(given, cluster.scheduler_address)
        found = [groups.members[done.number][done.kept] for done in results]
    np.testing.assert_array_equal(np.sort(np.concatenate(found)), expected)


@pytest.mark.slow
def test_dask_loses_a_worker(tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    expected = {done.number: done.kept.tolist() for done in pool.run_locally(tasks(tmp_path, 0), 1)}
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        images, _ = digits(100)
        groups = group_by_batch(100, 20)
        given = whole.make_tasks(images, groups, groups.quotas(30), FAST, 1)
        results = pool.run_on_dask(given, cluster.scheduler_address)
        found: dict[int, list[int]] = {}
        for done in results:
            if not found:
                os.kill(next(iter(cluster.workers.values())).process.pid, signal.SIGKILL)
            found[done.number] = done.kept.tolist()
    assert found == expected


@pytest.mark.parametrize("address", ["nowhere", "tcp://127.0.0.1:1"])
def test_no_scheduler(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    distributed = pytest.importorskip("distributed")
    monkeypatch.setattr(
        distributed,
        "Client",
        lambda *_, client=distributed.Client, **more: client(address, timeout="0.2s"),
    )
    with pytest.raises(UserError, match=f"scheduler '{address}': no Dask scheduler"):
        next(pool.run_on_dask(iter(()), address))
