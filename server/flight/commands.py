"""From the bytes of a call to the Flight SQL command in it.

Commands travel as google.protobuf.Any in a descriptor, an action's body or a ticket of ours. They are decoded here and
not by gRPC, so that malformed bytes are an error of the caller's and not of the server's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from google.protobuf.any_pb2 import Any
from google.protobuf.message import DecodeError, Message

from server.flight.errors import BadRequest, NotImplementedHere, WrongWay
from server.flight.proto import flight_pb2, flight_sql_pb2

M = TypeVar("M", bound=Message)

_QUERIES: dict[str, type[Message]] = {
    kind.DESCRIPTOR.full_name: kind
    for kind in (
        flight_sql_pb2.CommandStatementQuery,
        flight_sql_pb2.CommandPreparedStatementQuery,
        flight_sql_pb2.CommandGetCatalogs,
        flight_sql_pb2.CommandGetDbSchemas,
        flight_sql_pb2.CommandGetTables,
        flight_sql_pb2.CommandGetTableTypes,
        flight_sql_pb2.CommandGetPrimaryKeys,
        flight_sql_pb2.CommandGetExportedKeys,
        flight_sql_pb2.CommandGetImportedKeys,
        flight_sql_pb2.CommandGetCrossReference,
        flight_sql_pb2.CommandGetXdbcTypeInfo,
        flight_sql_pb2.CommandGetSqlInfo,
    )
}
"""What may be asked for. Everything else of Flight SQL is NotImplementedHere, by its name."""
_PUTS: dict[str, type[Message]] = {
    kind.DESCRIPTOR.full_name: kind
    for kind in (
        flight_sql_pb2.CommandPreparedStatementQuery,
        flight_sql_pb2.CommandPreparedStatementUpdate,
        flight_sql_pb2.CommandStatementUpdate,
        flight_sql_pb2.CommandStatementIngest,
    )
}
"""What may bring data along."""


def parse(kind: type[M], data: bytes) -> M:
    """A message of a known kind. Raises BadRequest."""
    try:
        return kind.FromString(data)
    except DecodeError:
        raise BadRequest(f"the bytes are not a {kind.DESCRIPTOR.name}") from None


def unpack(kind: type[M], data: bytes) -> M:
    """A message of a known kind in an Any. Raises BadRequest."""
    packed = parse(Any, data)
    if _name(packed) != kind.DESCRIPTOR.full_name:
        raise BadRequest(f"a {kind.DESCRIPTOR.name} is expected here")
    return parse(kind, packed.value)


def asked(data: bytes) -> Message:
    """The command in an Any that asks for rows. Raises BadRequest, or NotImplementedHere for one that is not here."""
    return _one_of(_QUERIES, data)


def put(data: bytes) -> Message:
    """The command in an Any that comes with data. Raises as `asked` does."""
    return _one_of(_PUTS, data)


def _one_of(known: Mapping[str, type[Message]], data: bytes) -> Message:
    packed = parse(Any, data)
    name = _name(packed)
    if name in known:
        return parse(known[name], packed.value)
    short = name.removeprefix("arrow.flight.protocol.sql.")
    if name in _QUERIES or name in _PUTS:
        raise WrongWay(f"{short} is sent {'as a descriptor of GetFlightInfo' if name in _QUERIES else 'by DoPut'}")
    if short != name and short.isidentifier():
        raise NotImplementedHere(f"this server does not implement {short}")
    raise BadRequest("not a Flight SQL command: send SQL as a CommandStatementQuery")


def described(data: bytes) -> tuple[flight_pb2.FlightDescriptor, Message]:
    """A descriptor, and the command in it. Raises as `asked` does."""
    descriptor = parse(flight_pb2.FlightDescriptor, data)
    if descriptor.type != flight_pb2.FlightDescriptor.CMD:
        raise BadRequest("a descriptor of type CMD is expected: this server has no paths")
    return descriptor, asked(descriptor.cmd)


def pack(message: Message) -> bytes:
    """A message as the bytes of an Any."""
    packed = Any()
    packed.Pack(message)
    return packed.SerializeToString()


def _name(packed: Any) -> str:
    """The full name of the message in an Any, whatever stands before the slash."""
    return packed.type_url.rpartition("/")[2]
