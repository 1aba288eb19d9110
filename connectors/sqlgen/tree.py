"""The SQL trees that planning works on: expressions, relations, queries.

They are a plain subset of SQL after names were resolved: each relation has an alias of its own within the statement
(t0, t1 …), each query's columns are called c0, c1 … by position, and every expression carries its DuckDB type.
Nodes are frozen, so equal expressions are equal values (a group key is found by ==), a rule that changes nothing
returns the very same object, and a tree can be pickled. What does not fit here is kept as DuckDB's own text (Opaque*).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from operator import is_
from typing import Any, TypeVar
from typing import Literal as Choice

# ---------------------------------------------------------------- expressions


@dataclass(frozen=True, slots=True)
class ColumnRef:
    """A column of a relation in scope: t3.c7."""

    table: str
    column: str
    type: str
    nullable: bool = True


@dataclass(frozen=True, slots=True)
class Constant:
    """A constant of a known type. `text` is DuckDB's VARCHAR form of the value, None for NULL.

    A BLOB's text is DuckDB's own ('\\xAB…' escapes).
    """

    text: str | None
    type: str
    literal: bool = False
    """Written as a literal in the statement: DuckDB may still adapt its type (1 fits a SMALLINT, 'x' a DATE)."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A value that comes with the execution: $1, $2 … by `name`."""

    name: str
    type: str


@dataclass(frozen=True, slots=True, eq=False)
class Keys:
    """The values that columns of another fragment had together: the last argument of 'in keys', after as many columns.

    For each column one text: the values in DuckDB's VARCHAR form with NUL between, at least one, and the same number for
    each column. A node for each value would cost more than shipping the rows.
    """

    texts: tuple[str, ...]
    type: str = "BOOLEAN"
    many: bool = False
    """Whether so many rows have one of them that looking each key up in an index would be dearer than reading all."""


@dataclass(frozen=True, slots=True)
class RowRange:
    """Whether a row of a scan lies in a part of its table: start <= its number < end."""

    table: str
    """The scan's alias."""
    column: str | None
    """The column that has the number, in the source's own spelling; None: the block that the row is kept in."""
    start: int | None = None
    """None: open."""
    end: int | None = None
    type: str = "BOOLEAN"


@dataclass(frozen=True, slots=True)
class Call:
    """A function, operator or aggregate by DuckDB's name.

    Operators are calls too: '=', '<', '+', 'and', 'or', 'not', 'is null', 'is not null', 'in', 'not in', 'between',
    'case' (when, then, …, else), 'coalesce', 'is distinct from', 'is not distinct from', '~~' (LIKE), '||', '[]' …
    """

    name: str
    args: tuple[Expr, ...]
    type: str
    aggregate: bool = False
    distinct: bool = False
    filter: Expr | None = None
    order: tuple[Sort, ...] = ()


@dataclass(frozen=True, slots=True)
class Cast:
    """CAST, or TRY_CAST, to `type`."""

    arg: Expr
    type: str
    safe: bool = False


@dataclass(frozen=True, slots=True)
class Window:
    """A window function: a call over a partition, an order and a frame as DuckDB spells it."""

    call: Call
    partition: tuple[Expr, ...]
    order: tuple[Sort, ...]
    frame: str
    """'ROWS BETWEEN 1 PRECEDING AND CURRENT ROW' with constant bounds, or '' for the default."""
    type: str
    ignore_nulls: bool = False


@dataclass(frozen=True, slots=True)
class Subquery:
    """A query inside an expression.

    kind 'scalar': its value; 'exists': whether it has rows; 'any': `arg op ANY (query)`; IN is 'any' with '='.
    """

    kind: Choice["scalar", "exists", "any"]
    query: Query
    type: str
    arg: Expr | None = None
    op: str = ""


@dataclass(frozen=True, slots=True)
class OpaqueExpr:
    """An expression kept as DuckDB's text; `{0}` … stand for `args`. Never pushed to a source of another kind."""

    text: str
    args: tuple[Expr, ...]
    type: str
    why: str


@dataclass(frozen=True, slots=True)
class Sort:
    """One ORDER BY key; the order of NULLs is always said."""

    expr: Expr
    descending: bool = False
    nulls_first: bool = False


Expr = ColumnRef | Constant | Parameter | Keys | RowRange | Call | Cast | Window | Subquery | OpaqueExpr

# ---------------------------------------------------------------- relations


@dataclass(frozen=True, slots=True)
class Scan:
    """A source's table. `columns` maps our names to positions in the catalog's table."""

    alias: str
    source: str
    schema: str
    table: str
    columns: tuple[ScanColumn, ...]
    """Those that the statement may use; c<position> each."""
    key: tuple[str, ...] = ()
    """Our names of the primary key's columns."""


@dataclass(frozen=True, slots=True)
class ScanColumn:
    name: str
    """Ours: c7."""
    source_name: str
    """The source's own spelling."""
    type: str
    nullable: bool
    read: str = "{0}"
    collation: str | None = None
    plain: str | None = None
    plain_exact: bool = False


@dataclass(frozen=True, slots=True)
class Derived:
    """A query in FROM."""

    alias: str
    query: Query
    lateral: bool = False


@dataclass(frozen=True, slots=True)
class CteRef:
    """A reference to a common table expression by our name for it."""

    alias: str
    name: str
    types: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Values:
    """Rows given in the statement."""

    alias: str
    rows: tuple[tuple[Expr, ...], ...]
    types: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Exchange:
    """Where a fragment's rows come in: columns c0, c1 … of fragment `fragment`."""

    alias: str
    fragment: int
    types: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Join:
    """Two relations joined. An inner join without a condition is a cross join."""

    kind: Choice["inner", "left", "right", "full", "semi", "anti"]
    left: Relation
    right: Relation
    condition: Expr | None


