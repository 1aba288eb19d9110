"""Run fragments in a DuckDB file and stream their rows as Arrow, each read on a cursor of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from connectors.duckdb.catalog import read_catalog
from connectors.duckdb.config import Config
from connectors.duckdb.datatypes import WIDE, arrow_types
from connectors.duckdb.dialect import DUCKDB
from connectors.duckdb.errors import translated, unopened
from connectors.sqlgen.dialect import Dialect
from watersmeet.scratch import ScratchFolder
from watersmeet.speed import Speed, speed
from watersmeet.spi import Read, SourceCancelled, SourceCatalog, SourceUnavailable, Tag

_SPEED = Speed(send=0.05, byte=0.0005, meet=0.03, join=0.03, again=0.0, group=0.02, groups=0.1, text=0.1, sort=0.1)
"""DuckDB 2.0 on two cores, TPC-H SF 1."""
_PARTITIONS = 4
"""Parts in which a large table's rows are announced."""
_BATCH_BYTES = 2 << 20
"""Aim of a batch's size; text and nested columns are taken for 128 bytes a value."""


@dataclass(slots=True)
class _File:
    """A file that is open."""

    base: duckdb.DuckDBPyConnection
    catalog: SourceCatalog
    """It stays: nobody can change the file while it is open."""


class DuckDBSource:
    """One file, opened once and shared by all reads. Thread-safe."""

    kind = "duckdb"
    splits = 1
    """It reads a table with all its threads by itself."""

    def __init__(self, name: str, config: Config) -> None:
        self.name = name
        self.speed = speed(_SPEED, None, config.speed)
        self.export_keys = config.export_keys
        self.partitions = _PARTITIONS if config.consistency == "fragment" else 1
        self._config = config
        self._lock = threading.Lock()
        self._file: _File | None = None
        self._scratch: ScratchFolder | None = None

    def warm(self) -> None:
        """A file is open at once."""

    def catalog(self) -> SourceCatalog:
        with self._lock:
            return self._opened().catalog

    def dialect(self, facts: Mapping[str, str]) -> Dialect:
        return DUCKDB

    def statement(self, read: Read) -> str:
        items = ", ".join(
            f'{_exportable(sql, column.type)} AS "{column.name}"'
            for sql, column in zip(read.expressions, read.columns, strict=True)
        )
        return " ".join(part for part in (read.prefix, f"SELECT {items}", read.body) if part)

    def snapshot(self, tag: Tag, reads: int, more: int = 0) -> DuckDBSnapshot:
        return DuckDBSnapshot(self, reads)

    def cancel(self, query_id: str) -> int:
        """0: what reads a file here belongs to this process."""
        return 0

    def probe(self) -> float:
        start = time.monotonic()
        with self.cursor() as con:
            con.execute("SELECT 1").fetchall()
        return time.monotonic() - start

    def warnings(self) -> list[str]:
        return []

    def close(self) -> None:
        with self._lock:
            if self._file is not None:
                self._file.base.close()
                self._file = None
            if self._scratch is not None:
                self._scratch.close()

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """A connection to the file for one thread, which closes it. Raises SourceUnavailable."""
        with self._lock:
            return self._opened().base.cursor()

    def _opened(self) -> _File:
        """With the lock held."""
        if self._file is None:
            self._file = self._open()
        return self._file

    def _spill_folder(self) -> str:
        """A folder of this source's own, so that sources and servers never meet in one; '' where nothing may spill."""
        if float(self._config.spill.rstrip(" BKMGTi")) == 0:
            return ""
        try:
            self._scratch = ScratchFolder(self._config.spill_dir, "watersmeet-duckdb-")
        except OSError as error:
            raise SourceUnavailable(self.name, f"cannot make a folder in `spill_dir`: {error.strerror}") from error
        return str(self._scratch.path)

    def reopen(self) -> None:
        """After an internal error DuckDB refuses everything on that database: the next cursor opens it anew."""
        with self._lock:
            self._file = None

    def _open(self) -> _File:
        settings: dict[str, str | bool | int | float | list[str]] = {
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "python_enable_replacements": "false",  # or an unknown table would be looked up among Python's variables
            "memory_limit": self._config.memory,
            "threads": str(self._config.threads),
            "temp_directory": self._spill_folder(),
        }
        base = None
        try:
            base = duckdb.connect(str(self._config.path), read_only=True, config=settings)
            # As an option of connect() the bound on spilled bytes is shown but not enforced (measured on 2.0.0).
            base.execute(f"SET max_temp_directory_size = '{self._config.spill}'")
            base.execute("SET enable_external_access = false")
            base.execute("SET TimeZone = 'UTC'")
            catalog = read_catalog(base, exact_text=self._config.text == "exact")
            # As in the local engine (server/execution/engine.py), and for the same reasons.
            base.execute("SET disabled_optimizers = 'statistics_propagation,aggregate_function_rewriter'")
            base.execute("SET lock_configuration = true")
        except duckdb.Error as error:
            if self._scratch is not None:
                self._scratch.close()
            if base is None:
                raise unopened(self.name, error) from error
            base.close()
            raise translated(self.name, error) from error
        return _File(base, catalog)


