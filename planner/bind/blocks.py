"""What holds of a SELECT block as a whole: ordinals, aliases, and which columns may stand above a grouping."""

from __future__ import annotations

from typing import Any

from connectors.sqlgen.tree import Call, ColumnRef, OpaqueExpr, Select, Window, children, walk
from planner.bind.context import Context
from planner.bind.scope import Scope, Visible, pick
from planner.errors import InvalidExpression


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


def has_bare_columns(node: Any) -> bool:
    """Whether an expression has columns outside of its aggregates."""
    if isinstance(node, Call) and node.aggregate:
        return False
    return isinstance(node, ColumnRef) or any(has_bare_columns(child) for child in children(node))


def check_grouped(select: Select) -> None:
    """Raise InvalidExpression for a column above the grouping that is no group key."""
    keys = set(select.group or ())
    inside = {name for node in walk(select.relation) for name in _alias_of(node)} if select.relation else set()

    def check(node: Any) -> None:
        if node in keys or isinstance(node, Call) and node.aggregate:
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

    for expr in (*select.items, select.having, select.qualify, *select.order):
        if expr is not None:
            check(expr)


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
