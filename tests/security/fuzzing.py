"""Requests for a fuzzer, made from a seed: valid messages of every kind, and what becomes of them under mutations."""

from __future__ import annotations

import random
import string
from collections.abc import Callable, Sequence

import pyarrow as pa
from google.protobuf.any_pb2 import Any as Packed
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from server.flight.proto import flight_pb2 as flight
from server.flight.proto import flight_sql_pb2 as sql
from server.frames import encode
from tests.clients.rpc import STREAM_STREAM, UNARY, UNARY_STREAM, Rpc

COMMANDS = [kind for name, kind in sql.DESCRIPTOR.message_types_by_name.items() if name.startswith("Command")]
BODIES = [
    kind
    for file in (sql, flight)
    for name, kind in file.DESCRIPTOR.message_types_by_name.items()
    if name.endswith("Request") and name != "HandshakeRequest"
]
ACTIONS = (
    ["CreatePreparedStatement", "CreatePreparedSubstraitPlan", "ClosePreparedStatement", "BeginTransaction"]
    + ["BeginSavepoint", "EndTransaction", "EndSavepoint", "CancelQuery", "CancelFlightInfo", "RenewFlightEndpoint"]
    + ["SetSessionOptions", "GetSessionOptions", "CloseSession", "NoSuchAction", ""]
)
METHODS = (*UNARY, *UNARY_STREAM, *STREAM_STREAM)

_LARGEST = 8 << 20
"""Bytes to which repeating makes a request grow."""
_TEXTS = ["", "%", "_", "\\", "lake", "main", "customers", "id", "TABLE", "\u0000", "naïve 🐋", "x" * 5000]
_TEXTS += ["SELECT 1", "SELECT * FROM lake.main.customers WHERE id = ?", "SELECT", "DROP TABLE customers", "UTC", "on"]
_NUMBERS = [0, 1, -1, 7, 562, 2**31 - 1, -(2**31)]


