"""The session of a call: what its cookie holds, and what its headers say instead.

The cookie is a sealed token that holds the session itself, so that any replica can read it and none has to remember
anything. The headers `catalog` and `schema` set where names are looked up first, `watersmeet-<setting>` any setting of
a statement (`watersmeet-timezone: Europe/Berlin`), for the call that they come with. Which options there are, and which
values they take, is the planner's to say.
"""

from __future__ import annotations

import base64
import binascii
import logging
import time
from collections.abc import Mapping

from server.flight import cookies
from server.flight.errors import BadRequest, NoSession, TokenRefused
from server.flight.middleware import Call
from server.flight.proto import sealed_pb2 as sealed
from server.flight.tickets import Kind, Sealer
from server.requests import Session

COOKIE = "arrow_flight_session_id"
"""The specification's name."""
PREFIX = "watersmeet-"
COMPRESSION = "watersmeet-compression"
"""`lz4` or `zstd`: the client asks for compressed bodies on the call's stream."""
JAVA = "grpc-java"
"""What the user agent of a client in Java holds. Java has no unsigned integers, and the JDBC driver 18.3 reads the bits of
one as a signed one, in silence: 200 of UTINYINT is -56 to getInt. So these get wider types, unless they say otherwise."""
MAX_VALUE = 256
"""Characters of an option: they travel in every ticket."""
MAX_SETTINGS = 32
_NOBODYS = Session()

log = logging.getLogger(__name__)


class Sessions:
    """Reads and gives out sessions. Thread-safe, no state."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer

    def begin(self, call: Call) -> None:
        """Give a client that logs in a session, if it has none that is good."""
        try:
            if self.kept(call) is not None:
                return
        except TokenRefused:
            log.debug("a new session in place of one that has ended")
        self.give(call, _NOBODYS)

    def of(self, call: Call) -> Session:
        """The call's session. Raises BadRequest, and TokenRefused for a cookie that is no longer good."""
        kept = self.kept(call) or _NOBODYS
        session = kept.changed(_options(call.headers))
        if JAVA in call.headers.get("user-agent", "") and "unsigned" not in session.settings:
            session = session.changed({"unsigned": "widen"})
        return session

    def kept(self, call: Call) -> Session | None:
        """The session that the client keeps a cookie of; None if it keeps none. Raises TokenRefused."""
        token = cookies.value(call.headers.get("cookie", ""), COOKIE)
        if token is None:
            return None
        try:
            content = self._sealer.open(Kind.COOKIE, call.principal.subject, _decoded(token))
        except TokenRefused:
            self.end(call)  # or every call of this client would be refused from now on
            raise
        session = thawed(content.session)
        if content.expires - time.time() < self._sealer.ttl[Kind.COOKIE] / 2:
            self.give(call, session)
        return session

    def give(self, call: Call, session: Session) -> None:
        """Have the client keep a session from this answer on."""
        token = self._sealer.seal(Kind.COOKIE, call.principal.subject, sealed.Sealed(session=frozen(session)))
        value = base64.urlsafe_b64encode(token).decode().rstrip("=")
        call.reply("set-cookie", cookies.given(COOKIE, value, int(self._sealer.ttl[Kind.COOKIE])))

    def end(self, call: Call) -> None:
        """Have the client forget its session."""
        call.reply("set-cookie", cookies.given(COOKIE, "", 0))

    def after(self, call: Call, before: Session, after: Session) -> Session:
        """What the client is to keep once a statement has changed its session. Raises NoSession.

        A client without a cookie gets one with the refusal: those that keep it may simply try again.
        """
        changes = _changes(before, after)
        header = {"catalog": "catalog", "schema": "schema"}
        names = [header.get(name, PREFIX + name) for name in changes]
        fixed = [name for name in names if name in call.headers]
        if fixed:
            raise NoSession(f"the header {fixed[0]} of this call says otherwise: leave it out, or change it")
        kept = self.kept(call)
        if kept is None:
            self.give(call, _NOBODYS)
            shown = " and ".join(f"`{name}`" for name in names) or "of its options"
            raise NoSession(
                "this client has sent no session cookie: try again if it keeps cookies, or else send the"
                f" header{'s' if len(names) > 1 else ''} {shown} with each call"
            )
        return kept.changed(changes)


def frozen(session: Session) -> sealed.Session:
    """A session as a token holds it."""
    return sealed.Session(catalog=session.catalog, schema=session.schema, settings=dict(session.settings))


def thawed(session: sealed.Session | sealed.Statement) -> Session:
    """The session that a token holds."""
    return Session(
        catalog=session.catalog if session.HasField("catalog") else None,
        schema=session.schema if session.HasField("schema") else None,
        settings=dict(session.settings),
    )


def compression(headers: Mapping[str, str]) -> str | None:
    """How the bodies of an answer are to be compressed; None: not at all. Raises BadRequest."""
    asked = headers.get(COMPRESSION, "none")
    if asked not in {"none", "lz4", "zstd"}:
        raise BadRequest(f"header {COMPRESSION}: none, lz4 or zstd")
    return None if asked == "none" else asked


def acceptable(value: str) -> bool:
    """Whether a text may be the value of an option."""
    return len(value) <= MAX_VALUE and value.isprintable()


def _options(headers: Mapping[str, str]) -> Mapping[str, str | None]:
    """The options that a call's headers set. Raises BadRequest."""
    options: dict[str, str | None] = {
        name.removeprefix(PREFIX): value
        for name, value in headers.items()
        if name.startswith(PREFIX) and name != COMPRESSION
    }
    if len(options) > MAX_SETTINGS:
        raise BadRequest(f"more than {MAX_SETTINGS} headers {PREFIX}…")
    if catalog := headers.get("catalog"):
        options |= {"catalog": catalog, "schema": None}
    if schema := headers.get("schema"):
        options["schema"] = schema
    for name, value in options.items():
        if value is not None and not acceptable(value):
            raise BadRequest(f"header {name}: not a text of at most {MAX_VALUE} printable characters")
    return options


def _changes(before: Session, after: Session) -> Mapping[str, str | None]:
    """The options by which two sessions differ, with the later value; None for one that is reset."""
    one, two = _flat(before), _flat(after)
    return {name: two.get(name) for name in sorted(one.keys() | two.keys()) if one.get(name) != two.get(name)}


def _flat(session: Session) -> Mapping[str, str | None]:
    return {"catalog": session.catalog, "schema": session.schema, **session.settings}


def _decoded(token: str) -> bytes:
    try:
        return base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        return b""
