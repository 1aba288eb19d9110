"""Private folders for what does not fit into memory, swept away by the next start when their process was killed."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from pathlib import Path

_LOCK = "lock"


class ScratchFolder:
    """A folder of this process (mode 0700) whose lock tells others that it is in use. Raises OSError."""

    def __init__(self, parent: Path | None, prefix: str) -> None:
        parent = parent or Path(tempfile.gettempdir())
        parent.mkdir(parents=True, exist_ok=True)
        _sweep(parent, prefix)
        # Locked before it has the name that others sweep by: a folder without a holder is taken for a dead one's.
        made = Path(tempfile.mkdtemp(prefix=f".{prefix}", dir=parent))
        self._held = _lock(made)
        self.path = made.rename(made.with_name(made.name.removeprefix(".")))

    def close(self) -> None:
        """Remove the folder. Idempotent."""
        shutil.rmtree(self.path, ignore_errors=True)
        if self._held is not None:
            os.close(self._held)
            self._held = None


def _lock(folder: Path) -> int | None:
    """A descriptor that holds the folder's lock until this process ends; None when a live process holds it."""
    descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def _sweep(parent: Path, prefix: str) -> None:
    """Remove the folders whose process is gone: their locks are free. A pid would not do, containers use 1 again."""
    for folder in parent.glob(prefix + "*"):
        try:
            held = _lock(folder)
        except OSError:
            continue  # another user's, or gone meanwhile
        if held is not None:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(held)
