"""Which libpq URLs our own client of PostgreSQL's protocol takes up, and what it leaves to libpq."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from connectors.postgres.endpoint import Endpoint, endpoint


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty home, and nothing of libpq in the environment."""
    for name in os.environ:
        if name.startswith("PG"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("url", "host", "port", "user", "password", "database"),
    [
        ("postgresql://u@h", "h", 5432, "u", None, "u"),
        ("postgres://u:p@h:6543/d", "h", 6543, "u", "p", "d"),
        ("postgresql://u%40x:p%3A%2F%25@h/d%20e", "h", 5432, "u@x", "p:/%", "d e"),
        ("postgresql://u@[::1]:6543/d", "::1", 6543, "u", None, "d"),
        ("postgresql://u@/d?host=/run/sockets&port=6543", "/run/sockets", 6543, "u", None, "d"),
        ("postgresql://u@%2Frun%2Fsockets/d", "/run/sockets", 5432, "u", None, "d"),
        ("postgresql:///d?host=h&user=u&password=p&dbname=other", "h", 5432, "u", "p", "other"),
    ],
)
def test_a_url_is_read_as_libpq_reads_it(
    url: str, host: str, port: int, user: str, password: str | None, database: str
) -> None:
    found = endpoint(url)
    assert isinstance(found, Endpoint), found
    assert (found.host, found.port, found.user, found.password, found.database) == (
        host,
        port,
        user,
        password,
        database,
    )


def test_options_that_are_honoured_are_kept_and_the_password_is_not_shown() -> None:
    found = endpoint("postgresql://u:s3cret@h/d?sslmode=require&connect_timeout=3&keepalives_idle=9")
    assert isinstance(found, Endpoint)
    assert (found.mode, found.timeout, found.options["keepalives_idle"]) == ("require", 3.0, "9")
    assert "s3cret" not in repr(found)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql://u@a,b/d", "several hosts"),
        ("postgresql://u@/d?host=a,b", "a URL without a host or a user"),
        ("postgresql://u@h:port/d", "the port"),
        ("postgresql://h/d", "a URL without a host or a user"),
        ("postgresql://u@/d", "a URL without a host or a user"),
        ("postgresql://u@h/d?service=x", "the option service"),
        ("postgresql://u@h/d?gssencmode=require", "the option gssencmode"),
        ("postgresql://u@h/d?channel_binding=require", "the option channel_binding"),
        ("postgresql://u@h/d?target_session_attrs=read-only", "the option target_session_attrs"),
        ("postgresql://u@h/d?sslmode=allow", "sslmode=allow"),
        ("postgresql://u@h/d?sslmode=verify-full", "sslmode=verify-full without sslrootcert"),
        ("postgresql://u:p%C3%A4ss@h/d", "a password beyond ASCII"),
    ],
)
def test_what_only_libpq_can_follow_is_said_in_a_word(url: str, words: str) -> None:
    assert endpoint(url) == words


def test_what_libpq_takes_up_without_being_told_is_left_to_it(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = "postgresql://u@h/d"
    assert isinstance(endpoint(url), Endpoint)
    (home / ".pgpass").touch()
    assert endpoint(url) == "the password file"
    assert isinstance(endpoint("postgresql://u:p@h/d"), Endpoint)
    (home / ".postgresql").mkdir()
    (home / ".postgresql" / "root.crt").touch()
    assert endpoint("postgresql://u:p@h/d") == "the files in ~/.postgresql"
    monkeypatch.setenv("PGSSLMODE", "disable")
    assert endpoint(url) == "the environment variable PGSSLMODE"
