"""Every allow-list entry, run at the server and by DuckDB over hostile values: the answers must be the same."""

from __future__ import annotations

import math
from collections.abc import Iterator
from decimal import Decimal
from itertools import islice, product
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from connectors.mysql.dialect import dialect
from connectors.mysql.source import MysqlSource
from connectors.sqlgen.dialect import Entry, family
from connectors.sqlgen.duckdb import DUCKDB
from connectors.sqlgen.printer import Printer, read_of, sql_of
from connectors.sqlgen.tree import (
    Call,
    Cast,
    ColumnRef,
    Constant,
    Expr,
    Join,
    Scan,
    Select,
    SetOp,
    Sort,
    Window,
    boolean,
)
from tests.integration.mysql import hostile
from tests.integration.mysql.conftest import Run
from tests.integration.mysql.reading import fetch
from watersmeet.spi import Read, ReadColumn, SourceCatalog

FACTS = {"product": "mariadb", "version": "10.11.0-MariaDB"}
DIALECT = dialect(FACTS)

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
FIXED |= {"!~~": FIXED["~~"], "substring": FIXED["substr"]}


@pytest.fixture(scope="module")
def loaded(admin: Run, source: MysqlSource, database: str) -> tuple[SourceCatalog, duckdb.DuckDBPyConnection]:
    return hostile.load(admin, source, database)


def tuples(table: pa.Table) -> list[tuple[Any, ...]]:
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True))


def rows_of(con: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[Any, ...]]:
    """DuckDB's rows; by way of Arrow, which is slower, only where its own way would want pytz."""
    with con.cursor() as cursor:
        result = cursor.execute(sql)
        if not any("TIME ZONE" in str(column[1]) for column in result.description or ()):
            return result.fetchall()
    with con.cursor() as cursor:
        return tuples(cursor.sql(sql).to_arrow_table())


class Oracle:
    """The two engines over the same rows."""

    def __init__(
        self, source: MysqlSource, database: str, catalog: SourceCatalog, con: duckdb.DuckDBPyConnection
    ) -> None:
        self.source = source
        self.con = con
        self.a, self.b = (hostile.scan(catalog, database, alias) for alias in ("t0", "t1"))
        self.engine = [hostile.scan(catalog, database, alias, engine=True) for alias in ("t0", "t1")]
        self.both = Join("inner", self.a, self.b, None)
        self.both_engines = Join("inner", self.engine[0], self.engine[1], None)

    def arguments(self, family_: str, scan: Scan) -> list[Expr]:
        if family_ == "hugeint":
            return [Cast(ref, "HUGEINT") for ref in hostile.references(scan, ("i32", "i64", "u64"))]
        if family_ == "bool":
            ref = hostile.references(scan, ("i32",))[0]
            return [boolean(">", ref, Constant("0", "INTEGER"))]
        return hostile.references(scan, hostile.BY_FAMILY[family_])

    def type_of(self, call: Expr) -> str | None:
        """DuckDB's type of an expression, None where its binder refuses it."""
        text = sql_of(call, DUCKDB, self.both_engines)
        try:
            names = ", ".join(f"{s.schema}.{s.table} AS {s.alias}" for s in self.engine)
            row = self.con.execute(f"DESCRIBE SELECT {text} FROM {names}").fetchone()
        except duckdb.Error:
            return None
        assert row is not None
        return str(row[1])

    def local(self, call: Expr, pairs: bool) -> dict[tuple[Any, ...], Any]:
        """DuckDB's values by row, without the rows where it raises an error."""
        text = sql_of(call, DUCKDB, self.both_engines)
        tables = [f"{s.schema}.{s.table} AS {s.alias}" for s in self.engine][: 2 if pairs else 1]
        ids = "t0.id, t1.id" if pairs else "t0.id"
        begin = f"SELECT {ids}, {text} FROM {' CROSS JOIN '.join(tables)}"
        try:
            return {row[:-1]: row[-1] for row in rows_of(self.con, begin)}
        except duckdb.Error:
            found = {}
            for row_ids in self.con.execute(f"SELECT {ids} FROM {' CROSS JOIN '.join(tables)}").fetchall():
                where = " AND ".join(f"{name} = {value}" for name, value in zip(ids.split(", "), row_ids, strict=True))
                try:
                    [row] = rows_of(self.con, f"{begin} WHERE {where}")
                except duckdb.Error:
                    continue
                found[row_ids] = row[-1]
            return found

    def remote(
        self, printed: str, type_: str, pairs: bool, wanted: list[tuple[Any, ...]]
    ) -> dict[tuple[Any, ...], Any]:
        """The server's values for the wanted rows."""
        scans = [self.a, self.b][: 2 if pairs else 1]
        tables = " CROSS JOIN ".join(f'"{s.schema}"."{s.table}" AS "{s.alias}"' for s in scans)
        ids = [f'"{s.alias}"."id"' for s in scans]
        keys = ", ".join("(" + ", ".join(map(str, key)) + ")" for key in wanted)
        types = ["INTEGER"] * len(ids) + [type_]
        read = Read(
            prefix="",
            expressions=(*ids, printed),
            body=f"FROM {tables} WHERE ({', '.join(ids)}) IN ({keys})",
            columns=tuple(ReadColumn(name=f"c{i}", type=t) for i, t in enumerate(types)),
        )
        return {row[:-1]: row[-1] for row in tuples(fetch(self.source, read))}


