"""The calls of Flight that ask: what a command will answer, and its answer.

Every method takes an authenticated Call and the request's bytes. Nothing is kept between calls: what a later one needs
travels in a sealed token.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime

import pyarrow as pa
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from server.flight import catalog_commands, commands, prepared
from server.flight.catalog_commands import CatalogCommands
from server.flight.errors import NotImplementedHere, TooManyCalls, TooManyStreams, WrongWay
from server.flight.middleware import Call, Gate
from server.flight.proto import flight_pb2 as flight
from server.flight.proto import flight_sql_pb2 as sql
from server.flight.proto.sealed_pb2 import Sealed, Statement
from server.flight.session import Sessions, compression, frozen, thawed
from server.flight.sqlinfo import About
from server.flight.statements import freeze, thaw
from server.flight.tickets import Kind, Sealer
from server.frames import encode
from server.requests import Described, Queries, Request, Session
from server.schemas import fingerprint, serialized


class Calls:
    """Answers calls. Thread-safe; its only state is how many are running."""

    def __init__(
        self,
        queries: Queries,
        sealer: Sealer,
        about: About,
        *,
        streams: int,
        calls: int,
        statement_timeout: float,
    ) -> None:
        self._queries = queries
        self._catalog_commands = CatalogCommands(queries, about)
        self._sealer = sealer
        self._timeout = statement_timeout
        self.sessions = Sessions(sealer)
        self.streams = Gate(streams, lambda: TooManyStreams(f"{streams} statements are running: try again later"))
        """Lets in the answers of statements, and what writes."""
        self.gate = Gate(calls, lambda: TooManyCalls(f"{calls} calls are running: try again later"))
        """Lets in what plans, looks up or binds; answers of statements have a gate of their own."""

    # ------------------------------------------------------------ what a command will answer

    def get_flight_info(self, call: Call, request: bytes) -> flight.FlightInfo:
        descriptor, command = commands.described(request)
        contents, schema = self._planned(call, command, descriptor.cmd)
        return flight.FlightInfo(
            schema=serialized(schema),
            flight_descriptor=descriptor,
            endpoint=[self._endpoint(call, content) for content in contents],
            total_records=-1,
            total_bytes=-1,
        )

    def _endpoint(self, call: Call, content: Sealed) -> flight.FlightEndpoint:
        ticket = self._sealer.seal(Kind.TICKET, call.principal.subject, content)
        return flight.FlightEndpoint(
            ticket=flight.Ticket(ticket=ticket), expiration_time=Timestamp(seconds=content.expires)
        )

    def poll_flight_info(self, call: Call, request: bytes) -> flight.PollInfo:
        """Complete at once: a statement starts to run when its ticket is fetched."""
        info = self.get_flight_info(call, request)
        return flight.PollInfo(info=info, progress=1.0, expiration_time=info.endpoint[0].expiration_time)

    def get_schema(self, call: Call, request: bytes) -> flight.SchemaResult:
        _, command = commands.described(request)
        statement = self._statement(call, command)
        if statement is None:
            return flight.SchemaResult(schema=serialized(catalog_commands.schema(command)))
        return flight.SchemaResult(schema=serialized(self.describe(call, statement).schema))

    def request(
        self,
        call: Call,
        command: sql.CommandStatementQuery | sql.CommandStatementUpdate | sql.ActionCreatePreparedStatementRequest,
    ) -> Request:
        """A client's text as a statement, as of now, in the call's session."""
        no_transaction(command)
        session = self.sessions.of(call)
        return Request(query_id=call.query_id, sql=command.query, now=datetime.now(UTC), session=session)

    def prepared(self, call: Call, handle: bytes) -> Request:
        """The statement of a prepared handle, as of now."""
        content = self._sealer.open(Kind.HANDLE, call.principal.subject, handle)
        return replace(thaw(content.statement), query_id=call.query_id, now=datetime.now(UTC))

    def describe(self, call: Call, request: Request) -> Described:
        """Plan a statement. Raises TooManyCalls and what planning raises."""
        with self.gate:
            return self._queries.describe(request, call.principal)

    def session_after(self, call: Call, request: Request, described: Described) -> Session:
        """What the client is to keep once a SET, RESET or USE has run. Raises NoSession, and what planning raises."""
        now = self.sessions.of(call)
        if now != request.session:  # a prepared statement is of the session that it was prepared in
            described = self.describe(call, replace(request, session=now))
        assert described.session is not None
        return self.sessions.after(call, now, described.session)

    def timeout(self, call: Call) -> float:
        """Seconds that a statement of this call may run."""
        remaining = call.context.time_remaining()
        return self._timeout if remaining is None else max(0.0, min(self._timeout, remaining))

    def _planned(self, call: Call, command: Message, packed: bytes) -> tuple[list[Sealed], pa.Schema]:
        """What the tickets are to hold, one or one for each part of the answer, and the schema of the answer."""
        request = self._statement(call, command)
        if request is None:
            return [Sealed(command=packed)], catalog_commands.schema(command)
        described = self.describe(call, request)
        if described.session is not None:
            return [Sealed(session=frozen(self.session_after(call, request, described)))], described.schema
        if described.is_update:
            raise WrongWay("this statement changes data: send it as an update, which runs exactly once")
        prepared.require_bound(described.parameters, request.parameters)
        request = replace(request, announced=fingerprint(described.schema))
        parts = described.parts or (None,)
        return [Sealed(statement=freeze(replace(request, part=part))) for part in parts], described.schema

    def _statement(self, call: Call, command: Message) -> Request | None:
        """The statement in a command, as of now; None for a catalog command."""
        if isinstance(command, sql.CommandStatementQuery):
            return self.request(call, command)
        if isinstance(command, sql.CommandPreparedStatementQuery):
            return self.prepared(call, command.prepared_statement_handle)
        return None

    # ------------------------------------------------------------ the answer itself

    def do_get(self, call: Call, request: bytes) -> Iterator[bytes]:
        ticket = commands.parse(flight.Ticket, request).ticket
        content = self._sealer.open(Kind.TICKET, call.principal.subject, ticket)
        match content.WhichOneof("content"):
            case "statement":
                with self.streams:
                    yield from self._run(call, content.statement)
            case "session":
                self.sessions.give(call, thawed(content.session))
                yield from encode(pa.schema([]), ())
            case _:
                with self.gate:
                    command = commands.asked(content.command)
                    table = self._catalog_commands.answer(command, call.principal)
                yield from encode(table.schema, table.to_batches())

    def _run(self, call: Call, statement: Statement) -> Iterator[bytes]:
        call.query_id = statement.query_id
        stream = self._queries.stream(thaw(statement), call.principal, self.timeout(call), compression(call.headers))
        with closing(stream), call.cancelling(stream.cancel):
            yield from stream.frames()

    # ------------------------------------------------------------ the small ones

    def handshake(self, call: Call, requests: Iterator[bytes]) -> Iterator[bytes]:
        """The credentials are in the headers and have been checked: nothing is left to say, but a session begins."""
        self.sessions.begin(call)
        yield from ()

    def list_flights(self, call: Call, request: bytes) -> Iterator[bytes]:
        """Empty: answers are asked for by SQL, not listed."""
        yield from ()

    def do_exchange(self, call: Call, requests: Iterator[bytes]) -> Iterator[bytes]:
        raise NotImplementedHere("this server does not implement DoExchange")


def no_transaction(
    command: sql.CommandStatementQuery
    | sql.CommandStatementUpdate
    | sql.CommandStatementIngest
    | sql.ActionCreatePreparedStatementRequest,
) -> None:
    """Refuse a command that belongs to a transaction. Raises NotImplementedHere."""
    if command.transaction_id:
        raise NotImplementedHere("this server has no transactions")
