"""The configuration of a DuckDB source."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from watersmeet.speed import Measured
from watersmeet.units import parse_size, share

SIZE = r"^\d+(\.\d+)?\s?([KMGT]i?)?B$"


class Config(BaseModel):
    """A DuckDB database file, opened read-only."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, use_attribute_docstrings=True)

    kind: Literal["duckdb"] = "duckdb"
    """The kind of source."""
    path: Path
    """The database file. Relative paths start at the server's working directory."""
    consistency: Literal["source", "fragment"] = "source"
    """A file that is open read-only cannot change, so both mean one snapshot. fragment: an answer that is one large
    table's rows is announced in up to 4 parts, which a client's workers fetch at once."""
    text: Literal["exact", "source"] = "exact"
    """'exact' compares text by its bytes, whatever COLLATE a column declares; 'source' leaves the declared collation."""
    memory: str = Field(default="1GiB", pattern=SIZE)
    """Memory of the fragments that run in this file, together, in DuckDB's notation; what needs more spills."""
    spill_dir: Path | None = None
    """Where to spill, in a folder of its own that goes when the source is closed. None: the system's temporary folder."""
    spill: str = Field(default="10GiB", pattern=SIZE)
    """The most that may be spilled; '0B' forbids it, and a fragment over `memory` fails."""
    threads: int = Field(default=2, ge=1, le=256)
    """Threads of the fragments that run in this file, together."""

    speed: Measured = {}
    """How fast it works, in microseconds by name, as `watersmeet check --calibrate` prints it; what is not said is guessed."""
    export_keys: bool = True
    """Whether keys read from it may go to other sources, to reduce what those send."""

    def share(self, parts: int, place: int) -> Config:
        """What one of several processes may use: each opens the file for itself."""
        memory, spill = (f"{share(parse_size(size), parts, place)}B" for size in (self.memory, self.spill))
        threads = share(self.threads, parts, place)
        return self.model_copy(update={"memory": memory, "spill": spill, "threads": threads})

    @property
    def footprint(self) -> int:
        """Bytes that reading may take in a process."""
        return parse_size(self.memory)
