"""The ADBC driver for Flight SQL: what Python programs, pandas and polars use."""

from __future__ import annotations

import decimal
import threading
import time

import adbc_driver_flightsql.dbapi as adbc
import pandas
import polars
import pyarrow as pa
import pytest
from adbc_driver_flightsql import DatabaseOptions, StatementOptions

from tests.clients.conftest import Front, bearer, until


def _fetch(connection: adbc.Connection, sql: str, parameters: object = None) -> pa.Table:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetch_arrow_table()


def test_a_query_answers_with_rows_and_types(connection: adbc.Connection) -> None:
    table = _fetch(connection, "SELECT id, amount, region, placed FROM sales.orders ORDER BY id LIMIT 2")
    assert table.schema.types == [pa.int32(), pa.decimal128(12, 2), pa.string(), pa.timestamp("us", "UTC")]
    assert table.column("amount").to_pylist() == [decimal.Decimal("0.00"), decimal.Decimal("0.25")]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1",
        "SELECT 1 AS a WHERE false",
        "SELECT 1 AS a, 2 AS a, 3 AS b",
        "SELECT " + ", ".join(f"{i} AS c{i}" for i in range(2000)),
        "SELECT [1, 2] AS l, {'a': 1}::VARCHAR AS s, NULL AS n, 'x'::BLOB AS b",
    ],
    ids=["without FROM", "zero rows", "duplicate names", "2,000 columns", "nested"],
)
def test_schemas_of_prepare_info_and_stream_are_equal(connection: adbc.Connection, sql: str) -> None:
    with connection.cursor() as cursor:
        announced = cursor.adbc_execute_schema(sql)
        cursor.execute(sql)
        table = cursor.fetch_arrow_table()
    assert table.schema.equals(announced, check_metadata=True)
    assert all(field.nullable for field in table.schema)


def test_parameters_keep_their_order_beyond_ten(connection: adbc.Connection) -> None:
    sql = "SELECT " + ", ".join(f"?::INTEGER AS p{i}" for i in range(12))
    assert list(_fetch(connection, sql, tuple(range(100, 112))).to_pylist()[0].values()) == list(range(100, 112))


def test_a_prepared_statement_runs_again_with_other_values(connection: adbc.Connection) -> None:
    sql = "SELECT count(*) AS n FROM sales.orders WHERE id < ?::INTEGER AND region = ?"
    counts = [_fetch(connection, sql, (limit, "EU")).column("n")[0].as_py() for limit in (3, 30)]
    assert counts == [1, 10]


def test_null_and_text_parameters(connection: adbc.Connection) -> None:
    row = _fetch(connection, "SELECT ?::INTEGER IS NULL AS a, ? AS b", (None, "it's")).to_pylist()
    assert row == [{"a": True, "b": "it's"}]


def test_a_missing_value_names_the_parameter(connection: adbc.Connection) -> None:
    with pytest.raises(adbc.Error, match=r"WM-2103.*parameter 1"):
        _fetch(connection, "SELECT ?::INTEGER")


def test_a_value_of_a_wrong_type_names_the_parameter(connection: adbc.Connection) -> None:
    with pytest.raises(adbc.Error, match=r"WM-2103.*parameter 2 is int32, the value is string"):
        _fetch(connection, "SELECT ?::INTEGER, ?::INTEGER", (1, "two"))


def test_a_wrong_number_of_values_is_refused(connection: adbc.Connection) -> None:
    with pytest.raises(adbc.Error, match=r"the statement has 2 parameters, 1 came"):
        _fetch(connection, "SELECT ?::INTEGER, ?::INTEGER", (1,))


def test_an_insert_is_never_silent(connection: adbc.Connection) -> None:
    with pytest.raises(adbc.Error, match=r"WM-2"):
        _fetch(connection, "INSERT INTO sales.orders VALUES (1, 2, '3', NULL)")


def test_millions_of_rows_arrive_whole(connection: adbc.Connection) -> None:
    table = _fetch(connection, "SELECT i, 'row ' || i AS s FROM range(2000000) AS r(i)")
    assert table.num_rows == 2_000_000
    assert pa.compute.sum(table.column("i")).as_py() == sum(range(2_000_000))


def test_a_cell_of_eight_mebibytes_arrives(connection: adbc.Connection) -> None:
    assert len(_fetch(connection, "SELECT repeat('x', 8 * 1024 * 1024) AS s").column("s")[0].as_py()) == 8 << 20


def test_a_cell_larger_than_clients_take_is_a_clear_error(connection: adbc.Connection) -> None:
    with pytest.raises(adbc.Error, match=r"WM-5007.*column 2, big"):
        _fetch(connection, "SELECT 1 AS one, repeat('x', 17 * 1024 * 1024) AS big")


def test_a_statement_of_two_megabytes_is_refused_by_its_limit(connection: adbc.Connection) -> None:
    with pytest.raises(adbc.Error, match=r"WM-5001"):
        _fetch(connection, f"SELECT '{'x' * 2_000_000}'")


def test_a_statement_below_the_limit_travels_in_its_ticket(connection: adbc.Connection) -> None:
    assert len(_fetch(connection, f"SELECT '{'x' * 1_000_000}' AS s").column("s")[0].as_py()) == 1_000_000


