"""How keys travel: as a list or a range, of which types, of one column or of several; enough of them, never too many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from bench.planning import sources
from connectors import mysql, postgres
from connectors.sqlgen.dialect import Dialect
from connectors.sqlgen.duckdb import DUCKDB
from connectors.sqlgen.printer import Printer
from connectors.sqlgen.scalars import Refused
from connectors.sqlgen.tree import ColumnRef, Keys, Scan, ScanColumn, Select, boolean, conjunction, walk
from planner.plan import SemiJoin
from planner.semijoins import output
from server.execution.keys import Gathered, Restriction, restriction
from watersmeet.spi import arrow_type

SALES, CRM = sources()["sales"].dialect, sources()["crm"].dialect
MANY = 1_000_000.0
"""Values of a column: few keys are few beside them."""


def gathered(columns: Sequence[Sequence[Any]], types: Sequence[str], most: int) -> Gathered:
    """What rows of these columns left behind, in batches of three: the keys of all columns together."""
    arrays = [pa.array(values, arrow_type(type_)) for values, type_ in zip(columns, types, strict=True)]
    made = Gathered({tuple(range(len(arrays))): most})
    batch = pa.record_batch(arrays, [f"c{number}" for number in range(len(arrays))])
    for start in range(0, max(batch.num_rows, 1), 3):
        made.add(batch.slice(start, 3))
    made.finish(complete=True)
    return made


def found(
    columns: Sequence[Sequence[Any]],
    keys: Sequence[str],
    types: Sequence[str] | None = None,
    *,
    most: int = 1000,
    of: float = MANY,
    span: tuple[float, float] | None = None,
) -> Restriction | None:
    """What keys of these types say of columns of other ones, which have `of` values in a span."""
    numbers = tuple(range(len(columns)))
    join = SemiJoin(columns=numbers, keys_of=1, keys=numbers, most=most, values=of, span=span)
    return restriction(join, gathered(columns, keys, most), types or keys)


def said(restricted: Restriction | None, dialect: Dialect, **column: str | None) -> str:
    """The conditions as a source is told them, of its columns "t"."c0" …"""
    assert restricted is not None
    condition = conjunction(restricted.conditions)
    assert condition is not None
    types = {node.column: node.type for node in walk(condition) if isinstance(node, ColumnRef)}
    form = ScanColumn("", "", "", True, **column)  # type: ignore[arg-type]
    columns = tuple(replace(form, name=name, source_name=name, type=type_) for name, type_ in types.items())
    return Printer(dialect, Select((), Scan("k", "s", "main", "t", columns))).expr(condition)


# ---------------------------------------------------------------- lists and ranges


@pytest.mark.parametrize("dialect", [SALES, CRM, DUCKDB], ids=lambda dialect: dialect.name)
def test_keys_without_a_gap_travel_as_a_range(dialect: Dialect) -> None:
    dense = said(found([[5, 3, 4, None, 6]], ["INTEGER"]), dialect)
    assert "3" in dense and "6" in dense and "4" not in dense and "5" not in dense
    assert all(key in said(found([[3, 4, 6]], ["INTEGER"]), dialect) for key in "346")


def test_without_a_key_no_row_is_sent() -> None:
    for type_ in ("INTEGER", "VARCHAR", "DATE"):
        assert said(found([[None, None]], [type_]), SALES) == "FALSE"
        assert said(found([[]], [type_]), CRM) == "FALSE"


def test_too_many_keys_travel_as_a_range_where_it_cuts_the_columns_own() -> None:
    spread = list(range(100, 300, 2))
    cut = found([spread], ["INTEGER"], most=10, span=(0.0, 1000.0))
    assert cut is not None and cut.count == 2 and cut.share == pytest.approx(0.198)
    assert said(cut, CRM) == '(("k"."c0" >= 100) AND ("k"."c0" <= 298))'
    assert found([spread], ["INTEGER"], most=10, span=(100.0, 300.0)) is None
    assert found([spread], ["INTEGER"], most=10) is None


def test_a_range_beside_the_list_where_the_keys_are_many() -> None:
    spread = list(range(100, 300, 2))
    assert "<=" in said(found([spread], ["INTEGER"], of=1000, span=(0.0, 1000.0)), CRM)
    assert "<=" not in said(found([spread], ["INTEGER"], of=MANY, span=(0.0, 1000.0)), CRM)


def test_dates_travel_as_a_range_where_they_are_too_many() -> None:
    days = [date(2020, 1, day) for day in range(1, 29)]
    first = date(2020, 1, 1).toordinal()
    cut = found([days], ["DATE"], most=10, span=(float(first), first + 280.0))
    assert cut is not None and cut.share < 0.2
    assert "DATE'2020-01-01'" in said(cut, CRM) and "DATE'2020-01-28'" in said(cut, CRM)


def test_texts_have_no_range() -> None:
    assert found([[f"k{number}" for number in range(20)]], ["VARCHAR"], most=10, span=(0.0, 1.0)) is None


# ---------------------------------------------------------------- few keys and many


def test_mysqls_index_is_used_for_few_keys_and_not_for_many() -> None:
    spread = list(range(0, 2000, 2))
    few, many = (said(found([spread], ["INTEGER"], of=of), CRM) for of in (150_000, 5_000))
    assert "COALESCE" not in few and few.count(",") == len(spread) - 1
    assert "COALESCE(" in many and many.count(",") == len(spread) - 1


def test_postgresql_decides_by_itself_whether_an_index_helps() -> None:
    spread = list(range(0, 2000, 2))
    few, many = (said(found([spread], ["INTEGER"], of=of), SALES) for of in (150_000, 5_000))
    assert few == many


def test_a_text_columns_index_is_used_where_its_own_equality_finds_all_keys() -> None:
    plain: dict[str, str | None] = {"plain": "{0}", "collation": "latin1_swedish_ci"}
    assert said(found([["a", "b"]], ["VARCHAR"]), CRM, **plain) == """("k"."c0" IN ('a','b'))"""
    assert "CONVERT" in said(found([["a", "é"]], ["VARCHAR"]), CRM, **plain)
    assert "CONVERT" in said(found([["a", "b"]], ["VARCHAR"]), CRM)
    assert "CONVERT" not in said(found([["a", "é"]], ["VARCHAR"]), CRM, plain="{0}", collation="utf8mb4_general_ci")
    assert "CONVERT" in said(found([["a", "b"]], ["VARCHAR"], of=10), CRM, **plain)


# ---------------------------------------------------------------- types


def test_keys_that_the_columns_type_cannot_have_stay_here() -> None:
    kept = found([[1, 3, 2**40]], ["BIGINT"], ["INTEGER"])
    assert kept is not None and kept.count == 2
    assert said(kept, SALES) == """("k"."c0" = ANY ('{1,3}'::int4[]))"""
    assert said(found([[2**63 + 1, 5]], ["UBIGINT"], ["BIGINT"]), CRM) == '("k"."c0" IN (5))'
    assert said(found([[-1, 5]], ["INTEGER"], ["UBIGINT"]), CRM) == '("k"."c0" IN (5))'


def test_a_range_beyond_the_columns_type_ends_where_that_does() -> None:
    ends = found([list(range(-5, 2**40, 2**30))], ["BIGINT"], ["INTEGER"], most=3, span=(-(10.0**12), 10.0**12))
    assert ends is not None and str(2**31 - 1) in said(ends, SALES) and str(2**40) not in said(ends, SALES)


AT = datetime(2024, 2, 29, 12, 30, 0, 5)


@pytest.mark.parametrize(
    ("type_", "values", "postgres_", "mariadb", "duckdb"),
    [
        (
            "VARCHAR",
            ["it's", 'a"b,{}', "é 😀 "],
            """("k"."c0" = ANY (E'{"it''s","a\\\\"b,{}","é 😀 "}'::text[]))""",
            "('it''s','a\"b,{}','é 😀 ')",
            "('it''s','a\"b,{}','é 😀 ')",
        ),
        (
            "VARCHAR",
            ["a\\", "\n", "NULL"],
            """("k"."c0" = ANY (E'{"a\\\\\\\\","\n","NULL"}'::text[]))""",
            "(_utf8mb4 X'615c',_utf8mb4 X'0a','NULL')",
            "('a\\','\n','NULL')",
        ),
        (
            "DECIMAL(12,2)",
            [Decimal("1.50"), Decimal("-5.00")],
            """("k"."c0" = ANY ('{1.50,-5.00}'::numeric[]))""",
            "(1.50,-5.00)",
            "(1.50,-5.00)",
        ),
        (
            "DATE",
            [date(2024, 2, 29), date(1, 1, 1)],
            """("k"."c0" = ANY ('{"2024-02-29","0001-01-01"}'::date[]))""",
            "(DATE'2024-02-29',DATE'0001-01-01')",
            "(DATE '2024-02-29',DATE '0001-01-01')",
        ),
        (
            "TIMESTAMP",
            [AT],
            """("k"."c0" = ANY ('{"2024-02-29 12:30:00.000005"}'::timestamp[]))""",
            "(TIMESTAMP'2024-02-29 12:30:00.000005')",
            "(TIMESTAMP '2024-02-29 12:30:00.000005')",
        ),
        (
            "TIMESTAMP WITH TIME ZONE",
            [AT.replace(tzinfo=UTC)],
            """("k"."c0" = ANY ('{"2024-02-29 12:30:00.000005+00"}'::timestamptz[]))""",
            "(TIMESTAMP'2024-02-29 12:30:00.000005')",
            "(TIMESTAMP WITH TIME ZONE '2024-02-29 12:30:00.000005+00')",
        ),
    ],
)
def test_each_source_has_its_own_words(
    type_: str, values: list[Any], postgres_: str, mariadb: str, duckdb: str
) -> None:
    keys = found([values], [type_])
    assert said(keys, SALES) == postgres_
    assert said(keys, CRM).endswith(f" IN {mariadb})")
    assert said(keys, DUCKDB) == f'("k"."c0" IN {duckdb})'


@pytest.mark.parametrize(
    ("type_", "values"),
    [
        ("VARCHAR", ["a", "b\0c"]),
        ("DATE", [18_262, None, -735_598]),  # 44 BC
        ("DATE", [18_262, 4_000_000]),  # in the year 12921
        ("TIMESTAMP", [0, -(2**60)]),
        ("DECIMAL(38,10)", [Decimal("0.0000000001"), Decimal(1)]),
    ],
)
def test_what_sources_do_not_read_alike_is_not_told(type_: str, values: list[Any]) -> None:
    assert found([values], [type_]) is None


def test_whole_numbers_meet_decimals_as_they_are() -> None:
    keys = found([[1, 10**15, 7]], ["BIGINT"], ["DECIMAL(5,2)"])
    assert said(keys, SALES) == """("k"."c0" = ANY ('{1,1000000000000000,7}'::numeric[]))"""


# ---------------------------------------------------------------- several columns


def test_keys_of_several_columns_are_rows() -> None:
    keys = found([[1, 2, 1, None], ["a", "b'", "a", "c"]], ["INTEGER", "VARCHAR"])
    assert keys is not None and keys.count == 2
    arrays = """'{1,2}'::int4[], '{"a","b''"}'::text[]"""
    assert said(keys, SALES) == f'(("k"."c0", "k"."c1") IN (SELECT * FROM unnest({arrays})))'
    assert said(keys, CRM, plain="{0}") == """(("k"."c0", "k"."c1") IN ((1,'a'),(2,'b''')))"""
    assert said(keys, DUCKDB) == """(("k"."c0", "k"."c1") IN ((1,'a'),(2,'b''')))"""


def test_rows_of_keys_that_a_columns_type_cannot_have_stay_here() -> None:
    keys = found([[1, 2**40, 3, 4], [1, 2, 2**40, 4]], ["BIGINT", "BIGINT"], ["INTEGER", "INTEGER"])
    assert said(keys, CRM) == '(("k"."c0", "k"."c1") IN ((1,1),(4,4)))'


def test_without_a_key_of_several_columns_no_row_is_sent() -> None:
    assert said(found([[1, None], [None, 2]], ["INTEGER", "INTEGER"]), SALES) == "FALSE"


# ---------------------------------------------------------------- how many


def test_more_keys_than_are_wanted_do_not_travel() -> None:
    assert found([[1, 3, 5, 7]], ["INTEGER"], most=3) is None
    assert found([[1, 3, 5, 7], [1, 1, 1, 1]], ["INTEGER", "INTEGER"], most=3) is None


def test_keys_of_a_fragment_that_did_not_end_say_nothing() -> None:
    made = Gathered({(0,): 10})
    made.add(pa.record_batch([pa.array([1], pa.int64())], ["c0"]))
    made.finish(complete=False)
    assert restriction(SemiJoin(columns=(0,), keys_of=1, keys=(0,), most=10), made, ["BIGINT"]) is None


def test_keys_longer_than_a_statement_may_be_are_refused() -> None:
    small = mysql.dialect.dialect({"product": "mariadb", "version": "10.11.1", "max_allowed_packet": "1024"})
    long = found([["x" * 300, "y" * 300]], ["VARCHAR"])
    with pytest.raises(Refused):
        said(long, small)
    assert said(found([["x" * 100]], ["VARCHAR"]), small)


def test_texts_are_not_told_to_a_server_of_another_encoding() -> None:
    """A key that its encoding lacks would be an error there, not no match."""
    latin = postgres.dialect.dialect_for({"encoding": "LATIN1"})
    with pytest.raises(Refused):
        said(found([["a"]], ["VARCHAR"]), latin)
    assert said(found([[1, 5]], ["INTEGER"]), latin)


def test_a_type_that_sources_compare_in_their_own_way_is_refused() -> None:
    for type_ in ("FLOAT", "DOUBLE", "BLOB", "INTERVAL"):
        condition = boolean("in keys", output(0, type_), Keys(("1.5",)))
        for dialect in (SALES, CRM, DUCKDB):
            with pytest.raises(Refused):
                said(Restriction((0,), (condition,), 1, 1.0), dialect)
