"""The PostgreSQL connector: only wires."""

from __future__ import annotations

from connectors.postgres.config import Config
from connectors.postgres.source import PostgresSource
from watersmeet.spi import Source

__all__ = ["Config", "open_source"]


def open_source(name: str, config: Config) -> Source:
    """The source called `name`. Nothing is connected before the first use; the caller closes it."""
    return PostgresSource(name, config)
