"""Read what a DuckDB file holds: schemas, tables, views, columns, keys, sizes and comments, in four queries."""

from __future__ import annotations

from collections import defaultdict

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
    SELECT schema_name, table_name, column_name, data_type, is_nullable, comment FROM duckdb_columns()
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

Name = tuple[str, str]


def read_catalog(con: duckdb.DuckDBPyConnection, *, exact_text: bool) -> SourceCatalog:
    """The catalog of the file that `con` is connected to."""
    relations = con.execute(_RELATIONS).fetchall()
    # A column's collation stands in no catalog view of 2.0, only in the DDL, and views inherit it: one COLLATE anywhere
    # makes every text column be read by its bytes.
    collated = exact_text and any("collate" in (sql or "").lower() for *_, sql in relations)
    columns = _columns(con, collated)
    primary, foreign = _keys(con)
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
    for schema, table, name, native, nullable, comment in con.execute(_COLUMNS).fetchall():
        type_ = announced(con.sqltype(native))
        read = "{0}"
        if type_ == "VARCHAR" and native == "VARCHAR":
            read = '({0} COLLATE "binary")' if collated else read
        elif type_ != native and not _same(con, type_, native):
            read = f"CAST({{0}} AS {_escaped(type_)})"
        columns[schema, table].append(
            Column(name=name, type=type_, nullable=nullable, native=native, read=read, remarks=comment)
        )
    return columns


def _same(con: duckdb.DuckDBPyConnection, type_: str, native: str) -> bool:
    return bool(con.sqltype(type_) == con.sqltype(native))


def _escaped(type_: str) -> str:
    """A type inside a template: a struct's field may be called {0}."""
    return type_.replace("{", "{{").replace("}", "}}")


def _keys(
    con: duckdb.DuckDBPyConnection,
) -> tuple[dict[Name, tuple[str | None, tuple[str, ...]]], dict[Name, list[ForeignKey]]]:
    primary: dict[Name, tuple[str | None, tuple[str, ...]]] = {}
    foreign: dict[Name, list[ForeignKey]] = defaultdict(list)
    for schema, table, kind, name, columns, referenced, references in con.execute(_KEYS).fetchall():
        if kind == "PRIMARY KEY":
            primary[schema, table] = (name, tuple(columns))
            continue
        foreign[schema, table].append(
            ForeignKey(
                name=name,
                columns=tuple(columns),
                schema=schema,  # DuckDB refuses foreign keys across schemas
                table=referenced,
                references=tuple(references),
            )
        )
    return primary, foreign
