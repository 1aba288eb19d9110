"""A database of its own for each test module, and sources that look at it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pymysql
import pymysql.cursors
import pytest

from connectors import native
from connectors.mysql.config import Config
from connectors.mysql.source import MysqlSource
from tests.integration.mysql import hostile
from tests.integration.mysql.oracle import Oracle

Run = Callable[..., tuple[tuple[Any, ...], ...]]
MakeSource = Callable[..., MysqlSource]


@pytest.fixture(scope="session")
def admin(mysql_url: str) -> Iterator[Run]:
    """Runs SQL as the superuser, outside of the connector."""
    parts = urlsplit(mysql_url)
    connection = pymysql.connect(
        host=parts.hostname,
        port=parts.port or 3306,
        user=parts.username or "root",
        password=parts.password or "",
        charset="utf8mb4",
        autocommit=True,
        ssl_disabled=True,
    )

    def run(sql: str, *values: Any) -> tuple[tuple[Any, ...], ...]:
        with connection.cursor() as cursor:
            cursor.execute(sql, values or None)
            return tuple(cursor.fetchall())

    yield run
    connection.close()


@pytest.fixture(params=["packets", "lines"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """With the C decoder, and without."""
    chosen: str = request.param
    if chosen == "packets":
        request.getfixturevalue("decoder")
    monkeypatch.setattr(native, "available", chosen == "packets")
    return chosen


@pytest.fixture(scope="module")
def database(admin: Run, request: pytest.FixtureRequest) -> Iterator[str]:
    """The name of an empty database."""
    name = request.module.__name__.rpartition(".")[2].replace("test_", "wm_")
    admin(f"DROP DATABASE IF EXISTS {name}")
    admin(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
    admin(f"USE {name}")
    yield name
    admin(f"DROP DATABASE {name}")


@pytest.fixture(scope="module")
def make_source(mysql_url: str, database: str) -> Iterator[MakeSource]:
    """Opens sources on the module's database with the settings given; closes them at the end."""
    opened = []

    def make(**settings: Any) -> MysqlSource:
        settings = {"url": mysql_url.rstrip("/") + "/" + database, "tls": "disabled", "schemas": (database,)} | settings
        source = MysqlSource("crm", Config.model_validate(settings))
        opened.append(source)
        return source

    yield make
    for source in opened:
        source.close()


@pytest.fixture(scope="module")
def oracle(admin: Run, source: MysqlSource, database: str) -> Oracle:
    return Oracle(source, database, *hostile.load(admin, source, database))


@pytest.fixture(scope="module")
def source(make_source: MakeSource) -> MysqlSource:
    return make_source()
