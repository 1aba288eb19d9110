"""How many rows: estimates from the catalogs' row and distinct counts, for costs and for EXPLAIN. Never for answers.

Textbook formulas: values are spread evenly and columns are independent, but for what keys and equalities say.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from connectors.sqlgen.dialect import family
from connectors.sqlgen.tree import (
    Call,
    Cast,
    ColumnRef,
    Constant,
    CteRef,
    Derived,
    Exchange,
    Expr,
    Join,
    Query,
    Relation,
    Scan,
    Select,
    SetOp,
    Subquery,
    Values,
    With,
    conjuncts,
    walk,
)
from planner.plan import SourceInfo
from watersmeet.spi import Table

UNKNOWN = 1000.0
"""Rows of a table that nobody counted."""
_FRACTION = {"=": 0.05, "in": 0.1, "~~": 0.1, "between": 0.1, "<": 0.3, "<=": 0.3, ">": 0.3, ">=": 0.3, "is null": 0.05}
"""Of rows that a condition keeps, where no count says better."""
_PER_YEAR = {"year": 1.0, "quarter": 4.0, "month": 12.0}
"""Values of date_trunc in a year; year(), quarter() and month() themselves have no more."""
_DAYS = 365.0
Leaf = Scan | Derived | CteRef | Values | Exchange
Column = tuple[str, str]
"""(alias, column) of the trees."""


@dataclass(slots=True)
class Profile:
    """What is known of the rows of a relation or query."""

    rows: float
    distinct: dict[Column, float] = field(default_factory=dict)
    """Of the columns that somebody counted."""
    nulls: dict[Column, float] = field(default_factory=dict)
    keys: list[frozenset[Column]] = field(default_factory=list)
    """Sets of columns that determine all other columns of their alias."""
    equal: list[set[Column]] = field(default_factory=list)
    """Columns that conditions equate."""
    sizes: dict[str, float] = field(default_factory=dict)
    """Rows of each relation by alias."""

    def count(self, column: Column) -> float | None:
        """Distinct values of a column among the rows, None if nobody knows."""
        return self.distinct.get(column)


class Statistics:
    """Estimates over the trees of one statement."""

    def __init__(self, sources: Mapping[str, SourceInfo]) -> None:
        self._sources = sources
        self._profiles: dict[int, tuple[Any, Profile]] = {}
        self._common: dict[str, Query] = {}
        """Common table expressions by our names, which are the statement's own."""

    def know(self, query: With) -> None:
        """Remember the common table expressions of a WITH for what refers to them."""
        self._common |= {cte.name: cte.query for cte in query.ctes}

    def rows(self, query: Query) -> int:
        """Estimated rows of a query, at least 1."""
        return max(1, round(self._query(query).rows))

    def profile(self, query: Query) -> Profile:
        """What is known of a query's rows; its output columns have the alias ''."""
        return self._query(query)

    def joined(self, relations: Sequence[Relation], conditions: Iterable[Expr]) -> Profile:
        """Relations joined, filtered by conditions."""
        profile = Profile(1.0)
        for relation in relations:
            profile = _product(profile, self._relation(relation))
        return self._filtered(profile, list(conditions))

    def inputs(self, query: Query) -> float:
        """Estimated rows of all that a query's FROM reads, each relation filtered by its own conditions."""
        if not isinstance(query, Select) or query.relation is None:
            return float(self.rows(query))
        return sum(rows for _, rows in self._inputs(query))

    def scanned(self, query: Select) -> list[tuple[Scan, float]]:
        """The tables in a query's FROM, with their estimated rows after their own conditions."""
        return [(leaf, rows) for leaf, rows in self._inputs(query) if isinstance(leaf, Scan)]

    def looked_up(self, relation: Relation, conditions: Iterable[Expr]) -> bool:
        """Whether an index leads from other relations' values to this one's rows, by an equality among the conditions."""
        if not isinstance(relation, Scan):
            return not isinstance(relation, Join)  # a derived table gets an index of its own
        table = self._sources[relation.source].catalog.tables[relation.schema, relation.table]
        indexed = {column.name for column in table.columns if column.indexed}
        names = {column.name for column in relation.columns if column.source_name in indexed}
        pairs = [pair for part in conditions if (pair := _equated(part)) is not None]
        return any(alias == relation.alias and name in names for pair in pairs for alias, name in pair)

    def _inputs(self, query: Select) -> Iterator[tuple[Leaf, float]]:
        relations: list[Leaf] = []
        conditions = list(conjuncts(query.where))
        if query.relation is not None:
            _leaves(query.relation, relations, conditions)
        for relation in relations:
            own = [part for part in conditions if {table for table, _ in _columns(part)} == {relation.alias}]
            yield relation, self.joined([relation], own).rows

    def groups(self, profile: Profile, keys: Iterable[Expr]) -> float:
        """Estimated groups of the rows by keys: no more than there are rows, where no count says less."""
        wanted = {column for key in keys for column in _columns(key)}
        limits = {key: _values_of(key) for key in keys}
        total = 1.0
        independent = _independent(wanted, profile)
        for column in independent:
            known = profile.count(column)
            if known is None:
                return profile.rows
            total *= known
        for key, limit in limits.items():
            columns = _columns(key)
            if limit is not None and len(columns) == 1 and (known := profile.count(next(iter(columns)))) is not None:
                total *= min(limit(known), known) / known
        # One column's values are those that its rows were found to show; of several, not all combinations occur.
        return min(total, profile.rows) if len(independent) == 1 else _seen(max(total, 1.0), profile.rows)

    # ------------------------------------------------------------ queries

    def _query(self, query: Query) -> Profile:
        found = self._profiles.get(id(query))
        if found is not None and found[0] is query:
            return found[1]
        made = self._made(query)
        self._profiles[id(query)] = query, made
        return made

    def _made(self, query: Query) -> Profile:
        """The profile of a query's output columns, under the alias ''."""
        if isinstance(query, With):
            self.know(query)
            return self._query(query.body)
        if isinstance(query, SetOp):
            left, right = self._query(query.left), self._query(query.right)
            rows = left.rows + right.rows if query.op == "union" else left.rows
            return _limited(Profile(rows), query.limit)
        if not isinstance(query, Select):
            return Profile(UNKNOWN)
        relations = () if query.relation is None else (query.relation,)
        below = self.joined(relations, conjuncts(query.where))
        rows = below.rows
        if query.group is not None:
            rows = self.groups(below, query.group) * max(1, len(query.sets or ())) if query.group else 1.0
            for part in conjuncts(query.having):
                rows *= self._fraction(part, below)
        elif query.distinct:
            rows = self.groups(below, query.items)
        for part in conjuncts(query.qualify):
            rows *= self._fraction(part, below)
        made = Profile(rows)
        for number, item in enumerate(query.items):
            if isinstance(item, ColumnRef) and (count := below.count((item.table, item.column))) is not None:
                made.distinct["", f"c{number}"] = _seen(count, rows)
        if query.group and query.sets is None and all(key in query.items for key in query.group):
            made.keys.append(frozenset(("", f"c{query.items.index(key)}") for key in query.group))
        return _limited(made, query.limit)

    # ------------------------------------------------------------ relations

    def _relation(self, relation: Relation) -> Profile:
        if isinstance(relation, Scan):
            return self._scan(relation)
        if isinstance(relation, Derived):
            return self._output(relation.alias, relation.query)
        if isinstance(relation, CteRef) and relation.name in self._common:
            return self._output(relation.alias, self._common[relation.name])
        if isinstance(relation, Values):
            counts = {
                (relation.alias, f"c{i}"): float(len(set(column)))
                for i, column in enumerate(zip(*relation.rows, strict=True))
            }
            return Profile(float(len(relation.rows)), counts, sizes={relation.alias: float(len(relation.rows))})
        if isinstance(relation, Join):
            return self._join(relation)
        return Profile(UNKNOWN if not isinstance(relation, Exchange) else 1.0)

    def _output(self, alias: str, query: Query) -> Profile:
        """The rows of a query under an alias."""
        inner = self._query(query)
        return Profile(
            inner.rows,
            {(alias, column): count for (_, column), count in inner.distinct.items()},
            keys=[frozenset((alias, column) for _, column in key) for key in inner.keys],
            sizes={alias: inner.rows},
        )

    def _scan(self, scan: Scan) -> Profile:
        table: Table = self._sources[scan.source].catalog.tables[scan.schema, scan.table]
        rows = UNKNOWN if table.rows is None else float(max(table.rows, 1))
        profile = Profile(rows, sizes={scan.alias: rows})
        wanted = {column.source_name: (scan.alias, column.name) for column in scan.columns}
        for column in table.columns:
            ours = wanted.get(column.name)
            if ours is None:
                continue
            if column.distinct is not None:
                profile.distinct[ours] = min(float(column.distinct), rows)
            elif family(column.type) == "bool":
                profile.distinct[ours] = 2.0
            if column.null_fraction is not None:
                profile.nulls[ours] = column.null_fraction
        if scan.key:
            key = frozenset((scan.alias, name) for name in scan.key)
            profile.keys.append(key)
            if len(key) == 1:
                profile.distinct[next(iter(key))] = rows
        return profile

    def _join(self, join: Join) -> Profile:
        left, right = self._relation(join.left), self._relation(join.right)
        made = self._filtered(_product(left, right), list(conjuncts(join.condition)))
        least = {"left": left.rows, "right": right.rows, "full": max(left.rows, right.rows)}.get(join.kind, 0.0)
        if join.kind in ("semi", "anti"):
            return Profile(max(1.0, left.rows / 2), left.distinct, left.nulls, left.keys, left.equal)
        made.rows = max(made.rows, least)
        return made

    # ------------------------------------------------------------ conditions

    def _filtered(self, profile: Profile, conditions: list[Expr]) -> Profile:
        """The rows that satisfy all conditions."""
        before = profile.rows
        joins: dict[frozenset[str], list[tuple[Column, Column]]] = {}
        rows = before
        for part in conditions:
            pair = _equated(part)
            if pair is not None:
                _equate(profile.equal, *pair)
                joins.setdefault(frozenset(column[0] for column in pair), []).append(pair)
            else:
                rows *= self._fraction(part, profile)
        for pairs in joins.values():
            rows *= _matching(pairs, profile)
        profile.rows = max(rows, 1e-6)
        profile.distinct = {column: _left(count, before, profile.rows) for column, count in profile.distinct.items()}
        return profile

    def _fraction(self, part: Expr, profile: Profile) -> float:
        """Of the rows that a condition keeps."""
        if isinstance(part, Subquery):
            return 0.5
        if not isinstance(part, Call):
            return 0.5
        name, args = part.name, part.args
        if name == "and":
            return math.prod(self._fraction(arg, profile) for arg in args)
        if name == "or":
            return 1.0 - math.prod(1.0 - self._fraction(arg, profile) for arg in args)
        if name == "not":
            return 1.0 - self._fraction(args[0], profile)
        if name == "superset":
            return self._fraction(args[0], profile)
        column = _column(args[0]) if args else None
        if name in ("is null", "is not null"):
            nulls = profile.nulls.get(column, _FRACTION["is null"]) if column else _FRACTION["is null"]
            return nulls if name == "is null" else 1.0 - nulls
        known = profile.count(column) if column else None
        if name == "<>" or name == "not in":
            return 1.0 - min(0.9, (len(args) - 1) / known if known else _FRACTION["="])
        if known and name == "=":
            return 1.0 / known
        if known and name == "in":
            return min(1.0, (len(args) - 1) / known)
        return _FRACTION.get(name, 0.5)


