"""The catalog: what is there and may be read, with keys, comments and estimates."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import psycopg
import pytest

from connectors.postgres.source import PostgresSource
from watersmeet.spi import ForeignKey, SourceCatalog, Table

Connect = Callable[..., PostgresSource]

SETUP = """
CREATE SCHEMA shop;
CREATE SCHEMA "Empty ""quoted"" schema";
CREATE SCHEMA hidden;
CREATE TABLE hidden.secret (a int);
CREATE TABLE shop.customers (id int8 PRIMARY KEY, "Name" varchar(20) NOT NULL COLLATE "C", note text, email text);
COMMENT ON TABLE shop.customers IS 'who buys';
COMMENT ON COLUMN shop.customers."Name" IS 'family name';
CREATE TABLE shop.orders (
    id int, part int, customer int8 NOT NULL REFERENCES shop.customers (id) ON DELETE CASCADE ON UPDATE SET NULL,
    day date, CONSTRAINT orders_key PRIMARY KEY (part, id)) PARTITION BY RANGE (part);
CREATE TABLE shop.orders_1 PARTITION OF shop.orders FOR VALUES FROM (0) TO (10);
CREATE TABLE shop.orders_2 PARTITION OF shop.orders FOR VALUES FROM (10) TO (20) PARTITION BY LIST (id);
CREATE TABLE shop.orders_2_1 PARTITION OF shop.orders_2 DEFAULT;
CREATE TABLE shop.lines (a int, b int, FOREIGN KEY (b, a) REFERENCES shop.orders (part, id));
CREATE TABLE shop.older (id int PRIMARY KEY);
CREATE TABLE shop.younger (CONSTRAINT younger_key PRIMARY KEY (id)) INHERITS (shop.older);
CREATE TABLE shop.dropped (a int, gone int, b int);
ALTER TABLE shop.dropped DROP COLUMN gone;
CREATE VIEW shop.names AS SELECT "Name" FROM shop.customers;
CREATE MATERIALIZED VIEW shop.counts AS SELECT count(*) AS n FROM shop.customers;
CREATE EXTENSION postgres_fdw;
CREATE SERVER elsewhere FOREIGN DATA WRAPPER postgres_fdw;
CREATE FOREIGN TABLE shop.far (a int, b text) SERVER elsewhere;
CREATE SEQUENCE shop.numbers;
CREATE TABLE shop.none ();
INSERT INTO shop.customers SELECT i, 'n' FROM generate_series(1, 100) i;
INSERT INTO shop.orders SELECT i, i % 20, i FROM generate_series(1, 60) i;
ANALYZE;
CREATE TABLE shop.never_analyzed (a int);
CREATE ROLE wm_clerk LOGIN PASSWORD 'clerk';
GRANT USAGE ON SCHEMA shop TO wm_clerk;
GRANT SELECT ON shop.orders, shop.names TO wm_clerk;
GRANT SELECT (id, note) ON shop.customers TO wm_clerk;
GRANT SELECT ON hidden.secret TO wm_clerk;
"""


@pytest.fixture(scope="module", autouse=True)
def shop(admin: psycopg.Connection) -> Iterator[None]:
    admin.execute(SETUP)
    yield
    admin.execute('DROP SCHEMA shop, hidden, "Empty ""quoted"" schema" CASCADE; DROP EXTENSION postgres_fdw CASCADE')
    admin.execute("DROP ROLE wm_clerk")


@pytest.fixture
def catalog(connect: Connect) -> SourceCatalog:
    return connect().catalog()


def names(catalog: SourceCatalog) -> set[str]:
    return {table for schema, table in catalog.tables if schema == "shop"}


def test_everything_that_can_be_selected_from_is_a_table(catalog: SourceCatalog) -> None:
    assert names(catalog) == {
        "customers", "orders", "orders_1", "orders_2", "orders_2_1", "lines", "dropped", "names", "counts", "far",
        "never_analyzed", "older", "younger",
    } | ({"none"} & names(catalog))  # fmt: skip
    views = {table.name for table in catalog.tables.values() if table.schema == "shop" and table.view}
    assert views == {"names", "counts"}


def test_schemas_are_all_but_the_systems_own_also_empty_ones(catalog: SourceCatalog) -> None:
    assert {"shop", "hidden", "public", 'Empty "quoted" schema'} <= set(catalog.schemas)
    assert not {name for name in catalog.schemas if name.startswith("pg_") or name == "information_schema"}
    assert catalog.default_schema == "public"


def test_columns_have_type_nullability_collation_and_comment(catalog: SourceCatalog) -> None:
    table = catalog.tables["shop", "customers"]
    assert table.remarks == "who buys"
    assert [(c.name, c.type, c.native, c.nullable) for c in table.columns] == [
        ("id", "BIGINT", "bigint", False),
        ("Name", "VARCHAR", "character varying(20)", False),
        ("note", "VARCHAR", "text", True),
        ("email", "VARCHAR", "text", True),
    ]
    assert (table.columns[1].collation, table.columns[1].remarks) == ("C", "family name")
    assert table.columns[1].read == '({0} COLLATE "default")'
    assert [c.name for c in catalog.tables["shop", "dropped"].columns] == ["a", "b"]


def test_keys_keep_the_order_of_their_columns_and_their_rules(catalog: SourceCatalog) -> None:
    orders = catalog.tables["shop", "orders"]
    assert (orders.primary_key, orders.primary_key_name) == (("part", "id"), "orders_key")
    assert orders.foreign_keys == (
        ForeignKey(
            name="orders_customer_fkey",
            columns=("customer",),
            schema="shop",
            table="customers",
            references=("id",),
            on_update=2,
            on_delete=0,
        ),
    )
    (key,) = catalog.tables["shop", "lines"].foreign_keys
    assert (key.columns, key.table, key.references, key.on_update) == (("b", "a"), "orders", ("part", "id"), 3)


def test_a_key_that_does_not_hold_for_the_rows_of_inheriting_tables_is_none(catalog: SourceCatalog) -> None:
    assert catalog.tables["shop", "older"].primary_key == ()
    assert catalog.tables["shop", "younger"].primary_key == ("id",)


def test_row_estimates_are_the_sum_of_the_partitions_and_none_where_nothing_is_known(catalog: SourceCatalog) -> None:
    def rows(name: str) -> int | None:
        table: Table = catalog.tables["shop", name]
        return table.rows

    assert rows("customers") == 100
    assert rows("orders") == 60
    assert rows("orders_2") == 30
    assert rows("never_analyzed") is None
    assert rows("names") is None


def test_a_role_sees_what_it_may_select(connect: Connect, database: str) -> None:
    parts = urlsplit(database)
    catalog = connect(url=f"postgresql://wm_clerk:clerk@{parts.hostname}:{parts.port}{parts.path}").catalog()
    assert names(catalog) == {"orders", "names", "customers"}
    assert [column.name for column in catalog.tables["shop", "customers"].columns] == ["id", "note"]
    assert ("hidden", "secret") not in catalog.tables
    assert "hidden" not in catalog.schemas
    assert catalog.tables["shop", "orders"].foreign_keys[0].references == ("id",)


def test_the_setting_schemas_narrows_what_is_shown(connect: Connect) -> None:
    catalog = connect(schemas=("shop",)).catalog()
    assert catalog.schemas == ("shop",)
    assert catalog.default_schema == "shop"
    assert {schema for schema, _ in catalog.tables} == {"shop"}


def test_facts_say_product_version_and_encoding(catalog: SourceCatalog) -> None:
    assert catalog.facts["product"] == "PostgreSQL"
    assert int(catalog.facts["version_number"]) >= 120000
    assert catalog.facts["encoding"] == "UTF8"


def test_a_catalog_of_a_thousand_tables_is_read_within_seconds(connect: Connect, admin: psycopg.Connection) -> None:
    admin.execute("CREATE SCHEMA many")
    columns = ", ".join(f"c{i} int" for i in range(20))
    admin.execute(
        f"DO $$ BEGIN FOR i IN 1..1000 LOOP EXECUTE 'CREATE TABLE many.t' || i || ' ({columns})'; END LOOP; END $$"
    )
    source = connect()
    source.probe()
    started = time.monotonic()
    catalog = source.catalog()
    assert time.monotonic() - started < 3
    assert len([1 for schema, _ in catalog.tables if schema == "many"]) == 1000
    admin.execute("DROP SCHEMA many CASCADE")
