"""Text -> one statement as DuckDB's own tree, after the guards that keep hostile text away from any parser.

DuckDB's parser is used (json_serialize_sql, the text as a bound value) because the surface language is DuckDB's: another
parser refuses some of it (x'ab') and rewrites some of it (docs/adr/0001-duckdbs-parser.md).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from planner.errors import StatementRefused, StatementTooLarge, SyntaxRefused
from planner.oracle import Oracle, Rejected
from planner.plan import SessionInfo
from planner.show import expand_show


@dataclass(frozen=True, slots=True, kw_only=True)
class Guards:
    """Limits checked before and right after parsing."""

    sql_bytes: int = 1 << 20
    """Bytes of UTF-8."""
    depth: int = 200
    """Nesting of parentheses, and of expressions and queries in the tree."""
    nodes: int = 200_000
    """Nodes of the tree: a list of 100,000 constants passes, ten thousand UNIONs do not get far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A parsed statement."""

    kind: str
    """'query', or 'set', 'reset', 'use'."""
    node: dict[str, Any]
    """DuckDB's query node; for the others {'name': …, 'value': …}."""
    explain: str | None = None
    """None, 'text', 'json', 'stages', 'analyze', 'analyze json'."""


_COMMENT = r"(?:--[^\n]*(?:\n|$)|/\*.*?\*/|[\s\ufeff])*"
"""With the mark that editors of Windows put before a text."""
_EXPLAIN = re.compile(
    rf"{_COMMENT}EXPLAIN\b{_COMMENT}(?P<analyze>ANALYZE\b)?{_COMMENT}"
    rf"(?:\({_COMMENT}FORMAT\s+(?P<f1>\w+)\s*\)|FORMAT\s+(?P<f2>\w+)\b)?",
    re.IGNORECASE | re.DOTALL,
)
_FIRST = re.compile(rf"{_COMMENT}(?P<word>\w+|\()", re.DOTALL)
_SESSION = re.compile(
    r"(?P<verb>SET|RESET|USE)\s+(?:SESSION\s+)?"
    r'(?P<name>(?:"(?:[^"]|"")+"|\w+)(?:\.(?:"(?:[^"]|"")+"|\w+))*)'
    r"\s*(?:(?:=|TO\b|\s)\s*(?P<value>.+?))?\s*;?\s*",
    re.IGNORECASE | re.DOTALL,
)
_QUERIES = frozenset(
    [
        "select",
        "with",
        "from",
        "values",
        "table",
        "describe",
        "desc",
        "summarize",
        "show",
        "pivot",
        "unpivot",
        "(",
        "explain",
    ]
)
_QUERY_NODES = frozenset({"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"})
"""The query nodes of DuckDB's tree; 2.0 has others for DML and COPY inside WITH."""
TOKENS = re.compile(
    r"--[^\n]*|/\*.*?(?:\*/|\Z)|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|\$(\w*)\$.*?\$\1\$|[(\[{]|[)\]}]|[^'\"$()\[\]{}/-]+|.",
    re.DOTALL,
)


def parse(sql: str, guards: Guards, oracle: Oracle, session: SessionInfo | None = None) -> Statement:
    """Parse one statement; SHOW SESSION shows `session`. Raises SyntaxRefused, StatementRefused, StatementTooLarge."""
    guard_text(sql, guards)
    first = _FIRST.match(sql)
    if first is None:
        raise SyntaxRefused("the statement is empty: send a SELECT")
    word = first["word"].lower()
    explain = None
    if word == "explain":
        head = _EXPLAIN.match(sql)
        assert head is not None
        form = (head["f1"] or head["f2"] or "text").lower()
        if form not in {"text", "json", "stages"}:
            raise SyntaxRefused(f"EXPLAIN has the formats TEXT, JSON and STAGES, not {form.upper()}")
        if form == "stages" and head["analyze"]:
            raise SyntaxRefused("EXPLAIN ANALYZE has the formats TEXT and JSON: the stages run nothing")
        explain = ("analyze" + (" json" if form == "json" else "")) if head["analyze"] else form
        sql = sql[head.end() :]
        first = _FIRST.match(sql)
        word = first["word"].lower() if first else ""
    if word in {"set", "reset", "use"} and explain is None:
        return _session(sql[first.start("word") :]) if first else _empty()
    if word == "show":
        sql = expand_show(sql[first.start("word") :] if first else sql, session or SessionInfo())
    if word not in _QUERIES or word == "explain":
        raise StatementRefused(
            "INSERT, UPDATE and DELETE are no queries: send them as an update"
            if word in {"insert", "update", "delete"} and explain is None
            else f"{word.upper() or 'nothing'} is not a statement that this server runs: it answers SELECT and its kin"
            " (WITH, VALUES, FROM, DESCRIBE, SUMMARIZE, EXPLAIN)"
        )
    return Statement(kind="query", node=_query(sql, guards, oracle), explain=explain)