@pytest.fixture(scope="module")
def oracle(source: MysqlSource, database: str, loaded: tuple[SourceCatalog, duckdb.DuckDBPyConnection]) -> Oracle:
    return Oracle(source, database, *loaded)


def same(mine: Any, theirs: Any) -> bool:
    if isinstance(mine, float) and isinstance(theirs, float):
        return mine == theirs or (math.isnan(mine) and math.isnan(theirs))
    if isinstance(mine, Decimal | int) and isinstance(theirs, Decimal | int):
        return mine == theirs
    return type(mine) is type(theirs) and bool(mine == theirs)


def announceable(value: Any) -> bool:
    """HUGEINT is announced with 38 digits; DuckDB's own has some values of 39."""
    return not isinstance(value, int) or abs(value) < 10**38


def calls(oracle: Oracle, entry: Entry) -> Iterator[tuple[Expr, ...]]:
    """Combinations of arguments: columns with columns, and with constants on either side."""
    choices = []
    for position, family_ in enumerate(entry.args):
        fixed = FIXED.get(entry.name, {}).get(position)
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


SCALARS = [entry for found in DIALECT.scalars.values() for entry in found]


@pytest.mark.parametrize("entry", SCALARS, ids=lambda e: f"{e.name}({', '.join(e.args)}) {e.sql[:30]}")
def test_a_scalar_gives_the_same_value_as_duckdb(entry: Entry, oracle: Oracle) -> None:
    seen = nulls = 0
    for args in calls(oracle, entry):
        texts = tuple(arg.text if isinstance(arg, Constant) else None for arg in args)
        if entry.check is not None and not entry.check(texts):
            continue
        pairs = any("t1" in repr(arg) for arg in args)
        type_ = oracle.type_of(Call(entry.name, args, ""))
        if type_ is None or (entry.result is not None and family(type_) != entry.result):
            continue
        call = Call(entry.name, args, type_)
        printed = Printer(DIALECT, oracle.both).fill(entry, args)
        mine = {key: value for key, value in oracle.local(call, pairs).items() if announceable(value)}
        if not mine:
            continue
        theirs = oracle.remote(printed, type_, pairs, list(mine))
        assert theirs.keys() == mine.keys()
        wrong = {key: (mine[key], theirs[key]) for key in mine if not same(mine[key], theirs[key])}
        assert not wrong, (
            f"{sql_of(call, DUCKDB, oracle.both_engines)} = {type_}: {dict(islice(wrong.items(), 5))} {printed}"
        )
        seen += len(mine)
        nulls += sum(value is None for value in mine.values())
    assert seen, "no combination was run"


@pytest.mark.parametrize("pair", DIALECT.casts, ids=lambda p: f"{p[0]} to {p[1]}")
def test_a_cast_gives_the_same_value_as_duckdb(pair: tuple[str, str], oracle: Oracle) -> None:
    targets = {
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
    }[pair[1]]
    entry = DIALECT.casts[pair]
    seen = 0
    for arg, target in product(oracle.arguments(pair[0], oracle.a), targets):
        if entry.check is not None and not entry.check((arg.type, target)):
            continue
        printed = Printer(DIALECT, oracle.a).expr(Cast(arg, target))
        mine = oracle.local(Cast(arg, target), False)
        if not mine:
            continue
        theirs = oracle.remote(printed, target, False, list(mine))
        wrong = {key: (mine[key], theirs[key]) for key in mine if not same(mine[key], theirs[key])}
        assert not wrong, (printed, wrong)
        seen += len(mine)
    assert seen


