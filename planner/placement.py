"""Where can it run: whether one source can answer a query or test a condition exactly, and if not, why not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from connectors.sqlgen.dialect import Dialect, family
from connectors.sqlgen.duckdb import DUCKDB
from connectors.sqlgen.printer import Printer, Refused, read_of
from connectors.sqlgen.tree import (
    Call,
    Cast,
    ColumnRef,
    CteRef,
    Exchange,
    Expr,
    OpaqueExpr,
    OpaqueQuery,
    Query,
    Scan,
    With,
    children,
    walk,
)
from planner.functions import VOLATILE
from planner.plan import SourceInfo, Stay
from planner.rules.algebra import free
from watersmeet.spi import Read

_ZONELESS = frozenset(
    ["=", "<>", "<", "<=", ">", ">=", "between", "in", "not in", "is null", "is not null", "coalesce", "case"]
    + ["is distinct from", "is not distinct from", "count", "min", "max", "and", "or", "not", "superset"]
)
"""Calls over TIMESTAMPTZ whose value does not depend on the session's time zone."""


@dataclass(slots=True)
class Placement:
    """Decides for one statement; remembers what was refused, for EXPLAIN."""

    sources: Mapping[str, SourceInfo]
    time_zone: str = "UTC"
    stays: list[Stay] = field(default_factory=list)

    def read(self, query: Query) -> tuple[SourceInfo, Read] | None:
        """The one source that can answer the whole query, and its SQL; None if there is none, noting why."""
        names = {node.source for node in walk(query) if isinstance(node, Scan)}
        if len(names) != 1 or not self_contained(query):
            return None
        source = self.sources[names.pop()]
        try:
            self.check(query, source)
            return source, read_of(query, source.dialect)
        except Refused as refused:
            self.note(source, refused, query)
            return None

    def condition(self, part: Expr, source: SourceInfo, scans: Iterable[Scan], inside: frozenset[str]) -> Expr | None:
        """The condition as the source can test it over relations `inside`: exact, or superset(…); None if it cannot."""
        if not free(part) <= inside or not self_contained(part, free_columns=True):
            return None
        if any(isinstance(node, Scan) and node.source != source.name for node in walk(part)):
            return None
        known = tuple(scans)
        try:
            self.check(part, source)
            Printer(source.dialect, part, more=known).expr(part)
            return part
        except Refused as refused:
            if isinstance(part, Call) and refused.code == "superset" and refused.node is part:
                wrapped = Call("superset", (part,), "BOOLEAN")
                self.note(source, refused, part, known)
                return wrapped
            self.note(source, refused, part, known)
            return None

    def check(self, node: Any, source: SourceInfo) -> None:
        """What no dialect knows: chance and the session's time zone."""
        for part in walk(node):
            if isinstance(part, Call) and part.name in VOLATILE:
                raise Refused(
                    part, "volatile", f"{part.name} has another value at each call: it is evaluated once, here"
                )
            if isinstance(part, (OpaqueExpr, OpaqueQuery)) and any(name in part.text for name in VOLATILE):
                raise Refused(part, "volatile", "it has another value at each call: it is evaluated once, here")
            if self.time_zone != "UTC" and _zoned(part):
                raise Refused(part, "time-zone", f"it depends on the session's time zone, {self.time_zone}")

    # ------------------------------------------------------------ reasons

    def note(self, source: SourceInfo | None, refused: Refused, around: Any, scans: Iterable[Scan] = ()) -> None:
        self.stay(source.name if source else None, shown(refused.node, around, scans), refused.code, refused.reason)

    def stay(self, source: str | None, what: str, code: str, reason: str) -> None:
        made = Stay(source=source, what=what, code=code, reason=reason)
        if made not in self.stays:
            self.stays.append(made)


def self_contained(node: Any, *, free_columns: bool = False) -> bool:
    """Whether a tree reads no exchange, no CTE from outside and (unless allowed) no column from outside."""
    if not free_columns and free(node):
        return False
    inner = {cte.name for part in walk(node) if isinstance(part, With) for cte in part.ctes}
    return not any(
        isinstance(part, Exchange) or (isinstance(part, CteRef) and part.name not in inner) for part in walk(node)
    )


def shown(node: Any, around: Any, scans: Iterable[Scan] = ()) -> str:
    """A tree as SQL for people, shortened."""
    printer = _Readable(DUCKDB, around, more=scans)
    if hasattr(node, "alias") or type(node).__name__ == "Join":
        text = printer.relation(node)
    elif type(node).__name__ in {"Select", "SetOp", "With", "OpaqueQuery"}:
        text = printer.query(node)
    else:
        text = printer.expr(node)
    return text if len(text) <= 300 else text[:297] + "…"


class _Readable(Printer):
    """Columns as table.column, by the source's names."""

    def __init__(self, dialect: Dialect, root: Any, *, more: Iterable[Scan] = ()) -> None:
        more = tuple(more)
        super().__init__(dialect, root, more=more)
        scans = {node.alias: node for node in (*walk(root), *more) if isinstance(node, Scan)}
        times = Counter(scan.table for scan in scans.values())
        full = Counter((scan.source, scan.table) for scan in scans.values())
        self.tables = {
            alias: scan.table
            if times[scan.table] == 1
            else f"{scan.source}.{scan.table}"
            if full[scan.source, scan.table] == 1
            else alias
            for alias, scan in scans.items()
        }

    def column(self, ref: ColumnRef) -> str:
        scan = self.scans.get(ref.table)
        if scan is None:
            return f"{ref.table}.{ref.column}" if ref.table else ref.column
        return f"{self.tables[ref.table]}.{scan[ref.column].source_name}"


def _zoned(part: Any) -> bool:
    """Whether a node's own value may depend on the session's time zone."""
    if isinstance(part, OpaqueQuery):
        return True  # its text is not looked into
    if not isinstance(part, (Call, Cast, OpaqueExpr)):
        return False
    families = {family(getattr(arg, "type", "")) for arg in children(part)}
    if isinstance(part, Call) and part.name in _ZONELESS:
        return "timestamptz" in families and bool(families & {"date", "timestamp", "text"})
    return "timestamptz" in families or family(part.type) == "timestamptz"
