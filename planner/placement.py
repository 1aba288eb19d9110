"""Where can it run: whether one source can answer a query or test a condition exactly, and if not, why not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from connectors.sqlgen.dialect import Dialect, family
from connectors.sqlgen.duckdb import DUCKDB
from connectors.sqlgen.printer import Printer, Refused, read_of
from connectors.sqlgen.tree import (
    Call,
    Cast,
    ColumnRef,
    Cte,
    CteRef,
    Derived,
    Exchange,
    Expr,
    OpaqueExpr,
    OpaqueQuery,
    Query,
    Scan,
    Select,
    Subquery,
    With,
    children,
    conjunction,
    conjuncts,
    walk,
)
from planner.functions import VOLATILE
from planner.plan import SourceInfo, Stay
from planner.rules.algebra import free, has_window, relation_aliases
from planner.statistics import Statistics
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
    common: dict[str, tuple[SourceInfo, Query]] = field(default_factory=dict)
    """Common table expressions that their source could compute beside what reads them, in the order of the statement."""
    statistics: Statistics = field(init=False)

    def __post_init__(self) -> None:
        self.statistics = Statistics(self.sources)

    def read(self, query: Query, *, quiet: bool = False) -> tuple[SourceInfo, Read] | None:
        """The one source that can answer the whole query, and its SQL; None if there is none, noting why unless `quiet`."""
        query = self.closed(query)
        names = {node.source for node in walk(query) if isinstance(node, Scan)}
        if len(names) != 1 or not self_contained(query):
            return None
        source = self.sources[names.pop()]
        try:
            self.check(query, source)
            return source, read_of(query, source.dialect)
        except Refused as refused:
            if not quiet:
                self.note(source, refused, query)
            return None

    def closed(self, query: Query) -> Query:
        """The query after a WITH of the common table expressions that it reads, as far as a source could compute them."""
        if not self.common:
            return query
        used = _cte_names(query)
        for name in reversed(self.common):
            if name in used:
                used |= _cte_names(self.common[name][1])
        ctes = tuple(Cte(name, inner) for name, (_, inner) in self.common.items() if name in used)
        if not ctes:
            return query
        return With((*ctes, *query.ctes), query.body) if isinstance(query, With) else With(ctes, query)

    def lateral(self, relation: Derived) -> SourceInfo | None:
        """The source that could run a lateral subquery beside the relations that it reads."""
        names = {node.source for node in walk(relation) if isinstance(node, Scan)}
        if len(names) != 1 or not self_contained(relation, free_columns=True):
            return None
        source = self.sources[names.pop()]
        try:
            self.check(relation, source)
            Printer(source.dialect, relation).relation(relation)
            return source
        except Refused as refused:
            self.note(source, refused, relation)
            return None

    def computes(self, expr: Expr, source: SourceInfo, scans: Iterable[Scan], inside: frozenset[str]) -> bool:
        """Whether the source computes an expression over its relations `inside`."""
        if not self.within(expr, source, inside):
            return False
        try:
            self.check(expr, source)
            Printer(source.dialect, expr, more=scans).expr(expr)
            return True
        except Refused:
            return False

    def within(self, node: Any, source: SourceInfo, inside: frozenset[str]) -> bool:
        """Whether all that a node reads is the source's own, or of its relations `inside`."""
        if not free(node) <= inside or not self_contained(node, free_columns=True, common=self.common):
            return False
        return all(
            not (isinstance(part, Scan) and part.source != source.name)
            and not (isinstance(part, CteRef) and part.name in self.common and self.common[part.name][0] is not source)
            for part in walk(node)
        )

    def condition(self, part: Expr, source: SourceInfo, scans: Iterable[Scan], inside: frozenset[str]) -> Expr | None:
        """The condition as the source can test it over relations `inside`: exact, or keeping more; None if it cannot."""
        if not self.within(part, source, inside):
            return None
        known = tuple(scans)
        found, refused = self.tested(part, source, known)
        if refused is not None:
            self.note(source, refused, part, known)
            if found is None:
                return self.weaker(part, source, known)
        return found

    def tested(self, part: Expr, source: SourceInfo, scans: tuple[Scan, ...]) -> tuple[Expr | None, Refused | None]:
        """The condition itself, or as a superset(…), or None; and why it is not itself."""
        try:
            self.check(part, source)
            Printer(source.dialect, part, more=scans).expr(part)
            return part, None
        except Refused as refused:
            if not (isinstance(part, Call) and refused.code == "superset" and refused.node is part):
                return None, refused
            reason = refused
        made = Call("superset", (part,), "BOOLEAN")
        try:
            Printer(source.dialect, made, more=scans).expr(made)
            return made, reason
        except Refused as refused:  # its arguments, which had not been looked at
            return None, refused

    def weaker(self, part: Expr, source: SourceInfo, scans: tuple[Scan, ...]) -> Expr | None:
        """A condition that holds wherever this one does, of those of its parts that the source can test; None if none."""
        if isinstance(part, Call) and part.name in ("and", "or"):
            parts = [self.tested(arg, source, scans)[0] or self.weaker(arg, source, scans) for arg in part.args]
            kept = [arg for arg in parts if arg is not None]
            return None if part.name == "or" and len(kept) < len(parts) else _joined(part, kept)
        if isinstance(part, Subquery) and part.kind in ("exists", "any") and isinstance(part.query, Select):
            query = part.query
            inside = free(query) | relation_aliases(query.relation) if query.relation is not None else free(query)
            if _keeps_rows(query) and query.where is not None:
                known = (*scans, *(node for node in walk(query) if isinstance(node, Scan)))
                tests = [
                    test
                    for arg in conjuncts(query.where)
                    if self.within(arg, source, inside) and (test := self.tested(arg, source, known)[0]) is not None
                ]
                made = replace(part, query=replace(query, where=conjunction(tests)))
                return self.tested(made, source, scans)[0] if tests and made != part else None
        return None

    def check(self, node: Any, source: SourceInfo) -> None:
        """What no dialect knows: chance, the session's time zone, and what is dear for each row."""
        for part in walk(node):
            if isinstance(part, Call) and part.name in VOLATILE:
                raise Refused(
                    part, "volatile", f"{part.name} has another value at each call: it is evaluated once, here"
                )
            if isinstance(part, (OpaqueExpr, OpaqueQuery)) and any(name in part.text for name in VOLATILE):
                raise Refused(part, "volatile", "it has another value at each call: it is evaluated once, here")
            if isinstance(part, Select) and part.group and not source.dialect.sums_once:
                _no_average(part)
            if self.time_zone != "UTC" and _zoned(part):
                raise Refused(part, "time-zone", f"it depends on the session's time zone, {self.time_zone}")

    # ------------------------------------------------------------ reasons

    def note(self, source: SourceInfo | None, refused: Refused, around: Any, scans: Iterable[Scan] = ()) -> None:
        self.stay(source.name if source else None, shown(refused.node, around, scans), refused.code, refused.reason)

    def stay(self, source: str | None, what: str, code: str, reason: str) -> None:
        made = Stay(source=source, what=what, code=code, reason=reason)
        if made not in self.stays:
            self.stays.append(made)


