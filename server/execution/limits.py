"""The `limits:` section of the configuration, and how sizes and durations with units are read."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

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


def _amount(value: object, units: dict[str, int] | dict[str, float], wanted: str) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value) and value >= 0:
        return value
    match = _AMOUNT.fullmatch(value.strip()) if isinstance(value, str) else None
    factor = units.get(match[2].lower()) if match else None
    if match is None or factor is None:
        raise ValueError(f"{value!r} is not {wanted}")
    return float(match[1]) * factor


Size = Annotated[int, BeforeValidator(parse_size)]
"""Bytes, written with or without a unit."""
Duration = Annotated[float, BeforeValidator(parse_duration)]
"""Seconds, written with or without a unit."""


class LimitsConfig(BaseModel):
    """What statements may use, all of them together unless said otherwise."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, validate_default=True)

    memory: Size = Field(default=4 << 30, ge=64 << 20)
    """Memory of running statements: three quarters for the local engine, a quarter for rows on their way to it."""
    spill: Size = Field(default=20 << 30, ge=0)
    """Disk for what does not fit into memory; 0 forbids spilling."""
    spill_dir: Path | None = None
    """Where to spill; None is a folder of its own under the system's folder for temporary files."""
    running: int = Field(default=8, ge=1)
    """Statements that run at once."""
    queued: int = Field(default=64, ge=0)
    """Statements that wait for one of them to end; further ones are refused."""
    statement_timeout: Duration = Field(default=300.0, gt=0)
    """The longest that a statement may take, its wait and the client's reading included."""
    sql_bytes: Size = Field(default=1 << 20, ge=1)
    """Bytes of one statement's text."""
    sql_depth: int = Field(default=200, ge=1)
    """Nesting of a statement's expressions and queries."""
