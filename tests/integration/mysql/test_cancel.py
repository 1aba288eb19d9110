"""Cancelling by a query's tag: what another process of ours began at the server, over a source of one's own."""

from __future__ import annotations

import threading
import time

import pytest

from connectors.mysql.source import MysqlSource
from tests.integration.mysql.conftest import MakeSource, Run
from tests.integration.mysql.reading import read_sql
from watersmeet.spi import Read, SourceCancelled, SourceError, SourceUnavailable, Tag

ROWS = 300_000
SILENT = read_sql([("a.seq", "BIGINT")], "FROM seq_1_to_1000000 AS a, seq_1_to_1000000 AS b WHERE a.seq + b.seq < 0")
ROWING = read_sql([("t.seq", "BIGINT")], f"FROM seq_1_to_{ROWS} AS t")


def sessions(admin: Run, query_id: str) -> int:
    listed = admin("SELECT info FROM information_schema.processlist WHERE id <> CONNECTION_ID() AND info IS NOT NULL")
    return sum(f"watersmeet/{query_id} " in str(info) for (info,) in listed)


class Pulled:
    """A statement of some reads on one lane, pulled in a thread."""

    def __init__(self, source: MysqlSource, query_id: str, *reads: Read) -> None:
        self.rows = 0
        self.error: SourceError | None = None
        self.snapshot = source.snapshot(Tag(query_id=query_id, timeout=60), 1)
        self._reads = reads
        self._thread = threading.Thread(target=self._pull)
        self._thread.start()

    def _pull(self) -> None:
        try:
            for read in self._reads:
                for batch in self.snapshot.read(0, read):
                    self.rows += batch.num_rows
        except SourceError as error:
            self.error = error

    def end(self) -> None:
        self._thread.join(5)
        assert not self._thread.is_alive()
        self.snapshot.close()


def test_a_query_of_another_process_ends_within_a_second(make_source: MakeSource, admin: Run) -> None:
    silent = Pulled(make_source(), "elsewhere", SILENT)
    while not sessions(admin, "elsewhere"):
        time.sleep(0.01)
    started = time.monotonic()
    assert make_source().cancel("elsewhere") == 1
    silent.end()
    assert time.monotonic() - started < 1
    # MariaDB closes the connection without a word, MySQL says why.
    assert isinstance(silent.error, (SourceCancelled, SourceUnavailable))
    assert sessions(admin, "elsewhere") == 0


def test_a_cancel_needs_no_connection_of_the_pool(make_source: MakeSource, admin: Run) -> None:
    source = make_source(pool=1)
    silent = Pulled(source, "fullpool", SILENT)
    while not sessions(admin, "fullpool"):
        time.sleep(0.01)
    assert source.cancel("fullpool") == 1
    silent.end()


def test_only_the_very_query_is_told(make_source: MakeSource, admin: Run) -> None:
    silent = Pulled(make_source(), "abc1", SILENT)
    while not sessions(admin, "abc1"):
        time.sleep(0.01)
    other = make_source()
    for pattern in ("abc", "abc_", "abc%", "ABC1", "abc1x", "' OR true -- ", ""):
        assert other.cancel(pattern) == 0
    assert sessions(admin, "abc1") == 1
    assert other.cancel("abc1") == 1
    silent.end()


def test_whenever_the_cancel_comes_no_answer_is_cut_off_without_an_error(make_source: MakeSource) -> None:
    one, two = make_source(pool=2), make_source()
    began = time.monotonic()
    Pulled(one, "whole", ROWING).end()
    whole = time.monotonic() - began
    ended = set()
    for i in range(16):
        pulled = Pulled(one, f"moment{i}", ROWING)
        time.sleep(i / 8 * whole)  # from the beginning to long after the end, however fast the machine is
        told = two.cancel(f"moment{i}")
        pulled.end()
        assert (pulled.rows == ROWS) == (pulled.error is None), (i, pulled.rows, pulled.error)
        assert pulled.error is None or told
        ended.add(pulled.error is None)
    assert ended == {True, False}


def test_a_lane_between_two_reads_is_not_missed(make_source: MakeSource) -> None:
    one, two = make_source(pool=2), make_source()
    short = read_sql([("sum(t.seq)", "DECIMAL(38,0)")], "FROM seq_1_to_100000 AS t WHERE t.seq % 7 < 3")
    for i in range(20):
        pulled = Pulled(one, f"short{i}", *[short] * 200)
        while not pulled.rows:
            time.sleep(0.001)
        time.sleep(i * 0.003)
        assert two.cancel(f"short{i}") == 1
        pulled.end()
        assert pulled.error is not None


def test_a_source_that_cannot_be_asked_says_so(make_source: MakeSource) -> None:
    with pytest.raises(SourceUnavailable):
        make_source(url="mysql://nobody@127.0.0.1:1/nowhere").cancel("any")
