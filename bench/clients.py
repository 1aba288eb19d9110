"""1, 8 and 32 clients of short federated queries: `python -m bench.clients`.

Each client asks again and again for other keys: throughput, p50, p99, errors. Beside it a loop over the sources' bare
drivers, psycopg and PyMySQL on connections that are kept, which sends each source the same statements and joins
nothing: what the sources allow. A third way shows what the protocol leaves on this machine: the same clients ask
pyarrow.flight's own server, C++, for a row that it holds in memory. Clients are pyarrow.flight's, since ADBC's driver
spends 1.7 ms on garbage after each statement, and spread over as many processes as there are cores, so that no
interpreter lock limits. Each key makes another text, so nearly every statement is planned anew; and database servers,
clients and ours share the cores: where the sources need 1 ms of CPU for a query, what they allow is bounded by the loop's
own CPU, and ours by the planner's; a query that has PostgreSQL read all orders shows the other end.
"""

from __future__ import annotations

import os
import random
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from typing import Any, Protocol

import psycopg
import pyarrow as pa
from pyarrow import flight

from bench import in_memory, measure, report
from bench.setting import Ours, databases, mysql_database, ours, url
from server.flight.commands import pack
from server.flight.proto.flight_sql_pb2 import CommandStatementQuery
from tests.oracle.world import connect_mysql
from tests.tpch.placements import Placed

PLACEMENT = "a"
"""orders at PostgreSQL, customer at MariaDB."""
WARM_UP = 2.0
"""Seconds before the clock starts: connections are opened, catalogs read."""
TAIL, SHARE = 8.0, 0.8
"""What is allowed: p99 over p50, and what is wanted of the bare loop's throughput."""

Ask = Callable[[random.Random], object]


@dataclass(frozen=True, slots=True)
class Short:
    """A short query, and what it comes to at its sources."""

    name: str
    federated: str
    """With {key} or {day}, a random one."""
    first: str
    """At PostgreSQL, with the same; its second column are the keys of the next."""
    second: str
    """At MariaDB, with {keys}."""


QUERIES = (
    Short(
        name="two rows",
        federated="SELECT o_orderkey, o_totalprice, c_name FROM orders JOIN customer ON c_custkey = o_custkey"
        " WHERE o_orderkey = {key}",
        first="SELECT o_totalprice, o_custkey FROM orders WHERE o_orderkey = {key}",
        second="SELECT c_name, c_custkey FROM customer WHERE c_custkey IN ({keys})",
    ),
    Short(
        name="a group of 250 orders",
        federated="SELECT c_mktsegment, count(*) AS n, sum(o_totalprice) AS price"
        " FROM orders JOIN customer ON c_custkey = o_custkey"
        " WHERE o_orderkey BETWEEN {key} AND {key} + 1000 GROUP BY c_mktsegment",
        first="SELECT o_totalprice, o_custkey FROM orders WHERE o_orderkey BETWEEN {key} AND {key} + 1000",
        second="SELECT c_mktsegment, c_custkey FROM customer WHERE c_custkey IN ({keys})",
    ),
    Short(  # no index has the day: PostgreSQL reads all orders
        name="a day's orders",
        federated="SELECT c_mktsegment, count(*) AS n, sum(o_totalprice) AS price"
        " FROM orders JOIN customer ON c_custkey = o_custkey WHERE o_orderdate = DATE '{day}' GROUP BY c_mktsegment",
        first="SELECT o_totalprice, o_custkey FROM orders WHERE o_orderdate = DATE '{day}'",
        second="SELECT c_mktsegment, c_custkey FROM customer WHERE c_custkey IN ({keys})",
    ),
)
_FIRST_DAY, _DAYS = date(1992, 1, 1), 2406
"""Of the orders."""


class Client(Protocol):
    """Knows how to connect; can be pickled."""

    def connected(self) -> AbstractContextManager[Ask]:
        """A connection of its own, as a function that asks once."""


@dataclass(frozen=True, slots=True)
class Federated:
    """pyarrow.flight through our server: GetFlightInfo and DoGet."""

    uri: str
    token: str
    query: Short
    orders: int
    """How many there are."""

    @contextmanager
    def connected(self) -> Iterator[Ask]:
        options = flight.FlightCallOptions(headers=[(b"authorization", f"Bearer {self.token}".encode())])
        with flight.connect(self.uri) as connection:

            def ask(chance: random.Random) -> object:
                sql = self.query.federated.format(**_chosen(chance, self.orders))
                return _asked(connection, sql, options)

            yield ask


@dataclass(frozen=True, slots=True)
class InMemory:
    """The same client through a server that is all C++ and has the answer in memory."""

    uri: str

    @contextmanager
    def connected(self) -> Iterator[Ask]:
        with flight.connect(self.uri) as connection:
            yield lambda chance: _asked(connection, "SELECT * FROM whole", flight.FlightCallOptions())


def _asked(connection: flight.FlightClient, sql: str, options: flight.FlightCallOptions) -> pa.Table:
    command = pack(CommandStatementQuery(query=sql))
    info = connection.get_flight_info(flight.FlightDescriptor.for_command(command), options)
    return connection.do_get(info.endpoints[0].ticket, options).read_all()


