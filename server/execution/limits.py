"""The `limits:` section of the configuration."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from watersmeet.units import Duration, Size, share


class LimitsConfig(BaseModel):
    """What statements may use, all of them together unless said otherwise."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, use_attribute_docstrings=True, validate_default=True
    )

    memory: Size = Field(default=4 << 30, ge=64 << 20)
    """Memory of running statements: three quarters for the local engine, a quarter for rows on their way to it."""
    spill: Size = Field(default=20 << 30, ge=0)
    """Disk for what does not fit into memory; 0 forbids spilling."""
    spill_dir: Path | None = None
    """Where to spill; None is a folder of its own under the system's folder for temporary files."""
    running: int = Field(default=8, ge=1)
    """Statements that run at once."""
    queued: int = Field(default=64, ge=0)
    """Statements that wait for one of them to end; further ones are refused."""
    statement_timeout: Duration = Field(default=300.0, gt=0)
    """The longest that a statement may take, its wait and the client's reading included."""
    sql_bytes: Size = Field(default=1 << 20, ge=1)
    """Bytes of one statement's text."""
    sql_depth: int = Field(default=200, ge=1)
    """Nesting of a statement's expressions and queries."""

    def share(self, parts: int, place: int) -> LimitsConfig:
        """What one of several processes may use of what they use together.

        They have one queue, the front's. In that of a process wait those whose predecessors have not quite ended there.
        """
        memory, spill, running = (share(total, parts, place) for total in (self.memory, self.spill, self.running))
        return self.model_copy(update={"memory": memory, "spill": spill, "running": running, "queued": running})
