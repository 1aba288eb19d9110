"""The trees that tools show, from a server over PostgreSQL, MariaDB and DuckDB: JDBC's, and ADBC's at each depth.

Every source has the same shop (tests/clients/shop.py); what is expected of it stands here once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import pytest

from tests.clients import shop
from tests.clients.jdbc.bridge import Jvm, Remote
from tests.clients.served import Served, serving

SCHEMAS = {"lake": "main", "my": shop.MYSQL_DATABASE, "pg": "public"}
"""Source -> the schema of its shop."""
sources = pytest.mark.parametrize("source", SCHEMAS)

COLUMNS: dict[str, list[tuple[str, bool, str | None]]] = {
    "customers": [
        # name, nullable, remarks
        ("id", False, None),
        ("name", False, "as on the contract"),
        ("email", True, None),
        ("born", True, None),
        ("vip", True, None),
    ],
    "lines": [("order_id", False, None), ("line", False, None), ("product", True, None), ("quantity", True, None)],
    "orders": [
        ("id", False, None),
        ("customer", False, None),
        ("amount", True, "in euros"),
        ("placed", True, None),
        ("note", True, None),
    ],
}
JDBC_TYPES = {
    # table -> source -> (JDBC type, name at the source) of each column; sizes where they are the same everywhere
    "orders": {
        "pg": [(-5, "bigint"), (4, "integer"), (3, "numeric(12,2)"), (2014, "timestamp with time zone"), (12, "text")],
        "my": [(-5, "bigint(20)"), (4, "int(11)"), (3, "decimal(12,2)"), (2014, "timestamp"), (12, "text")],
        "lake": [(-5, "BIGINT"), (4, "INTEGER"), (3, "DECIMAL(12,2)"), (2014, "TIMESTAMP WITH TIME ZONE"), (12, "VARCHAR")],
    },
    "customers": {
        "pg": [(4, "integer"), (12, "character varying(40)"), (12, "text"), (91, "date"), (16, "boolean")],
        "my": [(4, "int(11)"), (12, "varchar(40)"), (12, "text"), (91, "date"), (-6, "tinyint(1)")],
        "lake": [(4, "INTEGER"), (12, "VARCHAR"), (12, "VARCHAR"), (91, "DATE"), (16, "BOOLEAN")],
    },
}  # fmt: skip
SIZES = {"id": (19, 0), "customer": (10, 0), "amount": (12, 2)}
"""COLUMN_SIZE and DECIMAL_DIGITS of orders' numbers."""
PRIMARY = {"customers": ["id"], "orders": ["id"], "lines": ["order_id", "line"]}
FOREIGN = {("orders", "customer"): ("customers", "id"), ("lines", "order_id"): ("orders", "id")}
RULES = {"pg": (1, 0), "my": (1, 0), "lake": (3, 3)}
"""ON UPDATE and ON DELETE of orders → customers: restrict and cascade; DuckDB has neither."""


