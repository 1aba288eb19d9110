"""Semi-joins: the reductions worth trying, by estimates; the last word is the run's, which knows how many keys there are.

A reduction is a superset by nature: the residual still joins. So a source may compare the keys in its own loose way.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from connectors.sqlgen.dialect import decimal_shape, family
from connectors.sqlgen.tree import ColumnRef, Derived, Expr, Query, Scan, Select, conjunction, walk
from planner.cost import NOTICED, Costs
from planner.plan import FederatedPlan, Fragment, SemiJoin, SourceInfo
from planner.reductions import Pair, Pairs, Place, reductions
from planner.rules.push_filters import filtered
from planner.statistics import Statistics

_QUICK = 10
"""A fragment that reads so many times less than another one is through before that one has well begun."""
_ENDS = 2
"""Keys that a range is: the least and the greatest."""
_ALL = 0.9
"""Of a column's values: as many are all of them, as far as estimates tell."""
_INTEGER_DIGITS, _MOST_DIGITS = 20, 38
"""Of the largest integer, and of the largest DECIMAL."""
_SAMPLED = 10_000
"""Distinct values that a sample of 30,000 rows counts well."""
_READ = 0.4
"""Microseconds of a source for each row that it reads: 800,000 of partsupp, or as many of orders, in 0.3 s."""
_LOOKUP = 50.0
"""For each key that it looks up in an index: MariaDB took 0.7 s for 10,000 of partsupp, PostgreSQL a quarter of that."""
_USE = 0.5
"""An answer may come later by this part of the work that is saved."""
_LEAST = 2_000
"""Rows that a reduction must save: fewer are shipped sooner than a wait is over."""


def reduced(plan: FederatedPlan, statistics: Statistics, most: int) -> tuple[Fragment, ...]:
    """The plan's fragments with the semi-joins worth trying."""
    if len(plan.fragments) < 2:
        return plan.fragments
    chosen = semijoins(plan.local, plan.fragments, statistics, most)
    return tuple(
        replace(fragment, semijoins=chosen[fragment.id], dialect=statistics.sources[fragment.source].dialect)
        if fragment.id in chosen
        else fragment
        for fragment in plan.fragments
    )


def semijoins(
    local: Query, fragments: Sequence[Fragment], statistics: Statistics, most: int
) -> dict[int, tuple[SemiJoin, ...]]:
    """The reductions worth trying, by the fragment that they reduce; never one that waits for itself.

    `most` keys are handed on at a time. What saves the most rows is taken first, and what it saves makes the reduced
    fragment a better provider for others: a chain. What makes a quick fragment wait for a slow one comes last: it saves
    little, and the slow one could no longer be reduced by the quick one.
    """
    estimates = _Estimates(fragments, statistics, most)
    sendable = {pairs for together in reductions(local) if (pairs := estimates.sendable(together))}
    allowed = sorted((pairs for pairs in sendable if not any(pairs < others for others in sendable)), key=sorted)
    waits: dict[int, set[int]] = {fragment.id: set() for fragment in fragments}
    taken: dict[int, list[SemiJoin]] = {}
    while True:
        best: tuple[tuple[bool, float], Pairs, _Choice] | None = None
        for together in allowed:
            reduced, by = _fragments(together)
            if reduced in _closure(waits, by):
                continue
            choice = estimates.choice(together)
            rank = not estimates.late(together), choice.saved
            if choice.joins and (best is None or rank > best[0]):
                best = rank, together, choice
        if best is None:
            return {number: tuple(joins) for number, joins in taken.items()}
        _, together, choice = best
        reduced, by = _fragments(together)
        taken.setdefault(reduced, []).extend(choice.joins)
        waits[reduced].add(by)
        estimates.take(reduced, choice)
        allowed.remove(together)
        allowed += [choice.rest] if choice.rest else []


