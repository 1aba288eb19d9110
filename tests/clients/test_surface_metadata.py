"""What Flight SQL's metadata commands tell of real sources: keys, types, columns, and the server itself."""

from __future__ import annotations

from collections.abc import Iterator

import grpc
import pytest
from google.protobuf.message import Message

from server.flight.proto import flight_sql_pb2 as sql
from tests.clients.replicas import Replica
from tests.clients.rpc import Rpc, read_schema
from tests.clients.surface import AUTHORIZATION, refused, servers


@pytest.fixture(scope="module")
def replicas(postgres_url: str, mysql_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Replica]]:
    with servers(postgres_url, mysql_url, tmp_path_factory.mktemp("surface"), 1) as started:
        yield started


@pytest.fixture
def rpc(replicas: list[Replica]) -> Iterator[Rpc]:
    with replicas[0].calling(AUTHORIZATION) as calls:
        yield calls


def test_server_information_is_true_of_this_server(rpc: Rpc) -> None:
    table = rpc.fetch(sql.CommandGetSqlInfo())
    told = dict(zip(table.column("info_name").to_pylist(), table.column("value").to_pylist(), strict=True))
    assert told.keys() == set(sql.SqlInfo.values())
    assert told[sql.FLIGHT_SQL_SERVER_READ_ONLY] is False  # pg is writable
    assert told[sql.FLIGHT_SQL_SERVER_BULK_INGESTION] is True
    assert told[sql.FLIGHT_SQL_SERVER_CANCEL] is True
    assert told[sql.FLIGHT_SQL_SERVER_STATEMENT_TIMEOUT] == 24 * 3600 * 1000
    limit = told[sql.SQL_MAX_STATEMENT_LENGTH]
    longest = "SELECT 1 /*" + "x" * (limit - 13) + "*/"
    assert len(longest) == limit
    rpc.query(longest)
    with refused(grpc.StatusCode.INVALID_ARGUMENT, "WM-5001"):
        rpc.query(longest + " ")


PLACES: list[Message] = [
    sql.CommandGetPrimaryKeys(table="orders"),
    sql.CommandGetPrimaryKeys(catalog="pg", table="orders"),
    sql.CommandGetPrimaryKeys(catalog="pg", db_schema="public", table="orders"),
]


@pytest.mark.parametrize("command", PLACES, ids=["anywhere", "in a catalog", "in a schema"])
def test_primary_keys_are_the_sources(rpc: Rpc, command: Message) -> None:
    found = [(row["catalog_name"], row["column_name"]) for row in rpc.fetch(command).to_pylist()]
    assert found == [("lake", "id"), ("my", "id"), ("pg", "id")] if command is PLACES[0] else [("pg", "id")]


def test_a_key_of_two_columns_has_its_order_and_its_name(rpc: Rpc) -> None:
    table = rpc.fetch(sql.CommandGetPrimaryKeys(catalog="pg", table="lines"))
    assert table.to_pylist() == [
        {
            "catalog_name": "pg",
            "db_schema_name": "public",
            "table_name": "lines",
            "column_name": column,
            "key_name": "lines_pkey",
            "key_sequence": position,
        }
        for position, column in ((1, "order_id"), (2, "line"))
    ]


def test_foreign_keys_are_told_from_both_sides(rpc: Rpc) -> None:
    key = {
        "pk_catalog_name": "pg",
        "pk_db_schema_name": "public",
        "pk_table_name": "customers",
        "pk_column_name": "id",
        "fk_catalog_name": "pg",
        "fk_db_schema_name": "public",
        "fk_table_name": "orders",
        "fk_column_name": "customer",
        "key_sequence": 1,
        "fk_key_name": "orders_customer_fkey",
        "pk_key_name": "customers_pkey",
        "update_rule": 1,
        "delete_rule": 0,
    }
    for command in (
        sql.CommandGetExportedKeys(catalog="pg", table="customers"),
        sql.CommandGetImportedKeys(catalog="pg", table="orders"),
        sql.CommandGetCrossReference(pk_catalog="pg", pk_table="customers", fk_table="orders"),
    ):
        assert rpc.fetch(command).to_pylist() == [key]
    assert rpc.fetch(sql.CommandGetCrossReference(pk_table="lines", fk_table="orders")).num_rows == 0
    everywhere = rpc.fetch(sql.CommandGetExportedKeys(table="customers")).to_pylist()
    assert [row["fk_catalog_name"] for row in everywhere] == ["lake", "my", "pg"]
    rules = [(row["update_rule"], row["delete_rule"]) for row in everywhere]
    assert rules == [(3, 3), (1, 0), (1, 0)]


