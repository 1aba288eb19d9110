"""Ends calls whose clients begin to send and do not go on: each occupies a thread that others wait for."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterator

import grpc


class Patience:
    """One thread that watches all calls which are still being received. `start` and `stop` once each."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._receiving: dict[object, tuple[float, grpc.ServicerContext]] = {}
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="patience", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()

    def requests(self, context: grpc.ServicerContext, messages: Iterator[bytes]) -> Generator[bytes]:
        """`messages`, as long as each arrives in time; else the call is cancelled, and this raises grpc.RpcError.

        The time in which they are made use of does not count: rows for a table may come for hours.
        """
        key = object()
        try:
            while True:
                self._receiving[key] = time.monotonic() + self._seconds, context
                message = next(messages, None)
                del self._receiving[key]
                if message is None:
                    return
                yield message
        finally:
            self._receiving.pop(key, None)

    def _watch(self) -> None:
        while not self._stopped.wait(self._seconds / 10):
            now = time.monotonic()
            for deadline, context in list(self._receiving.values()):
                if deadline < now:
                    context.cancel()
