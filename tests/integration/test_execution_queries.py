"""Whole statements over DuckDB files: described as they are answered, within limits, with parameters, explained."""

from __future__ import annotations

import datetime
import json
import math
import pickle
import threading
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from auth.principal import Principal
from connectors.duckdb import Config
from connectors.registry import open_source
from planner.errors import ParameterRefused, StatementTooLarge, UnknownName
from server.execution.errors import (
    AdmissionRefused,
    EngineFailed,
    EvaluationFailed,
    ExecutionError,
    StatementCancelled,
    StatementTimeout,
)
from server.execution.limits import LimitsConfig
from server.query import LocalQueries
from tests.integration.execution_world import ANA, duckdb_source, request, rows, table
from tests.unit.memory_source import until
from watersmeet.spi import Source, SourceChanged, SourceUnavailable

SALES = """
CREATE TABLE orders AS SELECT i AS id, i % 100 AS customer, CAST(i * 1.25 AS DECIMAL(12,2)) AS total FROM range(10000) t(i);
CREATE TABLE big AS SELECT i AS id, 'value ' || i AS v FROM range(1500000) t(i);
CREATE SCHEMA hidden; CREATE TABLE hidden.secrets (x INTEGER);
CREATE TABLE regions (id INTEGER PRIMARY KEY); CREATE TABLE shops (id INTEGER, region INTEGER REFERENCES regions (id));
"""
CRM = """
CREATE TABLE customers AS SELECT i AS id, 'customer ' || i AS name, {'city': 'c' || i % 3, 'zip': i} AS address
FROM range(100) t(i);
CREATE TABLE big AS SELECT i AS id, i % 7 AS k FROM range(1500000) t(i);
"""

Make = Callable[..., LocalQueries]


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Source]]:
    folder = tmp_path_factory.mktemp("sources")
    sources = {"sales": duckdb_source("sales", folder, SALES), "crm": duckdb_source("crm", folder, CRM)}
    yield sources
    for source in sources.values():
        source.close()


@pytest.fixture
def make(tmp_path: Path, sources: dict[str, Source]) -> Iterator[Make]:
    """make(visible=…, **limits) -> queries over the sources sales and crm."""
    made: list[LocalQueries] = []
    before = threading.active_count()

    def make_(extra: dict[str, Source] | None = None, catalog_age: float = 60.0, **options: Any) -> LocalQueries:
        visible = {"visible": options.pop("visible")} if "visible" in options else {}
        limits = LimitsConfig(spill_dir=tmp_path / "spill", **options)
        made.append(LocalQueries(sources | (extra or {}), limits, catalog_age=catalog_age, **visible))
        return made[-1]

    yield make_
    for queries in made:
        queries.close()
    assert until(lambda: threading.active_count() <= before)
    assert not list((tmp_path / "spill").iterdir())


@pytest.fixture
def queries(make: Make) -> LocalQueries:
    return make()


JOIN = "SELECT name, sum(total) AS s FROM sales.orders o JOIN crm.customers c ON o.customer = c.id GROUP BY name"


def test_two_sources_are_joined(queries: LocalQueries) -> None:
    answer = rows(queries, JOIN + " ORDER BY s DESC LIMIT 2")
    assert answer == [("customer 99", Decimal("631125.00")), ("customer 98", Decimal("631000.00"))]
    assert len(rows(queries, JOIN)) == 100


@pytest.mark.parametrize(
    "sql",
    [
        JOIN,
        "SELECT 1",
        "SELECT id, id, total FROM sales.orders",
        "SELECT * FROM crm.customers",
        "SELECT name FROM crm.customers WHERE false",
        "SELECT sum(id), avg(id), count(*), max(total) / 3, now(), NULL, [1, 2], 'x' FROM sales.orders",
        "SELECT o.*, c.name FROM sales.orders o LEFT JOIN crm.customers c ON o.id = c.id",
        "EXPLAIN SELECT 1",
    ],
)
def test_the_answer_has_exactly_the_schema_that_was_described(queries: LocalQueries, sql: str) -> None:
    described = queries.describe(request(sql), ANA).schema
    answer = queries.execute(request(sql, schema=described), ANA, math.inf)
    for batch in answer.batches():
        assert batch.schema.equals(described, check_metadata=True)
    assert answer.schema.equals(described, check_metadata=True)
    assert all(field.nullable for field in described)
    answer.close()


