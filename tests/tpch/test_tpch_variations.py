"""TPC-H's answers do not depend on semi-joins, forced wherever one is legal, with few keys and many, and forbidden; nor
on scans that are read in parts, nor on the forms of a plan that ship fewest rows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from tests.oracle import answers
from tests.oracle.variations import keys_handed_on, parts_read, varied
from tests.tpch.data import QUERIES
from tests.tpch.federation import Federation
from tests.tpch.placements import PLACEMENTS

Open = Callable[[str], Federation]
SPREAD = [name for name, sources in PLACEMENTS.items() if len(sources) > 1]
FORCED = ("every semi-join", "every semi-join of at most two keys", "no semi-join", "scans in parts", "fewest rows")
SHORT = [(SPREAD[number % len(SPREAD)], FORCED[number % len(FORCED)], query) for number, query in enumerate(QUERIES)]
"""Each query once, over one of the placements."""
FEWER = [query for query in QUERIES if query.stem in ("q02", "q08", "q11", "q19", "q20")]
"""Those of which less is shipped in the form of fewest rows, over the first placement (docs/pushdown-rows.md)."""


def _named(value: object) -> str:
    return value.stem if isinstance(value, Path) else str(value)


@pytest.mark.parametrize(("placement", "name", "query"), SHORT, ids=_named)
def test_the_answer_does_not_depend_on_how_it_runs(
    federations: Open, one_duckdb: duckdb.DuckDBPyConnection, placement: str, name: str, query: Path
) -> None:
    _agree(federations(placement), one_duckdb, name, query)


@pytest.mark.parametrize("query", FEWER, ids=_named)
def test_fewer_rows_make_the_same_answer(federations: Open, one_duckdb: duckdb.DuckDBPyConnection, query: Path) -> None:
    _agree(federations(SPREAD[0]), one_duckdb, "fewest rows", query)


@pytest.mark.long
@pytest.mark.parametrize("placement", SPREAD)
@pytest.mark.parametrize("name", FORCED)
@pytest.mark.parametrize("query", QUERIES, ids=_named)
def test_no_answer_depends_on_how_it_runs(
    federations: Open, one_duckdb: duckdb.DuckDBPyConnection, placement: str, name: str, query: Path
) -> None:
    _agree(federations(placement), one_duckdb, name, query)


def test_forced_semijoins_hand_keys_on(federations: Open) -> None:
    with varied("every semi-join") as another, keys_handed_on() as handed:
        for query in QUERIES[:5]:
            federations("b").run(another(query.read_text()))
    assert sum(handed) > 100


def test_forced_splits_read_scans_in_parts(federations: Open, one_duckdb: duckdb.DuckDBPyConnection) -> None:
    with parts_read() as read:
        for query in QUERIES[:5]:
            _agree(federations("b"), one_duckdb, "scans in parts", query)
    assert len(read) > 8
    assert max(read) == 3


def _agree(federation: Federation, con: duckdb.DuckDBPyConnection, name: str, query: Path) -> None:
    sql = query.read_text()
    wanted = answers.reference(con, sql)
    with varied(name) as another:
        _, table = federation.run(another(sql))
    keys = answers.order_keys(con, sql, [column for column, _ in wanted.columns])
    assert answers.difference(answers.answer(table), wanted, keys) is None
