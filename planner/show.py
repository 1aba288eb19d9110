"""SHOW CATALOGS, SCHEMAS, TABLES, COLUMNS: shorthand for a SELECT over information_schema; SHOW SESSION: its options.

The text made here is ours; names of the client's text are only put into it as quoted literals.
"""

from __future__ import annotations

import re

from planner.errors import SyntaxRefused
from planner.plan import SessionInfo

_NAME = r'(?:"(?:[^"]|"")+"|\w+)'
_SHOW = re.compile(
    rf"SHOW\s+(?P<what>CATALOGS|DATABASES|SCHEMAS|TABLES|COLUMNS|SESSION)"
    rf"(?:\s+(?:FROM|IN)\s+(?P<path>{_NAME}(?:\.{_NAME}){{0,2}}))?\s*;?\s*",
    re.IGNORECASE,
)
_PART = re.compile(_NAME)


def expand_show(sql: str, session: SessionInfo) -> str:
    """The SELECT that a SHOW statement stands for. Raises SyntaxRefused."""
    match = _SHOW.fullmatch(sql.strip())
    if match is None:
        raise SyntaxRefused(
            "SHOW has the forms SHOW CATALOGS, SHOW SCHEMAS [FROM catalog], SHOW TABLES [FROM [catalog.]schema],"
            " SHOW COLUMNS FROM table and SHOW SESSION"
        )
    what = match["what"].upper()
    path = [_plain(part) for part in _PART.findall(match["path"] or "")]
    if what in {"CATALOGS", "DATABASES"} and not path:
        return "SELECT DISTINCT catalog_name FROM information_schema.schemata ORDER BY 1"
    if what == "SCHEMAS" and len(path) <= 1:
        where = f" WHERE lower(catalog_name) = lower({_text(path[0])})" if path else ""
        return f"SELECT catalog_name, schema_name FROM information_schema.schemata{where} ORDER BY ALL"
    if what == "TABLES" and len(path) <= 2:
        return (
            "SELECT table_catalog, table_schema, table_name, table_type FROM information_schema.tables"
            f"{_tables_where(path)} ORDER BY ALL"
        )
    if what == "COLUMNS" and path:
        return "DESCRIBE " + ".".join('"' + part.replace('"', '""') + '"' for part in path)
    if what == "SESSION" and not path:
        options = (
            ("catalog", session.catalog),
            ("schema", session.schema),
            ("timezone", session.time_zone),
            ("pushdown", session.pushdown),
        )
        rows = ", ".join(f"({_text(name)}, {_text(value) if value else 'NULL'})" for name, value in options)
        return f"SELECT name, CAST(value AS VARCHAR) AS value FROM (VALUES {rows}) AS session(name, value)"
    raise SyntaxRefused(f"SHOW {what} does not take that name: see SHOW TABLES, SHOW SCHEMAS FROM a catalog")


def _tables_where(path: list[str]) -> str:
    if not path:
        return ""
    if len(path) == 2:
        return (
            f" WHERE lower(table_catalog) = lower({_text(path[0])}) AND lower(table_schema) = lower({_text(path[1])})"
        )
    return f" WHERE lower({_text(path[0])}) IN (lower(table_schema), lower(table_catalog))"


def _plain(part: str) -> str:
    return part[1:-1].replace('""', '"') if part.startswith('"') else part


def _text(name: str) -> str:
    return "'" + name.replace("'", "''") + "'"
