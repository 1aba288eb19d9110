"""The answers to the catalog commands: exact schemas, filters and order as the Flight SQL specification gives them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import pyarrow as pa

from server.flight.errors import BadRequest
from server.flight.proto.flight_sql_pb2 import CommandGetDbSchemas, CommandGetTables
from server.requests import VisibleCatalog
from server.schemas import field_metadata, serialized
from watersmeet.spi import Column, Table

CATALOGS = pa.schema([pa.field("catalog_name", pa.string(), nullable=False)])
DB_SCHEMAS = pa.schema([pa.field("catalog_name", pa.string()), pa.field("db_schema_name", pa.string(), nullable=False)])
TABLES = pa.schema(
    [
        pa.field("catalog_name", pa.string()),
        pa.field("db_schema_name", pa.string()),
        pa.field("table_name", pa.string(), nullable=False),
        pa.field("table_type", pa.string(), nullable=False),
    ]
)
TABLES_WITH_SCHEMA = TABLES.append(pa.field("table_schema", pa.binary(), nullable=False))
TABLE_TYPES = pa.schema([pa.field("table_type", pa.string(), nullable=False)])

MAX_PATTERN = 1024
"""Characters of a filter pattern: matching costs its length for each name."""
_BASE = "ARROW:FLIGHT:SQL:"


def catalogs(visible: Iterable[VisibleCatalog]) -> pa.Table:
    return _table(CATALOGS, sorted((catalog.name,) for catalog in visible))


def db_schemas(visible: Iterable[VisibleCatalog], command: CommandGetDbSchemas) -> pa.Table:
    matches = like(command.db_schema_filter_pattern if command.HasField("db_schema_filter_pattern") else "%")
    rows = [(catalog.name, schema) for catalog in visible for schema in catalog.schemas if matches(schema)]
    return _table(DB_SCHEMAS, sorted(rows))


def tables(visible: Iterable[VisibleCatalog], command: CommandGetTables) -> pa.Table:
    in_schema = like(command.db_schema_filter_pattern if command.HasField("db_schema_filter_pattern") else "%")
    named = like(command.table_name_filter_pattern if command.HasField("table_name_filter_pattern") else "%")
    # Clients write TABLE (JDBC), BASE TABLE and table (information_schema, Grafana): all mean the same here.
    types = {kind.upper().removeprefix("BASE ") for kind in command.table_types}
    found = [
        (catalog.name, table.schema, table.name, "VIEW" if table.view else "TABLE", catalog, table)
        for catalog in visible
        for table in catalog.tables
        if in_schema(table.schema) and named(table.name)
    ]
    rows = sorted((row for row in found if not types or row[3] in types), key=lambda row: row[:4])
    if not command.include_schema:
        return _table(TABLES, [row[:4] for row in rows])
    with_schemas = [(*row[:4], serialized(table_schema(*row[4:]))) for row in rows]
    return _table(TABLES_WITH_SCHEMA, with_schemas)


def table_types() -> pa.Table:
    return _table(TABLE_TYPES, [("TABLE",), ("VIEW",)])


def table_schema(catalog: VisibleCatalog, table: Table) -> pa.Schema:
    """A table as an Arrow schema, with what Flight SQL says about columns in the metadata of its fields."""
    return pa.schema([column_field(catalog, table, column) for column in table.columns])


def column_field(catalog: VisibleCatalog, table: Table, column: Column) -> pa.Field:
    """One column. REMARKS belong here only: on a query's schema they rename the columns of JDBC clients."""
    metadata = {
        # On every column: a client that finds none of them takes its own guess.
        f"{_BASE}PRECISION": str(column.length or 0),
        f"{_BASE}SCALE": "0",
        **field_metadata(column.type, catalog.name, table.schema, table.name),
        f"{_BASE}IS_AUTO_INCREMENT": "1" if column.auto_increment else "0",
        f"{_BASE}IS_READ_ONLY": "0" if catalog.writable and not table.view else "1",
        # What the specification calls what its implementations read as SCHEMA_NAME.
        f"{_BASE}DB_SCHEMA_NAME": table.schema,
        f"{_BASE}TYPE_NAME": column.native or column.type,
    }
    if column.remarks:
        metadata[f"{_BASE}REMARKS"] = column.remarks
    return pa.field(column.name, catalog.arrow[column.type], nullable=column.nullable, metadata=metadata)


def like(pattern: str) -> Callable[[str], bool]:
    """A test for SQL's LIKE with backslash as escape: `%` any characters, `_` one. Raises BadRequest.

    Not a regular expression, which would take exponential time for `%a%a%a%a…`: after a mismatch only the last `%` can
    take one character more, so the work is at most pattern times name.

    >>> like('a\\\\_b%')('a_bcd'), like('a\\\\_b%')('aXbcd'), like('_%_')('x')
    (True, False, False)
    """
    if len(pattern) > MAX_PATTERN:
        raise BadRequest(f"a filter pattern has at most {MAX_PATTERN} characters")
    tokens: list[tuple[bool, str]] = []
    """(is it special, character)."""
    characters = iter(pattern)
    for character in characters:
        if character == "\\":
            tokens.append((False, next(characters, "\\")))
        elif (character == "%") and tokens and tokens[-1] == (True, "%"):
            continue
        else:
            tokens.append((character in "%_", character))

    def matches(name: str) -> bool:
        at, token = 0, 0
        star, retry = -1, 0
        while at < len(name):
            special, character = tokens[token] if token < len(tokens) else (False, "")
            if special and character == "%":
                star, retry = token, at
                token += 1
            elif character and (special or character == name[at]):
                at, token = at + 1, token + 1
            elif star >= 0:
                retry += 1
                at, token = retry, star + 1
            else:
                return False
        return all(rest == (True, "%") for rest in tokens[token:])

    return matches


def _table(schema: pa.Schema, rows: Sequence[tuple[object, ...]]) -> pa.Table:
    columns = zip(*rows, strict=True) if rows else ([] for _ in schema)
    return pa.Table.from_arrays(
        [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)], schema=schema
    )
