"""What an administrator says about one PostgreSQL source."""

from __future__ import annotations

import re
from typing import Annotated, Literal
from urllib.parse import parse_qsl, quote, unquote, urlsplit, urlunsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from watersmeet.speed import Measured
from watersmeet.units import Duration, share

_DECIMAL = re.compile(r"decimal\(\s*(\d{1,2})\s*,\s*(\d{1,2})\s*\)")


_READ_BYTES = 32 << 20
"""Of one read: rows as they came, the columns made of it, and the driver's own buffers."""
Seconds = Annotated[Duration, Field(gt=0)]


class Config(BaseModel):
    """The section of a source with `kind: postgres`."""

    # Pydantic's messages quote what they refuse: a URL holds a password.
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, use_attribute_docstrings=True)

    kind: Literal["postgres"] = "postgres"
    """Which connector reads this section."""
    url: SecretStr
    """A libpq URL: postgresql://user:password@host:port/database. Options that libpq knows may follow a '?'."""
    pool: int = Field(default=8, ge=1, le=1000)
    """Connections to this source at most, at least one for each worker."""
    consistency: Literal["source", "fragment"] = "source"
    """source: all reads of a statement see one exported snapshot. fragment: each read sees its own."""
    splits: int | None = Field(default=None, ge=1, le=64)
    """Parts at most in which one large table is read at once, by ranges of ctid over one snapshot, each part over a
    connection of its own while half of the pool stays free. With consistency 'fragment' instead the parts, at most so
    many, in which an answer that is one large table's rows is announced, by ranges of an integer that its primary key
    begins with, each with a snapshot of its own. None: half of the pool, and 4 at most. 1: never in parts."""
    pooler: Literal["none", "transaction"] = "none"
    """transaction: a pooler such as PgBouncer hands out a server connection for one transaction only.

    Then no two transactions are known to reach the same server, so a statement's reads share one connection.
    """
    numeric: str = "decimal(38,20)"
    """What a numeric without precision, or with more than 38 digits, becomes: 'decimal(p,s)', 'double' or 'text'."""
    text: Literal["exact", "source"] = "exact"
    """exact: text compares by bytes. source: by the source's own collations, which lets its indexes serve order."""
    tls: Literal["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] | None = None
    """libpq's sslmode. None leaves it to the URL, or else to libpq: 'prefer', which encrypts if the server can but
    neither checks who the server is nor insists. Only 'verify-full' protects against an active attacker."""
    schemas: tuple[str, ...] | None = None
    """Show these schemas only; None shows all that the role may use."""
    connect_timeout: Seconds = 10.0
    """Seconds to wait for a connection to the server; libpq counts whole seconds, at least 2."""
    speed: Measured = {}
    """How fast it works, in microseconds by name, as `watersmeet check --calibrate` prints it; what is not said is guessed."""
    export_keys: bool = True
    """Whether keys read from it may go to other sources, to reduce what those send."""
    writable: bool = False
    """Whether INSERT, UPDATE, DELETE and ingests may change it, as far as the role may. They have up to `pool`
    connections of their own."""

    @field_validator("url")
    @classmethod
    def _is_a_libpq_url(cls, url: SecretStr) -> SecretStr:
        if urlsplit(url.get_secret_value()).scheme not in ("postgresql", "postgres"):
            raise ValueError("the URL must begin with postgresql://")
        return url

    @field_validator("numeric")
    @classmethod
    def _is_a_numeric_choice(cls, numeric: str) -> str:
        unbounded_numeric(numeric)
        return numeric

    def share(self, parts: int, place: int) -> Config:
        """What one of several processes may use of the source."""
        return self.model_copy(update={"pool": share(self.pool, parts, place)})

    @property
    def parts(self) -> int:
        """Parts at most of one table's read: 1 where two connections may not see the same snapshot."""
        return self._most if self.consistency == "source" and self.pooler == "none" else 1

    @property
    def partitions(self) -> int:
        """Parts at most of an answer: 1 where all must see one snapshot."""
        return self._most if self.consistency == "fragment" else 1

    @property
    def _most(self) -> int:
        return max(1, min(4, self.pool // 2)) if self.splits is None else self.splits

    @property
    def footprint(self) -> int:
        """Bytes that reading may take in a process."""
        return self.pool * _READ_BYTES


def unbounded_numeric(setting: str) -> str:
    """The DuckDB type for numerics that DECIMAL cannot hold by their declaration.

    >>> unbounded_numeric("decimal(38,20)"), unbounded_numeric("text")
    ('DECIMAL(38,20)', 'VARCHAR')
    """
    named = {"double": "DOUBLE", "text": "VARCHAR"}.get(setting)
    if named is not None:
        return named
    match = _DECIMAL.fullmatch(setting)
    if match is None or not 1 <= int(match[1]) <= 38 or int(match[2]) > int(match[1]):
        raise ValueError("numeric is 'decimal(p,s)' with 1 <= p <= 38 and s <= p, 'double' or 'text'")
    return f"DECIMAL({int(match[1])},{int(match[2])})"


def host(config: Config) -> str | None:
    """The host of the URL; the folder of a Unix socket."""
    parts = urlsplit(config.url.get_secret_value())
    return dict(parse_qsl(parts.query)).get("host") or unquote(parts.hostname or "") or None


def connection_url(config: Config) -> str:
    """The URL to give to libpq: ours with what it does not say itself. Holds the password."""
    parts = urlsplit(config.url.get_secret_value())
    given = dict(parse_qsl(parts.query, keep_blank_values=True))
    if config.tls is not None:
        given["sslmode"] = config.tls
    defaults = {
        "connect_timeout": str(max(2, round(config.connect_timeout))),
        "application_name": "watersmeet",
        "client_encoding": "UTF8",
        # A peer that vanished without a word is noticed within half a minute instead of hours.
        "keepalives_idle": "10",
        "keepalives_interval": "5",
        "keepalives_count": "3",
        "tcp_user_timeout": "30000",
    }
    query = "&".join(f"{quote(name)}={quote(value, safe='')}" for name, value in {**defaults, **given}.items())
    return urlunsplit((parts.scheme, parts.netloc, parts.path, query, ""))
