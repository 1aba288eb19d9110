"""Servers over one source of every kind, and calls of Flight SQL by hand, for the tests of its whole surface."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import grpc
import pyarrow as pa
import pytest
from google.protobuf.message import Message

from auth.passwords import hash_password
from server.flight.proto import flight_pb2 as flight
from server.flight.proto import flight_sql_pb2 as sql
from server.frames import encode
from tests.clients import shop
from tests.clients.conftest import bearer
from tests.clients.replicas import Replica, running
from tests.clients.rpc import Rpc, descriptor, facts
from tests.clients.served import PASSWORD, TOKENS, USER
from tests.oracle.world import connect_mysql

AUTHORIZATION = ("authorization", f"Bearer {bearer(USER)}")
USERS = [{"name": USER, "password_hash": hash_password(PASSWORD), "roles": ["analyst"]}]


@contextmanager
def servers(postgres_url: str, mysql_url: str, folder: Path, count: int) -> Iterator[list[Replica]]:
    """Server processes with the same keys over a writable PostgreSQL, a MariaDB, and two DuckDB files.

    Of these `odd` has types and spellings that are out of the ordinary.
    """
    _make_odd(folder / "odd.duckdb")
    with shop.postgres_and_duckdb(postgres_url, folder) as some, shop.mysql(mysql_url) as other:
        with connect_mysql(mysql_url) as con, con.cursor() as cursor:
            cursor.execute(f"CREATE VIEW {shop.MYSQL_DATABASE}.slow AS SELECT SLEEP(60) AS slept")
        pg = {**dict(some.pop("pg")), "writable": True}  # type: ignore[call-overload]
        config = {
            "version": 1,
            "server": {"listen": "127.0.0.1:0", "drain": "5s"},
            "sources": {**some, **other, "pg": pg, "odd": {"kind": "duckdb", "path": str(folder / "odd.duckdb")}},
            "auth": {"tokens": TOKENS, "users": USERS},
            "tickets": {"keys": [{"kid": "t1", "secret": "another secret of more than 32 bytes, for tests"}]},
        }
        with running(folder, config, count) as started:
            yield started


def _make_odd(file: Path) -> None:
    with duckdb.connect(str(file)) as con:
        con.execute(
            """
            CREATE TYPE mood AS ENUM ('ok', 'sad');
            CREATE SEQUENCE numbers;
            CREATE TABLE Odd (
                Id INTEGER PRIMARY KEY DEFAULT nextval('numbers'), m mood, l mood[], s STRUCT(m mood, n INTEGER),
                u UUID, h MAP(VARCHAR, INTEGER), a INTEGER[2]
            );
            CREATE TABLE even (odd INTEGER, FOREIGN KEY (ODD) REFERENCES odd (ID));
            INSERT INTO odd VALUES (1, 'ok', ['sad', NULL], {'m': 'ok', 'n': 1}, uuid(), MAP {'k': 1}, [1, 2]),
                (2, NULL, NULL, NULL, NULL, NULL, NULL)"""
        )


@contextmanager
def refused(status: grpc.StatusCode, code: str) -> Iterator[None]:
    """Within this, a call must end with a status and a code of ours."""
    with pytest.raises(grpc.RpcError) as caught:
        yield
    assert isinstance(caught.value, grpc.Call) and caught.value.code() is status
    assert facts(caught.value)["code"] == code


def act(rpc: Rpc, kind: str, body: Message | bytes = b"") -> list[bytes]:
    """The bodies of an action's results."""
    data = body if isinstance(body, bytes) else body.SerializeToString()
    results = rpc.raw("DoAction", flight.Action(type=kind, body=data).SerializeToString())
    return [flight.Result.FromString(result).body for result in results]


def put(rpc: Rpc, command: Message, table: pa.Table | None = None) -> int:
    """DoPut of rows, or of a command alone; the number of rows that the server tells."""
    made = encode(table.schema, table.to_batches()) if table is not None else [b""]
    frames = [flight.FlightData.FromString(frame) for frame in made]
    frames[0].flight_descriptor.CopyFrom(flight.FlightDescriptor.FromString(descriptor(command)))
    (result,) = rpc.raw("DoPut", *(frame.SerializeToString() for frame in frames))
    count: int = sql.DoPutUpdateResult.FromString(flight.PutResult.FromString(result).app_metadata).record_count
    return count
