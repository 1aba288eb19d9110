"""DuckDB files as sources: what they hold, how their values travel, and how reads end."""

from __future__ import annotations

import datetime
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from connectors.duckdb import Config, open_source
from connectors.duckdb.datatypes import announced
from watersmeet.spi import (
    Column,
    Extent,
    ForeignKey,
    Read,
    ReadColumn,
    Source,
    SourceCancelled,
    SourceChanged,
    SourceQueryFailed,
    SourceUnavailable,
    Table,
    Tag,
    ValueDoesNotFit,
)

SCRIPT = '''
CREATE TABLE people (id INTEGER PRIMARY KEY, name VARCHAR NOT NULL, note VARCHAR);
COMMENT ON TABLE people IS 'all of them';
COMMENT ON COLUMN people.note IS 'free text';
CREATE TABLE pairs (a INTEGER, b INTEGER, PRIMARY KEY (a, b));
CREATE TABLE visits (id INTEGER REFERENCES people (id), a INTEGER, b INTEGER, FOREIGN KEY (a, b) REFERENCES pairs (a, b));
INSERT INTO people SELECT i, 'n' || i, NULL FROM range(100) t(i);
CREATE SCHEMA "Other ""one""";
CREATE TABLE "Other ""one"""."Odd{0} 'table" ("a b" INTEGER, "}" VARCHAR);
CREATE SCHEMA empty;
CREATE VIEW adults AS SELECT id, name FROM people WHERE id > 17;
CREATE TABLE many AS SELECT i AS id, 'value ' || i AS v FROM range(2000000) t(i);
'''


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "secret-name.duckdb"


def opened(path: Path, script: str, **options: object) -> Source:
    """A source over a file made by a script."""
    with duckdb.connect(str(path)) as con:
        con.execute(script)
    return open_source("lake", Config.model_validate({"kind": "duckdb", "path": path, **options}))


@pytest.fixture
def source(path: Path) -> Iterator[Source]:
    source = opened(path, SCRIPT)
    yield source
    source.close()


def reading(body: str, *columns: tuple[str, str]) -> Read:
    """A read of (expression, type) pairs."""
    return Read(
        prefix="",
        expressions=tuple(sql for sql, _ in columns),
        body=body,
        columns=tuple(ReadColumn(name=f"c{i}", type=type_) for i, (_, type_) in enumerate(columns)),
    )


def rows(source: Source, read: Read) -> pa.Table:
    snapshot = source.snapshot(Tag(query_id="test", timeout=30), 1)
    try:
        return pa.Table.from_batches(list(snapshot.read(0, read)))
    finally:
        snapshot.close()


def column(source: Source, table: str, name: str) -> pa.ChunkedArray:
    """A column's values as the planner would ask for them."""
    found = next(c for c in source.catalog().tables["main", table].columns if c.name == name)
    return rows(source, reading(f'FROM "{table}" AS t0', (found.read.format(f't0."{name}"'), found.type))).column(0)


def test_the_catalog_has_tables_views_keys_comments_and_sizes(source: Source) -> None:
    catalog = source.catalog()
    assert catalog.default_schema == "main"
    assert catalog.schemas == ('Other "one"', "empty", "main")
    assert catalog.facts["product"] == "DuckDB"
    people = catalog.tables["main", "people"]
    # Statistics have tests of their own.
    unknown = {
        "distinct": None,
        "null_fraction": None,
        "minimum": None,
        "maximum": None,
        "common": (),
        "bounds": (),
        "width": None,
    }
    columns = tuple(replace(column, **unknown) for column in people.columns)  # type: ignore[arg-type]
    assert people.extent == Extent(first=0, last=100)
    plain = replace(people, columns=columns, extent=None)
    assert plain == Table(
        schema="main",
        name="people",
        columns=(
            Column(name="id", type="INTEGER", native="INTEGER", nullable=False),
            Column(name="name", type="VARCHAR", native="VARCHAR", nullable=False),
            Column(name="note", type="VARCHAR", native="VARCHAR", remarks="free text"),
        ),
        primary_key=("id",),
        primary_key_name="people_id_pkey",
        rows=100,
        remarks="all of them",
    )
    keys = catalog.tables["main", "visits"].foreign_keys
    assert keys[1] == ForeignKey(
        name=keys[1].name, columns=("a", "b"), schema="main", table="pairs", references=("a", "b")
    )
    assert catalog.tables["main", "pairs"].primary_key == ("a", "b")
    assert catalog.tables["main", "adults"].view
    assert catalog.tables["main", "adults"].rows is None


