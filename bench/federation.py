"""TPC-H over PostgreSQL, MariaDB and DuckDB, beside the peer in the same run: `python -m bench.federation --scale 1`.

The peer is DuckDB 1.5.5 with its postgres and mysql extensions, over the very same servers (bench/peer). Each query runs
on ours and on the peer in turn, `--rounds` times; medians and their ratio are printed, and the answers are compared.
Ours is `watersmeet serve` in its own processes with an ADBC client; the peer has no client to send its rows to.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import adbc_driver_flightsql.dbapi as flightsql
import pyarrow as pa
from pydantic import SecretStr

from bench import measure
from bench.network import proxied
from bench.peer.environment import Peer, peer
from connectors import duckdb as lake
from connectors import mysql, postgres
from tests import services
from tests.clients.served import serving
from tests.tpch import data
from tests.tpch.placements import PLACEMENTS, Placed, placed

ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Ours:
    """A running server of ours."""

    connection: flightsql.Connection
    pid: int

    def run(self, sql: str) -> tuple[pa.Table, float]:
        """The answer and its seconds."""
        began = time.perf_counter()
        with self.connection.cursor() as cursor:
            cursor.execute(sql)
            table = cursor.fetch_arrow_table()
        return table, time.perf_counter() - began

    def shipped(self, sql: str) -> tuple[int, int, int]:
        """Fragments, and the rows and bytes that came from sources, by one more run."""
        (text,) = self.run(f"EXPLAIN ANALYZE (FORMAT JSON) {sql}")[0].column(0).to_pylist()
        fragments = [fragment["measured"] for fragment in json.loads(text)["fragments"]]
        return len(fragments), sum(each["rows"] for each in fragments), sum(each["bytes"] for each in fragments)


def main() -> None:
    """Print a table for each placement."""
    parser = argparse.ArgumentParser(prog="python -m bench.federation", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--scale", type=float, default=0.1, help="TPC-H scale factor (0.1: 600,000 line items)")
    parser.add_argument("--placements", nargs="+", choices=sorted(PLACEMENTS), default=["a", "b"])
    parser.add_argument("--queries", nargs="+", type=int, default=list(range(1, 23)), metavar="N")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--workers", type=int, help="of our server; its own default without")
    parser.add_argument(
        "--network", action="store_true", help="1 Gbit/s and 1 ms between the servers and their sources"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, services.postgres() as pg, services.mysql() as my:
        folder = Path(name)
        rows = data.generate(folder, options.scale)
        for placement in options.placements:
            print(f"\nplacement {placement}: {_described(placement)}; scale {options.scale}", flush=True)
            with (
                tempfile.TemporaryDirectory(dir=folder) as made,
                placed(placement, pg, my, rows, Path(made)) as near,
                behind_network(near, options.network) as sources,
                ours(sources, Path(made), options.workers) as running,
                theirs(sources, rows) as other,
            ):
                compare(running, other, options.queries, options.rounds, Path(made))


def compare(running: Ours, other: Peer, queries: list[int], rounds: int, folder: Path) -> None:
    """Print a line for each query and the geometric mean of the ratios."""
    print(
        f"{'query':<6}{'ours s':>9}{'peer s':>9}{'ratio':>8}{'our CPU':>9}{'peer CPU':>9}"
        f"{'fragments':>11}{'rows':>12}{'MB':>9}  answers"
    )
    ratios = []
    for number in queries:
        sql = data.QUERIES[number - 1].read_text()
        mine, its, my_cpu, its_cpu = [], [], [], []
        same = ""
        for _ in range(rounds):
            cpu = measure.cpu_seconds(running.pid)
            table, seconds = running.run(sql)
            mine.append(seconds)
            my_cpu.append(measure.cpu_seconds(running.pid) - cpu)
            out = folder / "peer.arrow"
            try:
                answer = other.ask({"sql": sql, "out": str(out)})
            except RuntimeError as error:
                same = f"peer: {str(error)[:60]}"
                continue
            its.append(answer["seconds"])
            its_cpu.append(answer["cpu"])
            same = same or _compared(table, out)
        fragments, rows, size = running.shipped(sql)
        ours_s, peer_s = statistics.median(mine), statistics.median(its) if its else math.nan
        ratios.append(ours_s / peer_s)
        print(
            f"q{number:02}   {ours_s:>9.3f}{peer_s:>9.3f}{ours_s / peer_s:>8.2f}{statistics.median(my_cpu):>9.2f}"
            f"{statistics.median(its_cpu) if its else math.nan:>9.2f}{fragments:>11}{rows:>12,}{size / 1e6:>9.1f}"
            f"  {same or 'equal'}",
            flush=True,
        )
    known = [ratio for ratio in ratios if not math.isnan(ratio)]
    mean = math.exp(statistics.fmean(map(math.log, known)))
    print(
        f"geometric mean of the ratios {mean:.2f}, worst {max(known):.2f};"
        f" peak memory of our processes {measure.peak_bytes(running.pid) / 1e6:,.0f} MB",
        flush=True,
    )


@contextmanager
def ours(sources: Placed, folder: Path, workers: int | None) -> Iterator[Ours]:
    """Our server over a placement, and a connection to it."""
    server: dict[str, Any] = {"listen": "127.0.0.1:0", "drain": "5s"}
    if workers is not None:
        server["workers"] = workers
    sections = {name: _section(config) for name, config in sources.sources.items()}
    with serving(folder, sections, server=server) as served, served.connect() as connection:
        (pid,) = (member for member in measure.family(os.getpid()) if _is_server(member))
        yield Ours(connection, pid)


@contextmanager
def behind_network(sources: Placed, wanted: bool) -> Iterator[Placed]:
    """The placement with a wire before each database server; DuckDB's file has none."""
    if not wanted:
        yield sources
        return
    with ExitStack() as stack:
        moved: dict[str, Any] = {}
        for name, config in sources.sources.items():
            if isinstance(config, (postgres.Config, mysql.Config)):
                url = config.url.get_secret_value()
                address = urlsplit(url)
                assert address.hostname and address.port
                port = stack.enter_context(proxied(address.hostname, address.port))
                config = config.model_copy(update={"url": SecretStr(url.replace(f":{address.port}/", f":{port}/", 1))})
            moved[name] = config
        yield Placed(sources.name, moved)


