"""Which fragments the keys of which others may restrict, and which of those reductions are chosen."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bench.planning import QUERIES, sources
from connectors.sqlgen.printer import read_of
from connectors.sqlgen.tree import Keys, boolean
from planner.pipeline import plan
from planner.plan import FederatedPlan, PlanRequest, SessionInfo
from planner.reductions import pairs
from planner.reductions import reductions as reductions_of
from planner.semijoins import output, restricted, semijoins
from planner.statistics import Statistics

# t0 …: orders and lineitem are in sales, customer and part in crm, nation in lake.


def planned(sql: str, pushdown: str = "on") -> FederatedPlan:
    session = SessionInfo(pushdown=pushdown)
    return plan(PlanRequest(sql=sql, now=datetime(2026, 1, 1, tzinfo=UTC), session=session), sources())


def reductions(sql: str, pushdown: str = "on") -> set[str]:
    """Every pair as 'reduced column <- provider column', by the names of the sources' columns."""
    made = planned(sql, pushdown)

    return {
        f"{origin(made, reduced.fragment, reduced.column)} <- {origin(made, by.fragment, by.column)}"
        for reduced, by in pairs(made.local)
    }


def origin(made: FederatedPlan, fragment: int, column: int) -> str:
    """The source's name of a fragment's column."""
    return str(made.fragments[fragment].read.columns[column].origin).rpartition(".")[2]


O, C = "sales.orders", "crm.customer"
BOTH = {"o_custkey <- c_custkey", "c_custkey <- o_custkey"}
ORDERS, CUSTOMERS = {"o_custkey <- c_custkey"}, {"c_custkey <- o_custkey"}


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        (f"SELECT o_orderkey, c_name FROM {O} JOIN {C} ON o_custkey = c_custkey", BOTH),
        (f"SELECT o_orderkey, c_name FROM {O}, {C} WHERE o_custkey = c_custkey", BOTH),
        (f"SELECT count(*) FROM {O}, {C} WHERE o_custkey = c_custkey", BOTH),
        (f"SELECT c_name, o_orderkey FROM {O} LEFT JOIN {C} ON o_custkey = c_custkey", CUSTOMERS),
        (f"SELECT c_name, o_orderkey FROM {C} RIGHT JOIN {O} ON o_custkey = c_custkey", CUSTOMERS),
        (f"SELECT c_name, o_orderkey FROM {O} FULL JOIN {C} ON o_custkey = c_custkey", set()),
        (f"SELECT c_name, o_orderkey FROM {O}, {C} WHERE o_custkey < c_custkey", set()),
        (f"SELECT c_name, o_orderkey FROM {O}, {C} WHERE o_custkey = c_custkey OR c_name = 'x'", set()),
        (f"SELECT c_name, o_orderkey FROM {O}, {C} WHERE NOT (o_custkey = c_custkey)", set()),
        (f"SELECT c_name FROM {C} WHERE EXISTS (SELECT 1 FROM {O} WHERE o_custkey = c_custkey)", BOTH),
        (f"SELECT c_name FROM {C} WHERE c_custkey IN (SELECT o_custkey FROM {O})", BOTH),
        (f"SELECT c_name FROM {C} WHERE NOT EXISTS (SELECT 1 FROM {O} WHERE o_custkey = c_custkey)", ORDERS),
        (f"SELECT c_name FROM {C} WHERE c_custkey NOT IN (SELECT o_custkey FROM {O})", set()),
        (
            f"SELECT c_name, (SELECT max(o_totalprice + c_acctbal) FROM {O} WHERE o_custkey = c_custkey) FROM {C}",
            ORDERS,
        ),
        (f"SELECT a.c_name FROM {C} AS a, {O}, {C} AS b WHERE o_custkey = a.c_custkey AND b.c_name <> a.c_name", None),
        (f"SELECT c_custkey FROM {C} UNION ALL SELECT o_custkey FROM {O}", set()),
    ],
)
def test_a_reduction_may_be_made_where_the_residual_drops_the_rows_by_itself(
    sql: str, expected: set[str] | None
) -> None:
    found = reductions(sql)
    assert found == expected if expected is not None else "o_custkey <- c_custkey" in found


