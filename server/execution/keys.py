"""The keys that fragments hand on: distinct values of some columns, gathered while the rows pass by; and what a fragment
that waited for them is restricted by.

Everything said here may let too many rows through, never too few: the join that the keys are for is still to come.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from connectors.sqlgen.dialect import family
from connectors.sqlgen.tree import Constant, Expr, Keys, boolean
from planner.distributions import key_of
from planner.plan import Fragment, SemiJoin
from planner.semijoins import closer, output, overlap
from watersmeet.spi import arrow_type

Columns = tuple[int, ...]
"""Of a fragment's output: their values are keys together."""

_FEW = 0.01
"""Of a column's values: MariaDB read 10 % of a table's rows through an index in 14 s, all of them in 1 s (TPC-H SF 1)."""
_CUTS = 0.9
"""Of a column's range: a range of keys that is wider is not worth saying."""
_BYTES = 64 << 20
"""Memory that keys of some columns take at most."""
_FALSE = Constant("false", "BOOLEAN")


class Gathered:
    """Distinct values of columns of one fragment. One thread adds at a time, others wait."""

    def __init__(self, most: Mapping[Columns, int]) -> None:
        """`most` values by columns; of more nothing is kept, but for a single column the least and the greatest."""
        self._sets = {columns: _Distinct(columns, count) for columns, count in most.items()}
        self._ended = threading.Event()
        self._complete = False

    def add(self, batch: pa.RecordBatch) -> None:
        """The next rows. Costs about 10 ns a row and column, 100 where several are keys together."""
        for distinct in self._sets.values():
            distinct.add(batch)

    def finish(self, *, complete: bool) -> None:
        """There are no more rows: all were added, or the fragment ended early and its keys are worth nothing."""
        self._complete = self._complete or (complete and not self._ended.is_set())
        self._ended.set()

    def wait(self, seconds: float) -> bool:
        """Wait until all rows were added; whether they were."""
        return self._ended.wait(max(0.0, seconds)) and self._complete

    def values(self, columns: Columns) -> list[pa.Array] | None:
        """The values that the columns have together, without NULL; None if there are more than anybody wants."""
        return self._sets[columns].values() if self._complete else None

    def ends(self, column: int) -> pa.Array | None:
        """The least and the greatest value of a column; None where it has none, or no order that all sources share."""
        return self._sets[column,].ends if self._complete else None


class _Distinct:
    """The distinct values that columns have together."""

    def __init__(self, columns: Columns, most: int) -> None:
        self._columns = columns
        self._most = most
        self._parts: list[pa.RecordBatch] | None = []
        """None: there were too many."""
        self.ends: pa.Array | None = None
        """Of a single column, where its values have an order that all sources share."""

    def add(self, batch: pa.RecordBatch) -> None:
        kept = batch.select(list(self._columns))
        if len(self._columns) == 1 and _ordered(kept.schema.types[0]):
            known = [] if self.ends is None else [self.ends]
            self.ends = _ends(pa.chunked_array([kept.column(0), *known]))
        if self._parts is None:
            return
        self._parts.append(_distinct([kept]))
        if self._full(2 * self._most):
            self._parts = [_distinct(self._parts)]
            if self._full(self._most):
                self._parts = None

    def values(self) -> list[pa.Array] | None:
        if self._parts is None:
            return None
        if not self._parts:
            return [pa.nulls(0, pa.int64()) for _ in self._columns]
        found: list[pa.Array] = _distinct(self._parts).drop_null().columns
        return found

    def _full(self, most: int) -> bool:
        assert self._parts is not None
        return sum(map(len, self._parts)) > most or sum(part.nbytes for part in self._parts) > _BYTES


@dataclass(frozen=True, slots=True)
class Restriction:
    """What the keys of other fragments say of a fragment's rows."""

    columns: Columns
    conditions: tuple[Expr, ...]
    """On the fragment's output, as planner.semijoins.output names it."""
    count: int
    """How many keys they are."""
    share: float
    """Estimated part of the fragment's rows that they let through."""


def gatherers(fragments: Iterable[Fragment]) -> dict[int, Gathered]:
    """Who gathers, by fragment: those that others wait for."""
    most: dict[int, dict[Columns, int]] = {}
    for fragment in fragments:
        for join in fragment.semijoins:
            known = most.setdefault(join.keys_of, {})
            known[join.keys] = max(join.most, known.get(join.keys, 0))
    return {number: Gathered(known) for number, known in most.items()}


