"""The gRPC server: port, limits, health, reflection, and every method of the Flight service behind the door.

Requests and FlightData pass as raw bytes (see `commands` and `encode`), so the methods are registered by hand and no
generated service is used.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf.message import Message
from grpc_health.v1 import health_pb2, health_pb2_grpc

from auth.authenticator import Authenticator
from server.flight import heap, reflection
from server.flight.actions import Actions
from server.flight.calls import Calls
from server.flight.errors import BadRequest
from server.flight.health import HealthService
from server.flight.middleware import LOGINS, Call, Door
from server.flight.patience import Patience
from server.flight.puts import Puts
from server.flight.sqlinfo import About
from server.flight.tickets import Sealer, TicketsConfig
from server.flight.tls import TlsConfig, credentials
from server.requests import Queries

SERVICE = "arrow.flight.protocol.FlightService"
LINGER = 0.5
"""Seconds between the end of new calls and that of the connections, in which calls that are on their way are caught."""
LAST_WORDS = 1.0
"""Seconds before its end in which a server cancels what still runs, and says why."""
WIND_UP = 5.0
"""Seconds in which a cancelled call must have let go of what it uses."""
_SPARE = 8
"""Threads beyond what the gates let in: health checks and refusals always find one."""
_MIB = 1024 * 1024

_CHANNEL: tuple[tuple[str, int], ...] = (
    # Two servers on one port would each get some of the calls.
    ("grpc.so_reuseport", 0),
    # SQL up to its own limit must arrive, to be refused with a code that says so.
    ("grpc.max_receive_message_length", 16 * _MIB),
    ("grpc.max_send_message_length", 16 * _MIB),
    # Long tokens, and JDBC, which sends every property of its URL as a header.
    ("grpc.max_metadata_size", 80 * 1024),
    ("grpc.absolute_max_metadata_size", 128 * 1024),
    ("grpc.max_concurrent_streams", 256),
    # Clients may ping every 10 s through a long silence; dead ones are noticed by our own pings.
    ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 5_000),
    ("grpc.http2.max_ping_strikes", 0),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 20_000),
)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class FlightOptions:
    """What of the configuration the front needs."""

    listen: str = "127.0.0.1:32010"
    """Host and port; port 0 takes a free one."""
    tls: TlsConfig | None = None
    """None: plaintext."""
    streams: int = 32
    """Answers of statements that are streamed at once; the next is refused with UNAVAILABLE."""
    calls: int = 32
    """Other calls at once: planning, metadata, parameters."""
    statement_timeout: float = 300.0
    """Seconds that a statement may run. A client's own deadline may be shorter."""
    patience: float = 20.0
    """Seconds in which a client must have sent what it began to send."""
    writable: bool = False
    """Whether a source may be changed; GetSqlInfo says so."""
    sql_bytes: int = 0
    """Of the longest statement, which is the planner's to refuse; GetSqlInfo says so. 0: without limit."""


class FlightServer:
    """A server that is about to run. Owned by who made it, who stops it."""

    def __init__(
        self,
        server: grpc.Server,
        threads: ThreadPoolExecutor,
        patience: Patience,
        door: Door,
        servicer: HealthService,
        options: FlightOptions,
    ) -> None:
        self._server = server
        self._door = door
        self._threads = threads
        self._patience = patience
        self._health = servicer
        self._options = options

    def start(self) -> int:
        """Listen, and return the port. Raises OSError when the address cannot be had or a TLS file not be read."""
        tls = self._options.tls
        try:
            if tls is None:
                port = self._server.add_insecure_port(self._options.listen)
            else:
                port = self._server.add_secure_port(self._options.listen, credentials(tls))
        except RuntimeError:
            port = 0
        if port == 0:
            raise OSError(f"cannot listen on {self._options.listen}")
        self._patience.start()
        self._server.start()
        self._serving(health_pb2.HealthCheckResponse.SERVING)
        return port

    def drain(self, seconds: float) -> None:
        """Take no new calls, let running ones end for up to `seconds`, then cancel them.

        The health service says so first; calls that come all the same are refused with ServerEnding, and those that do not
        end in time end with it. Returns when their threads have ended as well, so that what is below can be closed; after
        WIND_UP at the latest.
        """
        self._serving(health_pb2.HealthCheckResponse.NOT_SERVING)
        self._door.close()
        linger = min(LINGER, seconds)
        time.sleep(linger)
        stopped = self._server.stop(seconds - linger)
        self._door.turn_away()
        self._health.end_watches()
        stopped.wait(max(0.0, seconds - linger - min(LAST_WORDS, seconds / 4)))
        self._door.cut_off()
        stopped.wait()
        ended = threading.Thread(target=self._threads.shutdown, name="wind up", daemon=True)
        ended.start()
        self._patience.stop()
        ended.join(WIND_UP)
        if ended.is_alive():
            log.warning("calls that were cancelled have not ended after %s s", WIND_UP)

    def stop(self) -> None:
        """End at once."""
        self.drain(0)

    def wait(self) -> None:
        """Block until the server has been stopped."""
        self._server.wait_for_termination()

    def _serving(self, status: Any) -> None:
        for service in ("", SERVICE):
            self._health.set(service, status)


