"""TPC-DS's tables: made once by `make build/tpcds/sf0.01`, with their keys and their types at each source."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

import duckdb

ROOT = Path(__file__).parent.parent.parent

KEYS: Mapping[str, tuple[str, ...]] = {
    "call_center": ("cc_call_center_sk",),
    "catalog_page": ("cp_catalog_page_sk",),
    "catalog_returns": ("cr_item_sk", "cr_order_number"),
    "catalog_sales": ("cs_item_sk", "cs_order_number"),
    "customer": ("c_customer_sk",),
    "customer_address": ("ca_address_sk",),
    "customer_demographics": ("cd_demo_sk",),
    "date_dim": ("d_date_sk",),
    "household_demographics": ("hd_demo_sk",),
    "income_band": ("ib_income_band_sk",),
    "inventory": ("inv_date_sk", "inv_item_sk", "inv_warehouse_sk"),
    "item": ("i_item_sk",),
    "promotion": ("p_promo_sk",),
    "reason": ("r_reason_sk",),
    "ship_mode": ("sm_ship_mode_sk",),
    "store": ("s_store_sk",),
    "store_returns": ("sr_item_sk", "sr_ticket_number"),
    "store_sales": ("ss_item_sk", "ss_ticket_number"),
    "time_dim": ("t_time_sk",),
    "warehouse": ("w_warehouse_sk",),
    "web_page": ("wp_web_page_sk",),
    "web_returns": ("wr_item_sk", "wr_order_number"),
    "web_sales": ("ws_item_sk", "ws_order_number"),
    "web_site": ("web_site_sk",),
}
"""The tables and their primary keys, as the specification has them."""

Columns = Mapping[str, str]
"""Column -> DuckDB's type."""


def rows(scale: str) -> Path:
    """The folder of the Parquet files and of the queries; made if it is not there (a few seconds)."""
    target = f"build/tpcds/sf{scale}"
    subprocess.run(["make", "--silent", target], cwd=ROOT, check=True)
    return ROOT / target


def columns(folder: Path) -> dict[str, Columns]:
    """The columns of each table."""
    with duckdb.connect() as con:
        return {
            table: {
                name: type_ for name, type_, *_ in con.execute(f"DESCRIBE FROM '{folder / table}.parquet'").fetchall()
            }
            for table in KEYS
        }


def native(type_: str, source: str) -> str:
    """A source's name of a type.

    >>> native("VARCHAR", "my"), native("DECIMAL(7,2)", "pg")
    ('varchar(200)', 'numeric(7,2)')
    """
    if type_ == "VARCHAR":
        return "text" if source == "pg" else "varchar(200)"
    return type_.replace("DECIMAL", "numeric" if source == "pg" else "decimal").lower()


def load(con: duckdb.DuckDBPyConnection, folder: Path, tables: tuple[str, ...] = tuple(KEYS)) -> None:
    """Make and fill tables in a DuckDB."""
    for name in tables:
        con.execute(f"CREATE TABLE {name} AS FROM '{folder / name}.parquet'").fetchall()


def csv(table: str, folder: Path, target: Path) -> Path:
    """A table as a CSV file without a header, NULL as the bare word."""
    path = target / f"{table}.csv"
    with duckdb.connect() as con:
        con.execute(
            f"COPY (FROM '{folder / table}.parquet') TO '{path}' (FORMAT csv, HEADER false, NULLSTR 'NULL')"
        ).fetchall()
    return path
