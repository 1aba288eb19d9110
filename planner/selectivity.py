"""Which part of the rows a condition keeps: from the columns' statistics, by textbook fractions where there are none.

Conditions on different columns count as independent. Conditions on one column do not: its ranges are cut together.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

from connectors.sqlgen.tree import Call, Cast, ColumnRef, Constant, Expr, Parameter, Subquery, conjuncts, walk
from planner.distributions import Distribution, Key, joined, key_of, kind_of, like
from planner.profiles import Column, Profile, column_of

EQUAL = 0.05
"""Where nobody counted the values."""
PREFIX = 0.02
"""Of texts that begin with some characters, where nobody knows them: fewer than have them anywhere."""
RANGE = 0.3
"""Where nobody knows between what the values lie. (PostgreSQL: 1/3.)"""
GROUPS = 0.02
"""Of the groups that a HAVING keeps by an aggregate. It is written to find the few that stand out: in TPC-H Q18 3 of
100,000, in Q11 4 of 100; the RANGE of columns would keep a third."""
ANYTHING = 0.5
_FRACTION = {"in": 0.1, "~~": 0.1, "~~*": 0.1, "~~~": 0.1, "^@": 0.1, "between": 0.1}
_NEGATED = {"<>": "=", "not in": "in", "!~~": "~~", "!~~*": "~~*", "is not null": "is null"}
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "=", "<>": "<>"}
_RANGES = ("<", "<=", ">", ">=")
_COMPARED = frozenset([*_MIRRORED, "between", "in", "not in"])
_END = "\U0010ffff"
"""After every text that begins with what stands before it."""

Bound = tuple[Key, bool] | None
"""(value, whether it is itself in the range)."""
Counted = Callable[[Subquery, Profile], float]
"""Part of a profile's rows that a condition with a query keeps."""


def kept(conditions: Iterable[Expr], profile: Profile, counted: Counted, *, narrow: bool = True) -> float:
    """Part of the rows that conditions keep together. `narrow`: fewer values are left of the columns that they name."""
    parts = _not_implied(list(dict.fromkeys(conditions)))
    fraction = 1.0
    ranges: dict[tuple[Column, bool], tuple[Bound, Bound]] = {}
    """By column and whether it is compared as text, which CAST may do."""
    for part in parts:
        limits = _limits(part, profile)
        if limits is None:
            fraction *= fraction_of(part, profile, counted)
            if narrow:
                _narrow(part, profile)
            continue
        column, low, high = limits
        scale = column, isinstance((low or high or (None,))[0], str)
        known = ranges.get(scale, (None, None))
        ranges[scale] = _tighter(known[0], low, greater=True), _tighter(known[1], high, greater=False)
    for (column, _), (low, high) in ranges.items():
        values = profile.values(column)
        inside = None if values is None else _inside(values, low, high)
        part_inside = inside if inside is not None else RANGE if low is None or high is None else RANGE / 3
        fraction *= part_inside
        if narrow and (count := profile.count(column)) is not None:
            profile.narrow(column, max(count * part_inside, 1.0))
    return fraction


def fraction_of(part: Expr, profile: Profile, counted: Counted) -> float:
    """Part of the rows that one condition keeps."""
    if isinstance(part, Subquery):
        return counted(part, profile)
    if isinstance(part, ColumnRef):
        return _equal(column_of(part), 1.0, profile)
    if not isinstance(part, Call):
        return ANYTHING
    name, args = part.name, part.args
    if name == "and":
        return kept(conjuncts(part), profile, counted, narrow=False)
    if name == "or":
        return 1.0 - math.prod(1.0 - kept(conjuncts(arg), profile, counted, narrow=False) for arg in args)
    if name == "superset":
        return fraction_of(args[0], profile, counted)
    if name == "not":
        return max(1.0 - fraction_of(args[0], profile, counted), 0.0)
    part = _column_first(part)
    name, args = part.name, part.args
    column = column_of(args[0]) if args else None
    if name in _NEGATED:
        positive = Call(_NEGATED[name], args, part.type)
        nulls = (profile.nulls(column) or 0.0) if column and name != "is not null" else 0.0
        return max(1.0 - nulls - fraction_of(positive, profile, counted), 0.0 if name == "is not null" else 0.1)
    if column is None and name in _COMPARED and any(isinstance(node, Call) and node.aggregate for node in walk(part)):
        return GROUPS
    if name == "is null":
        nulls_known = profile.nulls(column) if column else None
        return EQUAL if nulls_known is None else nulls_known
    if name == "=":
        return _equal(column, _constant(args[1], column, profile), profile)
    if name == "in":
        fractions = [_equal(column, _constant(arg, column, profile), profile) for arg in args[1:]]
        known = column is not None and profile.count(column) is not None
        return min(sum(fractions), 1.0) if known else min(sum(fractions), 0.5)
    if name in _RANGES or name == "between":
        limited = _limits(part, profile) is not None
        return kept([part], profile, counted, narrow=False) if limited else _ordered(name, args, profile)
    if name in ("~~", "~~*", "^@") and column is not None and isinstance(args[1], Constant):
        found = _like(name, args[1].text or "", profile.values(column))
        return _FRACTION[name] if found is None else found
    return _FRACTION.get(name, ANYTHING)


