"""Forms of a plan that ship fewer rows: each is made where its guards allow it, and nowhere else, and never changes an answer.

A fragment is computed of another one's rows (planner/covering.py), a condition on one side becomes a key of its grouping
(planner/partial.py), a row comes beside what looks it up (planner/lookups.py). Statistics of a few rows choose none of
these: they are forced.
"""

from __future__ import annotations

import pytest

from tests.oracle import agreement
from tests.oracle.variations import varied
from tests.oracle.world import World

_ORDERS, _PEOPLE, _PAIRS = "pg.public.orders", "pg.public.people", "lake.main.pairs"
_MET = f"{_ORDERS} o JOIN {_PAIRS} l ON l.a = o.person"
"""Orders with something of another source."""

COVERED = {
    "a coarser grouping of the same rows": f"""
        SELECT o.person, o.status, sum(o.qty) FROM {_MET} GROUP BY o.person, o.status
        UNION ALL SELECT o.person, 'all', sum(o.qty) FROM {_MET} GROUP BY o.person""",
    "averages, extremes and counts of a coarser grouping": f"""
        SELECT o.person, o.status, sum(o.qty), count(*), min(o.placed) FROM {_MET} GROUP BY o.person, o.status
        UNION ALL SELECT o.person, 'all', max(o.qty), count(o.qty), min(o.placed) FROM {_MET} GROUP BY o.person
        HAVING avg(o.amount) > 0""",
    "two totals of the same rows": f"""
        SELECT (SELECT sum(qty) FROM {_ORDERS} WHERE qty > 0), (SELECT count(*) FROM {_ORDERS} WHERE qty > 0), a
        FROM {_PAIRS}""",
    "two totals of no rows": f"""
        SELECT (SELECT sum(qty) FROM {_ORDERS} WHERE qty > 10000000000),
        (SELECT count(*) FROM {_ORDERS} WHERE qty > 10000000000), a FROM {_PAIRS}""",
    "fewer of the same rows": f"""
        SELECT o.id, o.qty FROM {_MET} UNION ALL SELECT o.id, l.a FROM {_MET} WHERE o.status = 'open'""",
    "rows that meet a condition, and those of which it is NULL": f"""
        SELECT o.id, l.b FROM {_MET} UNION ALL SELECT o.id, l.b FROM {_MET} WHERE o.amount > 10 OR o.qty IS NULL""",
    "rows of which the condition's columns come anyway": f"""
        SELECT o.id, o.amount FROM {_MET} UNION ALL SELECT o.id, o.qty FROM {_MET} WHERE o.amount > 10""",
    "groups of fewer rows": f"""
        SELECT o.id, l.b FROM {_MET} UNION ALL SELECT o.qty, count(*) FROM {_MET} WHERE o.status = 'open' GROUP BY o.qty""",
    "different values of them": f"""
        SELECT o.id, o.qty FROM {_MET} UNION ALL SELECT a, b FROM {_PAIRS} WHERE a IN (SELECT qty FROM {_ORDERS})""",
    "those of which EXISTS finds one by a whole key": f"""
        SELECT o.id, p.name FROM {_ORDERS} o JOIN {_PEOPLE} p ON p.id = o.person JOIN {_PAIRS} l ON l.a = o.qty WHERE p.vip
        UNION ALL SELECT o.id, 'x' FROM {_ORDERS} o JOIN {_PAIRS} l ON l.b = o.qty
        WHERE EXISTS (SELECT 1 FROM {_PEOPLE} p WHERE p.id = o.person AND p.vip)""",
    "those that are joined by a whole key": f"""
        SELECT o.id, l.b FROM {_MET}
        UNION ALL SELECT o.id, l.a FROM {_MET} JOIN {_PEOPLE} p ON p.id = o.person WHERE p.vip""",
    "rows that a source can only test roughly": """
        SELECT c.id, c.name, l.b FROM my.shop.customers c JOIN lake.main.pairs l ON l.a = c.id
        UNION ALL SELECT c.id, 'x', l.b FROM my.shop.customers c JOIN lake.main.pairs l ON l.a = c.id WHERE c.name < 'b'""",
}
"""Statements that read one source in two places, and are to ask it once."""

