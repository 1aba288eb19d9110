"""The demo's sample data: a small shop, the same rows every time.

DuckDB computes every value from the row's number, writes its own file, and CSV files for the other two to load.
(It is no connector that imports the engine here: nothing of this runs while a query does.)
"""

from __future__ import annotations

from pathlib import Path

import duckdb

CUSTOMERS, PRODUCTS, ORDERS, EVENTS = 20_000, 200, 200_000, 150_000

_HASH = "CREATE MACRO pick(row_, salt, n) AS (hash(row_ * 1000003 + salt) % n)::INTEGER"
"""A number below n that looks random and is the same in every run."""

_TABLES = {
    "customers": f"""
        SELECT i + 1 AS id,
               (['Ada', 'Bo', 'Chen', 'Dara', 'Eve', 'Finn', 'Gita', 'Hugo', 'Ines', 'Jun'])[1 + pick(i, 1, 10)] || ' ' ||
               (['Abe', 'Berg', 'Costa', 'Dahl', 'Endo', 'Faure', 'Garcia', 'Huber', 'Ito'])[1 + pick(i, 2, 9)] AS name,
               (['DE', 'FR', 'ES', 'IT', 'JP', 'BR', 'US', 'IN'])[1 + pick(i, 3, 8)] AS country,
               (['consumer', 'business', 'public'])[1 + pick(i, 4, 3)] AS segment,
               DATE '2022-01-01' + pick(i, 5, 1400) AS signed_up
        FROM range({CUSTOMERS}) t(i)""",
    "products": f"""
        SELECT i + 1 AS id,
               (['Lamp', 'Chair', 'Desk', 'Shelf', 'Rug'])[1 + i % 5] || ' ' || (i // 5 + 1) AS name,
               (['light', 'seating', 'tables', 'storage', 'textiles'])[1 + i % 5] AS category,
               (5 + pick(i, 6, 40000) / 100)::DECIMAL(10, 2) AS price
        FROM range({PRODUCTS}) t(i)""",
    "orders": f"""
        SELECT i + 1 AS id,
               1 + pick(i, 7, {CUSTOMERS}) AS customer_id,
               1 + pick(i, 8, {PRODUCTS}) AS product_id,
               1 + pick(i, 9, 5) AS quantity,
               (5 + pick(i, 10, 40000) / 100)::DECIMAL(10, 2) AS amount,
               (['new', 'paid', 'sent', 'returned'])[1 + pick(i, 11, 4)] AS status,
               TIMESTAMP '2025-01-01' + to_seconds(i * 155) AS ordered_at
        FROM range({ORDERS}) t(i)""",
    "shipments": """
        SELECT i + 1 AS id,
               i + 1 AS order_id,
               (['Hamburg', 'Lyon', 'Osaka', 'Recife'])[1 + pick(i, 12, 4)] AS warehouse,
               (['swift', 'oxcart', 'pigeon'])[1 + pick(i, 13, 3)] AS carrier,
               TIMESTAMP '2025-01-02' + to_seconds(i * 155) AS shipped_at,
               1 + pick(i, 14, 6 + 8 * (pick(i, 13, 3) = 1)::INTEGER) AS days
        FROM range(0, {orders}, 2) t(i)""".replace("{orders}", str(ORDERS)),
    "web_events": f"""
        SELECT i + 1 AS id,
               1 + pick(i, 15, {CUSTOMERS}) AS customer_id,
               (['home', 'search', 'product', 'cart', 'help'])[1 + pick(i, 16, 5)] AS page,
               TIMESTAMP '2025-01-01' + to_seconds(i * 207) AS seen_at
        FROM range({EVENTS}) t(i)""",
}

_CUSTOMERS = "id integer PRIMARY KEY, name varchar(60) NOT NULL, country varchar(2) NOT NULL, segment varchar(20), signed_up date"
_PRODUCTS = "id integer PRIMARY KEY, name text NOT NULL, category text NOT NULL, price numeric(10,2) NOT NULL"
_ORDERS = (
    "id integer PRIMARY KEY, customer_id integer NOT NULL, product_id integer NOT NULL REFERENCES products,"
    " quantity integer NOT NULL, amount numeric(10,2) NOT NULL, status text NOT NULL, ordered_at timestamp NOT NULL"
)


def generate(folder: Path) -> Path:
    """Write customers.csv, products.csv and orders.csv, and lake.duckdb with the rest; the path of the latter."""
    lake = folder / "lake.duckdb"
    with duckdb.connect(str(lake)) as connection:
        connection.execute(_HASH)
        for table in ("shipments", "web_events"):
            connection.execute(f"CREATE TABLE {table} AS {_TABLES[table]}")
        for table in ("customers", "products", "orders"):
            connection.execute(f"COPY ({_TABLES[table]}) TO '{folder / table}.csv' (HEADER false)")
        connection.execute("DROP MACRO pick")
    return lake


def postgres_setup(folder: Path, password: str, *, customers: bool) -> dict[str, str]:
    """Statements by database: sales with orders and products, crm with customers where MariaDB is not there to."""
    databases = {"sales": {"products": _PRODUCTS, "orders": _ORDERS}}
    if customers:
        databases["crm"] = {"customers": _CUSTOMERS}
    setup = {"postgres": [f"CREATE ROLE reader LOGIN PASSWORD '{password}'"]}
    for database, tables in databases.items():
        setup["postgres"].append(f"CREATE DATABASE {database}")
        setup[database] = []
        for table, columns in tables.items():
            setup[database] += [f"CREATE TABLE {table} ({columns})", f"COPY {table} FROM '{folder / table}.csv' CSV"]
        setup[database] += ["GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader", "ANALYZE"]
    return {database: "".join(f"{line};\n\n" for line in lines) for database, lines in setup.items()}


def mariadb_setup(folder: Path, password: str) -> str:
    """Statements, one on each line: database crm with customers."""
    lines = (
        "CREATE DATABASE crm",
        f"CREATE TABLE crm.customers ({_CUSTOMERS})",
        f"LOAD DATA INFILE '{folder / 'customers'}.csv' INTO TABLE crm.customers FIELDS TERMINATED BY ','",
        "ANALYZE TABLE crm.customers",
        f"CREATE USER reader@'127.0.0.1' IDENTIFIED BY '{password}'",
        "GRANT SELECT, SHOW VIEW ON crm.* TO reader@'127.0.0.1'",
    )
    return "".join(f"{line};\n" for line in lines)
