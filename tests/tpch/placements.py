"""Where TPC-H's eight tables live: placements over PostgreSQL, MariaDB and DuckDB, and the loaders that make them so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import psycopg
from pydantic import SecretStr

from connectors import duckdb as lake
from connectors import mysql, postgres
from connectors.registry import SourceConfig
from tests.oracle.world import connect_mysql, postgres_database
from tests.tpch import data

Placement = Mapping[str, tuple[str, ...]]
"""Source -> its tables."""

PLACEMENTS: Mapping[str, Placement] = {
    # The facts stand together, their dimensions at the other sources.
    "a": {
        "pg": ("orders", "lineitem"),
        "my": ("supplier", "customer", "part", "partsupp"),
        "lake": ("region", "nation"),
    },
    # Orders and their line items are apart: the large join cannot be pushed.
    "b": {
        "pg": ("supplier", "part", "lineitem"),
        "my": ("customer", "partsupp", "orders"),
        "lake": ("region", "nation"),
    },
    # MariaDB has the large tables: its text, dates and decimals carry the work.
    "c": {
        "pg": ("part", "partsupp"),
        "my": ("region", "nation", "customer", "orders", "lineitem"),
        "lake": ("supplier",),
    },
    # One source has all: every statement that it can answer exactly should go there whole.
    "d": {
        "pg": ("region", "nation", "supplier", "customer", "part", "partsupp", "orders", "lineitem"),
    },
}


@dataclass(frozen=True, slots=True)
class Placed:
    """A placement that is loaded."""

    name: str
    sources: Mapping[str, SourceConfig]


@contextmanager
def placed(name: str, postgres_url: str, mysql_url: str, rows: Path, folder: Path) -> Iterator[Placed]:
    """Load a placement: a database of its own at PostgreSQL and MariaDB, a file for DuckDB; gone at the end."""
    placement = PLACEMENTS[name]
    with ExitStack() as stack:
        sources: dict[str, SourceConfig] = {}
        csv = folder / "csv"
        csv.mkdir()
        if "pg" in placement:
            url = stack.enter_context(postgres_database(postgres_url))
            load_postgres(url, placement["pg"], rows, csv)
            sources["pg"] = postgres.Config(kind="postgres", url=SecretStr(url))
        if "my" in placement:
            database = stack.enter_context(mysql_database(mysql_url, f"tpch_{name}"))
            load_mysql(mysql_url, database, placement["my"], rows, csv)
            sources["my"] = mysql.Config(kind="mysql", url=SecretStr(mysql_url), schemas=(database,))
        if "lake" in placement:
            with duckdb.connect(str(folder / "lake.duckdb")) as con:
                data.load(con, rows, placement["lake"])
            sources["lake"] = lake.Config(kind="duckdb", path=folder / "lake.duckdb")
        yield Placed(name, sources)


@contextmanager
def mysql_database(url: str, name: str) -> Iterator[str]:
    """A fresh MariaDB database of this name, dropped at the end. Fixtures show the name, so it is not a random one."""
    with connect_mysql(url) as con, con.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {name}")
        cursor.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
        yield name
        cursor.execute(f"DROP DATABASE {name}")


def load_postgres(url: str, tables: tuple[str, ...], rows: Path, folder: Path) -> None:
    """Make and fill tables by COPY, then keys, then statistics."""
    with psycopg.connect(url, autocommit=True) as con:
        for name in tables:
            con.execute(_create(name, "").encode())
            with (
                con.cursor().copy(f"COPY {name} FROM STDIN (FORMAT csv)") as copy,
                _csv(name, rows, folder).open("rb") as file,
            ):
                while chunk := file.read(1 << 20):
                    copy.write(chunk)
        for name in tables:
            con.execute(f"ALTER TABLE {name} ADD PRIMARY KEY ({', '.join(data.TABLES[name].key)})".encode())
        for name in tables:
            for reference in _references(name, tables):
                con.execute(f"ALTER TABLE {name} ADD {reference}".encode())
        con.execute("ANALYZE")


def load_mysql(url: str, database: str, tables: tuple[str, ...], rows: Path, folder: Path) -> None:
    """Make and fill tables by LOAD DATA LOCAL, with keys, then statistics."""
    con = connect_mysql(url)
    with con, con.cursor() as cursor:
        cursor.execute("SET sql_mode = 'STRICT_ALL_TABLES,NO_BACKSLASH_ESCAPES'")
        cursor.execute(f"USE {database}")
        for name in tables:
            cursor.execute(_create(name, f", PRIMARY KEY ({', '.join(data.TABLES[name].key)})"))
            cursor.execute(
                f"LOAD DATA LOCAL INFILE '{_csv(name, rows, folder)}' INTO TABLE {name} CHARACTER SET utf8mb4"
                " FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '\"' ESCAPED BY ''"
            )
        for name in tables:
            for reference in _references(name, tables):
                cursor.execute(f"ALTER TABLE {name} ADD {reference}")
            cursor.execute(f"ANALYZE TABLE {name} PERSISTENT FOR ALL")


def _create(name: str, keys: str) -> str:
    columns = ", ".join(f"{column} {type_} NOT NULL" for column, type_ in data.TABLES[name].columns.items())
    return f"CREATE TABLE {name} ({columns}{keys})"


def _references(name: str, tables: tuple[str, ...]) -> list[str]:
    """The foreign keys to tables of the same source."""
    return [
        f"FOREIGN KEY ({', '.join(columns)}) REFERENCES {other} ({', '.join(data.TABLES[other].key)})"
        for columns, other in data.TABLES[name].refers.items()
        if other in tables
    ]


def _csv(name: str, rows: Path, folder: Path) -> Path:
    """A table as a CSV file without a header."""
    path = folder / f"{name}.csv"
    with duckdb.connect() as con:
        con.execute(f"COPY (FROM '{rows / name}.parquet') TO '{path}' (FORMAT csv, HEADER false)").fetchall()
    return path