def compare_queries(oracle: Oracle, make: Any, *, ordered: bool = False) -> list[tuple[Any, ...]]:
    """Run the query that `make(scan)` builds on both; compare as multisets, or in order."""
    mine_tree, their_tree = make(oracle.engine[0]), make(oracle.a)
    mine = rows_of(oracle.con, sql_of(mine_tree, DUCKDB))
    read = read_of(their_tree, DIALECT)
    theirs = tuples(fetch(oracle.source, read))
    if not ordered:
        mine, theirs = sorted(mine, key=repr_key), sorted(theirs, key=repr_key)
    assert len(mine) == len(theirs), (mine, theirs)
    for m, t in zip(mine, theirs, strict=True):
        assert all(same(x, y) for x, y in zip(m, t, strict=True)), (m, t, oracle.source.statement(read))
    return mine


def repr_key(row: tuple[Any, ...]) -> str:
    return repr(
        [int(v) if isinstance(v, Decimal) and v == int(v) else float(v) if isinstance(v, Decimal) else v for v in row]
    )


def ref(scan: Scan, name: str) -> ColumnRef:
    column = next(c for c in scan.columns if c.name == name)
    return ColumnRef(scan.alias, name, column.type, column.nullable)


def typed(oracle: Oracle, call: Call) -> Call:
    found = oracle.con.execute(
        f"DESCRIBE SELECT {sql_of(call, DUCKDB, oracle.both_engines)} FROM {oracle.engine[0].schema}.h AS t0"
    ).fetchone()
    assert found is not None
    return Call(call.name, call.args, str(found[1]), call.aggregate, call.distinct, call.filter)


AGGREGATES = [entry for found in DIALECT.aggregates.values() for entry in found]


SHAPES = [
    pytest.param(entry, shape, id=f"{entry.name}({', '.join(entry.args)}) {shape}")
    for entry, shape in product(AGGREGATES, ["grouped", "all", "none", "distinct", "filtered"])
    if shape != "distinct" or (entry.args and entry.name in DIALECT.aggregate_distinct)
]


@pytest.mark.parametrize(("entry", "shape"), SHAPES)
def test_an_aggregate_gives_the_same_value_as_duckdb(entry: Entry, shape: str, oracle: Oracle) -> None:
    distinct = shape == "distinct"
    columns = oracle.arguments(entry.args[0], oracle.a) if entry.args else [None]
    for column in columns:

        def make(scan: Scan, column: Expr | None = column) -> Select:
            args = () if column is None else (column,)
            keep = boolean(">", ref(scan, "i32"), Constant("0", "INTEGER")) if shape == "filtered" else None
            bare = Call(entry.name, args, "", aggregate=True, distinct=distinct, filter=keep)
            group = (ref(scan, "g"),) if shape in ("grouped", "distinct", "filtered") else ()
            where = boolean("<", ref(scan, "id"), Constant("0", "INTEGER")) if shape == "none" else None
            return Select(items=(*group, typed(oracle, bare)), relation=scan, where=where, group=group)

        try:
            compare_queries(oracle, make)
        except duckdb.OutOfRangeException:
            continue  # DuckDB's own sum overflows


WINDOWS = [entry for found in DIALECT.windows.values() for entry in found]


RANKED = {"row_number", "rank", "dense_rank", "lag", "lead"}
"""Window functions that take no frame."""
OPEN_AMONG_TIES = {"row_number", "lag", "lead", "first_value", "last_value"}
FRAMES = ["", "ROWS BETWEEN 1 PRECEDING AND 2 FOLLOWING", "ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW"]
OVER = [
    pytest.param(entry, frame, by, id=f"{entry.name}({', '.join(entry.args)}) by {by} {frame}")
    for entry, frame, by in product(WINDOWS, FRAMES, ["id", "n4_1", "t_ci"])
    if not (frame and entry.name in RANKED) and (by == "id" or not (frame or entry.name in OPEN_AMONG_TIES))
]


