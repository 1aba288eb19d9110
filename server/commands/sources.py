"""`watersmeet sources`: each source with its reachability, latency and tables."""

from __future__ import annotations

import argparse
import sys

import pyarrow as pa

from server.app import open_sources
from server.client.render import render
from server.client.rows import Rows
from server.config import load
from watersmeet.spi import Source, SourceError


def run(options: argparse.Namespace) -> int:
    with open_sources(load(options.config)) as sources:
        found = [_looked_at(source) for source in sources.values()]
    columns = pa.schema(
        [("source", pa.string()), ("kind", pa.string()), ("state", pa.string()), ("ms", pa.float64())]
        + [("tables", pa.int64())]
    )
    render(Rows(columns, iter([pa.RecordBatch.from_pylist(found, schema=columns)])), "table", sys.stdout)
    return 0 if all(row["state"] == "ok" for row in found) else 1


def _looked_at(source: Source) -> dict[str, object]:
    row: dict[str, object] = {"source": source.name, "kind": source.kind}
    try:
        return row | {"ms": round(source.probe() * 1000, 1), "tables": len(source.catalog().tables), "state": "ok"}
    except SourceError as error:
        return row | {"state": f"WM-{error.code}: {error.message}"}
