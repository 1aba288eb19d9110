"""Sums of products with few-valued columns: what is grouped by these at the source, and what is not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from connectors.postgres.dialect import POSTGRES
from planner import pipeline
from planner.plan import FederatedPlan, PlanRequest, SourceInfo
from watersmeet.speed import Speed
from watersmeet.spi import Column, SourceCatalog, Table

ROWS = 6_000_000
MONEY = "DECIMAL(15,2)"
COLUMNS = (
    Column(name="flag", type="INTEGER", distinct=3),
    Column(name="price", type=MONEY, distinct=900_000, nullable=False),
    Column(name="cost", type=MONEY, distinct=800_000),
    Column(name="discount", type=MONEY, distinct=11),
    Column(name="tax", type=MONEY, distinct=9),
    Column(name="weight", type="DOUBLE", distinct=5),
    Column(name="day", type="DATE", distinct=2500),
)
TABLES = {
    ("public", name): Table(schema="public", name=name, columns=COLUMNS, rows=rows)
    for name, rows in (("lines", ROWS), ("few", 1000))
}
INFO = SourceInfo(
    name="pg",
    kind="postgres",
    catalog=SourceCatalog(default_schema="public", tables=TABLES, schemas=("public",)),
    dialect=POSTGRES,
    speed=Speed(decimal=0.04),
)
REVENUE = "SELECT flag, sum(price * (1 - discount) * (1 + tax)), avg(discount), avg(price), count(*) FROM lines"


def plan(sql: str, info: SourceInfo = INFO, pushdown: str = "on") -> FederatedPlan:
    request = PlanRequest(sql=sql, now=datetime(2026, 6, 15, tzinfo=UTC))
    return pipeline.plan(replace(request, session=replace(request.session, pushdown=pushdown)), {"pg": info})


def test_what_few_values_multiply_is_summed_for_each_of_them() -> None:
    made = plan(f"{REVENUE} WHERE day < '2026-01-01' GROUP BY flag HAVING count(*) > 5 ORDER BY flag")
    (fragment,) = made.fragments
    assert fragment.read.body.endswith('GROUP BY "t0"."flag", "t0"."discount", "t0"."tax"')
    assert fragment.query.types == ("INTEGER", MONEY, MONEY, "DECIMAL(38,2)", "BIGINT")
    assert made.local_sql is not None
    assert all(part in made.local_sql for part in ('(1 - "x0"."c1")', "HAVING", "ORDER BY"))


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT flag, sum(price), sum(discount), avg(tax) FROM lines GROUP BY flag",
        "SELECT flag, sum(price * cost), sum(price * cost * (1 - tax)), sum(cost * tax) FROM lines GROUP BY flag",
        "SELECT flag, sum(price * (1 - discount) * (1 + tax)), sum(weight) FROM lines GROUP BY flag",
        f"{REVENUE.replace('lines', 'few')} GROUP BY flag",
        f"{REVENUE} GROUP BY flag HAVING count(*) > (SELECT count(*) FROM few)",
        f"{REVENUE} GROUP BY ROLLUP (flag)",
    ],
)
def test_what_would_not_be_exact_or_not_pay_goes_whole(sql: str) -> None:
    (fragment,) = plan(sql).fragments
    assert '"tax"' not in fragment.read.body.partition("GROUP BY")[2]


def test_a_source_whose_decimals_are_quick_takes_the_statement_whole() -> None:
    assert plan(f"{REVENUE} GROUP BY flag", replace(INFO, speed=Speed())).local_sql is None


def test_a_statement_that_must_be_pushed_is() -> None:
    assert plan(f"{REVENUE} GROUP BY flag", pushdown="require").local_sql is None
