"""What every error that reaches a client must keep to, whatever it is about."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import cast

import grpc

LONGEST = 4096
"""Bytes of an error's text."""
_INSIDES = re.compile(
    r"Traceback|File \"|\.py\b|line \d+, in|site-packages|/(?:work|tmp|home|root|usr|var|proc)/|0x[0-9a-f]{8}"
    r"|127\.0\.0\.1|localhost|::1|\bat port\b|Exception\(|object at "
)
"""Tracebacks, paths, addresses."""


def check(error: grpc.RpcError, secrets: Iterable[str] = ()) -> grpc.StatusCode:
    """Check an error's text and details; its code."""
    call = cast(grpc.Call, error)
    text = call.details() or ""
    trailers = b"".join(
        value if isinstance(value, bytes) else value.encode() for _, value in call.trailing_metadata() or ()
    )
    assert len(text.encode()) < LONGEST and len(trailers) < 2 * LONGEST, text
    assert all(character.isprintable() for character in text), text
    for told in (text, trailers.decode("utf-8", "replace")):
        assert not _INSIDES.search(told), told
        assert not any(secret in told for secret in secrets), told
    return call.code()
