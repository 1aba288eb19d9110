"""The keys that fragments hand on: distinct values of some columns, gathered while the rows pass by."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from connectors.sqlgen.tree import Keys
from planner.plan import Fragment, SemiJoin
from watersmeet.spi import arrow_type

_FEW = 0.01
"""Of a column's values: MariaDB read 10 % of a table's rows through an index in 14 s, all of them in 1 s (TPC-H SF 1)."""


class Gathered:
    """Distinct values of columns of one fragment. One thread adds, others wait."""

    def __init__(self, most: Mapping[int, int]) -> None:
        """`most` values by column; of a column that has more nothing is kept."""
        self._most = dict(most)
        self._parts: dict[int, list[pa.Array]] = {column: [] for column in most}
        self._ended = threading.Event()
        self._complete = False

    def add(self, batch: pa.RecordBatch) -> None:
        """The next rows. Costs about 10 ns a row and column."""
        for column, most in self._most.items():
            parts = self._parts.get(column)
            if parts is None:
                continue
            parts.append(pc.unique(batch.column(column)))
            if sum(map(len, parts)) > 2 * most:
                self._parts[column] = parts = [_distinct(parts)]
                if len(parts[0]) > most:
                    del self._parts[column]

    def finish(self, *, complete: bool) -> None:
        """There are no more rows: all were added, or the fragment ended early and its keys are worth nothing."""
        self._complete = self._complete or (complete and not self._ended.is_set())
        self._ended.set()

    def wait(self, seconds: float) -> bool:
        """Wait until all rows were added; whether they were."""
        return self._ended.wait(max(0.0, seconds)) and self._complete

    def values(self, column: int) -> pa.Array | None:
        """The column's values without NULL; None if there are more than anybody wants."""
        parts = self._parts.get(column)
        if parts is None or not self._complete:
            return None
        return _distinct(parts).drop_null() if parts else pa.nulls(0, pa.int64())


def gatherers(fragments: Iterable[Fragment]) -> dict[int, Gathered]:
    """Who gathers, by fragment: those that others wait for."""
    most: dict[int, dict[int, int]] = {}
    for fragment in fragments:
        for join in fragment.semijoins:
            columns = most.setdefault(join.keys_of, {})
            columns[join.key] = max(join.most, columns.get(join.key, 0))
    return {number: Gathered(columns) for number, columns in most.items()}


def order(fragments: Sequence[Fragment]) -> dict[int, int]:
    """How long the chain of fragments is that each waits for: reads in this order never wait for a later one."""
    waits = {fragment.id: {join.keys_of for join in fragment.semijoins} for fragment in fragments}
    depth: dict[int, int] = {}

    def of(number: int) -> int:
        if number not in depth:
            depth[number] = 1 + max((of(other) for other in waits[number]), default=-1)
        return depth[number]

    for fragment in fragments:
        of(fragment.id)
    return depth


def keys(join: SemiJoin, gathered: Gathered, type_: str) -> Keys | None:
    """The keys of a semi-join for a column of an integer type; None if there are too many, or not all are known."""
    values = gathered.values(join.key)
    if values is None or len(values) > join.most:
        return None
    # Values that the column's type cannot have are nobody's match; an array of a wider type would cost an index.
    wide = pa.uint64() if pa.types.is_uint64(values.type) else pa.int64()
    lowest, highest = _bounds(wide)
    least, greatest = (pa.scalar(min(max(bound, lowest), highest), wide) for bound in _bounds(arrow_type(type_)))
    values = values.cast(wide)
    values = values.filter(pc.and_(pc.greater_equal(values, least), pc.less_equal(values, greatest)))
    ends = pc.min_max(values).as_py()
    if len(values) > 1 and ends["max"] - ends["min"] == len(values) - 1:
        return Keys("", len(values), type_, bounds=(ends["min"], ends["max"]))
    texts = pa.ListArray.from_arrays(pa.array([0, len(values)], pa.int32()), values.cast(pa.string()))
    many = len(values) > _FEW * join.values
    return Keys(pc.binary_join(texts, ",")[0].as_py(), len(values), type_, many=many)


def _bounds(type_: pa.DataType) -> tuple[int, int]:
    """The least and the greatest value of an integer type."""
    bits = type_.bit_width
    return (0, 2**bits - 1) if pa.types.is_unsigned_integer(type_) else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def _distinct(parts: Sequence[pa.Array]) -> pa.Array:
    return pc.unique(pa.chunked_array(parts))
