"""The SQL of a DuckDB source: the engine's own, so its facts are declared once, beside the printer."""

from __future__ import annotations

from connectors.sqlgen.duckdb import DUCKDB

__all__ = ["DUCKDB"]
