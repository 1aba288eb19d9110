"""TLS of the port: the server's certificate, the authorities of its clients, and their renewal while it runs."""

from __future__ import annotations

import logging
from typing import NamedTuple

import grpc
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import Certificate, load_pem_x509_certificates
from pydantic import BaseModel, ConfigDict, FilePath, model_validator

log = logging.getLogger(__name__)


class TlsConfig(BaseModel):
    """Section `server.tls`. Files that are replaced are used from the next connection on, without a restart."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, use_attribute_docstrings=True)

    cert: FilePath
    """The server's certificate, with its chain, as PEM."""
    key: FilePath
    """Its private key, as PEM, without a passphrase."""
    client_ca: FilePath | None = None
    """The authorities, as PEM, one of which must have signed a client's certificate; clients without one are then
    refused. Who is calling is still said by the token. None: no certificate is asked for."""

    @model_validator(mode="after")
    def _usable(self) -> TlsConfig:
        try:
            _Files.read(self).check()
        except OSError as error:
            raise ValueError(f"{error.filename}: {error.strerror}") from None
        return self


class _Files(NamedTuple):
    """The contents of the files."""

    cert: bytes
    key: bytes
    client_ca: bytes | None

    @classmethod
    def read(cls, config: TlsConfig) -> _Files:
        """Raises OSError."""
        return cls(
            config.cert.read_bytes(),
            config.key.read_bytes(),
            config.client_ca.read_bytes() if config.client_ca else None,
        )

    def check(self) -> None:
        """Raises ValueError. gRPC says nothing of files that cannot be used: it fails every handshake."""
        certificate = _certificates("cert", self.cert)[0]
        try:
            key = load_pem_private_key(self.key, None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise ValueError("key: not a private key as PEM without a passphrase") from None
        if key.public_key() != certificate.public_key():
            raise ValueError("key: it does not belong to the certificate")
        if self.client_ca is not None:
            _certificates("client_ca", self.client_ca)

    def configuration(self) -> grpc.ServerCertificateConfiguration:
        return grpc.ssl_server_certificate_configuration([(self.key, self.cert)], self.client_ca)


def credentials(config: TlsConfig) -> grpc.ServerCredentials:
    """What a port is secured with. Raises OSError, and ValueError for files that cannot be used."""
    files = _Files.read(config)
    files.check()
    return grpc.dynamic_ssl_server_credentials(
        files.configuration(),
        _Renewal(config, files).changed,  # type: ignore[arg-type]  # its None, "no change", is documented and untyped
        config.client_ca is not None,
    )


class _Renewal:
    """Looks at the files before each handshake: three small reads beside the milliseconds of the handshake.

    Certificate and key are not replaced in one moment. While they do not fit, and when what came is broken, the ones
    before stay in use.
    """

    def __init__(self, config: TlsConfig, used: _Files) -> None:
        self._config = config
        self._seen: _Files | None = used
        """What was there the last time, usable or not; None: a file could not be read."""

    def changed(self) -> grpc.ServerCertificateConfiguration | None:
        """What to use from now on; None for no change. gRPC calls it under a lock of its own."""
        try:
            files = _Files.read(self._config)
            if files == self._seen:
                return None
            self._seen = files
            files.check()
        except OSError as error:
            if self._seen is not None:
                _log_unusable(error.strerror or type(error).__name__)
            self._seen = None
            return None
        except ValueError as error:
            _log_unusable(str(error))
            return None
        log.info("server.tls: the new files are in use")
        return files.configuration()


def _log_unusable(why: str) -> None:
    log.error("server.tls: the new files cannot be used, the ones before stay: %s", why)


def _certificates(name: str, pem: bytes) -> list[Certificate]:
    try:
        return load_pem_x509_certificates(pem)
    except ValueError:
        raise ValueError(f"{name}: not a certificate as PEM") from None
