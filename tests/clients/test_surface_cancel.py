"""Cancelling through Flight SQL's actions: by the server that runs the query, and by another one through its tag."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import grpc
import pytest

from server.flight.commands import pack, unpack
from server.flight.proto import flight_pb2 as flight
from server.flight.proto import flight_sql_pb2 as sql
from tests.clients import shop
from tests.clients.conftest import until
from tests.clients.replicas import Replica
from tests.clients.rpc import Rpc
from tests.clients.surface import AUTHORIZATION, act, servers

SLOW = {"pg": "SELECT * FROM pg.public.slow", "my": f"SELECT * FROM my.{shop.MYSQL_DATABASE}.slow"}
"""Queries that wait for a minute inside a source."""


@pytest.fixture(scope="module")
def replicas(postgres_url: str, mysql_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Replica]]:
    with servers(postgres_url, mysql_url, tmp_path_factory.mktemp("surface"), 2) as started:
        yield started


@pytest.fixture
def rpc(replicas: list[Replica]) -> Iterator[Rpc]:
    with replicas[0].calling(AUTHORIZATION) as calls:
        yield calls


def _cancel_info(rpc: Rpc, info: flight.FlightInfo) -> int:
    (body,) = act(rpc, "CancelFlightInfo", flight.CancelFlightInfoRequest(info=info))
    status: int = flight.CancelFlightInfoResult.FromString(body).status
    return status


def _cancel_query(rpc: Rpc, info: flight.FlightInfo) -> int:
    (body,) = act(rpc, "CancelQuery", pack(sql.ActionCancelQueryRequest(info=info.SerializeToString())))
    result: int = unpack(sql.ActionCancelQueryResult, body).result
    return result


CANCELS: dict[str, Callable[[Rpc, flight.FlightInfo], int]] = {
    "CancelFlightInfo": _cancel_info,
    "CancelQuery": _cancel_query,
}
CANCELLED, NOT_CANCELLABLE = 1, 3
"""Of both results."""


@pytest.mark.parametrize("action", CANCELS)
@pytest.mark.parametrize("asked", [0, 1], ids=["the same server", "another server"])
@pytest.mark.parametrize("source", SLOW)
def test_a_cancel_stops_the_query_at_its_source(replicas: list[Replica], source: str, asked: int, action: str) -> None:
    with replicas[0].calling(AUTHORIZATION) as runner, replicas[asked].calling(AUTHORIZATION) as canceller:
        info = runner.query(SLOW[source])
        errors: list[grpc.RpcError] = []

        def fetch() -> None:
            try:
                runner.table(info)
            except grpc.RpcError as error:
                errors.append(error)

        thread = threading.Thread(target=fetch)
        thread.start()
        end = time.monotonic() + 10
        while CANCELS[action](canceller, info) != CANCELLED:
            assert time.monotonic() < end, "the query was not found at its source"
        cancelled = time.monotonic()
        thread.join(5)
        assert not thread.is_alive() and time.monotonic() - cancelled < 2
        assert len(errors) == 1
        until(lambda: CANCELS[action](canceller, info) == NOT_CANCELLABLE)


def test_what_does_not_run_or_only_in_another_servers_engine_cannot_be_cancelled(replicas: list[Replica]) -> None:
    with replicas[0].calling(AUTHORIZATION) as runner, replicas[1].calling(AUTHORIZATION) as other:
        for info in (runner.query("SELECT 1"), runner.info(sql.CommandGetCatalogs())):
            assert _cancel_info(runner, info) == NOT_CANCELLABLE
        # Nothing of it is at a source, so only the server that runs it can be asked.
        info = runner.query("SELECT count(*) FROM range(100000000000) AS r(i) WHERE hash(i) = 1")
        frames = runner.frames(info)
        time.sleep(0.5)
        assert _cancel_info(other, info) == NOT_CANCELLABLE
        until(lambda: _cancel_info(runner, info) == CANCELLED)
        with pytest.raises(grpc.RpcError) as caught:
            list(frames)
        assert isinstance(caught.value, grpc.Call) and caught.value.code() is grpc.StatusCode.CANCELLED
