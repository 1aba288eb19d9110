"""Bound parameter values: an Arrow row from a client -> texts and types for the planner, exactly or not at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa

from planner.errors import ParameterRefused
from server.execution.engine import Engine, Input
from server.execution.errors import ExecutionError

Bound = Mapping[str, tuple[str | None, str]]
"""By parameter name: (DuckDB's VARCHAR form or None for NULL, DuckDB type)."""

_NARROWED = {"TIMESTAMPTZ_NS": "TIMESTAMP WITH TIME ZONE", "TIME_NS": "TIME"}
"""Types of Arrow values that no expression of ours has; a value that needs the nanoseconds is refused."""


def read_row(data: bytes) -> pa.RecordBatch:
    """The one row of an Arrow IPC stream. Raises ParameterRefused."""
    try:
        with pa.ipc.open_stream(data) as stream:
            table = stream.read_all()
            table.validate(full=True)
    except (pa.ArrowException, OSError) as error:
        raise ParameterRefused("the bound parameters are not a valid Arrow stream") from error
    if not table.num_columns:
        return pa.record_batch([], schema=table.schema)
    if table.num_rows != 1:
        raise ParameterRefused(f"bind one row of parameters, not {table.num_rows}")
    return table.combine_chunks().to_batches()[0]


def bind(row: pa.RecordBatch, names: Sequence[str], engine: Engine) -> Bound:
    """The row's values for the parameters called `names`: by name if the fields have all of them, else by position."""
    fields = [field.name.lstrip("$") for field in row.schema]
    if len(fields) != len(names):
        raise ParameterRefused(f"the statement has {len(names)} parameters, {len(fields)} are bound")
    positions = [fields.index(name) for name in names] if set(fields) == set(names) else list(range(len(names)))
    return {name: _constant(row.column(at), name, engine) for name, at in zip(names, positions, strict=True)}


def _constant(value: pa.Array, name: str, engine: Engine) -> tuple[str | None, str]:
    """A value as DuckDB's text and type; one whose text would not come back as itself is refused."""
    try:
        text, type_ = _ask(engine, value, "CAST(v AS VARCHAR), typeof(v)")
        type_ = _NARROWED.get(type_, "VARCHAR" if type_.startswith("ENUM(") else type_)
        if text is None:
            return None, type_
        (same,) = _ask(engine, value, f"CAST(CAST(CAST(v AS VARCHAR) AS {type_}) AS VARCHAR) = CAST(v AS VARCHAR)")
    except (ExecutionError, pa.ArrowException) as error:
        raise ParameterRefused(f"parameter {name}: a value of Arrow type {value.type} cannot be bound") from error
    if not same:
        raise ParameterRefused(f"parameter {name}: {text} is not exactly a {type_}")
    return text, type_


def _ask(engine: Engine, value: pa.Array, items: str) -> tuple[str, ...]:
    reader = pa.table({"v": value}).to_reader()
    query = engine.query(f"SELECT {items} FROM bound", {"bound": Input(reader, 1)})
    try:
        (batch,) = query.batches()
        return tuple(column[0].as_py() for column in batch.columns)
    finally:
        query.close()
