"""Bearer tokens: every way that a token can lie."""

from __future__ import annotations

import base64
import json
import time
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from pydantic import ValidationError

from auth.errors import AuthError, CannotSign, ExpiredToken, InvalidToken
from auth.tokens import LEEWAY, MAX_TOKEN, Tokens, TokensConfig

SECRET = "0123456789abcdef0123456789abcdef"
ISSUER, AUDIENCE = "https://issuer.example", "watersmeet"


def _pem(key: Any) -> tuple[str, str]:
    """Private and public key as PEM."""
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()


RSA_PRIVATE, RSA_PUBLIC = _pem(rsa.generate_private_key(65537, 2048))
EC_PRIVATE, EC_PUBLIC = _pem(ec.generate_private_key(ec.SECP256R1()))
ED_PRIVATE, ED_PUBLIC = _pem(ed25519.Ed25519PrivateKey.generate())
HS = {"kid": "hs", "algorithm": "HS256", "secret": SECRET}
KEYS = [
    HS,
    {"kid": "rs", "algorithm": "RS256", "public_key": RSA_PUBLIC},
    {"kid": "es", "algorithm": "ES256", "public_key": EC_PUBLIC},
    {"kid": "ed", "algorithm": "EdDSA", "public_key": ED_PUBLIC},
]


def _config(*keys: dict[str, Any], **settings: Any) -> TokensConfig:
    return TokensConfig.model_validate({"issuer": ISSUER, "audience": AUDIENCE, "keys": keys or KEYS, **settings})


TOKENS = Tokens(_config())


def _claims(**changes: Any) -> dict[str, Any]:
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "ana",
        "exp": int(time.time()) + 24 * 3600,  # the cases below are made when tests are collected, which may be long ago
        "roles": ["analyst"],
    } | changes
    return {name: value for name, value in claims.items() if value is not None}


def _token(key: Any = SECRET, algorithm: str = "HS256", kid: Any = "hs", header: Any = None, **changes: Any) -> str:
    headers = {"kid": kid, **(header or {})}
    return jwt.encode(_claims(**changes), key, algorithm, {name: v for name, v in headers.items() if v is not None})


def _by_hand(header: dict[str, Any] | str, claims: dict[str, Any] | str, signature: bytes = b"") -> str:
    parts = (json.dumps(part) if isinstance(part, dict) else part for part in (header, claims))
    encoded = [base64.urlsafe_b64encode(part.encode()).rstrip(b"=").decode() for part in parts]
    return ".".join([*encoded, base64.urlsafe_b64encode(signature).rstrip(b"=").decode()])


@pytest.mark.parametrize(
    ("key", "algorithm", "kid"),
    [(SECRET, "HS256", "hs"), (RSA_PRIVATE, "RS256", "rs"), (EC_PRIVATE, "ES256", "es"), (ED_PRIVATE, "EdDSA", "ed")],
)
def test_a_good_token_of_each_algorithm_is_its_subject(key: str, algorithm: str, kid: str) -> None:
    principal = TOKENS.verify(_token(key, algorithm, kid))
    assert principal.subject == "ana" and principal.roles == {"analyst"}
    assert principal.expires is not None and principal.expires > time.time()


def test_a_list_of_audiences_may_have_ours() -> None:
    assert TOKENS.verify(_token(aud=["other", AUDIENCE])).subject == "ana"


def test_clocks_may_differ_by_some_seconds() -> None:
    now = int(time.time())
    assert TOKENS.verify(_token(exp=now - 5, iat=now + 5, nbf=now + 5)).subject == "ana"


