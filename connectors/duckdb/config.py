"""The configuration of a DuckDB source."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

SIZE = r"^\d+(\.\d+)?\s?([KMGT]i?)?B$"


class Config(BaseModel):
    """A DuckDB database file, opened read-only."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    kind: Literal["duckdb"]
    """The kind of source."""
    path: Path
    """The database file. Relative paths start at the server's working directory."""
    consistency: Literal["source", "fragment"] = "source"
    """Accepted for symmetry with other kinds: a file that is open read-only cannot change, so both mean one snapshot."""
    text: Literal["exact", "source"] = "exact"
    """'exact' compares text by its bytes, whatever COLLATE a column declares; 'source' leaves the declared collation."""
    memory: str = Field(default="1GiB", pattern=SIZE)
    """Memory of the fragments that run in this file, together; one that needs more spills, or fails without spill_dir."""
    spill_dir: Path | None = None
    """A folder for what does not fit into memory. None: nothing is spilled."""
    spill: str = Field(default="10GiB", pattern=SIZE)
    """The most that may be spilled to spill_dir."""
    threads: int = Field(default=2, ge=1, le=256)
    """Threads of the fragments that run in this file, together."""
