"""Worker processes under a pool of this process, without a front."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from auth.principal import Principal
from server.execution.limits import LimitsConfig
from server.requests import Request
from server.workers.orders import Orders
from server.workers.pool import WorkerPool
from server.workers.process import State, Worker
from server.workers.supervisor import Patience, Supervisor
from tests.faults.scripted import open_scripted

ANA = Principal(subject="ana")
_numbers = itertools.count()


@dataclass(frozen=True)
class Pool:
    """A pool that runs."""

    queries: WorkerPool
    supervisor: Supervisor
    folder: Path

    def notes(self) -> list[list[str]]:
        """What the workers did: [name, pid], in order."""
        file = self.folder / "notes"
        return [line.split() for line in file.read_text().splitlines()] if file.exists() else []

    def ready(self) -> list[Worker]:
        return [worker for worker in self.supervisor.workers() if worker.state is State.READY]

    def busy(self) -> list[Worker]:
        """Those that run statements."""
        return [worker for worker in self.supervisor.workers() if worker.statements]

    def rows(self, sql: str, timeout: float = 60.0) -> int:
        """Run a statement to its end; the number of its frames but for the schema's."""
        stream = self.queries.stream(request(sql), ANA, timeout)
        try:
            return sum(1 for _ in stream.frames()) - 1
        finally:
            stream.close()


def request(sql: str) -> Request:
    return Request(query_id=f"q{next(_numbers)}", sql=sql, now=datetime.now(UTC))


@contextmanager
def pool(
    folder: Path,
    count: int = 2,
    *,
    opening: Callable[..., AbstractContextManager[Any]] = open_scripted,
    arguments: tuple[object, ...] | None = None,
    memory: int = 1 << 30,
    patience: Patience | None = None,
    grace: float = 1.0,
    **limits: Any,
) -> Iterator[Pool]:
    """A pool of scripted workers, unless something else is opened there. `limits` as in the configuration."""

    def orders(number: int, place: int) -> Orders:
        given = (folder,) if arguments is None else arguments
        return Orders(number=number, open=opening, arguments=given, memory=memory, statements=4, logs=("text", "error"))

    supervisor = Supervisor(count, orders, patience or Patience())
    try:
        supervisor.start()
        yield Pool(WorkerPool(supervisor, LimitsConfig(statement_timeout=30, **limits), grace), supervisor, folder)
    finally:
        supervisor.close()


def until(condition: Callable[[], object], seconds: float = 20.0) -> None:
    """Wait until `condition()` holds, and fail when it does not."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.01)
