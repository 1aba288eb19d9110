"""Writes the parts of the reference that are made from the code: `python -m docs` (`make docs`).

A page is written by hand but for what stands between `<!-- made: NAME -->` and `<!-- end -->`. A test compares, so a
key, an error, a type or a function cannot change without its page.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

import duckdb
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from auth import errors as auth_errors
from connectors.duckdb.datatypes import announced as duckdb_announced
from connectors.mysql.config import Config as MysqlConfig
from connectors.mysql.datatypes import announce as mysql_announce
from connectors.mysql.dialect import dialect as mysql_dialect
from connectors.postgres.datatypes import PgType
from connectors.postgres.datatypes import announced as postgres_announced
from connectors.postgres.dialect import POSTGRES
from docs import constructs
from docs.rules import rules
from planner import errors as planner_errors
from planner.functions import CLOCK, FUNCTIONS, OPERATORS, SESSION, SYNONYMS, TABLE_FUNCTIONS
from server import config_errors
from server.config import Config
from server.execution import errors as execution_errors
from server.flight import errors as flight_errors
from server.flight.statuses import STATUSES
from watersmeet import spi

DOCS = Path(__file__).parent
_PART = re.compile(r"(<!-- made: (?P<name>[\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def main() -> int:
    """Write every page anew; print those that changed."""
    for page in sorted(DOCS.rglob("*.md")):
        old = page.read_text()
        new = filled(old)
        if new != old:
            page.write_text(new)
            print(f"wrote {page.relative_to(DOCS.parent)}")
    return 0


def filled(text: str) -> str:
    """A page's text with its made parts as the code is now."""
    return _PART.sub(lambda match: f"{match[1]}\n{PARTS[match['name']]()}\n{match[3]}", text)


def _table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _cell(text: str) -> str:
    """Words in a table."""
    return " ".join(text.split()).replace("|", "\\|")


def _code(text: str) -> str:
    return f"`{_cell(text)}`"


# ---------------------------------------------------------------- configuration


def configuration() -> str:
    """One table for each section of the file."""
    tables = []
    for path, model in sections(Config, ""):
        title = f"### `{path}`" if path else "### The whole file"
        tables.append(f"{title}\n\n{_table(('key', 'value', 'default', 'meaning'), _keys(path, model))}")
    return "\n".join(tables)


def sections(model: type[BaseModel], path: str) -> Iterator[tuple[str, type[BaseModel]]]:
    """Each model of the configuration with the path of its section: sources.NAME, auth.tokens.keys[]."""
    yield path, model
    for name, field in model.model_fields.items():
        here = f"{path}.{name}" if path else name
        for tail, inner in _models(field.annotation, ""):
            kind = inner.model_fields.get("kind")
            tag = f" (kind: {get_args(kind.annotation)[0]})" if kind is not None else ""
            yield from sections(inner, here + tail + tag)


def _models(annotation: Any, tail: str) -> Iterator[tuple[str, type[BaseModel]]]:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        yield tail, annotation
    elif origin in (Union, UnionType):
        for option in arguments:
            yield from _models(option, tail)
    elif origin is tuple:
        yield from _models(arguments[0], tail + "[]")
    elif inspect.isclass(origin) and issubclass(origin, Mapping):
        yield from _models(arguments[1], tail + ".NAME")
    elif arguments and origin is not Literal:  # Annotated
        yield from _models(arguments[0], tail)


def _keys(path: str, model: type[BaseModel]) -> Iterator[tuple[str, ...]]:
    words = _docstrings(model)
    place = re.sub(r" \(kind: \w+\)", "", path)
    for name, field in model.model_fields.items():
        key = f"{place}.{name}" if place else name
        needed = field.is_required() or name == "kind"
        yield _code(key), _value(field), "needed" if needed else _default(field), _cell(words.get(name, ""))


def _docstrings(model: type[BaseModel]) -> dict[str, str]:
    """The docstring under each field."""
    (body,) = ast.parse(textwrap.dedent(inspect.getsource(model))).body
    assert isinstance(body, ast.ClassDef)
    found = {}
    for field, below in zip(body.body, body.body[1:], strict=False):
        match field, below:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(words))),
            ):
                found[name] = words
    return found


def _value(field: FieldInfo) -> str:
    reader = _reader(field)
    if reader is not None:
        return reader
    return _kind(field.annotation)


def _reader(field: FieldInfo) -> str | None:
    """'size' or 'duration' for what is written with a unit."""
    for extra in field.metadata:
        name = getattr(getattr(extra, "func", None), "__name__", "")
        if name in {"parse_size", "parse_duration", "_seconds"}:
            return "size" if name == "parse_size" else "duration"
    return None


