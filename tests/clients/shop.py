"""The same small shop in PostgreSQL, MariaDB and a DuckDB file: each with native types, keys and remarks.

customers ← orders ← lines, and a view. What the metadata of each must be is written down here, beside its DDL.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import psycopg

from tests.oracle.world import connect_mysql, postgres_database

MYSQL_DATABASE = "wm_clients_shop"
ORDERS = 1000

_POSTGRES = f"""
    CREATE TABLE customers (
        id int CONSTRAINT customers_pkey PRIMARY KEY, name varchar(40) NOT NULL, email text, born date, vip boolean
    );
    COMMENT ON TABLE customers IS 'who buys';
    COMMENT ON COLUMN customers.name IS 'as on the contract';
    CREATE TABLE orders (
        id bigint CONSTRAINT orders_pkey PRIMARY KEY,
        customer int NOT NULL
            CONSTRAINT orders_customer_fkey REFERENCES customers (id) ON UPDATE RESTRICT ON DELETE CASCADE,
        amount numeric(12,2), placed timestamptz, note text
    );
    COMMENT ON COLUMN orders.amount IS 'in euros';
    CREATE TABLE lines (
        order_id bigint CONSTRAINT lines_order_fkey REFERENCES orders (id), line smallint, product varchar(20),
        quantity int, CONSTRAINT lines_pkey PRIMARY KEY (order_id, line)
    );
    CREATE VIEW big_orders AS SELECT id, amount FROM orders WHERE amount > 200;
    CREATE VIEW slow AS SELECT id, pg_sleep(60) IS NULL AS slept FROM orders;
    CREATE SCHEMA archive;
    CREATE TABLE archive.orders_2020 (id bigint);
    INSERT INTO customers SELECT i, 'customer ' || i, NULL, date '1970-01-01' + i, i % 2 = 0 FROM generate_series(1, 10) i;
    INSERT INTO orders SELECT i, 1 + i % 10, i / 4.0, timestamptz '2024-01-01 00:00:00+00' + i * interval '1 hour',
        CASE i % 3 WHEN 0 THEN 'it''s number ' || i END FROM generate_series(1, {ORDERS}) i;
    ANALYZE"""

_MYSQL = (
    """CREATE TABLE customers (
        id int PRIMARY KEY, name varchar(40) NOT NULL COMMENT 'as on the contract', email text, born date, vip tinyint(1)
    ) COMMENT 'who buys'""",
    """CREATE TABLE orders (
        id bigint PRIMARY KEY, customer int NOT NULL, amount decimal(12,2) COMMENT 'in euros', placed timestamp NULL,
        note text, CONSTRAINT orders_customer_fkey FOREIGN KEY (customer) REFERENCES customers (id)
            ON UPDATE RESTRICT ON DELETE CASCADE
    )""",
    """CREATE TABLE `lines` (
        order_id bigint, line smallint, product varchar(20), quantity int, PRIMARY KEY (order_id, line),
        CONSTRAINT lines_order_fkey FOREIGN KEY (order_id) REFERENCES orders (id)
    )""",
    "CREATE VIEW big_orders AS SELECT id, amount FROM orders WHERE amount > 200",
    "INSERT INTO customers VALUES (1, 'customer 1', NULL, '1970-01-02', 0), (2, 'customer 2', NULL, '1970-01-03', 1)",
)

_DUCKDB = """
    CREATE TABLE customers (id INTEGER PRIMARY KEY, name VARCHAR NOT NULL, email VARCHAR, born DATE, vip BOOLEAN);
    COMMENT ON TABLE customers IS 'who buys';
    COMMENT ON COLUMN customers.name IS 'as on the contract';
    CREATE TABLE orders (
        id BIGINT PRIMARY KEY, customer INTEGER NOT NULL REFERENCES customers (id), amount DECIMAL(12,2),
        placed TIMESTAMPTZ, note VARCHAR
    );
    COMMENT ON COLUMN orders.amount IS 'in euros';
    CREATE TABLE lines (
        order_id BIGINT REFERENCES orders (id), line SMALLINT, product VARCHAR, quantity INTEGER,
        PRIMARY KEY (order_id, line)
    );
    CREATE VIEW big_orders AS SELECT id, amount FROM orders WHERE amount > 200;
    INSERT INTO customers VALUES (1, 'customer 1', NULL, DATE '1970-01-02', false), (3, 'Zoë', NULL, NULL, NULL)"""

TABLES = ["customers", "lines", "orders"]
VIEWS = ["big_orders"]


@contextmanager
def postgres_and_duckdb(postgres_url: str, folder: Path) -> Iterator[dict[str, object]]:
    """The sources `pg` and `lake` as a configuration names them."""
    with duckdb.connect(str(folder / "lake.duckdb")) as con:
        con.execute(_DUCKDB)
    with postgres_database(postgres_url) as url:
        with psycopg.connect(url, autocommit=True) as con:
            con.execute(_POSTGRES.encode())
        yield {
            "pg": {"kind": "postgres", "url": url},
            "lake": {"kind": "duckdb", "path": str(folder / "lake.duckdb")},
        }


@contextmanager
def mysql(mysql_url: str) -> Iterator[dict[str, object]]:
    """The source `my` as a configuration names it."""
    with connect_mysql(mysql_url) as con, con.cursor() as cursor:
        cursor.execute(f"CREATE OR REPLACE DATABASE {MYSQL_DATABASE} CHARACTER SET utf8mb4")
        con.select_db(MYSQL_DATABASE)
        for statement in _MYSQL:
            cursor.execute(statement)
        yield {"my": {"kind": "mysql", "url": mysql_url, "schemas": [MYSQL_DATABASE]}}
        cursor.execute(f"DROP DATABASE {MYSQL_DATABASE}")