NOW = int(time.time())
BAD: dict[str, str] = {
    "unsigned": _by_hand({"alg": "none", "kid": "hs"}, _claims()),
    "unsigned, other case": _by_hand({"alg": "NoNe", "kid": "hs"}, _claims()),
    "unsigned without kid": _by_hand({"alg": "none"}, _claims()),
    "signature cut off": _token().rpartition(".")[0] + ".",
    "other secret": _token(SECRET[::-1]),
    "HS256 with the RSA public key": _by_hand({"alg": "HS256", "kid": "rs"}, _claims(), b"x" * 32),
    "algorithm of another key": _token(kid="rs"),
    "stronger algorithm of the same key": _token(SECRET * 2, "HS512"),
    "no kid among several keys": _token(kid=None),
    "unknown kid": _token(kid="nobody"),
    "kid as a path": _token(kid="../../../../etc/passwd"),
    "kid as SQL": _token(kid="' OR '1'='1"),
    "huge kid": _token(kid="k" * 20_000),
    "kid as a list": _by_hand({"alg": "HS256", "kid": ["hs"]}, _claims()),
    "kid as an object": _by_hand({"alg": "HS256", "kid": {"a": 1}}, _claims()),
    "crit": _token(header={"crit": ["exp"], "exp": 1}),
    "jku": _token(header={"jku": "https://evil.example/keys"}),
    "jwk": _token(header={"jwk": {"kty": "oct", "k": "AAAA"}}),
    "x5u": _token(header={"x5u": "https://evil.example/cert"}),
    "other issuer": _token(iss="https://evil.example"),
    "no issuer": _token(iss=None),
    "other audience": _token(aud="other"),
    "no audience": _token(aud=None),
    "audience as a number": _token(aud=[1]),
    "no expiry": _token(exp=None),
    "expiry as a text": _token(exp="tomorrow"),
    "endless expiry": _token(exp=float("inf")),
    "not valid yet": _token(nbf=NOW + 3600),
    "issued in the future": _token(iat=NOW + 3600),
    "no subject": _token(sub=None),
    "empty subject": _token(sub=""),
    "subject with a line break": _token(sub="ana\nroot"),
    "endless subject": _token(sub="a" * 1000),
    "subject as a number": jwt.api_jws.encode(json.dumps(_claims(sub=7)).encode(), SECRET, "HS256", {"kid": "hs"}),
    "roles as an object": _token(roles={"admin": True}),
    "roles as numbers": _token(roles=[1]),
    "claims as a list": jwt.api_jws.encode(b"[1]", SECRET, "HS256", {"kid": "hs"}),
    "claims as junk": jwt.api_jws.encode(b"\xff", SECRET, "HS256", {"kid": "hs"}),
    "deep claims": jwt.api_jws.encode(b"[" * 20_000, SECRET, "HS256", {"kid": "hs"}),
    "deep header": _by_hand("[" * 15_000, _claims()),
    "too long": _token(padding="x" * 64_000),
    "empty": "",
    "dots": "..",
    "one part": "abc",
    "not ASCII": "é.é.é",
    "five parts": "a.b.c.d.e",
}


@pytest.mark.parametrize("token", BAD.values(), ids=BAD.keys())
def test_a_bad_token_is_refused_and_not_repeated(token: str) -> None:
    with pytest.raises(InvalidToken) as caught:
        TOKENS.verify(token)
    text = str(caught.value)
    assert len(text) < 200 and "evil" not in text and "etc" not in text and SECRET not in text


def test_an_expired_token_says_so() -> None:
    with pytest.raises(ExpiredToken):
        TOKENS.verify(_token(exp=int(time.time()) - 3600))


def test_a_token_that_was_accepted_is_refused_once_it_has_expired(monkeypatch: pytest.MonkeyPatch) -> None:
    token = _token()
    expires = TOKENS.verify(token).expires
    assert expires is not None
    clock = SimpleNamespace(time=lambda: expires + LEEWAY - 1)
    monkeypatch.setattr("auth.tokens.time", clock)
    assert TOKENS.verify(token).expires == expires
    clock.time = lambda: expires + LEEWAY
    with pytest.raises(ExpiredToken):
        TOKENS.verify(token)


def test_without_a_kid_the_only_key_is_meant() -> None:
    assert Tokens(_config(HS)).verify(_token(kid=None)).subject == "ana"


def test_any_flipped_bit_is_noticed() -> None:
    token = _token()
    for position in range(len(token) - 1):  # the last character of base64 has bits that mean nothing
        if token[position] == ".":
            continue
        flipped = token[:position] + ("A" if token[position] != "A" else "B") + token[position + 1 :]
        with pytest.raises(AuthError):
            TOKENS.verify(flipped)


