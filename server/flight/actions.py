"""The actions of Flight SQL: each takes a body and answers with results; a table says which there are."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from server.flight import commands
from server.flight.calls import Calls
from server.flight.errors import NotImplementedHere
from server.flight.middleware import Call
from server.flight.proto import flight_pb2 as flight
from server.flight.proto import flight_sql_pb2 as sql
from server.flight.proto.sealed_pb2 import Sealed
from server.flight.statements import freeze
from server.flight.tickets import Kind, Sealer
from server.requests import Queries
from server.schemas import serialized

ACTIONS = {
    "CreatePreparedStatement": "Prepare a statement. Body: ActionCreatePreparedStatementRequest.",
    "ClosePreparedStatement": "Does nothing, handles hold no state. Body: ActionClosePreparedStatementRequest.",
}
"""What ListActions lists."""

Action = Callable[[Call, bytes], Iterator[flight.Result]]


class Actions:
    """Answers DoAction and ListActions. Thread-safe, no state."""

    def __init__(self, queries: Queries, sealer: Sealer, calls: Calls) -> None:
        self._queries = queries
        self._sealer = sealer
        self._calls = calls
        self._answers: dict[str, Action] = {
            "CreatePreparedStatement": self._prepare,
            "ClosePreparedStatement": self._close,
        }

    def do_action(self, call: Call, request: bytes) -> Iterator[flight.Result]:
        action = commands.parse(flight.Action, request)
        if action.type not in self._answers:
            raise NotImplementedHere("this server does not implement this action: ListActions has those it does")
        return self._answers[action.type](call, action.body)

    def list_actions(self, call: Call, request: bytes) -> Iterator[flight.ActionType]:
        for kind, description in ACTIONS.items():
            yield flight.ActionType(type=kind, description=description)

    def _prepare(self, call: Call, body: bytes) -> Iterator[flight.Result]:
        command = commands.unpack(sql.ActionCreatePreparedStatementRequest, body)
        request = self._calls.request(call, command)
        described = self._calls.describe(call, request)
        statement = freeze(request)
        statement.parameter_schema = serialized(described.parameters)
        handle = self._sealer.seal(Kind.HANDLE, call.principal.subject, Sealed(statement=statement))
        result = sql.ActionCreatePreparedStatementResult(
            prepared_statement_handle=handle,
            dataset_schema=serialized(described.schema),
            parameter_schema=statement.parameter_schema,
            is_update=described.is_update,
        )
        yield flight.Result(body=commands.pack(result))

    def _close(self, call: Call, body: bytes) -> Iterator[flight.Result]:
        """Whatever the handle: closing what is not there is no error."""
        yield from ()
