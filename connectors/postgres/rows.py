"""Rows on their way to PostgreSQL: Arrow columns as arrays that a prepared INSERT takes as its parameters.

The driver's own numeric is left aside, as it is for reading (see wire.py): decimals travel as text. So do lists, since
an array of arrays is one flat array there; theirs is the text of an array.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from connectors.postgres.literals import types
from connectors.postgres.wire import FIRST_DATE, FIRST_TIMESTAMP, pieces
from connectors.sqlgen.dialect import family
from watersmeet.spi import Column, Table, ValueDoesNotFit

__all__ = ["arrived", "parameters", "pieces"]

_LOWEST = {"date": (pa.int32(), FIRST_DATE), "timestamp": (pa.int64(), FIRST_TIMESTAMP)}
_LOWEST["timestamptz"] = _LOWEST["timestamp"]
"""The first day or moment that PostgreSQL has; below, the driver's change of epoch could wrap around. Above its last one
the server refuses a value itself."""


def parameters(source: str, table: Table, batch: pa.RecordBatch) -> pa.RecordBatch:
    """One row with an array for each column. Raises ValueDoesNotFit."""
    arrays = []
    for column, array in zip(table.columns, batch.columns, strict=True):
        values = _sent(source, table, column, array)
        arrays.append(pa.ListArray.from_arrays(pa.array([0, len(values)], pa.int32()), values))
    return pa.RecordBatch.from_arrays(arrays, names=[f"p{i}" for i in range(len(arrays))])


def arrived(sql: str, type_: str) -> str:
    """The expression that gives a column of unnest() its type."""
    if type_.endswith("[]"):
        # Without a modifier: cast to numeric(3,1)[] a value would be rounded, assigned to it, too wide a one is an error.
        item = type_.removesuffix("[]")
        name = "numeric" if family(item) in ("decimal", "hugeint") else types(item)
        return f"CAST({sql} AS {name}[])"
    return f"CAST({sql} AS numeric)" if family(type_) in ("decimal", "hugeint") else sql


def _sent(source: str, table: Table, column: Column, array: pa.Array) -> pa.Array:
    if pa.types.is_list(array.type):
        return _array_texts(array)
    kind = family(column.type)
    if kind in ("decimal", "hugeint"):
        return array.cast(pa.string())
    if kind in _LOWEST:
        integer, lowest = _LOWEST[kind]
        least = pc.min(array.view(integer)).as_py()
        if least is not None and least < lowest:
            where = f"{table.schema}.{table.name}.{column.name}"
            raise ValueDoesNotFit(source, f"column {where}: PostgreSQL's time begins in 4714 BC, this value is before")
    return array


def _array_texts(array: pa.Array) -> pa.Array:
    """Lists in the text form of PostgreSQL's arrays."""
    items = array.flatten()
    text = _ELEMENTS.get(items.type, _quoted)
    shown = iter(["NULL" if item is None else text(item) for item in _texts(items)])
    lengths = pc.list_value_length(array).to_pylist()
    return pa.array(
        [None if length is None else "{" + ",".join(next(shown) for _ in range(length)) + "}" for length in lengths],
        pa.string(),
    )


def _texts(items: pa.Array) -> list[Any]:
    return list(items.to_pylist() if items.type in _ELEMENTS else items.cast(pa.string()).to_pylist())


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


_ELEMENTS: dict[pa.DataType, Callable[[Any], str]] = {pa.binary(): lambda octets: f'"\\\\x{octets.hex()}"'}
"""Element types whose text form Arrow does not make."""
