"""A DuckDB database file as a source: read-only, opened at the first use."""

from __future__ import annotations

from connectors.duckdb.config import Config
from connectors.duckdb.reader import DuckDBSource
from watersmeet.spi import Source

__all__ = ["Config", "open_source"]


def open_source(name: str, config: Config) -> Source:
    """The source called `name`. The file is opened when something is first asked of it."""
    return DuckDBSource(name, config)
