"""The tables of traps and of the surface are whole and true; and the traps that no other file walks into."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import adbc_driver_flightsql.dbapi as adbc
import grpc
import pyarrow as pa
import pytest

from server.flight.actions import ACTIONS
from server.flight.proto import flight_pb2 as flight
from server.flight.proto import flight_sql_pb2 as sql
from tests.clients.conftest import Front, bearer
from tests.clients.replicas import calling
from tests.clients.rpc import Rpc, read_schema
from tests.clients.served import Served
from tests.clients.surface import put, refused
from tests.clients.surface_rows import ACTIONS as ACTION_ROWS
from tests.clients.surface_rows import COMMANDS, ROWS, RPCS
from tests.clients.traps import TRAPS

TESTS = Path(__file__).parents[1]
PAGE = TESTS.parent / "docs" / "reference" / "flight-sql.md"
NOTES = "pg.archive.orders_2020"

# ---------------------------------------------------------------- the tables


@cache
def _functions(file: str) -> frozenset[str]:
    """The tests in a file."""
    tree = ast.parse((TESTS / file).read_text())
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


def _absent(tests: tuple[str, ...]) -> list[str]:
    """Those that are not there."""
    named = [(file, function) for file, _, function in (test.partition("::") for test in tests)]
    return [f"{file}::{name}" for file, name in named if not (TESTS / file).exists() or name not in _functions(file)]


def test_there_are_sixteen_traps() -> None:
    assert list(TRAPS) == list(range(1, 17))


@pytest.mark.parametrize("number", TRAPS)
def test_every_trap_has_tests_that_exist(number: int) -> None:
    assert TRAPS[number].tests
    assert not _absent(TRAPS[number].tests)


def test_the_rows_of_the_surface_are_those_of_the_specification() -> None:
    service = flight.DESCRIPTOR.services_by_name["FlightService"]
    assert RPCS.keys() == {method.name for method in service.methods}
    assert COMMANDS.keys() == {name for name in sql.DESCRIPTOR.message_types_by_name if name.startswith("Command")}
    # The messages of actions that this server does not implement are left out of its .proto file.
    absent = {"BeginTransaction", "EndTransaction", "BeginSavepoint", "EndSavepoint", "CreatePreparedSubstraitPlan"}
    assert ACTION_ROWS.keys() == ACTIONS.keys() | absent


@pytest.mark.parametrize("row", ROWS)
def test_every_row_of_the_surface_has_tests_that_exist_and_a_line_in_the_reference(row: str) -> None:
    assert ROWS[row]
    assert not _absent(ROWS[row])
    assert f"`{row}`" in PAGE.read_text()


# ---------------------------------------------------------------- traps 3, 4 and 6: changes


@pytest.fixture
def rpc(writable_shop: Served) -> Iterator[Rpc]:
    with calling(writable_shop.port, ("authorization", f"Bearer {writable_shop.token}")) as calls:
        put(calls, sql.CommandStatementUpdate(query=f"DELETE FROM {NOTES}"))
        yield calls


def _count(rpc: Rpc) -> int:
    count: int = rpc.table(rpc.query(f"SELECT count(*) AS n FROM {NOTES}")).column("n")[0].as_py()
    return count


def test_a_change_through_adbcs_execute_is_made_or_refused(writable_shop: Served, rpc: Rpc) -> None:
    """The driver asks for rows whatever `is_update` says; a server that only plans then would have done nothing."""
    with writable_shop.connect() as connection, connection.cursor() as cursor:
        try:
            cursor.execute(f"INSERT INTO {NOTES} VALUES (1)")
            cursor.fetchall()
        except adbc.Error as error:
            assert "WM-2106" in str(error)
            assert _count(rpc) == 0
        else:
            assert _count(rpc) == 1


def test_planning_a_change_makes_none_and_sending_it_makes_one(rpc: Rpc) -> None:
    insert = f"INSERT INTO {NOTES} VALUES (1)"
    handle = rpc.prepare(insert).prepared_statement_handle
    for query in (
        sql.CommandStatementQuery(query=insert),
        sql.CommandPreparedStatementQuery(prepared_statement_handle=handle),
    ):
        for method in ("GetFlightInfo", "PollFlightInfo"):
            with refused(grpc.StatusCode.INVALID_ARGUMENT, "WM-2106"):
                rpc.info(query, method)
    assert _count(rpc) == 0
    assert put(rpc, sql.CommandPreparedStatementUpdate(prepared_statement_handle=handle)) == 1
    assert _count(rpc) == 1


def test_an_answer_may_be_fetched_never_or_twice(rpc: Rpc) -> None:
    text = "SELECT now() AS t, count(*) AS n FROM pg.public.orders"
    never, twice = rpc.query(text), rpc.query(text)
    assert never.endpoint[0].ticket != twice.endpoint[0].ticket
    assert rpc.table(twice).to_pylist() == rpc.table(twice).to_pylist()


def test_a_prepared_change_takes_a_batch_without_columns(rpc: Rpc) -> None:
    handle = rpc.prepare(f"INSERT INTO {NOTES} VALUES (1), (2)").prepared_statement_handle
    command = sql.CommandPreparedStatementUpdate(prepared_statement_handle=handle)
    one_row = pa.Table.from_batches([pa.RecordBatch.from_struct_array(pa.array([{}], pa.struct([])))])
    assert one_row.shape == (1, 0)
    for nothing in (None, pa.table({}), one_row):
        assert put(rpc, command, nothing) == 2
    assert _count(rpc) == 6


# ---------------------------------------------------------------- traps 7, 9 and 15


def test_every_code_of_the_server_information_has_the_member_that_drivers_read(rpc: Rpc) -> None:
    table = rpc.fetch(sql.CommandGetSqlInfo()).combine_chunks()
    codes = table.column("info_name").to_pylist()
    members = dict(zip(codes, table.column("value").chunk(0).type_codes.to_pylist(), strict=True))
    assert max(codes) < 10_000
    longs = {
        code
        for name, code in sql.SqlInfo.items()
        if name.startswith("SQL_MAX_") and name != "SQL_MAX_ROW_SIZE_INCLUDES_BLOBS"
    } | {sql.SQL_DB_SCHEMA_NAME_LENGTH, sql.SQL_DEFAULT_TRANSACTION_ISOLATION}
    assert {code for code, member in members.items() if member == 2} == longs
    names = [name for name, _ in sql.SqlInfo.items()]
    texts = [name for name in names if name.endswith(("_TERM", "_CHAR", "_VERSION", "_NAME"))]
    assert {members[sql.SqlInfo.Value(name)] for name in texts} == {0}
    lists = [name for name in names if name.endswith(("_FUNCTIONS", "_KEYWORDS"))]
    assert {members[sql.SqlInfo.Value(name)] for name in lists} == {4}
    assert members[sql.SQL_SUPPORTS_CONVERT] == 5


def test_64_kibibytes_of_headers_pass(front: Front) -> None:
    """A long token, and every property of a JDBC URL."""
    wide = [(f"property-{i}", "x" * (16 * 1024 - 64)) for i in range(4)]
    with calling(front.port, ("authorization", f"Bearer {bearer()}"), *wide) as rpc:
        assert sum(len(name) + len(value) for name, value in rpc.headers) > 64 * 1024
        assert rpc.table(rpc.query("SELECT 1 AS a")).to_pylist() == [{"a": 1}]


def test_an_answer_without_columns_is_one(writable_shop: Served, rpc: Rpc) -> None:
    """SET answers with no columns. ADBC keeps no cookies unless it is told to, so the session comes by Handshake."""
    call: Any = rpc.channel.stream_stream("/arrow.flight.protocol.FlightService/Handshake")
    given = call(iter([b""]), metadata=rpc.headers, timeout=20)
    cookie = dict(given.initial_metadata())["set-cookie"].partition(";")[0]
    session = rpc.with_headers(*rpc.headers, ("cookie", cookie))
    info = session.query("SET timezone = 'Europe/Berlin'")
    assert read_schema(info.schema) == pa.schema([])
    assert session.table(info).shape == (0, 0)
