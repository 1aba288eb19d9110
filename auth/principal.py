"""Who asks: the value that authentication ends in and that everything below the front is given."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """An authenticated subject."""

    subject: str
    roles: frozenset[str] = frozenset()
    expires: float | None = None
    """Seconds since the epoch when its token ends; None for no end (in-process use)."""
