"""The Arrow stream that a client sends in FlightData messages, checked before anything is read out of it."""

from __future__ import annotations

import struct
from collections.abc import Iterable

import pyarrow as pa

from server.flight.errors import BadRequest
from server.flight.proto.flight_pb2 import FlightData

_CONTINUATION = 0xFFFFFFFF


def decode(frames: Iterable[FlightData]) -> pa.Table:
    """The few rows that a client sends as parameters. Raises BadRequest for anything but plain, valid IPC messages."""
    stream: list[bytes] = []
    for frame in frames:
        if frame.data_header:
            _refuse_compressed(frame.data_header)
            padding = -len(frame.data_header) % 8
            header = frame.data_header + bytes(padding)
            stream += (struct.pack("<II", _CONTINUATION, len(header)), header, frame.data_body)
    try:
        with pa.ipc.open_stream(b"".join(stream)) as reader:
            table = reader.read_all()
        table.validate(full=True)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise BadRequest("the stream is not valid Arrow IPC") from error
    return table


def _refuse_compressed(header: bytes) -> None:
    """Refuse a record batch with compressed buffers: their declared length is memory that the sender does not pay for.

    pyarrow does not show it, so it is looked up in the flatbuffer: Message.header (slot 2) -> RecordBatch.compression
    (slot 3), see format/Message.fbs.
    """
    try:
        (root,) = struct.unpack_from("<I", header)
        (kind,) = struct.unpack_from("<B", header, _field(header, root, 1) or len(header))
        position = _field(header, root, 2)
        if kind == 3 and position is not None:
            (offset,) = struct.unpack_from("<I", header, position)
            if _field(header, position + offset, 3) is not None:
                raise BadRequest("parameters may not be compressed")
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
