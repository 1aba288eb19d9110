"""A server over a DuckDB file, put together from a configuration as `watersmeet serve` does it, and calls to it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from auth.passwords import hash_password
from auth.tokens import Tokens, TokensConfig
from server.app import open_server
from server.config import parse
from tests.clients.replicas import calling
from tests.clients.rpc import Rpc

TOKENS: dict[str, Any] = {
    "issuer": "https://issuer.example",
    "audience": "watersmeet",
    "keys": [{"kid": "k1", "algorithm": "HS256", "secret": "a canary among the token secrets, 32 bytes"}],
}
TICKETS: dict[str, Any] = {"keys": [{"kid": "t1", "secret": "a canary among the ticket secrets, 32 bytes"}]}
SECRETS = ("canary", "correct horse", "argon2id")
"""What no answer may show."""
USERS = [{"name": "ana", "password_hash": hash_password("correct horse"), "roles": ["analyst"]}]

Calling = Callable[..., AbstractContextManager[Rpc]]
"""calling(*headers): a connection with these headers on every call."""


def bearer(subject: str = "ana", *roles: str, seconds: float = 86400) -> tuple[str, str]:
    """The header of a good token: some are made when tests are collected, and used when the whole suite gets there."""
    signer = Tokens(TokensConfig.model_validate(TOKENS))
    return "authorization", f"Bearer {signer.sign(subject, roles or ('analyst',), timedelta(seconds=seconds))}"


@pytest.fixture(scope="session")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A DuckDB file with two tables."""
    path = tmp_path_factory.mktemp("lake") / "lake.duckdb"
    with duckdb.connect(str(path)) as con:
        con.execute("CREATE TABLE customers AS SELECT i AS id, 'customer ' || i AS name FROM range(10) AS r(i)")
        con.execute("CREATE TABLE salaries AS SELECT i AS id, i * 1000 AS salary FROM range(10) AS r(i)")
    return path


@contextmanager
def _served(lake: Path, folder: Path, sections: dict[str, Any]) -> Iterator[Calling]:
    # A copy for each: one process opens a DuckDB file once.
    own = shutil.copy(lake, folder / "lake.duckdb")
    config = {
        "version": 1,
        "server": {"listen": "127.0.0.1:0", "workers": 0},
        "sources": {"lake": {"kind": "duckdb", "path": str(own)}},
        "auth": {"tokens": TOKENS, "users": USERS},
        "tickets": TICKETS,
        **sections,
    }
    with open_server(parse(yaml.safe_dump(config))) as server:
        port = server.start()
        try:
            yield lambda *headers: calling(port, *headers)
        finally:
            server.stop()


@pytest.fixture
def serve(lake: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Calling]]:
    """Starts servers: serve(tickets=…, access=…)."""
    with ExitStack() as running:
        yield lambda **sections: running.enter_context(_served(lake, tmp_path_factory.mktemp("served"), sections))


@pytest.fixture(scope="session")
def plain(lake: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Calling]:
    """One server for all tests that need nothing special."""
    with _served(lake, tmp_path_factory.mktemp("plain"), {}) as calling_:
        yield calling_


@pytest.fixture
def rpc(plain: Calling) -> Iterator[Rpc]:
    """Calls of ana, an analyst."""
    with plain(bearer()) as made:
        yield made