def leaves_of(relation: Relation) -> list[Leaf]:
    """The relations below all joins."""
    found: list[Leaf] = []
    _leaves(relation, found, [])
    return found


def _leaves(relation: Relation, leaves: list[Leaf], conditions: list[Expr]) -> None:
    """The relations below all joins, and the conditions of those that are inner joins."""
    if not isinstance(relation, Join):
        leaves.append(relation)
        return
    if relation.kind == "inner":
        conditions += conjuncts(relation.condition)
    _leaves(relation.left, leaves, conditions)
    _leaves(relation.right, leaves, conditions)


# ---------------------------------------------------------------- formulas


def _seen(values: float, rows: float) -> float:
    """How many of `values` equally likely values `rows` rows show."""
    if rows >= 20 * values:
        return values
    return max(min(values * -math.expm1(-rows / values), rows), 1e-6)


def _left(values: float, before: float, after: float) -> float:
    """How many of the values that rows show are left when fewer rows are: each has its share of the rows."""
    if after >= before:
        return values
    share = max(before / values, 1.0)
    return max(min(values * -math.expm1(share * math.log1p(-after / before)), after), 1e-6)


def _product(left: Profile, right: Profile) -> Profile:
    return Profile(
        left.rows * right.rows,
        {**left.distinct, **right.distinct},
        {**left.nulls, **right.nulls},
        [*left.keys, *right.keys],
        [*map(set, left.equal), *map(set, right.equal)],
        {**left.sizes, **right.sizes},
    )


