"""Sizes and durations with units, as configuration files write them, and limits in parts: for every room that has a
section of its own.
"""

from __future__ import annotations

import math
import re
from typing import Annotated

from pydantic import BeforeValidator

_SIZE_UNITS = {
    "": 1,
    "B": 1,
    **{f"{prefix}iB": 1024**power for power, prefix in enumerate("KMGT", start=1)},
    **{f"{prefix}B": 1000**power for power, prefix in enumerate("KMGT", start=1)},
}
_DURATION_UNITS = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_AMOUNT = re.compile(r"(\d+(?:\.\d+)?)\s*([A-Za-z]*)")


def parse_size(value: object) -> int:
    """Bytes from '4GiB', '512MB' or a whole number.

    >>> parse_size("4GiB"), parse_size("1.5KB"), parse_size(10)
    (4294967296, 1500, 10)
    """
    return round(_amount(value, {unit.lower(): factor for unit, factor in _SIZE_UNITS.items()}, "a size like 512MiB"))


def parse_duration(value: object) -> float:
    """Seconds from '500ms', '30s', '5m', '2h' or a number.

    >>> parse_duration("5m"), parse_duration("500ms"), parse_duration(1.5)
    (300.0, 0.5, 1.5)
    """
    return float(_amount(value, _DURATION_UNITS, "a duration like 30s or 5m"))


def share(total: int, parts: int, place: int) -> int:
    """What the one at `place` of `parts` processes may have of a total: at least 1 of what there is at all.

    >>> [share(8, 3, place) for place in range(3)], [share(1, 2, place) for place in range(2)], share(0, 2, 0)
    ([3, 3, 2], [1, 1], 0)
    """
    return total // parts + (place < total % parts) or min(total, 1)


def _amount(value: object, units: dict[str, int] | dict[str, float], wanted: str) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value) and value >= 0:
        return value
    match = _AMOUNT.fullmatch(value.strip()) if isinstance(value, str) else None
    factor = units.get(match[2].lower()) if match else None
    if match is None or factor is None:
        raise ValueError(f"this is not {wanted}")  # not the value: it may be a secret in the wrong place
    return float(match[1]) * factor


Size = Annotated[int, BeforeValidator(parse_size)]
"""Bytes, written with or without a unit."""
Duration = Annotated[float, BeforeValidator(parse_duration)]
"""Seconds, written with or without a unit."""
