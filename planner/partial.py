"""Partial aggregation: one side of a join, or the arms of a UNION ALL, are aggregated before they meet the other rows.

Rows of a side that agree in all that the rest of the block reads of them (its keys) meet the same rows there. So the side
sends one row for each combination of keys, with its own sums, counts, least and greatest values, and how many rows it
stands for. sum(x) becomes the sum of the side's sums; what comes from elsewhere is multiplied by the number of rows:

    sum(a.x), sum(b.y), count(*)    FROM a JOIN b ON a.k = b.k
    sum(p.s), sum(b.y * p.n), sum(p.n)    FROM (SELECT k, sum(x) AS s, count(*) AS n FROM a GROUP BY k) p JOIN b ON p.k = b.k

A sum of a + b, a - b, a * b and CASE over both sides is taken apart where each term is linear in the side's values.

Guards: sum and avg of exact numbers only (integers; decimals with room for a sum of many); keys whose equal values are the
same value; nothing volatile in the block; nothing that could fail for a row that meets no other; of the side of an outer
join that may be missing only what is NULL there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from connectors.sqlgen.dialect import decimal_shape, family
from connectors.sqlgen.tree import (
    Call,
    Cast,
    ColumnRef,
    Constant,
    Expr,
    Select,
    Subquery,
    Window,
    boolean,
    children,
    conjunction,
    walk,
)
from planner.averages import average
from planner.columns import gathered, groupable, mapping_of, replace_nodes, strict, wanted
from planner.profiles import Column
from planner.rules.algebra import is_volatile, may_fail

_LARGEST = 34
"""Digits of a DECIMAL whose partial sums are trusted not to pass 38 where the whole sum does not: 10,000 rows of one
group would have to have the largest values of the type, and others to cancel them."""
_IDEMPOTENT = frozenset(["min", "max", "bool_and", "bool_or"])
"""Aggregates to which repeated rows mean nothing and whose partial values combine by the same aggregate."""
_REPEATABLE = frozenset(
    ["grouping", "any_value", "first", "last", "arg_min", "arg_max", "min_by", "max_by", "bit_and", "bit_or"]
)
"""Further aggregates to which repeated rows mean nothing."""
_PARTIAL = "?p"
"""Stands for a side's columns until the side is an exchange."""


class NotSplit(Exception):
    """An aggregate of the block counts repeated rows in a way that nothing makes up for."""


@dataclass(frozen=True, slots=True)
class Split:
    """A block whose side is to be aggregated first."""

    keys: tuple[Expr, ...]
    values: tuple[Call, ...]
    """The side's aggregates."""
    block: Select
    """The rest: it reads the keys, and the values as columns of a relation of no name yet."""

    def received(self, columns: tuple[Expr, ...]) -> Select:
        """The rest, reading the keys and values in these columns."""
        placeholders = tuple(_placeholder(i, value) for i, value in enumerate(self.values))
        made: Select = replace_nodes(self.block, mapping_of((*self.keys, *placeholders), columns))
        return made


def split(
    block: Select,
    aliases: frozenset[str],
    computable: Callable[[Expr], bool],
    *,
    missing: bool = False,
    apart: frozenset[Column] = frozenset(),
) -> Split | None:
    """The block with the side `aliases` aggregated first; None where that would not be exact.

    `computable`: whether the side's source computes an expression. `missing`: an outer join may leave the side out.
    `apart`: columns of the side that are keys whatever reads them.
    """
    if is_volatile(block):
        return None
    calls = tuple(dict.fromkeys(_aggregates(block)))
    side = _Side(aliases, missing, apart)
    try:
        mapping = {call: side.aggregate(call) for call in calls}
    except NotSplit:
        return None
    # Only in the block's own expressions: a derived table in its FROM has a count(*) of its own.
    rest = replace(
        replace_nodes(replace(block, relation=None, where=None), mapping), relation=block.relation, where=block.where
    )
    if any(map(may_fail, side.values)):
        return None
    keys = wanted(rest, aliases, _offered(computable, missing))
    return Split(keys, tuple(side.values), rest) if groupable(keys) else None


def tested(found: Split, aliases: frozenset[str], computable: Callable[[Expr], bool], *, missing: bool) -> Split | None:
    """The same with conditions on the side alone as keys in place of their columns, inside OR and CASE too (TPC-H Q19)."""
    rest = gathered(found.block, aliases)
    keys = wanted(rest, aliases, _offered(computable, missing), tests=True)
    return replace(found, keys=keys, block=rest) if groupable(keys) else None


