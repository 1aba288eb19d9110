"""TPC-DS's 99 queries over two placements answer as one DuckDB does: a quarter of them here, all in the long form."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable

import duckdb
import pytest

from tests.oracle import answers
from tests.tpcds import data
from tests.tpcds.placements import PLACEMENTS
from tests.tpch.federation import Federation

SHORT, LONG = "0.01", "0.1"
ROUNDED = {
    17: "stddev_samp",
    39: "stddev_samp",
}
"""Queries with an aggregate that the order of rows alone moves, in DuckDB too: nine digits are compared."""
_LIMIT = re.compile(r"\bLIMIT\s+\d+\s*;?\s*$", re.IGNORECASE)

Open = Callable[[str, str], Federation]
One = Callable[[str], duckdb.DuckDBPyConnection]
placements = pytest.mark.parametrize("placement", PLACEMENTS)
numbers = pytest.mark.parametrize("number", range(1, 100))
scales = pytest.mark.parametrize("scale", [SHORT, LONG])
BOTH = [(placement, number) for start, placement in enumerate(PLACEMENTS, 1) for number in range(start, 100, 4)]
"""Every fourth query over one placement, and others over the other."""


@pytest.mark.parametrize(("placement", "number"), BOTH)
def test_the_answer_is_that_of_one_duckdb(federations: Open, one_duckdb: One, placement: str, number: int) -> None:
    _agree(federations(placement, SHORT), one_duckdb(SHORT), number, SHORT)


@pytest.mark.long
@scales
@placements
@numbers
def test_every_answer_is_that_of_one_duckdb(
    federations: Open, one_duckdb: One, placement: str, number: int, scale: str
) -> None:
    _agree(federations(placement, scale), one_duckdb(scale), number, scale)


def _agree(federation: Federation, con: duckdb.DuckDBPyConnection, number: int, scale: str) -> None:
    sql = (data.rows(scale) / f"q{number:02}.sql").read_text()
    announced, table = federation.run(sql)
    assert table.schema.equals(announced, check_metadata=True)
    got, wanted = (_rounded(answer, number) for answer in (answers.answer(table), answers.reference(con, sql)))
    keys = answers.order_keys(con, sql, [name for name, _ in wanted.columns])
    found = answers.difference(got, wanted, keys or ())
    if found is not None and _LIMIT.search(sql) and got.columns == wanted.columns:
        # Ties at the limit: any of them is right, as long as there are as many and all are rows of the whole answer.
        whole = _rounded(answers.reference(con, _LIMIT.sub("", sql)), number)
        assert len(got.rows) == len(wanted.rows), found
        assert not Counter(got.rows) - Counter(whole.rows), found
        ordered = [tuple(row[key] for key in keys or ()) for row in got.rows]
        assert ordered == [tuple(row[key] for key in keys or ()) for row in wanted.rows], found
    else:
        assert found is None, found


def _rounded(answer: answers.Answer, number: int) -> answers.Answer:
    if number not in ROUNDED:
        return answer
    rows = tuple(tuple(float(f"{v:.9g}") if isinstance(v, float) else v for v in row) for row in answer.rows)
    return answers.Answer(answer.columns, rows)
