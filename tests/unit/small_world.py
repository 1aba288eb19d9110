"""Three sources that are DuckDB databases in one process: planning and running plans without any service.

Each source keeps tables of its own; views of the same names in the database `whole` are what the oracle runs over.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import duckdb
import pyarrow as pa

from connectors.sqlgen.duckdb import DUCKDB
from planner import explain
from planner.plan import FederatedPlan, PlanRequest, SessionInfo, SourceInfo
from watersmeet.spi import Column, SourceCatalog, Table

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

TABLES = {
    ("s1", "x"): "CREATE TABLE {} (a INTEGER, b VARCHAR, c DECIMAL(12,2), d DATE)",
    ("s1", "y"): "CREATE TABLE {} (a INTEGER NOT NULL, e BIGINT, f DOUBLE)",
    ("s2", "z"): "CREATE TABLE {} (a INTEGER, g VARCHAR, h TIMESTAMP)",
    ("s2", "w"): "CREATE TABLE {} (g VARCHAR, n INTEGER)",
    ("s3", "hard"): (
        'CREATE TABLE {} ("A" INTEGER, b VARCHAR, l INTEGER[], s STRUCT(x INTEGER, y VARCHAR), ts TIMESTAMP, j JSON,'
        " dbl DOUBLE, dec DECIMAL(38,10), bl BLOB, ti TIME, iv INTERVAL, u UUID, ht HUGEINT)"
    ),
    ("s2", "nation"): "CREATE TABLE {} (n_nationkey INTEGER NOT NULL, n_name VARCHAR, n_regionkey INTEGER)",
    ("s1", "region"): "CREATE TABLE {} (r_regionkey INTEGER NOT NULL, r_name VARCHAR, r_comment VARCHAR)",
    ("s3", "empty"): "CREATE TABLE {} (a INTEGER, b VARCHAR)",
}
KEYS = {"nation": ("n_nationkey",), "region": ("r_regionkey",)}
ROWS = {
    ("s1", "x"): (
        "(1,'q',1.50,'2020-01-31'),(2,'Q',-2.25,'0044-03-15 (BC)'),(2,'q ',NULL,'2020-02-29'),(NULL,'',0,NULL),"
        "(3,NULL,99.99,'9999-12-31'),(3,'ß',99.99,'2020-01-31'),(-4,'😀',0.01,'1970-01-01')"
    ),
    ("s1", "y"): "(1,10,0.5),(2,NULL,-0.0),(2,30,0.0),(3,9223372036854775807,'nan'),(7,-1,'inf'),(0,0,NULL)",
    ("s2", "z"): (
        "(1,'q','2020-03-29 01:30:00'),(2,'Q','2020-10-25 02:30:00.123456'),(NULL,NULL,NULL),(3,'q ','1969-12-31 23:59:59'),"
        "(5,'zz','2020-01-31 00:00:00'),(1,'q','2020-01-31 00:00:00')"
    ),
    ("s2", "nation"): "(0,'ALGERIA',0),(1,'ARGENTINA',1),(2,'BRAZIL',1),(3,'INDIA',2),(4,'JAPAN',2)",
    ("s1", "region"): "(0,'AFRICA','dry'),(1,'AMERICA',NULL),(2,'ASIA','INDIA')",
    ("s2", "w"): "('q',1),('q',2),('Q',3),(NULL,4),('zz',NULL)",
    ("s3", "hard"): (
        "(1,'x',[1,2],{'x':1,'y':'q'},'2020-03-29 01:30:00','{\"a\":1}',0.1,1.5,'\\xAB'::BLOB,'10:00','1 month',"
        "'6a1ef4e0-0000-4000-8000-000000000001',5),(2,NULL,NULL,NULL,NULL,NULL,'nan',-3,NULL,NULL,NULL,NULL,NULL)"
    ),
}


class SmallWorld:
    """The sources, and one DuckDB that runs both plans and the oracle's queries."""

    def __init__(self) -> None:
        self.connection = duckdb.connect()
        self.connection.execute("SET TimeZone = 'UTC'")
        self.connection.execute("ATTACH ':memory:' AS whole")
        for source in ("s1", "s2", "s3"):
            self.connection.execute(f"ATTACH ':memory:' AS {source}")
        for (source, name), ddl in TABLES.items():
            self.connection.execute(ddl.format(f"{source}.main.{name}"))
            if (source, name) in ROWS:
                self.connection.execute(f"INSERT INTO {source}.main.{name} VALUES {ROWS[source, name]}")
            self.connection.execute(f"CREATE VIEW whole.main.{name} AS FROM {source}.main.{name}")
        self.sources = {source: self._info(source) for source in ("s1", "s2", "s3")}

    def _info(self, source: str) -> SourceInfo:
        tables = {}
        for owner, name in TABLES:
            if owner == source:
                tables["main", name] = self._table(source, name)
        catalog = SourceCatalog(default_schema="main", tables=tables, schemas=("main",))
        return SourceInfo(name=source, kind="duckdb", catalog=catalog, dialect=DUCKDB)

    def _table(self, source: str, name: str) -> Table:
        rows = self.connection.execute(
            "SELECT column_name, data_type, is_nullable FROM duckdb_columns()"
            f" WHERE database_name = '{source}' AND table_name = '{name}' ORDER BY column_index"
        ).fetchall()
        columns = tuple(Column(name=column, type=type_, nullable=nullable) for column, type_, nullable in rows)
        key = KEYS.get(name, ())
        return Table(
            schema="main",
            name=name,
            columns=columns,
            primary_key=key,
            rows=len(ROWS.get((source, name), "").split("),(")),
        )

    @contextmanager
    def using(self, database: str) -> Iterator[duckdb.DuckDBPyConnection]:
        """The connection with another default database."""
        self.connection.execute(f"USE {database}")
        yield self.connection
        self.connection.execute("USE memory")

    def oracle(self, sql: str) -> tuple[list[str], list[str], list[Any]]:
        """(names, types, rows) of the statement over one DuckDB."""
        with self.using("whole") as connection:
            relation = connection.sql(sql)
            types = ["INTEGER" if str(type_) == '"NULL"' else str(type_) for type_ in relation.types]
            return list(relation.columns), types, _rows(relation)

    def run(self, plan: FederatedPlan) -> list[Any]:
        """The rows of a plan: each fragment at its source, then the local SQL."""
        for fragment in plan.fragments:
            with self.using(fragment.source) as connection:
                connection.execute(
                    f"CREATE OR REPLACE TEMP TABLE x{fragment.id} AS {explain.default_statement(fragment)}"
                )
        return _rows(self.connection.sql(plan.local_sql or "SELECT * FROM x0"))


def _rows(relation: duckdb.DuckDBPyRelation) -> list[Any]:
    """All rows, through Arrow; dates and times as numbers, since Python has no years BC."""
    table = relation.to_arrow_table()
    return list(zip(*(_plain(column).to_pylist() for column in table.columns), strict=True))


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_timestamp(column.type):
        return column.cast(pa.int64())
    return column.cast(pa.int32()) if pa.types.is_date32(column.type) else column


def request(sql: str, pushdown: str = "on", **more: Any) -> PlanRequest:
    return PlanRequest(sql=sql, now=NOW, session=SessionInfo(pushdown=pushdown), **more)


def multiset(rows: list[Any]) -> list[str]:
    """Rows in an order of their own, NaN equal to NaN."""
    return sorted(map(repr, rows))
