"""What a worker may not take from the machine, whatever a statement makes of it.

DuckDB's memory limit does not hold for everything: a list of a thousand million numbers is made beside it. The system's
limit on data holds for all of a process, and answers with an allocation that fails, which DuckDB survives (10 ms).
"""

from __future__ import annotations

import logging
import resource
from contextlib import suppress
from pathlib import Path

ENVIRONMENT = {"MIMALLOC_ARENA_EAGER_COMMIT": "0"}
"""For the process from its start. Arrow's allocator would otherwise take 1 GiB at once, and the limit with it."""
_VICTIM = "500"
"""The front is the last process that the system should kill when all memory is gone."""

log = logging.getLogger(__name__)


def confine(memory: int) -> None:
    """Let this process take `memory` bytes more than it has now."""
    limit = _data() + memory
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    if most == resource.RLIM_INFINITY or limit < most:
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_VICTIM)
    log.debug("confined", extra={"bytes": limit})


def _data() -> int:
    """What counts toward the limit: memory that is private and writable, touched or not."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmData:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("the system does not say how much memory this process has")
