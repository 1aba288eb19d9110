"""Runs many random statements and tells every difference, without ending at the first: `python -m tests.oracle.many`.

The tests (tests/oracle/test_random_queries.py) end at a difference; this goes on, so that one long run finds them all.
A difference is printed with its seed and, with --shrink, as the smallest statement that differs, too. With --varied each
statement also runs in every other way (tests/oracle/variations.py), say with sources whose work is free, and dear.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

from tests import services
from tests.oracle import agreement
from tests.oracle.generator import Generator, statement
from tests.oracle.shrinking import smallest
from tests.oracle.variations import VARIATIONS, varied
from tests.oracle.world import World, world


def run(oracle: World, seeds: Iterable[int], *, vary: bool = False, shrink: bool = False) -> Counter[str]:
    """Run the statements of these seeds, print their differences, count how they ended."""

    def differs(wanted: agreement.Expected) -> str | None:
        found = agreement.disagreement(oracle, wanted)
        return found or (_varied(oracle, wanted) if vary else None)

    counts: Counter[str] = Counter()
    for seed in seeds:
        sql = statement(seed)
        counts["statements"] += 1
        wanted = agreement.expected(oracle, sql)
        if wanted is None:
            counts["without an answer"] += 1
            continue
        counts["with rows"] += bool(wanted.answer.rows)
        found = differs(wanted)
        if found is not None:
            counts["differences"] += 1
            print(f"seed {seed}: {found}\n{sql}", flush=True)
            if shrink:
                print(f"smallest: {_smallest(oracle, seed, differs)}", flush=True)
    return counts


def _varied(oracle: World, wanted: agreement.Expected) -> str | None:
    """The first of the other ways that answers differently."""
    for name in VARIATIONS:
        with varied(name) as another:
            found = agreement.disagreement(oracle, wanted, another(wanted.sql), ways=("on",))
        if found is not None:
            return f"{name}: {found}"
    return None


def _smallest(oracle: World, seed: int, differs: Callable[[agreement.Expected], str | None]) -> str:
    def fails(sql: str) -> bool:
        wanted = agreement.expected(oracle, sql)
        return wanted is not None and differs(wanted) is not None

    return smallest(seed, lambda choose: Generator(choose).statement(), fails)


def main(arguments: list[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.oracle.many", description=__doc__)
    parser.add_argument("--first", type=int, default=0, help="the first seed (default: 0)")
    parser.add_argument("--count", type=int, default=20_000, help="how many seeds (default: 20000)")
    parser.add_argument("--shrink", action="store_true", help="make each statement that differs as small as it can be")
    parser.add_argument("--varied", action="store_true", help="run each statement in every other way, too")
    given = parser.parse_args(arguments)
    logging.disable(logging.CRITICAL)  # a difference says what it is
    started = time.monotonic()
    with (
        services.postgres() as pg,
        services.mysql() as my,
        tempfile.TemporaryDirectory() as folder,
        world(pg, my, Path(folder)) as oracle,
    ):
        counts = run(oracle, range(given.first, given.first + given.count), vary=given.varied, shrink=given.shrink)
    told = ", ".join(
        f"{counts[name]} {name}" for name in ("statements", "without an answer", "with rows", "differences")
    )
    print(f"seeds {given.first} to {given.first + given.count - 1}: {told}; {time.monotonic() - started:.0f} s")
    return 1 if counts["differences"] else 0


if __name__ == "__main__":
    sys.exit(main())
