"""Every function, operator and cast of the allow-list, run at the server and by DuckDB over hostile values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice, product

import duckdb
import pytest

from connectors.sqlgen.dialect import Entry, family
from connectors.sqlgen.duckdb import DUCKDB
from connectors.sqlgen.printer import Printer, read_of, sql_of
from connectors.sqlgen.scalars import Refused
from connectors.sqlgen.tree import Call, Cast, Constant, Expr, Scan, Select
from tests.integration.mysql import hostile
from tests.integration.mysql.conftest import Run
from tests.integration.mysql.oracle import DIALECT, Case, Oracle, announceable, compare_queries, ref
from tests.integration.mysql.reading import fetch

FIXED: dict[str, dict[int, tuple[tuple[str, str], ...]]] = {
    "/": {1: (("3", "INTEGER"), ("-7", "INTEGER"), ("9007199254740993", "BIGINT"))},
    "%": {1: (("3", "INTEGER"), ("-7", "INTEGER"), ("1", "INTEGER"), ("18446744073709551615", "UBIGINT"))},
    "//": {
        1: (("3", "INTEGER"), ("-7", "INTEGER"), ("1", "INTEGER"), ("-1", "INTEGER"), ("9223372036854775807", "BIGINT"))
    },
    "round": {1: (("0", "INTEGER"), ("1", "INTEGER"), ("2", "INTEGER"), ("19", "INTEGER"))},
    "left": {1: (("0", "INTEGER"), ("1", "INTEGER"), ("2", "INTEGER"), ("5000", "INTEGER"))},
    "right": {1: (("0", "INTEGER"), ("1", "INTEGER"), ("2", "INTEGER"), ("5000", "INTEGER"))},
    "substr": {
        1: (("1", "INTEGER"), ("2", "INTEGER"), ("2001", "INTEGER")),
        2: (("0", "INTEGER"), ("1", "INTEGER"), ("100000", "INTEGER")),
    },
    "~~": {
        1: tuple(
            (pattern, "VARCHAR")
            for pattern in (
                "",
                "a",
                "a%",
                "%a",
                "_",
                "__",
                "%\\",
                "50\\%%",
                "50%\\_x%",
                "%_%",
                "á%",
                "%😀%",
                "a ",
                "%'%",
                "%\0",
            )
        )
    },
}
FIXED |= {"!~~": FIXED["~~"]}


def calls(oracle: Oracle, entry: Entry) -> Iterator[tuple[Expr, ...]]:
    """Combinations of arguments: columns with columns, and with constants on either side."""
    choices: list[list[Expr]] = []
    for position, family_ in enumerate(entry.args):
        fixed = FIXED.get(entry.name, {}).get(position)
        if fixed is None and position in entry.constants and entry.args[position] != "text":
            fixed = hostile.CONSTANTS[entry.args[position]]
        if fixed is None and position in entry.constants:
            parts = ("year", "month", "day", "quarter", "hour", "minute", "second", "dayofyear")
            fixed = tuple((part, "VARCHAR") for part in parts)
        if fixed is not None:
            choices.append([Constant(text, type_) for text, type_ in fixed])
        else:
            choices.append(oracle.arguments(family_, oracle.b if position == 1 else oracle.a))
    yield from product(*choices)
    if not entry.constants and len(entry.args) == 2:
        for left, right in islice(product(hostile.constants(entry.args[0]), choices[1]), 40):
            yield left, right
        for left, right in islice(product(choices[0], hostile.constants(entry.args[1])), 40):
            yield left, right


def cases(oracle: Oracle, entry: Entry) -> Iterator[Case]:
    for args in calls(oracle, entry):
        texts = tuple(arg.text if isinstance(arg, Constant) else None for arg in args)
        if entry.check is not None and not entry.check(texts):
            continue
        type_ = oracle.type_of(Call(entry.name, args, ""))
        if type_ is None or (entry.result is not None and family(type_) != entry.result):
            continue
        call = Call(entry.name, args, type_)
        pairs = any("t1" in repr(arg) for arg in args)
        values = {key: value for key, value in oracle.local(call, pairs).items() if announceable(value)}
        shown = f"{sql_of(call, DUCKDB, oracle.both_engines)} = {type_}"
        yield Case(shown, Printer(DIALECT, oracle.both).fill(entry, args), type_, pairs, values)


SCALARS = [entry for found in DIALECT.scalars.values() for entry in found]


@pytest.mark.parametrize("entry", SCALARS, ids=lambda e: f"{e.name}({', '.join(e.args)}) {e.sql[:30]}")
def test_a_scalar_gives_the_same_value_as_duckdb(entry: Entry, oracle: Oracle) -> None:
    assert oracle.check(cases(oracle, entry)), "no combination was run"


TARGETS = {
    "int": ("TINYINT", "INTEGER", "BIGINT", "UBIGINT"),
    "hugeint": ("HUGEINT",),
    "decimal": ("DECIMAL(6,1)", "DECIMAL(38,20)", "DECIMAL(30,5)"),
    "bool": ("BOOLEAN",),
    "double": ("DOUBLE",),
    "text": ("VARCHAR",),
    "blob": ("BLOB",),
    "date": ("DATE",),
    "time": ("TIME",),
    "timestamp": ("TIMESTAMP",),
}


@pytest.mark.parametrize("pair", DIALECT.casts, ids=lambda p: f"{p[0]} to {p[1]}")
def test_a_cast_gives_the_same_value_as_duckdb(pair: tuple[str, str], oracle: Oracle) -> None:
    check = DIALECT.casts[pair].check
    found = []
    for arg, target in product(oracle.arguments(pair[0], oracle.a), TARGETS[pair[1]]):
        if check is None or check((arg.type, target)):
            cast = Cast(arg, target)
            printed = Printer(DIALECT, oracle.a).expr(cast)
            found.append(Case(printed, printed, target, False, oracle.local(cast, False)))
    assert oracle.check(found)


@pytest.mark.parametrize(
    ("name", "kind"), sorted({(e.name, e.args[0]) for e in SCALARS if e.name in ("=", "<>", "<", ">=")})
)
def test_a_comparison_keeps_the_same_rows_where_an_index_may_serve_it(name: str, kind: str, oracle: Oracle) -> None:
    """The range optimizer converts constants in ways of its own."""
    for entry in DIALECT.scalars[name]:
        for column, constant in product(hostile.BY_FAMILY.get(kind, ()), hostile.constants(entry.args[1])):
            if entry.args[0] != kind:
                continue

            def make(scan: Scan, column: str = column, constant: Expr = constant) -> Select:
                where = Call(name, (ref(scan, column), constant), "BOOLEAN")
                return Select(items=(ref(scan, "id"),), relation=scan, where=where)

            try:
                compare_queries(oracle, make)
            except duckdb.ConversionException:
                continue  # DuckDB first casts one side to a type that is too narrow for it
            except Refused:
                assert entry.types is not None  # the entry holds for other types of the family


def test_an_index_finds_no_rounded_constant(admin: Run, oracle: Oracle, database: str) -> None:
    """So many rows that the server takes the index: a plain = 0.46 finds 0.5 there."""
    admin("CREATE TABLE hh LIKE h")
    names = ", ".join(f"`{c.name}`" for c in oracle.a.columns if c.name != "id")
    admin(f"INSERT INTO hh (id, {names}) SELECT seq, {names} FROM h, seq_100_to_300 WHERE h.id = 3")
    admin("ANALYZE TABLE hh")
    cases = {
        "i32": ("0.6", "DECIMAL(2,1)"),
        "n4_1": ("0.46", "DECIMAL(3,2)"),
        "n_un": ("0.5004", "DECIMAL(5,4)"),
        "d_un": ("0.251", "DOUBLE"),
        "d0": ("2024-12-31 23:59:59.4", "TIMESTAMP"),
        "tm0": ("00:00:00.4", "TIME"),
    }
    scan = replace(oracle.a, table="hh")
    for name, (text, type_) in cases.items():
        for word, kept in (("=", 0), ("<>", 201)):
            condition = Call(word, (ref(scan, name), Constant(text, type_)), "BOOLEAN")
            for where, rows in ((condition, kept), (Call("not", (condition,), "BOOLEAN"), 201 - kept)):
                read = read_of(Select(items=(ref(scan, "id"),), relation=scan, where=where), DIALECT)
                assert fetch(oracle.source, read).num_rows == rows, oracle.source.statement(read)
