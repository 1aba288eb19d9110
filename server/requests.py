"""What the front asks and what it is given: values that can cross a process, and the protocol between the two.

`Queries` is what stands behind the front: worker processes, or the same process (server/workers). Everything here is
picklable except an Answer and a Stream, which run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any, Literal, Protocol

import pyarrow as pa

from auth.principal import Principal
from planner.plan import Part
from watersmeet.spi import Table

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_NOTHING = pa.schema([])


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Session properties of a request, from headers or a signed cookie."""

    catalog: str | None = None
    schema: str | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    """'timezone', 'pushdown' …; names in lower case."""

    def changed(self, options: Mapping[str, str | None]) -> Session:
        """The session with other options: 'catalog', 'schema' or a setting; None resets one."""
        settings = {**self.settings, **options}
        return Session(
            catalog=options.get("catalog", self.catalog),
            schema=options.get("schema", self.schema),
            settings={
                name: value
                for name, value in settings.items()
                if value is not None and name not in {"catalog", "schema"}
            },
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One statement of one principal."""

    query_id: str
    """Made by the front; in every error, log line and source tag."""
    sql: str
    now: datetime
    """Frozen when the statement was first planned (UTC); carried by the ticket."""
    session: Session = field(default_factory=Session)
    parameters: bytes | None = None
    """Bound parameter values: an Arrow IPC stream. One row; of a change any number, which is run for each row. None:
    nothing is bound."""
    announced: bytes | None = None
    """Fingerprint of the announced schema (server.schemas); execution refuses (SourceChanged) when the plan's differs."""
    part: Part | None = None
    """The part of the answer that is asked for; None: all of it."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled, as it crosses to a worker with each statement, in a third of the time that fields one by one take: a
        datetime with a zone takes as long as all the rest, and so does a session."""
        session = self.session
        fields = (
            self.query_id,
            self.sql,
            (self.now - _EPOCH) // _MICROSECOND,
            self.parameters,
            self.announced,
            self.part,
        )
        return _request, (*fields, session.catalog, session.schema, dict(session.settings))


def _request(
    query_id: str,
    sql: str,
    now: int,
    parameters: bytes | None,
    announced: bytes | None,
    part: Part | None,
    catalog: str | None,
    schema: str | None,
    settings: dict[str, str],
) -> Request:
    return Request(
        query_id=query_id,
        sql=sql,
        now=_EPOCH + now * _MICROSECOND,
        session=Session(catalog=catalog, schema=schema, settings=settings),
        parameters=parameters,
        announced=announced,
        part=part,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingest:
    """A table's worth of rows that a client brings."""

    query_id: str
    catalog: str | None
    schema: str | None
    table: str
    mode: Literal["create", "append", "replace", "create_append"]
    """create: there must be no such table; append: there must be one; create_append: made if there is none;
    replace: made anew if there is one."""
    temporary: bool = False
    now: datetime
    session: Session = field(default_factory=Session)
    """Where the table is looked for if `catalog` and `schema` do not say."""
    data_schema: pa.Schema
    """Of the batches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """What is known of a statement before it runs."""

    schema: pa.Schema
    """Of the answer; all fields nullable, with the column metadata that Flight SQL names (ARROW:FLIGHT:SQL:…)."""
    parameters: pa.Schema
    """One field for each parameter, in order; empty without parameters."""
    parts: tuple[Part, ...] = ()
    """What may be asked for at once, each as Request.part, instead of the whole answer; () where it is one stream."""
    is_update: bool = False
    """Whether the statement answers with a count of rows and not with rows: a write, or a change of the session."""
    session: Session | None = None
    """For SET, RESET and USE: the session as it is after them. Nothing is left to run."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled as it comes back with each statement: nearly none has parameters, and an empty schema takes half the
        time."""
        parameters = self.parameters if len(self.parameters) else None
        return _described, (self.schema, parameters, self.parts, self.is_update, self.session)


def _described(
    schema: pa.Schema, parameters: pa.Schema | None, parts: tuple[Part, ...], is_update: bool, session: Session | None
) -> Described:
    return Described(
        schema=schema,
        parameters=_NOTHING if parameters is None else parameters,
        parts=parts,
        is_update=is_update,
        session=session,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class VisibleCatalog:
    name: str
    schemas: tuple[str, ...]
    tables: tuple[Table, ...]
    arrow: Mapping[str, pa.DataType] = field(default_factory=dict)
    """The Arrow type of each type that a column has, as answers have it."""
    writable: bool = False


class Cancelled(Enum):
    """What came of a wish to cancel."""

    STOPPED = "stopped"
    """It ran in this server, or at a source under its tag, and was told to stop."""
    NOT_FOUND = "not found"
    """It does not run here, and no source that can be asked knows it."""


class Answer(Protocol):
    """A running query in this process. Owned by the caller, who closes it."""

    schema: pa.Schema

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows; may be called once. Raises PlanningError, SourceError or ExecutionError."""

    def cancel(self) -> None:
        """Stop the query everywhere, from any thread; idempotent and quick."""

    def close(self) -> None:
        """Release everything; cancels what still runs. Idempotent."""


class Stream(Protocol):
    """A running query, wherever it runs, as the messages of its Flight stream. Owned by the caller, who closes it."""

    def frames(self) -> Iterator[bytes]:
        """Encoded FlightData messages, the schema's first; may be called once. Raises as Answer.batches does."""

    def cancel(self) -> None:
        """Stop the query everywhere, from any thread; idempotent and quick."""

    def close(self) -> None:
        """Release everything; cancels what still runs. Idempotent."""


class Queries(Protocol):
    """The server below its front."""

    def describe(self, request: Request, principal: Principal) -> Described:
        """Plan, and say what the answer will look like. Runs nothing at a source but catalog queries."""

    def stream(self, request: Request, principal: Principal, timeout: float, compression: str | None = None) -> Stream:
        """Plan and start the query. `compression` of the messages' bodies: 'lz4', 'zstd' or None."""

    def update(self, request: Request, principal: Principal, timeout: float) -> int:
        """Run a change, all of it or nothing, and tell the number of rows that it met. `cancel` ends it."""

    def ingest(self, ingest: Ingest, batches: Iterator[pa.RecordBatch], principal: Principal, timeout: float) -> int:
        """Write rows, all of them or none, and tell their number. `cancel` ends it. Raises what `batches` raises."""

    def catalogs(self, principal: Principal, only: str | None = None) -> tuple[VisibleCatalog, ...]:
        """What the principal may see, sorted by name; `only` limits it to one catalog."""

    def cancel(self, query_id: str, everywhere: bool = False) -> Cancelled:
        """Stop a query by its id, whichever server runs it, as far as it can be reached.

        `everywhere`: several may run parts of it, so the sources are asked even if one was found.
        """
