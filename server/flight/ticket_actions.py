"""The actions on what GetFlightInfo gave out: cancelling the query behind a ticket, renewing a ticket.

A ticket says by itself which query it is, and whose: any replica can be asked to cancel, and stops the query through
its tag at the sources where another one runs it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from google.protobuf.timestamp_pb2 import Timestamp

from server.flight import commands
from server.flight.errors import BadRequest, TooManyCalls
from server.flight.middleware import Call, Gate
from server.flight.proto import flight_pb2 as flight
from server.flight.proto import flight_sql_pb2 as sql
from server.flight.tickets import Kind, Sealer
from server.requests import Cancelled, Queries

_CANCELS = 8
"""Cancels at once: each may open a connection at every source, beyond their pools."""


class TicketActions:
    """Thread-safe; its only state is how many cancels are running."""

    def __init__(self, queries: Queries, sealer: Sealer) -> None:
        self._queries = queries
        self._sealer = sealer
        # Not the gate of the other calls: when they are too many is when cancelling is needed.
        self._gate = Gate(_CANCELS, lambda: TooManyCalls(f"{_CANCELS} queries are being cancelled: try again"))

    def cancel_info(self, call: Call, body: bytes) -> Iterator[flight.Result]:
        """CancelFlightInfo: a bare message."""
        command = commands.parse(flight.CancelFlightInfoRequest, body)
        stopped = self._stopped(call, command.info.endpoint)
        status = flight.CANCEL_STATUS_CANCELLED if stopped else flight.CANCEL_STATUS_NOT_CANCELLABLE
        yield flight.Result(body=flight.CancelFlightInfoResult(status=status).SerializeToString())

    def cancel_query(self, call: Call, body: bytes) -> Iterator[flight.Result]:
        """CancelQuery, which CancelFlightInfo has replaced: in an Any, with the FlightInfo as bytes."""
        command = commands.unpack(sql.ActionCancelQueryRequest, body)
        info = commands.parse(flight.FlightInfo, command.info)
        results = sql.ActionCancelQueryResult
        result = (
            results.CANCEL_RESULT_CANCELLED
            if self._stopped(call, info.endpoint)
            else results.CANCEL_RESULT_NOT_CANCELLABLE
        )
        yield flight.Result(body=commands.pack(results(result=result)))

    def renew(self, call: Call, body: bytes) -> Iterator[flight.Result]:
        """RenewFlightEndpoint: the same endpoint with a ticket that lasts longer. Its statement and now() stay."""
        command = commands.parse(flight.RenewFlightEndpointRequest, body)
        subject = call.principal.subject
        content = self._sealer.open(Kind.TICKET, subject, command.endpoint.ticket.ticket)
        ticket = flight.Ticket(ticket=self._sealer.seal(Kind.TICKET, subject, content))
        endpoint = flight.FlightEndpoint(ticket=ticket, expiration_time=Timestamp(seconds=content.expires))
        yield flight.Result(body=endpoint.SerializeToString())

    def _stopped(self, call: Call, endpoints: Iterable[flight.FlightEndpoint]) -> bool:
        """Stop the query behind endpoints; whether it was running. Raises TokenRefused, BadRequest, TooManyCalls."""
        contents = [
            self._sealer.open(Kind.TICKET, call.principal.subject, endpoint.ticket.ticket) for endpoint in endpoints
        ]
        queries = {content.statement.query_id for content in contents}
        if len(queries) != 1:
            raise BadRequest("the FlightInfo to cancel has the endpoints of one query, as GetFlightInfo gave them")
        if contents[0].WhichOneof("content") != "statement":
            return False
        # Other replicas may be at parts of it.
        parted = contents[0].statement.HasField("part")
        with self._gate:
            return self._queries.cancel(queries.pop(), parted) is Cancelled.STOPPED
