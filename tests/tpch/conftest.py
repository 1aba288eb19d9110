"""One DuckDB with all tables, and each placement loaded once a session."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import duckdb
import pytest

from tests.oracle.world import DISABLED
from tests.tpch import data
from tests.tpch.federation import Federation, federation
from tests.tpch.placements import Placed, placed


@pytest.fixture(scope="session")
def rows(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The generated Parquet files; they stay in pytest's cache for the next run."""
    cache_ = getattr(request.config, "cache", None)
    return data.generate(tmp_path_factory.mktemp("tpch") if cache_ is None else cache_.mkdir("tpch"))


@pytest.fixture(scope="session")
def one_duckdb(rows: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        con.execute(f"SET disabled_optimizers = '{DISABLED}'")
        data.load(con, rows)
        yield con


@pytest.fixture(scope="session")
def placements(
    postgres_url: str, mysql_url: str, rows: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Placed]]:
    """A placement by its name, loaded at the first use."""
    with ExitStack() as stack:

        @cache
        def get(name: str) -> Placed:
            folder = tmp_path_factory.mktemp(f"tpch_{name}")
            return stack.enter_context(placed(name, postgres_url, mysql_url, rows, folder))

        yield get


@pytest.fixture(scope="session")
def federations(placements: Callable[[str], Placed]) -> Iterator[Callable[[str], Federation]]:
    """Opens a placement by its name at the first use."""
    with ExitStack() as stack:

        @cache
        def get(name: str) -> Federation:
            return stack.enter_context(federation(placements(name)))

        yield get
