"""The same rows in PostgreSQL and in DuckDB, and the same expression run on both: equal to the bit, or a difference.

A row on which DuckDB raises is left out of PostgreSQL's query; on all others PostgreSQL may not raise.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import psycopg
import pyarrow as pa

from connectors.postgres.dialect import POSTGRES
from connectors.postgres.literals import literal, types
from connectors.postgres.source import PostgresSource
from connectors.sqlgen.duckdb import DUCKDB
from connectors.sqlgen.printer import read_of, sql_of
from connectors.sqlgen.tree import ColumnRef, Expr, Join, Relation, Scan, ScanColumn, Select, SetOp
from watersmeet.spi import Read, ReadColumn, Tag, arrow_type

HOSTILE: dict[str, tuple[str | None, ...]] = {
    "BOOLEAN": ("true", "false", None),
    "SMALLINT": ("0", "1", "-1", "7", "-7", "32767", "-32768", None),
    "INTEGER": ("0", "1", "-1", "2", "10", "2147483647", "-2147483648", None),
    "BIGINT": ("0", "1", "-1", "3", "9007199254740993", "9223372036854775807", "-9223372036854775808", None),
    "HUGEINT": (
        "0",
        "1",
        "-1",
        "9223372036854775808",
        "49999999999999999999999999999999999999",
        "-12345678901234567890",
        None,
    ),
    "DECIMAL(5,2)": ("0.00", "1.00", "-1.00", "0.01", "2.55", "-2.55", "2.50", "999.99", "-999.99", None),
    "DECIMAL(18,4)": (
        "0.0000",
        "1.0000",
        "2.5500",
        "-0.0001",
        "0.0050",
        "99999999999999.9999",
        "-99999999999999.9999",
        None,
    ),
    "DECIMAL(38,10)": (
        "0.0000000000",
        "1.0000000000",
        "0.0000000001",
        "12345678901234567890123456.7890123456",
        "-2.5000000000",
        None,
    ),
    "FLOAT": (
        "0.0",
        "-0.0",
        "1.0",
        "-1.5",
        "0.1",
        "16777217",
        "3.4028235e38",
        "1e-45",
        "inf",
        "-inf",
        "nan",
        "-nan",
        None,
    ),
    "DOUBLE": (
        "0.0",
        "-0.0",
        "1.0",
        "-1.5",
        "0.1",
        "2.5",
        "9007199254740993",
        "1.7976931348623157e308",
        "5e-324",
        "inf",
        "-inf",
        "nan",
        "-nan",
        None,
    ),
    "VARCHAR": (
        "",
        " ",
        "a",
        "A",
        "a ",
        "ab",
        "abc",
        "äbc",
        "a\u0308bc",
        "ß",
        "ẞ",
        "Z",
        "_",
        "%",
        "a%",
        "a_c",
        "\\",
        "a\\%",
        "'",
        "100%",
        "日本語",
        "😀",
        "👨‍👩‍👧x",
        "e\u0301",
        "\u00a0a\t",
        "x\ny",
        "{0}",
        "$1",
        "b" * 300,
        None,
    ),
    "BLOB": ("", "\\x00", "a", "\\x00\\xFF", "\\xFF", "a\\x5C", "ab", None),
    "DATE": (
        "1970-01-01",
        "1969-12-31",
        "2000-02-29",
        "1900-02-28",
        "2024-12-31",
        "2024-12-30",
        "2021-01-03",
        "0001-01-01",
        "0001-12-31 (BC)",
        "0044-03-15 (BC)",
        "0101-01-01 (BC)",
        "4713-01-01 (BC)",
        "9999-12-31",
        "10000-01-01",
        "290000-06-30",
        None,
    ),
    "TIME": ("00:00:00", "00:00:00.000001", "12:34:56.789", "23:59:59.999999", None),
    "TIMESTAMP": (
        "1970-01-01 00:00:00",
        "1969-12-31 23:59:59.999999",
        "2000-02-29 12:34:56.5",
        "0044-03-15 (BC) 01:02:03.456789",
        "0001-01-01 00:00:00",
        "4713-02-01 (BC) 00:00:00",
        "9999-12-31 23:59:59.999999",
        "294000-01-01 00:00:00",
        "2024-12-31 23:00:00",
        None,
    ),
    "TIMESTAMP WITH TIME ZONE": (
        "1970-01-01 00:00:00+00",
        "2000-02-29 12:34:56.5+00",
        "0044-03-15 (BC) 01:02:03+00",
        "294000-01-01 00:00:00+00",
        None,
    ),
    "INTERVAL": (
        "00:00:00",
        "1 month",
        "30 days",
        "-1 day",
        "1 year 2 months 3 days 04:05:06.789",
        "-00:00:00.000001",
        None,
    ),
    "INTEGER[]": (None, None),
}
"""By type: DuckDB's text of values that have told systems apart."""

