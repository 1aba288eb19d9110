"""Semi-joins: the reductions worth trying, by estimates; the last word is the run's, which knows how many keys there are.

A reduction is a superset by nature: the residual still joins. So a source may compare the keys in its own loose way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from connectors.sqlgen.dialect import family
from connectors.sqlgen.tree import ColumnRef, Derived, Expr, Keys, Query, Select, boolean, conjunction
from planner.plan import FederatedPlan, Fragment, SemiJoin, SourceInfo
from planner.reductions import Pair, Place, pairs
from planner.rules.push_filters import filtered
from planner.statistics import Statistics

_FAMILIES = frozenset({"int"})
"""Of keys that are handed on: what every source compares alike and no setting prints differently."""
_QUICK = 10
"""A fragment that reads so many times less than another one is through before that one has well begun."""
_LEAST = 2_000
"""Rows that a reduction must save: fewer are shipped sooner than a wait is over."""


def reduced(plan: FederatedPlan, sources: Mapping[str, SourceInfo], most: int) -> tuple[Fragment, ...]:
    """The plan's fragments with the semi-joins worth trying."""
    if len(plan.fragments) < 2:
        return plan.fragments
    chosen = semijoins(plan.local, plan.fragments, sources, most)
    return tuple(
        replace(fragment, semijoins=chosen[fragment.id], dialect=sources[fragment.source].dialect)
        if fragment.id in chosen
        else fragment
        for fragment in plan.fragments
    )


def semijoins(
    local: Query, fragments: Sequence[Fragment], sources: Mapping[str, SourceInfo], most: int
) -> dict[int, tuple[SemiJoin, ...]]:
    """The reductions worth trying, by the fragment that they reduce; never one that waits for itself.

    `most` keys are handed on at a time. The pair that saves the most rows is taken first, and what it saves makes the
    reduced fragment a better provider for others: a chain.
    """
    statistics = Statistics(sources)
    profiles = {fragment.id: statistics.profile(fragment.query) for fragment in fragments}
    rows = {number: profile.rows for number, profile in profiles.items()}
    reads = {fragment.id: statistics.inputs(fragment.query) for fragment in fragments}
    types = {fragment.id: fragment.query.types for fragment in fragments}
    home = {fragment.id: fragment.source for fragment in fragments}
    allowed = [pair for pair in pairs(local) if _of_keys(pair, types) and _may_leave(pair, home, sources)]
    waits: dict[int, set[int]] = {fragment.id: set() for fragment in fragments}
    taken: dict[int, list[SemiJoin]] = {}

    def values(place: Place, of: float) -> float:
        """Distinct values of a column among `of` rows."""
        known = profiles[place.fragment].count(("", f"c{place.column}"))
        return min(of, rows[place.fragment] if known is None else known)

    def among(place: Place) -> float:
        """Distinct values of a column of a fragment that is read whole."""
        return max(1.0, values(place, profiles[place.fragment].rows))

    while True:
        best: tuple[float, Pair] | None = None
        for reduced, by in allowed:
            if reduced.fragment in _closure(waits, by.fragment):
                continue
            keys, there = values(by, rows[by.fragment]), among(reduced)
            # Keys that are there before a source could begin spare it work, whatever of that work would be shipped.
            quick = reads[by.fragment] * _QUICK <= reads[reduced.fragment]
            handled = max(rows[reduced.fragment], reads[reduced.fragment]) if quick else rows[reduced.fragment]
            saved = handled * (1 - min(1.0, keys / there))
            if _worth(saved, keys, _limit(there, most)) and (best is None or saved > best[0]):
                best = saved, (reduced, by)
        if best is None:
            return {number: tuple(joins) for number, joins in taken.items()}
        _, (reduced, by) = best
        there = among(reduced)
        taken.setdefault(reduced.fragment, []).append(
            SemiJoin(keys_of=by.fragment, key=by.column, column=reduced.column, most=_limit(there, most), values=there)
        )
        waits[reduced.fragment].add(by.fragment)
        rows[reduced.fragment] *= min(1.0, values(by, rows[by.fragment]) / there)
        allowed.remove((reduced, by))


def restricted(query: Query, keys: Mapping[int, Keys]) -> Query:
    """A fragment's query without the rows whose output column n is not among keys[n]."""
    columns = tuple(ColumnRef(_WHOLE, f"c{number}", type_) for number, type_ in enumerate(query.types))
    left: list[Expr] = []
    for number, among in keys.items():
        condition = boolean("in keys", columns[number], among)
        inside = filtered(query, _WHOLE, condition)
        if inside is None:
            left.append(condition)
        else:
            query = inside
    return query if not left else Select(columns, Derived(_WHOLE, query), where=conjunction(left))


_WHOLE = "k"
"""The alias of a fragment's own query in a condition over its output."""


def _worth(saved: float, keys: float, limit: int) -> bool:
    """Whether rows that are not handled are worth keys that are. Tests that force every semi-join replace it.

    Whoever waits for keys that turn out to be too many has waited in vain: an estimate above the limit is enough not to.
    """
    return keys <= limit and saved >= max(_LEAST, 2 * keys)


def _limit(there: float, most: int) -> int:
    """More keys than half of the values there are save less than they cost."""
    return int(min(most, max(there / 2, 1.0)))


def _may_leave(pair: Pair, home: Mapping[int, str], sources: Mapping[str, SourceInfo]) -> bool:
    """Whether the keys stay where they come from, or that source lets them go."""
    reduced, by = pair
    return home[reduced.fragment] == home[by.fragment] or sources[home[by.fragment]].export_keys


def _of_keys(pair: Pair, types: Mapping[int, tuple[str, ...]]) -> bool:
    reduced, by = pair
    return reduced.fragment != by.fragment and all(
        family(types[place.fragment][place.column]) in _FAMILIES for place in pair
    )


def _closure(waits: Mapping[int, set[int]], start: int) -> set[int]:
    """A fragment and all that it waits for, however far away."""
    found, open_ = {start}, [start]
    while open_:
        for other in waits[open_.pop()] - found:
            found.add(other)
            open_.append(other)
    return found
