"""Read what a DuckDB file holds: schemas, tables, views, columns, keys, sizes, comments, and what a sample shows."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import duckdb

from connectors.duckdb.datatypes import announced
from watersmeet.spi import LONGEST_SHOWN, Column, Extent, ForeignKey, SourceCatalog, Table

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

_COUNTED_FROM = 50
"""Rows from which on a table's statistics are asked for."""
_COUNTED = 300
"""Tables whose statistics are asked for, the largest: a query each, 2 to 4 ms."""
_SAMPLED = 32_768
"""Rows of a table that are looked at for each column, in whole blocks of 2,048."""
_LOOKS = 5_000_000
"""Rows that are looked at in all, the largest tables' first: a statement waits for its first catalog, and a column takes
4 ms, and 4 (numbers) to 25 ms (text) for all of _SAMPLED."""
_LOOK = 20_000
"""Rows that take as long as beginning to look at a column."""
_TOLD_APART = 200
"""Characters by which the texts of a sample are told apart: they may be documents."""
_WIDEST = 50
"""Columns of one table that are looked at: a wide one leaves some to the others."""
_COMMON = 30
"""Values that a column may have in common at most."""
_QUANTILES = [place / 50 for place in range(51)]
_ORDERED = frozenset(
    [
        "BOOLEAN",
        "TINYINT",
        "SMALLINT",
        "INTEGER",
        "BIGINT",
        "UTINYINT",
        "USMALLINT",
        "UINTEGER",
        "UBIGINT",
        "HUGEINT",
        "FLOAT",
        "DOUBLE",
        "VARCHAR",
        "DATE",
        "TIMESTAMP",
    ]
)

_BYTES = "decode(encode({0}))"
"""A text by its bytes, whatever its column's collation. EXCEPT and INTERSECT look through {0} COLLATE "binary" (2.0.0's
optimizer unused_columns leaves it away, and then 'Ana' and 'ANA' are one)."""

Name = tuple[str, str]


