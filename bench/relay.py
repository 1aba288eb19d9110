"""What worker processes cost and bring, beside `workers: 0` in the same run: `python -m bench.relay`.

Three measurements over a DuckDB file, each server in its own processes: what the relay adds to a small query, the CPU
seconds that it adds to a GB of a stream, and how many statements a second are planned with one worker and with two.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
from pyarrow import flight

from bench import measure
from server.flight.commands import pack
from server.flight.proto import flight_sql_pb2 as sql
from tests.clients.served import Served, serving

CLIENTS = 8
JOINS = 12
"""Tables of a statement that is planned: its time is its planner's."""


@dataclass(frozen=True, slots=True)
class Server:
    """One that runs, and a way in."""

    workers: int
    pid: int
    served: Served
    client: flight.FlightClient
    options: flight.FlightCallOptions

    def planned(self, text: str) -> flight.FlightInfo:
        command = pack(sql.CommandStatementQuery(query=text))
        return self.client.get_flight_info(flight.FlightDescriptor.for_command(command), self.options)

    def run(self, text: str) -> int:
        """Read an answer to its end; its bytes."""
        reader = self.client.do_get(self.planned(text).endpoints[0].ticket, self.options)
        return sum(chunk.data.nbytes for chunk in reader)

    def cpu(self) -> float:
        return measure.cpu_seconds(self.pid)


def main() -> None:
    """Print the three measurements."""
    parser = argparse.ArgumentParser(prog="python -m bench.relay", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--queries", type=int, default=400, help="small queries a server and round")
    parser.add_argument("--megabytes", type=int, default=1000, help="of the stream")
    parser.add_argument("--statements", type=int, default=150, help="to be planned, a server and round")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        fill(folder / "lake.duckdb", options.megabytes)
        servers = [stack.enter_context(served(folder, workers)) for workers in (0, 1, 2)]
        small(servers[:2], options.queries, options.rounds)
        stream(servers[:2], options.rounds)
        plan(servers[1:], options.statements, options.rounds)


def fill(path: Path, megabytes: int) -> None:
    """A file with a table to be streamed and those that statements join."""
    with duckdb.connect(str(path)) as con:
        con.execute(
            f"CREATE TABLE wide AS SELECT i, i + 1 AS a, i + 2 AS b, i + 3 AS c FROM range({megabytes * 31250}) r(i)"
        )
        con.execute("CREATE TABLE few AS SELECT i, i + 1 AS a FROM range(100) r(i)")
        for number in range(JOINS):
            con.execute(f"CREATE TABLE t{number} (id INTEGER PRIMARY KEY, v{number} VARCHAR, n{number} DECIMAL(12, 2))")


@contextmanager
def served(folder: Path, workers: int) -> Iterator[Server]:
    """A server over the file."""
    place = folder / str(workers)
    place.mkdir()
    before = set(measure.servers(os.getpid()))
    server = {"listen": "127.0.0.1:0", "drain": "5s", "workers": workers}
    lake = {"lake": {"kind": "duckdb", "path": str(folder / "lake.duckdb")}}
    with serving(place, lake, server=server) as running, flight.connect(running.uri) as client:
        (pid,) = set(measure.servers(os.getpid())) - before
        headers = [(b"authorization", f"Bearer {running.token}".encode())]
        yield Server(workers, pid, running, client, flight.FlightCallOptions(headers=headers))


def small(servers: list[Server], queries: int, rounds: int) -> float:
    """Print what a small query costs with `workers: 0` and with 1, and return the ms that the relay adds.

    Turn by turn, so that what else the machine does meets both."""
    text = "SELECT 1 AS a"
    for server in servers:
        for _ in range(20):
            server.run(text)
    times: dict[int, list[float]] = {server.workers: [] for server in servers}
    used = {server.workers: -server.cpu() for server in servers}
    for _ in range(queries * rounds):
        for server in servers:
            began = time.perf_counter()
            server.run(text)
            times[server.workers].append((time.perf_counter() - began) * 1000)
    print("a small query (GetFlightInfo and DoGet of one row, plan cached)", flush=True)
    for server in servers:
        cpu = (used[server.workers] + server.cpu()) / (queries * rounds) * 1000
        print(f"  workers {server.workers}: p50 {statistics.median(times[server.workers]):.2f} ms, {cpu:.2f} ms of CPU")
    added = statistics.median(theirs - ours for ours, theirs in zip(times[0], times[1], strict=True))
    print(f"  the relay adds {added:.2f} ms (two calls; p50 of the pairs)", flush=True)
    return added


def stream(servers: list[Server], rounds: int) -> float:
    """Print what a stream costs with `workers: 0` and with 1, turn by turn as well, and return the CPU seconds a GB that
    the relay adds."""
    text = "SELECT * FROM lake.main.wide"
    rates: dict[int, list[float]] = {server.workers: [] for server in servers}
    cpus: dict[int, list[float]] = {server.workers: [] for server in servers}
    for _ in range(rounds + 1):
        for server in servers:
            before, began = server.cpu(), time.perf_counter()
            size = server.run(text) / 1e9
            rates[server.workers].append(size / (time.perf_counter() - began))
            cpus[server.workers].append((server.cpu() - before) / size)
    print(f"a stream of a table (the best of {rounds}, and one before them)", flush=True)
    for workers, rate in rates.items():
        print(f"  workers {workers}: {max(rate):.2f} GB/s, {min(cpus[workers]):.2f} CPU s/GB", flush=True)
    added = min(cpus[1]) - min(cpus[0])
    print(f"  the relay adds {added:.2f} CPU s/GB", flush=True)
    return added


def plan(servers: list[Server], statements: int, rounds: int) -> list[float]:
    """Print how many statements each of two servers plans a second, and return it."""
    print(f"statements that are planned only, no two alike, {CLIENTS} clients at once", flush=True)
    best = []
    numbers = iter(range(1 << 30))
    for server in servers:
        rates, cpus = [], []
        with ThreadPoolExecutor(CLIENTS) as clients:
            list(clients.map(server.planned, [_joined(next(numbers)) for _ in range(CLIENTS)]))
            for _ in range(rounds):
                texts = [_joined(next(numbers)) for _ in range(statements)]
                before, began = server.cpu(), time.perf_counter()
                list(clients.map(server.planned, texts))
                rates.append(statements / (time.perf_counter() - began))
                cpus.append((server.cpu() - before) / statements * 1000)
        best.append(max(rates))
        print(f"  workers {server.workers}: {max(rates):.0f} a second, {min(cpus):.1f} ms of CPU each", flush=True)
    print(f"  two workers plan {best[1] / best[0]:.2f} times as many", flush=True)
    return best


def _joined(number: int) -> str:
    """A statement that no cache has a plan of: its columns have names of their own."""
    tables = " JOIN ".join(
        f"lake.main.t{i}" + (f" ON t{i}.id = t{i - 1}.id AND t{i}.n{i} > {i}" if i else "") for i in range(JOINS)
    )
    return f"SELECT t0.id AS a{number}, max(v1) AS b{number}, sum(n2) AS c{number} FROM {tables} GROUP BY t0.id"


if __name__ == "__main__":
    main()
