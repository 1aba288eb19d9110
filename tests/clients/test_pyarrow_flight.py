"""pyarrow's Flight client: Arrow C++, as ODBC and R use it too."""

from __future__ import annotations

import pyarrow as pa
import pytest
from pyarrow import flight

from server.flight.commands import pack
from server.flight.proto import flight_sql_pb2 as sql
from tests.clients.conftest import Front, bearer, until


def _query(text: str) -> flight.FlightDescriptor:
    return flight.FlightDescriptor.for_command(pack(sql.CommandStatementQuery(query=text)))


def test_a_login_gives_a_token_that_works(front: Front) -> None:
    with flight.connect(front.uri) as client:
        pair = client.authenticate_basic_token("ana", "correct horse")
        options = flight.FlightCallOptions(headers=[pair])
        info = client.get_flight_info(_query("SELECT 42 AS a"), options)
        assert client.do_get(info.endpoints[0].ticket, options).read_all().to_pylist() == [{"a": 42}]


def test_a_wrong_password_is_unauthenticated(front: Front) -> None:
    with flight.connect(front.uri) as client, pytest.raises(flight.FlightUnauthenticatedError, match="WM-4004"):
        client.authenticate_basic_token("ana", "wrong")


def test_info_and_stream_agree(front: Front) -> None:
    options = flight.FlightCallOptions(headers=[(b"authorization", b"Bearer " + bearer().encode())])
    with flight.connect(front.uri) as client:
        info = client.get_flight_info(_query("SELECT * FROM sales.main.orders"), options)
        reader = client.do_get(info.endpoints[0].ticket, options)
        assert reader.schema.equals(info.schema, check_metadata=True)
        assert client.get_schema(_query("SELECT * FROM sales.main.orders"), options).schema.equals(info.schema)
        assert reader.read_all().num_rows == 1000
        assert info.endpoints[0].expiration_time is not None


def test_every_type_that_is_announced_can_be_read(front: Front) -> None:
    text = """SELECT true AS b, 1::TINYINT AS i1, 2::UBIGINT AS u8, 3::HUGEINT AS h, 1.5::FLOAT AS f, 2.5 AS d,
        'x' AS s, 'x'::BLOB AS bin, DATE '2024-01-02' AS dt, TIME '01:02:03' AS t, TIMESTAMP '2024-01-02 03:04:05' AS ts,
        TIMESTAMPTZ '2024-01-02 03:04:05+00' AS tz, [1, 2] AS l, INTERVAL 3 DAY AS iv, NULL AS n"""
    options = flight.FlightCallOptions(headers=[(b"authorization", b"Bearer " + bearer().encode())])
    with flight.connect(front.uri) as client:
        info = client.get_flight_info(_query(text), options)
        table = client.do_get(info.endpoints[0].ticket, options).read_all()
    table.validate(full=True)
    assert table.schema.field("d").type == pa.decimal128(2, 1)
    assert table.num_rows == 1


def test_cancelling_a_reader_ends_the_statement(front: Front) -> None:
    options = flight.FlightCallOptions(headers=[(b"authorization", b"Bearer " + bearer().encode())])
    with flight.connect(front.uri) as client:
        info = client.get_flight_info(_query("SELECT i FROM range(10000000000) AS r(i)"), options)
        reader = client.do_get(info.endpoints[0].ticket, options)
        reader.read_chunk()
        reader.cancel()
        until(lambda: not front.queries.running)


def test_actions_are_listed(front: Front) -> None:
    options = flight.FlightCallOptions(headers=[(b"authorization", b"Bearer " + bearer().encode())])
    with flight.connect(front.uri) as client:
        listed = {action.type for action in client.list_actions(options)}
        assert list(client.list_flights(options=options)) == []
    statements = {"CreatePreparedStatement", "ClosePreparedStatement"}
    flights = {"CancelFlightInfo", "CancelQuery", "RenewFlightEndpoint"}
    assert listed == statements | flights | {"SetSessionOptions", "GetSessionOptions", "CloseSession"}
