"""Places for running statements: first come, first served, and refused at once beyond the queue."""

from __future__ import annotations

import math
import threading
import time

import pytest

from server.execution.admission import Admission, Slot
from server.execution.errors import AdmissionRefused


def test_beyond_the_queue_it_refuses_at_once() -> None:
    admission = Admission(running=1, queued=1)
    admission.enter()
    admission.enter()
    started = time.monotonic()
    with pytest.raises(AdmissionRefused, match="limits.running"):
        admission.enter()
    assert time.monotonic() - started < 0.1


def test_the_first_in_the_queue_is_the_next_to_run() -> None:
    admission = Admission(running=1, queued=2)
    first, second, third = admission.enter(), admission.enter(), admission.enter()
    first.leave()
    assert second.running and not third.running
    second.leave()
    assert third.running


def test_leaving_twice_frees_one_place_only() -> None:
    admission = Admission(running=1, queued=5)
    first, second, third = admission.enter(), admission.enter(), admission.enter()
    first.leave()
    first.leave()
    assert second.running and not third.running


def test_who_leaves_the_queue_stops_waiting() -> None:
    admission = Admission(running=1, queued=1)
    admission.enter()
    waiting = admission.enter()
    threading.Timer(0.05, waiting.leave).start()
    assert not waiting.wait(math.inf)
    assert isinstance(admission.enter(), Slot)


def test_waiting_ends_with_the_deadline() -> None:
    admission = Admission(running=1, queued=1)
    admission.enter()
    assert not admission.enter().wait(time.monotonic() + 0.05)


def test_never_more_than_allowed_run() -> None:
    admission = Admission(running=3, queued=100)
    lock, now, most = threading.Lock(), 0, 0

    def run() -> None:
        nonlocal now, most
        slot = admission.enter()
        assert slot.wait(time.monotonic() + 10)
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.005)
        with lock:
            now -= 1
        slot.leave()

    threads = [threading.Thread(target=run) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 3
