"""The peer's own environment: another DuckDB than ours, so another interpreter, made once from PyPI."""

from __future__ import annotations

import json
import subprocess
import sys
import venv
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

VERSION = "1.5.5"
PACKAGES = tuple(f"{name}=={VERSION}" for name in ("duckdb", "duckdb-extension-postgres", "duckdb-extension-mysql"))
_FOLDER = Path(__file__).parents[2] / "build" / "bench-peer"


def interpreter() -> Path:
    """The Python of the peer's environment; made at first use (about ten seconds)."""
    python = _FOLDER / "bin" / "python"
    ready = _FOLDER / VERSION
    if not ready.exists():
        venv.create(_FOLDER, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "-q", *PACKAGES, "pyarrow"], check=True)
        ready.touch()
    return python


class Peer:
    """A running peer process: one request and one answer a line, as JSON."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.pid = process.pid

    def ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Raises RuntimeError with the peer's own words."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the peer's process has ended")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer


@contextmanager
def peer(settings: Mapping[str, Any]) -> Iterator[Peer]:
    """A peer with its sources attached: {'postgres': dsn, 'mysql': dsn, 'files': {table: Parquet}, 'tables': {table: place}}."""
    program = Path(__file__).with_name("process.py")
    with subprocess.Popen(
        [interpreter(), program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=sys.stderr, text=True
    ) as process:
        running = Peer(process)
        try:
            running.ask(settings)
            yield running
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(30)