def before(fragments: Sequence[Fragment]) -> dict[int, frozenset[int]]:
    """All fragments that each waits for, also for others' sake: reads with fewer of them never wait for one with more."""
    waits = {fragment.id: {join.keys_of for join in fragment.semijoins} for fragment in fragments}
    known: dict[int, frozenset[int]] = {}

    def of(number: int) -> frozenset[int]:
        if number not in known:
            known[number] = frozenset(waits[number]).union(*map(of, waits[number]))
        return known[number]

    for fragment in fragments:
        of(fragment.id)
    return known


def restrictions(fragment: Fragment, waits: Mapping[int, Gathered], seconds: float) -> list[Restriction]:
    """What restricts a fragment, by the keys that came within some seconds: for each column the keys that let the
    fewest rows through, and keys of several columns instead of them where these let fewer through."""
    until = time.monotonic() + seconds
    types = [column.type for column in fragment.read.columns]
    found: dict[Columns, Restriction] = {}
    for join in fragment.semijoins:
        gathered = waits[join.keys_of]
        gathered.wait(until - time.monotonic())
        known = restriction(join, gathered, [types[column] for column in join.columns])
        if known is not None and (join.columns not in found or known.share < found[join.columns].share):
            found[join.columns] = known
    for columns in sorted((columns for columns in found if len(columns) > 1), key=lambda them: found[them].share):
        alone = [(column,) for column in columns if (column,) in found]
        if columns in found and closer(found[columns].share, math.prod(found[column].share for column in alone)):
            for column in alone:
                del found[column]
        else:
            del found[columns]
    return list(found.values())


def restriction(join: SemiJoin, gathered: Gathered, types: Sequence[str]) -> Restriction | None:
    """What the keys of one semi-join say of columns of these types; None if they are too many, or not all are known."""
    values = gathered.values(join.keys)
    if values is not None:
        values = _fitting(values, types)
    if len(types) == 1:
        return _of_one(join, values[0] if values else None, gathered.ends(join.keys[0]), types[0])
    if values is not None and not len(values[0]):
        return Restriction(join.columns, (_FALSE,), 0, 0.0)
    listed = _listed(join, values, types)
    if values is None or listed is None:
        return None
    return Restriction(join.columns, (listed,), len(values[0]), len(values[0]) / join.values)


def _of_one(join: SemiJoin, values: pa.Array | None, ends: pa.Array | None, type_: str) -> Restriction | None:
    """As a list, a range, or both; as a range alone where the keys are too many, or all the numbers between its ends."""
    if family(type_) == "int" and ends is not None:
        ends = _clamped(ends, type_) if values is None else _ends(values)
    if values is not None and not len(values):
        return Restriction(join.columns, (_FALSE,), 0, 0.0)
    between = None if ends is None else _between(join, ends, type_)
    if values is not None and between is not None and _dense(values, ends):
        return replace(between, count=len(values), share=len(values) / join.values)
    if between is not None and between.share > _CUTS:
        between = None
    listed = _listed(join, None if values is None else [values], [type_])
    if values is None or listed is None:
        return between
    share = len(values) / join.values
    beside = between.conditions if between is not None and share > _FEW else ()
    return Restriction(join.columns, (*beside, listed), len(values), share)


def _listed(join: SemiJoin, values: Sequence[pa.Array] | None, types: Sequence[str]) -> Expr | None:
    """That columns have one of the keys together; None where these are too many, or no source is to be told them."""
    if values is None or len(values[0]) > join.most:
        return None
    texts = tuple(text for array in values if (text := _text(array)) is not None)
    if len(texts) < len(values):
        return None
    columns = map(output, join.columns, types)
    return boolean("in keys", *columns, Keys(texts, many=len(values[0]) > _FEW * join.values))


def _between(join: SemiJoin, ends: pa.Array, type_: str) -> Restriction | None:
    """That a column lies between the keys' ends, which are then all the keys that are told."""
    text, kind = _text(ends), _type(ends.type, type_)
    if text is None:
        return None
    least, greatest = text.split("\0")
    condition = boolean("between", output(join.columns[0], type_), Constant(least, kind), Constant(greatest, kind))
    low, high = key_of(least, kind), key_of(greatest, kind)
    share = 1.0 if join.span is None or low is None or high is None else overlap(join.span, (low, high))
    return Restriction(join.columns, (condition,), 2, share)


