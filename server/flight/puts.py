"""DoPut: the commands of Flight SQL that bring data along."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

import pyarrow as pa

from server.flight import commands, prepared
from server.flight.calls import Calls
from server.flight.errors import BadRequest, NotImplementedHere
from server.flight.middleware import Call
from server.flight.proto import flight_pb2 as flight
from server.flight.proto import flight_sql_pb2 as sql
from server.flight.tickets import Kind, Sealer


class Puts:
    """Answers DoPut. Thread-safe, no state."""

    def __init__(self, sealer: Sealer, calls: Calls) -> None:
        self._sealer = sealer
        self._calls = calls

    def do_put(self, call: Call, requests: Iterator[bytes]) -> Iterator[flight.PutResult]:
        frames = (commands.parse(flight.FlightData, request) for request in requests)
        first = next(frames, None)
        if first is None:
            raise BadRequest("the stream is empty: its first message has the descriptor")
        command = commands.command(first.flight_descriptor.cmd)
        if not isinstance(command, sql.CommandPreparedStatementQuery):
            raise NotImplementedHere(f"this server takes no data for {command.DESCRIPTOR.name}")
        yield self._bind(call, command, chain((first,), frames))

    def _bind(
        self, call: Call, command: sql.CommandPreparedStatementQuery, frames: Iterator[flight.FlightData]
    ) -> flight.PutResult:
        """Bind parameters: the answer is a new handle that holds them."""
        subject = call.principal.subject
        content = self._sealer.open(Kind.HANDLE, subject, command.prepared_statement_handle)
        announced = pa.ipc.read_schema(pa.py_buffer(content.statement.parameter_schema))
        with self._calls.gate:
            values = prepared.bind(announced, frames)
        content.statement.ClearField("parameters")
        if values is not None:
            content.statement.parameters = values
        handle = self._sealer.seal(Kind.HANDLE, subject, content)
        result = sql.DoPutPreparedStatementResult(prepared_statement_handle=handle)
        return flight.PutResult(app_metadata=result.SerializeToString())
