"""The largest sets of one source's relations that join inside that source, with the filters it can run exactly.

Two sets join there when a condition connects them and the join is not expected to have more rows than shipping both
(planner/cost.py). VALUES go along with the relations that they meet, lateral subqueries with those that they read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from connectors.sqlgen.tree import (
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
    Values,
    conjunction,
    conjuncts,
    walk,
)
from planner.cost import VALUES_SENT, Costs
from planner.placement import Placement, shown
from planner.plan import SourceInfo
from planner.rules.algebra import free, has_subquery, inner_parts, movable, relation_aliases, tables_of


@dataclass(frozen=True, slots=True)
class Unit:
    """One relation of an inner join: a table, a derived table or an outer join, and the source that can read it."""

    relation: Relation
    source: SourceInfo | None
    sendable: bool = False
    """Constant rows, which any source may be given."""
    needs: frozenset[str] = frozenset()
    """Relations that a lateral subquery reads."""

    @property
    def aliases(self) -> frozenset[str]:
        return relation_aliases(self.relation)


@dataclass(frozen=True, slots=True)
class Cluster:
    """Relations that one source joins, and the conditions it applies."""

    source: SourceInfo
    relation: Relation
    conditions: tuple[Expr, ...]
    aliases: frozenset[str]
    placeholder: Exchange
    """What stands in the local FROM until the fragment's columns are known."""

    @property
    def scans(self) -> list[Scan]:
        return [node for node in walk(self.relation) if isinstance(node, Scan)]


@dataclass(frozen=True, slots=True)
class Link:
    """What connects units of one source."""

    condition: Expr | None
    """None: a lateral subquery reads the others."""
    units: tuple[Unit, ...]


