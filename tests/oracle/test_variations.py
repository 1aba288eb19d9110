"""No way of running a statement changes its answer: semi-joins forced and forbidden, join cuts, sizes of batches (D10)."""

from __future__ import annotations

import pytest

from tests.oracle import agreement, corpus
from tests.oracle.generator import statement
from tests.oracle.variations import VARIATIONS, factored_to, keys_handed_on, parts_read, varied
from tests.oracle.world import World

SHORT, LONG = 40, 1_000
"""Statements of each variation."""
FIRST = 100_000
"""Seeds that the test of random statements does not use."""

variations = pytest.mark.parametrize("name", VARIATIONS)


@variations
def test_the_answer_does_not_depend_on_how_it_runs(oracle: World, name: str) -> None:
    _agree(oracle, name, range(FIRST, FIRST + SHORT))


@pytest.mark.long
@variations
def test_many_answers_do_not_depend_on_how_they_run(oracle: World, name: str) -> None:
    _agree(oracle, name, range(FIRST, FIRST + LONG))


JOINS = (
    "SELECT p.id, o.id FROM pg.public.people p JOIN my.shop.orders o ON p.id = o.customer",
    "SELECT p.id, o.id FROM pg.public.people p LEFT JOIN my.shop.orders o ON p.id = o.customer",
    "SELECT p.id FROM my.shop.customers p WHERE EXISTS (SELECT 1 FROM lake.main.events e WHERE e.person = p.id)",
    "SELECT p.id FROM pg.public.people p WHERE NOT EXISTS (SELECT 1 FROM lake.main.pairs x WHERE x.a = p.id)",
    "SELECT p.id, (SELECT count(*) FROM my.shop.orders o WHERE o.customer = p.id) FROM pg.public.people p",
    "SELECT w.id, d.q, e.val FROM pg.public.wide w, my.shop.deep d, lake.main.events e WHERE w.id = d.wide AND w.id = e.id",
)


@pytest.mark.parametrize("most", [2, 100_000])
@pytest.mark.parametrize("sql", JOINS)
def test_keys_are_handed_on_where_semijoins_are_forced(oracle: World, sql: str, most: int) -> None:
    name = "every semi-join" if most > 2 else "every semi-join of at most two keys"
    wanted = agreement.expected(oracle, sql)
    assert wanted is not None
    with varied(name) as another, keys_handed_on() as handed:
        assert agreement.disagreement(oracle, wanted, another(sql)) is None
    assert all(count <= most for count in handed)
    assert handed or most == 2, "forced, but no read was restricted: the test shows nothing"


SCANS = (
    "SELECT id, name FROM pg.public.people",
    "SELECT count(*), min(w.id) FROM pg.public.wide w, lake.main.events e WHERE w.id = e.id",
    "SELECT p.id, o.id FROM pg.public.people p JOIN my.shop.orders o ON p.id = o.customer",
    "SELECT id FROM pg.public.people UNION ALL SELECT id FROM pg.public.wide",
    "SELECT id, count(*), max(amount) FROM pg.public.orders GROUP BY id HAVING count(*) < 2",
)


@pytest.mark.parametrize("sql", SCANS)
def test_scans_are_read_in_parts_where_splits_are_forced(oracle: World, sql: str) -> None:
    wanted = agreement.expected(oracle, sql)
    assert wanted is not None
    with varied("scans in parts") as another, parts_read() as read:
        assert agreement.disagreement(oracle, wanted, another(sql)) is None
    assert max(read, default=0) > 0, "forced, but nothing was read in parts: the test shows nothing"


FACTORED = (
    "SELECT person, sum(amount * (1 - qty)), avg(amount), count(amount), max(ts) FROM pg.public.orders WHERE id < 108 GROUP BY 1",
    "SELECT sum(amount * qty - qty), avg(qty), min(amount * qty), count(*) FROM pg.public.orders WHERE id < 108",
    "SELECT sum(qty * amount), avg(qty * amount) FROM pg.public.orders WHERE id < 0",
    "SELECT status, sum(amount * qty) FROM pg.public.orders WHERE id < 108 GROUP BY ALL HAVING sum(qty) > 2",
    "SELECT p.id, sum(o.amount * p.balance), count(qty) FROM pg.public.orders o JOIN pg.public.people p ON person = p.id GROUP BY 1",
)


@pytest.mark.parametrize("sql", FACTORED)
def test_sums_are_factored_where_that_is_forced(oracle: World, sql: str) -> None:
    wanted = agreement.expected(oracle, sql)
    assert wanted is not None
    with varied("work that is free") as another, factored_to() as groups:
        assert agreement.disagreement(oracle, wanted, another(sql), ways=("on",)) is None
    assert groups, "forced, but the source groups as it is written: the test shows nothing"


@pytest.mark.parametrize("name", ["work that is free", "work that is dear"])
def test_what_was_found_stays_right_whatever_work_costs(oracle: World, name: str) -> None:
    wrong = []
    for case in corpus.read(corpus.FOLDER / "found.sql"):
        if case.lacks or case.raises or case.count_only:
            continue
        with varied(name) as another:
            try:
                oracle.check(
                    another(case.sql),
                    reference=case.reference,
                    settings=case.settings,
                    parameters=case.parameters,
                    order=case.order,
                )
            except Exception as error:  # noqa: BLE001 - each is told, with the case that raised it
                wrong.append(f"{case.name}: {error!r}")
    assert not wrong, "\n".join(wrong)


def _agree(oracle: World, name: str, seeds: range) -> None:
    differences, compared = [], 0
    for seed in seeds:
        sql = statement(seed)
        wanted = agreement.expected(oracle, sql)
        if wanted is None:
            continue
        compared += 1
        with varied(name) as another:
            found = agreement.disagreement(oracle, wanted, another(sql), ways=("on",))
        if found is not None:
            differences.append(f"seed {seed}: {found}\n{sql}")
    assert not differences, "\n".join(differences)
    assert compared > len(seeds) / 2
