"""Session properties of a call, from its headers.

`catalog` and `schema` set where names are looked up first, `watersmeet-<setting>` any setting of a statement
(`watersmeet-timezone: Europe/Berlin`). Which settings there are, and which values they take, is the planner's to say.
"""

from __future__ import annotations

from collections.abc import Mapping

from server.flight.errors import BadRequest
from server.requests import Session

PREFIX = "watersmeet-"
COMPRESSION = "watersmeet-compression"
"""`lz4` or `zstd`: the client asks for compressed bodies on the call's stream."""
MAX_VALUE = 256
"""Characters of a property: they travel in every ticket."""
MAX_SETTINGS = 32


def session(headers: Mapping[str, str]) -> Session:
    """The session that a call's headers describe. Raises BadRequest."""
    settings = {
        name.removeprefix(PREFIX): value
        for name, value in headers.items()
        if name.startswith(PREFIX) and name != COMPRESSION
    }
    catalog, schema = headers.get("catalog") or None, headers.get("schema") or None
    if len(settings) > MAX_SETTINGS:
        raise BadRequest(f"more than {MAX_SETTINGS} headers {PREFIX}…")
    for name, value in (("catalog", catalog), ("schema", schema), *settings.items()):
        if value is not None and (len(value) > MAX_VALUE or not value.isprintable()):
            raise BadRequest(f"header {name}: not a text of at most {MAX_VALUE} printable characters")
    return Session(catalog=catalog, schema=schema, settings=settings)


def compression(headers: Mapping[str, str]) -> str | None:
    """How the bodies of an answer are to be compressed; None: not at all. Raises BadRequest."""
    asked = headers.get(COMPRESSION, "none")
    if asked not in {"none", "lz4", "zstd"}:
        raise BadRequest(f"header {COMPRESSION}: none, lz4 or zstd")
    return None if asked == "none" else asked
