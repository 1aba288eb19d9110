"""TLS of the port: certificate and key from files."""

from __future__ import annotations

from pathlib import Path

import grpc
from pydantic import BaseModel, ConfigDict, FilePath


class TlsConfig(BaseModel):
    """Section `server.tls`."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, use_attribute_docstrings=True)

    cert: FilePath
    """The server's certificate, with its chain, as PEM."""
    key: FilePath
    """Its private key, as PEM."""


def credentials(config: TlsConfig) -> grpc.ServerCredentials:
    """The files' contents, read once at start. Raises OSError."""
    return grpc.ssl_server_credentials([(Path(config.key).read_bytes(), Path(config.cert).read_bytes())])
