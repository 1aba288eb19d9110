"""Arrow schemas of answers and parameters, with the column metadata that Flight SQL names.

Everything that announces a schema (prepare, GetFlightInfo, GetSchema, DoGet) comes through here: clients refuse answers
whose schema differs from the announced one. REMARKS is left out on purpose: the JDBC driver takes it for a column label.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping

import pyarrow as pa

from planner.plan import OutputColumn
from server.layouts import mapped, plain

ArrowType = Callable[[str], pa.DataType]
"""The Arrow type of a DuckDB type."""

_PREFIX = "ARROW:FLIGHT:SQL:"
_DIGITS = dict(
    [("TINYINT", 3), ("SMALLINT", 5), ("INTEGER", 10), ("BIGINT", 19)]
    + [("UTINYINT", 3), ("USMALLINT", 5), ("UINTEGER", 10), ("UBIGINT", 20)]
    + [("FLOAT", 24), ("DOUBLE", 53)]
)
"""Precision of the numbers that have no other; of floats in bits, as ODBC counts it."""
_WIDER = {pa.uint8(): pa.int16(), pa.uint16(): pa.int32(), pa.uint32(): pa.int64(), pa.uint64(): pa.decimal128(20, 0)}


def answer_schema(columns: Iterable[OutputColumn], arrow_type: ArrowType) -> pa.Schema:
    """The schema of an answer. Names may repeat; all fields are nullable."""
    return pa.schema(
        [
            pa.field(column.name, plain(arrow_type(column.type)), metadata=field_metadata(column.type, *_table(column)))
            for column in columns
        ]
    )


def widened(schema: pa.Schema) -> pa.Schema:
    """The schema with signed integers, or decimals, that hold all values of its unsigned ones; at any depth."""
    return pa.schema([field.with_type(mapped(field.type, lambda leaf: _WIDER.get(leaf, leaf))) for field in schema])


def parameter_schema(parameters: Iterable[tuple[str, str]], arrow_type: ArrowType) -> pa.Schema:
    """One field for each parameter, in order. One whose type is open is announced as text: drivers fail on null types."""
    return pa.schema(
        [
            pa.field(
                name, pa.string() if type_ == '"NULL"' else plain(arrow_type(type_)), metadata=field_metadata(type_)
            )
            for name, type_ in parameters
        ]
    )


def serialized(schema: pa.Schema) -> bytes:
    """A schema in the form that Flight's messages carry: an encapsulated IPC message."""
    return bytes(schema.serialize().to_pybytes())


def fingerprint(schema: pa.Schema) -> bytes:
    """What tells whether an answer still has the columns, types and metadata that were announced."""
    return hashlib.sha256(serialized(schema)).digest()


def field_metadata(type_: str, catalog: str = "", schema: str = "", table: str = "") -> Mapping[str, str]:
    """A column's metadata, for answers and for GetTables.

    >>> field_metadata("DECIMAL(12,2)")["ARROW:FLIGHT:SQL:PRECISION"]
    '12'
    """
    metadata = {"TYPE_NAME": type_, "IS_AUTO_INCREMENT": "0", "IS_READ_ONLY": "1", "IS_SEARCHABLE": "1"}
    metadata["IS_CASE_SENSITIVE"] = "1" if type_ == "VARCHAR" else "0"
    if catalog:
        metadata |= {"CATALOG_NAME": catalog, "SCHEMA_NAME": schema, "TABLE_NAME": table}
    if type_.startswith("DECIMAL("):
        precision, scale = type_[len("DECIMAL(") : -1].split(",")
        metadata |= {"PRECISION": precision.strip(), "SCALE": scale.strip()}
    elif type_ in {"HUGEINT", "UHUGEINT"}:
        metadata |= {"PRECISION": "38", "SCALE": "0"}
    elif type_ in _DIGITS:
        metadata |= {"PRECISION": str(_DIGITS[type_]), "SCALE": "0"}
    elif type_.startswith(("TIMESTAMP", "TIME")):
        metadata |= {"PRECISION": "6", "SCALE": "6"}
    return {_PREFIX + key: value for key, value in metadata.items()}


def _table(column: OutputColumn) -> tuple[str, ...]:
    return column.origin[:3] if column.origin else ()