class Fuzzer:
    """Makes requests. The same seed makes the same ones, but for what the server's own tokens differ in."""

    def __init__(self, seed: int, rpc: Rpc) -> None:
        """`rpc` calls a server with good credentials: its tickets and handles are material."""
        self.chance = random.Random(seed)
        handle = rpc.prepare("SELECT name FROM lake.main.customers WHERE id = ?::INTEGER").prepared_statement_handle
        bound = rpc.bind(handle, pa.table({"1": pa.array([1], pa.int32())}))
        infos = [rpc.query("SELECT 1 AS a"), rpc.info(sql.CommandGetTables(include_schema=True))]
        self._tokens = [handle, bound, *(info.endpoint[0].ticket.ticket for info in infos)]
        self._blobs = [b"", b"\xff" * 40, *self._tokens, *(info.SerializeToString() for info in infos)]
        self._tables = [
            pa.table({"1": pa.array([1], pa.int32())}),
            pa.table({"a": ["x"], "b": [[1, 2]], "c": [{"d": 1.5}]}),
            pa.table({"a": pa.array(["x", None, "x"]).dictionary_encode()}),
            pa.table({"a": pa.array([b"x"], pa.binary_view()), "b": pa.array(["y"], pa.large_string())}),
            pa.table({}),
        ]

    def request(self) -> tuple[str, list[bytes]]:
        """A method, and the messages that are sent to it."""
        method = self.chance.choice(METHODS)
        made: dict[str, Callable[[], Sequence[Message]]] = {
            "DoGet": lambda: [flight.Ticket(ticket=self._damaged(self.chance.choice(self._blobs)))],
            "DoAction": lambda: [self._action()],
            "DoPut": self._data,
            "DoExchange": self._data,
            "ListActions": lambda: [flight.Empty()],
            "ListFlights": lambda: [flight.Criteria(expression=self._damaged(b"x"))],
            "Handshake": lambda: [flight.HandshakeRequest(payload=self._damaged(b"x"))],
        }
        messages = made.get(method, lambda: [self._descriptor()])()
        return method, [self._damaged(message.SerializeToString()) for message in messages]

    # ------------------------------------------------------------ valid messages

    def _descriptor(self) -> flight.FlightDescriptor:
        if self.chance.random() < 0.05:
            return flight.FlightDescriptor(type=flight.FlightDescriptor.PATH, path=["a", "b"])
        return flight.FlightDescriptor(type=flight.FlightDescriptor.CMD, cmd=self._packed(COMMANDS))

    def _action(self) -> flight.Action:
        kind = self.chance.choice(ACTIONS)
        own = [body for body in BODIES if kind and body.name in (f"{kind}Request", f"Action{kind}Request")]
        return flight.Action(type=kind, body=self._packed(own if own and self.chance.random() < 0.8 else BODIES))

    def _data(self) -> list[flight.FlightData]:
        table = self.chance.choice(self._tables)
        frames = [flight.FlightData.FromString(frame) for frame in encode(table.schema, table.to_batches())]
        command: Message = sql.CommandPreparedStatementQuery(
            prepared_statement_handle=self.chance.choice(self._tokens[:2])
        )
        if self.chance.random() < 0.3:
            command = self._message(self.chance.choice(COMMANDS))
        packed = Packed()
        packed.Pack(command)
        frames[0].flight_descriptor.type = flight.FlightDescriptor.CMD
        frames[0].flight_descriptor.cmd = packed.SerializeToString()
        for frame in frames:
            frame.data_header = self._damaged(frame.data_header)
            frame.data_body = self._damaged(frame.data_body)
        return frames

    def _packed(self, kinds: Sequence[Descriptor]) -> bytes:
        """A message in an Any, at times under another's name; or bare, as the session's actions have it."""
        message = self._message(self.chance.choice(kinds))
        if self.chance.random() < 0.1:
            return message.SerializeToString()
        packed = Packed()
        packed.Pack(message)
        if self.chance.random() < 0.2:
            packed.type_url = "type.googleapis.com/" + self.chance.choice(kinds).full_name
        packed.value = self._damaged(packed.value)
        return packed.SerializeToString()

    def _message(self, kind: Descriptor, depth: int = 0) -> Message:
        """A message with values that fit its fields."""
        message: Message = GetMessageClass(kind)()
        for field in kind.fields:
            if self.chance.random() < 0.3 or depth > 3:
                continue
            entry = field.message_type
            if entry is not None and entry.GetOptions().map_entry:
                if entry.fields_by_name["value"].message_type is None:
                    getattr(message, field.name)[self.chance.choice(_TEXTS)] = self.chance.choice(_TEXTS)
                else:
                    getattr(message, field.name)[self.chance.choice(_TEXTS)].MergeFrom(
                        self._message(entry.fields_by_name["value"].message_type, depth + 1)
                    )
            elif field.is_repeated:
                values = [self._value(field, depth) for _ in range(self.chance.randrange(3))]
                getattr(message, field.name).extend(values)
            elif entry is not None:
                getattr(message, field.name).CopyFrom(self._message(entry, depth + 1))
            else:
                setattr(message, field.name, self._value(field, depth))
        return message

    def _value(self, field: FieldDescriptor, depth: int) -> object:
        if field.message_type is not None:
            return self._message(field.message_type, depth + 1)
        if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
            return self.chance.choice(_TEXTS if field.type == FieldDescriptor.TYPE_STRING else self._blobs)
        if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
            return self.chance.random() < 0.5
        if field.cpp_type in (FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT):
            return self.chance.choice([0.0, float("nan"), 1e300])
        signed = field.cpp_type in (FieldDescriptor.CPPTYPE_INT32, FieldDescriptor.CPPTYPE_INT64, field.CPPTYPE_ENUM)
        return self.chance.choice(_NUMBERS if signed else [abs(number) for number in _NUMBERS])

    # ------------------------------------------------------------ damage

    def _damaged(self, data: bytes) -> bytes:
        """The same bytes in three cases of four, so that damage is met at every depth."""
        if self.chance.random() < 0.75:
            return data
        damages = (self._flip, self._cut, self._insert, self._repeat, self._extreme, self._protobuf)
        return self.chance.choice(damages)(data)

    def _flip(self, data: bytes) -> bytes:
        out = bytearray(data)
        for _ in range(self.chance.randint(1, 8) if out else 0):
            out[self.chance.randrange(len(out))] ^= 1 << self.chance.randrange(8)
        return bytes(out)

    def _cut(self, data: bytes) -> bytes:
        start, end = sorted(self.chance.randrange(len(data) + 1) for _ in range(2))
        return self.chance.choice((data[:start], data[end:], data[:start] + data[end:]))

    def _insert(self, data: bytes) -> bytes:
        at = self.chance.randrange(len(data) + 1)
        return data[:at] + self.chance.randbytes(self.chance.randint(1, 64)) + data[at:]

    def _repeat(self, data: bytes) -> bytes:
        """Never so much that gRPC itself refuses the request, which it does in its own words: 16 MiB."""
        times = self.chance.choice((2, 3, 100))
        return data * (times if len(data) * times < _LARGEST else 1)

    def _extreme(self, data: bytes) -> bytes:
        """A number at its limits, as the lengths and offsets of a flatbuffer are damaged worst."""
        at = self.chance.randrange(len(data) + 1)
        number = self.chance.choice(
            (b"\xff" * 4, b"\xff\xff\xff\x7f", b"\x00\x00\x00\x80", bytes(4), b"\xff" * 8, bytes(8))
        )
        return data[:at] + number + data[at + len(number) :]

    def _protobuf(self, data: bytes, depth: int = 0) -> bytes:
        """Fields with random numbers and contents, nested."""
        out = b""
        for _ in range(self.chance.randint(1, 5)):
            number, kind = self.chance.randint(1, 20), self.chance.choice((0, 1, 2, 2, 2, 5))
            inner = self._protobuf(data, depth + 1) if depth < 5 and self.chance.random() < 0.5 else self._text()
            out += (
                bytes((number << 3 & 0x78 | kind,))
                + {
                    0: self.chance.randbytes(9) + b"\x01",
                    1: self.chance.randbytes(8),
                    2: bytes((len(inner) & 0x7F,)) + inner,
                    5: self.chance.randbytes(4),
                }[kind]
            )
        return out

    def _text(self) -> bytes:
        return "".join(self.chance.choices(string.printable, k=self.chance.randrange(30))).encode()
