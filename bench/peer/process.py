"""The peer's process. Runs in the environment of `environment.py` and imports nothing of ours.

First line: the sources. Each further line {"sql": …, "out": path or null}: the answer's seconds and CPU seconds, its rows
written to `out` as an Arrow file when that is asked for.
"""

from __future__ import annotations

import json
import resource
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa


def main() -> None:
    con = duckdb.connect()
    attach(con, json.loads(sys.stdin.readline()))
    tell({"ready": duckdb.__version__})
    for line in sys.stdin:
        request = json.loads(line)
        try:
            tell(run(con, request["sql"], request.get("out")))
        except duckdb.Error as error:
            tell({"error": str(error)})


def attach(con: duckdb.DuckDBPyConnection, settings: dict[str, Any]) -> None:
    for kind in ("postgres", "mysql"):
        module = __import__(f"duckdb_extension_{kind}")
        con.execute(f"LOAD '{extension(module, kind)}'")
    if "postgres" in settings:
        con.execute(f"ATTACH '{settings['postgres']}' AS pg (TYPE postgres, READ_ONLY)")
    if "mysql" in settings:
        con.execute(f"ATTACH '{settings['mysql']}' AS my (TYPE mysql, READ_ONLY)")
    # Our DuckDB's files are newer than the peer can read: it gets the rows in memory, which is no slower.
    for table, path in settings["files"].items():
        con.execute(f"CREATE TABLE {table} AS FROM '{path}'")
    for table, place in settings["tables"].items():
        con.execute(f"CREATE VIEW {table} AS SELECT * FROM {place}")


def extension(module: Any, kind: str) -> Path:
    """The extension's file under the name that its entry point is looked for by."""
    (packed,) = Path(module.__file__).parent.rglob(f"{kind}.duckdb_extension")
    named = packed.with_name(f"{kind}_scanner.duckdb_extension")
    if not named.exists():
        shutil.copy(packed, named)
    return named


def run(con: duckdb.DuckDBPyConnection, sql: str, out: str | None) -> dict[str, Any]:
    cpu = cpu_seconds()
    began = time.perf_counter()
    table: Any = con.execute(sql).to_arrow_table()
    answer = {"seconds": time.perf_counter() - began, "cpu": cpu_seconds() - cpu, "rows": table.num_rows}
    if out:
        with pa.OSFile(out, "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table)
    return answer


def cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def tell(answer: dict[str, Any]) -> None:
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
