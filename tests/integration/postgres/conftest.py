"""A database of this folder's own, and sources over it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from connectors import native
from connectors.postgres import Config
from connectors.postgres.source import PostgresSource

Connect = Callable[..., PostgresSource]


@pytest.fixture(scope="session")
def database(postgres_url: str) -> Iterator[str]:
    """The URL of an empty database, dropped at the end."""
    name = f"wm_postgres_{os.getpid()}"
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        # A language's order, so that whatever forgets COLLATE "C" is found out.
        order = "LOCALE_PROVIDER icu ICU_LOCALE 'en-US'" if admin.info.server_version >= 150000 else ""
        admin.execute(f"CREATE DATABASE \"{name}\" TEMPLATE template0 ENCODING UTF8 LOCALE 'C.UTF-8' {order}".encode())
        parts = urlsplit(postgres_url)
        try:
            yield urlunsplit((parts.scheme, parts.netloc, f"/{name}", parts.query, ""))
        finally:
            admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(scope="session")
def admin(database: str) -> Iterator[psycopg.Connection]:
    """A superuser's connection to set things up with."""
    with psycopg.connect(database, autocommit=True) as connection:
        yield connection


@pytest.fixture(params=["binary", "driver"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """With our own client and the C decoder, and with ADBC's."""
    chosen: str = request.param
    if chosen == "binary":
        request.getfixturevalue("decoder")
    monkeypatch.setattr(native, "available", chosen == "binary")
    return chosen


@pytest.fixture
def connect(database: str) -> Iterator[Connect]:
    """connect(pool=2, …) -> a source over the database; closed after the test."""
    opened: list[PostgresSource] = []

    def make(**settings: object) -> PostgresSource:
        opened.append(PostgresSource("pg", Config(**{"url": database, **settings})))  # type: ignore[arg-type]
        return opened[-1]

    yield make
    for source in opened:
        source.close()
