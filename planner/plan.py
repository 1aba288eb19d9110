"""The values that planning takes and gives: they cross processes, hold no connection and no clock."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from connectors.sqlgen.dialect import Dialect
from connectors.sqlgen.tree import Query
from watersmeet.speed import Speed
from watersmeet.spi import Read, SourceCatalog


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceInfo:
    """What the planner knows of one source."""

    name: str
    """The catalog's name in SQL."""
    kind: str
    catalog: SourceCatalog
    dialect: Dialect
    writable: bool = False
    """Whether its tables may be changed."""
    speed: Speed = field(default_factory=Speed)
    export_keys: bool = True
    """Whether its keys may reduce what other sources send."""
    splits: int = 1
    """Parts at most in which a scan of one of its tables is read at once."""
    partitions: int = 1
    """Parts at most in which such a scan is announced to the client."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionInfo:
    """The session properties that change what a statement means or how it is planned."""

    catalog: str | None = None
    schema: str | None = None
    time_zone: str = "UTC"
    pushdown: str = "on"
    """on | off | require."""
    semijoin_keys: int = 200_000
    """Keys of one fragment that may reduce another at most; 0: none ever waits for another's keys."""
    unsigned: str = "keep"
    """keep | widen: unsigned integers of an answer as the next larger signed type."""
    user: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRequest:
    """One statement to plan."""

    sql: str
    now: datetime
    """The frozen now() of the statement, UTC."""
    session: SessionInfo = field(default_factory=SessionInfo)
    parameters: Mapping[str, tuple[str | None, str]] | None = None
    """Bound parameters by name ('1', '2' …): (DuckDB's VARCHAR form or None, DuckDB type). None: not bound yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputColumn:
    """One column of the answer."""

    name: str
    """DuckDB's name for it in the client's own text; may repeat."""
    type: str
    origin: tuple[str, str, str, str] | None = None
    """(catalog, schema, table, column) when it is a table's column unchanged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SemiJoin:
    """Rows of a fragment that the residual drops unless the values of some columns are together in another's row."""

    columns: tuple[int, ...]
    """Of the fragment's own output."""
    keys_of: int
    """The fragment that has the keys."""
    keys: tuple[int, ...]
    """The columns of its output, in the order of those that they meet."""
    most: int
    """More keys than this would cost more than they save."""
    values: float = math.inf
    """Estimated distinct values that the columns have together; keys are few beside them, or many."""
    span: tuple[float, float] | None = None
    """The least and the greatest value of a single column, as the source last counted, on the scale of distributions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """How a fragment that scans or groups one table may be read in parts at once. Its rows come in any order then."""

    table: str
    """The scan's alias."""
    column: str | None
    """As in watersmeet.spi.Extent."""
    by: str
    """What people call it: 'ctid', or the column."""
    cuts: tuple[int, ...]
    """Where each part but the first begins. The first begins, and the last ends, wherever the rows do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fragment:
    """A sub-plan that one source runs."""

    id: int
    source: str
    query: Query
    """As a tree, in our names."""
    read: Read
    """As the source's SQL."""
    estimate: int | None = None
    """Estimated rows, before any semi-join."""
    semijoins: tuple[SemiJoin, ...] = ()
    """What it waits for before it is read, and then needs not ship."""
    dialect: Dialect | None = None
    """The language of `read`, for the keys that its semi-joins will have and for its parts; None without either."""
    split: Split | None = None
    """None: it is read whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay:
    """Something that was not pushed, and why."""

    source: str | None
    """The source it would have gone to; None when no single source could take it."""
    what: str
    """The expression or operator as SQL."""
    code: str
    """Stable reason code: 'function', 'types', 'collation', 'several-sources', 'setting', 'construct', 'cost' …"""
    reason: str
    """In words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Those rows of an answer whose number (watersmeet.spi.Extent) lies in one range: start <= number < end."""

    column: str | None
    start: int | None
    """None: open."""
    end: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FederatedPlan:
    """The whole plan of one statement."""

    columns: tuple[OutputColumn, ...]
    local: Query
    """What runs in the local engine, reading exchanges."""
    local_sql: str | None
    """`local` as the engine's SQL, where fragment n's rows are the relation x<n> with columns c0, c1 …; its own output
    columns are c0, c1 … too. None: fragment 0 is the whole answer and streams through without an engine."""
    fragments: tuple[Fragment, ...]
    stays: tuple[Stay, ...]
    deterministic: bool
    parameters: tuple[tuple[str, str], ...] = ()
    """Parameters of the statement in order: (name, DuckDB type)."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """Engine settings that the answer depends on: TimeZone."""
    clock: bool = False
    """Whether it holds the statement's now(): such a plan serves no other moment."""
    explain: str | None = None
    """None: run it. 'text', 'json' or 'stages': the client wants the plan itself; 'analyze' / 'analyze json': run, then
    show."""
    parts: tuple[Part, ...] = ()
    """What a client may fetch at once instead of the whole answer; () where it is one stream."""
    stages: tuple[tuple[str, str], ...] = ()
    """(stage, SQL) of the way to the plan, for EXPLAIN (FORMAT STAGES)."""