def meeting(pairs: Sequence[tuple[Column, Column]], profile: Profile) -> float:
    """Part of all pairs of rows that equalities between the same two relations keep.

    Equalities that cover a key meet one row of it, however few their values are one by one.
    """
    part = math.prod(_met(pair, profile) for pair in pairs)
    columns = {column for pair in pairs for column in pair}
    covered = [math.prod(profile.domain.get(column) or 1.0 for column in key) for key in profile.keys if key <= columns]
    sizes = [profile.sizes.get(next(iter(key))[0], 1.0) for key in profile.keys if key <= columns]
    # A key of several columns has no more values than its table has rows.
    most = [min(count, max(size, 1.0)) if len(pairs) > 1 else count for count, size in zip(covered, sizes, strict=True)]
    return max(part, 1.0 / max(most)) if most else part


def matched(pairs: Sequence[tuple[Column, Column]], one: Profile, other: Profile, also: float) -> float:
    """Part of one relation's rows that find a row of the other; `also` is what further conditions keep of the pairs."""
    part, values = 1.0, 1.0
    for mine, theirs in (pair if pair[0][0] in one.sizes else pair[::-1] for pair in pairs):
        here, there = one.domain.get(mine), other.distinct.get(theirs)
        nulls = one.nulls(mine) or 0.0
        part = min(part, (1.0 - nulls) * (min(1.0, there / here) if here and there else ANYTHING))
        values *= there or 1.0
    each = max(other.rows / min(values, max(other.rows, 1.0)), 1.0) if pairs else other.rows
    return part * (-math.expm1(each * math.log1p(-min(also, 1.0 - 1e-9))))


# ---------------------------------------------------------------- one column


def _equal(column: Column | None, value: Key | None, profile: Profile) -> float:
    values = profile.values(column) if column else None
    if values is not None and value is not None and (found := values.equal(value)) is not None:
        return found
    count = profile.count(column) if column else None
    if count is not None:
        return 1.0 / max(count, 1.0)
    # No more values than rows: one of region's five is a fifth.
    return max(EQUAL, 1.0 / max(profile.sizes.get(column[0], math.inf), 1.0)) if column else EQUAL


def _limits(part: Expr, profile: Profile) -> tuple[Column, Bound, Bound] | None:
    """The column, the lower and the upper bound of a range; None for what is none."""
    if not isinstance(part, Call) or part.name not in (*_RANGES, "between"):
        return None
    part = _column_first(part)
    column = column_of(part.args[0])
    if column is None:
        return None
    values = [_constant(arg, column, profile) for arg in part.args[1:]]
    if any(value is None for value in values):
        return None
    if part.name == "between":
        return column, (values[0], True), (values[1], True)
    bound = values[0], part.name.endswith("=")
    return (column, bound, None) if part.name.startswith(">") else (column, None, bound)


def _tighter(one: Bound, other: Bound, *, greater: bool) -> Bound:
    if one is None or other is None:
        return one or other
    if one[0] == other[0]:
        return one if not one[1] else other
    return one if (one[0] > other[0]) == greater else other


def _inside(values: Distribution, low: Bound, high: Bound) -> float | None:
    """Part of the rows in a range; None where nobody knows between what the values lie."""
    before = 0.0 if low is None else values.below(low[0], inclusive=not low[1])
    upto = 1.0 - values.nulls if high is None else values.below(high[0], inclusive=high[1])
    if before is None or upto is None:
        return None
    # A sample of a hundred does not show that there is nothing.
    least = values.rest / 1000 if len(values.bounds) > 2 or not values.distinct else values.rest / values.distinct
    return max(upto - before, min(least, 1e-3))


