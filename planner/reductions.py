"""Reductions: which columns of a fragment's rows must meet another fragment's values, or the residual drops the rows.

A reduction may be made where it changes no answer: without the rows of fragment F whose column c has a value that
fragment G's column d has not, the residual gives the very same rows. What the residual cannot be seen to drop is kept.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, combinations, count

from connectors.sqlgen.dialect import decimal_shape, family
from connectors.sqlgen.tree import (
    Call,
    Cast,
    ColumnRef,
    Cte,
    CteRef,
    Derived,
    Exchange,
    Expr,
    Join,
    OpaqueQuery,
    Query,
    Relation,
    Scan,
    Select,
    SetOp,
    Subquery,
    Values,
    With,
    boolean,
    children,
    conjuncts,
    walk,
)
from planner.rules.algebra import has_window


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A column of a fragment's rows."""

    fragment: int
    column: int


Pair = tuple[Place, Place]
"""(reduced, by): rows whose value at the first is no value at the second do not reach the answer."""


@dataclass(frozen=True, slots=True)
class _Reader:
    """One of the places where the residual reads a fragment, or a CTE over it: all of them must let its rows go."""

    place: Place
    number: int = 0
    """Which one, for somebody who counts them."""
    of: int = 1
    """How many there are."""


@dataclass(frozen=True, slots=True)
class _Origin:
    """A place whose values include a column's."""

    place: Place
    path: tuple[str, ...]
    """The relations on the way there: values that come the same way to one row are those of one row there."""


Pairs = frozenset[Pair]
"""Rows whose values at the places reduced are no values of one row at the others do not reach the answer."""


def pairs(local: Query) -> frozenset[Pair]:
    """All reductions that change no answer, for the whole residual."""
    return frozenset(pair for together in reductions(local) for pair in together)


def reductions(local: Query) -> frozenset[Pairs]:
    """The same, those together that a row of one fragment must meet in one row of another."""
    finder = _Finder(local)
    finder.visit(local, {})
    return frozenset(frozenset(found) for found in finder.found.values())


_Leaf = Scan | Derived | CteRef | Values | Exchange
_Scope = Mapping[str, _Leaf]
"""Relations by alias: those of the block and of the blocks around it."""


