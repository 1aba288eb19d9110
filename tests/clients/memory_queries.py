"""The server below the front, over one DuckDB in memory: real parsing, binding, rows and interrupts, no sources.

It lets the front be tested alone and quickly. Parameters are announced as the type that the SQL casts them to (`?::INT`),
or as text.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import duckdb
import pyarrow as pa

from auth.access import Access
from auth.principal import Principal
from planner.errors import (
    InvalidExpression,
    ParameterRefused,
    SettingRefused,
    StatementRefused,
    StatementTooLarge,
    SyntaxRefused,
    UnknownName,
)
from server.execution.errors import EvaluationFailed, StatementCancelled, StatementTimeout
from server.requests import Cancelled, Described, Ingest, Request, VisibleCatalog
from server.schemas import fingerprint
from watersmeet.spi import Column, SourceChanged, Table, arrow_type

SQL_BYTES = 1024 * 1024
_PARAMETER = re.compile(r"(?:\?|\$(\w+))(?:::(\w+))?")
_STAND_INS: dict[str, object] = {"INTEGER": 0, "BIGINT": 0, "DOUBLE": 0.0, "BOOLEAN": False, "DATE": date(2000, 1, 1)}
"""Values for parameters that are not bound yet, by type; '' for the rest."""


class MemoryQueries:
    """What server.query.LocalQueries offers the front. Closed with `close`."""

    def __init__(self, access: Access | None = None) -> None:
        self.connection = duckdb.connect()
        self.access = access or Access(None)
        self.executed: list[Request] = []
        """All requests that ran, in order."""
        self.running: set[Running] = set()

    def describe(self, request: Request, principal: Principal) -> Described:
        cursor = self._cursor(request)
        with _translated():
            kinds = [statement.type for statement in cursor.extract_statements(request.sql)]
        if kinds != [duckdb.StatementType.SELECT]:
            raise StatementRefused("only a single query is run")
        names, types = _parameters(request.sql)
        values = _values(request.parameters)
        if values is None:
            values = {name: _STAND_INS.get(kind, "") for name, kind in zip(names, types, strict=True)}
        with _translated():
            relation = cursor.sql(request.sql, params=_given(request.sql, values))
        fields = [
            pa.field(name, arrow_type(str(kind)), metadata={"ARROW:FLIGHT:SQL:TYPE_NAME": str(kind)})
            for name, kind in zip(relation.columns, relation.types, strict=True)
        ]
        parameters = [pa.field(name, arrow_type(kind)) for name, kind in zip(names, types, strict=True)]
        return Described(schema=pa.schema(fields), parameters=pa.schema(parameters))

    def execute(self, request: Request, principal: Principal, timeout: float) -> Running:
        described = self.describe(request, principal)
        if request.announced is not None and fingerprint(described.schema) != request.announced:
            raise SourceChanged("memory", "the answer no longer has the columns that were announced: plan again")
        self.executed.append(request)
        return Running(self, request, described.schema, timeout)

    def update(self, request: Request, principal: Principal, timeout: float) -> int:
        raise StatementRefused("only a single query is run")

    def ingest(self, ingest: Ingest, batches: Iterator[pa.RecordBatch], principal: Principal, timeout: float) -> int:
        raise StatementRefused("only a single query is run")

    def catalogs(self, principal: Principal, only: str | None = None) -> tuple[VisibleCatalog, ...]:
        tables: dict[tuple[str, str, str], list[Column]] = {}
        views: set[tuple[Any, ...]] = set(
            self._rows("SELECT database_name, schema_name, view_name FROM duckdb_views() WHERE NOT internal")
        )
        for catalog, schema, table, name, kind, nullable, remarks in self._rows(
            "SELECT database_name, schema_name, table_name, column_name, data_type, is_nullable, comment"
            " FROM duckdb_columns() WHERE NOT internal ORDER BY database_name, schema_name, table_name, column_index"
        ):
            if self.access.visible(principal, catalog, schema, table):
                column = Column(name=name, type=kind, nullable=nullable, remarks=remarks)
                tables.setdefault((catalog, schema, table), []).append(column)
        names = sorted(
            {catalog for catalog, _, _ in tables} if only is None else {c for c, _, _ in tables if c == only}
        )
        return tuple(
            VisibleCatalog(
                name=name,
                schemas=tuple(sorted({schema for catalog, schema, _ in tables if catalog == name})),
                tables=tuple(
                    Table(schema=key[1], name=key[2], columns=tuple(columns), view=key in views)
                    for key, columns in tables.items()
                    if key[0] == name
                ),
                arrow={column.type: arrow_type(column.type) for columns in tables.values() for column in columns},
            )
            for name in names
        )

    def cancel(self, query_id: str, everywhere: bool = False) -> Cancelled:
        running = [answer for answer in self.running if answer.query_id == query_id]
        for answer in running:
            answer.cancel()
        return Cancelled.STOPPED if running else Cancelled.NOT_FOUND

    def close(self) -> None:
        self.connection.close()

    def _rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self.connection.cursor().execute(sql).fetchall()

    def _cursor(self, request: Request) -> duckdb.DuckDBPyConnection:
        if len(request.sql.encode()) > SQL_BYTES:
            raise StatementTooLarge(f"the statement is longer than {SQL_BYTES} bytes")
        cursor = self.connection.cursor()
        for name, value in request.session.settings.items():
            if name not in ("timezone", "pushdown"):
                raise SettingRefused(f"there is no setting {name}")
            if name == "timezone":
                cursor.execute("SET TimeZone = $1", [value])
        if request.session.catalog:
            cursor.execute(f'USE "{request.session.catalog}"."{request.session.schema or "main"}"')
        return cursor


class Running:
    """Implements server.requests.Answer."""

    def __init__(self, queries: MemoryQueries, request: Request, schema: pa.Schema, timeout: float) -> None:
        self.schema = schema
        self.query_id = request.query_id
        self.cancelled = threading.Event()
        self._queries = queries
        self._request = request
        self._cursor = queries._cursor(request)
        self._late = threading.Event()
        self._timer = threading.Timer(timeout, self._time_out)
        self._timer.daemon = True
        self._timer.start()
        queries.running.add(self)

    def batches(self) -> Iterator[pa.RecordBatch]:
        sql = self._request.sql
        try:
            with _translated():
                relation = self._cursor.sql(sql, params=_given(sql, _values(self._request.parameters) or {}))
                for batch in relation.to_arrow_reader(65536):
                    columns = [
                        column.cast(field.type) for column, field in zip(batch.columns, self.schema, strict=True)
                    ]
                    yield pa.RecordBatch.from_arrays(columns, schema=self.schema)
        except StatementCancelled:
            if self._late.is_set():
                raise StatementTimeout("the statement's time is over") from None
            raise

    def cancel(self) -> None:
        if not self.cancelled.is_set():
            self.cancelled.set()
            threading.Thread(target=self._interrupt, daemon=True).start()

    def close(self) -> None:
        self._timer.cancel()
        self._queries.running.discard(self)

    def _interrupt(self) -> None:
        """Until it ends: an interrupt that comes before DuckDB has begun is lost. server.execution repeats it, too."""
        while self in self._queries.running:
            self._cursor.interrupt()
            time.sleep(0.02)

    def _time_out(self) -> None:
        self._late.set()
        self.cancel()


@contextmanager
def _translated() -> Iterator[None]:
    """DuckDB's errors as ours. Those of a stream that has begun come as OSError with DuckDB's text."""
    try:
        yield
    except OSError as error:
        text = str(error).split("\n")[0]
        raise (StatementCancelled if text.startswith("INTERRUPT") else EvaluationFailed)(text) from error
    except duckdb.Error as error:
        text = str(error).split("\n")[0]
        if isinstance(error, duckdb.InterruptException):
            raise StatementCancelled("the statement was cancelled") from error
        if isinstance(error, duckdb.CatalogException):
            raise UnknownName(text) from error
        if isinstance(error, duckdb.ParserException):
            raise SyntaxRefused(text) from error
        if isinstance(error, duckdb.InvalidInputException) and "parameter" in text:
            raise ParameterRefused(text) from error
        if isinstance(error, (duckdb.ConversionException, duckdb.OutOfRangeException, duckdb.InvalidInputException)):
            raise EvaluationFailed(text) from error
        raise InvalidExpression(text) from error


def _parameters(sql: str) -> tuple[list[str], list[str]]:
    """Names and types of a statement's parameters, in order."""
    found: dict[str, str] = {}
    for match in _PARAMETER.finditer(sql):
        name = match[1] or str(len(found) + 1)
        found[name] = str(duckdb.type(match[2])) if match[2] else found.get(name, "VARCHAR")
    return list(found), list(found.values())


def _values(parameters: bytes | None) -> dict[str, object] | None:
    if parameters is None:
        return None
    (row,) = pa.ipc.open_stream(parameters).read_all().to_pylist()
    return dict(row)


def _given(sql: str, values: dict[str, object]) -> dict[str, object] | list[object] | None:
    if not values:
        return None
    return list(values.values()) if "?" in sql else values
