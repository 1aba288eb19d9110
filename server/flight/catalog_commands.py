"""The catalog commands of Flight SQL: what each announces, and its answer for a principal."""

from __future__ import annotations

import pyarrow as pa
from google.protobuf.message import Message

from auth.principal import Principal
from server.flight import metadata, sqlinfo
from server.flight.errors import BadRequest
from server.flight.proto import flight_sql_pb2 as sql
from server.requests import Queries

_SCHEMAS: dict[type[Message], pa.Schema] = {
    sql.CommandGetCatalogs: metadata.CATALOGS,
    sql.CommandGetDbSchemas: metadata.DB_SCHEMAS,
    sql.CommandGetTableTypes: metadata.TABLE_TYPES,
    sql.CommandGetSqlInfo: sqlinfo.SCHEMA,
}


def schema(command: Message) -> pa.Schema:
    """The schema of a catalog command's answer, without looking for it."""
    if isinstance(command, sql.CommandGetTables):
        return metadata.TABLES_WITH_SCHEMA if command.include_schema else metadata.TABLES
    return _SCHEMAS[type(command)]


def answer(command: Message, queries: Queries, principal: Principal) -> pa.Table:
    """The rows of a catalog command. Raises BadRequest for a command that is none."""
    if isinstance(command, sql.CommandGetSqlInfo):
        return sqlinfo.table(command.info)
    if isinstance(command, sql.CommandGetTableTypes):
        return metadata.table_types()
    if isinstance(command, sql.CommandGetCatalogs):
        return metadata.catalogs(queries.catalogs(principal))
    if not isinstance(command, (sql.CommandGetDbSchemas, sql.CommandGetTables)):
        raise BadRequest("this ticket holds no catalog command")
    # No catalog given means all of them; an empty one means tables without a catalog, and there are none.
    only = command.catalog if command.HasField("catalog") else None
    visible = () if only == "" else queries.catalogs(principal, only)
    if isinstance(command, sql.CommandGetDbSchemas):
        return metadata.db_schemas(visible, command)
    return metadata.tables(visible, command)
