"""G6: every class of error that reaches clients, with the worst text that it could have.

The trees are walked, so a new class is in here as soon as it is written, and fails without a row in the table of statuses.
"""

from __future__ import annotations

import base64
import importlib
import pkgutil
import time
from collections.abc import Iterator
from urllib.parse import quote

import grpc
import pytest
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status

from auth.authenticator import AuthConfig, Authenticator
from auth.principal import Principal
from server.config_errors import ConfigError
from server.execution.errors import ExecutionError
from server.flight.discretion import discreet
from server.flight.service import FlightOptions, create_server
from server.flight.statuses import ROOTS, STATUSES, name, status
from server.flight.tickets import TicketsConfig
from server.requests import Described, Request
from server.workers.inprocess import InProcess
from tests.clients.memory_queries import MemoryQueries
from tests.clients.replicas import calling
from tests.clients.rpc import Rpc, facts
from tests.security import errors
from watersmeet.spi import SourceError

ROOMS = ("auth", "connectors", "planner", "server", "watersmeet")
QUERY_ID = "0123456789abcdef"
TRAILERS = 4096
"""Bytes of all trailers of a reply, as they are sent."""

HOSTILE: dict[str, tuple[str, tuple[str, ...]]] = {
    "traceback": (
        'Traceback (most recent call last):\n  File "/opt/watersmeet/server/query.py", line 12, in describe\n    raise ValueError(canary)\nValueError: canary',
        ("Traceback", "query.py", "describe", "canary"),
    ),
    "frame": ('failed in File "/opt/app/x.py", line 3, in inner', ("/opt", "x.py", "inner")),
    "libpq": (
        'connection to server at "db7.canary.internal" (10.20.30.40), port 5432 failed: FATAL: no',
        ("canary", "10.20"),
    ),
    "libpq, no address": ('could not translate host name "canary" to address', ("canary",)),
    "MySQL": ("Can't connect to MySQL server on 'canary.example' ([Errno 111])", ("canary",)),
    "MySQL's users": ("Access denied for user 'wm'@'canary.example' (using password: YES)", ("canary",)),
    "URL": ("postgresql://wm:hunter2@canary.example:5432/shop?x=1 is down", ("hunter2", "canary", "wm:")),
    "settings": ("host=canary.example port=5432 user=wm password=hunter2 sslmode=require", ("canary", "hunter2")),
    "JSON": ('{"password": "hunter2 and more", "secret": "hunter3"}', ("hunter2", "and more", "hunter3")),
    "bearer": ("authorization: Bearer eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl", ("eyJ", "c2ln")),
    "basic": ("authorization: Basic d206aHVudGVyMg==", ("d206aHVu",)),
    "hash": ("$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA", ("argon2", "aGFz")),
    "key": ("-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMG\n-----END PRIVATE KEY-----", ("MIGH",)),
    "path": ("cannot open /var/lib/watersmeet/spill/x1.tmp: No space left", ("/var", "spill")),
    "home": ("~/.pgpass and /home/wm/.pgpass are readable", ("/.pgpass", "/home")),
    "Windows": (r"C:\Users\wm\lake.duckdb is locked", ("Users",)),
    "address": (
        "<Pool object at 0x7f0011223344> of db.canary.internal:3306, [fd00::7] and ::1",
        ("0x7f0", "canary", "fd00::"),  # longer than what a hexadecimal query id may happen to hold
    ),
    "controls": ("a\r\nset-cookie: b\x00\x1b[31m\u202e\ud800c", ("\r", "\n", "\x00", "\x1b", "\u202e", "\ud800")),
}
"""What an error might say that nobody foresaw, and what of that no client may read."""

EVERYTHING = " ".join(reversed([text for text, _ in HOSTILE.values()]))
FORBIDDEN = tuple(word for _, words in HOSTILE.values() for word in words)
PRINTABLE = tuple(word for word in FORBIDDEN if word.isprintable())
"""Without the bytes that protobuf itself uses."""

PLAIN = (
    "no column total in pg.public.orders; did you mean totals?",
    "division by zero in 6 /3/ 0",
    "cannot cast '12:34:56' to DATE: write it as 2024-01-02",
    "x::1 is not a type, and neither are Basic credentials",
    "parameter 2 is int32, the value is string",
    "the password is wrong: 'a' || \"b\" has 3 hosts",
)
"""What must stay as it is."""


def _import_all() -> None:
    for room in ROOMS:
        for module in pkgutil.walk_packages(importlib.import_module(room).__path__, f"{room}."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)


def _tree(root: type[Exception]) -> Iterator[type[Exception]]:
    yield root
    for kind in root.__subclasses__():
        if kind.__module__.partition(".")[0] in ROOMS:
            yield from _tree(kind)


_import_all()
KINDS = [kind for root in ROOTS for kind in _tree(root)]
kinds = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)


def _made(kind: type[Exception], text: str) -> Exception:
    if issubclass(kind, SourceError):
        return kind("lake", text, sqlstate="22012")
    return kind(text)


