"""Where TPC-DS's 24 tables live: two placements over PostgreSQL, MariaDB and DuckDB, and the loaders that make them so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import duckdb
import psycopg
from pydantic import SecretStr

from connectors import duckdb as lake
from connectors import mysql, postgres
from connectors.registry import SourceConfig
from tests.oracle.world import connect_mysql, postgres_database
from tests.tpcds import data
from tests.tpch.placements import Placed, Placement, mysql_database

PLACEMENTS: Mapping[str, Placement] = {
    # Each channel of sales is at a source of its own, and so are the dimensions: every query joins across.
    "channels": {
        "pg": ("store_sales", "store_returns", "store", "date_dim", "customer", "promotion", "reason", "income_band"),
        "my": (
            *("catalog_sales", "catalog_returns", "catalog_page", "call_center", "item", "customer_address"),
            *("warehouse", "ship_mode"),
        ),
        "lake": (
            *("web_sales", "web_returns", "web_page", "web_site", "inventory", "time_dim", "customer_demographics"),
            "household_demographics",
        ),
    },
    # One source has the facts and what most queries join them with, the others what is left.
    "facts": {
        "my": (
            *("store_sales", "store_returns", "catalog_sales", "catalog_returns", "web_sales", "web_returns"),
            *("inventory", "date_dim", "item", "store", "time_dim"),
        ),
        "pg": (
            *("customer", "customer_address", "customer_demographics", "household_demographics", "income_band"),
            *("promotion", "reason", "warehouse"),
        ),
        "lake": ("catalog_page", "call_center", "ship_mode", "web_page", "web_site"),
    },
}


@contextmanager
def placed(name: str, postgres_url: str, mysql_url: str, rows: Path, folder: Path) -> Iterator[Placed]:
    """Load a placement: a database of its own at PostgreSQL and MariaDB, a file for DuckDB; gone at the end."""
    placement = PLACEMENTS[name]
    columns = data.columns(rows)
    with ExitStack() as stack:
        url = stack.enter_context(postgres_database(postgres_url))
        _load_postgres(url, {table: columns[table] for table in placement["pg"]}, rows, folder)
        database = stack.enter_context(mysql_database(mysql_url, f"tpcds_{name}_{rows.name}".replace(".", "_")))
        _load_mysql(mysql_url, database, {table: columns[table] for table in placement["my"]}, rows, folder)
        with duckdb.connect(str(folder / "lake.duckdb")) as con:
            data.load(con, rows, placement["lake"])
        sources: dict[str, SourceConfig] = {
            "pg": postgres.Config(kind="postgres", url=SecretStr(url)),
            "my": mysql.Config(kind="mysql", url=SecretStr(mysql_url), schemas=(database,)),
            "lake": lake.Config(kind="duckdb", path=folder / "lake.duckdb"),
        }
        yield Placed(name, sources)


def _load_postgres(url: str, tables: Mapping[str, data.Columns], rows: Path, folder: Path) -> None:
    with psycopg.connect(url, autocommit=True) as con:
        for name, columns in tables.items():
            con.execute(_create(name, columns, "pg").encode())
            statement = f"COPY {name} FROM STDIN (FORMAT csv, NULL 'NULL')"
            with con.cursor().copy(statement.encode()) as copy, data.csv(name, rows, folder).open("rb") as file:
                while chunk := file.read(1 << 20):
                    copy.write(chunk)
        con.execute("ANALYZE")


def _load_mysql(url: str, database: str, tables: Mapping[str, data.Columns], rows: Path, folder: Path) -> None:
    with connect_mysql(url) as con, con.cursor() as cursor:
        cursor.execute("SET sql_mode = 'STRICT_ALL_TABLES,NO_BACKSLASH_ESCAPES'")
        cursor.execute(f"USE {database}")
        for name, columns in tables.items():
            cursor.execute(_create(name, columns, "my"))
            cursor.execute(
                f"LOAD DATA LOCAL INFILE '{data.csv(name, rows, folder)}' INTO TABLE {name} CHARACTER SET utf8mb4"
                " FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '\"' ESCAPED BY ''"
            )
            cursor.execute(f"ANALYZE TABLE {name}")


def _create(name: str, columns: data.Columns, source: str) -> str:
    key = data.KEYS[name]
    listed = [
        f"{column} {data.native(type_, source)}{' NOT NULL' if column in key else ''}"
        for column, type_ in columns.items()
    ]
    return f"CREATE TABLE {name} ({', '.join(listed)}, PRIMARY KEY ({', '.join(key)}))"
