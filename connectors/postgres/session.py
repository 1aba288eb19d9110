"""What a connection to the server does, whichever client of the protocol makes it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import ClassVar, Generic, TypeVar

import pyarrow as pa

from connectors.postgres.literals import literal
from watersmeet.spi import Read

_SETTINGS = {
    "TimeZone": "UTC",
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "postgres",
    "extra_float_digits": "1",
    "standard_conforming_strings": "on",
    "bytea_output": "hex",
    "client_encoding": "UTF8",
    # Our SQL names built-in functions and operators only; in any other schema somebody may have put a better-fitting
    # one of the same name (CVE-2018-1058).
    "search_path": "pg_catalog",
}
"""What each of our transactions is set to; local to it, so that it holds behind a transaction pooler, too."""

BATCH_BYTES = 4 << 20
"""Bytes of rows that one batch is made from. Measured: 1 MiB costs 20 % more CPU, 16 MiB 15 % (cache misses)."""


class Stream(ABC):
    """A running query: its batches, pulled one by one. Close it before anything else runs on its connection."""

    over = False
    """At its end: whether the transaction has ended, too."""

    @abstractmethod
    def next(self) -> pa.RecordBatch | None:
        """The next batch; None at the end. Raises what the driver raises, SourceError."""

    @abstractmethod
    def drain(self, until: float) -> bool:
        """Read what is left and drop it, after a cancel; whether the end came by `until` (of time.monotonic)."""

    @abstractmethod
    def close(self) -> None: ...


class Connection(ABC):
    """One connection. One thread at a time uses it; only `cancel` may come from another one."""

    @abstractmethod
    def run(self, sql: str) -> int:
        """Run statements of our own making whose rows nobody reads; several, with ';', in one round trip.

        The number of rows that the last one changed.
        """

    @abstractmethod
    def read(self, source: str, read: Read) -> Stream:
        """A read's rows in the announced types. Raises what the driver raises, SourceError."""

    def read_alone(self, source: str, read: Read, settings: Iterable[tuple[str, str]]) -> Stream:
        """A read-only transaction with nothing but this read: `begin` and `read`."""
        self.begin(settings)
        return self.read(source, read)

    @abstractmethod
    def rows(self, sql: str) -> list[dict[str, object]]:
        """All rows of a small query."""

    @abstractmethod
    def cancel(self) -> None:
        """Ask the server to end what runs here: from any thread. Does nothing on a closed connection."""

    @abstractmethod
    def close(self) -> None: ...

    @property
    def answered(self) -> bool:
        """Whether the server has answered what was sent last with anything but an error. Where that is not known: yes."""
        return True

    def begin(self, settings: Iterable[tuple[str, str]], snapshot: str | None = None) -> None:
        """Start a read-only transaction with one snapshot: a new one, or that which another transaction exported."""
        self.run("; ".join(begin(settings, snapshot)))

    def begin_writing(self, settings: Iterable[tuple[str, str]]) -> None:
        """Start a transaction that may write, at the level at which concurrent writers wait for each other."""
        self.run(f"BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SELECT {_SETTLED}, {_assigned(settings)}")


C = TypeVar("C", bound=Connection)


class Connector(ABC, Generic[C]):
    """Makes connections to one server."""

    pipelines: ClassVar[bool] = False
    """Whether `read_alone` takes one round trip, of its connections, and the transaction ends with the last row."""

    @abstractmethod
    def connect(self) -> C:
        """A new connection. Raises adbc.Error, OSError."""

    @abstractmethod
    def statement(self, read: Read) -> str:
        """The SQL of a read on such a connection."""

    def close(self) -> None:  # noqa: B027: most have nothing to close
        """Give up what the connections share."""


def begin(settings: Iterable[tuple[str, str]], snapshot: str | None = None) -> Sequence[str]:
    """The statements that start a read-only transaction; see `Connection.begin`."""
    share = [f"SET TRANSACTION SNAPSHOT '{snapshot}'"] if snapshot else []
    assigned = _assigned([("default_transaction_read_only", "on"), *settings])
    return ["BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", *share, f"SELECT {_SETTLED}, {assigned}"]


def _assigned(settings: Iterable[tuple[str, str]]) -> str:
    return ", ".join(
        f"pg_catalog.set_config({literal(name, 'VARCHAR')}, {literal(value, 'VARCHAR')}, true)"
        for name, value in settings
    )


_SETTLED = _assigned(_SETTINGS.items())
"""What every transaction begins with, put together once."""
