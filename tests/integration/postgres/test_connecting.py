"""What cannot connect says why, and names no host, user or secret; what an administrator should know is told."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

import psycopg
import pytest

from connectors.postgres.source import PostgresSource
from watersmeet.spi import Read, ReadColumn, SourceError, SourceRefused, SourceUnavailable, Tag

pytestmark = pytest.mark.usefixtures("way")

Connect = Callable[..., PostgresSource]


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        ({"password": "wr0ng-s3cret"}, SourceRefused, "credentials"),
        ({"user": "nob0dy-here"}, SourceRefused, "credentials"),
        ({"database": "n0-such-database"}, SourceRefused, "database"),
        ({"port": "1"}, SourceUnavailable, "nobody listens"),
        ({"host": "n0-such-host.invalid"}, SourceUnavailable, "host"),
        ({"query": "?n0-such-option=1"}, SourceUnavailable, "url"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_a_source_that_cannot_be_reached_says_why_without_naming_host_or_secret(
    connect: Connect, database: str, change: dict[str, str], kind: type[SourceError], words: str
) -> None:
    parts = urlsplit(database)
    given = {
        "user": parts.username or "",
        "password": parts.password or "",
        "host": parts.hostname or "",
        "port": str(parts.port),
        "database": parts.path.lstrip("/"),
        "query": "",
    } | change
    url = "postgresql://{user}:{password}@{host}:{port}/{database}{query}".format(**given)
    source = connect(url=url, connect_timeout=2)
    with pytest.raises(kind, match=words) as raised:
        source.probe()
    shown = repr(raised.value) + str(raised.value)
    assert raised.value.__cause__ is None
    for secret in (given["password"], given["host"], given["database"], *change.values()):
        assert secret not in shown


def test_tls_that_the_server_does_not_speak_is_refused(connect: Connect, admin: psycopg.Connection) -> None:
    row = admin.execute("SHOW ssl").fetchone()
    assert row is not None
    if row[0] == "on":
        connect(tls="require").probe()
    else:
        with pytest.raises(SourceUnavailable, match="TLS"):
            connect(tls="require").probe()


def test_the_configuration_shows_no_secret(connect: Connect) -> None:
    from connectors.postgres import Config

    config = Config(url="postgresql://u:s3cret@h/d")  # type: ignore[arg-type]
    assert "s3cret" not in repr(config)
    assert "s3cret" not in str(config.model_dump())


def test_a_probe_measures_a_round_trip(connect: Connect) -> None:
    source = connect()
    source.probe()
    assert 0 < source.probe() < 0.5


def test_a_superuser_is_warned_of_and_a_reader_is_not(
    connect: Connect, admin: psycopg.Connection, database: str
) -> None:
    assert any("superuser" in text for text in connect().warnings())
    admin.execute("CREATE ROLE wm_reader LOGIN PASSWORD 'r'")
    try:
        parts = urlsplit(database)
        reader = connect(url=f"postgresql://wm_reader:r@{parts.hostname}:{parts.port}{parts.path}")
        assert [text for text in reader.warnings() if "tls" not in text] == []
        admin.execute("CREATE TABLE public.written (a int)")
        admin.execute("GRANT INSERT ON public.written TO wm_reader")
        assert any("may write to 1 table" in text for text in reader.warnings())
        read = Read(
            prefix="",
            expressions=("a",),
            body="FROM public.written",
            columns=(ReadColumn(name="c0", type="INTEGER"),),
        )
        snapshot = reader.snapshot(Tag(query_id="refused", timeout=5), 1)
        with pytest.raises(SourceRefused, match="permission denied"):
            list(snapshot.read(0, read))
        snapshot.close()
        reader.close()
    finally:
        admin.execute("DROP TABLE IF EXISTS public.written")
        admin.execute("DROP ROLE wm_reader")
