"""Rows as the server's own packets, decoded by the C extension: columns as they are, without a line built around them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa

from connectors import native
from connectors.mysql import wire
from connectors.mysql.connection import Connection
from connectors.mysql.errors import misfit
from watersmeet.spi import ReadColumn, SourceQueryFailed, arrow_type

_END = 0xFE


def select(expressions: Sequence[str], types: Sequence[str]) -> str:
    """What to select: the columns.

    A FLOAT column prints 6 digits of its 9, a DOUBLE(p,s) only s of its fraction; a product prints all 17.
    """
    return ", ".join(
        f"({expression}) * 1e0" if type_ in ("FLOAT", "DOUBLE") else expression
        for expression, type_ in zip(expressions, types, strict=True)
    )


def reads(columns: Sequence[ReadColumn]) -> bool:
    """Whether the extension is there and knows the types."""
    return native.available and native.formats(_schema(columns)) is not None


def batches(
    connection: Connection, sql: str, columns: Sequence[ReadColumn], deadline: float
) -> Iterator[pa.RecordBatch]:
    """Run a query of such columns and yield its rows. Raises pymysql's errors and SourceError."""
    schema = _schema(columns)
    formats = native.formats(schema)
    assert formats is not None
    decoder = native.Decoder("mysql", formats)
    wire.begin(connection, sql, deadline)
    end = None
    while end is None:
        data = wire.more(connection, wire.CHUNK, deadline)
        try:
            end = decoder.feed(data)
        except OverflowError as error:
            position, _, value = error.args
            raise misfit(connection.source, columns[position], value.decode(errors="backslashreplace")) from None
        except ValueError as error:
            raise SourceQueryFailed(connection.source, str(error)) from None
        if decoder.size >= wire.BLOCK or (end is not None and decoder.rows):
            yield native.batch(decoder, schema)
    kind, payload = end
    if kind != _END:
        wire.refuse_packet(connection, payload)
    if int.from_bytes(payload[1:3], "little"):
        wire.refuse_loss(connection)


def _schema(columns: Sequence[ReadColumn]) -> pa.Schema:
    return pa.schema([pa.field(column.name, arrow_type(column.type)) for column in columns])
