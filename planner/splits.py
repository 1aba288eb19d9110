"""Splits: which fragments are worth reading in parts at once, over several connections; which answers are worth announcing
in parts, for a client's workers; and the query of each part.

A fragment that scans one table, with filters and expressions, is read by ranges of a number that each of its rows has
(watersmeet.spi.Extent). One that groups a table's rows by what its primary key begins with, an integer, is read by ranges
of that: each group is in one of them. One range more is one connection more, at the source and here; so it must save more
than that costs. Where a filter leaves little of a table the source has quicker ways of its own: an index, or workers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from connectors.sqlgen.dialect import family
from connectors.sqlgen.printer import read_of
from connectors.sqlgen.scalars import Refused
from connectors.sqlgen.tree import (
    Call,
    ColumnRef,
    Query,
    RowRange,
    Scan,
    ScanColumn,
    Select,
    Subquery,
    conjunction,
    conjuncts,
    transform,
    walk,
)
from planner.cost import Costs
from planner.plan import FederatedPlan, Fragment, Part, SourceInfo, Split
from planner.rules.algebra import has_window
from planner.statistics import Statistics
from watersmeet.spi import Extent

_PART = 150_000.0
"""Microseconds of grouping and sending that are worth a part of their own: about ten times what a connection costs, if
it must be made."""
_KEPT = 0.2
"""Of a table's rows, at least: below about that PostgreSQL 15 goes by an index, or scans with workers of its own, which it
has not for a range of ctid."""


def split(fragments: Sequence[Fragment], sources: Mapping[str, SourceInfo]) -> tuple[Fragment, ...]:
    """The fragments, those marked that are worth reading in parts."""
    costs = Costs(Statistics(sources))
    marked = []
    for fragment in fragments:
        source = sources[fragment.source]
        found = divided(fragment.query, float(fragment.estimate or 0), source, source.splits, costs)
        marked.append(fragment if found is None else replace(fragment, split=found, dialect=source.dialect))
    return tuple(marked)


def announced(plan: FederatedPlan, sources: Mapping[str, SourceInfo]) -> tuple[Part, ...]:
    """The parts of an answer that is one large scan; () for every other."""
    if plan.local_sql is not None:
        return ()
    (fragment,) = plan.fragments
    if scanned(fragment.query) is None:
        return ()
    source = sources[fragment.source]
    costs = Costs(Statistics(sources))
    found = divided(fragment.query, float(fragment.estimate or 0), source, source.partitions, costs)
    if found is None:
        return ()
    ends = (None, *found.cuts, None)
    return tuple(Part(column=found.column, start=start, end=end) for start, end in pairwise(ends))


def narrowed(plan: FederatedPlan, rows: Part, sources: Mapping[str, SourceInfo]) -> FederatedPlan | None:
    """The plan for one part of its answer alone; None if that is no scan, or its source has no such ranges (any more)."""
    scan = scanned(plan.fragments[0].query) if plan.local_sql is None else None
    if scan is None:
        return None
    (fragment,) = plan.fragments
    query = within(fragment.query, RowRange(scan.alias, rows.column, rows.start, rows.end))
    try:
        read = read_of(query, sources[fragment.source].dialect)
    except Refused:
        return None
    return replace(plan, fragments=(replace(fragment, query=query, read=read, split=None),), parts=())


def scanned(query: Query) -> Scan | None:
    """The table that a query scans, if it does nothing else but to filter its rows and compute expressions of each."""
    if not isinstance(query, Select) or not isinstance(query.relation, Scan):
        return None
    above = (query.group, query.having, query.qualify, query.distinct or None, query.limit, query.offset)
    if query.order or any(stage is not None for stage in above) or any(map(has_window, query.items)):
        return None
    whole = (isinstance(node, Subquery) or (isinstance(node, Call) and node.aggregate) for node in walk(query))
    return None if any(whole) else query.relation


def grouped(query: Query) -> tuple[Scan, ScanColumn] | None:
    """The table whose rows a query does nothing with but group them, by an integer among others that its primary key
    begins with; and that column.

    PostgreSQL 15 took 6.7 s for lineitem's orders of more than 300 pieces: it sorts or hashes all that it scans, or goes
    by the index in one process. By four ranges of the index it took 1.5 s, and a third of the CPU.
    """
    if (
        not isinstance(query, Select)
        or not isinstance(query.relation, Scan)
        or not query.group
        or query.sets is not None
    ):
        return None
    scan = query.relation
    above = (query.qualify, query.distinct or None, query.limit, query.offset)
    if not scan.key or query.order or any(stage is not None for stage in above) or any(map(has_window, query.items)):
        return None
    keys = {key.column for key in query.group if isinstance(key, ColumnRef)}
    first = next((column for column in scan.columns if column.name == scan.key[0] and column.name in keys), None)
    if first is None or any(isinstance(node, Subquery) for node in walk(query)):
        return None
    return (scan, first) if family(first.type) == "int" and first.read == "{0}" else None


def part(query: Query, split: Split, number: int) -> Query:
    """The query over one part of the table's rows; parts count from 0."""
    start = split.cuts[number - 1] if number else None
    end = split.cuts[number] if number < len(split.cuts) else None
    return within(query, RowRange(split.table, split.column, start, end))


