"""The answers to GetSqlInfo: what BI tools and drivers ask to know the server and its SQL by."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple

import pyarrow as pa

import watersmeet
from server.flight.proto import flight_sql_pb2 as sql
from server.frames import LONGEST

_STRINGS = pa.list_(pa.string())
_CONVERSIONS = pa.map_(pa.int32(), pa.list_(pa.int32()))
_MEMBERS = (
    pa.field("string_value", pa.string(), nullable=False),
    pa.field("bool_value", pa.bool_(), nullable=False),
    pa.field("bigint_value", pa.int64(), nullable=False),
    pa.field("int32_bitmask", pa.int32(), nullable=False),
    pa.field("string_list", _STRINGS, nullable=False),
    pa.field("int32_to_int32_list_map", _CONVERSIONS, nullable=False),
)
"""Of the union, in the specification's order; arrow C++ marks all not null, and so the union itself."""
SCHEMA = pa.schema(
    [
        pa.field("info_name", pa.uint32(), nullable=False),
        pa.field("value", pa.dense_union(_MEMBERS), nullable=False),
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What differs between servers."""

    writable: bool = False
    """Whether a source may be changed. Whether who asks may change it, its statements will tell."""
    handle_ttl: float = 0.0
    """Seconds that a prepared statement lasts; 0: without end."""
    sql_bytes: int = 0
    """Of the longest statement; 0: without limit."""


class _Value(NamedTuple):
    member: int
    """Index in _MEMBERS. A wrong one is undefined behaviour in ODBC drivers, so every code states its own."""
    value: object


def _text(value: str) -> _Value:
    return _Value(0, value)


def _flag(value: bool) -> _Value:
    return _Value(1, value)


def _long(value: int) -> _Value:
    return _Value(2, value)


def _int(value: int) -> _Value:
    return _Value(3, value)


def _list(*values: str) -> _Value:
    return _Value(4, values)


_YES, _NO = _flag(True), _flag(False)
_UNLIMITED = _long(0)
"""No limit, or none that is known: what 0 means for every SQL_MAX_… code."""


def _bits(*positions: int) -> _Value:
    """A bitmask: the values of the specification's enumerations are positions of bits."""
    return _int(sum(1 << position for position in positions))


def _conversions() -> _Value:
    """What CAST takes to what, in the codes of SqlSupportsConvert (proto: SQL_CONVERT_BIGINT = 0 …)."""
    numbers = (0, 5, 6, 7, 12, 13, 14, 17)
    texts = (3, 11, 19)
    binaries = (1, 10, 18)
    every = tuple(range(20))
    to: dict[int, tuple[int, ...]] = {text: every for text in texts}
    to |= {number: (*numbers, 2, *texts) for number in (*numbers, 2)}
    to |= {binary: (*binaries, *texts) for binary in binaries}
    to |= {4: (4, 16, *texts), 16: (4, 15, 16, *texts), 15: (15, *texts), 8: (8, *texts), 9: (9, *texts)}
    return _Value(5, sorted((source, sorted(targets)) for source, targets in to.items()))


def values(about: About) -> dict[int, _Value]:
    """What a server answers, by code: every one of the specification."""
    return _EVERYWHERE | {
        sql.FLIGHT_SQL_SERVER_READ_ONLY: _flag(not about.writable),
        sql.FLIGHT_SQL_SERVER_BULK_INGESTION: _flag(about.writable),
        sql.FLIGHT_SQL_SERVER_STATEMENT_TIMEOUT: _int(min(int(about.handle_ttl * 1000), _INT32)),
        sql.SQL_MAX_STATEMENT_LENGTH: _long(about.sql_bytes),
    }


_INT32 = 2**31 - 1
_EVERYWHERE: dict[int, _Value] = {
    sql.FLIGHT_SQL_SERVER_NAME: _text("watersmeet"),
    sql.FLIGHT_SQL_SERVER_VERSION: _text(watersmeet.__version__),
    sql.FLIGHT_SQL_SERVER_ARROW_VERSION: _text(pa.__version__),
    sql.FLIGHT_SQL_SERVER_SQL: _YES,
    sql.FLIGHT_SQL_SERVER_SUBSTRAIT: _NO,
    sql.FLIGHT_SQL_SERVER_SUBSTRAIT_MIN_VERSION: _text(""),
    sql.FLIGHT_SQL_SERVER_SUBSTRAIT_MAX_VERSION: _text(""),
    # ADBC reads it at every connect, as an int32, and turns autocommit off only if it is not 0.
    sql.FLIGHT_SQL_SERVER_TRANSACTION: _int(0),
    sql.FLIGHT_SQL_SERVER_CANCEL: _YES,
    sql.FLIGHT_SQL_SERVER_INGEST_TRANSACTIONS_SUPPORTED: _NO,
    sql.FLIGHT_SQL_SERVER_TRANSACTION_TIMEOUT: _int(0),
    sql.SQL_DDL_CATALOG: _NO,
    sql.SQL_DDL_SCHEMA: _NO,
    sql.SQL_DDL_TABLE: _NO,
    sql.SQL_IDENTIFIER_CASE: _int(1),  # case-insensitive
    sql.SQL_IDENTIFIER_QUOTE_CHAR: _text('"'),
    sql.SQL_QUOTED_IDENTIFIER_CASE: _int(1),
    sql.SQL_ALL_TABLES_ARE_SELECTABLE: _YES,  # what may not be selected is not shown
    sql.SQL_NULL_ORDERING: _int(3),  # at the end, ascending or not
    sql.SQL_KEYWORDS: _list(
        "ANTI", "ASOF", "DESCRIBE", "EXCLUDE", "EXPLAIN", "ILIKE", "LATERAL", "LIMIT", "MACRO", "OFFSET", "PIVOT",
        "POSITIONAL", "QUALIFY", "REPLACE", "SAMPLE", "SEMI", "SHOW", "SUMMARIZE", "TRY_CAST", "UNPIVOT", "USE",
    ),
    sql.SQL_NUMERIC_FUNCTIONS: _list(
        "abs", "acos", "asin", "atan", "atan2", "ceiling", "cos", "cot", "degrees", "exp", "floor", "ln", "log", "log10",
        "mod", "pi", "power", "radians", "random", "round", "sign", "sin", "sqrt", "tan", "trunc",
    ),
    sql.SQL_STRING_FUNCTIONS: _list(
        "ascii", "chr", "concat", "left", "length", "lower", "ltrim", "position", "repeat", "replace", "right", "rtrim",
        "substring", "trim", "upper",
    ),
    sql.SQL_SYSTEM_FUNCTIONS: _list("coalesce", "current_user", "ifnull", "nullif", "version"),
    sql.SQL_DATETIME_FUNCTIONS: _list(
        "current_date", "current_time", "current_timestamp", "date_diff", "date_part", "date_trunc", "dayname", "extract",
        "hour", "minute", "month", "monthname", "now", "quarter", "second", "week", "year",
    ),
    sql.SQL_SEARCH_STRING_ESCAPE: _text("\\"),
    sql.SQL_EXTRA_NAME_CHARACTERS: _text(""),
    sql.SQL_SUPPORTS_COLUMN_ALIASING: _YES,
    sql.SQL_NULL_PLUS_NULL_IS_NULL: _YES,
    sql.SQL_SUPPORTS_CONVERT: _conversions(),
    sql.SQL_SUPPORTS_TABLE_CORRELATION_NAMES: _YES,
    sql.SQL_SUPPORTS_DIFFERENT_TABLE_CORRELATION_NAMES: _NO,
    sql.SQL_SUPPORTS_EXPRESSIONS_IN_ORDER_BY: _YES,
    sql.SQL_SUPPORTS_ORDER_BY_UNRELATED: _YES,
    sql.SQL_SUPPORTED_GROUP_BY: _bits(0, 1),
    sql.SQL_SUPPORTS_LIKE_ESCAPE_CLAUSE: _YES,
    sql.SQL_SUPPORTS_NON_NULLABLE_COLUMNS: _YES,
    sql.SQL_SUPPORTED_GRAMMAR: _bits(0, 1, 2),
    sql.SQL_ANSI92_SUPPORTED_LEVEL: _bits(0),
    sql.SQL_SUPPORTS_INTEGRITY_ENHANCEMENT_FACILITY: _NO,
    # An ordinal by the specification; who reads it, arrow-java's JDBC driver and the ODBC driver, takes it for a bitmask.
    sql.SQL_OUTER_JOINS_SUPPORT_LEVEL: _bits(1, 2),
    sql.SQL_SCHEMA_TERM: _text("schema"),
    sql.SQL_PROCEDURE_TERM: _text("procedure"),
    sql.SQL_CATALOG_TERM: _text("catalog"),
    sql.SQL_CATALOG_AT_START: _YES,
    sql.SQL_SCHEMAS_SUPPORTED_ACTIONS: _bits(),
    sql.SQL_CATALOGS_SUPPORTED_ACTIONS: _bits(),
    sql.SQL_SUPPORTED_POSITIONED_COMMANDS: _bits(),
    sql.SQL_SELECT_FOR_UPDATE_SUPPORTED: _NO,
    sql.SQL_STORED_PROCEDURES_SUPPORTED: _NO,
    sql.SQL_SUPPORTED_SUBQUERIES: _bits(0, 1, 2, 3),
    sql.SQL_CORRELATED_SUBQUERIES_SUPPORTED: _YES,
    sql.SQL_SUPPORTED_UNIONS: _bits(0, 1),
    sql.SQL_MAX_BINARY_LITERAL_LENGTH: _UNLIMITED,
    sql.SQL_MAX_CHAR_LITERAL_LENGTH: _UNLIMITED,
    sql.SQL_MAX_COLUMN_NAME_LENGTH: _UNLIMITED,
    sql.SQL_MAX_COLUMNS_IN_GROUP_BY: _UNLIMITED,
    sql.SQL_MAX_COLUMNS_IN_INDEX: _UNLIMITED,
    sql.SQL_MAX_COLUMNS_IN_ORDER_BY: _UNLIMITED,
    sql.SQL_MAX_COLUMNS_IN_SELECT: _UNLIMITED,
    sql.SQL_MAX_COLUMNS_IN_TABLE: _UNLIMITED,
    sql.SQL_MAX_CONNECTIONS: _UNLIMITED,
    sql.SQL_MAX_CURSOR_NAME_LENGTH: _UNLIMITED,
    sql.SQL_MAX_INDEX_LENGTH: _UNLIMITED,
    sql.SQL_DB_SCHEMA_NAME_LENGTH: _UNLIMITED,
    sql.SQL_MAX_PROCEDURE_NAME_LENGTH: _UNLIMITED,
    sql.SQL_MAX_CATALOG_NAME_LENGTH: _UNLIMITED,
    sql.SQL_MAX_ROW_SIZE: _long(LONGEST),
    sql.SQL_MAX_ROW_SIZE_INCLUDES_BLOBS: _YES,
    sql.SQL_MAX_STATEMENTS: _UNLIMITED,
    sql.SQL_MAX_TABLE_NAME_LENGTH: _UNLIMITED,
    sql.SQL_MAX_TABLES_IN_SELECT: _UNLIMITED,
    sql.SQL_MAX_USERNAME_LENGTH: _UNLIMITED,
    # An ordinal, for which the specification says int32 and arrow-java's JDBC driver reads a bigint.
    sql.SQL_DEFAULT_TRANSACTION_ISOLATION: _long(0),
    sql.SQL_TRANSACTIONS_SUPPORTED: _NO,
    sql.SQL_SUPPORTED_TRANSACTIONS_ISOLATION_LEVELS: _bits(0),
    sql.SQL_DATA_DEFINITION_CAUSES_TRANSACTION_COMMIT: _NO,
    sql.SQL_DATA_DEFINITIONS_IN_TRANSACTIONS_IGNORED: _NO,
    sql.SQL_SUPPORTED_RESULT_SET_TYPES: _bits(0, 1),
    sql.SQL_SUPPORTED_CONCURRENCIES_FOR_RESULT_SET_UNSPECIFIED: _bits(1),
    sql.SQL_SUPPORTED_CONCURRENCIES_FOR_RESULT_SET_FORWARD_ONLY: _bits(1),
    sql.SQL_SUPPORTED_CONCURRENCIES_FOR_RESULT_SET_SCROLL_SENSITIVE: _bits(),
    sql.SQL_SUPPORTED_CONCURRENCIES_FOR_RESULT_SET_SCROLL_INSENSITIVE: _bits(),
    sql.SQL_BATCH_UPDATES_SUPPORTED: _NO,
    sql.SQL_SAVEPOINTS_SUPPORTED: _NO,
    sql.SQL_NAMED_PARAMETERS_SUPPORTED: _NO,
    sql.SQL_LOCATORS_UPDATE_COPY: _NO,
    sql.SQL_STORED_FUNCTIONS_USING_CALL_SYNTAX_SUPPORTED: _NO,
}  # fmt: skip


def table(about: About, wanted: Collection[int] = ()) -> pa.Table:
    """The rows for some codes, or for all; codes that there are not have no row."""
    known = values(about)
    codes = sorted(code for code in (set(wanted) or known.keys()) if code in known)
    children: list[list[object]] = [[] for _ in _MEMBERS]
    members, offsets = [], []
    for code in codes:
        member, value = known[code]
        members.append(member)
        offsets.append(len(children[member]))
        children[member].append(value)
    arrays = [pa.array(child, field.type) for child, field in zip(children, _MEMBERS, strict=True)]
    # from_dense() would make all members nullable.
    buffers = [None, pa.array(members, pa.int8()).buffers()[1], pa.array(offsets, pa.int32()).buffers()[1]]
    value = pa.Array.from_buffers(SCHEMA.field("value").type, len(codes), buffers, null_count=0, children=arrays)
    return pa.Table.from_arrays([pa.array(codes, pa.uint32()), value], schema=SCHEMA)
