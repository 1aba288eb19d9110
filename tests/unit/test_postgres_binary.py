"""What PostgreSQL itself never answers a read with, by a server that is almost PostgreSQL."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import adbc_driver_manager as adbc
import pytest

from connectors.postgres.binary import BinaryConnection
from connectors.postgres.endpoint import Endpoint
from connectors.postgres.protocol import Channel

pytestmark = pytest.mark.usefixtures("decoder")

Messages = list[tuple[bytes, bytes]]
READY = (b"Z", b"I")
PARSED, BOUND, NO_DATA, EMPTY, COMPLETE = (b"1", b""), (b"2", b""), (b"n", b""), (b"I", b""), (b"C", b"SELECT 1\0")


def described(format_: int) -> tuple[bytes, bytes]:
    """The RowDescription of an int4 named a."""
    return b"T", struct.pack(">H", 1) + b"a\0" + struct.pack(">IhIhih", 0, 0, 23, 4, -1, format_)


def row(value: bytes) -> tuple[bytes, bytes]:
    return b"D", struct.pack(">Hi", 1, len(value)) + value


@contextmanager
def answering(*answers: Messages) -> Iterator[BinaryConnection]:
    """A connection to a server that gives these answers, one after the other."""

    def serve() -> None:
        peer, _ = listener.accept()
        with peer:
            for answer in ([(b"R", b"\0\0\0\0"), READY], *answers):
                peer.recv(65536)
                peer.sendall(b"".join(kind + struct.pack(">I", len(data) + 4) + data for kind, data in answer))
            peer.recv(65536)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = threading.Thread(target=serve, daemon=True)
        serving.start()
        port = listener.getsockname()[1]
        where = Endpoint(host="127.0.0.1", port=port, user="u", password=None, database="d", mode="disable", options={})
        connection = BinaryConnection(Channel(where))
        try:
            yield connection
        finally:
            connection.close()
            serving.join()


BINARY: Messages = [PARSED, BOUND, described(1), row(b"\0\0\0\7"), COMPLETE, READY]


@pytest.mark.parametrize(
    "answer",
    [
        [PARSED, BOUND, described(0), row(b"7"), row(b"1234"), COMPLETE, READY],
        [PARSED, BOUND, NO_DATA, COMPLETE, READY],
        [PARSED, BOUND, NO_DATA, EMPTY, READY],
    ],
)
def test_rows_as_text_and_no_rows_are_refused_and_the_connection_can_be_used_again(answer: Messages) -> None:
    with answering(answer, BINARY) as connection:
        with pytest.raises(adbc.Error, match="no rows in binary") as caught:
            connection.rows("SELECT 1 AS a")
        assert caught.value.sqlstate == "0A000"
        assert connection.rows("SELECT 7 AS a") == [{"a": 7}]
