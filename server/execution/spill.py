"""Disk space for what does not fit into memory: one private folder a process, a shared bound, files without a name.

Files are unlinked as soon as they are open, so that nothing of ours outlives even SIGKILL; the engine's own files do,
and stand in the folder that the next start of any server on this machine sweeps away.
"""

from __future__ import annotations

import os
import tempfile
import threading
from pathlib import Path

import pyarrow as pa

from server.execution.errors import SpillExceeded
from watersmeet.scratch import ScratchFolder


class SpillArea:
    """A folder of this process, and the bytes that its files may take together. Thread-safe."""

    def __init__(self, directory: Path | None, limit: int) -> None:
        """Raises SpillExceeded when there is no place for a folder."""
        try:
            self._scratch = ScratchFolder(directory, "watersmeet-spill-")
        except OSError as error:
            raise SpillExceeded(f"cannot make a folder in limits.spill_dir: {error.strerror}") from error
        self.folder = self._scratch.path
        self.limit = limit
        self._lock = threading.Lock()
        self._used = 0

    def file(self) -> SpillFile:
        """A new file; nothing is created before it is written to."""
        return SpillFile(self)

    def take(self, size: int) -> None:
        """Reserve bytes. Raises SpillExceeded."""
        with self._lock:
            if self._used + size > self.limit:
                raise SpillExceeded(
                    f"the rows on their way to the engine need more than half of limits.spill ({self.limit * 2:,} bytes):"
                    " filter more, or raise the limit"
                )
            self._used += size

    def give(self, size: int) -> None:
        """Return reserved bytes."""
        with self._lock:
            self._used -= size

    def close(self) -> None:
        """Remove the folder."""
        self._scratch.close()


class SpillFile:
    """Record batches as Arrow IPC messages one after the other. One writer and one reader at a time."""

    def __init__(self, area: SpillArea) -> None:
        self._area = area
        self._file: int | None = None
        self.size = 0

    def append(self, batch: pa.RecordBatch) -> tuple[int, int]:
        """Write a batch; its (offset, length). Raises SpillExceeded."""
        message = memoryview(batch.serialize())
        self._area.take(len(message))
        place = (self.size, len(message))
        self.size += len(message)
        try:
            if self._file is None:
                with tempfile.TemporaryFile(dir=self._area.folder) as file:
                    self._file = os.dup(file.fileno())
            written = 0
            while written < len(message):
                written += os.pwrite(self._file, message[written:], place[0] + written)
        except OSError as error:
            raise SpillExceeded(f"cannot spill to limits.spill_dir: {error.strerror}") from error
        return place

    def read(self, place: tuple[int, int], schema: pa.Schema) -> pa.RecordBatch:
        """The batch written at `place`."""
        assert self._file is not None
        offset, length = place
        parts = bytearray()
        while len(parts) < length:
            part = os.pread(self._file, length - len(parts), offset + len(parts))
            if not part:
                raise SpillExceeded("a spilled file came back short: the disk of limits.spill_dir is failing")
            parts += part
        return pa.ipc.read_record_batch(pa.py_buffer(parts), schema)

    def close(self) -> None:
        """Free the space. Idempotent."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
        self._area.give(self.size)
        self.size = 0
