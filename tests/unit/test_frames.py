"""FlightData bytes: what is written can be read, and what comes in is not trusted."""

from __future__ import annotations

import random

import pyarrow as pa
import pytest

from server.execution.errors import RowTooLarge
from server.flight.decode import decode
from server.flight.errors import BadRequest
from server.flight.proto.flight_pb2 import FlightData
from server.frames import FRAME, LONGEST, encode


def _round_trip(table: pa.Table) -> tuple[list[int], pa.Table]:
    frames = list(encode(table.schema, table.to_batches()))
    return [len(frame) for frame in frames], decode(FlightData.FromString(frame) for frame in frames)


TABLES = {
    "no rows": pa.table({"a": pa.array([], pa.int32()), "l": pa.array([], pa.list_(pa.string()))}),
    "nulls": pa.table({"a": [None, 1], "s": ["x", None], "n": pa.nulls(2)}),
    "nested": pa.table({"l": [[1, None], None], "s": [{"a": 1}, {"a": None}], "m": pa.array([[("k", 1)], None], pa.map_(pa.string(), pa.int32()))}),
    "sliced": pa.table({"s": [f"row {i}" for i in range(1000)]}).slice(7, 500),
    "booleans, sliced": pa.table({"b": [i % 3 == 0 for i in range(1000)]}).slice(13, 77),
    "duplicate names": pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"]),
    "wide": pa.table({f"c{i}": [i] for i in range(2000)}),
    "many frames": pa.table({"i": range(2_000_000), "s": ["some text"] * 2_000_000}),
    "uneven rows": pa.table({"b": [b"x" * 9_000_000, b"", b"y", b"z" * 5_000_000]}),
    "metadata": pa.table({"a": [1]}, schema=pa.schema([pa.field("a", pa.int64(), metadata={"k": "v"})])),
}  # fmt: skip


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES.keys())
def test_what_is_encoded_is_decoded(table: pa.Table) -> None:
    sizes, decoded = _round_trip(table)
    assert decoded.equals(table) and decoded.schema.equals(table.schema, check_metadata=True)
    assert max(sizes) <= LONGEST + 64


def test_frames_are_cut_to_what_any_client_takes() -> None:
    sizes, _ = _round_trip(TABLES["many frames"])
    assert max(sizes) <= FRAME + 64
    assert sum(sizes) / len(sizes) > FRAME / 3


def test_a_row_that_no_client_takes_is_an_error_that_names_its_largest_column() -> None:
    table = pa.table({"small": ["x"], "large": ["y" * 17_000_000]})
    with pytest.raises(RowTooLarge, match="column 2, large"):
        _round_trip(table)


def test_damaged_messages_are_refused_and_nothing_else_happens() -> None:
    source = random.Random(7)
    table = pa.table({"a": [1], "s": ["text"], "l": [[1, 2]]})
    frames = [FlightData.FromString(frame) for frame in encode(table.schema, table.to_batches())]
    refused = 0
    for _ in range(3000):
        damaged = [FlightData.FromString(frame.SerializeToString()) for frame in frames]
        victim = source.choice(damaged)
        field = "data_body" if victim.data_body and source.random() < 0.3 else "data_header"
        data = bytearray(getattr(victim, field))
        for _ in range(source.randint(1, 4)):
            data[source.randrange(len(data))] = source.randrange(256)
        setattr(victim, field, bytes(data[: source.randint(1, len(data))] if source.random() < 0.2 else data))
        try:
            decode(damaged)
        except BadRequest:
            refused += 1
    assert refused > 1000


def test_compressed_messages_are_refused_before_they_grow() -> None:
    sink = pa.BufferOutputStream()
    table = pa.table({"a": ["x" * 1_000_000]})
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(table)
    messages = list(pa.ipc.MessageReader.open_stream(sink.getvalue()))
    frames = [
        FlightData(data_header=m.metadata.to_pybytes(), data_body=m.body.to_pybytes() if m.body else b"")
        for m in messages
    ]
    with pytest.raises(BadRequest, match="compressed"):
        decode(frames)


def test_an_empty_stream_is_refused() -> None:
    with pytest.raises(BadRequest):
        decode([])
