"""What happens around every call: who is asking, is there room, and how errors and log lines look."""

from __future__ import annotations

import base64
import binascii
import logging
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import grpc

from auth.authenticator import ANONYMOUS, Authenticator
from auth.errors import InvalidToken, MissingCredentials
from auth.principal import Principal
from server.execution.errors import StatementCancelled
from server.flight import statuses
from server.flight.errors import FlightError, ServerEnding, TooManyCalls

log = logging.getLogger(__name__)

NOBODY = Principal(subject="")
"""Who a call is from until that is known."""
HELD = 2.0
"""Seconds that a call is held at the door of a server that ends, at most."""
LOGINS = 8
"""Passwords that may be waiting to be checked; more are refused, so that guessing does not occupy the threads."""


@dataclass(slots=True, kw_only=True)
class Call:
    """One authenticated call."""

    principal: Principal
    query_id: str
    """A new one, replaced by the statement's where a ticket names it: what errors and the log line say."""
    headers: Mapping[str, str]
    """Of the request, names in lower case; the last one of several of a name, cookies together. Without the binary
    ones."""
    context: grpc.ServicerContext
    cut_off: bool = False
    """Whether the server's end has cancelled it."""
    _replies: list[tuple[str, str]] = field(default_factory=list)
    _cancel: Callable[[], object] | None = None
    """Cancels what runs for it."""

    def reply(self, name: str, value: str) -> None:
        """Put a header into the answer, before its first message; in place of the one of that name."""
        self._replies = [pair for pair in self._replies if pair[0] != name] + [(name, value)]

    def send_headers(self) -> None:
        """Send the answer's headers, if there are any that are not sent yet."""
        if self._replies:
            self.context.send_initial_metadata(tuple(self._replies))
            self._replies = []

    @contextmanager
    def cancelling(self, cancel: Callable[[], object]) -> Iterator[None]:
        """Within this, `cancel` what runs when the call ends before it does: cancelled, past its deadline, or the
        client is gone.

        gRPC tells so on the one thread that serves all calls, and cancelling may wait for a source: it gets a thread
        of its own.
        """
        finished = threading.Event()

        def over() -> None:
            if not finished.is_set():
                threading.Thread(target=cancel, name="cancel", daemon=True).start()

        self._cancel = over
        try:
            if self.cut_off or not self.context.add_callback(over):
                cancel()
            yield
        finally:
            finished.set()

    def cut(self) -> None:
        """Cancel what runs, as the server ends. Quick; from any thread."""
        self.cut_off = True
        if self._cancel is not None:
            self._cancel()


class Gate:
    """Lets in a number of callers at a time and refuses the next at once: waiting would only hide the overload."""

    def __init__(self, places: int, full: Callable[[], FlightError]) -> None:
        self._free = threading.BoundedSemaphore(places)
        self._full = full

    def __enter__(self) -> None:
        if not self._free.acquire(blocking=False):
            raise self._full()

    def __exit__(self, *_: object) -> None:
        self._free.release()


