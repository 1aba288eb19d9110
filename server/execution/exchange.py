"""A fragment's rows on their way to the engine: a queue bounded by bytes, which may overflow into a file.

The engine pulls its inputs one after another, in an order of its own; so each fragment is read ahead by a thread. Where
several reads must share one connection, a reader that waited for room in its queue would keep the connection from the
read that the engine is waiting for: such an exchange overflows to disk and never waits.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator

import pyarrow as pa

from server.execution.spill import SpillFile


class Abandoned(Exception):
    """Nobody wants the rows any more: the producer stops."""


class Exchange:
    """A stream of batches between one producing and one consuming thread."""

    def __init__(self, schema: pa.Schema, memory: int) -> None:
        self.schema = schema
        self._memory = memory
        """Bytes that may wait here."""
        self._overflow: SpillFile | None = None
        self._changed = threading.Condition()
        self._queue: deque[tuple[pa.RecordBatch | tuple[int, int], int]] = deque()
        """Each a batch with its bytes, or its place in the file with 0."""
        self._held = 0
        self._finished = False
        self._error: BaseException | None = None
        self.spilled = 0
        """Bytes that went to the file."""

    def overflow_to(self, file: SpillFile) -> None:
        """Keep what does not fit in a file, which the exchange owns from now on."""
        with self._changed:
            self._overflow = file

    # ------------------------------------------------------------ the producer

    def put(self, batch: pa.RecordBatch) -> None:
        """Hand over a batch; waits for room unless it can overflow. Raises Abandoned, SpillExceeded."""
        size = batch.nbytes
        with self._changed:
            if self._overflow is None:
                # One batch is let in whatever its size: a batch larger than the whole bound must pass, too.
                while self._error is None and self._held and self._held + size > self._memory:
                    self._changed.wait()
            if self._error is not None:
                raise Abandoned
            if self._overflow is not None and self._held + size > self._memory:
                self._queue.append((self._overflow.append(batch), 0))
                self.spilled += size
            else:
                self._queue.append((batch, size))
                self._held += size
            self._changed.notify_all()

    def check(self) -> None:
        """Raises Abandoned if nobody wants rows any more."""
        with self._changed:
            if self._error is not None:
                raise Abandoned

    @property
    def finished(self) -> bool:
        """Whether all batches were put."""
        return self._finished

    def finish(self) -> None:
        """No more batches: the consumer comes to the regular end."""
        with self._changed:
            self._finished = True
            self._changed.notify_all()

    def fail(self, error: BaseException) -> None:
        """End both sides: the consumer raises `error`, the producer Abandoned. The first error stays."""
        with self._changed:
            if self._error is None:
                self._error = error
            self._queue.clear()
            self._held = 0
            if self._overflow is not None:
                self._overflow.close()
            self._changed.notify_all()

    # ------------------------------------------------------------ the consumer

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The batches in order; may be called once. Raises what `fail` was given, also in place of a regular end."""
        while (batch := self._take()) is not None:
            yield batch

    def reader(self) -> pa.RecordBatchReader:
        """The same as an Arrow stream."""
        return pa.RecordBatchReader.from_batches(self.schema, self.batches())

    def _take(self) -> pa.RecordBatch | None:
        with self._changed:
            while self._error is None and not self._queue and not self._finished:
                self._changed.wait()
            if self._error is not None:
                raise self._error
            if not self._queue:
                return None
            item, size = self._queue.popleft()
            self._held -= size
            self._changed.notify_all()
            if isinstance(item, pa.RecordBatch):
                return item
            assert self._overflow is not None
            return self._overflow.read(item, self.schema)