def restricted(query: Query, conditions: Iterable[Expr]) -> Query:
    """A fragment's query without the rows that do not meet conditions on its output, each as deep inside as it may be."""
    columns = tuple(output(number, type_) for number, type_ in enumerate(query.types))
    left: list[Expr] = []
    for condition in conditions:
        inside = filtered(query, _WHOLE, condition)
        if inside is None:
            left.append(condition)
        else:
            query = inside
    return query if not left else Select(columns, Derived(_WHOLE, query), where=conjunction(left))


def output(number: int, type_: str) -> ColumnRef:
    """A column of a fragment's output in a condition on it."""
    return ColumnRef(_WHOLE, f"c{number}", type_)


_WHOLE = "k"
"""The alias of a fragment's own query in a condition over its output."""


@dataclass(frozen=True, slots=True)
class _Choice:
    """What to do about columns that must meet another fragment's in one row."""

    joins: tuple[SemiJoin, ...]
    """Empty: nothing is worth it."""
    saved: float
    """Rows that need not be handled."""
    share: float
    """What is left of the rows."""
    end: float
    """When the fragment is through then, in microseconds."""
    rest: Pairs
    """Columns that are not worth it yet: what provides them may become smaller."""


class _Estimates:
    """What is known of one statement's fragments, and what their keys would save."""

    def __init__(self, fragments: Sequence[Fragment], statistics: Statistics, most: int) -> None:
        sources = statistics.sources
        self._costs = Costs(statistics)
        self._most = most
        self._sources = {fragment.id: sources[fragment.source] for fragment in fragments}
        self._tables = {fragment.id: _table_rows(fragment.query, sources[fragment.source]) for fragment in fragments}
        self._types = {fragment.id: fragment.query.types for fragment in fragments}
        self._reads = {fragment.id: statistics.inputs(fragment.query) for fragment in fragments}
        self._profiles = {fragment.id: statistics.profile(fragment.query) for fragment in fragments}
        self.rows = {number: profile.rows for number, profile in self._profiles.items()}
        """Of each fragment, with the reductions that were taken."""
        self._works = {f.id: self._costs.work(f.query, sources[f.source].speed) for f in fragments}
        self._ends = {f.id: self._reads[f.id] * _READ + self._handled(f.id, 1.0) for f in fragments}
        """When each is through, in microseconds."""

    def take(self, reduced: int, choice: _Choice) -> None:
        """Count with a choice from now on."""
        self.rows[reduced] *= choice.share
        self._ends[reduced] = choice.end

    def late(self, together: Pairs) -> bool:
        """Whether the reduced fragment would be through long before the keys are there."""
        reduced, by = _fragments(together)
        return self._waited(reduced, by) > _QUICK * self._ends[reduced]

    def sendable(self, together: Pairs) -> Pairs:
        """The pairs whose keys one source may send and the other understands: for each column that with the fewest."""
        reduced, by = _fragments(together)
        home, there = self._sources[by], self._sources[reduced]
        if reduced == by or not (home.export_keys or home.name == there.name):
            return frozenset()
        kept: list[Pair] = []
        for pair in sorted(together, key=lambda pair: (pair[0], self._values([pair[1]], self.rows[by]), pair[1])):
            mine, theirs = (self._types[place.fragment][place.column] for place in pair)
            met = any(pair[0] == other[0] for other in kept)
            if not met and _comparable(mine, theirs) and family(mine) in there.dialect.keys:
                kept.append(pair)
        return frozenset(kept)

    def choice(self, together: Pairs) -> _Choice:
        """The semi-joins worth trying for columns that must meet others in one row: by each column, and by all."""
        reduced, by = _fragments(together)
        handled = self.rows[reduced]
        quick = self._reads[by] * _QUICK <= self._reads[reduced]
        if quick:
            # Keys that are there before a source could begin spare it work, whatever of that work would be shipped.
            handled = max(handled, self._reads[reduced])
        joins, share, end, rest = [], 1.0, self._ends[reduced], together
        pairs = tuple(sorted(together, key=lambda pair: pair[0].column))
        for pair in pairs:
            join, keys = self._join((pair,), read=quick), self._values([pair[1]], self.rows[by])
            part = min(1.0, keys / join.values)
            if (most := _doubtful(keys, self.rows[by])) > join.most and (cut := self._cut(pair)) < part:
                part, keys, most = cut, _ENDS, _ENDS
            after = self._after(reduced, by, keys, share * part)
            wasted = after - max(end, self._waited(reduced, by)) - _USE * self._handled(reduced, share * (1 - part))
            if _worth(handled * share * (1 - part), keys, most, join.most, wasted):
                joins.append(join)
                share, end = share * part, after
                rest -= {pair}
        rows = tuple({pair[1]: pair for pair in reversed(pairs)}.values())[::-1]
        if len(rows) > 1:
            join, keys = self._join(rows), self._values([pair[1] for pair in rows], self.rows[by])
            part = min(1.0, keys / join.values)
            after = self._after(reduced, by, keys, part)
            wasted = after - max(end, self._waited(reduced, by)) - _USE * self._handled(reduced, 1 - part)
            most = _doubtful(keys, self.rows[by])
            if closer(part, share) and _worth(handled * (1 - part), keys, most, join.most, wasted):
                joins.append(join)
                share, end, rest = min(share, part), min(end, after), frozenset()
        return _Choice(tuple(joins), handled * (1 - share), share, end, rest)

    # ------------------------------------------------------------ the clock

    def _after(self, reduced: int, by: int, keys: float, share: float) -> float:
        """When a fragment is through that waits for so many keys, which leave a share of its rows."""
        reading = min(self._reads[reduced] * _READ, keys * _LOOKUP)
        return self._waited(reduced, by) + reading + self._handled(reduced, share)

    def _waited(self, reduced: int, by: int) -> float:
        """What is lost by waiting: nothing at one source, which would have to do both anyway."""
        return 0.0 if self._sources[reduced].name == self._sources[by].name else self._ends[by]

    def _handled(self, fragment: int, share: float) -> float:
        """What a share of a fragment's rows costs: the source's work for it, and sending it."""
        speed, rows = self._sources[fragment].speed, self.rows[fragment] * share
        return self._works[fragment] * share + self._costs.sent(speed, rows, self._types[fragment])

    # ------------------------------------------------------------ values

    def _join(self, pairs: tuple[Pair, ...], *, read: bool = False) -> SemiJoin:
        """A semi-join of the first places of pairs with the second. `read`: it is to spare reading rows, not sending them."""
        reduced, by = pairs[0][0].fragment, pairs[0][1].fragment
        there = max(1.0, self._values([pair[0] for pair in pairs], self._profiles[reduced].rows))
        if len(pairs) > 1:
            there = min(there, self._referred(pairs))
        elif read:
            there = max(there, self._profiles[reduced].domain.get(("", f"c{pairs[0][0].column}"), 0.0))
        return SemiJoin(
            columns=tuple(pair[0].column for pair in pairs),
            keys_of=by,
            keys=tuple(pair[1].column for pair in pairs),
            most=_limit(there, self._most),
            values=there,
            span=self._span(pairs[0][0]) if len(pairs) == 1 else None,
        )

    def _values(self, places: Sequence[Place], of: float) -> float:
        """Distinct values that columns of one fragment have together, among `of` rows."""
        fragment = places[0].fragment
        counts = (self._profiles[fragment].count(("", f"c{place.column}")) for place in places)
        return min(of, math.prod(self.rows[fragment] if count is None else count for count in counts))

    def _referred(self, pairs: Sequence[Pair]) -> float:
        """Values that columns have together if they refer to rows of the keys' tables: they do where each finds all of
        its values there. Without that, (part, supplier) of an order's line had all combinations of the two."""
        reduced, by = (self._profiles[place.fragment] for place in pairs[0])
        for mine, theirs in (((("", f"c{place.column}")) for place in pair) for pair in pairs):
            if by.domain.get(theirs, 0.0) < _ALL * (reduced.count(mine) or math.inf):
                return math.inf
        return max(self._tables[pairs[0][1].fragment], default=math.inf)

    def _span(self, place: Place) -> tuple[float, float] | None:
        """The least and the greatest value of a table's column, where all sources sort its values alike."""
        if family(self._types[place.fragment][place.column]) == "text":
            return None
        known = self._profiles[place.fragment].values(("", f"c{place.column}"))
        return None if known is None else known.range()

    def _cut(self, pair: Pair) -> float:
        """What part of a column's range the other's range leaves."""
        span, keys = self._span(pair[0]), self._span(pair[1])
        return 1.0 if span is None or keys is None else overlap(span, keys)


