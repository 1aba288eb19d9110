"""Ingests: the four modes, what they make, and that they are whole or not at all."""

from __future__ import annotations

import datetime
import resource
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from typing import Any, Literal

import pyarrow as pa
import pytest

from planner.errors import AmbiguousName, InvalidExpression, ReadOnlySource, StatementRefused, TableExists, UnknownName
from server.execution.limits import LimitsConfig
from server.query import LocalQueries
from server.requests import Ingest, Session
from tests.integration.execution_world import ANA, request, rows, table
from tests.integration.writes.conftest import Server
from watersmeet.spi import SourceError, SourceQueryFailed, SourceRefused, ValueDoesNotFit

Mode = Literal["create", "append", "replace", "create_append"]
DATA = pa.table({"id": pa.array([1, 2], pa.int32()), "name": ["a", None]})
WANTED = [(1, "a"), (2, None)]


def ingest(
    queries: LocalQueries,
    server: Server | None,
    mode: Mode,
    data: pa.Table = DATA,
    *,
    name: str = "made",
    batches: Iterator[pa.RecordBatch] | None = None,
    **more: Any,
) -> int:
    asked = Ingest(
        **{
            "query_id": f"ingest-{name}",
            "catalog": server.name if server else None,
            "schema": None,
            "table": name,
            "mode": mode,
            "now": datetime.datetime.now(datetime.UTC),
            "data_schema": data.schema,
        }
        | more
    )
    return queries.ingest(asked, iter(data.to_batches()) if batches is None else batches, ANA, 60)


@pytest.fixture(autouse=True)
def clean(server: Server) -> None:
    server.run("DROP TABLE IF EXISTS made")


def exists(server: Server) -> bool:
    return bool(server.run("SELECT 1 FROM information_schema.tables WHERE table_name = 'made'"))


def test_create_makes_the_table_and_refuses_one_that_is_there(queries: LocalQueries, server: Server) -> None:
    assert ingest(queries, server, "create") == 2
    assert server.rows("SELECT id, name FROM made") == WANTED
    with pytest.raises(TableExists):
        ingest(queries, server, "create")
    assert server.rows("SELECT id, name FROM made") == WANTED


def test_append_needs_the_table(queries: LocalQueries, server: Server) -> None:
    with pytest.raises(UnknownName):
        ingest(queries, server, "append")
    assert not exists(server)
    ingest(queries, server, "create")
    assert ingest(queries, server, "append") == 2
    assert len(server.rows("SELECT id FROM made")) == 4


def test_create_append_does_either(queries: LocalQueries, server: Server) -> None:
    assert ingest(queries, server, "create_append") == 2
    assert ingest(queries, server, "create_append") == 2
    assert len(server.rows("SELECT id FROM made")) == 4


def test_replace_makes_the_table_anew_with_the_new_columns(queries: LocalQueries, server: Server) -> None:
    assert ingest(queries, server, "replace") == 2
    assert ingest(queries, server, "replace", pa.table({"other": [1.5]})) == 1
    assert rows(queries, f"SELECT * FROM {server.path('made')}") == [(1.5,)]


def test_columns_are_matched_by_name_and_the_others_get_their_default(queries: LocalQueries, server: Server) -> None:
    server.run("CREATE TABLE made (id int, name varchar(10) DEFAULT 'none', total decimal(5,2))")
    assert ingest(queries, server, "append", pa.table({"TOTAL": ["1.50"], "id": [7]})) == 1
    assert server.rows("SELECT * FROM made") == [(7, "none", Decimal("1.50"))]
    with pytest.raises(UnknownName, match="no column nothing"):
        ingest(queries, server, "append", pa.table({"nothing": [1]}))
    with pytest.raises(InvalidExpression, match="same name"):
        ingest(queries, server, "append", pa.table({"id": [1], "ID": [1]}))