FAMILIES: dict[str, tuple[str, ...]] = {
    "bool": ("BOOLEAN",),
    "int": ("SMALLINT", "INTEGER", "BIGINT"),
    "hugeint": ("HUGEINT",),
    "decimal": ("DECIMAL(5,2)", "DECIMAL(18,4)", "DECIMAL(38,10)"),
    "float": ("FLOAT",),
    "double": ("DOUBLE",),
    "text": ("VARCHAR",),
    "blob": ("BLOB",),
    "date": ("DATE",),
    "time": ("TIME",),
    "timestamp": ("TIMESTAMP",),
    "timestamptz": ("TIMESTAMP WITH TIME ZONE",),
    "interval": ("INTERVAL",),
    "other": ("INTEGER[]",),
}


def table_of(type_: str) -> str:
    return "v_" + "".join(c if c.isalnum() else "_" for c in type_.lower())


def scan(alias: str, type_: str) -> Scan:
    """The table of a type's values: c0 the row's number, c1 the value."""
    return Scan(
        alias,
        "pg",
        "public",
        table_of(type_),
        (ScanColumn("c0", "id", "INTEGER", False), ScanColumn("c1", "v", type_, True)),
    )


def value(alias: str, type_: str) -> ColumnRef:
    return ColumnRef(alias, "c1", type_)


def identity(alias: str) -> ColumnRef:
    return ColumnRef(alias, "c0", "INTEGER", False)


def fill(admin: psycopg.Connection) -> duckdb.DuckDBPyConnection:
    """Make the tables in PostgreSQL, through our literals, and in a new DuckDB."""
    engine = duckdb.connect(config={"threads": "1"})
    engine.execute("SET TimeZone = 'UTC'")
    # Averages have one value only without it (planner/averages.py).
    engine.execute("SET disabled_optimizers = 'aggregate_function_rewriter'")
    engine.execute("CREATE SCHEMA public")
    for type_, values in HOSTILE.items():
        name = table_of(type_)
        native = {"HUGEINT": "numeric(38,0)"}.get(type_) or types(type_)
        admin.execute(f"CREATE TABLE public.{name} (id int4 PRIMARY KEY, v {native})")
        engine.execute(f"CREATE TABLE public.{name} (id INTEGER, v {type_})")
        for i, text in enumerate(values):
            constant = literal(text, type_)
            assert constant is not None, (type_, text)
            admin.execute(f"INSERT INTO public.{name} VALUES ({i}, {constant})".encode())
            engine.execute(f"INSERT INTO public.{name} VALUES ({i}, CAST(? AS {type_}))", [text])
    return engine


