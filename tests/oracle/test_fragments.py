"""What each source is asked, for queries that show one thing each: kept as fixtures, and every one is run as well.

A fixture's case is a query and, below it, its plan as `plans.show` prints it; `--update-fixtures` writes the plans anew.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.oracle.plans import show
from tests.oracle.world import World

FOLDER = Path(__file__).parent.parent / "fixtures" / "fragments"
_PLAN = re.compile(r"^-- (?:x\d+ on |local$|stayed here$)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Shown:
    """A case of a fixture."""

    head: str
    """The lines of its name and notes."""
    sql: str
    plan: str


def _read(file: Path) -> tuple[str, list[Shown]]:
    """What stands before the first case, and the cases."""
    preface, *blocks = re.split(r"^(?=-- case: )", file.read_text(), flags=re.MULTILINE)
    cases = []
    for block in blocks:
        found = _PLAN.search(block)
        asked, plan = (block, "") if found is None else (block[: found.start()], block[found.start() :])
        lines = asked.strip().splitlines()
        comments = [line for line in lines if line.startswith("-- ")]
        sql = "\n".join(line for line in lines if not line.startswith("-- "))
        cases.append(Shown("\n".join(comments), sql, plan.strip()))
    return preface, cases


def queries(file: Path) -> list[str]:
    """The queries of a fixture."""
    return [case.sql for case in _read(file)[1]]


FILES = sorted(FOLDER.glob("*.sql"))
QUERIES = [
    pytest.param(case.sql, id=f"{file.stem}: {case.head.splitlines()[0].removeprefix('-- case: ')}")
    for file in FILES
    for case in _read(file)[1]
]


@pytest.mark.parametrize("file", FILES, ids=[file.stem for file in FILES])
def test_the_sources_are_asked_what_the_fixture_says(oracle: World, file: Path, update_fixtures: bool) -> None:
    preface, cases = _read(file)
    blocks = [f"{case.head}\n{case.sql}\n{show(oracle.plan(case.sql)).strip()}\n" for case in cases]
    text = preface + "\n".join(blocks)
    if update_fixtures:
        file.write_text(text)
    assert file.read_text() == text, "changed: run pytest --update-fixtures and read the diff"


@pytest.mark.parametrize("sql", QUERIES)
def test_the_queries_of_the_fixtures_answer_right(oracle: World, sql: str) -> None:
    oracle.check(sql)
