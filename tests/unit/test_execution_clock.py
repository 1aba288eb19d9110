"""One clock for all deadlines: who is called, and who is not."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from server.execution.clock import Clock

LONG = 30.0
"""Seconds in which what must happen does happen, however busy the machine is."""


@pytest.fixture
def clock() -> Iterator[Clock]:
    clock = Clock()
    yield clock
    clock.close()


def test_an_alarm_calls_when_its_time_has_come(clock: Clock) -> None:
    rung = threading.Event()
    moment = time.monotonic() + 0.05
    clock.at(moment, rung.set)
    assert rung.wait(LONG)
    assert time.monotonic() >= moment


def test_an_earlier_alarm_does_not_wait_for_a_later_one(clock: Clock) -> None:
    rung = threading.Event()
    clock.at(time.monotonic() + 3600, lambda: None)
    clock.at(time.monotonic() + 0.01, rung.set)
    assert rung.wait(LONG)


def test_an_alarm_that_was_stopped_does_not_call(clock: Clock) -> None:
    called: list[int] = []
    later = threading.Event()
    soon = time.monotonic() + 0.05
    stopped = clock.at(soon, lambda: called.append(1))
    clock.at(soon + 0.01, later.set)
    stopped.stop()
    stopped.stop()
    assert later.wait(LONG)
    assert not called


def test_a_call_that_waits_holds_up_no_other(clock: Clock) -> None:
    release, rung = threading.Event(), threading.Event()
    now = time.monotonic()
    clock.at(now, lambda: release.wait(LONG))
    clock.at(now + 0.01, rung.set)
    try:
        assert rung.wait(LONG)
    finally:
        release.set()


def test_nobody_is_called_after_the_close() -> None:
    clock = Clock()
    called: list[int] = []
    clock.at(time.monotonic() + 0.05, lambda: called.append(1))
    clock.close()
    time.sleep(0.1)
    assert not called
