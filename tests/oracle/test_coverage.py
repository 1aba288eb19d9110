"""Every entry of the allow-lists was seen pushed with a right answer that holds a NULL, and every rule changed a query."""

from __future__ import annotations

from collections import Counter

import pytest

from planner.optimize import RULES
from tests.oracle import corpus, test_fragments
from tests.oracle.coverage import cover, table
from tests.oracle.generator import statement
from tests.oracle.world import World

SHORT, LONG = 3, 100
"""How often each entry must be seen."""
SEEDS = 300


def test_every_entry_of_the_allow_lists_was_seen_pushed(oracle: World) -> None:
    _all_seen(oracle, SHORT)


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_every_entry_of_the_allow_lists_was_seen_pushed_often(oracle: World) -> None:
    _all_seen(oracle, LONG)


def _all_seen(oracle: World, times: int) -> None:
    coverage, differences = cover(oracle, times)
    print(table(coverage))
    assert not differences, "\n".join(differences)
    assert not coverage.lacking(times)


def test_every_rule_changes_statements_that_are_compared(oracle: World) -> None:
    changed: Counter[str] = Counter()
    cases = [case.sql for case in corpus.read_all() if case.sql == case.reference and not case.raises]
    cases += [query for file in test_fragments.FILES for query in test_fragments.queries(file)]
    for sql in [*cases, *(statement(seed) for seed in range(SEEDS))]:
        changed.update(stage.partition(": ")[2] for stage in oracle.stages(sql))
    rare = {rule.__name__: changed[rule.__name__] for rule in RULES if changed[rule.__name__] < SHORT}
    assert rare == {}
