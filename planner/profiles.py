"""What is known of the rows of a relation or query: their number, and per column the values. Only estimates."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from connectors.sqlgen.tree import Call, Cast, ColumnRef, Expr, walk
from planner.distributions import Distribution, distribution
from watersmeet import spi

Column = tuple[str, str]
"""(alias, column) of the trees."""


@dataclass(slots=True)
class Profile:
    """What is known of the rows of a relation or query."""

    rows: float
    distinct: dict[Column, float] = field(default_factory=dict)
    """Values among the rows, of the columns that somebody counted."""
    domain: dict[Column, float] = field(default_factory=dict)
    """Values that could be among them: only conditions on the column itself make these fewer. What a join meets."""
    columns: dict[Column, spi.Column] = field(default_factory=dict)
    """Those that are a table's, unchanged."""
    keys: list[frozenset[Column]] = field(default_factory=list)
    """Sets of columns that determine all other columns of their alias."""
    equal: list[set[Column]] = field(default_factory=list)
    """Columns that conditions equate."""
    sizes: dict[str, float] = field(default_factory=dict)
    """Rows of each relation by alias."""

    def count(self, column: Column) -> float | None:
        """Distinct values of a column among the rows, None if nobody knows."""
        return self.distinct.get(column)

    def values(self, column: Column) -> Distribution | None:
        """How a column's values were spread over its table's rows."""
        known = self.columns.get(column)
        return None if known is None else distribution(known)

    def nulls(self, column: Column) -> float | None:
        """Part of its table's rows in which a column is NULL."""
        known = self.columns.get(column)
        return None if known is None else known.null_fraction

    def know(self, column: Column, below: Profile, same: Column) -> None:
        """A column is one of the rows below, which made these."""
        if (count := below.distinct.get(same)) is not None:
            self.distinct[column] = seen(count, self.rows)
        if (count := below.domain.get(same)) is not None:
            self.domain[column] = count
        if (known := below.columns.get(same)) is not None:
            self.columns[column] = known

    def narrow(self, column: Column, values: float) -> None:
        """A condition on the column itself has left so many of its values."""
        for counts in (self.distinct, self.domain):
            counts[column] = max(min(values, counts.get(column, values)), 1e-6)

    def meet(self, one: Column, other: Column) -> None:
        """Both columns have only the values that both had."""
        counts = [self.distinct[column] for column in (one, other) if column in self.distinct]
        self.distinct |= dict.fromkeys((one, other), min(counts)) if counts else {}

    def shrink(self, rows: float) -> None:
        """So many of the rows are left, by conditions on whatever columns."""
        before, self.rows = self.rows, max(rows, 1e-6)
        self.distinct = {column: left(count, before, self.rows) for column, count in self.distinct.items()}


def product(one: Profile, other: Profile) -> Profile:
    """All pairs of rows."""
    return Profile(
        one.rows * other.rows,
        {**one.distinct, **other.distinct},
        {**one.domain, **other.domain},
        {**one.columns, **other.columns},
        [*one.keys, *other.keys],
        [*map(set, one.equal), *map(set, other.equal)],
        {**one.sizes, **other.sizes},
    )


def renamed(profile: Profile, alias: str) -> Profile:
    """The rows of a query, whose columns have the alias '', under another."""
    return Profile(
        profile.rows,
        {(alias, column): count for (_, column), count in profile.distinct.items()},
        {(alias, column): count for (_, column), count in profile.domain.items()},
        {(alias, column): known for (_, column), known in profile.columns.items()},
        keys=[frozenset((alias, column) for _, column in key) for key in profile.keys],
        sizes={alias: profile.rows},
    )


# ---------------------------------------------------------------- formulas


def seen(values: float, rows: float) -> float:
    """How many of `values` equally likely values `rows` rows show."""
    if rows >= 20 * values:
        return values
    return max(min(values * -math.expm1(-rows / values), rows), 1e-6)


def left(values: float, before: float, after: float) -> float:
    """How many of the values that rows show are left when fewer rows are: each has its share of the rows."""
    if after >= before:
        return values
    share = max(before / values, 1.0)
    return max(min(values * -math.expm1(share * math.log1p(-after / before)), after), 1e-6)


def independent(columns: set[Column], profile: Profile) -> list[Column]:
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


def unique(columns: set[Column], profile: Profile) -> bool:
    """Whether no two rows agree in the columns: they hold a key of every relation, or what is equal to one."""
    closed = columns.union(*(group for group in profile.equal if group & columns))
    keyed = {next(iter(key))[0] for key in profile.keys if key <= closed}
    return bool(profile.sizes) and profile.sizes.keys() <= keyed


def references(columns: Sequence[Column], met: Profile) -> Iterator[tuple[list[Column], float]]:
    """The columns that meet all of another relation's key of several columns, with that relation's rows; none twice."""
    left = list(columns)
    for key in met.keys:
        sides = [next((group for group in met.equal if column in group), {column}) for column in key]
        found = [next((column for column in left if column in group), None) for group in sides]
        together = [column for column in found if column is not None]
        if len(together) == len(key) > 1:
            left = [column for column in left if column not in together]
            yield together, met.sizes.get(next(iter(key))[0], math.inf)


def equate(groups: list[set[Column]], one: Column, other: Column) -> None:
    """Two columns have equal values from now on."""
    touched = [group for group in groups if one in group or other in group]
    groups[:] = [group for group in groups if group not in touched]
    groups.append({one, other}.union(*touched))


# ---------------------------------------------------------------- columns of expressions


def equated(part: Expr) -> tuple[Column, Column] | None:
    """The columns of a condition a.x = b.y."""
    if isinstance(part, Call) and part.name in ("=", "is not distinct from"):
        one, other = column_of(part.args[0]), column_of(part.args[1])
        if one is not None and other is not None and one[0] != other[0]:
            return one, other
    return None


def column_of(node: Expr) -> Column | None:
    """The column that an expression is, but for casts."""
    while isinstance(node, Cast):
        node = node.arg
    return (node.table, node.column) if isinstance(node, ColumnRef) else None


def columns_of(node: Expr) -> frozenset[Column]:
    """All columns below an expression."""
    return frozenset((part.table, part.column) for part in walk(node) if isinstance(part, ColumnRef))