def test_columns_tell_where_they_come_from(queries: LocalQueries) -> None:
    schema = queries.describe(request("SELECT total, total + 1 AS more FROM sales.orders"), ANA).schema
    prefix = b"ARROW:FLIGHT:SQL:"
    metadata = schema.field("total").metadata
    assert metadata[prefix + b"CATALOG_NAME"] == b"sales"
    assert metadata[prefix + b"TABLE_NAME"] == b"orders"
    assert (metadata[prefix + b"PRECISION"], metadata[prefix + b"SCALE"]) == (b"12", b"2")
    assert prefix + b"TABLE_NAME" not in schema.field("more").metadata
    assert prefix + b"REMARKS" not in metadata


def test_a_schema_announced_for_other_columns_is_refused(queries: LocalQueries) -> None:
    with pytest.raises(SourceChanged, match="plan again"):
        queries.execute(request("SELECT id FROM sales.orders", schema=pa.schema([("id", pa.string())])), ANA, math.inf)


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        ("BIGINT", pa.array([41], pa.int64())),
        ("SMALLINT", pa.array([-128], pa.int8())),
        ("UBIGINT", pa.array([2**64 - 1], pa.uint64())),
        ("VARCHAR", pa.array(["it's; DROP TABLE x -- \\ ' \" $1 é"])),
        ("BLOB", pa.array([b"\x00\xff'\\x41"])),
        ("DECIMAL(38,9)", pa.array([Decimal("-12345678901234567890.123456789")], pa.decimal128(38, 9))),
        ("DOUBLE", pa.array([0.1])),
        ("DOUBLE", pa.array([float("inf")])),
        ("DOUBLE", pa.array([-0.0])),
        ("FLOAT", pa.array([0.1], pa.float32())),
        ("BOOLEAN", pa.array([True])),
        ("DATE", pa.array([datetime.date(1, 1, 1)])),
        ("TIMESTAMP", pa.array([datetime.datetime(2024, 2, 29, 23, 59, 59, 999999)])),
        ("TIMESTAMPTZ", pa.array([datetime.datetime(2024, 7, 1, 12, tzinfo=datetime.UTC)])),
        ("TIMESTAMPTZ", pa.array([1719828000123456], pa.timestamp("us", "America/New_York"))),
        ("TIME", pa.array([datetime.time(23, 59, 59, 1)])),
        ("VARCHAR", pa.array([None], pa.string())),
        ("INTEGER", pa.array([None])),
    ],
    ids=str,
)
@pytest.mark.parametrize("zone", ["UTC", "Asia/Kathmandu"])
def test_parameters_come_back_as_they_were(queries: LocalQueries, type_: str, value: pa.Array, zone: str) -> None:
    answer = table(queries, f"SELECT CAST(? AS {type_}) AS p", row={"": value}, settings={"timezone": zone})
    got, want = answer.column(0)[0].as_py(), value[0].as_py()
    assert got == want
    assert repr(got) == repr(want) or isinstance(want, datetime.datetime)


def test_parameters_are_matched_by_place_or_by_name(queries: LocalQueries) -> None:
    assert rows(queries, "SELECT ?::INT - ?::INT", row={"a": [10], "b": [3]}) == [(7,)]
    assert rows(queries, "SELECT $2::INT - $1::INT", row={"x": [10], "y": [3]}) == [(-7,)]
    assert rows(queries, "SELECT $b::INT - $a::INT", row={"a": [10], "b": [3]}) == [(-7,)]
    eleven = "SELECT " + ", ".join(["?::INT"] * 11)
    assert rows(queries, eleven, row={str(i): [i] for i in range(11)}) == [tuple(range(11))]
    assert rows(queries, "SELECT name FROM crm.customers WHERE id = ?", row={"1": [3]}) == [("customer 3",)]


def test_described_parameters_have_types_and_order(queries: LocalQueries) -> None:
    sql = "SELECT * FROM sales.orders WHERE total > $1 AND id = $2"
    parameters = queries.describe(request(sql), ANA).parameters
    assert parameters.names == ["1", "2"]
    assert pa.null() not in parameters.types


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (None, "parameter 1"),
        ({}, "parameter 1"),
        ({"a": [1]}, "parameter 2"),
        ({"a": [1], "b": [2], "c": [3]}, "2 parameters, 3 are bound"),
        ({"a": [1, 2], "b": [3, 4]}, "one row"),
        ({"a": [1], "b": pa.array([1.5], pa.float16())}, "parameter 2"),
        ({"a": [1], "b": pa.array([1], pa.timestamp("ns", "UTC"))}, "parameter 2"),
    ],
)
def test_bound_values_that_do_not_fit_are_refused(
    queries: LocalQueries, row: dict[str, Any] | None, words: str
) -> None:
    with pytest.raises(ParameterRefused, match=words):
        queries.execute(request("SELECT ?::INT, ?::INT", row=row), ANA, math.inf)


