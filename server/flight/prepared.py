"""Prepared statements without state: the handle is the statement.

A handle holds the SQL and its session, a bind answers with a new handle that holds the values as well, and closing one
does nothing. So any replica serves any handle, and ADBC (which chains handles) and JDBC (which binds the first one
again and again) both work.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pyarrow as pa

from server.flight.decode import decode
from server.flight.errors import BadParameters, TooLarge
from server.flight.proto.flight_pb2 import FlightData

MAX_PARAMETERS = 1024 * 1024
"""Bytes of a handle's values, in the client's frames and in ours: they travel with every call."""
MAX_ROWS = 64 * 1024 * 1024
"""Bytes of the rows that come with a change, which is run for each: they travel once."""


def for_clients(parameters: pa.Schema) -> pa.Schema:
    """The parameters as clients are told them: times and timestamps in milliseconds.

    The JDBC driver (18.3) writes milliseconds into a vector of whatever unit it is told, so that microseconds would make
    1970 of 2024 in silence (apache/arrow-java issue 838). Who has finer values sends them in a unit of their own.

    >>> for_clients(pa.schema([("1", pa.timestamp("us", "UTC"))])).types
    [TimestampType(timestamp[ms, tz=UTC])]
    """
    fields = []
    for field in parameters:
        if pa.types.is_timestamp(field.type):
            field = field.with_type(pa.timestamp("ms", field.type.tz))
        elif pa.types.is_time(field.type):
            field = field.with_type(pa.time32("ms"))
        fields.append(field)
    return pa.schema(fields, parameters.metadata)


def bind(announced: pa.Schema, frames: Iterable[FlightData]) -> bytes | None:
    """The values that a client sends for the announced parameters, as an IPC stream of one row; None without any.

    Values are bound by position. Raises BadParameters, which names the parameter, TooLarge and BadRequest.
    """
    table = decode(_capped(frames, MAX_PARAMETERS))
    _check_count(announced, table)
    if table.num_columns == 0:
        return None
    if table.num_rows != 1:
        raise BadParameters(f"one row of parameters is expected, {table.num_rows} came: execute once for each row")
    row = table.combine_chunks()
    arrays = [_fitted(row.column(i).chunk(0), field) for i, field in enumerate(announced)]
    values = _stream(pa.Table.from_arrays(arrays, names=announced.names))
    if len(values) > MAX_PARAMETERS:
        raise _too_large(MAX_PARAMETERS)
    return values


def rows(announced: pa.Schema, frames: Iterable[FlightData]) -> bytes | None:
    """The rows of values that come with a change, as an IPC stream; None if no column comes.

    Raises BadParameters, TooLarge and BadRequest.
    """
    taken = list(_capped(frames, MAX_ROWS))
    if not any(frame.data_header for frame in taken):
        return None
    table = decode(taken)
    if table.num_columns == 0:
        return None
    _check_count(announced, table)
    return _stream(table)


def require_bound(announced: pa.Schema, values: bytes | None) -> None:
    """Refuse to run a statement whose parameters have no values. Raises BadParameters."""
    if values is None and len(announced):
        raise BadParameters(
            f"the statement has {_count(announced)}, no values came: bind {_name(announced.field(0))} first"
        )


def _check_count(announced: pa.Schema, table: pa.Table) -> None:
    if table.num_columns != len(announced):
        raise BadParameters(f"the statement has {_count(announced)}, {table.num_columns} came")


def _capped(frames: Iterable[FlightData], most: int) -> Iterator[FlightData]:
    size = 0
    for frame in frames:
        size += len(frame.data_header) + len(frame.data_body)
        if size > most:
            raise _too_large(most)
        yield frame


def _stream(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue().to_pybytes())


def _fitted(value: pa.Array, field: pa.Field) -> pa.Array:
    """A value as the announced type where nothing is lost by that: Python's DBAPI sends an int64 for every int.

    A number that has no place in the announced type keeps its own, and so does anything bound to a text: the statement
    is then planned for that type, as it is for a literal (`id < 3000000000` is no error). JDBC sends what was announced.
    """
    if pa.types.is_dictionary(value.type):
        value = value.dictionary_decode()
    if value.null_count:
        return pa.nulls(1, field.type)
    value = _plain(value)
    source, target = value.type, field.type
    if source.equals(target) or (pa.types.is_string(target) and not pa.types.is_nested(source)):
        return value
    if not any(kind(source) and kind(target) for kind in _FAMILIES):
        raise BadParameters(f"{_name(field)} is {target}, the value is {source}: send {target}, or cast it in the SQL")
    try:
        # Arrow wants room for all digits of an integer's type, not of its value, when it becomes a decimal.
        wide = (
            pa.decimal128(38, target.scale) if pa.types.is_decimal(target) and pa.types.is_integer(source) else source
        )
        fitted = value.cast(wide).cast(target)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        fitted = None
    if _number(source):
        # Python compares int, float and Decimal exactly.
        return fitted if fitted is not None and fitted[0].as_py() == value[0].as_py() else value
    if fitted is None:
        raise BadParameters(f"{_name(field)} is {target}, and the value does not fit: cast it in the SQL")
    return fitted


def _plain(value: pa.Array) -> pa.Array:
    """The layouts that everybody reads for the newer and larger ones."""
    if pa.types.is_large_string(value.type) or pa.types.is_string_view(value.type):
        return value.cast(pa.string())
    if (
        pa.types.is_large_binary(value.type)
        or pa.types.is_binary_view(value.type)
        or pa.types.is_fixed_size_binary(value.type)
    ):
        return value.cast(pa.binary())
    return value


def _number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _moment(kind: pa.DataType) -> bool:
    return bool(pa.types.is_timestamp(kind) or pa.types.is_date(kind))


_FAMILIES = (_number, _moment, pa.types.is_time, pa.types.is_nested, pa.types.is_interval)


def _name(field: pa.Field) -> str:
    return f"parameter {field.name}"


def _count(announced: pa.Schema) -> str:
    return f"{len(announced)} parameter{'' if len(announced) == 1 else 's'}"


def _too_large(most: int) -> TooLarge:
    return TooLarge(f"the parameters take more than {most} bytes: send fewer at once, or ingest them as a table")
