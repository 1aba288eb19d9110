"""Every RPC, command and action of Flight SQL, over bare gRPC, against two server processes with the same keys.

One test for each row of docs/reference/flight-sql.md: what is there answers, what is not says so. Metadata and cancelling
have files of their own beside this one.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from typing import Any

import grpc
import pyarrow as pa
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2

from server.flight.actions import ACTIONS
from server.flight.commands import pack
from server.flight.proto import flight_pb2 as flight
from server.flight.proto import flight_sql_pb2 as sql
from tests.clients import shop
from tests.clients.replicas import Replica
from tests.clients.rpc import Rpc, descriptor, read_schema
from tests.clients.served import PASSWORD, USER
from tests.clients.surface import AUTHORIZATION, act, put, refused, servers


@pytest.fixture(scope="module")
def replicas(postgres_url: str, mysql_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Replica]]:
    with servers(postgres_url, mysql_url, tmp_path_factory.mktemp("surface"), 2) as started:
        yield started


@pytest.fixture
def rpc(replicas: list[Replica]) -> Iterator[Rpc]:
    with replicas[0].calling(AUTHORIZATION) as calls:
        yield calls


# ---------------------------------------------------------------- RPCs


def test_handshake_takes_a_password_and_a_token(replicas: list[Replica], rpc: Rpc) -> None:
    basic = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode().rstrip("=")  # as arrow-go sends it
    call: Any = rpc.channel.stream_stream("/arrow.flight.protocol.FlightService/Handshake")
    answer = call(iter([b""]), metadata=(("authorization", f"Basic {basic}"),), timeout=20)
    given = str(dict(answer.initial_metadata())["authorization"])
    assert list(answer) == []
    with replicas[1].calling(("authorization", given)) as other:
        assert other.raw("Handshake", b"") == []
        assert other.table(other.query("SELECT 1 AS a")).to_pylist() == [{"a": 1}]


@pytest.mark.parametrize("text", ["SELECT id, note FROM pg.public.orders", "SELECT 1", "SELECT * FROM odd.main.odd"])
def test_flight_info_schema_and_stream_agree(rpc: Rpc, text: str) -> None:
    info = rpc.query(text)
    prepared = rpc.prepare(text)
    schemas = [
        read_schema(info.schema),
        rpc.schema(sql.CommandStatementQuery(query=text)),
        rpc.table(info).schema,
        read_schema(prepared.dataset_schema),
    ]
    assert all(schema.equals(schemas[0], check_metadata=True) for schema in schemas)
    assert all(field.nullable for field in schemas[0])


def test_poll_is_complete_at_once_and_refuses_what_cannot_be_planned(rpc: Rpc) -> None:
    command = sql.CommandStatementQuery(query="SELECT count(*) AS n FROM pg.public.orders")
    poll = flight.PollInfo.FromString(rpc.raw("PollFlightInfo", descriptor(command))[0])
    assert poll.progress == 1.0 and not poll.HasField("flight_descriptor")
    assert poll.expiration_time.seconds > time.time()
    assert rpc.table(poll.info).to_pylist() == [{"n": shop.ORDERS}]
    with refused(grpc.StatusCode.NOT_FOUND, "WM-2003"):
        rpc.info(sql.CommandStatementQuery(query="SELECT * FROM nowhere"), "PollFlightInfo")


def test_there_are_actions_and_no_flights_and_no_exchange(rpc: Rpc) -> None:
    listed = [flight.ActionType.FromString(answer) for answer in rpc.raw("ListActions", b"")]
    assert [action.type for action in listed] == list(ACTIONS)
    assert all(action.description for action in listed)
    for criteria in (b"", flight.Criteria(expression=b"anything").SerializeToString()):
        assert rpc.raw("ListFlights", criteria) == []
    with refused(grpc.StatusCode.UNIMPLEMENTED, "WM-2102"):
        rpc.raw("DoExchange", flight.FlightData().SerializeToString())


# ---------------------------------------------------------------- statements


def test_a_prepared_statement_is_bound_by_new_handles(rpc: Rpc) -> None:
    made = rpc.prepare("SELECT id FROM pg.public.orders WHERE id = ?")
    assert read_schema(made.parameter_schema).types == [pa.int64()] and not made.is_update
    handle = made.prepared_statement_handle
    one, two = (rpc.bind(handle, pa.table({"1": [i]})) for i in (1, 2))
    for bound, expected in ((one, 1), (two, 2)):
        command = sql.CommandPreparedStatementQuery(prepared_statement_handle=bound)
        assert rpc.fetch(command).to_pylist() == [{"id": expected}]
    act(rpc, "ClosePreparedStatement", pack(sql.ActionClosePreparedStatementRequest(prepared_statement_handle=handle)))


def test_changes_run_where_a_source_is_writable_and_nowhere_else(rpc: Rpc) -> None:
    update = "UPDATE pg.archive.orders_2020 SET id = id + 0 WHERE id < ?"
    assert put(rpc, sql.CommandStatementUpdate(query="INSERT INTO pg.archive.orders_2020 VALUES (1), (2), (3)")) == 3
    made = rpc.prepare(update)
    assert made.is_update
    handle = made.prepared_statement_handle
    command = sql.CommandPreparedStatementUpdate(prepared_statement_handle=handle)
    assert put(rpc, command, pa.table({"1": [3]})) == 2
    bound = sql.CommandPreparedStatementUpdate(prepared_statement_handle=rpc.bind(handle, pa.table({"1": [2]})))
    assert put(rpc, bound) == 1
    assert put(rpc, sql.CommandStatementUpdate(query="DELETE FROM pg.archive.orders_2020")) == 3
    with refused(grpc.StatusCode.FAILED_PRECONDITION, "WM-2010"):
        put(rpc, sql.CommandStatementUpdate(query="DELETE FROM lake.main.lines"))
    with refused(grpc.StatusCode.INVALID_ARGUMENT, "WM-2106"):
        rpc.query("DELETE FROM pg.archive.orders_2020")


def test_ingest_has_four_modes(rpc: Rpc) -> None:
    rows = pa.table({"a": [1, 2], "b": ["x", None]})
    options = sql.CommandStatementIngest.TableDefinitionOptions
    absent = {"create": options.TABLE_NOT_EXIST_OPTION_CREATE, "fail": options.TABLE_NOT_EXIST_OPTION_FAIL}

    def ingest(if_absent: str, exists: int) -> int:
        definition = options(if_not_exist=absent[if_absent], if_exists=exists)  # type: ignore[arg-type]
        command = sql.CommandStatementIngest(
            table_definition_options=definition, catalog="pg", schema="archive", table="made"
        )
        return put(rpc, command, rows)

    with refused(grpc.StatusCode.NOT_FOUND, "WM-2003"):
        ingest("fail", options.TABLE_EXISTS_OPTION_APPEND)
    assert ingest("create", options.TABLE_EXISTS_OPTION_FAIL) == 2
    with refused(grpc.StatusCode.ALREADY_EXISTS, "WM-2012"):
        ingest("create", options.TABLE_EXISTS_OPTION_FAIL)
    assert ingest("fail", options.TABLE_EXISTS_OPTION_APPEND) == 2
    assert ingest("create", options.TABLE_EXISTS_OPTION_REPLACE) == 2
    assert ingest("create", options.TABLE_EXISTS_OPTION_APPEND) == 2
    assert rpc.table(rpc.query("SELECT count(*) AS n FROM pg.archive.made")).to_pylist() == [{"n": 4}]


def test_substrait_and_transactions_are_not_here_and_the_server_says_so(rpc: Rpc) -> None:
    with refused(grpc.StatusCode.UNIMPLEMENTED, "WM-2102"):
        rpc.info(sql.CommandStatementSubstraitPlan(plan=sql.SubstraitPlan(plan=b"x")))
    for action in (
        "CreatePreparedSubstraitPlan",
        "BeginTransaction",
        "EndTransaction",
        "BeginSavepoint",
        "EndSavepoint",
    ):
        with refused(grpc.StatusCode.UNIMPLEMENTED, "WM-2102"):
            act(rpc, action)
    told = rpc.fetch(sql.CommandGetSqlInfo(info=[5, 8])).column("value").to_pylist()
    assert told == [False, 0]


# ---------------------------------------------------------------- tickets and sessions


def test_a_renewed_ticket_lasts_longer_and_means_the_same(rpc: Rpc) -> None:
    info = rpc.query("SELECT now() AS t")
    first = rpc.table(info).to_pylist()
    time.sleep(1.1)
    endpoint = info.endpoint[0]
    (body,) = act(rpc, "RenewFlightEndpoint", flight.RenewFlightEndpointRequest(endpoint=endpoint))
    renewed = flight.FlightEndpoint.FromString(body)
    assert renewed.expiration_time.seconds > endpoint.expiration_time.seconds
    info.endpoint[0].CopyFrom(renewed)
    assert rpc.table(info).to_pylist() == first


def test_a_session_is_a_cookie_that_every_server_reads(replicas: list[Replica], rpc: Rpc) -> None:
    def option(value: str) -> flight.SessionOptionValue:
        return flight.SessionOptionValue(string_value=value)

    request = flight.SetSessionOptionsRequest(
        session_options={
            "catalog": option("pg"),
            "timezone": option("Europe/Berlin"),
            "semijoin_keys": flight.SessionOptionValue(int64_value=5000),
            "pushdown": flight.SessionOptionValue(bool_value=True),
            "no": option("1"),
            "schema": option("x"),
        }
    )
    call: Any = rpc.channel.unary_stream("/arrow.flight.protocol.FlightService/DoAction")
    action = flight.Action(type="SetSessionOptions", body=request.SerializeToString())
    answer = call(action.SerializeToString(), metadata=rpc.headers, timeout=20)
    (result,) = answer
    errors = flight.SetSessionOptionsResult.FromString(flight.Result.FromString(result).body).errors
    kinds = flight.SetSessionOptionsResult
    assert {name: error.value for name, error in errors.items()} == {
        "no": kinds.INVALID_NAME,
        "schema": kinds.INVALID_VALUE,
        "pushdown": kinds.INVALID_VALUE,
    }
    cookie = dict(answer.initial_metadata())["set-cookie"].partition(";")[0]
    with replicas[1].calling(AUTHORIZATION, ("cookie", cookie)) as other:
        (body,) = act(other, "GetSessionOptions", flight.GetSessionOptionsRequest())
        options = flight.GetSessionOptionsResult.FromString(body).session_options
        told = {name: value.string_value for name, value in options.items()}
        assert told == {"catalog": "pg", "timezone": "Europe/Berlin", "semijoin_keys": "5000"}
        assert other.table(other.query("SELECT count(*) AS n FROM customers")).to_pylist() == [{"n": 10}]
        (body,) = act(other, "CloseSession", flight.CloseSessionRequest())
        assert flight.CloseSessionResult.FromString(body).status == flight.CloseSessionResult.CLOSED


# ---------------------------------------------------------------- beside Flight


def test_health_answers_anybody(rpc: Rpc) -> None:
    stub = health_pb2_grpc.HealthStub(rpc.channel)
    for service in ("", "arrow.flight.protocol.FlightService"):
        answer = stub.Check(  # type: ignore[attr-defined]
            health_pb2.HealthCheckRequest(service=service), timeout=5
        )
        assert answer.status == health_pb2.HealthCheckResponse.SERVING


@pytest.mark.parametrize("version", ["v1alpha", "v1"])
def test_reflection_gives_all_that_a_client_needs(rpc: Rpc, version: str) -> None:
    ask = rpc.channel.stream_stream(
        f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
        request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
        response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
    )
    requests = [
        reflection_pb2.ServerReflectionRequest(list_services=""),
        reflection_pb2.ServerReflectionRequest(file_containing_symbol="arrow.flight.protocol.FlightService"),
        reflection_pb2.ServerReflectionRequest(file_containing_symbol="arrow.flight.protocol.sql.CommandGetTables"),
    ]
    services, *files = ask(iter(requests), metadata=rpc.headers, timeout=10)
    named = {service.name for service in services.list_services_response.service}
    assert named >= {"arrow.flight.protocol.FlightService", "grpc.health.v1.Health"}
    pool = descriptor_pool.DescriptorPool()
    found = {
        file.name: file
        for answer in files
        for file in map(
            descriptor_pb2.FileDescriptorProto.FromString, answer.file_descriptor_response.file_descriptor_proto
        )
    }
    for file in sorted(found.values(), key=lambda file: len(file.dependency)):
        pool.Add(file)
    service = pool.FindServiceByName("arrow.flight.protocol.FlightService")
    assert {method.name for method in service.methods} >= {"DoGet", "PollFlightInfo", "ListActions"}
    with pytest.raises(grpc.RpcError) as caught:
        list(ask(iter(requests), timeout=10))
    assert isinstance(caught.value, grpc.Call) and caught.value.code() is grpc.StatusCode.UNAUTHENTICATED


# ---------------------------------------------------------------- encoding


def test_enumerations_arrive_as_plain_text_at_any_depth(rpc: Rpc) -> None:
    table = rpc.table(rpc.query("SELECT m, l, s, 'ok'::ENUM ('ok') AS e FROM odd.main.odd ORDER BY id"))
    text, number = pa.string(), pa.int32()
    assert table.schema.types == [text, pa.list_(text), pa.struct({"m": text, "n": number}), text]
    assert table.to_pylist() == [
        {"m": "ok", "l": ["sad", None], "s": {"m": "ok", "n": 1}, "e": "ok"},
        {"m": None, "l": None, "s": None, "e": "ok"},
    ]


def test_enumerations_of_the_engine_arrive_as_plain_text(rpc: Rpc) -> None:
    text = "SELECT x::ENUM ('a', 'b') AS e, [x::ENUM ('a', 'b')] AS l, {'k': x::ENUM ('a', 'b')} AS s FROM (VALUES ('a')) v(x)"
    assert rpc.table(rpc.query(text)).to_pylist() == [{"e": "a", "l": ["a"], "s": {"k": "a"}}]


@pytest.mark.parametrize("codec", ["lz4", "zstd"])
def test_bodies_are_compressed_for_who_asks(rpc: Rpc, codec: str) -> None:
    text = "SELECT repeat('watersmeet', 100) AS s FROM range(10000)"
    plain = list(rpc.frames(rpc.query(text)))
    asking = rpc.with_headers(AUTHORIZATION, ("watersmeet-compression", codec))
    compressed = list(asking.frames(asking.query(text)))
    assert sum(map(len, compressed)) < sum(map(len, plain)) / 20
    parts = [flight.FlightData.FromString(frame) for frame in compressed]
    stream = b"".join(
        b"\xff\xff\xff\xff" + (len(part.data_header)).to_bytes(4, "little") + part.data_header + part.data_body
        for part in parts
    )
    assert pa.ipc.open_stream(stream).read_all().column("s").unique().to_pylist() == ["watersmeet" * 100]
    with refused(grpc.StatusCode.INVALID_ARGUMENT, "WM-2101"):
        asking = rpc.with_headers(AUTHORIZATION, ("watersmeet-compression", "rar"))
        list(asking.frames(asking.query(text)))