UNCOVERED = {
    "a join by what is no key repeats rows": f"""
        SELECT o.id, l.b FROM {_MET}
        UNION ALL SELECT o.id, l.a FROM {_MET} JOIN {_PEOPLE} p ON p.boss = o.person WHERE p.vip""",
    "EXISTS by what is no key": f"""
        SELECT o.id, p.name FROM {_ORDERS} o JOIN {_PEOPLE} p ON p.boss = o.person JOIN {_PAIRS} l ON l.a = o.qty
        UNION ALL SELECT o.id, 'x' FROM {_ORDERS} o JOIN {_PAIRS} l ON l.b = o.qty
        WHERE EXISTS (SELECT 1 FROM {_PEOPLE} p WHERE p.boss = o.person)""",
    "a column of the table that is joined": f"""
        SELECT o.id, 'x' FROM {_MET} UNION ALL SELECT o.id, p.name FROM {_MET} JOIN {_PEOPLE} p ON p.id = o.person""",
    "groups do not say how often a row comes": f"""
        SELECT o.person, sum(o.qty) FROM {_MET} GROUP BY o.person
        UNION ALL SELECT q.person, q.n FROM (SELECT person, row_number() OVER (ORDER BY id) AS n FROM {_ORDERS}) q
        JOIN {_PAIRS} l ON l.a = q.person""",
    "a grouping by other keys": f"""
        SELECT o.status, sum(o.qty) FROM {_ORDERS} o JOIN lake.main.regions r ON r.city = o.status GROUP BY o.status
        UNION ALL SELECT 'x', sum(o.qty) FROM {_MET} GROUP BY o.person""",
    "HAVING leaves groups away": f"""
        SELECT g.person, g.status, g.n FROM
        (SELECT person, status, count(*) AS n FROM {_ORDERS} GROUP BY person, status HAVING count(*) > 1) g
        JOIN {_PAIRS} l ON l.a = g.person UNION ALL SELECT o.person, 'all', count(*) FROM {_MET} GROUP BY o.person""",
    "LIMIT leaves rows away": f"""
        SELECT o.id, o.qty FROM (SELECT * FROM {_ORDERS} ORDER BY id LIMIT 3) o JOIN {_PAIRS} l ON l.a = o.person
        UNION ALL SELECT q.id, q.qty FROM (SELECT * FROM {_ORDERS} ORDER BY id LIMIT 5) q JOIN {_PAIRS} l ON l.a = q.qty""",
    "neither has all rows of the other": f"""
        SELECT o.id, l.b FROM {_MET} WHERE o.qty > 1 UNION ALL SELECT o.id, l.a FROM {_MET} WHERE o.qty < 2""",
    "a condition that could fail for the others' rows": f"""
        SELECT o.id, l.b FROM {_MET} UNION ALL SELECT o.id, l.a FROM {_MET} WHERE CASE WHEN o.qty <> 0 THEN 10 // o.qty END > 3""",
    "a table twice": f"""
        SELECT o.id, q.id FROM {_MET} JOIN {_ORDERS} q ON q.person = o.person UNION ALL SELECT o.id, l.a FROM {_MET}""",
}
"""Statements that have to ask for both."""

BOTH_GROUPED = (
    f"SELECT o.status, sum(o.amount * l.b - o.amount * l.a), count(*) FROM {_MET} GROUP BY o.status",
    f"SELECT sum(o.amount * l.b), sum(o.qty * l.b), count(*) FROM {_MET}",
    f"SELECT l.b, sum(CASE WHEN l.b > 1 THEN o.amount ELSE 0.25 END), min(o.amount) FROM {_MET} GROUP BY l.b",
)
"""Statements over two sources of which each sends groups."""

TESTED = {
    "a condition in OR": f"""
        SELECT sum(o.qty) FROM {_MET} WHERE (o.amount > 10 AND l.b > 1) OR (o.amount < 0 AND l.b < 3)""",
    "conditions of one branch together": f"""
        SELECT l.b, count(*) FROM {_MET}
        WHERE (o.amount > 10 AND o.status = 'open' AND l.b > 1) OR (o.amount < 0 AND l.b < 3) GROUP BY l.b""",
    "a condition in CASE": f"""
        SELECT l.b, sum(CASE WHEN o.amount > 10 THEN l.b ELSE 0 END), count(*) FROM {_MET} GROUP BY l.b""",
    "a condition that is NULL": f"""
        SELECT count(*), sum(CASE WHEN (o.qty > 1) IS NULL THEN l.b ELSE 1 END) FROM {_MET}""",
}
"""Statements of which a condition is to be a key at PostgreSQL."""

UNTESTED = {
    "a column that is needed anyway": f"""
        SELECT o.amount, sum(o.qty) FROM {_MET} WHERE (o.amount > 10 AND l.b > 1) OR l.b < 0 GROUP BY o.amount""",
    "a condition that could fail": f"""
        SELECT sum(o.qty) FROM {_MET} WHERE (o.qty <> 0 AND 10 // o.qty > 3 AND l.b > 1) OR l.b < 0""",
    "a side that an outer join may leave out": f"""
        SELECT l.b, count(*) FROM {_PAIRS} l LEFT JOIN {_ORDERS} o ON l.a = o.person
        WHERE (o.amount IS NULL AND l.b > 1) OR l.b < 3 GROUP BY l.b""",
}

