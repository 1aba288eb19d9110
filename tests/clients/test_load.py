"""Cancelling, limits and the end of the server, over bare gRPC."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from server.flight.proto import flight_sql_pb2 as sql
from tests.clients.conftest import Front, bearer, until
from tests.clients.rpc import Rpc, facts

ENDLESS = "SELECT count(*) FROM range(1000000000000) AS a(i) WHERE hash(i) = 1"
STREAM = "SELECT i, repeat('x', 1000) AS s FROM range(100000000) AS r(i)"


def _check(rpc: Rpc) -> Any:
    """The health check, without credentials."""
    stub: Any = health_pb2_grpc.HealthStub(rpc.channel)
    return stub.Check


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


def _stalled(rpc: Rpc, calls: int) -> tuple[list[Any], threading.Event]:
    """Calls that are begun and whose request does not come; until the event is set."""
    sent = threading.Event()

    def silence() -> Iterator[bytes]:
        sent.wait(30)
        yield from ()

    method: Any = rpc.channel.stream_stream("/arrow.flight.protocol.FlightService/GetFlightInfo")
    return [method(silence(), metadata=rpc.headers, timeout=30) for _ in range(calls)], sent


def test_strangers_that_send_nothing_hold_no_thread(front: Front, rpc: Rpc) -> None:
    calls, sent = _stalled(rpc.with_headers(), 100)
    assert _check(rpc)(health_pb2.HealthCheckRequest(), timeout=5).status == 1
    assert {call.code() for call in calls} == {grpc.StatusCode.UNAUTHENTICATED}
    sent.set()


def test_clients_that_do_not_send_on_are_ended(serve: Callable[..., Front]) -> None:
    front = serve(patience=0.5)
    with grpc.insecure_channel(f"127.0.0.1:{front.port}") as channel:
        rpc = Rpc(channel, (("authorization", f"Bearer {bearer()}"),))
        calls, sent = _stalled(rpc, 100)  # more than there are threads
        started = time.monotonic()
        assert {call.code() for call in calls} == {grpc.StatusCode.CANCELLED}
        assert time.monotonic() - started < 8
        sent.set()
        frames = rpc.frames(rpc.query(STREAM))
        next(frames)
        time.sleep(1)  # an answer may take longer than its question
        next(frames)
        frames.cancel()


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