def _matching(pairs: list[tuple[Column, Column]], profile: Profile) -> float:
    """The fraction of all pairs of rows that equalities between the same two relations keep.

    Equalities that cover a key meet one row of it, however few their values are one by one.
    """
    product = 1.0
    for pair in pairs:
        counts = [count for column in pair if (count := profile.count(column)) is not None]
        product /= max(counts) if counts else _guessed(pair, profile)
    equated = {column for pair in pairs for column in pair}
    covered = [math.prod(profile.count(column) or 1.0 for column in key) for key in profile.keys if key <= equated]
    return max(product, 1.0 / max(covered)) if covered else product


def _guessed(pair: tuple[Column, Column], profile: Profile) -> float:
    """Values of columns that nobody counted: between tables that declare their keys, and these are none, few."""
    keyed = {column[0] for key in profile.keys for column in key}
    if all(column[0] in keyed for column in pair):
        return 1 / _FRACTION["="]
    return max((profile.sizes.get(column[0], 1.0) for column in pair), default=1.0)


def _limited(profile: Profile, limit: Expr | None) -> Profile:
    if isinstance(limit, Constant) and limit.text:
        profile.rows = min(profile.rows, float(limit.text))
    return profile


def _independent(columns: set[Column], profile: Profile) -> list[Column]:
    """The columns without those that others among them determine: by an equality, or as columns of a key's table."""
    kept: list[Column] = []
    for column in sorted(columns):
        group = next((group for group in profile.equal if column in group), {column})
        if not any(other in group for other in kept):
            kept.append(column)
    closed = set(kept).union(*(group for group in profile.equal if group & set(kept)))
    for key in profile.keys:
        alias = next(iter(key))[0]
        if key <= closed:
            represented = {other for group in profile.equal if group & key for other in group} | key
            kept = [column for column in kept if column[0] != alias or column in represented]
    return kept


