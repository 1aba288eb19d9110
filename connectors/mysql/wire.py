"""Text results straight from the socket: how a query begins and ends, and a reader of one-column rows without row objects.

PyMySQL's own decoding of rows costs 16 times as much client CPU as this and the CSV parser together. What is taken from
PyMySQL is all before the first row: connecting, authentication, TLS, sending the query, column definitions.
Packets: https://mariadb.com/kb/en/result-set-packets/ (a MySQL page of the same content stands beside it).
"""

from __future__ import annotations

import struct
import time
from collections.abc import Generator, Iterator
from typing import NoReturn

import pymysql
from pymysql.constants import COMMAND

from connectors.mysql.connection import Connection
from watersmeet.spi import SourceQueryFailed, SourceTimeout

BLOCK = 4 << 20
"""Bytes of rows that are handed on together."""

CHUNK = 256 << 10
"""Bytes to ask the socket for at once."""

_MOST = 0xFFFFFF
"""A packet of this length goes on in the next one."""

_header = struct.Struct("<I").unpack_from

# Warnings that say a value was changed or lost on its way; the reference numbers of both servers.
# 1301 is the one that turns an expression longer than max_allowed_packet into NULL.
_LOSS = {1260, 1264, 1265, 1292, 1300, 1301, 1366, 1411, 1441, 1690, 1916, 1977, 3854}


def rows(connection: Connection, sql: str, deadline: float) -> Iterator[list[bytes]]:
    """Run a query and yield its rows' only values, about BLOCK bytes at a time. Raises pymysql's errors and SourceError.

    `deadline` is on time.monotonic()'s clock. The connection is of use again only after the last block.
    """
    begin(connection, sql, deadline)
    warnings = yield from _blocks(connection, deadline)
    if warnings:
        refuse_loss(connection)


def begin(connection: Connection, sql: str, deadline: float) -> None:
    """Send a query and read what comes before its first row."""
    driver = connection.driver
    connection.within(deadline - time.monotonic())
    driver._execute_command(COMMAND.COM_QUERY, sql)
    first = driver._read_packet()
    if first.is_load_local_packet() or first.is_ok_packet():
        raise SourceQueryFailed(connection.source, "the server did not answer with rows")
    for _ in range(first.read_length_encoded_integer()):
        driver._read_packet()
    if not driver._read_packet().is_eof_packet():
        raise SourceQueryFailed(connection.source, "the server's answer does not follow the protocol")


def more(connection: Connection, wanted: int, deadline: float) -> bytes:
    """The next bytes of the result: `wanted` where that is much, else what is there. Raises pymysql's errors."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise SourceTimeout(connection.source, "the query did not end in time")
    connection.socket.settimeout(left)
    stream = connection.driver._rfile
    data: bytes = stream.read(wanted) if wanted > CHUNK else stream.read1(CHUNK)
    if not data:
        raise pymysql.OperationalError(2013, "lost connection")
    return data


def _blocks(connection: Connection, deadline: float) -> Generator[list[bytes], None, int]:
    """Yield the values of row packets up to the end-of-result packet; return its count of warnings."""
    values: list[bytes] = []
    append = values.append
    size = 0
    data = b""
    position = 0
    while True:
        end = len(data)
        while position + 5 <= end:
            length = _header(data, position)[0] & _MOST
            start = position + 4
            stop = start + length
            if stop > end:
                break
            kind = data[start]
            if length == _MOST:
                break
            if kind < 0xFB:
                append(data[start + 1 : stop])
            elif kind == 0xFC:
                append(data[start + 3 : stop])
            elif kind == 0xFD:
                append(data[start + 4 : stop])
            else:
                if kind == 0xFE and length < 9:
                    if values:
                        yield values
                    return int.from_bytes(data[start + 1 : start + 3], "little")
                refuse_packet(connection, data[start:stop])
            size += length
            position = stop
        if size >= BLOCK:
            yield values
            values = []
            append = values.append
            size = 0
        data = data[position:]
        position = 0
        wanted = _missing(data)
        if wanted < 0:
            value, data = _long_value(connection, data, deadline)
            append(value)
            size += len(value)
            continue
        data += more(connection, wanted, deadline)


def _missing(data: bytes) -> int:
    """Bytes that the row packet at the start of `data` still lacks; -1 for one that goes on in further packets."""
    if len(data) < 4:
        return 1
    length = _header(data + b"\0")[0] & _MOST
    return -1 if length == _MOST else max(length + 4 - len(data), 1)


def _long_value(connection: Connection, data: bytes, deadline: float) -> tuple[bytes, bytes]:
    """A value of 16 MiB or more, whose row spans several packets, and what was read beyond it."""
    payload = bytearray()
    length = _MOST
    while length == _MOST:
        while len(data) < 4 or len(data) < 4 + (_header(data)[0] & _MOST):
            wanted = 4 + (_header(data)[0] & _MOST) - len(data) if len(data) >= 4 else 4 - len(data)
            data += more(connection, wanted, deadline)
        length = _header(data)[0] & _MOST
        payload += data[4 : 4 + length]
        data = data[4 + length :]
    prefix = {0xFC: 3, 0xFD: 4, 0xFE: 9}.get(payload[0], 1)
    return bytes(payload[prefix:]), data


def refuse_packet(connection: Connection, payload: bytes) -> NoReturn:
    """Raise what a packet says that is neither a row nor the end."""
    if payload[0] == 0xFB:
        raise SourceQueryFailed(
            connection.source, "a row is longer than the server's max_allowed_packet; raise it or read fewer columns"
        )
    packet = pymysql.protocol.MysqlPacket(payload, "utf8mb4")
    packet.raise_for_error()
    raise SourceQueryFailed(connection.source, "the server's answer does not follow the protocol")


def refuse_loss(connection: Connection) -> None:
    """Raise if the server warned that it changed a value: in SELECT even strict mode makes no error of it."""
    for _level, number, text in connection.run("SHOW WARNINGS"):
        if number in _LOSS:
            raise SourceQueryFailed(connection.source, f"a value did not survive at the server: {text} ({number})")
