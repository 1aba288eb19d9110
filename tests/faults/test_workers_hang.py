"""A worker that hangs, or a statement that takes all its memory, costs no other worker's statements."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from planner.errors import UnknownName
from server.execution.errors import (
    EngineFailed,
    MemoryExceeded,
    StatementCancelled,
    StatementTimeout,
    WorkerLost,
)
from server.requests import Cancelled
from server.workers.process import Worker
from server.workers.supervisor import Patience
from tests.faults.pools import ANA, Pool, pool, request, until
from watersmeet.spi import SourceQueryFailed

QUICK = Patience(silent=2.5, frozen=4.0)


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Pool]:
    with pool(tmp_path, 2, patience=QUICK) as running:
        yield running


def test_a_stopped_worker_costs_what_it_streams_and_no_more(two: Pool) -> None:
    victim = two.queries.stream(request("wide 3 then sleep 0.5 then wide 60"), ANA, 60)
    frames = victim.frames()
    next(frames), next(frames)
    (stopped,) = two.busy()
    others = [two.queries.stream(request("wide 2 then sleep 4 then wide 2"), ANA, 60) for _ in range(2)]
    begun = [other.frames() for other in others]
    assert [len(next(other)) > 0 for other in begun[:1]] == [True]  # least loaded: on the other worker
    os.kill(stopped.pid, signal.SIGSTOP)
    assert sum(1 for _ in begun[0]) == 4
    with pytest.raises(WorkerLost):
        list(frames)
    # This one is placed when one of two workers does not answer, but is not known to: it is run again if it must be.
    assert sum(1 for _ in begun[1]) == 5
    for stream in (victim, *others):
        stream.close()
    until(lambda: len(two.ready()) == 2)
    assert stopped.pid not in {worker.pid for worker in two.ready()}


def test_a_planner_that_holds_the_interpreter_is_ended_while_others_go_on(two: Pool) -> None:
    with ThreadPoolExecutor(1) as threads:
        held = threads.submit(two.queries.describe, request("hold"), ANA)
        while not held.done():
            assert two.rows("rows 1") == 1
        with pytest.raises(WorkerLost):
            held.result()


def test_workers_are_not_taken_for_dead_by_a_supervisor_that_did_not_get_to_look(
    two: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {worker.pid for worker in two.ready()}
    heard, delayed = two.supervisor._heard, threading.Event()

    def late(worker: Worker) -> None:
        heard(worker)
        if not delayed.is_set():
            time.sleep(QUICK.frozen + 0.5)
            delayed.set()

    monkeypatch.setattr(two.supervisor, "_heard", late)
    assert delayed.wait(20)
    assert two.rows("sleep 1 planned: rows 1") == 1  # the supervisor has looked again
    assert {worker.pid for worker in two.ready()} == before


def test_an_answer_that_does_not_come_in_time_ends_in_a_timeout(tmp_path: Path) -> None:
    with pool(tmp_path, 2, grace=0.5) as two:
        began = time.monotonic()
        with pytest.raises(StatementTimeout):
            two.rows("deaf 30", timeout=0.5)
        assert time.monotonic() - began < 5
        assert two.rows("rows 1") == 1


def test_a_statement_that_needs_too_much_memory_fails_and_its_worker_goes_on(two: Pool) -> None:
    before = {worker.pid for worker in two.ready()}
    with pytest.raises(MemoryExceeded):
        two.rows("memory")
    assert {worker.pid for worker in two.ready()} == before


@pytest.mark.parametrize(
    ("step", "error"), [("unknown", UnknownName), ("source", SourceQueryFailed), ("bug", EngineFailed)]
)
def test_errors_cross_with_their_class(two: Pool, step: str, error: type[Exception]) -> None:
    with pytest.raises(error) as raised:
        two.rows(f"{step} planned: rows 1")
    assert "Traceback" not in str(raised.value)
    with pytest.raises(error):
        two.rows(f"rows 1 then {step}")
    with pytest.raises(error):
        two.queries.describe(request(step), ANA)


def test_a_cancel_ends_a_stream_in_its_worker(two: Pool) -> None:
    asked = request("rows 1 then sleep 30")
    stream = two.queries.stream(asked, ANA, 60)
    frames = stream.frames()
    next(frames)
    timer = threading.Timer(0.3, lambda: two.queries.cancel(asked.query_id))
    timer.start()
    began = time.monotonic()
    with pytest.raises(StatementCancelled):
        list(frames)
    stream.close()
    assert time.monotonic() - began < 5
    assert "cancelled" in {name for name, _ in two.notes()}
    assert two.queries.cancel(asked.query_id) in set(Cancelled)
    assert len(two.ready()) == 2  # the worker is well


def test_a_cancel_reaches_a_client_whose_worker_does_not_listen(two: Pool) -> None:
    stream = two.queries.stream(request("rows 1 then deaf 30"), ANA, 60)
    frames = stream.frames()
    next(frames), next(frames)
    threading.Timer(0.3, stream.cancel).start()
    began = time.monotonic()
    with pytest.raises(StatementCancelled):
        list(frames)
    stream.close()
    assert time.monotonic() - began < 15


def test_a_client_that_goes_away_ends_its_statement(two: Pool) -> None:
    stream = two.queries.stream(request("wide 1000"), ANA, 60)
    frames = stream.frames()
    for _ in range(5):
        next(frames)
    stream.close()
    assert not two.busy() and len(two.ready()) == 2


def test_a_cancel_costs_no_worker_whenever_it_comes(two: Pool) -> None:
    before = {worker.pid for worker in two.ready()}
    for number in range(40):
        stream = two.queries.stream(request("sleep 0.02 planned: wide 3 then sleep 0.02 then wide 40"), ANA, 60)
        timer = threading.Timer(number / 400, stream.cancel)
        timer.start()
        with pytest.raises(StatementCancelled):
            for _ in stream.frames():
                time.sleep(0.004)  # a client that is slower than its worker
        timer.join()
        stream.close()
    assert {worker.pid for worker in two.ready()} == before
