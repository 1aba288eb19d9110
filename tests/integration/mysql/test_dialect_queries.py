"""Aggregates, windows, grouping, ordering and set operations, through the printer, at the server and by DuckDB."""

from __future__ import annotations

from itertools import product

import duckdb
import pytest

from connectors.sqlgen.dialect import Entry
from connectors.sqlgen.duckdb import DUCKDB
from connectors.sqlgen.printer import Refused, sql_of
from connectors.sqlgen.quotients import short
from connectors.sqlgen.tree import Call, Constant, Expr, Scan, Select, SetOp, Sort, Window, boolean
from tests.integration.mysql import hostile
from tests.integration.mysql.oracle import DIALECT, Oracle, compare_queries, ref, typed

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
        except Refused as refused:
            assert refused.code == "average" and column is not None and not short((column.type,))


WINDOWS = [entry for found in DIALECT.windows.values() for entry in found]


RANKED = {"row_number", "rank", "dense_rank", "lag", "lead", "ntile"}
"""Window functions that take no frame."""
OPEN_AMONG_TIES = {"row_number", "lag", "lead", "first_value", "last_value", "ntile"}
COUNTS = (Constant("1", "INTEGER"), Constant("3", "BIGINT"), Constant("1000000000", "INTEGER"))
"""For the arguments that are constants: an offset, a number of buckets."""
FRAMES = ["", "ROWS BETWEEN 1 PRECEDING AND 2 FOLLOWING", "ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW"]
OVER = [
    pytest.param(entry, frame, by, id=f"{entry.name}({', '.join(entry.args)}) by {by} {frame}")
    for entry, frame, by in product(WINDOWS, FRAMES, ["id", "n4_1", "t_ci"])
    if not (frame and entry.name in RANKED) and (by == "id" or not (frame or entry.name in OPEN_AMONG_TIES))
]


@pytest.mark.parametrize(("entry", "frame", "by"), OVER)
def test_a_window_function_gives_the_same_value_as_duckdb(entry: Entry, frame: str, by: str, oracle: Oracle) -> None:
    choices = [
        COUNTS if i in entry.constants else oracle.arguments(kind, oracle.a) for i, kind in enumerate(entry.args)
    ]
    for args, descending in product(product(*choices), (False, True)):

        def make(scan: Scan, args: tuple[Expr, ...] = args, descending: bool = descending) -> Select:
            call = Call(entry.name, args, "", aggregate=True)
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


@pytest.mark.parametrize("name", hostile.BY_FAMILY["text"])
def test_in_with_text_compares_bytes(name: str, oracle: Oracle) -> None:
    kept = [Constant(text, "VARCHAR") for text in ("a", "á", "A")]

    def make(scan: Scan) -> Select:
        column = ref(scan, name)
        items = (ref(scan, "id"), boolean("not in", column, *hostile.constants("text")))
        return Select(items=items, relation=scan, where=boolean("in", column, *kept))

    compare_queries(oracle, make)


TEXTS = ("t_ci", "t_uni", "t_latin", "t_long", "t_enum", "t_char")


@pytest.mark.parametrize(("left", "right"), list(product(TEXTS, TEXTS)))
def test_texts_of_all_collations_meet_in_coalesce_and_union(left: str, right: str, oracle: Oracle) -> None:
    def chosen(scan: Scan) -> Select:
        either = Call("coalesce", (ref(scan, left), ref(scan, right), Constant("ž", "VARCHAR")), "VARCHAR")
        return Select(items=(ref(scan, "id"), either), relation=scan)

    def united(scan: Scan) -> SetOp:
        one, other = (Select(items=(ref(scan, name),), relation=scan) for name in (left, right))
        return SetOp("union", True, one, other, ("VARCHAR",))

    compare_queries(oracle, chosen)
    compare_queries(oracle, united)
