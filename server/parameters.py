"""Bound parameter values: an Arrow row from a client -> texts and types for the planner, exactly or not at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

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
    rows = read_rows(data)
    if rows.num_columns and rows.num_rows != 1:
        raise ParameterRefused(f"bind one row of parameters, not {rows.num_rows}")
    return rows


def read_rows(data: bytes) -> pa.RecordBatch:
    """All rows of an Arrow IPC stream. Raises ParameterRefused."""
    try:
        with pa.ipc.open_stream(data) as stream:
            table = stream.read_all()
            table.validate(full=True)
    except (pa.ArrowException, OSError) as error:
        raise ParameterRefused("the bound parameters are not a valid Arrow stream") from error
    if not table.num_columns:
        return pa.record_batch([], schema=table.schema)
    batches = table.combine_chunks().to_batches()
    return batches[0] if batches else pa.RecordBatch.from_pylist([], schema=table.schema)


def bind(row: pa.RecordBatch, names: Sequence[str], engine: Engine) -> Bound:
    """The row's values for the parameters called `names`: by name if the fields have all of them, else by position."""
    return bind_rows(row, names, engine)[0]


def bind_rows(rows: pa.RecordBatch, names: Sequence[str], engine: Engine) -> list[Bound]:
    """The values of each row; the same for all rows where there are no parameters."""
    columns = by_parameter(rows, names)
    if not columns:
        return [{}]
    bound = [_constants(column, name, engine) for column, name in zip(columns, names, strict=True)]
    return [dict(zip(names, values, strict=True)) for values in zip(*bound, strict=True)]


def by_parameter(rows: pa.RecordBatch, names: Sequence[str]) -> list[pa.Array]:
    """The columns in the order of the parameters. Raises ParameterRefused for another number of them."""
    fields = [field.name.lstrip("$") for field in rows.schema]
    if len(fields) != len(names):
        raise ParameterRefused(f"the statement has {len(names)} parameters, {len(fields)} are bound")
    positions = [fields.index(name) for name in names] if set(fields) == set(names) else range(len(names))
    return [rows.column(at) for at in positions]


def _constants(values: pa.Array, name: str, engine: Engine) -> list[tuple[str | None, str]]:
    """Values as DuckDB's text and type; one whose text would not come back as itself is refused."""
    try:
        texts, types = _ask(engine, values, "CAST(v AS VARCHAR), typeof(v)")
        if all(text is None for text in texts):
            return [(None, type_) for type_ in types]
        type_ = _NARROWED.get(types[0], "VARCHAR" if types[0].startswith("ENUM(") else types[0])
        (same,) = _ask(
            engine,
            values,
            f"CAST(CAST(CAST(v AS VARCHAR) AS {type_}) AS VARCHAR) IS NOT DISTINCT FROM CAST(v AS VARCHAR)",
        )
    except (ExecutionError, pa.ArrowException) as error:
        raise ParameterRefused(f"parameter {name}: a value of Arrow type {values.type} cannot be bound") from error
    if not all(same):
        raise ParameterRefused(f"parameter {name}: {texts[same.index(False)]} is not exactly a {type_}")
    return [(text, type_) for text in texts]


def typed_rows(rows: pa.RecordBatch, parameters: Sequence[tuple[str, str]], engine: Engine) -> pa.RecordBatch:
    """The rows as columns c0, c1 … of the parameters' types, exactly. Raises ParameterRefused for a value that is none."""
    columns = by_parameter(rows, [name for name, _ in parameters])
    made = [_typed(column, name, type_, engine) for column, (name, type_) in zip(columns, parameters, strict=True)]
    return pa.RecordBatch.from_arrays(made, names=[f"c{i}" for i in range(len(made))])


def _typed(values: pa.Array, name: str, type_: str, engine: Engine) -> pa.Array:
    target = engine.arrow_type(type_)
    if values.type == target:
        return values
    try:
        ((given, *_),) = _ask(engine, pa.nulls(1, values.type), "typeof(v)")
        given = "VARCHAR" if given.startswith("ENUM(") else "INTEGER" if given == '"NULL"' else given
        back = f"TRY_CAST(TRY_CAST(v AS {type_}) AS {given}) IS NOT DISTINCT FROM CAST(v AS {given})"
        made = pa.table({"v": values}).to_reader()
        query = engine.query(f"SELECT TRY_CAST(v AS {type_}) AS c, {back} AS same FROM bound", {"bound": Input(made)})
        try:
            batches = list(query.batches())
        finally:
            query.close()
    except (ExecutionError, pa.ArrowException) as error:
        raise ParameterRefused(f"parameter {name}: a value of Arrow type {values.type} cannot be bound") from error
    if not all(same for batch in batches for same in batch.column(1).to_pylist()):
        raise ParameterRefused(
            f"parameter {name} is used as {type_}; a value given, a {given}, is not exactly one: bind a {type_},"
            " or write a CAST around the parameter"
        )
    return pa.concat_arrays([batch.column(0) for batch in batches]).cast(target) if batches else pa.array([], target)


def _ask(engine: Engine, values: pa.Array, items: str) -> list[list[Any]]:
    """The columns of a SELECT over values `v`."""
    reader = pa.table({"v": values}).to_reader()
    query = engine.query(f"SELECT {items} FROM bound", {"bound": Input(reader, len(values))})
    try:
        table = pa.Table.from_batches(batches) if (batches := list(query.batches())) else None
    finally:
        query.close()
    return [column.to_pylist() for column in table.columns] if table is not None else [[] for _ in range(2)]