def _no_average(block: Select) -> None:
    """Refuse averages of groups: a source that sums anew wherever a sum is written would add up each row many times."""
    for part in walk((block.items, block.having)):
        if isinstance(part, Call) and part.name == "avg" and part.aggregate:
            raise Refused(part, "average", "its sum and its count are computed at the source, the quotient here")


def self_contained(node: Any, *, free_columns: bool = False, common: Iterable[str] = ()) -> bool:
    """Whether a tree reads no exchange, no CTE from outside but `common` and (unless allowed) no column from outside."""
    if not free_columns and free(node):
        return False
    parts = tuple(walk(node))
    inner = {cte.name for part in parts if isinstance(part, With) for cte in part.ctes}.union(common)
    return not any(
        isinstance(part, Exchange) or (isinstance(part, CteRef) and part.name not in inner) for part in parts
    )


def _cte_names(node: Any) -> set[str]:
    return {part.name for part in walk(node) if isinstance(part, CteRef)}


def _joined(part: Call, kept: list[Expr]) -> Expr | None:
    if len(kept) < 2:
        return kept[0] if kept else None
    return replace(part, args=tuple(kept))


def _keeps_rows(query: Select) -> bool:
    """Whether a query without some of its filters has the same rows and more."""
    plain = query.group is None and query.qualify is None and query.limit is None and query.offset is None
    return plain and not any(map(has_window, query.items))


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
