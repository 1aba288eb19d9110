"""The Arrow stream that a client sends in FlightData messages, checked before anything is read out of it."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Self

import pyarrow as pa

from server.flight.errors import BadRequest
from server.flight.proto.flight_pb2 import FlightData

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_CONTINUATION = 0xFFFFFFFF
_RECORD_BATCH = 3
"""In Message.header_type."""


def decode(frames: Iterable[FlightData]) -> pa.Table:
    """The few rows that a client sends as parameters. Raises BadRequest for anything but plain, valid IPC messages."""
    with Rows(frames) as rows:
        return pa.Table.from_batches(rows.batches(), rows.schema)


class Rows:
    """The batches of a stream as they come. Used by one thread, within `with`. Raises as `decode` does."""

    def __init__(self, frames: Iterable[FlightData]) -> None:
        with _checked():
            self._reader = pa.ipc.open_stream(io.BufferedReader(_Messages(frames)))
        self.schema: pa.Schema = self._reader.schema

    def batches(self) -> Iterator[pa.RecordBatch]:
        while True:
            with _checked():
                try:
                    batch = self._reader.read_next_batch()
                except StopIteration:
                    return
                batch.validate(full=True)
            yield batch

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._reader.close()


class _Messages(io.RawIOBase):
    """The bytes of an IPC stream, from messages that are pulled as they are read."""

    def __init__(self, frames: Iterable[FlightData]) -> None:
        self._pieces = _pieces(frames)
        self._left = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        while not self._left:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._left = memoryview(piece)
        room = memoryview(buffer)
        size = min(len(room), len(self._left))
        room[:size], self._left = self._left[:size], self._left[size:]
        return size


def _pieces(frames: Iterable[FlightData]) -> Iterator[bytes]:
    for frame in frames:
        if frame.data_header:
            _check(frame.data_header, len(frame.data_body))
            header = frame.data_header + bytes(-len(frame.data_header) % 8)
            yield struct.pack("<II", _CONTINUATION, len(header)) + header
            yield frame.data_body


@contextmanager
def _checked() -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise BadRequest("the stream is not valid Arrow IPC") from error


def _check(header: bytes, size: int) -> None:
    """Refuse a message whose declared sizes are memory that the sender does not pay for: another length of its body
    than the `size` that came, or a record batch with compressed buffers.

    pyarrow shows neither, so they are looked up in the flatbuffer: Message.header_type, header and bodyLength (slots 1
    to 3), RecordBatch.compression (slot 3), see format/Message.fbs.
    """
    try:
        (root,) = struct.unpack_from("<I", header)
        (kind,) = struct.unpack_from("<B", header, _field(header, root, 1) or len(header))
        position, length = _field(header, root, 2), _field(header, root, 3)
        if size != (0 if length is None else struct.unpack_from("<q", header, length)[0]):
            raise BadRequest("the stream is not valid Arrow IPC: a body has another length than its header says")
        if kind == _RECORD_BATCH and position is not None:
            (offset,) = struct.unpack_from("<I", header, position)
            if _field(header, position + offset, 3) is not None:
                raise BadRequest("the bodies of a stream to this server may not be compressed")
    except struct.error as error:
        raise BadRequest("the stream is not valid Arrow IPC") from error


def _field(buffer: bytes, table: int, slot: int) -> int | None:
    """Where a flatbuffer table's field stands; None where it is absent."""
    (back,) = struct.unpack_from("<i", buffer, table)
    vtable = table - back
    if vtable < 0:
        raise struct.error("vtable outside of the buffer")
    (size,) = struct.unpack_from("<H", buffer, vtable)
    if 4 + 2 * slot >= size:
        return None
    (offset,) = struct.unpack_from("<H", buffer, vtable + 4 + 2 * slot)
    return table + offset if offset else None
