"""The port under TLS."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import adbc_driver_flightsql.dbapi as adbc
import pytest
from adbc_driver_flightsql import DatabaseOptions
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import ValidationError

from server.flight.tls import TlsConfig
from tests.clients.conftest import Front, bearer


@pytest.fixture
def certificate(tmp_path: Path) -> TlsConfig:
    """A certificate for 127.0.0.1, its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    config = TlsConfig.model_construct(cert=tmp_path / "cert.pem", key=tmp_path / "key.pem")
    config.cert.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    config.key.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return TlsConfig(cert=config.cert, key=config.key)


def test_a_client_that_trusts_the_certificate_gets_in(serve: Callable[..., Front], certificate: TlsConfig) -> None:
    front = serve(tls=certificate)
    options = {
        DatabaseOptions.AUTHORIZATION_HEADER.value: f"Bearer {bearer()}",
        DatabaseOptions.TLS_ROOT_CERTS.value: certificate.cert.read_text(),
    }
    with (
        adbc.connect(f"grpc+tls://127.0.0.1:{front.port}", db_kwargs=options, autocommit=True) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("SELECT 1 AS a")
        assert cursor.fetchall() == [(1,)]


def test_a_client_without_tls_does_not(serve: Callable[..., Front], certificate: TlsConfig) -> None:
    front = serve(tls=certificate)
    options = {DatabaseOptions.AUTHORIZATION_HEADER.value: f"Bearer {bearer()}"}
    with (
        pytest.raises(adbc.Error),
        adbc.connect(front.uri, db_kwargs=options, autocommit=True) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("SELECT 1 AS a")


def test_a_missing_file_is_refused_at_start(tmp_path: Path) -> None:
    with pytest.raises(ValidationError):
        TlsConfig(cert=tmp_path / "none.pem", key=tmp_path / "none.pem")
