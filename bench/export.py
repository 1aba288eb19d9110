"""Reading lineitem whole (6 million rows at scale 1), step by step: `python -m bench.export --scale 1`.

PostgreSQL's COPY with its bytes thrown away; our decoder in this process, batches thrown away; our server with an ADBC
client that throws them away, too. What the server adds shows in the last two, and its peak memory, process by process.
Database, server and client share the machine: no step can be faster than its CPU in all over the number of cores.
"""

from __future__ import annotations

import os
import statistics
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pyarrow as pa

from bench import measure, report
from bench.setting import Ours, databases, ours, url
from connectors.registry import open_source
from planner import pipeline
from planner.plan import PlanRequest, SourceInfo
from tests.tpch import data
from tests.tpch.placements import Placed
from watersmeet.spi import Tag

SQL = f"SELECT {', '.join(data.TABLES['lineitem'].columns)} FROM lineitem"
WANTED = 0.9
"""Of the decoder's rate alone."""
Counted = tuple[int, float, float]
"""Rows, and the seconds until the first and until the last ones."""


def main() -> None:
    """Print a line for each step."""
    parser = report.options("export", __doc__)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    with report.reported("export", given) as out, databases(given.scale) as servers:
        for placement, source, key in (("a", "PostgreSQL", "pg"), ("c", "MariaDB", "my")):
            with servers.placed(placement) as (sources, folder), ours(sources, folder) as running:
                steps: dict[str, Callable[[], Counted]] = {}
                if key == "pg":
                    steps["COPY, bytes only"] = lambda sources=sources: _copy(sources)  # type: ignore[misc]
                steps["decoder alone"] = lambda sources=sources, key=key: _decoded(sources, key)  # type: ignore[misc]
                steps["server and client"] = lambda running=running: _served(running)  # type: ignore[misc]
                for row in _measured(running, steps, given.rounds):
                    out.add(source=source, **row)
                    processes = " + ".join(f"{peak / 1e6:.0f}" for peak in row["peaks"])
                    print(
                        f"{source:<12}{row['step']:<20}{row['seconds']:>8.2f} s{row['rows'] / row['seconds']:>12,.0f} rows/s"
                        f"{row['first'] * 1000:>8.0f} ms to the first{row['cpu_all']:>8.2f} s of CPU in all"
                        + (
                            f"  server {row['cpu']:.2f} s, peaks {processes} MB, together {row['memory'] / 1e6:.0f} MB"
                            if processes
                            else ""
                        ),
                        flush=True,
                    )


def _measured(running: Ours, steps: dict[str, Callable[[], Counted]], rounds: int) -> Iterator[dict[str, Any]]:
    """Medians of rounds in turn; the server's memory is that of its own step."""
    times: dict[str, list[float]] = {name: [] for name in steps}
    firsts: dict[str, list[float]] = {name: [] for name in steps}
    rows: dict[str, int] = {}
    peaks: list[int] = []
    cpu: list[float] = []
    cpu_all: dict[str, list[float]] = {name: [] for name in steps}
    """Of databases, server and client."""
    memory = 0
    for _ in range(rounds):
        for name, step in steps.items():
            with measure.using(running.pid) as used, measure.sampling(running.pid) as samples:
                before = measure.cpu_seconds(os.getpid())
                rows[name], first, last = step()
                cpu_all[name].append(measure.cpu_seconds(os.getpid()) - before)
            firsts[name].append(first)
            times[name].append(last)
            if name == "server and client":
                peaks = max(peaks, measure.peaks(running.pid), key=sum)
                memory = max([memory, *samples])
                cpu.append(used.cpu)
    assert len(set(rows.values())) == 1, rows
    for name in steps:
        served = name == "server and client"
        yield {
            "step": name,
            "rows": rows[name],
            "seconds": statistics.median(times[name]),
            "first": statistics.median(firsts[name]),
            "all_seconds": times[name],
            "peaks": peaks if served else [],
            "memory": memory if served else None,
            "cpu": statistics.median(cpu) if served else None,
            "cpu_all": statistics.median(cpu_all[name]),
        }


def _copy(sources: Placed) -> Counted:
    with psycopg.connect(url(sources, "pg")) as con, con.cursor() as cursor:
        began = time.perf_counter()
        with cursor.copy(f"COPY ({SQL}) TO STDOUT (FORMAT binary)".encode()) as copy:
            next(iter(copy))
            first = time.perf_counter() - began
            for _ in copy:
                pass
        return cursor.rowcount, first, time.perf_counter() - began


def _decoded(sources: Placed, name: str) -> Counted:
    """What a connector's snapshot gives for the fragment that the server sends, without engine, front or client."""
    source = open_source(name, sources.sources[name])
    try:
        catalog = source.catalog()
        info = SourceInfo(name=name, kind=source.kind, catalog=catalog, dialect=source.dialect(catalog.facts))
        (fragment,) = pipeline.plan(PlanRequest(sql=SQL, now=datetime.now(UTC)), {name: info}).fragments
        began = time.perf_counter()
        snapshot = source.snapshot(Tag(query_id=uuid.uuid4().hex, timeout=3600.0), 1)
        try:
            return _counted(snapshot.read(0, fragment.read), began)
        finally:
            snapshot.close()
    finally:
        source.close()


def _served(running: Ours) -> Counted:
    began = time.perf_counter()
    with running.connection.cursor() as cursor:
        cursor.execute(SQL)
        return _counted(cursor.fetch_record_batch(), began)


def _counted(batches: Iterator[pa.RecordBatch], began: float) -> Counted:
    rows, first = 0, 0.0
    for batch in batches:
        first = first or time.perf_counter() - began
        rows += batch.num_rows
    return rows, first, time.perf_counter() - began


if __name__ == "__main__":
    main()
