"""Text that a source pads with blanks, compared with constants: once where that says it all, byte by byte beside it if not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from connectors.postgres.dialect import POSTGRES
from planner import pipeline
from planner.plan import PlanRequest, SourceInfo
from watersmeet.spi import Column, SourceCatalog, Table

CODE = Column(name="code", type="VARCHAR", read="CAST({0} AS text)", plain="CAST({0} AS bpchar)", plain_exact=True)
BYTES = 'CAST("t0"."code" AS text)'


def where(condition: str, column: Column = CODE) -> str:
    table = Table(schema="public", name="t", columns=(column,), rows=1000)
    catalog = SourceCatalog(default_schema="public", tables={("public", "t"): table}, schemas=("public",))
    info = SourceInfo(name="pg", kind="postgres", catalog=catalog, dialect=POSTGRES)
    request = PlanRequest(sql=f"SELECT count(*) FROM t WHERE {condition}", now=datetime(2026, 6, 15, tzinfo=UTC))
    (fragment,) = pipeline.plan(request, {"pg": info}).fragments
    return fragment.read.body.partition(" WHERE ")[2]


@pytest.mark.parametrize("condition", ["code = 'R'", "code = ''", "code IN ('A', 'N')"])
def test_blanks_at_the_end_of_a_column_alone_need_one_comparison(condition: str) -> None:
    said = where(condition)
    assert BYTES not in said and '"t0"."code"' in said


@pytest.mark.parametrize("condition", ["code = 'R '", "code IN ('A', 'N ')"])
def test_a_constant_that_ends_in_a_blank_is_compared_by_bytes_as_well(condition: str) -> None:
    assert BYTES in where(condition)


@pytest.mark.parametrize("condition", ["code = 'R'", "code IN ('A', 'N')"])
def test_a_collation_of_the_columns_own_may_find_more(condition: str) -> None:
    assert BYTES in where(condition, replace(CODE, plain_exact=False))