@dataclass(frozen=True, slots=True)
class Bare:
    """The same statements by the sources' drivers."""

    postgres: str
    mysql: str
    database: str
    query: Short
    orders: int
    """How many there are."""

    @contextmanager
    def connected(self) -> Iterator[Ask]:
        other = connect_mysql(self.mysql)
        with psycopg.connect(self.postgres, autocommit=True) as connection, other, other.cursor() as cursor:
            other.select_db(self.database)

            def ask(chance: random.Random) -> object:
                first = self.query.first.format(**_chosen(chance, self.orders))
                keys = sorted({row[1] for row in connection.execute(first.encode()).fetchall()})
                cursor.execute(self.query.second.format(keys=", ".join(map(str, keys))))
                return cursor.fetchall()

            yield ask


def _chosen(chance: random.Random, orders: int) -> dict[str, object]:
    """What a query asks for. Of each 32 keys TPC-H uses the first eight (its specification, 4.2.3)."""
    number = chance.randint(1, orders)
    return {"key": number // 8 * 32 + number % 8, "day": _FIRST_DAY + timedelta(days=number % _DAYS)}


def main() -> None:
    """Print a line for each query, number of clients and way."""
    parser = report.options("clients", __doc__)
    parser.add_argument("--clients", nargs="+", type=int, default=[1, 8, 32])
    parser.add_argument("--seconds", type=float, default=10.0, help="of each measurement")
    given = parser.parse_args()
    orders = int(1_500_000 * given.scale)
    with (
        report.reported("clients", given) as out,
        databases(given.scale) as servers,
        servers.placed(PLACEMENT) as (sources, folder),
        ours(sources, folder) as running,
        in_memory.running("theirs", 1) as (memory, _),
    ):
        print(
            f"{'query':<24}{'clients':>8}  {'way':<8}{'a second':>10}{'p50 ms':>9}{'p99 ms':>9}{'p99/p50':>9}{'errors':>8}"
            f"{'server CPU ms':>15}"
        )
        for query in QUERIES:
            for clients in given.clients:
                for way, client in _ways(running, sources, memory, query, orders).items():
                    with measure.using(running.pid) as used:
                        row = load(client, clients, given.seconds)
                    share = given.seconds / (given.seconds + WARM_UP)  # what was measured includes the warm-up
                    cpu = used.cpu * share / max(1, row["asked"]) if way == "ours" else None
                    out.add(query=query.name, clients=clients, way=way, cpu=cpu, peak=used.peak, **row)
                    print(
                        f"{query.name:<24}{clients:>8}  {way:<8}{row['throughput']:>10.1f}{row['p50'] * 1000:>9.1f}"
                        f"{row['p99'] * 1000:>9.1f}{row['p99'] / row['p50']:>9.1f}{row['errors']:>8}"
                        + (f"{cpu * 1000:>15.1f}" if cpu is not None else "")
                        + "".join(f"\n  {text}: {count}" for text, count in row["texts"].items()),
                        flush=True,
                    )


def _ways(running: Ours, sources: Placed, memory: str, query: Short, orders: int) -> dict[str, Client]:
    return {
        "ours": Federated(running.served.uri, running.served.token, query, orders),
        "drivers": Bare(url(sources, "pg"), url(sources, "my"), mysql_database(sources), query, orders),
        "memory": InMemory(memory),
    }


def load(client: Client, clients: int, seconds: float) -> dict[str, Any]:
    """Let clients ask for so long, after a warm-up."""
    processes = min(clients, len(os.sched_getaffinity(0)))
    fresh = get_context("spawn")
    with ProcessPoolExecutor(processes, fresh, initializer=_meet_at, initargs=(fresh.Barrier(processes),)) as pool:
        shares = [range(clients)[number::processes] for number in range(processes)]
        parts = [pool.submit(_part, client, share, seconds) for share in shares]
        asked = [one for part in parts for one in part.result()]
    cuts = statistics.quantiles([took for took, _ in asked], n=100, method="inclusive")
    errors = Counter(error for _, error in asked if error)
    return {
        "asked": len(asked),
        "throughput": (len(asked) - errors.total()) / seconds,
        "p50": cuts[49],
        "p99": cuts[98],
        "errors": errors.total(),
        "texts": dict(errors.most_common(3)),
    }


_together: list[Barrier] = []
"""Where the processes of a load wait for each other: they need seconds to start."""


def _meet_at(barrier: Barrier) -> None:
    _together.append(barrier)


def _part(client: Client, numbers: range, seconds: float) -> list[tuple[float, str]]:
    """One process's clients, a thread each: the seconds of each answer, and its error or ''."""
    _together[0].wait()
    begin = time.time() + WARM_UP
    with ThreadPoolExecutor(len(numbers)) as threads:
        parts = list(threads.map(lambda number: _client(client, number, begin, begin + seconds), numbers))
    return [one for part in parts for one in part]


def _client(client: Client, number: int, begin: float, end: float) -> list[tuple[float, str]]:
    chance = random.Random(number)
    asked = []
    with client.connected() as ask:
        while (now := time.time()) < end:
            began = time.perf_counter()
            try:
                ask(chance)
                error = ""
            except (flight.FlightError, psycopg.Error) as failed:
                error = str(failed)[:120]
            if now >= begin:
                asked.append((time.perf_counter() - began, error))
    return asked


if __name__ == "__main__":
    main()
