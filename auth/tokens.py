"""Bearer tokens: checks the JSON Web Tokens of callers and signs our own.

The only importer of `jwt`. The algorithm is a property of the configured key and never of the token, so neither `none`
nor HS256-with-a-public-key can be talked into being accepted (RFC 8725, section 3.1).
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import lru_cache
from typing import Annotated, Any, Literal

import jwt
from jwt.algorithms import get_default_algorithms
from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from auth.errors import CannotSign, ExpiredToken, InvalidToken
from auth.principal import Principal

MAX_TOKEN = 32 * 1024
"""Bytes of an encoded token. Tokens full of group names reach 8 to 16 KiB; parsing more than this is a free attack."""
MAX_SUBJECT = 256
LEEWAY = 30
"""Seconds by which the clocks of issuer and server may differ."""
_REMEMBERED = 512
"""Accepted tokens whose signature is not computed again: clients send theirs with every call (0.2 ms of CPU, HS256)."""
MIN_SECRET = 32
"""Bytes of an HS256 secret: as long as its hash (RFC 7518, section 3.2)."""
MIN_RSA_BITS = 2048
"""RFC 7518, section 3.3."""
_EXPIRED = "the token has expired: ask for a new one"
_FOREIGN_KEYS = frozenset({"crit", "jku", "jwk", "x5u", "x5c"})
"""Header parameters that ask for extensions we lack, or bring their own key: a token that needs them is not ours."""


class TokenKey(BaseModel):
    """A key that tokens are checked, and perhaps signed, with."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, use_attribute_docstrings=True)

    kid: str = Field(min_length=1, max_length=128)
    """The key's name, as in the header of tokens."""
    algorithm: Literal["HS256", "RS256", "ES256", "EdDSA"]
    """The one algorithm that this key is used with."""
    secret: SecretStr | None = None
    """HS256: at least 32 bytes, shared with whoever signs."""
    public_key: str | None = None
    """RS256, ES256, EdDSA: the public key as PEM. May be left out beside a private_key."""
    private_key: SecretStr | None = None
    """RS256, ES256, EdDSA: the private key as PEM, only where this server is to sign tokens as well."""

    @model_validator(mode="after")
    def _usable(self) -> TokenKey:
        if self.algorithm == "HS256":
            if self.secret is None or self.public_key is not None or self.private_key is not None:
                raise ValueError(f"key {self.kid}: HS256 takes a secret and nothing else")
            if len(self.secret.get_secret_value().encode()) < MIN_SECRET:
                raise ValueError(f"key {self.kid}: an HS256 secret has at least {MIN_SECRET} bytes")
            return self
        if self.secret is not None or (self.public_key is None and self.private_key is None):
            raise ValueError(f"key {self.kid}: {self.algorithm} takes a public_key or a private_key, and no secret")
        try:
            key = self.verifying_key()
            if self.private_key is not None:
                jwt.encode({}, self.private_key.get_secret_value(), self.algorithm)
        except (ValueError, TypeError, AttributeError, jwt.PyJWTError):
            raise ValueError(f"key {self.kid}: not a PEM key for {self.algorithm}") from None
        if getattr(key, "key_size", MIN_RSA_BITS) < MIN_RSA_BITS and self.algorithm == "RS256":
            raise ValueError(f"key {self.kid}: an RSA key has at least {MIN_RSA_BITS} bits")
        return self

    def verifying_key(self) -> Any:
        """What signatures are checked with: the secret's bytes or a public key object."""
        if self.secret is not None:
            return self.secret.get_secret_value().encode()
        algorithm: Any = get_default_algorithms()[self.algorithm]
        if self.public_key is not None:
            return algorithm.prepare_key(self.public_key)
        assert self.private_key is not None
        return algorithm.prepare_key(self.private_key.get_secret_value()).public_key()

    def signing_key(self) -> str | bytes | None:
        """What tokens are signed with; None for a key that only checks."""
        if self.secret is not None:
            return self.secret.get_secret_value().encode()
        return None if self.private_key is None else self.private_key.get_secret_value()