@pytest.mark.parametrize(
    ("inner", "expected"),
    [
        (f"SELECT o_custkey AS k FROM {O} LIMIT 10", CUSTOMERS),
        (f"SELECT o_custkey AS k, row_number() OVER (ORDER BY o_orderkey) FROM {O}", CUSTOMERS),
        (f"SELECT o_custkey AS k FROM {O} GROUP BY ROLLUP (o_custkey)", CUSTOMERS),
        (f"SELECT max(o_custkey) AS k FROM {O}", set()),
        (f"SELECT o_custkey AS k, count(*) FROM {O} GROUP BY o_custkey", BOTH),
        (f"SELECT DISTINCT o_custkey AS k FROM {O}", BOTH),
    ],
)
def test_rows_below_a_limit_a_window_or_a_total_are_not_left_away(inner: str, expected: set[str]) -> None:
    sql = f"SELECT c_name, o.* FROM {C}, ({inner}) AS o WHERE k = c_custkey"
    assert reductions(sql, pushdown="off") == expected


def test_a_fragment_that_is_read_twice_is_not_reduced_for_one_of_its_readers() -> None:
    sql = f"""
        WITH o AS MATERIALIZED (SELECT o_orderkey, o_custkey FROM {O})
        SELECT (SELECT count(*) FROM o), c_name FROM o, {C} WHERE o_custkey = c_custkey
    """
    assert "o_custkey <- c_custkey" not in reductions(sql)


def test_the_small_side_reduces_the_large_one_and_a_reduced_one_the_next() -> None:
    made = planned((QUERIES / "q05.sql").read_text())
    chosen = semijoins(made.local, made.fragments, Statistics(sources()), 100_000)
    by_origin = {
        (origin(made, number, column), origin(made, join.keys_of, key))
        for number, joins in chosen.items()
        for join in joins
        for column, key in zip(join.columns, join.keys, strict=True)
    }
    assert ("s_nationkey", "n_nationkey") in by_origin
    assert ("l_suppkey", "s_suppkey") in by_origin


@pytest.mark.parametrize("query", sorted(QUERIES.glob("q*.sql")), ids=lambda path: path.stem)
def test_nothing_waits_for_itself(query) -> None:  # type: ignore[no-untyped-def]
    made = planned(query.read_text())
    waits = {
        n: {j.keys_of for j in joins}
        for n, joins in semijoins(made.local, made.fragments, Statistics(sources()), 10**6).items()
    }
    done: set[int] = set()
    while len(done) < len(made.fragments):
        ready = {f.id for f in made.fragments if f.id not in done and waits.get(f.id, set()) <= done}
        assert ready
        done |= ready


@pytest.mark.parametrize(
    ("sql", "source", "column", "expected"),
    [
        (
            f"SELECT o_orderkey, o_custkey FROM {O} WHERE o_orderkey > 5",
            "sales",
            1,
            "\"o_custkey\" = ANY ('{1,2}'::int4[])",
        ),
        (f"SELECT c_custkey FROM {C}", "crm", 0, '"c_custkey" IN (1,2)'),
        ("SELECT n_nationkey FROM lake.nation", "lake", 0, '"n_nationkey" IN (1,2)'),
        (f"SELECT o_custkey, count(*) FROM {O} GROUP BY o_custkey", "sales", 0, "WHERE"),
        (f"SELECT o_custkey FROM {O} ORDER BY o_orderkey LIMIT 5", "sales", 0, 'AS "k"'),
    ],
)
def test_keys_stand_as_deep_in_the_sources_sql_as_they_may(sql: str, source: str, column: int, expected: str) -> None:
    (fragment,) = planned(sql).fragments
    query = restricted(fragment.query, [boolean("in keys", output(column, "INTEGER"), Keys(("1\0002",)))])
    read = read_of(query, sources()[source].dialect)
    assert expected in read.body.replace('"t0".', "")


# ---------------------------------------------------------------- several columns, and types

TWO = "(l_partkey, l_suppkey) <- (ps_partkey, ps_suppkey)"


def rows(sql: str) -> set[str]:
    """The sets of columns that one row must meet in one row, as '(reduced, …) <- (by, …)'."""
    made = planned(sql)
    found = set()
    for together in reductions_of(made.local):
        if len(together) > 1:
            sides = zip(*sorted(together), strict=True)
            names = [", ".join(origin(made, place.fragment, place.column) for place in side) for side in sides]
            found.add(f"({names[0]}) <- ({names[1]})")
    return found


