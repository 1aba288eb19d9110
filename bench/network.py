"""A network between a server and its sources: a TCP proxy with a bandwidth and a latency, since the kernel may have none.

Runs as a process of its own, so that its work is nobody's CPU time: `python -m bench.network HOST PORT` prints the port
that it listens on and ends with its standard input. All connections through one proxy share its bandwidth, as on a wire;
each direction has its own.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

GIGABIT = 1e9 / 8
"""Bytes a second."""
ROUND_TRIP = 1e-3
_CHUNK = 64 * 1024
_AHEAD = 4 * 1024 * 1024
"""Bytes on the wire and in its queue at a time, a direction and connection: what a TCP window would let through."""


class Wire:
    """One direction of the network."""

    def __init__(self, rate: float, latency: float) -> None:
        self._rate = rate
        self._latency = latency
        self._free = 0.0

    def arrival(self, size: int) -> float:
        """When `size` bytes that are sent now have arrived, by the loop's clock."""
        now = asyncio.get_running_loop().time()
        self._free = max(self._free, now) + size / self._rate
        return self._free + self._latency


async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, wire: Wire) -> None:
    """Move bytes until the sender ends; each chunk leaves when the wire has carried it."""
    queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_AHEAD // _CHUNK)
    deliver = asyncio.create_task(_deliver(queue, writer))
    with suppress(ConnectionError):
        while data := await reader.read(_CHUNK):
            await queue.put((wire.arrival(len(data)), data))
    await queue.put((0.0, b""))
    await deliver


async def _deliver(queue: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter) -> None:
    clock = asyncio.get_running_loop().time
    with suppress(ConnectionError):
        while True:
            when, data = await queue.get()
            if not data:
                break
            if (wait := when - clock()) > 0:
                await asyncio.sleep(wait)
            writer.write(data)
            await writer.drain()
        writer.write_eof()


async def serve(host: str, port: int, rate: float, round_trip: float) -> None:
    there, back = Wire(rate, round_trip / 2), Wire(rate, round_trip / 2)

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        to_reader, to_writer = await asyncio.open_connection(host, port)
        try:
            await asyncio.gather(carry(reader, to_writer, there), carry(to_reader, writer, back))
        finally:
            writer.close()
            to_writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


@contextmanager
def proxied(host: str, port: int, rate: float = GIGABIT, round_trip: float = ROUND_TRIP) -> Iterator[int]:
    """The port of a proxy to a server; ended at the end."""
    command = [sys.executable, "-m", "bench.network", host, str(port), str(rate), str(round_trip)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None and process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.network", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("rate", type=float, nargs="?", default=GIGABIT, help="bytes a second")
    parser.add_argument("round_trip", type=float, nargs="?", default=ROUND_TRIP, help="seconds")
    options = parser.parse_args()
    asyncio.run(serve(options.host, options.port, options.rate, options.round_trip))