def _text(values: pa.Array) -> str | None:
    """Values in DuckDB's VARCHAR form with NUL between; None for what not all sources read alike."""
    texts = values.cast(pa.string())
    if pa.types.is_temporal(values.type) and not _common_years(texts):
        return None
    joined: str = pc.binary_join(pa.ListArray.from_arrays(pa.array([0, len(texts)], pa.int32()), texts), "\0")[
        0
    ].as_py()
    if pa.types.is_timestamp(values.type):
        joined = joined.replace("Z", "+00")
    if pa.types.is_decimal(values.type) and "E" in joined:
        return None
    return joined if joined.count("\0") == max(len(texts) - 1, 0) else None


def _common_years(texts: pa.Array) -> bool:
    """Whether dates are of the years 1 to 9999: others each source writes its own way, or has none of them."""
    lengths = pc.min_max(pc.utf8_length(texts))
    return not len(texts) or bool(pc.min(texts).as_py() >= "0001" and lengths["min"] == lengths["max"])


def _type(keys: pa.DataType, column: str) -> str:
    """The DuckDB type of keys that meet a column."""
    if pa.types.is_decimal(keys):
        return f"DECIMAL({keys.precision},{keys.scale})"
    if pa.types.is_integer(keys) and family(column) != "int":
        return "UBIGINT" if pa.types.is_uint64(keys) else "BIGINT"
    return column


def _fitting(values: list[pa.Array], types: Sequence[str]) -> list[pa.Array]:
    """The keys whose integers the columns' types can have: others are nobody's match, and would be an error in an array
    of the column's type, and cost an index in one of a wider type."""
    for column, type_ in enumerate(types):
        keys = values[column]
        if family(type_) == "int" and pa.types.is_integer(keys.type):
            least, greatest = (pa.scalar(bound, keys.type) for bound in _shared(keys.type, type_))
            fit = pc.and_(pc.greater_equal(keys, least), pc.less_equal(keys, greatest))
            values = [other.filter(fit) for other in values]
    return values


def _clamped(ends: pa.Array, type_: str) -> pa.Array:
    """The ends of integers, moved to the nearest that a type can have."""
    least, greatest = _shared(ends.type, type_)
    return pa.array([min(max(end, least), greatest) for end in ends.to_pylist()], ends.type)


def _shared(keys: pa.DataType, type_: str) -> tuple[int, int]:
    """The least and the greatest value that two types of integers both have."""
    both = (keys, arrow_type(type_))
    signed = [0 if pa.types.is_unsigned_integer(kind) else 1 for kind in both]
    lows = (-(2 ** (kind.bit_width - 1)) * sign for kind, sign in zip(both, signed, strict=True))
    highs = (2 ** (kind.bit_width - sign) - 1 for kind, sign in zip(both, signed, strict=True))
    return max(lows), min(highs)


def _dense(values: pa.Array, ends: pa.Array) -> bool:
    """Whether several keys are all the numbers between their ends."""
    whole = pa.types.is_integer(values.type) and len(values) > 1
    return whole and ends[1].as_py() - ends[0].as_py() == len(values) - 1


def _ordered(type_: pa.DataType) -> bool:
    """Whether all sources sort the values of a type alike, and none of them is no number."""
    kinds = (pa.types.is_integer, pa.types.is_decimal, pa.types.is_date, pa.types.is_timestamp)
    return any(kind(type_) for kind in kinds)


def _ends(values: pa.Array | pa.ChunkedArray) -> pa.Array | None:
    """The least and the greatest of some values; None if there are none."""
    found = pc.min_max(values)
    return pa.array([found["min"], found["max"]]) if found["min"].is_valid else None


def _distinct(parts: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    """The different rows of some batches."""
    if parts[0].num_columns == 1:
        return pa.record_batch([pc.unique(pa.chunked_array([part.column(0) for part in parts]))], parts[0].schema.names)
    table = pa.Table.from_batches(parts).group_by(parts[0].schema.names, use_threads=False).aggregate([])
    return table.combine_chunks().to_batches()[0] if table.num_rows else parts[0].slice(0, 0)
