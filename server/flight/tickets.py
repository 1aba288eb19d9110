"""Sealed tokens: tickets, prepared handles and session cookies that any replica with the same key can serve, and
nobody can read.

A token is `"WM"`, version u8, kind u8, key id (8 bytes), salt (16), nonce (12), then AES-256-GCM over a protobuf
(proto/sealed.proto) under a key that HKDF derives from the configured secret and the salt. The header and the
deployment's name are authenticated data: a token of one deployment, kind or version is nothing to another.
"""

from __future__ import annotations

import hashlib
import logging
import os
import secrets
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import IntEnum

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from google.protobuf.message import DecodeError
from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from server.flight.errors import TokenRefused
from server.flight.proto.sealed_pb2 import Sealed
from watersmeet.units import Duration

VERSION = 1
PARTED = 2
"""The version of a ticket for a part of an answer. Who reads version 1 only would give all of the answer for each part: he
refuses this one, and the client plans again."""
READABLE = frozenset({VERSION, PARTED})
"""Versions that are read: this one and the one before, so that a rolling upgrade breaks no running client."""
_MAGIC = b"WM"
_ID, _SALT, _NONCE, _TAG = 8, 16, 12, 16
_HEADER = len(_MAGIC) + 2 + _ID + _SALT + _NONCE
MIN_SECRET = 32
"""Bytes; AES-256 is no stronger than what its key is derived from."""

log = logging.getLogger(__name__)


class Kind(IntEnum):
    """What a token is for; one kind is never accepted as another."""

    TICKET = 1
    HANDLE = 2
    COOKIE = 3

    @property
    def words(self) -> str:
        return {Kind.TICKET: "ticket", Kind.HANDLE: "prepared statement", Kind.COOKIE: "session"}[self]


class TicketKey(BaseModel):
    """A key that tokens are sealed with."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, use_attribute_docstrings=True)

    kid: str = Field(min_length=1, max_length=128)
    """The key's name, the same on every replica."""
    secret: SecretStr
    """At least 32 bytes, random, the same on every replica."""
    use_from: datetime | None = None
    """When new tokens begin to be sealed with this key; until then it only opens. None: always. A time without a zone
    is UTC. Rotate by adding a key with a time after every replica has it, and dropping the old one `handle_ttl` later."""

    @field_validator("secret")
    @classmethod
    def _long(cls, value: SecretStr) -> SecretStr:
        if len(value.get_secret_value().encode()) < MIN_SECRET:
            raise ValueError(f"a ticket secret has at least {MIN_SECRET} bytes")
        return value

    @property
    def starts(self) -> float:
        """`use_from` in seconds since the epoch; 0 without."""
        if self.use_from is None:
            return 0.0
        return (self.use_from if self.use_from.tzinfo else self.use_from.replace(tzinfo=UTC)).timestamp()


class TicketsConfig(BaseModel):
    """Section `tickets`."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, use_attribute_docstrings=True)

    keys: tuple[TicketKey, ...] = ()
    """Without any a key is made at start: other replicas, and this one after a restart, cannot read its tokens."""
    ticket_ttl: Duration = Field(default=15 * 60.0, gt=0)
    """How long after GetFlightInfo a ticket can be fetched."""
    handle_ttl: Duration = Field(default=24 * 3600.0, gt=0)
    """How long a prepared statement can be executed, and a session rest: one that is used is renewed."""
    deployment: str = Field(default="watersmeet", max_length=128)
    """A name, the same on every replica: a token of another deployment is refused even under the same key."""

    @model_validator(mode="after")
    def _ready(self) -> TicketsConfig:
        if len({_key_id(key.kid) for key in self.keys}) != len(self.keys):
            raise ValueError("two keys have the same kid")
        if self.keys and min(key.starts for key in self.keys) > time.time():
            raise ValueError("every key has a use_from in the future: one must be in use")
        return self


class Sealer:
    """Seals and opens tokens. Thread-safe; holds keys, no state."""

    def __init__(self, config: TicketsConfig) -> None:
        keys = config.keys
        if not keys:
            log.warning("no tickets.keys: made a key at start; its tickets and handles are good on this process only")
            keys = (TicketKey(kid=secrets.token_hex(8), secret=SecretStr(secrets.token_hex(32))),)
        self._masters = {_key_id(key.kid): key.secret.get_secret_value().encode() for key in keys}
        self._starts = sorted(((key.starts, _key_id(key.kid)) for key in keys), key=lambda pair: -pair[0])
        self._deployment = config.deployment.encode()
        self.ttl: Mapping[Kind, float] = {
            Kind.TICKET: config.ticket_ttl,
            Kind.HANDLE: config.handle_ttl,
            Kind.COOKIE: config.handle_ttl,
        }
        """Seconds that a token lasts."""

    def seal(self, kind: Kind, subject: str, content: Sealed) -> bytes:
        """`content` as a token of `subject`; sets its subject and expiry."""
        content.subject = subject
        content.expires = int(time.time() + self.ttl[kind])
        now = time.time()
        key_id = next(key_id for starts, key_id in self._starts if starts <= now)
        salt, nonce = os.urandom(_SALT), os.urandom(_NONCE)
        version = PARTED if content.statement.HasField("part") else VERSION
        header = _MAGIC + bytes((version, kind)) + key_id + salt + nonce
        cipher = self._cipher(key_id, salt)
        return header + cipher.encrypt(nonce, content.SerializeToString(), header + self._deployment)

    def open(self, kind: Kind, subject: str, token: bytes) -> Sealed:
        """What `token` holds. Raises TokenRefused, in the same words whatever is wrong with it: an altered token,
        one of another deployment, an expired one and another subject's cannot be told apart by who tries them."""
        content = self._open(kind, token)
        if content is None or content.subject != subject or content.expires <= time.time():
            again = "set its options again" if kind is Kind.COOKIE else "plan the statement again"
            raise TokenRefused(f"this {kind.words} cannot be used here, or no longer: {again}")
        return content

    def _open(self, kind: Kind, token: bytes) -> Sealed | None:
        if len(token) < _HEADER + _TAG or token[:2] != _MAGIC or token[2] not in READABLE or token[3] != kind:
            return None
        header, body = token[:_HEADER], token[_HEADER:]
        key_id, rest = header[4 : 4 + _ID], header[4 + _ID :]
        if key_id not in self._masters:
            return None
        try:
            plain = self._cipher(key_id, rest[:_SALT]).decrypt(rest[_SALT:], body, header + self._deployment)
            return Sealed.FromString(plain)
        except (InvalidTag, DecodeError):
            return None

    def _cipher(self, key_id: bytes, salt: bytes) -> AESGCM:
        """The cipher of one token: a fresh key for each, so that random nonces can never meet under one key."""
        derived = HKDF(algorithm=SHA256(), length=32, salt=salt, info=b"watersmeet sealed token").derive(
            self._masters[key_id]
        )
        return AESGCM(derived)


def _key_id(kid: str) -> bytes:
    return hashlib.sha256(kid.encode()).digest()[:_ID]
