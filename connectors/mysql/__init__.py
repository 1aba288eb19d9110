"""The MySQL and MariaDB connector."""

from __future__ import annotations

from connectors.mysql.config import Config
from connectors.mysql.source import MysqlSource
from watersmeet.spi import Source

__all__ = ["Config", "open_source"]


def open_source(name: str, config: Config) -> Source:
    """A source by its configuration. Connects only when it is used."""
    return MysqlSource(name, config)
