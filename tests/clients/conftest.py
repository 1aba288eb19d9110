"""A running front over a DuckDB in memory, and the ways in."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import adbc_driver_flightsql.dbapi as adbc
import grpc
import pytest
from adbc_driver_flightsql import DatabaseOptions
from pydantic import SecretStr

from auth.access import Access, AccessConfig
from auth.authenticator import AuthConfig, Authenticator
from auth.passwords import UserConfig, hash_password
from auth.tokens import TokenKey, Tokens, TokensConfig
from server.flight.service import FlightOptions, FlightServer, create_server
from server.flight.tickets import TicketKey, TicketsConfig
from server.workers.inprocess import InProcess
from tests.clients import shop
from tests.clients.jdbc.bridge import JavaError, Jvm, Remote
from tests.clients.memory_queries import MemoryQueries
from tests.clients.rpc import Rpc
from tests.clients.served import Served, serving

SECRET = "a shared secret of more than 32 bytes, for tests"
TOKENS = TokensConfig(
    issuer="https://issuer.example",
    audience="watersmeet",
    keys=(TokenKey(kid="k1", algorithm="HS256", secret=SecretStr(SECRET)),),
)
USERS = (UserConfig(name="ana", password_hash=hash_password("correct horse"), roles=("analyst",)),)
TICKETS = TicketsConfig(keys=(TicketKey(kid="t1", secret=SecretStr(SECRET)),))
ACCESS = AccessConfig.model_validate({"roles": {"analyst": {"allow": ["*.*.*"]}, "clerk": {"allow": ["sales.*.*"]}}})
CLOSING = (
    "Memory was leaked by query",  # it forgets the memory of parameters where it could not bind or the call failed
    "Channel shutdown invoked",  # with the URL's `catalog` it closes its client twice: apache/arrow-java issue 863
)
"""What closing a connection of JDBC driver 18.3 may throw, whatever the server does."""
OPTIONS = FlightOptions(listen="127.0.0.1:0", streams=3, calls=8, statement_timeout=60)


@dataclass(frozen=True)
class Front:
    """A server that is running."""

    server: FlightServer
    queries: MemoryQueries
    port: int

    @property
    def uri(self) -> str:
        return f"grpc://127.0.0.1:{self.port}"


@cache
def _authenticator(anonymous: bool) -> Authenticator:
    return Authenticator(AuthConfig(tokens=TOKENS, users=USERS, anonymous=anonymous))


def bearer(subject: str = "ben", roles: tuple[str, ...] = ("analyst",), seconds: float = 600) -> str:
    """A bearer token as an identity provider would sign it."""
    return Tokens(TOKENS).sign(subject, roles, timedelta(seconds=seconds))


def until(condition: Callable[[], object], seconds: float = 2.0) -> None:
    """Wait until `condition()` holds, and fail when it does not."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.01)


def close_jdbc(connection: Remote) -> None:
    """Close a connection of the JDBC driver, and let pass what only the driver is to blame for."""
    try:
        connection.close()
    except JavaError as error:
        if not any(words in str(error) for words in CLOSING):
            raise


@pytest.fixture
def queries() -> Iterator[MemoryQueries]:
    made = MemoryQueries(Access(ACCESS))
    made.connection.execute(
        """
        ATTACH ':memory:' AS sales;
        ATTACH ':memory:' AS crm;
        CREATE SCHEMA sales.archive;
        CREATE TABLE sales.main.orders (id INTEGER NOT NULL, amount DECIMAL(12, 2), region VARCHAR, placed TIMESTAMPTZ);
        COMMENT ON COLUMN sales.main.orders.amount IS 'in euros';
        INSERT INTO sales.main.orders
            SELECT i, i / 4, CASE i % 3 WHEN 0 THEN 'EU' WHEN 1 THEN 'US' END, TIMESTAMPTZ '2024-01-01 00:00:00+00'
            FROM range(1000) AS r(i);
        CREATE TABLE sales.archive.orders_2020 (id INTEGER);
        CREATE TABLE sales.archive.ordersX2020 (id INTEGER);
        CREATE VIEW sales.main.recent AS SELECT id FROM sales.main.orders WHERE id > 990;
        CREATE TABLE crm.main.customers (id INTEGER, name VARCHAR, photo BLOB);
        """
    )
    yield made
    made.close()


@pytest.fixture
def serve(queries: MemoryQueries) -> Iterator[Callable[..., Front]]:
    """Starts a front over `queries`: serve(anonymous=…, tickets=…, streams=…)."""
    started: list[FlightServer] = []

    def start(*, anonymous: bool = False, tickets: TicketsConfig = TICKETS, **options: Any) -> Front:
        server = create_server(InProcess(queries), _authenticator(anonymous), tickets, replace(OPTIONS, **options))
        started.append(server)
        return Front(server, queries, server.start())

    yield start
    for server in started:
        server.stop()


@pytest.fixture
def front(serve: Callable[..., Front]) -> Front:
    return serve()


@pytest.fixture
def rpc(front: Front) -> Iterator[Rpc]:
    """Raw gRPC, with a bearer token."""
    with grpc.insecure_channel(f"127.0.0.1:{front.port}") as channel:
        yield Rpc(channel, (("authorization", f"Bearer {bearer()}"),))


@pytest.fixture
def connection(front: Front) -> Iterator[adbc.Connection]:
    """ADBC's DBAPI, with a bearer token."""
    options = {DatabaseOptions.AUTHORIZATION_HEADER.value: f"Bearer {bearer()}"}
    with adbc.connect(front.uri, db_kwargs=options, autocommit=True) as made:
        yield made


@pytest.fixture(scope="session")
def served(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server process over a PostgreSQL and a DuckDB file, for all clients that nobody here wrote."""
    folder = tmp_path_factory.mktemp("served")
    with shop.postgres_and_duckdb(postgres_url, folder) as sources, serving(folder, sources) as server:
        yield server


@pytest.fixture(scope="session")
def writable_shop(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The same with the PostgreSQL source writable, for tests that write and clean up behind them."""
    folder = tmp_path_factory.mktemp("writable")
    with shop.postgres_and_duckdb(postgres_url, folder) as sources:
        pg = {**dict(sources.pop("pg")), "writable": True}  # type: ignore[call-overload]
        with serving(folder, {**sources, "pg": pg}) as server:
            yield server


@pytest.fixture(scope="session")
def jvm(java: str, jdbc_driver: tuple[Path, ...], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jvm]:
    """A Java machine with the JDBC driver."""
    machine = Jvm(java, jdbc_driver, tmp_path_factory.mktemp("jvm") / "stderr")
    yield machine
    machine.close()


@pytest.fixture
def jdbc_connect(jvm: Jvm, served: Served) -> Iterator[Callable[..., Remote]]:
    """Opens JDBC connections: jdbc_connect("&catalog=pg", user=…, password=…), with a token when no property is given."""
    opened: list[Remote] = []

    def connect(options: str = "", **properties: str) -> Remote:
        url = f"jdbc:arrow-flight-sql://127.0.0.1:{served.port}?useEncryption=false{options}"
        made = jvm.static("java.sql.DriverManager", "getConnection", url, properties or {"token": served.token})
        assert isinstance(made, Remote)
        opened.append(made)
        return made

    yield connect
    for connection in opened:
        close_jdbc(connection)


@pytest.fixture
def jdbc(jdbc_connect: Callable[..., Remote]) -> Remote:
    """A JDBC connection, with a bearer token."""
    return jdbc_connect()
