"""The C decoders of rows, where they were built: a server's bytes to Arrow, without the interpreter lock.

They are an addition: each connector has a way of its own without them, with the same answers and the same tests.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

try:
    from connectors.native._rows import Decoder
except ImportError:  # no compiler when it was installed
    available = False
else:
    available = True

__all__ = ["Decoder", "available", "batch", "formats"]

_FORMATS = {
    pa.bool_(): "b",
    pa.int8(): "c",
    pa.int16(): "s",
    pa.int32(): "i",
    pa.int64(): "l",
    pa.uint8(): "C",
    pa.uint16(): "S",
    pa.uint32(): "I",
    pa.uint64(): "L",
    pa.float32(): "f",
    pa.float64(): "g",
    pa.string(): "u",
    pa.binary(): "z",
    pa.date32(): "tdD",
    pa.time64("us"): "ttu",
    pa.timestamp("us"): "tsu:",
    pa.timestamp("us", "UTC"): "tsu:UTC",
    pa.month_day_nano_interval(): "tin",
}


def formats(schema: pa.Schema) -> list[str] | None:
    """What a Decoder is told of a schema: Arrow's format strings; None if it cannot make one of the types."""
    found = [_format(type_) for type_ in schema.types]
    return None if None in found else [format_ for format_ in found if format_ is not None]


def _format(type_: pa.DataType) -> str | None:
    if pa.types.is_decimal128(type_):
        return f"d:{type_.precision},{type_.scale}"
    if pa.types.is_list(type_):
        item = None if pa.types.is_list(type_.value_type) else _format(type_.value_type)
        return None if item is None else f"+l{item}"
    return _FORMATS.get(type_)


@dataclass(frozen=True, slots=True)
class _Taken:
    """Arrow's C data: what pyarrow takes over without a copy."""

    schema: pa.Schema
    array: object

    def __arrow_c_array__(self, requested_schema: object = None) -> Sequence[object]:
        return self.schema.__arrow_c_schema__(), self.array


def batch(decoder: Decoder, schema: pa.Schema) -> pa.RecordBatch:
    """The decoder's rows so far; it is empty afterwards."""
    return pa.record_batch(_Taken(schema, decoder.take()))
