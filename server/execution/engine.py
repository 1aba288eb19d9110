"""The local engine: one locked-down DuckDB in memory, a cursor for each statement, Arrow streams in and out.

It runs SQL that the planner printed, never a client's text.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import duckdb
import pyarrow as pa

from server.execution.cursors import Cursor, Cursors, Input
from server.execution.errors import (
    EngineFailed,
    EvaluationFailed,
    ExecutionError,
    MemoryExceeded,
    SpillExceeded,
    StatementCancelled,
)
from watersmeet import spi

__all__ = ["Engine", "EngineQuery", "Input"]

log = logging.getLogger(__name__)

_WIDE = frozenset({"HUGEINT", "UHUGEINT"})
"""Exported to decimal128(38,0) without a check (2.0.0): cast instead, so that a 39th digit is an error."""


class Engine:
    """Thread-safe; lives as long as the process."""

    def __init__(self, *, memory: int, threads: int, spill_dir: Path, spill: int) -> None:
        self._settings = (memory, threads, spill_dir, spill)
        self._lock = threading.Lock()
        self._base = self._opened()
        self._cursors = Cursors(self._base)
        self._types: dict[str, pa.DataType] = {}

    def _opened(self) -> duckdb.DuckDBPyConnection:
        memory, threads, spill_dir, spill = self._settings
        base = duckdb.connect(
            config={
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
                "python_enable_replacements": "false",  # or an unknown table is looked for among Python's variables
                "memory_limit": f"{memory}B",
                "threads": str(threads),
                "temp_directory": str(spill_dir) if spill else "",
            }
        )
        # As an option of connect() the bound on spilled bytes is shown but not enforced (measured on 2.0.0).
        base.execute(f"SET max_temp_directory_size = '{spill}B'")
        base.execute("SET enable_external_access = false")
        base.execute("SET TimeZone = 'UTC'")
        # The first loses rows in 2.0.0: `EXISTS (… WHERE a <= (SELECT count(*) FROM empty))`. The second gives avg(DECIMAL)
        # a last bit that depends on what else is asked (planner/averages.py).
        base.execute("SET disabled_optimizers = 'statistics_propagation,aggregate_function_rewriter'")
        base.execute("SET allowed_configs = ['TimeZone']")
        base.execute("SET lock_configuration = true")
        return base

    def _replace(self, broken: Cursors) -> None:
        """After an internal error DuckDB refuses everything on that database: the next statements get a new one."""
        with self._lock:
            if self._cursors is broken:
                self._base = self._opened()
                self._cursors = Cursors(self._base)
                broken.close()

    def close(self) -> None:
        """Free everything; statements must have ended. One that does not end holds what it uses."""
        try:
            self._cursors.close()
            self._base.close()
        except duckdb.Error as error:
            log.warning("the engine does not close: %s", error)

    def query(
        self, sql: str, inputs: Mapping[str, Input], *, time_zone: str = "UTC", rows: int = 65536, wide: bool = True
    ) -> EngineQuery:
        """Prepare a statement over inputs by relation name, in batches of `rows`. Nothing runs yet; the caller closes it.

        `wide`: whether a column may be a HUGEINT. To find out it has to be bound twice.
        """
        cursors = self._cursors
        try:
            cursor = cursors.take(inputs, time_zone)
        except duckdb.Error as error:
            if isinstance(error, _BROKEN):
                self._replace(cursors)
            raise _translated(error) from error
        return EngineQuery(cursor, cursors, sql, rows, wide, lambda: self._replace(cursors))

    def arrow_type(self, type_: str) -> pa.DataType:
        """The Arrow type of a DuckDB type: the settled one, or the engine's own for structs, maps and fixed arrays."""
        if type_ not in self._types:
            try:
                self._types[type_] = spi.arrow_type(type_)
            except KeyError:
                query = self.query(f"SELECT CAST(NULL AS {type_}) AS c", {})
                try:
                    self._types[type_] = next(query.batches()).schema.field(0).type
                finally:
                    query.close()
        return self._types[type_]

    def type_of(self, type_: pa.DataType) -> str:
        """DuckDB's name of the type of an Arrow type's values. Raises LookupError if it has none."""
        given = pa.table({"c": pa.nulls(1, type_)}).to_reader()
        try:
            query = self.query("SELECT typeof(c) FROM given", {"given": Input(given, 1)})
            try:
                name = str(next(query.batches()).column(0)[0].as_py())
            finally:
                query.close()
        except (ExecutionError, pa.ArrowException) as error:
            raise LookupError(f"no type for {type_}") from error
        return "VARCHAR" if name.startswith("ENUM(") else name


