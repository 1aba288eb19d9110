"""Flight SQL over bare gRPC: what client libraries cannot send, and what they would hide."""

from __future__ import annotations

import time

import grpc
import pyarrow as pa
import pytest
from google.protobuf.any_pb2 import Any as Packed
from google.protobuf.message import Message

from auth.principal import Principal
from server.flight.actions import ACTIONS
from server.flight.commands import pack
from server.flight.proto import flight_pb2 as flight
from server.flight.proto import flight_sql_pb2 as sql
from server.requests import Request
from tests.clients.conftest import Front
from tests.clients.memory_queries import MemoryQueries
from tests.clients.rpc import UNARY, Rpc, descriptor, details, facts, read_schema


def _query(text: str) -> bytes:
    return descriptor(sql.CommandStatementQuery(query=text))


def test_an_answer_has_the_schema_that_was_announced_everywhere(rpc: Rpc) -> None:
    text = "SELECT id, amount, [id] AS l FROM sales.main.orders WHERE false"
    info = rpc.query(text)
    prepared = rpc.prepare(text)
    schemas = [
        read_schema(info.schema),
        read_schema(prepared.dataset_schema),
        rpc.schema(sql.CommandStatementQuery(query=text)),
        rpc.table(info).schema,
    ]
    assert all(schema.equals(schemas[0], check_metadata=True) for schema in schemas)
    assert prepared.parameter_schema and prepared.HasField("is_update") and not prepared.is_update


def test_poll_is_complete_at_once(rpc: Rpc) -> None:
    answer = flight.PollInfo.FromString(rpc.raw("PollFlightInfo", _query("SELECT 5 AS a"))[0])
    assert answer.progress == 1.0 and not answer.HasField("flight_descriptor")
    assert answer.expiration_time.seconds > time.time()
    assert rpc.table(answer.info).to_pylist() == [{"a": 5}]


def test_binding_again_starts_from_either_handle(rpc: Rpc) -> None:
    first = rpc.prepare("SELECT ?::INTEGER AS a").prepared_statement_handle
    second = rpc.bind(first, pa.table({"a": pa.array([1], pa.int32())}))
    third = rpc.bind(second, pa.table({"a": pa.array([2], pa.int32())}))
    again = rpc.bind(first, pa.table({"a": pa.array([3], pa.int32())}))
    rows = [
        rpc.fetch(sql.CommandPreparedStatementQuery(prepared_statement_handle=handle)).to_pylist()[0]["a"]
        for handle in (second, third, again)
    ]
    assert rows == [1, 2, 3]


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (pa.table({"a": ["x"]}), "parameter 1 is int32, the value is string"),
        (pa.table({"a": [1, 2]}), "one row of parameters is expected, 2 came"),
        (pa.table({"a": pa.array([], pa.int32())}), "one row of parameters is expected, 0 came"),
        (pa.table({"a": [1], "b": [2]}), "the statement has 1 parameter, 2 came"),
        (pa.table({"a": [b"x" * 2_000_000]}), "more than 1048576 bytes"),
    ],
    ids=["type", "two rows", "no row", "two columns", "two megabytes"],
)
def test_parameters_that_do_not_fit_are_refused_in_words(rpc: Rpc, table: pa.Table, words: str) -> None:
    handle = rpc.prepare("SELECT ?::INTEGER").prepared_statement_handle
    with pytest.raises(grpc.RpcError) as caught:
        rpc.bind(handle, table)
    assert words in details(caught.value)


def test_unbound_parameters_are_named(rpc: Rpc) -> None:
    handle = rpc.prepare("SELECT $first::INTEGER, $second").prepared_statement_handle
    for command in (
        sql.CommandPreparedStatementQuery(prepared_statement_handle=handle),
        sql.CommandStatementQuery(query="SELECT $first::INTEGER, $second"),
    ):
        with pytest.raises(grpc.RpcError) as caught:
            rpc.info(command)
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert "parameter first" in details(caught.value)


def test_closing_is_never_an_error(rpc: Rpc) -> None:
    for body in (b"", b"junk", pack(sql.ActionClosePreparedStatementRequest(prepared_statement_handle=b"gone"))):
        assert rpc.raw("DoAction", flight.Action(type="ClosePreparedStatement", body=body).SerializeToString()) == []


def test_a_client_that_sends_half_of_its_parameters_ends(rpc: Rpc) -> None:
    handle = rpc.prepare("SELECT ?::INTEGER").prepared_statement_handle
    command = descriptor(sql.CommandPreparedStatementQuery(prepared_statement_handle=handle))
    only = flight.FlightData(flight_descriptor=flight.FlightDescriptor.FromString(command))
    with pytest.raises(grpc.RpcError) as caught:
        rpc.raw("DoPut", only.SerializeToString())
    assert facts(caught.value)["code"] == "WM-2101"


