"""Rows as text or bytes for people and programs: table, csv, json (an object a line), arrow (an IPC stream)."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from datetime import date, datetime, time
from itertools import chain, islice
from typing import Any, BinaryIO, TextIO

import pyarrow as pa

from server.client.failure import CommandFailed
from server.client.rows import Rows

LOOK_AHEAD = 1000
"""Rows that a table's column widths are taken from; wider values below them stick out."""
MAX_WIDTH = 60
"""Characters of a value in a table."""
_SPECIAL = re.compile(r'[,"\r\n]')


def render(rows: Rows, form: str, out: TextIO) -> int:
    """Write all rows in one of the forms; the number of rows. Raises CommandFailed."""
    match form:
        case "arrow":
            if out.isatty():
                raise CommandFailed("arrow is binary: send it to a file or a pipe", 2)
            return _arrow(rows, out.buffer)
        case "csv":
            return _csv(rows, out)
        case "json":
            return _json(rows, out)
        case _:
            return _table(rows, out)


def tuples(rows: Rows) -> Iterator[tuple[Any, ...]]:
    """The rows as Python values. By position: names of columns may repeat."""
    for batch in rows.batches:
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def _arrow(rows: Rows, out: BinaryIO) -> int:
    count = 0
    with pa.ipc.new_stream(out, rows.schema) as writer:
        for batch in rows.batches:
            writer.write_batch(batch)
            count += batch.num_rows
    return count


def _csv(rows: Rows, out: TextIO) -> int:
    out.write(",".join(map(_field, rows.schema.names)) + "\n")
    count = 0
    for count, row in enumerate(tuples(rows), 1):  # noqa: B007
        out.write(",".join(map(_field, row)) + "\n")
    return count


def _field(value: Any) -> str:
    """NULL is an empty field and an empty text is quoted: Python's csv writes both alike before 3.12."""
    if value is None:
        return ""
    text = shown(value)
    return text if text and not _SPECIAL.search(text) else '"' + text.replace('"', '""') + '"'


def _json(rows: Rows, out: TextIO) -> int:
    count = 0
    names = rows.schema.names
    for count, row in enumerate(tuples(rows), 1):  # noqa: B007
        out.write(json.dumps(dict(zip(names, map(_plain, row), strict=True)), ensure_ascii=False) + "\n")
    return count


def _table(rows: Rows, out: TextIO) -> int:
    names = [_short(name) for name in rows.schema.names]
    right = [pa.types.is_integer(t) or pa.types.is_floating(t) or pa.types.is_decimal(t) for t in rows.schema.types]
    cells = ([_short("NULL" if value is None else shown(value)) for value in row] for row in tuples(rows))
    first = list(islice(cells, LOOK_AHEAD))
    widths = [max(map(len, column)) for column in zip(names, *first, strict=True)]
    out.write(" | ".join(name.ljust(width) for name, width in zip(names, widths, strict=True)).rstrip() + "\n")
    out.write("-+-".join("-" * width for width in widths) + "\n")
    count = 0
    for count, row in enumerate(chain(first, cells), 1):  # noqa: B007
        aligned = (
            cell.rjust(width) if at_right else cell.ljust(width)
            for cell, width, at_right in zip(row, widths, right, strict=True)
        )
        out.write(" | ".join(aligned).rstrip() + "\n")
    out.write(f"({count} row{'' if count == 1 else 's'})\n")
    return count


def shown(value: Any) -> str:
    """A value other than NULL as people read it."""
    match value:
        case bool():
            return "true" if value else "false"
        case bytes():
            return "\\x" + value.hex()
        case datetime():
            return value.isoformat(" ")
        case pa.MonthDayNano():
            return f"P{value.months}M{value.days}DT{value.nanoseconds / 1e9:.9g}S"
        case date() | time():
            return value.isoformat()
        case list() | dict():
            return json.dumps(_plain(value), ensure_ascii=False)
        case _:
            return str(value)


def _plain(value: Any) -> Any:
    """A value as JSON can hold it: decimals, times and what is not finite as text, so that nothing is lost."""
    match value:
        case None | bool() | int() | str():
            return value
        case float() if math.isfinite(value):
            return value
        case dict():
            return {str(key): _plain(item) for key, item in value.items()}
        case list():
            return [_plain(item) for item in value]
        case _:
            return shown(value)


def _short(text: str) -> str:
    line = "".join(character if character.isprintable() else "·" for character in text)
    return line if len(line) <= MAX_WIDTH else line[: MAX_WIDTH - 1] + "…"