def test_every_arrow_type_of_a_plain_value_has_a_column(queries: LocalQueries, server: Server) -> None:
    moment = datetime.datetime(2020, 1, 1, 1, 2, 3, 456789)
    data = pa.table(
        {
            "bool": pa.array([True]),
            **{
                f"{kind}{bits}": pa.array([100], f"{kind}{bits}")
                for kind in ("int", "uint")
                for bits in (8, 16, 32, 64)
            },
            "float": pa.array([1.5], pa.float32()),
            "double": pa.array([0.1]),
            "decimal": pa.array([Decimal("-1.50")], pa.decimal128(12, 2)),
            "string": pa.array(["x "]),
            "large": pa.array(["x"], pa.large_string()),
            "view": pa.array(["x"], pa.string_view()),
            "coded": pa.array(["x"]).dictionary_encode(),
            "binary": pa.array([b"\x00"]),
            "large binary": pa.array([b"\x00"], pa.large_binary()),
            "date": pa.array([moment.date()]),
            "time": pa.array([moment.time()], pa.time64("us")),
            "seconds": pa.array([moment.replace(microsecond=0)], pa.timestamp("s")),
            "nanoseconds": pa.array([moment], pa.timestamp("ns")),
            "zoned": pa.array([moment], pa.timestamp("us", "Europe/Berlin")),
            "nothing": pa.nulls(1),
        }
    )
    assert ingest(queries, server, "create", data) == 1
    read = table(queries, f"SELECT * FROM {server.path('made')}")
    given = {**data.to_pylist()[0], "zoned": data["zoned"].cast(pa.timestamp("us", "UTC"))[0].as_py()}
    assert {name: values[0] for name, values in read.to_pydict().items()} == given | {"bool": given["bool"]}


def test_lists_have_columns_at_postgresql_only(queries: LocalQueries, server: Server) -> None:
    data = pa.table({"l": pa.array([[1, None], None], pa.list_(pa.int32()))})
    if server.name == "pg":
        assert ingest(queries, server, "create", data) == 2
        assert rows(queries, f"SELECT l FROM {server.path('made')}") == [([1, None],), (None,)]
    else:
        with pytest.raises(ValueDoesNotFit, match=r"no type for INTEGER\[\]"):
            ingest(queries, server, "create", data)
    with pytest.raises(ValueDoesNotFit, match="STRUCT"):
        ingest(queries, server, "replace", pa.table({"s": [{"a": 1}]}))


@pytest.mark.parametrize("mode", ["create", "append", "replace"])
def test_an_error_in_the_middle_leaves_everything_as_it_was(queries: LocalQueries, server: Server, mode: Mode) -> None:
    if mode != "create":
        server.run("CREATE TABLE made (id int, name varchar(10))")
        server.run("INSERT INTO made VALUES (9, 'old')")
    before = server.rows("SELECT * FROM made") if exists(server) else None

    def broken() -> Iterator[pa.RecordBatch]:
        yield from DATA.to_batches()
        raise ConnectionError("the client went away")

    with pytest.raises(ConnectionError):
        ingest(queries, server, mode, batches=broken())
    assert (server.rows("SELECT * FROM made") if exists(server) else None) == before
    assert server.transactions() == 0
    assert not server.run("SELECT table_name FROM information_schema.tables WHERE table_name LIKE 'watersmeet%'")


def test_a_row_that_breaks_a_constraint_leaves_nothing(queries: LocalQueries, server: Server) -> None:
    server.run("CREATE TABLE made (id int PRIMARY KEY)")
    data = pa.table({"id": pa.array([*range(50_000), 0], pa.int32())})
    with pytest.raises(SourceQueryFailed) as failed:
        ingest(queries, server, "append", data)
    assert failed.value.sqlstate == ("23505" if server.name == "pg" else "23000")
    assert server.rows("SELECT count(*) FROM made") == [(0,)]


def test_a_table_that_others_refer_to_is_not_replaced(queries: LocalQueries, server: Server) -> None:
    server.run("DROP TABLE IF EXISTS child")
    server.run("CREATE TABLE made (id int PRIMARY KEY)")
    server.run("CREATE TABLE child (id int, FOREIGN KEY (id) REFERENCES made (id))")
    with pytest.raises(SourceError, match="depend on it|refers to it"):
        ingest(queries, server, "replace")
    server.run("DROP TABLE child")
    assert server.rows("SELECT * FROM made") == []