def _kind(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return " \\| ".join(_code(str(value)) for value in arguments)
    if origin in (Union, UnionType):
        kinds = [_kind(option) for option in arguments if option is not type(None)]
        return " \\| ".join(dict.fromkeys(kinds))
    if origin is tuple:
        return f"list of {_kind(arguments[0])}"
    if inspect.isclass(origin) and issubclass(origin, Mapping):
        return f"{_kind(arguments[1])} by name"
    if arguments:
        return _kind(arguments[0])
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        return "section"
    if annotation is SecretStr:
        return "secret text"
    names = {bool: "`true` \\| `false`", int: "number", str: "text", float: "number"}
    return names.get(annotation, "path" if "Path" in repr(annotation) else "time")


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True)
    if isinstance(value, BaseModel):
        return "its own"
    if value in ((), {}, None):
        return "none"
    if isinstance(value, bool):
        return _code(str(value).lower())
    reader = _reader(field)
    if reader == "size":
        return _code(_with_unit(int(value), (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1))))
    if reader == "duration":
        return _code(_with_unit(int(value), (("h", 3600), ("m", 60), ("s", 1))))
    return _code(str(value))


def _with_unit(value: int, units: tuple[tuple[str, int], ...]) -> str:
    name, factor = next((name, factor) for name, factor in units if value % factor == 0 and value >= factor)
    return f"{value // factor}{name}"


# ---------------------------------------------------------------- errors

_LEAF = re.compile(r"^\s*(?:\+- )?(?P<name>\w+)[ \t]+(?P<code>\d{4})[ \t]+(?P<words>\S.*)$", re.MULTILINE)
_ROOMS = (
    ("Configuration and start", config_errors, config_errors.ConfigError),
    ("SQL", planner_errors, planner_errors.PlanningError),
    ("The front", flight_errors, flight_errors.FlightError),
    ("Sources", spi, spi.SourceError),
    ("Authentication", auth_errors, auth_errors.AuthError),
    ("Execution", execution_errors, execution_errors.ExecutionError),
)
_COMMANDS = {
    1003: "`watersmeet serve`: cannot listen on the address",
    1004: "`watersmeet token create`: there is no key to sign with",
    1005: "`watersmeet init`: the file is there already, or cannot be written",
    1006: "`watersmeet demo`: a database server is missing or did not start",
}
"""Codes that commands print and that no class stands for."""


def errors() -> str:
    """One table for each tree of errors."""
    parts = []
    for title, module, root in _ROOMS:
        words = {match["name"]: match["words"] for match in _documented(module, root)}
        rows = sorted(
            (f"`WM-{kind.code}`", kind.__name__, _cell(words.get(kind.__name__, "the root of these")), *_status(kind))
            for kind in tree(root)
        )
        if root is config_errors.ConfigError:
            rows += [(f"`WM-{code}`", "", text, "", "") for code, text in _COMMANDS.items()]
        parts.append(f"### {title}\n\n{_table(('code', 'name', 'meaning', 'gRPC status', 'retry'), iter(rows))}")
    return "\n".join(parts)


def tree(root: type[Any]) -> Iterator[type[Any]]:
    """A class and all its subclasses in the code."""
    yield root
    for kind in root.__subclasses__():
        if not kind.__module__.startswith("tests"):
            yield from tree(kind)


def _documented(module: Any, root: type[Any]) -> Iterator[re.Match[str]]:
    yield from _LEAF.finditer(f"{module.__doc__ or ''}\n{root.__doc__ or ''}")


def _status(kind: type[Exception]) -> tuple[str, str]:
    found = next((STATUSES[base] for base in kind.__mro__ if base in STATUSES), None)
    return ("", "") if found is None else (found[0].name, found[1])


# ---------------------------------------------------------------- types

_POSTGRES = (
    *("bool", "int2", "int4", "int8", "float4", "float8", "numeric", "numeric(12,2)", "numeric(50,10)", "text"),
    *("varchar", "bpchar", "name", "bytea", "date", "time", "timetz", "timestamp", "timestamptz", "interval", "uuid"),
    *("json", "jsonb", "oid", "money", "inet", "int4range", "point", "tsvector", "int4[]", "text[]", "numeric[]"),
    "uuid[]",
)
_MYSQL = (
    *("tinyint(1)", "tinyint(4)", "tinyint(3) unsigned", "smallint(6)", "smallint(5) unsigned", "mediumint(9)"),
    *("int(11)", "int(10) unsigned", "bigint(20)", "bigint(20) unsigned", "decimal(12,2)", "decimal(50,10)", "float"),
    *("double", "date", "datetime", "timestamp", "time", "year(4)", "char(10)", "varchar(40)", "text", "enum('a')"),
    *("set('a')", "json", "binary(16)", "varbinary(40)", "blob", "bit(8)", "geometry", "uuid", "inet6"),
)
_DUCKDB = (
    *("BOOLEAN", "TINYINT", "UBIGINT", "HUGEINT", "UHUGEINT", "DECIMAL(12,2)", "FLOAT", "DOUBLE", "VARCHAR", "BLOB"),
    *("DATE", "TIME", "TIME WITH TIME ZONE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE"),
    *("INTERVAL", "UUID", "JSON", "BIT", "ENUM('a')", "INTEGER[]", "INTEGER[3]", "STRUCT(a INTEGER, b UUID)"),
    "MAP(VARCHAR, HUGEINT)",
)


