"""Reads in parts: which tables have blocks to be cut at, one snapshot for all parts, room left to others, and pools
that are warm before the first statement."""

from __future__ import annotations

import math
import threading
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime

import psycopg
import pytest
from pydantic import SecretStr

from auth.principal import Principal
from connectors.postgres import Config
from connectors.postgres.source import PostgresSource
from connectors.sqlgen.printer import read_of
from planner import pipeline, splits
from planner.plan import FederatedPlan, PlanRequest, SourceInfo, Split
from server.execution.limits import LimitsConfig
from server.query import LocalQueries
from server.requests import Request
from server.workers.sections import Sections, open_local
from tests.integration.postgres.conftest import Connect
from tests.unit.memory_source import until
from watersmeet.spi import Extent, Tag

ROWS = 20_000
REFILL = f"INSERT INTO split.moved SELECT i, repeat('x', 40) FROM generate_series(1, {ROWS}) AS i"
SQL = "SELECT id, body FROM pg.split.moved WHERE id % 10 > 0"


@pytest.fixture(scope="module", autouse=True)
def tables(admin: psycopg.Connection) -> Iterator[None]:
    for statement in f"""
        CREATE SCHEMA split;
        CREATE TABLE split.moved (id int4, body text);
        {REFILL};
        CREATE TABLE split.single (id int4);
        INSERT INTO split.single VALUES (1);
        CREATE VIEW split.seen AS SELECT * FROM split.moved;
        CREATE TABLE split.parent AS SELECT * FROM split.moved;
        CREATE TABLE split.child () INHERITS (split.parent);
        CREATE TABLE split.guarded AS SELECT * FROM split.moved;
        ALTER TABLE split.guarded ENABLE ROW LEVEL SECURITY;
        CREATE TABLE split.whole (id int4, body text) PARTITION BY RANGE (id);
        CREATE TABLE split.piece PARTITION OF split.whole DEFAULT;
        INSERT INTO split.whole SELECT * FROM split.moved;
        ANALYZE split.moved, split.single, split.parent, split.child, split.guarded, split.whole, split.piece
        """.split(";"):
        admin.execute(statement.encode())
    yield
    admin.execute("DROP SCHEMA split CASCADE")


@pytest.fixture
def forced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(splits, "_worth", lambda *given: 64)


def planned(source: PostgresSource, sql: str = SQL) -> FederatedPlan:
    catalog = source.catalog()
    info = SourceInfo(
        name="pg", kind="postgres", catalog=catalog, dialect=source.dialect(catalog.facts), splits=source.splits
    )
    return pipeline.plan(PlanRequest(sql=sql, now=datetime.now(UTC)), {"pg": info})


def test_only_tables_of_blocks_that_the_role_sees_whole_can_be_cut(connect: Connect) -> None:
    tables = connect().catalog().tables
    cut = {name for (schema, name), table in tables.items() if schema == "split" and table.extent is not None}
    assert cut == {"moved", "piece"}
    extent = tables["split", "moved"].extent
    assert extent is not None
    assert extent == Extent(first=0, last=extent.last)
    assert extent.last > 100


def test_where_parts_see_different_snapshots_tables_are_cut_by_the_integer_that_their_key_begins_with(
    connect: Connect, admin: psycopg.Connection
) -> None:
    for statement in (
        "CREATE TABLE split.lines (no int2, id int8, PRIMARY KEY (id, no))",
        "CREATE TABLE split.worded (id text PRIMARY KEY)",
        "INSERT INTO split.lines SELECT i % 4, i / 4 FROM generate_series(-4000, 4000) AS i",
        "INSERT INTO split.worded SELECT i::text FROM generate_series(1, 4000) AS i",
        "ANALYZE split.lines, split.worded",
    ):
        admin.execute(statement.encode())
    tables = connect(consistency="fragment").catalog().tables
    cut = {name: table.extent for (schema, name), table in tables.items() if schema == "split" and table.extent}
    assert cut == {"lines": Extent(first=-1000, last=1000, column="id")}
    admin.execute("DROP TABLE split.lines, split.worded")


def test_a_table_with_privileges_on_columns_only_is_read_whole(
    connect: Connect, admin: psycopg.Connection, database: str
) -> None:
    role = f"wm_{uuid.uuid4().hex[:8]}"
    admin.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'p'".encode())
    try:
        admin.execute(f"GRANT USAGE ON SCHEMA split TO {role}".encode())
        admin.execute(f"GRANT SELECT (id) ON split.moved TO {role}".encode())
        host = database.rpartition("@")[2]
        tables = connect(url=f"postgresql://{role}:p@{host}").catalog().tables
        assert tables["split", "moved"].extent is None
    finally:
        admin.execute(f"DROP OWNED BY {role}".encode())
        admin.execute(f"DROP ROLE {role}".encode())


def test_each_row_comes_once_though_all_rows_move_between_the_parts(
    connect: Connect, admin: psycopg.Connection, forced: None, way: str
) -> None:
    for statement in ("TRUNCATE split.moved", REFILL, "ANALYZE split.moved"):
        admin.execute(statement.encode())
    source = connect(pool=8, splits=4)
    (fragment,) = planned(source).fragments
    assert fragment.split is not None
    assert len(fragment.split.cuts) == 3
    assert fragment.dialect is not None
    reads = [read_of(splits.part(fragment.query, fragment.split, n), fragment.dialect) for n in range(4)]
    snapshot = source.snapshot(Tag(query_id="moved", timeout=60), 1, 3)
    found: list[int] = []
    sizes = []
    try:
        assert snapshot.lanes == 4
        for lane, read in enumerate(reads):
            ids = [row for batch in snapshot.read(lane, read) for row in batch.column(0).to_pylist()]
            sizes.append(len(ids))
            found += ids
            admin.execute("UPDATE split.moved SET body = body || 'y'")  # to other blocks
    finally:
        snapshot.close()
    assert sorted(found) == [i for i in range(1, ROWS + 1) if i % 10]
    assert min(sizes) > ROWS // 8