def test_the_catalog_is_read_once(source: Source) -> None:
    assert source.catalog() is source.catalog()


def test_odd_names_survive(source: Source) -> None:
    table = source.catalog().tables['Other "one"', "Odd{0} 'table"]
    assert [column.name for column in table.columns] == ["a b", "}"]


@pytest.mark.parametrize(
    ("type_", "value", "expected"),
    [
        ("HUGEINT", "99999999999999999999999999999999999999", Decimal("9" * 38)),
        ("UHUGEINT", "12", Decimal(12)),
        ("UBIGINT", "18446744073709551615", 2**64 - 1),
        ("UUID", "'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
        ("JSON", """'{"a": [1, null]}'""", '{"a": [1, null]}'),
        ("ENUM('x', 'it''s')", "'it''s'", "it's"),
        ("UNION(n INTEGER, t VARCHAR)", "5", "5"),
        ("BIT", "'0101'", "0101"),
        ("TIME WITH TIME ZONE", "'12:30:00+02'", "12:30:00+02"),
        ("TIMESTAMP WITH TIME ZONE", "'2024-01-01 12:00:00+01'", "2024-01-01 11:00:00+00:00"),
        ("DECIMAL(38, 10)", "1.0000000001", Decimal("1.0000000001")),
        ("FLOAT", "'nan'", "nan"),
        ("DATE", "'0044-03-15 (BC)'", None),
        ("BLOB", r"'\x00\xFF'::BLOB", b"\x00\xff"),
        ("INTEGER[]", "[1, NULL]", [1, None]),
        ("INTEGER[2]", "[1, 2]", [1, 2]),
        ("MAP(VARCHAR, UUID)", "MAP {'k': uuid '00000000-0000-0000-0000-000000000001'}", None),
        ('STRUCT("a {0}" UUID, b HUGEINT)[]', "[{'a {0}': uuid '00000000-0000-0000-0000-000000000001', 'b': 5}]", None),
    ],
)
def test_values_keep_their_type_or_become_text(path: Path, type_: str, value: str, expected: object) -> None:
    source = opened(path, f"CREATE TABLE t (c {type_}); INSERT INTO t VALUES ({value}), (NULL)")
    values = column(source, "t", "c")
    assert not values[1].is_valid
    if expected is not None:
        got = values[0].as_py()
        assert got == expected or str(got) == expected
    source.close()


def test_a_struct_is_read_with_its_fields_announced_types(path: Path) -> None:
    source = opened(path, """CREATE TABLE t AS SELECT {'id': uuid(), 'n': 5::HUGEINT, 'x': 1} AS c""")
    (found,) = source.catalog().tables["main", "t"].columns
    assert found.type == 'STRUCT("id" VARCHAR, "n" DECIMAL(38,0), "x" INTEGER)'
    values = column(source, "t", "c")
    assert values.type.field("n").type == pa.decimal128(38, 0)
    assert values[0].as_py()["n"] == 5
    source.close()


def test_every_type_that_duckdb_has_is_announced_as_one_it_can_cast_to() -> None:
    con = duckdb.connect()
    names = [name for (name,) in con.execute("SELECT DISTINCT logical_type FROM duckdb_types()").fetchall()]
    for name in set(names) - {"ENUM", "LIST", "STRUCT", "MAP", "UNION", "ARRAY", "DECIMAL", "INVALID", "ANY", "NULL"}:
        try:
            type_ = con.sqltype(name)
        except duckdb.Error:
            continue  # a name in the list that is no type of columns
        con.sql(f"SELECT CAST(CAST(NULL AS {name}) AS {announced(type_)})")
    con.close()


def test_39_digits_are_an_error_that_says_so(path: Path) -> None:
    source = opened(path, "CREATE TABLE t AS SELECT CAST('170141183460469231731687303715884105727' AS HUGEINT) AS c")
    with pytest.raises(ValueDoesNotFit, match="38 digits"):
        column(source, "t", "c")
    with pytest.raises(ValueDoesNotFit):
        rows(source, reading("FROM t", ("sum(c)", "HUGEINT")))
    source.close()


def test_text_is_compared_by_bytes_whatever_a_column_declares(path: Path) -> None:
    script = """CREATE TABLE t (c VARCHAR COLLATE nocase); INSERT INTO t VALUES ('a'), ('A'); CREATE VIEW v AS FROM t"""
    source = opened(path, script)
    for table in ("t", "v"):
        (found,) = source.catalog().tables["main", table].columns
        expression = found.read.format("t0.c")
        assert (
            rows(source, reading(f"FROM {table} AS t0", (f"count(DISTINCT {expression})", "BIGINT")))[0][0].as_py() == 2
        )
        # Not c0 COLLATE "binary": EXCEPT and INTERSECT look through it.
        for word, left in (("EXCEPT", ["A"]), ("INTERSECT", ["a"])):
            arms = f"(SELECT {expression} AS c FROM {table} AS t0 {word} SELECT {expression} FROM {table} AS t0 WHERE {expression} = 'a')"
            assert rows(source, reading(f"FROM {arms} AS t1", ("t1.c", "VARCHAR")))[0].to_pylist() == left
    source.close()
    source = open_source("lake", Config.model_validate({"kind": "duckdb", "path": path, "text": "source"}))
    assert source.catalog().tables["main", "t"].columns[0].read == "{0}"
    source.close()


def test_a_large_table_streams_in_batches_of_bounded_size(source: Source) -> None:
    snapshot = source.snapshot(Tag(query_id="test", timeout=30), 1)
    batches = snapshot.read(0, reading("FROM many", ("id", "BIGINT"), ("v", "VARCHAR")))
    sizes = [batch.nbytes for batch in batches]
    assert sum(sizes) > 30 << 20
    assert max(sizes) < 8 << 20
    snapshot.close()


@pytest.mark.parametrize("begun", [True, False])
def test_a_cancel_ends_reads_within_a_second(source: Source, begun: bool) -> None:
    snapshot = source.snapshot(Tag(query_id="test", timeout=30), 1)
    slow = "FROM range(1000000000000) t(i) WHERE i % 7 = 3"
    batches = snapshot.read(0, reading(slow, ("i" if begun else "count(*)", "BIGINT")))
    if begun:
        next(batches)
    timer = threading.Timer(0.2, snapshot.cancel)
    timer.start()
    started = time.monotonic()
    with pytest.raises(SourceCancelled):
        for _ in batches:
            pass
    assert time.monotonic() - started < 1.5
    timer.join()
    with pytest.raises(SourceCancelled):
        next(snapshot.read(0, reading("", ("1", "INTEGER"))))
    snapshot.close()


def test_a_read_left_early_leaves_nothing_running(source: Source) -> None:
    snapshot = source.snapshot(Tag(query_id="test", timeout=30), 1)
    batches = snapshot.read(0, reading("FROM range(1000000000000) t(i)", ("i", "BIGINT")))
    next(batches)
    started = time.monotonic()
    batches.close()  # type: ignore[attr-defined]
    assert time.monotonic() - started < 1
    snapshot.close()
    assert rows(source, reading("FROM people", ("count(*)", "BIGINT")))[0][0].as_py() == 100


def test_reads_of_a_snapshot_run_side_by_side(source: Source) -> None:
    snapshot = source.snapshot(Tag(query_id="test", timeout=30), 3)
    assert snapshot.lanes == 3
    read = reading("FROM many", ("id", "BIGINT"))
    streams = [snapshot.read(lane, read) for lane in range(3)]
    assert [sum(batch.num_rows for batch in stream) for stream in streams] == [2_000_000] * 3
    snapshot.close()


def test_the_statement_shown_is_the_statement_sent(source: Source) -> None:
    read = reading('FROM "people" AS t0', ("t0.id", "INTEGER"), ("sum(t0.id)", "HUGEINT"))
    assert source.statement(read) == (
        'SELECT t0.id AS "c0", CAST(sum(t0.id) AS DECIMAL(38,0)) AS "c1" FROM "people" AS t0'
    )


@pytest.mark.parametrize(
    "body",
    [
        "FROM read_csv('/etc/passwd')",
        "FROM read_text('/etc/hostname')",
        "FROM '/etc/passwd'",
        "FROM glob('/*')",
        "FROM duckdb_secrets(), read_blob('/etc/hostname')",
        "FROM source",
    ],
)
def test_a_read_reaches_nothing_but_the_file(source: Source, body: str) -> None:
    with pytest.raises((SourceQueryFailed, SourceChanged)) as caught:
        rows(source, reading(body, ("1", "INTEGER")))
    assert "root" not in str(caught.value)


def test_the_file_cannot_be_written(source: Source, path: Path) -> None:
    before = path.read_bytes()
    for sql in ("1; DROP TABLE people", "1; ATTACH 'x.duckdb'", "1; SET threads = 64"):
        with pytest.raises(SourceQueryFailed):
            rows(source, reading("", (sql, "INTEGER")))
    assert path.read_bytes() == before


def test_what_is_wrong_with_the_file_is_said_without_its_path(tmp_path: Path) -> None:
    (tmp_path / "text.duckdb").write_text("no database" * 1000)
    locked = tmp_path / "locked.duckdb"
    for name, words in (("none.duckdb", "does not exist"), ("text.duckdb", "not a DuckDB database")):
        source = open_source("lake", Config.model_validate({"kind": "duckdb", "path": tmp_path / name}))
        with pytest.raises(SourceUnavailable, match=words) as caught:
            source.catalog()
        assert str(tmp_path) not in str(caught.value)
        assert caught.value.source == "lake"
        with pytest.raises(SourceUnavailable):
            source.probe()
        source.close()
    assert not locked.exists()


def test_a_source_recovers_when_its_file_appears(path: Path) -> None:
    source = open_source("lake", Config.model_validate({"kind": "duckdb", "path": path}))
    with pytest.raises(SourceUnavailable):
        source.catalog()
    duckdb.connect(str(path)).close()
    assert source.catalog().tables == {}
    assert source.probe() < 5
    assert source.warnings() == []
    source.close()


def test_an_unknown_table_means_that_the_source_changed(source: Source) -> None:
    with pytest.raises(SourceChanged, match="source lake"):
        rows(source, reading("FROM gone", ("1", "INTEGER")))


def test_bad_values_fail_the_query_with_the_databases_own_words(source: Source) -> None:
    with pytest.raises(SourceQueryFailed, match="Could not convert string"):
        rows(source, reading("FROM people", ("CAST(name AS INTEGER)", "INTEGER")))


def test_a_fragment_over_the_sources_memory_says_which_setting(path: Path) -> None:
    source = opened(path, SCRIPT, memory="64MB", spill="0B")
    with pytest.raises(SourceQueryFailed, match="`memory`"):
        rows(source, reading("FROM (SELECT DISTINCT id, v, v || 'x' AS w FROM many)", ("count(*)", "BIGINT")))
    source.close()


def test_what_spills_goes_to_its_folder_and_counts(path: Path, tmp_path: Path) -> None:
    body = "FROM (SELECT DISTINCT id, v, sha256(v) AS w FROM many)"
    source = opened(path, SCRIPT, memory="96MB", spill_dir=tmp_path / "spill", spill="2GiB")
    assert rows(source, reading(body, ("count(*)", "BIGINT")))[0][0].as_py() == 2_000_000
    source.close()
    assert not list((tmp_path / "spill").iterdir())
    source = opened(path.with_name("second.duckdb"), SCRIPT, memory="96MB", spill_dir=tmp_path / "s2", spill="1MB")
    with pytest.raises(SourceQueryFailed):
        rows(source, reading(body, ("count(*)", "BIGINT")))
    source.close()


def test_times_with_a_zone_are_told_in_utc(source: Source) -> None:
    read = reading("", ("CAST(TIMESTAMPTZ '2024-07-01 12:00:00+02' AS VARCHAR)", "VARCHAR"))
    assert rows(source, read)[0][0].as_py() == "2024-07-01 10:00:00+00"
    read = reading("", ("TIMESTAMPTZ '2024-07-01 12:00:00+02'", "TIMESTAMP WITH TIME ZONE"))
    assert rows(source, read)[0][0].as_py() == datetime.datetime(2024, 7, 1, 10, tzinfo=datetime.UTC)
