"""What the server's optimizer knows of columns: index cardinalities, MariaDB's column_stats, MySQL's histograms.

Read into the values of watersmeet.spi.Column. The last two are there only where somebody ran ANALYZE TABLE for them,
and MariaDB's only for users who may read the schema mysql.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from watersmeet.spi import LONGEST_SHOWN, Column

# What the first column of an index tells. Needs no privilege beside that on the table.
CARDINALITIES = """
SELECT table_schema, table_name, column_name, MAX(cardinality)
FROM information_schema.statistics
WHERE seq_in_index = 1 AND sub_part IS NULL AND table_schema IN ({schemas})
GROUP BY table_schema, table_name, column_name
"""
# MariaDB's ANALYZE TABLE … PERSISTENT; who may read it is the administrator's choice.
COLUMN_STATISTICS = """
SELECT db_name, table_name, column_name, min_value, max_value, nulls_ratio, avg_length, avg_frequency,
  CAST(hist_type AS CHAR), decode_histogram(hist_type, histogram)
FROM mysql.column_stats
WHERE db_name IN ({schemas})
"""
# MySQL's ANALYZE TABLE … UPDATE HISTOGRAM; shows the columns that the user may read.
HISTOGRAMS = """
SELECT schema_name, table_name, column_name, histogram
FROM information_schema.column_statistics
WHERE schema_name IN ({schemas})
"""

Key = tuple[str, ...]
"""(schema, table, column)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """What the last ANALYZE found of a column's values."""

    nulls: float = 0.0
    distinct: float | None = None
    frequency: float | None = None
    """Rows with the same value, on average."""
    minimum: str | None = None
    maximum: str | None = None
    width: float | None = None
    common: tuple[tuple[str, float], ...] = ()
    bounds: tuple[str, ...] = ()


@dataclass(slots=True)
class Figures:
    """Statistics of columns, as far as the server has them."""

    indexes: dict[Key, int] = field(default_factory=dict)
    """Distinct values, by an index: InnoDB looks at 20 pages of it."""
    columns: dict[Key, Values] = field(default_factory=dict)

    def known(self, table: tuple[str, str], column: Column, rows: int | None) -> Column:
        """The column with its figures. ANALYZE reads the table, so what it counted goes before an index's sample."""
        key = (*table, column.name)
        values = self.columns.get(key)
        distinct: float | None = self.indexes.get(key)
        if values is None:
            return replace(column, distinct=self.indexes.get(key), indexed=key in self.indexes)
        if values.frequency and rows:
            distinct = max(1, round(rows * (1 - values.nulls) / values.frequency))
        elif distinct is None:
            distinct = values.distinct
        return replace(
            column,
            distinct=None if distinct is None else max(1, round(distinct)),
            null_fraction=values.nulls,
            indexed=key in self.indexes,
            minimum=_shown(values.minimum, column),
            maximum=_shown(values.maximum, column),
            common=tuple((_shown(text, column) or "", part) for text, part in values.common),
            bounds=tuple(_shown(text, column) or "" for text in values.bounds),
            width=values.width,
        )


def of_mariadb(row: Sequence[Any]) -> tuple[Key, Values]:
    """A row of mysql.column_stats."""
    low, high = _text(row[3]), _text(row[4])
    values = Values(
        nulls=min(max(float(row[5] or 0.0), 0.0), 1.0),
        frequency=float(row[7]) if row[7] else None,
        minimum=low,
        maximum=high,
        width=float(row[6]) if row[6] else None,
    )
    kind, histogram = _text(row[8]) or "", _text(row[9]) or ""
    if kind == "JSON_HB":
        values = _json_buckets(values, histogram)
    elif kind.endswith("_PREC_HB") and low is not None and high is not None:
        values = replace(values, bounds=_places(low, high, histogram))
    return tuple(map(str, row[:3])), values


