"""Sizes and durations with units, and the section's own bounds."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from server.execution.limits import LimitsConfig
from watersmeet.units import parse_duration, parse_size


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("4GiB", 4 << 30),
        ("1 MiB", 1 << 20),
        ("512MB", 512_000_000),
        ("1.5KiB", 1536),
        ("7", 7),
        (7, 7),
        ("2gib", 2 << 30),
    ],
)
def test_sizes_carry_units(text: object, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    ("text", "seconds"), [("5m", 300), ("250ms", 0.25), ("2h", 7200), ("1d", 86400), (3, 3), ("3", 3)]
)
def test_durations_carry_units(text: object, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "5 parsecs", "-1s", "GiB", True, None, float("nan"), float("inf"), [1], "1e3"])
def test_anything_else_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="is not a"):
        parse_duration(text)
    with pytest.raises(ValueError, match="is not a"):
        parse_size(text)


def test_the_defaults_are_those_of_the_documentation() -> None:
    limits = LimitsConfig()
    assert (limits.memory, limits.spill, limits.statement_timeout) == (4 << 30, 20 << 30, 300.0)
    assert (limits.running, limits.queued, limits.sql_bytes, limits.sql_depth) == (8, 64, 1 << 20, 200)


@pytest.mark.parametrize(
    "section", [{"memory": "1MiB"}, {"running": 0}, {"statement_timeout": "0s"}, {"memroy": "1GiB"}]
)
def test_limits_that_cannot_work_are_refused(section: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        LimitsConfig.model_validate(section)
