"""Arrow rows as INSERT statements: many rows each, values as the literals that this connector prints."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pyarrow as pa
import pyarrow.compute as pc

from connectors.mysql.literals import literal
from connectors.sqlgen.dialect import family
from watersmeet.spi import Column, Table, ValueDoesNotFit

_STATEMENT = 1 << 20
"""Characters of one statement, as far as whole rows allow: longer ones were not faster (MariaDB 10.11)."""

Literals = Callable[[pa.Array], list[str | None]]
"""An array -> a literal for each value but NULL; None for a value that has none."""


def insertions(source: str, table: Table, batch: pa.RecordBatch, packet: int) -> Iterator[str]:
    """The statements that insert a batch; `packet` is the server's max_allowed_packet. Raises ValueDoesNotFit."""
    columns = [
        _values(source, table, column, array) for column, array in zip(table.columns, batch.columns, strict=True)
    ]
    head = f"INSERT INTO {path(table)} ({', '.join(quoted(column.name) for column in table.columns)}) VALUES "
    # Four bytes a character at most, and what the statement has around its rows.
    most = max(1, min(_STATEMENT, (packet - 4096) // 4))
    pending: list[str] = []
    size = len(head)
    for values in zip(*columns, strict=True):
        row = f"({', '.join(values)})"
        if pending and size + len(row) > most:
            yield head + ", ".join(pending)
            pending, size = [], len(head)
        if size + len(row) > most and len((head + row).encode()) > packet - 4096:
            raise ValueDoesNotFit(
                source, f"table {table.schema}.{table.name}: a row is longer than the server's max_allowed_packet"
            )
        pending.append(row)
        size += len(row) + 2
    if pending:
        yield head + ", ".join(pending)


def _values(source: str, table: Table, column: Column, array: pa.Array) -> list[str]:
    where = f"{table.schema}.{table.name}.{column.name}"
    if array.null_count and not column.nullable:
        # Told here because the server would take it for the next number of an AUTO_INCREMENT, or for now().
        raise ValueDoesNotFit(source, f"column {where}: NULL for a column that is NOT NULL", sqlstate="23000")
    known = array.is_valid().to_pylist() if array.null_count else [True] * len(array)
    made = []
    for text, valid in zip(_LITERALS.get(family(column.type), _none)(array), known, strict=True):
        if not valid:
            made.append("NULL")
        elif text is None:
            value = str(array.slice(len(made), 1).cast(pa.string())[0])[:200]  # Python's own dates end with year 9999
            raise ValueDoesNotFit(
                source, f"column {where}: the value {value} does not fit {column.native or column.type} at this source"
            )
        else:
            made.append(text if column.write == "{0}" else column.write.format(text))
    return made


def _numbers(array: pa.Array) -> list[str | None]:
    return list(array.cast(pa.string()).to_pylist())


def _decimals(array: pa.Array) -> list[str | None]:
    return [None if value is None else format(value, "f") for value in array.to_pylist()]


def _doubles(array: pa.Array) -> list[str | None]:
    """The shortest digits that are this double and no other; none for infinity and NaN."""
    finite = pc.is_finite(array).to_pylist()
    return [
        repr(value) + ("" if "e" in repr(value) else "e0") if ok else None
        for value, ok in zip(array.cast(pa.float64()).to_pylist(), finite, strict=True)
    ]


def _texts(array: pa.Array) -> list[str | None]:
    return [None if value is None else literal(value, "VARCHAR") for value in array.to_pylist()]


def _blobs(array: pa.Array) -> list[str | None]:
    return [None if value is None else f"X'{value.hex()}'" for value in array.to_pylist()]


def _times(type_: str) -> Literals:
    def literals(array: pa.Array) -> list[str | None]:
        if pa.types.is_timestamp(array.type):
            array = array.cast(pa.timestamp("us"))  # without a zone: the session's is UTC
        return [None if text is None else literal(text, type_) for text in array.cast(pa.string()).to_pylist()]

    return literals


def _booleans(array: pa.Array) -> list[str | None]:
    return [None if value is None else "TRUE" if value else "FALSE" for value in array.to_pylist()]


def _none(array: pa.Array) -> list[str | None]:
    return [None] * len(array)


_LITERALS: dict[str, Literals] = {
    "bool": _booleans,
    "int": _numbers,
    "hugeint": _decimals,
    "decimal": _decimals,
    "float": _doubles,
    "double": _doubles,
    "text": _texts,
    "blob": _blobs,
    "date": _times("DATE"),
    "time": _times("TIME"),
    "timestamp": _times("TIMESTAMP"),
    "timestamptz": _times("TIMESTAMP"),
}
"""By family. Others, lists and intervals, have no column that would take them."""


def path(table: Table) -> str:
    """A table's quoted name."""
    return f"{quoted(table.schema)}.{quoted(table.name)}"


def quoted(name: str) -> str:
    """A quoted name."""
    return '"' + name.replace('"', '""') + '"'
