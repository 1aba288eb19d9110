"""docs/performance.md and its plot from the runs in bench/results: `python -m bench.page`. No figure there is typed.

A run that is not there has no section. `--results` and `--page` name other places.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import geometric_mean
from typing import Any

from bench import clients, export, overhead
from bench.plot import Series, bars

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "bench" / "results"
PAGE = ROOT / "docs" / "performance.md"
Run = dict[str, Any]
"""What bench.report wrote."""

_HEAD = """<!-- Written by `python -m bench.page` from bench/results: run it, do not edit this. -->

# Performance

The peer is DuckDB with its postgres and mysql extensions attached to the same servers: what there is to take instead of
watersmeet. Both run in turn in one run, and their answers are compared. Ours includes the way to an ADBC client over
Flight SQL; the peer's answer stays in its process. Times are medians; a ratio is our time over the peer's, so less is
better.
"""


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(prog="python -m bench.page", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--results", type=Path, default=RESULTS, help="the folder of the runs' JSON files")
    parser.add_argument("--page", type=Path, default=PAGE, help="the file to write; the plot goes beside it")
    given = parser.parse_args()
    write(given.results, given.page)
    print(given.page)


def write(results: Path, page: Path) -> None:
    """Write the page from a folder of runs, and the plot beside it."""
    runs = {file.stem: json.loads(file.read_text()) for file in sorted(results.glob("*.json"))}
    plot = page.with_suffix(".svg")
    parts = [_HEAD]
    if "federation" in runs:
        plot.write_text(_plot([runs[name] for name in ("federation", "federation-network") if name in runs]))
        parts.append(f"![Our time over the peer's for each query and placement]({plot.name})\n")
    parts += [section(runs) for name, section in SECTIONS if name in runs]
    parts.append(_machine(runs))
    parts.append(_commands(runs))
    page.write_text("\n".join(parts))


# ---------------------------------------------------------------- the sections


def _federation(runs: dict[str, Run]) -> str:
    return "## TPC-H over three sources\n\n" + _placements(runs["federation"])


def _network(runs: dict[str, Run]) -> str:
    return (
        "## The same behind a network\n\n1 Gbit/s and 1 ms between the servers and their sources, by a proxy that shapes"
        " (`bench/network.py`), for ours and the peer alike.\n\n" + _placements(runs["federation-network"])
    )


def _placements(run: Run) -> str:
    """A table a placement, and a line that sums each up."""
    parts = []
    for placement in dict.fromkeys(row["placement"] for row in run["rows"]):
        rows = [row for row in run["rows"] if row["placement"] == placement]
        known = [row for row in rows if row["ratio"]]
        ratios = [row["ratio"] for row in known]
        worst = max(known, key=lambda row: row["ratio"])
        equal = sum(row["answers"] == "equal" for row in rows)
        parts.append(
            f"Placement {placement}, scale {run['scale']:g}: {rows[0]['holds']}. **Geometric mean of the ratios"
            f" {geometric_mean(ratios):.2f}**, worst {worst['ratio']:.2f} ({worst['query']}); in all"
            f" {sum(row['seconds'] for row in known):.1f} s against {sum(row['peer_seconds'] for row in known):.1f} s;"
            f" {equal} of {len(rows)} answers equal.\n"
        )
        parts.append(
            _table(
                ("query", "ours s", "first row s", "peer s", "ratio", "our CPU s", "peer CPU s")
                + ("our peak MB", "peer peak MB", "fragments", "rows shipped", "MB shipped"),
                [
                    (
                        row["query"],
                        f"{row['seconds']:.3f}",
                        f"{row['first']:.3f}",
                        _known(row["peer_seconds"], ".3f"),
                        _known(row["ratio"], ".2f"),
                        f"{row['cpu']:.2f}",
                        _known(row["peer_cpu"], ".2f"),
                        f"{row['peak'] / 1e6:.0f}",
                        f"{row['peer_peak'] / 1e6:.0f}",
                        str(row["fragments"]),
                        f"{row['rows']:,}",
                        f"{row['bytes'] / 1e6:.1f}",
                    )
                    for row in rows
                ],
            )
        )
        parts += [f"- {row['query']}: {row['answers']}\n" for row in rows if row["answers"] != "equal"]
    parts.append(
        "CPU and peaks of memory are sums over all processes of a server (the front and its workers), without the"
        " databases; memory that processes share counts in each.\n"
    )
    return "\n".join(parts)


def _growth(runs: dict[str, Run]) -> str:
    small, large = runs["federation-small"], runs["federation"]
    factor = large["scale"] / small["scale"]
    before = {(row["placement"], row["query"]): row for row in small["rows"]}
    rows = []
    for row in large["rows"]:
        if (was := before.get((row["placement"], row["query"]))) is not None:
            peers = (was["peer_seconds"], row["peer_seconds"])
            rows.append(
                (
                    f"{row['placement']} {row['query']}",
                    f"{was['seconds']:.3f}",
                    f"{row['seconds']:.3f}",
                    f"{row['seconds'] / was['seconds']:.1f}",
                    f"{peers[1] / peers[0]:.1f}" if all(peers) else "",
                    f"{row['bytes'] / was['bytes']:.1f}" if was["bytes"] else "",
                )
            )
    return f"## Growth\n\nFrom scale {small['scale']:g} to {large['scale']:g}: {factor:g} times the rows.\n\n" + _table(
        ("query", "small s", "large s", "ours grows", "the peer grows", "bytes shipped grow"), rows
    )


def _overhead(runs: dict[str, Run]) -> str:
    rows = [
        (
            row["source"],
            row["query"],
            row["driver"],
            f"{row['driver_seconds'] * 1000:.1f}",
            f"{row['seconds'] * 1000:.1f}",
            f"{row['over'] * 1000:.1f}",
            f"{row['allowed'] * 1000:.1f}",
            f"{row['cpu'] * 1000:.1f}",
        )
        for row in runs["overhead"]["rows"]
    ]
    return (
        "## What a query costs that one source answers whole\n\nOver the source's own driver on a connection that is"
        f" kept; scale {runs['overhead']['scale']:g}. The aim is {overhead.RELATIVE - 1:.0%} and"
        f" {overhead.ABSOLUTE * 1000:.0f} ms at most.\n\n"
        + _table(
            ("source", "query", "driver", "driver ms", "ours ms", "over it ms", "aim ms", "our CPU ms"), rows, words=3
        )
    )


def _export(runs: dict[str, Run]) -> str:
    run = runs["export"]
    rows, sums = [], []
    for row in run["rows"]:
        alone = next(r for r in run["rows"] if r["source"] == row["source"] and r["step"] == "decoder alone")
        rows.append(
            (
                row["source"],
                row["step"],
                f"{row['seconds']:.2f}",
                f"{row['rows'] / row['seconds']:,.0f}",
                f"{alone['seconds'] / row['seconds']:.2f}",
                f"{row['first'] * 1000:.0f}",
                f"{row['cpu_all']:.2f}",
                " + ".join(f"{peak / 1e6:.0f}" for peak in row["peaks"]),
            )
        )
        if row["peaks"]:
            sums.append(f"{row['memory'] / 1e6:.0f} MB ({row['source']})")
    return (
        f"## Exporting {run['rows'][0]['rows']:,} rows\n\nlineitem whole, all columns, rows thrown away by whoever gets"
        f" them. The aim is {export.WANTED} of the decoder alone, which runs in one process without server and client."
        f" The server's processes together held at most {' and '.join(sums)}, what they share counted once; each one's own"
        " peak counts that in full. Database, server and client share the cores: no step can take less than its CPU in all"
        " over their number.\n\n"
        + _table(
            (
                "source",
                "step",
                "seconds",
                "rows/s",
                "of the decoder",
                "first row ms",
                "CPU s in all",
                "peaks MB, front + workers",
            ),
            rows,
            words=2,
        )
    )


def _clients(runs: dict[str, Run]) -> str:
    run = runs["clients"]
    beside = {(row["query"], row["clients"], row["way"]): row["throughput"] for row in run["rows"]}
    rows = []
    for row in run["rows"]:
        if row["way"] == "ours":
            bare, memory = (beside[row["query"], row["clients"], way] for way in ("drivers", "memory"))
            rows.append(
                (
                    row["query"],
                    str(row["clients"]),
                    f"{row['throughput']:.1f}",
                    f"{bare:.1f}",
                    f"{row['throughput'] / bare:.2f}",
                    f"{memory:.1f}",
                    f"{row['p50'] * 1000:.1f}",
                    f"{row['p99'] * 1000:.1f}",
                    f"{row['p99'] / row['p50']:.1f}",
                    str(row["errors"]),
                    f"{row['cpu'] * 1000:.1f}",
                )
            )
    return (
        "## Many clients\n\nShort queries that join a row or a few hundred of PostgreSQL with MariaDB's, other keys or"
        " another day each time; no index has the days. The drivers' loop sends both sources the same statements by"
        " psycopg and PyMySQL and joins nothing. From memory: the same clients at pyarrow.flight's own server, C++, which"
        " holds a row: about what the protocol"
        " leaves, since sources, clients and servers share the cores. The"
        f" aims: no errors, p99 at most {clients.TAIL:g} times p50, {clients.SHARE} of the loop's throughput. Scale"
        f" {run['scale']:g}.\n\n"
        + _table(
            ("query", "clients", "a second", "the drivers' loop", "of it", "from memory")
            + ("p50 ms", "p99 ms", "p99/p50", "errors", "CPU ms each"),
            rows,
        )
    )


def _flight(runs: dict[str, Run]) -> str:
    run = runs["flight"]
    rows = [
        (
            row["what"],
            f"{row['ours']:.2f}",
            _known(row["theirs"], ".2f"),
            _known(row["ratio"], ".2f"),
            row["target"],
            {True: "yes", False: "no", None: ""}[row["met"]],
        )
        for row in run["rows"]
    ]
    return (
        "## The front\n\nStreams of a table in memory, beside pyarrow.flight's own server, which is C++ alone: ours go"
        " through the front, the relay and a worker process. The small query is `SELECT 1 AS a`, GetFlightInfo and DoGet,"
        " beside two bare calls of the same gRPC server (health checks). Server, clients and peer share the cores.\n\n"
        + _table(("what", "ours", "theirs", "ratio", "target", "met"), rows)
    )


SECTIONS: Sequence[tuple[str, Callable[[dict[str, Run]], str]]] = (
    ("federation", _federation),
    ("federation-network", _network),
    ("federation-small", _growth),
    ("overhead", _overhead),
    ("export", _export),
    ("clients", _clients),
    ("flight", _flight),
)
"""The run that a section needs, and what writes it, in their order."""


# ---------------------------------------------------------------- what holds for all


def _machine(runs: dict[str, Run]) -> str:
    """Once if all ran on one machine with the same versions, which is what they are for."""
    machines = list({json.dumps(run["machine"]): run["machine"] for run in _shown(runs).values()}.values())
    lines = []
    for machine in machines:
        lines.append(_table(("", ""), list(machine.items()), words=2))
    return "## The machine\n\nThe databases, our server, its clients and the peer share it.\n\n" + "\n".join(lines)


def _commands(runs: dict[str, Run]) -> str:
    rows = [
        (f"`{run['command']}`", run["date"], f"{run['minutes']:g}", f"{run['load'][0]:.2f}", f"{run['load'][1]:.2f}")
        for run in _shown(runs).values()
    ]
    return (
        "## The commands\n\nThe load average says what else the machine did before; each run itself adds to it.\n\n"
        + (
            _table(("command", "date", "minutes", "load before", "load after"), rows)
            + "\nThen `python -m bench.page`.\n"
        )
    )


def _shown(runs: dict[str, Run]) -> dict[str, Run]:
    return {name: runs[name] for name, _ in SECTIONS if name in runs}


def _plot(runs: Sequence[Run]) -> str:
    ratios: dict[str, dict[str, float]] = {}
    for run in runs:
        for row in run["rows"]:
            name = f"placement {row['placement']}" + (", network" if row["network"] else "")
            if row["ratio"]:
                ratios.setdefault(name, {})[row["query"]] = row["ratio"]
    labels = list(dict.fromkeys(row["query"] for run in runs for row in run["rows"]))
    title = f"Our time over the peer's, TPC-H at scale {runs[0]['scale']:g} (below 1: faster)"
    return bars(title, labels, [Series(name, values) for name, values in ratios.items()])


def _known(value: float | None, format_: str) -> str:
    return "" if value is None else format(value, format_)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], words: int = 1) -> str:
    """Markdown; all but the first `words` columns are figures."""
    marks = ["---" if place < words else "---:" for place in range(len(head))]
    return "".join(f"| {' | '.join(line)} |\n" for line in [head, marks, *rows])


if __name__ == "__main__":
    main()
