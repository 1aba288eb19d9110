"""Names and passwords: checks the users of the configuration against their argon2id hashes.

A wrong name costs the same work as a wrong password and gets the same answer, so neither tells which users exist.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterable

from argon2 import PasswordHasher, Type, extract_parameters
from argon2.exceptions import InvalidHashError, VerificationError
from pydantic import BaseModel, ConfigDict, Field, field_validator

from auth.errors import WrongPassword
from auth.principal import Principal

MAX_PASSWORD = 1024
"""Characters; nothing longer is hashed."""
AT_ONCE = 2
"""Hashes computed at a time: each takes a core for about 50 ms and 64 MiB, whoever asks."""


class UserConfig(BaseModel):
    """One of the section `auth.users`."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, use_attribute_docstrings=True)

    name: str = Field(min_length=1, max_length=256, pattern=r"^[^:\x00-\x1f\x7f]+$")
    """The name to log in with, and the subject of the resulting token. Basic credentials cannot hold a colon in it."""
    password_hash: str = Field(repr=False)
    """An argon2id hash: `$argon2id$v=19$…`."""
    roles: tuple[str, ...] = ()
    """What the user may see, by the names under `access.roles`."""

    @field_validator("password_hash")
    @classmethod
    def _argon2id(cls, value: str) -> str:
        try:
            parameters = extract_parameters(value)
        except InvalidHashError:
            raise ValueError("not an argon2 hash") from None
        if parameters.type is not Type.ID:
            raise ValueError("not an argon2id hash")
        return value


class Passwords:
    """The configured users. Thread-safe."""

    def __init__(self, users: Iterable[UserConfig]) -> None:
        self._users = {user.name: user for user in users}
        self._hasher = PasswordHasher()
        # The hash that unknown users are checked against costs what the first user's does.
        first = next(iter(self._users.values()), None)
        cost = PasswordHasher() if first is None else _like(first.password_hash)
        self._nobody = cost.hash(secrets.token_urlsafe())
        self._running = threading.BoundedSemaphore(AT_ONCE)

    def verify(self, name: str, password: str) -> Principal:
        """The user's principal. Raises WrongPassword, after the same work, for a wrong name or password."""
        user = self._users.get(name)
        expected = self._nobody if user is None else user.password_hash
        if self._matches(expected, password) and user is not None:
            return Principal(subject=user.name, roles=frozenset(user.roles))
        raise WrongPassword("unknown user or wrong password")

    def _matches(self, expected: str, password: str) -> bool:
        if len(password) > MAX_PASSWORD:
            return False
        with self._running:
            try:
                return self._hasher.verify(expected, password)
            except (VerificationError, UnicodeEncodeError):
                return False


def hash_password(password: str) -> str:
    """An argon2id hash for the configuration, with argon2-cffi's defaults (RFC 9106, low memory)."""
    return PasswordHasher().hash(password)


def _like(example: str) -> PasswordHasher:
    """A hasher with the parameters of an existing hash."""
    return PasswordHasher.from_parameters(extract_parameters(example))
