"""The actions by which a client sets, reads and closes its session. Bodies are bare messages, not in an Any."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from planner.errors import SettingRefused, UnknownName
from planner.session import OPTIONS
from server.flight import commands
from server.flight.calls import Calls
from server.flight.middleware import Call
from server.flight.proto import flight_pb2 as flight
from server.flight.session import acceptable
from server.requests import Request, Session

_ERRORS = flight.SetSessionOptionsResult
_TAKEN = frozenset({None, "string_value", "int64_value"})
"""Kinds of values; none resets an option."""


class SessionActions:
    """Thread-safe, no state."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._sessions = calls.sessions

    def set_options(self, call: Call, body: bytes) -> Iterator[flight.Result]:
        """Set or reset options, each for itself; the answer names those that could not be."""
        command = commands.parse(flight.SetSessionOptionsRequest, body)
        session = self._sessions.kept(call) or Session()
        result = flight.SetSessionOptionsResult()
        # The catalog first: the schema is one of its own.
        for name in sorted(command.session_options):
            option = name.lower()
            if option not in OPTIONS:
                result.errors[name].value = _ERRORS.INVALID_NAME
                continue
            given = command.session_options[name]
            kind = given.WhichOneof("option_value")
            value = str(given.int64_value) if kind == "int64_value" else given.string_value
            changes: dict[str, str | None] = {option: value or None}
            if option == "catalog":
                changes["schema"] = None
            changed = session.changed(changes)
            if kind not in _TAKEN or not self._holds(call, changed):
                result.errors[name].value = _ERRORS.INVALID_VALUE
            else:
                session = changed
        self._sessions.give(call, session)
        yield flight.Result(body=result.SerializeToString())

    def get_options(self, call: Call, body: bytes) -> Iterator[flight.Result]:
        """The options that are set, by the cookie or by this call's headers."""
        commands.parse(flight.GetSessionOptionsRequest, body)
        session = self._sessions.of(call)
        result = flight.GetSessionOptionsResult()
        options = {"catalog": session.catalog, "schema": session.schema, **session.settings}
        for name, value in options.items():
            if value is not None:
                result.session_options[name].string_value = value
        yield flight.Result(body=result.SerializeToString())

    def close(self, call: Call, body: bytes) -> Iterator[flight.Result]:
        """Have the client forget its session; there is nothing else to close."""
        commands.parse(flight.CloseSessionRequest, body)
        self._sessions.end(call)
        result = flight.CloseSessionResult(status=flight.CloseSessionResult.CLOSED)
        yield flight.Result(body=result.SerializeToString())

    def _holds(self, call: Call, session: Session) -> bool:
        """Whether statements can be planned in a session."""
        values = [session.catalog, session.schema, *session.settings.values()]
        if not all(value is None or acceptable(value) for value in values):
            return False
        asked = Request(query_id=call.query_id, sql="SHOW SESSION", now=datetime.now(UTC), session=session)
        try:
            self._calls.describe(call, asked)
        except (SettingRefused, UnknownName):
            return False
        return True
