"""Whether the oracles notice planted faults: `python -m tests.oracle.hunt` plants one after the other and prints which.

A fault counts as caught when a statement of the suites (the corpus, the exercises of an entry, random statements) no
longer has the one DuckDB's answer. To be quick only those are run whose plan the fault changes.
"""

from __future__ import annotations

import argparse
import logging
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from planner.plan import FederatedPlan
from tests.oracle import agreement, corpus, test_fragments
from tests.oracle.agreement import Expected
from tests.oracle.exercises import Exercise, exercises
from tests.oracle.faults import Fault, all_faults, planted
from tests.oracle.generator import statement
from tests.oracle.known_bugs import known_bugs
from tests.oracle.world import World
from tests.unit.small_world import SmallWorld
from tests.unit.test_planner_rules import CASES as RULE_CASES
from tests.unit.test_planner_rules import check_rewriting

BY_FIXTURE = "the plan of a fixture is another"
PATIENCE = 60.0
"""Processor seconds for one fault: one that makes planning endless is caught by it."""


@dataclass(slots=True)
class Suites:
    """The statements that faults are hunted with, and their plans without a fault."""

    oracle: World
    plans: dict[str, Any]
    shown: frozenset[str]
    """Statements whose plans are fixtures (tests/fixtures/fragments): a change of one is noticed as such."""
    _expected: dict[str, Expected | None] = field(default_factory=dict)
    _sound: dict[str, bool] = field(default_factory=dict)

    @classmethod
    def of(cls, oracle: World, seeds: int) -> Suites:
        plain = [
            case.sql
            for case in corpus.read_all()
            if case.sql == case.reference
            and not (case.settings or case.parameters or case.raises or case.count_only or case.lacks or case.order)
        ]
        shown = [query for file in test_fragments.FILES for query in test_fragments.queries(file)]
        every = [*plain, *shown, *(statement(seed) for seed in range(seeds))]
        random.Random(0).shuffle(every)
        return cls(oracle, {sql: _plan(oracle, sql) for sql in every}, frozenset(shown))

    def caught(self, fault: Fault) -> str | None:
        """What notices the fault: an answer that it changes, or else the plan of a fixture; None if nothing does."""
        try:
            return self.differing(fault) or self._planned_otherwise(fault)
        except _Endless:
            return "it does not end"

    def differing(self, fault: Fault) -> str | None:
        """The first answer that the fault changes."""
        start, found = 0, self._exercised(fault)
        if found is not None:
            return found
        statements = list(self.plans)
        while start < len(statements):
            with planted(fault, self.oracle) as world, _patience(PATIENCE):
                for number in range(start, len(statements)):
                    found = self._difference(fault, world, statements[number])
                    if found is not None:
                        break
            if found is None:
                return None
            if self._is_sound(statements[number]):
                return f"{found}\n{statements[number]}"
            start = number + 1  # it differs without the fault, too
        return None

    def _difference(self, fault: Fault, world: World, sql: str) -> str | None:
        if fault.catalog is None and _plan(world, sql) == self.plans[sql]:
            return None
        wanted = self._wanted(sql)
        return None if wanted is None else agreement.disagreement(world, wanted, ways=("on",))

    def _wanted(self, sql: str) -> Expected | None:
        if sql not in self._expected:
            self._expected[sql] = agreement.expected(self.oracle, sql)
        return self._expected[sql]

    def _is_sound(self, sql: str) -> bool:
        """Whether a statement has the right answer when no fault is planted."""
        if sql not in self._sound:
            wanted = self._wanted(sql)
            self._sound[sql] = wanted is not None and agreement.disagreement(self.oracle, wanted, ways=("on",)) is None
        return self._sound[sql]

    def _exercised(self, fault: Fault) -> str | None:
        if fault.entry is None or fault.source is None:
            return None
        with planted(fault, self.oracle) as world:
            for number in range(12):
                chance = random.Random(number)
                for exercise in exercises(fault.source, [fault.entry], chance):
                    wanted = agreement.expected(self.oracle, Exercise.statement([exercise], chance))
                    found = wanted and agreement.disagreement(world, wanted, ways=("on",))
                    if found:
                        return found
        return None

    def _planned_otherwise(self, fault: Fault) -> str | None:
        with planted(fault, self.oracle) as world, _patience(PATIENCE):
            for sql in self.shown:
                if _plan(world, sql) != self.plans[sql]:
                    return f"{BY_FIXTURE}: {sql}"
            return _rewritten(fault)


def _rewritten(fault: Fault) -> str | None:
    """A fixture of a rule (tests/fixtures/rules) that a fault in the rules breaks."""
    if not fault.name.startswith("planner.rules."):
        return None
    world = SmallWorld()
    for case in RULE_CASES:
        try:
            check_rewriting(case, world)
        except AssertionError:
            return f"{BY_FIXTURE}: {case.id}"
        except Exception as error:  # noqa: BLE001 - a planted fault may raise anything
            return f"it raises {error!r}"
    return None


def _plan(oracle: World, sql: str) -> Any:
    """A plan as far as it runs; the error if there is none. A planted fault may raise anything."""
    try:
        plan: FederatedPlan = oracle.plan(sql)
    except Exception as error:  # noqa: BLE001 - a planted fault may raise anything
        return repr(error)
    return plan.local_sql, tuple((fragment.source, fragment.read, fragment.semijoins) for fragment in plan.fragments)


class _Endless(BaseException):
    """The fault's time is up. No Exception, so that nothing on the way takes it for one."""


@contextmanager
def _patience(seconds: float) -> Iterator[None]:
    """Raise _Endless after so many processor seconds."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise _Endless

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def hunt(suites: Suites, faults: list[Fault], tell: Callable[[str], None]) -> list[Fault]:
    """The faults that nothing noticed."""
    missed = []
    for fault in faults:
        started = time.monotonic()
        found = suites.caught(fault)
        took = time.monotonic() - started
        tell(
            f"{'caught' if found else 'MISSED'} {took:5.1f} s  {fault.name}" + (f"\n    {found[:160]}" if found else "")
        )
        if found is None:
            missed.append(fault)
    return missed


def main(arguments: list[str] | None = None) -> int:
    """The command."""
    from tests import services
    from tests.oracle.world import world

    logging.disable(logging.CRITICAL)
    parser = argparse.ArgumentParser(prog="python -m tests.oracle.hunt", description=__doc__)
    parser.add_argument("--only", default="", help="plant only faults whose name has this text")
    parser.add_argument("--count", type=int, default=0, help="plant so many, chosen by chance (default: all)")
    parser.add_argument("--seeds", type=int, default=200, help="random statements beside the corpus (default: 200)")
    parser.add_argument("--known", action="store_true", help="plant the known kinds of bugs only")
    given = parser.parse_args(arguments)
    with (
        services.postgres() as pg,
        services.mysql() as my,
        tempfile.TemporaryDirectory() as folder,
        world(pg, my, Path(folder)) as oracle,
    ):
        every = known_bugs(oracle) if given.known else all_faults(oracle)
        faults = [fault for fault in every if given.only in fault.name]
        if given.count:
            faults = random.Random(0).sample(faults, min(given.count, len(faults)))
        missed = hunt(Suites.of(oracle, given.seeds), faults, lambda line: print(line, flush=True))
    print(f"{len(faults)} faults, {len(faults) - len(missed)} caught")
    for fault in missed:
        print("missed:", fault.name)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
