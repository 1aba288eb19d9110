"""Queries in the server's own process (`server.workers: 0`): answers encoded for the front where they run."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import suppress
from typing import Protocol

import pyarrow as pa

from auth.principal import Principal
from server.frames import encode
from server.requests import Answer, Cancelled, Described, Ingest, Request, VisibleCatalog


class Executor(Protocol):
    """What server.query.LocalQueries offers."""

    def describe(self, request: Request, principal: Principal) -> Described: ...

    def execute(self, request: Request, principal: Principal, timeout: float) -> Answer: ...

    def update(self, request: Request, principal: Principal, timeout: float) -> int: ...

    def ingest(
        self, ingest: Ingest, batches: Iterator[pa.RecordBatch], principal: Principal, timeout: float
    ) -> int: ...

    def catalogs(self, principal: Principal, only: str | None = None) -> tuple[VisibleCatalog, ...]: ...

    def cancel(self, query_id: str, everywhere: bool = False) -> Cancelled: ...

    def refresh(self) -> None: ...


class InProcess:
    """Implements server.requests.Queries over an executor, which stays its owner's to close."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    def describe(self, request: Request, principal: Principal) -> Described:
        return self._executor.describe(request, principal)

    def stream(
        self, request: Request, principal: Principal, timeout: float, compression: str | None = None
    ) -> EncodedAnswer:
        return EncodedAnswer(self._executor.execute(request, principal, timeout), compression)

    def update(self, request: Request, principal: Principal, timeout: float) -> int:
        return self._executor.update(request, principal, timeout)

    def ingest(self, ingest: Ingest, batches: Iterator[pa.RecordBatch], principal: Principal, timeout: float) -> int:
        return self._executor.ingest(ingest, batches, principal, timeout)

    def catalogs(self, principal: Principal, only: str | None = None) -> tuple[VisibleCatalog, ...]:
        return self._executor.catalogs(principal, only)

    def cancel(self, query_id: str, everywhere: bool = False) -> Cancelled:
        return self._executor.cancel(query_id, everywhere)


class EncodedAnswer:
    """Implements server.requests.Stream over an answer that it owns."""

    def __init__(self, answer: Answer, compression: str | None) -> None:
        self._answer = answer
        self._compression = compression
        self._frames: Generator[bytes, None, None] | None = None

    def frames(self) -> Iterator[bytes]:
        self._frames = encode(self._answer.schema, self._answer.batches(), self._compression)
        return self._frames

    def cancel(self) -> None:
        self._answer.cancel()

    def close(self) -> None:
        if self._frames is not None:
            with suppress(ValueError):  # another thread is in it: cancelling wakes it
                self._frames.close()
        self._answer.close()