def _constant(node: Expr, column: Column | None, profile: Profile) -> Key | None:
    """A constant on the scale of a column's values; None for anything else, and where it cannot be compared with them."""
    while isinstance(node, Cast):
        node = node.arg
    if not isinstance(node, Constant) or node.text is None:
        return None
    known = profile.columns.get(column) if column else None
    if known is None:
        return key_of(node.text, node.type)
    if kind_of(known.type) == kind_of(node.type):
        return key_of(node.text, node.type)
    # A literal is text until something gives it a type.
    return key_of(node.text, known.type) if node.literal and kind_of(node.type) == "text" else None


def _like(name: str, pattern: str, values: Distribution | None) -> float | None:
    if values is None or values.kind != "text":
        return None
    prefix = pattern if name == "^@" else pattern[:-1] if name == "~~" and pattern.endswith("%") else None
    if prefix is not None and (name == "^@" or not set("%_") & set(prefix)):
        # The least and the greatest text alone say nothing of those that begin alike.
        return _inside(values, (prefix, True), (prefix + _END, False)) if len(values.bounds) > 2 else PREFIX
    return values.matching(like(pattern, fold=name == "~~*"))


def _ordered(name: str, args: Sequence[Expr], profile: Profile) -> float:
    """Of x < y for two columns, by their ranges; of what is no such comparison, RANGE."""
    columns = [column_of(arg) for arg in args[:2]]
    one, other = (profile.values(column) if column else None for column in columns)
    if name == "between" or one is None or other is None or one.kind != other.kind or not (one.bounds and other.bounds):
        return RANGE / 3 if name == "between" else RANGE
    less = [1.0 - (other.below(bound, inclusive=False) or 0.0) for bound in one.bounds]
    part = sum(less) / len(less)
    return min(max(part if name.startswith("<") else 1.0 - part, 0.01), 1.0)


def _narrow(part: Expr, profile: Profile) -> None:
    """Fewer values are left of a column that = or IN compares with constants."""
    if isinstance(part, Call) and part.name in ("=", "in"):
        part = _column_first(part)
        column = column_of(part.args[0])
        if column is not None and all(_is_constant(arg) for arg in part.args[1:]):
            profile.narrow(column, len(part.args) - 1.0)


def _is_constant(node: Expr) -> bool:
    return isinstance(node.arg if isinstance(node, Cast) else node, Constant | Parameter)


def _column_first(part: Call) -> Call:
    """5 < x as x > 5."""
    if part.name in _MIRRORED and column_of(part.args[0]) is None and column_of(part.args[1]) is not None:
        return Call(_MIRRORED[part.name], (part.args[1], part.args[0]), part.type)
    return part


def _met(pair: tuple[Column, Column], profile: Profile) -> float:
    """Part of all pairs of rows that one equality between two relations keeps."""
    untouched = [column for column in pair if profile.domain.get(column) == _counted(column, profile)]
    if len(untouched) == 2:
        one, other = (profile.values(column) for column in pair)
        if one is not None and other is not None and (found := joined(one, other)) is not None:
            return found
    counts = [count for column in pair if (count := profile.domain.get(column)) is not None]
    present = math.prod(1.0 - (profile.nulls(column) or 0.0) for column in pair)
    return present / max(counts) if counts else 1.0 / _guessed(pair, profile)


def _counted(column: Column, profile: Profile) -> float | None:
    known = profile.columns.get(column)
    return None if known is None or known.distinct is None else float(known.distinct)


def _guessed(pair: tuple[Column, Column], profile: Profile) -> float:
    """Values of columns that nobody counted: between tables that declare their keys, and these are none, few."""
    keyed = {column[0] for key in profile.keys for column in key}
    if all(column[0] in keyed for column in pair):
        return 1 / EQUAL
    return max((profile.sizes.get(column[0], 1.0) for column in pair), default=1.0)


# ---------------------------------------------------------------- conditions that follow from others


def _not_implied(parts: Sequence[Expr]) -> Sequence[Expr]:
    """The conditions without those that were derived from an OR among them: they keep no row less."""
    ors = [[set(conjuncts(arm)) for arm in part.args] for part in parts if isinstance(part, Call) and part.name == "or"]
    if not ors or len(parts) == 1:
        return parts
    return [part for part in parts if not any(_implied(part, arms) for arms in ors)]


def _implied(part: Expr, arms: Sequence[set[Expr]]) -> bool:
    """Whether each arm has one of a condition's alternatives, and one of them more than that."""
    ways: list[set[Expr]] = [{part}]
    if isinstance(part, Call) and part.name == "or":
        ways = [set(conjuncts(arg)) for arg in part.args]
    elif isinstance(part, Call) and part.name == "in":
        ways = [{Call("=", (part.args[0], value), "BOOLEAN")} for value in part.args[1:]]
    return all(any(way <= arm for way in ways) for arm in arms) and any(arm not in ways for arm in arms)
