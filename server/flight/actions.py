"""The actions of Flight SQL: each takes a body and answers with results; a table says which there are."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from server.flight import commands, prepared
from server.flight.calls import Calls
from server.flight.errors import NotImplementedHere
from server.flight.middleware import Call
from server.flight.proto import flight_pb2 as flight
from server.flight.proto import flight_sql_pb2 as sql
from server.flight.proto.sealed_pb2 import Sealed
from server.flight.session_actions import SessionActions
from server.flight.statements import freeze
from server.flight.ticket_actions import TicketActions
from server.flight.tickets import Kind, Sealer
from server.requests import Queries
from server.schemas import serialized

ACTIONS = {
    "CreatePreparedStatement": "Prepare a statement. Body: ActionCreatePreparedStatementRequest.",
    "ClosePreparedStatement": "Does nothing, handles hold no state. Body: ActionClosePreparedStatementRequest.",
    "CancelFlightInfo": "Stop a query, also at its sources. Body: CancelFlightInfoRequest.",
    "CancelQuery": "CancelFlightInfo under its former name. Body: ActionCancelQueryRequest.",
    "RenewFlightEndpoint": "A ticket that lasts longer. Body: RenewFlightEndpointRequest.",
    "SetSessionOptions": "Set options of the session in the cookie. Body: SetSessionOptionsRequest.",
    "GetSessionOptions": "Options of the session, by cookie and headers. Body: GetSessionOptionsRequest.",
    "CloseSession": "Have the client forget its cookie. Body: CloseSessionRequest.",
}
"""What ListActions lists."""

Action = Callable[[Call, bytes], Iterator[flight.Result]]


class Actions:
    """Answers DoAction and ListActions. Thread-safe."""

    def __init__(self, queries: Queries, sealer: Sealer, calls: Calls) -> None:
        self._sealer = sealer
        self._calls = calls
        tickets, sessions = TicketActions(queries, sealer), SessionActions(calls)
        self._answers: dict[str, Action] = {
            "CreatePreparedStatement": self._prepare,
            "ClosePreparedStatement": self._close,
            "CancelFlightInfo": tickets.cancel_info,
            "CancelQuery": tickets.cancel_query,
            "RenewFlightEndpoint": tickets.renew,
            "SetSessionOptions": sessions.set_options,
            "GetSessionOptions": sessions.get_options,
            "CloseSession": sessions.close,
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
            parameter_schema=serialized(prepared.for_clients(described.parameters)),
            is_update=described.is_update,
        )
        yield flight.Result(body=commands.pack(result))

    def _close(self, call: Call, body: bytes) -> Iterator[flight.Result]:
        """Whatever the handle: closing what is not there is no error."""
        yield from ()