@pytest.mark.parametrize(
    "command",
    [
        sql.CommandStatementSubstraitPlan(),
        sql.CommandStatementQuery(query="SELECT 1", transaction_id=b"1"),
    ],
    ids=lambda command: command.DESCRIPTOR.name,
)
@pytest.mark.parametrize("method", UNARY)
def test_commands_that_are_not_implemented_say_so(rpc: Rpc, command: Message, method: str) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        rpc.raw(method, descriptor(command))
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert facts(caught.value)["code"] == "WM-2102"


@pytest.mark.parametrize(
    "command",
    [
        sql.CommandStatementUpdate(query="DELETE FROM t"),
        sql.CommandPreparedStatementUpdate(prepared_statement_handle=b"x"),
        sql.CommandStatementIngest(table="t"),
    ],
    ids=lambda command: command.DESCRIPTOR.name,
)
@pytest.mark.parametrize("method", UNARY)
def test_a_change_is_never_asked_for_as_rows(rpc: Rpc, command: Message, method: str) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        rpc.raw(method, descriptor(command))
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert facts(caught.value)["code"] == "WM-2106"


def test_a_query_is_never_sent_with_data(rpc: Rpc) -> None:
    command = sql.CommandStatementQuery(query="SELECT 1")
    data = flight.FlightData(flight_descriptor=flight.FlightDescriptor.FromString(descriptor(command)))
    with pytest.raises(grpc.RpcError) as caught:
        rpc.raw("DoPut", data.SerializeToString())
    assert facts(caught.value)["code"] == "WM-2106"


@pytest.mark.parametrize(
    "action",
    [
        "BeginTransaction",
        "EndTransaction",
        "BeginSavepoint",
        "EndSavepoint",
        "CreatePreparedSubstraitPlan",
        "x\n\0",
    ],
)
def test_actions_that_are_not_implemented_say_so(rpc: Rpc, action: str) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        rpc.raw("DoAction", flight.Action(type=action).SerializeToString())
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_exchange_is_unimplemented_and_no_flights_are_listed(rpc: Rpc) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        rpc.raw("DoExchange")
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert rpc.raw("ListFlights", b"") == []
    listed = {flight.ActionType.FromString(answer).type for answer in rpc.raw("ListActions", b"")}
    assert listed == set(ACTIONS)


@pytest.mark.parametrize(
    "request_",
    [
        b"\xff\xff\xff",
        b"",
        flight.FlightDescriptor(type=flight.FlightDescriptor.PATH, path=["a"]).SerializeToString(),
        flight.FlightDescriptor(type=flight.FlightDescriptor.CMD, cmd=b"SELECT 1").SerializeToString(),
        flight.FlightDescriptor(
            type=flight.FlightDescriptor.CMD, cmd=Packed(type_url="x/arrow.flight.protocol.Ticket").SerializeToString()
        ).SerializeToString(),
        flight.FlightDescriptor(
            type=flight.FlightDescriptor.CMD,
            cmd=Packed(
                type_url="type.googleapis.com/arrow.flight.protocol.sql.CommandStatementQuery",
                value=b"\x0a\x02\xc3\x28",
            ).SerializeToString(),
        ).SerializeToString(),
    ],
    ids=["junk", "empty", "path", "plain text", "other message", "invalid UTF-8"],
)
@pytest.mark.parametrize("method", UNARY)
def test_malformed_requests_are_the_callers_error(rpc: Rpc, method: str, request_: bytes) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        rpc.raw(method, request_)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_an_error_names_code_reason_and_query_and_has_no_traceback(rpc: Rpc) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        rpc.query("SELECT * FROM nowhere")
    told = facts(caught.value)
    assert told["code"] == "WM-2003" and told["reason"] == "UnknownName" and told["retry"] == "no"
    assert told["query_id"] in details(caught.value)
    assert "Traceback" not in details(caught.value)


def test_an_error_in_the_middle_of_a_stream_is_an_error(rpc: Rpc) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        rpc.fetch(
            sql.CommandStatementQuery(query="SELECT CAST(if(i = 900000, 'x', '1') AS INTEGER) FROM range(1000000) r(i)")
        )
    assert facts(caught.value)["code"] == "WM-2050"


def test_an_unforeseen_error_shows_nothing_but_the_query_id(
    front: Front, rpc: Rpc, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(self: MemoryQueries, request: Request, principal: Principal) -> object:
        raise RuntimeError("password=hunter2")

    monkeypatch.setattr(MemoryQueries, "describe", fails)
    with pytest.raises(grpc.RpcError) as caught:
        rpc.query("SELECT 1")
    told = facts(caught.value)
    assert told["code"] == "WM-9001" and "hunter2" not in details(caught.value)
    assert told["query_id"] in caplog.text


def test_an_answer_is_cut_into_frames_that_any_client_takes(rpc: Rpc) -> None:
    sizes = [len(frame) for frame in rpc.frames(rpc.query("SELECT repeat('x', 100000) AS s FROM range(300)"))]
    assert sum(sizes) > 30_000_000
    assert max(sizes) <= 4 * 1024 * 1024
