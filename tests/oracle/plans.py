"""Shows a plan as SQL that a person can read: what each source is asked, what runs here, what stayed and why.

Fixtures are made of it: no estimates, which statistics may change, and no forms that are only a way to Arrow.
"""

from __future__ import annotations

import re

from planner.explain import default_statement
from planner.plan import FederatedPlan

_CLAUSES = (
    "FROM",
    "WHERE",
    "GROUP BY",
    "HAVING",
    "QUALIFY",
    "WINDOW",
    "ORDER BY",
    "LIMIT",
    "UNION",
    "EXCEPT",
    "INTERSECT",
)
_TOKENS = re.compile(
    rf"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`[^`]*`|[()]| (?:{'|'.join(_CLAUSES)})\b|[^'\"`() ]+|.", re.DOTALL
)


def show(plan: FederatedPlan) -> str:
    """The plan as comment lines and SQL."""
    parts = []
    for fragment in plan.fragments:
        whole = ": the whole statement" if plan.local_sql is None else ""
        parts.append(f"-- x{fragment.id} on {fragment.source}{whole}\n{_lines(default_statement(fragment))}\n")
    if plan.local_sql is not None:
        parts.append(f"-- local\n{_lines(plan.local_sql)}\n")
    if plan.stays:
        stays = dict.fromkeys(
            f"--   {_one_line(stay.what)}\n--     {stay.source or 'no source'}: {_one_line(stay.reason)} [{stay.code}]"
            for stay in plan.stays
        )
        parts.append("\n".join(["-- stayed here", *stays]) + "\n")
    return "".join(parts)


def _lines(sql: str) -> str:
    """Break the line before each clause of the outermost query."""
    depth, made = 0, ""
    for token in _TOKENS.findall(sql):
        depth += (token == "(") - (token == ")")
        made += "\n" + token[1:] if depth == 0 and token[1:] in _CLAUSES else token
    return made


def _one_line(text: str, most: int = 160) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1] + "…"
