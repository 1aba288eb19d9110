"""Expressions that stay DuckDB's text: what is inside of one and ours leaves a place in the text."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from typing import Any

from connectors.sqlgen.tree import Expr
from planner.bind.scope import NotUnderstood

Node = dict[str, Any]

_IN_TEXT = frozenset({"LAMBDA", "TYPE", "CONSTANT"})
"""Nodes that stay in the text: the name in (struct).name must be a constant there."""


def template(
    node: Node, convert: Callable[[Node], Expr], check: Callable[[Node], object], spell: Callable[[Node], str]
) -> tuple[str, tuple[Expr, ...]]:
    """A node as text with the places {0}, {1} …, and what `convert` makes of the nodes that were there.

    A lambda stays in the text but for its free columns; its functions are left to `check`. `spell` is DuckDB's own
    printer. Raises NotUnderstood for what cannot be taken apart so, and what `convert`, `check` and `spell` raise.
    """
    marked = copy.deepcopy(node)
    marked.pop("alias", None)
    mark = _unused(node)
    args: list[Expr] = []

    def mark_children(parent: Any, bound: frozenset[str]) -> None:
        items = parent.items() if isinstance(parent, dict) else enumerate(parent)
        for key, child in list(items):
            if not isinstance(child, (dict, list)):
                continue
            if isinstance(child, dict) and "class" in child and not _stays(child):
                if not _mentions(child) & bound:
                    alias = child.get("alias")
                    args.append(convert(child))
                    parent[key] = _column(f"{mark}{len(args) - 1}_", alias)
                    continue
                if child["class"] in {"SUBQUERY", "WINDOW"}:
                    raise NotUnderstood("a subquery inside a lambda")
                if child["class"] == "FUNCTION":
                    check(child)
            if isinstance(child, dict) and child.get("class") == "LAMBDA":
                body = {"expr": child["expr"]}
                mark_children(body, bound | _mentions(child["lhs"]))
                child["expr"] = body["expr"]
            elif isinstance(child, dict) and child.get("class") == "COLUMN_REF":
                continue
            else:
                mark_children(child, bound)

    mark_children(marked, frozenset())
    text = spell(marked).replace("{", "{{").replace("}", "}}")
    return re.sub(rf"{mark}(\d+)_", lambda match: "{" + match[1] + "}", text), tuple(args)


def _stays(node: Node) -> bool:
    """Whether a node stays in the text: t[:2] has an empty list for the bound that it leaves out."""
    return node["class"] in _IN_TEXT or (node.get("function_name") == "list_value" and not node.get("arguments"))


def _mentions(node: Any) -> frozenset[str]:
    """First parts of all column names in a node."""
    if isinstance(node, dict):
        found = frozenset(str(name) for name in node.get("column_names", ())[:1])
        return found.union(*(_mentions(child) for child in node.values() if isinstance(child, (dict, list))))
    return frozenset().union(*(_mentions(child) for child in node if isinstance(child, (dict, list))))


def _unused(node: Node) -> str:
    """A beginning of names that is nowhere in a node."""
    text, mark = str(node), "wm_arg_"
    while mark in text:
        mark = "wm_" + mark
    return mark


def _column(name: str, alias: str | None) -> Node:
    made = {"class": "COLUMN_REF", "type": "COLUMN_REF", "column_names": [name]}
    return {**made, "alias": alias} if alias else made