def test_get_objects_lists_what_is_there(connection: adbc.Connection) -> None:
    objects = connection.adbc_get_objects(depth="columns").read_all().to_pylist()
    found = {
        (catalog["catalog_name"], schema["db_schema_name"], table["table_name"], table["table_type"])
        for catalog in objects
        for schema in catalog["catalog_db_schemas"]
        for table in schema["db_schema_tables"]
    }
    assert ("sales", "main", "orders", "TABLE") in found
    assert ("sales", "main", "recent", "VIEW") in found
    assert ("crm", "main", "customers", "TABLE") in found


def test_the_schema_of_a_table(connection: adbc.Connection) -> None:
    schema = connection.adbc_get_table_schema("orders", catalog_filter="sales", db_schema_filter="main")
    assert schema.field("amount").type == pa.decimal128(12, 2)
    assert not schema.field("id").nullable
    metadata = schema.field("amount").metadata
    assert metadata[b"ARROW:FLIGHT:SQL:PRECISION"] == b"12" and metadata[b"ARROW:FLIGHT:SQL:SCALE"] == b"2"
    assert metadata[b"ARROW:FLIGHT:SQL:REMARKS"] == b"in euros"


def test_table_types_and_server_information(connection: adbc.Connection) -> None:
    assert connection.adbc_get_table_types() == ["TABLE", "VIEW"]
    information = connection.adbc_get_info()
    assert information["vendor_name"] == "watersmeet"


def test_user_and_password_log_in(front: Front) -> None:
    options = {"username": "ana", "password": "correct horse"}
    with adbc.connect(front.uri, db_kwargs=options, autocommit=True) as connection:
        assert _fetch(connection, "SELECT 42 AS a").to_pylist() == [{"a": 42}]


def test_a_wrong_password_is_refused(front: Front) -> None:
    options = {"username": "ana", "password": "wrong horse"}
    with (
        pytest.raises(adbc.Error, match="WM-4004"),
        adbc.connect(front.uri, db_kwargs=options, autocommit=True) as connection,
    ):
        _fetch(connection, "SELECT 1")


def test_call_headers_set_the_session(front: Front) -> None:
    header = DatabaseOptions.RPC_CALL_HEADER_PREFIX.value
    options = {
        DatabaseOptions.AUTHORIZATION_HEADER.value: f"Bearer {bearer()}",
        header + "catalog": "sales",
        header + "schema": "main",
        header + "watersmeet-timezone": "Asia/Tokyo",
    }
    with adbc.connect(front.uri, db_kwargs=options, autocommit=True) as connection:
        row = _fetch(connection, "SELECT current_setting('TimeZone') AS tz, count(*) AS n FROM orders").to_pylist()
    assert row == [{"tz": "Asia/Tokyo", "n": 1000}]


def test_an_unknown_setting_is_refused_by_name(front: Front) -> None:
    header = DatabaseOptions.RPC_CALL_HEADER_PREFIX.value
    options = {
        DatabaseOptions.AUTHORIZATION_HEADER.value: f"Bearer {bearer()}",
        header + "watersmeet-colour": "blue",
    }
    with (
        adbc.connect(front.uri, db_kwargs=options, autocommit=True) as connection,
        pytest.raises(adbc.Error, match="WM-2009.*colour"),
    ):
        _fetch(connection, "SELECT 1")


def test_cancel_stops_a_statement_that_has_not_answered_yet(front: Front, connection: adbc.Connection) -> None:
    with connection.cursor() as cursor:
        timer = threading.Timer(0.5, cursor.adbc_cancel)
        timer.start()
        started = time.monotonic()
        with pytest.raises(adbc.Error):
            cursor.execute("SELECT count(*) FROM range(1000000000000) AS a(i) WHERE hash(i) = 1")
            cursor.fetchall()
        timer.join()
    assert time.monotonic() - started < 3
    until(lambda: not front.queries.running)


def test_a_client_deadline_ends_the_statement(front: Front, connection: adbc.Connection) -> None:
    with connection.cursor() as cursor:
        cursor.adbc_statement.set_options(**{StatementOptions.TIMEOUT_FETCH.value: 1.0})
        with pytest.raises(adbc.Error):
            cursor.execute("SELECT count(*) FROM range(1000000000000) AS a(i) WHERE hash(i) = 1")
            cursor.fetchall()
    until(lambda: not front.queries.running)


def test_incremental_execution_is_complete_at_once(connection: adbc.Connection) -> None:
    with connection.cursor() as cursor:
        cursor.adbc_statement.set_options(**{"adbc.statement.exec.incremental": "true"})
        cursor.adbc_statement.set_sql_query("SELECT 7 AS a")
        partitions, schema, _ = cursor.adbc_statement.execute_partitions()
        assert len(partitions) == 1 and schema is not None


def test_polars_reads_a_query(connection: adbc.Connection) -> None:
    frame = polars.read_database("SELECT id, amount FROM sales.orders WHERE id < 3 ORDER BY id", connection)
    assert frame["id"].to_list() == [0, 1, 2]
    assert frame.schema["amount"] == polars.Decimal(12, 2)


def test_pandas_reads_a_query(connection: adbc.Connection) -> None:
    frame = pandas.read_sql("SELECT id, region FROM sales.orders WHERE id < 3 ORDER BY id", connection)
    assert list(frame["id"]) == [0, 1, 2]
