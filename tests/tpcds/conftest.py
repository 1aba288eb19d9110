"""One DuckDB with all tables, and each placement loaded once a session; the scale is the short form's or --tpcds-scale."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import duckdb
import pytest

from tests.oracle.world import DISABLED
from tests.tpcds import data
from tests.tpcds.placements import placed
from tests.tpch.federation import Federation, federation


@pytest.fixture(scope="session")
def one_duckdb() -> Iterator[Callable[[str], duckdb.DuckDBPyConnection]]:
    """Opens the one DuckDB with all tables of a scale."""
    with ExitStack() as stack:

        @cache
        def get(scale: str) -> duckdb.DuckDBPyConnection:
            con = stack.enter_context(duckdb.connect())
            con.execute(f"SET disabled_optimizers = '{DISABLED}'")
            data.load(con, data.rows(scale))
            return con

        yield get


@pytest.fixture(scope="session")
def federations(
    postgres_url: str, mysql_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str, str], Federation]]:
    """Opens a placement of a scale, loaded at the first use."""
    with ExitStack() as stack:

        @cache
        def get(name: str, scale: str) -> Federation:
            folder = tmp_path_factory.mktemp(f"tpcds_{name}_{scale}")
            rows: Path = data.rows(scale)
            return stack.enter_context(
                federation(stack.enter_context(placed(name, postgres_url, mysql_url, rows, folder)))
            )

        yield get
