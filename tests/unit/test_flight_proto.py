"""Our protobuf files against the specification, as the ADBC driver carries it inside of its library."""

from __future__ import annotations

from pathlib import Path

import adbc_driver_flightsql
import pytest
from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorProto
from google.protobuf.message import DecodeError, Message

from server.flight import sqlinfo
from server.flight.proto import flight_pb2, flight_sql_pb2


def _carried(name: str) -> FileDescriptorProto:
    """The file descriptor of that name, found in the driver's library: Go keeps them serialized."""
    library = next(Path(adbc_driver_flightsql.__file__).parent.glob("libadbc_driver_flightsql.*")).read_bytes()
    start = library.find(b"\x0a" + bytes((len(name),)) + name.encode() + b"\x12")
    assert start > 0
    end = start
    while library[end] & 7 == 2 and 1 <= library[end] >> 3 <= 12:  # fields of FileDescriptorProto, one after another
        length, shift, end = 0, 0, end + 1
        while True:
            length |= (library[end] & 127) << shift
            shift, end = shift + 7, end + 1
            if library[end - 1] < 128:
                break
        end += length
        try:
            found = FileDescriptorProto.FromString(library[start:end])
        except DecodeError:
            break
        if found.syntax:
            return found
    return FileDescriptorProto.FromString(library[start:end])


def _shape(message: DescriptorProto) -> dict[str, tuple[int, int, int, bool]]:
    return {field.name: (field.number, field.type, field.label, field.proto3_optional) for field in message.field}


@pytest.mark.parametrize(("ours", "name"), [(flight_pb2, "Flight.proto"), (flight_sql_pb2, "FlightSql.proto")])
def test_every_message_field_and_enum_is_the_specifications(ours: object, name: str) -> None:
    theirs = _carried(name)
    mine = FileDescriptorProto()
    ours.DESCRIPTOR.CopyToProto(mine)  # type: ignore[attr-defined]
    assert mine.package == theirs.package
    messages = {message.name: _shape(message) for message in theirs.message_type}
    for message in mine.message_type:
        assert _shape(message).items() <= messages[message.name].items(), message.name
    enums = {enum.name: {value.name: value.number for value in enum.value} for enum in theirs.enum_type}
    for enum in mine.enum_type:
        assert {value.name: value.number for value in enum.value} == enums[enum.name]


def test_sql_info_has_a_value_for_every_standard_code() -> None:
    assert sqlinfo.values(sqlinfo.About()).keys() == set(flight_sql_pb2.SqlInfo.values())
    table = sqlinfo.table(sqlinfo.About())
    table.validate(full=True)
    assert max(table.column("info_name").to_pylist()) < 10_000


def test_messages_are_known_by_name() -> None:
    assert issubclass(flight_sql_pb2.CommandStatementQuery, Message)
