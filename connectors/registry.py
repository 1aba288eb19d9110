"""The kinds of sources there are: their configurations as one type, and the one way to open any of them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from connectors import duckdb, mysql, postgres
from watersmeet.spi import Source

SourceConfig = Annotated[postgres.Config | mysql.Config | duckdb.Config, Field(discriminator="kind")]
"""One entry under `sources:`; its `kind` says which connector reads it."""


def open_source(name: str, config: postgres.Config | mysql.Config | duckdb.Config) -> Source:
    """The source called `name`. Nothing is connected yet. Whoever opens it closes it."""
    match config:
        case postgres.Config():
            return postgres.open_source(name, config)
        case mysql.Config():
            return mysql.open_source(name, config)
        case duckdb.Config():
            return duckdb.open_source(name, config)
