"""How the values of one column are spread: what a catalog's statistics say of =, < and LIKE, as fractions of the rows.

Statistics are old, sampled and come from strangers: nothing here trusts their order, their sums or their form, and
what cannot be read counts as not known. The values are rows' values: only fractions leave this file.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from connectors.sqlgen.dialect import family
from watersmeet.spi import LONGEST_SHOWN, Column

Key = Any
"""A float or a str, the same for all values of a column: a value on the scale of its family: numbers, days since year 1, seconds of a day, or text."""

_SAMPLE = 20
"""Bounds from which on they are a sample that patterns may be tried on. (PostgreSQL's own least is 10, and 100 to trust
it alone.)"""
_PREFIX = 8
"""Characters of texts that say where between two bounds another lies."""
_DATE = re.compile(r"(\d{4,6})-(\d\d)-(\d\d)(?: (\d\d):(\d\d):(\d\d)(?:\.(\d+))?)?(?:[+-]\d\d(?::?\d\d)?)?( \(?BC\)?)?")
_TIME = re.compile(r"(\d\d):(\d\d):(\d\d(?:\.\d+)?)")
_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Distribution:
    """The values of a column, and what part of the rows has them. Everything is an estimate."""

    kind: str
    """number, time or text: values of different kinds cannot be compared."""
    nulls: float
    """Part of the rows that have NULL."""
    distinct: float | None
    common: dict[Key, float]
    """The most common values and their parts of all rows."""
    bounds: tuple[Key, ...]
    """In order; between neighbours lie equally many of the rows that have no common value. None, or two and more."""

    @property
    def rest(self) -> float:
        """Part of the rows that have a value, but no common one."""
        return max(0.0, 1.0 - self.nulls - sum(self.common.values()))

    def equal(self, value: Key) -> float | None:
        """Part of the rows that have this value; None where nothing tells."""
        found = self.common.get(value)
        if found is not None:
            return found
        if self.bounds and not self.bounds[0] <= value <= self.bounds[-1]:
            # Beyond what was seen at the last count: nothing, or what came since.
            return min(self.rest, 1.0 / self.distinct) / 10 if self.distinct else 0.0
        buckets = bisect_right(self.bounds, value) - bisect_left(self.bounds, value) - 1
        if buckets > 0 and (len(self.bounds) > 2 or self.distinct == 1):  # It fills them alone.
            return self.rest * buckets / (len(self.bounds) - 1)
        if self.distinct is None:
            return None
        # A value that is not among the common ones is no more common than the least of them.
        least = min(self.common.values(), default=1.0)
        return min(self.rest / max(self.distinct - len(self.common), 1.0), least)

    def below(self, value: Key, *, inclusive: bool) -> float | None:
        """Part of the rows whose value is < (or <=) this one; None where nothing tells."""
        share = sum(part for known, part in self.common.items() if known < value or (inclusive and known == value))
        if self.bounds:
            return share + self.rest * self._position(value)
        return share if self.common and self.rest < 0.01 else None

    def matching(self, test: Callable[[str], bool]) -> float | None:
        """Part of the rows whose text passes a test; None without a sample of them."""
        if self.kind != "text":
            return None
        share = sum(part for known, part in self.common.items() if test(str(known)))
        if len(self.bounds) < _SAMPLE:
            return share if self.common and self.rest < 0.01 else None
        hits = sum(test(str(bound)) for bound in self.bounds)
        # None of n seen: fewer than one of them, not none of all.
        return share + self.rest * min(max(hits, 0.5), len(self.bounds) - 0.5) / len(self.bounds)

    def range(self) -> tuple[Key, Key] | None:
        """The least and the greatest value known."""
        known = [*self.common, *self.bounds[:1], *self.bounds[-1:]]
        return (min(known), max(known)) if self.bounds else None

    def _position(self, value: Key) -> float:
        """Where a value lies among the bounds, from 0 (before all) to 1."""
        bounds = self.bounds
        low, high = bisect_left(bounds, value), bisect_right(bounds, value)
        if low < high:  # It is a bound itself, or several: so many rows have it that it fills whole buckets.
            return (low + high - 1) / 2 / (len(bounds) - 1)
        if low in (0, len(bounds)):
            return 0.0 if low == 0 else 1.0
        return (low - 1 + _between(bounds[low - 1], value, bounds[low])) / (len(bounds) - 1)


def distribution(column: Column) -> Distribution | None:
    """What is known of a column's values; None for types without an order of ours, or without statistics.

    Decoded when first asked for, and kept as long as the catalog's column is in use.
    """
    found = _DECODED.get(id(column))
    if found is not None and found[0] is column:
        return found[1]
    if len(_DECODED) >= _KEPT:
        _DECODED.clear()
    made = _decoded(column)
    _DECODED[id(column)] = column, made
    return made


_DECODED: dict[int, tuple[Column, Distribution | None]] = {}
"""By identity: to hash a column means to hash its statistics. It keeps the columns alive, so no id comes twice."""
_KEPT = 2_000
"""Columns decoded at a time, some 10 kB each."""


def key_of(text: str, type_: str) -> Key | None:
    """A value of a DuckDB type on the scale of its kind; None for what cannot be read.

    >>> key_of("12.50", "DECIMAL(5,2)"), key_of("1970-01-02 12:00:00", "TIMESTAMP"), key_of("?", "DATE")
    (12.5, 719164.5, None)
    """
    kind = kind_of(type_)
    if kind == "text":
        return text[:LONGEST_SHOWN]
    if kind == "time":
        return _moment(text)
    if kind is None:
        return None
    if family(type_) == "bool":
        return {"true": 1.0, "false": 0.0}.get(text)
    try:
        number = float(text)
    except ValueError:
        return None
    return None if math.isnan(number) else number


def kind_of(type_: str) -> str | None:
    """The scale that values of a type lie on."""
    return _KINDS.get(family(type_))


_KINDS = {
    **dict.fromkeys(("bool", "int", "hugeint", "decimal", "float", "double"), "number"),
    **dict.fromkeys(("date", "timestamp", "timestamptz", "time"), "time"),
    "text": "text",
}


def _decoded(column: Column) -> Distribution | None:
    kind = kind_of(column.type)
    if kind is None:
        return None
    nulls = min(max(column.null_fraction or 0.0, 0.0), 1.0)
    common: dict[Key, float] = {}
    for text, part in column.common:
        value = key_of(text, column.type)
        if value is not None and 0.0 < part <= 1.0:
            common[value] = common.get(value, 0.0) + part
    total = sum(common.values())
    if total > 1.0 - nulls:
        common = {value: part * (1.0 - nulls) / total for value, part in common.items()}
    texts = column.bounds or [text for text in (column.minimum, column.maximum) if text is not None]
    bounds = sorted(value for text in texts if (value := key_of(text, column.type)) is not None)
    if not common and not bounds and column.distinct is None and column.null_fraction is None:
        return None
    distinct = None if column.distinct is None else float(max(column.distinct, 1))
    # A single bound says where all are: a range of no width.
    return Distribution(kind, nulls, distinct, common, tuple(bounds * 2 if len(bounds) == 1 else bounds))


def _moment(text: str) -> float | None:
    """A date, a timestamp, or a time of day, in days."""
    if text in ("infinity", "-infinity"):
        return float(text.replace("infinity", "inf"))
    if match := _TIME.fullmatch(text):
        return (int(match[1]) * 3600 + int(match[2]) * 60 + float(match[3])) / _DAY
    match = _DATE.fullmatch(text)
    if match is None:
        return None
    year = -int(match[1]) if match[8] else int(match[1])
    try:
        # The calendar repeats every 400 years, of 146,097 days; `date` has no years but 1 to 9999.
        days = date(year % 400 + 400, int(match[2]), int(match[3])).toordinal() + (year // 400 - 1) * 146_097
    except ValueError:
        return None
    seconds = int(match[4] or 0) * 3600 + int(match[5] or 0) * 60 + int(match[6] or 0) + float(f"0.{match[7] or 0}")
    return days + seconds / _DAY


def _between(low: Key, value: Key, high: Key) -> float:
    """How far a value is on the way from one bound to the next."""
    if isinstance(value, str):
        return _between_texts(low, value, high)
    width = float(high - low)
    if not 0.0 < width < float("inf"):
        return 0.5
    return min(max(float(value - low) / width, 0.0), 1.0)


def _between_texts(low: str, value: str, high: str) -> float:
    """The same for texts: as fractions written with the characters that come after what all three share."""
    shared = 0
    while shared < min(len(low), len(value), len(high)) and low[shared] == value[shared] == high[shared]:
        shared += 1
    places = [_digits(text[shared : shared + _PREFIX]) for text in (low, value, high)]
    return _between(*places) if places[0] < places[2] else 0.5


def _digits(text: str) -> float:
    place, weight = 0.0, 1.0
    for character in text:
        weight /= 128.0
        place += min(ord(character), 127) * weight
    return place


def joined(left: Distribution, right: Distribution) -> float | None:
    """Part of all pairs of rows whose values are equal; None unless both know their common and distinct values.

    Common values meet by their parts, the rest of either side meets the other's rest, spread evenly: the formula of
    PostgreSQL's eqjoinsel.
    """
    if left.kind != right.kind or not left.common or not right.common or not left.distinct or not right.distinct:
        return None
    both = [value for value in left.common if value in right.common]
    matched = sum(left.common[value] * right.common[value] for value in both)
    found = []
    for one, other in ((left, right), (right, left)):
        alone = sum(part for value, part in one.common.items() if value not in other.common)
        beyond = max(other.distinct - len(other.common), 1.0) if other.distinct else 1.0
        rest = max((other.distinct or 1.0) - len(both), 1.0)
        strangers = sum(part for value, part in other.common.items() if value not in one.common)
        part = matched + one.rest * (other.rest + strangers) / rest
        found.append(part + (alone * other.rest / beyond if (other.distinct or 0) > len(other.common) else 0.0))
    return min(found)


def like(pattern: str, *, fold: bool = False) -> Callable[[str], bool]:
    """A test for LIKE, linear in text and pattern: a pattern of many % must not cost a statement its planning time.

    >>> [like("a%b_")(text) for text in ("abc", "axxbc", "ab")]
    [True, True, False]
    """
    parts = (pattern.lower() if fold else pattern).split("%")
    pieces = [(_piece(part), len(part)) for part in parts]
    if len(pieces) == 1:
        return lambda text: pieces[0][0].fullmatch(text.lower() if fold else text) is not None
    (first, at_least), *inner, (last, length) = pieces

    def matches(text: str) -> bool:
        text = text.lower() if fold else text
        if first.match(text) is None:
            return False
        at = at_least
        for piece, size in inner:
            found = piece.search(text, at)
            if found is None:
                return False
            at = found.start() + size
        return len(text) - length >= at and last.match(text, len(text) - length) is not None

    return matches


def _piece(part: str) -> re.Pattern[str]:
    """What stands between two %: each character is itself, but for _."""
    return re.compile("".join("." if character == "_" else re.escape(character) for character in part), re.DOTALL)
