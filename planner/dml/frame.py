"""The frame of an INSERT, UPDATE or DELETE: which table, which columns, and the queries and expressions inside.

DuckDB serializes SELECTs only, but since 2.0 its WITH holds changes as well. So the client's text is parsed, and only
parsed, as the body of a common table expression: `WITH change AS (…) SELECT 1`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

from planner.errors import StatementRefused, SyntaxRefused
from planner.oracle import Oracle
from planner.parse import TOKENS, Guards, first_word, guard_text, guard_tree, query_nodes

Kind = Literal["insert", "update", "delete"]

_KINDS: dict[str, Kind] = {
    "INSERT_QUERY_NODE": "insert",
    "UPDATE_QUERY_NODE": "update",
    "DELETE_QUERY_NODE": "delete",
}
_HEAD = "WITH change AS ("
_KNOWN = {
    "insert": {"select_statement", "columns", "table", "schema", "catalog", "qualified_name", "cte_map", "type"},
    "update": {"table", "set_info", "cte_map", "type"},
    "delete": {"table", "condition", "cte_map", "type"},
}
_WORDS = {
    "returning_list": "RETURNING",
    "on_conflict_info": "ON CONFLICT and INSERT OR REPLACE",
    "column_order": "INSERT BY NAME",
    "default_values": "DEFAULT VALUES",
    "from_table": "UPDATE … FROM",
    "using_clauses": "DELETE … USING",
}
"""What DuckDB's tree has for the constructs that are refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A parsed change. Nodes are DuckDB's."""

    kind: Kind
    path: tuple[str, ...]
    """The table's name."""
    columns: tuple[str, ...] = ()
    """Of INSERT: those named, none for all. Of UPDATE: those set, in order."""
    values: tuple[dict[str, Any], ...] = ()
    """Of UPDATE: an expression for each of `columns`."""
    where: dict[str, Any] | None = None
    """Of UPDATE and DELETE."""
    table: dict[str, Any] | None = None
    """Of UPDATE and DELETE: the table as it would stand in FROM."""
    query: dict[str, Any] | None = None
    """Of INSERT: the query of its rows."""


def is_change(sql: str) -> bool:
    """Whether a text is an INSERT, UPDATE or DELETE, also one behind WITH. Says nothing of its being correct."""
    word = first_word(sql)
    return (_behind_with(sql) if word == "with" else word) in {"insert", "update", "delete"}


def read_change(sql: str, guards: Guards, oracle: Oracle) -> Frame:
    """Parse a change. Raises SyntaxRefused, StatementRefused, StatementTooLarge."""
    guard_text(sql, guards)
    if not is_change(sql):
        word = first_word(sql).upper() or "nothing"
        raise StatementRefused(
            f"{word} does not change a table here, INSERT, UPDATE, DELETE and ingests do; a query is sent as a query"
        )
    nodes = query_nodes(re.sub(r";\s*$", "", sql), guards, oracle, _HEAD, "\n) SELECT 1")
    made = [item["value"]["query_node"] for item in nodes[0].get("cte_map", {}).get("map", ())]
    if len(nodes) != 1 or len(made) != 1 or made[0]["type"] not in _KINDS:
        raise SyntaxRefused("send one INSERT, UPDATE or DELETE at a time")
    node = made[0]
    kind = _KINDS[node["type"]]
    for key in sorted(set(node) - _KNOWN[kind]):
        raise StatementRefused(f"{_WORDS.get(key, key.replace('_', ' '))} is not run here")
    guard_tree({**node, "type": ""}, guards)
    return _frame(kind, node)


def _frame(kind: Kind, node: dict[str, Any]) -> Frame:
    ctes = node.get("cte_map", {}).get("map", ())
    if kind == "insert":
        query = node["select_statement"]["node"]
        if ctes:
            inner = query.get("cte_map", {}).get("map", ())
            query = {**query, "cte_map": {"map": [*ctes, *inner]}}
        return Frame(
            kind=kind,
            path=tuple(node["qualified_name"]["path"]),
            columns=tuple(node.get("columns", ())),
            query=query,
        )
    if ctes:
        raise StatementRefused(f"WITH before {kind.upper()} is not run here: write its query in place of its name")
    table = node["table"]
    if table["type"] != "BASE_TABLE" or set(table) & {"sample", "at_clause", "column_name_alias"}:
        raise StatementRefused(f"{kind.upper()} takes a table's name and an alias, nothing more")
    path = tuple(table["qualified_name"]["path"])
    if kind == "delete":
        return Frame(kind=kind, path=path, table=table, where=node.get("condition"))
    change = node["set_info"]
    return Frame(
        kind=kind,
        path=path,
        table=table,
        columns=tuple(change["columns"]),
        values=tuple(change["expressions"]),
        where=change.get("condition"),
    )


def _behind_with(sql: str) -> str:
    """The first word after the common table expressions, in lower case; '' if there is none.

    >>> _behind_with("WITH a (x) AS (SELECT 1), b AS MATERIALIZED (SELECT 2) INSERT INTO t FROM b")
    'insert'
    """
    depth = 0
    closed = False
    for token in TOKENS.finditer(sql):
        text = token[0]
        if text in "([{":
            depth, closed = depth + 1, False
        elif text in ")]}":
            depth -= 1
            closed = depth == 0
        elif closed and not text.startswith(("--", "/*")) and (word := re.match(r"\s*(,|\w+)", text)):
            if word[1].lower() not in {",", "as"}:
                return word[1].lower()
            closed = False
    return ""
