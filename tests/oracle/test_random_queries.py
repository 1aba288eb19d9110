"""Random statements answer the same with pushdown, without, and in one DuckDB: 500 from fixed seeds, 20,000 in the long form.

A difference found here goes into the corpus (found.sql) as a case of its own, as small as it can be made: see
tests/oracle/many.py.
"""

from __future__ import annotations

import random

import pytest

from tests.oracle import agreement, kinds
from tests.oracle.generator import placeable, placed, statement
from tests.oracle.world import World

BLOCK = 50
"""Statements of one test."""


@pytest.mark.parametrize("block", range(10))
def test_random_statements_agree(oracle: World, block: int) -> None:
    _agree(oracle, range(block * BLOCK, (block + 1) * BLOCK))


@pytest.mark.long
@pytest.mark.parametrize("block", range(10, 400))
def test_many_random_statements_agree(oracle: World, block: int) -> None:
    _agree(oracle, range(block * BLOCK, (block + 1) * BLOCK))


@pytest.mark.parametrize("block", range(2))
def test_the_placement_of_its_tables_does_not_change_an_answer(oracle: World, block: int) -> None:
    _agree_wherever_placed(oracle, range(block * BLOCK, (block + 1) * BLOCK))


@pytest.mark.long
@pytest.mark.parametrize("block", range(2, 60))
def test_the_placement_of_its_tables_does_not_change_many_answers(oracle: World, block: int) -> None:
    _agree_wherever_placed(oracle, range(block * BLOCK, (block + 1) * BLOCK))


def _agree(oracle: World, seeds: range) -> None:
    differences, with_rows = [], 0
    for seed in seeds:
        wanted = agreement.expected(oracle, statement(seed))
        if wanted is None:
            continue
        with_rows += bool(wanted.answer.rows)
        found = agreement.disagreement(oracle, wanted)
        if found is not None:
            differences.append(f"seed {seed}, {found}\n{wanted.sql}")
    assert not differences, "\n".join(differences)
    assert with_rows > len(seeds) / 4, "too few answers with rows prove too little"


def _agree_wherever_placed(oracle: World, seeds: range) -> None:
    differences, with_rows = [], 0
    for seed in seeds:
        sql = placeable(seed)
        wanted = agreement.expected(oracle, placed(sql, lambda: "lake"))
        if wanted is None:
            continue
        with_rows += bool(wanted.answer.rows)
        for text in _placements(sql, random.Random(seed)):
            found = agreement.disagreement(oracle, wanted, text, ways=("on",))
            if found is not None:
                differences.append(f"seed {seed}, {found}\n{text}")
    assert not differences, "\n".join(differences)
    assert with_rows > len(seeds) / 4, "too few answers with rows prove too little"


def _placements(sql: str, chance: random.Random) -> list[str]:
    """All tables at each source, and two mixtures of them."""
    whole = [placed(sql, lambda source=source: source) for source in kinds.WHERE]
    mixed = [placed(sql, lambda: chance.choice(tuple(kinds.WHERE))) for _ in range(2)]
    return list(dict.fromkeys([*whole, *mixed]))
