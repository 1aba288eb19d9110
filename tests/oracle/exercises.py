"""Statements that exercise one entry of an allow-list: the entry's name over columns and constants of its families."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from connectors.sqlgen.dialect import Entry, family
from tests.oracle.tables import TABLES

POOL: dict[str, tuple[tuple[str, str], ...]] = {
    "int": tuple((text, text) for text in ("1", "2", "0", "3", "7", "-1", "10")),
    "decimal": tuple((f"{text}::DECIMAL(9,2)", text) for text in ("1.50", "0.00", "10.00", "-2.25")),
    "double": tuple((f"{text}::DOUBLE", text) for text in ("1.5", "0.0", "60.25")),
    "float": tuple((f"{text}::FLOAT", text) for text in ("1.5", "0.5")),
    "hugeint": tuple((f"{text}::HUGEINT", text) for text in ("1", "7", "-7")),
    "text": tuple(
        (f"'{text}'", text)
        for text in (
            *("a%", "ana", "%a%", "_", "An_", "", "Zoe", "%", "open", "Paris"),
            *("year", "month", "day", "quarter", "hour", "minute", "second", "doy", "dayofyear"),
        )
    ),
    "date": tuple((f"DATE '{text}'", text) for text in ("2024-01-15", "2024-02-29", "1970-01-01")),
    "timestamp": tuple((f"TIMESTAMP '{text}'", text) for text in ("2024-01-15 10:30:00", "2024-02-29 12:00:00")),
    "timestamptz": tuple((f"TIMESTAMPTZ '{text}+00'", text) for text in ("2024-01-15 10:30:00", "2024-10-27 00:30:00")),
    "time": tuple((f"TIME '{text}'", text) for text in ("10:30:00", "12:00:00", "02:30:00")),
    "bool": (("TRUE", "true"), ("FALSE", "false")),
    "blob": (("'a'::BLOB", "a"), ("''::BLOB", "")),
}
"""Family -> constants: (SQL, text as the planner sees it)."""

CASTS: dict[str, tuple[str, ...]] = {
    "int": ("BIGINT", "INTEGER", "SMALLINT", "TINYINT", "UBIGINT"),
    "hugeint": ("HUGEINT",),
    "decimal": ("DECIMAL(20,4)", "DECIMAL(18,2)", "DECIMAL(38,10)", "DECIMAL(12,0)"),
    "float": ("FLOAT",),
    "double": ("DOUBLE",),
    "text": ("VARCHAR",),
    "bool": ("BOOLEAN",),
    "date": ("DATE",),
    "time": ("TIME",),
    "timestamp": ("TIMESTAMP",),
    "timestamptz": ("TIMESTAMPTZ",),
    "blob": ("BLOB",),
}
_INFIX = frozenset({"=", "<>", "<", "<=", ">", ">=", "is distinct from", "is not distinct from"})
_OPERATORS = _INFIX | frozenset({"+", "-", "*", "/", "//", "%", "||", "^@", "&", "|", "<<", ">>"})
_COLLECTING = frozenset({"string_agg", "group_concat", "listagg", "array_agg", "list"})
"""Aggregates whose value depends on the order of rows."""
_WORDS = {"~~": "LIKE", "!~~": "NOT LIKE", "~~*": "ILIKE", "!~~*": "NOT ILIKE"}


@dataclass(frozen=True, slots=True)
class Exercise:
    """One expression over one table."""

    table: str
    shape: str
    """'value' in a select list, 'filter' in WHERE, 'group' above GROUP BY, 'whole' without one, 'window'."""
    sql: str
    narrow: str
    """A condition of its own that changes the rows, so that each statement is another one."""

    @staticmethod
    def statement(group: Sequence[Exercise], chance: random.Random) -> str:
        """A statement that shows exercises of one table and shape."""
        first = group[0]
        listed = ", ".join(f"{exercise.sql} AS v{i}" for i, exercise in enumerate(group))
        if first.shape == "filter":
            alternatives = " OR ".join(f"{exercise.sql}" for exercise in group[:1])
            return f"SELECT * FROM {first.table} WHERE {alternatives}"
        if first.shape == "whole":
            return f"SELECT {listed} FROM {first.table} WHERE {first.narrow}"
        if first.shape == "group":
            key = chance.choice(_keys(first.table))
            return f"SELECT {key} AS k, {listed} FROM {first.table} WHERE {first.narrow} GROUP BY {key}"
        wrapped = chance.choice(("plain", "case", "order"))
        if first.shape == "value" and wrapped == "case":
            listed = ", ".join(
                f"CASE WHEN {first.narrow} THEN {exercise.sql} END AS v{i}" for i, exercise in enumerate(group)
            )
        order = " ORDER BY id" if wrapped == "order" and "id" in _names(first.table) else ""
        return f"SELECT {listed}, {', '.join(_names(first.table)[:3])} FROM {first.table} WHERE {first.narrow}{order}"


def exercises(source: str, wanted: Sequence[tuple[str, Entry]], chance: random.Random) -> list[Exercise]:
    """One exercise for each of these entries of a source, where a table has the columns for it."""
    made = []
    for kind, entry in wanted:
        found = list(_of(source, kind, entry, chance))
        if found:
            made.append(found[0])
    return made


def _of(source: str, kind: str, entry: Entry, chance: random.Random) -> Iterator[Exercise]:
    tables = [table for table in TABLES if table.source == source and len(table.rows) > 3 and " " not in table.name]
    for table in chance.sample(tables, len(tables)):
        columns = _by_family(table.columns)
        args = _arguments(entry, columns, chance)
        if args is None:
            continue
        name = f"{source}.{table.schema}.{table.name}"
        narrow = chance.choice((f"id <> {chance.randrange(40)}", f"id > {-chance.randrange(100)}"))
        if "id" not in _names(name):
            narrow = f"{_names(name)[0]} IS NOT NULL OR {chance.randrange(100)} >= 0"
        for shape, sql in _written(kind, entry, args, columns, chance):
            yield Exercise(name, shape, sql, narrow)


def _written(
    kind: str, entry: Entry, args: list[str], columns: dict[str, list[str]], chance: random.Random
) -> Iterator[tuple[str, str]]:
    if kind == "aggregate":
        extra = chance.choice(("", "", " FILTER (WHERE id > 2)")) if "id" in columns["int"] else ""
        if entry.name == "count_star":
            yield "group", f"count(*){extra}"
        elif entry.name == "avg" and "id" in columns["int"] and chance.random() < 0.5:
            none = chance.choice(("", " FILTER (WHERE id > 1000000)"))
            yield "whole", f"avg({args[0]}){none}"
        else:
            distinct = "DISTINCT " if entry.name in ("count", "sum") and chance.random() < 0.3 else ""
            ties = ["id"] if "id" in columns["int"] else []  # -0.0 and 0.0 are equal, but not the same
            order = f" ORDER BY {', '.join([args[0], *ties])}" if entry.name in _COLLECTING else ""
            # Of a group with both zeros either may be the least; + 0.0 makes one of them.
            zero = " + 0.0" if entry.name in ("min", "max") and entry.args[0] in ("float", "double") else ""
            yield "group", f"{entry.name}({distinct}{', '.join(args)}{order}){extra}{zero}"
    elif kind == "window":
        if "id" not in columns["int"]:
            return
        parts = chance.choice(["", *(f"PARTITION BY {column} " for column in columns["int"] + columns["text"])])
        inside = "*" if entry.name == "count_star" else ", ".join(args)
        name = "count" if entry.name == "count_star" else entry.name
        frame = chance.choice(("", " ROWS BETWEEN 1 PRECEDING AND CURRENT ROW"))
        yield "window", f"{name}({inside}) OVER ({parts}ORDER BY id{chance.choice(('', ' DESC'))}{frame})"
    elif kind == "cast":
        given = args[0]
        if entry.args[0] in ("double", "float") and entry.result == "int":  # no NaN, nothing too large
            low, high = (f"CAST({n} AS {entry.args[0]})" for n in (-100, 100))
            given = f"CASE WHEN {given} BETWEEN {low} AND {high} THEN {given} END"
        yield "value", f"CAST({given} AS {chance.choice(CASTS[entry.result or ''])})"
    elif entry.moderate:
        factors = [
            chance.choice(POOL[kind])[0] if kind == "double" else arg
            for kind, arg in zip(entry.args, args, strict=True)
        ]
        yield "value", _call(entry.name, factors)
    elif entry.name == "*":  # a product of DECIMALs has 18 digits in DuckDB
        yield "value", _call("*", [f"CASE WHEN {arg} BETWEEN -100 AND 100 THEN {arg} END" for arg in args])
    elif entry.superset or (entry.name in _INFIX and chance.random() < 0.3):
        yield "filter", _call(entry.name, args)
    else:
        yield "value", _call(entry.name, args)


def _call(name: str, args: Sequence[str]) -> str:
    if name in _OPERATORS and len(args) == 2:
        return f"({args[0]} {name.upper()} {args[1]})"
    if name in ("-", "+") and len(args) == 1:
        return f"({name} {args[0]})"
    if name in _WORDS:
        return f"({args[0]} {_WORDS[name]} {args[1]})"
    return f'"{name}"({", ".join(args)})' if name in ("left", "right") else f"{name}({', '.join(args)})"


def _arguments(entry: Entry, columns: dict[str, list[str]], chance: random.Random) -> list[str] | None:
    """SQL for each argument; None where the table has no column of a family, or no constant passes the check."""
    families = list(entry.args)
    if families and families[-1].endswith("*"):
        families = families[:-1] + [families[-1][:-1]] * chance.choice((1, 2))
    for _ in range(30):
        args: list[str] = []
        texts: list[str | None] = []
        for position, kind in enumerate(families):
            if position in entry.constants:
                sql, text = chance.choice(POOL.get(kind, (("", ""),)))
                args.append(sql)
                texts.append(text)
            elif columns.get(kind):
                # Not one column twice: f(x, x) shows little.
                fresh = [name for name in columns[kind] if name not in args]
                args.append(chance.choice(fresh or [*(sql for sql, _ in POOL.get(kind, ())), *columns[kind] * 4]))
                texts.append(None)
            else:
                return None
        if entry.check is None or entry.name == "cast" or entry.check(tuple(texts)):
            return args
    return None


def _by_family(columns: Sequence[tuple[str, str, str]]) -> dict[str, list[str]]:
    made: dict[str, list[str]] = {kind: [] for kind in POOL}
    for name, _, type_ in columns:
        made.setdefault(family(type_), []).append(name)
    made["hugeint"] += [f"{name}::HUGEINT" for name in made["int"]]
    made["bool"] += [f"({name} > 1)" for name in made["int"]] if not made["bool"] else []
    return made


def _names(table: str) -> list[str]:
    source, schema, name = table.split(".")
    found = next(t for t in TABLES if (t.source, t.schema, t.name) == (source, schema, name))
    return [column for column, _, _ in found.columns]


def _keys(table: str) -> list[str]:
    """Columns to group by: those with a NULL among few values."""
    source, schema, name = table.split(".")
    found = next(t for t in TABLES if (t.source, t.schema, t.name) == (source, schema, name))
    kinds = ("int", "text", "date", "bool")
    return [column for column, _, type_ in found.columns if family(type_) in kinds]