def types_postgres() -> str:
    """PostgreSQL's types."""
    elements = {name.removesuffix("[]").split("(")[0] for name in _POSTGRES}
    known = {n: PgType(name=name, builtin=True, kind="b") for n, name in enumerate(sorted(elements), 1)}
    number = {type_.name: n for n, type_ in known.items()}
    arrays = {1000 + n: PgType(name=f"_{known[n].name}", builtin=True, kind="b", element=n) for n in known}

    def row(native: str) -> tuple[str, ...]:
        shape = re.search(r"\((\d+),(\d+)\)", native)
        modifier = (int(shape[1]) << 16 | int(shape[2])) + 4 if shape else -1
        oid = number[native.removesuffix("[]").split("(")[0]] + (1000 if native.endswith("[]") else 0)
        type_, read = postgres_announced(oid, modifier, known | arrays, collated=False, numeric="decimal(38,20)")
        return _type_row(native, type_, read)

    return _table(_TYPES, map(row, _POSTGRES))


def types_mysql() -> str:
    """MySQL's and MariaDB's types."""
    config = MysqlConfig(url=SecretStr("mysql://reader@host/"))

    def row(native: str) -> tuple[str, ...]:
        made = mysql_announce(native.split("(")[0].split()[0], native, None, "", config)
        return _type_row(native, made.type, "{0}" if made.text == "plain" else made.read)

    return _table(_TYPES, map(row, _MYSQL))


def types_duckdb() -> str:
    """DuckDB's types."""
    with duckdb.connect() as con:
        rows = [_type_row(name, duckdb_announced(con.sqltype(name)), "{0}") for name in _DUCKDB]
    return _table(_TYPES, iter(rows))


_TYPES = ("the source's type", "announced as", "Arrow", "read as")


def _type_row(native: str, type_: str, read: str) -> tuple[str, ...]:
    try:
        arrow = _code(str(spi.arrow_type(type_)))
    except KeyError:
        arrow = "the engine's own"
    return _code(native), _code(type_), arrow, "" if read == "{0}" else _code(read.replace("{0}", "column"))


# ---------------------------------------------------------------- functions


def pushed() -> str:
    """What each kind of source runs, by DuckDB's names."""
    dialects = {
        "PostgreSQL": POSTGRES,
        "MariaDB": mysql_dialect({"product": "mariadb", "version": "10.11.0-MariaDB"}),
        "MySQL": mysql_dialect({"product": "mysql", "version": "8.4.0"}),
    }
    parts = []
    for title, field in (
        ("Scalar functions and operators", "scalars"),
        ("Aggregates", "aggregates"),
        ("Windows", "windows"),
    ):
        tables = [getattr(dialect, field) for dialect in dialects.values()]
        rows = (
            (
                _code(name),
                *("superset" if _superset(table, name) else "exact" if name in table else "" for table in tables),
            )
            for name in sorted({name for table in tables for name in table} - SYNONYMS.keys())
        )
        parts.append(f"### {title}\n\n{_table(('name', *dialects), rows)}")
    return "\n".join(parts)


def _superset(table: Mapping[str, Any], name: str) -> bool:
    return name in table and all(entry.superset for entry in table[name])


def functions() -> str:
    """What a statement may call."""
    groups = {
        "Functions": FUNCTIONS,
        "Operators": OPERATORS,
        "Table functions": TABLE_FUNCTIONS,
        "Frozen when the statement is planned": CLOCK,
        "Of the session": SESSION,
    }
    return "\n".join(
        f"{title}: {', '.join(_code(name) for name in sorted(names))}.\n" for title, names in groups.items()
    )


PARTS: Mapping[str, Callable[[], str]] = {
    "configuration": configuration,
    "errors": errors,
    "types-postgres": types_postgres,
    "types-mysql": types_mysql,
    "types-duckdb": types_duckdb,
    "pushed": pushed,
    "functions": functions,
    "constructs": constructs.tables,
    "allow-lists": constructs.allowed,
    "rules": rules,
}
"""The parts by the names that pages use."""

if __name__ == "__main__":
    sys.exit(main())
