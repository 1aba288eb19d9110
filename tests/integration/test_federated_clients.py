"""Clients read an answer that comes from PostgreSQL, MariaDB and DuckDB at once, with a bearer token."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

import adbc_driver_flightsql.dbapi as adbc
import polars
import psycopg
import pyarrow as pa
import pyarrow.flight
import pytest
from adbc_driver_flightsql import DatabaseOptions
from pydantic import SecretStr

from auth.authenticator import AuthConfig
from auth.tokens import TokenKey, Tokens, TokensConfig
from connectors import duckdb as lake
from connectors import mysql, postgres
from server.app import open_server
from server.config import Config, ServerConfig
from server.flight.commands import pack
from server.flight.proto import flight_sql_pb2 as flight_sql
from tests.oracle.world import connect_mysql, fill_duckdb, postgres_database

DATABASE = "federated_clients"
SQL = f"""
    SELECT e.kind, c.name, sum(o.amount) AS total, count(*) AS n
    FROM pg.public.payments o
    JOIN my.{DATABASE}.customers c ON c.id = o.customer
    JOIN lake.main.events e ON e.person = c.id
    WHERE o.amount > 1 AND e.kind IS NOT NULL
    GROUP BY e.kind, c.name
    ORDER BY e.kind, c.name"""
SCHEMA = [
    ("kind", pa.string()),
    ("name", pa.string()),
    ("total", pa.decimal128(38, 2)),
    ("n", pa.int64()),
]
ROWS = [
    ("Click", "Zoë", Decimal("7.50"), 2),
    ("click", "Zoë", Decimal("7.50"), 2),
    ("view", "ana ", Decimal("9.99"), 1),
]
TOKENS = TokensConfig(
    issuer="https://issuer.example",
    audience="watersmeet",
    keys=(TokenKey(kid="k1", algorithm="HS256", secret=SecretStr("a shared secret of more than 32 bytes, for tests")),),
)


@dataclass(frozen=True)
class Served:
    """A running server and a token that it accepts."""

    uri: str
    token: str


@pytest.fixture(scope="module")
def served(postgres_url: str, mysql_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    path = tmp_path_factory.mktemp("lake") / "lake.duckdb"
    fill_duckdb(path)
    _fill_mysql(mysql_url)
    with postgres_database(postgres_url) as url:
        with psycopg.connect(url) as con:
            con.execute("CREATE TABLE payments (id serial PRIMARY KEY, customer int, amount numeric(10,2))")
            con.execute(
                "INSERT INTO payments (customer, amount) VALUES (1, 5.00), (1, 2.50), (2, 9.99), (2, 0.50), (9, 7), (NULL, 3)"
            )
        config = Config(
            version=1,
            server=ServerConfig(listen="127.0.0.1:0"),
            sources={
                "pg": postgres.Config(url=SecretStr(url)),
                "my": mysql.Config(url=SecretStr(mysql_url), schemas=(DATABASE,)),
                "lake": lake.Config(kind="duckdb", path=path),
            },
            auth=AuthConfig(tokens=TOKENS),
        )
        with open_server(config) as server:
            uri = f"grpc://127.0.0.1:{server.start()}"
            try:
                yield Served(uri, Tokens(TOKENS).sign("ana", ["analyst"], timedelta(minutes=10)))
            finally:
                server.stop()
    with connect_mysql(mysql_url) as maria, maria.cursor() as cursor:
        cursor.execute(f"DROP DATABASE {DATABASE}")


def _fill_mysql(url: str) -> None:
    with connect_mysql(url) as con, con.cursor() as cursor:
        cursor.execute(f"CREATE OR REPLACE DATABASE {DATABASE} CHARACTER SET utf8mb4")
        cursor.execute(f"CREATE TABLE {DATABASE}.customers (id int PRIMARY KEY, name varchar(20))")
        cursor.executemany(
            f"INSERT INTO {DATABASE}.customers VALUES (%s, %s)", [(1, "Zoë"), (2, "ana "), (3, "Ana"), (77, None)]
        )


def _check(table: pa.Table) -> None:
    assert [(field.name, field.type) for field in table.schema] == SCHEMA
    assert list(zip(*(column.to_pylist() for column in table.columns), strict=True)) == ROWS


def test_adbc_reads_a_federated_answer(served: Served) -> None:
    options = {DatabaseOptions.AUTHORIZATION_HEADER.value: f"Bearer {served.token}"}
    with adbc.connect(served.uri, options, autocommit=True) as con, con.cursor() as cursor:
        cursor.execute(SQL)
        _check(cursor.fetch_arrow_table())


def test_adbc_binds_a_parameter_that_reaches_the_sources(served: Served) -> None:
    options = {DatabaseOptions.AUTHORIZATION_HEADER.value: f"Bearer {served.token}"}
    sql = f"SELECT c.name, o.amount FROM pg.public.payments o JOIN my.{DATABASE}.customers c ON c.id = o.customer WHERE c.id = ?"
    with adbc.connect(served.uri, options, autocommit=True) as con, con.cursor() as cursor:
        cursor.execute(sql, (2,))
        assert sorted(cursor.fetchall()) == [("ana ", Decimal("0.50")), ("ana ", Decimal("9.99"))]


def test_pyarrow_flight_reads_a_federated_answer(served: Served) -> None:
    options = pyarrow.flight.FlightCallOptions(headers=[(b"authorization", f"Bearer {served.token}".encode())])
    command = pack(flight_sql.CommandStatementQuery(query=SQL))
    with pyarrow.flight.connect(served.uri.replace("grpc://", "grpc+tcp://")) as client:
        info = client.get_flight_info(pyarrow.flight.FlightDescriptor.for_command(command), options)
        table = client.do_get(info.endpoints[0].ticket, options).read_all()
    assert table.schema.equals(info.schema, check_metadata=True)
    _check(table)


def test_polars_reads_a_federated_answer(served: Served) -> None:
    options = {DatabaseOptions.AUTHORIZATION_HEADER.value: f"Bearer {served.token}"}
    with adbc.connect(served.uri, options, autocommit=True) as con:
        frame = polars.read_database(SQL, con)
    assert frame.rows() == ROWS
    assert frame.schema["total"] == polars.Decimal(38, 2)


def test_no_token_no_answer(served: Served) -> None:
    with adbc.connect(served.uri, autocommit=True) as con, con.cursor() as cursor, pytest.raises(adbc.Error) as caught:
        cursor.execute(SQL)
    assert caught.value.status_code.name == "UNAUTHENTICATED"
