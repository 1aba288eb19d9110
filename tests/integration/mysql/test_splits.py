"""Reads in parts, by ranges of an integer primary key, where each read may see a snapshot of its own; and warm pools."""

from __future__ import annotations

import math
import threading
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from auth.principal import Principal
from planner import splits
from server.execution.limits import LimitsConfig
from server.query import LocalQueries
from server.requests import Request
from tests.integration.mysql.conftest import MakeSource, Run
from tests.unit.memory_source import until
from watersmeet.spi import Extent, Tag

ROWS = 3_000


@pytest.fixture(scope="module", autouse=True)
def tables(admin: Run, database: str) -> Iterator[None]:
    admin("CREATE TABLE counted (id INT PRIMARY KEY, body VARCHAR(40))")
    admin("CREATE TABLE largest (id BIGINT UNSIGNED PRIMARY KEY, body VARCHAR(40))")
    admin("CREATE TABLE worded (id VARCHAR(20) PRIMARY KEY, body VARCHAR(40))")
    admin("CREATE TABLE paired (a INT, b INT, PRIMARY KEY (a, b))")
    admin("CREATE TABLE keyless (id INT)")
    admin('CREATE TABLE `a ``"name` (`the ``"id` INT PRIMARY KEY)')
    rows = ", ".join(f"({i}, 'row {i}')" for i in range(-1000, ROWS - 1000))
    admin(f"INSERT INTO counted VALUES {rows}")
    admin("INSERT INTO largest VALUES (0, 'a'), (9223372036854775807, 'b'), (18446744073709551615, 'c')")
    admin("INSERT INTO worded VALUES ('a', 'b')")
    admin("INSERT INTO paired VALUES (1, 2), (3, 4)")
    admin("INSERT INTO keyless VALUES (1), (2)")
    admin('INSERT INTO `a ``"name` VALUES (1), (2), (3)')
    for table in ("counted", "largest", "worded", "paired", "keyless"):
        admin(f"ANALYZE TABLE {table}")
    yield


@pytest.fixture
def forced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(splits, "_worth", lambda *given: 64)


def test_tables_whose_key_begins_with_an_integer_have_an_extent(make_source: MakeSource, database: str) -> None:
    tables = make_source(consistency="fragment").catalog().tables
    assert {name: table.extent for (_, name), table in tables.items() if table.extent} == {
        "counted": Extent(first=-1000, last=ROWS - 1001, column="id"),
        "paired": Extent(first=1, last=3, column="a"),
        "largest": Extent(first=0, last=2**64 - 1, column="id"),
        'a `"name': Extent(first=1, last=3, column='the `"id'),
    }


def test_nothing_is_read_in_parts_where_all_reads_see_one_snapshot(make_source: MakeSource) -> None:
    source = make_source(splits=4)
    assert source.splits == 1
    assert not any(table.extent for table in source.catalog().tables.values())


@pytest.mark.parametrize("table", ["counted", "largest", "paired", '"a `""name"'])
def test_a_statement_in_parts_answers_as_one_that_is_not(
    make_source: MakeSource, database: str, forced: None, way: str, table: str
) -> None:
    answers = []
    for parts in (1, 3):
        source = make_source(consistency="fragment", splits=parts)
        queries = LocalQueries({"crm": source}, LimitsConfig())
        sql = f"SELECT * FROM crm.{database}.{table}"
        texts = []
        for text in (sql, f"EXPLAIN ANALYZE {sql}"):
            request = Request(query_id=uuid.uuid4().hex, sql=text, now=datetime.now(UTC))
            answer = queries.execute(request, Principal(subject="ana"), math.inf)
            try:
                texts.append([row for batch in answer.batches() for row in batch.to_pylist()])
            finally:
                answer.close()
        queries.close()
        answers.append(sorted(tuple(row.values()) for row in texts[0]))
        assert ("in 3 parts by " in texts[1][0]["explain"]) == (parts == 3)
        assert ("parts 3" in texts[1][0]["explain"]) == (parts == 3)
    assert answers[0] == answers[1] != []


def test_parts_leave_half_of_the_pool_to_others(make_source: MakeSource) -> None:
    source = make_source(consistency="fragment", pool=4)
    large = source.snapshot(Tag(query_id="large", timeout=5), 1, 8)
    assert large.lanes == 2
    joined = source.snapshot(Tag(query_id="joined", timeout=5), 2)
    assert joined.lanes == 2
    large.close()
    joined.close()


def test_connections_are_open_before_the_first_statement(make_source: MakeSource, admin: Run, database: str) -> None:
    def count() -> int:
        asked = "SELECT COUNT(*) FROM information_schema.processlist WHERE db = %s AND id <> CONNECTION_ID()"
        return int(admin(asked, database)[0][0])

    before = count()
    make_source().warm()
    assert until(lambda: count() == before + 2, 30)


def test_warming_a_server_that_is_down_does_no_harm(make_source: MakeSource) -> None:
    make_source(url="mysql://nobody@127.0.0.1:1/none").warm()
    assert until(lambda: not any(thread.name == "warm crm" for thread in threading.enumerate()), 30)
