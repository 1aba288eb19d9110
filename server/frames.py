"""Arrow to the bytes of FlightData messages, without a protobuf object for each frame.

A frame stays in the pieces that the IPC writer handed over until it is written, once: joined to bytes, or into memory
that another process reads. Measured 0.06 CPU seconds a GB, against 0.18 for `RecordBatch.serialize()` and a copy.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from server.execution.errors import RowTooLarge

FRAME = 4 * 1024 * 1024 - 1024
"""Bytes of a frame that is cut when it is longer: what a gRPC client takes that has set nothing."""
LONGEST = 16 * 1024 * 1024 - 1024
"""Bytes of a frame that holds one row only: what ADBC's driver takes that has set nothing."""

_HEADER_TAG = b"\x12"
_METADATA_TAG = b"\x1a"
_BODY_TAG = b"\xc2\x3e"
"""Fields 2, 3 and 1000 of FlightData, length-delimited."""
_PREFIX = 8
"""Bytes before an IPC message's flatbuffer: a continuation marker and the length."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One message, not put together yet."""

    pieces: Sequence[bytes | pa.Buffer]
    size: int
    """Bytes of all pieces."""

    @classmethod
    def of(cls, *pieces: bytes | pa.Buffer) -> Frame:
        return cls(pieces, sum(map(len, pieces)))

    def joined(self) -> bytes:
        return b"".join(self.pieces)

    def write(self, room: mmap.mmap, start: int) -> None:
        """Copy it to `room` from byte `start` on, where it must fit."""
        for piece in self.pieces:
            end = start + len(piece)
            room[start:end] = piece
            start = end


class Encoder:
    """The frames of one stream: `schema_frame()`, then `frames(batch)` for each batch. Used by one thread.

    With `compression` ('lz4' or 'zstd') the buffers of bodies are compressed, for clients that have asked for it.
    """

    def __init__(self, schema: pa.Schema, compression: str | None = None) -> None:
        self.schema = schema
        self._sink = _Sink()
        options = pa.ipc.IpcWriteOptions(compression=compression)
        self._writer = pa.ipc.new_stream(pa.PythonFile(self._sink, mode="w"), schema, options=options)
        self._serialized = schema.serialize().to_pybytes()
        self._unwritten = len(self._serialized)

    def schema_frame(self) -> Frame:
        """The first frame of a stream."""
        header = self._serialized[_PREFIX:]
        return Frame.of(_HEADER_TAG, _varint(len(header)), header)

    def frames(self, batch: pa.RecordBatch) -> Iterator[Frame]:
        """`batch` in frames of at most FRAME bytes; of more, up to LONGEST, where one row takes that. Raises RowTooLarge."""
        if batch.num_rows == 0:
            return
        header, body, size = self._message(batch)
        if size > FRAME and batch.num_rows > 1:
            pieces = min(batch.num_rows, -(-size // FRAME))
            rows = -(-batch.num_rows // pieces)
            for start in range(0, batch.num_rows, rows):
                yield from self.frames(batch.slice(start, rows))
        elif size > LONGEST:
            index = max(range(batch.num_columns), key=lambda i: batch.column(i).nbytes)
            raise RowTooLarge(
                f"a row of {size} bytes is more than clients take ({LONGEST}): column {index + 1},"
                f" {batch.schema.field(index).name}, is its largest; select less of it"
            )
        else:
            yield Frame.of(_HEADER_TAG, _varint(len(header)), header, _BODY_TAG, _varint(size - len(header)), *body)

    def _message(self, batch: pa.RecordBatch) -> tuple[bytes, list[bytes | pa.Buffer], int]:
        """The IPC message of a batch: its flatbuffer, the buffers of its body, and the bytes of both."""
        parts = self._sink.parts
        self._writer.write_batch(batch)
        start = 0
        while self._unwritten > 0:  # the writer puts the schema before the first batch
            self._unwritten -= len(parts[start])
            start += 1
        (length,) = struct.unpack("<i", parts[start + 1])
        end = start + 2
        while length > 0:
            length -= len(parts[end])
            end += 1
        header = b"".join(parts[start + 2 : end])
        body = parts[end:]
        parts.clear()
        return header, body, len(header) + sum(map(len, body))


class _Sink:
    """What the IPC writer writes to: keeps the buffers that it is handed, copies none."""

    closed = False

    def __init__(self) -> None:
        self.parts: list[bytes | pa.Buffer] = []

    def write(self, part: bytes | pa.Buffer) -> int:
        self.parts.append(part)
        return len(part)

    def flush(self) -> None:
        """Nothing is held back."""


def encode(
    schema: pa.Schema, batches: Iterable[pa.RecordBatch], compression: str | None = None
) -> Generator[bytes, None, None]:
    """The frames of a whole stream."""
    encoder = Encoder(schema, compression)
    yield encoder.schema_frame().joined()
    for batch in batches:
        for frame in encoder.frames(batch):
            yield frame.joined()


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)