def _is_server(pid: int) -> bool:
    words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    return b"serve" in words


def _section(config: object) -> dict[str, Any]:
    if isinstance(config, postgres.Config):
        return {"kind": "postgres", "url": config.url.get_secret_value()}
    if isinstance(config, mysql.Config):
        return {"kind": "mysql", "url": config.url.get_secret_value(), "schemas": list(config.schemas or ())}
    assert isinstance(config, lake.Config)
    return {"kind": "duckdb", "path": str(config.path)}


@contextmanager
def theirs(sources: Placed, rows: Path) -> Iterator[Peer]:
    """The peer over the same placement."""
    settings: dict[str, Any] = {}
    places: dict[str, str] = {}
    files: dict[str, str] = {}
    for name, config in sources.sources.items():
        if isinstance(config, postgres.Config):
            settings["postgres"] = config.url.get_secret_value()
            schema = "public"
        elif isinstance(config, mysql.Config):
            address = mysql.config.address(config.url)
            (schema,) = config.schemas or ()
            settings["mysql"] = (
                f"host={address.host} port={address.port} user={address.user}"
                f" password={address.password.decode()} database={schema}"
            )
        else:
            files = {table: str(rows / f"{table}.parquet") for table in PLACEMENTS[sources.name][name]}
            continue
        places |= {table: f"{name}.{schema}.{table}" for table in PLACEMENTS[sources.name][name]}
    with peer(settings | {"tables": places, "files": files}) as running:
        yield running


def _described(placement: str) -> str:
    kinds: Mapping[str, str] = {"pg": "PostgreSQL", "my": "MariaDB", "lake": "DuckDB"}
    return ", ".join(f"{' '.join(tables)} in {kinds[name]}" for name, tables in PLACEMENTS[placement].items())


def _compared(mine: pa.Table, path: Path) -> str:
    """'' if the answers are equal, up to the types of numbers and the last digits of floats; else what differs."""
    with pa.memory_map(str(path)) as file:
        its = pa.ipc.open_file(file).read_all()
    if mine.num_rows != its.num_rows or mine.num_columns != its.num_columns:
        return f"{mine.num_rows} rows against {its.num_rows}"
    left = sorted((tuple(map(_plain, row.values())) for row in _rows(mine)), key=repr)
    right = sorted((tuple(map(_plain, row.values())) for row in _rows(its)), key=repr)
    for a, b in zip(left, right, strict=True):
        if a != b:
            return f"{a} against {b}"[:80]
    return ""


def _rows(table: pa.Table) -> list[dict[str, Any]]:
    named = table.rename_columns([str(number) for number in range(table.num_columns)])
    rows: list[dict[str, Any]] = named.to_pylist()
    return rows


def _plain(value: Any) -> Any:
    """A value without what only its type decides."""
    if isinstance(value, str):
        return value.rstrip(" ")  # the peer keeps the padding of CHAR(n)
    try:
        return float(f"{float(value):.9g}") if value is not None else None
    except (TypeError, ValueError):
        return value


if __name__ == "__main__":
    main()
