"""A statement's rows on their way out: straight from its one fragment, or through the engine; always as announced."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, suppress

import pyarrow as pa

from connectors.sqlgen.tree import With
from planner.plan import FederatedPlan
from server.execution.engine import Engine, Input
from server.execution.errors import EngineFailed, EvaluationFailed, ExecutionError
from server.execution.lanes import WAIT, Reading
from server.execution.scheduler import Execution
from server.layouts import laid_out
from watersmeet.spi import SourceChanged

log = logging.getLogger(__name__)

_BATCH_BYTES = 2 << 20
"""Aim of a batch's size; a text or nested value is taken for 128 bytes."""

_WIDE = pa.decimal128(38, 0)
"""What a HUGEINT is announced as."""

_FEW = 1000
"""Rows that the engine expects at least of each input beside a CTE. It knows no distinct values of a CTE's columns and takes
the rows of what they are joined with for them: beside an input of one row each join seems to multiply, and the order of
joins is any (TPC-DS's 64 over three sources, where the first input is empty: 180 s; so 0.1 s)."""


class RunningAnswer:
    """Implements server.requests.Answer over an execution that it owns."""

    def __init__(
        self,
        schema: pa.Schema,
        plan: FederatedPlan,
        execution: Execution,
        engine: Engine,
        changed: Callable[[str], None],
    ) -> None:
        self.schema = schema
        self.readings = execution.readings
        """The fragments and what was measured of them."""
        self._plan = plan
        self._execution = execution
        self._engine = engine
        self._changed = changed
        """Told of a source whose catalog was out of date."""
        self._stream: Generator[pa.RecordBatch, None, None] | None = None

    def batches(self) -> Iterator[pa.RecordBatch]:
        if self._stream is not None:
            raise RuntimeError("an answer can be read once")
        self._stream = self._run()
        return self._stream

    def cancel(self) -> None:
        self._execution.cancel()

    def close(self) -> None:
        self._execution.cancel()
        if self._stream is not None:
            with suppress(ValueError):  # another thread is in it right now: it is woken, and cleans up itself
                self._stream.close()
        self._execution.close()

    def _run(self) -> Generator[pa.RecordBatch, None, None]:
        try:
            self._execution.wait_turn()
            with closing(self._rows()) as rows:  # before the execution, which waits for the engine to be free
                yield from (fit(batch, self.schema) for batch in rows if batch.num_rows)
            self._execution.finish()
        except SourceChanged as error:
            self._changed(error.source)
            raise
        finally:
            self._execution.close()

    def _rows(self) -> Generator[pa.RecordBatch, None, None]:
        if self._plan.local_sql is None:
            (reading,) = self._execution.readings
            yield from reading.exchange.batches()
            return
        least = _FEW if isinstance(self._plan.local, With) else 0
        inputs = {
            f"x{reading.fragment.id}": Input(reading.exchange.reader(), _rows_of(reading, least))
            for reading in self._execution.readings
        }
        time_zone = self._plan.settings.get("TimeZone", "UTC")
        query = self._engine.query(
            self._plan.local_sql,
            inputs,
            time_zone=time_zone,
            rows=batch_rows(self.schema),
            wide=_WIDE in self.schema.types,
        )
        try:
            self._execution.engine_runs(query.interrupt)
            yield from query.batches()
            self._execution.finish()
        except ExecutionError as error:
            self._execution.fail(error)
            try:
                self._execution.check()  # what ended it first is the cause, and the engine's error its effect
            except EngineFailed:
                log.error("the engine failed", exc_info=error)
                raise
            raise
        finally:
            self._execution.cancel()  # wakes whoever the engine waits for, when the caller left early
            query.interrupt()
            query.close()
            self._execution.engine_runs(None)


def _rows_of(reading: Reading, least: int) -> int | None:
    """How many rows the engine is to expect: those that came, where others wait for all of them anyway."""
    came = reading.keys is not None and reading.keys.wait(WAIT)
    rows = reading.measured.rows if came else reading.fragment.estimate
    return None if rows is None else max(rows, least)


def fit(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The batch with the announced names and types, column by column. Raises EvaluationFailed for a misfit."""
    columns = []
    for field, column in zip(schema, batch.columns, strict=True):
        if column.type != field.type:
            try:
                column = laid_out(column, field.type)
            except pa.ArrowException as error:
                raise EvaluationFailed(f"column {field.name}: a value does not fit {field.type}: {error}") from error
        columns.append(column)
    return pa.RecordBatch.from_arrays(columns, schema=schema) if columns else batch


def batch_rows(schema: pa.Schema) -> int:
    """Rows of a batch of about _BATCH_BYTES.

    >>> batch_rows(pa.schema({"a": pa.int64()})), batch_rows(pa.schema({"a": pa.string()}))
    (131072, 16384)
    """
    width = sum(_width(field.type) for field in schema)
    return max(1024, min(131072, _BATCH_BYTES // max(1, width)))


def _width(type_: pa.DataType) -> int:
    try:
        return max(1, int(type_.bit_width) // 8)
    except ValueError:
        return 128
