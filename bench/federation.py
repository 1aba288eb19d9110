"""TPC-H over PostgreSQL, MariaDB and DuckDB, beside the peer in the same run: `python -m bench.federation --scale 1`.

The peer is DuckDB 1.5.5 with its postgres and mysql extensions, over the very same servers (bench/peer). Each query runs
on ours and on the peer in turn, `--rounds` times; medians and their ratio are printed, and the answers are compared.
Ours is `watersmeet serve` in its own processes with an ADBC client; the peer has no client to send its rows to.
"""

from __future__ import annotations

import json
import math
import statistics
from pathlib import Path
from typing import Any

import pyarrow as pa

from bench import measure, report
from bench.peer.environment import Peer
from bench.setting import Ours, behind_network, databases, described, ours, theirs
from tests.tpch import data
from tests.tpch.placements import PLACEMENTS

ROUNDS = 3


def main() -> None:
    """Print a table for each placement."""
    parser = report.options("federation", __doc__)
    parser.add_argument("--placements", nargs="+", choices=sorted(PLACEMENTS), default=["a", "b"])
    parser.add_argument("--queries", nargs="+", type=int, default=list(range(1, 23)), metavar="N")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--workers", type=int, help="of our server; its own default without")
    parser.add_argument(
        "--network", action="store_true", help="1 Gbit/s and 1 ms between the servers and their sources"
    )
    given = parser.parse_args()
    with report.reported("federation", given) as out, databases(given.scale) as servers:
        for placement in given.placements:
            print(f"\nplacement {placement}: {described(placement)}; scale {given.scale}", flush=True)
            with (
                servers.placed(placement) as (near, folder),
                behind_network(near, given.network) as sources,
                ours(sources, folder, given.workers) as running,
                theirs(sources, servers.rows) as other,
            ):
                for row in compare(running, other, given.queries, given.rounds, folder):
                    out.add(placement=placement, holds=described(placement), network=given.network, **row)


def compare(running: Ours, other: Peer, queries: list[int], rounds: int, folder: Path) -> list[dict[str, Any]]:
    """Print a line for each query, and the geometric mean of the ratios."""
    print(
        f"{'query':<6}{'ours s':>9}{'first row':>10}{'peer s':>9}{'ratio':>8}{'our CPU':>9}{'peer CPU':>9}{'our MB':>8}"
        f"{'peer MB':>8}{'fragments':>11}{'rows':>12}{'shipped MB':>11}  answers",
        flush=True,
    )
    rows = []
    for number in queries:
        row = _measured(running, other, f"q{number:02}", data.QUERIES[number - 1].read_text(), rounds, folder)
        print(
            f"{row['query']:<6}{row['seconds']:>9.3f}{row['first']:>10.3f}{row['peer_seconds'] or math.nan:>9.3f}"
            f"{row['ratio'] or math.nan:>8.2f}{row['cpu']:>9.2f}{row['peer_cpu'] or math.nan:>9.2f}"
            f"{row['peak'] / 1e6:>8.0f}{row['peer_peak'] / 1e6:>8.0f}"
            f"{row['fragments']:>11}{row['rows']:>12,}{row['bytes'] / 1e6:>11.1f}  {row['answers']}",
            flush=True,
        )
        rows.append(row)
    if ratios := [row["ratio"] for row in rows if row["ratio"]]:
        print(
            f"geometric mean of the ratios {statistics.geometric_mean(ratios):.2f}, worst {max(ratios):.2f}", flush=True
        )
    return rows


def _measured(running: Ours, other: Peer, name: str, sql: str, rounds: int, folder: Path) -> dict[str, Any]:
    """A query on both in turn: medians, and the highest peaks of memory."""
    mine: list[tuple[float, float, measure.Used]] = []
    its: list[tuple[float, float, measure.Used]] = []
    same = "equal"
    for _ in range(rounds):
        with measure.using(running.pid) as used:
            table, first, seconds = running.run(sql)
        mine.append((seconds, first, used))
        try:
            with measure.using(other.pid) as used:
                answer = other.ask({"sql": sql, "out": str(folder / "peer.arrow")})
        except RuntimeError as error:
            same = f"peer: {str(error)[:60]}"
            continue
        its.append((answer["seconds"], answer["cpu"], used))
        same = _compared(table, folder / "peer.arrow") or same
    seconds = statistics.median(run[0] for run in mine)
    peer_seconds = statistics.median(run[0] for run in its) if its else None
    return {
        "query": name,
        "seconds": seconds,
        "first": statistics.median(run[1] for run in mine),
        "all_seconds": [run[0] for run in mine],
        "cpu": statistics.median(run[2].cpu for run in mine),
        "peak": max(run[2].peak for run in mine),
        "peer_seconds": peer_seconds,
        "peer_all_seconds": [run[0] for run in its],
        "peer_cpu": statistics.median(run[1] for run in its) if its else None,
        "peer_peak": max((run[2].peak for run in its), default=0),
        "ratio": seconds / peer_seconds if peer_seconds else None,
        **_shipped(running, sql),
        "answers": same,
    }


def _shipped(running: Ours, sql: str) -> dict[str, int]:
    """Fragments, and the rows and bytes that came from sources, by one more run."""
    (text,) = running.run(f"EXPLAIN ANALYZE (FORMAT JSON) {sql}")[0].column(0).to_pylist()
    fragments = [fragment["measured"] for fragment in json.loads(text)["fragments"]]
    return {
        "fragments": len(fragments),
        "rows": sum(each["rows"] for each in fragments),
        "bytes": sum(each["bytes"] for each in fragments),
    }


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