def _table_rows(query: Query, source: SourceInfo) -> list[float]:
    """The rows of the tables that a fragment reads, where somebody counted them."""
    tables = (source.catalog.tables[node.schema, node.table] for node in walk(query) if isinstance(node, Scan))
    return [float(table.rows) for table in tables if table.rows is not None]


def overlap(span: tuple[float, float], keys: tuple[float, float]) -> float:
    """About what part of the values in a range lie in another.

    >>> overlap((0.0, 100.0), (75.0, 500.0)), overlap((0.0, 0.0), (5.0, 6.0))
    (0.25, 1.0)
    """
    width = span[1] - span[0]
    if not 0.0 < width < math.inf:
        return 1.0
    return max(0.0, min(span[1], keys[1]) - max(span[0], keys[0])) / width


def closer(together: float, alone: float) -> bool:
    """Whether keys of several columns let so much less through than those of each that they are worth saying instead.

    A row of keys costs about as much as two keys do. Tests that force semi-joins of several columns replace it.
    """
    return together < alone / 2


def _worth(saved: float, keys: float, most: float, limit: int, wasted: float) -> bool:
    """Whether rows that are not handled are worth keys that are. Tests that force every semi-join replace it.

    Whoever waits for keys that turn out to be too many has waited in vain: a doubt (`most`) is enough not to. `wasted`:
    by how much the answer would be later, beyond what is saved of the work.
    """
    return most <= limit and wasted <= NOTICED and saved >= max(_LEAST, 2 * keys)


