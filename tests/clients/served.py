"""`watersmeet serve` as a process of its own, as a user starts it: configuration, ready line, logs, SIGTERM."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import adbc_driver_flightsql.dbapi as adbc
import yaml
from adbc_driver_flightsql import DatabaseOptions

from auth.passwords import hash_password
from auth.tokens import Tokens, TokensConfig

ENTRY = Path(__file__).parents[2] / "watersmeet" / "__main__.py"
TOKENS = {
    "issuer": "https://issuer.example",
    "audience": "watersmeet",
    "keys": [{"kid": "k1", "algorithm": "HS256", "secret": "a shared secret of more than 32 bytes, for tests"}],
}
USER, PASSWORD = "ana", "correct horse"


@dataclass(frozen=True)
class Served:
    """A server that is running."""

    port: int
    log: Path
    """What it writes to stderr: one JSON object a line."""

    @property
    def uri(self) -> str:
        return f"grpc://127.0.0.1:{self.port}"

    @property
    def token(self) -> str:
        """A bearer token of USER."""
        return self.sign(USER)

    def sign(self, subject: str) -> str:
        """A bearer token as an identity provider would sign it."""
        return Tokens(TokensConfig.model_validate(TOKENS)).sign(subject, ["analyst"], timedelta(minutes=10))

    def connect(self, subject: str = USER, /, **headers: str) -> adbc.Connection:
        """ADBC's DBAPI, with a bearer token and call headers. Owned by the caller, who closes it."""
        prefix = DatabaseOptions.RPC_CALL_HEADER_PREFIX.value
        options = {
            DatabaseOptions.AUTHORIZATION_HEADER.value: f"Bearer {self.sign(subject)}",
            **{prefix + name: value for name, value in headers.items()},
        }
        return adbc.connect(self.uri, db_kwargs=options, autocommit=True)

    def said(self, message: str) -> list[dict[str, Any]]:
        """The log's lines with a message, oldest first. A last line that is still being written is left for later."""
        told = [json.loads(line) for line in self.log.read_text().splitlines(keepends=True) if line.endswith("\n")]
        return [line for line in told if line["message"] == message]

    def calls(self, subject: str) -> list[dict[str, Any]]:
        """The log's lines about a subject's calls that have ended, in the order in which they did."""
        return [line for line in self.said("call") if line["subject"] == subject]


@contextmanager
def serving(folder: Path, sources: Mapping[str, object], **sections: object) -> Iterator[Served]:
    """A server over these sources, by the configuration's sections; ended by SIGTERM, which must end with 0."""
    config = {
        "version": 1,
        "server": {"listen": "127.0.0.1:0", "drain": "5s"},
        "sources": dict(sources),
        "auth": {
            "tokens": TOKENS,
            "users": [{"name": USER, "password_hash": hash_password(PASSWORD), "roles": ["analyst"]}],
        },
        "tickets": {"keys": [{"kid": "t1", "secret": "another secret of more than 32 bytes, for tests"}]},
        **sections,
    }
    file, log = folder / "watersmeet.yaml", folder / "server.log"
    file.write_text(yaml.safe_dump(config))
    with log.open("w") as stderr:
        process = subprocess.Popen(
            [sys.executable, ENTRY, "serve", "-c", file, "--log-format", "json"],
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
    assert process.stdout is not None
    try:
        ready = process.stdout.readline()
        assert ready.startswith("watersmeet ready on "), log.read_text()
        yield Served(int(ready.rpartition(":")[2]), log)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0, log.read_text()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
