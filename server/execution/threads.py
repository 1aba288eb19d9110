"""Threads for reads, kept for later ones: to start a thread costs 0.1 ms of CPU, and whoever starts it waits until it runs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue

_KEPT = 16
"""Idle threads that are kept."""


class Task:
    """A call that a thread makes."""

    def __init__(self, name: str, call: Callable[[], object]) -> None:
        self.name = name
        self.call = call
        self._ended = threading.Event()

    def join(self, seconds: float) -> None:
        """Wait for its end, so many seconds at most."""
        self._ended.wait(seconds)

    def end(self) -> None:
        """It is over."""
        self._ended.set()


class Threads:
    """As many as there are calls at once: no call waits for another's end. Thread-safe. Its owner closes it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[SimpleQueue[Task | None]] = []
        """What each idle thread waits for; the one that was busy last comes last."""
        self._closed = False

    def start(self, name: str, call: Callable[[], object]) -> Task:
        """Make a call in a thread of its own. Raises RuntimeError when the system has no thread."""
        task = Task(name, call)
        with self._lock:
            inbox = self._idle.pop() if self._idle else None
        if inbox is not None:
            inbox.put(task)
        else:
            threading.Thread(target=self._run, args=(task,), daemon=True).start()
        return task

    def close(self) -> None:
        """Keep no idle thread any more."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for inbox in idle:
            inbox.put(None)

    def _run(self, task: Task | None) -> None:
        inbox: SimpleQueue[Task | None] = SimpleQueue()
        thread = threading.current_thread()
        while task is not None:
            thread.name = task.name
            try:
                task.call()
            finally:
                task.end()
            task = None  # what it holds is free while the thread waits
            thread.name = "idle"
            with self._lock:
                if self._closed or len(self._idle) >= _KEPT:
                    return
                self._idle.append(inbox)
            task = inbox.get()
