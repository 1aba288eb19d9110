"""The answer to GetXdbcTypeInfo: the types that a cast can name here, in the words of JDBC and ODBC."""

from __future__ import annotations

import pyarrow as pa

from server.flight.proto import flight_sql_pb2 as sql

SCHEMA = pa.schema(
    [
        pa.field("type_name", pa.string(), nullable=False),
        pa.field("data_type", pa.int32(), nullable=False),
        pa.field("column_size", pa.int32()),
        pa.field("literal_prefix", pa.string()),
        pa.field("literal_suffix", pa.string()),
        pa.field("create_params", pa.list_(pa.field("item", pa.string(), nullable=False))),
        pa.field("nullable", pa.int32(), nullable=False),
        pa.field("case_sensitive", pa.bool_(), nullable=False),
        pa.field("searchable", pa.int32(), nullable=False),
        pa.field("unsigned_attribute", pa.bool_()),
        pa.field("fixed_prec_scale", pa.bool_(), nullable=False),
        pa.field("auto_increment", pa.bool_()),
        pa.field("local_type_name", pa.string()),
        pa.field("minimum_scale", pa.int32()),
        pa.field("maximum_scale", pa.int32()),
        pa.field("sql_data_type", pa.int32(), nullable=False),
        pa.field("datetime_subcode", pa.int32()),
        pa.field("num_prec_radix", pa.int32()),
        pa.field("interval_precision", pa.int32()),
    ]
)


def table(command: sql.CommandGetXdbcTypeInfo) -> pa.Table:
    """All types, or those with one data_type."""
    wanted = command.data_type if command.HasField("data_type") else None
    rows = [row for row in TYPES if wanted is None or row["data_type"] == wanted]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def _type(name: str, code: int, **more: object) -> dict[str, object]:
    row: dict[str, object] = dict.fromkeys(SCHEMA.names)
    row |= {
        "type_name": name,
        "data_type": code,
        "nullable": sql.NULLABILITY_NULLABLE,
        "case_sensitive": False,
        "searchable": sql.SEARCHABLE_BASIC,
        "fixed_prec_scale": False,
        "sql_data_type": code,
    }
    return row | more


def _integer(name: str, code: int, digits: int) -> dict[str, object]:
    number = {"num_prec_radix": 10, "minimum_scale": 0, "maximum_scale": 0, "auto_increment": False}
    return _type(name, code, column_size=digits, unsigned_attribute=name.startswith("U"), **number)


def _float(name: str, code: int, bits: int) -> dict[str, object]:
    return _type(name, code, column_size=bits, num_prec_radix=2, unsigned_attribute=False, auto_increment=False)


def _text(name: str, size: int | None = None) -> dict[str, object]:
    """What arrives as utf8."""
    whole = {"case_sensitive": True, "searchable": sql.SEARCHABLE_FULL}
    return _type(name, sql.XDBC_VARCHAR, column_size=size, literal_prefix="'", literal_suffix="'", **whole)


def _moment(name: str, code: int, characters: int, subcode: int, digits: int | None) -> dict[str, object]:
    """A type of dates or times: the length of its text, and the digits of its seconds."""
    return _type(
        name,
        code,
        column_size=characters,
        literal_prefix=f"{name} '",
        literal_suffix="'",
        minimum_scale=digits,
        maximum_scale=digits,
        sql_data_type=sql.XDBC_DATETIME,
        datetime_subcode=subcode,
    )


_STAMP, _ZONED = sql.XDBC_SUBCODE_TIMESTAMP, sql.XDBC_SUBCODE_TIMESTAMP_WITH_TIMEZONE

TYPES = sorted(
    (
        _type("BOOLEAN", sql.XDBC_BIT, column_size=1),
        _integer("TINYINT", sql.XDBC_TINYINT, 3),
        _integer("UTINYINT", sql.XDBC_TINYINT, 3),
        _integer("SMALLINT", sql.XDBC_SMALLINT, 5),
        _integer("USMALLINT", sql.XDBC_SMALLINT, 5),
        _integer("INTEGER", sql.XDBC_INTEGER, 10),
        _integer("UINTEGER", sql.XDBC_INTEGER, 10),
        _integer("BIGINT", sql.XDBC_BIGINT, 19),
        _integer("UBIGINT", sql.XDBC_BIGINT, 20),
        # Both arrive as decimal128(38, 0): a larger value is an error.
        _integer("HUGEINT", sql.XDBC_NUMERIC, 38),
        _integer("UHUGEINT", sql.XDBC_NUMERIC, 38),
        _float("FLOAT", sql.XDBC_REAL, 24),
        _float("DOUBLE", sql.XDBC_DOUBLE, 53),
        _type(
            "DECIMAL",
            sql.XDBC_DECIMAL,
            column_size=38,
            create_params=["precision", "scale"],
            unsigned_attribute=False,
            auto_increment=False,
            minimum_scale=0,
            maximum_scale=38,
            num_prec_radix=10,
        ),
        _text("VARCHAR"),
        _text("JSON"),
        _text("UUID", 36),
        _type("BLOB", sql.XDBC_VARBINARY, literal_prefix="'", literal_suffix="'::BLOB"),
        _moment("DATE", sql.XDBC_DATE, 10, sql.XDBC_SUBCODE_DATE, None),
        _moment("TIME", sql.XDBC_TIME, 15, sql.XDBC_SUBCODE_TIME, 6),
        _moment("TIMESTAMP", sql.XDBC_TIMESTAMP, 26, _STAMP, 6),
        _moment("TIMESTAMP_S", sql.XDBC_TIMESTAMP, 19, _STAMP, 0),
        _moment("TIMESTAMP_MS", sql.XDBC_TIMESTAMP, 23, _STAMP, 3),
        _moment("TIMESTAMP_NS", sql.XDBC_TIMESTAMP, 29, _STAMP, 9),
        _moment("TIMESTAMP WITH TIME ZONE", sql.XDBC_TIMESTAMP, 32, _ZONED, 6),
        _type(
            "INTERVAL",
            sql.XDBC_INTERVAL,
            literal_prefix="INTERVAL '",
            literal_suffix="'",
            datetime_subcode=sql.XDBC_SUBCODE_UNKNOWN,  # months, days and microseconds in one: none of the subcodes
        ),
    ),
    key=lambda row: (row["data_type"], row["type_name"]),
)
"""By data_type and name. Lists, structs and maps have no code, and no name without their elements'."""
