"""TPC-H's 22 queries over several placements of its tables: one DuckDB's answers, the same schemas at every door."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import adbc_driver_flightsql.dbapi as adbc
import duckdb
import grpc
import pytest
from adbc_driver_flightsql import DatabaseOptions

from server.flight.proto import flight_sql_pb2 as flight_sql
from tests.clients.rpc import Rpc, read_schema
from tests.oracle import answers
from tests.oracle.plans import show
from tests.tpch.data import QUERIES
from tests.tpch.federation import Federation
from tests.tpch.placements import PLACEMENTS

FIXTURES = Path(__file__).parent.parent / "fixtures" / "fragments"
Open = Callable[[str], Federation]

FILTERED: Mapping[str, Mapping[str, str]] = {
    "q01": {"lineitem": "l_shipdate"},
    "q02": {"part": "p_size", "region": "r_name"},
    "q03": {"customer": "c_mktsegment", "orders": "o_orderdate", "lineitem": "l_shipdate"},
    "q04": {"orders": "o_orderdate", "lineitem": "l_receiptdate"},
    "q05": {"orders": "o_orderdate", "region": "r_name"},
    "q06": {"lineitem": "l_shipdate"},
    "q07": {"lineitem": "l_shipdate", "nation": "n_name"},
    "q08": {"part": "p_type", "orders": "o_orderdate", "region": "r_name"},
    "q09": {"part": "p_name"},
    "q10": {"orders": "o_orderdate", "lineitem": "l_returnflag"},
    "q11": {"nation": "n_name"},
    "q12": {"lineitem": "l_shipmode"},
    "q13": {"orders": "o_comment"},
    "q14": {"lineitem": "l_shipdate"},
    "q15": {"lineitem": "l_shipdate"},
    "q16": {"part": "p_brand"},
    "q17": {"part": "p_container"},
    "q19": {"part": "p_container", "lineitem": "l_shipinstruct"},
    "q20": {"nation": "n_name", "part": "p_name", "lineitem": "l_shipdate"},
    "q21": {"orders": "o_orderstatus", "nation": "n_name"},
    "q22": {"customer": "c_phone"},
}
"""Tables that a query filters by themselves everywhere it reads them, and a column that the filter names."""

queries = pytest.mark.parametrize("query", QUERIES, ids=[path.stem for path in QUERIES])
placements = pytest.mark.parametrize("placement", PLACEMENTS)


def _agree(sql: str, got: answers.Answer, con: duckdb.DuckDBPyConnection) -> str | None:
    wanted = answers.reference(con, sql)
    assert any(value is not None for row in wanted.rows for value in row), "an empty answer proves nothing"
    return answers.difference(got, wanted, answers.order_keys(con, sql, [name for name, _ in wanted.columns]))


@placements
@queries
def test_the_answer_is_that_of_one_duckdb(
    federations: Open, one_duckdb: duckdb.DuckDBPyConnection, placement: str, query: Path
) -> None:
    sql = query.read_text()
    announced, table = federations(placement).run(sql)
    assert table.schema.equals(announced, check_metadata=True)
    assert _agree(sql, answers.answer(table), one_duckdb) is None


@queries
def test_a_flight_sql_client_gets_the_same_answer(
    federations: Open, one_duckdb: duckdb.DuckDBPyConnection, query: Path
) -> None:
    sql = query.read_text()
    federation = federations("a")
    options = {DatabaseOptions.AUTHORIZATION_HEADER.value: f"Bearer {federation.token}"}
    uri = f"grpc://127.0.0.1:{federation.port}"
    with adbc.connect(uri, options, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute(sql)
        table = cursor.fetch_arrow_table()
    assert _agree(sql, answers.answer(table), one_duckdb) is None


@queries
def test_prepare_info_and_stream_have_one_schema(federations: Open, query: Path) -> None:
    sql = query.read_text()
    federation = federations("b")
    with grpc.insecure_channel(f"127.0.0.1:{federation.port}") as channel:
        rpc = Rpc(channel, [("authorization", f"Bearer {federation.token}")])
        prepared = rpc.prepare(sql)
        info = rpc.query(sql)
        schemas = {
            "prepare": read_schema(prepared.dataset_schema),
            "GetFlightInfo": read_schema(info.schema),
            "GetFlightInfo of the prepared": read_schema(
                rpc.info(
                    flight_sql.CommandPreparedStatementQuery(
                        prepared_statement_handle=prepared.prepared_statement_handle
                    )
                ).schema
            ),
            "DoGet": rpc.table(info).schema,
        }
    announced, _ = federation.run(sql)
    for name, schema in schemas.items():
        assert schema.equals(announced, check_metadata=True), name


@placements
@queries
def test_the_fragments_are_those_of_the_fixture(
    federations: Open, placement: str, query: Path, update_fixtures: bool
) -> None:
    sql = query.read_text()
    file = FIXTURES / f"tpch_{placement}" / query.name
    where = "; ".join(f"{source} has {', '.join(tables)}" for source, tables in PLACEMENTS[placement].items())
    shown = f"-- {where}\n{sql}\n{show(federations(placement).plan(sql))}"
    if update_fixtures:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(shown)
    assert file.read_text() == shown, "changed: run pytest --update-fixtures and read the diff"


@placements
@queries
def test_no_fragment_reads_a_table_whole_that_the_query_filters(federations: Open, placement: str, query: Path) -> None:
    plan = federations(placement).plan(query.read_text())
    for fragment in plan.fragments:
        for table, column in FILTERED.get(query.stem, {}).items():
            body = f"{fragment.read.prefix} {fragment.read.body}"
            if re.search(rf'["`]{table}["`]', body):
                assert re.search(rf'["`]{column}["`]', body), f"{table} is read without its filter: {body}"
