"""The catalog commands, byte by byte: schemas, order, filters, and what a caller may not see."""

from __future__ import annotations

import time

import grpc
import pyarrow as pa
import pytest
from google.protobuf.message import Message

from server.flight.proto import flight_sql_pb2 as sql
from tests.clients.conftest import bearer
from tests.clients.rpc import Rpc, read_schema

STRING, REQUIRED = pa.string(), {"nullable": False}
TABLES = [
    pa.field("catalog_name", STRING),
    pa.field("db_schema_name", STRING),
    pa.field("table_name", STRING, **REQUIRED),
    pa.field("table_type", STRING, **REQUIRED),
]
KEYS = [
    *(
        pa.field(f"{side}_{name}", STRING, nullable=name in ("catalog_name", "db_schema_name"))
        for side in ("pk", "fk")
        for name in ("catalog_name", "db_schema_name", "table_name", "column_name")
    ),
    pa.field("key_sequence", pa.int32(), **REQUIRED),
    pa.field("fk_key_name", STRING),
    pa.field("pk_key_name", STRING),
    pa.field("update_rule", pa.uint8(), **REQUIRED),
    pa.field("delete_rule", pa.uint8(), **REQUIRED),
]
INFORMATION = pa.dense_union(
    [
        pa.field("string_value", STRING, **REQUIRED),
        pa.field("bool_value", pa.bool_(), **REQUIRED),
        pa.field("bigint_value", pa.int64(), **REQUIRED),
        pa.field("int32_bitmask", pa.int32(), **REQUIRED),
        pa.field("string_list", pa.list_(STRING), **REQUIRED),
        pa.field("int32_to_int32_list_map", pa.map_(pa.int32(), pa.list_(pa.int32())), **REQUIRED),
    ]
)
SCHEMAS: list[tuple[Message, list[pa.Field]]] = [
    (sql.CommandGetCatalogs(), [pa.field("catalog_name", STRING, **REQUIRED)]),
    (sql.CommandGetDbSchemas(), [pa.field("catalog_name", STRING), pa.field("db_schema_name", STRING, **REQUIRED)]),
    (sql.CommandGetTables(), TABLES),
    (sql.CommandGetTables(include_schema=True), [*TABLES, pa.field("table_schema", pa.binary(), **REQUIRED)]),
    (sql.CommandGetTableTypes(), [pa.field("table_type", STRING, **REQUIRED)]),
    (
        sql.CommandGetPrimaryKeys(table="orders"),
        [
            pa.field("catalog_name", STRING),
            pa.field("db_schema_name", STRING),
            pa.field("table_name", STRING, **REQUIRED),
            pa.field("column_name", STRING, **REQUIRED),
            pa.field("key_name", STRING),
            pa.field("key_sequence", pa.int32(), **REQUIRED),
        ],
    ),
    (sql.CommandGetExportedKeys(table="orders"), KEYS),
    (sql.CommandGetImportedKeys(table="orders"), KEYS),
    (sql.CommandGetCrossReference(pk_table="orders", fk_table="orders"), KEYS),
    (
        sql.CommandGetXdbcTypeInfo(),
        [
            pa.field("type_name", STRING, **REQUIRED),
            pa.field("data_type", pa.int32(), **REQUIRED),
            pa.field("column_size", pa.int32()),
            pa.field("literal_prefix", STRING),
            pa.field("literal_suffix", STRING),
            pa.field("create_params", pa.list_(pa.field("item", STRING, **REQUIRED))),
            pa.field("nullable", pa.int32(), **REQUIRED),
            pa.field("case_sensitive", pa.bool_(), **REQUIRED),
            pa.field("searchable", pa.int32(), **REQUIRED),
            pa.field("unsigned_attribute", pa.bool_()),
            pa.field("fixed_prec_scale", pa.bool_(), **REQUIRED),
            pa.field("auto_increment", pa.bool_()),
            pa.field("local_type_name", STRING),
            pa.field("minimum_scale", pa.int32()),
            pa.field("maximum_scale", pa.int32()),
            pa.field("sql_data_type", pa.int32(), **REQUIRED),
            pa.field("datetime_subcode", pa.int32()),
            pa.field("num_prec_radix", pa.int32()),
            pa.field("interval_precision", pa.int32()),
        ],
    ),
    (
        sql.CommandGetSqlInfo(info=[0]),
        [pa.field("info_name", pa.uint32(), **REQUIRED), pa.field("value", INFORMATION, **REQUIRED)],
    ),
]


@pytest.mark.parametrize(("command", "fields"), SCHEMAS, ids=lambda value: getattr(value, "DESCRIPTOR", value) and "")
def test_schemas_are_the_specifications_in_every_call(rpc: Rpc, command: Message, fields: list[pa.Field]) -> None:
    expected = pa.schema(fields)
    info = rpc.info(command)
    for schema in (read_schema(info.schema), rpc.schema(command), rpc.table(info).schema):
        assert schema.equals(expected, check_metadata=True)


def _tables(rpc: Rpc, **filters: object) -> list[str]:
    return [
        f"{row['catalog_name']}.{row['db_schema_name']}.{row['table_name']}"
        for row in rpc.fetch(sql.CommandGetTables(**filters)).to_pylist()  # type: ignore[arg-type]
    ]