def _megabyte(fill: str) -> str:
    return fill * (1_000_000 // len(fill))


def _sent(message: str, details: bytes) -> int:
    """Bytes of the trailers as gRPC encodes them."""
    said = quote(message, safe="".join(map(chr, range(0x20, 0x7F))).replace("%", ""))
    return sum(
        map(len, ("grpc-status", "16", "grpc-message", said, "grpc-status-details-bin", base64.b64encode(details)))
    )


def _checked(told: Status, kind: type[Exception], forbidden: tuple[str, ...]) -> None:
    info = ErrorInfo()
    assert len(told.details) == 1 and told.details[0].Unpack(info)
    code = f"WM-{kind.__dict__['code']}"
    assert told.code == STATUSES[kind][0].value[0]
    assert told.message.startswith(f"{code}: ") and told.message.endswith(f"(query {QUERY_ID})")
    assert (info.reason, info.domain, info.metadata["code"]) == (kind.__name__, "watersmeet", code)
    assert (info.metadata["query_id"], info.metadata["retry"]) == (QUERY_ID, STATUSES[kind][1])
    assert told.message.isprintable()
    assert _sent(told.message, told.SerializeToString()) < TRAILERS
    assert not [word for word in forbidden if word in told.message or word in "".join(info.metadata.values())]


# ---------------------------------------------------------------- the table


@kinds
def test_every_class_has_a_row_and_a_code_of_its_own(kind: type[Exception]) -> None:
    assert kind in STATUSES
    assert 1000 <= kind.__dict__["code"] <= 9999


def test_every_class_with_a_code_is_one_of_the_trees() -> None:
    """Else it would reach its client as an error that nobody foresaw."""
    found, left = set(), [Exception]
    while left:
        kind = left.pop()
        left += kind.__subclasses__()
        if kind.__module__.partition(".")[0] in ROOMS and isinstance(kind.__dict__.get("code"), int):
            found.add(kind)
    assert found - set(KINDS) == set(_tree(ConfigError))  # which end a command, not a call


# ---------------------------------------------------------------- the mapping


@kinds
def test_every_error_keeps_to_the_rules_whatever_its_text_is(kind: type[Exception]) -> None:
    for text, forbidden in HOSTILE.values():
        _checked(status(_made(kind, text), QUERY_ID), kind, forbidden)
    _checked(status(_made(kind, _megabyte(EVERYTHING)), QUERY_ID), kind, FORBIDDEN)


@pytest.mark.parametrize(
    "fill",
    [*(text for text, _ in HOSTILE.values()), "x", "%", "ß", "🐋", "x y", "a/b ", "a:b.c@", "/", "'", "1.", "a.", "a-"],
)
def test_a_megabyte_of_anything_is_cut_in_no_time(fill: str) -> None:
    started = time.process_time()
    _checked(status(ExecutionError(_megabyte(fill)), QUERY_ID), ExecutionError, ())
    assert time.process_time() - started < 2  # 30 ms


def test_a_long_name_of_a_source_is_cut_too() -> None:
    for kind in [kind for kind in KINDS if issubclass(kind, SourceError)]:
        told = status(kind("🐋" * 1000, "🐋" * 100_000, sqlstate="🐋" * 1000), QUERY_ID)
        _checked(told, kind, ())


@pytest.mark.parametrize("text", PLAIN)
def test_what_tells_nothing_of_the_inside_is_left_as_it_is(text: str) -> None:
    assert discreet(text) == text


# ---------------------------------------------------------------- over the wire


class _Failing(MemoryQueries):
    """Queries that end as they are told to: planning, or after the first rows."""

    error: Exception | None = None

    def describe(self, request: Request, principal: Principal) -> Described:
        if self.error is not None:
            raise self.error
        return super().describe(request, principal)


@pytest.fixture(scope="module")
def failing() -> Iterator[tuple[_Failing, Rpc]]:
    queries = _Failing()
    authenticator = Authenticator(AuthConfig(anonymous=True))
    server = create_server(InProcess(queries), authenticator, TicketsConfig(), FlightOptions(listen="127.0.0.1:0"))
    with calling(server.start()) as rpc:
        yield queries, rpc
    server.stop()
    queries.close()


@kinds
def test_every_error_reaches_a_client_as_it_was_made(failing: tuple[_Failing, Rpc], kind: type[Exception]) -> None:
    queries, rpc = failing
    queries.error = None
    info = rpc.query("SELECT 1 AS a")
    queries.error = _made(kind, _megabyte(EVERYTHING))
    for call in (lambda: rpc.query("SELECT 1"), lambda: rpc.table(info)):
        with pytest.raises(grpc.RpcError) as caught:
            call()
        assert isinstance(caught.value, grpc.Call)
        assert errors.check(caught.value, PRINTABLE) is STATUSES[kind][0]
        assert caught.value.code().name == name(queries.error)
        told = facts(caught.value)
        assert (told["reason"], told["code"]) == (kind.__name__, f"WM-{kind.__dict__['code']}")
        details = dict(caught.value.trailing_metadata() or ())["grpc-status-details-bin"]
        assert isinstance(details, bytes)
        assert _sent(caught.value.details() or "", details) < TRAILERS