L, PS = "sales.lineitem", "crm.partsupp"


@pytest.mark.parametrize(
    ("sql", "meets"),
    [
        (f"SELECT l_tax FROM {L}, {PS} WHERE l_partkey = ps_partkey AND l_suppkey = ps_suppkey", True),
        (f"SELECT l_tax FROM {L} JOIN {PS} ON l_partkey = ps_partkey AND l_suppkey = ps_suppkey", True),
        (
            f"SELECT l_tax FROM {L} WHERE EXISTS (FROM {PS} WHERE l_partkey = ps_partkey AND l_suppkey = ps_suppkey AND ps_availqty > l_quantity)",
            True,
        ),
        (
            f"SELECT l_tax FROM {L} WHERE l_partkey IN (SELECT ps_partkey FROM {PS}) AND l_suppkey IN (SELECT ps_suppkey FROM {PS})",
            False,
        ),
        (
            f"SELECT l_tax FROM {L}, {PS} AS a, {PS} AS b WHERE l_partkey = a.ps_partkey AND l_suppkey = b.ps_suppkey",
            False,
        ),
        (
            f"WITH p AS MATERIALIZED (SELECT * FROM {PS} LIMIT 9) FROM {L}, p AS a, p AS b WHERE l_partkey = a.ps_partkey AND l_suppkey = b.ps_suppkey",
            False,
        ),
    ],
)
def test_columns_are_keys_together_where_one_row_must_have_both(sql: str, *, meets: bool) -> None:
    assert (
        TWO in {row.replace("(l_suppkey, l_partkey) <- (ps_suppkey, ps_partkey)", TWO) for row in rows(sql)}
    ) == meets


def chosen(sql: str) -> set[tuple[str, ...]]:
    """The columns that a plan's semi-joins restrict, without the tables' prefixes."""
    made = planned(sql)
    return {
        tuple(sorted(origin(made, fragment.id, column) for column in join.columns))
        for fragment in made.fragments
        for join in fragment.semijoins
    }


def test_keys_of_two_columns_travel_where_they_let_fewer_rows_through_than_those_of_each() -> None:
    """All suppliers are among the keys, and 1 part of 3, but 80,000 of millions of pairs."""
    sql = (
        f"SELECT l_tax FROM {PS}, {L} WHERE l_partkey = ps_availqty AND l_suppkey = ps_suppkey AND ps_comment LIKE 'x%'"
    )
    assert chosen(sql) == {("l_partkey",), ("l_partkey", "l_suppkey")}


def test_keys_that_refer_to_rows_of_a_table_travel_by_the_column_that_tells_most() -> None:
    """A line's (part, supplier) is one of the table's: both together say no more than the part does."""
    sql = f"SELECT l_tax FROM {PS}, {L} WHERE l_partkey = ps_partkey AND l_suppkey = ps_suppkey AND ps_partkey < 2000"
    assert ("l_partkey", "l_suppkey") not in chosen(sql)


@pytest.mark.parametrize(
    ("condition", "restricted_"),
    [
        ("o_clerk = c_name", {("o_clerk",)}),
        ("o_totalprice = c_acctbal", {("o_totalprice",)}),
        ("o_totalprice = c_custkey", {("o_totalprice",)}),
        ("CAST(o_custkey AS BIGINT) = CAST(c_custkey AS HUGEINT)", set()),
        ("CAST(o_custkey AS BIGINT) = c_custkey", {("o_custkey",)}),
        ("CAST(o_custkey AS DOUBLE) = c_custkey", set()),
        ("CAST(o_totalprice AS DECIMAL(15,1)) = c_acctbal", set()),
        ("lower(o_clerk) = c_name", set()),
    ],
)
def test_columns_of_equal_values_are_keys_whatever_their_exact_type(condition: str, restricted_: set[str]) -> None:
    sql = f"SELECT o_orderkey FROM {O}, {C} WHERE {condition} AND c_mktsegment = 'BUILDING' AND c_nationkey = 7"
    assert chosen(sql) == restricted_
