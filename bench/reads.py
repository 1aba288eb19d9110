"""How fast rows come through, beside each source's usual driver: `python -m bench.reads`.

Reading lineitem whole from PostgreSQL and from MariaDB, rows a second, the best of three.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import adbc_driver_flightsql.dbapi as flightsql
import adbc_driver_postgresql.dbapi as adbc_postgres  # type: ignore[import-untyped]
import pymysql.cursors
from adbc_driver_flightsql import DatabaseOptions

from connectors import mysql, postgres
from tests import services
from tests.oracle.world import connect_mysql
from tests.tpch import data
from tests.tpch.federation import Federation, federation
from tests.tpch.placements import Placed, placed

REPEATS = 3
COLUMNS = ", ".join(data.TABLES["lineitem"].columns)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.reads", description=__doc__.split("\n")[0] if __doc__ else None
    )
    parser.add_argument("--scale", type=float, default=0.1, help="TPC-H scale factor (0.1: 600,000 line items)")
    scale = parser.parse_args().scale
    with tempfile.TemporaryDirectory() as name, services.postgres() as pg, services.mysql() as my:
        folder = Path(name)
        rows = data.generate(folder, scale)
        _reads(pg, my, rows, folder)


@contextmanager
def _federated(name: str, pg: str, my: str, rows: Path, folder: Path) -> Iterator[tuple[Placed, Federation]]:
    own = folder / name
    own.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory(dir=own) as made,
        placed(name, pg, my, rows, Path(made)) as sources,
        federation(sources) as running,
    ):
        yield sources, running


# ---------------------------------------------------------------- reading


def _reads(pg: str, my: str, rows: Path, folder: Path) -> None:
    print(f"{'lineitem, all columns':<42}{'rows/s':>12}{'of the first':>14}")
    for placement, source, peer in (("a", "pg", _adbc), ("c", "my", _pymysql)):
        with _federated(placement, pg, my, rows, folder) as (sources, running):
            first = _print_rate(f"{source}: {peer.__doc__}", partial(peer, sources), None)
            _print_rate(f"{source}: watersmeet in process", partial(_in_process, running), first)
            _print_rate(f"{source}: watersmeet over Flight SQL", partial(_flight, running), first)


def _print_rate(name: str, read: Callable[[], int], first: float | None) -> float:
    rate = max(_rate(read) for _ in range(REPEATS))
    print(f"{name:<42}{rate:>12,.0f}{rate / (first or rate):>13.2f}x", flush=True)
    return rate


def _rate(read: Callable[[], int]) -> float:
    began = time.perf_counter()
    return read() / (time.perf_counter() - began)


def _adbc(placed: Placed) -> int:
    """ADBC's PostgreSQL driver"""
    config = placed.sources["pg"]
    assert isinstance(config, postgres.Config)
    with adbc_postgres.connect(config.url.get_secret_value()) as con, con.cursor() as cursor:
        cursor.execute(f"SELECT {COLUMNS} FROM lineitem")
        return int(cursor.fetch_arrow_table().num_rows)


def _pymysql(placed: Placed) -> int:
    """PyMySQL, unbuffered, to tuples"""
    config = placed.sources["my"]
    assert isinstance(config, mysql.Config) and config.schemas
    con = connect_mysql(config.url.get_secret_value())
    with con, con.cursor(pymysql.cursors.SSCursor) as cursor:
        cursor.execute(f"SELECT {COLUMNS} FROM {config.schemas[0]}.lineitem")
        return sum(1 for _ in cursor)


def _in_process(running: Federation) -> int:
    return int(running.run(f"SELECT {COLUMNS} FROM lineitem")[1].num_rows)


def _flight(running: Federation) -> int:
    options = {DatabaseOptions.AUTHORIZATION_HEADER.value: f"Bearer {running.token}"}
    uri = f"grpc://127.0.0.1:{running.port}"
    with flightsql.connect(uri, options, autocommit=True) as con, con.cursor() as cursor:
        cursor.execute(f"SELECT {COLUMNS} FROM lineitem")
        return int(cursor.fetch_arrow_table().num_rows)


if __name__ == "__main__":
    main()
