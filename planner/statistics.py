"""How many rows queries and relations have: estimates from the catalogs, for costs and for EXPLAIN. Never for answers.

What a condition keeps is selectivity.py's, what a column holds distributions.py's; columns count as independent, but
for what keys and equalities say.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from connectors.sqlgen.dialect import family
from connectors.sqlgen.tree import (
    Call,
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
)
from planner.distributions import distribution
from planner.plan import SourceInfo
from planner.profiles import (
    Column,
    Profile,
    column_of,
    columns_of,
    equate,
    equated,
    independent,
    product,
    references,
    renamed,
    seen,
    unique,
)
from planner.rules.algebra import inner_parts
from planner.selectivity import ANYTHING, kept, matched, meeting
from watersmeet.spi import Table

UNKNOWN = 1000.0
"""Rows of a table that nobody counted."""
_PER_YEAR = {"year": 1.0, "quarter": 4.0, "month": 12.0}
"""Values of date_trunc in a year; year(), quarter() and month() themselves have no more."""
_DAYS = 365.0
Leaf = Scan | Derived | CteRef | Values | Exchange


class Statistics:
    """Estimates over the trees of one statement."""

    def __init__(self, sources: Mapping[str, SourceInfo]) -> None:
        self.sources = sources
        self._below: dict[int, tuple[Select, Profile]] = {}
        self._profiles: dict[int, tuple[Query, Profile]] = {}
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

    def below(self, block: Select) -> Profile:
        """The rows of a block's FROM and WHERE, for reading only: they are remembered."""
        found = self._below.get(id(block))
        if found is None or found[0] is not block:
            relations = () if block.relation is None else (block.relation,)
            found = self._below[id(block)] = block, self.joined(relations, conjuncts(block.where))
        return found[1]

    def joined(self, relations: Sequence[Relation], conditions: Iterable[Expr]) -> Profile:
        """Relations joined, filtered by conditions."""
        profile, given = Profile(1.0), list(conditions)
        parts = [part for relation in relations for part in inner_parts(relation, given)]
        left = [(condition, {alias for alias, _ in columns_of(condition)}) for condition in given]
        for part in parts:
            one = self._relation(part)
            own = [condition for condition, read in left if read <= one.sizes.keys()]
            left = [(condition, read) for condition, read in left if not read <= one.sizes.keys()]
            profile = product(profile, self._filtered(one, own))
        return self._filtered(profile, [condition for condition, _ in left])

    def range(self, scan: Scan, name: str) -> tuple[int, int] | None:
        """The least and the greatest value of a table's column of integers, by our name, as the source last counted."""
        table = self.sources[scan.source].catalog.tables[scan.schema, scan.table]
        theirs = next((column.source_name for column in scan.columns if column.name == name), None)
        known = next((column for column in table.columns if column.name == theirs), None)
        if known is None or family(known.type) != "int" or (values := distribution(known)) is None:
            return None
        found = values.range()
        return None if found is None else (math.floor(found[0]), math.ceil(found[1]))

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
        table = self.sources[relation.source].catalog.tables[relation.schema, relation.table]
        indexed = {column.name for column in table.columns if column.indexed}
        names = {column.name for column in relation.columns if column.source_name in indexed}
        pairs = [pair for part in conditions if (pair := equated(part)) is not None]
        return any(alias == relation.alias and name in names for pair in pairs for alias, name in pair)

    def _inputs(self, query: Select) -> Iterator[tuple[Leaf, float]]:
        relations: list[Leaf] = []
        conditions = list(conjuncts(query.where))
        if query.relation is not None:
            _leaves(query.relation, relations, conditions)
        for relation in relations:
            own = [part for part in conditions if {table for table, _ in columns_of(part)} == {relation.alias}]
            yield relation, self.joined([relation], own).rows

    def groups(self, profile: Profile, keys: Sequence[Expr], met: Profile | None = None) -> float:
        """Estimated groups of the rows by keys: no more than there are rows, where no count says less.

        `met`: what the rows will be joined with. Values of columns that meet a whole key are taken to be found there.
        """
        wanted = {column for key in keys for column in columns_of(key)}
        if unique({column for key in keys if (column := column_of(key)) is not None}, profile):
            return profile.rows
        total = 1.0
        columns = independent(wanted, profile)
        for column in columns:
            known = profile.count(column)
            if known is None:
                return profile.rows
            total *= known
        for together, most in () if met is None else references(columns, met):
            total *= min(most / math.prod(profile.distinct[column] for column in together), 1.0)
        shown: dict[Column, float] = {}
        for key in keys:
            own = columns_of(key)
            if len(own) != 1 or not own <= set(columns):
                continue  # determined by another key, its parts are, too
            (column,) = own
            limit, known = _values_of(key), profile.distinct[column]
            shown[column] = shown.get(column, 1.0) * (known if limit is None else min(limit(known), known))
        for column, values in shown.items():
            total *= min(values / profile.distinct[column], 1.0)
        # One column's values are those that its rows were found to show; of several, not all combinations occur.
        return min(total, profile.rows) if len(columns) == 1 else seen(max(total, 1.0), profile.rows)

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
        below = self.below(query)
        rows = below.rows
        if query.group is not None:
            rows = self.groups(below, query.group) * max(1, len(query.sets or ())) if query.group else 1.0
            rows *= kept(conjuncts(query.having), below, self._counted, narrow=False)
        elif query.distinct:
            rows = self.groups(below, query.items)
        rows *= kept(conjuncts(query.qualify), below, self._counted, narrow=False)
        made = Profile(rows)
        for number, item in enumerate(query.items):
            if isinstance(item, ColumnRef):
                made.know(("", f"c{number}"), below, (item.table, item.column))
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
            return Profile(float(len(relation.rows)), counts, counts, sizes={relation.alias: float(len(relation.rows))})
        if isinstance(relation, Join):
            return self._join(relation)
        rows = UNKNOWN if not isinstance(relation, Exchange) else 1.0
        return Profile(rows, sizes={relation.alias: rows})

    def _output(self, alias: str, query: Query) -> Profile:
        """The rows of a query under an alias."""
        return renamed(self._query(query), alias)

    def _scan(self, scan: Scan) -> Profile:
        table: Table = self.sources[scan.source].catalog.tables[scan.schema, scan.table]
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
            profile.columns[ours] = column
        if scan.key:
            key = frozenset((scan.alias, name) for name in scan.key)
            profile.keys.append(key)
            if len(key) == 1:
                profile.distinct[next(iter(key))] = rows
        profile.domain = dict(profile.distinct)
        return profile

    def _join(self, join: Join) -> Profile:
        left, right = self._relation(join.left), self._relation(join.right)
        conditions = conjuncts(join.condition)
        if join.kind in ("semi", "anti"):
            part = self._semi(left, right, conditions)
            left.shrink(left.rows * (part if join.kind == "semi" else 1.0 - part))
            return left
        made = self._filtered(product(left, right), conditions)
        least = {"left": left.rows, "right": right.rows, "full": max(left.rows, right.rows)}.get(join.kind, 0.0)
        made.rows = max(made.rows, least)
        return made

    # ------------------------------------------------------------ conditions

    def _filtered(self, profile: Profile, conditions: Iterable[Expr]) -> Profile:
        """The rows that satisfy all conditions."""
        joins, alone = _split(conditions)
        rows = profile.rows * kept(alone, profile, self._counted)
        parts = [(len(pairs) == 1, -meeting(pairs, profile), pairs) for pairs in joins.values()]
        # Of a = b, b = c and a = c one follows from the others, and keeps no row less: the least telling of them, and
        # never one of several columns, which may be a key.
        for single, part, pairs in sorted(parts):
            if not single or not any({*pairs[0]} <= group for group in profile.equal):
                rows *= -part
            for pair in pairs:
                equate(profile.equal, *pair)
                profile.meet(*pair)
        profile.shrink(rows)
        return profile

    def _counted(self, subquery: Subquery, profile: Profile) -> float:
        """Part of a profile's rows that a condition with a query keeps."""
        query = subquery.query
        if subquery.kind == "exists" and isinstance(query, Select) and query.group is None and query.relation:
            inside = self._relation(query.relation)
            own: list[Expr] = []
            crossing: list[Expr] = []
            for part in conjuncts(query.where):
                (own if {alias for alias, _ in columns_of(part)} <= inside.sizes.keys() else crossing).append(part)
            return self._semi(profile, self._filtered(product(Profile(1.0), inside), own), crossing)
        if subquery.kind == "any" and subquery.op == "=" and subquery.arg is not None:
            inside, mine = renamed(self._query(query), _INSIDE), column_of(subquery.arg)
            if mine is not None:
                return matched([(mine, (_INSIDE, "c0"))], profile, inside, 1.0)
        return ANYTHING

    def _semi(self, profile: Profile, inside: Profile, conditions: Iterable[Expr]) -> float:
        """Part of a profile's rows that find one among those inside, by conditions between them."""
        joins, also = _split(conditions)
        both = product(profile, inside)
        pairs = [pair for between in joins.values() for pair in between]
        return matched(pairs, profile, inside, kept(also, both, self._counted, narrow=False))


