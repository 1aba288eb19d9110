"""The three parts that a predicate makes of a relation are the relation (TLP), and counts agree (NoREC)."""

from __future__ import annotations

import pytest

from tests.oracle import logic
from tests.oracle.world import World

BLOCK = 50


@pytest.mark.parametrize("block", range(4))
def test_the_parts_of_a_relation_add_up(oracle: World, block: int) -> None:
    _add_up(oracle, range(block * BLOCK, (block + 1) * BLOCK))


@pytest.mark.long
@pytest.mark.parametrize("block", range(4, 200))
def test_the_parts_of_many_relations_add_up(oracle: World, block: int) -> None:
    _add_up(oracle, range(block * BLOCK, (block + 1) * BLOCK))


def _add_up(oracle: World, seeds: range) -> None:
    violations, asked = [], 0
    for seed in seeds:
        split = logic.split(seed)
        if not logic.binds(oracle, split):
            continue
        asked += 1
        found = logic.violation(oracle, split)
        if found is not None:
            violations.append(f"seed {seed}: {found}\n  {split.predicate}\n  FROM {split.source}")
    assert not violations, "\n".join(violations)
    assert asked > len(seeds) / 2, "too few statements bind"
