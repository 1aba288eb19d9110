"""Kept threads: as many as there are calls at once, none that waits for another's end, none left after closing."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from server.execution.threads import Threads
from tests.unit.memory_source import until


@pytest.fixture
def threads() -> Iterator[Threads]:
    before = threading.active_count()
    made = Threads()
    yield made
    made.close()
    assert until(lambda: threading.active_count() <= before)


def test_a_thread_that_is_through_makes_the_next_call(threads: Threads) -> None:
    idents: list[int] = []
    for _ in range(5):
        task = threads.start("one", lambda: idents.append(threading.get_ident()))
        task.join(5)
        assert until(lambda: any(thread.name == "idle" for thread in threading.enumerate()))
    assert len(idents) == 5
    assert len(set(idents)) == 1


def test_no_call_waits_for_another_ones_end(threads: Threads) -> None:
    together = threading.Barrier(40)
    tasks = [threads.start(str(number), lambda: together.wait(10)) for number in range(40)]
    for task in tasks:
        task.join(10)
    assert not together.broken


def test_of_many_threads_a_few_are_kept(threads: Threads) -> None:
    before, together = threading.active_count(), threading.Barrier(40)
    for number in range(40):
        threads.start(str(number), lambda: together.wait(10))
    assert until(lambda: threading.active_count() - before == 16)


def test_a_wait_for_a_calls_end_is_bounded(threads: Threads) -> None:
    go = threading.Event()
    task = threads.start("waits", lambda: go.wait(10))
    task.join(0.01)
    assert any(thread.name == "waits" for thread in threading.enumerate())
    go.set()
    task.join(10)


def test_what_runs_when_they_are_closed_ends_in_peace() -> None:
    before, go, ended = threading.active_count(), threading.Event(), threading.Event()
    threads = Threads()

    def late() -> None:
        go.wait(10)
        ended.set()

    threads.start("late", late)
    threads.close()
    go.set()
    assert ended.wait(10)
    assert until(lambda: threading.active_count() <= before)
