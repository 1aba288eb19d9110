"""S5: every call and every action without good credentials is UNAUTHENTICATED, by enumeration; health alone is open."""

from __future__ import annotations

from typing import Any

import grpc
import pytest
from grpc import StatusCode
from grpc_health.v1 import health_pb2, health_pb2_grpc

from server.flight.actions import ACTIONS
from server.flight.proto import flight_pb2 as flight
from tests.clients.rpc import Rpc
from tests.security import errors
from tests.security.conftest import SECRETS, Calling, bearer
from tests.security.fuzzing import ACTIONS as STANDARD_ACTIONS
from tests.security.fuzzing import METHODS

BAD: dict[str, tuple[tuple[str, str], ...]] = {
    "nothing": (),
    "empty": (("authorization", ""),),
    "no token": (("authorization", "Bearer"),),
    "a junk token": (("authorization", "Bearer junk"),),
    "an expired token": (bearer(seconds=-3600),),
    "another scheme": (("authorization", "Digest x"),),
    "a token without a scheme": (("authorization", bearer()[1].partition(" ")[2]),),
    "another header": (("x-authorization", bearer()[1]),),
    "a cookie": (("cookie", f"authorization={bearer()[1]}"),),
    "a wrong password": (("authorization", "Basic YW5hOndyb25n"),),
    "an unknown user": (("authorization", "Basic ZXZlOndyb25n"),),
    "no password": (("authorization", "Basic YW5h"),),
    "an empty password": (("authorization", "Basic YW5hOg=="),),
    "a name with a line break": (("authorization", "Basic YW5hCjpjb3JyZWN0IGhvcnNl"),),
    "junk for Basic": (("authorization", "Basic !!!!"),),
    "two that differ": (("authorization", "Bearer junk"), bearer()),
    "two that differ, the good one first": (bearer(), ("authorization", "Bearer junk")),
    "two subjects": (bearer("ana"), bearer("eve")),
}


def _status(rpc: Rpc, method: str, request: bytes = b"") -> StatusCode:
    try:
        rpc.raw(method, request)
    except grpc.RpcError as error:
        return errors.check(error, SECRETS)
    return StatusCode.OK


@pytest.mark.parametrize("headers", BAD.values(), ids=BAD.keys())
def test_every_call_and_action_is_behind_the_door(plain: Calling, headers: tuple[tuple[str, str], ...]) -> None:
    with plain(*headers) as rpc:
        assert {method: _status(rpc, method) for method in METHODS} == dict.fromkeys(
            METHODS, StatusCode.UNAUTHENTICATED
        )
        if headers and headers[0][1].startswith("Basic"):
            return  # each takes its time, as guessing is to
        for kind in {*ACTIONS, *STANDARD_ACTIONS}:
            request = flight.Action(type=kind).SerializeToString()
            assert _status(rpc, "DoAction", request) is StatusCode.UNAUTHENTICATED, kind


@pytest.mark.parametrize(
    "headers",
    [(bearer(),), (bearer(), bearer()), (("authorization", bearer()[1].replace("Bearer", "bearer", 1)),)],
    ids=["once", "the same twice", "in lower case"],
)
def test_good_credentials_open_it(plain: Calling, headers: tuple[tuple[str, str], ...]) -> None:
    with plain(*headers) as rpc:
        assert {_status(rpc, method) for method in ("Handshake", "ListActions", "ListFlights")} == {StatusCode.OK}


def test_what_does_not_exist_says_only_that(plain: Calling) -> None:
    with plain() as rpc:
        for path in ("/arrow.flight.protocol.FlightService/NoSuchMethod", "/no.such.Service/Check", "/"):
            method: Any = rpc.channel.unary_unary(path)
            with pytest.raises(grpc.RpcError) as caught:
                method(b"", timeout=10)
            assert errors.check(caught.value, SECRETS) is StatusCode.UNIMPLEMENTED


def test_health_alone_is_open(plain: Calling) -> None:
    with plain() as rpc:
        stub: Any = health_pb2_grpc.HealthStub(rpc.channel)
        request = health_pb2.HealthCheckRequest()
        assert stub.Check(request, timeout=10).status == health_pb2.HealthCheckResponse.SERVING
        watch = stub.Watch(request, timeout=10)
        assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
        watch.cancel()
        with pytest.raises(grpc.RpcError) as caught:
            stub.Check(health_pb2.HealthCheckRequest(service="lake"), timeout=10)
        assert errors.check(caught.value, SECRETS) is StatusCode.NOT_FOUND
