"""What a statement is after each stage, as SQL on several lines: the planner's work, to be read."""

from __future__ import annotations

import re
from collections.abc import Iterator

from connectors.sqlgen.duckdb import DUCKDB
from connectors.sqlgen.printer import Printer
from connectors.sqlgen.tree import Query, Relation, Scan
from planner.optimize import RULES

_TOKENS = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|[()]|[^'\"()\s]+|\s+")
_CLAUSES = frozenset(
    [
        "FROM",
        "WHERE",
        "GROUP",
        "HAVING",
        "QUALIFY",
        "ORDER",
        "LIMIT",
        "OFFSET",
        "UNION",
        "INTERSECT",
        "EXCEPT",
        "SELECT",
    ]
)
_INDENT = "  "


def stages(query: Query) -> Iterator[tuple[str, str]]:
    """(stage, SQL) of a bound query: as it was bound, and after each rule that changed it."""
    yield "bind", laid_out(_Federated(DUCKDB, query).query(query))
    for rule in RULES:
        changed = rule(query)
        if changed is not query and changed != query:
            yield f"optimize: {rule.__name__}", laid_out(_Federated(DUCKDB, changed).query(changed))
        query = changed


class _Federated(Printer):
    """Tables with their source before them."""

    def relation(self, node: Relation) -> str:
        return (
            f"{self.name(node.source)}.{super().relation(node)}" if isinstance(node, Scan) else super().relation(node)
        )


def laid_out(sql: str) -> str:
    """SQL with a line for each clause of each query, subqueries indented.

    >>> print(laid_out("SELECT a FROM (SELECT b AS a FROM t) WHERE a IN (1, 2)"))
    SELECT a
    FROM (
      SELECT b AS a
      FROM t)
    WHERE a IN (1, 2)
    """
    lines = [""]
    queries: list[bool] = []
    """For each open parenthesis, whether a query is in it."""
    tokens = _TOKENS.findall(sql)
    for at, token in enumerate(tokens):
        if token == "(":
            queries.append(at + 1 < len(tokens) and tokens[at + 1] in {"SELECT", "WITH"})
            lines[-1] += token
        elif token == ")":
            queries.pop()
            lines[-1] += token
        elif token in _CLAUSES and all(queries[-1:]):
            if lines[-1].strip():
                lines[-1] = lines[-1].rstrip()
                lines.append("")
            lines[-1] = _INDENT * sum(queries) + token
        elif token.isspace():
            lines[-1] += " "
        else:
            lines[-1] += token
    return "\n".join(lines)
