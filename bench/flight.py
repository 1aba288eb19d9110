"""Our front beside pyarrow.flight's own server in the same run, and what a small query costs: `python -m bench.flight`.

Streams come from a table in memory (bench.in_memory): ours through the front, the relay and one worker, theirs from C++.
Each is compared with theirs to the same client, since a client takes more CPU than a server: what both have used is printed.
Small queries go to `watersmeet serve` with one worker, planning included, beside two bare gRPC calls of the same server;
what the relay adds is the difference from `workers: 0`.
"""

from __future__ import annotations

import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import adbc_driver_flightsql.dbapi as adbc
import grpc
from adbc_driver_flightsql import DatabaseOptions
from grpc.experimental import ChannelOptions
from grpc_health.v1 import health_pb2, health_pb2_grpc
from pyarrow import flight

from bench import in_memory, measure, relay, report
from server.flight.commands import pack
from server.flight.proto import flight_sql_pb2 as sql
from tests.clients.certificates import Authority
from tests.clients.rpc import Rpc

ROWS = 6_000_000
"""In memory, at scale 1."""
MEGABYTES = 900
"""Of the table in a file, at scale 1."""
ROUNDS = 3
SMALL = "SELECT 1 AS a"
SOURCED = "SELECT a FROM lake.main.few WHERE i = 5"
"""As small, but from a table of a source: with a read of its own, and the source's time."""
WHOLE = flight.FlightDescriptor.for_command(pack(sql.CommandStatementQuery(query="SELECT * FROM whole")))
CLIENTS = 16
MET = {True: "yes", False: "NO", None: ""}


class Verdicts:
    """The table that is printed, a row at a time."""

    def __init__(self, out: report.Report) -> None:
        self._out = out
        print(f"{'what':<46}{'ours':>10}{'theirs':>10}{'ratio':>8}  {'target':<24}met")

    def ratio(
        self, what: str, ours: float, theirs: float, *, least: float | None = None, most: float | None = None
    ) -> None:
        """What must be at least, or at most, so many times theirs."""
        ratio = ours / theirs
        met = ratio >= least if least is not None else most is not None and ratio <= most
        self._add(what, ours, theirs, f">= {least} x" if least is not None else f"<= {most} x", met)

    def most(self, what: str, ours: float, limit: float, theirs: float | None = None) -> None:
        """What must not be more than `limit`."""
        self._add(what, ours, theirs, f"<= {limit:g}", ours <= limit)

    def seen(self, what: str, ours: float, theirs: float) -> None:
        """What has no target."""
        self._add(what, ours, theirs, "", None)

    def _add(self, what: str, ours: float, theirs: float | None, target: str, met: bool | None) -> None:
        ratio = ours / theirs if theirs else None
        self._out.add(what=what, ours=ours, theirs=theirs, ratio=ratio, target=target, met=met)
        shown = "".join(
            f"{'' if value is None else f'{value:.2f}':>{width}}" for value, width in ((theirs, 10), (ratio, 8))
        )
        print(f"{what:<46}{ours:>10.2f}{shown}  {target:<24}{MET[met]}", flush=True)


def main() -> None:
    """Print a line for each thing that is measured."""
    parser = report.options("flight", __doc__, scale=1 / 3)
    parser.add_argument("--streams", type=int, default=10, help="of the table, a server and round")
    parser.add_argument("--queries", type=int, default=300, help="small ones, a round")
    parser.add_argument("--statements", type=int, default=100, help="to be planned, a server and round")
    parser.add_argument("--seconds", type=float, default=5.0, help=f"of {CLIENTS} clients at once")
    given = parser.parse_args()
    with report.reported("flight", given) as out, tempfile.TemporaryDirectory() as name:
        verdicts, folder = Verdicts(out), Path(name)
        rows = round(ROWS * given.scale)
        _streams(verdicts, rows, given.streams, None, 0.7)
        _streams(verdicts, rows, given.streams, folder, 0.9)
        relay.fill(folder / "lake.duckdb", round(MEGABYTES * given.scale))
        with ExitStack() as stack:
            none, one, two = (stack.enter_context(relay.served(folder, workers)) for workers in (0, 1, 2))
            _small(verdicts, one, given.queries)
            verdicts.most("relay of a small query, ms", relay.small([none, one], given.queries, ROUNDS), 0.5)
            verdicts.most("relay of a stream, CPU s/GB", relay.stream([none, one], ROUNDS), 0.4)
            _crowd(verdicts, one, given.seconds)
            rates = relay.plan([one, two], given.statements, ROUNDS)
            verdicts.ratio("planned a second, workers 2 and workers 1", rates[1], rates[0], least=1.4)


