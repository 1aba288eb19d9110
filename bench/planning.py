"""CPU milliseconds to plan each TPC-H query over PostgreSQL, MariaDB and DuckDB, without touching any of them.

The placement is {lineitem, orders | customer, part, partsupp, supplier | nation, region}; row and distinct counts are
those of scale factor 1. The first pass fills the type oracle's memory, the median of the others is shown. `--tpcds` plans TPC-DS's 99
queries instead, over the placement whose channels of sales are at a source each (build/tpcds/sf0.01 has them).
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from connectors import mysql, postgres
from connectors.sqlgen.dialect import Dialect
from connectors.sqlgen.duckdb import DUCKDB
from planner.pipeline import plan
from planner.plan import PlanRequest, SourceInfo
from tests.tpcds import data
from tests.tpcds.placements import PLACEMENTS
from watersmeet.spi import Column, SourceCatalog, Table

QUERIES = Path(__file__).parent.parent / "tests" / "tpch" / "queries"
ROUNDS = 7

_TABLES = {
    "region": ("lake", 5, "r_regionkey*:i r_name:t r_comment:t"),
    "nation": ("lake", 25, "n_nationkey*:i n_name:t n_regionkey:i n_comment:t"),
    "supplier": ("crm", 10_000, "s_suppkey*:i s_name:t s_address:t s_nationkey:i s_phone:t s_acctbal:n s_comment:t"),
    "customer": (
        "crm",
        150_000,
        "c_custkey*:i c_name:t c_address:t c_nationkey:i c_phone:t c_acctbal:n c_mktsegment:t c_comment:t",
    ),
    "part": (
        "crm",
        200_000,
        "p_partkey*:i p_name:t p_mfgr:t p_brand:t p_type:t p_size:i p_container:t p_retailprice:n p_comment:t",
    ),
    "partsupp": ("crm", 800_000, "ps_partkey*:i ps_suppkey*:i ps_availqty:i ps_supplycost:n ps_comment:t"),
    "orders": (
        "sales",
        1_500_000,
        (
            "o_orderkey*:i o_custkey:i o_orderstatus:t o_totalprice:n o_orderdate:d o_orderpriority:t o_clerk:t"
            " o_shippriority:i o_comment:t"
        ),
    ),
    "lineitem": (
        "sales",
        6_000_000,
        (
            "l_orderkey*:i l_partkey:i l_suppkey:i l_linenumber*:i l_quantity:n l_extendedprice:n l_discount:n l_tax:n"
            " l_returnflag:t l_linestatus:t l_shipdate:d l_commitdate:d l_receiptdate:d l_shipinstruct:t l_shipmode:t"
            " l_comment:t"
        ),
    ),
}
_TYPES = {"i": "INTEGER", "t": "VARCHAR", "n": "DECIMAL(15,2)", "d": "DATE"}
_DISTINCT = {
    "n_regionkey": 5,
    "s_nationkey": 25,
    "c_nationkey": 25,
    "c_mktsegment": 5,
    "p_mfgr": 5,
    "p_brand": 25,
    "p_type": 150,
    "p_size": 50,
    "p_container": 40,
    "ps_partkey": 200_000,
    "ps_suppkey": 10_000,
    "o_custkey": 100_000,
    "o_orderstatus": 3,
    "o_orderdate": 2_406,
    "o_orderpriority": 5,
    "o_shippriority": 1,
    "l_orderkey": 1_500_000,
    "l_partkey": 200_000,
    "l_suppkey": 10_000,
    "l_linenumber": 7,
    "l_quantity": 50,
    "l_discount": 11,
    "l_tax": 9,
    "l_returnflag": 3,
    "l_linestatus": 2,
    "l_shipdate": 2_526,
    "l_commitdate": 2_466,
    "l_receiptdate": 2_554,
    "l_shipinstruct": 4,
    "l_shipmode": 7,
}
"""Distinct values at scale factor 1, of columns that joins, groups and filters read."""


def sources() -> dict[str, SourceInfo]:
    """The three sources as the planner sees them."""
    facts = {
        "sales": {"product": "postgres", "version": "15.0", "version_number": "150000", "encoding": "UTF8"},
        "crm": {"product": "mariadb", "version": "10.11.0", "collation": "utf8mb4_nopad_bin"},
    }
    dialects: dict[str, tuple[str, Dialect]] = {
        "sales": ("postgres", postgres.dialect.dialect_for(facts["sales"])),
        "crm": ("mysql", mysql.dialect.dialect(facts["crm"])),
        "lake": ("duckdb", DUCKDB),
    }
    made = {}
    for name, (kind, dialect) in dialects.items():
        tables = {("main", table): _table(table) for table, (source, _, _) in _TABLES.items() if source == name}
        catalog = SourceCatalog(default_schema="main", tables=tables, schemas=("main",))
        made[name] = SourceInfo(name=name, kind=kind, catalog=catalog, dialect=dialect)
    return made


def _table(name: str) -> Table:
    _, rows, text = _TABLES[name]
    parts = [part.split(":") for part in text.split()]
    names = [(column.rstrip("*"), kind) for column, kind in parts]
    columns = tuple(Column(name=column, type=_TYPES[kind], distinct=_DISTINCT.get(column)) for column, kind in names)
    key = tuple(column.rstrip("*") for column, _ in parts if column.endswith("*"))
    return Table(schema="main", name=name, columns=columns, primary_key=key, rows=rows)


def tpcds_sources(folder: Path) -> dict[str, SourceInfo]:
    """TPC-DS's tables at their sources, with a hundred times the rows that are there."""
    made = sources()
    columns = data.columns(folder)
    with duckdb.connect() as con:
        rows = {
            name: int(con.execute(f"SELECT count(*) FROM '{folder / name}.parquet'").fetchall()[0][0])
            for name in columns
        }
    for info, tables in zip(("sales", "crm", "lake"), PLACEMENTS["channels"].values(), strict=True):
        found = {
            ("main", name): Table(
                schema="main",
                name=name,
                columns=tuple(Column(name=column, type=type_) for column, type_ in columns[name].items()),
                primary_key=data.KEYS[name],
                rows=rows[name] * 100,
            )
            for name in tables
        }
        catalog = SourceCatalog(default_schema="main", tables=found, schemas=("main",))
        made[info] = replace(made[info], catalog=catalog)
    return made


def main() -> None:
    """Print a line for each query, and the medians."""
    if "--tpcds" in sys.argv[1:]:
        folder = data.rows("0.01")
        measure(folder, tpcds_sources(folder))
    else:
        measure(QUERIES, sources())


def measure(queries: Path, world: Mapping[str, SourceInfo]) -> None:
    """Plan each query of a folder, once and then ROUNDS times."""
    times: dict[str, list[float]] = {}
    first: list[float] = []
    for round_ in range(ROUNDS + 1):
        for file in sorted(queries.glob("q*.sql")):
            request = PlanRequest(sql=file.read_text(), now=datetime(2026, 1, 1, tzinfo=UTC))
            begun = time.process_time()
            made = plan(request, world)
            spent = (time.process_time() - begun) * 1000
            if round_ == 0:
                first.append(spent)
                print(f"{file.stem}: {len(made.fragments)} fragments")
            else:
                times.setdefault(file.stem, []).append(spent)
    medians = {name: statistics.median(spent) for name, spent in times.items()}
    for name, spent in medians.items():
        print(f"{name}: {spent:.1f} ms CPU")
    middle = statistics.median(medians.values())
    print(f"median over the queries: {middle:.1f} ms CPU, first pass {statistics.median(first):.1f}")


if __name__ == "__main__":
    main()
