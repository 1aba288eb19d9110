"""Fragments that ask a source the same are one: its rows are shipped once and read twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from connectors.sqlgen.tree import ColumnRef, Query, Scan, rebuild, walk
from planner.plan import Fragment


def shared(query: Query, source: str, fragments: Sequence[Fragment]) -> int | None:
    """The number of a fragment that asks the source the same, but for the names of relations; None if there is none."""
    tables = _tables(query)
    alike = [known for known in fragments if known.source == source and _tables(known.query) == tables]
    if not alike:
        return None
    shape = _renamed(query)
    return next((known.id for known in alike if _renamed(known.query) == shape), None)


def _tables(query: Query) -> Counter[tuple[str, str]]:
    return Counter((node.schema, node.table) for node in walk(query) if isinstance(node, Scan))


def _renamed(query: Query) -> Query:
    """The query with its relations numbered in the order of its text."""
    names: dict[str, str] = {"": ""}
    for node in walk(query):
        if hasattr(node, "alias"):
            names.setdefault(node.alias, f"r{len(names)}")

    def change(node: Any) -> Any:
        changes: dict[str, Any] = {}
        if isinstance(node, ColumnRef):
            changes["table"] = names.get(node.table, node.table)
            changes["nullable"] = True
        elif hasattr(node, "alias"):
            changes["alias"] = names[node.alias]
        made = rebuild(node, change)
        return replace(made, **changes) if changes else made

    made: Query = change(query)
    return made
