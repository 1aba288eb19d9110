"""The oracles notice faults that are planted: every known kind of bug by an answer, and most of what can be lacking in code.

`python -m tests.oracle.hunt` plants all faults there are and prints which were noticed, and by what.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from tests.oracle.faults import all_faults
from tests.oracle.hunt import Suites, hunt
from tests.oracle.known_bugs import known_bugs
from tests.oracle.world import World

SEEDS = 150
"""Random statements beside the corpus."""
SAMPLE = 200
CAUGHT = 0.6
"""Of a sample of all faults, code included, how many must be noticed. The rest are mostly no faults: guards that save
work, casts that change no value, conditions of an entry that are wider than what was proven needs."""


@pytest.fixture(scope="module")
def suites(oracle: World) -> Iterator[Suites]:
    yield Suites.of(oracle, SEEDS)


def test_every_known_kind_of_bug_changes_an_answer(oracle: World, suites: Suites) -> None:
    bugs = known_bugs(oracle)
    assert len(bugs) >= 20
    assert [bug.name for bug in bugs if suites.differing(bug) is None] == []


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_most_faults_are_noticed(oracle: World, suites: Suites) -> None:
    faults = random.Random(0).sample(all_faults(oracle), SAMPLE)
    missed = hunt(suites, faults, print)
    assert len(missed) <= (1 - CAUGHT) * SAMPLE, "\n".join(fault.name for fault in missed)