def test_a_statement_in_parts_answers_as_one_that_is_not(connect: Connect, forced: None, way: str) -> None:
    answers = []
    for parts in (1, 3):
        queries = LocalQueries({"pg": connect(splits=parts)}, LimitsConfig())
        request = Request(query_id=uuid.uuid4().hex, sql=SQL, now=datetime.now(UTC))
        answer = queries.execute(request, Principal(subject="ana"), math.inf)
        try:
            answers.append(sorted(row for batch in answer.batches() for row in batch.to_pydict()["id"]))
        finally:
            answer.close()
            queries.close()
    assert answers[0] == answers[1] != []


def test_explain_shows_the_parts_and_what_was_measured_of_them(connect: Connect, forced: None) -> None:
    queries = LocalQueries({"pg": connect(splits=2)}, LimitsConfig())
    request = Request(query_id=uuid.uuid4().hex, sql=f"EXPLAIN ANALYZE {SQL}", now=datetime.now(UTC))
    answer = queries.execute(request, Principal(subject="ana"), math.inf)
    try:
        text = next(iter(answer.batches())).column(0)[0].as_py()
    finally:
        answer.close()
        queries.close()
    assert "in 2 parts by ctid, cut at " in text
    assert f"rows {ROWS * 9 // 10:,}," in text
    assert "parts 2" in text


def test_parts_leave_half_of_the_pool_to_others(connect: Connect) -> None:
    source = connect(pool=4)
    large = source.snapshot(Tag(query_id="large", timeout=5), 1, 8)
    assert large.lanes == 2
    joined = source.snapshot(Tag(query_id="joined", timeout=5), 2)
    assert joined.lanes == 2
    large.close()
    joined.close()


@pytest.mark.parametrize("settings", [{"consistency": "fragment"}, {"pooler": "transaction"}, {"splits": 1}])
def test_what_cannot_share_a_snapshot_is_read_whole(
    connect: Connect, forced: None, settings: dict[str, object]
) -> None:
    source = connect(**{"splits": 4, **settings})
    assert source.splits == 1
    assert planned(source).fragments[0].split is None


def test_a_part_is_printed_as_a_range_of_blocks(connect: Connect, forced: None) -> None:
    source = connect(splits=4)
    (fragment,) = planned(source).fragments
    assert fragment.dialect is not None
    split = Split(table="t0", column=None, by="ctid", cuts=(5, 9))
    bodies = [read_of(splits.part(fragment.query, split, n), fragment.dialect).body for n in range(3)]
    assert [body.rpartition(" AND (")[2] for body in bodies] == [
        "\"t0\".ctid < '(5,0)'::tid))",
        "\"t0\".ctid >= '(5,0)'::tid AND \"t0\".ctid < '(9,0)'::tid))",
        "\"t0\".ctid >= '(9,0)'::tid))",
    ]


def test_a_part_reads_its_blocks_only(connect: Connect, admin: psycopg.Connection, forced: None) -> None:
    source = connect(splits=2)
    (fragment,) = planned(source).fragments
    assert fragment.split is not None
    assert fragment.dialect is not None
    first = read_of(splits.part(fragment.query, fragment.split, 0), fragment.dialect)
    plan = admin.execute(f"EXPLAIN {source.statement(first)}".encode()).fetchall()
    assert "Tid Range Scan" in str(plan)


def test_connections_are_open_before_the_first_statement(
    connect: Connect, admin: psycopg.Connection, database: str
) -> None:
    source = connect(pool=3, url=f"{database}{'&' if '?' in database else '?'}application_name=warmed")
    asked = b"SELECT count(*) FROM pg_stat_activity WHERE application_name = 'warmed'"

    def count() -> int:
        row = admin.execute(asked).fetchone()
        assert row is not None
        return int(row[0])

    assert count() == 0
    source.warm()
    assert until(lambda: count() == 3, 30)
    source.snapshot(Tag(query_id="first", timeout=5), 1).close()
    assert count() <= 3


def test_what_serves_opens_its_connections_ahead(admin: psycopg.Connection, database: str) -> None:
    url = SecretStr(f"{database}{'&' if '?' in database else '?'}application_name=served")
    sections = Sections(sources={"pg": Config(url=url, pool=2)}, limits=LimitsConfig(), access=None, settings={})
    asked = b"SELECT count(*) FROM pg_stat_activity WHERE application_name = 'served'"
    with open_local(sections, True):
        assert until(lambda: admin.execute(asked).fetchone() == (2,), 30)
    assert until(lambda: admin.execute(asked).fetchone() == (0,), 30)


def test_warming_a_server_that_is_down_does_no_harm(connect: Connect) -> None:
    source = connect(url="postgresql://nobody@127.0.0.1:1/none")
    source.warm()
    assert until(lambda: not any(thread.name == "warm pg" for thread in threading.enumerate()), 30)
