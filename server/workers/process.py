"""One worker process as the front sees it: how it is started, its channels, and how it ends."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from contextlib import suppress
from enum import Enum

from server.workers.channel import Channel
from server.workers.confinement import ENVIRONMENT
from server.workers.messages import Hangup, Kind, Link, Message
from server.workers.orders import Orders

_KEPT = 8
"""Idle channels that are kept. Each holds up to 8 MiB of shared memory."""
_HANDOVER = 5.0
"""Seconds in which a worker must have room in its control socket."""


class State(Enum):
    STARTING = "starting"
    READY = "ready"
    RETIRED = "retired"
    """Gets no new calls; what it runs may go on for a while."""
    DEAD = "dead"


class Worker:
    """A process that has been started. Its owner, the supervisor, guards what is not private."""

    def __init__(self, place: int, orders: Orders) -> None:
        """Start it. A fresh interpreter: a fork would inherit gRPC's locks without the threads that hold them."""
        self.number = orders.number
        self.place = place
        """Which part of the server's limits it has."""
        self.most = orders.statements
        self.state = State.STARTING
        self.calls = 0
        self.statements = 0
        """Of the calls, those that take one of the places for running statements."""
        self.suspects = 0
        """Of the calls, those whose first worker was lost."""
        self.placed = 0
        """When it got its last call, in calls of the server: for taking turns."""
        self.seen = time.monotonic()
        """When it last showed that it is alive."""
        self.kill_at = float("inf")
        """When its patience is over, once it is retired."""
        self._idle: list[Channel] = []
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "server.workers.worker", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                env={**os.environ, **ENVIRONMENT, "PYTHONPATH": _path()},
            )
        self._control = ours
        self._link = Link(ours)
        ours.settimeout(_HANDOVER)
        with suppress(Hangup):  # it is dead already, and its supervisor will notice
            self._link.send_value(Kind.ORDERS, orders)

    @property
    def pid(self) -> int:
        return self._process.pid

    def fileno(self) -> int:
        return self._control.fileno()

    def receive(self) -> Message:
        """Its next message to the supervisor. Raises Hangup."""
        return self._link.receive()

    # ------------------------------------------------------------ channels

    def take(self) -> Channel:
        """A channel that is idle or new, the one used last first: its memory is warm. Raises OSError."""
        try:
            return self._idle.pop()
        except IndexError:
            return Channel(self._control)

    def keep(self, channel: Channel) -> bool:
        """Take back a channel, if the next call may have it; if not, it is the caller's to close."""
        kept = channel.idle and self.state is State.READY and len(self._idle) < _KEPT
        if kept:
            self._idle.append(channel)
        return kept

    # ------------------------------------------------------------ its end

    def hang_up(self) -> None:
        """Tell it to end; it cancels what it runs."""
        self._link.shut(socket.SHUT_WR)

    def kill(self) -> None:
        self._process.kill()

    def wait(self, seconds: float) -> int:
        """How it ended: its exit code, or the negative number of a signal. Killed if it takes longer than `seconds`."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def close(self) -> None:
        """Close this end of everything. For a process that has ended."""
        self._link.close()
        while self._idle:
            self._idle.pop().close()


def _path() -> str:
    """Where this process imports from, for another one."""
    return os.pathsep.join(folder or os.getcwd() for folder in sys.path)
