"""What the front asks and what it is given: values that can cross a process, and the protocol between the two.

`Queries` is implemented by server/query.py in the same process today; worker processes will stand behind the very same
protocol, so everything here is picklable except an Answer, which is a stream.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import pyarrow as pa

from auth.principal import Principal
from watersmeet.spi import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Session properties of a request, from headers or a signed cookie."""

    catalog: str | None = None
    schema: str | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    """'timezone', 'pushdown' …; names in lower case."""


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
    """Bound parameter values: an Arrow IPC stream with one batch of one row. None: nothing is bound."""
    schema: bytes | None = None
    """Serialized Arrow schema that was announced; execution refuses (SourceChanged) when the plan's differs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """What is known of a statement before it runs."""

    schema: pa.Schema
    """Of the answer; all fields nullable, with the column metadata that Flight SQL names (ARROW:FLIGHT:SQL:…)."""
    parameters: pa.Schema
    """One field for each parameter, in order; empty without parameters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VisibleCatalog:
    name: str
    schemas: tuple[str, ...]
    tables: tuple[Table, ...]


class Answer(Protocol):
    """A running query. Owned by the caller, who closes it."""

    schema: pa.Schema

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows; may be called once. Raises PlanningError, SourceError or ExecutionError."""

    def cancel(self) -> None:
        """Stop the query everywhere, from any thread; idempotent and quick."""

    def close(self) -> None:
        """Release everything; cancels what still runs. Idempotent."""


class Queries(Protocol):
    """The server below its front."""

    def describe(self, request: Request, principal: Principal) -> Described:
        """Plan, and say what the answer will look like. Runs nothing at a source but catalog queries."""

    def execute(self, request: Request, principal: Principal, timeout: float) -> Answer:
        """Plan and start the query."""

    def catalogs(self, principal: Principal, only: str | None = None) -> tuple[VisibleCatalog, ...]:
        """What the principal may see, sorted by name; `only` limits it to one catalog."""
