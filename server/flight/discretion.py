"""Takes out of an error's text what no client is to read: tracebacks, paths, hosts, secrets.

A connector writes its errors without them, from a driver's words that it knows. This is the last line behind that: a
text of an engine, a driver or a source that nobody foresaw. It goes by what such things look like, so it also takes a
path or an address that the client itself has written; of these the client knows more than we could tell.
"""

from __future__ import annotations

import re

# Each pattern begins where no other of its kind could have begun before: a long text costs time by its length, no more.
_QUOTED = r"""("[^"]*"?|'[^']*'?)"""

_HIDDEN: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), instead)
    for pattern, instead in (
        # To the end: frames and the text of the exception, which may be of any kind, stand behind it.
        (r"Traceback \(most recent call last\).*", "…"),
        (r'File "[^"]*", line \d+(, in \S+)?', "…"),
        (r"-----BEGIN .*", "…"),
        # postgresql://user:password@host/database
        (r"(?<![\w+.-])([a-z][a-z0-9+.-]{0,30}://)\S+", r"\1…"),
        (rf"""\b((?:password|passwd|pwd|secret|api_?key|access_?key)["']?\s*[=:]\s*)({_QUOTED}|\S+)""", r"\1…"),
        (r"\b(token\s*=\s*)\S+", r"\1…"),
        # Only what has a digit, a dot or an equals sign: "Basic credentials" are two words.
        (r"\b(basic|bearer)\s+(?=\S*[\d=.])\S{8,}", r"\1 …"),
        (r"\beyJ[\w-]{10,}[\w.-]*", "…"),
        (r"\$(?:argon2|2[aby]\$|scrypt|pbkdf2)\S*", "…"),
        # libpq: connection to server at "db" (10.0.0.1); PyMySQL: connect to MySQL server on 'db'; host=db
        (rf"\b(host ?name|host|server(?: at| on)?)(\s*[=:]\s*|\s+){_QUOTED}", r"\1 …"),
        (r"\b(host(?:addr|name)?\s*=\s*)\S+", r"\1…"),
        (rf"@{_QUOTED}", "@…"),  # 'user'@'host'
        (r"\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b", "…"),
        (r"\[?\b(?:[0-9a-f]{1,4}:){4,7}[0-9a-f]{1,4}\b\]?", "…"),
        (r"\[?\b(?:fe80|f[cd][0-9a-f]{2}|2[0-9a-f]{3}):[0-9a-f:]*::?[0-9a-f]+\b\]?", "…"),
        (r"(?<![\w)\]'\"])\[?::1\b\]?(?::\d+)?", "…"),  # not the cast of x::1
        (r"(?<![\w.-])(?=[a-z])[\w-]+(?:\.[\w-]+)+:\d{2,5}\b", "…"),
        (r"\blocalhost\b(?::\d+)?", "…"),
        # Two names at least, the first not a number: 6 /3/ 2 is a sum.
        (r"(?<![\w.])/(?=[a-z._~])(?:[\w.+@~-]+/)+[\w.+@~-]*", "…"),
        (r"~\w*/\S+", "…"),
        (r"\b[a-z]:\\[^\s\"']+", "…"),
        (r"<[\w.]+ object at [^>]*>?", "…"),
        (r"\b0x[0-9a-f]{8,}\b", "…"),
    )
)


def discreet(text: str) -> str:
    """The text with … in place of what is not for clients.

    >>> discreet('connection to server at "db.internal" (10.1.2.3), port 5432 failed')
    'connection to server at … (…), port 5432 failed'
    >>> discreet("no column pg.public.orders.total")
    'no column pg.public.orders.total'
    """
    for pattern, instead in _HIDDEN:
        text = pattern.sub(instead, text)
    return text
