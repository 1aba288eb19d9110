"""What a server holds, read from information_schema with one query a kind of thing, whatever the number of tables."""

from __future__ import annotations

import contextlib
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from connectors.mysql.config import Config, address
from connectors.mysql.connection import Connection
from connectors.mysql.datatypes import announce, limits
from connectors.mysql.figures import CARDINALITIES, COLUMN_STATISTICS, HISTOGRAMS, Figures, of_mariadb, of_mysql
from connectors.sqlgen.dialect import family
from watersmeet.spi import (
    Column,
    Extent,
    ForeignKey,
    SourceCatalog,
    SourceQueryFailed,
    SourceRefused,
    SourceUnavailable,
    Table,
)

UNFINISHED = "watersmeet~"
"""What the name of a table begins with while an ingest fills it."""

SYSTEM = ("information_schema", "mysql", "performance_schema", "sys")

OLDEST = {"mysql": (8, 0, 17), "mariadb": (10, 5, 0)}
"""MySQL: utf8mb4_0900_bin, the first collation there that neither folds nor pads. MariaDB: EXCEPT ALL, packed sort keys."""

# UpdateDeleteRules of Arrow Flight SQL.
_RULES = {"CASCADE": 0, "RESTRICT": 1, "SET NULL": 2, "NO ACTION": 3, "SET DEFAULT": 4}

_FACTS = """
SELECT VERSION(), @@GLOBAL.sql_mode, @@lower_case_table_names, @@max_allowed_packet,
  COLLATION(CONVERT('a' USING utf8mb4)), DATABASE()
"""
_SCHEMATA = "SELECT schema_name FROM information_schema.schemata"
_TABLES = """
SELECT table_schema, table_name, table_type, table_rows, table_comment, engine
FROM information_schema.tables
WHERE table_type IN ('BASE TABLE', 'VIEW', 'SYSTEM VERSIONED') AND table_schema IN ({schemas})
"""
_COLUMNS = """
SELECT table_schema, table_name, column_name, data_type, column_type, is_nullable, collation_name, column_comment, extra
FROM information_schema.columns
WHERE table_schema IN ({schemas})
ORDER BY table_schema, table_name, ordinal_position
"""
_PRIMARY_KEYS = """
SELECT table_schema, table_name, column_name
FROM information_schema.key_column_usage
WHERE constraint_name = 'PRIMARY' AND table_schema IN ({schemas})
ORDER BY table_schema, table_name, ordinal_position
"""
_FOREIGN_KEYS = """
SELECT k.table_schema, k.table_name, k.constraint_name, k.column_name,
  k.referenced_table_schema, k.referenced_table_name, k.referenced_column_name, r.update_rule, r.delete_rule
FROM information_schema.key_column_usage AS k
JOIN information_schema.referential_constraints AS r
  ON r.constraint_schema = k.constraint_schema AND r.constraint_name = k.constraint_name
    AND r.table_name = k.table_name
WHERE k.referenced_table_name IS NOT NULL AND k.table_schema IN ({schemas})
ORDER BY k.table_schema, k.table_name, k.constraint_name, k.ordinal_position
"""

_EXTENT = "SELECT {place}, MIN({key}), MAX({key}) FROM {table}"
_MOST_EXTENTS = 200
"""Tables, the largest first, whose ends are looked up: two looks into an index each, at every refresh."""
_PATIENCE = 2
"""Seconds that such a look waits for an ALTER TABLE."""

Name = tuple[str, str]


def read_catalog(connection: Connection, config: Config) -> SourceCatalog:
    """All that the user may read, but for the server's own schemas. Raises SourceError."""
    facts, current = _facts(connection, config)
    visible = [str(row[0]) for row in connection.run(_SCHEMATA)]
    wanted = [s for s in visible if s.lower() not in SYSTEM and (config.schemas is None or s in config.schemas)]
    schemas = tuple(sorted(wanted))
    tables = _tables(connection, config, schemas, facts) if schemas else {}
    if config.parts > 1:
        tables = _with_extents(connection, tables)
    default = address(config.url).database or current or (schemas[0] if schemas else "")
    default = next((s for s in schemas if s.lower() == default.lower()), default)
    return SourceCatalog(default_schema=default, tables=tables, schemas=schemas, facts=facts)


def version_of(text: str) -> tuple[int, ...]:
    """The numbers of a server's version.

    >>> version_of("10.11.19-MariaDB-0+deb12u1"), version_of("8.4.3")
    ((10, 11, 19), (8, 4, 3))
    """
    match = re.match(r"(\d+)\.(\d+)\.(\d+)", text)
    return tuple(int(part) for part in match.groups()) if match else (0, 0, 0)


def _facts(connection: Connection, config: Config) -> tuple[dict[str, str], str]:
    row = connection.run(_FACTS)[0]
    product = "mariadb" if "mariadb" in str(row[0]).lower() else "mysql"
    if version_of(str(row[0])) < OLDEST[product]:
        oldest = ".".join(map(str, OLDEST[product]))
        raise SourceUnavailable(connection.source, f"the server is older than {product} {oldest}, the oldest supported")
    facts = {
        "product": product,
        "version": str(row[0]),
        "sql_mode": str(row[1]),
        "lower_case_table_names": str(row[2]),
        "max_allowed_packet": str(row[3]),
        "collation": str(row[4]),
        "text": config.text,
    }
    return facts, str(row[5] or "")