def of_mysql(row: Sequence[Any]) -> tuple[Key, Values]:
    """A row of information_schema.column_statistics.

    A singleton's buckets are [value, rows up to it]; an equi-height histogram's are [least, greatest, rows up to it,
    values]. Rows are parts of all rows, texts come in base64.
    """
    found = _json(row[3])
    buckets = [bucket for bucket in found.get("buckets") or () if isinstance(bucket, list)]
    nulls = float(found.get("null-values") or 0.0)
    common: list[tuple[str, float]] = []
    bounds: list[str] = []
    distinct, before = 0.0, 0.0
    for bucket in buckets:
        if len(bucket) == 2:
            upto, values = float(bucket[1]), 1.0
            common.append((_decoded(bucket[0]), upto - before))
        elif len(bucket) == 4:
            upto, values = float(bucket[2]), float(bucket[3])
            if values == 1:
                common.append((_decoded(bucket[0]), upto - before))
            else:
                bounds += [_decoded(bucket[0]), _decoded(bucket[1])][len(bounds) > 0 :]
        else:
            continue
        distinct, before = distinct + values, upto
    made = Values(nulls=nulls, distinct=distinct or None, common=tuple(common), bounds=tuple(bounds))
    return tuple(map(str, row[:3])), made


def _json_buckets(values: Values, histogram: str) -> Values:
    """MariaDB's JSON_HB: buckets of about equal size, and a bucket of its own for each value that fills one."""
    buckets = [bucket for bucket in _json(histogram).get("histogram_hb") or () if isinstance(bucket, dict)]
    common, bounds = [], []
    for bucket in buckets:
        if "start" not in bucket:
            continue
        start, size = str(bucket["start"]), float(bucket.get("size") or 0.0)
        if str(bucket.get("ndv")) == "1":
            common.append((start, size * (1 - values.nulls)))
        else:
            bounds.append(start)
    if bounds and buckets and "end" in buckets[-1]:
        bounds.append(str(buckets[-1]["end"]))
    return replace(values, common=tuple(common), bounds=tuple(bounds))


def _places(low: str, high: str, histogram: str) -> tuple[str, ...]:
    """The bounds of a histogram that has the widths of its buckets, as parts of the way from the least to the greatest.

    Numbers are themselves there, and so are dates: 1995-09-17 is 19950917. Places of texts tell too little.
    """
    try:
        widths = [float(width) for width in histogram.split(",")]
        first, last = (
            float(text.split(" ")[0].replace("-", "")) if _dated(text) else float(text) for text in (low, high)
        )
    except ValueError:
        return ()
    places, at = [first], 0.0
    for width in widths[:-1]:
        at += width
        places.append(first + at * (last - first))
    places.append(last)
    if _dated(low):
        return tuple(map(_as_date, places))
    # A place has five digits: among integers, the nearest is meant.
    whole = low.removeprefix("-").isdigit() and high.removeprefix("-").isdigit()
    return tuple(str(round(place)) if whole else repr(place) for place in places)


def _dated(text: str) -> bool:
    return len(text) >= 10 and text[4] == text[7] == "-"


def _as_date(place: float) -> str:
    """The date at 19950917; the nearest one before where there is none."""
    year, month, day = int(place // 10_000), int(place // 100 % 100), int(place % 100)
    month = min(max(month, 1), 12)
    for last in (day, 30, 29, 28):
        try:
            return date(min(max(year, 1), 9999), month, min(max(last, 1), 31)).isoformat()
        except ValueError:
            continue
    return date(min(max(year, 1), 9999), month, 28).isoformat()


def _json(text: Any) -> dict[str, Any]:
    """An object whose numbers are texts, as they were written; empty for what is none."""
    try:
        found = json.loads(_text(text) or "", parse_float=str, parse_int=str)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _decoded(value: Any) -> str:
    """A value of MySQL's JSON: 'base64:type254:QUJD' is text, anything else itself."""
    text = str(value)
    if text.startswith("base64:"):
        try:
            return base64.b64decode(text.rpartition(":")[2], validate=True).decode("utf-8", "replace")
        except (ValueError, binascii.Error):
            return text
    return text


def _text(value: Any) -> str | None:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else None if value is None else str(value)


def _shown(text: str | None, column: Column) -> str | None:
    """The server's text of a value as DuckDB's."""
    if text is not None and column.type == "BOOLEAN":
        return {"0": "false", "1": "true"}.get(text, text)
    return text if text is None else text[:LONGEST_SHOWN]
