"""Averages of short numbers, and products and comparisons of them, at PostgreSQL and in DuckDB: the same to the last bit."""

from __future__ import annotations

import random

import duckdb
import psycopg
import pytest

from connectors.postgres.dialect import POSTGRES
from connectors.sqlgen.duckdb import DUCKDB
from connectors.sqlgen.printer import Refused, sql_of
from connectors.sqlgen.tree import Call, ColumnRef, Constant, Expr, Scan, ScanColumn, Select, Subquery, boolean

TYPES = ("SMALLINT", "INTEGER", "DECIMAL(5,2)", "DECIMAL(9,0)", "DECIMAL(15,2)", "DECIMAL(15,6)")
GROUPS = 100


def _scan(type_: str, alias: str = "t") -> Scan:
    name = "avg_" + "".join(c if c.isalnum() else "_" for c in type_.lower())
    columns = (ScanColumn("c0", "g", "INTEGER", False), ScanColumn("c1", "v", type_, True))
    return Scan(alias, "pg", "public", name, columns)


def _value(type_: str, alias: str = "t") -> ColumnRef:
    return ColumnRef(alias, "c1", type_)


def _average(type_: str, alias: str = "t") -> Call:
    return Call("avg", (_value(type_, alias),), "DOUBLE", aggregate=True)


@pytest.fixture(scope="module")
def engine(admin: psycopg.Connection) -> duckdb.DuckDBPyConnection:
    """The same random groups on both sides: few rows and many, small values and the largest, so that sums pass 2^53."""
    chance = random.Random(17)
    made = duckdb.connect(config={"threads": "1"})
    made.execute("SET disabled_optimizers = 'aggregate_function_rewriter'")
    made.execute("CREATE SCHEMA public")
    for type_ in TYPES:
        name = _scan(type_).table
        native = type_.replace("DECIMAL", "numeric")
        admin.execute(f"CREATE TABLE {name} (g int4, v {native})".encode())
        made.execute(f"CREATE TABLE public.{name} (g INTEGER, v {type_})")
        listed = []
        for group in range(GROUPS):
            most = 10 ** chance.randint(1, _digits(type_)) - 1
            sign = chance.choice((1, -1, 0))
            numbers = [_number(chance, type_, most, sign) for _ in range(chance.randint(1, 40))]
            listed += [f"({group}, {text})" for text in (*numbers, "NULL")]
        insert = f"INSERT INTO public.{name} VALUES {', '.join(listed)}"
        admin.execute(insert.encode())
        made.execute(insert)
    return made


def _digits(type_: str) -> int:
    return {"SMALLINT": 4, "INTEGER": 9}.get(type_) or int(type_[8:].split(",")[0])


def _number(chance: random.Random, type_: str, most: int, sign: int) -> str:
    digits = (sign or chance.choice((1, -1))) * chance.randint(most // 2, most)
    if not type_.startswith("DECIMAL"):
        return str(digits)
    places = int(type_.rstrip(")").split(",")[1])
    return f"{'-' if digits < 0 else ''}{abs(digits) // 10**places}.{abs(digits) % 10**places:0{max(places, 1)}d}"


def _differences(engine: duckdb.DuckDBPyConnection, admin: psycopg.Connection, query: Select) -> set[object]:
    ours = engine.execute(sql_of(query, DUCKDB)).fetchall()
    theirs = admin.execute(sql_of(query, POSTGRES).encode()).fetchall()
    assert len(ours) >= GROUPS // 10
    return set(ours) ^ set(theirs)


@pytest.mark.parametrize("type_", TYPES)
def test_an_average_and_its_product_have_the_same_last_bit(
    type_: str, engine: duckdb.DuckDBPyConnection, admin: psycopg.Connection
) -> None:
    fifth: Expr = Call("*", (Constant("0.2", "DECIMAL(2,1)"), _average(type_)), "DOUBLE")
    key = ColumnRef("t", "c0", "INTEGER", False)
    query = Select((key, _average(type_), fifth), _scan(type_), group=(key,))
    assert _differences(engine, admin, query) == set()


@pytest.mark.parametrize("type_", TYPES)
@pytest.mark.parametrize("operator", ["<", "="])
def test_a_value_is_on_the_same_side_of_its_groups_average(
    type_: str, operator: str, engine: duckdb.DuckDBPyConnection, admin: psycopg.Connection
) -> None:
    here, there = ColumnRef("t", "c0", "INTEGER", False), ColumnRef("u", "c0", "INTEGER", False)
    inner = Select((_average(type_, "u"),), _scan(type_, "u"), boolean("=", there, here), group=())
    test = boolean(operator, _value(type_), Subquery("scalar", inner, "DOUBLE"))
    query = Select((here, _value(type_)), _scan(type_), test)
    ours = sorted(engine.execute(sql_of(query, DUCKDB)).fetchall())
    theirs = sorted(admin.execute(sql_of(query, POSTGRES).encode()).fetchall())
    assert ours == theirs


def test_a_product_that_may_pass_the_largest_double_is_not_sent() -> None:
    column = ColumnRef("t", "c1", "DOUBLE")
    with pytest.raises(Refused, match="range of DOUBLE"):
        sql_of(Call("*", (Constant("2", "INTEGER"), column), "DOUBLE"), POSTGRES, Select((column,)))


@pytest.mark.parametrize("type_", ["BIGINT", "DECIMAL(16,2)", "DECIMAL(15,7)"])
def test_an_average_of_long_numbers_is_not_sent(type_: str) -> None:
    with pytest.raises(Refused) as refused:
        sql_of(Select((_average(type_),), _scan(type_)), POSTGRES)
    assert refused.value.code == "average"
