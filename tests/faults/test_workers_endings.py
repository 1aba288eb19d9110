"""Workers end when the front ends, however it does, and nothing is left: no process, no descriptor, no shared memory."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from bench.measure import family
from server.execution.errors import NoWorkers, WorkerLost
from tests.faults.pools import ANA, pool, request, until

_FRONT = """
import sys, time
from pathlib import Path
from tests.faults.pools import ANA, pool, request
with pool(Path(sys.argv[1]), 2) as two:
    frames = two.queries.stream(request("rows 1 then sleep 60"), ANA, 60).frames()
    next(frames), next(frames)
    print("running", flush=True)
    time.sleep(60)
"""


def _descriptors(pid: int | str = "self") -> list[str]:
    folder = Path(f"/proc/{pid}/fd")
    targets = []
    for name in os.listdir(folder):
        try:
            targets.append(os.readlink(folder / name))
        except OSError:
            continue  # the one that lists them
    return targets


def _workers() -> set[int]:
    """The worker processes below this one; database servers of other tests have children that come and go."""
    found = set()
    for pid in family(os.getpid()):
        with contextlib.suppress(OSError):
            if b"server.workers" in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.add(pid)
    return found


def _slots(targets: list[str]) -> int:
    return sum("watersmeet-slots" in target for target in targets)


def test_a_pool_leaves_nothing_behind(tmp_path: Path) -> None:
    before, workers = len(_descriptors()), _workers()
    threads = threading.active_count()
    for _ in range(2):
        with pool(tmp_path, 2) as two:
            streams = [two.queries.stream(request("wide 30"), ANA, 60) for _ in range(4)]
            for stream in streams:
                next(stream.frames())
            os.kill(two.ready()[0].pid, signal.SIGKILL)
            for stream in streams:
                stream.close()
            until(lambda pool=two: len(pool.ready()) == 2)
    assert len(_descriptors()) == before
    assert _workers() == workers
    until(lambda: threading.active_count() <= threads)


def test_calls_do_not_pile_up_descriptors_at_either_end(tmp_path: Path) -> None:
    with pool(tmp_path, 1) as one:
        (worker,) = one.ready()

        def run(times: int) -> None:
            for number in range(times):
                stream = one.queries.stream(request("wide 20"), ANA, 60)
                frames = stream.frames()
                next(frames)
                if number % 2:
                    list(frames)  # to its end
                stream.close()
                one.queries.catalogs(ANA)

        run(2)
        here, there = _descriptors(), _descriptors(worker.pid)
        run(30)
        until(lambda: len(_descriptors(worker.pid)) <= len(there))
        assert len(_descriptors()) <= len(here)
        assert _slots(_descriptors()) == _slots(_descriptors(worker.pid)) <= 2
        assert one.ready() == [worker]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_workers_end_with_their_front(tmp_path: Path, number: signal.Signals) -> None:
    front = subprocess.Popen([sys.executable, "-c", _FRONT, tmp_path], stdout=subprocess.PIPE, text=True)
    assert front.stdout is not None
    with front, front.stdout:
        assert front.stdout.readline() == "running\n"
        workers = family(front.pid)[1:]
        assert len(workers) == 2
        front.send_signal(number)
        front.wait()
    until(lambda: not any(Path(f"/proc/{worker}").exists() for worker in workers))


def test_a_signal_to_the_whole_group_is_the_fronts_to_act_on(tmp_path: Path) -> None:
    with pool(tmp_path, 2) as two:
        stream = two.queries.stream(request("rows 1 then sleep 0.5 then rows 2"), ANA, 60)
        frames = stream.frames()
        next(frames)
        for worker in two.ready():
            os.kill(worker.pid, signal.SIGTERM)
            os.kill(worker.pid, signal.SIGINT)
        assert sum(1 for _ in frames) == 3
        stream.close()


def test_what_runs_when_the_pool_closes_ends_at_once(tmp_path: Path) -> None:
    with pool(tmp_path, 1) as one:
        stream = one.queries.stream(request("rows 1 then sleep 60"), ANA, 60)
        frames = stream.frames()
        next(frames)
        began = time.monotonic()
    with pytest.raises((NoWorkers, WorkerLost)):
        list(frames)
    stream.close()
    assert time.monotonic() - began < 8
