"""HTTP's cookies in gRPC headers: how Flight clients keep a value that a server gives them."""

from __future__ import annotations


def value(header: str, name: str) -> str | None:
    """The cookie of that name in a Cookie header; the last one of several.

    >>> value('a=1; b="2"', "b")
    '2'
    """
    found = None
    for pair in header.split(";"):
        key, _, given = pair.strip().partition("=")
        if key == name:
            found = given.strip('"')
    return found


def given(name: str, content: str, seconds: int) -> str:
    """The Set-Cookie header that gives a client a cookie; 0 seconds take it away.

    >>> given("a", "1", 60)
    'a=1; Max-Age=60; Path=/'
    """
    return f"{name}={content}; Max-Age={seconds}; Path=/"
