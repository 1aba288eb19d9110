"""Flight SQL by hand over raw gRPC: for what no client library sends, and for what every one hides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import grpc
import pyarrow as pa
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import ErrorInfo
from grpc_status import rpc_status

from server.flight.commands import pack, unpack
from server.flight.decode import decode
from server.flight.proto import flight_pb2 as flight
from server.flight.proto import flight_sql_pb2 as sql
from server.frames import encode

UNARY = ("GetFlightInfo", "PollFlightInfo", "GetSchema")
UNARY_STREAM = ("DoGet", "DoAction", "ListFlights", "ListActions")
STREAM_STREAM = ("Handshake", "DoPut", "DoExchange")
Headers = Sequence[tuple[str, str]]


class Rpc:
    """The calls of FlightService on a channel, each with `headers`. Answers are messages or raise grpc.RpcError."""

    def __init__(self, channel: grpc.Channel, headers: Headers = ()) -> None:
        self.channel = channel
        self.headers = tuple(headers)

    def with_headers(self, *headers: tuple[str, str]) -> Rpc:
        """The same calls with other headers."""
        return Rpc(self.channel, headers)

    def raw(self, method: str, *requests: bytes, timeout: float = 20) -> list[bytes]:
        """Any method with any bytes; all answers."""
        if method in UNARY:
            return [self._call("unary_unary", method)(requests[0], metadata=self.headers, timeout=timeout)]
        if method in UNARY_STREAM:
            return list(self._call("unary_stream", method)(requests[0], metadata=self.headers, timeout=timeout))
        return list(self._call("stream_stream", method)(iter(requests), metadata=self.headers, timeout=timeout))

    def info(self, command: Message, method: str = "GetFlightInfo") -> flight.FlightInfo:
        return flight.FlightInfo.FromString(self.raw(method, descriptor(command))[0])

    def query(self, text: str) -> flight.FlightInfo:
        return self.info(sql.CommandStatementQuery(query=text))

    def schema(self, command: Message) -> pa.Schema:
        return read_schema(flight.SchemaResult.FromString(self.raw("GetSchema", descriptor(command))[0]).schema)

    def frames(self, info: flight.FlightInfo, timeout: float = 20) -> Any:
        """DoGet of the one endpoint, as a gRPC call that can be cancelled."""
        ticket = info.endpoint[0].ticket.SerializeToString()
        return self._call("unary_stream", "DoGet")(ticket, metadata=self.headers, timeout=timeout)

    def table(self, info: flight.FlightInfo) -> pa.Table:
        return decode(flight.FlightData.FromString(frame) for frame in self.frames(info))

    def fetch(self, command: Message) -> pa.Table:
        return self.table(self.info(command))

    def prepare(self, text: str) -> sql.ActionCreatePreparedStatementResult:
        body = pack(sql.ActionCreatePreparedStatementRequest(query=text))
        (result,) = self.raw("DoAction", flight.Action(type="CreatePreparedStatement", body=body).SerializeToString())
        packed = flight.Result.FromString(result).body
        return unpack(sql.ActionCreatePreparedStatementResult, packed)

    def bind(self, handle: bytes, table: pa.Table) -> bytes:
        """DoPut of parameters; the new handle."""
        frames = [flight.FlightData.FromString(frame) for frame in encode(table.schema, table.to_batches())]
        command = sql.CommandPreparedStatementQuery(prepared_statement_handle=handle)
        frames[0].flight_descriptor.CopyFrom(flight.FlightDescriptor.FromString(descriptor(command)))
        (result,) = self.raw("DoPut", *(frame.SerializeToString() for frame in frames))
        metadata = flight.PutResult.FromString(result).app_metadata
        return sql.DoPutPreparedStatementResult.FromString(metadata).prepared_statement_handle

    def _call(self, shape: str, method: str) -> Any:
        return getattr(self.channel, shape)(f"/arrow.flight.protocol.FlightService/{method}")


def descriptor(command: Message) -> bytes:
    return flight.FlightDescriptor(type=flight.FlightDescriptor.CMD, cmd=pack(command)).SerializeToString()


def read_schema(serialized: bytes) -> pa.Schema:
    return pa.ipc.read_schema(pa.py_buffer(serialized))


def details(error: grpc.RpcError) -> str:
    """The text of an error."""
    return cast(grpc.Call, error).details() or ""


def facts(error: grpc.RpcError) -> dict[str, str]:
    """The machine-readable part of an error: reason, code, query_id, retry …"""
    status = rpc_status.from_call(cast(grpc.Call, error))
    assert status is not None, error
    info = ErrorInfo()
    assert status.details[0].Unpack(info)
    return {"reason": info.reason, **info.metadata}