EVERY = [
    "crm.main.customers",
    "sales.archive.ordersX2020",
    "sales.archive.orders_2020",
    "sales.main.orders",
    "sales.main.recent",
]


def test_tables_come_sorted_and_all_of_them_without_filters(rpc: Rpc) -> None:
    assert _tables(rpc) == EVERY


def test_an_absent_catalog_means_all_and_an_empty_one_those_without(rpc: Rpc) -> None:
    assert _tables(rpc, catalog="crm") == ["crm.main.customers"]
    assert _tables(rpc, catalog="") == []
    assert _tables(rpc, catalog="nowhere") == []
    assert rpc.fetch(sql.CommandGetDbSchemas(catalog="")).num_rows == 0
    assert rpc.fetch(sql.CommandGetDbSchemas(catalog="sales")).to_pylist() == [
        {"catalog_name": "sales", "db_schema_name": "archive"},
        {"catalog_name": "sales", "db_schema_name": "main"},
    ]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("orders_2020", ["sales.archive.ordersX2020", "sales.archive.orders_2020"]),
        (r"orders\_2020", ["sales.archive.orders_2020"]),
        ("%", EVERY),
        ("", []),
        ("orders", ["sales.main.orders"]),
        ("ORDERS", []),
        ("%e%n%", ["sales.main.recent"]),
        (r"\%", []),
        ("orders\\", []),
    ],
)
def test_patterns_have_wildcards_and_a_backslash_against_them(rpc: Rpc, pattern: str, found: list[str]) -> None:
    assert _tables(rpc, table_name_filter_pattern=pattern) == found


def test_schema_patterns_filter_tables_and_schemas(rpc: Rpc) -> None:
    assert _tables(rpc, db_schema_filter_pattern="arch%") == EVERY[1:3]
    found = rpc.fetch(sql.CommandGetDbSchemas(db_schema_filter_pattern="arch_ve")).to_pylist()
    assert [row["db_schema_name"] for row in found] == ["archive"]


@pytest.mark.parametrize("kind", ["TABLE", "BASE TABLE", "table", "base table"])
def test_table_types_are_known_by_all_their_names(rpc: Rpc, kind: str) -> None:
    assert _tables(rpc, table_types=[kind]) == EVERY[:4]
    assert _tables(rpc, table_types=[kind, "view"]) == EVERY
    assert _tables(rpc, table_types=["SYSTEM TABLE"]) == []


def test_a_deep_pattern_costs_no_time(rpc: Rpc) -> None:
    started = time.monotonic()
    assert _tables(rpc, table_name_filter_pattern="%o" * 500 + "z") == []
    assert _tables(rpc, table_name_filter_pattern="%" * 1000) == EVERY
    assert time.monotonic() - started < 1
    with pytest.raises(grpc.RpcError) as caught:
        _tables(rpc, table_name_filter_pattern="%" * 1_000_000)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_table_schemas_say_what_flight_sql_says_of_columns(rpc: Rpc) -> None:
    (row,) = rpc.fetch(sql.CommandGetTables(table_name_filter_pattern="orders", include_schema=True)).to_pylist()
    schema = read_schema(row["table_schema"])
    assert schema.names == ["id", "amount", "region", "placed"]
    for field in schema:
        keys = {key.decode().removeprefix("ARROW:FLIGHT:SQL:") for key in field.metadata}
        assert keys >= {
            "CATALOG_NAME", "DB_SCHEMA_NAME", "SCHEMA_NAME", "TABLE_NAME", "TYPE_NAME", "PRECISION", "SCALE", "IS_AUTO_INCREMENT",
            "IS_CASE_SENSITIVE", "IS_READ_ONLY", "IS_SEARCHABLE",
        }  # fmt: skip
    assert schema.field("placed").type == pa.timestamp("us", "UTC")
    assert not schema.field("id").nullable


def test_what_a_caller_may_not_see_is_not_there(rpc: Rpc) -> None:
    clerk = rpc.with_headers(("authorization", f"Bearer {bearer('cy', ('clerk',))}"))
    nobody = rpc.with_headers(("authorization", f"Bearer {bearer('no', ('unknown',))}"))
    assert _tables(clerk) == EVERY[1:]
    assert _tables(clerk, catalog="crm") == _tables(clerk, catalog="nowhere") == []
    assert _tables(nobody) == []
    assert clerk.fetch(sql.CommandGetCatalogs()).to_pylist() == [{"catalog_name": "sales"}]


def test_a_catalog_ticket_answers_by_who_fetches_it(rpc: Rpc) -> None:
    clerk = rpc.with_headers(("authorization", f"Bearer {bearer('ben', ('clerk',))}"))
    info = rpc.info(sql.CommandGetTables())  # the same subject, with fewer roles by now
    assert clerk.table(info).num_rows == 4


def test_server_information_has_a_row_for_each_code_that_is_asked_for(rpc: Rpc) -> None:
    table = rpc.fetch(sql.CommandGetSqlInfo(info=[8, 562, 0, 0, 12345]))
    assert table.column("info_name").to_pylist() == [0, 8, 562]
    members = [table.column("value").chunk(0).type_codes[i].as_py() for i in range(3)]
    assert members == [0, 3, 2]
    everything = rpc.fetch(sql.CommandGetSqlInfo()).column("info_name").to_pylist()
    assert everything == sorted(sql.SqlInfo.values())
