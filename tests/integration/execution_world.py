"""What tests of whole statements share: requests, answers, and DuckDB files as sources."""

from __future__ import annotations

import datetime
import itertools
import math
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from auth.principal import Principal
from connectors.duckdb import Config
from connectors.registry import open_source
from server.query import LocalQueries
from server.requests import Request, Session
from server.schemas import fingerprint
from watersmeet.spi import Source

ANA = Principal(subject="ana", roles=frozenset({"analyst"}))
_numbers = itertools.count()


def duckdb_source(name: str, folder: Path, script: str) -> Source:
    """A source over a new file made by a script."""
    path = folder / f"{name}.duckdb"
    with duckdb.connect(str(path)) as con:
        con.execute(script)
    return open_source(name, Config(kind="duckdb", path=path))


def request(sql: str, *, schema: pa.Schema | None = None, row: dict[str, Any] | None = None, **session: Any) -> Request:
    """A request; `row` are parameters: a dictionary of one-element lists or arrays."""
    return Request(
        query_id=f"test-{next(_numbers)}",
        sql=sql,
        now=datetime.datetime.now(datetime.UTC),
        session=Session(**session),
        parameters=None if row is None else ipc(pa.table(row)),
        announced=None if schema is None else fingerprint(schema),
    )


def ipc(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return bytes(sink.getvalue())


def table(queries: LocalQueries, sql: str, *, who: Principal = ANA, timeout: float = math.inf, **more: Any) -> pa.Table:
    """A statement's answer."""
    answer = queries.execute(request(sql, **more), who, timeout)
    try:
        return pa.Table.from_batches(list(answer.batches()), answer.schema)
    finally:
        answer.close()


def rows(queries: LocalQueries, sql: str, **more: Any) -> list[tuple[Any, ...]]:
    """A statement's rows; columns of the same name keep their places."""
    columns = [column.to_pylist() for column in table(queries, sql, **more).columns]
    return list(zip(*columns, strict=True))
