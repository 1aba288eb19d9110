"""Read what a DuckDB file holds: schemas, tables, views, columns, keys, sizes and comments, in four queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace

import duckdb

from connectors.duckdb.datatypes import announced
from watersmeet.spi import Column, ForeignKey, SourceCatalog, Table

_RELATIONS = """
    SELECT schema_name, table_name, FALSE AS is_view, estimated_size, comment, sql FROM duckdb_tables()
    WHERE database_name = current_database() AND NOT internal AND NOT temporary
    UNION ALL
    SELECT schema_name, view_name, TRUE, NULL, comment, sql FROM duckdb_views()
    WHERE database_name = current_database() AND NOT internal AND NOT temporary
    ORDER BY ALL"""
_COLUMNS = """
    SELECT schema_name, table_name, column_name, data_type, is_nullable, comment,
           coalesce(column_default LIKE 'nextval(%', false)
    FROM duckdb_columns()
    WHERE database_name = current_database() AND NOT internal
    ORDER BY schema_name, table_name, column_index"""
_KEYS = """
    SELECT schema_name, table_name, constraint_type, constraint_name, constraint_column_names, referenced_table,
           referenced_column_names
    FROM duckdb_constraints()
    WHERE database_name = current_database() AND constraint_type IN ('PRIMARY KEY', 'FOREIGN KEY')
    ORDER BY constraint_index"""
_SCHEMAS = """
    SELECT schema_name FROM duckdb_schemas() WHERE database_name = current_database() ORDER BY schema_name"""

_COUNTED_FROM = 1000
"""Rows from which on a table's statistics are asked for: a query each, about 2 ms."""

Name = tuple[str, str]


def read_catalog(con: duckdb.DuckDBPyConnection, *, exact_text: bool) -> SourceCatalog:
    """The catalog of the file that `con` is connected to."""
    relations = con.execute(_RELATIONS).fetchall()
    # A column's collation stands in no catalog view of 2.0, only in the DDL, and views inherit it: one COLLATE anywhere
    # makes every text column be read by its bytes.
    collated = exact_text and any("collate" in (sql or "").lower() for *_, sql in relations)
    columns = _columns(con, collated)
    for schema, name, view, rows, *_ in relations:
        if not view and rows >= _COUNTED_FROM:
            columns[schema, name] = _counted(con, schema, name, columns[schema, name])
    primary, foreign = _keys(con, columns)
    tables = {
        (schema, name): Table(
            schema=schema,
            name=name,
            columns=tuple(columns[schema, name]),
            view=view,
            rows=rows,
            remarks=comment,
            primary_key_name=primary.get((schema, name), (None, ()))[0],
            primary_key=primary.get((schema, name), (None, ()))[1],
            foreign_keys=tuple(foreign[schema, name]),
        )
        for schema, name, view, rows, comment, _ in relations
    }
    (version,) = con.execute("SELECT version()").fetchall()[0]
    return SourceCatalog(
        default_schema="main",
        tables=tables,
        schemas=tuple(schema for (schema,) in con.execute(_SCHEMAS).fetchall()),
        facts={"product": "DuckDB", "version": version},
    )


def _columns(con: duckdb.DuckDBPyConnection, collated: bool) -> dict[Name, list[Column]]:
    columns: dict[Name, list[Column]] = defaultdict(list)
    for schema, table, name, native, nullable, comment, numbered in con.execute(_COLUMNS).fetchall():
        type_ = announced(con.sqltype(native))
        read = "{0}"
        if type_ == "VARCHAR" and native == "VARCHAR":
            read = '({0} COLLATE "binary")' if collated else read
        elif type_ != native and not _same(con, type_, native):
            read = f"CAST({{0}} AS {_escaped(type_)})"
        columns[schema, table].append(
            Column(
                name=name,
                type=type_,
                nullable=nullable,
                native=native,
                read=read,
                remarks=comment,
                auto_increment=numbered,
            )
        )
    return columns


def _counted(con: duckdb.DuckDBPyConnection, schema: str, table: str, columns: list[Column]) -> list[Column]:
    """The columns with the engine's own estimate of their distinct values (HyperLogLog, kept with the table)."""
    figures = ", ".join(f"CAST(stats({_quoted(column.name)}) AS JSON) ->> '$.approx_unique'" for column in columns)
    found = con.execute(f"SELECT {figures} FROM {_quoted(schema)}.{_quoted(table)} LIMIT 1").fetchone()
    counts = found or (None,) * len(columns)
    return [
        replace(column, distinct=max(1, int(count)) if count else None)
        for column, count in zip(columns, counts, strict=True)
    ]


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _same(con: duckdb.DuckDBPyConnection, type_: str, native: str) -> bool:
    return bool(con.sqltype(type_) == con.sqltype(native))


def _escaped(type_: str) -> str:
    """A type inside a template: a struct's field may be called {0}."""
    return type_.replace("{", "{{").replace("}", "}}")


def _keys(
    con: duckdb.DuckDBPyConnection, known: Mapping[Name, list[Column]]
) -> tuple[dict[Name, tuple[str | None, tuple[str, ...]]], dict[Name, list[ForeignKey]]]:
    # A key has the names as they were written in its DDL, and DuckDB's names ignore case.
    tables = {(schema, table.lower()): table for schema, table in known}

    def spelt(schema: str, table: str, names: list[str]) -> tuple[str, ...]:
        spellings = {column.name.lower(): column.name for column in known[schema, table]}
        return tuple(spellings[name.lower()] for name in names)

    primary: dict[Name, tuple[str | None, tuple[str, ...]]] = {}
    foreign: dict[Name, list[ForeignKey]] = defaultdict(list)
    for schema, table, kind, name, columns, referenced, references in con.execute(_KEYS).fetchall():
        if kind == "PRIMARY KEY":
            primary[schema, table] = (name, spelt(schema, table, columns))
            continue
        target = tables[schema, referenced.lower()]
        foreign[schema, table].append(
            ForeignKey(
                name=name,
                columns=spelt(schema, table, columns),
                schema=schema,  # DuckDB refuses foreign keys across schemas
                table=target,
                references=spelt(schema, target, references),
            )
        )
    return primary, foreign
