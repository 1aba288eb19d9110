"""The one table from errors to gRPC statuses.

Each room's tree of errors has its codes; here each class gets a status and a word on whether, and where, trying again
helps. A test walks the trees, so that no class is missing.
"""

from __future__ import annotations

import logging
from typing import NoReturn
from urllib.parse import quote

import grpc
from google.protobuf.any_pb2 import Any
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from grpc import StatusCode as S
from grpc_status import rpc_status

from auth import errors as auth
from planner import errors as planning
from server.execution import errors as execution
from server.flight import errors as front
from server.flight.discretion import discreet
from watersmeet import spi

MAX_MESSAGE = 1400
"""Bytes of a message as gRPC encodes it. It travels twice, as the status and in the details (base64): all trailers together
stay below 4 KiB, and clients drop a reply of which they pass 8."""
_LOOKED_AT = 4 * 1024
"""Characters of a text that are looked at: more than any message keeps."""
MAX_FACT = 128
"""Bytes of a source's name or SQLSTATE among the details."""
INTERNAL = 9001
"""The code of an error that nobody foresaw."""

ROOTS: tuple[type[Exception], ...] = (
    auth.AuthError,
    planning.PlanningError,
    execution.ExecutionError,
    front.FlightError,
    spi.SourceError,
)

STATUSES: dict[type[Exception], tuple[S, str]] = {
    auth.AuthError: (S.UNAUTHENTICATED, "no"),
    auth.MissingCredentials: (S.UNAUTHENTICATED, "no"),
    auth.InvalidToken: (S.UNAUTHENTICATED, "no"),
    auth.ExpiredToken: (S.UNAUTHENTICATED, "no"),
    auth.WrongPassword: (S.UNAUTHENTICATED, "no"),
    auth.NotAllowed: (S.PERMISSION_DENIED, "no"),
    auth.CannotSign: (S.FAILED_PRECONDITION, "no"),
    planning.PlanningError: (S.INVALID_ARGUMENT, "no"),
    planning.SyntaxRefused: (S.INVALID_ARGUMENT, "no"),
    planning.StatementRefused: (S.INVALID_ARGUMENT, "no"),
    planning.UnknownName: (S.NOT_FOUND, "no"),
    planning.AmbiguousName: (S.INVALID_ARGUMENT, "no"),
    planning.InvalidExpression: (S.INVALID_ARGUMENT, "no"),
    planning.FunctionRefused: (S.INVALID_ARGUMENT, "no"),
    planning.ParameterRefused: (S.INVALID_ARGUMENT, "no"),
    planning.PushdownRequired: (S.FAILED_PRECONDITION, "no"),
    planning.SettingRefused: (S.INVALID_ARGUMENT, "no"),
    planning.ReadOnlySource: (S.FAILED_PRECONDITION, "no"),
    planning.ChangeRefused: (S.FAILED_PRECONDITION, "no"),
    planning.TableExists: (S.ALREADY_EXISTS, "no"),
    planning.StatementTooLarge: (S.INVALID_ARGUMENT, "no"),
    execution.ExecutionError: (S.INTERNAL, "no"),
    execution.AdmissionRefused: (S.UNAVAILABLE, "elsewhere"),
    execution.StatementTimeout: (S.DEADLINE_EXCEEDED, "no"),
    execution.MemoryExceeded: (S.RESOURCE_EXHAUSTED, "no"),
    execution.SpillExceeded: (S.RESOURCE_EXHAUSTED, "no"),
    execution.StatementCancelled: (S.CANCELLED, "no"),
    execution.RowTooLarge: (S.OUT_OF_RANGE, "no"),
    execution.WorkerLost: (S.UNAVAILABLE, "same"),
    execution.NoWorkers: (S.UNAVAILABLE, "elsewhere"),
    execution.ChangeInDoubt: (S.UNKNOWN, "no"),
    execution.EvaluationFailed: (S.INVALID_ARGUMENT, "no"),
    execution.EngineFailed: (S.INTERNAL, "no"),
    front.FlightError: (S.INVALID_ARGUMENT, "no"),
    front.BadRequest: (S.INVALID_ARGUMENT, "no"),
    front.NotImplementedHere: (S.UNIMPLEMENTED, "no"),
    front.BadParameters: (S.INVALID_ARGUMENT, "no"),
    front.TokenRefused: (S.FAILED_PRECONDITION, "replan"),
    front.NoSession: (S.FAILED_PRECONDITION, "no"),
    front.WrongWay: (S.INVALID_ARGUMENT, "no"),
    front.TooManyStreams: (S.UNAVAILABLE, "elsewhere"),
    front.TooManyCalls: (S.UNAVAILABLE, "elsewhere"),
    front.TooLarge: (S.OUT_OF_RANGE, "no"),
    front.ServerEnding: (S.UNAVAILABLE, "elsewhere"),
    spi.SourceError: (S.INTERNAL, "no"),
    spi.SourceUnavailable: (S.UNAVAILABLE, "same"),
    spi.SourceRefused: (S.FAILED_PRECONDITION, "no"),
    spi.SourceQueryFailed: (S.FAILED_PRECONDITION, "no"),
    spi.SourceTimeout: (S.DEADLINE_EXCEEDED, "no"),
    spi.SourceCancelled: (S.CANCELLED, "no"),
    spi.ValueDoesNotFit: (S.OUT_OF_RANGE, "no"),
    spi.SourceChanged: (S.FAILED_PRECONDITION, "replan"),
    spi.PoolExhausted: (S.UNAVAILABLE, "elsewhere"),
    spi.OutcomeUnknown: (S.UNKNOWN, "no"),
}