_INSIDE = "in"
"""The alias of an IN's own query."""


def _split(conditions: Iterable[Expr]) -> tuple[dict[frozenset[str], list[tuple[Column, Column]]], list[Expr]]:
    """The equalities between columns of two relations, by these, and all other conditions."""
    joins: dict[frozenset[str], list[tuple[Column, Column]]] = {}
    alone = []
    for part in conditions:
        pair = equated(part)
        if pair is None:
            alone.append(part)
        else:
            joins.setdefault(frozenset(column[0] for column in pair), []).append(pair)
    return joins, alone


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


def _limited(profile: Profile, limit: Expr | None) -> Profile:
    if isinstance(limit, Constant) and limit.text:
        profile.rows = min(profile.rows, float(limit.text))
    return profile


def _values_of(key: Expr) -> Any:
    """For a condition, or a part of a date: its number of values, from that of its column's; None for what is neither."""
    if not isinstance(key, Call):
        return None
    if key.type == "BOOLEAN":
        return lambda _: 2.0
    unit = key.name
    if key.name in ("date_part", "date_trunc") and isinstance(key.args[0], Constant):
        unit = key.args[0].text or ""
    if unit not in _PER_YEAR:
        return None
    per_year = _PER_YEAR[unit]
    if unit != "year" and key.name != "date_trunc":
        return lambda _: per_year
    return lambda days: max(1.0, math.ceil(days / _DAYS * per_year))
