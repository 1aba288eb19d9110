"""What a DuckDB file's zone maps and a sample of its rows say of columns, read with the catalog."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from connectors.duckdb.catalog import read_catalog
from planner.distributions import distribution, key_of
from watersmeet.spi import Column


@pytest.fixture
def columns(tmp_path: Path) -> dict[str, Column]:
    with duckdb.connect(str(tmp_path / "lake.duckdb")) as con:
        con.execute(
            "CREATE TABLE t AS SELECT i AS id, DATE '2020-01-01' + (i % 1000)::INTEGER AS day,"
            " CASE WHEN i % 2 = 0 THEN 'often' WHEN i % 5 = 0 THEN NULL ELSE 'w' || i END AS word,"
            " (i % 100)::DECIMAL(8,2) AS price, i % 4 = 0 AS flag, [i, 1] AS list, NULL::INTEGER AS nothing,"
            ' 7 AS single, i AS "odd ""name" FROM range(200000) r(i)'
        )
        con.execute("CREATE TABLE none (a INTEGER, b VARCHAR)")
        catalog = read_catalog(con, exact_text=True)
    assert catalog.tables["main", "none"].columns[0].distinct is None
    return {column.name: column for column in catalog.tables["main", "t"].columns}


def test_ranges_are_those_of_the_whole_table(columns: dict[str, Column]) -> None:
    assert (columns["id"].minimum, columns["id"].maximum) == ("0", "199999")
    assert (columns["day"].minimum, columns["day"].maximum) == ("2020-01-01", "2022-09-26")
    assert columns["nothing"].null_fraction == 1.0
    assert columns["single"].common == (("7", 1.0),)


def test_common_values_and_bounds_come_of_a_sample(columns: dict[str, Column]) -> None:
    assert dict(columns["flag"].common) == pytest.approx({"true": 0.25, "false": 0.75}, abs=0.02)
    assert columns["word"].common[0] == ("often", pytest.approx(0.5, abs=0.02))
    assert columns["word"].null_fraction == pytest.approx(0.1, abs=0.02)
    assert not columns["list"].common and not columns["list"].bounds
    price, day = distribution(columns["price"]), distribution(columns["day"])
    assert price is not None and day is not None
    assert price.below(25.0, inclusive=False) == pytest.approx(0.25, abs=0.04)
    assert day.below(key_of("2020-07-19", "DATE"), inclusive=False) == pytest.approx(0.2, abs=0.04)


def test_a_wide_table_leaves_something_to_look_at_in_the_others(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "lake.duckdb")) as con:
        # A query over all columns of which would be too deep for DuckDB.
        con.execute(
            "CREATE TABLE wide AS SELECT " + ", ".join(f"i AS c{n}" for n in range(1000)) + " FROM range(100) r(i)"
        )
        con.execute("CREATE TABLE narrow AS SELECT i % 4 AS few FROM range(60) r(i)")
        catalog = read_catalog(con, exact_text=True)
    wide, narrow = (catalog.tables["main", name].columns for name in ("wide", "narrow"))
    assert len(wide) == 1000
    assert 0 < sum(bool(column.bounds) for column in wide) < 100
    assert len(narrow[0].common) == 4


def test_documents_do_not_keep_a_file_from_being_read(tmp_path: Path) -> None:
    path = tmp_path / "lake.duckdb"
    with duckdb.connect(str(path)) as con:
        con.execute(
            "CREATE TABLE documents AS SELECT i AS id, repeat('x' || hash(i), 5000) AS text FROM range(4100) r(i)"
        )
    with duckdb.connect(str(path), read_only=True, config={"memory_limit": "64MB", "temp_directory": ""}) as con:
        number, text = read_catalog(con, exact_text=True).tables["main", "documents"].columns
    assert len(number.bounds) == 51
    assert not text.bounds  # one of its blocks is more than the memory
