"""The catalog commands of Flight SQL: what each announces, and its answer for a principal."""

from __future__ import annotations

import pyarrow as pa
from google.protobuf.message import Message

from auth.principal import Principal
from server.flight import keys, metadata, sqlinfo, xdbc
from server.flight.errors import BadRequest
from server.flight.proto import flight_sql_pb2 as sql
from server.requests import Queries, VisibleCatalog

_SCHEMAS: dict[type[Message], pa.Schema] = {
    sql.CommandGetCatalogs: metadata.CATALOGS,
    sql.CommandGetDbSchemas: metadata.DB_SCHEMAS,
    sql.CommandGetTableTypes: metadata.TABLE_TYPES,
    sql.CommandGetPrimaryKeys: keys.PRIMARY,
    sql.CommandGetExportedKeys: keys.FOREIGN,
    sql.CommandGetImportedKeys: keys.FOREIGN,
    sql.CommandGetCrossReference: keys.FOREIGN,
    sql.CommandGetXdbcTypeInfo: xdbc.SCHEMA,
    sql.CommandGetSqlInfo: sqlinfo.SCHEMA,
}


class CatalogCommands:
    """Answers them. Thread-safe, no state."""

    def __init__(self, queries: Queries, about: sqlinfo.About) -> None:
        self._queries = queries
        self._about = about

    def answer(self, command: Message, principal: Principal) -> pa.Table:
        """The rows of a catalog command. Raises BadRequest for a command that is none."""
        match command:
            case sql.CommandGetSqlInfo():
                return sqlinfo.table(self._about, command.info)
            case sql.CommandGetTableTypes():
                return metadata.table_types()
            case sql.CommandGetXdbcTypeInfo():
                return xdbc.table(command)
            case sql.CommandGetCatalogs():
                return metadata.catalogs(self._queries.catalogs(principal))
            case sql.CommandGetDbSchemas():
                return metadata.db_schemas(self._visible(principal, command), command)
            case sql.CommandGetTables():
                return metadata.tables(self._visible(principal, command), command)
            case sql.CommandGetPrimaryKeys():
                return keys.primary_keys(self._visible(principal, command), command)
            case sql.CommandGetExportedKeys() | sql.CommandGetImportedKeys():
                return keys.foreign_keys(self._visible(principal, command), command)
            case sql.CommandGetCrossReference():
                return keys.foreign_keys(self._visible(principal, command, "pk_catalog"), command)
        raise BadRequest("this ticket holds no catalog command")

    def _visible(self, principal: Principal, command: Message, field: str = "catalog") -> tuple[VisibleCatalog, ...]:
        """What the principal sees of the catalog that a command names. No catalog given means all of them; an empty one
        means what is in none, and there is nothing."""
        if not command.HasField(field):
            return self._queries.catalogs(principal)
        name: str = getattr(command, field)
        return self._queries.catalogs(principal, name) if name else ()


def schema(command: Message) -> pa.Schema:
    """The schema of a catalog command's answer, without looking for it."""
    if isinstance(command, sql.CommandGetTables):
        return metadata.TABLES_WITH_SCHEMA if command.include_schema else metadata.TABLES
    return _SCHEMAS[type(command)]
