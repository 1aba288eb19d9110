"""What is worth doing where: microseconds of a source's work and of sending rows, by its speeds (watersmeet/speed.py).

The largest sub-plan goes to its source unless that is clearly dearer than sending what it reads. Only where work runs
depends on these decisions, never an answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from connectors.sqlgen.dialect import family
from connectors.sqlgen.tree import (
    Call,
    Derived,
    Expr,
    Join,
    Query,
    Relation,
    Scan,
    Select,
    SetOp,
    Subquery,
    With,
    conjuncts,
    walk,
)
from planner.plan import SourceInfo
from planner.rules.algebra import free, inner_parts
from planner.statistics import Statistics, leaves_of
from watersmeet.speed import Speed

ROUND_TRIP = 1000.0
"""Microseconds of a fragment more."""
FRAGMENT = 1000.0
"""A fragment more costs about as much as so many rows."""
CLEARLY = 2.0
"""So many times dearer is clearly dearer: estimates are no better."""
NOTICED = 50_000.0
"""Microseconds that nobody minds."""
GROUPING = 0.8
"""A source groups rows before it sends them where no more than this part of them is left."""
VALUES_SENT = 1000
"""Rows of VALUES that go along with a query to a source."""
BLOAT = 10_000.0
"""Rows by which a query that one source can answer whole may have more than all that it reads."""
_HERE = 0.05
"""For each row that the local engine takes in."""
_AT_ONCE = 2
"""Parts of a scan that are sent at once take half of its time, however many more there are: 1.5 million rows of TPC-H's
orders came in 0.58 s in four parts, and their groups, which PostgreSQL's own workers made at once, in 0.95 s."""
_WIDTHS = {"text": 24.0, "blob": 48.0, "list": 48.0}
"""Bytes of a value, where they are not about 8."""
_JOINED_WIDTH = 24.0
"""Bytes of a row whose columns are not settled yet."""