def within(query: Query, rows: RowRange) -> Query:
    """The query over a range of the rows that one of its scans has."""

    def visit(node: Any) -> Any:
        if isinstance(node, Select) and isinstance(node.relation, Scan) and node.relation.alias == rows.table:
            return replace(node, where=conjunction([*conjuncts(node.where), rows]))
        return node

    return transform(query, visit)


def divided(query: Query, rows: float, source: SourceInfo, most: int, costs: Costs) -> Split | None:
    """How a query of so many rows is worth reading in at most so many parts; None: whole."""
    if most < 2:
        return None
    sent = costs.sent(source.speed, rows, query.types)
    if (scan := scanned(query)) is not None:
        extent = source.catalog.tables[scan.schema, scan.table].extent
    elif (found := grouped(query)) is not None:
        scan, first = found
        ends = costs.statistics.range(scan, first.name)
        extent = None if ends is None else Extent(first=ends[0], last=ends[1], column=first.source_name)
        rows = costs.statistics.inputs(query)
        sent += costs.work(query, source.speed)
    else:
        return None
    if extent is None:
        return None
    of = float(source.catalog.tables[scan.schema, scan.table].rows or 0)
    cuts = _cuts(extent, min(most, _worth(sent, rows, of)))
    column = extent.column
    return Split(table=scan.alias, column=column, by=column or source.dialect.place, cuts=cuts) if cuts else None


def parts_of(query: Query, rows: float, source: SourceInfo, costs: Costs) -> int:
    """In how many parts a query of so many rows would be read."""
    found = divided(query, rows, source, source.splits, costs)
    return 1 if found is None else len(found.cuts) + 1


def _worth(sent: float, rows: float, of: float) -> int:
    """How many parts are worth their connections, where rows out of a table's `of` are read. Tests that force splits
    replace it."""
    return int(sent / _PART) if scans(rows / max(of, 1.0)) else 1


def scans(share: float) -> bool:
    """Whether a source goes through a whole table for a share of its rows. Replaced as `_worth` is."""
    return share >= _KEPT


def _cuts(extent: Extent, parts: int) -> tuple[int, ...]:
    """Where all parts but the first begin.

    >>> _cuts(Extent(first=0, last=100), 4), _cuts(Extent(first=7, last=8, column="id"), 4)
    ((25, 50, 75), (8,))
    """
    span = extent.last - extent.first + (extent.column is not None)
    cuts = sorted({extent.first + span * number // parts for number in range(1, parts)} - {extent.first})
    return tuple(cuts)
