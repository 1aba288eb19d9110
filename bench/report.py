"""What a benchmark measured, as JSON with the machine, the command and the load it ran under: what pages are made from."""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.peer.environment import VERSION
from connectors import native
from server.demo import databases

_PACKAGES = ("watersmeet", "duckdb", "pyarrow", "grpcio", "adbc-driver-flightsql", "psycopg", "pymysql")


class Report:
    """The measurements of one run, a flat mapping each."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    def add(self, **row: Any) -> None:
        self.rows.append(row)


def options(benchmark: str, description: str | None, scale: float = 0.1) -> argparse.ArgumentParser:
    """A parser with what all benchmarks take."""
    parser = argparse.ArgumentParser(
        prog=f"python -m bench.{benchmark}", description=(description or "").split("\n")[0]
    )
    parser.add_argument("--scale", type=float, default=scale, help="TPC-H scale factor (0.1: 600,000 line items)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write what was measured here")
    return parser


@contextmanager
def reported(benchmark: str, given: argparse.Namespace) -> Iterator[Report]:
    """Collects a run; writes it to `--json` if the run comes to its end. Prints the load average before and after."""
    report, load, began = Report(), os.getloadavg(), datetime.now(UTC)
    print(f"load average before: {load[0]:.2f}", flush=True)
    yield report
    after = os.getloadavg()
    print(f"load average after: {after[0]:.2f}", flush=True)
    if given.json is not None:
        given.json.parent.mkdir(parents=True, exist_ok=True)
        whole = {
            "benchmark": benchmark,
            "command": _command(benchmark, given.json),
            "date": began.date().isoformat(),
            "minutes": round((datetime.now(UTC) - began).total_seconds() / 60, 1),
            "scale": given.scale,
            "load": [round(load[0], 2), round(after[0], 2)],
            "machine": machine(),
            "rows": [_rounded(row) for row in report.rows],
        }
        given.json.write_text(json.dumps(whole, indent=1) + "\n")


def _command(benchmark: str, written: Path) -> str:
    """What was typed, but for the folder that the file went to: that is this machine's."""
    arguments = (argument.replace(str(written), written.name) for argument in sys.argv[1:])
    return " ".join(["python -m", f"bench.{benchmark}", *arguments])


def machine() -> dict[str, str]:
    """What the figures were measured on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    found = {
        "processor": _processor(),
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{memory / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        **{package: importlib.metadata.version(package) for package in _PACKAGES},
        "native decoders": "built" if native.available else "not built",
        "the peer's DuckDB": VERSION,
    }
    if (postgres := databases.postgres_programs()) is not None:
        found["PostgreSQL"] = _version(postgres / "postgres")
    if (mariadb := databases.mariadb_programs()) is not None:
        found["MariaDB"] = _version(mariadb[1])
    return found


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _version(program: Path) -> str:
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    return next(word for word in said.split() if word[0].isdigit())


def _rounded(row: dict[str, Any]) -> dict[str, Any]:
    """Six significant digits: what a clock can say, in a file that can be read."""
    return {name: _figure(value) for name, value in row.items()}


def _figure(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.6g}")
    return [_figure(one) for one in value] if isinstance(value, list) else value
