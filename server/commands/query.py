"""`watersmeet query`: runs a statement and prints its rows."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator

import pyarrow as pa

from server.client.render import render
from server.client.rows import Rows
from server.client.statement import answer, text


def run(options: argparse.Namespace) -> int:
    with answer(options, text(options)) as rows:
        # A row counter instead of a bar: how many rows there will be is not known.
        batches = _counted(rows.batches) if sys.stderr.isatty() and not sys.stdout.isatty() else rows.batches
        render(Rows(rows.schema, batches), options.format, sys.stdout)
        sys.stdout.flush()
    return 0


def _counted(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The batches, with the number of rows so far on stderr."""
    started, count = time.monotonic(), 0
    for batch in batches:
        count += batch.num_rows
        print(f"\r{count:,} rows, {time.monotonic() - started:.1f} s", end="", file=sys.stderr, flush=True)
        yield batch
    print(file=sys.stderr)