class _Way:
    """The streams of one server to one client."""

    def __init__(self, read: Callable[[], tuple[float, int]], server: int) -> None:
        """`read` gives the seconds until the first batch and the bytes of all; `server` is the process that sends."""
        self._read = read
        self._server = server
        self._rates: list[float] = []
        self._firsts: list[float] = []
        self._size = 0
        self._used = [0.0, 0.0]
        read()

    def stream(self) -> None:
        before = self._cpu()
        began = time.perf_counter()
        first, size = self._read()
        self._rates.append(size / 1e6 / (time.perf_counter() - began))
        self._firsts.append(first * 1000)
        self._size += size
        self._used = [used + after - start for used, after, start in zip(self._used, self._cpu(), before, strict=True)]

    def _cpu(self) -> tuple[float, float]:
        return measure.cpu_seconds(self._server), time.process_time()

    def rate(self) -> float:
        """MB/s, the median."""
        return statistics.median(self._rates)

    def first(self) -> float:
        """Milliseconds until the first batch, the median."""
        return statistics.median(self._firsts)

    def used(self) -> tuple[float, float]:
        """CPU seconds a GB: of the server with its workers, and of the client."""
        server, client = (used / self._size * 1e9 for used in self._used)
        return server, client


def _streams(verdicts: Verdicts, rows: int, streams: int, folder: Path | None, least: float) -> None:
    """To both clients, in turn, so that what else runs meets all."""
    authority = Authority()
    tls, over = None, "plaintext"
    if folder is not None:
        certificate = authority.signs()
        tls, over = (folder / "cert.pem", folder / "key.pem"), "TLS"
        tls[0].write_bytes(certificate.cert)
        tls[1].write_bytes(certificate.key)
    trust = {"tls_root_certs": authority.cert} if tls else {}
    options = {DatabaseOptions.TLS_ROOT_CERTS.value: authority.cert.decode()} if tls else {}
    with ExitStack() as stack:
        ways: dict[tuple[str, str], _Way] = {}
        for name in in_memory.SERVERS:
            uri, pid = stack.enter_context(in_memory.running(name, rows, tls))
            client = stack.enter_context(flight.connect(uri, **trust))
            ways["pyarrow.flight", name] = _Way(partial(_pyarrow, client), pid)
            connection = stack.enter_context(adbc.connect(uri, db_kwargs=options, autocommit=True))
            ways["ADBC", name] = _Way(partial(_adbc, connection), pid)
        for number in range(ROUNDS * streams):
            # Each second time the other way round: whoever follows a slow one finds the caches as that left them.
            for way in list(ways.values())[:: -1 if number % 2 else 1]:
                way.stream()
    for to in ("pyarrow.flight", "ADBC"):
        ours, theirs = (ways[to, name] for name in in_memory.SERVERS)
        verdicts.ratio(f"stream to {to}, {over}, MB/s", ours.rate(), theirs.rate(), least=least)
        verdicts.most(f"first batch to {to}, {over}, ms", ours.first(), 30, theirs.first())
        for whose, mine, other in zip(("server's", "client's"), ours.used(), theirs.used(), strict=True):
            verdicts.seen(f"{whose} CPU s/GB to {to}, {over}", mine, other)


