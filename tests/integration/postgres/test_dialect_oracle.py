"""Every entry of the allow-lists, run by PostgreSQL and by DuckDB over hostile values: the same answers to the bit."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import duckdb
import psycopg
import pytest

from connectors.postgres import Config
from connectors.postgres.dialect import POSTGRES
from connectors.postgres.literals import types
from connectors.postgres.source import PostgresSource
from connectors.sqlgen.dialect import Entry
from connectors.sqlgen.printer import Refused, read_of
from connectors.sqlgen.quotients import short
from connectors.sqlgen.tree import Call, Cast, Constant, Expr, Scan, Select, SetOp, Sort, Window
from tests.integration.postgres.oracle import FAMILIES, HOSTILE, Both, cross, fill, identity, scan, value

COUNTS = (("1", "INTEGER"), ("3", "BIGINT"), ("1000000000", "INTEGER"))
CONSTANTS: dict[tuple[str, int], tuple[tuple[str, str], ...]] = {
    ("round", 1): tuple((n, "INTEGER") for n in ("0", "1", "2", "5", "12")),
    ("left", 1): (*((n, "INTEGER") for n in ("0", "1", "-1", "3", "-400", "1000000000")), ("2", "BIGINT")),
    ("right", 1): (*((n, "INTEGER") for n in ("0", "1", "-1", "3", "-400", "1000000000")), ("2", "BIGINT")),
    ("substr", 1): (*((n, "INTEGER") for n in ("0", "1", "2", "3", "-2", "1000000000")), ("1", "BIGINT")),
    ("substr", 2): tuple((n, "INTEGER") for n in ("0", "1", "3", "-1", "1000000000")),
    ("~~*", 1): tuple((n, "VARCHAR") for n in ("a", "A%", "k", "%s%", "_", "a\\\\%", "")),
    ("date_part", 0): tuple(
        (n, "VARCHAR") for n in ["year", "month", "day", "quarter", "doy", "hour", "minute", "second"]
    ),
    ("date_trunc", 0): tuple((n, "VARCHAR") for n in ["year", "quarter", "month", "day", "hour", "minute", "second"]),
    **{
        (name, 1): tuple((n, "VARCHAR") for n in ("", "; ", "'ä%s"))
        for name in ("string_agg", "group_concat", "listagg")
    },
    **{(name, 1): COUNTS for name in ("lag", "lead", "nth_value")},
}
"""By function and position: the constants to try."""


@pytest.fixture(scope="module")
def both(database: str, admin: psycopg.Connection) -> Iterator[Both]:
    engine = fill(admin)
    source = PostgresSource("pg", Config(url=database))  # type: ignore[arg-type]
    yield Both(engine, source)
    source.close()
    engine.close()


def ids(entry: Entry) -> str:
    return f"{entry.name}({','.join(entry.args)})"


def listed(table: object) -> list[Entry]:
    return [entry for found in table.values() for entry in found]  # type: ignore[attr-defined]


@pytest.mark.parametrize("type_", HOSTILE)
def test_a_literal_is_the_value_that_duckdb_means(both: Both, type_: str) -> None:
    relation = scan("a0", type_)
    assert both.differences(value("a0", type_), relation, ["a0"]) == []


EXACT = [entry for entry in listed(POSTGRES.scalars) if not entry.superset and not entry.moderate]
SUPERSETS = [entry for entry in listed(POSTGRES.scalars) if entry.superset]


@pytest.mark.parametrize("entry", SUPERSETS, ids=ids)
def test_a_filter_that_is_checked_again_keeps_every_row_that_duckdb_keeps(both: Both, entry: Entry) -> None:
    for args, scans in arguments(entry):
        call = Call(entry.name, args, "BOOLEAN")
        query = Select((identity("a0"),), cross(scans), where=call)
        sent = replace(query, where=Call("superset", (call,), "BOOLEAN"))
        kept = both.source_rows(sent)
        assert set(kept) >= set(both.engine_rows(query)), args
        assert len(kept) < len(HOSTILE[scans[0].columns[1].type])


@pytest.mark.parametrize("entry", EXACT, ids=ids)
def test_a_function_answers_as_duckdb_does(both: Both, entry: Entry) -> None:
    proven = 0
    for args, scans in arguments(entry):
        relation = cross(scans)
        call = Call(entry.name, args, "")
        call = replace(call, type=both.type_of(call, relation))
        try:
            found = both.differences(call, relation, [s.alias for s in scans])
        except Refused as refused:
            assert refused.code == "types", refused.reason
            continue
        assert found == [], f"{[arg.type for arg in args]} {[getattr(a, 'text', '') for a in args]}"
        proven += 1
    assert proven, "no argument types led to a call that is pushed"


def arguments(entry: Entry) -> Iterator[tuple[tuple[Expr, ...], list[Scan]]]:
    """Arguments of each combination of types, and the tables that they come from."""
    counts = (0,) if not entry.args or not entry.args[-1].endswith("*") else (1, 2)
    for more in counts:
        families = entry.args if not more else entry.args[:-1] + (entry.args[-1].rstrip("*"),) * more
        choices: list[list[tuple[str | None, str]]] = []
        for i, kind in enumerate(families):
            if i in entry.constants:
                choices.append([(text, type_) for text, type_ in CONSTANTS[entry.name, i]])
            else:
                choices.append([(None, type_) for type_ in FAMILIES[kind]])
        for choice in product(*choices):
            args: list[Expr] = []
            scans: list[Scan] = []
            for i, (text, type_) in enumerate(choice):
                if text is not None:
                    args.append(Constant(text, type_))
                else:
                    args.append(value(f"a{i}", type_))
                    scans.append(scan(f"a{i}", type_))
            if entry.check is None or entry.check(tuple(getattr(arg, "text", None) for arg in args)):
                yield tuple(args), scans


@pytest.mark.parametrize("pair", POSTGRES.casts, ids=" to ".join)
def test_a_cast_answers_as_duckdb_does(both: Both, pair: tuple[str, str]) -> None:
    proven = 0
    for from_, to in product(FAMILIES[pair[0]], FAMILIES[pair[1]]):
        entry = POSTGRES.casts[pair]
        if from_ != to and types(to) and (entry.check is None or entry.check((from_, to))):
            relation = scan("a0", from_)
            assert both.differences(Cast(value("a0", from_), to), relation, ["a0"]) == [], f"{from_} to {to}"
            proven += 1
    assert proven


def subsets(type_: str) -> Iterator[str]:
    """Conditions on the row number: nothing, all, each value with its neighbour, NULLs alone."""
    count = len(HOSTILE[type_])
    yield " WHERE a0.id < 0"
    yield " WHERE a0.id >= 0"
    yield from (f" WHERE a0.id IN ({i}, {i + 1})" for i in range(count))
    yield from (f" WHERE a0.id = {i}" for i in range(count))


@pytest.mark.parametrize("entry", listed(POSTGRES.aggregates), ids=ids)
def test_an_aggregate_answers_as_duckdb_does(both: Both, entry: Entry) -> None:
    aggregate(both, entry, distinct=False)


DISTINCT = [
    entry
    for entry in listed(POSTGRES.aggregates)
    if entry.name in POSTGRES.aggregate_distinct and {*entry.args} & (POSTGRES.set_families | {"text"})
]


@pytest.mark.parametrize("entry", DISTINCT, ids=ids)
def test_an_aggregate_of_distinct_values_answers_as_duckdb_does(both: Both, entry: Entry) -> None:
    aggregate(both, entry, distinct=True)


def aggregate(both: Both, entry: Entry, *, distinct: bool) -> None:
    # The rows' order, where the answer depends on it; not the order in which they are stored.
    order = (Sort(identity("a0"), descending=True),) if "{order}" in entry.sql else ()
    for args, scans in arguments(entry):
        (relation,) = scans or [scan("a0", "INTEGER")]
        call = Call(entry.name, args, "", aggregate=True, distinct=distinct, order=order)
        call = replace(call, type=both.type_of(call, relation))
        proven = 0
        try:
            read_of(Select((call,), relation), POSTGRES)
        except Refused as refused:
            assert refused.code == "average" and not short(tuple(arg.type for arg in args))
            continue
        for where in subsets(relation.columns[1].type):
            query = Select((call,), relation)
            try:
                expected = both.engine_rows(query, where)
            except duckdb.Error:
                continue
            assert both.source_rows(query, where) == expected, f"{[arg.type for arg in args]}{where}"
            proven += 1
        assert proven


RANKED = {"rank", "dense_rank", "percent_rank", "cume_dist"}
"""Window functions that give ties one value."""


@pytest.mark.parametrize("frame", ["", "ROWS BETWEEN 1 PRECEDING AND CURRENT ROW"], ids=["default", "rows"])
@pytest.mark.parametrize("entry", listed(POSTGRES.windows), ids=ids)
def test_a_window_answers_as_duckdb_does(both: Both, entry: Entry, frame: str) -> None:
    cases = [(args, found) for args, scans in arguments(entry) for found in ([scans] if scans else ANY_VALUES)]
    for args, (relation,) in cases:
        own, row = value("a0", relation.columns[1].type), identity("a0")
        ranked = entry.name in RANKED
        order = (Sort(own, descending=True, nulls_first=True),) if ranked else (Sort(row),)
        keys = () if ranked else (Call("is null", (own,), "BOOLEAN"),)
        call = Call(entry.name, args, "", aggregate=True)
        window = Window(call, keys, order, "" if ranked else frame, "")
        type_of = both.type_of(window, relation)
        call = replace(call, type=type_of)
        window = replace(window, call=call, type=type_of)
        assert both.differences(window, relation, ["a0"]) == [], [(arg.type, getattr(arg, "text", "")) for arg in args]


ANY_VALUES = [[scan("a0", type_)] for type_ in ("INTEGER", "DOUBLE", "VARCHAR")]
"""For functions of the order alone."""


WIDTHS = ("smallint", "integer", "bigint", "numeric")
NATIVE = {"TINYINT": "smallint", "SMALLINT": "smallint", "INTEGER": "integer", "BIGINT": "bigint", "HUGEINT": "numeric"}


@pytest.mark.parametrize("entry", [*EXACT, *listed(POSTGRES.aggregates), *listed(POSTGRES.windows)], ids=ids)
def test_a_whole_number_is_never_narrower_than_duckdbs(both: Both, entry: Entry) -> None:
    """What is computed from it would overflow sooner."""
    grouped = entry in listed(POSTGRES.aggregates)
    over = entry in listed(POSTGRES.windows)
    for args, scans in arguments(entry):
        relation = cross(scans or [scan("a0", "INTEGER")])
        call: Call | Window = Call(entry.name, args, "", aggregate=grouped or over)
        call = Window(call, (), (), "", "") if over else call  # type: ignore[arg-type]
        type_ = both.type_of(call, relation)
        call = replace(call, type=type_)
        if isinstance(call, Window):
            call = replace(call, call=replace(call.call, type=type_))
        if type_ in NATIVE:
            try:
                read = read_of(Select((call,), relation), POSTGRES)
            except Refused:
                continue
            native = both.native_type(read, [s.alias for s in scans] or ["a0"])
            assert WIDTHS.index(native) >= WIDTHS.index(NATIVE[type_]), [arg.type for arg in args]


def unsigned(rows: list[tuple[object, ...]]) -> list[tuple[object, ...]]:
    """Either zero may stand for both in a group or a sort."""
    zero, minus = struct.pack(">d", 0.0), struct.pack(">d", -0.0)
    return [tuple(zero if item == minus else item for item in row) for row in rows]


GROUPED = sorted(type_ for kind in POSTGRES.set_families | {"text"} for type_ in FAMILIES[kind])


@pytest.mark.parametrize("type_", GROUPED)
@pytest.mark.parametrize(("descending", "nulls_first"), [(False, False), (False, True), (True, False), (True, True)])
def test_rows_are_ordered_as_duckdb_orders_them(both: Both, type_: str, descending: bool, nulls_first: bool) -> None:
    own = value("a0", type_)
    query = Select((own,), scan("a0", type_), order=(Sort(own, descending, nulls_first),))
    assert unsigned(both.source_rows(query)) == unsigned(both.engine_rows(query))


@pytest.mark.parametrize("type_", GROUPED)
def test_groups_and_distinct_rows_are_those_of_duckdb(both: Both, type_: str) -> None:
    relation = cross([scan("a0", type_), scan("a1", "BOOLEAN")])
    own = value("a0", type_)
    count = Call("count_star", (), "BIGINT", aggregate=True)
    for query in (
        Select((own, count), relation, group=(own,)),
        Select((own,), relation, distinct=True),
        Select((own, count), relation, group=(own, value("a1", "BOOLEAN")), sets=((0,), (0, 1), ())),
    ):
        found, expected = both.source_rows(query), both.engine_rows(query)
        assert Counter(unsigned(found)) == Counter(unsigned(expected))


@pytest.mark.parametrize("operation", sorted(POSTGRES.set_operations))
@pytest.mark.parametrize("type_", GROUPED)
def test_set_operations_give_what_duckdb_gives(both: Both, type_: str, operation: str) -> None:
    left = Select((value("a0", type_),), cross([scan("a0", type_), scan("a1", "BOOLEAN")]))
    right = Select(
        (value("a2", type_),),
        scan("a2", type_),
        where=Call("<", (identity("a2"), Constant("3", "INTEGER")), "BOOLEAN"),
    )
    op, _, all_ = operation.partition(" ")
    query = SetOp(op, bool(all_), left, right, (type_,))  # type: ignore[arg-type]
    found, expected = both.source_rows(query), both.engine_rows(query)
    assert Counter(unsigned(found)) == Counter(unsigned(expected))
