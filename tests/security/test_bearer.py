"""S1: bearer tokens that lie, over the wire; tests/unit/test_auth_tokens.py has what each is refused for."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from grpc import StatusCode

from auth.tokens import MAX_TOKEN
from tests.security import errors
from tests.security.conftest import Calling
from tests.unit import test_auth_tokens as lies


def _part(content: object) -> str:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _hmac(header: dict[str, Any], secret: bytes, claims: dict[str, Any] | None = None) -> str:
    """A token as an attacker signs it: no library refuses to."""
    signed = f"{_part(header)}.{_part(claims or lies._claims())}"
    return f"{signed}.{_part(hmac.digest(secret, signed.encode(), hashlib.sha256))}"


def _public(kid: str, pem: str) -> dict[str, str]:
    """Confusion of algorithms: the public key, which everybody knows, as the secret of an HMAC."""
    forms = {"PEM": pem.encode(), "PEM without line end": pem.strip().encode()}
    forms["DER"] = base64.b64decode("".join(pem.splitlines()[1:-1]))
    return {
        f"HS256 with the public key of {kid} as {form}": _hmac({"alg": "HS256", "kid": kid}, key)
        for form, key in forms.items()
    }


SECRET = lies.SECRET.encode()
BAD = {
    **lies.BAD,
    **_public("rs", lies.RSA_PUBLIC),
    **_public("es", lies.EC_PUBLIC),
    **_public("ed", lies.ED_PUBLIC),
    "a signature of zeros": f"{_part({'alg': 'ES256', 'kid': 'es'})}.{_part(lies._claims())}.{_part(bytes(64))}",
    "algorithm in lower case": _hmac({"alg": "hs256", "kid": "hs"}, SECRET),
    "a list of algorithms": _hmac({"alg": ["HS256", "none"], "kid": "hs"}, SECRET),
    "no algorithm": _hmac({"kid": "hs"}, SECRET),
    "payload that is not encoded": _hmac({"alg": "HS256", "kid": "hs", "b64": False, "crit": ["b64"]}, SECRET),
    "x5c": _hmac({"alg": "HS256", "kid": "hs", "x5c": ["AAAA"]}, SECRET),
    "empty secret": _hmac({"alg": "HS256", "kid": "hs"}, b""),
    "not valid before a text": _hmac({"alg": "HS256", "kid": "hs"}, SECRET, lies._claims() | {"nbf": "now"}),
    "as long as a token may be": _hmac(
        {"alg": "HS256", "kid": "hs"}, b"", lies._claims() | {"x": "x" * (MAX_TOKEN // 2)}
    ),
}


@pytest.fixture
def asked(serve: Callable[..., Calling]) -> Calling:
    keys = [{**key} for key in lies.KEYS]
    return serve(auth={"tokens": {"issuer": lies.ISSUER, "audience": lies.AUDIENCE, "keys": keys}})


def test_tokens_that_lie_are_unauthenticated_and_not_repeated(asked: Calling) -> None:
    with asked() as rpc:
        assert rpc.with_headers(("authorization", f"Bearer {lies._token()}")).raw("ListFlights", b"") == []
        for name, token in BAD.items():
            if not token.isascii():
                continue  # gRPC does not send it
            with pytest.raises(grpc.RpcError) as caught:
                rpc.with_headers(("authorization", f"Bearer {token}")).raw("ListFlights", b"")
            assert errors.check(caught.value, (lies.SECRET, "evil", "passwd")) is StatusCode.UNAUTHENTICATED, name