def _offered(computable: Callable[[Expr], bool], missing: bool) -> Callable[[Expr], bool]:
    """Whether the side may send an expression as a key."""
    return lambda expr: (not missing or strict(expr)) and computable(expr) and not may_fail(expr)


def below(keys: tuple[Expr, ...], values: tuple[Call, ...], block: Select) -> Select:
    """The query that groups a side; `block` has its FROM and WHERE. Of no rows it makes none."""
    if keys:
        return replace(block, items=(*keys, *values), group=keys)
    if not values:
        return replace(block, items=(Constant("1", "INTEGER"),), limit=Constant("1", "BIGINT"))
    rows = Call("count_star", (), "BIGINT", aggregate=True)
    return replace(block, items=values, group=(), having=boolean(">", rows, Constant("0", "BIGINT")))


@dataclass(slots=True)
class _Side:
    """Takes the aggregates of a block apart for one side."""

    aliases: frozenset[str]
    missing: bool
    apart: frozenset[Column]
    values: dict[Call, int] = field(default_factory=dict)
    """What it sends, and the place of each."""

    # ------------------------------------------------------------ whole aggregates

    def aggregate(self, call: Call) -> Expr:
        """The aggregate over the side's partial values. Raises NotSplit."""
        if call.distinct or (call.name in _REPEATABLE and len(call.args) <= 2):
            return call  # what it reads becomes a key
        if call.name in _IDEMPOTENT and len(call.args) == 1:
            given = _folded(call)
            if self.pure(given.args[0]):
                return replace(given, args=(self.value(replace(given, order=())),))
            return call
        if call.order:
            raise NotSplit
        given = _folded(call)
        if given.name == "count_star":
            return _count(self.rows())
        if given.name == "count":
            return _count(self.counted(given.args[0]))
        if call.name == "sum" and exact(call.args[0].type):
            return Cast(_sum(self.lifted(given.args[0]), call.type), call.type)
        if call.name == "avg" and exact(call.args[0].type):
            type_ = sum_type(call.args[0].type)
            total = Cast(_sum(self.lifted(given.args[0]), type_), type_)
            count = _count(self.counted(given.args[0]))
            return average(call, total, count)
        raise NotSplit

    def counted(self, arg: Expr) -> Expr:
        """For each row of the rest, how many rows of which the argument is not NULL."""
        if isinstance(arg, ColumnRef) and not arg.nullable and not self.missing:
            return self.rows()
        if self.pure(arg):
            return self.value(_call("count", (arg,), "BIGINT"))
        if isinstance(arg, Constant) and arg.text is not None:
            return self.rows()
        known = boolean("is not null", arg)
        return Call("case", (known, self.rows(), Constant(None, "BIGINT")), "BIGINT")

    def lifted(self, arg: Expr) -> Expr:
        """For each row of the rest, the sum of the argument over the rows that it stands for."""
        try:
            return self.linear(arg, ())
        except _NotLinear:
            return _times(arg, self.rows())

    # ------------------------------------------------------------ sums of expressions

    def linear(self, node: Expr, guard: tuple[Expr, ...]) -> Expr:
        """The sum of a node over the rows in which the columns of `guard` are not NULL. Raises _NotLinear."""
        if not self.reads(node):
            return _times(node, self.rows(guard))
        if self.pure(node) and exact(node.type):
            return self.value(_call("sum", (_guarded(node, guard),), sum_type(node.type)))
        if isinstance(node, Call) and node.name in ("+", "-") and len(node.args) == 2:
            both = (*guard, *self.nullable(node))
            return Call(node.name, tuple(self.linear(arg, both) for arg in node.args), node.type)
        if isinstance(node, Call) and node.name == "-":
            return Call("-", (self.linear(node.args[0], guard),), node.type)
        if isinstance(node, Call) and node.name == "*":
            left, right = node.args
            if self.reads(left) and self.reads(right):
                raise _NotLinear
            side, other = (left, right) if self.reads(left) else (right, left)
            return Call("*", (self.linear(side, guard), other), node.type)
        if isinstance(node, Call) and node.name == "case" and not guard:
            return self.chosen(node)
        raise _NotLinear

    def chosen(self, node: Call) -> Expr:
        """A CASE whose conditions read nothing of the side: its branches are sums of their own."""
        args: list[Expr] = []
        for position, arg in enumerate(node.args):
            condition = position % 2 == 0 and position < len(node.args) - 1
            if condition and self.reads(arg):
                raise _NotLinear
            args.append(arg if condition else self.linear(arg, ()))
        return Call("case", tuple(args), node.type)

    # ------------------------------------------------------------ the side's values

    def value(self, call: Call) -> Expr:
        """A value that the side sends."""
        return _placeholder(self.values.setdefault(call, len(self.values)), call)

    def rows(self, guard: tuple[Expr, ...] = ()) -> Expr:
        """How many rows a row of the side stands for: one where an outer join leaves the side out."""
        if guard:
            return self.value(_call("count", (_guarded(Constant("1", "INTEGER"), guard),), "BIGINT"))
        count = self.value(Call("count_star", (), "BIGINT", aggregate=True))
        return Call("coalesce", (count, Constant("1", "BIGINT")), "BIGINT") if self.missing else count

    def reads(self, node: Expr) -> bool:
        return any(isinstance(part, ColumnRef) and self.owns(part) for part in walk(node))

    def owns(self, column: ColumnRef) -> bool:
        return column.table in self.aliases and (column.table, column.column) not in self.apart

    def pure(self, node: Expr) -> bool:
        """Whether a node reads the side alone, and is NULL where the side is missing."""
        parts = tuple(walk(node))
        columns = [part for part in parts if isinstance(part, ColumnRef)]
        plain = not any(isinstance(part, (Subquery, Window)) for part in parts)
        alone = bool(columns) and all(map(self.owns, columns))
        return plain and alone and (not self.missing or strict(node))

    def nullable(self, node: Expr) -> tuple[Expr, ...]:
        """The side's columns in a node that may be NULL."""
        columns = [part for part in walk(node) if isinstance(part, ColumnRef) and self.owns(part)]
        return tuple(dict.fromkeys(column for column in columns if column.nullable))


