"""The largest sets of one source's relations that join inside that source, with the filters it can run exactly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from connectors.sqlgen.tree import (
    Call,
    ColumnRef,
    Constant,
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
from planner.placement import Placement, shown
from planner.plan import SourceInfo
from planner.rules.algebra import free, has_subquery, movable, relation_aliases, tables_of


@dataclass(frozen=True, slots=True)
class Unit:
    """One relation of an inner join: a table, a derived table or an outer join, and the source that can read it."""

    relation: Relation
    source: SourceInfo | None

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


@dataclass(slots=True)
class Clusters:
    """Places one FROM clause."""

    placement: Placement
    cut: Callable[[Query], Query]
    """Cuts a derived table that no source can read whole."""
    pushdown: bool
    made: list[Cluster] = field(default_factory=list)

    def place(self, relation: Relation, conditions: list[Expr]) -> tuple[Relation, list[Expr]]:
        """The relation with clusters replaced, and the conditions that are still to be applied above it."""
        if isinstance(relation, Join) and relation.kind != "inner":
            unit = self.unit(relation)
            if unit.source is None:
                return self.place_outer(relation, conditions)
            return self.combine([unit], conditions)
        parts: list[Relation] = []
        pool = list(conditions)
        _flatten(relation, parts, pool)
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
        if isinstance(relation, Derived):
            if self.pushdown and (found := self.placement.read(relation.query)) is not None:
                return Unit(relation, found[0])
            return Unit(replace(relation, query=self.cut(relation.query)), None)
        if isinstance(relation, Join) and self.pushdown:
            found = self.placement.read(Select((Constant("1", "INTEGER"),), relation))
            return Unit(relation, found[0] if found else None)
        return Unit(relation, None)

    # ------------------------------------------------------------ inner joins

    def combine(self, units: list[Unit], conditions: list[Expr]) -> tuple[Relation, list[Expr]]:
        """Clusters of the units, joined in the order in which they were written."""
        groups = self.connected(units, conditions) if self.pushdown else [[unit] for unit in units]
        pool = list(conditions)
        relations: list[Relation] = []
        for group in groups:
            if group[0].source is None:
                relations += [unit.relation for unit in group]
                continue
            relation, pool = self.cluster(group, group[0].source, pool)
            relations.append(relation)
        joined = relations[0]
        for relation in relations[1:]:
            joined = Join("inner", joined, relation, None)
        return joined, pool

    def connected(self, units: list[Unit], conditions: list[Expr]) -> list[list[Unit]]:
        """Units of one source that equalities connect, so that its join is no product."""
        groups: list[list[Unit]] = [[unit] for unit in units]
        for part in conditions:
            if not (isinstance(part, Call) and part.name == "="):
                continue
            tables = tables_of(part)
            touched = [group for group in groups if any(unit.aliases & tables for unit in group)]
            sources = {unit.source.name if unit.source else None for group in touched for unit in group}
            if len(touched) < 2 or len(sources) != 1 or None in sources:
                continue
            members = [unit for group in touched for unit in group]
            aliases = frozenset().union(*(unit.aliases for unit in members))
            source = members[0].source
            assert source is not None
            if self.placement.condition(part, source, _scans(members), aliases) == part:
                if _repeats(touched[0], touched[1], conditions):
                    reason = "neither side is a key, so the join may have more rows than both of its sides together"
                    self.placement.stay(source.name, shown(part, part, _scans(members)), "cost", reason)
                    continue
                merged = [unit for unit in units if any(unit in group for group in touched)]
                groups = [merged if group is touched[0] else group for group in groups if group not in touched[1:]]
        return groups

    def cluster(self, group: list[Unit], source: SourceInfo, pool: list[Expr]) -> tuple[Relation, list[Expr]]:
        """One cluster with all conditions that its source can apply; those it cannot stay in the pool."""
        aliases = frozenset().union(*(unit.aliases for unit in group))
        pushed: list[Expr] = []
        kept: list[Expr] = []
        for part in pool:
            relevant = self.pushdown and tables_of(part) and free(part) <= aliases
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


def _flatten(relation: Relation, parts: list[Relation], pool: list[Expr]) -> None:
    """The relations of nested inner joins, and their conditions."""
    if isinstance(relation, Join) and relation.kind == "inner":
        _flatten(relation.left, parts, pool)
        _flatten(relation.right, parts, pool)
        pool += conjuncts(relation.condition)
    else:
        parts.append(relation)


def _repeats(left: list[Unit], right: list[Unit], conditions: list[Expr]) -> bool:
    """Whether joining two groups is known to pair many rows with many: both have keys, and the join covers none."""
    sides = [frozenset().union(*(unit.aliases for unit in group)) for group in (left, right)]
    used: set[tuple[str, str]] = set()
    for part in conditions:
        if isinstance(part, Call) and part.name == "=" and all(tables_of(part) & side for side in sides):
            used |= {(arg.table, arg.column) for arg in part.args if isinstance(arg, ColumnRef)}
    keyed = []
    for group in (left, right):
        scans = [unit.relation for unit in group if isinstance(unit.relation, Scan) and unit.relation.key]
        if len(scans) != len(group):
            return False  # a derived table, or a table whose keys nobody declared: nothing is known
        keyed += scans
    return not any({(scan.alias, name) for name in scan.key} <= used for scan in keyed)


def _scans(units: list[Unit]) -> list[Scan]:
    return [node for unit in units for node in walk(unit.relation) if isinstance(node, Scan)]