def _pyarrow(client: flight.FlightClient) -> tuple[float, int]:
    """Read the table: the seconds until its first batch, from asking for it, and its bytes."""
    began = time.perf_counter()
    reader = client.do_get(client.get_flight_info(WHOLE).endpoints[0].ticket)
    size = reader.read_chunk().data.nbytes
    return time.perf_counter() - began, size + sum(chunk.data.nbytes for chunk in reader)


def _adbc(connection: adbc.Connection) -> tuple[float, int]:
    began = time.perf_counter()
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM whole")
        reader = cursor.fetch_record_batch()
        size = next(reader).nbytes
        return time.perf_counter() - began, size + sum(batch.nbytes for batch in reader)


def _small(verdicts: Verdicts, server: relay.Server, queries: int) -> None:
    """One client over raw gRPC, whose own time is the same for the query and for the two bare calls."""
    headers = (("authorization", f"Bearer {server.served.token}"),)
    # Without it grpcio reads a stream, and no single answer, by a thread of its own: three more wake-ups, 0.3 ms.
    alone = [(ChannelOptions.SingleThreadedUnaryStream, 1)]
    with grpc.insecure_channel(f"127.0.0.1:{server.served.port}", options=alone) as channel:
        rpc = Rpc(channel, headers)
        health: Any = health_pb2_grpc.HealthStub(channel)

        def query(text: str = SMALL) -> None:
            list(rpc.frames(rpc.query(text)))

        def pair() -> None:
            health.Check(health_pb2.HealthCheckRequest())
            health.Check(health_pb2.HealthCheckRequest())

        ways: dict[str, Callable[[], None]] = {"small": query, "sourced": partial(query, SOURCED), "bare": pair}
        times: dict[str, list[float]] = {way: [] for way in ways}
        used: dict[str, list[float]] = {way: [] for way in ways}
        for run in ways.values():
            for _ in range(50):
                run()
        for _ in range(ROUNDS * queries):
            for way, run in ways.items():
                began = time.perf_counter()
                run()
                times[way].append((time.perf_counter() - began) * 1000)
        for _ in range(ROUNDS):
            for way, run in ways.items():
                before = server.cpu()
                for _ in range(queries):
                    run()
                used[way].append((server.cpu() - before) / queries * 1000)
    p50 = {way: statistics.median(found) for way, found in times.items()}
    cpu = {way: statistics.median(found) for way, found in used.items()}
    verdicts.ratio("small query, p50 ms (theirs: two bare calls)", p50["small"], p50["bare"], most=3)
    verdicts.most("small query, server CPU ms (theirs: two bare)", cpu["small"], 4, cpu["bare"])
    verdicts.seen("the same of a source's row, p50 ms", p50["sourced"], p50["bare"])
    verdicts.seen("the same of a source's row, server CPU ms", cpu["sourced"], cpu["bare"])


def _crowd(verdicts: Verdicts, server: relay.Server, seconds: float) -> None:
    """The small query from many connections, beside one; whoever fails counts and goes on."""
    alone, failed = _rate(server, 1, seconds)
    together, errors = _rate(server, CLIENTS, seconds)
    verdicts.ratio(f"small queries a second, {CLIENTS} clients and one", together, alone, least=1)
    verdicts.most(f"errors, {CLIENTS} clients", failed + errors, 0)


def _rate(server: relay.Server, clients: int, seconds: float) -> tuple[float, int]:
    """Queries a second, and errors."""
    counts, errors = [0] * clients, [0] * clients
    began = time.monotonic()

    def client(number: int) -> None:
        command = flight.FlightDescriptor.for_command(pack(sql.CommandStatementQuery(query=SMALL)))
        with flight.connect(server.served.uri) as connection:
            while time.monotonic() < began + seconds:
                try:
                    info = connection.get_flight_info(command, server.options)
                    connection.do_get(info.endpoints[0].ticket, server.options).read_all()
                    counts[number] += 1
                except flight.FlightError:
                    errors[number] += 1

    threads = [threading.Thread(target=client, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.monotonic() - began), sum(errors)


if __name__ == "__main__":
    main()
