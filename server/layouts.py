"""Arrow's newer and larger layouts as the ones that every client reads: types when they are announced, arrays when sent.

A stream of frames has no dictionary batches, and few clients know views, run ends or decimals of 32 bits. The engine and
the connectors make few of these; one setting, or a next version, makes them all.
"""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc

_SAME: tuple[tuple[Callable[[pa.DataType], bool], pa.DataType], ...] = (
    (pa.types.is_string_view, pa.string()),
    (pa.types.is_large_string, pa.string()),
    (pa.types.is_binary_view, pa.binary()),
    (pa.types.is_large_binary, pa.binary()),
)


def plain(type_: pa.DataType) -> pa.DataType:
    """The type in plain layouts, at any depth: the engine's ENUM, a dictionary, is text to clients.

    >>> plain(pa.list_view(pa.dictionary(pa.int8(), pa.string_view())))
    ListType(list<item: string>)
    """
    return mapped(type_, _leaf)


def mapped(type_: pa.DataType, leaf: Callable[[pa.DataType], pa.DataType]) -> pa.DataType:
    """The type with every type in it that holds no other replaced; lists of any layout become plain ones."""

    def field(of: pa.Field) -> pa.Field:
        return of.with_type(mapped(of.type, leaf))

    if _is_list(type_):
        return pa.list_(field(type_.value_field))
    if pa.types.is_fixed_size_list(type_):
        # Without the name that the engine gives the element: pickle (pyarrow 26) would lose it, and a schema that came
        # from a worker would not be the one that the worker means.
        return pa.list_(mapped(type_.value_type, leaf), type_.list_size)
    if pa.types.is_map(type_):
        return pa.map_(field(type_.key_field), field(type_.item_field))
    if pa.types.is_struct(type_):
        return pa.struct([field(member) for member in type_])
    return leaf(type_)


def laid_out(array: pa.Array, type_: pa.DataType) -> pa.Array:
    """The array with a type of plain layouts. Raises ArrowException for a value that does not fit.

    Not by `cast` alone: from list views it makes lists that are invalid, and run ends it does not know (pyarrow 26).
    """
    of = array.type
    if of == type_:
        return array
    if pa.types.is_dictionary(of):
        values = laid_out(array.dictionary, plain(array.dictionary.type))
        return laid_out(pa.DictionaryArray.from_arrays(array.indices, values).dictionary_decode(), type_)
    if pa.types.is_run_end_encoded(of):
        return laid_out(pc.run_end_decode(array), type_)
    if _is_list(of) and pa.types.is_list(type_):
        lengths = pc.fill_null(pc.list_value_length(array), 0)
        ends = pc.cumulative_sum(lengths.cast(pa.int32()))
        offsets = pa.concat_arrays([pa.array([0], pa.int32()), ends])
        values = laid_out(array.flatten(), type_.value_type)
        return pa.ListArray.from_arrays(offsets, values, type=type_, mask=array.is_null())
    if pa.types.is_struct(of) and pa.types.is_struct(type_) and of.num_fields == type_.num_fields:
        children = [laid_out(child, field.type) for child, field in zip(array.flatten(), type_, strict=True)]
        return pa.StructArray.from_arrays(children, fields=list(type_), mask=array.is_null())
    return array.cast(type_)


def _is_list(type_: pa.DataType) -> bool:
    return bool(
        pa.types.is_list(type_)
        or pa.types.is_large_list(type_)
        or pa.types.is_list_view(type_)
        or pa.types.is_large_list_view(type_)
    )


def _leaf(type_: pa.DataType) -> pa.DataType:
    if pa.types.is_dictionary(type_) or pa.types.is_run_end_encoded(type_):
        return plain(type_.value_type)
    if pa.types.is_decimal32(type_) or pa.types.is_decimal64(type_):
        return pa.decimal128(type_.precision, type_.scale)
    return next((same for is_it, same in _SAME if is_it(type_)), type_)
