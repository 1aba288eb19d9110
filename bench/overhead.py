"""What a query that one source answers whole costs over the source's own driver: `python -m bench.overhead --scale 1`.

The same statement by the driver on a connection that is kept, and by ADBC through our server, in turn. What is allowed:
15 % and 5 ms over the driver's median. ADBC's PostgreSQL driver makes Arrow as we do; psycopg and PyMySQL make tuples.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import adbc_driver_postgresql.dbapi as adbc_postgres  # type: ignore[import-untyped]
import psycopg

from bench import measure, report
from bench.setting import Ours, databases, mysql_database, ours, url
from tests.oracle.world import connect_mysql
from tests.tpch import data
from tests.tpch.placements import Placed

RELATIVE, ABSOLUTE = 1.15, 0.005
"""What is allowed: times the driver's time, and seconds on top."""
SHAPES = {
    "point lookup": "SELECT * FROM orders WHERE o_orderkey = 7",
    "aggregate of 100 groups": "SELECT l_suppkey, count(*) AS items, sum(l_extendedprice) AS price FROM lineitem"
    " WHERE l_suppkey <= 100 GROUP BY l_suppkey",
    "TPC-H Q6": data.QUERIES[5].read_text().rstrip().rstrip(";"),
}
Run = Callable[[str], object]


def main() -> None:
    """Print a line for each source, driver and shape."""
    parser = report.options("overhead", __doc__)
    parser.add_argument("--seconds", type=float, default=10.0, help="of each measurement, and at least five rounds")
    given = parser.parse_args()
    with report.reported("overhead", given) as out, databases(given.scale) as servers:
        print(
            f"{'source':<12}{'driver':<10}{'query':<26}{'driver ms':>11}{'ours ms':>10}{'over ms':>10}{'allowed':>10}"
        )
        for placement, source, drivers in (("d", "PostgreSQL", _postgres), ("c", "MariaDB", _mariadb)):
            with (
                servers.placed(placement) as (sources, folder),
                ours(sources, folder) as running,
                drivers(sources) as peers,
            ):
                for shape, sql in SHAPES.items():
                    for driver, run in peers.items():
                        row = _measured(running, run, sql, given.seconds)
                        out.add(source=source, driver=driver, query=shape, **row)
                        print(
                            f"{source:<12}{driver:<10}{shape:<26}{row['driver_seconds'] * 1000:>11.1f}"
                            f"{row['seconds'] * 1000:>10.1f}{row['over'] * 1000:>10.1f}{row['allowed'] * 1000:>10.1f}",
                            flush=True,
                        )


def _measured(running: Ours, driver: Run, sql: str, seconds: float) -> dict[str, Any]:
    """In turn, so that what else the machine does meets both."""
    for _ in range(3):
        driver(sql)
        running.run(sql)
    its: list[float] = []
    mine: list[float] = []
    until = time.monotonic() + seconds
    with measure.using(running.pid) as used:
        while len(its) < 5 or time.monotonic() < until:
            began = time.perf_counter()
            driver(sql)
            its.append(time.perf_counter() - began)
            mine.append(running.run(sql)[2])
    its_median, our_median = statistics.median(its), statistics.median(mine)
    return {
        "driver_seconds": its_median,
        "seconds": our_median,
        "over": our_median - its_median,
        "allowed": its_median * (RELATIVE - 1) + ABSOLUTE,
        "cpu": used.cpu / len(mine),
        "rounds": len(mine),
    }


@contextmanager
def _postgres(sources: Placed) -> Iterator[dict[str, Run]]:
    with ExitStack() as stack:
        plain = stack.enter_context(psycopg.connect(url(sources, "pg"), autocommit=True))
        arrow = stack.enter_context(adbc_postgres.connect(url(sources, "pg"), autocommit=True))

        def tuples(sql: str) -> object:
            return plain.execute(sql.encode()).fetchall()

        def table(sql: str) -> object:
            with arrow.cursor() as cursor:
                cursor.execute(sql)
                return cursor.fetch_arrow_table()

        yield {"psycopg": tuples, "ADBC": table}


@contextmanager
def _mariadb(sources: Placed) -> Iterator[dict[str, Run]]:
    connection = connect_mysql(url(sources, "my"))
    with connection:
        connection.select_db(mysql_database(sources))

        def tuples(sql: str) -> object:
            with connection.cursor() as cursor:
                cursor.execute(sql)
                return cursor.fetchall()

        yield {"PyMySQL": tuples}


if __name__ == "__main__":
    main()