@dataclass(slots=True)
class Clusters:
    """Places one FROM clause."""

    placement: Placement
    cut: Callable[[Query], Query]
    """Cuts a derived table that no source can read whole."""
    pushdown: bool
    costs: bool = True
    """Whether a join that is expected to grow is cut."""
    made: list[Cluster] = field(default_factory=list)

    def place(self, relation: Relation, conditions: list[Expr]) -> tuple[Relation, list[Expr]]:
        """The relation with clusters replaced, and the conditions that are still to be applied above it."""
        if isinstance(relation, Join) and relation.kind != "inner":
            unit = self.unit(relation)
            if unit.source is None:
                return self.place_outer(relation, conditions)
            return self.combine([unit], conditions)
        pool = list(conditions)
        parts = inner_parts(relation, pool)
        units = []
        for part in parts:
            unit = self.unit(part)
            if unit.source is None and isinstance(part, Join):
                own = [c for c in pool if tables_of(c) and free(c) <= relation_aliases(part) and movable(c)]
                placed, leftover = self.place_outer(part, own)
                pool = [c for c in pool if c not in own] + leftover
                unit = Unit(placed, None)
            units.append(unit)
        return self.combine(units, pool)

    def unit(self, relation: Relation) -> Unit:
        """The relation with the source that can read it as it is; a derived table that none can is cut."""
        if isinstance(relation, Scan):
            return Unit(relation, self.placement.sources[relation.source])
        if not self.pushdown:
            return Unit(self.here(relation), None)
        if isinstance(relation, CteRef) and relation.name in self.placement.common:
            return Unit(relation, self.placement.common[relation.name][0])
        if isinstance(relation, Values):
            return Unit(relation, None, sendable=_sendable(relation))
        if isinstance(relation, Derived):
            if relation.lateral and (needs := free(relation.query)):
                source = self.placement.lateral(relation)
                return Unit(relation if source else self.here(relation), source, needs=needs)
            relation = replace(relation, lateral=False)  # what it read may have become a constant
            found = self.placement.read(relation.query)
            if found is not None and self.dear(relation.query, found[0]) is None:
                return Unit(relation, found[0])
            return Unit(self.here(relation), None)
        if isinstance(relation, Join):
            joined = Select((Constant("1", "INTEGER"),), relation)
            found = self.placement.read(joined)
            if found is not None and (words := self.dear(joined, found[0])) is not None:
                scans = [node for node in walk(relation) if isinstance(node, Scan)]
                self.placement.stay(found[0].name, shown(relation, relation, scans), "cost", words)
                found = None
            return Unit(relation, found[0] if found else None)
        return Unit(relation, None)

    def here(self, relation: Relation) -> Relation:
        """A relation that runs here: a derived table is cut in turn."""
        return replace(relation, query=self.cut(relation.query)) if isinstance(relation, Derived) else relation

    def dear(self, query: Query, source: SourceInfo) -> str | None:
        """Why a query that a source could answer is cut all the same; None if it is not."""
        return Costs(self.placement.statistics).dear(query, source) if self.costs else None

    # ------------------------------------------------------------ inner joins

    def combine(self, units: list[Unit], conditions: list[Expr]) -> tuple[Relation, list[Expr]]:
        """Clusters of the units, joined in the order in which they were written."""
        groups = self.connected(units, conditions) if self.pushdown else [[unit] for unit in units]
        pool = list(conditions)
        relations: list[Relation] = []
        for group in groups:
            source = _source(group)
            if source is None:
                relations += [unit.relation for unit in group]
            elif not _complete(group):
                relations += [self.here(unit.relation) for unit in group]
            else:
                relation, pool = self.cluster(group, source, pool)
                relations.append(relation)
        joined = relations[0]
        for relation in relations[1:]:
            joined = Join("inner", joined, relation, None)
        return joined, pool

    def connected(self, units: list[Unit], conditions: list[Expr]) -> list[list[Unit]]:
        """The units in groups that join at their source."""
        groups: list[list[Unit]] = [[unit] for unit in units]
        waiting = list(self.links(units, conditions))
        refused: dict[int, tuple[float, float]] = {}
        merging = True
        while merging and waiting:
            merging = False
            for link in list(waiting):
                touched = [group for group in groups if any(unit in group for unit in link.units)]
                sources = {source.name for group in touched if (source := _source(group)) is not None}
                if len(touched) < 2 or len(sources) != 1:
                    waiting.remove(link)
                    continue
                joined, apart = self.price(touched, conditions)
                if self.costs and link.condition is not None and not self.joins(joined, apart, touched, conditions):
                    refused[id(link)] = joined, sum(apart)
                    continue
                merged = [unit for unit in units if any(unit in group for group in touched)]
                groups = [merged if group is touched[0] else group for group in groups if group not in touched[1:]]
                waiting.remove(link)
                merging = True
        for link in waiting:
            self.explain_cut(link, *refused[id(link)])
        return groups

    def links(self, units: list[Unit], conditions: list[Expr]) -> Iterator[Link]:
        """What could join units at a source: lateral subqueries, and the conditions that the source can test exactly."""
        for unit in units:
            read = _closed((unit,), units)
            if unit.needs and all(other.source is not None or other.sendable for other in read):
                yield Link(None, read)
        for part in conditions:
            tables = free(part)
            touched = _closed(tuple(unit for unit in units if unit.aliases & tables), units)
            sources = {unit.source.name if unit.source else None for unit in touched if not unit.sendable}
            if len(touched) < 2 or len(sources) != 1 or None in sources:
                continue
            source = next(unit.source for unit in touched if unit.source is not None)
            aliases = frozenset[str]().union(*(unit.aliases for unit in touched))
            if self.placement.condition(part, source, _scans(touched), aliases) == part:
                yield Link(part, touched)

    def price(self, groups: list[list[Unit]], conditions: list[Expr]) -> tuple[float, list[float]]:
        """Estimated rows of groups joined, and of each that would have to be shipped apart."""

        def rows(units: list[Unit]) -> float:
            aliases = frozenset[str]().union(*(unit.aliases for unit in units))
            own = [part for part in conditions if tables_of(part) and free(part) <= aliases]
            return self.placement.statistics.joined([unit.relation for unit in units], own).rows

        apart = [rows(group) for group in groups if _source(group) is not None]
        return rows([unit for group in groups for unit in group]), apart

    def joins(self, joined: float, apart: list[float], groups: list[list[Unit]], conditions: list[Expr]) -> bool:
        """Whether it is worth to join groups there."""
        units = [unit for group in groups for unit in group]
        source, costs = _source(units), Costs(self.placement.statistics)
        if source is None:
            return True
        pairs = costs.compared([unit.relation for unit in units], conditions)
        return costs.joins(joined, apart, pairs, source.speed)

    def explain_cut(self, link: Link, joined: float, apart: float) -> None:
        source = next((unit.source for unit in link.units if unit.source is not None), None)
        if source is None or link.condition is None:
            return
        what = shown(link.condition, link.condition, _scans(link.units))
        reason = f"joined there about {joined:,.0f} rows would come, apart about {apart:,.0f}"
        self.placement.stay(source.name, what, "cost", reason)

    def cluster(self, group: list[Unit], source: SourceInfo, pool: list[Expr]) -> tuple[Relation, list[Expr]]:
        """One cluster with all conditions that its source can apply; those it cannot stay in the pool."""
        aliases = frozenset[str]().union(*(unit.aliases for unit in group))
        pushed: list[Expr] = []
        kept: list[Expr] = []
        for part in pool:
            relevant = self.pushdown and tables_of(part) and free(part) <= aliases
            relevant = relevant and self.asks(part, group, source, pool)
            made = self.placement.condition(part, source, _scans(group), aliases) if relevant else None
            if made is not None:
                pushed.append(made)
            if made != part:
                kept.append(part)
        relation = group[0].relation
        for unit in group[1:]:
            relation = Join("inner", relation, unit.relation, None)
        placeholder = Exchange(f"?{len(self.made)}{min(aliases)}", -1, ())
        self.made.append(Cluster(source, relation, tuple(pushed), aliases, placeholder))
        return placeholder, kept

    def asks(self, part: Expr, group: list[Unit], source: SourceInfo, pool: list[Expr]) -> bool:
        """Whether a source should test a condition that may read other rows for each row."""
        if not self.costs or not has_subquery(part):
            return True
        rows, _ = self.price([group], [other for other in pool if not has_subquery(other)])
        return Costs(self.placement.statistics).asks(part, rows, source.speed)

    # ------------------------------------------------------------ outer, semi and anti joins

    def place_outer(self, join: Join, conditions: list[Expr]) -> tuple[Relation, list[Expr]]:
        """Both sides placed. A filter moves to the side that is kept, an ON condition to the side that may be missing."""
        kept_side = {"left": "left", "semi": "left", "anti": "left", "right": "right"}.get(join.kind)
        on = list(conjuncts(join.condition))
        sides: dict[str, Relation] = {}
        above = list(conditions)
        for name in ("left", "right"):
            side: Relation = getattr(join, name)
            aliases = relation_aliases(side)
            if kept_side is None:
                placed, leftover = self.place(side, [])
                placed = self.filtered(placed, leftover)
            elif name == kept_side:
                down = [c for c in above if tables_of(c) and free(c) <= aliases and movable(c)]
                above = [c for c in above if c not in down]
                placed, leftover = self.place(side, down)
                above += leftover
            else:
                down = [c for c in on if tables_of(c) and free(c) <= aliases and movable(c) and not has_subquery(c)]
                on = [c for c in on if c not in down]
                placed, leftover = self.place(side, down)
                on += leftover
            sides[name] = placed
        return Join(join.kind, sides["left"], sides["right"], conjunction(on)), above

    def filtered(self, relation: Relation, conditions: list[Expr]) -> Relation:
        """The relation with conditions of its own that may not move above the join that it is a side of."""
        if not conditions:
            return relation
        one = Values(f"one{len(self.made)}", ((Constant("1", "INTEGER"),),), ("INTEGER",))
        return Join("inner", relation, one, conjunction(conditions))


def _source(group: list[Unit]) -> SourceInfo | None:
    return next((unit.source for unit in group if unit.source is not None), None)


def _closed(units: tuple[Unit, ...], among: list[Unit]) -> tuple[Unit, ...]:
    """The units and those that lateral ones among them read."""
    needs = frozenset[str]().union(*(unit.needs for unit in units))
    return units + tuple(unit for unit in among if unit.aliases & needs and unit not in units)


def _complete(group: list[Unit]) -> bool:
    """Whether lateral subqueries have all that they read beside them."""
    aliases = frozenset[str]().union(*(unit.aliases for unit in group))
    return all(unit.needs <= aliases for unit in group)


def _sendable(values: Values) -> bool:
    constant = all(isinstance(value, Constant) for row in values.rows for value in row)
    return constant and len(values.rows) <= VALUES_SENT


def _scans(units: list[Unit] | tuple[Unit, ...]) -> list[Scan]:
    return [node for unit in units for node in walk(unit.relation) if isinstance(node, Scan)]
