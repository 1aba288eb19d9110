"""A libpq URL as our own client of the protocol understands it, or the word that only libpq does."""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

_OURS = frozenset(
    [
        "application_name",
        "client_encoding",
        "connect_timeout",
        "keepalives_count",
        "keepalives_idle",
        "keepalives_interval",
        "options",
        "sslcert",
        "sslkey",
        "sslmode",
        "sslrootcert",
        "tcp_user_timeout",
    ]
)
"""The options that are honoured here."""

_MODES = frozenset({"disable", "prefer", "require", "verify-ca", "verify-full"})
_DEFAULTS = "postgresql.crt", "root.crt"
"""Files in ~/.postgresql that libpq takes up without being told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where a server is and how to speak to it."""

    host: str
    """A name, an address, or the folder of a Unix socket."""
    port: int
    user: str
    password: str | None = field(repr=False)
    database: str
    mode: str
    """sslmode: one of _MODES."""
    options: dict[str, str]

    @property
    def timeout(self) -> float:
        return float(self.options.get("connect_timeout", 10))

    def context(self) -> ssl.SSLContext:
        """TLS as sslmode asks. Raises OSError, ssl.SSLError."""
        root = self.options.get("sslrootcert")
        context = ssl.create_default_context(cafile=None if root in (None, "system") else root)
        context.check_hostname = self.mode == "verify-full"
        # libpq: with a root certificate at hand, 'require' checks it, too.
        if root is None:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if certificate := self.options.get("sslcert"):
            context.load_cert_chain(certificate, self.options.get("sslkey"))
        return context


def endpoint(url: str) -> Endpoint | str:
    """The endpoint; or what in the URL, or around it, only libpq can follow.

    >>> endpoint("postgresql://one:secret@db:5433/shop")
    Endpoint(host='db', port=5433, user='one', database='shop', mode='prefer', options={})
    >>> endpoint("postgresql://one@a,b/shop")
    'several hosts'
    """
    if named := sorted(name for name in os.environ if name.startswith("PG") and name != "PGDATA"):
        return f"the environment variable {named[0]}"
    parts = urlsplit(url)
    netloc = parts.netloc.rpartition("@")[2]
    if "," in netloc:
        return "several hosts"
    given = dict(parse_qsl(parts.query, keep_blank_values=True))
    host = given.pop("host", None) or unquote(parts.hostname or "")
    try:
        port = int(given.pop("port", None) or parts.port or 5432)
    except ValueError:
        return "the port"
    user = given.pop("user", None) or unquote(parts.username or "")
    password = given.pop("password", None) or (unquote(parts.password) if parts.password is not None else None)
    database = given.pop("dbname", None) or unquote(parts.path.lstrip("/")) or user
    mode = given.pop("sslmode", "prefer")
    if beyond := sorted(given.keys() - _OURS):
        return f"the option {beyond[0]}"
    if not host or "," in host or not user:
        return "a URL without a host or a user"
    if mode not in _MODES:
        return f"sslmode={mode}"
    if mode in ("verify-ca", "verify-full") and "sslrootcert" not in given:
        return f"sslmode={mode} without sslrootcert"
    if password is None and (Path.home() / ".pgpass").exists():
        return "the password file"
    if password is not None and not password.isascii():
        return "a password beyond ASCII"
    if any((Path.home() / ".postgresql" / name).exists() for name in _DEFAULTS):
        return "the files in ~/.postgresql"
    return Endpoint(host=host, port=port, user=user, password=password, database=database, mode=mode, options=given)