@pytest.fixture(scope="module")
def three(postgres_url: str, mysql_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server over the three shops."""
    folder = tmp_path_factory.mktemp("three")
    with (
        shop.postgres_and_duckdb(postgres_url, folder) as two,
        shop.mysql(mysql_url) as third,
        serving(folder, {**two, **third}) as server,
    ):
        yield server


# ---------------------------------------------------------------- ADBC

Depth = Literal["all", "catalogs", "db_schemas", "tables", "columns"]


def _objects(server: Served, depth: Depth, **filters: Any) -> list[dict[str, Any]]:
    with server.connect() as connection:
        found: list[dict[str, Any]] = connection.adbc_get_objects(depth=depth, **filters).read_all().to_pylist()
    return found


def test_adbc_shows_the_sources_as_catalogs(three: Served) -> None:
    assert [row["catalog_name"] for row in _objects(three, "catalogs")] == sorted(SCHEMAS)
    assert all(row["catalog_db_schemas"] is None for row in _objects(three, "catalogs"))


def test_adbc_shows_schemas(three: Served) -> None:
    schemas = {
        row["catalog_name"]: [schema["db_schema_name"] for schema in row["catalog_db_schemas"]]
        for row in _objects(three, "db_schemas")
    }
    assert schemas == {"lake": ["main"], "my": [shop.MYSQL_DATABASE], "pg": ["archive", "public"]}


def test_adbc_shows_tables_and_views(three: Served) -> None:
    views = {"pg": {*shop.VIEWS, "slow"}}
    for row in _objects(three, "tables"):
        (schema,) = [s for s in row["catalog_db_schemas"] if s["db_schema_name"] == SCHEMAS[row["catalog_name"]]]
        told = {table["table_name"]: table["table_type"] for table in schema["db_schema_tables"]}
        names = views.get(row["catalog_name"], set(shop.VIEWS))
        assert told == {**dict.fromkeys(shop.TABLES, "TABLE"), **dict.fromkeys(names, "VIEW")}


def _shop_tables(server: Served, source: str) -> dict[str, dict[str, Any]]:
    """The tables of a source's shop at full depth, by name."""
    (catalog,) = _objects(server, "all", catalog_filter=source, db_schema_filter=SCHEMAS[source])
    (schema,) = catalog["catalog_db_schemas"]
    return {table["table_name"]: table for table in schema["db_schema_tables"]}


@sources
def test_adbc_shows_columns_with_their_types(three: Served, source: str) -> None:
    tables = _shop_tables(three, source)
    for name, expected in COLUMNS.items():
        columns = tables[name]["table_columns"]
        assert [(c["ordinal_position"], c["column_name"]) for c in columns] == [
            (position, column) for position, (column, _, _) in enumerate(expected, 1)
        ]
        if name in JDBC_TYPES:
            assert [c["xdbc_type_name"] for c in columns] == [native for _, native in JDBC_TYPES[name][source]]


@sources
def test_adbc_shows_nullability_and_remarks_in_a_tables_schema(three: Served, source: str) -> None:
    """Driver 1.13 leaves them out of get_objects."""
    with three.connect() as connection:
        for name, expected in COLUMNS.items():
            schema = connection.adbc_get_table_schema(name, catalog_filter=source, db_schema_filter=SCHEMAS[source])
            told = [
                (field.name, field.nullable, (field.metadata or {}).get(b"ARROW:FLIGHT:SQL:REMARKS"))
                for field in schema
            ]
            assert told == [(column, null, remarks and remarks.encode()) for column, null, remarks in expected]


def test_adbc_asks_for_no_keys(three: Served) -> None:
    """Driver 1.13 answers `no constraints` without asking. When a newer one asks, docs/clients.md is to be changed."""
    with three.connect("keyless") as connection:
        (catalog,) = connection.adbc_get_objects(catalog_filter="lake").read_all().to_pylist()
    tables = catalog["catalog_db_schemas"][0]["db_schema_tables"]
    assert [table["table_constraints"] for table in tables] == [[]] * 4
    asked = [call["rpc"] for call in three.calls("keyless")].count("GetFlightInfo")
    assert asked == 4  # GetSqlInfo at connecting, GetCatalogs, GetDbSchemas, GetTables


def test_adbc_finds_a_table_by_filters(three: Served) -> None:
    (catalog,) = _objects(three, "columns", catalog_filter="my", table_name_filter="ord%", column_name_filter="a%")
    (schema,) = catalog["catalog_db_schemas"]
    (table,) = schema["db_schema_tables"]
    assert table["table_name"] == "orders"
    assert [column["column_name"] for column in table["table_columns"]] == ["amount"]


# ---------------------------------------------------------------- JDBC


@pytest.fixture
def about(jvm: Jvm, three: Served) -> Iterator[Remote]:
    url = f"jdbc:arrow-flight-sql://127.0.0.1:{three.port}?useEncryption=false"
    connection = jvm.static("java.sql.DriverManager", "getConnection", url, {"token": three.token})
    yield connection.getMetaData()
    connection.close()


def _rows(result: Remote) -> list[dict[str, Any]]:
    about = result.getMetaData()
    labels = [about.getColumnLabel(i + 1) for i in range(about.getColumnCount())]
    return [dict(zip(labels, row, strict=True)) for row in result.rows()]


def test_jdbc_shows_the_sources_as_catalogs(about: Remote) -> None:
    assert [name for (name,) in about.getCatalogs().rows()] == sorted(SCHEMAS)


@sources
def test_jdbc_shows_columns_with_types_sizes_nullability_and_remarks(about: Remote, source: str) -> None:
    for name, expected in COLUMNS.items():
        rows = _rows(about.getColumns(source, SCHEMAS[source], name, None))
        assert [(row["COLUMN_NAME"], row["IS_NULLABLE"] == "YES", row["REMARKS"] or None) for row in rows] == expected
        types = [(row["DATA_TYPE"], row["TYPE_NAME"]) for row in rows]
        assert types == JDBC_TYPES.get(name, {source: types})[source]
        if name == "orders":
            told = {row["COLUMN_NAME"]: (row["COLUMN_SIZE"], row["DECIMAL_DIGITS"]) for row in rows}
            assert {column: told[column] for column in SIZES} == SIZES


@sources
def test_jdbc_shows_primary_keys(about: Remote, source: str) -> None:
    for name, expected in PRIMARY.items():
        rows = _rows(about.getPrimaryKeys(source, SCHEMAS[source], name))
        assert sorted((row["KEY_SEQ"], row["COLUMN_NAME"]) for row in rows) == list(enumerate(expected, 1))


@sources
def test_jdbc_shows_foreign_keys(about: Remote, source: str) -> None:
    for (table, column), (target, key) in FOREIGN.items():
        (row,) = _rows(about.getImportedKeys(source, SCHEMAS[source], table))
        told = (row["FKTABLE_NAME"], row["FKCOLUMN_NAME"], row["PKTABLE_NAME"], row["PKCOLUMN_NAME"])
        assert told == (table, column, target, key)
        assert (row["PKTABLE_CAT"], row["PKTABLE_SCHEM"]) == (source, SCHEMAS[source])
        if table == "orders":
            assert tuple(int(row[rule].text) for rule in ("UPDATE_RULE", "DELETE_RULE")) == RULES[source]
