"""The calls of Flight SQL, in terms of the server below the front.

Every method takes an authenticated Call and the request's bytes. Nothing is kept between calls: what a later one needs
travels in a sealed token.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import chain

import grpc
import pyarrow as pa
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from server.flight import commands, metadata, prepared, sqlinfo
from server.flight.encode import encode
from server.flight.errors import AnswerChanged, BadRequest, NotImplementedHere, TooManyCalls, TooManyStreams
from server.flight.middleware import Call, Gate
from server.flight.proto import flight_pb2 as flight
from server.flight.proto import flight_sql_pb2 as sql
from server.flight.proto.sealed_pb2 import Sealed, Statement
from server.flight.session import session
from server.flight.statements import fingerprint, freeze, serialized, thaw
from server.flight.tickets import Kind, Sealer
from server.requests import Answer, Described, Queries, Request

ACTIONS = {
    "CreatePreparedStatement": "Prepare a statement. Body: ActionCreatePreparedStatementRequest.",
    "ClosePreparedStatement": "Does nothing, handles hold no state. Body: ActionClosePreparedStatementRequest.",
}


class Calls:
    """Answers calls. Thread-safe; its only state is how many are running."""

    def __init__(self, queries: Queries, sealer: Sealer, *, streams: int, calls: int, statement_timeout: float) -> None:
        self._queries = queries
        self._sealer = sealer
        self._timeout = statement_timeout
        self._streams = Gate(streams, lambda: TooManyStreams(f"{streams} answers are being streamed: try again later"))
        self._calls = Gate(calls, lambda: TooManyCalls(f"{calls} calls are running: try again later"))

    # ------------------------------------------------------------ what a command will answer

    def get_flight_info(self, call: Call, request: bytes) -> flight.FlightInfo:
        descriptor, command = commands.described(request)
        with self._calls:
            content, schema = self._planned(call, command, descriptor.cmd)
        ticket = self._sealer.seal(Kind.TICKET, call.principal.subject, content)
        endpoint = flight.FlightEndpoint(
            ticket=flight.Ticket(ticket=ticket), expiration_time=Timestamp(seconds=content.expires)
        )
        return flight.FlightInfo(
            schema=serialized(schema),
            flight_descriptor=descriptor,
            endpoint=[endpoint],
            total_records=-1,
            total_bytes=-1,
        )

    def poll_flight_info(self, call: Call, request: bytes) -> flight.PollInfo:
        """Complete at once: a statement starts to run when its ticket is fetched."""
        info = self.get_flight_info(call, request)
        return flight.PollInfo(info=info, progress=1.0, expiration_time=info.endpoint[0].expiration_time)

    def get_schema(self, call: Call, request: bytes) -> flight.SchemaResult:
        _, command = commands.described(request)
        statement = self._statement(call, command)
        if statement is None:
            return flight.SchemaResult(schema=serialized(_catalog_schema(command)))
        with self._calls:
            return flight.SchemaResult(schema=serialized(self._describe(call, statement).schema))

    def _planned(self, call: Call, command: Message, packed: bytes) -> tuple[Sealed, pa.Schema]:
        """What the ticket is to hold, and the schema of its answer."""
        request = self._statement(call, command)
        if request is None:
            return Sealed(command=packed), _catalog_schema(command)
        described = self._describe(call, request)
        prepared.require_bound(described.parameters, request.parameters)
        statement = freeze(request)
        statement.schema_hash = fingerprint(described.schema)
        return Sealed(statement=statement), described.schema

    def _statement(self, call: Call, command: Message) -> Request | None:
        """The statement in a command, as of now; None for a catalog command."""
        if isinstance(command, sql.CommandStatementQuery):
            return _request(call, command)
        if isinstance(command, sql.CommandPreparedStatementQuery):
            handle = self._sealer.open(Kind.HANDLE, call.principal.subject, command.prepared_statement_handle)
            return replace(thaw(handle.statement), query_id=call.query_id, now=datetime.now(UTC))
        return None

    def _describe(self, call: Call, request: Request) -> Described:
        return self._queries.describe(request, call.principal)

    # ------------------------------------------------------------ the answer itself

    def do_get(self, call: Call, request: bytes) -> Iterator[bytes]:
        ticket = commands.parse(flight.Ticket, request).ticket
        content = self._sealer.open(Kind.TICKET, call.principal.subject, ticket)
        if content.WhichOneof("content") == "statement":
            with self._streams:
                yield from self._run(call, content.statement)
        else:
            with self._calls:
                table = self._catalog_answer(call, commands.command(content.command))
                yield from encode(table.schema, table.to_batches())

    def _run(self, call: Call, statement: Statement) -> Iterator[bytes]:
        call.query_id = statement.query_id
        remaining = call.context.time_remaining()
        timeout = self._timeout if remaining is None else max(0.0, min(self._timeout, remaining))
        answer = self._queries.execute(thaw(statement), call.principal, timeout)
        finished = threading.Event()
        try:
            _cancel_when_over(call.context, answer, finished)
            if fingerprint(answer.schema) != statement.schema_hash:
                raise AnswerChanged("the answer has other columns than its ticket announced: plan the statement again")
            yield from encode(answer.schema, answer.batches())
        finally:
            finished.set()
            answer.close()

    def _catalog_answer(self, call: Call, command: Message) -> pa.Table:
        if isinstance(command, sql.CommandGetSqlInfo):
            return sqlinfo.table(command.info)
        if isinstance(command, sql.CommandGetTableTypes):
            return metadata.table_types()
        if isinstance(command, sql.CommandGetCatalogs):
            return metadata.catalogs(self._queries.catalogs(call.principal))
        if not isinstance(command, (sql.CommandGetDbSchemas, sql.CommandGetTables)):
            raise BadRequest("this ticket holds no catalog command")
        # No catalog given means all of them; an empty one means tables without a catalog, and there are none.
        only = command.catalog if command.HasField("catalog") else None
        visible = () if only == "" else self._queries.catalogs(call.principal, only)
        if isinstance(command, sql.CommandGetDbSchemas):
            return metadata.db_schemas(visible, command)
        return metadata.tables(visible, command)

    # ------------------------------------------------------------ prepared statements

    def do_action(self, call: Call, request: bytes) -> Iterator[flight.Result]:
        action = commands.parse(flight.Action, request)
        if action.type == "ClosePreparedStatement":
            return  # whatever the handle: closing what is not there is no error
        if action.type != "CreatePreparedStatement":
            raise NotImplementedHere("this server does not implement this action: ListActions has those it does")
        yield self._prepare(call, commands.unpack(sql.ActionCreatePreparedStatementRequest, action.body))

    def _prepare(self, call: Call, command: sql.ActionCreatePreparedStatementRequest) -> flight.Result:
        request = _request(call, command)
        with self._calls:
            described = self._describe(call, request)
        statement = freeze(request)
        statement.parameter_schema = serialized(described.parameters)
        handle = self._sealer.seal(Kind.HANDLE, call.principal.subject, Sealed(statement=statement))
        result = sql.ActionCreatePreparedStatementResult(
            prepared_statement_handle=handle,
            dataset_schema=serialized(described.schema),
            parameter_schema=statement.parameter_schema,
            is_update=False,
        )
        return flight.Result(body=commands.pack(result))

    def do_put(self, call: Call, requests: Iterator[bytes]) -> Iterator[flight.PutResult]:
        """Bind parameters: the answer is a new handle that holds them."""
        frames = (commands.parse(flight.FlightData, request) for request in requests)
        first = next(frames, None)
        if first is None:
            raise BadRequest("the stream is empty: its first message has the descriptor")
        command = commands.command(first.flight_descriptor.cmd)
        if not isinstance(command, sql.CommandPreparedStatementQuery):
            raise NotImplementedHere(f"this server takes no data for {command.DESCRIPTOR.name}")
        subject = call.principal.subject
        content = self._sealer.open(Kind.HANDLE, subject, command.prepared_statement_handle)
        announced = pa.ipc.read_schema(pa.py_buffer(content.statement.parameter_schema))
        with self._calls:
            values = prepared.bind(announced, chain((first,), frames))
        content.statement.ClearField("parameters")
        if values is not None:
            content.statement.parameters = values
        handle = self._sealer.seal(Kind.HANDLE, subject, content)
        result = sql.DoPutPreparedStatementResult(prepared_statement_handle=handle)
        yield flight.PutResult(app_metadata=result.SerializeToString())

    # ------------------------------------------------------------ the small ones

    def handshake(self, call: Call, requests: Iterator[bytes]) -> Iterator[bytes]:
        """The credentials are in the headers and have been checked: nothing is left to say."""
        yield from ()

    def list_flights(self, call: Call, request: bytes) -> Iterator[bytes]:
        """Empty: answers are asked for by SQL, not listed."""
        yield from ()

    def list_actions(self, call: Call, request: bytes) -> Iterator[flight.ActionType]:
        for kind, description in ACTIONS.items():
            yield flight.ActionType(type=kind, description=description)

    def do_exchange(self, call: Call, requests: Iterator[bytes]) -> Iterator[bytes]:
        raise NotImplementedHere("this server does not implement DoExchange")


def _request(call: Call, command: sql.CommandStatementQuery | sql.ActionCreatePreparedStatementRequest) -> Request:
    """A client's text as a statement, as of now, in the session of the call's headers."""
    if command.transaction_id:
        raise NotImplementedHere("this server has no transactions")
    return Request(query_id=call.query_id, sql=command.query, now=datetime.now(UTC), session=session(call.headers))


def _catalog_schema(command: Message) -> pa.Schema:
    """The schema of a catalog command's answer, without looking for it."""
    if isinstance(command, sql.CommandGetTables):
        return metadata.TABLES_WITH_SCHEMA if command.include_schema else metadata.TABLES
    return _CATALOG_SCHEMAS[type(command)]


_CATALOG_SCHEMAS: dict[type[Message], pa.Schema] = {
    sql.CommandGetCatalogs: metadata.CATALOGS,
    sql.CommandGetDbSchemas: metadata.DB_SCHEMAS,
    sql.CommandGetTableTypes: metadata.TABLE_TYPES,
    sql.CommandGetSqlInfo: sqlinfo.SCHEMA,
}


def _cancel_when_over(context: grpc.ServicerContext, answer: Answer, finished: threading.Event) -> None:
    """Cancel the answer when its call ends before it does: cancelled, past its deadline, or the client is gone.

    gRPC tells so on the one thread that serves all calls, and cancelling may wait for a source: it gets its own thread.
    """

    def over() -> None:
        if not finished.is_set():
            threading.Thread(target=answer.cancel, name="cancel", daemon=True).start()

    if not context.add_callback(over):
        answer.cancel()