def test_a_table_without_transactions_is_refused(queries: LocalQueries, my: Server) -> None:
    my.run("DROP TABLE IF EXISTS made")
    my.run("CREATE TABLE made (id int, name varchar(10)) ENGINE = MyISAM")
    with pytest.raises(SourceRefused, match="MyISAM, which has no transactions"):
        ingest(queries, my, "append")
    with pytest.raises(SourceRefused, match="MyISAM"):
        queries.update(request(f"DELETE FROM {my.path('made')}"), ANA, 60)


def test_what_cannot_be_written_is_refused(queries: LocalQueries, server: Server) -> None:
    fixed = replace(server, name="fixed", schema="public")
    lake = replace(server, name="lake", schema="main")
    for mode in ("create", "append", "replace", "create_append"):
        with pytest.raises((ReadOnlySource, UnknownName)):
            ingest(queries, fixed, mode)
        with pytest.raises((ReadOnlySource, UnknownName)):
            ingest(queries, lake, mode, name="cities")
    with pytest.raises(ReadOnlySource):
        ingest(queries, fixed, "create")
    with pytest.raises(StatementRefused, match="temporary"):
        ingest(queries, server, "create", temporary=True)
    with pytest.raises(UnknownName):
        ingest(queries, server, "create", catalog="nowhere")
    with pytest.raises(UnknownName):
        ingest(queries, server, "create", schema="nowhere")
    with pytest.raises(AmbiguousName, match="my, pg"):
        ingest(queries, None, "create")
    with pytest.raises(InvalidExpression):
        ingest(queries, server, "create", pa.table({}))
    assert not exists(server)


def test_the_sessions_catalog_is_where_a_table_without_one_goes(queries: LocalQueries, server: Server) -> None:
    session = Session(catalog=server.name)
    assert ingest(queries, None, "create", session=session) == 2
    assert ingest(queries, None, "append", session=session) == 2
    assert ingest(queries, server, "append", catalog=None, schema=server.schema, session=session) == 2


def test_a_table_out_of_sight_is_neither_made_nor_met(server: Server, open_sources: Any, tmp_path: Any) -> None:
    server.run("CREATE TABLE made (id int, name varchar(10))")
    sources = open_sources({server.name: server.section | {"writable": True}})
    limited = LocalQueries(
        sources,
        LimitsConfig(spill_dir=tmp_path),
        visible=lambda _who, _catalog, _schema, table: table.startswith("mine"),
    )
    try:
        for mode in ("create", "append", "replace", "create_append"):
            said = []
            for name in ("made", "absent"):
                with pytest.raises(UnknownName) as refused:
                    ingest(limited, server, mode, name=name)
                said.append(str(refused.value).replace(name, "…"))
            assert said[0] == said[1]
        server.run("DROP TABLE IF EXISTS mine")
        assert ingest(limited, server, "create", name="mine") == 2
        server.run("DROP TABLE mine")
    finally:
        limited.close()


def test_names_of_tables_and_columns_are_only_names(queries: LocalQueries, server: Server) -> None:
    name = 'm"; DROP TABLE made; -- {0} %s `x'
    quoted = '"' + name.replace('"', '""') + '"' if server.name == "pg" else "`" + name.replace("`", "``") + "`"
    server.run(f"DROP TABLE IF EXISTS {quoted}")
    ingest(queries, server, "create")
    assert ingest(queries, server, "create", pa.table({name: [1]}), name=name) == 1
    assert ingest(queries, server, "replace", pa.table({name: [1]}), name=name) == 1
    assert server.rows(f"SELECT {quoted} FROM {quoted}") == [(1,)]
    assert exists(server)
    server.run(f"DROP TABLE {quoted}")


