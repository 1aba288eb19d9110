"""Joins of the hostile tables across sources, by columns of every type that keys may have, with semi-joins forced.

Trailing blanks, case variants, accents, 4-byte characters, NULL, negative and extreme numbers, dates before Christ: a source
that compares them in its own way must send at least the rows that one DuckDB joins.
"""

from __future__ import annotations

from itertools import product
from random import Random

import pytest

from connectors.sqlgen.dialect import family
from tests.oracle import agreement
from tests.oracle.tables import TABLES, Table
from tests.oracle.variations import keys_handed_on, varied
from tests.oracle.world import World

FORCED = (
    "every semi-join",
    "every semi-join of several columns",
    "every semi-join of at most two keys",
    "no semi-join",
)
SHORT, LONG = 80, 1_500
"""Statements of each way."""

_NAMED = tuple(table for table in TABLES if table.name not in ("Twins", "Mixed Case"))
_NUMBERS = frozenset({"int", "decimal"})
_ALIKE = frozenset({"int", "decimal", "text", "date", "timestamp", "timestamptz"})

forced = pytest.mark.parametrize("name", FORCED)


def statement(seed: int) -> str:
    """A join of two to four tables, each with equalities to one of those before."""
    random = Random(seed)
    tables = [random.choice(_NAMED) for _ in range(random.choice((2, 2, 3, 3, 4)))]
    shown, tail = [f"t0.{_named(tables[0].columns[0][0])}"], ""
    for number, table in enumerate(tables[1:], 1):
        before = random.randrange(number)
        met = _equalities(random, f"t{before}", tables[before], f"t{number}", table)
        if not met:
            continue
        kind = random.choice(("JOIN", "JOIN", "JOIN", "LEFT JOIN", "RIGHT JOIN", "SEMI JOIN", "ANTI JOIN"))
        if kind in ("SEMI JOIN", "ANTI JOIN") and (number < len(tables) - 1 or before):
            kind = "JOIN"
        tail += f" {kind} {_path(table)} AS t{number} ON {' AND '.join(met)}"
        if kind not in ("SEMI JOIN", "ANTI JOIN"):
            shown += [f"t{number}.{_named(column)}" for column, _, _ in table.columns[:2]]
    wanted = f"SELECT {', '.join(shown)} FROM {_path(tables[0])} AS t0{tail}"
    return wanted if random.random() < 0.8 or "t1" not in tail else f"SELECT count(*) FROM ({wanted}) AS w"


def _equalities(random: Random, one: str, table: Table, other: str, another: Table) -> list[str]:
    """One or two equalities between columns of two tables that DuckDB compares without text in between."""
    alike = [
        (f"{one}.{_named(mine)}", f"{other}.{_named(theirs)}")
        for (mine, _, left), (theirs, _, right) in product(table.columns, another.columns)
        if (family(left) == family(right) or {family(left), family(right)} <= _NUMBERS) and family(left) in _ALIKE
    ]
    pairs = random.sample(alike, min(len(alike), random.choice((1, 1, 2, 2, 3))))
    return [f"{mine} = {theirs}" for mine, theirs in pairs]


def _path(table: Table) -> str:
    return f"{table.source}.{table.schema}.{_named(table.name)}"


def _named(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@forced
def test_joins_are_the_same_with_semijoins(oracle: World, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    _agree(oracle, monkeypatch, name, range(SHORT))


@pytest.mark.long
@forced
def test_many_joins_are_the_same_with_semijoins(oracle: World, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    _agree(oracle, monkeypatch, name, range(LONG))


def _agree(oracle: World, monkeypatch: pytest.MonkeyPatch, name: str, seeds: range) -> None:
    # An answer that becomes an error is a difference here: a key that a column's type cannot have must not be one.
    monkeypatch.setattr(agreement, "OUT_OF_RANGE", ())
    differences, compared = [], 0
    with keys_handed_on() as handed:
        for sql in map(statement, seeds):
            wanted = agreement.expected(oracle, sql)
            if wanted is None:
                continue
            compared += 1
            with varied(name) as another:
                found = agreement.disagreement(oracle, wanted, another(sql), ways=("on", "off"))
            if found is not None:
                differences.append(f"{found}\n{sql}")
    assert not differences, "\n".join(differences)
    assert compared > len(seeds) / 2
    assert bool(handed) == (name != "no semi-join"), "the test shows nothing"
