"""No query of TPC-H ships more rows than the least by hand without semi-joins (docs/pushdown-rows.md)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from bench import rows_shipped
from tests.tpch.data import QUERIES
from tests.tpch.placements import Placed

Placements = Callable[[str], Placed]
FEWER = (2, 8, 11, 19, 20)
"""Queries that take more than filters, joins and groupings of their parts."""


def test_queries_that_take_the_most_ship_no_more_rows_than_by_hand(placements: Placements, rows: Path) -> None:
    assert _more(placements, rows, FEWER) == []


@pytest.mark.long
def test_no_query_ships_more_rows_than_by_hand(placements: Placements, rows: Path) -> None:
    assert _more(placements, rows, range(1, len(QUERIES) + 1)) == []


def _more(placements: Placements, rows: Path, queries: Sequence[int]) -> list[tuple[str, int, int]]:
    """The queries that ship more, with both figures."""
    found = rows_shipped.counted(placements(rows_shipped.PLACEMENT), rows, list(queries))
    return [(row.query, row.ours, row.least) for row in found if row.ours > row.least]