def _tables(
    connection: Connection, config: Config, schemas: tuple[str, ...], facts: Mapping[str, str]
) -> dict[Name, Table]:
    # _utf8mb4 X'…' is safe whatever the name.
    listed = ", ".join(f"CONVERT(X'{schema.encode().hex()}' USING utf8mb4)" for schema in schemas)

    def ask(sql: str) -> tuple[tuple[Any, ...], ...]:
        return connection.run(sql.format(schemas=listed))

    columns: dict[Name, list[Column]] = defaultdict(list)
    hidden: set[Name] = set()
    for schema, table, name, data_type, column_type, nullable, collation, comment, extra in ask(_COLUMNS):
        if "INVISIBLE" in str(extra).upper():
            hidden.add((schema, table))
            continue
        length, fraction = limits(data_type, column_type)
        announced = announce(data_type, column_type, collation, facts["collation"], config)
        columns[schema, table].append(
            Column(
                name=name,
                type=announced.type,
                nullable=nullable == "YES" or announced.read.startswith("CASE"),
                native=column_type,
                read=announced.read,
                write=announced.write,
                length=length,
                fraction=fraction,
                collation=collation if announced.text == "plain" else None,
                plain="{0}" if announced.text == "plain" and config.text == "exact" else None,
                remarks=comment or None,
                auto_increment="auto_increment" in str(extra).lower(),
            )
        )
    figures = Figures({tuple(map(str, row[:3])): int(row[3]) for row in ask(CARDINALITIES) if row[3]})
    with contextlib.suppress(SourceRefused, SourceQueryFailed):
        if facts["product"] == "mariadb":
            figures.columns = dict(of_mariadb(row) for row in ask(COLUMN_STATISTICS))
        else:
            figures.columns = dict(of_mysql(row) for row in ask(HISTOGRAMS))
    primary = _grouped(ask(_PRIMARY_KEYS))
    foreign = _foreign_keys(ask(_FOREIGN_KEYS))
    tables: dict[Name, Table] = {}
    for schema, name, kind, rows, comment, engine in ask(_TABLES):
        key = (schema, name)
        if str(name).startswith(UNFINISHED):
            continue
        if key not in columns:
            continue  # a view over something that is gone has no columns
        shown = {column.name for column in columns[key]}
        # The key of several tables that are shown as one holds in each of them alone.
        primary_key = () if engine == "MRG_MyISAM" else tuple(primary.get(key, ()))
        tables[key] = Table(
            schema=schema,
            name=name,
            columns=tuple(figures.known(key, column, rows) for column in columns[key]),
            view=kind == "VIEW",
            primary_key=primary_key if set(primary_key) <= shown else (),
            primary_key_name="PRIMARY" if primary_key and set(primary_key) <= shown else None,
            foreign_keys=tuple(f for f in foreign.get(key, ()) if key not in hidden or set(f.columns) <= shown),
            rows=None if rows is None or kind == "VIEW" else int(rows),
            remarks=(comment or None) if kind != "VIEW" else None,
        )
    return tables


def _with_extents(connection: Connection, tables: Mapping[Name, Table]) -> dict[Name, Table]:
    """The tables, the largest with the ends of their primary keys, where those begin with an integer; none of them if one
    is locked just now."""
    keyed = [table for table in tables.values() if table.rows and _integer_key(table) is not None]
    largest = sorted(keyed, key=lambda table: -(table.rows or 0))[:_MOST_EXTENTS]
    asked = [
        _EXTENT.format(place=place, key=_quoted(table.primary_key[0]), table=".".join(map(_quoted, _name(table))))
        for place, table in enumerate(largest)
    ]
    found: dict[Name, Table] = {}
    with contextlib.suppress(SourceRefused, SourceQueryFailed):
        connection.run(f"SET SESSION lock_wait_timeout = {_PATIENCE}")
        try:
            for place, first, last in connection.run(" UNION ALL ".join(asked)) if asked else ():
                if first is not None:
                    table = largest[int(place)]
                    extent = Extent(first=int(first), last=int(last), column=table.primary_key[0])
                    found[_name(table)] = replace(table, extent=extent)
        finally:
            connection.run("SET SESSION lock_wait_timeout = DEFAULT")
    return {**tables, **found}


def _integer_key(table: Table) -> Column | None:
    """The column that a primary key begins with, if that is an integer, read as it stands."""
    key = next((column for column in table.columns if (column.name,) == table.primary_key[:1]), None)
    return key if key is not None and family(key.type) == "int" and key.read == "{0}" else None


def _name(table: Table) -> Name:
    return table.schema, table.name


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'  # every session has ANSI_QUOTES


def _grouped(rows: Iterable[tuple[Any, ...]]) -> Mapping[Name, list[str]]:
    grouped: dict[Name, list[str]] = defaultdict(list)
    for schema, table, column in rows:
        grouped[schema, table].append(column)
    return grouped


def _foreign_keys(rows: Iterable[tuple[Any, ...]]) -> Mapping[Name, list[ForeignKey]]:
    parts: dict[tuple[Name, str], list[tuple[Any, ...]]] = defaultdict(list)
    for row in rows:
        parts[(row[0], row[1]), row[2]].append(row)
    keys: dict[Name, list[ForeignKey]] = defaultdict(list)
    for (table, name), found in parts.items():
        first = found[0]
        keys[table].append(
            ForeignKey(
                name=name,
                columns=tuple(row[3] for row in found),
                schema=first[4],
                table=first[5],
                references=tuple(row[6] for row in found),
                on_update=_RULES.get(first[7], 3),
                on_delete=_RULES.get(first[8], 3),
            )
        )
    return keys