@dataclass(frozen=True, slots=True)
class Costs:
    """The costs of the queries of one statement."""

    statistics: Statistics

    def sent(self, speed: Speed, rows: float, types: Iterable[str] | None = None, *, parts: int = 1) -> float:
        """To ship rows of these types, in parts at once, and to take them in here."""
        width = _JOINED_WIDTH if types is None else sum(_WIDTHS.get(family(type_), 8.0) for type_ in types)
        return rows * (speed.send / min(parts, _AT_ONCE) + width * speed.byte + _HERE)

    def dear(self, query: Query, source: SourceInfo) -> str | None:
        """Why a query that a source could answer had better not run there whole; None if it may."""
        rows, inputs = self.statistics.rows(query), self.statistics.inputs(query)
        if rows > inputs + BLOAT:
            return f"about {rows:,} rows would come of about {inputs:,.0f} that it reads"
        there = self.work(query, source.speed) + self.sent(source.speed, rows, query.types)
        if there <= NOTICED:
            return None
        apart = self.apart(query, source.speed)
        if there <= CLEARLY * apart:
            return None
        return f"about {there / 1e3:,.0f} ms of work there, about {apart / 1e3:,.0f} ms to send what it reads"

    def read(self, query: Query, rows: float, speed: Speed) -> float:
        """To have a source compute a query of so many rows, and send them."""
        return self.work(query, speed) + self.sent(speed, rows, query.types) + ROUND_TRIP

    def asks(self, condition: Expr, rows: float, speed: Speed) -> bool:
        """Whether a source should test a condition on so many rows, whatever it has to read anew for each of them."""
        subqueries = [node for node in walk(condition) if isinstance(node, Subquery)]
        there = speed.again * sum(self._asked(node, rows) for node in subqueries)
        if there <= NOTICED:
            return True
        return there <= CLEARLY * (self.sent(speed, rows) + sum(self.apart(node.query, speed) for node in subqueries))

    def joins(self, joined: float, apart: Sequence[float], pairs: float, speed: Speed) -> bool:
        """Whether a source should join relations that would ship `apart` rows each, and `joined` rows together.

        `pairs` of rows are compared without an index.
        """
        if joined + FRAGMENT > sum(apart) + FRAGMENT * len(apart):
            return False
        there = speed.meet * sum(apart) + speed.join * joined + speed.pair * pairs + self.sent(speed, joined)
        here = sum(self.sent(speed, rows) for rows in apart) + ROUND_TRIP * len(apart)
        return there <= CLEARLY * here + NOTICED

    def groups(
        self, groups: float, rows: float, keys: Sequence[Expr], types: Sequence[str], speed: Speed, parts: int
    ) -> bool:
        """Whether a source should group rows by keys, and send columns of these types, rather than its rows in parts."""
        there = self.grouped(groups, rows, keys, types, speed)
        if there < self.sent(speed, rows, types, parts=parts):
            return True
        return groups <= GROUPING * rows and there <= NOTICED

    def grouped(self, groups: float, rows: float, keys: Sequence[Expr], types: Sequence[str], speed: Speed) -> float:
        """To group rows by keys, and to send the groups as columns of these types."""
        return self._grouping(groups, rows, keys, speed) + self.sent(speed, groups, types)

    def factors(self, groups: float, rows: float, fewer: int, types: Sequence[str], speed: Speed) -> bool:
        """Whether to compute so many decimals fewer of each row is worth groups of these types that meet here."""
        more = groups * speed.groups + self.sent(speed, groups, types) + ROUND_TRIP
        return fewer * speed.decimal * rows > CLEARLY * more + NOTICED

    # ------------------------------------------------------------ a source's work

    def work(self, query: Query, speed: Speed) -> float:
        """To compute a query's rows, beside reading the tables, which costs the same wherever the rest runs."""
        if isinstance(query, With):
            return self.work(query.body, speed) + sum(self.work(cte.query, speed) for cte in query.ctes)
        if isinstance(query, SetOp):
            once = 0.0 if query.op == "union" and query.all else speed.groups * self.statistics.rows(query)
            return self.work(query.left, speed) + self.work(query.right, speed) + once
        if not isinstance(query, Select):
            return 0.0
        profile = self.statistics.below(query)
        cost = self._joining(query, profile.rows, speed)
        if query.group is not None:
            cost += self._grouping(self.statistics.groups(profile, query.group), profile.rows, query.group, speed)
            distinct = {node for node in walk(query.items) if isinstance(node, Call) and node.distinct}
            cost += len(distinct) * profile.rows * speed.group
        elif query.distinct:
            cost += self._grouping(self.statistics.groups(profile, query.items), profile.rows, query.items, speed)
        for node in walk((query.items, query.where, query.having)):
            if isinstance(node, Subquery):
                cost += self.work(node.query, speed) + speed.again * self._asked(node, profile.rows)
        return cost

    def _joining(self, query: Select, joined: float, speed: Speed) -> float:
        if query.relation is None:
            return 0.0
        leaves = leaves_of(query.relation)
        cost = sum(self.work(leaf.query, speed) for leaf in leaves if isinstance(leaf, Derived))
        if len(leaves) > 1:
            inputs = self.statistics.inputs(query)
            cost += speed.meet * inputs + speed.join * joined * (len(leaves) - 1)
            cost += speed.pair * self._compared(query.relation, list(conjuncts(query.where)))
        return cost

    def compared(self, parts: Sequence[Relation], conditions: list[Expr]) -> float:
        """Pairs of rows that an inner join of the parts compares one by one: all but one part need an index."""
        whole = [self.statistics.joined([p], ()).rows for p in parts if not self.statistics.looked_up(p, conditions)]
        return max(whole) * (sum(whole) - max(whole)) if len(whole) > 1 else 0.0

    def _asked(self, subquery: Subquery, times: float) -> float:
        """Rows that a correlated scalar subquery reads anew for each row around it, where no index leads to them."""
        query = subquery.query
        if subquery.kind != "scalar" or not isinstance(query, Select) or query.relation is None or not free(query):
            return 0.0
        conditions = list(conjuncts(query.where))
        scans = [leaf for leaf in leaves_of(query.relation) if isinstance(leaf, Scan)]
        if any(self.statistics.looked_up(scan, conditions) for scan in scans):
            return 0.0
        return times * max((self.statistics.joined([scan], ()).rows for scan in scans), default=0.0)

    def _compared(self, relation: Relation, conditions: list[Expr]) -> float:
        """Pairs of rows that joins compare one by one, where no index leads to the matching ones."""
        if not isinstance(relation, Join):
            return 0.0
        on = [*conjuncts(relation.condition), *conditions]
        if relation.kind == "inner":
            parts = inner_parts(relation, on)
            return self.compared(parts, on) + sum(self._compared(part, []) for part in parts)
        inside, outside = (
            (relation.left, relation.right) if relation.kind == "right" else (relation.right, relation.left)
        )
        below = self._compared(relation.left, []) + self._compared(relation.right, [])
        if self.statistics.looked_up(inside, on):
            return below
        return below + self.statistics.joined([inside], ()).rows * self.statistics.joined([outside], ()).rows

    def _grouping(self, groups: float, rows: float, keys: Sequence[Expr], speed: Speed) -> float:
        texts = sum(family(key.type) == "text" for key in keys)
        return rows * speed.group + groups * (speed.groups + texts * speed.text)

    def apart(self, query: Query, speed: Speed) -> float:
        """To send all tables that a query reads instead, each with its own filters."""
        total, seen = 0.0, set()
        for node in walk(query):
            if isinstance(node, Select) and node.relation is not None:
                for scan, rows in self.statistics.scanned(node):
                    if scan not in seen:
                        seen.add(scan)
                        total += self.sent(speed, rows, (column.type for column in scan.columns)) + ROUND_TRIP
        return total