@pytest.mark.parametrize(
    ("setting", "claims", "roles"),
    [
        ("roles", {"roles": ["a", "b"]}, {"a", "b"}),
        ("roles", {"roles": "a b"}, {"a", "b"}),
        ("roles", {"roles": None}, set()),
        ("scope", {"scope": "read write"}, {"read", "write"}),
        ("realm_access.roles", {"realm_access": {"roles": ["a"]}}, {"a"}),
        ("realm_access.roles", {"realm_access": 7}, set()),
        ("https://example.com/roles", {"https://example.com/roles": ["a"]}, {"a"}),
    ],
)
def test_roles_come_from_the_configured_claim(setting: str, claims: dict[str, Any], roles: set[str]) -> None:
    assert Tokens(_config(roles_claim=setting)).verify(_token(**claims)).roles == roles


@pytest.mark.parametrize("claim", ["roles", "realm_access.roles"])
@pytest.mark.parametrize(
    "key",
    [
        HS,
        {"kid": "rs", "algorithm": "RS256", "private_key": RSA_PRIVATE},
        {"kid": "es", "algorithm": "ES256", "private_key": EC_PRIVATE, "public_key": EC_PUBLIC},
        {"kid": "ed", "algorithm": "EdDSA", "private_key": ED_PRIVATE},
    ],
    ids=lambda key: key["algorithm"] if isinstance(key, dict) else "",
)
def test_our_own_tokens_are_good(key: dict[str, Any], claim: str) -> None:
    tokens = Tokens(_config(key, roles_claim=claim))
    principal = tokens.verify(tokens.sign("ben", ["b", "a"], timedelta(minutes=5)))
    assert principal.subject == "ben" and principal.roles == {"a", "b"}
    assert principal.expires == pytest.approx(time.time() + 300, abs=2)


def test_without_a_private_key_nothing_is_signed() -> None:
    with pytest.raises(CannotSign):
        Tokens(_config(KEYS[1])).sign("ben", [], timedelta(minutes=5))


WEAK_RSA = _pem(rsa.generate_private_key(65537, 1024))[1]
UNFIT: dict[str, list[dict[str, Any]]] = {
    "short secret": [{**HS, "secret": "x" * 31}],
    "no secret": [{"kid": "a", "algorithm": "HS256"}],
    "secret for RSA": [{"kid": "a", "algorithm": "RS256", "secret": SECRET}],
    "no key": [{"kid": "a", "algorithm": "RS256"}],
    "weak RSA key": [{"kid": "a", "algorithm": "RS256", "public_key": WEAK_RSA}],
    "elliptic key for RSA": [{"kid": "a", "algorithm": "RS256", "public_key": EC_PUBLIC}],
    "RSA key for EdDSA": [{"kid": "a", "algorithm": "EdDSA", "public_key": RSA_PUBLIC}],
    "public key as private": [{"kid": "a", "algorithm": "ES256", "private_key": EC_PUBLIC}],
    "junk": [{"kid": "a", "algorithm": "ES256", "public_key": "junk"}],
    "public key as a secret": [{"kid": "a", "algorithm": "HS256", "secret": SECRET, "public_key": RSA_PUBLIC}],
    "unknown algorithm": [{**HS, "algorithm": "none"}],
    "same kid twice": [HS, HS],
    "unknown key": [{**HS, "use": "sig"}],
}


@pytest.mark.parametrize("keys", UNFIT.values(), ids=UNFIT.keys())
def test_unfit_keys_are_refused_at_start_without_being_shown(keys: list[dict[str, Any]]) -> None:
    with pytest.raises(ValidationError) as caught:
        _config(*keys)
    for error in caught.value.errors(include_input=False):
        assert SECRET not in str(error) and "BEGIN" not in str(error)


def test_secrets_are_not_shown() -> None:
    assert SECRET not in repr(_config())
    assert MAX_TOKEN < 64 * 1024
