"""Two Flight servers that hold the same table in memory: our front with one worker, and pyarrow.flight's own.

Each runs in its own process. Ours is the whole way of a stream but planning and engine: the real front, the real worker
process and the relay between them, over an executor that hands out batches that exist.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import flight
from pydantic import SecretStr

from auth.authenticator import AuthConfig, Authenticator
from auth.principal import Principal
from server.execution.limits import LimitsConfig
from server.flight import sqlinfo
from server.flight.service import FlightOptions, create_server
from server.flight.tickets import TicketKey, TicketsConfig
from server.flight.tls import TlsConfig
from server.requests import Cancelled, Described, Ingest, Request, VisibleCatalog
from server.workers.orders import Orders
from server.workers.pool import WorkerPool
from server.workers.supervisor import Patience, Supervisor

SERVERS = ("ours", "theirs")
BATCH = 65536
"""Rows of a batch: 3 MB, which is one frame for both."""
_WHOLE, _FACTS = b"table", b"facts"
"""Tickets of theirs."""


def table(rows: int) -> pa.Table:
    """Six columns of 8 bytes a row, in batches."""
    i = np.arange(rows, dtype=np.int64)
    columns = {
        "id": i,
        "customer": i % 9973,
        "amount": i * 0.25,
        "rate": (i % 11) / 100,
        "placed": i.astype("datetime64[us]"),
        "shipped": (i + 7).astype("datetime64[us]"),
    }
    return pa.Table.from_batches(pa.table(columns).to_batches(BATCH))


@contextmanager
def running(name: str, rows: int, tls: tuple[Path, Path] | None = None) -> Iterator[tuple[str, int]]:
    """One of SERVERS, with a certificate and its key or without: its URI and its process."""
    command = [sys.executable, "-m", "bench.in_memory_server", name, str(rows), *map(str, tls or ())]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None and process.stdout is not None
    try:
        port = int(process.stdout.readline())
        yield f"grpc{'+tls' if tls else ''}://127.0.0.1:{port}", process.pid
        process.stdin.close()  # it ends by itself, and its worker with it
        process.wait(20)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def serve(words: list[str]) -> None:
    """Serve until standard input ends; prints the port."""
    parser = argparse.ArgumentParser()
    parser.add_argument("name", choices=SERVERS)
    parser.add_argument("rows", type=int)
    parser.add_argument("tls", type=Path, nargs="*")
    given = parser.parse_args(words)
    (_ours if given.name == "ours" else _theirs)(given.rows, tuple(given.tls))


def _ours(rows: int, tls: tuple[Path, ...]) -> None:
    def orders(number: int, place: int) -> Orders:
        return Orders(
            number=number, open=open_table, arguments=(rows,), memory=1 << 32, statements=16, logs=("text", "error")
        )

    supervisor = Supervisor(1, orders, Patience())
    try:
        supervisor.start()
        keys = (TicketKey(kid="t1", secret=SecretStr("a secret of more than 32 bytes, for measuring")),)
        server = create_server(
            WorkerPool(supervisor, LimitsConfig()),
            Authenticator(AuthConfig(anonymous=True)),
            TicketsConfig(keys=keys),
            FlightOptions(listen="127.0.0.1:0", tls=TlsConfig(cert=tls[0], key=tls[1]) if tls else None),
        )
        print(server.start(), flush=True)
        sys.stdin.read()
        server.stop()
    finally:
        supervisor.close()


def _theirs(rows: int, tls: tuple[Path, ...]) -> None:
    with _PyarrowServer(table(rows), tls) as server:
        print(server.port, flush=True)
        sys.stdin.read()


class _PyarrowServer(flight.FlightServerBase):  # type: ignore[misc]
    """Answers everything with the table, but what ADBC asks of every server first: that has no rows."""

    def __init__(self, whole: pa.Table, tls: tuple[Path, ...]) -> None:
        certificates = [tuple(file.read_bytes() for file in tls)] if tls else None
        super().__init__(f"grpc{'+tls' if tls else ''}://127.0.0.1:0", tls_certificates=certificates)
        self._whole = whole

    def get_flight_info(
        self, context: flight.ServerCallContext, descriptor: flight.FlightDescriptor
    ) -> flight.FlightInfo:
        facts = b"CommandGetSqlInfo" in descriptor.command
        schema, ticket = (sqlinfo.SCHEMA, _FACTS) if facts else (self._whole.schema, _WHOLE)
        return flight.FlightInfo(schema, descriptor, [flight.FlightEndpoint(ticket, [])], -1, -1)

    def do_get(self, context: flight.ServerCallContext, ticket: flight.Ticket) -> flight.RecordBatchStream:
        return flight.RecordBatchStream(sqlinfo.SCHEMA.empty_table() if ticket.ticket == _FACTS else self._whole)


@contextmanager
def open_table(rows: int) -> Iterator[InMemory]:
    """What the worker process runs."""
    yield InMemory(table(rows))


class InMemory:
    """Answers every statement with the table. Implements server.workers.inprocess.Executor."""

    def __init__(self, whole: pa.Table) -> None:
        self._whole = whole

    def describe(self, request: Request, principal: Principal) -> Described:
        return Described(schema=self._whole.schema, parameters=pa.schema([]))

    def execute(self, request: Request, principal: Principal, timeout: float) -> TableAnswer:
        return TableAnswer(self._whole)

    def update(self, request: Request, principal: Principal, timeout: float) -> int:
        raise NotImplementedError("the table is only read")

    def ingest(self, ingest: Ingest, batches: Iterator[pa.RecordBatch], principal: Principal, timeout: float) -> int:
        raise NotImplementedError("the table is only read")

    def catalogs(self, principal: Principal, only: str | None = None) -> tuple[VisibleCatalog, ...]:
        return ()

    def cancel(self, query_id: str, everywhere: bool = False) -> Cancelled:
        return Cancelled.NOT_FOUND

    def refresh(self) -> None:
        """The table stays as it is."""


class TableAnswer:
    """Implements server.requests.Answer."""

    def __init__(self, whole: pa.Table) -> None:
        self.schema = whole.schema
        self._whole = whole

    def batches(self) -> Iterator[pa.RecordBatch]:
        yield from self._whole.to_batches()

    def cancel(self) -> None:
        """The client has gone, and its stream ends with it."""

    def close(self) -> None:
        """Nothing is held."""
