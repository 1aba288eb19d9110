"""The port under TLS: with and without client certificates, and while its files are replaced."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import adbc_driver_flightsql.dbapi as adbc
import grpc
import pytest
from adbc_driver_flightsql import DatabaseOptions
from pyarrow import flight

from server.config import parse
from server.config_errors import Invalid
from server.flight.proto import flight_sql_pb2 as sql
from server.flight.tls import TlsConfig
from tests.clients.certificates import Authority, Certificate
from tests.clients.conftest import Front, bearer
from tests.clients.rpc import Rpc

AUTHORITY = Authority()
SERVER = AUTHORITY.signs()
CLIENT = AUTHORITY.signs("a client")
BEARER = (("authorization", f"Bearer {bearer()}"),)
BASIC = (("authorization", "Basic YW5hOmNvcnJlY3QgaG9yc2U="),)


def write(folder: Path, certificate: Certificate, client_ca: bytes | None = None) -> TlsConfig:
    """The files of a server, replaced as a careful administrator does it: each in one step."""
    contents = {"cert": certificate.cert, "key": certificate.key} | ({"client_ca": client_ca} if client_ca else {})
    for name, content in contents.items():
        fresh = folder / f"{name}.new"
        fresh.write_bytes(content)
        os.replace(fresh, folder / f"{name}.pem")
    return TlsConfig(**{name: folder / f"{name}.pem" for name in contents})


@contextmanager
def calling(
    front: Front,
    trusted: bytes = AUTHORITY.cert,
    client: Certificate | None = None,
    headers: tuple[tuple[str, str], ...] = BEARER,
) -> Iterator[Rpc]:
    """Calls over a new connection."""
    credentials = grpc.ssl_channel_credentials(trusted, client.key if client else None, client.cert if client else None)
    options = (("grpc.use_local_subchannel_pool", 1),)
    with grpc.secure_channel(f"127.0.0.1:{front.port}", credentials, options) as channel:
        yield Rpc(channel, headers)


def answered(rpc: Rpc) -> bool:
    """Whether a query was answered; False when the connection was refused."""
    try:
        return bool(rpc.fetch(sql.CommandStatementQuery(query="SELECT 1 AS a")).to_pylist() == [{"a": 1}])
    except grpc.RpcError as error:
        assert isinstance(error, grpc.Call) and error.code() is grpc.StatusCode.UNAVAILABLE, error
        return False


def test_adbc_gets_in_when_it_trusts_the_certificate(serve: Callable[..., Front], tmp_path: Path) -> None:
    front = serve(tls=write(tmp_path, SERVER))
    options = {
        DatabaseOptions.AUTHORIZATION_HEADER.value: f"Bearer {bearer()}",
        DatabaseOptions.TLS_ROOT_CERTS.value: AUTHORITY.cert.decode(),
    }
    uri = f"grpc+tls://127.0.0.1:{front.port}"
    with adbc.connect(uri, db_kwargs=options, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 1 AS a")
        assert cursor.fetchall() == [(1,)]


def test_a_client_without_tls_does_not_get_in(serve: Callable[..., Front], tmp_path: Path) -> None:
    front = serve(tls=write(tmp_path, SERVER))
    with grpc.insecure_channel(f"127.0.0.1:{front.port}") as channel:
        assert not answered(Rpc(channel, BEARER))


def test_a_client_that_does_not_trust_the_certificate_leaves(serve: Callable[..., Front], tmp_path: Path) -> None:
    with calling(serve(tls=write(tmp_path, SERVER)), trusted=Authority().cert) as rpc:
        assert not answered(rpc)


@pytest.mark.parametrize("headers", [BEARER, BASIC], ids=["bearer", "basic"])
def test_under_mtls_a_client_needs_a_certificate_and_credentials(
    serve: Callable[..., Front], tmp_path: Path, headers: tuple[tuple[str, str], ...]
) -> None:
    front = serve(tls=write(tmp_path, SERVER, client_ca=AUTHORITY.cert))
    with calling(front, client=CLIENT, headers=headers) as rpc:
        assert answered(rpc)
    with calling(front, headers=headers) as rpc:
        assert not answered(rpc)
    with calling(front, client=Authority().signs("a client"), headers=headers) as rpc:
        assert not answered(rpc)
    with calling(front, client=CLIENT, headers=()) as rpc, pytest.raises(grpc.RpcError) as caught:
        rpc.query("SELECT 1")
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED  # who is calling is still said by the token


def test_adbc_and_pyarrow_bring_their_certificate(serve: Callable[..., Front], tmp_path: Path) -> None:
    front = serve(tls=write(tmp_path, SERVER, client_ca=AUTHORITY.cert))
    uri = f"grpc+tls://127.0.0.1:{front.port}"
    options = {
        DatabaseOptions.AUTHORIZATION_HEADER.value: f"Bearer {bearer()}",
        DatabaseOptions.TLS_ROOT_CERTS.value: AUTHORITY.cert.decode(),
        DatabaseOptions.MTLS_CERT_CHAIN.value: CLIENT.cert.decode(),
        DatabaseOptions.MTLS_PRIVATE_KEY.value: CLIENT.key.decode(),
    }
    with adbc.connect(uri, db_kwargs=options, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 1 AS a")
        assert cursor.fetchall() == [(1,)]
    with flight.connect(uri, tls_root_certs=AUTHORITY.cert, cert_chain=CLIENT.cert, private_key=CLIENT.key) as client:
        assert list(client.list_flights(options=flight.FlightCallOptions(headers=list(_bytes(BEARER))))) == []


def test_new_certificates_are_used_from_the_next_connection_on(serve: Callable[..., Front], tmp_path: Path) -> None:
    front = serve(tls=write(tmp_path, SERVER, client_ca=AUTHORITY.cert))
    with calling(front, client=CLIENT) as before:
        assert answered(before)
        other = Authority("the next one")
        write(tmp_path, other.signs(), client_ca=other.cert)
        with calling(front, trusted=other.cert, client=other.signs("a client")) as after:
            assert answered(after)
        with calling(front, client=CLIENT) as late:
            assert not answered(late)
        assert answered(before)  # a connection that stands is not cut


def test_files_that_cannot_be_used_change_nothing_and_are_logged_once(
    serve: Callable[..., Front], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = write(tmp_path, SERVER)
    front = serve(tls=config)
    other = AUTHORITY.signs()
    caplog.set_level(logging.ERROR, "server.flight.tls")
    for path, content, words in (
        (config.cert, b"junk", "cert: not a certificate"),
        (config.cert, other.cert, "key: it does not belong to the certificate"),  # half of a rotation
        (config.key, b"-----BEGIN JUNK-----", "key: not a private key"),
        (config.key, None, "No such file"),
    ):
        caplog.clear()
        path.unlink() if content is None else path.write_bytes(content)
        for _ in range(3):
            with calling(front) as rpc:
                assert answered(rpc)
        assert [words in record.getMessage() for record in caplog.records] == [True]
    config.key.write_bytes(other.key)
    with calling(front) as rpc:
        assert answered(rpc)


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ({"cert": b"junk"}, "server.tls: cert: not a certificate as PEM"),
        ({"key": b"junk"}, "server.tls: key: not a private key"),
        ({"key": AUTHORITY.signs().key}, "server.tls: key: it does not belong to the certificate"),
        ({"client_ca": b"junk"}, "server.tls: client_ca: not a certificate as PEM"),
        ({"client_ca": None}, "server.tls.client_ca: "),
    ],
    ids=["certificate", "key", "other key", "authorities", "no such file"],
)
def test_files_that_cannot_be_used_are_refused_at_start(
    tmp_path: Path, broken: dict[str, bytes | None], words: str
) -> None:
    write(tmp_path, SERVER, client_ca=AUTHORITY.cert)
    for name, content in broken.items():
        path = tmp_path / f"{name}.pem"
        path.unlink() if content is None else path.write_bytes(content)
    files = ", ".join(f"{name}: {tmp_path / name}.pem" for name in ("cert", "key", "client_ca"))
    with pytest.raises(Invalid) as caught:
        parse(f"version: 1\nserver: {{tls: {{{files}}}}}")
    assert words in str(caught.value)


def _bytes(headers: tuple[tuple[str, str], ...]) -> Iterator[tuple[bytes, bytes]]:
    return ((name.encode(), value.encode()) for name, value in headers)
