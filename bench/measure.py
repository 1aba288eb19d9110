"""What a process and its children have used, from /proc."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")
_RESET_PEAK = "5"
"""Written to clear_refs it sets VmHWM back to what is resident now (proc(5))."""


@dataclass(slots=True)
class Used:
    """What a process and its descendants used over a time; known at its end."""

    cpu: float = 0.0
    """Seconds."""
    peak: int = 0
    """Bytes: the sum of the peaks."""


@contextmanager
def using(pid: int) -> Iterator[Used]:
    """Measure a process and its descendants meanwhile."""
    used = Used()
    reset_peaks(pid)
    before = cpu_seconds(pid)
    yield used
    used.cpu = cpu_seconds(pid) - before
    used.peak = sum(peaks(pid))


def family(pid: int) -> list[int]:
    """A process and all its descendants that are alive."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in _read(task).split():
            found += family(int(child))
    return found


def servers(pid: int) -> list[int]:
    """The `watersmeet serve` processes below a process, not their workers."""
    return [member for member in family(pid) if "serve" in _read(Path(f"/proc/{member}/cmdline")).split("\0")]


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and its descendants, those that have ended included."""
    used = 0
    for member in family(pid):
        fields = _read(Path(f"/proc/{member}/stat")).rpartition(")")[2].split()
        used += sum(int(field) for field in fields[11:15])
    return used / _TICK


def peaks(pid: int) -> list[int]:
    """The peak resident bytes of a process and of its living descendants. Memory that they share counts in each."""
    found = []
    for member in family(pid):
        for line in _read(Path(f"/proc/{member}/status")).splitlines():
            if line.startswith("VmHWM:"):
                found.append(int(line.split()[1]) * 1024)
    return found


@contextmanager
def sampling(pid: int, every: float = 0.05) -> Iterator[list[int]]:
    """The bytes that a process and its descendants held together, sampled; what they share counts once (Pss)."""
    samples: list[int] = []
    ended = threading.Event()

    def sample() -> None:
        while not ended.wait(every):
            samples.append(sum(map(_proportional, family(pid))))

    thread = threading.Thread(target=sample, name="memory")
    thread.start()
    try:
        yield samples
    finally:
        ended.set()
        thread.join()


def _proportional(pid: int) -> int:
    for line in _read(Path(f"/proc/{pid}/smaps_rollup")).splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0


def reset_peaks(pid: int) -> None:
    """Count the peaks from here on."""
    for member in family(pid):
        with suppress(ProcessLookupError, FileNotFoundError):  # it has just ended
            Path(f"/proc/{member}/clear_refs").write_text(_RESET_PEAK)


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