@dataclass
class Both:
    """The two sides."""

    engine: duckdb.DuckDBPyConnection
    source: PostgresSource

    def type_of(self, expr: Expr, relation: Relation) -> str:
        """The type that DuckDB gives an expression. Raises duckdb.Error."""
        sql = sql_of(Select((expr,), relation), DUCKDB)
        return str(self.engine.sql(sql).types[0])

    def engine_rows(self, query: Select | SetOp, where: str = "") -> list[tuple[Any, ...]]:
        sql = sql_of(query, DUCKDB)
        shown = ", ".join(
            f"CAST(c{i} AS DECIMAL(38,0)) AS c{i}" if type_ == "HUGEINT" else f"c{i}"
            for i, type_ in enumerate(query.types)
        )
        rows = self.engine.sql(f"SELECT {shown} FROM ({sql}{where})").to_arrow_table()
        for i, type_ in enumerate(query.types):
            assert rows.schema.field(i).type == arrow_type(type_) or type_ == '"NULL"', (rows.schema, query.types)
        return plain(rows)

    def source_rows(self, query: Select | SetOp, where: str = "") -> list[tuple[Any, ...]]:
        read = read_of(query, POSTGRES)
        read = Read(prefix=read.prefix, expressions=read.expressions, body=read.body + where, columns=read.columns)
        snapshot = self.source.snapshot(Tag(query_id="oracle", timeout=60.0), 1)
        try:
            batches = list(snapshot.read(0, read))
        finally:
            snapshot.close()
        schema = pa.schema([(c.name, arrow_type(c.type)) for c in read.columns])
        assert all(batch.schema == schema for batch in batches)
        return plain(pa.Table.from_batches(batches, schema=schema))

    def native_type(self, read: Read, aliases: Sequence[str]) -> str:
        """PostgreSQL's name for the type of a read's only expression, by the second row of each relation."""
        first = " AND ".join(f'"{alias}"."id" = 1' for alias in aliases)
        asked = f"CAST(pg_typeof({read.expressions[0]}) AS text)"
        asked_read = Read(
            prefix=read.prefix,
            expressions=(asked,),
            body=f"{read.body} WHERE {first} LIMIT 1",
            columns=(ReadColumn(name="c0", type="VARCHAR"),),
        )
        snapshot = self.source.snapshot(Tag(query_id="oracle", timeout=60.0), 1)
        try:
            (batch,) = snapshot.read(0, asked_read)
        finally:
            snapshot.close()
        return str(batch.column(0)[0])

    def differences(self, expr: Expr, relation: Relation, aliases: Sequence[str]) -> list[str]:
        """Rows on which an expression differs; aliases are the relations whose row numbers identify a row."""
        items = (*(identity(alias) for alias in aliases), expr)
        query = Select(items, relation)
        where = ""
        try:
            expected = self.engine_rows(query)
        except duckdb.Error:
            raising = self._raising(query, aliases)
            rows = ", ".join(str(row) if len(row) > 1 else f"({row[0]})" for row in raising)
            ids = ", ".join(f'"{alias}"."{{}}"' for alias in aliases)
            where = f" WHERE ({ids}) NOT IN (VALUES {rows})".replace("{}", "id")
            expected = self.engine_rows(query, where)
        found = self.source_rows(query, where)
        mine, theirs = set(found), set(expected)
        return [f"only DuckDB: {row}" for row in sorted(theirs - mine, key=repr)] + [
            f"only PostgreSQL: {row}" for row in sorted(mine - theirs, key=repr)
        ]

    def _raising(self, query: Select, aliases: Sequence[str]) -> list[tuple[int, ...]]:
        """Numbers of the rows on which DuckDB raises."""
        identities = Select(query.items[:-1], query.relation)
        raising = []
        for row in self.engine_rows(identities):
            tests = " AND ".join(f'"{alias}"."id" = {i}' for alias, i in zip(aliases, row, strict=True))
            try:
                self.engine_rows(query, f" WHERE {tests}")
            except duckdb.Error:
                raising.append(row)
        return raising


def cross(scans: Sequence[Scan]) -> Relation:
    relation: Relation = scans[0]
    for more in scans[1:]:
        relation = Join("inner", relation, more, None)
    return relation


def plain(table: pa.Table) -> list[tuple[Any, ...]]:
    """Rows of values that compare and hash exactly, also where Python has no such date and where NaN is not NaN."""
    return (
        list(zip(*(_values(chunked.combine_chunks()) for chunked in table.columns), strict=True))
        if table.num_rows
        else []
    )


def _values(array: pa.Array) -> list[Any]:
    if pa.types.is_list(array.type):
        return [tuple(_values(item.values)) if item.is_valid else None for item in array]
    if pa.types.is_date32(array.type):
        array = array.view(pa.int32())
    elif pa.types.is_timestamp(array.type) or pa.types.is_time64(array.type):
        array = array.view(pa.int64())
    values = array.to_pylist()
    if pa.types.is_floating(array.type):
        return [None if v is None else "nan" if math.isnan(v) else struct.pack(">d", v) for v in values]
    return list(values)