def read_catalog(con: duckdb.DuckDBPyConnection, *, exact_text: bool) -> SourceCatalog:
    """The catalog of the file that `con` is connected to. Without the optimizer statistics_propagation DuckDB would say
    nothing of columns' values."""
    relations = con.execute(_RELATIONS).fetchall()
    # A column's collation stands in no catalog view of 2.0, only in the DDL, and views inherit it: one COLLATE anywhere
    # makes every text column be read by its bytes.
    collated = exact_text and any("collate" in (sql or "").lower() for *_, sql in relations)
    columns = _columns(con, collated)
    sizes = {(schema, name): rows for schema, name, view, rows, *_ in relations if not view and rows >= _COUNTED_FROM}
    looks = _LOOKS
    for table, rows in sorted(sizes.items(), key=lambda item: -item[1])[:_COUNTED]:
        each = _LOOK + min(rows, _SAMPLED)
        sampled = [column for column in columns[table] if _ordered(column)][: min(_WIDEST, looks // each)]
        looks -= each * len(sampled)
        columns[table] = _counted(con, table, rows, columns[table], sampled)
    primary, foreign = _keys(con, columns)
    tables = {
        (schema, name): Table(
            schema=schema,
            name=name,
            columns=tuple(columns[schema, name]),
            view=view,
            rows=rows,
            extent=Extent(first=0, last=rows) if rows else None,
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
    types: dict[str, tuple[str, str]] = {}
    for schema, table, name, native, nullable, comment, numbered in con.execute(_COLUMNS).fetchall():
        if native not in types:
            types[native] = _type(con, native, collated)
        type_, read = types[native]
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


def _type(con: duckdb.DuckDBPyConnection, native: str, collated: bool) -> tuple[str, str]:
    """The type that columns of a native one are announced as, and how they are read."""
    type_ = announced(con.sqltype(native))
    if type_ == "VARCHAR" and native == "VARCHAR":
        return type_, _BYTES if collated else "{0}"
    if type_ != native and con.sqltype(type_) != con.sqltype(native):
        return type_, f"CAST({{0}} AS {_escaped(type_)})"
    return type_, "{0}"


def _counted(
    con: duckdb.DuckDBPyConnection, table: Name, rows: int, columns: list[Column], sampled: Sequence[Column]
) -> list[Column]:
    """The columns of a table of `rows` with what the engine keeps of them (HyperLogLog, zone maps), and with what some
    rows show of those to be `sampled`."""
    name = ".".join(map(_quoted, table))
    kept = ", ".join(f"CAST(stats({_quoted(column.name)}) AS JSON)" for column in columns)
    found = _row(con, f"SELECT {kept} FROM {name} LIMIT 1") or (None,) * len(columns)
    seen = {column.name: _seen(con, name, rows, column) for column in sampled}
    return [
        _with_figures(column, rows, json.loads(text or "{}", parse_float=str, parse_int=str), seen.get(column.name))
        for column, text in zip(columns, found, strict=True)
    ]


def _ordered(column: Column) -> bool:
    """Whether its values have an order that is ours, too."""
    return column.type in _ORDERED or column.type.startswith("DECIMAL(")


def _seen(con: duckdb.DuckDBPyConnection, table: str, rows: int, column: Column) -> dict[str, Any] | None:
    """What a sample of `rows` rows shows of a column. In one query for all, each column would take several times as long,
    and 300 are too deep for DuckDB."""
    share = min(100.0, 100.0 * _SAMPLED / rows)
    value = _quoted(column.name)
    if column.type == "VARCHAR":
        value = f"left({value}, {_TOLD_APART})"
    sql = f"""
        WITH s AS MATERIALIZED (SELECT {value} AS v FROM {table} USING SAMPLE {share:.6f}% (system, 1)),
        counted AS (SELECT v, count(*) AS n FROM s WHERE v IS NOT NULL GROUP BY ALL)
        SELECT (SELECT struct_pack(rows := count(*), filled := count(v), bounds := list_transform(
                   quantile_disc(v, {_QUANTILES}), lambda q: left(CAST(q AS VARCHAR), {LONGEST_SHOWN}))) FROM s),
               struct_pack(values := count(*), once := count(*) FILTER (n = 1), common := max_by(
                   struct_pack(v := left(CAST(v AS VARCHAR), {LONGEST_SHOWN}), n := n), n, {_COMMON}) FILTER (n > 1))
        FROM counted"""
    found = _row(con, sql)
    return {**found[0], **found[1]} if found else None


def _row(con: duckdb.DuckDBPyConnection, sql: str) -> tuple[Any, ...] | None:
    """The first row of figures; None where they take more than the source's memory, as those of documents may."""
    try:
        return con.execute(sql).fetchone()
    except duckdb.OutOfMemoryException:
        return None


def _with_figures(column: Column, rows_in_all: int, kept: dict[str, str], seen: Mapping[str, Any] | None) -> Column:
    distinct = int(kept["approx_unique"]) if "approx_unique" in kept else None
    if distinct is None and seen is not None and seen["filled"]:
        # DuckDB counts the values of some types only: Haas and Stokes' Duj1 estimates from a sample's values, and how
        # many of them it shows once (PostgreSQL's ANALYZE does so, too).
        filled, once = seen["filled"], seen["once"]
        distinct = round(
            filled * seen["values"] / (filled - once + once * seen["rows"] / max(rows_in_all, seen["rows"]))
        )
    # The zone maps' texts are cut to 8 bytes.
    least, greatest = (None, None) if column.type == "VARCHAR" else (kept.get("min"), kept.get("max"))
    if _ordered(column):
        column = replace(column, minimum=least, maximum=greatest)
    column = replace(column, distinct=max(1, distinct) if distinct else None)
    if seen is None or not seen["rows"]:
        return column
    rows, filled = seen["rows"], seen["filled"]
    # A value is common that more rows have than two of the buckets' hundred, or than its share if there are few values.
    often = max(2.0, min(filled / 50, 1.25 * filled / distinct if distinct else filled))
    few = distinct is not None and distinct <= _COMMON
    common = tuple((pair["v"], pair["n"] / rows) for pair in seen["common"] or () if few or pair["n"] >= often)
    known = {text for text, _ in common}
    bounds = [bound for bound in seen["bounds"] or () if bound not in known]
    if least and greatest and bounds:
        bounds[0], bounds[-1] = least, greatest
    return replace(
        column,
        null_fraction=1 - filled / rows,
        common=common,
        bounds=tuple(bounds),
    )


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


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
