"""What a fragment asks of its source, as far as another fragment of the source may have the same rows: an inner join of
tables, each named once, the conditions on it, and what is made of the rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from connectors.sqlgen.tree import (
    Call,
    ColumnRef,
    Constant,
    CteRef,
    Derived,
    Expr,
    N,
    Query,
    Scan,
    Select,
    Subquery,
    Values,
    conjunction,
    conjuncts,
    transform,
    walk,
)
from planner.columns import anyhow, groupable
from planner.rules.algebra import has_subquery, has_window, inner_parts, tables_of

Table = tuple[str, str]
"""(schema, name) at one source."""


@dataclass(frozen=True, slots=True)
class Shape:
    """An inner join of tables, filtered, and what is made of its rows."""

    query: Select
    """With columns that may all be NULL: a reference is the same whatever is known of that."""
    tables: Mapping[Table, Scan]
    conditions: tuple[Expr, ...]

    @property
    def aliases(self) -> frozenset[str]:
        return frozenset(scan.alias for scan in self.tables.values())

    def equal(self) -> Iterator[tuple[ColumnRef, ColumnRef]]:
        """Columns that have the same value in each row, both ways."""
        for part in self.conditions:
            if isinstance(part, Call) and part.name == "=" and groupable(part.args):
                one, other = part.args
                if isinstance(one, ColumnRef) and isinstance(other, ColumnRef) and one.type == other.type:
                    yield from ((one, other), (other, one))

    def wider(self, scan: Scan) -> Scan:
        """Another fragment's scan of one of the tables, with the columns that are read here."""
        mine = self.tables.get((scan.schema, scan.table), scan)
        return replace(scan, columns=tuple(dict.fromkeys((*scan.columns, *mine.columns))))


def read(query: Query) -> frozenset[Table]:
    """The tables that a query reads, in whatever way."""
    return frozenset((node.schema, node.table) for node in walk(query) if isinstance(node, Scan))


def shape_of(query: Query) -> Shape | None:
    """What a query asks; None if it is more than is known here."""
    if not isinstance(query, Select) or query.relation is None or query.sets is not None or query.order:
        return None
    if any(stage is not None for stage in (query.qualify, query.limit, query.offset)):
        return None
    if query.distinct and query.group is not None:
        return None
    if any(map(has_subquery, (query.items, query.having))) or any(map(has_window, query.items)):
        return None
    query = transform(query, _anyhow)
    assert query.relation is not None
    conditions = list(conjuncts(query.where))
    scans = [part for part in inner_parts(query.relation, conditions) if isinstance(part, Scan)]
    tables = {(scan.schema, scan.table): scan for scan in scans}
    if len(tables) < len(inner_parts(query.relation, [])):
        return None
    return Shape(query, tables, tuple(conditions))


def _anyhow(node: Any) -> Any:
    """A column as one that may be NULL, an equality with its sides in order."""
    if isinstance(node, ColumnRef):
        return anyhow(node)
    if isinstance(node, Call) and node.name == "=":
        return replace(node, args=tuple(sorted(node.args, key=repr)))
    return node


def _joined(asked: Shape, sent: Shape) -> Shape:
    """What is asked, with the tables joined that the other fragment joins and EXISTS finds one row of."""
    tables, conditions = dict(asked.tables), list(asked.conditions)
    for part in asked.conditions:
        query = part.query if isinstance(part, Subquery) and part.kind == "exists" else None
        if not isinstance(query, Select) or not isinstance(scan := query.relation, Scan):
            continue
        table, inside = (scan.schema, scan.table), conjuncts(query.where)
        stages = (query.group, query.having, query.qualify, query.limit, query.offset)
        plain = all(stage is None for stage in stages)
        if plain and table in sent.tables and table not in tables and _one_row(scan, inside):
            tables[table] = scan
            conditions.remove(part)
            conditions += inside
    return replace(asked, tables=tables, conditions=tuple(conditions))


def _one_row(scan: Scan, conditions: Sequence[Expr]) -> bool:
    """Whether conditions say all of a table's key: whatever is around it meets one row of it at most."""
    said = set()
    for part in conditions:
        if isinstance(part, Call) and part.name == "=":
            for column, value in (part.args, part.args[::-1]):
                if isinstance(column, ColumnRef) and column.table == scan.alias and groupable((column,)):
                    said |= {column.column} if scan.alias not in tables_of(value) else set()
    return bool(scan.key) and said.issuperset(scan.key)


def within(asked: Shape, sent: Shape) -> Shape | None:
    """What is asked by the names of the other fragment, with those conditions that only it has; None if rows may be missing
    there, or come otherwise often."""
    asked = _joined(asked, sent)
    names = {asked.tables[table].alias: scan.alias for table, scan in sent.tables.items() if table in asked.tables}
    others = {scan.alias for table, scan in asked.tables.items() if table not in sent.tables}
    if len(names) < len(sent.tables) or (others | _inside(asked.conditions)) & set(names.values()):
        return None
    conditions = [_renamed(part, names) for part in asked.conditions]
    query = _renamed(replace(asked.query, relation=None, where=None), names)
    for table, scan in asked.tables.items():
        if table in sent.tables:
            continue
        own = [part for part in conditions if scan.alias in tables_of(part)]
        if scan.alias in tables_of(query) or not _one_row(scan, own):
            return None
        conditions = [part for part in conditions if part not in own]
        conditions.append(Subquery("exists", Select((Constant("1", "INTEGER"),), scan, conjunction(own)), "BOOLEAN"))
    if not set(sent.conditions) <= set(conditions):
        return None
    filters = tuple(_itself(part) for part in conditions if part not in sent.conditions)
    return Shape(query, asked.tables, filters)


def _inside(conditions: Sequence[Expr]) -> set[str]:
    """The names of relations inside subqueries, which would capture columns that get such a name."""
    return {node.alias for node in walk(conditions) if isinstance(node, Scan | Derived | CteRef | Values)}


def _itself(part: Expr) -> Expr:
    """The condition of which a source may be asked a weaker one, or of a part, since it is tested here again."""

    def change(node: Any) -> Any:
        return node.args[0] if isinstance(node, Call) and node.name == "superset" else node

    made: Expr = transform(part, change)
    return made


def _renamed(node: N, names: Mapping[str, str]) -> N:
    """A tree that reads relations by other names."""

    def change(part: Any) -> Any:
        return replace(part, table=names.get(part.table, part.table)) if isinstance(part, ColumnRef) else _anyhow(part)

    return transform(node, change)
