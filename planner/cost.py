"""What is worth doing, by estimated rows: the few numbers that placing weighs with, in one place.

The unit is a row shipped from a source. Only where work runs depends on these decisions, never an answer.
"""

from __future__ import annotations

from collections.abc import Sequence

ROUND_TRIP = 1000.0
"""A fragment more costs about as much as so many rows: a millisecond or two, at 1 µs a row."""
GROUPING = 0.8
"""A source groups rows before it sends them where no more than this part of them is left."""
VALUES_SENT = 1000
"""Rows of VALUES that go along with a query to a source."""
BLOAT = 10_000.0
"""Rows by which a query that one source can answer whole may have more than all that it reads."""


def joins_there(joined: float, apart: Sequence[float]) -> bool:
    """Whether a source should join relations that would ship `apart` rows each, and `joined` rows together."""
    return joined + ROUND_TRIP <= sum(apart) + ROUND_TRIP * len(apart)


def groups_there(groups: float, rows: float) -> bool:
    """Whether a source should group its rows first."""
    return groups <= GROUPING * rows


def bloated(rows: float, inputs: float) -> bool:
    """Whether a query makes so many rows of those that it reads that it had better run here."""
    return rows > inputs + BLOAT