_QTY = f"SELECT o.person FROM {_ORDERS} o JOIN {_PAIRS} l ON l.a = o.qty"

LOOKED_UP = {
    "a lookup by the whole key": f"SELECT p.id, p.name FROM {_PEOPLE} p WHERE p.id IN ({_QTY})",
    "with conditions and another relation around it": f"""
        SELECT p.name, e.id FROM {_PEOPLE} p JOIN lake.main.events e ON e.person = p.id WHERE p.vip AND p.id IN ({_QTY})""",
    "rows that agree in what is shown stay apart": f"SELECT p.name IS NULL FROM {_PEOPLE} p WHERE p.id IN ({_QTY})",
    "a count of them": f"SELECT count(*), sum(p.balance) FROM {_PEOPLE} p WHERE p.id IN ({_QTY})",
    "beside another subquery about the row": f"""
        SELECT p.id FROM {_PEOPLE} p
        WHERE p.id IN ({_QTY}) AND NOT EXISTS (SELECT 1 FROM {_PAIRS} x WHERE x.a = p.boss)""",
}
"""Statements in which people are to come beside the orders that look them up."""

NOT_LOOKED_UP = {
    "what is looked up is no key": f"SELECT p.id, p.name FROM {_PEOPLE} p WHERE p.boss IN ({_QTY})",
    "NOT IN": f"SELECT p.id FROM {_PEOPLE} p WHERE p.id NOT IN ({_QTY} WHERE o.person IS NOT NULL)",
    "below OR": f"SELECT p.id FROM {_PEOPLE} p WHERE p.vip OR p.id IN ({_QTY})",
    "a row of another source": f"SELECT c.id FROM my.shop.customers c WHERE c.id IN ({_QTY})",
    "LIMIT": f"SELECT p.id FROM {_PEOPLE} p WHERE p.id IN ({_QTY} ORDER BY o.person, o.id LIMIT 2)",
    "a grouping": f"""
        SELECT p.id FROM {_PEOPLE} p
        WHERE p.id IN (SELECT max(o.person) FROM {_ORDERS} o JOIN {_PAIRS} l ON l.a = o.qty GROUP BY o.status)""",
    "a query that reads the row": f"SELECT p.id FROM {_PEOPLE} p WHERE p.id IN ({_QTY} WHERE o.status = p.name)",
}


def asked(oracle: World, sql: str) -> list[str]:
    """What the sources are asked in the form of fewest rows, after checking that the answer is the same in it."""
    wanted = agreement.expected(oracle, sql)
    assert wanted is not None
    with varied("fewest rows") as another:
        assert agreement.disagreement(oracle, wanted, another(sql)) is None
        return [f"{one.source}: {one.read.body}" for one in oracle.plan(another(sql)).fragments]


@pytest.mark.parametrize("name", COVERED)
def test_rows_that_follow_from_others_are_not_asked_for(oracle: World, name: str) -> None:
    found = [text for text in asked(oracle, COVERED[name]) if not text.startswith("lake")]
    assert len(found) == 1, found


@pytest.mark.parametrize("name", UNCOVERED)
def test_rows_that_do_not_follow_from_others_are(oracle: World, name: str) -> None:
    found = [text for text in asked(oracle, UNCOVERED[name]) if not text.startswith("lake")]
    assert len(found) == 2, found


@pytest.mark.parametrize("sql", BOTH_GROUPED)
def test_sums_over_two_sides_that_are_both_grouped_have_all_their_digits(oracle: World, sql: str) -> None:
    assert all(" GROUP BY " in text for text in asked(oracle, sql))


@pytest.mark.parametrize("name", TESTED)
def test_conditions_on_one_side_are_keys_of_its_grouping(oracle: World, name: str) -> None:
    (found,) = (text for text in asked(oracle, TESTED[name]) if text.startswith("pg"))
    assert "(" in found.partition(" GROUP BY ")[2], found


@pytest.mark.parametrize("name", UNTESTED)
def test_conditions_whose_columns_come_or_that_could_fail_are_no_keys(oracle: World, name: str) -> None:
    (found,) = (text for text in asked(oracle, UNTESTED[name]) if text.startswith("pg"))
    assert "(" not in found.partition(" GROUP BY ")[2], found


@pytest.mark.parametrize("name", LOOKED_UP)
def test_rows_come_beside_what_looks_them_up(oracle: World, name: str) -> None:
    assert any('"people"' in text and '"orders"' in text for text in asked(oracle, LOOKED_UP[name]))


@pytest.mark.parametrize("name", NOT_LOOKED_UP)
def test_rows_that_are_no_lookups_come_alone(oracle: World, name: str) -> None:
    assert not any('"people"' in text and '"orders"' in text for text in asked(oracle, NOT_LOOKED_UP[name]))
