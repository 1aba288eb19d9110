"""Which fragments are read in parts: large scans of one table, where the source has a way to divide them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from connectors.postgres.dialect import POSTGRES
from planner import pipeline
from planner.plan import FederatedPlan, Fragment, Part, PlanRequest, SourceInfo
from planner.splits import narrowed
from watersmeet.speed import Speed
from watersmeet.spi import Column, Extent, SourceCatalog, Table

ROWS = 1_000_000
COLUMNS = (Column(name="id", type="BIGINT", distinct=ROWS), Column(name="kind", type="INTEGER", distinct=10))


def table(name: str, rows: int = ROWS, extent: Extent | None = None) -> Table:
    return Table(schema="public", name=name, columns=COLUMNS, rows=rows, extent=extent)


def lines(name: str, **key: object) -> Table:
    """About four lines of each id, by which its primary key begins."""
    known = Column(name="id", type="BIGINT", distinct=ROWS // 4, bounds=("0", "100", "400"))
    columns = (replace(known, **key), Column(name="number", type="INTEGER", nullable=False), COLUMNS[1])  # type: ignore[arg-type]
    return Table(schema="public", name=name, columns=columns, rows=ROWS, primary_key=("id", "number"))


OWNED = replace(COLUMNS[1], name="owner", type="BIGINT", distinct=100_000)
TABLES = (
    replace(table("owned", extent=Extent(first=0, last=8000)), columns=(*COLUMNS, OWNED)),
    table("large", extent=Extent(first=0, last=8000)),
    table("keyed", extent=Extent(first=1, last=ROWS, column="id")),
    table("small", 1000, Extent(first=0, last=8)),
    table("seen"),
    lines("lines"),
    lines("masked", read="({0} % 10)"),
    lines("named", type="VARCHAR"),
)
INFO = SourceInfo(
    name="pg",
    kind="postgres",
    catalog=SourceCatalog(default_schema="public", tables={(t.schema, t.name): t for t in TABLES}, schemas=("public",)),
    dialect=POSTGRES,
    speed=Speed(send=0.6),
    splits=4,
)


def plan(sql: str, info: SourceInfo, pushdown: str = "on") -> FederatedPlan:
    request = PlanRequest(sql=sql, now=datetime(2024, 6, 15, tzinfo=UTC))
    return pipeline.plan(replace(request, session=replace(request.session, pushdown=pushdown)), {"pg": info})


def fragment(sql: str, info: SourceInfo = INFO, pushdown: str = "on") -> Fragment:
    (made,) = plan(sql, info, pushdown).fragments
    return made


@pytest.mark.parametrize(
    ("sql", "cuts"),
    [
        ("SELECT * FROM large", (2000, 4000, 6000)),
        ("SELECT id + 1, kind FROM large WHERE kind IS NOT NULL", (2000, 4000, 6000)),
        ("SELECT * FROM keyed", (250_001, 500_001, 750_001)),
    ],
)
def test_a_large_scan_is_cut_evenly(sql: str, cuts: tuple[int, ...]) -> None:
    made = fragment(sql)
    assert made.split is not None
    assert made.split.cuts == cuts
    assert made.dialect is POSTGRES


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM small",
        "SELECT * FROM seen",
        "SELECT * FROM large WHERE id = 7",
        "SELECT kind, count(*) FROM large GROUP BY kind",
        "SELECT count(*) FROM large",
        "SELECT DISTINCT kind FROM large",
        "SELECT * FROM large ORDER BY id",
        "SELECT * FROM large LIMIT 900000",
        "SELECT * FROM large OFFSET 1",
        "SELECT id, row_number() OVER (ORDER BY id) FROM large",
        "SELECT id FROM large UNION ALL SELECT id FROM keyed",
        "SELECT a.id FROM large a JOIN keyed b ON a.id = b.id",
        "SELECT id FROM large WHERE id IN (SELECT id FROM keyed)",
        "WITH c AS (SELECT id FROM large) SELECT a.id FROM c a, c b WHERE a.id = b.id",
    ],
)
def test_what_is_small_or_more_than_a_scan_is_read_whole(sql: str) -> None:
    assert fragment(sql).split is None


@pytest.mark.parametrize(("splits", "grouped"), [(1, True), (4, False)])
def test_rows_that_come_in_parts_sooner_than_their_many_groups_are_not_grouped_there(
    splits: int, grouped: bool
) -> None:
    sql = "SELECT s.id, count(o.kind) FROM other.public.seen s LEFT JOIN pg.public.owned o ON o.owner = s.id GROUP BY s.id"
    sources = {"pg": replace(INFO, splits=splits), "other": replace(INFO, name="other", splits=1)}
    made = pipeline.plan(PlanRequest(sql=sql, now=datetime(2024, 6, 15, tzinfo=UTC)), sources)
    (owned,) = (one for one in made.fragments if one.source == "pg")
    assert ("GROUP BY" in owned.read.body) is grouped
    assert (owned.split is None) is grouped


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT id, count(*) FROM lines GROUP BY id",
        "SELECT id FROM lines GROUP BY id HAVING sum(kind) > 300",
        "SELECT max(number) + 1, id FROM lines WHERE kind IS NOT NULL GROUP BY id",
    ],
)
def test_groups_are_cut_by_what_the_primary_key_begins_with(sql: str) -> None:
    made = fragment(sql)
    assert made.split is not None
    assert (made.split.column, made.split.cuts) == ("id", (100, 200, 300))


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT number, count(*) FROM lines GROUP BY number",
        "SELECT id % 7, count(*) FROM lines GROUP BY id % 7",
        "SELECT id, count(*) FROM lines GROUP BY ROLLUP (id)",
        "SELECT DISTINCT count(*) FROM lines GROUP BY id",
        "SELECT id, count(*) FROM lines GROUP BY id ORDER BY 2",
        "SELECT id, count(*) FROM lines GROUP BY id LIMIT 10",
        "SELECT id, rank() OVER (ORDER BY count(*)) FROM lines GROUP BY id",
        "SELECT id, count(*) FROM lines GROUP BY id HAVING count(*) > (SELECT avg(kind) FROM seen)",
        "SELECT id, count(*) FROM lines WHERE id = 7 GROUP BY id",
        "SELECT id, count(*) FROM masked GROUP BY id",
        "SELECT id, count(*) FROM named GROUP BY id",
    ],
)
def test_groups_whose_rows_may_lie_in_several_ranges_are_read_whole(sql: str) -> None:
    assert all(made.split is None for made in plan(sql, INFO).fragments)


def test_groups_are_announced_whole() -> None:
    assert plan("SELECT id, count(*) FROM lines GROUP BY id", APART).parts == ()


def test_a_scan_without_pushdown_is_cut_as_well() -> None:
    assert fragment("SELECT kind, count(*) FROM large GROUP BY kind", pushdown="off").split is not None


@pytest.mark.parametrize(("splits", "parts"), [(1, None), (2, 2), (8, 4)])
def test_the_source_says_how_many_parts_there_may_be_and_the_cost_how_many_there_are(
    splits: int, parts: int | None
) -> None:
    made = fragment("SELECT * FROM large", replace(INFO, splits=splits))
    assert (None if made.split is None else 1 + len(made.split.cuts)) == parts


def test_a_slower_source_is_read_in_more_parts() -> None:
    rows = "SELECT id FROM large WHERE kind < 3"
    fast = fragment(rows, replace(INFO, speed=Speed(send=0.1)))
    slow = fragment(rows, replace(INFO, speed=Speed(send=5.0)))
    assert fast.split is None
    assert slow.split is not None


APART = replace(INFO, splits=1, partitions=4)
"""A source whose reads may each see a snapshot of their own."""


def test_a_large_answer_is_announced_in_parts_that_are_all_of_it() -> None:
    made = plan("SELECT id, kind FROM keyed WHERE kind IS NOT NULL", APART)
    assert made.fragments[0].split is None
    cuts = [None, 250_001, 500_001, 750_001, None]
    assert made.parts == tuple(Part(column="id", start=cuts[n], end=cuts[n + 1]) for n in range(4))


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM small",
        "SELECT * FROM seen",
        "SELECT * FROM keyed ORDER BY id",
        "SELECT * FROM keyed LIMIT 900000",
        "SELECT id FROM large UNION ALL SELECT id FROM keyed",
        "SELECT id, list_reverse([kind, 1]) FROM keyed",
    ],
)
def test_what_is_no_large_scan_or_needs_the_engine_is_announced_whole(sql: str) -> None:
    assert plan(sql, APART).parts == ()


def test_nothing_is_announced_in_parts_where_reads_share_a_snapshot() -> None:
    assert plan("SELECT * FROM keyed", INFO).parts == ()


def test_a_part_reads_its_range_beside_what_the_statement_filters() -> None:
    sources = {"pg": APART}
    made = plan("SELECT id FROM keyed WHERE kind IS NOT NULL", APART)
    first, middle, last = (narrowed(made, made.parts[n], sources) for n in (0, 1, 3))
    assert first is not None and middle is not None and last is not None
    bodies = [each.fragments[0].read.body.partition(" WHERE ")[2] for each in (first, middle, last)]
    assert bodies == [
        '(("t0"."kind" IS NOT NULL) AND ("t0"."id" < 250001))',
        '(("t0"."kind" IS NOT NULL) AND ("t0"."id" >= 250001 AND "t0"."id" < 500001))',
        '(("t0"."kind" IS NOT NULL) AND ("t0"."id" >= 750001))',
    ]
    assert first.parts == ()


def test_a_part_is_still_read_when_the_table_has_become_small() -> None:
    part = Part(column="id", start=None, end=500)
    made = narrowed(plan("SELECT id FROM small", APART), part, {"pg": APART})
    assert made is not None
    assert made.fragments[0].read.body.endswith('WHERE ("t0"."id" < 500)')


def test_a_source_without_such_ranges_has_no_parts() -> None:
    info = replace(APART, dialect=replace(POSTGRES, place=""))
    assert narrowed(plan("SELECT id FROM seen", info), Part(column=None, start=None, end=5), {"pg": info}) is None


@pytest.mark.parametrize("sql", ["SELECT count(*) FROM keyed", "SELECT 1", "SELECT id FROM seen LIMIT 3"])
def test_what_is_no_scan_any_more_has_no_parts(sql: str) -> None:
    assert narrowed(plan(sql, APART), Part(column="id", start=None, end=5), {"pg": APART}) is None