def _doubtful(keys: float, rows: float) -> float:
    """How many keys there may well be among rows where about `keys` are expected. A sample sees values of a clustered
    column together, and PostgreSQL takes lineitem's 1.5 million orders for 0.4 million; few values it counts well."""
    return math.sqrt(keys * rows) if keys > _SAMPLED else keys


def _limit(there: float, most: int) -> int:
    """More keys than half of the values there are save less than they cost."""
    return int(min(most, max(there / 2, 1.0)))


def _comparable(column: str, keys: str) -> bool:
    """Whether values of a column's type compare with keys of another type as both are.

    >>> _comparable("DECIMAL(12,2)", "INTEGER"), _comparable("INTEGER", "DECIMAL(12,2)"), _comparable("DATE", "TIMESTAMP")
    (True, False, False)
    >>> _comparable("DECIMAL(38,0)", "DECIMAL(12,2)")  # DuckDB casts both to DECIMAL(38,2), which not all values fit
    False
    """
    if family(column) != "decimal" or family(keys) not in ("decimal", "int"):
        return family(column) == family(keys)
    shapes = (decimal_shape(column), decimal_shape(keys) if family(keys) == "decimal" else (_INTEGER_DIGITS, 0))
    whole, scale = max(precision - scale for precision, scale in shapes), max(scale for _, scale in shapes)
    return column == keys or whole + scale <= _MOST_DIGITS


def _fragments(together: Pairs) -> tuple[int, int]:
    """The fragment that is reduced, and the one that has the keys."""
    reduced, by = next(iter(together))
    return reduced.fragment, by.fragment


def _closure(waits: Mapping[int, set[int]], start: int) -> set[int]:
    """A fragment and all that it waits for, however far away."""
    found, open_ = {start}, [start]
    while open_:
        for other in waits[open_.pop()] - found:
            found.add(other)
            open_.append(other)
    return found