def test_keys_are_spelt_as_their_tables_are(rpc: Rpc) -> None:
    """DuckDB's constraints have the spelling of their DDL."""
    (row,) = rpc.fetch(sql.CommandGetImportedKeys(catalog="odd", table="even")).to_pylist()
    assert (row["pk_table_name"], row["pk_column_name"], row["fk_column_name"]) == ("Odd", "Id", "odd")


def test_empty_names_are_those_of_nothing(rpc: Rpc) -> None:
    for command in (
        sql.CommandGetPrimaryKeys(catalog="", table="orders"),
        sql.CommandGetPrimaryKeys(db_schema="", table="orders"),
        sql.CommandGetPrimaryKeys(),
        sql.CommandGetExportedKeys(catalog="", table="customers"),
        sql.CommandGetImportedKeys(db_schema="", table="orders"),
        sql.CommandGetCrossReference(pk_catalog="", pk_table="customers", fk_table="orders"),
        sql.CommandGetCrossReference(fk_catalog="", pk_table="customers", fk_table="orders"),
    ):
        assert rpc.fetch(command).num_rows == 0


def test_types_can_be_asked_for_by_their_code(rpc: Rpc) -> None:
    types = rpc.fetch(sql.CommandGetXdbcTypeInfo()).to_pylist()
    order = [(row["data_type"], row["type_name"]) for row in types]
    assert order == sorted(order) and len(types) > 20
    decimals = rpc.fetch(sql.CommandGetXdbcTypeInfo(data_type=sql.XDBC_DECIMAL)).to_pylist()
    assert [(row["type_name"], row["column_size"], row["create_params"]) for row in decimals] == [
        ("DECIMAL", 38, ["precision", "scale"])
    ]
    assert rpc.fetch(sql.CommandGetXdbcTypeInfo(data_type=12345)).num_rows == 0


def test_every_type_that_is_told_of_is_one(rpc: Rpc) -> None:
    types = rpc.fetch(sql.CommandGetXdbcTypeInfo()).to_pylist()
    columns = ", ".join(f"CAST(NULL AS {row['type_name']})" for row in types)
    assert rpc.schema(sql.CommandStatementQuery(query=f"SELECT {columns}"))
    values = {"DATE": "2024-01-02", "TIME": "01:02:03", "INTERVAL": "1 day", "VARCHAR": "a", "BLOB": "a"}
    literals = [
        f"{row['literal_prefix']}{values.get(row['type_name'], '2024-01-02 01:02:03')}{row['literal_suffix']}"
        for row in types
        if row["literal_prefix"]
    ]
    assert rpc.fetch(sql.CommandStatementQuery(query=f"SELECT {', '.join(literals)}")).num_rows == 1


def test_a_tables_schema_has_every_type_and_what_is_known_of_it(rpc: Rpc) -> None:
    command = sql.CommandGetTables(catalog="odd", table_name_filter_pattern="Odd", include_schema=True)
    (row,) = rpc.fetch(command).to_pylist()
    schema = read_schema(row["table_schema"])
    assert schema.types == rpc.schema(sql.CommandStatementQuery(query="SELECT * FROM odd.main.odd")).types
    numbered = [field.metadata[b"ARROW:FLIGHT:SQL:IS_AUTO_INCREMENT"] for field in schema]
    assert numbered == [b"1"] + [b"0"] * 6
    (lines,) = rpc.fetch(
        sql.CommandGetTables(catalog="pg", table_name_filter_pattern="lines", include_schema=True)
    ).to_pylist()
    product = read_schema(lines["table_schema"]).field("product").metadata
    assert product[b"ARROW:FLIGHT:SQL:PRECISION"] == b"20"
    assert product[b"ARROW:FLIGHT:SQL:TYPE_NAME"] == b"character varying(20)"
    assert product[b"ARROW:FLIGHT:SQL:IS_READ_ONLY"] == b"0"
