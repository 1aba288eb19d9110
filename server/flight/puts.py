"""DoPut: the commands of Flight SQL that bring data along: parameters, changes, rows for a table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import chain
from typing import Literal

import pyarrow as pa
from google.protobuf.message import Message

from server.flight import commands, prepared
from server.flight.calls import Calls, no_transaction
from server.flight.decode import Rows
from server.flight.errors import BadRequest, WrongWay
from server.flight.middleware import Call
from server.flight.proto import flight_pb2 as flight
from server.flight.proto import flight_sql_pb2 as sql
from server.flight.tickets import Kind, Sealer
from server.requests import Ingest, Queries, Request

Frames = Iterator[flight.FlightData]
Mode = Literal["create", "append", "replace", "create_append"]

_Definition = sql.CommandStatementIngest.TableDefinitionOptions
_MODES: dict[tuple[int, int], Mode] = {
    (_Definition.TABLE_NOT_EXIST_OPTION_CREATE, _Definition.TABLE_EXISTS_OPTION_FAIL): "create",
    (_Definition.TABLE_NOT_EXIST_OPTION_FAIL, _Definition.TABLE_EXISTS_OPTION_APPEND): "append",
    (_Definition.TABLE_NOT_EXIST_OPTION_CREATE, _Definition.TABLE_EXISTS_OPTION_REPLACE): "replace",
    (_Definition.TABLE_NOT_EXIST_OPTION_CREATE, _Definition.TABLE_EXISTS_OPTION_APPEND): "create_append",
}
"""By what to do when the table does not exist, and when it does."""


class Puts:
    """Answers DoPut. Thread-safe, no state."""

    def __init__(self, queries: Queries, sealer: Sealer, calls: Calls) -> None:
        self._queries = queries
        self._sealer = sealer
        self._calls = calls

    def do_put(self, call: Call, requests: Iterator[bytes]) -> Iterator[flight.PutResult]:
        frames = (commands.parse(flight.FlightData, request) for request in requests)
        first = next(frames, None)
        if first is None:
            raise BadRequest("the stream is empty: its first message has the descriptor")
        command = commands.put(first.flight_descriptor.cmd)
        result = self._answer(call, command, chain((first,), frames))
        yield flight.PutResult(app_metadata=result.SerializeToString())

    def _answer(self, call: Call, command: Message, frames: Frames) -> Message:
        if isinstance(command, sql.CommandPreparedStatementQuery):
            return self._bind(call, command, frames)
        if isinstance(command, sql.CommandStatementUpdate):
            count = self._update(call, self._calls.request(call, command), frames)
        elif isinstance(command, sql.CommandPreparedStatementUpdate):
            count = self._update(call, self._calls.prepared(call, command.prepared_statement_handle), frames)
        else:
            assert isinstance(command, sql.CommandStatementIngest)
            count = self._ingest(call, command, frames)
        return sql.DoPutUpdateResult(record_count=count)

    def _bind(self, call: Call, command: sql.CommandPreparedStatementQuery, frames: Frames) -> Message:
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
        return sql.DoPutPreparedStatementResult(prepared_statement_handle=handle)

    def _update(self, call: Call, request: Request, frames: Frames) -> int:
        """Run a change, once: for each row that comes along, else with the values that its handle holds."""
        described = self._calls.describe(call, request)
        if described.session is not None:
            session = self._calls.session_after(call, request, described)
            self._calls.sessions.give(call, session)
            return 0
        if not described.is_update:
            raise WrongWay("this statement answers with rows: send it as a query")
        with self._calls.streams:
            # Without parameters nothing has to come: some clients send an empty batch, some no schema at all.
            values = prepared.rows(described.parameters, frames) or request.parameters
            prepared.require_bound(described.parameters, values)
            with call.cancelling(lambda: self._queries.cancel(call.query_id)):
                bound = replace(request, parameters=values)
                return self._queries.update(bound, call.principal, self._calls.timeout(call))

    def _ingest(self, call: Call, command: sql.CommandStatementIngest, frames: Frames) -> int:
        """Write the rows that come into a table."""
        no_transaction(command)
        options = command.table_definition_options
        mode = _MODES.get((options.if_not_exist, options.if_exists))
        if mode is None:
            raise BadRequest("table_definition_options: say what to do when the table exists and when it does not")
        if command.options:
            raise BadRequest(f"this server has no ingest option {next(iter(command.options))}")
        if not command.table:
            raise BadRequest("the table to ingest into has no name")
        with self._calls.streams, Rows(frames) as rows:
            ingest = Ingest(
                query_id=call.query_id,
                catalog=command.catalog or None,
                schema=command.schema or None,
                table=command.table,
                mode=mode,
                temporary=command.temporary,
                now=datetime.now(UTC),
                session=self._calls.sessions.of(call),
                data_schema=rows.schema,
            )
            with call.cancelling(lambda: self._queries.cancel(call.query_id)):
                return self._queries.ingest(ingest, rows.batches(), call.principal, self._calls.timeout(call))
