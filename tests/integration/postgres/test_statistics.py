"""What ANALYZE found of a table's columns, read with the catalog."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import psycopg
import pytest

from connectors.postgres.source import PostgresSource
from planner.distributions import distribution, key_of
from watersmeet.spi import LONGEST_SHOWN, Column

SETUP = """
CREATE SCHEMA counted;
CREATE TYPE counted.mood AS ENUM ('sad', 'glad');
CREATE TABLE counted.t AS SELECT i AS id, i % 4 = 0 AS flag, date '2020-01-01' + i % 1000 AS day,
    CASE WHEN i % 2 = 0 THEN 'often' WHEN i % 5 = 0 THEN NULL ELSE 'word ' || i END AS word,
    CAST(CASE WHEN i % 3 = 0 THEN 'x' ELSE 'yy' END AS char(5)) AS padded, CAST(i % 100 AS numeric(8, 2)) AS price,
    repeat('long ', 100) AS text, timestamptz '2020-01-01 12:00+02' + i * interval '1 hour' AS moment,
    CAST(CASE WHEN i % 10 = 0 THEN 'sad' ELSE 'glad' END AS counted.mood) AS mood,
    date '0100-01-01 BC' + i % 7 AS ancient, ARRAY[i, 7] AS many
    FROM generate_series(1, 5000) AS i;
CREATE TABLE counted.empty (a int, b text);
CREATE TABLE counted.nothing AS SELECT CAST(NULL AS int) AS a FROM generate_series(1, 500);
ANALYZE;
CREATE ROLE wm_half LOGIN PASSWORD 'half';
GRANT USAGE ON SCHEMA counted TO wm_half;
GRANT SELECT (id, flag) ON counted.t TO wm_half;
"""


@pytest.fixture(scope="module", autouse=True)
def counted(admin: psycopg.Connection) -> Iterator[None]:
    admin.execute(SETUP)
    yield
    admin.execute("DROP SCHEMA counted CASCADE; DROP ROLE wm_half")


@pytest.fixture
def columns(connect: Callable[..., PostgresSource]) -> dict[str, Column]:
    return {column.name: column for column in connect().catalog().tables["counted", "t"].columns}


def test_common_values_bounds_and_widths_are_read_in_our_form(columns: dict[str, Column]) -> None:
    assert dict(columns["flag"].common) == pytest.approx({"true": 0.25, "false": 0.75}, abs=0.01)
    assert dict(columns["padded"].common) == pytest.approx({"x": 1 / 3, "yy": 2 / 3}, abs=0.01)
    assert dict(columns["mood"].common) == pytest.approx({"sad": 0.1, "glad": 0.9}, abs=0.01)
    assert columns["word"].common[0][0] == "often"
    assert columns["word"].null_fraction == pytest.approx(0.1, abs=0.01)
    assert columns["id"].width == 4
    assert len(columns["text"].common[0][0]) == LONGEST_SHOWN


def test_distributions_of_them_are_near_the_truth(columns: dict[str, Column]) -> None:
    identity, day, price = (distribution(columns[name]) for name in ("id", "day", "price"))
    assert identity is not None and day is not None and price is not None
    assert identity.below(1000.0, inclusive=True) == pytest.approx(0.2, abs=0.02)
    assert identity.range() == pytest.approx((1, 5000), abs=60)
    assert day.below(key_of("2020-07-19", "DATE"), inclusive=False) == pytest.approx(0.2, abs=0.03)
    assert price.below(25.0, inclusive=False) == pytest.approx(0.25, abs=0.03)
    assert price.equal(7.0) == pytest.approx(0.01, abs=0.003)


def test_moments_and_ancient_dates_can_be_decoded(columns: dict[str, Column]) -> None:
    moment, ancient = distribution(columns["moment"]), distribution(columns["ancient"])
    assert moment is not None and ancient is not None
    assert moment.range()[0] == pytest.approx(key_of("2020-01-01 10:00:00+00", "TIMESTAMP WITH TIME ZONE"), abs=3)
    assert key_of("0100-01-01 (BC)", "DATE") in ancient.common


def test_an_array_has_no_values_of_ours_and_an_empty_table_nothing(
    columns: dict[str, Column], connect: Callable[..., PostgresSource]
) -> None:
    assert not columns["many"].common and not columns["many"].bounds
    catalog = connect().catalog()
    assert all(distribution(column) is None for column in catalog.tables["counted", "empty"].columns)
    (nothing,) = catalog.tables["counted", "nothing"].columns
    assert (nothing.null_fraction, nothing.distinct, nothing.common) == (1.0, None, ())


def test_columns_without_a_grant_have_no_statistics(
    admin: psycopg.Connection, connect: Callable[..., PostgresSource]
) -> None:
    url = f"postgresql://wm_half:half@{admin.info.host}:{admin.info.port}/{admin.info.dbname}"
    table = connect(url=url).catalog().tables["counted", "t"]
    assert [column.name for column in table.columns] == ["id", "flag"]
    assert table.columns[1].common