def test_parameters_that_are_no_arrow_are_refused(queries: LocalQueries) -> None:
    for junk in (b"", b"junk" * 100):
        asked = pickle.loads(pickle.dumps(request("SELECT ?")))
        object.__setattr__(asked, "parameters", junk)
        with pytest.raises(ParameterRefused):
            queries.execute(asked, ANA, math.inf)


def test_explain_shows_the_sql_that_each_source_is_sent(queries: LocalQueries) -> None:
    ((text,),) = rows(queries, "EXPLAIN " + JOIN)
    assert 'FROM "main"."customers"' in text
    document = json.loads(rows(queries, "EXPLAIN (FORMAT JSON) " + JOIN)[0][0])
    assert {fragment["source"] for fragment in document["fragments"]} == {"sales", "crm"}
    assert "measured" not in document


def test_explain_analyze_adds_what_was_measured(queries: LocalQueries) -> None:
    ((text,),) = rows(queries, "EXPLAIN ANALYZE " + JOIN)
    assert "answer: 100 rows" in text
    assert "first_ms" in text
    document = json.loads(rows(queries, "EXPLAIN ANALYZE FORMAT JSON " + JOIN)[0][0])
    assert document["measured"]["rows"] == 100
    assert sum(f["measured"]["rows"] for f in document["fragments"] if f["source"] == "crm") == 100


def test_a_source_that_is_down_fails_only_statements_that_name_it(make: Make, tmp_path: Path) -> None:
    gone = open_source("lake", Config(kind="duckdb", path=tmp_path / "gone.duckdb"))
    queries = make({"lake": gone}, catalog_age=0.05)
    assert rows(queries, "SELECT count(*) FROM sales.orders") == [(10000,)]
    with pytest.raises(SourceUnavailable, match="source lake"):
        rows(queries, "SELECT * FROM lake.main.t")
    with pytest.raises(UnknownName):
        rows(queries, "SELECT * FROM nowhere.main.t")
    assert [catalog.name for catalog in queries.catalogs(ANA)] == ["crm", "sales"]
    duckdb.connect(str(tmp_path / "gone.duckdb")).execute("CREATE TABLE t AS SELECT 5 AS x").close()
    time.sleep(0.1)  # a source that was down is asked again after the age of a catalog, or 5 s
    assert rows(queries, "SELECT x FROM lake.main.t") == [(5,)]
    gone.close()


def test_a_new_table_is_found_although_the_catalog_is_remembered(make: Make) -> None:
    from tests.unit.memory_source import MemorySource, numbers
    from watersmeet.spi import Column, SourceCatalog, Table

    class Growing(MemorySource):
        names: tuple[str, ...] = ("t",)

        def catalog(self) -> SourceCatalog:
            column = Column(name="c0", type="BIGINT")
            tables = {("main", n): Table(schema="main", name=n, columns=(column,)) for n in self.names}
            return SourceCatalog(default_schema="main", tables=tables, schemas=("main",))

    source = Growing("grows", {'"main"."t" AS "t0"': numbers(1), '"main"."new" AS "t0"': numbers(2)})
    queries = make({"grows": source})
    assert len(rows(queries, "SELECT * FROM grows.t")) == 1000
    source.names = ("t", "new")
    time.sleep(1.1)  # catalogs are read once a second at most for unknown names
    assert len(rows(queries, "SELECT * FROM grows.new")) == 2000


def only_customers(principal: Principal, catalog: str, schema: str, table: str) -> bool:
    return (catalog, table) == ("crm", "customers") or table == "shops"


def test_what_may_not_be_seen_does_not_exist(make: Make) -> None:
    queries = make(visible=only_customers)
    assert rows(queries, "SELECT count(*) FROM crm.customers") == [(100,)]
    errors = []
    for name in ("hidden.secrets", "missing.secrets"):
        with pytest.raises(UnknownName) as caught:
            rows(queries, f"SELECT * FROM sales.{name}")
        errors.append(str(caught.value).replace(name.split(".")[0], "…"))
    assert errors[0] == errors[1]
    seen = {catalog.name: catalog for catalog in queries.catalogs(ANA)}
    assert [table.name for table in seen["crm"].tables] == ["customers"]
    assert seen["sales"].schemas == ("main",)
    assert seen["sales"].tables[0].foreign_keys == (), "a key to a hidden table tells of it"
    nothing = make(visible=lambda *_: False)
    assert nothing.catalogs(ANA) == ()


