"""The answer to EXPLAIN: the plan itself, and with ANALYZE what was measured while it ran."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from planner import explain
from planner.plan import FederatedPlan, Fragment
from server.execution.answer import RunningAnswer
from server.execution.lanes import Measured
from server.schemas import field_metadata
from watersmeet.spi import Source

EXPLAIN = pa.schema([pa.field("explain", pa.string(), metadata=field_metadata("VARCHAR"))])
"""One row, one text."""


class Explained:
    """Implements server.requests.Answer. With a running answer (ANALYZE) it reads that to its end first."""

    schema = EXPLAIN

    def __init__(self, plan: FederatedPlan, sources: Mapping[str, Source], running: RunningAnswer | None) -> None:
        self._plan = plan
        self._sources = sources
        self._running = running

    def batches(self) -> Iterator[pa.RecordBatch]:
        text = self._plan_only() if self._running is None else self._analyzed(self._running)
        yield pa.record_batch([pa.array([text], pa.string())], schema=EXPLAIN)

    def cancel(self) -> None:
        if self._running is not None:
            self._running.cancel()

    def close(self) -> None:
        if self._running is not None:
            self._running.close()

    def _statement(self, fragment: Fragment) -> str:
        return self._sources[fragment.source].statement(fragment.read)

    def _plan_only(self) -> str:
        forms = {"json": explain.as_json, "stages": explain.staged}
        return forms.get(self._plan.explain or "", explain.text)(self._plan, self._statement)

    def _analyzed(self, running: RunningAnswer) -> str:
        began = time.monotonic()
        rows = sum(batch.num_rows for batch in running.batches())
        total = round((time.monotonic() - began) * 1000, 1)
        measured = {reading.fragment.id: _shown(reading.measured) for reading in running.readings}
        if self._plan.explain == "analyze json":
            document = json.loads(explain.as_json(self._plan, self._statement, measured))
            return json.dumps(document | {"measured": {"rows": rows, "total_ms": total}}, indent=2, ensure_ascii=False)
        return explain.text(self._plan, self._statement, measured) + f"\nanswer: {rows:,} rows in {total:,} ms\n"


def _shown(measured: Measured) -> dict[str, Any]:
    shown: dict[str, Any] = {"rows": measured.rows, "bytes": measured.bytes}
    if measured.first_ms is not None:
        shown["first_ms"] = round(measured.first_ms, 1)
    shown |= {"total_ms": round(measured.total_ms, 1), "wait_ms": round(measured.wait_ms, 1)}
    shown |= {"parts": measured.parts} if measured.parts > 1 else {}
    shown |= {"keys": measured.keys} if measured.keys is not None else {}
    return shown | ({"spilled_bytes": measured.spilled} if measured.spilled else {})
