"""Several `watersmeet serve` processes with the same keys, and a TCP balancer before them: what an orchestrator runs."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

import grpc
import yaml

from tests.clients.rpc import Rpc
from tests.clients.served import ENTRY


class Replica:
    """One server process, which can be killed, ended and started again."""

    def __init__(self, folder: Path, config: Mapping[str, object]) -> None:
        folder.mkdir(exist_ok=True)
        self.config = dict(config)
        """Written anew at each start."""
        self.log = folder / "server.log"
        self.port = 0
        """Of the process that runs; another one after each start."""
        self._file = folder / "watersmeet.yaml"
        self._process: subprocess.Popen[str] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start, and wait until it is ready."""
        self._file.write_text(yaml.safe_dump(self.config))
        with self.log.open("a") as stderr:
            command = [sys.executable, ENTRY, "serve", "-c", self._file, "--log-format", "json"]
            environment = {**os.environ, "PYTHONFAULTHANDLER": "1"}
            self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True, env=environment)
        assert self._process.stdout is not None
        ready = self._process.stdout.readline()
        assert ready.startswith("watersmeet ready on "), self.log.read_text()
        self.port = int(ready.rpartition(":")[2])

    def end(self) -> None:
        """End as an orchestrator does it: SIGTERM, and wait. One that does not end says where its threads are."""
        self._signal(signal.SIGTERM)
        try:
            code = self.wait(60)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGABRT)
            code = self.wait(10)
        assert code == 0, self.log.read_text()

    def kill(self) -> None:
        """SIGKILL. Without effect on one that has ended."""
        self._signal(signal.SIGKILL)
        self.wait(10)

    @contextmanager
    def calling(self, *headers: tuple[str, str]) -> Iterator[Rpc]:
        """Calls over a new connection to this replica."""
        with calling(self.port, *headers) as rpc:
            yield rpc

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)

    def wait(self, seconds: float) -> int | None:
        """How it ended. Raises subprocess.TimeoutExpired."""
        if self._process is None:
            return None
        code = self._process.wait(seconds)
        assert self._process.stdout is not None
        self._process.stdout.close()
        return code


@contextmanager
def calling(port: int, *headers: tuple[str, str]) -> Iterator[Rpc]:
    """Calls over a new connection, which comes back quickly when it is lost."""
    options = (("grpc.use_local_subchannel_pool", 1), ("grpc.initial_reconnect_backoff_ms", 50))
    with grpc.insecure_channel(f"127.0.0.1:{port}", options) as channel:
        yield Rpc(channel, headers)


@contextmanager
def running(folder: Path, config: Mapping[str, object], count: int) -> Iterator[list[Replica]]:
    """`count` replicas with the same configuration."""
    replicas = [Replica(folder / f"replica{i}", config) for i in range(count)]
    try:
        for replica in replicas:
            replica.start()
        yield replicas
    finally:
        for replica in replicas:
            replica.kill()


class Balancer:
    """A TCP port that passes each new connection on to the next replica in turn, past those that refuse it."""

    def __init__(self, replicas: list[Replica]) -> None:
        self._replicas = replicas
        self._turn = 0
        self._loop = asyncio.new_event_loop()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),), name="balancer")
        self._ended = asyncio.Event()
        self._connections: set[asyncio.Task[None]] = set()
        self._writers: list[asyncio.StreamWriter] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join()
        self._loop.close()

    def cut(self) -> None:
        """Close every connection, as the kernel does for a client that was killed."""
        self._loop.call_soon_threadsafe(lambda: [task.cancel() for task in self._connections])

    async def _serve(self) -> None:
        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self._writers.append(writer)
            task = asyncio.create_task(self._pass_on(reader, writer))
            self._connections.add(task)
            task.add_done_callback(self._connections.discard)

        server = await asyncio.start_server(connected, sock=self._socket)
        await self._ended.wait()
        server.close()
        await asyncio.sleep(0)  # a connection that was accepted this moment would stay open if it were cancelled now
        # All tasks of the loop: a client may have come back this moment, and its connection is not among ours yet.
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
        for writer in self._writers:
            writer.transport.abort()
        await asyncio.sleep(0)  # in which the sockets are let go of

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            for _ in self._replicas:
                self._turn += 1
                port = self._replicas[self._turn % len(self._replicas)].port
                with suppress(OSError):
                    inner, outer = await asyncio.open_connection("127.0.0.1", port)
                    break
            else:
                return
            self._writers.append(outer)
            there, back = asyncio.create_task(_pump(reader, outer)), asyncio.create_task(_pump(inner, writer))
            try:
                await asyncio.wait((there, back), return_when=asyncio.FIRST_COMPLETED)
            finally:
                there.cancel(), back.cancel()
                await asyncio.gather(there, back, return_exceptions=True)
                outer.close()
        finally:
            writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(1 << 16):
        writer.write(data)
        await writer.drain()