def _empty() -> Statement:
    raise SyntaxRefused("the statement is empty: send a SELECT")


def guard_text(sql: str, guards: Guards) -> None:
    size = len(sql.encode("utf-8", "surrogatepass"))
    if size > guards.sql_bytes:
        raise StatementTooLarge(
            f"the statement has {size:,} bytes, more than limits.sql_bytes allows ({guards.sql_bytes:,}):"
            " shorten it, or join with a table instead of a long list"
        )
    if "\0" in sql:
        raise SyntaxRefused("the statement contains a NUL character")
    depth = 0
    for token in TOKENS.finditer(sql):
        text = token[0]
        if text in "([{":
            depth += 1
            if depth > guards.depth:
                raise StatementTooLarge(f"parentheses are nested deeper than limits.sql_depth allows ({guards.depth})")
        elif text in ")]}":
            depth -= 1


def _session(text: str) -> Statement:
    match = _SESSION.fullmatch(text)
    if match is None:
        raise SyntaxRefused("write SET name = value, RESET name or USE catalog.schema")
    value = match["value"]
    if value is not None and len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
        value = value[1:-1].replace(value[0] * 2, value[0])
    return Statement(kind=match["verb"].lower(), node={"name": match["name"], "value": value})


def _query(sql: str, guards: Guards, oracle: Oracle) -> dict[str, Any]:
    nodes = query_nodes(sql, guards, oracle)
    if len(nodes) != 1:
        raise StatementRefused(f"send one statement at a time, not {len(nodes)}")
    guard_tree(nodes[0], guards)
    return nodes[0]


def query_nodes(sql: str, guards: Guards, oracle: Oracle, head: str = "", tail: str = "") -> list[dict[str, Any]]:
    """DuckDB's tree of each query in a text, put between a head and a tail of ours. Errors point into `sql`."""
    try:
        return oracle.parse(head + sql + tail)
    except RecursionError:
        raise StatementTooLarge(f"the statement is nested deeper than limits.sql_depth ({guards.depth})") from None
    except Rejected as error:
        if error.kind == "not implemented":
            raise StatementRefused(
                f"this statement cannot be run here ({error.message.rstrip('!')}): give PIVOT its IN list, and use either"
                " named or numbered parameters; DDL and DML are refused"
            ) from None
        if "depth" in error.message:
            raise StatementTooLarge(f"the statement is nested too deep: {error.message}") from None
        position = None if error.position is None else error.position - len(head)
        if position is not None and position >= len(sql.encode()):
            raise SyntaxRefused("the statement ends too early", position=position) from None
        raise SyntaxRefused(_pointed(sql, error.message, position), position=position) from None


def first_word(sql: str) -> str:
    """The first word of a statement in lower case, '(' or ''."""
    first = _FIRST.match(sql)
    return first["word"].lower() if first else ""


def _pointed(sql: str, message: str, position: int | None) -> str:
    """The parser's words with the place in the text."""
    if position is None:
        return message
    before = sql.encode()[:position].decode(errors="replace")
    line, column = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
    return f"{message} (line {line}, column {column})"


def guard_tree(root: dict[str, Any], guards: Guards) -> None:
    """Refuse a tree too deep or too large for the recursive stages; itself without recursion."""
    count = 0
    stack: list[tuple[Any, int]] = [(root, 0)]
    while stack:
        node, depth = stack.pop()
        if isinstance(node, dict):
            count += 1
            kind = node.get("type")
            if isinstance(kind, str) and kind.endswith("_NODE") and kind not in _QUERY_NODES:
                word = kind.removesuffix("_NODE").removesuffix("_QUERY")
                raise StatementRefused(f"{word} inside a query is not run here: this server only answers SELECT")
            deeper = depth + ("class" in node or "from_table" in node or "setop_type" in node or "join_type" in node)
            if deeper > guards.depth or count > guards.nodes:
                what = f"nested deeper than limits.sql_depth ({guards.depth})" if deeper > guards.depth else "too long"
                raise StatementTooLarge(f"the statement is {what}: split it, or use UNION ALL of fewer branches")
            stack.extend((value, deeper) for value in node.values() if isinstance(value, (dict, list)))
        else:
            stack.extend((value, depth) for value in node if isinstance(value, (dict, list)))
