"""DuckDB's column types at the border: which pass, and which are read as text or as DECIMAL(38,0).

The rule follows the type tree, so that STRUCT(id UUID, n HUGEINT)[] is read as STRUCT(id VARCHAR, n DECIMAL(38,0))[].
"""

from __future__ import annotations

from typing import Any

import duckdb
import pyarrow as pa

from watersmeet import spi

_PASS = frozenset(
    {
        *("BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"),
        *("FLOAT", "DOUBLE", "VARCHAR", "BLOB", "DATE", "TIME", "INTERVAL", '"NULL"'),
        *("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE"),
    }
)
"""Types whose Arrow form holds every value."""
WIDE = frozenset({"HUGEINT", "UHUGEINT"})
"""Exported as decimal128(38,0) without a check: 39 digits make an invalid array, UHUGEINT's maximum becomes -1 (2.0.0)."""


def announced(type_: Any) -> str:
    """The type that a column of this DuckDBPyType is announced and read as.

    What has no exact Arrow form of its own (ENUM, UNION, UUID, JSON, BIT, BIGNUM, TIME WITH TIME ZONE, whose export
    drops the zone) is VARCHAR in DuckDB's own text.

    >>> con = duckdb.connect()
    >>> announced(con.sqltype("HUGEINT")), announced(con.sqltype("STRUCT(id UUID, n INTEGER)[]"))
    ('DECIMAL(38,0)', 'STRUCT("id" VARCHAR, "n" INTEGER)[]')
    """
    text = str(type_)
    if text in _PASS:
        return text
    if text in WIDE:
        return "DECIMAL(38,0)"
    children = dict(type_.children) if type_.id in {"decimal", "list", "array", "struct", "map"} else {}
    match type_.id:
        case "decimal":
            return f"DECIMAL({children['precision']},{children['scale']})"
        case "list":
            return f"{announced(children['child'])}[]"
        case "array":
            return f"{announced(children['child'])}[{children['size']}]"
        case "struct":
            return f"STRUCT({', '.join(f'{_quoted(name)} {announced(child)}' for name, child in type_.children)})"
        case "map":
            return f"MAP({announced(children['key'])}, {announced(children['value'])})"
    return "VARCHAR"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def arrow_types(con: duckdb.DuckDBPyConnection, types: list[str]) -> list[pa.DataType]:
    """The Arrow types of announced types: the settled ones, and DuckDB's own for structs, maps and fixed-size arrays."""
    found = []
    for type_ in types:
        try:
            found.append(spi.arrow_type(type_))
        except KeyError:
            found.append(con.sql(f"SELECT CAST(NULL AS {type_}) AS c").to_arrow_table().schema.field(0).type)
    return found
