"""What an operator says about one MySQL or MariaDB source."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Literal
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from watersmeet.speed import Measured
from watersmeet.units import Duration, share

_DECIMAL = re.compile(r"decimal\(\s*(\d{1,2})\s*,\s*(\d{1,2})\s*\)")


_READ_BYTES = 32 << 20
"""Of one read: packets, the columns made of them, and a batch on its way."""
Seconds = Annotated[Duration, Field(gt=0)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where the server is and who we are there: the parts of the URL."""

    host: str
    port: int
    user: str
    password: bytes
    database: str | None


class Config(BaseModel):
    """The section of a source with `kind: mysql`."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, use_attribute_docstrings=True)

    kind: Literal["mysql"] = "mysql"
    """MySQL 8.0.17 or newer, or MariaDB 10.5 or newer; the server says which."""

    url: SecretStr
    """mysql://user:password@host:port/database, each part percent-encoded. The database is the default schema."""

    pool: int = Field(default=8, ge=1, le=1000)
    """Connections at most, at least one for each worker, the short-lived ones that cancel a query not counted."""

    consistency: Literal["source", "fragment"] = "source"
    """'source': all reads of a statement see one snapshot, over one connection, one after the other (two connections
    cannot share a snapshot here). 'fragment': each read has a connection and a snapshot of its own, at once."""

    splits: int | None = Field(default=None, ge=1, le=64)
    """Parts at most in which one large table is read at once, by ranges of an integer that its primary key begins with,
    each part over a connection of its own while half of the pool stays free; and in which an answer that is such a
    table's rows is announced. Only with consistency 'fragment': the parts see different snapshots. None: half of the
    pool, and 4 at most. 1: never in parts."""

    numeric: str = "decimal(38,20)"
    """What a DECIMAL of more than 38 digits arrives as: 'decimal(p,s)' (a misfit is an error), 'double' or 'text'."""

    zero_dates: Literal["error", "null"] = "error"
    """What '0000-00-00' and other dates that no calendar has become."""

    tinyint1: Literal["int", "bool"] = "int"
    """Whether TINYINT(1) is a number or BOOLEAN (where a value other than 0 and 1 is an error)."""

    text: Literal["exact", "source"] = "exact"
    """'exact': text compares by its bytes, as everywhere. 'source': by the columns' own collations."""

    tls: Literal["disabled", "preferred", "required", "verify-full"] = "preferred"
    """'preferred' and 'required' encrypt without asking who answers; 'verify-full' checks certificate and host name."""

    tls_ca: str | None = None
    """File with the certificate authorities that 'verify-full' trusts; None: the system's."""

    connect_timeout: Seconds = 10.0
    """Seconds to reach the server and log in."""

    schemas: tuple[str, ...] | None = None
    """Databases to show; None: all that the user may read, but for the server's own."""

    speed: Measured = {}
    """How fast it works, in microseconds by name, as `watersmeet check --calibrate` prints it; what is not said is guessed."""

    export_keys: bool = True
    """Whether keys read from it may go to other sources, to reduce what those send."""

    writable: bool = False
    """Whether INSERT, UPDATE, DELETE and ingests may change it, as far as the user may. They have up to `pool`
    connections of their own."""

    @field_validator("url")
    @classmethod
    def _url_has_its_parts(cls, url: SecretStr) -> SecretStr:
        address(url)
        return url

    @field_validator("numeric")
    @classmethod
    def _numeric_is_known(cls, text: str) -> str:
        announced_wide(text)
        return text

    def share(self, parts: int, place: int) -> Config:
        """What one of several processes may use of the source."""
        return self.model_copy(update={"pool": share(self.pool, parts, place)})

    @property
    def parts(self) -> int:
        """Parts at most of one table's read: 1 where they must see one snapshot, which is one connection's."""
        if self.consistency != "fragment":
            return 1
        return max(1, min(4, self.pool // 2)) if self.splits is None else self.splits

    @property
    def footprint(self) -> int:
        """Bytes that reading may take in a process."""
        return self.pool * _READ_BYTES


def address(url: SecretStr) -> Address:
    """The parts of a source's URL. Raises ValueError with a text that quotes nothing of it."""
    parts = urlsplit(url.get_secret_value())
    if parts.scheme not in ("mysql", "mariadb"):
        raise ValueError("the URL must begin with mysql://")
    try:
        port = parts.port or 3306
    except ValueError:
        raise ValueError("the URL's port is not a number") from None
    if not parts.hostname or not parts.username:
        raise ValueError("the URL must name a user and a host: mysql://user:password@host:port/database")
    if parts.query or parts.fragment:
        raise ValueError("the URL takes no options: percent-encode ? and # in the password, use the source's settings")
    return Address(
        host=parts.hostname,
        port=port,
        user=unquote(parts.username),
        password=unquote(parts.password or "").encode(),
        database=unquote(parts.path.strip("/")) or None,
    )


def announced_wide(numeric: str) -> str:
    """The DuckDB type of a DECIMAL that is too wide for 38 digits, by the setting `numeric`.

    >>> announced_wide("decimal(38,20)"), announced_wide("text")
    ('DECIMAL(38,20)', 'VARCHAR')
    """
    lowered = numeric.strip().lower()
    if lowered == "double":
        return "DOUBLE"
    if lowered == "text":
        return "VARCHAR"
    match = _DECIMAL.fullmatch(lowered)
    if match is None or not 1 <= int(match[1]) <= 38 or int(match[2]) > int(match[1]):
        raise ValueError("expected decimal(p,s) with p <= 38, double or text")
    return f"DECIMAL({int(match[1])},{int(match[2])})"
