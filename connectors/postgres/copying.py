"""Connections by our own client of the protocol: COPY's binary rows, decoded by the C extension."""

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

_ERROR, _READY, _ROW_DESCRIPTION, _COMPLETE, _COPYING = b"EZTCH"
_IDLE = b"I"
"""What ReadyForQuery says between two transactions."""
_TIME, _INTERVAL, _NUMERIC = 1083, 1186, 1700
_MOMENTS = frozenset({1082, 1114, 1184})


class Copying:
    """COPY (…) TO STDOUT (FORMAT binary): described and begun, not read yet."""

    def __init__(self, channel: Channel, sql: str, before: Sequence[str] = (), after: Sequence[str] = ()) -> None:
        """`before` and `after` are further statements of the same round trip: the first that fails is the last that runs.

        Raises adbc.Error, OSError.
        """
        self.channel = channel
        copy = f"COPY ({sql}) TO STDOUT (FORMAT binary)"
        # Described first, since COPY says nothing of types.
        described = (b"P", _parsed(sql), b"D", b"S\0")
        channel.send(*_executed(*before), *described, *_executed(copy, *after), b"S", b"")
        self.names: list[str] = []
        self.types: list[int] = []
        refused: adbc.Error | None = None
        while (message := channel.message())[0] != _COPYING:
            kind, payload = message
            if kind == _ROW_DESCRIPTION:
                self.names, self.types = _described(payload)
            elif kind == _ERROR:
                refused = failure(payload)
            elif kind == _READY:
                raise refused or adbc.InternalError("the server did not copy", status_code=adbc.AdbcStatusCode.INTERNAL)


class CopyStream(session.Stream):
    """The rows of a COPY as batches of a schema."""

    def __init__(
        self, copying: Copying, schema: pa.Schema, source: str = "", columns: tuple[ReadColumn, ...] = ()
    ) -> None:
        """`columns`: what was announced, for the words of errors."""
        formats = native.formats(schema)
        assert formats is not None, schema
        self._channel = copying.channel
        self._chunk = copying.channel.chunk
        self._schema, self._source, self._columns = schema, source, columns
        self._decoder = native.Decoder("postgres", formats)
        self._ended = False
        self._refused: adbc.Error | None = None
        self.unread = self._decoder.expect(copying.types)
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


class CopyConnection(session.Connection):
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

    def read(self, source: str, read: Read) -> CopyStream:
        return self._stream(source, read, Copying(self._channel, statement(read)))

    def read_alone(self, source: str, read: Read, settings: Iterable[tuple[str, str]]) -> CopyStream:
        """In one round trip. Where a part fails, what comes behind it does not run: no read without its settings."""
        copying = Copying(self._channel, statement(read), before=session.begin(settings), after=["ROLLBACK"])
        return self._stream(source, read, copying)

    def _stream(self, source: str, read: Read, copying: Copying) -> CopyStream:
        schema = pa.schema([(column.name, arrow_type(column.type)) for column in read.columns])
        stream = CopyStream(copying, schema, source, read.columns)
        if stream.unread is not None:
            column = read.columns[stream.unread]
            self.cancel()
            stream.drain(time.monotonic() + 1.0)
            raise SourceChanged(
                source, f"column {column.origin or column.name} is no {column.type} any more; plan again"
            )
        return stream

    def rows(self, sql: str) -> list[dict[str, object]]:
        copying = Copying(self._channel, sql)
        schema = pa.schema([(n, _PLAIN[type_]) for n, type_ in zip(copying.names, copying.types, strict=True)])
        stream, found = CopyStream(copying, schema), []
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


class CopyConnector(session.Connector[CopyConnection]):
    """Thread-safe."""

    pipelines = True

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    def connect(self) -> CopyConnection:
        return CopyConnection(Channel(self._endpoint))

    def statement(self, read: Read) -> str:
        return statement(read)


def statement(read: Read) -> str:
    """The SQL text for a read. COPY (…) TO STDOUT (FORMAT binary), which stands around it, is not shown."""
    selected = (
        wire.expression(sql, column.type, i, driver=False)
        for i, (sql, column) in enumerate(zip(read.expressions, read.columns, strict=True))
    )
    return " ".join(part for part in (read.prefix, "SELECT " + ", ".join(selected), read.body) if part)


def _parsed(sql: str) -> bytes:
    return b"\0" + sql.encode() + b"\0\0\0"


def _executed(*statements: str) -> Iterator[bytes]:
    """The messages that run statements: parsed, bound to no values, executed for all rows."""
    for sql in statements:
        yield from (b"P", _parsed(sql), b"B", b"\0" * 8, b"E", b"\0" * 5)


def _described(payload: bytes) -> tuple[list[str], list[int]]:
    """The names and the types' oids of a RowDescription."""
    names, types, at = [], [], 2
    for _ in range(struct.unpack_from(">H", payload)[0]):
        end = payload.index(b"\0", at)
        names.append(payload[at:end].decode())
        types.append(struct.unpack_from(">IhI", payload, end + 1)[2])
        at = end + 19
    return names, types


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
