"""Trap 2: whatever layout an engine or a source has for its values, clients get one that all of them read."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from server.execution.answer import fit
from server.flight.decode import decode
from server.flight.proto.flight_pb2 import FlightData
from server.frames import encode
from server.layouts import plain

LONG = "more than the twelve bytes that a view holds itself"
TEXT = pa.array([LONG, None, "x", LONG])
LISTS = [[1, 2], None, [], [3]]
NESTED = [{"a": LONG, "b": [1]}, None, {"a": None, "b": []}, {"a": "x", "b": None}]

LAYOUTS: dict[str, tuple[pa.Array, pa.DataType]] = {
    "dictionary": (TEXT.dictionary_encode(), pa.string()),
    "dictionary of views": (
        pa.DictionaryArray.from_arrays(pa.array([0, 1, None, 0]), pa.array([LONG, "x"], pa.string_view())),
        pa.string(),
    ),
    "string view": (TEXT.cast(pa.string_view()), pa.string()),
    "binary view": (TEXT.cast(pa.binary()).cast(pa.binary_view()), pa.binary()),
    "large string": (TEXT.cast(pa.large_string()), pa.string()),
    "large binary": (TEXT.cast(pa.large_binary()), pa.binary()),
    "run ends": (pc.run_end_encode(TEXT), pa.string()),
    "decimal of 32 bits": (pa.array([1, None, 2, 3], pa.decimal32(9, 2)), pa.decimal128(9, 2)),
    "decimal of 64 bits": (pa.array([1, None, 2, 3], pa.decimal64(18, 2)), pa.decimal128(18, 2)),
    "list view": (pa.array(LISTS, pa.list_view(pa.int64())), pa.list_(pa.int64())),
    "list view out of order": (
        pa.ListViewArray.from_arrays(
            pa.array([2, 0, 0, 1], pa.int32()), pa.array([1, 2, 0, 2], pa.int32()), pa.array([1, 2, 3])
        ),
        pa.list_(pa.int64()),
    ),
    "large list view": (pa.array(LISTS, pa.large_list_view(pa.int64())), pa.list_(pa.int64())),
    "large list": (pa.array(LISTS, pa.large_list(pa.int64())), pa.list_(pa.int64())),
    "list of views": (
        pa.array([[LONG], None, [], [None, "x"]], pa.list_(pa.string_view())),
        pa.list_(pa.string()),
    ),
    "list view of dictionaries": (
        pa.ListViewArray.from_arrays(
            pa.array([0, 2, 1, 0], pa.int32()),
            pa.array([1, 1, 2, 3], pa.int32()),
            pa.array([LONG, "x", None]).dictionary_encode(),
        ),
        pa.list_(pa.string()),
    ),
    "struct": (
        pa.array(NESTED, pa.struct({"a": pa.string_view(), "b": pa.list_view(pa.int64())})),
        pa.struct({"a": pa.string(), "b": pa.list_(pa.int64())}),
    ),
    "map": (
        pa.array([[("k", LONG)], None, [], [("l", None)]], pa.map_(pa.string_view(), pa.string_view())),
        pa.map_(pa.string(), pa.string()),
    ),
    "array of a fixed size": (
        pa.array([[LONG, "x"], None, [None, "y"], ["z", LONG]], pa.list_(pa.string_view(), 2)),
        pa.list_(pa.string(), 2),
    ),
}
cases = pytest.mark.parametrize(("array", "expected"), LAYOUTS.values(), ids=LAYOUTS.keys())


@cases
def test_announced_types_are_plain(array: pa.Array, expected: pa.DataType) -> None:
    announced = plain(array.type)
    assert announced == expected
    assert plain(announced) == announced


@cases
@pytest.mark.parametrize("start", [0, 1, 3], ids=["whole", "cut", "last"])
def test_batches_are_plain(array: pa.Array, expected: pa.DataType, start: int) -> None:
    """As they are announced, cut to size and read back from their frames."""
    schema = pa.schema([pa.field("c", plain(array.type))])
    batch = fit(pa.record_batch([array.slice(start)], names=["c"]), schema)
    batch.validate(full=True)
    sent = decode(FlightData.FromString(frame) for frame in encode(schema, [batch]))
    assert sent.schema.types == [expected]
    assert sent.column("c").to_pylist() == array.slice(start).to_pylist()


def test_what_is_plain_is_not_touched() -> None:
    for array in (TEXT, pa.array(LISTS), pa.array([{"a": 1}]), pa.array([1]), pa.array([b"x"], pa.binary(1))):
        batch = fit(pa.record_batch([array], names=["c"]), pa.schema([("c", plain(array.type))]))
        assert batch.column(0).buffers()[1:] == array.buffers()[1:] or batch.column(0) is array
        assert batch.column(0).type == array.type
