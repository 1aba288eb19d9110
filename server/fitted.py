"""Rows on their way into a table: cast to its columns' types as DuckDB casts, and nothing cut in silence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pyarrow as pa
import pyarrow.compute as pc

from server.execution.engine import Engine, Input
from server.layouts import laid_out, plain
from watersmeet.spi import Column, Table, ValueDoesNotFit


def fitted(
    source: str, table: Table, batches: Iterable[pa.RecordBatch], engine: Engine, time_zone: str
) -> Iterator[pa.RecordBatch]:
    """The batches with the Arrow types of `table.columns`, by position. Raises ValueDoesNotFit, EvaluationFailed."""
    for batch in batches:
        if not batch.num_rows:
            continue
        arrays = [
            _exact(source, table, column, array) for column, array in zip(table.columns, batch.columns, strict=True)
        ]
        given = pa.RecordBatch.from_arrays(arrays, names=[f"c{i}" for i in range(len(arrays))])
        for made in _cast(given, table, engine, time_zone):
            for column, array in zip(table.columns, made.columns, strict=True):
                _check(source, table, column, array)
            yield made


def _exact(source: str, table: Table, column: Column, array: pa.Array) -> pa.Array:
    """The array without what the engine would cut or not take: nanoseconds, and layouts that it does not read."""
    array = laid_out(array, plain(array.type))
    finer = pa.types.is_timestamp(array.type) or pa.types.is_time64(array.type)
    if not finer or array.type.unit != "ns":
        return array
    zoned = pa.types.is_timestamp(array.type)
    target = pa.timestamp("us", array.type.tz) if zoned else pa.time64("us")
    try:
        return array.cast(target)
    except pa.ArrowInvalid:
        raise _misfit(source, table, column, "a value has nanoseconds, which no column keeps: round it") from None


def _cast(batch: pa.RecordBatch, table: Table, engine: Engine, time_zone: str) -> Iterator[pa.RecordBatch]:
    targets = [engine.arrow_type(column.type) for column in table.columns]
    if batch.schema.types == targets:
        yield batch
        return
    items = ", ".join(f"CAST(c{i} AS {column.type}) AS c{i}" for i, column in enumerate(table.columns))
    reader = pa.RecordBatchReader.from_batches(batch.schema, [batch])
    query = engine.query(f"SELECT {items} FROM given", {"given": Input(reader, batch.num_rows)}, time_zone=time_zone)
    try:
        for made in query.batches():
            arrays = [
                array if array.type == target else array.cast(target)
                for array, target in zip(made.columns, targets, strict=True)
            ]
            yield pa.RecordBatch.from_arrays(arrays, names=batch.schema.names)
    finally:
        query.close()


def _check(source: str, table: Table, column: Column, array: pa.Array) -> None:
    if column.length is not None:
        lengths = pc.utf8_length(array) if pa.types.is_string(array.type) else pc.binary_length(array)
        longest = pc.max(lengths).as_py()
        if longest is not None and longest > column.length:
            raise _misfit(source, table, column, f"a value of the length {longest}, the column holds {column.length}")
    if column.fraction < 6 and array.type in _FRACTIONS:
        step = 10 ** (6 - column.fraction)
        ticks = array.view(pa.int64())
        if pc.any(pc.not_equal(pc.multiply(pc.divide(ticks, step), step), ticks)).as_py():
            raise _misfit(
                source, table, column, f"a value has more than the {column.fraction} digits of a second that it keeps"
            )


_FRACTIONS = (pa.timestamp("us"), pa.timestamp("us", "UTC"), pa.time64("us"))


def _misfit(source: str, table: Table, column: Column, why: str) -> ValueDoesNotFit:
    return ValueDoesNotFit(source, f"column {table.schema}.{table.name}.{column.name}: {why}")
