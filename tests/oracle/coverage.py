"""Which entries of the allow-lists were seen pushed, with an answer that was compared: `python -m tests.oracle.coverage`.

An entry counts when a fragment's SQL was printed with it, the statement's answer has rows and a NULL, and it equals the
one DuckDB's. Prints a table of all entries, and ends with 1 where one was seen too rarely.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from connectors.sqlgen.dialect import Dialect, Entry, family
from connectors.sqlgen.printer import Printer
from connectors.sqlgen.tree import Call, Cast
from planner.plan import FederatedPlan
from tests.oracle import agreement
from tests.oracle.exercises import Exercise, exercises
from tests.oracle.world import World

Key = tuple[str, str, int]
"""(source, kind, position among the entries of that kind)"""


@dataclass(slots=True)
class Coverage:
    """Counts, for one federation."""

    oracle: World
    seen: Counter[Key] = field(default_factory=Counter)
    entries: dict[Key, Entry] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, info in self.oracle.infos.items():
            for kind, table in _tables(info.dialect):
                for position, entry in enumerate(table):
                    self.entries[name, kind, position] = entry

    def used(self, plan: FederatedPlan) -> set[Key]:
        """The entries that the fragments of a plan are printed with."""
        keys: set[Key] = set()
        for fragment in plan.fragments:
            dialect = self.oracle.infos[fragment.source].dialect
            recording = _Recording(dialect, fragment.query)
            recording.read(fragment.query)
            for kind, table in _tables(dialect):
                for position, entry in enumerate(table):
                    if any(entry == used for used_kind, used in recording.used if used_kind == kind):
                        keys.add((fragment.source, kind, position))
        return keys

    def count(self, sql: str, among: set[Key] | None = None) -> str | None:
        """Run a statement and count what it covers; the difference from what is expected, if there is one."""
        used = self.used(self.oracle.plan(sql))
        if not used or (among is not None and not used & among):
            return None
        wanted = agreement.expected(self.oracle, sql)
        if wanted is None or not wanted.answer.rows:
            return None
        found = agreement.disagreement(self.oracle, wanted, ways=("on",))
        if found is None and any(value is None for row in wanted.answer.rows for value in row):
            self.seen.update(used)
        return None if found is None else f"{found}\n{sql}"

    def lacking(self, times: int) -> dict[Key, Entry]:
        """The entries seen less often."""
        return {key: entry for key, entry in self.entries.items() if self.seen[key] < times}


def cover(oracle: World, times: int, seed: int = 0) -> tuple[Coverage, list[str]]:
    """Exercise every entry until it was seen so often, or nothing new comes. Also the differences found."""
    coverage = Coverage(oracle)
    differences: list[str] = []
    for number in range(20 + times * 8):
        lacking = coverage.lacking(times)
        if not lacking:
            break
        chance = random.Random(f"{seed} {number}")
        for name, info in oracle.infos.items():
            wanted = [
                (kind, entry)
                for (source, kind, _), entry in lacking.items()
                if source == name and not info.dialect.anything
            ]
            asked = exercises(name, wanted, chance)
            for sql in _statements(asked, chance, together=8 if number % 2 == 0 else 1):
                found = coverage.count(sql, set(lacking))
                if found is not None:
                    differences.append(found)
    return coverage, differences


def _statements(asked: list[Exercise], chance: random.Random, together: int) -> Iterator[str]:
    """Statements that show several exercises each, where they are of one shape over one table."""
    shapes: dict[tuple[str, str], list[Exercise]] = {}
    for exercise in asked:
        shapes.setdefault((exercise.table, exercise.shape), []).append(exercise)
    for group in shapes.values():
        for start in range(0, len(group), together):
            yield Exercise.statement(group[start : start + together], chance)


def _tables(dialect: Dialect) -> list[tuple[str, list[Entry]]]:
    listed = {"scalar": dialect.scalars, "aggregate": dialect.aggregates, "window": dialect.windows}
    made = [(kind, [entry for group in table.values() for entry in group]) for kind, table in listed.items()]
    return [*made, ("cast", [_cast(entry, *pair) for pair, entry in dialect.casts.items()])]


def _cast(entry: Entry, source: str, target: str) -> Entry:
    return replace(entry, args=(source,), result=target)


class _Recording(Printer):
    """Prints, and remembers the entries that it printed with."""

    def __init__(self, dialect: Dialect, root: Any) -> None:
        super().__init__(dialect, root)
        self.used: list[tuple[str, Entry]] = []

    def entry(self, table: Any, node: Call, args: Any) -> Entry:
        found = super().entry(table, node, args)
        kinds = {id(self.dialect.scalars): "scalar", id(self.dialect.aggregates): "aggregate"}
        self.used.append((kinds.get(id(table), "window"), found))
        return found

    def cast(self, node: Cast) -> str:
        sql = super().cast(node)
        pair = family(node.arg.type), family(node.type)
        if pair in self.dialect.casts and node.arg.type != node.type:
            self.used.append(("cast", _cast(self.dialect.casts[pair], *pair)))
        return sql


def table(coverage: Coverage) -> str:
    """The counts as lines: source, kind, function, argument families, how often."""
    lines = [f"{'source':<8}{'kind':<11}{'function':<24}{'arguments':<34}{'seen':>6}"]
    for key, entry in coverage.entries.items():
        source, kind, _ = key
        arguments = ", ".join(
            f"constant {arg}" if i in entry.constants else arg for i, arg in enumerate(entry.args)
        ) + (f" -> {entry.result}" if kind == "cast" and entry.result else "")
        lines.append(f"{source:<8}{kind:<11}{entry.name:<24}{arguments:<34}{coverage.seen[key]:>6}")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """The command."""
    from tests import services
    from tests.oracle.world import world

    parser = argparse.ArgumentParser(prog="python -m tests.oracle.coverage", description=__doc__)
    parser.add_argument("--times", type=int, default=3, help="how often each entry must be seen (default: 3)")
    times = parser.parse_args(arguments).times
    with (
        services.postgres() as pg,
        services.mysql() as my,
        tempfile.TemporaryDirectory() as folder,
        world(pg, my, Path(folder)) as oracle,
    ):
        coverage, differences = cover(oracle, times)
    print(table(coverage))
    lacking = coverage.lacking(times)
    print(
        f"\n{len(coverage.entries)} entries, {len(lacking)} seen less than {times} times, {len(differences)} differences"
    )
    for difference in differences:
        print(difference)
    return 1 if lacking or differences else 0


if __name__ == "__main__":
    sys.exit(main())
