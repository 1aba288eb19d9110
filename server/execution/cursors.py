"""The engine's cursors, kept for later statements whose inputs look alike.

DuckDB takes 0.3 ms to register a relation and 0.1 ms for a cursor: half of what a short join costs. What a relation reads,
and how many rows it expects, can be exchanged, so a cursor that a statement has left in order serves the next one.

Relations are registered through DuckDB's private Arrow source so that its optimizer knows how many rows to expect (a plain
reader counts as one row, and joins are built on the wrong side); without that class, by the public `register`, for once.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

try:
    from duckdb._sources import ArrowScanSource
except ImportError:  # it is private: a later version may not have it
    ArrowScanSource = None  # type: ignore[assignment, misc]

_PRIVATE = ArrowScanSource is not None and all(
    hasattr(duckdb.DuckDBPyConnection, name) for name in ("_register_arrow_source", "_submit")
)
_KEPT = 32
"""Cursors that are kept: each takes some 30 KB."""

Looks = tuple[str, tuple[tuple[str, pa.Schema], ...]]
"""What two statements must have in common to use the same cursor: the time zone, and the names and columns of their inputs."""


@dataclass(frozen=True, slots=True)
class Input:
    """A relation that a statement reads once."""

    reader: pa.RecordBatchReader
    rows: int | None = None
    """Expected rows. A wrong number costs time, never rows."""


class Cursor:
    """A connection to the engine with the relations of one statement. For one thread, but `interrupt`."""

    def __init__(self, con: duckdb.DuckDBPyConnection, looks: Looks) -> None:
        """Raises duckdb.Error."""
        self.looks = looks
        self._con = con
        self._relations: dict[str, _Relation] = {}
        time_zone, relations = looks
        if time_zone != "UTC":
            con.execute("SET TimeZone = '" + time_zone.replace("'", "''") + "'")
        if _PRIVATE:
            for name, schema in relations:
                self._relations[name] = _Relation(schema)
                con._register_arrow_source(name, self._relations[name])

    def hold(self, inputs: Mapping[str, Input]) -> None:
        """Let the relations read these rows. Raises duckdb.Error."""
        for name, input_ in inputs.items():
            if _PRIVATE:
                self._relations[name].input = input_
            else:
                self._con.register(name, input_.reader)

    def drop(self) -> None:
        """Hold no rows any more."""
        for relation in self._relations.values():
            relation.input = None

    def columns(self, sql: str) -> Sequence[tuple[str, str]]:
        """The names and types of a statement's columns. Raises duckdb.Error."""
        relation = self._con.sql(sql)
        return [(name, str(type_)) for name, type_ in zip(relation.columns, relation.types, strict=True)]

    def run(self, sql: str, rows: int) -> pa.RecordBatchReader:
        """Begin a statement, in batches of so many rows. Raises duckdb.Error."""
        if _PRIVATE:  # `sql` would bind it once more
            return self._con._submit(sql, None, "stream", rows).arrow_reader()
        return self._con.sql(sql).to_arrow_reader(rows)

    def interrupt(self) -> None:
        """Stop what runs; lost on what has not begun."""
        self._con.interrupt()

    def close(self) -> None:
        self._con.close()


class Cursors:
    """Of one database. Thread-safe."""

    def __init__(self, base: duckdb.DuckDBPyConnection) -> None:
        self._base = base
        self._lock = threading.Lock()
        self._idle: dict[Looks, list[Cursor]] = {}
        """Those used last come last."""
        self._closed = False

    def take(self, inputs: Mapping[str, Input], time_zone: str) -> Cursor:
        """A cursor whose relations read these inputs. Raises duckdb.Error."""
        looks = (time_zone, tuple((name, input_.reader.schema) for name, input_ in inputs.items()))
        cursor = self._kept(looks) or self._made(looks)
        try:
            cursor.hold(inputs)
        except BaseException:
            cursor.close()
            raise
        return cursor

    def give(self, cursor: Cursor) -> None:
        """Take back a cursor whose statement has come to its end."""
        cursor.drop()
        dropped = [cursor]
        if _PRIVATE and not any(_marked(schema) for _, schema in cursor.looks[1]):
            with self._lock:
                if not self._closed:
                    dropped = []
                    self._idle.setdefault(cursor.looks, []).append(cursor)
                    if sum(map(len, self._idle.values())) > _KEPT:
                        dropped = self._idle.pop(next(iter(self._idle)))
        for each in dropped:
            each.close()

    def close(self) -> None:
        """Keep nothing any more."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, {}
        for cursors in idle.values():
            for cursor in cursors:
                cursor.close()

    def _kept(self, looks: Looks) -> Cursor | None:
        with self._lock:
            cursors = self._idle.pop(looks, None)
            if cursors is None:
                return None
            cursor = cursors.pop()
            if cursors:
                self._idle[looks] = cursors
            return cursor

    def _made(self, looks: Looks) -> Cursor:
        con = self._base.cursor()
        try:
            return Cursor(con, looks)
        except BaseException:
            con.close()
            raise


def _marked(fields: Iterable[pa.Field]) -> bool:
    """Whether fields carry metadata, which may change their meaning and is no part of their equality."""
    return any(field.metadata or _marked(map(field.type.field, range(field.type.num_fields))) for field in fields)


if ArrowScanSource is not None:

    class _Relation(ArrowScanSource):
        """Rows that come later, with an expected number of them."""

        one_shot = True
        schema_is_stable = True

        def __init__(self, schema: pa.Schema) -> None:
            super().__init__(None)
            self._schema = schema
            self.input: Input | None = None

        def rows(self) -> int | None:
            return None if self.input is None or self.input.rows is None else max(1, self.input.rows)

        def __arrow_c_schema__(self) -> Any:
            return self._schema.__arrow_c_schema__()

        def stream(self, columns: Sequence[int] | None, filters: Sequence[Any]) -> tuple[object, bool]:
            given, self.input = self.input, None
            if given is None:
                raise RuntimeError("an input is read once")
            return given.reader.__arrow_c_stream__(), False
