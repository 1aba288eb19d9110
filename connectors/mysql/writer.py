"""A transaction that changes a MySQL or MariaDB source.

Rows go as INSERTs of many rows each, with literals that this connector prints. Data definition commits by itself here,
so a table that an ingest makes gets its rows under a name of its own, and is renamed when all is there: RENAME TABLE is
one step for everybody who looks, also when it replaces another table.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import pyarrow as pa
import pymysql

from connectors.mysql import rows
from connectors.mysql.catalog import UNFINISHED
from connectors.mysql.connection import Connection, Pool
from connectors.mysql.datatypes import stored
from connectors.mysql.reader import tagged
from watersmeet.spi import (
    OutcomeUnknown,
    SourceCancelled,
    SourceError,
    SourceQueryFailed,
    SourceRefused,
    SourceTimeout,
    Table,
    Tag,
    ValueDoesNotFit,
)

log = logging.getLogger(__name__)

_COMMITTING = 30.0
"""Seconds to wait for the server's answer to a COMMIT; after them the outcome is unknown."""
_CUT = {1265, 1292}
"""Notes of a value that was cut, as blanks beyond a column's length are."""
_LOCK_WAIT = 1205
_DYING = {1053, 1927, 3169, 4031}
"""Server errors that say the session ended; what it was doing may have been done."""

_ENGINE = """
SELECT t.table_type, t.engine, e.transactions
FROM information_schema.tables AS t LEFT JOIN information_schema.engines AS e ON e.engine = t.engine
WHERE t.table_schema = {} AND t.table_name = {}
"""
_REFERENCES = """
SELECT constraint_name FROM information_schema.referential_constraints
WHERE unique_constraint_schema = {0} AND referenced_table_name = {1}
  AND NOT (constraint_schema = {0} AND table_name = {1})
"""