def _equate(groups: list[set[Column]], left: Column, right: Column) -> None:
    touched = [group for group in groups if left in group or right in group]
    groups[:] = [group for group in groups if group not in touched]
    groups.append({left, right}.union(*touched))


def _equated(part: Expr) -> tuple[Column, Column] | None:
    """The columns of a condition a.x = b.y."""
    if isinstance(part, Call) and part.name in ("=", "is not distinct from"):
        left, right = _column(part.args[0]), _column(part.args[1])
        if left is not None and right is not None and left[0] != right[0]:
            return left, right
    return None


def _column(node: Expr) -> Column | None:
    while isinstance(node, Cast):
        node = node.arg
    return (node.table, node.column) if isinstance(node, ColumnRef) else None


def _columns(node: Expr) -> frozenset[Column]:
    return frozenset((part.table, part.column) for part in walk(node) if isinstance(part, ColumnRef))


def _values_of(key: Expr) -> Any:
    """For a part of a date: its number of values, from that of the dates; None for what is no such part."""
    if not isinstance(key, Call):
        return None
    unit = key.name
    if key.name in ("date_part", "date_trunc") and isinstance(key.args[0], Constant):
        unit = key.args[0].text or ""
    if unit not in _PER_YEAR:
        return None
    per_year = _PER_YEAR[unit]
    if unit != "year" and key.name != "date_trunc":
        return lambda _: per_year
    return lambda days: max(1.0, math.ceil(days / _DAYS * per_year))
