"""The worker's end of a channel: a thread that takes one call after the other, and sends values, errors and streams.

A new kind of call that takes values and returns one is a line in CALLS.
"""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from typing import cast

import pyarrow as pa

from auth.errors import AuthError
from auth.principal import Principal
from planner.errors import PlanningError
from server.execution.errors import EngineFailed, ExecutionError, MemoryExceeded, StatementCancelled
from server.frames import Encoder, Frame
from server.requests import Ingest, Request
from server.workers import slots
from server.workers.inprocess import Executor
from server.workers.messages import Hangup, Kind, Link, Message
from server.workers.slots import Slots
from watersmeet.spi import SourceError

INLINE = 64 * 1024
"""Bytes of a frame that is sent through the socket: below it, one message costs less than two."""
CALLS: dict[str, Callable[[Executor], Callable[..., object]]] = {
    "describe": lambda executor: executor.describe,
    "catalogs": lambda executor: executor.catalogs,
    "cancel": lambda executor: executor.cancel,
    "refresh": lambda executor: executor.refresh,
    "update": lambda executor: executor.update,
}
"""What can be called with values only."""

_CANCELLED = "the statement was cancelled"

log = logging.getLogger(__name__)


class Serving:
    """One channel. `start` it once; it ends when either end hangs up."""

    def __init__(self, ours: socket.socket, memory: int, executor: Executor) -> None:
        """Owns the socket; `memory`, the descriptor of the slots, stays the caller's."""
        self._link = Link(ours)
        self._slots = Slots(memory)
        self._executor = executor
        self._lock = threading.Lock()
        self._users = 2
        """The thread and whoever waits for the hang-up: the last one closes."""
        self._cancel: Callable[[], object] | None = None
        self._gone = False
        self._filled = 0
        """Slots that the front has not emptied."""
        self._next = 0

    def fileno(self) -> int:
        return self._link.fileno()

    def start(self) -> None:
        """Raises RuntimeError, and hangs up, when the system has no thread."""
        try:
            threading.Thread(target=self._serve, name="channel", daemon=True).start()
        except RuntimeError:
            self._users = 1
            self._leave()
            raise

    def hung_up(self) -> None:
        """The front does not want the answer any more: cancel what runs. Quick."""
        with self._lock:
            self._gone = True
            cancel = self._cancel
        if cancel is not None:
            # Cancelling may wait for a source.
            threading.Thread(target=cancel, name="hang-up", daemon=True).start()
        self._leave()

    def _leave(self) -> None:
        with self._lock:
            self._users -= 1
            if self._users:
                return
        self._link.close()
        self._slots.close()

    # ------------------------------------------------------------ the channel's thread

    def _serve(self) -> None:
        try:
            while True:
                name, arguments = cast(tuple[str, tuple[object, ...]], self._receive().value())
                try:
                    self._run(name, arguments)
                except Hangup:
                    raise
                except Exception as error:  # noqa: BLE001 - whatever it is, the front gets to know
                    self._link.send_value(Kind.ERROR, passable(error))
                if name == "ingest":
                    break  # if it failed, nobody knows how much of it is still to come
        except Hangup:
            pass
        finally:
            self._link.shut(socket.SHUT_RDWR)
            self._leave()

    def _run(self, name: str, arguments: tuple[object, ...]) -> None:
        match name, arguments:
            case "stream", (Request() as request, Principal() as principal, float() as timeout, compression):
                self._stream(request, principal, timeout, cast(str | None, compression))
                self._link.send(Kind.END)
                return
            case "ingest", (Ingest() as ingest, Principal() as principal, float() as timeout):
                batches = _Upload(self._receive).batches()
                with self._cancelled_by(partial(self._executor.cancel, ingest.query_id)):
                    value: object = self._executor.ingest(ingest, batches, principal, timeout)
            case "update", (Request() as request, *_):
                with self._cancelled_by(partial(self._executor.cancel, request.query_id)):
                    value = CALLS[name](self._executor)(*arguments)
            case _:
                value = CALLS[name](self._executor)(*arguments)
        self._link.send_value(Kind.VALUE, value)

    def _stream(self, request: Request, principal: Principal, timeout: float, compression: str | None) -> None:
        with closing(self._executor.execute(request, principal, timeout)) as answer, self._cancelled_by(answer.cancel):
            encoder = Encoder(answer.schema, compression)
            # Sent with the first rows: until then the statement can be run anew elsewhere, should this process die.
            self._link.hold(Kind.FRAME, *encoder.schema_frame().pieces)
            for batch in answer.batches():
                for frame in encoder.frames(batch):
                    self._send(frame)

    def _send(self, frame: Frame) -> None:
        if not INLINE < frame.size <= slots.SIZE:
            self._link.send(Kind.FRAME, *frame.pieces)
            return
        while self._filled == slots.COUNT:
            self._took(self._link.receive())
        self._slots.write(self._next, frame)
        self._link.send(Kind.SLOT, slot=self._next, size=frame.size)
        self._filled += 1
        self._next = (self._next + 1) % slots.COUNT

    def _receive(self) -> Message:
        """The next message that is not about slots."""
        while (message := self._link.receive()).kind is Kind.TAKEN:
            self._took(message)
        return message

    def _took(self, message: Message) -> None:
        assert message.kind is Kind.TAKEN
        self._filled -= 1

    @contextmanager
    def _cancelled_by(self, cancel: Callable[[], object]) -> Iterator[None]:
        """Have a hang-up call `cancel` while the context is open."""
        with self._lock:
            self._cancel = cancel
            gone = self._gone
        try:
            if gone:
                raise StatementCancelled(_CANCELLED)
            yield
        finally:
            with self._lock:
                self._cancel = None


class _Upload:
    """What the front sends after a call: DATA messages, an IPC stream together, until an empty one. A file to Arrow."""

    closed = False

    def __init__(self, receive: Callable[[], Message]) -> None:
        self._receive = receive
        self._rest = memoryview(b"")
        self._ended = False

    def batches(self) -> Iterator[pa.RecordBatch]:
        self._fill()
        if not self._ended:
            with pa.ipc.open_stream(pa.PythonFile(self, mode="r")) as reader:
                yield from reader

    def read(self, size: int) -> bytes:
        parts = []
        while size and not self._ended:
            part = self._rest[:size]
            parts.append(part)
            size -= len(part)
            self._rest = self._rest[len(part) :]
            if not self._rest:
                self._fill()
        return b"".join(parts)

    def close(self) -> None:
        """There is nothing to close: the link is the channel's."""

    def _fill(self) -> None:
        try:
            self._rest = memoryview(self._receive().payload)
        except Hangup:
            raise StatementCancelled(_CANCELLED) from None
        self._ended = not self._rest


def passable(error: Exception) -> Exception:
    """`error` if the front knows it; else one that says no more than that, and the log the rest."""
    if isinstance(error, (PlanningError, ExecutionError, SourceError, AuthError)):
        return error
    if isinstance(error, MemoryError):
        return MemoryExceeded("the process that ran the statement has used its share of limits.memory up")
    log.error("an unforeseen error", exc_info=error)
    return EngineFailed(f"internal error: {type(error).__name__}, see the log")
