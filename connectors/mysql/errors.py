"""The driver's errors in the words of the contract: by the server's error number, without host, user or secret."""

from __future__ import annotations

import re

import pymysql

from watersmeet.spi import (
    ReadColumn,
    SourceCancelled,
    SourceChanged,
    SourceError,
    SourceQueryFailed,
    SourceRefused,
    SourceTimeout,
    SourceUnavailable,
    ValueDoesNotFit,
)

# Numbers of the MySQL and MariaDB error references; 2000-2999 are made by the client itself.
_REFUSED = {1044, 1045, 1049, 1130, 1142, 1143, 1227, 1251, 1370, 1410, 1698, 1820, 1862, 3118, 3159, 4151}
_UNAVAILABLE = {1040, 1053, 1080, 1129, 1152, 1158, 1159, 1160, 1161, 1203, 1226, 4031}
_TIMEOUT = {1205, 1969, 3024}
_CANCELLED = {1317, 1927, 3169}
"""The query's end, or the session's: by KILL only, a server that shuts down says 1053."""
_CHANGED = {1051, 1054, 1109, 1146, 1412}

_WORDS = {
    1040: "the server has no connection left",
    1044: "the user may not use this database",
    1045: "user name or password is wrong",
    1049: "the database named in the URL does not exist",
    1130: "the server does not let this host in",
    1142: "the user may not read a table of this query",
    1143: "the user may not read a column of this query",
    1203: "the user has no connection left at the server",
    1226: "a limit of the user at the server is used up",
    1227: "the user lacks a privilege",
    1698: "user name or password is wrong",
    1969: "the server ended the query at its time limit",
    3024: "the server ended the query at its time limit",
}
"""Texts of ours where the server's own would name user or host."""

SETTINGS = {
    "DATE": "zero_dates: null turns dates that no calendar has into NULL",
    "TIMESTAMP": "zero_dates: null turns dates that no calendar has into NULL",
    "TIMESTAMP WITH TIME ZONE": "zero_dates: null turns dates that no calendar has into NULL",
    "TIME": "a TIME outside one day can be read as text: CAST it in a view",
    "BOOLEAN": "tinyint1: int reads it as a number",
    "DECIMAL": "the setting numeric says how a DECIMAL of more than 38 digits is read: decimal(p,s), double or text",
}
"""What to do about a value without a place in the announced type."""

_ACCOUNT = re.compile(r"'[^']*'@'[^']*'")


def connecting(source: str, error: BaseException) -> SourceError:
    """Why no connection could be made. The driver's text names the host, so none of it is kept."""
    number = _number(error)
    if number in _REFUSED:
        return SourceRefused(source, f"{_WORDS.get(number, 'the server refused the log-in')} (error {number})")
    if number in _WORDS:
        return SourceUnavailable(source, f"{_WORDS[number]} (error {number})")
    if _timed_out(error):
        return SourceUnavailable(source, "cannot connect: no answer in time; check the URL and connect_timeout")
    if number == 2026:
        return SourceUnavailable(source, "cannot connect: TLS could not be agreed on; check the setting tls")
    return SourceUnavailable(source, "cannot connect; check that the server runs and that the URL is right")


def running(source: str, error: BaseException, *, cancelled: bool = False) -> SourceError:
    """Why a query failed. The server's text is kept where it names no account."""
    if cancelled:
        return SourceCancelled(source, "the query was cancelled")
    if isinstance(error, SourceError):
        return error
    if _timed_out(error):
        return SourceTimeout(source, "the query did not end in time")
    number = _number(error)
    if number is None or 2000 <= number < 3000 or number in _UNAVAILABLE:
        return SourceUnavailable(source, "the connection was lost while a query ran")
    sqlstate = getattr(error, "sqlstate", None)
    text = f"{_WORDS.get(number) or _server_text(error)} (error {number})"
    if number in _REFUSED:
        return SourceRefused(source, text, sqlstate=sqlstate)
    if number in _TIMEOUT:
        return SourceTimeout(source, text, sqlstate=sqlstate)
    if number in _CANCELLED:
        return SourceCancelled(source, "the query was killed at the server", sqlstate=sqlstate)
    if number in _CHANGED:
        return SourceChanged(source, text, sqlstate=sqlstate)
    return SourceQueryFailed(source, text, sqlstate=sqlstate)


def ended_by_server(error: BaseException) -> bool:
    """Whether the server itself answered with an error: nothing of the query runs on."""
    number = _number(error)
    return number is not None and not 2000 <= number < 3000


def _number(error: BaseException) -> int | None:
    if isinstance(error, pymysql.MySQLError) and error.args and isinstance(error.args[0], int):
        return error.args[0]
    return None


def _timed_out(error: BaseException) -> bool:
    """Whether a socket's time limit is behind it; the driver wraps that as a lost or refused connection."""
    behind = (error, error.__context__, getattr(error, "original_exception", None))
    return any(isinstance(cause, TimeoutError) for cause in behind)


def _server_text(error: BaseException) -> str:
    text = str(error.args[1]) if len(error.args) > 1 else "the server gave no reason"
    return _ACCOUNT.sub("'…'", text)[:1000]


def misfit(source: str, column: ReadColumn, value: str) -> ValueDoesNotFit:
    """The error for a value without a place in the announced type."""
    where = column.origin or f"output column {column.name}"
    kind = "DECIMAL" if column.type.startswith("DECIMAL") else column.type
    text = f"{where}: the value {value[:100]!r} does not fit {column.type}"
    return ValueDoesNotFit(source, f"{text}; {SETTINGS[kind]}" if kind in SETTINGS else text)