def test_two_hundred_thousand_rows_pass_in_bounded_memory(queries: LocalQueries, server: Server) -> None:
    step = 10_000
    schema = pa.schema([("id", pa.int64()), ("text", pa.string())])

    def batches(count: int) -> Iterator[pa.RecordBatch]:
        for start in range(0, count, step):
            ids = range(start, start + step)
            yield pa.record_batch(
                [pa.array(ids, pa.int64()), pa.array([f"row {i} " + "x" * 200 for i in ids])], schema=schema
            )

    ingest(queries, server, "create", schema.empty_table(), batches=batches(20_000))  # what is loaded once is loaded
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert ingest(queries, server, "append", schema.empty_table(), batches=batches(200_000)) == 200_000
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert grown < 40, f"{grown:.0f} MiB more for 44 MB of rows"
    assert server.rows("SELECT count(*), count(DISTINCT id) FROM made") == [(220_000, 200_000)]


def test_writers_at_the_same_time_do_not_hinder_each_other(queries: LocalQueries, server: Server) -> None:
    server.run("CREATE TABLE made (id int PRIMARY KEY, name varchar(10))")
    start = threading.Barrier(8)

    def write(number: int) -> int:
        start.wait()
        ids = pa.array(range(number * 1000, number * 1000 + 1000), pa.int32())
        data = pa.table({"id": ids, "name": [f"w{number}"] * 1000})
        return ingest(queries, server, "append", data, query_id=f"writer-{number}")

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(write, range(8))) == [1000] * 8
    assert server.rows("SELECT count(*), count(DISTINCT name) FROM made") == [(8000, 8)]


def test_two_that_make_the_same_table_make_it_once(queries: LocalQueries, server: Server) -> None:
    start = threading.Barrier(2)

    def write(number: int) -> int | str:
        start.wait()
        try:
            return ingest(queries, server, "create", query_id=f"maker-{number}")
        except (SourceError, TableExists) as error:
            return type(error).__name__

    with ThreadPoolExecutor(2) as threads:
        made = list(threads.map(write, range(2)))
    assert made.count(2) == 1, made
    assert server.rows("SELECT id, name FROM made") == WANTED
    assert not server.run("SELECT table_name FROM information_schema.tables WHERE table_name LIKE 'watersmeet%'")


def test_a_table_in_the_making_is_not_seen(queries: LocalQueries, server: Server) -> None:
    seen: list[list[str]] = []

    def batches() -> Iterator[pa.RecordBatch]:
        yield from DATA.to_batches()
        queries.refresh()
        sql = f"SELECT table_name FROM information_schema.tables WHERE table_catalog = '{server.name}'"
        seen.append(table(queries, sql)["table_name"].to_pylist())

    ingest(queries, server, "create", batches=batches())
    assert not [name for name in seen[0] if name == "made" or "watersmeet" in name]


@pytest.mark.parametrize("mode", ["create", "append"])
@pytest.mark.parametrize("type_", [pa.float16(), pa.decimal256(50, 2), pa.decimal128(5, -2)], ids=str)
def test_a_type_that_sql_does_not_have_is_refused_in_every_mode(
    queries: LocalQueries, server: Server, mode: Mode, type_: pa.DataType
) -> None:
    if mode == "append":
        server.table("id bigint", name="made")
    with pytest.raises(InvalidExpression, match="column id: there is no SQL type for Arrow's"):
        ingest(queries, server, mode, pa.table({"id": pa.nulls(1, type_)}))
    assert server.transactions() == 0


def test_a_name_that_the_source_would_cut_is_refused(queries: LocalQueries, server: Server) -> None:
    with pytest.raises(SourceQueryFailed):
        ingest(queries, server, "create", name="made" * 20)
    if server.name == "pg":  # it counts bytes, of columns' names as well; MySQL counts 64 characters
        with pytest.raises(SourceQueryFailed, match="more than 63 bytes"):
            ingest(queries, server, "create", pa.table({"é" * 40: [1]}))
    assert not server.run("SELECT 1 FROM information_schema.tables WHERE table_name LIKE 'made%'")
