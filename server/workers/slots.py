"""Memory that a worker writes frames to and the front reads them from: two slots, so that one is filled while the other
is emptied. A client that reads slowly holds the worker up after two of them.

Measured with frames of 4 MiB: the front spends 0.2 CPU seconds a GB on the copy out of a slot; over a socket, 0.9 on
both sides together.
"""

from __future__ import annotations

import fcntl
import mmap
import os

from server.frames import Frame

COUNT = 2
SIZE = 4 * 1024 * 1024
"""Bytes of a slot: every frame but one of a single large row fits."""


def make() -> int:
    """A descriptor of new slots, whose size nobody can change. Owned by the caller."""
    descriptor = os.memfd_create("watersmeet-slots", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(descriptor, COUNT * SIZE)
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
    return descriptor


class Slots:
    """The slots of one channel, at one of its ends."""

    def __init__(self, descriptor: int) -> None:
        """Over `make`'s descriptor, which stays its owner's."""
        self._memory = mmap.mmap(descriptor, COUNT * SIZE)

    def write(self, slot: int, frame: Frame) -> None:
        frame.write(self._memory, slot * SIZE)

    def read(self, slot: int, size: int) -> bytes:
        """A copy of the first `size` bytes of a slot."""
        start = slot * SIZE
        return self._memory[start : start + size]

    def close(self) -> None:
        self._memory.close()
