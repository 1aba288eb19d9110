"""Parameter values on their way into a handle."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest

from server.flight.errors import BadParameters, TooLarge
from server.flight.prepared import bind, require_bound
from server.flight.proto.flight_pb2 import FlightData

DECIMAL = pa.decimal128(12, 2)


def _bound(value: pa.Array, announced: pa.DataType) -> pa.Array:
    values = bind(pa.schema([pa.field("1", announced)]), _frames(pa.table({"0": value})))
    assert values is not None
    result = pa.ipc.open_stream(values).read_all()
    assert result.column_names == ["1"]
    return result.column(0).chunk(0)


def _frames(table: pa.Table) -> list[FlightData]:
    """As a client sends a table, which may bring dictionaries along: each message in a frame of its own."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    messages = pa.ipc.MessageReader.open_stream(sink.getvalue())
    return [FlightData(data_header=m.metadata.to_pybytes(), data_body=m.body.to_pybytes()) for m in messages]


@pytest.mark.parametrize(
    ("value", "announced", "kept"),
    [
        (pa.array([5]), pa.int32(), pa.array([5], pa.int32())),
        (pa.array([5]), DECIMAL, pa.array([Decimal("5.00")], DECIMAL)),
        (pa.array([Decimal("2.5")]), DECIMAL, pa.array([Decimal("2.50")], DECIMAL)),
        (pa.array([2.5]), pa.float32(), pa.array([2.5], pa.float32())),
        (pa.array([2.0]), pa.int32(), pa.array([2], pa.int32())),
        (pa.array([5], pa.int32()), pa.float64(), pa.array([5.0])),
        (pa.array(["x"], pa.large_string()), pa.string(), pa.array(["x"])),
        (pa.array(["x"], pa.string_view()), pa.string(), pa.array(["x"])),
        (pa.array([b"x"], pa.binary(1)), pa.binary(), pa.array([b"x"])),
        (pa.array(["x"]).dictionary_encode(), pa.string(), pa.array(["x"])),
        (pa.nulls(1), pa.int32(), pa.array([None], pa.int32())),
        (pa.array([None], pa.string()), pa.int32(), pa.array([None], pa.int32())),
        (pa.array([date(2024, 1, 2)]), pa.timestamp("us"), pa.array([datetime(2024, 1, 2)], pa.timestamp("us"))),
        (pa.array([[1, 2]]), pa.list_(pa.int32()), pa.array([[1, 2]], pa.list_(pa.int32()))),
    ],
)
def test_a_value_takes_the_announced_type_where_nothing_is_lost(
    value: pa.Array, announced: pa.DataType, kept: pa.Array
) -> None:
    assert _bound(value, announced).equals(kept)


@pytest.mark.parametrize(
    ("value", "announced"),
    [
        (pa.array([3_000_000_000]), pa.int32()),
        (pa.array([2.5]), pa.int32()),
        (pa.array([0.1]), pa.float32()),
        (pa.array([Decimal("2.555")]), DECIMAL),
        (pa.array([10**12]), DECIMAL),
        (pa.array([5]), pa.string()),
        (pa.array([True]), pa.string()),
    ],
)
def test_a_value_that_has_no_place_in_the_announced_type_keeps_its_own(value: pa.Array, announced: pa.DataType) -> None:
    assert _bound(value, announced).equals(value)


@pytest.mark.parametrize(
    ("value", "announced"),
    [
        (pa.array(["5"]), pa.int32()),
        (pa.array([True]), pa.int32()),
        (pa.array([1]), pa.bool_()),
        (pa.array([1]), pa.date32()),
        (pa.array([[1]]), pa.string()),
        (pa.array([["x"]]), pa.list_(pa.int32())),
    ],
)
def test_a_value_of_another_kind_is_refused_by_the_parameters_name(value: pa.Array, announced: pa.DataType) -> None:
    with pytest.raises(BadParameters, match="parameter 1 is"):
        _bound(value, announced)


def test_values_are_capped_together() -> None:
    with pytest.raises(TooLarge):
        _bound(pa.array(["x" * (1 << 20)]), pa.string())


def test_a_statement_without_parameters_needs_no_values() -> None:
    require_bound(pa.schema([]), None)
    assert bind(pa.schema([]), _frames(pa.table({}))) is None