class MysqlWriter:
    """Implements `watersmeet.spi.Writer`."""

    def __init__(self, source: str, pool: Pool, tag: Tag) -> None:
        """Begin. Raises SourceError."""
        self._source = source
        self._pool = pool
        self._tag = tag
        self._deadline = time.monotonic() + tag.timeout
        self._lock = threading.Lock()
        self._cancelled = False
        self._committing = False
        self._sound = True
        """Whether the connection may be used again after a ROLLBACK."""
        self._closed = False
        self._made: Table | None = None
        """The table that is made, under the name that it is to have; None when there is none, or it has its name."""
        self._working = Table(schema="", name="", columns=())
        """The same under the name that it has until then."""
        self._replaces = False
        self._checked: set[tuple[str, str]] = set()
        self._connection: Connection = pool.take(tag.timeout)
        try:
            (packet,) = self._run("SELECT @@max_allowed_packet")[0]
            self._packet = int(str(packet))
            left = max(1, int(self._left()))
            self._run(f"SET SESSION innodb_lock_wait_timeout = {left}, lock_wait_timeout = {left}")
            self._run("START TRANSACTION READ WRITE")
        except BaseException:
            self._sound = False
            self.close()
            raise

    # ------------------------------------------------------------ the writing thread

    def run(self, table: Table, sql: str) -> int:
        """See the contract."""
        self._check_engine(table)
        return self._change(sql)

    def insert(self, table: Table, batches: Iterator[pa.RecordBatch]) -> int:
        """See the contract."""
        self._check_engine(table)
        return sum(
            self._change(sql) for batch in batches for sql in rows.insertions(self._source, table, batch, self._packet)
        )

    def create(self, table: Table, *, replaces: bool) -> Table:
        """See the contract."""
        parts = []
        for column in table.columns:
            if (type_ := stored(column.type, mariadb=self._connection.mariadb)) is None:
                where = f"{table.schema}.{table.name}.{column.name}"
                raise ValueDoesNotFit(
                    self._source, f"column {where}: there is no type for {column.type} at this source"
                )
            parts.append((replace(column, type=type_.announced), f"{rows.quoted(column.name)} {type_.sql}"))
        number = re.sub("[^0-9A-Za-z]", "", self._tag.query_id)[-32:]
        working = replace(table, name=f"{UNFINISHED}{number}", columns=tuple(column for column, _ in parts))
        listed = ", ".join(sql for _, sql in parts)
        if replaces:
            self._check_free(table)
        self._run(f"CREATE TABLE {rows.path(working)} ({listed}) ENGINE = InnoDB CHARACTER SET utf8mb4")
        self._made, self._working, self._replaces = table, working, replaces
        self._run("START TRANSACTION READ WRITE")  # the CREATE has ended the one before
        return working

    def commit(self) -> None:
        """See the contract."""
        if self._made is None:
            self._final("COMMIT")
        else:
            self._run("COMMIT")
            self._publish(self._made)

    def _publish(self, made: Table) -> None:
        """Give the new table its name, and drop the one that it replaces. Readers are waited for in short tries, so
        that the wait can be cancelled and keeps new readers off for short times only."""
        working, old = rows.path(self._working), replace(made, name=self._working.name + "~old")
        step = f"RENAME TABLE {working} TO {rows.path(made)}"
        if self._replaces:
            step = f"RENAME TABLE {rows.path(made)} TO {rows.path(old)}, {working} TO {rows.path(made)}"
        self._run("SET SESSION lock_wait_timeout = 1")
        while True:
            try:
                self._final(step)
                break
            except SourceTimeout as error:
                if _number(error) != _LOCK_WAIT:
                    raise
        self._made = None
        if self._replaces:
            self._drop(old)

    def _final(self, sql: str) -> None:
        """A statement after which nothing can be taken back."""
        with self._lock:
            self._check()
            self._committing = True
        self._connection.within(_COMMITTING)
        try:
            self._connection.run(tagged(self._tag, sql))
        except SourceError as error:
            number = _number(error)
            if number is None or 2000 <= number < 3000 or number in _DYING:
                self._sound = False
                raise OutcomeUnknown(
                    self._source,
                    "the connection was lost while the source was committing: look there whether the change was made",
                ) from error
            self._committing = False
            raise

    def close(self) -> None:
        """See the contract."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            sound = self._sound and not self._cancelled
        if sound:
            try:
                self._connection.within(5.0)
                self._connection.run("ROLLBACK")
            except SourceError:
                sound = False
        self._pool.give(self._connection, sound=sound)
        if self._made is not None:
            self._drop(self._working)

    def _drop(self, table: Table) -> None:
        """Drop a table of ours, over another connection: this one may be gone. One that stays is hidden by its name."""
        try:
            connection = self._pool.take(5.0)
        except SourceError:
            log.warning("a table could not be dropped: %s", table.name, extra={"source": self._source})
            return
        sound = False
        try:
            connection.within(5.0)
            connection.run(f"DROP TABLE IF EXISTS {rows.path(table)}")
            sound = True
        except SourceError:
            log.warning("a table could not be dropped: %s", table.name, extra={"source": self._source})
        finally:
            self._pool.give(connection, sound=sound)

    # ------------------------------------------------------------ statements

    def _change(self, sql: str) -> int:
        """Run a statement that changes rows; their number. Refuses one by which the server cut a value."""
        self._run(sql)
        driver = self._connection.driver
        count = int(driver.affected_rows())
        if driver._result is not None and driver._result.warning_count:
            for _level, number, text in self._run("SHOW WARNINGS"):
                if number in _CUT:
                    raise SourceQueryFailed(self._source, f"a value does not fit its column: {text} ({number})")
        return count

    def _run(self, sql: str) -> tuple[tuple[object, ...], ...]:
        with self._lock:
            self._check()
        self._connection.within(self._left())
        try:
            found = self._connection.run(tagged(self._tag, sql))
        except SourceError as error:
            # Some errors have ended the transaction, a deadlock for one: after an error nothing more is run in it.
            self._sound = False
            if self._cancelled:
                raise SourceCancelled(self._source, "the statement was cancelled") from error
            raise
        except (ValueError, AttributeError) as error:  # the driver's, when another thread has closed its socket
            self._sound = False
            if not self._cancelled:
                raise
            raise SourceCancelled(self._source, "the statement was cancelled") from error
        with self._lock:
            self._check()
        return found

    def _check(self) -> None:
        if self._closed or self._cancelled:
            raise SourceCancelled(self._source, "the statement was cancelled")
        if self._left() <= 0:
            raise SourceTimeout(self._source, "the statement reached its time limit")

    def _left(self) -> float:
        return self._deadline - time.monotonic()

    def _check_engine(self, table: Table) -> None:
        """Refuse a table without transactions: half of a change could not be taken back."""
        name = (table.schema, table.name)
        if name in self._checked:
            return
        self._checked.add(name)
        found = self._run(_ENGINE.format(*map(_literal, name)))
        if found and (found[0][0] == "VIEW" or found[0][2] != "YES"):
            what = "is a view" if found[0][0] == "VIEW" else f"has the engine {found[0][1]}, which has no transactions"
            raise SourceRefused(
                self._source, f"{table.schema}.{table.name} {what}: a change could not be taken back, so none is made"
            )

    def _check_free(self, table: Table) -> None:
        """Refuse to replace a table that foreign keys refer to: they would go on referring to the old one."""
        found = self._run(_REFERENCES.format(*map(_literal, (table.schema, table.name))))
        if found:
            raise SourceRefused(
                self._source,
                f"{table.schema}.{table.name} cannot be replaced: the foreign key {found[0][0]} refers to it",
            )

    # ------------------------------------------------------------ any thread

    def cancel(self) -> None:
        """See the contract: the session is ended at the server, which rolls back."""
        with self._lock:
            if self._cancelled or self._committing or self._closed:
                return
            self._cancelled = True
            number = self._connection.thread_id
            self._connection.abort()
        try:
            self._pool.kill(number)
        except SourceError:
            # The socket is shut: the server notices when it next looks at it.
            return


def _number(error: SourceError) -> int | None:
    """The number of the driver's error behind a source's."""
    cause = error.__cause__
    number = cause.args[0] if isinstance(cause, pymysql.MySQLError) and cause.args else None
    return number if isinstance(number, int) else None


def _literal(text: str) -> str:
    return f"CONVERT(X'{text.encode().hex()}' USING utf8mb4)"