class Door:
    """Authenticates calls, and lets no more in once the server ends. Thread-safe."""

    def __init__(self, authenticator: Authenticator) -> None:
        self._authenticator = authenticator
        self._closed = threading.Event()
        self._leaving = threading.Event()
        self._calls: dict[int, Call] = {}
        """Those that are inside."""
        self._logins = Gate(LOGINS, lambda: TooManyCalls("too many logins at once: try again"))

    def close(self) -> None:
        """Let no new call in: each waits until `turn_away`, at most HELD, and is refused with ServerEnding.

        It waits because of grpcio, which answers a call that comes in the moment of `stop()` with a bare CANCELLED: a
        client with a call under way begins no other one, and when it hears of the end its connection has ended as well,
        so that it comes back to another replica.
        """
        self._closed.set()

    def turn_away(self) -> None:
        """Refuse those that wait."""
        self._leaving.set()

    def cut_off(self) -> None:
        """Cancel the calls that are still inside: they end with ServerEnding, and not with a bare word of gRPC's."""
        for call in list(self._calls.values()):
            call.cut()

    def _pass(self) -> None:
        if self._closed.is_set():
            self._leaving.wait(HELD)
            raise ServerEnding("this server is ending: another one, or this one in a while, takes the call")

    def _principal(self, call: Call) -> Principal:
        """Who calls. Basic credentials are answered with a bearer token in the answer's headers.

        Raises an AuthError, or TooManyCalls.
        """
        if len(_values(call.context, "authorization")) > 1:
            # A proxy may have looked at one of them, and this server would act on the other.
            raise InvalidToken("there are several authorization headers, and they differ")
        given = call.headers.get("authorization", "")
        scheme, _, value = given.partition(" ")
        if scheme.lower() == "bearer":
            return self._authenticator.authenticate_bearer(value.strip())
        if scheme.lower() == "basic":
            user, password = _basic(value.strip())
            with self._logins:
                principal = self._authenticator.authenticate_basic(user, password)
            token = self._authenticator.issue(principal)
            call.reply("authorization", f"Bearer {token}")
            return principal
        if given:
            raise InvalidToken("the authorization header is neither Bearer nor Basic")
        if self._authenticator.anonymous:
            return ANONYMOUS
        raise MissingCredentials("credentials are missing: send a bearer token, or log in with user and password")

    @contextmanager
    def call(self, context: grpc.ServicerContext, rpc: str) -> Iterator[Call]:
        """Around a call: authentication before it, the status of whatever it raises and a log line after it."""
        started = time.monotonic()
        call = Call(principal=NOBODY, query_id=new_query_id(), headers=_headers(context), context=context)
        outcome = "OK"
        try:
            self._pass()
            call.principal = self._principal(call)
            self._calls[id(call)] = call
            yield call
        except (GeneratorExit, grpc.RpcError):
            outcome = "CANCELLED"  # by the client, while we were sending or receiving
            raise
        except Exception as error:  # noqa: BLE001 - the edge: whatever it is, the client gets a status
            if context.is_active():
                if call.cut_off and isinstance(error, StatementCancelled):
                    error = ServerEnding("this server ended before the statement did: run it again on another one")
                outcome = statuses.name(error)
                call.send_headers()
                statuses.abort(context, error, call.query_id)
            outcome = "CANCELLED"  # nobody is left to be told how work fails that was cut off
            context.abort(grpc.StatusCode.CANCELLED, "cancelled")
        finally:
            self._calls.pop(id(call), None)
            facts = {
                "rpc": rpc,
                "query_id": call.query_id,
                "subject": call.principal.subject,
                "status": outcome,
                "ms": round(1000 * (time.monotonic() - started), 1),
            }
            log.info("call", extra=facts)


def new_query_id() -> str:
    """64 random bits: nobody can guess another's, and it fits into a source's application name."""
    return secrets.token_hex(8)


def _values(context: grpc.ServicerContext, name: str) -> set[str | bytes]:
    """The different values of a header that came more than once."""
    return {value for key, value in context.invocation_metadata() or () if key == name}


def _headers(context: grpc.ServicerContext) -> dict[str, str]:
    pairs = [(key, value) for key, value in context.invocation_metadata() or () if isinstance(value, str)]
    cookies = "; ".join(value for key, value in pairs if key == "cookie")
    return {**dict(pairs), "cookie": cookies} if cookies else dict(pairs)


def _basic(value: str) -> tuple[str, str]:
    """User and password. arrow-go leaves the padding of base64 away. Raises InvalidToken."""
    try:
        text = base64.b64decode(value + "=" * (-len(value) % 4), validate=True).decode()
    except (binascii.Error, ValueError):
        raise InvalidToken("the Basic credentials are malformed") from None
    user, colon, password = text.partition(":")
    if not colon:
        raise InvalidToken("the Basic credentials are malformed")
    return user, password
