from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Sealed(_message.Message):
    __slots__ = ("subject", "expires", "statement", "command", "session")
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_FIELD_NUMBER: _ClassVar[int]
    STATEMENT_FIELD_NUMBER: _ClassVar[int]
    COMMAND_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    subject: str
    expires: int
    statement: Statement
    command: bytes
    session: Session
    def __init__(self, subject: _Optional[str] = ..., expires: _Optional[int] = ..., statement: _Optional[_Union[Statement, _Mapping]] = ..., command: _Optional[bytes] = ..., session: _Optional[_Union[Session, _Mapping]] = ...) -> None: ...

class Session(_message.Message):
    __slots__ = ("catalog", "schema", "settings")
    class SettingsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    CATALOG_FIELD_NUMBER: _ClassVar[int]
    SCHEMA_FIELD_NUMBER: _ClassVar[int]
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    catalog: str
    schema: str
    settings: _containers.ScalarMap[str, str]
    def __init__(self, catalog: _Optional[str] = ..., schema: _Optional[str] = ..., settings: _Optional[_Mapping[str, str]] = ...) -> None: ...

class Statement(_message.Message):
    __slots__ = ("query_id", "sql", "catalog", "schema", "settings", "now", "parameters", "schema_hash", "parameter_schema", "part")
    class SettingsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    QUERY_ID_FIELD_NUMBER: _ClassVar[int]
    SQL_FIELD_NUMBER: _ClassVar[int]
    CATALOG_FIELD_NUMBER: _ClassVar[int]
    SCHEMA_FIELD_NUMBER: _ClassVar[int]
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    NOW_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    SCHEMA_HASH_FIELD_NUMBER: _ClassVar[int]
    PARAMETER_SCHEMA_FIELD_NUMBER: _ClassVar[int]
    PART_FIELD_NUMBER: _ClassVar[int]
    query_id: str
    sql: str
    catalog: str
    schema: str
    settings: _containers.ScalarMap[str, str]
    now: int
    parameters: bytes
    schema_hash: bytes
    parameter_schema: bytes
    part: Part
    def __init__(self, query_id: _Optional[str] = ..., sql: _Optional[str] = ..., catalog: _Optional[str] = ..., schema: _Optional[str] = ..., settings: _Optional[_Mapping[str, str]] = ..., now: _Optional[int] = ..., parameters: _Optional[bytes] = ..., schema_hash: _Optional[bytes] = ..., parameter_schema: _Optional[bytes] = ..., part: _Optional[_Union[Part, _Mapping]] = ...) -> None: ...

class Part(_message.Message):
    __slots__ = ("column", "start", "end")
    COLUMN_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    column: str
    start: str
    end: str
    def __init__(self, column: _Optional[str] = ..., start: _Optional[str] = ..., end: _Optional[str] = ...) -> None: ...
