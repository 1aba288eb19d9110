"""Connections by our own client of the protocol: rows in binary, decoded by the C extension.

A read is Parse, Bind, Describe, Execute and Sync of the extended query protocol, in one go. COPY (…) TO STDOUT (FORMAT
binary) would give the same bytes, but no types, so that the server would have to analyse the text twice.
"""

from __future__ import annotations

import contextlib
import struct
import threading
import time
from collections.abc import Iterable, Iterator, Sequence

import adbc_driver_manager as adbc
import pyarrow as pa

from connectors import native
from connectors.postgres import session, wire
from connectors.postgres.endpoint import Endpoint
from connectors.postgres.protocol import Channel, failure
from watersmeet.spi import Read, ReadColumn, SourceChanged, SourceQueryFailed, arrow_type

_PLAIN = {
    16: pa.bool_(),
    17: pa.binary(),
    19: pa.string(),
    20: pa.int64(),
    21: pa.int16(),
    23: pa.int32(),
    25: pa.string(),
    700: pa.float32(),
    701: pa.float64(),
    1000: pa.list_(pa.bool_()),
    1003: pa.list_(pa.string()),
    1005: pa.list_(pa.int16()),
    1007: pa.list_(pa.int32()),
    1009: pa.list_(pa.string()),
    1016: pa.list_(pa.int64()),
    1021: pa.list_(pa.float32()),
    1022: pa.list_(pa.float64()),
    1043: pa.string(),
}
"""The types of what we ask a server about itself, by their oids."""

_ERROR, _READY, _ROW_DESCRIPTION, _COMPLETE = b"EZTC"
_IDLE = b"I"
"""What ReadyForQuery says between two transactions."""
_BINARY = 1
"""A column's format in messages; text is 0."""
_NOT_BINARY = b"C0A000\0Mthe server sends no rows in binary\0"
"""What is said of a server that is almost PostgreSQL, with the code of feature_not_supported."""
_TIME, _INTERVAL, _NUMERIC = 1083, 1186, 1700
_MOMENTS = frozenset({1082, 1114, 1184})


class Portal:
    """A query that runs: its columns are known, its rows, in binary, not read yet."""

    def __init__(self, channel: Channel, sql: str, before: Sequence[str] = (), after: Sequence[str] = ()) -> None:
        """`before` and `after` are further statements of the same round trip: the first that fails is the last that runs.

        Raises adbc.Error, OSError.
        """
        self.channel = channel
        channel.send(*_executed(*before), *_executed(sql, binary=True), *_executed(*after), b"S", b"")
        refused: adbc.Error | None = None
        while (message := channel.message())[0] != _READY:
            kind, payload = message
            if kind == _ERROR:
                refused = failure(payload)
            elif kind == _ROW_DESCRIPTION:
                self.names, self.types, formats = _described(payload)
                if formats == {_BINARY}:
                    return
        raise refused or failure(_NOT_BINARY)


class BinaryStream(session.Stream):
    """The rows of a portal as batches of a schema."""

    def __init__(
        self, portal: Portal, schema: pa.Schema, source: str = "", columns: tuple[ReadColumn, ...] = ()
    ) -> None:
        """`columns`: what was announced, for the words of errors."""
        formats = native.formats(schema)
        assert formats is not None, schema
        self._channel = portal.channel
        self._chunk = portal.channel.chunk
        self._schema, self._source, self._columns = schema, source, columns
        self._decoder = native.Decoder("postgres", formats)
        self._ended = False
        self._refused: adbc.Error | None = None
        self.unread = self._decoder.expect(portal.types)
        """The first column whose values are of another type."""

    def next(self) -> pa.RecordBatch | None:
        decoder = self._decoder
        while not self._ended:
            self._feed(self._chunk[: self._channel.receive_into(self._chunk)])
            if decoder.size >= session.BATCH_BYTES:
                return native.batch(decoder, self._schema)
        if self._refused is not None:
            raise self._refused
        return native.batch(decoder, self._schema) if decoder.rows else None

    def _feed(self, data: memoryview) -> None:
        """Decode rows, notice the end. Raises SourceError."""
        try:
            while (message := self._decoder.feed(data)) is not None:
                data = data[:0]
                kind, payload = message
                if kind == _ERROR:
                    self._refused = failure(payload)
                elif kind == _READY:
                    self._ended, self.over = True, payload == _IDLE
        except OverflowError as error:
            position, type_, value = error.args
            shown, advice = _shown(type_, value)
            raise wire.misfit(self._source, self._columns[position], shown, advice) from None
        except ValueError as error:
            raise SourceQueryFailed(self._source, str(error)) from None

    def drain(self, until: float) -> bool:
        self._decoder.discard()
        self._feed(self._chunk[:0])
        while not self._ended:
            left = until - time.monotonic()
            if left <= 0:
                return False
            with self._channel.within(left) as channel:
                try:
                    self._feed(self._chunk[: channel.receive_into(self._chunk)])
                except TimeoutError:
                    return False
        return True

    def close(self) -> None:
        """Nothing is held."""