log = logging.getLogger(__name__)


def status(error: Exception, query_id: str) -> Status:
    """`error` as a google.rpc.Status: code, a message fit for people, and an ErrorInfo fit for programs.

    An error outside of the trees is logged with its traceback, and says nothing but the query's id.
    """
    known = next((STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES), None)
    if known is None:
        log.error("query %s: an unforeseen error", query_id, exc_info=error)
        code, reason, text = INTERNAL, "Internal", "an error inside the server; its log has the details"
        known = (S.INTERNAL, "no")
    else:
        code, reason, text = int(getattr(error, "code", INTERNAL)), type(error).__name__, str(error)
    grpc_code, retry = known
    facts = {"code": f"WM-{code}", "query_id": query_id, "retry": retry}
    for fact in ("source", "sqlstate"):
        if value := getattr(error, fact, None):
            facts[fact] = _printable(str(value)).encode()[:MAX_FACT].decode(errors="ignore")
    detail = Any()
    detail.Pack(ErrorInfo(reason=reason, domain="watersmeet", metadata=facts))
    message = shortened(f"WM-{code}: {discreet(_printable(text[:_LOOKED_AT]))}", f" (query {query_id})")
    return Status(code=grpc_code.value[0], message=message, details=[detail])


def abort(context: grpc.ServicerContext, error: Exception, query_id: str) -> NoReturn:
    """End the call with the error's status: raises what gRPC raises."""
    context.abort_with_status(rpc_status.to_status(status(error, query_id)))


def name(error: Exception) -> str:
    """The name of the status that an error ends a call with."""
    return next((STATUSES[kind][0].name for kind in type(error).__mro__ if kind in STATUSES), S.INTERNAL.name)


def shortened(text: str, tail: str) -> str:
    """`text` and `tail`, cut in `text` so that gRPC's percent-encoding of both fits into MAX_MESSAGE."""
    room = MAX_MESSAGE - len(quote(tail, safe=" "))
    if len(quote(text, safe=_PLAIN)) <= room:
        return text + tail
    room -= len(quote("…", safe=""))
    while len(quote(text, safe=_PLAIN)) > room:
        text = text[: max(0, len(text) - max(1, (len(quote(text, safe=_PLAIN)) - room) // 12))]
    return f"{text}…{tail}"


_PLAIN = "".join(map(chr, range(0x20, 0x7F))).replace("%", "")
"""What gRPC sends as it is: printable ASCII but the percent sign."""


def _printable(text: str) -> str:
    """Line breaks and other control characters as blanks: they have no place in a header, nor in somebody's log."""
    return "".join(character if character.isprintable() else " " for character in text)
