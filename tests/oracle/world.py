"""The world of the oracle: hostile tables in three sources, and one DuckDB with the same rows to compare with.

`World.check` runs a statement with pushdown, without, and in the one DuckDB: names, types and rows must be the same.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pyarrow as pa
import pymysql
from pydantic import SecretStr

from auth.principal import Principal
from connectors import duckdb as lake
from connectors import mysql, postgres
from planner import pipeline
from planner.errors import PlanningError
from planner.plan import FederatedPlan, PlanRequest, SourceInfo
from server.execution.errors import ExecutionError
from server.execution.limits import LimitsConfig
from server.query import LocalQueries
from server.requests import Request, Session
from tests.oracle import answers
from tests.oracle.tables import POSTGRES_SETUP, TABLES, Table
from watersmeet.spi import Source, SourceError

NOW = datetime(2024, 6, 15, 12, 30, tzinfo=UTC)
"""The frozen now() of every statement here."""
DISABLED = "statistics_propagation,aggregate_function_rewriter"
"""Optimizers of DuckDB that its own answers should not depend on."""
NOBODY = Principal(subject="oracle")


@dataclass(slots=True)
class World:
    """The federation under test and its reference."""

    queries: LocalQueries
    infos: Mapping[str, SourceInfo]
    """What the planner knows of the sources."""
    local: duckdb.DuckDBPyConnection
    """The one DuckDB, which holds every table under its full name."""
    sources: Mapping[str, Source]

    def renew(self) -> None:
        """Make the one DuckDB anew: an INTERNAL error in it invalidates all of it (2.0.0 has some)."""
        self.local.close()
        self.local = duckdb.connect()
        fill_reference(self.local)

    def plan(self, sql: str) -> FederatedPlan:
        """The plan of a statement."""
        return pipeline.plan(PlanRequest(sql=sql, now=NOW), self.infos)

    def stages(self, sql: str) -> list[str]:
        """The names of the planner's stages that changed a statement; none where it has no plan."""
        try:
            return [name for name, _ in self.plan(f"EXPLAIN (FORMAT STAGES) {sql}").stages]
        except PlanningError:
            return []

    def run(
        self, sql: str, settings: Mapping[str, str] | None = None, parameters: str | None = None
    ) -> tuple[pa.Schema, answers.Answer]:
        """The announced schema and the answer of the federation."""
        request = Request(
            query_id=uuid.uuid4().hex,
            sql=sql,
            now=NOW,
            session=Session(settings=dict(settings or {})),
            parameters=self._bound(parameters),
        )
        described = self.queries.describe(request, NOBODY)
        answer = self.queries.execute(request, NOBODY, math.inf)
        try:
            table = pa.Table.from_batches(list(answer.batches()), answer.schema)
        finally:
            answer.close()
        assert answer.schema.equals(described.schema, check_metadata=True), "describe announced another schema"
        return described.schema, answers.answer(table)

    def expected(
        self, sql: str, settings: Mapping[str, str] | None = None, parameters: str | None = None
    ) -> answers.Answer:
        """What one DuckDB answers."""
        zone = (settings or {}).get("timezone", "UTC")
        self.local.execute(f"SET TimeZone = '{zone}'").fetchall()
        values = self.local.execute(f"SELECT {parameters}").fetchall()[0] if parameters else ()
        return answers.reference(self.local, sql, values)

    def check(
        self,
        sql: str,
        *,
        reference: str | None = None,
        settings: Mapping[str, str] | None = None,
        parameters: str | None = None,
        order: tuple[int, ...] | None = None,
        count_only: bool = False,
        raises: bool = False,
    ) -> None:
        """Raise AssertionError unless the three ways of running a statement agree. Arguments as in corpus.Case."""
        ways = {way: {**(settings or {}), "pushdown": way} for way in ("on", "off")}
        reference = reference or sql
        if raises:
            self._all_raise(sql, reference, ways, parameters)
            return
        wanted = self.expected(reference, settings, parameters)
        names = [name for name, _ in wanted.columns]
        keys = answers.order_keys(self.local, reference, names) if order is None else order
        for way, session in ways.items():
            _, got = self.run(sql, session, parameters)
            if count_only:
                got, compared = _counted(got), _counted(wanted)
            else:
                compared = wanted
            found = answers.difference(got, compared, keys)
            assert found is None, f"pushdown {way}: {found}\n{self.explain(sql, session, parameters)}"

    def _all_raise(self, sql: str, reference: str, ways: Mapping[str, Any], parameters: str | None) -> None:
        try:
            wanted = self.expected(reference, parameters=parameters)
        except duckdb.Error:
            pass
        else:
            raise AssertionError(f"the one DuckDB answers: {wanted.rows[:3]}")
        for way, session in ways.items():
            try:
                _, got = self.run(sql, session, parameters)
            except (PlanningError, SourceError, ExecutionError) as error:
                assert error.code < 9000, f"pushdown {way}: not a clean error: {error!r}"
            else:
                raise AssertionError(f"pushdown {way}: got an answer, wanted an error: {got.rows[:3]}")

    def explain(
        self, sql: str, settings: Mapping[str, str] | None = None, parameters: str | None = None, form: str = "TEXT"
    ) -> str:
        """EXPLAIN's text."""
        _, answer = self.run(f"EXPLAIN (FORMAT {form}) {sql}", settings, parameters)
        return "\n".join(str(row[-1]) for row in answer.rows)

    def _bound(self, parameters: str | None) -> bytes | None:
        """Parameter values as the Arrow IPC stream that a client would bind."""
        if parameters is None:
            return None
        table = self.local.sql(f"SELECT {parameters}").to_arrow_table()
        table = table.rename_columns([str(number + 1) for number in range(table.num_columns)])
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        return bytes(sink.getvalue())