class _Finder:
    """Walks the residual and collects pairs."""

    def __init__(self, local: Query) -> None:
        self.found: dict[object, set[Pair]] = {}
        """By what makes them meet in one row: the conditions that hold together, the fragment, the other's row."""
        self.numbers = count()
        """For the conditions that hold together: those of one WHERE, or of one ON."""
        self.some: defaultdict[Pair, set[int]] = defaultdict(set)
        """Reductions that some readers allow, and which of them do."""
        self.ctes: dict[str, Query] = {}
        nodes = list(walk(local))
        self.exchanges = Counter(node.fragment for node in nodes if isinstance(node, Exchange))
        self.read = Counter(node.name for node in nodes if isinstance(node, CteRef))
        for node in nodes:
            if isinstance(node, Cte):
                self.ctes[node.name] = node.query

    # ------------------------------------------------------------ walking

    def visit(self, query: Query, outer: _Scope) -> None:
        if isinstance(query, With):
            for cte in query.ctes:
                self.visit(cte.query, outer)
            self.visit(query.body, outer)
        elif isinstance(query, SetOp):
            self.visit(query.left, outer)
            self.visit(query.right, outer)
        elif isinstance(query, OpaqueQuery):
            for input_ in query.inputs:
                self.visit(input_.query, outer)
        else:
            self.block(query, outer)

    def block(self, select: Select, outer: _Scope) -> None:
        leaves = list(_leaves(select.relation)) if select.relation is not None else []
        scope = {**outer, **{leaf.alias: leaf for leaf in leaves}}
        free = {leaf.alias for leaf in _droppable(select.relation)} if select.relation is not None else set()
        parts, together = list(conjuncts(select.where)), next(self.numbers)
        for part in (*parts, *_implied(parts)):
            self.condition(part, scope, free, together)
        if select.relation is not None:
            self.joins(select.relation, scope)
        for leaf in leaves:
            if isinstance(leaf, Derived):
                self.visit(leaf.query, scope if leaf.lateral else outer)
        for part in _expressions(select):
            for subquery in _subqueries(part):
                self.visit(subquery.query, scope)

    def joins(self, relation: Relation, scope: _Scope) -> None:
        """The ON conditions below a relation: rows that cannot meet one are not of the join's own rows already."""
        if not isinstance(relation, Join):
            return
        sides = {"inner": "lr", "semi": "lr", "left": "r", "anti": "r", "right": "l"}.get(relation.kind, "")
        free = {leaf.alias for side in sides for leaf in _droppable(relation.left if side == "l" else relation.right)}
        together = next(self.numbers)
        for part in conjuncts(relation.condition):
            self.condition(part, scope, free, together)
        self.joins(relation.left, scope)
        self.joins(relation.right, scope)

    def condition(self, part: Expr, scope: _Scope, free: set[str], together: int) -> None:
        """A condition that every row must meet; leaves called `free` lose the rows that cannot."""
        if isinstance(part, Call) and part.name == "=":
            for reduced, by in (part.args, part.args[::-1]):
                provider = self.origin(by, scope)
                if provider is not None:
                    self.reduce(reduced, provider, scope, free, together)
        elif isinstance(part, Subquery) and part.kind == "any" and part.op == "=" and part.arg is not None:
            inner = _output(part.query, 0)
            provider = self.provided(part.query, 0)
            if provider is not None:
                self.reduce(part.arg, provider, scope, free, next(self.numbers))
            outer = self.origin(part.arg, scope)
            reader = self.reducible(part.query, 0) if inner is not None else None
            if reader is not None and outer is not None:
                self.allow(reader, outer, next(self.numbers))
        elif isinstance(part, Subquery) and part.kind == "exists" and isinstance(part.query, Select):
            self.exists(part.query, scope, free)

    def exists(self, query: Select, scope: _Scope, free: set[str]) -> None:
        """EXISTS keeps a row only if one inside equals it: the block's rows are among the inner values."""
        if query.relation is None or query.group == () or query.limit is not None or query.offset is not None:
            return
        inside = {leaf.alias: leaf for leaf in _leaves(query.relation)}
        together = next(self.numbers)
        for part in conjuncts(query.where):
            if isinstance(part, Call) and part.name == "=":
                for one, other in (part.args, part.args[::-1]):
                    provider = self.origin(other, inside)
                    if provider is not None:
                        self.reduce(one, provider, scope, free, together)

    def reduce(self, expr: Expr, provider: _Origin, scope: _Scope, free: set[str], together: int) -> None:
        column = same_values(expr)
        if column is not None and column.table in free:
            reader = self.reducible_leaf(scope[column.table], column.column)
            if reader is not None:
                self.allow(reader, provider, together)

    def allow(self, reader: _Reader, provider: _Origin, together: int) -> None:
        pair = (reader.place, provider.place)
        self.some[pair].add(reader.number)
        if len(self.some[pair]) == reader.of:
            row = (together, reader.place.fragment, provider.path) if reader.of == 1 else pair
            self.found.setdefault(row, set()).add(pair)

    # ------------------------------------------------------------ where a column's values come from

    def origin(self, expr: Expr, scope: _Scope) -> _Origin | None:
        """Where all values come from that the expression can have but NULL."""
        column = same_values(expr)
        if column is None or column.table not in scope:
            return None
        leaf, number = scope[column.table], int(column.column[1:])
        if isinstance(leaf, Exchange):
            return _Origin(Place(leaf.fragment, number), (leaf.alias,))
        query = leaf.query if isinstance(leaf, Derived) else self._cte(leaf)
        below = None if query is None else self.provided(query, number)
        return None if below is None else _Origin(below.place, (leaf.alias, *below.path))

    def provided(self, query: Query, column: int) -> _Origin | None:
        if isinstance(query, With):
            return self.provided(query.body, column)
        if not isinstance(query, Select) or query.relation is None:
            return None
        return self.origin(query.items[column], {leaf.alias: leaf for leaf in _leaves(query.relation)})

    # ------------------------------------------------------------ whose rows can be left away

    def reducible_leaf(self, leaf: _Leaf, column: str) -> _Reader | None:
        """The place whose rows are exactly the rows of a leaf with each value of the column."""
        number = int(column[1:])
        if isinstance(leaf, Exchange):
            return _Reader(Place(leaf.fragment, number), id(leaf), self.exchanges[leaf.fragment])
        if isinstance(leaf, Derived):
            return None if leaf.lateral else self.reducible(leaf.query, number)
        if not isinstance(leaf, CteRef):
            return None
        query = self._cte(leaf)
        reader = None if query is None else self.reducible(query, number)
        if reader is None or self.read[leaf.name] == 1:
            return reader
        # A CTE of several readers over something else that has several: nobody counts those.
        return _Reader(reader.place, id(leaf), self.read[leaf.name]) if reader.of == 1 else None

    def reducible(self, query: Query, column: int) -> _Reader | None:
        """As `reducible_leaf`, for an output column of a query: without a value's rows below, only its rows are gone."""
        if isinstance(query, With):
            return self.reducible(query.body, column)
        item = _output(query, column)
        if not isinstance(query, Select) or item is None or query.relation is None:
            return None
        if query.limit is not None or query.offset is not None or query.qualify is not None or query.sets is not None:
            return None
        if any(has_window(part) for part in query.items) or (query.group is not None and item not in query.group):
            return None
        leaves = {leaf.alias: leaf for leaf in _droppable(query.relation)}
        return self.reducible_leaf(leaves[item.table], item.column) if item.table in leaves else None

    def _cte(self, leaf: _Leaf) -> Query | None:
        return self.ctes.get(leaf.name) if isinstance(leaf, CteRef) else None


