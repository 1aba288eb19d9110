"""Answers in parts: one endpoint for each part of a large table, for a client's workers, from any replica.

Only where each read may see a snapshot of its own (`consistency: fragment`); every other answer has one endpoint.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import adbc_driver_flightsql.dbapi as adbc
import duckdb
import grpc
import psycopg
import pyarrow as pa
import pyarrow.flight as flight_client
import pytest
from adbc_driver_flightsql import DatabaseOptions

from server.flight.proto import flight_pb2 as flight
from server.flight.proto import flight_sql_pb2 as sql
from tests.clients.conftest import bearer, close_jdbc
from tests.clients.jdbc.bridge import Jvm, Remote
from tests.clients.replicas import Replica, running
from tests.clients.rpc import Rpc, descriptor
from tests.clients.served import TOKENS
from tests.clients.surface import act
from tests.oracle.world import connect_mysql, postgres_database

ROWS = 400
SLOW = {"send": 2000.0}
"""Microseconds a row: what makes these small tables worth several connections."""
AUTHORIZATION = ("authorization", f"Bearer {bearer('ana')}")
PARTED = {"pg": "pg.public.big", "my": "my.parts.big", "lake": "lake.main.big"}


@dataclass(frozen=True)
class Two:
    """Two replicas of one deployment."""

    first: Replica
    second: Replica


@pytest.fixture(scope="module")
def replicas(postgres_url: str, mysql_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    folder = tmp_path_factory.mktemp("parts")
    with postgres_database(postgres_url) as url:
        _fill_postgres(url)
        _fill_mysql(mysql_url)
        _fill_duckdb(folder / "lake.duckdb")
        config: dict[str, object] = {
            "version": 1,
            "server": {"listen": "127.0.0.1:0", "drain": "5s", "workers": 1},
            "sources": {
                "pg": {"kind": "postgres", "url": url, "consistency": "fragment", "splits": 4, "speed": SLOW},
                "one": {"kind": "postgres", "url": url, "splits": 4, "speed": SLOW},
                "my": {
                    "kind": "mysql",
                    "url": mysql_url,
                    "consistency": "fragment",
                    "splits": 4,
                    "speed": SLOW,
                    "schemas": ["parts"],
                },
                "lake": {
                    "kind": "duckdb",
                    "path": str(folder / "lake.duckdb"),
                    "consistency": "fragment",
                    "speed": SLOW,
                },
                "still": {"kind": "duckdb", "path": str(folder / "still.duckdb"), "speed": SLOW},
            },
            # So that little of an answer waits in a server: what is read whole has nothing to cancel at its source.
            "limits": {"memory": "256MiB"},
            "auth": {"tokens": TOKENS},
            "tickets": {"keys": [{"kid": "t1", "secret": "another secret of more than 32 bytes, for tests"}]},
        }
        _fill_duckdb(folder / "still.duckdb")
        with running(folder, config, 2) as started:
            yield Two(*started)


def _fill_postgres(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as con:
        con.execute("CREATE TABLE big (id int8 PRIMARY KEY, body text)")
        con.execute(
            f"INSERT INTO big SELECT i * 3 - 500, repeat('x', 200) FROM generate_series(1, {ROWS}) AS i".encode()
        )
        con.execute("CREATE TABLE wide (id int8 PRIMARY KEY, body text)")
        con.execute("INSERT INTO wide SELECT id, repeat('x', 400000) FROM big")
        con.execute("CREATE TABLE keyless AS SELECT * FROM big")
        con.execute("ANALYZE")


def _fill_mysql(url: str) -> None:
    con = connect_mysql(url)
    with con, con.cursor() as cursor:
        cursor.execute("DROP DATABASE IF EXISTS parts")
        cursor.execute("CREATE DATABASE parts")
        cursor.execute("CREATE TABLE parts.big (id BIGINT PRIMARY KEY, body VARCHAR(100))")
        rows = ", ".join(f"({i}, 'row {i}')" for i in range(ROWS))
        cursor.execute(f"INSERT INTO parts.big VALUES {rows}")
        cursor.execute("ANALYZE TABLE parts.big")


def _fill_duckdb(path: Path) -> None:
    with duckdb.connect(str(path)) as con:
        con.execute(f"CREATE TABLE big AS SELECT range AS id, 'row ' || range AS body FROM range({ROWS})").fetchall()


@pytest.fixture
def calls(replicas: Two) -> Iterator[tuple[Rpc, Rpc]]:
    with replicas.first.calling(AUTHORIZATION) as first, replicas.second.calling(AUTHORIZATION) as second:
        yield first, second


def _connect(replica: Replica) -> adbc.Connection:
    options = {DatabaseOptions.AUTHORIZATION_HEADER.value: AUTHORIZATION[1]}
    return adbc.connect(f"grpc://127.0.0.1:{replica.port}", db_kwargs=options, autocommit=True)


def _ids(tables: list[pa.Table]) -> list[int]:
    return sorted(pa.concat_tables(tables).column("id").to_pylist())


@pytest.mark.parametrize("source", PARTED)
def test_the_endpoints_together_are_the_answer_from_whichever_replica(replicas: Two, source: str) -> None:
    options = flight_client.FlightCallOptions(
        headers=[(name.encode(), value.encode()) for name, value in (AUTHORIZATION,)]
    )
    with (
        flight_client.connect(f"grpc://127.0.0.1:{replicas.first.port}") as first,
        flight_client.connect(f"grpc://127.0.0.1:{replicas.second.port}") as second,
        ThreadPoolExecutor(4) as workers,
    ):
        command = flight.FlightDescriptor.FromString(
            descriptor(sql.CommandStatementQuery(query=f"SELECT id, body FROM {PARTED[source]}"))
        ).cmd
        info = first.get_flight_info(flight_client.FlightDescriptor.for_command(command), options)
        assert len(info.endpoints) == 4
        assert not info.ordered

        def fetched(number: int) -> pa.Table:
            client = (first, second)[number % 2]
            return client.do_get(info.endpoints[number].ticket, options).read_all()

        tables = list(workers.map(fetched, range(4)))
    assert all(table.schema.equals(info.schema) for table in tables)
    assert min(table.num_rows for table in tables) > ROWS // 8
    ids = _ids(tables)
    assert len(ids) == len(set(ids)) == ROWS


@pytest.mark.parametrize("source", PARTED)
def test_adbc_reads_partitions_one_by_one_or_all_at_once(replicas: Two, source: str) -> None:
    text = f"SELECT id, body FROM {PARTED[source]}"
    with _connect(replicas.first) as connection, connection.cursor() as cursor:
        partitions, schema = cursor.adbc_execute_partitions(text)
        assert len(partitions) == 4
        assert schema is not None
        assert schema.names == ["id", "body"]
        tables = []
        for partition in partitions:
            with _connect(replicas.second) as other, other.cursor() as reader:
                reader.adbc_read_partition(partition)
                tables.append(reader.fetch_arrow_table())
        cursor.execute(text)
        whole = cursor.fetch_arrow_table()
    assert _ids(tables) == _ids([whole])
    assert whole.num_rows == ROWS


def test_jdbc_reads_the_parts_one_after_the_other(replicas: Two, jvm: Jvm) -> None:
    url = f"jdbc:arrow-flight-sql://127.0.0.1:{replicas.first.port}?useEncryption=false"
    connection = jvm.static("java.sql.DriverManager", "getConnection", url, {"token": bearer("ana")})
    assert isinstance(connection, Remote)
    try:
        rows = connection.createStatement().executeQuery("SELECT id FROM lake.main.big")
        count = 0
        while rows.next():
            count += 1
        assert count == ROWS
    finally:
        close_jdbc(connection)


def test_a_prepared_statement_is_announced_in_parts_of_its_values(calls: tuple[Rpc, Rpc]) -> None:
    first, second = calls
    handle = first.prepare("SELECT id FROM lake.main.big WHERE id >= ?").prepared_statement_handle
    bound = second.bind(handle, pa.table({"1": [100]}))
    info = first.info(sql.CommandPreparedStatementQuery(prepared_statement_handle=bound))
    assert len(info.endpoint) > 1
    tables = [second.table(_only(info, number)) for number in range(len(info.endpoint))]
    assert _ids(tables) == list(range(100, ROWS))


@pytest.mark.parametrize(
    "text",
    [
        "SELECT id, body FROM one.public.big",
        "SELECT id, body FROM still.main.big",
        "SELECT id, body FROM pg.public.keyless",
        "SELECT id, body FROM pg.public.big ORDER BY id",
        "SELECT id, body FROM pg.public.big LIMIT 390",
        "SELECT count(*) FROM pg.public.big",
        "SELECT id FROM pg.public.big WHERE id = 7",
        "SELECT a.id, b.body FROM pg.public.big a JOIN lake.main.big b ON a.id = b.id",
        "EXPLAIN SELECT id, body FROM pg.public.big",
    ],
)
def test_every_other_answer_has_one_endpoint(calls: tuple[Rpc, Rpc], text: str) -> None:
    assert len(calls[0].query(text).endpoint) == 1


def test_one_cancel_ends_all_parts_on_all_replicas(calls: tuple[Rpc, Rpc]) -> None:
    first, second = calls
    info = first.query("SELECT id, body FROM pg.public.wide")
    streams = [rpc.frames(_only(info, number)) for number, rpc in enumerate((first, second))]
    for stream in streams:
        next(stream)  # 40 MB are behind it, more than fits on the way
    (body,) = act(second, "CancelFlightInfo", flight.CancelFlightInfoRequest(info=info))
    assert flight.CancelFlightInfoResult.FromString(body).status == flight.CANCEL_STATUS_CANCELLED
    for stream in streams:
        with pytest.raises(grpc.RpcError):
            for _ in stream:
                pass


def test_endpoints_of_two_queries_are_not_one_flight(calls: tuple[Rpc, Rpc]) -> None:
    first, _ = calls
    mixed = first.query("SELECT 1")
    mixed.endpoint.append(first.query("SELECT 2").endpoint[0])
    with pytest.raises(grpc.RpcError, match="the endpoints of one query"):
        act(first, "CancelFlightInfo", flight.CancelFlightInfoRequest(info=mixed))


def test_a_renewed_part_stays_that_part(calls: tuple[Rpc, Rpc]) -> None:
    first, second = calls
    info = first.query("SELECT id FROM lake.main.big")
    for number in range(4):
        before = _only(info, number)
        (body,) = act(second, "RenewFlightEndpoint", flight.RenewFlightEndpointRequest(endpoint=before.endpoint[0]))
        after = flight.FlightInfo(endpoint=[flight.FlightEndpoint.FromString(body)])
        assert after.endpoint[0].ticket != before.endpoint[0].ticket
        assert first.table(after).equals(second.table(before))


def _only(info: flight.FlightInfo, number: int) -> flight.FlightInfo:
    """The flight with one of its endpoints."""
    return flight.FlightInfo(schema=info.schema, endpoint=[info.endpoint[number]])