@pytest.mark.parametrize(("entry", "frame", "by"), OVER)
def test_a_window_function_gives_the_same_value_as_duckdb(entry: Entry, frame: str, by: str, oracle: Oracle) -> None:
    columns = oracle.arguments(entry.args[0], oracle.a) if entry.args else [None]
    for column, descending in product(columns, (False, True)):

        def make(scan: Scan, column: Expr | None = column, descending: bool = descending) -> Select:
            call = Call(entry.name, () if column is None else (column,), "", aggregate=True)
            bare = Window(call, (ref(scan, "g"),), (Sort(ref(scan, by), descending, not descending),), frame, "")
            text = sql_of(bare, DUCKDB, oracle.engine[0])
            found = oracle.con.execute(f"DESCRIBE SELECT {text} FROM {scan.schema}.h AS t0").fetchone()
            assert found is not None
            return Select(
                items=(ref(scan, "id"), Window(call, bare.partition, bare.order, frame, str(found[1]))), relation=scan
            )

        try:
            compare_queries(oracle, make)
        except duckdb.OutOfRangeException:
            continue


KEYS = [name for names in hostile.BY_FAMILY.values() for name in names] + ["t_uni", "n38_0", "u32"]


@pytest.mark.parametrize("name", KEYS)
def test_groups_are_those_of_duckdb(name: str, oracle: Oracle) -> None:
    compare_queries(
        oracle,
        lambda s: Select(
            items=(ref(s, name), Call("count_star", (), "BIGINT", aggregate=True)), relation=s, group=(ref(s, name),)
        ),
    )


@pytest.mark.parametrize("name", KEYS)
def test_distinct_rows_are_those_of_duckdb(name: str, oracle: Oracle) -> None:
    compare_queries(oracle, lambda s: Select(items=(ref(s, name), ref(s, "g")), relation=s, distinct=True))


@pytest.mark.parametrize("name", KEYS)
@pytest.mark.parametrize(("descending", "nulls_first"), [(False, False), (False, True), (True, False), (True, True)])
def test_rows_come_in_duckdbs_order(name: str, descending: bool, nulls_first: bool, oracle: Oracle) -> None:
    rows = compare_queries(
        oracle,
        lambda s: Select(
            items=(ref(s, name), ref(s, "id")),
            relation=s,
            order=(Sort(ref(s, name), descending, nulls_first), Sort(ref(s, "id"))),
            limit=Constant("9", "BIGINT"),
            offset=Constant("1", "BIGINT"),
        ),
        ordered=True,
    )
    assert len(rows) == 9


SET_COLUMNS = [*hostile.BY_FAMILY["int"], "n12_2", "dbl", "r", "dt", "d6", "tm", "ts", "v_bin"]
# Of texts the printer lets only UNION ALL pass.
SET_CASES = [*product(SET_COLUMNS, sorted(DIALECT.set_operations)), ("t_latin", "union all")]


@pytest.mark.parametrize(("name", "operation"), SET_CASES)
def test_set_operations_are_those_of_duckdb(name: str, operation: str, oracle: Oracle) -> None:
    op, _, all_ = operation.partition(" ")

    def make(scan: Scan) -> SetOp:
        few = boolean("<", ref(scan, "id"), Constant("5", "INTEGER"))
        many = boolean(">", ref(scan, "id"), Constant("2", "INTEGER"))
        left = Select(items=(ref(scan, name),), relation=scan, where=few)
        right = Select(items=(ref(scan, name),), relation=scan, where=many)
        return SetOp(op, bool(all_), left, right, left.types)  # type: ignore[arg-type]

    compare_queries(oracle, make)


def test_in_with_text_compares_bytes(oracle: Oracle) -> None:
    for name in hostile.BY_FAMILY["text"]:
        compare_queries(
            oracle,
            lambda s, name=name: Select(
                items=(ref(s, "id"), boolean("not in", ref(s, name), *hostile.constants("text"))),
                relation=s,
                where=boolean(
                    "in", ref(s, name), Constant("a", "VARCHAR"), Constant("á", "VARCHAR"), Constant("A", "VARCHAR")
                ),
            ),
        )


def test_texts_of_all_collations_meet_in_case_and_union(oracle: Oracle) -> None:
    names = ("t_ci", "t_uni", "t_latin", "t_long", "t_enum", "t_char")
    for left, right in product(names, names):
        compare_queries(
            oracle,
            lambda s, left=left, right=right: Select(
                items=(
                    ref(s, "id"),
                    Call("coalesce", (ref(s, left), ref(s, right), Constant("ž", "VARCHAR")), "VARCHAR"),
                ),
                relation=s,
            ),
        )
        compare_queries(
            oracle,
            lambda s, left=left, right=right: SetOp(
                "union",
                True,
                Select(items=(ref(s, left),), relation=s),
                Select(items=(ref(s, right),), relation=s),
                ("VARCHAR",),
            ),
        )
