"""Messages between the front and a worker over a Unix socket: an eight-byte header and a payload.

Values are pickled: both ends are the same program under the same user, and nobody else has the sockets.
"""

from __future__ import annotations

import pickle
import socket
import struct
from contextlib import suppress
from enum import IntEnum
from typing import NamedTuple

import pyarrow as pa

_HEADER = struct.Struct("<BBxxI")
"""Kind, slot, and the bytes of the payload; of a SLOT the bytes in the slot."""
_BUFFER = 64 * 1024


class Kind(IntEnum):
    """What a message says. Front to worker: ORDERS, CALL, DATA, TAKEN; the others come back."""

    ORDERS = 1
    """The first on a control socket: an Orders."""
    READY = 2
    """The worker takes calls from now on."""
    FAILED = 3
    """The worker could not start: the exception."""
    BEAT = 4
    """The worker is alive."""
    CALL = 5
    """A call's name and its arguments."""
    DATA = 6
    """A piece of what a call brings along; an empty one ends it."""
    TAKEN = 7
    """What was in the oldest filled slot is copied: it may be filled again."""
    VALUE = 8
    """A call's answer."""
    ERROR = 9
    """The exception that ended a call or a stream."""
    FRAME = 10
    """A frame of a stream."""
    SLOT = 11
    """A frame of a stream, which lies in a slot."""
    END = 12
    """A stream is complete."""


class Hangup(Exception):
    """The other end is gone."""


class Overdue(Exception):
    """The other end did not answer in time."""


class Message(NamedTuple):
    kind: Kind
    slot: int
    size: int
    payload: bytes

    def value(self) -> object:
        """What is pickled in the payload."""
        return pickle.loads(self.payload)


class Link:
    """One end of a socket. One thread receives and one sends at a time. Owns the socket."""

    def __init__(self, ours: socket.socket) -> None:
        self._socket = ours
        self._reader = ours.makefile("rb", _BUFFER)
        self._held: list[bytes | pa.Buffer] = []

    def fileno(self) -> int:
        return self._socket.fileno()

    def hold(self, kind: Kind, *pieces: bytes | pa.Buffer, slot: int = 0, size: int | None = None) -> None:
        """Send a message together with the next one. `size`: of what is not in the message."""
        self._held.append(_HEADER.pack(kind, slot, sum(map(len, pieces)) if size is None else size))
        self._held += pieces

    def send(self, kind: Kind, *pieces: bytes | pa.Buffer, slot: int = 0, size: int | None = None) -> None:
        """Send a message, and those held before it. Raises Hangup, and Overdue after the last `receive`'s timeout."""
        self.hold(kind, *pieces, slot=slot, size=size)
        data = b"".join(self._held)
        self._held.clear()
        try:
            self._socket.sendall(data)
        except TimeoutError:
            raise Overdue from None
        except (OSError, ValueError):  # ValueError: closed by this end
            raise Hangup from None

    def send_value(self, kind: Kind, value: object) -> None:
        """Send a message that carries a value."""
        self.send(kind, pickle.dumps(value, pickle.HIGHEST_PROTOCOL))

    def within(self, seconds: float | None) -> None:
        """How long each further wait may take; None: for ever."""
        self._socket.settimeout(seconds)

    def receive(self) -> Message:
        """The next message. Raises Hangup, Overdue."""
        kind, slot, size = _HEADER.unpack(self._read(_HEADER.size))
        payload = b"" if kind == Kind.SLOT else self._read(size)
        return Message(Kind(kind), slot, size, payload)

    def _read(self, size: int) -> bytes:
        try:
            data: bytes = self._reader.read(size)
        except TimeoutError:
            raise Overdue from None
        except (OSError, ValueError):
            raise Hangup from None
        if len(data) < size:
            raise Hangup
        return data

    def shut(self, how: int) -> None:
        """Shut the socket down in one direction or both: whoever waits at either end is woken."""
        with suppress(OSError):  # the other end is gone
            self._socket.shutdown(how)

    def close(self) -> None:
        self._reader.close()
        self._socket.close()
