"""Damaged requests of every RPC, command and action: the server says what is wrong with them, and serves the others.

QUALITY.md S14/15. A failure names the seed's request: `Fuzzer(seed).request()` makes it again.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import duckdb
import grpc
import pytest
from grpc import StatusCode
from grpc_health.v1 import health_pb2, health_pb2_grpc

from server.flight.proto import flight_sql_pb2 as sql
from tests.clients.conftest import SECRET, bearer
from tests.clients.replicas import Replica, running
from tests.clients.rpc import Rpc
from tests.clients.served import TOKENS
from tests.security import errors
from tests.security.fuzzing import METHODS, Fuzzer

AUTHORIZATION = ("authorization", f"Bearer {bearer(seconds=36000)}")
TICKET_SECRET = "another secret of more than 32 bytes, for tests"
EXPECTED = {
    StatusCode.OK,  # the damage left a valid request
    StatusCode.INVALID_ARGUMENT,
    StatusCode.UNIMPLEMENTED,  # another command, or an action, that this server does not have
    StatusCode.NOT_FOUND,  # SQL that names what is not there
    StatusCode.FAILED_PRECONDITION,  # a ticket or handle that was damaged
    StatusCode.OUT_OF_RANGE,  # parameters above their cap
}


@pytest.fixture(scope="module")
def replica(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replica]:
    folder = tmp_path_factory.mktemp("fuzz")
    with duckdb.connect(str(folder / "lake.duckdb")) as con:
        con.execute("CREATE TABLE customers AS SELECT i AS id, 'customer ' || i AS name FROM range(10) AS r(i)")
    config = {
        "version": 1,
        "server": {"listen": "127.0.0.1:0", "drain": "5s"},
        "sources": {"lake": {"kind": "duckdb", "path": str(folder / "lake.duckdb")}},
        "auth": {"tokens": TOKENS},
        "tickets": {"keys": [{"kid": "t1", "secret": TICKET_SECRET}]},
        "limits": {"statement_timeout": "10s"},
    }
    with running(folder, config, 1) as (started,):
        yield started


class Bystander:
    """Another client, which works all the while and must not notice anything."""

    def __init__(self, replica: Replica) -> None:
        self.slowest = 0.0
        self.answered = 0
        self.failed: list[BaseException] = []
        self._replica = replica
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _work(self) -> None:
        try:
            with self._replica.calling(AUTHORIZATION) as rpc:
                while not self._over.wait(0.01):
                    began = time.monotonic()
                    table = rpc.fetch(sql.CommandStatementQuery(query="SELECT count(*) AS n FROM lake.main.customers"))
                    assert table.to_pylist() == [{"n": 10}]
                    self.slowest = max(self.slowest, time.monotonic() - began)
                    self.answered += 1
        except BaseException as error:  # noqa: BLE001 - whatever it is, it was noticed
            self.failed.append(error)


def _told(rpc: Rpc, method: str, requests: list[bytes]) -> StatusCode:
    """The status of a call that sends these bytes."""
    try:
        rpc.raw(method, *requests, timeout=15)
    except grpc.RpcError as error:
        return errors.check(error, (SECRET, TICKET_SECRET))
    return StatusCode.OK


def _fuzz(replica: Replica, seed: int, requests: int) -> None:
    pid = replica.pid
    counts: Counter[tuple[str, StatusCode]] = Counter()
    with replica.calling(AUTHORIZATION) as rpc, Bystander(replica) as bystander:
        fuzzer = Fuzzer(seed, rpc)
        for number in range(requests):
            method, messages = fuzzer.request()
            code = _told(rpc, method, messages)
            counts[method, code] += 1
            assert code in EXPECTED, (seed, number, method, code, [message.hex() for message in messages])
        stub = health_pb2_grpc.HealthStub(rpc.channel)  # type: ignore[no-untyped-call]
        assert stub.Check(health_pb2.HealthCheckRequest(), timeout=5).status == 1
    assert not bystander.failed and bystander.answered > requests // 1000, bystander.failed
    assert bystander.slowest < 5
    assert replica.pid == pid and Path(f"/proc/{pid}").exists()
    told = replica.log.read_text()
    assert "unforeseen" not in told and SECRET not in told and TICKET_SECRET not in told
    # The fuzz went deep enough to be one: every method was answered, and some damage was survived.
    assert {method for method, _ in counts} == set(METHODS)
    assert sum(count for (_, code), count in counts.items() if code is StatusCode.OK) > requests // 20


def test_damaged_requests_are_refused_and_others_are_served(replica: Replica) -> None:
    _fuzz(replica, seed=1, requests=4000)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(100, 120))
def test_many_damaged_requests(replica: Replica, seed: int) -> None:
    _fuzz(replica, seed, requests=20_000)


def test_damaged_requests_of_strangers_are_unauthenticated_all_of_them(replica: Replica) -> None:
    with replica.calling(AUTHORIZATION) as rpc:
        fuzzer = Fuzzer(2, rpc)
        stranger = rpc.with_headers(("authorization", "Bearer junk"))
        for _ in range(300):
            assert _told(stranger, *fuzzer.request()) is StatusCode.UNAUTHENTICATED
