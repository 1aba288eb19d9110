"""ADBC below its DBAPI, and what of it polars and pandas do not use: partitions, schemas, details of errors, handles."""

from __future__ import annotations

from collections.abc import Iterator

import adbc_driver_flightsql.dbapi as adbc
import pyarrow as pa
import pytest
from adbc_driver_flightsql import ConnectionOptions
from google.protobuf.any_pb2 import Any as Packed
from google.rpc.error_details_pb2 import ErrorInfo

from tests.clients import shop
from tests.clients.conftest import until
from tests.clients.served import Served


@pytest.fixture
def connection(served: Served) -> Iterator[adbc.Connection]:
    with served.connect() as made:
        yield made


@pytest.fixture
def cursor(connection: adbc.Connection) -> Iterator[adbc.Cursor]:
    with connection.cursor() as made:
        yield made


def test_a_partition_is_read_by_another_connection(served: Served, cursor: adbc.Cursor) -> None:
    partitions, schema = cursor.adbc_execute_partitions("SELECT id, note FROM pg.public.orders")
    assert len(partitions) == 1
    with served.connect() as elsewhere, elsewhere.cursor() as other:
        other.adbc_read_partition(partitions[0])
        table = other.fetch_arrow_table()
    assert table.num_rows == shop.ORDERS
    assert schema is not None and table.schema.equals(schema)


def test_a_partition_is_the_subjects_own(served: Served, cursor: adbc.Cursor) -> None:
    partitions, _ = cursor.adbc_execute_partitions("SELECT 1 AS a")
    with (
        served.connect("thief") as elsewhere,
        elsewhere.cursor() as other,
        pytest.raises(adbc.Error, match="this ticket cannot be used here"),
    ):
        other.adbc_read_partition(partitions[0])
        other.fetch_arrow_table()


def test_preparing_tells_the_parameters(cursor: adbc.Cursor) -> None:
    schema = cursor.adbc_prepare("SELECT id FROM pg.public.orders WHERE id < ? AND note = ? AND amount > ?")
    assert schema is not None
    assert schema.types == [pa.int64(), pa.string(), pa.decimal128(12, 2)]


def test_a_schema_without_running(cursor: adbc.Cursor) -> None:
    schema = cursor.adbc_execute_schema("SELECT id, amount FROM pg.public.orders")
    assert schema.names == ["id", "amount"]


def test_every_row_of_every_type_arrives(cursor: adbc.Cursor) -> None:
    """Types that Arrow would carry in another form (dictionaries, views) come as plain ones, and no row is lost."""
    cursor.execute(
        "SELECT i::VARCHAR AS s, if(i % 2 = 0, 'a', 'b')::ENUM('a', 'b') AS e, [i] AS l, {'i': i} AS st, MAP {'k': i} AS m"
        " FROM range(5000) AS r(i) ORDER BY i"
    )
    table = cursor.fetch_arrow_table()
    assert table.num_rows == 5000
    assert not any(pa.types.is_dictionary(kind) or pa.types.is_string_view(kind) for kind in table.schema.types)
    assert table.column("e").to_pylist()[:3] == ["a", "b", "a"]


def test_what_the_server_says_of_itself(connection: adbc.Connection) -> None:
    told = connection.adbc_get_info()
    assert told["vendor_name"] == "watersmeet"
    assert told["vendor_version"] and told["vendor_arrow_version"] == pa.__version__


def test_statistics_are_the_drivers_lack(connection: adbc.Connection) -> None:
    with pytest.raises(adbc.NotSupportedError, match="AdbcConnectionGetStatistics"):
        connection.adbc_get_statistics()


def test_an_error_has_details_for_programs(cursor: adbc.Cursor) -> None:
    with pytest.raises(adbc.ProgrammingError) as caught:
        cursor.execute("SELECT * FROM nowhere")
    assert caught.value.status_code.name == "NOT_FOUND"
    ((_, detail),) = caught.value.details
    info = ErrorInfo()
    assert Packed.FromString(detail).Unpack(info)
    assert info.metadata["code"] == "WM-2003"


def test_session_options_are_headers(served: Served) -> None:
    with served.connect(catalog="pg", schema="archive") as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM orders_2020")
        assert cursor.fetchone() == (0,)


def test_the_current_catalog_can_be_set(served: Served) -> None:
    """By SetSessionOptions: the driver keeps the cookie when it is told to keep cookies."""
    options = {"adbc.flight.sql.rpc.with_cookie_middleware": "true"}
    headers = {"adbc.flight.sql.authorization_header": f"Bearer {served.token}"}
    with adbc.connect(served.uri, {**headers, **options}, autocommit=True) as connection:
        connection.adbc_current_catalog = "lake"
        with connection.cursor() as cursor:
            cursor.execute("SELECT max(id) FROM customers")
            assert cursor.fetchone() == (3,)
        assert connection.adbc_current_catalog == "lake"
        connection.adbc_current_db_schema = "main"
        assert connection.adbc_current_db_schema == "main"


def test_a_prepared_handle_outlives_its_connection(served: Served, cursor: adbc.Cursor) -> None:
    """Nothing of it is kept at the server: the cursor goes on after another one has closed the same statement."""
    sql = "SELECT id FROM pg.public.orders WHERE id = ?"
    cursor.execute(sql, (1,))
    assert cursor.fetchall() == [(1,)]
    with served.connect() as elsewhere, elsewhere.cursor() as other:
        other.execute(sql, (2,))
        assert other.fetchall() == [(2,)]
    cursor.execute(sql, (3,))
    assert cursor.fetchall() == [(3,)]


def test_the_calls_of_a_statement_are_those_that_the_documentation_says(served: Served) -> None:
    with served.connect("counter") as connection, connection.cursor() as cursor:
        cursor.execute("SELECT ?::INTEGER", (1,))
        assert cursor.fetchall() == [(1,)]
    expected = ["GetFlightInfo", "DoGet", "DoAction", "DoPut", "GetFlightInfo", "DoGet", "DoAction", "DoAction"]
    until(lambda: [call["rpc"] for call in served.calls("counter")] == expected)


def test_an_unknown_session_option_is_refused(connection: adbc.Connection) -> None:
    option = ConnectionOptions.OPTION_SESSION_OPTION_PREFIX.value + "colour"
    with pytest.raises(adbc.Error, match="colour"):
        connection.adbc_connection.set_options(**{option: "blue"})
