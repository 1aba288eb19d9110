"""What a careless user does is answered with a coded error in time, says what and where, and disturbs nobody else."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import adbc_driver_flightsql.dbapi as adbc
import duckdb
import pytest
from adbc_driver_flightsql import DatabaseOptions
from pydantic import SecretStr

from auth.authenticator import AuthConfig
from auth.passwords import UserConfig, hash_password
from auth.tokens import TokenKey, Tokens, TokensConfig
from connectors import duckdb as lake
from connectors import postgres
from server.app import open_server
from server.config import Config, ServerConfig

PASSWORD = "correct horse battery"
CANARY = "canary-Sx91"
"""A secret of the configuration: it may stand in no error."""
TOKENS = TokensConfig(
    issuer="https://issuer.example",
    audience="watersmeet",
    keys=(TokenKey(kid="k1", algorithm="HS256", secret=SecretStr("a shared secret of more than 32 bytes, for tests")),),
)


@dataclass(frozen=True)
class Served:
    uri: str
    token: str
    expired: str


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("careless")
    for name in ("one", "two"):
        _fill(folder / f"{name}.duckdb")
    config = Config(
        version=1,
        server=ServerConfig(listen="127.0.0.1:0"),
        sources={
            "one": lake.Config(kind="duckdb", path=folder / "one.duckdb"),
            "two": lake.Config(kind="duckdb", path=folder / "two.duckdb"),
            # Nobody listens on port 1.
            "down": postgres.Config(url=SecretStr(f"postgresql://reader:{CANARY}@127.0.0.1:1/sales")),
        },
        auth=AuthConfig(tokens=TOKENS, users=(UserConfig(name="ana", password_hash=hash_password(PASSWORD)),)),
    )
    tokens = Tokens(TOKENS)
    with open_server(config) as server:
        port = server.start()
        yield Served(
            f"grpc://127.0.0.1:{port}",
            tokens.sign("ana", [], timedelta(hours=1)),
            tokens.sign("ana", [], timedelta(seconds=-3600)),
        )
        server.stop()


def _fill(path: Path) -> None:
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE people (id INTEGER, name VARCHAR, born DATE)")
        connection.execute("INSERT INTO people VALUES (1, 'Ana', '1990-01-01'), (2, 'Bo', NULL)")


def _connect(served: Served, **options: str) -> adbc.Connection:
    header = options.pop("header", f"Bearer {served.token}")
    chosen = options or {DatabaseOptions.AUTHORIZATION_HEADER.value: header}
    return adbc.connect(served.uri, db_kwargs=chosen, autocommit=True)


def _refused(served: Served, sql: str, **options: str) -> str:
    """The error of a statement, which must come within two seconds."""
    begun = time.monotonic()
    with pytest.raises(Exception) as caught, _connect(served, **options) as connection, connection.cursor() as cursor:
        cursor.execute(sql)
        cursor.fetchall()
    assert time.monotonic() - begun < 2
    text = str(caught.value)
    assert CANARY not in text
    assert "Traceback" not in text
    assert "127.0.0.1:1" not in text
    assert len(text) < 6000
    return text


@pytest.mark.parametrize(
    ("sql", "code", "words"),
    [
        ("SELECT * FROM one.main.peple", "WM-2003", "did you mean one.main.people?"),
        ("SELECT * FROM people", "WM-2004", "one.main.people, two.main.people"),
        ("SELECT nmae FROM one.main.people", "WM-2003", "did you mean name?"),
        ("SELECT id FROM one.main.people a, two.main.people b", "WM-2004", "ambiguous"),
        ("SELECT id FROM one.main.people WHERE", "WM-2001", "syntax error"),
        ("SELECT id FROM one.main.people WHERE born = 'yesterday'", "WM-2005", "DATE"),
        ("SELECT name + 1 FROM one.main.people", "WM-2005", "No function matches"),
        ("SELECT CAST(name AS INTEGER) FROM one.main.people", "WM-3003", "one"),
        ("SELECT * FROM down.public.orders", "WM-3001", "down"),
        ("DROP TABLE people", "WM-2002", "DROP"),
        ("DELETE FROM one.main.people", "WM-2010", "writable"),
        ("SELECT '" + "x" * 2_000_000 + "'", "WM-5001", "sql_bytes"),
        ("SELECT " + "(" * 5000 + "1" + ")" * 5000, "WM-5001", "sql_depth"),
        ("SELECT getenv('HOME')", "WM-2006", "getenv"),
        ("SELECT * FROM read_text('/etc/passwd')", "WM-2006", "read_text"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else None,
)
def test_a_bad_statement_is_a_coded_error_that_helps(served: Served, sql: str, code: str, words: str) -> None:
    text = _refused(served, sql)
    assert code in text
    assert words in text


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"username": "ana", "password": "wrong"}, "WM-4004"),
        ({"username": "nobody", "password": PASSWORD}, "WM-4004"),
        ({"header": "Bearer nonsense"}, "WM-4002"),
        ({"header": "Bearer "}, "WM-4"),
    ],
)
def test_bad_credentials_are_refused(served: Served, options: dict[str, str], code: str) -> None:
    assert code in _refused(served, "SELECT 1", **options)


def test_an_expired_token_is_said_to_be_expired(served: Served) -> None:
    text = _refused(served, "SELECT 1", header=f"Bearer {served.expired}")
    assert "WM-4003" in text
    assert "expired" in text


def test_others_are_not_disturbed(served: Served) -> None:
    with _connect(served) as connection, connection.cursor() as cursor:
        for bad in ("SELECT * FROM nowhere", "DROP TABLE people", "SELECT * FROM down.public.orders"):
            cursor.execute("SELECT name FROM one.main.people ORDER BY id")
            with pytest.raises(adbc.Error), connection.cursor() as other:
                other.execute(bad)
            assert cursor.fetchall() == [("Ana",), ("Bo",)]


def test_right_password_connects(served: Served) -> None:
    with _connect(served, username="ana", password=PASSWORD) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM one.main.people")
        assert cursor.fetchall() == [(2,)]