def test_one_catalog_alone_can_be_listed(queries: LocalQueries) -> None:
    (crm,) = queries.catalogs(ANA, only="crm")
    assert {table.name for table in crm.tables} == {"customers", "big"}
    assert queries.catalogs(ANA, only="nope") == ()


HEAVY = "SELECT count(*) FROM sales.big a JOIN crm.big b ON a.id % 1000 = b.id % 1000"


def test_the_guards_of_the_section_limits_hold(make: Make) -> None:
    queries = make(sql_bytes=100, sql_depth=10)
    with pytest.raises(StatementTooLarge, match="sql_bytes"):
        rows(queries, "SELECT 1" + " " * 100)
    with pytest.raises(StatementTooLarge, match="sql_depth"):
        rows(queries, "SELECT " + "(" * 20 + "1" + ")" * 20)


def test_the_smaller_of_both_timeouts_holds(make: Make) -> None:
    queries = make(statement_timeout=0.5)
    with pytest.raises(StatementTimeout):
        rows(queries, HEAVY)
    with pytest.raises(StatementTimeout):
        rows(make(), HEAVY, timeout=0.3)


def test_overload_is_refused_and_the_place_given_back(make: Make) -> None:
    queries = make(running=1, queued=0)
    running = queries.execute(request(HEAVY), ANA, math.inf)
    with pytest.raises(AdmissionRefused):
        rows(queries, "SELECT 1")
    assert queries.describe(request("SELECT 1"), ANA).schema.names == ["1"]
    running.close()
    for bad in ("SELECT nope", "SELEC", "SELECT ?"):
        with pytest.raises(Exception, match=r".+"):
            rows(queries, bad)
    assert rows(queries, "SELECT 1") == [(1,)]


def test_a_cancel_from_another_thread_ends_the_statement(queries: LocalQueries) -> None:
    answer = queries.execute(request(HEAVY), ANA, math.inf)
    threading.Timer(0.3, answer.cancel).start()
    started = time.monotonic()
    with pytest.raises(StatementCancelled):
        list(answer.batches())
    assert time.monotonic() - started < 2
    answer.close()
    assert rows(queries, "SELECT 1") == [(1,)]


def test_closing_the_server_ends_what_runs(make: Make) -> None:
    queries = make()
    answer = queries.execute(request(HEAVY), ANA, math.inf)
    ended: list[ExecutionError] = []

    def read() -> None:
        try:
            list(answer.batches())
        except ExecutionError as error:
            ended.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    time.sleep(0.3)
    queries.close()
    thread.join(5)
    assert isinstance(ended[0], StatementCancelled)


def test_many_statements_at_once_answer_right(make: Make) -> None:
    queries = make(running=4, queued=100)
    queries.catalogs(ANA)
    wrong: list[object] = []

    def run(number: int) -> None:
        for _ in range(5):
            sql = f"SELECT count(*), max(c.name) FROM sales.orders o JOIN crm.customers c ON o.id = c.id WHERE o.id < {number}"
            if (got := rows(queries, sql)) != [(number, f"customer {min(number, 10) - 1}")]:
                wrong.append(got)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(1, 11)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not wrong


def test_errors_of_values_name_no_path_and_pickle(queries: LocalQueries, tmp_path: Path) -> None:
    with pytest.raises(EvaluationFailed) as caught:
        rows(queries, "SELECT CAST(x AS INTEGER) FROM (VALUES ('a')) t(x)")
    assert pickle.loads(pickle.dumps(caught.value)).code == 2050
    assert str(tmp_path) not in str(caught.value)


def subclasses(kind: type[Exception]) -> set[type[Exception]]:
    return {kind}.union(*(subclasses(each) for each in kind.__subclasses__()))


def test_every_error_has_a_code_of_its_own() -> None:
    codes = [kind.code for kind in subclasses(ExecutionError)]  # type: ignore[attr-defined]
    assert len(codes) == len(set(codes))
    assert EngineFailed.code == 9001


def test_the_time_zone_of_the_session_holds(queries: LocalQueries) -> None:
    sql = "SELECT date_trunc('day', TIMESTAMPTZ '2024-07-01 23:30:00+00')::VARCHAR"
    assert rows(queries, sql, settings={"timezone": "Asia/Tokyo"}) == [("2024-07-02 00:00:00+09",)]
    assert rows(queries, sql) == [("2024-07-01 00:00:00+00",)]
