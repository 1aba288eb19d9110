"""The door of the room: from the section `auth` to principals, for whatever protocol asks.

Credentials come in two kinds, bearer tokens and names with passwords; a password is exchanged for a token at once.
"""

from __future__ import annotations

import logging
import secrets
import time
from datetime import timedelta

from pydantic import BaseModel, ConfigDict, SecretStr, model_validator

from auth.errors import WrongPassword
from auth.passwords import Passwords, UserConfig
from auth.principal import Principal
from auth.tokens import TokenKey, Tokens, TokensConfig

ANONYMOUS = Principal(subject="anonymous", roles=frozenset({"anonymous"}))
"""Who calls without credentials, where that is allowed. Its role can be given patterns under `access.roles`."""
LOGIN_TTL = timedelta(hours=24)
"""How long the token lives that a password is exchanged for."""

log = logging.getLogger(__name__)


class AuthConfig(BaseModel):
    """Section `auth`. Empty: nobody can authenticate."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, use_attribute_docstrings=True)

    tokens: TokensConfig | None = None
    """Bearer tokens that are accepted. Without it only those that the server signs itself, for `users`."""
    users: tuple[UserConfig, ...] = ()
    """Names and passwords, for clients that cannot bring a token."""
    anonymous: bool = False
    """Whether calls without credentials are let in, as the subject and role `anonymous`."""

    @model_validator(mode="after")
    def _unique(self) -> AuthConfig:
        names = [user.name for user in self.users]
        if len(set(names)) != len(names):
            raise ValueError("two users have the same name")
        if self.anonymous and ANONYMOUS.subject in names:
            raise ValueError(f"with anonymous: true no user can be named {ANONYMOUS.subject}")
        return self


class Authenticator:
    """Turns credentials into principals. Thread-safe; holds keys and hashes, no state of callers."""

    def __init__(self, config: AuthConfig) -> None:
        tokens = config.tokens
        if tokens is None:
            # Logins need a key to sign with. It dies with the process, and so do the tokens.
            tokens = _own_tokens()
            if config.users:
                log.warning("no auth.tokens: made a key at start; tokens of logins end with this process, on it alone")
        self._tokens = Tokens(tokens)
        self._passwords = Passwords(config.users) if config.users else None
        self.anonymous = config.anonymous
        """Whether a call without credentials is let in."""

    def authenticate_bearer(self, token: str) -> Principal:
        """Raises InvalidToken or ExpiredToken."""
        return self._tokens.verify(token)

    def authenticate_basic(self, user: str, password: str) -> Principal:
        """Raises WrongPassword. Takes about 50 ms of a core; waits when others are being checked."""
        if self._passwords is None:
            raise WrongPassword("unknown user or wrong password")
        return self._passwords.verify(user, password)

    def issue(self, principal: Principal, ttl: timedelta = LOGIN_TTL) -> str:
        """A bearer token for an authenticated principal, never longer than its own credentials. Raises CannotSign."""
        if principal.expires is not None:
            ttl = min(ttl, timedelta(seconds=max(0.0, principal.expires - time.time())))
        return self._tokens.sign(principal.subject, sorted(principal.roles), ttl)


def _own_tokens() -> TokensConfig:
    key = TokenKey(kid=secrets.token_hex(4), algorithm="HS256", secret=SecretStr(secrets.token_urlsafe(32)))
    return TokensConfig(issuer="watersmeet", audience="watersmeet", keys=(key,))