def create_server(
    queries: Queries, authenticator: Authenticator, tickets: TicketsConfig, options: FlightOptions
) -> FlightServer:
    """A Flight SQL server over `queries`; nothing listens before `start()`."""
    heap.keep()
    door = Door(authenticator)
    sealer = Sealer(tickets)
    about = About(writable=options.writable, handle_ttl=tickets.handle_ttl, sql_bytes=options.sql_bytes)
    calls = Calls(
        queries,
        sealer,
        about,
        streams=options.streams,
        calls=options.calls,
        statement_timeout=options.statement_timeout,
    )
    patience = Patience(options.patience)
    threads = ThreadPoolExecutor(options.streams + options.calls + LOGINS + _SPARE, thread_name_prefix="flight")
    flight = _methods(door, patience, calls, Actions(queries, sealer, calls), Puts(queries, sealer, calls))
    server = grpc.server(
        threads, handlers=[flight, *reflection.handlers(door, patience, calls.gate, SERVICE)], options=_CHANNEL
    )
    servicer = HealthService()
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    return FlightServer(server, threads, patience, door, servicer, options)


def _methods(door: Door, patience: Patience, calls: Calls, actions: Actions, puts: Puts) -> grpc.GenericRpcHandler:
    """Every method of the service. Unlisted ones do not exist: gRPC answers UNIMPLEMENTED by itself."""
    unary: dict[str, Callable[[Call, bytes], Message]] = {
        "GetFlightInfo": calls.get_flight_info,
        "PollFlightInfo": calls.poll_flight_info,
        "GetSchema": calls.get_schema,
    }
    one_request: dict[str, Callable[[Call, bytes], Iterator[Message | bytes]]] = {
        "ListFlights": calls.list_flights,
        "DoGet": calls.do_get,
        "DoAction": actions.do_action,
        "ListActions": actions.list_actions,
    }
    many_requests: dict[str, Callable[[Call, Generator[bytes]], Iterator[Message | bytes]]] = {
        "Handshake": calls.handshake,
        "DoPut": puts.do_put,
        "DoExchange": calls.do_exchange,
    }
    methods = {name: _single(method) for name, method in one_request.items()} | many_requests
    # All take a stream, the same thing on the wire: gRPC calls a method of one request only when that has arrived, and a
    # thread waits for it. This way strangers are sent off first, and the others have to hurry. What has one answer
    # returns it: gRPC then sends it together with the status, and wakes no other thread in between.
    handlers: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
        name: grpc.stream_stream_rpc_method_handler(_behind(door, patience, name, method))
        for name, method in methods.items()
    }
    for name, one_answer in unary.items():
        handlers[name] = grpc.stream_unary_rpc_method_handler(_unary_behind(door, patience, name, one_answer))
    return grpc.method_handlers_generic_handler(SERVICE, handlers)


def _single(
    method: Callable[[Call, bytes], Iterator[Message | bytes]],
) -> Callable[[Call, Generator[bytes]], Iterator[Message | bytes]]:
    """A method of one request as one of a stream of them."""

    def answers(call: Call, requests: Generator[bytes]) -> Iterator[Message | bytes]:
        yield from method(call, _only(requests))

    return answers


def _only(requests: Generator[bytes]) -> bytes:
    """The one request; what comes after it is not waited for. Raises BadRequest."""
    with closing(requests):
        request = next(requests, None)
    if request is None:
        raise BadRequest("the call has no request message")
    return request


def _behind(
    door: Door, patience: Patience, rpc: str, method: Callable[[Call, Generator[bytes]], Iterator[Message | bytes]]
) -> Callable[[Iterator[bytes], grpc.ServicerContext], Iterator[bytes]]:
    """A method behind the door."""

    def answers(requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        with door.call(context, rpc) as call, closing(patience.requests(context, requests)) as received:
            for answer in method(call, received):
                call.send_headers()
                yield answer if isinstance(answer, bytes) else answer.SerializeToString()
            call.send_headers()

    return answers


def _unary_behind(
    door: Door, patience: Patience, rpc: str, method: Callable[[Call, bytes], Message]
) -> Callable[[Iterator[bytes], grpc.ServicerContext], bytes]:
    """A method with one answer behind the door."""

    def answer(requests: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
        with door.call(context, rpc) as call:
            message = method(call, _only(patience.requests(context, requests)))
            call.send_headers()
            return message.SerializeToString()

    return answer
