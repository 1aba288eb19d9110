"""What holds of a SELECT block as a whole: ordinals, aliases, and which columns may stand above a grouping."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from connectors.sqlgen.tree import (
    Call,
    ColumnRef,
    Derived,
    Expr,
    Join,
    OpaqueExpr,
    Select,
    Subquery,
    Window,
    children,
    rebuild,
    walk,
)
from planner.bind.context import Context
from planner.bind.scope import NotUnderstood, Scope, Visible, pick
from planner.errors import InvalidExpression
from planner.rules.algebra import has_aggregate, has_subquery, has_window, relation_aliases


def ordinal_of(node: dict[str, Any]) -> int | None:
    """The number of an ORDER BY 2 or GROUP BY 2; None for anything else."""
    literal = node.get("literal", {})
    if node["class"] == "CONSTANT" and literal.get("kind") == "INTEGER" and literal.get("text", "").isdigit():
        return int(literal["text"])
    return None


def position(ordinal: int, count: int, where: str) -> int:
    """An ordinal as an index into the select list. Raises InvalidExpression."""
    if not 1 <= ordinal <= count:
        raise InvalidExpression(f"{where} {ordinal}: the select list has {count} columns")
    return ordinal - 1


def aliases_of(node: dict[str, Any]) -> frozenset[str]:
    """The aliases that a select list gives, in lower case."""
    return frozenset(item["alias"].lower() for item in node["select_list"] if item.get("alias"))


def uses_alias(node: Any, aliases: frozenset[str], scope: Scope) -> bool:
    """Whether a condition names a select-list alias that is no column here."""
    if isinstance(node, dict):
        if node.get("class") == "SUBQUERY":
            return "child" in node and uses_alias(node["child"], aliases, scope)
        if node.get("class") == "COLUMN_REF" and len(node["column_names"]) == 1:
            name = node["column_names"][0]
            return name.lower() in aliases and pick(name, scope.star, name) is None
        return any(uses_alias(child, aliases, scope) for child in node.values() if isinstance(child, (dict, list)))
    return any(uses_alias(child, aliases, scope) for child in node if isinstance(child, (dict, list)))


def bare_columns(node: Any) -> Iterator[ColumnRef]:
    """The columns of an expression outside of its aggregates."""
    if isinstance(node, ColumnRef):
        yield node
    elif not (isinstance(node, Call) and node.aggregate):
        for child in children(node):
            yield from bare_columns(child)


def check_grouped(select: Select, *more: Expr) -> None:
    """Raise InvalidExpression for a column above the grouping that is no group key; `more` stands above it, too."""
    keys = set(select.group or ())
    inside = {name for node in walk(select.relation) for name in _alias_of(node)} if select.relation else set()

    def check(node: Any) -> None:
        if node in keys or isinstance(node, Call) and node.aggregate and node.name != "grouping":
            return
        if isinstance(node, ColumnRef) and node.table in inside:
            raise InvalidExpression(
                "a column in the select list, HAVING, QUALIFY or ORDER BY must be a key of GROUP BY or inside an aggregate"
            )
        if isinstance(node, Window):
            for part in (*node.call.args, *node.partition, *node.order):
                check(part)
            return
        for child in children(node):
            check(child)

    for expr in (*select.items, *more, select.having, select.qualify, *select.order):
        if expr is not None:
            check(expr)


def check_nesting(select: Select) -> None:
    """Leave to DuckDB, whose words say what is wrong, aggregates and windows where neither can stand."""
    for where in (select.where, select.having, *(select.group or ())):
        if where is not None and has_window(where):
            raise NotUnderstood("a window function in WHERE, GROUP BY or HAVING")
    if any(isinstance(part, Join) and _either(part.condition) for part in _joined(select.relation)):
        raise NotUnderstood("an aggregate or a window function in a join condition")
    above = (*select.items, select.having, select.qualify, *select.order)
    for part in (part for expr in above if expr is not None for part in _own(expr)):
        if isinstance(part, Call) and part.aggregate and any(_either(inner) for inner in _arguments(part)):
            raise NotUnderstood("an aggregate or a window function inside an aggregate")
        if isinstance(part, Window) and any(
            has_window(inner) for inner in (*_arguments(part.call), *part.partition, *part.order)
        ):
            raise NotUnderstood("a window function inside another")


def _either(node: Any) -> bool:
    return node is not None and (has_aggregate(node) or has_window(node))


def _joined(relation: Any) -> Iterator[Any]:
    """The relations of a FROM, not those inside of them."""
    if isinstance(relation, Join):
        yield relation
        yield from _joined(relation.left)
        yield from _joined(relation.right)


def _own(node: Any) -> Iterator[Any]:
    """A node and what is below it in its block; a window without its call, which is no aggregate of the block."""
    yield node
    if isinstance(node, Subquery):
        inside: Iterable[Any] = () if node.arg is None else (node.arg,)
    elif isinstance(node, Window):
        inside = (*_arguments(node.call), *node.partition, *node.order)
    else:
        inside = children(node)
    for child in inside:
        yield from _own(child)


def _arguments(call: Call) -> tuple[Any, ...]:
    return (*call.args, *call.order, *((call.filter,) if call.filter is not None else ()))


def with_keys_below(select: Select, context: Context) -> Select:
    """A block whose group keys have subqueries, over a derived table that computes them.

    Written again above the grouping, a subquery would get a fragment of its own and no longer be the key.
    """
    if select.relation is None or not any(has_subquery(key) for key in select.group or ()):
        return select
    alias = context.alias()
    ours = relation_aliases(select.relation)
    above = replace(select, relation=None, where=None)
    read = [node for node in walk(above) if isinstance(node, ColumnRef) and node.table in ours]
    items: tuple[Expr, ...] = tuple(dict.fromkeys([*(select.group or ()), *read]))
    columns: dict[Any, Any] = {item: ColumnRef(alias, f"c{i}", item.type) for i, item in enumerate(items)}

    def swapped(node: Any) -> Any:
        return columns[node] if node in columns else rebuild(node, swapped)

    below = Derived(alias, Select(items, select.relation, select.where))
    return replace(rebuild(above, swapped), relation=below)


def _alias_of(node: Any) -> tuple[str, ...]:
    alias = getattr(node, "alias", None)
    return (alias,) if isinstance(alias, str) else ()


def is_volatile(node: Any, context: Context) -> bool:
    """Whether a node has another value at each evaluation."""
    return (isinstance(node, Call) and node.name in context.oracle.volatile) or (
        isinstance(node, OpaqueExpr) and any(name in node.text for name in ("random", "uuid"))
    )


def pick_first(name: str, scope: Scope) -> Visible | None:
    """The first column of that name in any case."""
    return next((column for column in scope.star if column.name.lower() == name), None)