class DuckDBSnapshot:
    """Reads of one statement. The file cannot change while it is open read-only, so every read sees the same rows."""

    def __init__(self, source: DuckDBSource, reads: int) -> None:
        self.lanes = reads
        self._source = source
        self._changed = threading.Condition()
        self._running: set[duckdb.DuckDBPyConnection] = set()
        self._cancelled = False

    def read(self, lane: int, read: Read) -> Iterator[pa.RecordBatch]:
        with self._source.cursor() as con:
            with self._changed:
                if self._cancelled:
                    raise SourceCancelled(self._source.name, "cancelled before the query was sent")
                self._running.add(con)
            try:
                yield from self._stream(con, read)
            except (duckdb.Error, OSError, pa.ArrowException) as error:
                if isinstance(error, (duckdb.InternalException, duckdb.FatalException)):
                    self._source.reopen()
                raise translated(self._source.name, error) from error
            finally:
                with self._changed:
                    self._running.discard(con)
                    self._changed.notify_all()

    def _stream(self, con: duckdb.DuckDBPyConnection, read: Read) -> Iterator[pa.RecordBatch]:
        types = arrow_types(con, [column.type for column in read.columns])
        schema = pa.schema([pa.field(column.name, type_) for column, type_ in zip(read.columns, types, strict=True)])
        reader = _begun(con, self._source.statement(read), _rows(types))
        try:
            for batch in reader:
                columns = [array.cast(type_) for array, type_ in zip(batch.columns, types, strict=True)]
                yield pa.record_batch(columns, schema=schema)
        finally:
            con.interrupt()  # closing a reader waits for the work in progress
            reader.close()

    def cancel(self) -> None:
        with self._changed:
            self._cancelled = True
            # An interrupt that arrives before the query has begun is lost: repeat it until the reads are gone.
            for _ in range(100):
                for con in self._running:
                    con.interrupt()
                if not self._running:
                    return
                self._changed.wait(0.01)

    def close(self) -> None:
        self.cancel()


def _exportable(sql: str, type_: str) -> str:
    """A sum's HUGEINT is checked to fit the 38 digits that Arrow has for it."""
    return f"CAST({sql} AS DECIMAL(38,0))" if type_ in WIDE else sql


def _begun(con: duckdb.DuckDBPyConnection, sql: str, rows: int) -> pa.RecordBatchReader:
    """A query's rows in batches of `rows`."""
    if hasattr(con, "_submit"):  # it is private: `sql` parses and binds a first time to show columns, half of a lookup
        return con._submit(sql, None, "stream", rows).arrow_reader()
    return con.sql(sql).to_arrow_reader(rows)


def _rows(types: list[pa.DataType]) -> int:
    """Rows a batch, so that it has about _BATCH_BYTES."""
    width = sum(_width(type_) for type_ in types)
    return max(1024, min(131072, _BATCH_BYTES // max(1, width)))


def _width(type_: pa.DataType) -> int:
    try:
        return max(1, int(type_.bit_width) // 8)
    except ValueError:
        return 128