def _counted(answer: answers.Answer) -> answers.Answer:
    return answers.Answer(answer.columns, ((len(answer.rows),),) if answer.rows else ())


# ---------------------------------------------------------------- building it


@contextmanager
def world(postgres_url: str, mysql_url: str, folder: Path) -> Iterator[World]:
    """Fill the sources, open a federation over them and the reference. The sources' old tables of ours are dropped."""
    with ExitStack() as stack:
        own_url = stack.enter_context(postgres_database(postgres_url, _LANGUAGE))
        fill_postgres(own_url)
        fill_mysql(mysql_url)
        fill_duckdb(folder / "lake.duckdb")
        sources: dict[str, Source] = {
            "pg": postgres.open_source("pg", postgres.Config(kind="postgres", url=SecretStr(own_url))),
            "my": mysql.open_source(
                "my", mysql.Config(kind="mysql", url=SecretStr(mysql_url), schemas=("shop", "crm"))
            ),
            "lake": lake.open_source("lake", lake.Config(kind="duckdb", path=folder / "lake.duckdb")),
        }
        infos = {}
        for name, source in sources.items():
            stack.callback(source.close)
            catalog = source.catalog()
            infos[name] = SourceInfo(
                name=name, kind=source.kind, catalog=catalog, dialect=source.dialect(catalog.facts)
            )
        queries = LocalQueries(sources, LimitsConfig())
        stack.callback(queries.close)
        made = World(queries, infos, duckdb.connect(), sources)
        stack.callback(lambda: made.local.close())
        fill_reference(made.local)
        yield made


_LANGUAGE = "LOCALE_PROVIDER icu ICU_LOCALE 'en-US'"
"""Sorts text as a dictionary does, so that what forgets to ask for the order of bytes shows."""


@contextmanager
def postgres_database(url: str, options: str = "") -> Iterator[str]:
    """The URL of a fresh database at the same server, dropped at the end. `options`: further ones of CREATE DATABASE."""
    name = f"watersmeet_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE template0 {options}".encode())
        yield url.rsplit("/", 1)[0] + "/" + name
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def _of(source: str) -> list[Table]:
    return [table for table in TABLES if table.source == source]


def _quoted(name: str, quote: str = '"') -> str:
    return quote + name.replace(quote, quote * 2) + quote


def _create(table: Table, where: str, quote: str, types: Sequence[str], keys: str) -> str:
    columns = [f"{_quoted(name, quote)} {type_}" for (name, _, _), type_ in zip(table.columns, types, strict=True)]
    return f"CREATE TABLE {where}.{_quoted(table.name, quote)} ({', '.join([*columns, *filter(None, [keys])])})"


def _native(table: Table) -> list[str]:
    return [native for _, native, _ in table.columns]


_SPREAD = b" WITH (fillfactor = 10)"
"""Few rows take several blocks then: what is read in ranges of blocks has more than one."""


