"""Each rule does what its fixture says, leaves alone what its guards name, and never changes an answer."""

from __future__ import annotations

import inspect
import re

import pytest

from connectors.sqlgen.duckdb import DUCKDB
from connectors.sqlgen.printer import sql_of
from planner.bind import bind
from planner.optimize import NEEDS, RULES, kinds
from planner.parse import Guards, parse
from planner.pipeline import oracle
from tests.unit.cases import FIXTURES, Case, read_cases, write_cases
from tests.unit.small_world import SmallWorld, multiset, request

MARKERS = frozenset({"becomes", "unchanged"})
FILES = sorted((FIXTURES / "rules").glob("*.sql"))
CASES = [case for file in FILES for case in read_cases(file, MARKERS)]
_GUARD = re.compile(r"^- ([^:\n]+)", re.MULTILINE)
BY_NAME = {rule.__name__: rule for rule in RULES}


@pytest.fixture(scope="module")
def world() -> SmallWorld:
    return SmallWorld()


def test_every_rule_has_a_fixture_of_its_name_and_every_fixture_a_rule() -> None:
    assert {file.stem for file in FILES} == set(BY_NAME)


@pytest.mark.parametrize("name", sorted(BY_NAME))
def test_every_guard_that_a_rule_names_has_a_case_and_every_unchanged_case_a_guard(name: str) -> None:
    words = inspect.getdoc(inspect.getmodule(BY_NAME[name])) or ""
    guards = {guard.strip() for guard in _GUARD.findall(words.partition("Guards:\n")[2])}
    cases = [case for case in CASES if case.file.stem == name]
    held = {case.name.partition(":")[0] for case in cases if "unchanged" in case.sections}
    assert guards == held
    assert any("becomes" in case.sections for case in cases)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_rule_changes_nothing_where_there_is_none_of_what_it_needs(case: Case, world: SmallWorld) -> None:
    query = bind(parse(case.sql, Guards(), oracle()), request(case.sql), world.sources, oracle()).query
    for rule in RULES:
        changed = rule(query)
        if rule in NEEDS and NEEDS[rule].isdisjoint(kinds(query)):
            assert changed is query, rule.__name__
        query = changed


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_rule_rewrites_as_its_fixture_says(case: Case, world: SmallWorld, update_fixtures: bool) -> None:
    check_rewriting(case, world, update_fixtures=update_fixtures)


def check_rewriting(case: Case, world: SmallWorld, *, update_fixtures: bool = False) -> None:
    """Raise AssertionError unless the rule does what the case says, and the answer stays the same."""
    statement = parse(case.sql, Guards(), oracle())
    before = bind(statement, request(case.sql), world.sources, oracle()).query
    after = BY_NAME[case.file.stem](before)
    printed = sql_of(after, DUCKDB)
    if update_fixtures:
        _rewrite(case, None if after is before else printed)
    elif "unchanged" in case.sections:
        assert after is before, printed
    else:
        assert printed == case.sections["becomes"]
    with world.using("memory") as connection:
        original, rewritten = (connection.sql(_global(sql_of(tree, DUCKDB))).fetchall() for tree in (before, after))
    assert multiset(original) == multiset(rewritten)


def _global(sql: str) -> str:
    """Printed names have no catalog: give each table its own."""
    from tests.unit.small_world import TABLES

    for source, name in TABLES:
        sql = sql.replace(f'"main"."{name}"', f'"{source}"."main"."{name}"')
    return sql


def _rewrite(case: Case, becomes: str | None) -> None:
    cases = read_cases(case.file, MARKERS)
    for other in cases:
        if other.name == case.name:
            other.sections = {"unchanged": ""} if becomes is None else {"becomes": becomes}
    write_cases(case.file, cases)