class EngineQuery:
    """One statement in the engine. `batches` and `close` belong to one thread, `interrupt` to any."""

    def __init__(
        self, cursor: Cursor, cursors: Cursors, sql: str, rows: int, wide: bool, broke: Callable[[], None]
    ) -> None:
        self._cursor = cursor
        self._cursors = cursors
        self._broke = broke
        self._sql = sql
        self._rows = rows
        self._wide = wide
        self._lock = threading.Lock()
        self._open = True
        self._ended = False
        """Whether all rows were read."""
        self._reader: pa.RecordBatchReader | None = None

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows; columns by position. Raises ExecutionError."""
        try:
            sql = self._narrowed() if self._wide else self._sql
            self._reader = self._cursor.run(sql, self._rows)
            yield from self._reader
            self._ended = True
        except (duckdb.Error, OSError, pa.ArrowException) as error:
            if isinstance(error, _BROKEN) or _KIND_BROKEN.match(str(error)):
                self._broke()
            raise _translated(error) from error

    def interrupt(self) -> None:
        """Stop what runs right now; lost on what has not begun."""
        with self._lock:
            if self._open:
                self._cursor.interrupt()

    def close(self) -> None:
        """Free the cursor. What runs must have been interrupted: closing waits for it. Idempotent."""
        if self._reader is not None:
            self._reader.close()
        with self._lock:
            if self._open:
                self._open = False
                if self._ended:
                    self._cursors.give(self._cursor)
                else:
                    self._cursor.close()

    def _narrowed(self) -> str:
        """The statement with HUGEINTs cast to what Arrow has for them. An ORDER BY below it stays in force."""
        columns = self._cursor.columns(self._sql)
        if _WIDE.isdisjoint(type_ for _, type_ in columns):
            return self._sql
        quoted = [('"' + name.replace('"', '""') + '"', type_) for name, type_ in columns]
        items = (f"CAST({name} AS DECIMAL(38,0)) AS {name}" if type_ in _WIDE else name for name, type_ in quoted)
        return f"SELECT {', '.join(items)} FROM ({self._sql}) AS answer"


# ---------------------------------------------------------------- errors

_BROKEN = (duckdb.InternalException, duckdb.FatalException)
_KIND_BROKEN = re.compile(r"(INTERNAL|FATAL) Error", re.IGNORECASE)
_KIND = re.compile(r"^([A-Za-z ]+?) Error: ")
_VALUES = frozenset({"conversion", "out of range", "invalid input", "constraint", "syntax"})
"""Kinds of errors that the statement's own values cause. 'syntax' is a LIKE's pattern or ESCAPE; SQL that cannot be read
is a 'parser' error."""


def _translated(error: BaseException) -> ExecutionError:
    """What the engine, or Arrow on its behalf, raised. The message's first line starts with its kind in both."""
    text = str(error).split("\n", 1)[0].strip()
    match = _KIND.match(text)
    kind = match[1].lower() if match else ""
    if "max_temp_directory_size" in str(error) or "No space left" in str(error):
        return SpillExceeded(
            "the statement needs more disk than limits.spill has left: filter more, or raise the limit"
        )
    if kind == "out of memory":
        return MemoryExceeded(
            "the statement needs more memory than limits.memory has left: filter more, or raise the limit"
        )
    if kind == "interrupt":
        return StatementCancelled("the statement was cancelled")
    if kind in _VALUES and "registered as" not in text:
        return EvaluationFailed(text)
    return EngineFailed(f"the local engine failed: {kind or type(error).__name__}: see the log")
