"""The end of a server process: SIGTERM, as an orchestrator sends it, while clients work.

Health says so first, what runs ends well, and a new call learns in a coded error that another replica takes it.
"""

from __future__ import annotations

import ctypes
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.clients.conftest import bearer
from tests.clients.replicas import Replica, calling, running
from tests.clients.rpc import details, facts
from tests.clients.served import TOKENS

AUTHORIZATION = ("authorization", f"Bearer {bearer(seconds=3600)}")
SERVING, NOT_SERVING = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING
ROWS = 60_000
STREAM = f"SELECT i, repeat('x', 1000) AS s FROM range({ROWS}) AS r(i)"
"""More than the buffers between server and client hold."""
ENDLESS = "SELECT sum(sin(a.range + b.range)) FROM range(10000000) AS a, range(10000000) AS b"


@pytest.fixture
def replica(tmp_path: Path) -> Iterator[Replica]:
    config = {
        "version": 1,
        "server": {"listen": "127.0.0.1:0", "drain": "60s", "workers": 1},
        "auth": {"tokens": TOKENS},
    }
    with running(tmp_path, config, 1) as (started,):
        yield started


class _Restless(threading.Thread):
    """A client that asks without a pause until nobody is there any more."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self.ends: list[tuple[str, str]] = []
        """How calls failed: the status, and our code or the words of the transport."""
        self.asked = threading.Event()
        self._port = port

    def run(self) -> None:
        with calling(self._port, AUTHORIZATION) as rpc:
            while len(self.ends) < 3:
                try:
                    rpc.query("SELECT 1")
                    self.asked.set()
                except grpc.RpcError as error:
                    assert isinstance(error, grpc.Call)
                    ours = "(query " in details(error)
                    self.ends.append((error.code().name, facts(error)["code"] if ours else "transport"))


def test_it_ends_whichever_of_its_threads_the_signal_reaches(replica: Replica) -> None:
    def open_to_it(thread: int) -> bool:
        status = Path(f"/proc/{replica.pid}/task/{thread}/status").read_text()
        blocked = next(line.split()[1] for line in status.splitlines() if line.startswith("SigBlk:"))
        return not int(blocked, 16) >> signal.SIGTERM - 1 & 1

    threads = [int(task.name) for task in Path(f"/proc/{replica.pid}/task").iterdir()]
    other = next(thread for thread in threads if thread != replica.pid and open_to_it(thread))
    assert ctypes.CDLL(None).tgkill(replica.pid, other, signal.SIGTERM) == 0
    assert replica.wait(60) == 0, replica.log.read_text()


def test_a_server_that_ends_says_so_before_it_ends(replica: Replica) -> None:
    with calling(replica.port, AUTHORIZATION) as rpc, calling(replica.port) as anybody:
        stub: Any = health_pb2_grpc.HealthStub(anybody.channel)
        watch = stub.Watch(health_pb2.HealthCheckRequest(), timeout=60)
        assert next(watch).status == SERVING
        frames = rpc.frames(rpc.query(STREAM), timeout=60)
        first = next(frames)
        clients = [_Restless(replica.port) for _ in range(6)]
        for client in clients:
            client.start()
        assert all(client.asked.wait(30) for client in clients)

        ended = threading.Thread(target=replica.end)
        ended.start()
        assert next(watch).status == NOT_SERVING
        assert list(watch) == []  # it ends, or the server would wait for its reader
        for client in clients:
            client.join(30)
        assert not any(client.is_alive() for client in clients)
        met = Counter(end for client in clients for end in client.ends)
        assert {status for status, _ in met} == {"UNAVAILABLE"}, met
        assert met["UNAVAILABLE", "WM-5104"] >= 1, met

        assert ended.is_alive()  # the stream is not read yet, and the server waits for it
        assert len(first) + sum(map(len, frames)) > ROWS * 1000
        ended.join(30)
        assert not ended.is_alive()


def test_a_statement_that_does_not_end_in_time_hears_why(tmp_path: Path) -> None:
    config = {
        "version": 1,
        "server": {"listen": "127.0.0.1:0", "drain": "4s", "workers": 1},
        "auth": {"tokens": TOKENS},
    }
    with running(tmp_path, config, 1) as (replica,), calling(replica.port, AUTHORIZATION) as rpc:
        frames = rpc.frames(rpc.query(ENDLESS), timeout=60)
        ended = threading.Thread(target=replica.end)
        asked = threading.Timer(1.0, ended.start)
        asked.start()
        with pytest.raises(grpc.RpcError) as caught:
            list(frames)
        assert (caught.value.code().name, facts(caught.value)["code"]) == ("UNAVAILABLE", "WM-5104")
        asked.join()
        ended.join(30)
        assert not ended.is_alive()
