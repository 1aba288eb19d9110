"""The contract between the planner's fragments and a data source: what a connector must provide.

It is the ground floor of the house: every room may import it, it imports nobody. Values here are frozen and
picklable, because what runs a query may live in another process than what received it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import pyarrow as pa

from watersmeet.speed import Speed

SPI_VERSION = 1

LONGEST_SHOWN = 120
"""Characters of a text in statistics: what is longer is cut, so that catalogs stay small."""


# ---------------------------------------------------------------- what a source holds


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a source's table."""

    name: str
    """The source's own spelling."""
    type: str
    """The announced type, as DuckDB prints it: 'DECIMAL(12,2)', 'TIMESTAMP WITH TIME ZONE', 'INTEGER[]'."""
    nullable: bool = True
    native: str = ""
    """The source's own type name, shown to people and put into Arrow field metadata."""
    read: str = "{0}"
    """The source expression that yields a value of the announced type; {0} is the quoted, qualified column.

    'CAST({0} AS text)' for a bpchar or an enum, '{0} COLLATE "C"' for a non-deterministic collation.
    """
    write: str = "{0}"
    """The source expression that turns a value of the announced type, {0}, into one that the column takes.

    'CAST({0} AS uuid)' for what is announced as text and is none.
    """
    collation: str | None = None
    """Collation of a text column as the source names it; None where it has none or it does not matter."""
    length: int | None = None
    """The most characters of a text, or bytes of a BLOB, that the column stores; None where the source has no limit
    or no value near it can come."""
    fraction: int = 6
    """Digits of a second that the column stores."""
    plain: str | None = None
    """How a text constant {0} is written beside the bare column, so that an index can serve =: it may match more rows than
    the constant's equals, never fewer. None where no such comparison is safe."""
    plain_exact: bool = False
    """Whether that matches no more rows, where the constant does not end in a blank."""
    distinct: int | None = None
    """Estimated number of different values, None when the source has no idea."""
    null_fraction: float | None = None
    """Estimated part of the rows that have NULL here, None when the source has no idea."""
    indexed: bool = False
    """Whether an index begins with it; told by sources whose joins are slow without one."""
    # What follows are values of the table's rows, in DuckDB's VARCHAR form: no repr, log or message shows them.
    minimum: str | None = field(default=None, repr=False)
    maximum: str | None = field(default=None, repr=False)
    common: tuple[tuple[str, float], ...] = field(default=(), repr=False)
    """The most common values, each with the estimated part of all rows that have it."""
    bounds: tuple[str, ...] = field(default=(), repr=False)
    """Values between which about equally many rows lie each, without the rows of `common`; in any order."""
    width: float | None = None
    """Estimated bytes of a value as the source stores it."""
    remarks: str | None = None
    auto_increment: bool = False
    """Whether the source numbers rows here by itself: an identity, a sequence, AUTO_INCREMENT."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignKey:
    """A foreign key: columns of this table that refer to columns of another one in the same source."""

    name: str
    columns: tuple[str, ...]
    schema: str
    table: str
    references: tuple[str, ...]
    on_update: int = 3
    """Arrow Flight SQL's UpdateDeleteRules: 0 cascade, 1 restrict, 2 set null, 3 no action, 4 set default."""
    on_delete: int = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """A number that each row of a table has, by which a read of it can be divided."""

    first: int
    """Where the rows began, and"""
    last: int
    """where they ended, when it was last looked at."""
    column: str | None = None
    """The column with the number, in the source's own spelling; None: the block in which the source keeps the row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table, view, materialized view, partitioned or foreign table."""

    schema: str
    name: str
    columns: tuple[Column, ...]
    view: bool = False
    primary_key: tuple[str, ...] = ()
    primary_key_name: str | None = None
    foreign_keys: tuple[ForeignKey, ...] = ()
    rows: int | None = None
    """Estimated number of rows, None when the source has no idea."""
    extent: Extent | None = None
    """None where a read of the table cannot be divided."""
    remarks: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceCatalog:
    """What a source holds at one moment. Immutable; a newer one replaces it."""

    default_schema: str
    tables: Mapping[tuple[str, str], Table]
    """By (schema, name), in the source's own spelling."""
    schemas: tuple[str, ...]
    """All schemas visible, also the empty ones."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """Server facts that decide what may be pushed: 'version', 'product', 'sql_mode' …"""


# ---------------------------------------------------------------- what is read from it


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadColumn:
    """One output column of a read."""

    name: str
    """Our own name for it: c0, c1 … by position."""
    type: str
    """The announced type, as DuckDB prints it; the batches have `arrow_type(type)`."""
    origin: str | None = None
    """'schema.table.column' when the column is one of a table unchanged; for error messages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """One source query, in the pieces that a reader may put together in its own way.

    The query means `{prefix} SELECT {expressions} {body}`. The reader wraps each expression in what its way to Arrow
    needs (a numeric as a scaled integer, a row as one CSV line) and nothing else.
    """

    prefix: str
    """'WITH …' or empty."""
    expressions: tuple[str, ...]
    """One source expression for each of `columns`."""
    body: str
    """'FROM … WHERE … GROUP BY … ORDER BY … LIMIT …' or empty."""
    columns: tuple[ReadColumn, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """Whom a source's work belongs to."""

    query_id: str
    """Shown at the source (application name, comment) so that an operator, or another replica, finds it."""
    timeout: float
    """Seconds until the statement must have ended; the source's own timeout is set to it where it has one."""


class Snapshot(Protocol):
    """One statement's consistent view of one source. Owned by the statement: it closes it."""

    lanes: int
    """How many reads may run at once. Reads of one lane run one after the other."""

    def read(self, lane: int, read: Read) -> Iterator[pa.RecordBatch]:
        """Stream a query's rows as batches of about 1 MiB to 8 MiB whatever the result's size.

        Runs in the caller's thread, which pulls. Each batch has exactly the names and `arrow_type`s of `read.columns`.
        Raises SourceError. A generator closed early must leave nothing running.
        """

    def cancel(self) -> None:
        """Stop all reads at the source, from any thread; idempotent; returns within about a second."""

    def close(self) -> None:
        """Give connections back, or discard those that are in doubt. Idempotent."""


class Source(Protocol):
    """A configured source: pools and a way in. Thread-safe. Lives as long as the process."""

    name: str
    kind: str
    speed: Speed
    """What planning weighs its work with."""
    export_keys: bool
    """Whether values of its columns may go to other sources as keys."""
    splits: int
    """Parts at most in which a large table is read at once, over as many connections. 1: it is read whole."""
    partitions: int
    """Parts at most in which the rows of a large table are announced, for clients to fetch at once, each part with a
    snapshot of its own. 1: they are announced whole."""

    def warm(self) -> None:
        """Open the first connections in the background, so that the first statement does not wait for them.

        Returns at once, and raises nothing: a source that is down is noticed when it is used.
        """

    def catalog(self) -> SourceCatalog:
        """Read the whole catalog from the source now (the caller caches). Raises SourceError."""

    def dialect(self, facts: Mapping[str, str]) -> Any:
        """The `connectors.sqlgen.dialect.Dialect` that holds for a server with these facts."""

    def statement(self, read: Read) -> str:
        """The exact SQL text that `Snapshot.read` sends: pure, used by EXPLAIN as well."""

    def snapshot(self, tag: Tag, reads: int, more: int = 0) -> Snapshot:
        """Begin a consistent view for `reads` reads. May block for a pooled connection until the tag's timeout.

        A view that is for one read may begin with it.
        `more` lanes would read parts of the reads beside the others: as many as leave a connection to others.
        """

    def cancel(self, query_id: str) -> int:
        """Stop what the source does under a query's tag, whichever process began it; how many connections were told.

        Raises SourceError. A source that only this process can reach has nothing to tell: 0.
        """

    def probe(self) -> float:
        """Seconds of one round trip on a fresh or pooled connection. Raises SourceError."""

    def warnings(self) -> list[str]:
        """What an administrator should know: privileges of the role that are too wide, settings in doubt."""

    def close(self) -> None:
        """Close all pooled connections."""


# ---------------------------------------------------------------- what is written to it


class Writer(Protocol):
    """One transaction that changes one source. Owned by the statement, which closes it.

    One thread uses it; only `cancel` comes from others. What is not committed never was.
    """

    def run(self, table: Table, sql: str) -> int:
        """Run an UPDATE or DELETE of `table` that sqlgen printed. The number of rows that it met, changed or not.

        Raises SourceError.
        """

    def insert(self, table: Table, batches: Iterator[pa.RecordBatch]) -> int:
        """Insert rows, and tell their number. `table.columns` are the columns written, in the order of the batches'.

        Each array has the `arrow_type` of its column's type. Raises SourceError, and what `batches` raises.
        """

    def create(self, table: Table, *, replaces: bool) -> Table:
        """Make a table of these columns (name and type of each count). The table to give to `insert`.

        Others see it from the commit on. `replaces`: in place of the table of that name. Raises SourceError:
        ValueDoesNotFit for a type that the source has not.
        """

    def commit(self) -> None:
        """Keep everything. Raises OutcomeUnknown if the source's answer was lost, SourceError if nothing was kept."""

    def cancel(self) -> None:
        """End the transaction at the source without a trace, from any thread; idempotent; within about a second.

        Does nothing once the commit has begun.
        """

    def close(self) -> None:
        """Roll back what is not committed, and give the connection back. Idempotent."""


class WritableSource(Source, Protocol):
    """A source that may be changed. One without these two members is read-only."""

    writable: bool
    """Whether the administrator allows it."""

    def writer(self, tag: Tag) -> Writer:
        """Begin a transaction. May block for a pooled connection until the tag's timeout; those connections are not
        the ones of `snapshot`, so that a statement that reads and writes one source cannot wait for itself."""


# ---------------------------------------------------------------- what can go wrong


class SourceError(Exception):
    """Root of what a source can answer with. The message names no host, user or secret.

    SourceError                3000
     +- SourceUnavailable      3001  cannot connect, connection lost
     +- SourceRefused          3002  wrong credentials, no privilege
     +- SourceQueryFailed      3003  the source rejected or failed the query; its own text and code are kept
     +- SourceTimeout          3004  the source's own limit or ours ended it
     +- SourceCancelled        3005  cancelled by us
     +- ValueDoesNotFit        3006  a value has no place in the announced type; names source, column, value, setting
     +- SourceChanged          3007  a table or column is not what the catalog said: plan again
     +- PoolExhausted          3008  no connection became free in time
     +- OutcomeUnknown         3009  the connection was lost during COMMIT: what was written is there, or is not
    """

    code = 3000

    def __init__(self, source: str, message: str, *, sqlstate: str | None = None) -> None:
        super().__init__(source, message)
        self.source = source
        self.message = message
        self.sqlstate = sqlstate

    def __str__(self) -> str:
        return f"source {self.source}: {self.message}"

    def __reduce__(self) -> Any:
        return (_rebuild, (type(self), self.source, self.message, self.sqlstate))


def _rebuild(kind: type[SourceError], source: str, message: str, sqlstate: str | None) -> SourceError:
    return kind(source, message, sqlstate=sqlstate)


class SourceUnavailable(SourceError):
    code = 3001


class SourceRefused(SourceError):
    code = 3002


class SourceQueryFailed(SourceError):
    code = 3003


class SourceTimeout(SourceError):
    code = 3004


class SourceCancelled(SourceError):
    code = 3005


class ValueDoesNotFit(SourceError):
    code = 3006


class SourceChanged(SourceError):
    code = 3007


class PoolExhausted(SourceError):
    code = 3008


class OutcomeUnknown(SourceError):
    code = 3009


# ---------------------------------------------------------------- types at the border

_ARROW: dict[str, pa.DataType] = {
    "BOOLEAN": pa.bool_(),
    "TINYINT": pa.int8(),
    "SMALLINT": pa.int16(),
    "INTEGER": pa.int32(),
    "BIGINT": pa.int64(),
    "UTINYINT": pa.uint8(),
    "USMALLINT": pa.uint16(),
    "UINTEGER": pa.uint32(),
    "UBIGINT": pa.uint64(),
    "HUGEINT": pa.decimal128(38, 0),
    "UHUGEINT": pa.decimal128(38, 0),
    "FLOAT": pa.float32(),
    "DOUBLE": pa.float64(),
    "VARCHAR": pa.string(),
    "BLOB": pa.binary(),
    "DATE": pa.date32(),
    "TIME": pa.time64("us"),
    "TIMESTAMP": pa.timestamp("us"),
    "TIMESTAMP_S": pa.timestamp("s"),
    "TIMESTAMP_MS": pa.timestamp("ms"),
    "TIMESTAMP_NS": pa.timestamp("ns"),
    "TIMESTAMP WITH TIME ZONE": pa.timestamp("us", "UTC"),
    "INTERVAL": pa.month_day_nano_interval(),
    '"NULL"': pa.int32(),
    "UUID": pa.string(),
    "JSON": pa.string(),
}
_DECIMAL = re.compile(r"DECIMAL\((\d+),\s*(\d+)\)")


def arrow_type(type_: str) -> pa.DataType:
    """The Arrow type that carries values of a DuckDB type between rooms and to clients.

    >>> arrow_type("DECIMAL(12,2)")
    Decimal128Type(decimal128(12, 2))
    >>> arrow_type("INTEGER[]")
    ListType(list<item: int32>)
    """
    known = _ARROW.get(type_)
    if known is not None:
        return known
    if match := _DECIMAL.fullmatch(type_):
        return pa.decimal128(int(match[1]), int(match[2]))
    if type_.endswith("[]"):
        return pa.list_(arrow_type(type_[:-2]))
    raise KeyError(f"no Arrow type is settled for {type_}")
