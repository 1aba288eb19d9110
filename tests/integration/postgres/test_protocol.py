"""Logging in and TLS, by our own client of the protocol and by ADBC's driver: the same servers let the same clients in."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from connectors.postgres.endpoint import Endpoint, endpoint
from connectors.postgres.source import PostgresSource
from server.demo import databases
from tests.clients.certificates import Authority
from watersmeet.spi import Read, ReadColumn, SourceRefused, SourceUnavailable, Tag

pytestmark = pytest.mark.service

Connect = Callable[..., PostgresSource]

HBA = """\
local   all all         scram-sha-256
host    all md5er all md5
host    all trusted all trust
host    all plain all password
hostssl all encrypted all scram-sha-256
host    all encrypted all reject
host    all all all scram-sha-256
"""
ROLES = ("scrammed", "md5er", "trusted", "plain", "encrypted")
PASSWORD = "it's %41 s3cret"
QUOTED = "it%27s%20%2541%20s3cret"


@dataclass(frozen=True)
class Tls:
    """A server that speaks TLS."""

    port: int
    sockets: Path
    root: Path
    """The authority that signed its certificate, for 127.0.0.1 alone."""
    stranger: Path
    """Another one."""

    def url(self, user: str, *, password: str = QUOTED, host: str = "127.0.0.1", **options: object) -> str:
        asked = "&".join(f"{name}={value}" for name, value in options.items())
        login = f"{user}:{password}" if password else user
        return f"postgresql://{login}@{host}:{self.port}/postgres?{asked}"


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tls]:
    programs = databases.postgres_programs() or databases.bundled_postgres_programs()
    assert programs is not None
    folder, authority = tmp_path_factory.mktemp("tls"), Authority()
    (folder / "root.pem").write_bytes(authority.cert)
    (folder / "stranger.pem").write_bytes(Authority("stranger").cert)
    signed = authority.signs()
    with tempfile.TemporaryDirectory(prefix="wm-") as sockets:  # a socket's path may have 107 bytes
        Path(sockets).chmod(0o777)
        with databases.postgres(programs, options={"unix_socket_directories": sockets}) as server:
            files = {"server.crt": signed.cert.decode(), "server.key": signed.key.decode(), "pg_hba.conf": HBA}
            with psycopg.connect(server.url, autocommit=True) as admin:
                _set_up(admin, files)
            made = Tls(urlsplit(server.url).port or 0, Path(sockets), folder / "root.pem", folder / "stranger.pem")
            _await_tls(made)
            yield made


def _set_up(admin: psycopg.Connection, files: Mapping[str, str]) -> None:
    """The server itself writes its files: they must be its own user's, and nobody else may read a key."""
    password = PASSWORD.replace("'", "''")
    for role in ROLES:
        admin.execute(f"SET password_encryption = '{'md5' if role == 'md5er' else 'scram-sha-256'}'".encode())
        admin.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{password}'".encode())
    for name, text in files.items():
        lines = f"SELECT unnest(string_to_array('{text.rstrip()}', E'\\n'))"
        admin.execute(f"COPY ({lines}) TO PROGRAM 'umask 077; cat > {name}'".encode())
    admin.execute("ALTER SYSTEM SET ssl = on")
    admin.execute("SELECT pg_reload_conf()")


def _await_tls(server: Tls) -> None:
    end = time.monotonic() + 10
    while True:
        try:
            psycopg.connect(server.url("encrypted", sslmode="require")).close()
            return
        except psycopg.OperationalError:
            assert time.monotonic() < end
            time.sleep(0.05)


def session(source: PostgresSource) -> tuple[str, bool]:
    """Who is logged in, and whether the connection is encrypted, as the server says."""
    read = Read(
        prefix="",
        expressions=("CAST(current_user AS text)", "s.ssl"),
        body="FROM pg_stat_ssl AS s WHERE s.pid = pg_backend_pid()",
        columns=(ReadColumn(name="c0", type="VARCHAR"), ReadColumn(name="c1", type="BOOLEAN")),
    )
    snapshot = source.snapshot(Tag(query_id="login", timeout=10), 1)
    try:
        (batch,) = snapshot.read(0, read)
    finally:
        snapshot.close()
    return batch.column(0)[0].as_py(), batch.column(1)[0].as_py()