def fill_postgres(url: str) -> None:
    """Make the tables of the source pg in an empty database."""
    with psycopg.connect(url, autocommit=True, options="-c TimeZone=UTC") as con:
        for statement in POSTGRES_SETUP:
            con.execute(statement.encode())
        for table in _of("pg"):
            con.execute(_create(table, table.schema, '"', _native(table), table.keys).encode() + _SPREAD)
            marks = ", ".join(f"%s::{native}" for native in _native(table))
            insert = f"INSERT INTO {table.schema}.{_quoted(table.name)} VALUES ({marks})"
            for row in table.rows:
                con.execute(insert.encode(), [_postgres_value(value) for value in row])
        con.execute("ANALYZE")


def _postgres_value(value: Any) -> Any:
    """PostgreSQL writes BC last: '0044-03-15 11:00:00 BC'."""
    if isinstance(value, str) and " (BC)" in value:
        return value.replace(" (BC)", "") + " BC"
    return value


def fill_mysql(url: str) -> None:
    """Make the databases shop and crm anew."""
    con = connect_mysql(url)
    with con, con.cursor() as cursor:
        cursor.execute("SET sql_mode = 'STRICT_ALL_TABLES,NO_BACKSLASH_ESCAPES', time_zone = '+00:00', NAMES utf8mb4")
        for schema in ("shop", "crm"):
            cursor.execute(f"DROP DATABASE IF EXISTS {schema}")
            cursor.execute(f"CREATE DATABASE {schema} CHARACTER SET utf8mb4")
        for table in _of("my"):
            cursor.execute(_create(table, table.schema, "`", _native(table), table.keys))
            marks = ", ".join(["%s"] * len(table.columns))
            if table.rows:
                cursor.executemany(
                    f"INSERT INTO {table.schema}.{_quoted(table.name, '`')} VALUES ({marks})", table.rows
                )
            cursor.execute(f"ANALYZE TABLE {table.schema}.{_quoted(table.name, '`')}")


def connect_mysql(url: str) -> pymysql.Connection[Any]:
    """A connection that commits each statement."""
    address = mysql.config.address(mysql.Config(url=SecretStr(url)).url)
    return pymysql.connect(
        host=address.host,
        port=address.port,
        user=address.user,
        password=address.password.decode(),
        autocommit=True,
        local_infile=True,
        charset="utf8mb4",
    )


def fill_duckdb(path: Path) -> None:
    """Make the file of the source lake."""
    with duckdb.connect(str(path)) as con:
        con.execute("SET TimeZone = 'UTC'").fetchall()
        for table in _of("lake"):
            con.execute(_create(table, table.schema, '"', _native(table), table.keys)).fetchall()
            _insert(con, f"{table.schema}.{_quoted(table.name)}", _native(table), table.rows)


def fill_reference(con: duckdb.DuckDBPyConnection) -> None:
    """Make every table in one DuckDB, under its full name and with its announced types."""
    con.execute("SET TimeZone = 'UTC'").fetchall()
    for catalog in ("pg", "my", "lake"):
        con.execute(f"ATTACH ':memory:' AS {catalog}").fetchall()
    for table in TABLES:
        where = f"{table.source}.{table.schema}"
        con.execute(f"CREATE SCHEMA IF NOT EXISTS {where}").fetchall()
        names = [name.lower() for name, _, _ in table.columns]
        if len(set(names)) < len(names):
            continue  # DuckDB refuses "A" beside "a": the cases over such a table say what to compare with.
        types = [announced for _, _, announced in table.columns]
        con.execute(_create(table, where, '"', types, "")).fetchall()
        padded = [native.startswith("char(") for native in _native(table)]
        rows = [
            tuple(value.rstrip(" ") if pad and value else value for pad, value in zip(padded, row, strict=True))
            for row in table.rows
        ]
        _insert(con, f"{where}.{_quoted(table.name)}", types, rows)
    # 2.0.0 loses rows by it: EXISTS (SELECT 1 FROM t WHERE t.a <= (SELECT count(*) FROM empty)) finds none. And
    # its averages have one value only without the other one (planner/averages.py).
    con.execute(f"SET disabled_optimizers = '{DISABLED}'").fetchall()
    paths = sorted({f"{table.source}.{table.schema}" for table in TABLES})
    con.execute(f"SET search_path = '{','.join(paths)}'").fetchall()


def _insert(con: duckdb.DuckDBPyConnection, table: str, types: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    marks = ", ".join(f"CAST(? AS {type_})" for type_ in types)
    for row in rows:
        con.execute(f"INSERT INTO {table} VALUES ({marks})", list(row)).fetchall()