class _NotLinear(Exception):
    """A sum that cannot be made of sums of the side."""


# ---------------------------------------------------------------- makers


def exact(type_: str) -> bool:
    """Whether sums of this type are exact in any order and way of adding."""
    kind = family(type_)
    return kind == "int" or (kind == "decimal" and decimal_shape(type_)[0] <= _LARGEST)


def sum_type(type_: str) -> str:
    """DuckDB's type of sum(x) for an exact x."""
    return "HUGEINT" if family(type_) == "int" else f"DECIMAL(38,{decimal_shape(type_)[1]})"


def _placeholder(number: int, call: Call) -> ColumnRef:
    return ColumnRef(_PARTIAL, f"v{number}", call.type)


def _call(name: str, args: tuple[Expr, ...], type_: str) -> Call:
    return Call(name, args, type_, aggregate=True)


def _sum(arg: Expr, type_: str) -> Expr:
    """A sum of partial values, of the type that it has above them: another side of the block may be split after this one."""
    return _call("sum", (arg,), type_)


def _count(arg: Expr) -> Expr:
    return Cast(Call("coalesce", (_sum(arg, "HUGEINT"), Constant("0", "HUGEINT")), "HUGEINT"), "BIGINT")


def _times(node: Expr, rows: Expr) -> Expr:
    """A value of the rest as often as the side has rows, widened as a sum is."""
    if family(node.type) == "null":
        return node
    if not exact(node.type):
        raise NotSplit
    return Call("*", (Cast(node, sum_type(node.type)), rows), sum_type(node.type))


def _guarded(node: Expr, guard: tuple[Expr, ...]) -> Expr:
    others = [column for column in dict.fromkeys(guard) if column != node]
    condition = conjunction([boolean("is not null", column) for column in others])
    return node if condition is None else Call("case", (condition, node, Constant(None, node.type)), node.type)


def _folded(call: Call) -> Call:
    """The aggregate with its FILTER as a CASE around its argument."""
    if call.filter is None:
        return call
    counted: Expr = call.args[0] if call.args else Constant("1", "INTEGER")
    chosen = Call("case", (call.filter, counted, Constant(None, counted.type)), counted.type)
    name = "count" if call.name == "count_star" else call.name
    return replace(call, name=name, args=(chosen, *call.args[1:]), filter=None)


def _aggregates(node: Any) -> Iterator[Call]:
    """The aggregates of a block itself, also those below its window functions."""
    if isinstance(node, Select):
        for part in (*node.items, node.having, node.qualify, *node.order):
            if part is not None:
                yield from _aggregates(part)
    elif isinstance(node, Call) and node.aggregate:
        yield node
    elif isinstance(node, Window):
        for part in (*node.call.args, *node.partition, *node.order, node.call.filter):
            if part is not None:
                yield from _aggregates(part)
    elif isinstance(node, Subquery):
        if node.arg is not None:
            yield from _aggregates(node.arg)
    else:
        for child in children(node):
            yield from _aggregates(child)