@pytest.mark.usefixtures("way")
class TestLogin:
    @pytest.mark.parametrize("user", ["scrammed", "md5er", "trusted", "encrypted", "plain"])
    def test_a_role_logs_in_the_way_that_the_server_asks_for(self, tls: Tls, connect: Connect, user: str) -> None:
        assert session(connect(url=tls.url(user, sslmode="require"))) == (user, True)

    def test_who_is_trusted_needs_no_password(self, tls: Tls, connect: Connect) -> None:
        assert session(connect(url=tls.url("trusted", password="", sslmode="disable"))) == ("trusted", False)

    @pytest.mark.parametrize("user", ["scrammed", "md5er", "plain"])
    @pytest.mark.parametrize("password", ["wrong", ""])
    def test_a_wrong_password_and_none_are_refused(self, tls: Tls, connect: Connect, user: str, password: str) -> None:
        with pytest.raises(SourceRefused, match="credentials"):
            connect(url=tls.url(user, password=password, sslmode="require")).probe()

    def test_a_role_that_must_be_encrypted_is_not_let_in_otherwise(self, tls: Tls, connect: Connect) -> None:
        with pytest.raises(SourceRefused):
            connect(url=tls.url("encrypted", sslmode="disable")).probe()

    def test_a_unix_socket_is_reached(self, tls: Tls, connect: Connect) -> None:
        url = f"postgresql://scrammed:{QUOTED}@/postgres?host={tls.sockets}&port={tls.port}"
        assert session(connect(url=url)) == ("scrammed", False)


@pytest.mark.usefixtures("way")
class TestTls:
    @pytest.mark.parametrize(("mode", "encrypted"), [("disable", False), ("prefer", True), ("require", True)])
    def test_the_mode_decides_whether_there_is_tls(
        self, tls: Tls, connect: Connect, mode: str, encrypted: bool
    ) -> None:
        assert session(connect(url=tls.url("scrammed", sslmode=mode))) == ("scrammed", encrypted)

    @pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
    def test_a_certificate_that_the_authority_signed_is_taken(self, tls: Tls, connect: Connect, mode: str) -> None:
        assert session(connect(url=tls.url("scrammed", sslmode=mode, sslrootcert=tls.root)))[1]

    @pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
    def test_a_certificate_of_another_authority_is_refused(self, tls: Tls, connect: Connect, mode: str) -> None:
        with pytest.raises(SourceUnavailable, match="TLS"):
            connect(url=tls.url("scrammed", sslmode=mode, sslrootcert=tls.stranger)).probe()

    def test_only_verify_full_asks_for_the_name(self, tls: Tls, connect: Connect) -> None:
        loose, strict = (
            tls.url("scrammed", host="localhost", sslmode=mode, sslrootcert=tls.root)
            for mode in ("verify-ca", "verify-full")
        )
        assert session(connect(url=loose))[1]
        with pytest.raises(SourceUnavailable, match="TLS"):
            connect(url=strict).probe()

    def test_an_authority_that_cannot_be_read_is_refused(self, tls: Tls, connect: Connect, tmp_path: Path) -> None:
        with pytest.raises(SourceUnavailable):
            connect(url=tls.url("scrammed", sslmode="verify-full", sslrootcert=tmp_path / "none.pem")).probe()


def test_our_own_client_does_not_say_a_password_without_tls(
    tls: Tls, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """libpq would."""
    assert isinstance(endpoint(tls.url("plain", sslmode="disable")), Endpoint)
    with pytest.raises(SourceRefused, match="credentials"):
        connect(url=tls.url("plain", sslmode="disable")).probe()
