"""Who may call, and with which tickets and handles: every call by hand over bare gRPC."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
import pyarrow as pa
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from pydantic import SecretStr

from server.flight.actions import ACTIONS
from server.flight.proto import flight_pb2 as flight
from server.flight.proto import flight_sql_pb2 as sql
from server.flight.tickets import TicketKey, TicketsConfig
from tests.clients.conftest import TICKETS, Front, bearer
from tests.clients.rpc import STREAM_STREAM, UNARY, UNARY_STREAM, Rpc, details, facts


def _check(rpc: Rpc) -> Any:
    """The health check, without credentials."""
    stub: Any = health_pb2_grpc.HealthStub(rpc.channel)
    return stub.Check


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


def test_a_ticket_of_another_subject_or_deployment_an_altered_and_an_expired_one_look_alike(
    serve: Callable[..., Front],
) -> None:
    front = serve()
    other = serve(tickets=TICKETS.model_copy(update={"deployment": "another"}))
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
    assert facts(caught.value)["code"] == "WM-3007" and facts(caught.value)["retry"] == "replan"
