"""DuckDB's errors as a source's: told apart by the kind that starts each message, also when Arrow wrapped it."""

from __future__ import annotations

import re

from watersmeet.spi import (
    SourceCancelled,
    SourceChanged,
    SourceError,
    SourceQueryFailed,
    SourceUnavailable,
    ValueDoesNotFit,
)

_KIND = re.compile(r"^([A-Za-z ]+?) Error: ")


def translated(source: str, error: BaseException) -> SourceError:
    """The source error for what DuckDB, or Arrow on its behalf, raised. IO errors name paths: they keep none."""
    text = str(error).split("\n", 1)[0].strip()
    match = _KIND.match(text)
    kind = match[1].lower() if match else ""
    if kind == "interrupt":
        return SourceCancelled(source, "cancelled")
    if kind in {"catalog", "binder"}:
        return SourceChanged(source, f"the database no longer has what was planned for: {text}")
    if kind == "conversion" and "DECIMAL(38,0)" in text.replace(" ", ""):
        return ValueDoesNotFit(source, f"a value has more than 38 digits: {text}; cast the column to VARCHAR or DOUBLE")
    if kind == "out of memory":
        return SourceQueryFailed(
            source, "the fragment needs more than the source's settings `memory` and `spill` allow: raise them"
        )
    if kind == "io":
        return SourceUnavailable(source, "the database file cannot be read")
    return SourceQueryFailed(source, text)


def unopened(source: str, error: BaseException) -> SourceUnavailable:
    """Why the file cannot be opened, in words that leave its path out."""
    text = str(error).lower()
    if "does not exist" in text:
        reason = "the database file does not exist"
    elif "lock" in text:
        reason = "another process has the database file open for writing"
    elif "not a valid" in text:
        reason = "the file is not a DuckDB database, or one of a newer version"
    elif "permission" in text:
        reason = "the server may not read the database file"
    else:
        reason = "the database file cannot be opened"
    return SourceUnavailable(source, f"{reason}: check `path` of this source")
