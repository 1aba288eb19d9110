"""docs/pushdown.md says of each construct what real servers do: asked by EXPLAIN, and the answers compared."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from docs.constructs import CONSTRUCTS, TABLES, probe, state
from tests.oracle import kinds
from tests.oracle.world import World

PAGE = (Path(__file__).parents[2] / "docs" / "pushdown.md").read_text()
COLUMNS = ("PostgreSQL", "MariaDB", "MySQL", "DuckDB")
KINDS = {"postgres": "PostgreSQL", "mariadb": "MariaDB", "mysql": "MySQL", "duckdb": "DuckDB"}
"""Dialect -> column of the page."""

PROBES = [pytest.param(construct, sql, id=construct) for rows in CONSTRUCTS.values() for construct, sql in rows.items()]


def _page(construct: str) -> dict[str, str]:
    """The states that the page gives a construct, by column."""
    found = re.search(rf"^\| {re.escape(construct)} \| (.*) \|$", PAGE, re.MULTILINE)
    assert found is not None, f"{construct} is not on the page"
    return dict(zip(COLUMNS, found[1].split(" | "), strict=False))


def test_the_probes_read_tables_that_every_source_has() -> None:
    assert {name: dict(columns) for name, columns, _ in kinds.COPIES} == TABLES


@pytest.mark.parametrize("source", kinds.WHERE)
@pytest.mark.parametrize(("construct", "sql"), PROBES)
def test_a_construct_is_pushed_as_the_page_says(oracle: World, construct: str, sql: str, source: str) -> None:
    column = KINDS[oracle.infos[source].dialect.name]
    text = probe(sql, f"{source}.{kinds.WHERE[source]}")
    explained = json.loads(oracle.explain(text, form="JSON"))
    found = state(explained["local"] is None, [(stay["reason_code"], stay["text"]) for stay in explained["stays"]])
    assert found.word == _page(construct)[column], found.reasons


@pytest.mark.parametrize("source", kinds.WHERE)
@pytest.mark.parametrize(("construct", "sql"), PROBES)
def test_a_construct_is_answered_right(oracle: World, construct: str, sql: str, source: str) -> None:
    oracle.check(probe(sql, f"{source}.{kinds.WHERE[source]}"))
