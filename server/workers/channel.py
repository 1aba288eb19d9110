"""The front's end of a channel: a way into a worker that serves one call at a time, on a thread of its own there.

The thread that makes a call waits on the channel itself: nothing is queued and nobody passes answers on. A channel that
is closed in the middle of a call tells the worker that nobody wants the answer.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterable, Iterator

import pyarrow as pa

from server.workers import slots
from server.workers.messages import Hangup, Kind, Link, Message, Overdue
from server.workers.slots import Slots

_ENDING = 1.0
"""Seconds that a worker is given to let go of what a call used, before its channel is closed without waiting."""


class Channel:
    """Used by the one thread whose call it serves; `cut` may come from any."""

    def __init__(self, control: socket.socket) -> None:
        """A new channel, handed to the worker behind `control`. Raises OSError."""
        ours, theirs = socket.socketpair()
        with theirs:
            memory = slots.make()
            try:
                self._slots = Slots(memory)
                socket.send_fds(control, [b"\0"], [theirs.fileno(), memory])
            except OSError:
                ours.close()
                raise
            finally:
                os.close(memory)
        self._link = Link(ours)
        self._busy = False
        self._whole = True
        """Whether the worker can still be told something, and what comes from it is known."""
        self._deadline = 0.0
        self.unwanted = False
        """Whether the worker has been told so of the answer, and has been given time: it may hang up then."""

    @property
    def idle(self) -> bool:
        """Whether the next call may have it."""
        return self._whole and not self._busy

    def call(self, name: str, arguments: tuple[object, ...], deadline: float) -> None:
        """Begin a call that must be through by `deadline` (of time.monotonic). Raises Hangup, Overdue."""
        self._busy = True
        self._deadline = deadline
        self._link.within(_until(deadline))
        self._link.send_value(Kind.CALL, (name, arguments))

    def answer(self) -> object:
        """What the call returns. Raises what it raises, Hangup and Overdue."""
        value = self._receive().value()
        self._busy = False
        return value

    def frames(self) -> Iterator[bytes]:
        """The stream that the call returns. Raises what it raises, Hangup and Overdue."""
        while (message := self._receive()).kind is not Kind.END:
            if message.kind is Kind.SLOT:
                frame = self._slots.read(message.slot, message.size)
                self._link.send(Kind.TAKEN)
                yield frame
            else:
                yield message.payload
        self._busy = False

    def upload(self, batches: Iterable[pa.RecordBatch]) -> None:
        """Send what the call brings along, before its answer. Raises what `batches` raises, and Overdue."""
        self._whole = False  # how much of it a worker reads that fails, nobody knows: it hangs up afterwards
        sink = _Pieces()
        writer = None
        try:
            for batch in batches:
                if writer is None:
                    writer = pa.ipc.new_stream(pa.PythonFile(sink, mode="w"), batch.schema)
                writer.write_batch(batch)
                self._link.within(_until(self._deadline))
                self._link.send(Kind.DATA, *sink.taken())
            if writer is not None:
                writer.close()
                self._link.send(Kind.DATA, *sink.taken())
            self._link.send(Kind.DATA)
        except Hangup:
            pass  # the worker stopped listening; it said why, or it is gone: `answer` tells

    def _receive(self) -> Message:
        """The next message. Raises the exception that it carries."""
        # A slow client may have used the time up: what has been sent to it since is still there.
        self._link.within(_until(self._deadline))
        message = self._link.receive()
        if message.kind is Kind.ERROR:
            self._busy = False
            error = message.value()
            assert isinstance(error, Exception)
            raise error
        return message

    def cut(self, *, gently: bool) -> None:
        """Tell the worker that the answer is not wanted; if not gently, the thread that waits here as well."""
        self._whole = False
        self.unwanted = gently
        self._link.shut(socket.SHUT_WR if gently else socket.SHUT_RDWR)

    def close(self) -> None:
        """Close it. In the middle of a call, wait a moment for the worker to let go of what the call uses."""
        if not self.idle:
            self.cut(gently=True)
            end = time.monotonic() + _ENDING
            try:
                while (left := end - time.monotonic()) > 0:
                    self._link.within(left)
                    self._link.receive()
            except (Hangup, Overdue):
                pass
        self._link.close()
        self._slots.close()


class _Pieces:
    """What an IPC writer writes to: keeps what it is handed, copies nothing."""

    closed = False

    def __init__(self) -> None:
        self._pieces: list[bytes | pa.Buffer] = []

    def write(self, piece: bytes | pa.Buffer) -> int:
        self._pieces.append(piece)
        return len(piece)

    def taken(self) -> list[bytes | pa.Buffer]:
        taken, self._pieces = self._pieces, []
        return taken

    def flush(self) -> None:
        """Nothing is held back."""


def _until(deadline: float) -> float:
    """Seconds to wait for a message."""
    return max(1.0, deadline - time.monotonic())