class BinaryConnection(session.Connection):
    """One session at the server."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._alive = threading.Lock()
        self._closed = False

    def run(self, sql: str) -> int:
        self._channel.send(b"Q", sql.encode() + b"\0")
        refused: adbc.Error | None = None
        tag = b""
        while (message := self._channel.message())[0] != _READY:
            kind, payload = message
            if kind == _ERROR:
                refused = failure(payload)
            elif kind == _COMPLETE:
                tag = payload
        if refused is not None:
            raise refused
        count = tag.rstrip(b"\0").rpartition(b" ")[2]
        return int(count) if count.isdigit() else 0

    def read(self, source: str, read: Read) -> BinaryStream:
        return self._stream(source, read, Portal(self._channel, statement(read)))

    def read_alone(self, source: str, read: Read, settings: Iterable[tuple[str, str]]) -> BinaryStream:
        """In one round trip. Where a part fails, what comes behind it does not run: no read without its settings."""
        portal = Portal(self._channel, statement(read), before=session.begin(settings), after=["ROLLBACK"])
        return self._stream(source, read, portal)

    def _stream(self, source: str, read: Read, portal: Portal) -> BinaryStream:
        schema = pa.schema([(column.name, arrow_type(column.type)) for column in read.columns])
        stream = BinaryStream(portal, schema, source, read.columns)
        if stream.unread is not None:
            column = read.columns[stream.unread]
            self.cancel()
            stream.drain(time.monotonic() + 1.0)
            raise SourceChanged(
                source, f"column {column.origin or column.name} is no {column.type} any more; plan again"
            )
        return stream

    def rows(self, sql: str) -> list[dict[str, object]]:
        portal = Portal(self._channel, sql)
        schema = pa.schema([(n, _PLAIN[type_]) for n, type_ in zip(portal.names, portal.types, strict=True)])
        stream, found = BinaryStream(portal, schema), []
        while (batch := stream.next()) is not None:
            found += batch.to_pylist()
        return found

    @property
    def answered(self) -> bool:
        return self._channel.answered

    def cancel(self) -> None:
        with self._alive:
            if not self._closed:
                # What cannot be reached has no cancel; the caller closes the connection then.
                with contextlib.suppress(OSError):
                    self._channel.cancel()

    def close(self) -> None:
        with self._alive:
            if not self._closed:
                self._closed = True
                self._channel.close()


class BinaryConnector(session.Connector[BinaryConnection]):
    """Thread-safe."""

    pipelines = True

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    def connect(self) -> BinaryConnection:
        return BinaryConnection(Channel(self._endpoint))

    def statement(self, read: Read) -> str:
        return statement(read)


def statement(read: Read) -> str:
    """The SQL text for a read."""
    selected = (
        wire.expression(sql, column.type, i, driver=False)
        for i, (sql, column) in enumerate(zip(read.expressions, read.columns, strict=True))
    )
    return " ".join(part for part in (read.prefix, "SELECT " + ", ".join(selected), read.body) if part)


def _executed(*statements: str, binary: bool = False) -> Iterator[bytes]:
    """The messages that run statements for all rows. `binary`: the rows come in binary, behind their description."""
    for sql in statements:
        yield from (b"P", b"\0" + sql.encode() + b"\0\0\0")
        # Without names and parameters. One format for all columns, or none, which means text.
        yield from (b"B", b"\0" * 6 + (b"\0\1\0\1" if binary else b"\0\0"))
        if binary:
            yield from (b"D", b"P\0")
        yield from (b"E", b"\0" * 5)


def _described(payload: bytes) -> tuple[list[str], list[int], set[int]]:
    """The names and the types' oids of a RowDescription, and the formats that occur."""
    names, types, formats, at = [], [], set(), 2
    for _ in range(struct.unpack_from(">H", payload)[0]):
        end = payload.index(b"\0", at)
        names.append(payload[at:end].decode())
        _, _, type_, _, _, format_ = struct.unpack_from(">IhIhih", payload, end + 1)
        types.append(type_)
        formats.add(format_)
        at = end + 19
    return names, types, formats


def _shown(type_: int, value: bytes) -> tuple[str, str]:
    """A value without a place in Arrow as PostgreSQL prints it, and what to do about it."""
    if type_ == _NUMERIC:
        return _numeric(value), wire.NUMERIC
    number = int.from_bytes(value[:8], "big", signed=True)
    if type_ == _INTERVAL:
        return f"of {number} microseconds", wire.FILTER
    if type_ == _TIME:
        return "24:00:00", wire.FILTER
    if type_ in _MOMENTS:
        half = 1 << (8 * len(value) - 1)
        named = {half - 1: "infinity", -half: "-infinity"}
        return named.get(number, "a timestamp after 294247-01-10 04:00:54.775806"), wire.FILTER
    return (str(number) if len(value) in (2, 4, 8) else value.decode(errors="replace")), wire.NUMERIC


def _numeric(value: bytes) -> str:
    """
    >>> _numeric(bytes.fromhex("0003" "0001" "0000" "0002" "0001" "0000" "1388"))
    '10000.50'
    """
    count, weight, sign, scale = struct.unpack_from(">HhHH", value)
    if sign not in (0, 0x4000):
        return {0xC000: "NaN", 0xD000: "Infinity", 0xF000: "-Infinity"}.get(sign, "a numeric")
    digits = struct.unpack_from(f">{count}H", value, 8)
    places = {weight - i: digit for i, digit in enumerate(digits)}
    whole = "".join(f"{places.get(i, 0):04d}" for i in range(max(weight, 0), -1, -1)).lstrip("0") or "0"
    fraction = "".join(f"{places.get(-i, 0):04d}" for i in range(1, -(-scale // 4) + 1))[:scale]
    return ("-" if sign else "") + whole + ("." + fraction if fraction else "")
