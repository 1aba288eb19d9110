"""Waits for a signal that must not be missed."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def listening() -> Iterator[socket.socket]:
    """A socket to which each signal with a Python handler writes a byte: to wait for one, receive it. On the main thread.

    Python runs handlers on the main thread alone, and a system may deliver a signal to another one: a main thread that
    waits for a lock, or in signal.pause(), was seen to sleep on. What the interpreter itself writes does wake it.
    """
    told, wake = socket.socketpair()
    with told, wake:
        wake.setblocking(False)
        before = signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
        try:
            yield told
        finally:
            signal.set_wakeup_fd(before)
