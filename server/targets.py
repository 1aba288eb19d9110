"""Where an ingest goes: a table that is there, or one that it makes."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pyarrow as pa

from auth.principal import Principal
from planner.bind.tables import named_source, resolve
from planner.dml import named_columns, require_writable
from planner.errors import AmbiguousName, InvalidExpression, StatementRefused, TableExists, UnknownName
from planner.plan import SessionInfo, SourceInfo
from server.catalogs import Catalogs, Seen
from server.execution.engine import Engine
from server.layouts import plain
from server.requests import Ingest
from watersmeet.spi import Column, Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    source: str
    table: Table
    """With the columns that are written, in the order of the data's."""
    makes: bool = False
    """Whether the table is to be made."""
    replaces: bool = False
    """In place of the one of this name."""


def ingest_target(
    ingest: Ingest, session: SessionInfo, principal: Principal, catalogs: Catalogs, engine: Engine
) -> Target:
    """Raises PlanningError, and the SourceError of a source that is down."""
    if ingest.temporary:
        raise StatementRefused("there are no temporary tables here: a session has no connection of its own")
    if len({field.name.lower() for field in ingest.data_schema}) != len(ingest.data_schema):
        raise InvalidExpression("two columns of the data have the same name")
    if not len(ingest.data_schema):
        raise InvalidExpression("the data have no columns")
    types = [engine_type(field.type, field.name, engine) for field in ingest.data_schema]
    if ingest.mode == "append":
        return _append(ingest, session, principal, catalogs)
    info, schema = _place(ingest, session, principal, catalogs)
    require_writable(info)
    existing = info.catalog.tables.get((schema, ingest.table))
    if existing is not None and ingest.mode == "create":
        raise TableExists(f"table {info.name}.{schema}.{ingest.table} exists: append to it, or replace it")
    if existing is not None and ingest.mode == "create_append":
        return _into(info, existing, ingest)
    columns = tuple(Column(name=field.name, type=type_) for field, type_ in zip(ingest.data_schema, types, strict=True))
    made = Table(schema=schema, name=ingest.table, columns=columns)
    return Target(source=info.name, table=made, makes=True, replaces=existing is not None)


def _append(ingest: Ingest, session: SessionInfo, principal: Principal, catalogs: Catalogs) -> Target:
    def find(seen: Seen) -> tuple[SourceInfo, Table, Seen]:
        schema = ingest.schema
        if ingest.catalog and not schema:
            source = named_source(ingest.catalog, seen.sources)
            schema = source.catalog.default_schema if source else ""
        path = tuple(part for part in (ingest.catalog, schema, ingest.table) if part is not None)
        return *resolve(path, seen.sources, session), seen

    info, table, seen = catalogs.planned(principal, ingest.catalog or "", find)
    require_writable(info)
    if info.name in seen.down:
        raise seen.down[info.name]
    return _into(info, table, ingest)


def _into(info: SourceInfo, table: Table, ingest: Ingest) -> Target:
    columns = named_columns(table, tuple(ingest.data_schema.names))
    return Target(source=info.name, table=replace(table, columns=columns))


def _place(ingest: Ingest, session: SessionInfo, principal: Principal, catalogs: Catalogs) -> tuple[SourceInfo, str]:
    """The source and schema for a table that may have to be made."""
    named = ingest.catalog or session.catalog or _only_writable(principal, catalogs)
    schema = ingest.schema or (session.schema if not ingest.catalog or ingest.catalog == session.catalog else None)
    found = catalogs.place(principal, named, ingest.table, schema)
    if found is not None and found[1] in found[0].catalog.schemas:
        return found
    shown = ".".join(part for part in (named, schema, ingest.table) if part)
    raise UnknownName(f"there is no place for a table {shown} (or you may not see it): name its catalog and schema")


def _only_writable(principal: Principal, catalogs: Catalogs) -> str:
    names = [name for name, info in catalogs.seen_by(principal).sources.items() if info.writable]
    if len(names) > 1:
        raise AmbiguousName(f"name the catalog of the table: one of {', '.join(names)}")
    if not names:
        raise StatementRefused("no source can be changed: see the setting `writable` of postgres and mysql sources")
    return names[0]


def engine_type(type_: pa.DataType, column: str, engine: Engine) -> str:
    """DuckDB's type for the values of an Arrow type. Raises InvalidExpression."""
    try:
        return engine.type_of(plain(type_))
    except (LookupError, pa.ArrowException):
        raise InvalidExpression(f"column {column}: there is no SQL type for Arrow's {type_}") from None
