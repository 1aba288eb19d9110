"""An executor for worker processes whose statements say what is to go wrong: `rows 5 then exit`, `hold`, `sleep 60` …

It stands where planning and engine stand, so that each fault comes exactly when a test wants it.
"""

from __future__ import annotations

import ctypes
import os
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from auth.principal import Principal
from planner.errors import UnknownName
from server.execution.errors import StatementCancelled
from server.requests import Cancelled, Described, Ingest, Request, VisibleCatalog
from watersmeet.spi import SourceChanged, SourceQueryFailed

SCHEMA = pa.schema({"pid": pa.int32(), "i": pa.int64(), "filler": pa.binary()})
WIDE = 1 << 20
"""Bytes of a wide row."""


@contextmanager
def open_scripted(folder: Path) -> Iterator[Scripted]:
    """`folder` gets a line for each thing that is done, from whichever process: `NAME PID`."""
    _batch(0, b"")  # with the first, pyarrow imports pandas: a second on a loaded machine, in which no cancel is heard
    yield Scripted(folder)


@contextmanager
def open_failing(error: Exception) -> Iterator[Scripted]:
    """A worker that cannot start."""
    raise error
    yield


@contextmanager
def open_dying() -> Iterator[Scripted]:
    """A worker that dies at start."""
    os._exit(7)
    yield


class Scripted:
    """Implements server.workers.inprocess.Executor."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: dict[str, threading.Event] = {}

    def describe(self, request: Request, principal: Principal) -> Described:
        self._note("describe")
        _act(request.sql, threading.Event())
        return Described(schema=SCHEMA, parameters=pa.schema([]))

    def execute(self, request: Request, principal: Principal, timeout: float) -> ScriptedAnswer:
        self._note("execute")
        self._note(f"ran-{request.query_id}")
        plan, _, run = request.sql.rpartition("planned: ")
        stop = self._running[request.query_id] = threading.Event()
        _act(plan, stop)
        return ScriptedAnswer(run, stop, self._note)

    def update(self, request: Request, principal: Principal, timeout: float) -> int:
        stop = self._running[request.query_id] = threading.Event()
        _act(request.sql, stop)
        self._note("updated")
        return 1

    def ingest(self, ingest: Ingest, batches: Iterator[pa.RecordBatch], principal: Principal, timeout: float) -> int:
        stop = self._running[ingest.query_id] = threading.Event()
        _act(ingest.table, stop)
        count = sum(batch.num_rows for batch in batches)
        self._note("ingested")
        return count

    def catalogs(self, principal: Principal, only: str | None = None) -> tuple[VisibleCatalog, ...]:
        return (VisibleCatalog(name=str(os.getpid()), schemas=(), tables=()),)

    def refresh(self) -> None:
        self._note("refreshed")

    def cancel(self, query_id: str, everywhere: bool = False) -> Cancelled:
        self._note(f"cancel-{query_id}")
        if query_id in self._running:
            self._running[query_id].set()
            return Cancelled.STOPPED
        return Cancelled.NOT_FOUND

    def _note(self, what: str) -> None:
        with (self._folder / "notes").open("a") as file:
            file.write(f"{what} {os.getpid()}\n")


class ScriptedAnswer:
    """Implements server.requests.Answer."""

    schema = SCHEMA

    def __init__(self, sql: str, stop: threading.Event, note: object) -> None:
        self._sql = sql
        self._stop = stop
        self._note = note

    def batches(self) -> Iterator[pa.RecordBatch]:
        for step in self._sql.split(" then "):
            match step.split():
                case ["rows", count]:
                    yield from (_batch(i, b"") for i in range(int(count)))
                case ["wide", count]:
                    yield from (_batch(i, bytes(WIDE)) for i in range(int(count)))
                case _:
                    _act(step, self._stop)
            if self._stop.is_set():
                raise StatementCancelled("the statement was cancelled")

    def cancel(self) -> None:
        assert callable(self._note)
        self._note("cancelled")
        self._stop.set()

    def close(self) -> None:
        self._stop.set()


def _batch(i: int, filler: bytes) -> pa.RecordBatch:
    return pa.record_batch([[os.getpid()], [i], [filler]], schema=SCHEMA)


def _act(step: str, stop: threading.Event) -> None:
    match step.split():
        case ["sleep", seconds]:
            if stop.wait(float(seconds)):
                raise StatementCancelled("the statement was cancelled")
        case ["deaf", seconds]:
            time.sleep(float(seconds))
        case ["hold"]:  # Python's one lock, for hours
            re.match(r"(a+)+$", "a" * 64 + "b")
        case ["exit"]:
            os._exit(3)
        case ["crash"]:
            ctypes.string_at(0)
        case ["memory"]:
            bytearray(1 << 40)
        case ["unknown"]:
            raise UnknownName("there is no such table")
        case ["source"]:
            raise SourceQueryFailed("sales", "division by zero", sqlstate="22012")
        case ["changed"]:
            raise SourceChanged("sales", "a column is gone; plan again")
        case ["bug"]:
            raise KeyError("nobody foresaw this")
