"""The answers to the commands that ask for keys, from the constraints that the sources have."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from server.flight.proto import flight_sql_pb2 as sql
from server.requests import VisibleCatalog
from watersmeet.spi import ForeignKey, Table

PRIMARY = pa.schema(
    [
        pa.field("catalog_name", pa.string()),
        pa.field("db_schema_name", pa.string()),
        pa.field("table_name", pa.string(), nullable=False),
        pa.field("column_name", pa.string(), nullable=False),
        pa.field("key_name", pa.string()),
        pa.field("key_sequence", pa.int32(), nullable=False),
    ]
)
FOREIGN = pa.schema(
    [
        pa.field("pk_catalog_name", pa.string()),
        pa.field("pk_db_schema_name", pa.string()),
        pa.field("pk_table_name", pa.string(), nullable=False),
        pa.field("pk_column_name", pa.string(), nullable=False),
        pa.field("fk_catalog_name", pa.string()),
        pa.field("fk_db_schema_name", pa.string()),
        pa.field("fk_table_name", pa.string(), nullable=False),
        pa.field("fk_column_name", pa.string(), nullable=False),
        pa.field("key_sequence", pa.int32(), nullable=False),
        pa.field("fk_key_name", pa.string()),
        pa.field("pk_key_name", pa.string()),
        pa.field("update_rule", pa.uint8(), nullable=False),
        pa.field("delete_rule", pa.uint8(), nullable=False),
    ]
)
"""Of exported and imported keys and of cross references alike."""

_REFERRED = ("pk_catalog_name", "pk_db_schema_name", "pk_table_name", "pk_key_name")
_REFERRING = ("fk_catalog_name", "fk_db_schema_name", "fk_table_name", "fk_key_name")

Row = dict[str, Any]
Command = sql.CommandGetExportedKeys | sql.CommandGetImportedKeys | sql.CommandGetCrossReference


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which tables a command names. None for a catalog or schema: any; names are no patterns."""

    catalog: str | None = None
    schema: str | None = None
    table: str | None = None
    """None: any table, for the side of a key that a command leaves open."""

    @classmethod
    def of(cls, command: sql.CommandGetPrimaryKeys | Command, side: str = "") -> Wanted:
        """What a command says; `side` is the prefix of its fields."""

        def said(field: str) -> str | None:
            return getattr(command, field) if command.HasField(field) else None

        table: str = getattr(command, f"{side}table")
        return cls(catalog=said(f"{side}catalog"), schema=said(f"{side}db_schema"), table=table)

    def __contains__(self, place: tuple[str, str, str]) -> bool:
        wanted = (self.catalog, self.schema, self.table)
        return all(want is None or want == have for want, have in zip(wanted, place, strict=True))


def primary_keys(visible: Iterable[VisibleCatalog], command: sql.CommandGetPrimaryKeys) -> pa.Table:
    wanted = Wanted.of(command)
    rows: list[Row] = [
        {
            "catalog_name": catalog.name,
            "db_schema_name": table.schema,
            "table_name": table.name,
            "column_name": column,
            "key_name": table.primary_key_name,
            "key_sequence": position,
        }
        for catalog in visible
        for table in catalog.tables
        if (catalog.name, table.schema, table.name) in wanted
        for position, column in enumerate(table.primary_key, 1)
    ]
    ordered = _sorted(rows, "catalog_name", "db_schema_name", "table_name", "key_name", "key_sequence")
    return pa.Table.from_pylist(ordered, schema=PRIMARY)


def foreign_keys(visible: Iterable[VisibleCatalog], command: Command) -> pa.Table:
    """Keys by the table that they refer to (exported), the table that has them (imported), or both (cross reference).

    A key of which a side cannot be seen is not there.
    """
    referred, referring = Wanted(), Wanted()
    if isinstance(command, sql.CommandGetExportedKeys):
        referred = Wanted.of(command)
    elif isinstance(command, sql.CommandGetImportedKeys):
        referring = Wanted.of(command)
    else:
        referred, referring = Wanted.of(command, "pk_"), Wanted.of(command, "fk_")
    rows = [
        row
        for catalog in visible
        for table, key, target in _links(catalog)
        if (catalog.name, table.schema, table.name) in referring
        if (catalog.name, target.schema, target.name) in referred
        for row in _columns(catalog.name, table, key, target)
    ]
    first, last = (
        (_REFERRING, _REFERRED) if isinstance(command, sql.CommandGetExportedKeys) else (_REFERRED, _REFERRING)
    )
    return pa.Table.from_pylist(_sorted(rows, *first, "key_sequence", *last), schema=FOREIGN)


def _links(catalog: VisibleCatalog) -> Iterator[tuple[Table, ForeignKey, Table]]:
    """The foreign keys whose columns, here and there, can all be seen: the table, its key, the table referred to."""
    tables = {(table.schema, table.name): table for table in catalog.tables}
    for table in catalog.tables:
        for key in table.foreign_keys:
            target = tables.get((key.schema, key.table))
            if target is not None and _has(table, key.columns) and _has(target, key.references):
                yield table, key, target


def _has(table: Table, columns: tuple[str, ...]) -> bool:
    return {column.name for column in table.columns}.issuperset(columns)


def _columns(catalog: str, table: Table, key: ForeignKey, target: Table) -> Iterator[Row]:
    """A row for each column of a key."""
    # A key may also refer to columns that are merely unique, by a constraint whose name no source tells us.
    referred_name = target.primary_key_name if set(key.references) == set(target.primary_key) else None
    for position, (column, reference) in enumerate(zip(key.columns, key.references, strict=True), 1):
        yield {
            "pk_catalog_name": catalog,
            "pk_db_schema_name": target.schema,
            "pk_table_name": target.name,
            "pk_column_name": reference,
            "fk_catalog_name": catalog,
            "fk_db_schema_name": table.schema,
            "fk_table_name": table.name,
            "fk_column_name": column,
            "key_sequence": position,
            "fk_key_name": key.name,
            "pk_key_name": referred_name,
            "update_rule": key.on_update,
            "delete_rule": key.on_delete,
        }


def _sorted(rows: Iterable[Row], *columns: str) -> list[Row]:
    """By these columns, NULLs first."""
    return sorted(rows, key=lambda row: [(row[name] is not None, row[name]) for name in columns])
