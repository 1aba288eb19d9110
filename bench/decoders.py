"""What reading costs with the C decoders and without: `python -m bench.decoders`.

lineitem whole, all 16 columns, through each connector's own snapshot, in this process: CPU and wall seconds, medians.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from connectors import native
from connectors.registry import open_source
from tests import services
from tests.tpch import data
from tests.tpch.placements import placed
from watersmeet.spi import Read, ReadColumn, Source, Table, Tag

ROUNDS = 5
WHERE = (("PostgreSQL", "a", "pg"), ("MariaDB", "c", "my"))
"""A placement that has lineitem in the source."""


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.decoders", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--scale", type=float, default=0.0417, help="TPC-H scale factor (0.0417: 250,000 line items)")
    scale = parser.parse_args().scale
    print(f"{'':<34}{'rows':>10}{'CPU s':>9}{'wall s':>9}")
    with tempfile.TemporaryDirectory() as name, services.postgres() as pg, services.mysql() as my:
        rows = data.generate(Path(name), scale)
        for title, placement, kind in WHERE:
            made = Path(tempfile.mkdtemp(dir=name))
            with placed(placement, pg, my, rows, made) as sources:
                for way in (True, False):
                    native.available = way
                    source = open_source(kind, sources.sources[kind])
                    try:
                        _print(f"{title}, {getattr(source, 'decoder', '')}", source)
                    finally:
                        source.close()


def _print(title: str, source: Source) -> None:
    read = whole(next(table for (_, name), table in source.catalog().tables.items() if name == "lineitem"))
    runs = []
    for _ in range(ROUNDS):
        snapshot = source.snapshot(Tag(query_id="decoders", timeout=600.0), 1)
        wall, cpu = time.perf_counter(), time.process_time()
        rows = sum(batch.num_rows for batch in snapshot.read(0, read))
        runs.append((time.process_time() - cpu, time.perf_counter() - wall))
        snapshot.close()
    cpu, wall = (statistics.median(values) for values in zip(*runs, strict=True))
    print(f"{title:<34}{rows:>10,}{cpu:>9.3f}{wall:>9.3f}", flush=True)


def whole(table: Table) -> Read:
    """The read of all of a table's columns."""
    expressions = tuple(column.read.format(f't."{column.name}"') for column in table.columns)
    columns = tuple(ReadColumn(name=f"c{i}", type=column.type) for i, column in enumerate(table.columns))
    return Read(prefix="", expressions=expressions, body=f'FROM "{table.schema}"."{table.name}" AS t', columns=columns)


if __name__ == "__main__":
    main()
