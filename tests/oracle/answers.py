"""Compares two answers as docs/semantics.md wants it: names and types exactly, rows as multisets, order by sort keys only.

Its own file because the oracle suites and the TPC-H suite hold answers to the same measure.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from watersmeet.spi import arrow_type

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer in a form that compares: every value hashable, NaN equal to itself, -0.0 unlike 0.0."""

    columns: tuple[tuple[str, pa.DataType], ...]
    rows: tuple[Row, ...]


def answer(table: pa.Table) -> Answer:
    """An Arrow table as an Answer."""
    columns = [_values(column) for column in table.columns]
    rows = tuple(zip(*columns, strict=True)) if columns else ((),) * table.num_rows
    return Answer(tuple((field.name, field.type) for field in table.schema), rows)


def reference(con: duckdb.DuckDBPyConnection, sql: str, parameters: Sequence[Any] = ()) -> Answer:
    """What DuckDB answers, with the Arrow types that its column types are announced as."""
    relation = con.sql(sql, params=list(parameters) or None)
    types = [str(type_) for type_ in relation.types]
    table: pa.Table = relation.to_arrow_table()
    columns = [_announced(column, type_) for column, type_ in zip(table.columns, types, strict=True)]
    # Not a table with these names at once: they may repeat.
    fields = [pa.field(name, column.type) for name, column in zip(table.schema.names, columns, strict=True)]
    return answer(pa.table(columns, schema=pa.schema(fields)))


def _announced(column: pa.ChunkedArray, type_: str) -> pa.ChunkedArray:
    """DuckDB's own Arrow output as the type that watersmeet announces."""
    if type_.startswith("ENUM("):
        return column.cast(pa.string())
    if type_.startswith("TIMESTAMP WITH TIME ZONE"):
        return column.cast(pa.timestamp("us", "UTC"))
    try:
        wanted = arrow_type(type_)
    except KeyError:
        return column  # STRUCT, MAP and fixed-size arrays: DuckDB's own Arrow type is the announced one.
    return column if column.type.equals(wanted) else column.cast(wanted)


def _values(column: pa.ChunkedArray) -> list[Any]:
    """A column as comparable values. Dates and times become numbers: Python's cannot hold 44 BC."""
    return [_value(value) for chunk in column.chunks for value in _numbered(chunk).to_pylist()]


def _numbered(array: pa.Array) -> pa.Array:
    """An array with the numbers of its dates and times, also of those in lists."""
    type_ = array.type
    if pa.types.is_date(type_) or pa.types.is_time(type_) or pa.types.is_timestamp(type_):
        return array.view(pa.int32() if type_.bit_width == 32 else pa.int64())
    if pa.types.is_list(type_):
        return pa.ListArray.from_arrays(array.offsets, _numbered(array.values), mask=array.is_null())
    return array


def _value(value: Any) -> Any:
    if isinstance(value, float):
        return "NaN" if math.isnan(value) else "-0.0" if str(value) == "-0.0" else value
    if isinstance(value, dict):
        return tuple((key, _value(item)) for key, item in value.items())
    if isinstance(value, list):
        return tuple(_value(item) for item in value)
    return value


def order_keys(con: duckdb.DuckDBPyConnection, sql: str, names: Sequence[str]) -> tuple[int, ...] | None:
    """The output positions that the outermost ORDER BY sorts by: () without one, None where they cannot be told."""
    parsed = json.loads(con.execute("SELECT json_serialize_sql(?)", [sql]).fetchall()[0][0])
    if parsed["error"]:
        return ()  # DESCRIBE, SUMMARIZE and PIVOT without IN are no plain queries for it; ours have no ORDER BY.
    modifiers = parsed["statements"][0]["node"].get("modifiers", [])
    orders: list[Any] = next((modifier["orders"] for modifier in modifiers if modifier["type"] == "ORDER_MODIFIER"), [])
    lowered = [name.lower() for name in names]
    keys = []
    for order in orders:
        expression = order["expression"]
        if expression["class"] == "CONSTANT" and expression["literal"]["kind"] == "INTEGER":
            keys.append(int(expression["literal"]["text"]) - 1)
        elif expression["class"] == "COLUMN_REF" and lowered.count(name := expression["column_names"][-1].lower()) == 1:
            keys.append(lowered.index(name))
        else:
            return None
    return tuple(keys)


def difference(got: Answer, wanted: Answer, keys: tuple[int, ...] | None = ()) -> str | None:
    """What is different, in words; None when nothing is. `keys`: positions whose order counts, None for whole rows."""
    if got.columns != wanted.columns:
        return f"columns: got {_columns(got)}, wanted {_columns(wanted)}"
    missing, surplus = Counter(wanted.rows) - Counter(got.rows), Counter(got.rows) - Counter(wanted.rows)
    if missing or surplus:
        return (
            f"{len(got.rows)} rows, wanted {len(wanted.rows)}; {missing.total()} missing: {_some(missing)};"
            f" {surplus.total()} surplus: {_some(surplus)}"
        )
    for number, (a, b) in enumerate(zip(_keyed(got, keys), _keyed(wanted, keys), strict=True)):
        if a != b:
            return f"order: row {number} has the sort keys {a}, wanted {b}"
    return None


def _columns(answer: Answer) -> str:
    return ", ".join(f"{name}: {type_}" for name, type_ in answer.columns)


def _some(rows: Counter[Row]) -> str:
    return ", ".join(repr(row) for row in list(rows.elements())[:5]) or "none"


def _keyed(answer: Answer, keys: tuple[int, ...] | None) -> list[Row]:
    return list(answer.rows) if keys is None else [tuple(row[key] for key in keys) for row in answer.rows]
