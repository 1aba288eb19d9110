"""Oracles that need no second engine: one predicate splits a relation's rows into three parts, and counts agree.

Ternary logic partitioning (TLP): the rows where p holds, where NOT p does and where p IS NULL are all rows, and so are
the distinct ones, the sums, counts, least and greatest values of the three parts. NoREC: as many rows have p as p is
TRUE for where it is only put out, which no planner can use to leave rows away. See Rigger and Su, 2020.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from typing import Any

from planner.errors import PlanningError
from server.execution.errors import EngineFailed, EvaluationFailed
from tests.oracle.agreement import OUT_OF_RANGE
from tests.oracle.answers import Row
from tests.oracle.generator import Generator
from tests.oracle.vocabulary import SORTED
from tests.oracle.world import World
from watersmeet.spi import SourceQueryFailed, ValueDoesNotFit


@dataclass(frozen=True, slots=True)
class Split:
    """A FROM, a predicate over it, and columns of it whose equal values look the same."""

    source: str
    predicate: str
    columns: tuple[str, ...]
    number: str
    """One that can be summed; '1' if there is none."""


def split(seed: int) -> Split:
    """The split of a seed."""
    chance = random.Random(f"split {seed}")
    generator = Generator(chance.randrange)
    generator.begin()
    scope, source, _ = generator.source()
    columns = tuple(dict.fromkeys(name for name, family in scope if family in SORTED))
    numbers = [name for name, family in scope if family in ("int", "decimal")]
    chosen = tuple(chance.sample(columns, min(3, len(columns)))) or ("1",)
    from_ = generator.placed(source)
    return Split(from_, generator.placed(generator.predicate(scope)), chosen, chance.choice(numbers or ["1"]))


def violation(oracle: World, split: Split) -> str | None:
    """What does not add up; None if all does, or if a part has no answer: an overflow, or a defect of DuckDB 2.0.0's own."""
    try:
        return _partitioned(oracle, split) or _counted(oracle, split)
    except (EvaluationFailed, SourceQueryFailed, ValueDoesNotFit) as error:
        return (
            None
            if any(words in str(error) for words in (*OUT_OF_RANGE, "does not fit"))
            else f"{type(error).__name__}: {error}"
        )
    except EngineFailed as error:
        return None if "internal" in str(error) else f"EngineFailed: {error}"


def binds(oracle: World, split: Split) -> bool:
    """Whether the statement of a split is one: the generator's types are families, so some do not fit."""
    try:
        oracle.plan(f"SELECT 1 FROM {split.source} WHERE {split.predicate}")
    except PlanningError:
        return False
    return True


def _rows(oracle: World, sql: str) -> tuple[Row, ...]:
    return oracle.run(sql)[1].rows


def _partitioned(oracle: World, split: Split) -> str | None:
    listed = ", ".join(split.columns)
    parts = [f"({split.predicate})", f"NOT ({split.predicate})", f"({split.predicate}) IS NULL"]
    every = f"SELECT {listed} FROM {split.source}"
    separate: Counter[Row] = Counter()
    for part in parts:
        separate.update(_rows(oracle, f"{every} WHERE {part}"))
    whole = Counter(_rows(oracle, every))
    if separate != whole:
        return f"rows: in parts {_told(separate - whole)} more, {_told(whole - separate)} less than {every}"
    together = " UNION ".join(f"({every} WHERE {part})" for part in parts)
    if set(_rows(oracle, together)) != set(whole):
        return f"distinct rows: {together}"
    totals = f"count(*) AS n, sum({split.number}) AS s, min({split.columns[0]}) AS l, max({split.columns[0]}) AS g"
    united = " UNION ALL ".join(f"SELECT {totals} FROM {split.source} WHERE {part}" for part in parts)
    above = _rows(oracle, f"SELECT sum(n), sum(s), min(l), max(g) FROM ({united})")
    below = _rows(oracle, f"SELECT {totals} FROM {split.source}")
    return None if above == below else f"totals: {above} in parts, {below} of {split.source} by {split.predicate}"


def _counted(oracle: World, split: Split) -> str | None:
    ((kept,),) = _rows(oracle, f"SELECT count(*) FROM {split.source} WHERE {split.predicate}")
    shown = _rows(oracle, f"SELECT ({split.predicate}) IS TRUE FROM {split.source}")
    held = sum(bool(value) for (value,) in shown)
    return None if kept == held else f"{kept} rows kept, true for {held}: {split.predicate} over {split.source}"


def _told(rows: Counter[Any]) -> str:
    return repr(list(rows.elements())[:3])