def _implied(parts: Sequence[Expr]) -> Iterator[Expr]:
    """The equalities that follow from others: a = b and b = c make a = c. Of integers, where every source agrees."""
    classes: list[list[ColumnRef]] = []
    for part in parts:
        if isinstance(part, Call) and part.name == "=":
            one, other = part.args
            if isinstance(one, ColumnRef) and isinstance(other, ColumnRef) and _integers(one, other):
                met = [members for members in classes if one in members or other in members]
                classes = [members for members in classes if members not in met]
                classes.append(list(dict.fromkeys((*chain.from_iterable(met), one, other))))
    known = {frozenset(part.args) for part in parts if isinstance(part, Call) and part.name == "="}
    for members in classes:
        for one, other in combinations(members, 2):
            if {one, other} not in known:
                yield boolean("=", one, other)


def same_values(expr: Expr) -> ColumnRef | None:
    """The column whose exact value an expression has, wherever it has one: through casts that keep or refuse a number."""
    while isinstance(expr, Cast) and _keeps(expr.arg.type, expr.type):
        expr = expr.arg
    return expr if isinstance(expr, ColumnRef) else None


def _keeps(of: str, to: str) -> bool:
    if family(of) == "decimal" and family(to) == "decimal":
        return decimal_shape(of)[1] <= decimal_shape(to)[1]
    return of == to or family(of) == "int" and family(to) in ("int", "decimal")


def _integers(*columns: ColumnRef) -> bool:
    return all(family(column.type) == "int" for column in columns)


def _output(query: Query, column: int) -> ColumnRef | None:
    """A query's output column if it is a column handed on."""
    if isinstance(query, With):
        return _output(query.body, column)
    item = query.items[column] if isinstance(query, Select) else None
    return item if isinstance(item, ColumnRef) else None


def _leaves(relation: Relation) -> Iterator[_Leaf]:
    if isinstance(relation, Join):
        yield from _leaves(relation.left)
        yield from _leaves(relation.right)
    else:
        yield relation


def _droppable(relation: Relation) -> Iterator[_Leaf]:
    """The leaves whose row takes the rows joined to it along when it goes, and changes no other."""
    if not isinstance(relation, Join):
        yield relation
    elif relation.kind == "inner":
        yield from _droppable(relation.left)
        yield from _droppable(relation.right)
    elif relation.kind in ("left", "semi", "anti"):
        yield from _droppable(relation.left)
    elif relation.kind == "right":
        yield from _droppable(relation.right)


def _expressions(select: Select) -> Iterator[Expr]:
    """All expressions of a block but those of its FROM."""
    yield from children(replace(select, relation=None))


def _subqueries(node: Expr) -> Iterator[Subquery]:
    """The outermost subqueries of an expression."""
    if isinstance(node, Subquery):
        yield node
        if node.arg is not None:
            yield from _subqueries(node.arg)
        return
    for child in children(node):
        yield from _subqueries(child)