Relation = Scan | Derived | CteRef | Values | Exchange | Join

# ---------------------------------------------------------------- queries


@dataclass(frozen=True, slots=True)
class Select:
    """One block: FROM and WHERE, then GROUP and HAVING, windows and QUALIFY, DISTINCT, ORDER, LIMIT and OFFSET."""

    items: tuple[Expr, ...]
    """The output columns c0, c1 …"""
    relation: Relation | None = None
    where: Expr | None = None
    group: tuple[Expr, ...] | None = None
    """Group keys; () with aggregates is one group of all rows; None is no grouping."""
    sets: tuple[tuple[int, ...], ...] | None = None
    """Grouping sets as positions in `group`, None for the plain GROUP BY."""
    having: Expr | None = None
    qualify: Expr | None = None
    distinct: bool = False
    order: tuple[Sort, ...] = ()
    limit: Expr | None = None
    offset: Expr | None = None

    @property
    def types(self) -> tuple[str, ...]:
        return tuple(item.type for item in self.items)


@dataclass(frozen=True, slots=True)
class SetOp:
    """UNION, EXCEPT or INTERSECT by position. ORDER BY keys are columns of the alias '' (c0, c1 …)."""

    op: Choice["union", "except", "intersect"]
    all: bool
    left: Query
    right: Query
    types: tuple[str, ...]
    order: tuple[Sort, ...] = ()
    limit: Expr | None = None
    offset: Expr | None = None


@dataclass(frozen=True, slots=True)
class With:
    """Common table expressions before a query; each may refer to those before it."""

    ctes: tuple[Cte, ...]
    body: Query

    @property
    def types(self) -> tuple[str, ...]:
        return self.body.types


@dataclass(frozen=True, slots=True)
class Cte:
    name: str
    query: Query


@dataclass(frozen=True, slots=True)
class OpaqueQuery:
    """A whole query kept as DuckDB's text over named inputs (PIVOT, ASOF joins, recursive CTEs …); it runs locally.

    Its output columns are renamed to c0, c1 … by position.
    """

    text: str
    inputs: tuple[Input, ...]
    types: tuple[str, ...]
    why: str


@dataclass(frozen=True, slots=True)
class Input:
    """A query that the text of an OpaqueQuery reads under a name and column names of the statement's own."""

    name: str
    columns: tuple[str, ...]
    query: Query


Query = Select | SetOp | With | OpaqueQuery
N = TypeVar("N")

# ---------------------------------------------------------------- walking


_WORDS = re.compile(r"\w+")
_NODES = frozenset(["Expr", "Call", "Sort", "Relation", "Query", "Cte", "Input"])
"""The names of nodes in annotations. Columns of a Scan are its own affair, none of the tree's nodes."""


class _Inside(dict[type, tuple[str, ...]]):
    """The fields of a class that may hold nodes, the last first, as a stack wants them. Planning walks trees for half of
    its time: leaves are not looked into."""

    def __missing__(self, kind: type) -> tuple[str, ...]:
        names = [field.name for field in fields(kind) if _NODES & set(_WORDS.findall(str(field.type)))]
        found = self[kind] = tuple(names[::-1])
        return found


_INSIDE = _Inside()


def children(node: Any) -> Iterator[Any]:
    """The nodes directly below a node, tuples of nodes flattened."""
    stack = [getattr(node, name) for name in _INSIDE[type(node)]]
    while stack:
        value = stack.pop()
        if type(value) is tuple:
            stack += value[::-1]
        elif value is not None:
            yield value


def walk(node: Any) -> Iterator[Any]:
    """The node and everything below it, parents first, subqueries included."""
    stack = [node]
    while stack:
        value = stack.pop()
        if type(value) is tuple:
            stack += value[::-1]
        elif value is not None:
            yield value
            for name in _INSIDE[type(value)]:
                if inside := getattr(value, name):  # neither None nor ()
                    stack.append(inside)


def rebuild(node: N, change: Callable[[Any], Any]) -> N:
    """The node with `change` applied to each direct child; the very same object if nothing changed."""
    changes = {}
    for name in _INSIDE[type(node)][::-1]:
        if value := getattr(node, name):
            new = _changed(value, change) if type(value) is tuple else change(value)
            if new is not value:
                changes[name] = new
    return replace(node, **changes) if changes else node  # type: ignore[type-var]


def _changed(values: tuple[Any, ...], change: Callable[[Any], Any]) -> tuple[Any, ...]:
    new = tuple([_changed(value, change) if type(value) is tuple else change(value) for value in values])
    return values if all(map(is_, new, values)) else new


def transform(node: N, change: Callable[[Any], Any]) -> N:
    """Apply `change` to every node bottom-up; the very same object if nothing changed."""

    def visit(inner: Any) -> Any:
        return change(rebuild(inner, visit))

    return visit(node)  # type: ignore[no-any-return]


# ---------------------------------------------------------------- small makers


def conjuncts(condition: Expr | None) -> tuple[Expr, ...]:
    """The operands of a chain of ANDs: none for None."""
    if condition is None:
        return ()
    if isinstance(condition, Call) and condition.name == "and":
        return tuple(part for arg in condition.args for part in conjuncts(arg))
    return (condition,)


def conjunction(parts: tuple[Expr, ...] | list[Expr]) -> Expr | None:
    """AND of the parts: None for none."""
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else Call("and", tuple(parts), "BOOLEAN")


def boolean(name: str, *args: Expr) -> Call:
    """A predicate call."""
    return Call(name, args, "BOOLEAN")
