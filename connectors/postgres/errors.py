"""What the driver raises -> the contract's errors, by SQLSTATE, without a host, user or secret in any text."""

from __future__ import annotations

import re

from adbc_driver_manager import Error as DriverError

from watersmeet.spi import (
    SourceCancelled,
    SourceChanged,
    SourceError,
    SourceQueryFailed,
    SourceRefused,
    SourceTimeout,
    SourceUnavailable,
)

_PRIMARY = re.compile(r"(?:^|[:\]\n] )\S+:  (.+)")
"""libpq prints 'SEVERITY:  message', the severity in the server's language; LINE, DETAIL, HINT are lines below."""

_UNREAD = re.compile(r"ReadRecord failed at row \d+: (.+)")

# https://www.postgresql.org/docs/current/errcodes-appendix.html
_REFUSED = frozenset({"42501", "28000", "28P01"})
_CHANGED = frozenset({"42P01", "42703", "3F000"})
"""undefined_table, undefined_column, invalid_schema_name."""
_GONE = frozenset({"57P01", "57P02", "57P03", "57P05", "25P03", "53300"})
"""The server or the session ended: shutdowns, idle timeouts; or it takes no more connections."""
QUERY_CANCELED = "57014"

_CONNECT: tuple[tuple[str, type[SourceError], str], ...] = (
    (r"password authentication failed|no password supplied", SourceRefused, "the source refused the credentials"),
    (r"pg_hba\.conf|role .* does not exist|not permitted to log in", SourceRefused, "not allowed from here"),
    (r"database .* does not exist", SourceRefused, "the database does not exist"),
    (r"too many (clients|connections)|remaining connection slots", SourceUnavailable, "the server is full"),
    (r"certificate|SSL|TLS", SourceUnavailable, "TLS could not be set up as the setting tls asks"),
    (r"timeout expired|timed out", SourceUnavailable, "no answer within connect_timeout"),
    (r"could not translate host name|\[Errno -\d+\]", SourceUnavailable, "the host in the setting url is unknown"),
    (r"Connection refused", SourceUnavailable, "nobody listens there"),
    (r"invalid (URI|connection option|integer|port|sslmode)", SourceUnavailable, "libpq cannot read the setting url"),
)
"""libpq's texts name hosts and users, and the server's may be in any language: what is recognised gets our own
words, everything else the general ones."""


def connecting(source: str, error: Exception) -> SourceError:
    """The error for a connection that could not be made. The driver's own text is not kept: it names host and user."""
    text = str(error)
    for pattern, kind, words in _CONNECT:
        if re.search(pattern, text):
            return kind(source, f"cannot connect: {words}")
    return SourceUnavailable(source, "cannot connect")


def querying(source: str, error: Exception, *, late: bool = False) -> SourceError:
    """The error for a statement that failed. `late`: our own deadline has passed."""
    state = error.sqlstate if isinstance(error, DriverError) else None
    words = _said(error) or primary_message(str(error))
    if state is None and (unread := _UNREAD.search(str(error))) is not None:
        return SourceQueryFailed(source, f"the driver cannot read a value: {unread[1]}")
    if state is None:
        return SourceUnavailable(source, "the connection was lost during a query")
    if state == QUERY_CANCELED:
        if late:
            return SourceTimeout(source, "the statement reached its time limit", sqlstate=state)
        return SourceCancelled(source, f"the source ended the statement: {words}", sqlstate=state)
    if state in _REFUSED:
        return SourceRefused(source, words, sqlstate=state)
    if state in _CHANGED:
        return SourceChanged(source, f"{words}; its catalog has changed, plan again", sqlstate=state)
    if state in _GONE or state.startswith("08"):
        return SourceUnavailable(source, f"the connection was lost: {words}", sqlstate=state)
    return SourceQueryFailed(source, words, sqlstate=state)


def _said(error: Exception) -> str | None:
    """The server's primary message, where the driver has passed its fields on."""
    for field, value in getattr(error, "details", None) or ():
        if field == b"PG_DIAG_MESSAGE_PRIMARY":
            return str(value.decode(errors="replace")).strip() or None
    return None


def primary_message(text: str) -> str:
    """The server's primary message alone.

    >>> primary_message("INVALID_DATA: [libpq] Failed: ERROR:  division by zero\\n\\nQuery was: SELECT 1")
    'division by zero'
    """
    match = _PRIMARY.search(text)
    return match[1].strip() if match else "the query failed"
