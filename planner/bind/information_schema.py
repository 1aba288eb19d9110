"""information_schema of every catalog: rows made from the sources' catalogs, as standard SQL names them.

`information_schema.tables` shows all catalogs, `sales.information_schema.tables` that one. The rows stand in the local
query as one JSON text, since a catalog may have tens of thousands of columns: as VALUES, 36,000 took the engine 8 s and
1.6 GB, and as JSON 0.9 s and 0.2. What a principal may not see is not among the sources that planning is given.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping

from connectors.sqlgen.tree import Constant, Input, OpaqueQuery, Select
from planner.bind.tables import named_source
from planner.errors import UnknownName
from planner.plan import SourceInfo
from watersmeet.spi import Table

Row = tuple[str | int | None, ...]

SCHEMA = "information_schema"
_TEXT, _NUMBER = "VARCHAR", "INTEGER"

_COLUMNS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "schemata": (("catalog_name", _TEXT), ("schema_name", _TEXT)),
    "tables": (
        ("table_catalog", _TEXT),
        ("table_schema", _TEXT),
        ("table_name", _TEXT),
        ("table_type", _TEXT),
        ("table_comment", _TEXT),
    ),
    "columns": (
        ("table_catalog", _TEXT),
        ("table_schema", _TEXT),
        ("table_name", _TEXT),
        ("column_name", _TEXT),
        ("ordinal_position", _NUMBER),
        ("is_nullable", _TEXT),
        ("data_type", _TEXT),
        ("source_type", _TEXT),
        ("column_comment", _TEXT),
    ),
    "table_constraints": (
        ("constraint_name", _TEXT),
        ("table_catalog", _TEXT),
        ("table_schema", _TEXT),
        ("table_name", _TEXT),
        ("constraint_type", _TEXT),
    ),
    "key_column_usage": (
        ("constraint_name", _TEXT),
        ("table_catalog", _TEXT),
        ("table_schema", _TEXT),
        ("table_name", _TEXT),
        ("column_name", _TEXT),
        ("ordinal_position", _NUMBER),
        ("referenced_table_schema", _TEXT),
        ("referenced_table_name", _TEXT),
        ("referenced_column_name", _TEXT),
    ),
}


def is_information_schema(path: tuple[str, ...]) -> bool:
    """Whether a table name means one of these views."""
    return len(path) in (2, 3) and path[-2].lower() == SCHEMA


def view(path: tuple[str, ...], sources: Mapping[str, SourceInfo]) -> tuple[OpaqueQuery, tuple[str, ...]]:
    """The view's rows and column names. Raises UnknownName."""
    name = path[-1].lower()
    if name not in _COLUMNS:
        raise UnknownName(f"{SCHEMA} has the views {', '.join(_COLUMNS)}, not {path[-1]}")
    chosen = sorted(sources.values(), key=lambda source: source.name)
    if len(path) == 3:
        source = named_source(path[0], sources)
        if source is None:
            raise UnknownName(f"catalog {path[0]} does not exist; there are {', '.join(sorted(sources))}")
        chosen = [source]
    columns = _COLUMNS[name]
    rows = json.dumps([row for source in chosen for row in _ROWS[name](source)], ensure_ascii=False)
    items = ", ".join(f"CAST(r[{i}] AS {type_})" for i, (_, type_) in enumerate(columns, 1))
    text = f"SELECT {items} FROM (SELECT unnest(from_json(rows, '[[\"VARCHAR\"]]')) AS r FROM {SCHEMA}_{name})"
    given = Input(f"{SCHEMA}_{name}", ("rows",), Select((Constant(rows, _TEXT),), None))
    types = tuple(type_ for _, type_ in columns)
    return OpaqueQuery(text, (given,), types, f"{SCHEMA} is made here"), tuple(column for column, _ in columns)


def _tables_of(source: SourceInfo) -> list[Table]:
    return sorted(source.catalog.tables.values(), key=lambda table: (table.schema, table.name))


def _schemata(source: SourceInfo) -> Iterator[Row]:
    for schema in sorted(source.catalog.schemas):
        yield source.name, schema


def _tables(source: SourceInfo) -> Iterator[Row]:
    for table in _tables_of(source):
        yield source.name, table.schema, table.name, "VIEW" if table.view else "BASE TABLE", table.remarks


def _columns(source: SourceInfo) -> Iterator[Row]:
    for table in _tables_of(source):
        for position, column in enumerate(table.columns, 1):
            nullable = "YES" if column.nullable else "NO"
            place = (source.name, table.schema, table.name)
            yield (*place, column.name, position, nullable, column.type, column.native, column.remarks)


def _constraints(source: SourceInfo) -> Iterator[Row]:
    for table in _tables_of(source):
        place = (source.name, table.schema, table.name)
        if table.primary_key:
            yield (table.primary_key_name or "PRIMARY", *place, "PRIMARY KEY")
        for key in table.foreign_keys:
            yield (key.name, *place, "FOREIGN KEY")


def _key_columns(source: SourceInfo) -> Iterator[Row]:
    for table in _tables_of(source):
        place = (source.name, table.schema, table.name)
        for position, column in enumerate(table.primary_key, 1):
            yield (table.primary_key_name or "PRIMARY", *place, column, position, None, None, None)
        for key in table.foreign_keys:
            for position, (column, target) in enumerate(zip(key.columns, key.references, strict=True), 1):
                yield (key.name, *place, column, position, key.schema, key.table, target)


_ROWS: Mapping[str, Callable[[SourceInfo], Iterator[Row]]] = {
    "schemata": _schemata,
    "tables": _tables,
    "columns": _columns,
    "table_constraints": _constraints,
    "key_column_usage": _key_columns,
}
