"""The value between those who run a statement and those who show its rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Rows:
    """An answer as it comes in."""

    schema: pa.Schema
    batches: Iterator[pa.RecordBatch]
