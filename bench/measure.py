"""What a process and its children have used, from /proc."""

from __future__ import annotations

import os
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")


def family(pid: int) -> list[int]:
    """A process and all its descendants that are alive."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in _read(task).split():
            found += family(int(child))
    return found


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and its descendants, those that have ended included."""
    used = 0
    for member in family(pid):
        fields = _read(Path(f"/proc/{member}/stat")).rpartition(")")[2].split()
        used += sum(int(field) for field in fields[11:15])
    return used / _TICK


def peak_bytes(pid: int) -> int:
    """The sum of the peak resident sizes of a process and its living descendants."""
    peaks = 0
    for member in family(pid):
        for line in _read(Path(f"/proc/{member}/status")).splitlines():
            if line.startswith("VmHWM:"):
                peaks += int(line.split()[1]) * 1024
    return peaks


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
