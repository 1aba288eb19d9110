"""Flight SQL over bare gRPC: what client libraries cannot send, and what they would hide."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import grpc
import pyarrow as pa
import pytest
from google.protobuf.any_pb2 import Any as Packed
from google.protobuf.message import Message
from grpc_health.v1 import health_pb2, health_pb2_grpc
from pydantic import SecretStr

from auth.principal import Principal
from server.flight.calls import ACTIONS
from server.flight.commands import pack
from server.flight.proto import flight_pb2 as flight
from server.flight.proto import flight_sql_pb2 as sql
from server.flight.tickets import TicketKey, TicketsConfig
from server.requests import Request
from tests.clients.conftest import TICKETS, Front, bearer, until
from tests.clients.memory_queries import MemoryQueries
from tests.clients.rpc import STREAM_STREAM, UNARY, UNARY_STREAM, Rpc, descriptor, details, facts, read_schema

ENDLESS = "SELECT count(*) FROM range(1000000000000) AS a(i) WHERE hash(i) = 1"
STREAM = "SELECT i, repeat('x', 1000) AS s FROM range(100000000) AS r(i)"


def _query(text: str) -> bytes:
    return descriptor(sql.CommandStatementQuery(query=text))


def _check(rpc: Rpc) -> Any:
    """The health check, without credentials."""
    stub: Any = health_pb2_grpc.HealthStub(rpc.channel)
    return stub.Check


# ---------------------------------------------------------------- who may call


@pytest.mark.parametrize("method", [*UNARY, *UNARY_STREAM, *STREAM_STREAM])
@pytest.mark.parametrize(
    "header",
    [None, "", "Bearer", "Bearer junk", "Basic", "Basic !!!!", "Basic YW5h", "Basic YW5hOndyb25n", "Digest x"],
)
def test_every_call_without_good_credentials_is_unauthenticated(rpc: Rpc, method: str, header: str | None) -> None:
    stranger = rpc.with_headers(*(() if header is None else (("authorization", header),)))
    with pytest.raises(grpc.RpcError) as caught:
        stranger.raw(method, b"")
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.parametrize("action", [*ACTIONS, "CancelFlightInfo", "BeginTransaction", "CloseSession", "anything"])
def test_every_action_without_credentials_is_unauthenticated(rpc: Rpc, action: str) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        rpc.with_headers().raw("DoAction", flight.Action(type=action).SerializeToString())
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED


def test_an_expired_token_says_so(rpc: Rpc) -> None:
    late = rpc.with_headers(("authorization", f"Bearer {bearer(seconds=-60)}"))
    with pytest.raises(grpc.RpcError) as caught:
        late.query("SELECT 1")
    assert facts(caught.value)["code"] == "WM-4003"


def test_basic_credentials_without_padding_are_answered_with_a_token(rpc: Rpc) -> None:
    call: Any = rpc.channel.stream_stream("/arrow.flight.protocol.FlightService/Handshake")(
        iter(()), metadata=(("authorization", "Basic YW5hOmNvcnJlY3QgaG9yc2U"),), timeout=10
    )
    headers = dict(call.initial_metadata())
    assert list(call) == []
    assert rpc.with_headers(("authorization", headers["authorization"])).fetch(
        sql.CommandStatementQuery(query="SELECT 1 AS a")
    ).to_pylist() == [{"a": 1}]


def test_a_handshake_with_a_bearer_token_is_empty(rpc: Rpc) -> None:
    assert rpc.raw("Handshake") == []


def test_an_anonymous_caller_sees_what_its_role_allows(serve: Callable[..., Front]) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{serve(anonymous=True).port}") as channel:
        assert Rpc(channel).fetch(sql.CommandGetCatalogs()).num_rows == 0  # no pattern for the role `anonymous`
        with pytest.raises(grpc.RpcError):
            Rpc(channel, (("authorization", "Bearer junk"),)).query("SELECT 1")


def test_sixty_kibibytes_of_headers_pass(rpc: Rpc) -> None:
    wide = rpc.with_headers(*rpc.headers, *((f"jdbc-property-{i}", "x" * 1000) for i in range(60)))
    assert wide.fetch(sql.CommandStatementQuery(query="SELECT 1 AS a")).num_rows == 1


def test_health_needs_no_credentials(rpc: Rpc) -> None:
    check = _check(rpc)
    for service in ("", "arrow.flight.protocol.FlightService"):
        assert check(health_pb2.HealthCheckRequest(service=service), timeout=5).status == 1


# ---------------------------------------------------------------- tickets and handles


def test_a_ticket_of_another_subject_or_deployment_an_altered_and_an_expired_one_look_alike(
    serve: Callable[..., Front],
) -> None:
    front = serve()
    other = serve(deployment="another")
    brief = serve(tickets=TICKETS.model_copy(update={"ticket_ttl": -1.0}))
    foreign = serve(tickets=TicketsConfig(keys=(TicketKey(kid="t9", secret=SecretStr("0" * 32)),)))
    me = (("authorization", f"Bearer {bearer()}"),)
    you = (("authorization", f"Bearer {bearer('eve')}"),)

    def ticket(port: int) -> bytes:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            return Rpc(channel, me).query("SELECT 1").endpoint[0].ticket.ticket

    good = ticket(front.port)
    altered = [good[:i] + bytes((good[i] ^ 1,)) + good[i + 1 :] for i in range(len(good))]
    bad = [*altered, good[:-1], good + b"x", b"", b"WM", ticket(other.port), ticket(brief.port), ticket(foreign.port)]
    answers = set()
    with grpc.insecure_channel(f"127.0.0.1:{front.port}") as channel:
        for headers, token in [*((me, token) for token in bad), (you, good)]:
            with pytest.raises(grpc.RpcError) as caught:
                Rpc(channel, headers).raw("DoGet", flight.Ticket(ticket=token).SerializeToString())
            told = facts(caught.value)
            answers.add((caught.value.code(), details(caught.value).replace(told["query_id"], ""), told["retry"]))
        assert len(Rpc(channel, me).raw("DoGet", flight.Ticket(ticket=good).SerializeToString())) == 2
    assert {(code, retry) for code, _, retry in answers} == {(grpc.StatusCode.FAILED_PRECONDITION, "replan")}
    assert len(answers) == 1


def test_a_ticket_is_good_on_another_replica_and_a_handle_too(serve: Callable[..., Front]) -> None:
    one, two = serve(), serve()
    headers = (("authorization", f"Bearer {bearer()}"),)
    with (
        grpc.insecure_channel(f"127.0.0.1:{one.port}") as here,
        grpc.insecure_channel(f"127.0.0.1:{two.port}") as there,
    ):
        info = Rpc(here, headers).query("SELECT 41 + 1 AS a")
        assert Rpc(there, headers).table(info).to_pylist() == [{"a": 42}]
        handle = Rpc(here, headers).prepare("SELECT ?::INTEGER AS a").prepared_statement_handle
        bound = Rpc(there, headers).bind(handle, pa.table({"0": [42]}))
        command = sql.CommandPreparedStatementQuery(prepared_statement_handle=bound)
        assert Rpc(here, headers).fetch(command).to_pylist() == [{"a": 42}]


def test_without_keys_a_ticket_is_good_on_its_own_process_only(serve: Callable[..., Front]) -> None:
    one, two = serve(tickets=TicketsConfig()), serve(tickets=TicketsConfig())
    headers = (("authorization", f"Bearer {bearer()}"),)
    with (
        grpc.insecure_channel(f"127.0.0.1:{one.port}") as here,
        grpc.insecure_channel(f"127.0.0.1:{two.port}") as there,
    ):
        info = Rpc(here, headers).query("SELECT 1 AS a")
        assert Rpc(here, headers).table(info).num_rows == 1
        with pytest.raises(grpc.RpcError):
            Rpc(there, headers).table(info)


def test_a_ticket_freezes_session_now_and_query_id(front: Front, rpc: Rpc) -> None:
    tokyo = rpc.with_headers(*rpc.headers, ("watersmeet-timezone", "Asia/Tokyo"), ("catalog", "sales"))
    info = tokyo.query("SELECT current_setting('TimeZone') AS tz")
    assert rpc.table(info).to_pylist() == rpc.table(info).to_pylist() == [{"tz": "Asia/Tokyo"}]
    first, second = front.queries.executed
    assert first == second
    assert first.session.catalog == "sales"
    assert len(first.query_id) == 16


def test_a_changed_table_between_info_and_fetch_is_plan_again(front: Front, rpc: Rpc) -> None:
    front.queries.connection.execute("CREATE TABLE sales.main.changing (a INTEGER)")
    info = rpc.query("SELECT * FROM sales.main.changing")
    front.queries.connection.execute("ALTER TABLE sales.main.changing ALTER a TYPE BIGINT")
    with pytest.raises(grpc.RpcError) as caught:
        rpc.table(info)
    assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert facts(caught.value)["code"] == "WM-2105" and facts(caught.value)["retry"] == "replan"


# ---------------------------------------------------------------- statements and parameters


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


# ---------------------------------------------------------------- what is not there, and what makes no sense


@pytest.mark.parametrize(
    "command",
    [
        sql.CommandGetPrimaryKeys(table="t"),
        sql.CommandGetExportedKeys(table="t"),
        sql.CommandGetImportedKeys(table="t"),
        sql.CommandGetCrossReference(pk_table="t", fk_table="u"),
        sql.CommandGetXdbcTypeInfo(),
        sql.CommandStatementSubstraitPlan(),
        sql.CommandStatementUpdate(query="DELETE FROM t"),
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
        sql.CommandPreparedStatementUpdate(),
        sql.CommandStatementIngest(table="t"),
    ],
    ids=lambda command: command.DESCRIPTOR.name,
)
def test_updates_are_refused_and_never_silent(rpc: Rpc, command: Message) -> None:
    data = flight.FlightData(flight_descriptor=flight.FlightDescriptor.FromString(descriptor(command)))
    with pytest.raises(grpc.RpcError) as caught:
        rpc.raw("DoPut", data.SerializeToString())
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize(
    "action", ["BeginTransaction", "EndTransaction", "CancelFlightInfo", "CancelQuery", "RenewFlightEndpoint", "x\n\0"]
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


# ---------------------------------------------------------------- load, cancel, end


def test_cancel_deadline_and_a_client_that_goes_free_the_statement(front: Front, rpc: Rpc) -> None:
    for text in (ENDLESS, STREAM):
        info = rpc.query(text)
        frames = rpc.frames(info)
        until(lambda: front.queries.running)
        frames.cancel()
        until(lambda: not front.queries.running, 1.0)
        with pytest.raises(grpc.RpcError):
            list(rpc.frames(info, timeout=0.3))
        until(lambda: not front.queries.running, 1.0)
        with grpc.insecure_channel(f"127.0.0.1:{front.port}") as channel:
            gone = Rpc(channel, rpc.headers).frames(info)
            until(lambda: front.queries.running)
        until(lambda: not front.queries.running, 1.0)
        del gone


def test_a_hundred_cancelled_streams_leave_every_place_free(front: Front, rpc: Rpc) -> None:
    info = rpc.query(STREAM)
    for i in range(100):
        frames = rpc.frames(info)
        if i % 2:
            next(frames)
        frames.cancel()
        until(lambda: not front.queries.running)
    waiting = [rpc.frames(rpc.query(STREAM)) for _ in range(3)]
    assert all(next(frames) for frames in waiting)
    for frames in waiting:
        frames.cancel()


def test_streams_above_the_limit_are_refused_at_once_and_the_rest_goes_on(front: Front, rpc: Rpc) -> None:
    info = rpc.query(ENDLESS)
    running = [rpc.frames(info) for _ in range(3)]
    until(lambda: len(front.queries.running) == 3)
    started = time.monotonic()
    with pytest.raises(grpc.RpcError) as caught:
        list(rpc.frames(info))
    assert time.monotonic() - started < 0.5
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE and facts(caught.value)["code"] == "WM-5101"
    assert _check(rpc)(health_pb2.HealthCheckRequest(), timeout=1).status == 1
    assert rpc.fetch(sql.CommandGetCatalogs()).num_rows == 2
    for frames in running:
        frames.cancel()
    until(lambda: not front.queries.running)
    assert rpc.fetch(sql.CommandStatementQuery(query="SELECT 1")).num_rows == 1


def test_health_answers_while_logins_are_being_guessed(front: Front, rpc: Rpc) -> None:
    end = time.monotonic() + 2
    refused: list[grpc.StatusCode] = []

    def guess() -> None:
        with grpc.insecure_channel(f"127.0.0.1:{front.port}", (("grpc.use_local_subchannel_pool", 1),)) as channel:
            stranger = Rpc(channel, (("authorization", "Basic YW5hOndyb25n"),))
            while time.monotonic() < end:
                with pytest.raises(grpc.RpcError) as caught:
                    stranger.raw("Handshake")
                refused.append(caught.value.code())

    guessers = [threading.Thread(target=guess) for _ in range(30)]
    for guesser in guessers:
        guesser.start()
    check, slowest = _check(rpc), 0.0
    while time.monotonic() < end:
        started = time.monotonic()
        check(health_pb2.HealthCheckRequest(), timeout=2)
        slowest = max(slowest, time.monotonic() - started)
    for guesser in guessers:
        guesser.join()
    assert set(refused) == {grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.UNAVAILABLE}
    assert slowest < 1


def test_the_statement_timeout_ends_what_the_client_would_wait_for(serve: Callable[..., Front]) -> None:
    front = serve(statement_timeout=0.5)
    with grpc.insecure_channel(f"127.0.0.1:{front.port}") as channel:
        rpc = Rpc(channel, (("authorization", f"Bearer {bearer()}"),))
        with pytest.raises(grpc.RpcError) as caught:
            rpc.fetch(sql.CommandStatementQuery(query=ENDLESS))
    assert facts(caught.value)["code"] == "WM-5003"


def test_draining_lets_running_streams_end_and_takes_no_new_ones(front: Front, rpc: Rpc) -> None:
    frames = rpc.frames(rpc.query("SELECT i, repeat('x', 1000) AS s FROM range(50000) AS r(i)"))
    next(frames)
    drained = threading.Thread(target=front.server.drain, args=(10,))
    drained.start()
    time.sleep(0.2)
    with pytest.raises(grpc.RpcError) as caught, grpc.insecure_channel(f"127.0.0.1:{front.port}") as channel:
        Rpc(channel, rpc.headers).query("SELECT 1")
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert sum(map(len, frames)) > 50_000_000
    drained.join(5)
    assert not drained.is_alive()


def test_draining_cancels_what_does_not_end_in_time(front: Front, rpc: Rpc) -> None:
    frames = rpc.frames(rpc.query(ENDLESS))
    until(lambda: front.queries.running)
    started = time.monotonic()
    front.server.drain(0.5)
    assert time.monotonic() - started < 3
    until(lambda: not front.queries.running, 1.0)
    with pytest.raises(grpc.RpcError):
        list(frames)


def test_a_second_server_on_the_port_is_refused(front: Front, serve: Callable[..., Front]) -> None:
    with pytest.raises(OSError, match="cannot listen"):
        serve(listen=f"127.0.0.1:{front.port}")