class TokensConfig(BaseModel):
    """Section `auth.tokens`."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, use_attribute_docstrings=True)

    issuer: str = Field(min_length=1)
    """The claim `iss` that every token must have."""
    audience: str = Field(min_length=1)
    """The claim `aud` that every token must have, alone or in a list."""
    keys: Annotated[tuple[TokenKey, ...], Field(min_length=1)]
    """The keys that tokens may be signed with. The first one that can sign is used for our own tokens."""
    roles_claim: str = Field(default="roles", min_length=1)
    """The claim that lists the roles; a dot descends: `realm_access.roles`."""

    @model_validator(mode="after")
    def _unique(self) -> TokensConfig:
        if len({key.kid for key in self.keys}) != len(self.keys):
            raise ValueError("two keys have the same kid")
        return self


class Tokens:
    """Checks and signs tokens with a fixed set of keys. Thread-safe, does no I/O."""

    def __init__(self, config: TokensConfig) -> None:
        self._config = config
        self._keys = {key.kid: (key, key.verifying_key()) for key in config.keys}
        self._signer = next((key for key in config.keys if key.signing_key() is not None), None)
        self._accepted = lru_cache(_REMEMBERED)(self._verify)

    def verify(self, token: str) -> Principal:
        """The subject and roles that `token` stands for. Raises InvalidToken or ExpiredToken."""
        if len(token) > MAX_TOKEN:
            raise InvalidToken(f"the token is longer than {MAX_TOKEN} bytes")
        principal = self._accepted(token)
        if principal.expires is None or principal.expires <= time.time() - LEEWAY:
            raise ExpiredToken(_EXPIRED)
        return principal

    def _verify(self, token: str) -> Principal:
        key, secret = self._key(token)
        try:
            claims = jwt.decode(
                token,
                secret,
                algorithms=[key.algorithm],
                issuer=self._config.issuer,
                audience=self._config.audience,
                leeway=LEEWAY,
                options={"require": ["exp", "sub", "iss", "aud"]},
            )
            expires = float(claims["exp"])
        except jwt.ExpiredSignatureError:
            raise ExpiredToken(_EXPIRED) from None
        except jwt.InvalidTokenError as error:
            raise InvalidToken(f"the token is not accepted: {_words(error)}") from None
        except (ValueError, TypeError, OverflowError, RecursionError):
            # PyJWT lets some malformed claims through to plain Python errors: {"exp": Infinity}, [[[[…
            raise InvalidToken("the token is not accepted: it is malformed") from None
        subject = claims["sub"]
        if not isinstance(subject, str) or not 0 < len(subject) <= MAX_SUBJECT or not subject.isprintable():
            raise InvalidToken(f"the token is not accepted: its subject is not a text of 1 to {MAX_SUBJECT} characters")
        return Principal(subject=subject, roles=_roles(claims, self._config.roles_claim), expires=expires)

    def sign(self, subject: str, roles: Sequence[str], ttl: timedelta) -> str:
        """A token of our own for `subject`, good for `ttl` from now. Raises CannotSign."""
        if self._signer is None:
            raise CannotSign("no key under auth.tokens.keys can sign: add a secret or a private_key to one")
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": self._config.issuer,
            "aud": self._config.audience,
            "sub": subject,
            "iat": now,
            "exp": now + int(ttl.total_seconds()),
        }
        inner: Any = sorted(set(roles))
        *outer, last = reversed(self._config.roles_claim.split("."))
        for name in outer:
            inner = {name: inner}
        claims[last] = inner
        secret = self._signer.signing_key()
        assert secret is not None
        return jwt.encode(claims, secret, self._signer.algorithm, headers={"kid": self._signer.kid})

    def _key(self, token: str) -> tuple[TokenKey, Any]:
        """The configured key that the token names. A token without `kid` is for the only key there is."""
        try:
            header = jwt.get_unverified_header(token)
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
            raise InvalidToken("this is not a JSON Web Token") from None
        if foreign := _FOREIGN_KEYS & header.keys():
            raise InvalidToken(f"the token is not accepted: header parameter {min(foreign)}")
        kid = header.get("kid")
        found = self._keys.get(kid) if isinstance(kid, str) else None
        if kid is None and len(self._keys) == 1:
            (found,) = self._keys.values()
        if found is None or header.get("alg") != found[0].algorithm:
            # One answer for both, and the kid is not repeated: it is the caller's text.
            raise InvalidToken("the token is not accepted: no configured key has its kid and algorithm")
        return found


def _roles(claims: Mapping[str, Any], claim: str) -> frozenset[str]:
    """The roles in a claim that is a list of texts, or one text with blanks between (as OAuth scopes are)."""
    value: Any = claims.get(claim)
    if value is None:
        value = claims
        for name in claim.split("."):
            value = value.get(name) if isinstance(value, Mapping) else None
    if value is None:
        return frozenset()
    if isinstance(value, str):
        return frozenset(value.split())
    if isinstance(value, list) and all(isinstance(role, str) for role in value):
        return frozenset(value)
    raise InvalidToken("the token is not accepted: its roles are not a list of texts")


_WORDS: tuple[tuple[type[jwt.InvalidTokenError], str], ...] = (
    (jwt.InvalidSignatureError, "the signature is wrong"),
    (jwt.InvalidAudienceError, "it is meant for another audience"),
    (jwt.InvalidIssuerError, "it comes from another issuer"),
    (jwt.ImmatureSignatureError, "it is not valid yet"),
    (jwt.InvalidIssuedAtError, "its iat is not a time"),
    (jwt.MissingRequiredClaimError, "one of exp, sub, iss and aud is missing"),
)


def _words(error: jwt.InvalidTokenError) -> str:
    """Our own words for PyJWT's errors: its texts repeat parts of the token."""
    return next((words for kind, words in _WORDS if isinstance(error, kind)), "it is malformed")
