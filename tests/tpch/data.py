"""TPC-H's tables: their columns as the specification has them, and their rows from tpchgen-cli."""

from __future__ import annotations

import shutil
import subprocess
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb

SCALE = 0.02
"""120,000 line items: the smallest round scale at which every query's answer has a row that is not NULL."""
QUERIES = tuple(sorted((Path(__file__).parent / "queries").glob("*.sql")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One table: SQL types that PostgreSQL, MariaDB and DuckDB all know."""

    columns: Mapping[str, str]
    key: tuple[str, ...]
    refers: Mapping[tuple[str, ...], str]
    """Foreign keys: columns -> the table whose primary key they refer to."""

    def announced(self, column: str) -> str:
        """The column's type as the sources announce it."""
        type_ = self.columns[column]
        return "VARCHAR" if "char" in type_ else type_.upper()


def _comment(length: int) -> str:
    return f"varchar({length})"


_MONEY = "decimal(15,2)"

TABLES: Mapping[str, Table] = {
    "region": Table(
        columns={"r_regionkey": "integer", "r_name": "char(25)", "r_comment": _comment(152)},
        key=("r_regionkey",),
        refers={},
    ),
    "nation": Table(
        columns={
            "n_nationkey": "integer",
            "n_name": "char(25)",
            "n_regionkey": "integer",
            "n_comment": _comment(152),
        },
        key=("n_nationkey",),
        refers={("n_regionkey",): "region"},
    ),
    "supplier": Table(
        columns={
            "s_suppkey": "integer",
            "s_name": "char(25)",
            "s_address": "varchar(40)",
            "s_nationkey": "integer",
            "s_phone": "char(15)",
            "s_acctbal": _MONEY,
            "s_comment": _comment(101),
        },
        key=("s_suppkey",),
        refers={("s_nationkey",): "nation"},
    ),
    "customer": Table(
        columns={
            "c_custkey": "integer",
            "c_name": "varchar(25)",
            "c_address": "varchar(40)",
            "c_nationkey": "integer",
            "c_phone": "char(15)",
            "c_acctbal": _MONEY,
            "c_mktsegment": "char(10)",
            "c_comment": _comment(117),
        },
        key=("c_custkey",),
        refers={("c_nationkey",): "nation"},
    ),
    "part": Table(
        columns={
            "p_partkey": "integer",
            "p_name": "varchar(55)",
            "p_mfgr": "char(25)",
            "p_brand": "char(10)",
            "p_type": "varchar(25)",
            "p_size": "integer",
            "p_container": "char(10)",
            "p_retailprice": _MONEY,
            "p_comment": _comment(23),
        },
        key=("p_partkey",),
        refers={},
    ),
    "partsupp": Table(
        columns={
            "ps_partkey": "integer",
            "ps_suppkey": "integer",
            "ps_availqty": "integer",
            "ps_supplycost": _MONEY,
            "ps_comment": _comment(199),
        },
        key=("ps_partkey", "ps_suppkey"),
        refers={("ps_partkey",): "part", ("ps_suppkey",): "supplier"},
    ),
    "orders": Table(
        columns={
            "o_orderkey": "bigint",
            "o_custkey": "integer",
            "o_orderstatus": "char(1)",
            "o_totalprice": _MONEY,
            "o_orderdate": "date",
            "o_orderpriority": "char(15)",
            "o_clerk": "char(15)",
            "o_shippriority": "integer",
            "o_comment": _comment(79),
        },
        key=("o_orderkey",),
        refers={("o_custkey",): "customer"},
    ),
    "lineitem": Table(
        columns={
            "l_orderkey": "bigint",
            "l_partkey": "integer",
            "l_suppkey": "integer",
            "l_linenumber": "integer",
            "l_quantity": _MONEY,
            "l_extendedprice": _MONEY,
            "l_discount": _MONEY,
            "l_tax": _MONEY,
            "l_returnflag": "char(1)",
            "l_linestatus": "char(1)",
            "l_shipdate": "date",
            "l_commitdate": "date",
            "l_receiptdate": "date",
            "l_shipinstruct": "char(25)",
            "l_shipmode": "char(10)",
            "l_comment": _comment(44),
        },
        key=("l_orderkey", "l_linenumber"),
        refers={("l_orderkey",): "orders", ("l_partkey", "l_suppkey"): "partsupp"},
    ),
}
"""In an order in which foreign keys can be made."""


def generate(folder: Path, scale: float = SCALE) -> Path:
    """The folder of the eight Parquet files, made once (about two seconds)."""
    made = folder / f"sf{scale}"
    if not made.exists():
        program = shutil.which("tpchgen-cli", path=sysconfig.get_path("scripts"))
        assert program, "tpchgen-cli is missing: pip install 'watersmeet[dev]'"
        partial = folder / f"sf{scale}.partial"
        shutil.rmtree(partial, ignore_errors=True)
        command = [program, "parquet", "-s", str(scale), "--output-dir", str(partial)]
        subprocess.run(command, check=True, capture_output=True)
        partial.rename(made)
    return made


def load(con: duckdb.DuckDBPyConnection, folder: Path, tables: tuple[str, ...] = tuple(TABLES)) -> None:
    """Make tables with the announced types and their keys in a DuckDB and fill them."""
    for name in tables:
        columns = ", ".join(f"{column} {TABLES[name].announced(column)}" for column in TABLES[name].columns)
        con.execute(f"CREATE TABLE {name} ({columns}, PRIMARY KEY ({', '.join(TABLES[name].key)}))").fetchall()
        con.execute(f"INSERT INTO {name} FROM '{folder / name}.parquet'").fetchall()
